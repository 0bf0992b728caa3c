import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SimulatedHost } from "../../simulator";
import { engine } from "./harness";

/** A host whose key is not pinned in the program but known as `ssh` knows it, and a key file as credential. */

let host: SimulatedHost;
let folder: string;

beforeAll(async () => {
  host = await SimulatedHost.start();
  folder = mkdtempSync(join(tmpdir(), "known-hosts-"));
  writeFileSync(join(folder, "known_hosts"), `${host.knownHostsLine}\n`);
  writeFileSync(join(folder, "id"), host.clientKey, { mode: 0o600 });
});

afterAll(async () => {
  await host.stop();
  rmSync(folder, { recursive: true });
});

test("up, a preview without changes, destroy", async () => {
  const stack = await engine({
    program: `
const { Bridge, EpairLink, Host } = require("pulumi-freebsd-vnet");
const host = new Host("alpha", { address: "127.0.0.1", port: ${host.port} });
const lan = new Bridge("lan", { host, name: "bridge0" });
new EpairLink("free", { host, bridge: lan });
`,
    config: {
      "freebsd-vnet:knownHosts": join(folder, "known_hosts"),
      "freebsd-vnet:identityFile": join(folder, "id"),
    },
  });
  const up = await stack.up();
  expect({ status: up.status, summary: up.summary, said: up.diagnostics }).toEqual({
    status: 0,
    summary: { create: 3 },
    said: [],
  });
  expect((await stack.preview("--expect-no-changes")).summary).toEqual({ same: 3 });
  expect((await stack.preview("--refresh", "--expect-no-changes")).status).toBe(0);
  expect(stack.export().text).not.toContain("PRIVATE KEY");
  expect((await stack.destroy()).summary).toEqual({ delete: 3 });
});
