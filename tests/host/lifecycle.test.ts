import type { Kind } from "../../provider/kind";
import { bridge } from "../../provider/kinds/bridge";
import { epairLink } from "../../provider/kinds/epair-link";
import { host } from "../../provider/kinds/host";
import { jailRoot } from "../../provider/kinds/jail-root";
import { natGateway } from "../../provider/kinds/nat-gateway";
import { natRedirect } from "../../provider/kinds/nat-redirect";
import { vnetJail } from "../../provider/kinds/vnet-jail";
import { brokenAt } from "./broken";
import { essence } from "./essence";
import { type Made, Network } from "./network";

let network: Network;

/** Modules are unloaded with the `Host`, so tests of one kind leave them out. */
const now = () => essence(network.host.snapshot(), { modules: false });

beforeEach(async () => {
  network = await Network.start();
});

afterEach(() => network.stop());

const kinds = [host, bridge, epairLink, jailRoot, vnetJail, natGateway, natRedirect] as unknown as Kind[];

describe.each(kinds.map((kind) => [kind.noun, kind] as const))("%s", (_, kind) => {
  test("is made, is as declared, is made again without a change, and is removed without a trace", async () => {
    await network.before(kind);
    const pristine = now();
    const declared = network.all().find(([each]) => each === kind)![1];
    const made = await network.create(kind, declared);
    expect(made.state.drift).toEqual([]);
    const there = now();
    await network.update(kind, made);
    expect(now()).toEqual(there);
    expect(await network.read(kind, made)).toBe(true);
    expect(made.state.drift).toEqual([]);
    await network.delete(kind, made);
    expect(now()).toEqual(pristine);
    await network.delete(kind, made);
    expect(now()).toEqual(pristine);
  });

  test("whichever step fails, what was done before it is undone", async () => {
    await network.before(kind);
    const pristine = now();
    const declared = network.all().find(([each]) => each === kind)![1];
    const made = await network.create(kind, declared);
    await network.delete(kind, made);
    const steps = kind.ensure(made.inputs as never, undefined).length;
    for (let failing = 0; failing < steps; failing++) {
      const broken = brokenAt(kind, failing);
      await expect(network.create(broken, declared)).rejects.toThrow(
        /exit status 1\n {4}injected\nWhat was done before it has been undone\.$/,
      );
      expect(now()).toEqual(pristine);
    }
    expect(steps).toBeGreaterThan(0);
  });
});

const allMade = async (): Promise<[Kind, Made][]> => {
  const made: [Kind, Made][] = [];
  for (const [kind, declared] of network.all())
    made.push([kind as Kind, await network.create(kind, declared)]);
  return made;
};

const drifts = async (made: [Kind, Made][]): Promise<string[]> => {
  const found: string[] = [];
  for (const [kind, each] of made) {
    if (!(await network.read(kind, each))) found.push(`${kind.noun} is gone`);
    else found.push(...each.state.drift);
  }
  return found;
};

test("after a reboot everything is there again", async () => {
  const made = await allMade();
  await network.host.reboot();
  expect(await drifts(made)).toEqual([]);
  expect(await network.shows("jls name")).toBe("testA\n");
});

test("removed in the opposite order, the host is as before", async () => {
  const pristine = now();
  const made = await allMade();
  for (const [kind, each] of made.reverse()) await network.delete(kind, each);
  expect(now()).toEqual(pristine);
});

test("removed after a reboot, the host is as a reboot leaves it", async () => {
  await network.host.reboot();
  const pristine = now();
  const made = await allMade();
  await network.host.reboot();
  for (const [kind, each] of made.reverse()) await network.delete(kind, each);
  expect(now()).toEqual(pristine);
});

