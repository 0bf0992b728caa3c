import { check } from "../../provider/check";
import { interruption, once } from "../../provider/cost";
import type { Kind } from "../../provider/kind";
import { UNKNOWN } from "../../provider/unknown";
import { samples } from "./samples";

const told = (noun: string, changed: Record<string, unknown>, recorded: Record<string, unknown> = {}) => {
  const { kind, inputs } = samples.find((sample) => sample.kind.noun === noun) as {
    kind: Kind;
    inputs: Record<string, unknown>;
  };
  const olds = { ...check(kind, inputs).inputs, drift: [], ...recorded };
  return interruption(kind, olds, check(kind, { ...inputs, ...changed }).inputs);
};

const [nic] = samples.find(({ kind }) => kind.noun === "jail")!.inputs.interfaces as [object];

test.each<[string, Record<string, unknown>, Record<string, unknown>, string | undefined]>([
  ["nothing", {}, {}, undefined],
  ["live", { hostname: "www.example.net", gateway: undefined }, {}, undefined],
  ["one", { start: ["true"] }, {}, "will restart: start[0] changes"],
  [
    "several",
    { start: ["true", "true"], created: ["true"], hostname: "www", parameters: { "exec.timeout": 60 } },
    {},
    "will restart: created changes; start changes; parameters changes",
  ],
  [
    "one within a list",
    { interfaces: [{ ...nic, slaac: true }] },
    {},
    "will restart: interfaces[0].slaac changes",
  ],
  ["not known yet", { start: UNKNOWN }, {}, "may restart: start is not known yet"],
  [
    "one known and one not",
    { start: UNKNOWN, created: ["true"] },
    {},
    "will restart: created changes; start is not known yet",
  ],
  ["not known yet and live", { hostname: UNKNOWN, interfaces: UNKNOWN }, {}, undefined],
  [
    "known dhcp of a link that is not",
    { interfaces: [nic, { link: { jailSide: UNKNOWN, subnets: UNKNOWN }, dhcp: true }] },
    {},
    "may restart: interfaces is not known yet",
  ],
  ["replaced", { path: "/jails/other" }, {}, "will be removed and then made anew: path changes"],
  [
    "replaced and restarted",
    { path: "/jails/other", start: ["true"] },
    {},
    "will be removed and then made anew: path changes",
  ],
  [
    "stopped by hand",
    { start: ["true"] },
    { drift: ["running: the jail testA is stopped"] },
    "will be started: the jail testA is stopped",
  ],
  [
    "started by hand in another place",
    {},
    { drift: ["running: path of the jail testA is /x", "running: epair1b in the jail testA is down"] },
    "will restart: path of the jail testA is /x",
  ],
  ["mended live", {}, { drift: ["running: epair1b in the jail testA is down"] }, undefined],
])("a jail: %s", (_, changed, recorded, words) => {
  expect(told("jail", changed, recorded)).toBe(words && `jail testA (VnetJail testA) ${words}`);
});

test("other kinds interrupt only by being replaced", () => {
  expect(told("bridge", { addresses: [] }, { drift: ["running: bridge0 is down"] })).toBeUndefined();
  expect(told("bridge", { name: "bridge1" })).toBe(
    "bridge bridge0 (Bridge lan) will be removed and then made anew: name changes",
  );
});

test("no value is told: secret ones arrive in clear", () => {
  const secret = "correct horse";
  const changed = {
    start: [`login -p '${secret}'`],
    prestart: [secret],
    parameters: { "exec.consolelog": secret },
    interfaces: [{ ...nic, dhcp: true }],
  };
  const sentence = told("jail", changed);
  expect(sentence).toContain("prestart");
  expect(sentence).not.toContain(secret);
  expect(told("jail", {}, { start: [secret] })).not.toContain(secret);
});

test("once in a run", () => {
  const said: string[] = [];
  const say = once((message) => said.push(message));
  say("a");
  say("b");
  say("a");
  expect(said).toEqual(["a", "b"]);
});
