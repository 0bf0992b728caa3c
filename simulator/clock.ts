interface Alarm {
  readonly at: number;
  readonly ring: () => void;
}

/**
 * The host's clock. `sleep` on the simulated host moves it forward instead of waiting, so a script that
 * waits a minute for a dying jail costs nothing; things that take time on FreeBSD (a jail that is dying, a
 * natd that ends) are settled by comparing with `now()`.
 */
export class Clock {
  private ahead = 0;
  /** While a session waits for another process, the host's clock runs this much faster than the real one. */
  haste = 20;
  private readonly alarms = new Set<Alarm>();

  /** Milliseconds since the epoch, on the host. */
  now(): number {
    return Date.now() + this.ahead;
  }

  /** Lets `ms` pass on the host; what waits for a moment in between (a background job) runs at that moment. */
  async sleep(ms: number): Promise<void> {
    const end = this.now() + ms;
    for (;;) {
      const next = [...this.alarms].filter((a) => a.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.ahead += Math.max(0, next.at - this.now());
      next.ring();
      await settled();
    }
    this.ahead += Math.max(0, end - this.now());
    await settled();
  }

  /**
   * Waits until somebody else's `sleep` has moved the clock past `at`, or real time has. `giveUp` ends the wait
   * early.
   */
  until(at: number, giveUp?: (cancel: () => void) => void): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => alarm.ring(), Math.min(Math.max(0, at - this.now()), 0x7fffffff));
      timer.unref();
      const alarm: Alarm = {
        at,
        ring: () => {
          clearTimeout(timer);
          this.alarms.delete(alarm);
          resolve();
        },
      };
      this.alarms.add(alarm);
      giveUp?.(alarm.ring);
    });
  }

  /** Ends all waits: the machine is going down. */
  cancel(): void {
    for (const alarm of [...this.alarms]) alarm.ring();
  }
}

/** Lets everything that is ready to run do so. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
