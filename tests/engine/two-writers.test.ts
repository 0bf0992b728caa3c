import { SimulatedHost } from "../../simulator";
import { essence } from "../host/essence";
import { engine, type Run, type Stack } from "./harness";

/** A laptop and CI at once: two engines, two stacks, one host, the same shared files and tables. */

jest.setTimeout(300_000);

let host: SimulatedHost;
let stacks: Stack[];
let pristine: ReturnType<typeof essence>;
/** What a look at interfaces, jails, rules and datasets shows before. */
let shown: string;

const program = (name: string, n: number, knob: object, more = "") => `
const { Bridge, DevfsRuleset, EpairLink, Host, JailRoot, NatGateway, NatRedirect, RcSetting, Sysctl, VnetJail } =
  require("pulumi-freebsd-vnet");
const { address, port, hostKey } = ${JSON.stringify({ address: host.address, port: host.port, hostKey: host.hostKey })};
const host = new Host("${name}", { address, port, hostKey });
const lan = new Bridge("${name}", { host, name: "bridge${n}", addresses: ["10.20.${n}.1/24"] });
const devices = new DevfsRuleset("${name}", { host, number: ${2000 + n}, include: ["devfsrules_hide_all", 2] });
new Sysctl("${name}", { host, ...${JSON.stringify(knob)} });
new RcSetting("${name}", { host, name: "${name}_flags", value: "-x" });
const jails = [1, 2].map((i) => {
  const jail = \`${name}\${i}\`;
  const link = new EpairLink(jail, { host, bridge: lan });
  const root = new JailRoot(jail, { host, snapshot: "zroot/jails/template@base" });
  return new VnetJail(jail, {
    host, path: root.path, devfsRuleset: devices,
    interfaces: [{ link, addresses: [\`10.20.${n}.1\${i}/24\`] }], gateway: "10.20.${n}.1",
  });
});
${more}`;

beforeAll(async () => {
  host = await SimulatedHost.start();
  pristine = essence(host.snapshot());
  shown = (await host.exec("ifconfig -l; jls name; ipfw list; zfs list -H -o name")).stdout;
  const nat = `const nat = new NatGateway("nat", { host });
new NatRedirect("web", { gateway: nat, protocol: "tcp", publicPort: 80, target: jails[0] });`;
  stacks = await Promise.all(
    [
      program("laptop", 1, { name: "net.inet.ip.ttl", value: 101 }, nat),
      program("ci", 2, { name: "net.inet.ip.random_id", value: 1 }),
    ].map((text) =>
      engine({ program: text, config: { "freebsd-vnet:privateKey": { secret: host.clientKey } } }),
    ),
  );
});

afterAll(() => host.stop());

const both = (work: (stack: Stack) => Promise<Run>) => Promise.all(stacks.map(work));
const said = ({ status, diagnostics }: Run) => ({
  status,
  errors: diagnostics.filter(({ severity }) => severity === "error"),
});
const well = [
  { status: 0, errors: [] },
  { status: 0, errors: [] },
];

test("two ups at once lose nothing of each other", async () => {
  expect((await both((stack) => stack.up())).map(said)).toEqual(well);
  expect((await both((stack) => stack.preview("--refresh", "--expect-no-changes"))).map(said)).toEqual(well);
  const names = (await host.exec("jls name")).stdout.trim().split("\n").sort();
  expect(names).toEqual(["ci1", "ci2", "laptop1", "laptop2"]);
  for (const jail of names) {
    const n = jail.startsWith("laptop") ? 1 : 2;
    expect((await host.exec(`jexec ${jail} ping -c 1 -t 2 10.20.${n}.1`)).stdout).toContain(
      "1 packets received",
    );
  }
});

test("what both made is there after a reboot", async () => {
  await host.reboot();
  expect((await both((stack) => stack.preview("--refresh", "--expect-no-changes"))).map(said)).toEqual(well);
});

test("two destroys at once leave no trace", async () => {
  expect((await both((stack) => stack.destroy())).map(said)).toEqual(well);
  expect(essence(host.snapshot(), { modules: false }).files).toEqual(pristine.files);
  expect((await host.exec("ifconfig -l; jls name; ipfw list; zfs list -H -o name")).stdout).toBe(shown);
});
