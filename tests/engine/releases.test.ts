import { SimulatedHost } from "../../simulator";
import { engine } from "./harness";

/** What a host's release lacks is refused in the plan, once a stack knows the host. */

jest.setTimeout(300_000);

let host: SimulatedHost;

beforeAll(async () => {
  host = await SimulatedHost.start({ release: "13.4" });
});

afterAll(() => host.stop());

test("a first preview does not know the release, the next one refuses what it lacks", async () => {
  const stack = await engine({
    program: `
const { Config } = require("@pulumi/pulumi");
const { Host, VnetJail } = require("pulumi-freebsd-vnet");
const { address, port, hostKey } = ${JSON.stringify({ address: host.address, port: host.port, hostKey: host.hostKey })};
const host = new Host("alpha", { address, port, hostKey });
if (new Config().get("jail")) new VnetJail("www", { host, path: "/jails/www", allow: { settime: true } });
`,
    config: { jail: "yes", "freebsd-vnet:privateKey": { secret: host.clientKey } },
  });
  expect((await stack.preview()).summary).toEqual({ create: 2 });
  await stack.setConfig({ jail: "", "freebsd-vnet:privateKey": { secret: host.clientKey } });
  expect((await stack.up()).summary).toEqual({ create: 1 });

  const before = host.snapshot();
  await stack.setConfig({ jail: "yes", "freebsd-vnet:privateKey": { secret: host.clientKey } });
  const preview = await stack.preview();
  expect(preview.status).not.toBe(0);
  expect(JSON.stringify(preview.diagnostics)).toContain(
    "allow.settime came with FreeBSD 15.0, and the host has 13.4 (1304000): its jails would not start",
  );
  expect(host.snapshot()).toEqual(before);
  expect((await stack.destroy()).summary).toEqual({ delete: 1 });
});
