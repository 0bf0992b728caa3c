import { check } from "../../provider/check";
import type { Kind, State } from "../../provider/kind";
import { bridge } from "../../provider/kinds/bridge";
import { epairLink } from "../../provider/kinds/epair-link";
import { host } from "../../provider/kinds/host";
import { jailRoot } from "../../provider/kinds/jail-root";
import { natGateway } from "../../provider/kinds/nat-gateway";
import { natRedirect } from "../../provider/kinds/nat-redirect";
import { vnetJail } from "../../provider/kinds/vnet-jail";
import { lifecycle, type ResourceProvider } from "../../provider/lifecycle";
import { Reader } from "../../provider/reader";
import { Redacted, Sessions } from "../../provider/ssh";
import { SimulatedHost } from "../../simulator";

/** A resource as a test holds it: what was declared, and what was recorded. */
export interface Made {
  readonly id: string;
  readonly inputs: Record<string, unknown>;
  state: State & Record<string, unknown>;
}

/**
 * The article's network on a simulated host, made by the provider over real SSH, resource by resource and without
 * the engine.
 */
export class Network {
  private constructor(
    readonly host: SimulatedHost,
    readonly sessions: Sessions,
  ) {}

  static async start(): Promise<Network> {
    const host = await SimulatedHost.start();
    const sessions = new Sessions({
      credentials: { privateKey: new Redacted(host.clientKey), agent: false },
    });
    return new Network(host, sessions);
  }

  async stop(): Promise<void> {
    await this.sessions.close();
    await this.host.stop();
  }

  get reference() {
    const { address, port, hostKey } = this.host;
    return { address, port, user: "root", hostKey, externalInterface: "vtnet0" };
  }

  provider(kind: unknown): ResourceProvider {
    const reader = new Reader(this.sessions);
    return lifecycle(kind as Kind, { runner: this.sessions, reader, configure: async () => {} });
  }

  /** What the seven kinds are given for one jail behind one bridge; later ones take the states of earlier ones. */
  readonly declare = {
    host: () => ({ address: this.host.address, port: this.host.port, hostKey: this.host.hostKey }),
    bridge: () => ({
      host: this.reference,
      name: "bridge0",
      addresses: ["10.10.15.1/24"],
      owner: "demo/test/lan",
    }),
    epairLink: (unit = 1) => ({
      host: this.reference,
      bridge: { name: "bridge0", addresses: ["10.10.15.1/24"] },
      unit,
      owner: `demo/test/link${unit}`,
    }),
    jailRoot: (name = "testA") => ({
      host: this.reference,
      snapshot: "zroot/jails/template@base",
      owner: `demo/test/${name}`,
    }),
    vnetJail: (name = "testA", unit = 1) => ({
      host: this.reference,
      path: `/jails/${name}`,
      interfaces: [
        {
          link: { jailSide: `epair${unit}b`, subnets: ["10.10.15.1/24"] },
          addresses: [`10.10.15.${99 + unit}/24`],
        },
      ],
      gateway: "10.10.15.1",
      owner: `demo/test/${name}`,
    }),
    natGateway: () => ({ host: this.reference, owner: "demo/test/nat" }),
    natRedirect: (port = 80) => ({
      gateway: { host: this.reference, externalInterface: "vtnet0", engine: "natd", ipv6: false },
      protocol: "tcp",
      publicPort: port,
      target: { name: "testA", addresses: ["10.10.15.100/24"] },
      targetPort: 80,
      owner: `demo/test/web${port}`,
    }),
  };

  async create(kind: unknown, declared: object): Promise<Made> {
    const { inputs, failures } = check(kind as Kind, declared as Record<string, unknown>);
    if (failures.length > 0) throw new Error(JSON.stringify(failures));
    const { id, outs } = await this.provider(kind).create(inputs);
    return { id, inputs, state: outs as Made["state"] };
  }

  async update(kind: unknown, made: Made, changed: object = {}): Promise<void> {
    const { inputs } = check(kind as Kind, { ...made.inputs, ...changed });
    const { outs } = await this.provider(kind).update(made.id, made.state, inputs);
    made.state = outs as Made["state"];
  }

  /** Reads it into its state; false when it is gone. */
  async read(kind: unknown, made: Made): Promise<boolean> {
    const { id, props } = await this.provider(kind).read(made.id, made.state);
    if (id !== "") made.state = props as Made["state"];
    return id !== "";
  }

  delete(kind: unknown, made: Made): Promise<void> {
    return this.provider(kind).delete(made.id, made.state);
  }

  /** Everything before `kind` in the order in which Pulumi would make it. */
  async before(kind: unknown): Promise<[kind: unknown, made: Made][]> {
    const made: [unknown, Made][] = [];
    for (const [each, declared] of this.all()) {
      if (each === kind) break;
      made.push([each, await this.create(each, declared)]);
    }
    return made;
  }

  all(): [kind: unknown, declared: object][] {
    return [
      [host, this.declare.host()],
      [bridge, this.declare.bridge()],
      [epairLink, this.declare.epairLink()],
      [jailRoot, this.declare.jailRoot()],
      [vnetJail, this.declare.vnetJail()],
      [natGateway, this.declare.natGateway()],
      [natRedirect, this.declare.natRedirect()],
    ];
  }

  /** What a command prints on the host. */
  async shows(command: string): Promise<string> {
    const { stdout, stderr } = await this.host.exec(command);
    return stdout + stderr;
  }
}
