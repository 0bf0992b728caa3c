import { check } from "../../provider/check";
import { diff } from "../../provider/diff";
import type { Kind } from "../../provider/kind";
import { UNKNOWN } from "../../provider/unknown";
import { samples } from "./samples";

const sample = (noun: string) => samples.find((s) => s.kind.noun === noun)!;
const stateOf = ({ kind, inputs }: (typeof samples)[number]) => ({
  ...check(kind, inputs).inputs,
  drift: [] as string[],
});
const diffOf = (noun: string, changed: Record<string, unknown>, recorded: Record<string, unknown> = {}) => {
  const s = sample(noun);
  const olds = { ...stateOf(s), ...recorded };
  return diff(s.kind as Kind, olds, check(s.kind, { ...s.inputs, ...changed }).inputs);
};

test.each(samples.map((s) => [s.kind.noun, s] as const))("the same inputs of a %s are no change", (_, s) => {
  expect(diff(s.kind as Kind, stateOf(s), check(s.kind, s.inputs).inputs)).toMatchObject({
    changes: false,
    replaces: [],
  });
});

test("a name replaces, and deletes first because both cannot have the same addresses", () => {
  expect(diffOf("bridge", { name: "bridge1" })).toEqual({
    changes: true,
    replaces: ["name"],
    deleteBeforeReplace: true,
  });
});

test.each([
  [{ dataset: "zroot/jails/other" }, false],
  [{ dataset: "zroot/jails/db/below" }, true],
  [{ dataset: "zroot/jails" }, true],
  [{ dataset: UNKNOWN }, true],
  [{ dataset: "zroot/jails/other", path: "/jails/db/there" }, true],
  [{ dataset: "zroot/jails/other", path: UNKNOWN }, true],
  [{ dataset: "zroot/jails/other", path: "/other" }, false],
])(
  "a root with %j is made before the old one goes, unless one is in the other: first %p",
  (changed, first) => {
    const sample = samples.find(({ inputs }) => inputs.dataset === "zroot/jails/db")!;
    const olds = { ...stateOf(sample), path: "/jails/db" };
    const { inputs } = check(sample.kind, { ...sample.inputs, ...changed });
    expect(diff(sample.kind, olds, inputs)).toMatchObject({ deleteBeforeReplace: first });
  },
);

test("addresses change live", () => {
  expect(diffOf("bridge", { addresses: ["10.10.16.1/24"] })).toMatchObject({ changes: true, replaces: [] });
});

test("drift is a change", () => {
  expect(diffOf("bridge", {}, { drift: ["running: bridge0 is down"] })).toMatchObject({
    changes: true,
    replaces: [],
  });
});

test("`adopt` says how a thing is created: later it is no change", () => {
  expect(diffOf("bridge", { adopt: true })).toMatchObject({ changes: false });
  expect(diffOf("bridge", {}, { adopt: true })).toMatchObject({ changes: false });
  expect(diffOf("bridge", { adopt: true }, { adopt: undefined })).toMatchObject({ changes: false });
});

test("what only informs of another resource is no change, what says which one it is, is", () => {
  const nic = (side: string, subnets: string[]) => [
    { link: { jailSide: side, subnets }, addresses: ["10.10.15.100/24"] },
  ];
  expect(diffOf("jail", { interfaces: nic("epair1b", ["10.10.15.1/24", "fd00::1/64"]) }).changes).toBe(false);
  expect(diffOf("jail", { interfaces: nic("epair2b", ["10.10.15.1/24"]) }).changes).toBe(true);
  const { host } = sample("bridge").inputs as { host: object };
  expect(diffOf("bridge", { host: { ...host, externalInterface: "em0" } }).changes).toBe(false);
  expect(diffOf("bridge", { host: { ...host, osreldate: 1500068 } }).changes).toBe(false);
  expect(diffOf("bridge", { host: { ...host, osreldate: UNKNOWN } }).changes).toBe(false);
  expect(diffOf("bridge", { host: { ...host, address: UNKNOWN } }).changes).toBe(true);
  const { gateway } = sample("NAT redirect").inputs as { gateway: object };
  const through = (changed: object) => ({ gateway: { ...gateway, host: { ...host, ...changed } } });
  expect(diffOf("NAT redirect", through({ osreldate: 1500068 })).changes).toBe(false);
  expect(diffOf("NAT redirect", through({ address: "other.example.net" })).changes).toBe(true);
  expect(diffOf("bridge", { host: { ...host, address: "other.example.net" } })).toMatchObject({
    changes: true,
    replaces: [],
  });
});

test("a value that is not known yet is a change", () => {
  expect(diffOf("jail", { gateway: UNKNOWN }).changes).toBe(true);
  expect(diffOf("jail", { path: UNKNOWN }).replaces).toEqual(["path"]);
});

test("a property that an older release did not record counts as its default", () => {
  expect(diffOf("jail", {}, { devfsRuleset: undefined }).changes).toBe(false);
  expect(diffOf("jail", { devfsRuleset: 4 }, { devfsRuleset: undefined }).changes).toBe(true);
});

test("what the host decided stays when the program leaves it out", () => {
  expect(diffOf("jail root", {}, { path: "/jails/testA" }).changes).toBe(false);
});

describe("a host's port and user", () => {
  const reference = { address: "alpha.example.net", become: "none" };
  const bare = { host: reference };
  const recorded = { host: { ...reference, port: 22, user: "root" } };

  test("left out now: a change, because ~/.ssh/config has a say again", () => {
    expect(diffOf("host", {}, { port: 2222 }).changes).toBe(true);
    expect(diffOf("bridge", bare, { host: { ...reference, user: "admin" } }).changes).toBe(true);
  });

  test("declared now, also as the default: a change, because it wins over ~/.ssh/config", () => {
    expect(diffOf("host", { user: "root" }).changes).toBe(true);
    expect(diffOf("bridge", recorded, bare)).toMatchObject({ changes: true, replaces: [] });
  });
});

test("a host key that was recorded at the first use stays; one that was declared goes with its line", () => {
  const hostKey = `SHA256:${"a".repeat(43)}`;
  expect(diffOf("host", { trust: "firstUse" }, { trust: "firstUse", hostKey }).changes).toBe(false);
  expect(diffOf("host", {}, { hostKey }).changes).toBe(true);
});
