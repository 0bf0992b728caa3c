import { Redacted, Sessions } from "../../../provider/ssh";
import { type ReleaseNumber, SimulatedHost } from "../../../simulator";
import { essence } from "../essence";
import type { Case } from "./cases";
import { Suite } from "./suite";

/** The suite on a simulated host; all cases on one host, as on a real one. */
export class SimulatedSuite {
  private constructor(
    readonly host: SimulatedHost,
    readonly suite: Suite,
    private readonly sessions: Sessions,
  ) {}

  static async start(options: { readonly release?: ReleaseNumber } = {}): Promise<SimulatedSuite> {
    const host = await SimulatedHost.start(options);
    const sessions = new Sessions({
      credentials: { privateKey: new Redacted(host.clientKey), agent: false },
    });
    const { address, port, hostKey } = host;
    const suite = await Suite.start(
      sessions,
      { address, port, user: "root", hostKey },
      {
        template: "zroot/jails/template@base",
        allowReboot: true,
        signal: new AbortController().signal,
        pollMs: 50,
      },
    );
    return new SimulatedSuite(host, suite, sessions);
  }

  async stop(): Promise<void> {
    await this.sessions.close();
    await this.host.stop();
  }

  /** The case passes, and leaves the host as it was. */
  async passes(each: Case): Promise<void> {
    const before = essence(this.host.snapshot());
    const { result, reason } = await this.suite.run(each);
    expect({ result, reason }).toEqual({ result: "passed", reason: undefined });
    if (!each.needs.includes("reboot")) expect(essence(this.host.snapshot())).toEqual(before);
  }
}
