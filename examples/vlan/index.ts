/** A jail on a VLAN of the office network: the host itself has no address there. */
import * as pulumi from "@pulumi/pulumi";
import { Host, JailRoot, Vlan, VnetJail } from "pulumi-freebsd-vnet";

const config = new pulumi.Config();

const host = new Host("alpha", {
  address: config.require("host"),
  port: config.getNumber("port") ?? 22,
  ...(config.get("hostKey") && { hostKey: config.require("hostKey") }),
});
const office = new Vlan("office", { host, parent: config.get("parent") ?? "vtnet0", tag: 10 });
const root = new JailRoot("printer", {
  host,
  snapshot: config.get("template") ?? "zroot/jails/template@base",
});
new VnetJail("printer", {
  host,
  path: root.path,
  interfaces: [{ link: office, addresses: ["10.30.0.2/24"] }],
  gateway: "10.30.0.1",
});
