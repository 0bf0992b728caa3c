import { Redacted, Sessions } from "../../provider/ssh";
import { type ReleaseNumber, SimulatedHost } from "../../simulator";
import { Resources } from "./suite/resources";

export type { Made } from "./suite/resources";

/** The article's network on a simulated host, made by the provider over real SSH. */
export class Network extends Resources {
  private constructor(
    readonly host: SimulatedHost,
    readonly sessions: Sessions,
  ) {
    const { address, port, hostKey } = host;
    super(sessions, {
      target: { address, port, user: "root", hostKey },
      externalInterface: "vtnet0",
      osreldate: host.machine.kernel.release.osreldate,
      owner: "demo/test",
      bridge: "bridge0",
      unit: 1,
      subnet: "10.10.15",
      jail: "test",
      template: { snapshot: "zroot/jails/template@base", roots: "/jails" },
      port: 80,
    });
  }

  static async start(release: ReleaseNumber = "14.0"): Promise<Network> {
    const host = await SimulatedHost.start({ release });
    const sessions = new Sessions({
      credentials: { privateKey: new Redacted(host.clientKey), agent: false },
    });
    return Network.on(host, sessions);
  }

  static on(host: SimulatedHost, sessions: Sessions): Network {
    return new Network(host, sessions);
  }

  async stop(): Promise<void> {
    await this.sessions.close();
    await this.host.stop();
  }

  get reference() {
    const { target, externalInterface, osreldate } = this.place;
    return { ...target, externalInterface, osreldate };
  }

  /** What a command prints on the host. */
  async shows(command: string): Promise<string> {
    const { stdout, stderr } = await this.host.exec(command);
    return stdout + stderr;
  }
}