const disturbances: [command: string, words: string[]][] = [
  ["ifconfig bridge0 inet 10.10.15.1 -alias", ["running: bridge0 lacks 10.10.15.1/24"]],
  ["ifconfig bridge0 down", ["running: bridge0 is down"]],
  ["ifconfig bridge0 -description", ['running: the description of bridge0 is not "demo/test/lan"']],
  ["ifconfig bridge0 deletem epair1a", ["running: epair1a is not a member of bridge0"]],
  ["ifconfig epair1a down", ["running: epair1a is down"]],
  ["jail -r testA", ["running: the jail testA is stopped"]],
  ["jail -m name=testA host.hostname=other", ["running: host.hostname of the jail testA is other"]],
  [
    "ifconfig -j testA epair1b inet 10.10.15.100 -alias",
    [
      "running: epair1b in the jail testA lacks 10.10.15.100/24",
      "running: the default route of the jail testA is gone",
    ],
  ],
  [
    `sed -i '' -e 's/^ifconfig_bridge0=.*/ifconfig_bridge0="up"/' /etc/rc.conf`,
    ["at boot: its lines in /etc/rc.conf were changed"],
  ],
  [
    "sysrc cloned_interfaces=bridge9",
    [
      "at boot: another line of /etc/rc.conf sets cloned_interfaces without bridge0",
      "at boot: its lines in /etc/rc.conf were changed",
    ],
  ],
  [
    `echo 'cloned_interfaces="bridge9"' >> /etc/rc.conf`,
    [
      "at boot: another line of /etc/rc.conf sets cloned_interfaces without bridge0",
      "at boot: another line of /etc/rc.conf sets cloned_interfaces without epair1",
    ],
  ],
  ["rm /etc/jail.conf.d/testA.conf", ["at boot: /etc/jail.conf.d/testA.conf is gone"]],
  ["echo '# x' >> /etc/jail.conf.d/testA.conf", ["at boot: /etc/jail.conf.d/testA.conf was changed"]],
  ["rm /etc/jail.conf", ["at boot: /etc/jail.conf does not include /etc/jail.conf.d/testA.conf"]],
  ["sysctl net.inet.ip.forwarding=0", ["running: net.inet.ip.forwarding is 0"]],
  ["ipfw -q delete 65532", ["running: ipfw has no divert rule 65532"]],
  ["rm /etc/ipfw.conf", ["at boot: /etc/ipfw.conf is gone"]],
  ["echo 'echo hello' >> /etc/ipfw.conf", ["at boot: /etc/ipfw.conf was changed"]],
];

test.each(disturbances)("drift is found and mended: %s", async (command, words) => {
  const made = await allMade();
  const there = await network.shows(
    "cat /etc/rc.conf /etc/jail.conf /etc/natd.conf /etc/ipfw.conf; jls name; ipfw list",
  );
  await network.host.exec(command);
  expect(await drifts(made)).toEqual(words);
  for (const [kind, each] of made) if (each.state.drift.length > 0) await network.update(kind, each);
  expect(await drifts(made)).toEqual([]);
  if (!command.includes("cloned_interfaces")) {
    expect(
      await network.shows(
        "cat /etc/rc.conf /etc/jail.conf /etc/natd.conf /etc/ipfw.conf; jls name; ipfw list",
      ),
    ).toBe(there);
  }
});

test("an epair that is destroyed by hand takes nothing else with it, and comes back", async () => {
  const made = await allMade();
  await network.host.exec("ifconfig epair1a destroy");
  expect(await drifts(made)).toEqual([
    "running: epair1a does not exist",
    "running: the jail testA has lost epair1b",
    "running: the default route of the jail testA is gone",
  ]);
  for (const [kind, each] of made) if (each.state.drift.length > 0) await network.update(kind, each);
  expect(await drifts(made)).toEqual([]);
});

