import { SimulatedHost } from "../../simulator";
import { essence } from "../host/essence";
import { engine, type Stack } from "./harness";

/** The README's program by the real engine, which is killed, cut off or told of a failure in the middle of it. */

jest.setTimeout(600_000);

let host: SimulatedHost;
let stack: Stack;
let pristine: unknown;
let undisturbed: unknown;

/** What a jail that was started again, or before another one, has otherwise. */
const plain = () =>
  JSON.parse(JSON.stringify(essence(host.snapshot())), (key, value) =>
    /^(jid|cpuset\.id|ether|mac)$/.test(key) ? 0 : value,
  );

/** In whatever order the engine made things: names of what there is, and lines of files. */
const network = async () => {
  const commands = [
    "ifconfig -l | tr ' ' '\\n'",
    "jls name",
    "ipfw list",
    "cat /etc/rc.conf /etc/jail.conf /etc/natd.conf /etc/jail.conf.d/* /etc/ipfw.conf /boot/loader.conf",
    "zfs list -H -o name",
    "mount -p",
    "kldstat | awk '{ print $NF }'",
    "ls /tmp /var/run /var/db",
  ];
  const said = await Promise.all(commands.map(async (command) => (await host.exec(command)).stdout));
  return said.map((text) => text.split("\n").sort());
};

beforeAll(async () => {
  host = await SimulatedHost.start();
  stack = await engine({
    program: { example: "examples/quickstart" },
    config: {
      host: host.address,
      port: host.port,
      hostKey: host.hostKey,
      "freebsd-vnet:privateKey": { secret: host.clientKey },
    },
  });
  pristine = plain();
  expect((await stack.up()).status).toBe(0);
  undisturbed = await network();
  expect((await stack.destroy()).status).toBe(0);
  expect(plain()).toEqual(pristine);
});

afterAll(() => host.stop());

const converges = async () => {
  const again = await stack.up();
  expect({
    status: again.status,
    said: again.diagnostics.filter(({ severity }) => severity === "error"),
  }).toEqual({
    status: 0,
    said: [],
  });
  expect(await network()).toEqual(undisturbed);
  const refreshed = await stack.preview("--refresh", "--expect-no-changes");
  expect(refreshed.status).toBe(0);
  expect((await stack.destroy()).status).toBe(0);
  expect(plain()).toEqual(pristine);
};

/** Resolves when the host is about to run the command. */
const reached = (pattern: RegExp) =>
  new Promise<void>((resolve) => {
    let isFirst = true;
    host.machine.fault((argv) => {
      if (isFirst && pattern.test(argv.join(" "))) {
        isFirst = false;
        resolve();
      }
      return false;
    }, "cut");
  });

test.each([
  ["a bridge is made", /^ifconfig bridge0 create$/],
  ["a module is loaded", /^kldload ipfw$/],
  ["rc.conf is put in place", /^mv .*\/etc\/rc\.conf$/],
  ["a jail starts", /^jail .*-c testB$/],
  ["natd starts", /^service natd onestart$/],
])("the engine is killed while %s: cancel and up come to the same end", async (_, pattern) => {
  const killed = reached(pattern).then(() => stack.kill());
  const { status } = await stack.up();
  await killed;
  expect(status).toBe(137);
  await stack.cancel();
  await converges();
});

test.each([
  ["a clone is made", /^zfs clone .*testA$/],
  ["a jail starts", /^jail .*-c testC$/],
])("the connection is lost while %s: up comes to the same end", async (_, pattern) => {
  host.machine.fault(pattern, "cut");
  const lost = await stack.up();
  expect(lost.status).not.toBe(0);
  expect(lost.diagnostics.map(({ message }) => message).join("\n")).toMatch(/was lost while/);
  await converges();
});

test("the connection is lost while natd starts, which may cost it: a new one tells the end", async () => {
  host.machine.fault(/^service natd onestart$/, "cut");
  // What else was on its way over the old one may be lost.
  const { diagnostics } = await stack.up();
  const ofGateway = diagnostics.filter(
    ({ urn, severity }) => severity === "error" && urn?.includes("NatGateway"),
  );
  expect(ofGateway).toEqual([]);
  await converges();
});

test("the connection is lost and the stack is given up: destroy leaves no trace", async () => {
  host.machine.fault(/^jail .*-c testC$/, "cut");
  expect((await stack.up()).status).not.toBe(0);
  const destroyed = await stack.destroy();
  const errors = destroyed.diagnostics.filter(({ severity }) => severity === "error");
  expect({ status: destroyed.status, errors }).toEqual({ status: 0, errors: [] });
  expect(plain()).toEqual(pristine);
});

test("a command fails: up comes to the same end", async () => {
  host.machine.fault(/^ifconfig bridge0 addm epair2a$/, { status: 1, stderr: "ifconfig: no luck today\n" });
  const failed = await stack.up();
  expect(failed.status).not.toBe(0);
  expect(failed.diagnostics.map(({ message }) => message).join("\n")).toContain("no luck today");
  await converges();
});
