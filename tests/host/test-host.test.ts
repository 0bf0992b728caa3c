import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SimulatedHost } from "../../simulator";
import { replay, type Scenario } from "../conformance/replay";
import { essence } from "./essence";

/** `npm run test:host` as its user runs it, against a simulated host at its SSH port. */

jest.setTimeout(120_000);

let host: SimulatedHost;
let folder: string;

beforeEach(async () => {
  host = await SimulatedHost.start();
  folder = mkdtempSync(join(tmpdir(), "test-host-"));
  writeFileSync(join(folder, "identity"), host.clientKey, { mode: 0o600 });
});

afterEach(async () => {
  await host.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function testHost(...args: string[]): Promise<Ended> {
  return start(...args).ended;
}

function start(...args: string[]) {
  const { address, port, hostKey } = host;
  const reach = [
    `ssh://root@${address}:${port}`,
    "--identity",
    join(folder, "identity"),
    "--host-key",
    hostKey,
  ];
  const child = spawn(process.execPath, [join(__dirname, "../../scripts/test-host.js"), ...reach, ...args], {
    env: { ...process.env, SSH_AUTH_SOCK: "", HOME: folder },
  });
  const said = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said.stderr += text;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (status) => resolve({ status, ...said }));
  });
  return { child, ended };
}

test("prints a table, leaves the host as it was, and records what replays the same", async () => {
  const before = essence(host.snapshot());
  const record = join(folder, "recordings");
  const only = "^(bridge: made|jail: live|foreign: a port|reboot: NAT)";
  const { status, stdout, stderr } = await testHost("--only", only, "--record", record);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout.replaceAll(/\d+\.\d s/g, "<time>")).toBe(
    `
case                                     result   time
bridge: made, made again, read, removed  passed   <time>
jail: live changes and restarts          passed   <time>
foreign: a port                          passed   <time>
reboot: NAT                              skipped  <time>   not allowed (--allow-reboot)

3 passed, 0 failed, 1 skipped
`.trimStart(),
  );
  expect(essence(host.snapshot())).toEqual(before);
  const written = readdirSync(record).sort();
  expect(written).toEqual([
    "pfvtest-bridge-made-made-again-read-removed.json",
    "pfvtest-foreign-a-port.json",
    "pfvtest-jail-live-changes-and-restarts.json",
  ]);
  let compared = 0;
  for (const name of written) {
    const scenario = JSON.parse(readFileSync(join(record, name), "utf8")) as Scenario;
    expect(scenario).toMatchObject({ scenario: name.replace(".json", ""), about: expect.any(String) });
    // Numbers of jails and processes count those of the cases before.
    const said = (text: string) =>
      text.replaceAll(/\bjid=\d+/g, "jid=<jid>").replaceAll(/\bas pid \d+/g, "as pid <pid>");
    // What waits for a new connection is taken back where one session replays it.
    const waits = scenario.steps.findIndex(({ stdin }) => stdin?.includes("await_connection"));
    const steps = waits === -1 ? scenario.steps : scenario.steps.slice(0, waits);
    const answers = await replay({ ...scenario, steps });
    for (const { expected, actual } of answers) expect(said(actual)).toBe(said(expected));
    compared += answers.length;
  }
  expect(compared).toBeGreaterThan(0);
});

test("restarts the host where that is allowed", async () => {
  const { status, stdout } = await testHost("--only", "^reboot: NAT", "--allow-reboot");
  expect({ status, stdout }).toEqual({
    status: 0,
    stdout: expect.stringContaining("1 passed, 0 failed, 0 skipped"),
  });
});

