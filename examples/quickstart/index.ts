import * as pulumi from "@pulumi/pulumi";
import { Bridge, EpairLink, Host, JailRoot, NatGateway, NatRedirect, VnetJail } from "pulumi-freebsd-vnet";

const config = new pulumi.Config();

const host = new Host("alpha", {
  address: config.require("host"),
  port: config.getNumber("port") ?? 22,
  user: config.get("user") ?? "root",
  ...(config.get("hostKey") && { hostKey: config.require("hostKey") }),
});
const lan = new Bridge("lan", { host, name: "bridge0", addresses: ["10.10.15.1/24"] });

const jail = (name: string, unit: number, address: string) => {
  const link = new EpairLink(name, { host, bridge: lan, unit });
  const existing = config.get(`${name}Root`);
  const root = new JailRoot(
    name,
    existing
      ? { host, path: existing }
      : { host, snapshot: config.get("template") ?? "zroot/jails/template@base" },
  );
  return new VnetJail(name, {
    host,
    path: root.path,
    hostname: `${name}.jail.local`,
    interfaces: [{ link, addresses: [`${address}/24`] }],
    gateway: "10.10.15.1",
  });
};

const testA = jail("testA", 1, "10.10.15.100");
jail("testB", 2, "10.10.15.101");
jail("testC", 3, "10.10.15.102");

const externalInterface = config.get("externalInterface");
const nat = new NatGateway("nat", { host, ...(externalInterface && { externalInterface }) });
new NatRedirect("web", { gateway: nat, protocol: "tcp", publicPort: 80, target: testA, targetPort: 80 });

export const web = pulumi.interpolate`http://${host.externalAddress}/`;
