import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { SimulatedHost } from "../../simulator";
import { engine } from "./harness";

/* A root under the engine's own options, and from an archive in the program's folder. */

jest.setTimeout(600_000);

let host: SimulatedHost;

beforeAll(async () => {
  host = await SimulatedHost.start();
});

afterAll(() => host.stop());

test("`upload` is a path from the program's folder; `protect` and `retainOnDelete` are honoured; long work is told", async () => {
  await host.exec("tar -cf /tmp/base.txz -C /jails/template .");
  const bytes = Buffer.from(host.machine.kernel.storage.fs.readBytes("/tmp/base.txz"), "latin1");
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const program = (options: string) => `
const { Host, JailRoot } = require("pulumi-freebsd-vnet");
const host = new Host("alpha", { address: "127.0.0.1", port: ${host.port}, hostKey: "${host.hostKey}" });
const archive = { upload: "./base.txz", sha256: "${sha256}" };
new JailRoot("www", { host, archive, path: "/jails/www" }, ${options});
new JailRoot("busy", { host, snapshot: "zroot/jails/template@base" });
`;
  const stack = await engine({
    program: program("{ protect: true }"),
    config: { "freebsd-vnet:privateKey": { secret: host.clientKey }, "freebsd-vnet:agent": "none" },
  });
  writeFileSync(join(stack.folder, "base.txz"), bytes);
  const up = await stack.up();
  expect({ summary: up.summary, said: up.diagnostics }).toEqual({ summary: { create: 3 }, said: [] });
  expect((await host.exec("ls /jails/www/etc/passwd")).status).toBe(0);
  expect((await stack.preview("--expect-no-changes")).summary).toEqual({ same: 3 });

  const refused = await stack.destroy();
  expect(refused.status).not.toBe(0);
  expect(refused.stdout + refused.stderr).toContain("protect");
  expect((await host.exec("ls /jails/www/etc/passwd")).status).toBe(0);

  stack.setProgram(program("{ retainOnDelete: true }"));
  expect((await stack.up()).status).toBe(0);
  const busy = { status: 1, stderr: "cannot unmount '/jails/busy': pool or dataset is busy\n" };
  host.machine.fault(/^zfs destroy /, busy, { times: 25 });
  const destroyed = await stack.destroy();
  expect(destroyed.status).toBe(0);
  const said = destroyed.diagnostics.map(({ message }) => message).join("\n");
  expect(said).toContain("JailRoot busy: destroying zroot/jails/busy, 20 s");
  expect((await host.exec("ls /jails/www/etc/passwd")).status).toBe(0);
  expect((await host.exec("ls /jails/busy/etc")).status).not.toBe(0);
});
