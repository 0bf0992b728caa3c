import { SimulatedHost } from "../../simulator";
import { engine, type Run, type Stack } from "./harness";

/** What a change interrupts, as the user of the engine is told before it happens. */

jest.setTimeout(240_000);

let host: SimulatedHost;
let stack: Stack;

interface Changes {
  readonly root?: object;
  readonly jail?: object;
  readonly secret?: boolean;
}

const program = ({ root = {}, jail = {}, secret = false }: Changes = {}) => `
const pulumi = require("@pulumi/pulumi");
const { Bridge, EpairLink, Host, JailRoot, VnetJail } = require("pulumi-freebsd-vnet");
const host = new Host("alpha", { address: "127.0.0.1", port: ${host.port}, hostKey: "${host.hostKey}" });
const lan = new Bridge("lan", { host, name: "bridge0", addresses: ["10.10.15.1/24"] });
const link = new EpairLink("testA", { host, bridge: lan, unit: 1 });
const root = new JailRoot("testA", { host, snapshot: "zroot/jails/template@base", ...${JSON.stringify(root)} });
new VnetJail("testA", {
  host,
  path: root.path,
  interfaces: [{ link, addresses: ["10.10.15.100/24"] }],
  ...${JSON.stringify(jail)},
  ...(${secret} && { prestart: [pulumi.secret("login -p hunter2").apply((command) => "true " + command)] }),
});
`;

const told = ({ diagnostics }: Run) => diagnostics.map(({ message }) => message.trim());
const jid = async () => (await host.exec("jls -j testA jid")).stdout;

beforeAll(async () => {
  host = await SimulatedHost.start();
  await host.exec("zfs snapshot zroot/jails/template@other");
  stack = await engine({
    program: program(),
    config: { "freebsd-vnet:privateKey": { secret: host.clientKey } },
  });
  expect((await stack.up()).status).toBe(0);
});

afterAll(() => host.stop());

test("a live change says nothing", async () => {
  const before = await jid();
  stack.setProgram(program({ jail: { hostname: "www.example.net", devfsRuleset: 4 } }));
  const up = await stack.up();
  expect([up.summary, told(up)]).toEqual([{ same: 4, update: 1 }, []]);
  expect(await jid()).toBe(before);
});

test("several that need a start are one sentence, in the preview and in the update, and one restart", async () => {
  const before = Number(await jid());
  stack.setProgram(program({ jail: { start: ["true"], created: ["true"] }, secret: true }));
  const sentence =
    "jail testA (VnetJail testA) will restart: prestart changes; created changes; start[0] changes";
  const preview = await stack.preview();
  expect(told(preview)).toEqual([sentence]);
  expect(preview.stdout).toContain(sentence);
  expect(preview.stdout).not.toContain("hunter2");
  expect(told(await stack.up())).toEqual([sentence]);
  expect(Number(await jid())).toBe(before + 1);
});

test("a refresh interrupts nothing and says so by saying nothing; what plans tells", async () => {
  await host.exec("jail -r testA");
  const sentence = "jail testA (VnetJail testA) will be started: the jail testA is stopped";
  expect(told(await stack.preview("--refresh"))).toEqual([sentence]);
  expect(told(await stack.refresh())).toEqual([]);
  expect(told(await stack.up())).toEqual([sentence]);
  expect(await jid()).not.toBe("");
});

test("a root that is replaced takes its jail with it, and both are told", async () => {
  stack.setProgram(
    program({
      root: { snapshot: "zroot/jails/template@other" },
      jail: { start: ["true"], created: ["true"] },
      secret: true,
    }),
  );
  const sentences = [
    "jail root zroot/jails/testA (JailRoot testA) will be removed and then made anew: snapshot changes",
    "jail testA (VnetJail testA) may be removed and then made anew: path is not known yet",
  ];
  expect(told(await stack.preview()).sort()).toEqual(sentences);
  expect((await stack.up()).status).toBe(0);
  expect(await jid()).not.toBe("");
});