describe("what is there already and is not ours", () => {
  const cases: [noun: string, kind: unknown, prepare: string, error: string][] = [
    [
      "an interface",
      bridge,
      "ifconfig bridge0 create",
      "interface bridge0 is there already and is not this resource's",
    ],
    [
      "an epair",
      epairLink,
      "ifconfig epair1 create",
      "interface epair1a is there already and is not this resource's",
    ],
    ["a dataset", jailRoot, "zfs create zroot/jails/testA", "dataset zroot/jails/testA is there already"],
    [
      "a jail's file",
      vnetJail,
      "echo x > /etc/jail.conf.d/testA.conf",
      "/etc/jail.conf.d/testA.conf is there already",
    ],
    [
      "a running jail",
      vnetJail,
      "jail -c name=testA path=/jails/template persist",
      "a jail testA runs already",
    ],
    ["natd.conf", natGateway, "echo interface vtnet0 > /etc/natd.conf", "/etc/natd.conf is there already"],
    ["a firewall", natGateway, "echo 'firewall_enable=YES' >> /etc/rc.conf", "turns on a firewall already"],
  ];
  test.each(cases)("is refused and left as it is: %s", async (_, kind, prepare, error) => {
    await network.before(kind);
    await network.host.exec(prepare);
    const there = now();
    const declared = network.all().find(([each]) => each === kind)![1];
    await expect(network.create(kind, declared)).rejects.toThrow(error);
    expect(now()).toEqual(there);
  });
});

test("a port that is redirected already is refused, with where to", async () => {
  await allMade();
  const second = { ...network.declare.natRedirect(80), owner: "demo/test/other" };
  await expect(network.create(natRedirect, second)).rejects.toThrow(
    "tcp port 80 is redirected already, to 10.10.15.100:80; see /etc/natd.conf",
  );
});

test("several redirects at once are all in force", async () => {
  await network.before(natRedirect);
  const ports = [80, 81, 82, 83];
  const made = await Promise.all(
    ports.map((port) => network.create(natRedirect, network.declare.natRedirect(port))),
  );
  for (const each of made) {
    await network.read(natRedirect, each);
    expect(each.state.drift).toEqual([]);
  }
  await Promise.all(made.map((each) => network.delete(natRedirect, each)));
  expect(await network.shows("cat /etc/natd.conf")).not.toContain("redirect_port");
});

test("hostname, addresses and gateway change live; what only a start can apply restarts the jail, once", async () => {
  const made = await allMade();
  const jail = made.find(([kind]) => (kind as unknown) === vnetJail)![1];
  const jid = jail.state.jid;
  await network.update(vnetJail, jail, { hostname: "www.example.net" });
  expect(jail.state.jid).toBe(jid);
  expect(await network.shows("jls -j testA host.hostname")).toBe("www.example.net\n");
  const [nic] = jail.inputs.interfaces as object[];
  const moved = {
    hostname: "www.example.net",
    gateway: "10.10.15.2",
    interfaces: [{ ...nic, addresses: ["10.10.15.200/24", "fd00:15::200/64"] }],
  };
  await network.update(vnetJail, jail, moved);
  expect(jail.state).toMatchObject({ jid, drift: [] });
  const shown = await network.shows(
    "ifconfig -j testA -f inet:cidr,inet6:cidr epair1b; route -j testA -n get default",
  );
  expect(shown).toContain("inet 10.10.15.200/24");
  expect(shown).toContain("inet6 fd00:15::200/64");
  expect(shown).not.toContain("10.10.15.100");
  expect(shown).toContain("gateway: 10.10.15.2");
  await network.update(vnetJail, jail, { ...moved, devfsRuleset: 4, start: ["true"], stop: ["true"] });
  expect(jail.state.jid).toBe((jid as number) + 1);
  expect(jail.state.drift).toEqual([]);
});

test("a jail that was there for others keeps the list of jails to start in order", async () => {
  await network.host.exec(`printf 'jail_enable="YES"\\njail_list="old"\\n' >> /etc/rc.conf`);
  const before = await network.shows("cat /etc/rc.conf");
  const made = await allMade();
  expect(await network.shows("sysrc -n jail_list")).toBe("old testA\n");
  for (const [kind, each] of made.reverse()) await network.delete(kind, each);
  expect(await network.shows("cat /etc/rc.conf")).toBe(before);
});

test("facts of the host are its outputs", async () => {
  const made = await network.create(host, network.declare.host());
  expect(made.state).toMatchObject({
    hostname: "fbsd14",
    release: "14.0-STABLE",
    osreldate: 1400507,
    architecture: "amd64",
    externalInterface: "vtnet0",
    externalAddress: "10.0.2.15",
    pools: ["zroot"],
    modules: ["if_vlan", "tmpfs", "procfs"],
  });
});
