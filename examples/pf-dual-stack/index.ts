/** IPv4 and IPv6 for a jail, translated by pf in anchors of its own; the host's pf rules stay as they are. */
import * as pulumi from "@pulumi/pulumi";
import { Bridge, EpairLink, Host, JailRoot, NatGateway, NatRedirect, VnetJail } from "pulumi-freebsd-vnet";

const config = new pulumi.Config();

const host = new Host("alpha", {
  address: config.require("host"),
  port: config.getNumber("port") ?? 22,
  ...(config.get("hostKey") && { hostKey: config.require("hostKey") }),
});
const lan = new Bridge("lan", { host, name: "bridge0", addresses: ["10.10.15.1/24", "fd00:15::1/64"] });
const link = new EpairLink("web", { host, bridge: lan });
const root = new JailRoot("web", {
  host,
  snapshot: config.get("template") ?? "zroot/jails/template@base",
});
const web = new VnetJail("web", {
  host,
  path: root.path,
  interfaces: [{ link, addresses: ["10.10.15.100/24", "fd00:15::100/64"] }],
  gateway: "10.10.15.1",
  gateway6: "fd00:15::1",
});

const nat = new NatGateway("nat", { host, engine: "pf", ipv6: { network: "fd00:15::/64" } });
new NatRedirect("http", { gateway: nat, protocol: "tcp", publicPort: 80, target: web });
new NatRedirect("games", {
  gateway: nat,
  protocol: "udp",
  publicPort: "27000-27010",
  target: web,
  targetPort: "28000-28010",
});
