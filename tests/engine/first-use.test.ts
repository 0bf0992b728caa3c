import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SimulatedHost } from "../../simulator";
import { engine, type Stack } from "./harness";

/** A host of which nothing is known, whose key is taken at the first use and held against it from then on. */

let host: SimulatedHost;
let stack: Stack;
let folder: string;

const program = (more = "") => `
const { Bridge, Host } = require("pulumi-freebsd-vnet");
const host = new Host("alpha", { address: "127.0.0.1", port: ${host.port}, trust: "firstUse"${more} });
new Bridge("lan", { host, name: "bridge0" });
`;

const outputs = (type: string) =>
  stack.export().resources.find((one) => one.type.endsWith(`:${type}`))?.outputs as Record<string, unknown>;

beforeAll(async () => {
  host = await SimulatedHost.start();
  folder = mkdtempSync(join(tmpdir(), "first-use-"));
  writeFileSync(join(folder, "id"), host.clientKey, { mode: 0o600 });
  stack = await engine({
    program: program(),
    config: {
      "freebsd-vnet:knownHosts": join(folder, "known_hosts"),
      "freebsd-vnet:identityFile": join(folder, "id"),
    },
  });
});

afterAll(async () => {
  await host.stop();
  rmSync(folder, { recursive: true });
});

const key = () => host.publicKey.split(" ").slice(0, 2).join(" ");

test("the key is recorded, all resources are pinned to it, and over one connection", async () => {
  expect((await stack.preview()).summary).toEqual({ create: 2 });
  expect(host.connections).toBe(0);
  const up = await stack.up();
  expect({ status: up.status, summary: up.summary, said: up.diagnostics }).toEqual({
    status: 0,
    summary: { create: 2 },
    said: [],
  });
  expect(host.connections).toBe(1);
  expect(outputs("Host").hostKey).toBe(key());
  expect(outputs("Bridge").host).toMatchObject({ address: "127.0.0.1", hostKey: key() });
  expect((await stack.preview("--expect-no-changes")).summary).toEqual({ same: 2 });
  expect((await stack.refresh("--expect-no-changes")).status).toBe(0);
});

test("another key later is refused with both fingerprints, and the line of the message accepts it", async () => {
  const { port, clientKey, hostKey: first } = host;
  await host.stop();
  host = await SimulatedHost.start({ port, clientKey });
  const refused = await stack.refresh();
  const said = refused.diagnostics.map(({ message }) => message).join("\n");
  expect(refused.status).not.toBe(0);
  expect(said).toContain("HAS CHANGED");
  expect(said).toContain(first);
  expect(said).toContain(`hostKey: "${host.hostKey}"`);
  expect(await host.exec("ifconfig bridge0")).not.toMatchObject({ status: 0 });

  stack.setProgram(program(`, hostKey: "${host.hostKey}"`));
  const up = await stack.up();
  expect({ status: up.status, summary: up.summary }).toEqual({ status: 0, summary: { update: 2 } });
  expect(outputs("Bridge").host).toMatchObject({ hostKey: host.hostKey });

  stack.setProgram(program());
  expect((await stack.preview("--expect-no-changes")).status).toBe(0);
  expect((await stack.destroy()).summary).toEqual({ delete: 2 });
});