test("a case that fails is reported with what was sent and answered, and nothing of it is left", async () => {
  const before = essence(host.snapshot());
  host.machine.fault(/^ifconfig bridge900 up/, { status: 1, stderr: "ifconfig: it broke\n" });
  const { status, stdout } = await testHost("--only", "^(bridge|host): made");
  expect(status).toBe(1);
  expect(stdout).toMatch(/^host: made, .* {2}passed /m);
  expect(stdout).toMatch(/^bridge: made, .* {2}failed /m);
  expect(stdout).toContain('cannot create bridge "bridge900" on root@127.0.0.1');
  expect(stdout).toContain("1 passed, 1 failed, 0 skipped");
  const recorded = /^What was sent and answered:\n(\{\n[\s\S]*?\n\})$/m.exec(stdout)?.[1] ?? "";
  const { scenario, steps } = JSON.parse(recorded) as Scenario;
  expect(scenario).toBe("pfvtest-bridge-made-made-again-read-removed");
  expect(steps).toContainEqual({
    run: "/bin/sh -s",
    stdin: expect.stringContaining("ifconfig bridge900 up"),
    stdout: expect.stringContaining("it broke"),
    stderr: "",
    status: 0,
  });
  expect(essence(host.snapshot())).toEqual(before);
});

test("an interruption ends the case and removes what it made", async () => {
  const before = essence(host.snapshot());
  const { child, ended } = start("--only", "^(jail: drift|bridge: drift)");
  while (!(await host.exec("jls name")).stdout.includes("pfvtestA"))
    await new Promise((resolve) => setTimeout(resolve, 50));
  child.kill("SIGINT");
  const { status, stdout } = await ended;
  expect(status).not.toBe(0);
  expect(stdout).toContain("interrupted");
  expect(essence(host.snapshot())).toEqual(before);
});

test("what a killed run left is refused, and removed by --clean and nothing else with it", async () => {
  await host.exec("ifconfig bridge0 create; ifconfig epair7 create");
  const { child, ended } = start("--only", "^NAT: drift");
  while (!(await host.exec("ipfw list")).stdout.includes("divert"))
    await new Promise((resolve) => setTimeout(resolve, 50));
  child.kill("SIGKILL");
  await ended;
  const refused = await testHost();
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain("(--clean removes it)");
  expect(refused.stderr).toContain("jail pfvtestA");
  const cleaned = await testHost("--clean");
  expect({ status: cleaned.status, stderr: cleaned.stderr }).toEqual({ status: 0, stderr: "" });
  expect(cleaned.stdout).toContain("interface bridge900");
  expect(
    (await host.exec("cat /etc/rc.conf /boot/loader.conf; ls /etc /etc/jail.conf.d; jls; zfs list")).stdout,
  ).not.toMatch(/pfvtest|pulumi|natd.conf|ipfw.conf/);
  expect((await host.exec("ifconfig -l")).stdout).toContain("bridge0 epair7a epair7b");
  expect((await host.exec("ifconfig -l")).stdout).not.toMatch(/900/);
  expect((await testHost("--clean")).stdout).toBe("There is nothing of an earlier run.\n");
});

test("what cannot be is skipped with the reason, and wrong words are told", async () => {
  await host.exec("echo 'interface vtnet0' > /etc/natd.conf");
  const skipped = await testHost(
    "--template",
    "zroot/none@base",
    "--only",
    "^(quickstart|NAT gateway: made|epair: made)",
  );
  expect(skipped.stdout).toMatch(/^quickstart .* skipped .* there is no snapshot zroot\/none@base/m);
  expect(skipped.stdout).toMatch(
    /^NAT gateway.* skipped .* the host has a firewall of its own: the host has an \/etc\/natd.conf/m,
  );
  expect(skipped.stdout).toContain("1 passed, 0 failed, 2 skipped");
  expect(skipped.status).toBe(0);
  const directory = await testHost("--template", "/jails/template", "--only", "^jail: made");
  expect(directory.stdout).toContain("1 passed, 0 failed, 0 skipped");
  const wrong = await testHost("--onlyy", "x");
  expect({ ...wrong, stderr: wrong.stderr.split("\n").at(-2) }).toMatchObject({
    status: 1,
    stderr: expect.stringContaining("--template"),
  });
});
