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
const REBOOT_MS = 300_000;

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
    return this.runner.run(this.target, `${command}\n`, { label: command, timeoutMs: 60_000 });
  }

  /** Resolves when the host is up again and /etc/rc is done: sshd answers before that. */
  async reboot(): Promise<void> {
    const booted = async () => (await this.look("sysctl -n kern.boottime")).stdout;
    const before = await booted();
    // The connection may end before the answer comes; whether the host went down is seen below.
    await this.look("shutdown -r now").catch(() => {});
    const deadline = Date.now() + REBOOT_MS;
    for (;;) {
      await sleep(this.pollMs);
      const after = await booted().catch(() => before);
      if (after !== before && !(await this.#isInRc())) break;
      if (Date.now() > deadline) throw new Error(`the host is not up again after ${REBOOT_MS / 1000} s`);
    }
    this.steps.push({ reboot: true });
  }

  /** init(8) starts it as `sh /etc/rc autoboot`; man page only. */
  async #isInRc(): Promise<boolean> {
    return (await this.look("ps -ax -o command | grep '[/]etc/rc autoboot'")).status === 0;
  }

  #keep(what: { run: string; stdin?: string }, { stdout, stderr, status }: Result): void {
    this.steps.push({ ...what, stdout, stderr, status });
  }
}
