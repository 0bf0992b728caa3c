import { SimulatedHost } from "../../simulator";
import { essence } from "../host/essence";
import { engine, type Run, type Stack } from "./harness";

/** The article's network, made by hand with commands and taken over by a program, by the real engine. */

jest.setTimeout(180_000);

const BY_HAND = `set -e
ifconfig bridge0 create
ifconfig bridge0 inet 10.10.15.1/24 up
for n in 1 2; do
  ifconfig epair$n create
  ifconfig bridge0 addm epair\${n}a
  ifconfig epair\${n}a up
done
start() {
  zfs clone zroot/jails/template@base "zroot/jails/$1"
  jail -c name="$1" path="/jails/$1" host.hostname="$1.jail.local" vnet vnet.interface="epair$2b" persist mount.devfs \\
    devfs_ruleset=5 exec.start="/bin/sh /etc/rc"
  ifconfig -j "$1" "epair$2b" inet "10.10.15.$3/24"
  route -j "$1" add default 10.10.15.1
}
start testB 2 101
start testA 1 100
cat >> /etc/rc.conf <<'END'
cloned_interfaces="bridge0 epair1 epair2"
ifconfig_bridge0="inet 10.10.15.1/24 addm epair1a addm epair2a up"
ifconfig_epair1a="up"
ifconfig_epair2a="up"
END`;

const program = ({ adopt = false, nat = false, redirect = false }) => `
const { Bridge, EpairLink, Host, JailRoot, NatGateway, NatRedirect, VnetJail } = require("pulumi-freebsd-vnet");
const config = new (require("@pulumi/pulumi").Config)();
const host = new Host("alpha", { address: config.require("host"), port: config.getNumber("port"), hostKey: config.require("hostKey") });
const adopt = ${adopt};
const lan = new Bridge("lan", { host, name: "bridge0", addresses: ["10.10.15.1/24"], adopt });
const jails = [["testA", 1], ["testB", 2]].map(([name, unit]) => {
  const link = new EpairLink(name, { host, bridge: lan, unit, adopt });
  const root = new JailRoot(name, { host, path: "/jails/" + name });
  return new VnetJail(name, {
    host,
    path: root.path,
    hostname: name + ".jail.local",
    interfaces: [{ link, addresses: ["10.10.15." + (99 + unit) + "/24"] }],
    gateway: "10.10.15.1",
    adopt,
  });
});
const nat = ${nat} && new NatGateway("nat", { host });
if (${redirect}) new NatRedirect("web", { gateway: nat, protocol: "tcp", publicPort: 80, target: jails[0], adopt });
`;

let host: SimulatedHost;
let stack: Stack;

const shows = async (command: string) => (await host.exec(command)).stdout;
const brief = ({ status, summary }: Run) => ({ status, ...summary });
const said = ({ diagnostics }: Run) => diagnostics.map(({ message }) => message).join("\n");
/** Numbers of the jails and of the processes in them, MAC addresses. */
const running = async () =>
  `${await shows("jls -n jid name path; for jail in testA testB; do ps -J $jail -x -o pid,command; ifconfig -j $jail; done; ifconfig -a")}`
    .split("\n")
    .filter((line) => !line.includes("description:"));

beforeAll(async () => {
  host = await SimulatedHost.start();
  expect(await host.exec(BY_HAND)).toMatchObject({ status: 0 });
  stack = await engine({
    program: program({}),
    config: {
      host: host.address,
      port: host.port,
      hostKey: host.hostKey,
      "freebsd-vnet:privateKey": { secret: host.clientKey },
    },
  });
});

afterAll(() => host.stop());

test("without `adopt` the first thing that is there is refused, and nothing is touched", async () => {
  const before = essence(host.snapshot());
  const up = await stack.up();
  expect(up.status).not.toBe(0);
  expect(said(up)).toContain("interface bridge0 is there already and is not this resource's");
  expect(said(up)).toContain("take it over with 'adopt: true'");
  expect(essence(host.snapshot())).toEqual(before);
});

test("what is not as declared is said, and nothing is touched", async () => {
  await host.exec("ifconfig bridge0 inet 10.10.15.1 -alias");
  const before = essence(host.snapshot());
  stack.setProgram(program({ adopt: true }));
  const up = await stack.up();
  expect(up.status).not.toBe(0);
  expect(said(up)).toContain(
    "interface bridge0 is there already, and is not as declared:\n    bridge0 lacks 10.10.15.1/24\nNothing was changed",
  );
  expect(essence(host.snapshot())).toEqual(before);
  await host.exec("ifconfig bridge0 inet 10.10.15.1/24");
});

test("all of it is taken over: the same jails with the same processes and MAC addresses", async () => {
  const before = await running();
  const up = await stack.up();
  expect({ ...up.summary, status: up.status, said: said(up) }).toEqual({
    create: 5,
    same: 3,
    status: 0,
    said: "",
  });
  expect(await running()).toEqual(before);
  expect(await shows("jls jid name")).toBe("1 testB\n2 testA\n");
  expect(before.length).toBeGreaterThan(50);
});

test("so is a redirect that was added by hand, while natd goes on", async () => {
  stack.setProgram(program({ adopt: true, nat: true }));
  expect(brief(await stack.up())).toEqual({ status: 0, create: 1, same: 8 });
  await host.exec("echo 'redirect_port tcp 10.10.15.100:80 80' >> /etc/natd.conf && service natd onerestart");
  const natd = await shows("cat /var/run/natd.pid");
  stack.setProgram(program({ adopt: true, nat: true, redirect: true }));
  expect(brief(await stack.up())).toEqual({ status: 0, create: 1, same: 9 });
  expect(await shows("cat /var/run/natd.pid")).toBe(natd);
});

test("from then on nothing is left to do, with `adopt` and without it", async () => {
  expect(brief(await stack.preview("--refresh", "--expect-no-changes"))).toMatchObject({ status: 0 });
  stack.setProgram(program({ nat: true, redirect: true }));
  const before = host.snapshot();
  expect(brief(await stack.preview("--expect-no-changes"))).toEqual({ status: 0, same: 10 });
  expect(brief(await stack.up())).toEqual({ status: 0, same: 10 });
  expect(host.snapshot()).toEqual(before);
});

test("it survives a reboot, beside the lines that somebody wrote for it", async () => {
  await host.reboot();
  expect(brief(await stack.preview("--refresh", "--expect-no-changes"))).toMatchObject({ status: 0 });
  expect((await shows("jls name")).trim().split("\n").sort()).toEqual(["testA", "testB"]);
});

test("destroy removes all of it, and leaves lines and roots that are not ours", async () => {
  expect(brief(await stack.destroy())).toEqual({ status: 0, delete: 10 });
  expect(await shows("ifconfig -l; jls name")).toBe("vtnet0 lo0\n");
  expect(await shows("cat /etc/rc.conf /etc/jail.conf /etc/natd.conf /boot/loader.conf")).not.toContain(
    "pulumi",
  );
  expect(await shows("tail -n 4 /etc/rc.conf")).toBe(
    BY_HAND.split("\n").slice(-5, -1).join("\n").concat("\n"),
  );
  expect(await shows("ls /jails")).toContain("testA");
});
