import * as pulumi from "@pulumi/pulumi";
import * as provider from "../../provider";
import * as sdk from "../../sdk";

/*
 * The line that a stack's state keeps of each resource. It names the package and an export, and is never changed:
 * stacks that exist would break.
 */
const golden = {
  Host: "host",
  RcSetting: "rcSetting",
  KernelModule: "kernelModule",
  Sysctl: "sysctl",
  Bridge: "bridge",
  EpairLink: "epairLink",
  Vlan: "vlan",
  Loopback: "loopback",
  JailRoot: "jailRoot",
  DevfsRuleset: "devfsRuleset",
  VnetJail: "vnetJail",
  NatGateway: "natGateway",
  NatRedirect: "natRedirect",
  IpfwRules: "ipfwRules",
};

const registered: { type: string; name: string; inputs: Record<string, unknown> }[] = [];

beforeAll(async () => {
  await pulumi.runtime.setMocks(
    {
      newResource: (args) => {
        registered.push(args);
        return { id: args.name, state: args.inputs };
      },
      call: () => ({}),
    },
    "demo",
    "prod",
  );
  const host = new sdk.Host("alpha", { address: "alpha.example.net", hostKey: `SHA256:${"a".repeat(43)}` });
  new sdk.RcSetting("ntpd", { host, name: "ntpd_enable", value: "YES" });
  new sdk.KernelModule("vxlan", { host, name: "if_vxlan" });
  new sdk.Sysctl("ids", { host, name: "net.inet.ip.random_id", value: 1 });
  const lan = new sdk.Bridge("lan", { host, name: "bridge0", addresses: ["10.10.15.1/24"] });
  const link = new sdk.EpairLink("testA", { host, bridge: lan, unit: 1 });
  const vlan = new sdk.Vlan("office", { host, parent: "em0", tag: 10 });
  new sdk.Loopback("services", { host, name: "lo1", addresses: ["10.99.0.1/32"] });
  const root = new sdk.JailRoot("testA", { host, snapshot: "zroot/jails/template@base" });
  new sdk.DevfsRuleset("packets", { host, rules: [{ path: "bpf*", action: "unhide" }] });
  const jail = new sdk.VnetJail("testA", {
    host,
    path: root.path,
    interfaces: [
      { link, addresses: ["10.10.15.100/24"] },
      { link: vlan, addresses: ["10.30.0.2/24"] },
    ],
  });
  const nat = new sdk.NatGateway("nat", { host, externalInterface: "rl0" });
  new sdk.IpfwRules("firewall", { host, gateway: nat, rules: ["100 allow ip from any to any via lo0"] });
  new sdk.NatRedirect("web 1", { gateway: nat, protocol: "tcp", publicPort: 80, target: jail });
  await pulumi.runtime.disconnect();
});

test.each(Object.entries(golden))(
  "%s: the text in the state, and the export that it names",
  (kind, handler) => {
    const found = registered.find(({ type }) => type === `pulumi-nodejs:dynamic/pulumi-freebsd-vnet:${kind}`);
    expect(found?.inputs.__provider).toBe(
      `exports.handler=()=>require("pulumi-freebsd-vnet/provider").${handler};`,
    );
    const methods = (provider as unknown as Record<string, object>)[handler];
    for (const method of ["check", "diff", "create", "read", "update", "delete", "configure"]) {
      expect(methods).toHaveProperty(method, expect.any(Function));
    }
  },
);

test("a resource that is passed travels as the few values that are needed of it", () => {
  const inputs = (kind: string) => registered.find(({ type }) => type.endsWith(`:${kind}`))?.inputs;
  const reached = { address: "alpha.example.net", hostKey: `SHA256:${"a".repeat(43)}` };
  expect(inputs("EpairLink")).toMatchObject({
    host: reached,
    bridge: { name: "bridge0", addresses: ["10.10.15.1/24"] },
    owner: "demo/prod/EpairLink/testA",
  });
  expect(inputs("VnetJail")).toMatchObject({
    interfaces: [
      { link: { subnets: ["10.10.15.1/24"] }, addresses: ["10.10.15.100/24"] },
      { link: { subnets: [] }, addresses: ["10.30.0.2/24"] },
    ],
  });
  expect(inputs("NatRedirect")).toMatchObject({
    gateway: { host: reached, externalInterface: "rl0" },
    owner: "demo/prod/NatRedirect/web%201",
  });
});
