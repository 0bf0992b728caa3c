import { SimulatedHost } from "../../simulator";
import { essence } from "../host/essence";
import { engine, type Run, type Stack } from "./harness";

/** The README's program against a simulated host, by the real engine, over real SSH. */

jest.setTimeout(180_000);

let host: SimulatedHost;
let stack: Stack;
let pristine: unknown;

const config = () => ({ host: host.address, port: host.port, hostKey: host.hostKey });
const credentials = () => ({ "freebsd-vnet:privateKey": { secret: host.clientKey } });
const brief = ({ status, summary }: Run) => ({ status, ...summary });
const shows = async (command: string) => (await host.exec(command)).stdout;

beforeAll(async () => {
  host = await SimulatedHost.start();
  pristine = essence(host.snapshot());
  stack = await engine({
    program: { example: "examples/quickstart" },
    config: { ...config(), ...credentials() },
  });
});

afterAll(() => host.stop());

test("a preview needs no host and no credentials", async () => {
  await stack.setConfig({ host: "unreachable.example.net" });
  expect(brief(await stack.preview())).toEqual({ status: 0, create: 13 });
  await stack.setConfig({ ...config(), ...credentials() });
});

test("up builds the article's network", async () => {
  const up = await stack.up();
  expect({ ...brief(up), said: up.diagnostics }).toEqual({ status: 0, create: 13, said: [] });
  expect((await shows("ifconfig -l")).split(/\s+/).sort().join(" ").trim()).toBe(
    "bridge0 epair1a epair2a epair3a lo0 vtnet0",
  );
  expect((await shows("jls name")).trim().split("\n").sort()).toEqual(["testA", "testB", "testC"]);
  expect(await shows("cat /etc/natd.conf")).toContain("redirect_port tcp 10.10.15.100:80 80");
  expect(await shows("ifconfig -j testB -f inet:cidr epair2b")).toContain("inet 10.10.15.101/24");
});

test("epairs were there before jails started, and nothing in the program said so", async () => {
  const { resources } = stack.export();
  const jail = resources.find(({ urn }) => urn.endsWith(":VnetJail::testA"));
  expect(jail?.dependencies?.some((urn) => urn.endsWith(":EpairLink::testA"))).toBe(true);
});

test("the jails reach their gateway, each other and the outside, and the outside reaches the redirected port", async () => {
  for (const [from, to] of [
    ["testA", "10.10.15.1"],
    ["testA", "10.10.15.101"],
    ["testC", "10.0.2.2"],
  ]) {
    expect(await shows(`jexec ${from} ping -c 1 -t 2 ${to}`)).toContain("1 packets received");
  }
});

test("the state holds data only: no code, no credentials", async () => {
  const { text } = stack.export();
  expect(text).not.toContain("PRIVATE KEY");
  expect(text).not.toMatch(/function|require\((?!\\"pulumi-freebsd-vnet\/provider\\")/);
});

test("a second preview and a second up change nothing", async () => {
  expect(brief(await stack.preview("--expect-no-changes"))).toEqual({ status: 0, same: 13 });
  const before = host.snapshot();
  expect(brief(await stack.up())).toEqual({ status: 0, same: 13 });
  expect(host.snapshot()).toEqual(before);
});

test("it survives a reboot: a refresh finds no changes", async () => {
  await host.reboot();
  expect(brief(await stack.preview("--refresh", "--expect-no-changes"))).toMatchObject({ status: 0 });
});

test("what is changed by hand shows in a refresh, and the next up mends it", async () => {
  await host.exec("ifconfig epair2a destroy; jail -r testC; ifconfig bridge0 inet 10.10.15.1 -alias");
  await host.exec(`sed -i '' -e 's/^gateway_enable=.*/gateway_enable="NO"/' /etc/rc.conf`);
  const refreshed = await stack.refresh();
  expect(refreshed.status).toBe(0);
  const drift = Object.fromEntries(
    stack
      .export()
      .resources.filter(({ outputs }) => (outputs?.drift as string[] | undefined)?.length)
      .map(({ urn, outputs }) => [urn.split("::").slice(-2).join("::").replace(/^.*:/, ""), outputs?.drift]),
  );
  expect(drift).toEqual({
    lan: ["running: bridge0 lacks 10.10.15.1/24"],
    testB: expect.anything(),
    testC: ["running: the jail testC is stopped"],
    nat: ["at boot: its lines in /etc/rc.conf were changed"],
  });
  const mended = await stack.up();
  expect(mended.status).toBe(0);
  expect(mended.summary.update).toBeGreaterThanOrEqual(4);
  expect(brief(await stack.preview("--refresh", "--expect-no-changes"))).toMatchObject({ status: 0 });
});

test("destroy leaves the host as it was: model and files", async () => {
  const { status, summary } = await stack.destroy();
  expect({ status, ...summary }).toEqual({ status: 0, delete: 13 });
  expect(essence(host.snapshot())).toEqual(pristine);
});

test("a failing command names resource, command, status and words; the rest is made, and the next up goes on", async () => {
  host.machine.fault(/^jail .*-c testB$/, { status: 1, stderr: "jail: /jails/testB: no luck today\n" });
  const failed = await stack.up();
  expect(failed.status).not.toBe(0);
  const said = failed.diagnostics.map(({ message }) => message).join("\n");
  expect(said).toContain(
    `cannot create jail "testB" on root@127.0.0.1:${host.port}: jail -f /etc/jail.conf.d/testB.conf -c testB: exit status 1`,
  );
  expect(said).toContain("jail: /jails/testB: no luck today");
  expect(said).toContain("What was done before it has been undone.");
  expect(said).not.toContain("    at ");
  expect(await shows("ls /etc/jail.conf.d")).not.toContain("testB");
  const { status, summary } = await stack.up();
  expect({ status, created: summary.create }).toEqual({
    status: 0,
    created: 13 - (failed.summary.create ?? 0),
  });
  expect((await stack.destroy()).status).toBe(0);
  expect(essence(host.snapshot())).toEqual(pristine);
});

test("an unknown host key is refused before anything is done, with the way to accept it", async () => {
  await stack.setConfig({ host: host.address, port: host.port, ...credentials() });
  const refused = await stack.up();
  expect(refused.status).not.toBe(0);
  const said = refused.diagnostics.map(({ message }) => message).join("\n");
  expect(said).toContain(host.hostKey);
  expect(said).toContain("known_hosts");
  expect(said).not.toContain("PRIVATE KEY");
  expect(essence(host.snapshot())).toEqual(pristine);
});
