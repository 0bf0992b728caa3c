import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { root } from "../../scripts/root";
import type { Counts, Manner, Reply, Request, Started } from "./host-process";

export type { Counts, Started } from "./host-process";

/** The simulated host, in a process of its own. */
export class BenchHost {
  private constructor(private readonly child: ChildProcess) {}

  static open(): BenchHost {
    const child = fork(join(__dirname, "host-process.ts"), {
      execArgv: ["--require", join(root, "scripts/sources.js")],
    });
    return new BenchHost(child);
  }

  /** A pristine host with the root folders of `jails` jails; the one before it is gone. */
  start(jails: number, manner: Manner): Promise<Started> {
    return this.ask({ start: jails, manner }) as Promise<Started>;
  }

  /** What happened on it since the last time. */
  count(): Promise<Counts> {
    return this.ask({ count: true }) as Promise<Counts>;
  }

  /** What a command prints on it. */
  run(command: string): Promise<string> {
    return this.ask({ run: command }) as Promise<string>;
  }

  close(): void {
    this.child.disconnect();
  }

  private async ask(request: Request): Promise<unknown> {
    this.child.send(request);
    const [reply] = (await once(this.child, "message")) as [Reply];
    if ("error" in reply) throw new Error(reply.error);
    return reply.value;
  }
}
