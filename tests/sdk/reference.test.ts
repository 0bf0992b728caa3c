import * as pulumi from "@pulumi/pulumi";
import { vnetJailShape } from "../../provider/kinds/vnet-jail";
import { Bridge, DevfsRuleset, EpairLink, Host, NatGateway, VnetJail } from "../../sdk";
import { samples } from "../provider/samples";

/**
 * What one resource tells another in a preview, where the engine says of everything that a resource's recorded state
 * lacks that it is not known yet.
 */

beforeAll(async () => {
  const decided: Record<string, object> = {
    Host: { externalInterface: "rl0", osreldate: 1400507 },
    EpairLink: { jailSide: "epair0b" },
    VnetJail: { name: "testA" },
    NatGateway: { externalInterface: "rl0" },
    DevfsRuleset: { number: 1000 },
  };
  await pulumi.runtime.setMocks(
    {
      newResource: ({ name, type, inputs }) => ({
        id: name,
        state: { ...inputs, ...decided[type.split(":").at(-1) as string] },
      }),
      call: () => ({}),
    },
    "project",
    "stack",
    true,
  );
});

/** What is known of an output in a preview. */
async function known(output: pulumi.Output<unknown>): Promise<unknown> {
  const { promise, isKnown } = output as unknown as {
    promise(): Promise<unknown>;
    isKnown: Promise<boolean>;
  };
  return (await isKnown) ? promise() : "not known";
}

const host = () => new Host("alpha", { address: "alpha.example.net" });
const lan = (changed: object = {}) => new Bridge("lan", { host: host(), name: "bridge0", ...changed });

test.each([
  [
    "Host",
    host,
    { address: "alpha.example.net", become: "none", externalInterface: "rl0", osreldate: 1400507 },
  ],
  ["Bridge", lan, { name: "bridge0", addresses: [] }],
  [
    "Bridge with all",
    () => lan({ addresses: ["10.0.0.1/24"], mtu: pulumi.output(9000) }),
    { name: "bridge0", addresses: ["10.0.0.1/24"], mtu: 9000 },
  ],
  [
    "EpairLink",
    () => new EpairLink("www", { host: host(), bridge: lan() }),
    { jailSide: "epair0b", subnets: [] },
  ],
  [
    "VnetJail",
    () => new VnetJail("testA", { host: host(), path: "/jails/testA" }),
    { name: "testA", addresses: [], startAtBoot: true },
  ],
  [
    "NatGateway",
    () => new NatGateway("nat", { host: host() }),
    { host: expect.anything(), externalInterface: "rl0", engine: "natd", ipv6: false },
  ],
  ["DevfsRuleset", () => new DevfsRuleset("bpf", { host: host() }), { number: 1000 }],
])("a %s is known to others", async (_, make, told) => {
  expect(await known(make().reference)).toEqual(told);
});

test("so it is as an output of its own, also what was left out; what the host says is not known", async () => {
  expect(await known(lan().mtu)).toBeUndefined();
  expect(await known(lan().addresses)).toEqual([]);
  expect(await known(lan({ mtu: 9000 }).mtu)).toBe(9000);
  expect(await known(lan().ether)).toBe("not known");
});

test("nothing that was left out costs an output before it is asked for", () => {
  const jail = new VnetJail("testA", { host: host(), path: "/jails/testA" });
  const isOutput = (key: string) => Object.getOwnPropertyDescriptor(jail, key)?.value !== undefined;
  expect(Object.keys(vnetJailShape).filter(isOutput).sort()).toEqual(["host", "name", "owner", "path"]);
});

test("what `derive` fills in comes from the state, as outputs do", () => {
  const filledIn = samples.flatMap(({ kind, inputs }) =>
    [inputs, without(inputs, "name", "number", "dataset", "path")].flatMap((given) =>
      Object.keys(kind.derive?.(given as never) ?? {}).map((key) => ({ kind, key })),
    ),
  );
  expect(new Set(filledIn.map(({ kind, key }) => `${kind.name}.${key}`))).toContain("JailRoot.dataset");
  for (const { kind, key } of filledIn) expect([...kind.outputs, ...(kind.derived ?? [])]).toContain(key);
});

const without = (values: object, ...keys: string[]) =>
  Object.fromEntries(Object.entries(values).filter(([key]) => !keys.includes(key)));

test("it waits for the resource, and depends on it", async () => {
  const bridge = lan();
  const { resources } = bridge.reference as unknown as { resources(): Set<pulumi.Resource> };
  expect([...resources()]).toContain(bridge);
});

test("a value that is secret in the program is secret in the reference", async () => {
  expect(await pulumi.isSecret(lan({ mtu: pulumi.secret(9000) }).reference)).toBe(true);
  expect(await pulumi.isSecret(lan().reference)).toBe(false);
});
