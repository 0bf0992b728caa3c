import { SimulatedHost } from "../../simulator";
import { oursProgram } from "../bench/programs/ours";
import { engine, type Stack } from "./harness";

/** How much the engine has us ask of the host, and what is kept in the state. tests/host/economy.test.ts has more. */

jest.setTimeout(400_000);

const JAILS = 4;

let host: SimulatedHost;
let stack: Stack;

beforeAll(async () => {
  host = await SimulatedHost.start();
  for (let n = 1; n <= JAILS; n++)
    expect((await host.exec(`zfs clone zroot/jails/template@base zroot/jails/j${n}`)).status).toBe(0);
  stack = await engine({
    program: oursProgram(JAILS, host),
    config: { "freebsd-vnet:privateKey": { secret: host.clientKey } },
  });
});

afterAll(() => host.stop());

/** How many connections `work` made. */
async function connections(work: () => Promise<{ readonly status: number; readonly stdout: string }>) {
  const before = host.connections;
  const { status, stdout } = await work();
  if (status !== 0) throw new Error(stdout);
  return host.connections - before;
}

/** A change that can cut the connection is confirmed by a new one: the bridge's address, the gateway's rule. */
const confirmations = { up: 2, destroy: 1 };

test("a run makes one connection, and one more for each change that can cut it", async () => {
  expect(await connections(() => stack.up())).toBe(1 + confirmations.up);
});

test("we put less than 1.5 kB into the state for each resource, beside what Pulumi notes", () => {
  const ours = stack.export().resources.filter(({ type }) => type.includes("pulumi-freebsd-vnet"));
  expect(ours.length).toBe(3 * JAILS + 3);
  const bytes = ours.map(({ inputs, outputs }) => JSON.stringify([inputs, outputs]).length);
  expect(bytes.reduce((a, b) => a + b) / ours.length).toBeLessThan(1500);
});

test("an up without changes makes none", async () => {
  expect(await connections(() => stack.up())).toBe(0);
});

test("so do a refresh and a destroy", async () => {
  expect(await connections(() => stack.refresh())).toBe(1);
  expect(await connections(() => stack.destroy())).toBe(1 + confirmations.destroy);
});
