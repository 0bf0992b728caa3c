import { setTimeout as sleep } from "node:timers/promises";
import type { Runner } from "../../../provider/lifecycle";
import type { Target } from "../../../provider/ssh";

export interface Result {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

/** One step of a recorded scenario, as tests/recordings has them. */
export type RecordedStep =
  | { readonly reboot: true }
  | ({ readonly run: string; readonly stdin?: string } & Result);

/** A scenario of tests/recordings. */
export interface Recording {
  readonly scenario: string;
  readonly about: string;
  readonly steps: readonly RecordedStep[];
}

/** So long a host may take from `shutdown -r now` until /etc/rc is done. */
const REBOOT_MS = 600_000;

/** What sudo and doas give may lack sbin. */
const SET_PATH = "PATH=/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin; export PATH\n";

/**
 * A host over SSH, whether it is there or simulated. Everything that is sent to it is kept as the steps of a
 * recording, except what only looks at things that are not the suite's.
 */
export class Machine implements Runner {
  readonly steps: RecordedStep[] = [];

  constructor(
    private readonly runner: Runner,
    readonly target: Target,
    /** How often to look whether a host is up again. */
    private readonly pollMs = 2_000,
  ) {}

  /** A script of the provider's. */
  async run(
    target: Target,
    script: string,
    options: { timeoutMs?: number; label?: string; repeatable?: boolean } = {},
  ): Promise<Result> {
    const said = await this.runner.run(target, script, options);
    this.#keep({ run: "/bin/sh -s", stdin: script }, said);
    return said;
  }

  /** A command as a person would type it. */
  async exec(command: string): Promise<Result> {
    const said = await this.look(command);
    this.#keep({ run: command }, said);
    return said;
  }

  /** The same without keeping it. */
  look(command: string): Promise<Result> {
    const [label] = command.split("\n");
    return this.runner.run(this.target, `${SET_PATH}${command}\n`, {
      label: label as string,
      timeoutMs: 60_000,
    });
  }

  /** Resolves when the host is up again and /etc/rc is done: sshd answers before that. */
  async reboot(): Promise<void> {
    const boot = await this.#boot();
    // The connection may end before the answer comes; whether the host went down is seen below.
    await this.look("shutdown -r now").catch(() => {});
    const deadline = Date.now() + REBOOT_MS;
    for (;;) {
      await sleep(this.pollMs);
      const now = await this.#boot().catch(() => boot);
      if (now.time !== boot.time && !now.isInRc) break;
      if (Date.now() > deadline) throw new Error(`the host is not up again after ${REBOOT_MS / 1000} s`);
    }
    this.steps.push({ reboot: true });
  }

  /** init(8) starts /etc/rc as `sh /etc/rc autoboot`; man page only. */
  async #boot(): Promise<{ time: string; isInRc: boolean }> {
    const { stdout } = await this.look(
      "sysctl -n kern.boottime; ps -ax -o command | grep -c '[/]etc/rc autoboot'",
    );
    const [time, inRc] = stdout.split("\n");
    return { time: time as string, isInRc: inRc !== "0" };
  }

  #keep(what: { run: string; stdin?: string }, { stdout, stderr, status }: Result): void {
    this.steps.push({ ...what, stdout, stderr, status });
  }
}
