/** Many small jails over one base: read-only and shared, with writable parts of their own, as ezjail has them. */
import * as pulumi from "@pulumi/pulumi";
import { Bridge, EpairLink, Host, JailRoot, VnetJail } from "pulumi-freebsd-vnet";

const config = new pulumi.Config();

const host = new Host("alpha", {
  address: config.require("host"),
  port: config.getNumber("port") ?? 22,
  ...(config.get("hostKey") && { hostKey: config.require("hostKey") }),
});
const lan = new Bridge("lan", { host, name: "bridge0", addresses: ["10.10.15.1/24"] });

const base = new JailRoot("base", {
  host,
  snapshot: config.get("template") ?? "zroot/jails/template@base",
  dataset: "zroot/jails/base",
});

/** What all of them share; a jail's own properties come after it. */
const defaults = {
  host,
  gateway: "10.10.15.1",
  allow: { reserved_ports: true, raw_sockets: false },
  childrenMax: 0,
  stopTimeout: 15,
};

["web", "mail", "db"].forEach((name, i) => {
  const root = new JailRoot(name, { host, template: base.path });
  const link = new EpairLink(name, { host, bridge: lan });
  new VnetJail(name, {
    ...defaults,
    path: root.path,
    interfaces: [{ link, addresses: [`10.10.15.${101 + i}/24`] }],
    ...(name === "db" && { sysvshm: "new" as const }),
  });
});
