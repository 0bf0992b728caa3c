import { SimulatedHost } from "../../simulator";
import { essence } from "../host/essence";
import { engine, type Run, type Stack } from "./harness";

/** Rules that let nobody in, by the real engine: the host is as it was, the engine says why, and the next up mends it. */

jest.setTimeout(240_000);

let host: SimulatedHost;
let stack: Stack;

const program = (...rules: string[]) => `
const { Host, IpfwRules } = require("pulumi-freebsd-vnet");
const host = new Host("alpha", { address: "127.0.0.1", port: ${host.port}, hostKey: "${host.hostKey}" });
new IpfwRules("firewall", { host, rules: ${JSON.stringify(rules)} });
`;

const letsIn = ["allow tcp from any to me 22 setup keep-state", "allow tcp from me 22 to any established"];
const lockedOut = ["allow tcp from any to any established", "deny tcp from any to me 22"];

const errors = ({ diagnostics }: Run) =>
  diagnostics
    .filter(({ severity, urn }) => severity === "error" && urn?.includes("IpfwRules"))
    .map(({ message }) => message)
    .join("\n");
const now = () => essence(host.snapshot());

beforeAll(async () => {
  host = await SimulatedHost.start();
  stack = await engine({
    program: program(...lockedOut),
    config: { "freebsd-vnet:privateKey": { secret: host.clientKey } },
  });
});

afterAll(() => host.stop());

const cutOff =
  /cannot (create|update) ipfw rules "set 1" on 127\.0\.0\.1:\d+: it would have cut this host off: no new connection to it got through within 45 seconds\n( {4}.*\n)+The host has taken everything back by itself and is as it was before\./;

test("a create that locks us out leaves the host as it was, and nothing in the state", async () => {
  const pristine = now();
  const up = await stack.up();
  expect(up.status).not.toBe(0);
  expect(errors(up)).toMatch(cutOff);
  expect(now()).toEqual(pristine);
  expect(stack.export().resources.filter(({ type }) => type.endsWith("IpfwRules"))).toEqual([]);
});

test("rules that let us in are made; a change that does not is taken back while they stay", async () => {
  stack.setProgram(program(...letsIn));
  expect((await stack.up()).status).toBe(0);
  const there = now();
  stack.setProgram(program(...lockedOut));
  const up = await stack.up();
  expect(up.status).not.toBe(0);
  expect(errors(up)).toMatch(cutOff);
  expect(now()).toEqual(there);
  stack.setProgram(program(...letsIn));
  expect((await stack.preview("--refresh", "--expect-no-changes")).status).toBe(0);
  expect((await stack.destroy()).status).toBe(0);
});
