import type { Started } from "../host";

export const PROJECT = "bench";

/** Where the host is for who goes through the proxy. */
export interface Reach extends Pick<Started, "hostKey" | "clientKey" | "knownHostsLine"> {
  readonly port: number;
}

export interface Jail {
  readonly n: number;
  readonly address: string;
  readonly port: number;
}

export const jailsOf = (count: number): Jail[] =>
  Array.from({ length: count }, (_, i) => ({
    n: i + 1,
    address: `10.10.${((i + 1) >> 8) + 1}.${(i + 1) & 255}`,
    port: 10_001 + i,
  }));

/** A host, a bridge, a gateway; for each jail an epair, the jail and a redirect to it. */
export const oursProgram = (jails: number, { port, hostKey }: Pick<Reach, "port" | "hostKey">) => `
const { Bridge, EpairLink, Host, NatGateway, NatRedirect, VnetJail } = require("pulumi-freebsd-vnet");

const host = new Host("alpha", { address: "127.0.0.1", port: ${port}, hostKey: ${JSON.stringify(hostKey)} });
const lan = new Bridge("lan", { host, name: "bridge0", addresses: ["10.10.0.1/16"] });
const gateway = new NatGateway("nat", { host });
for (const { n, address, port } of ${JSON.stringify(jailsOf(jails))}) {
  const link = new EpairLink("j" + n, { host, bridge: lan, unit: n });
  const jail = new VnetJail("j" + n, {
    host,
    path: "/jails/j" + n,
    interfaces: [{ link, addresses: [address + "/16"] }],
    gateway: "10.10.0.1",
  });
  new NatRedirect("j" + n, { gateway, protocol: "tcp", publicPort: port, target: jail, targetPort: 80 });
}
`;
