import { check } from "../../provider/check";
import type { Kind } from "../../provider/kind";
import { bridge } from "../../provider/kinds/bridge";
import { epairLink } from "../../provider/kinds/epair-link";
import { jailRoot } from "../../provider/kinds/jail-root";
import { loopback } from "../../provider/kinds/loopback";
import { vlan } from "../../provider/kinds/vlan";
import { vnetJail } from "../../provider/kinds/vnet-jail";
import { sh } from "../../provider/sh";
import { essence } from "./essence";
import { type Made, Network } from "./network";

let network: Network;

const now = () => essence(network.host.snapshot(), { modules: false });

beforeEach(async () => {
  network = await Network.start();
});

afterEach(() => network.stop());

const lan = (changed: object = {}) => ({ ...network.declare.bridge(), ...changed });
const link = (name = "www", changed: object = {}) => {
  const { unit: _, ...declared } = network.declare.epairLink();
  return { ...declared, owner: `demo/test/${name}`, ...changed };
};
const tagged = (changed: object = {}) => ({
  host: network.reference,
  parent: "vtnet0",
  tag: 30,
  owner: "demo/test/office",
  ...changed,
});
const services = (changed: object = {}) => ({
  host: network.reference,
  name: "lo1",
  addresses: ["10.99.0.1/32", "fd00:99::1/128"],
  owner: "demo/test/services",
  ...changed,
});

/** Everything that a kind is tried with, its predecessors first. */
const trials: [name: string, kind: unknown, earlier: () => [unknown, object][], declared: () => object][] = [
  [
    "a bridge with all it can have",
    bridge,
    () => [],
    () => lan({ mtu: 9000, description: "office LAN", addresses: ["10.10.15.1/24", "fd00:15::1/64"] }),
  ],
  ["a bridge with the uplink", bridge, () => [], () => lan({ members: ["vtnet0"], mtu: 1500 })],
  [
    "a bridge with a name of its own",
    bridge,
    () => [],
    () => lan({ name: "dmz", members: ["vtnet0"], mtu: 1500, stp: { members: ["vtnet0"] } }),
  ],
  [
    "a link to a bridge with a name of its own",
    epairLink,
    () => [[bridge, lan({ name: "dmz" })]],
    () => link("www", { bridge: { name: "dmz", addresses: [] }, stp: true, unit: 4 }),
  ],
  [
    "a bridge that runs STP",
    bridge,
    () => [],
    () =>
      lan({
        members: ["vtnet0"],
        stp: {
          members: ["vtnet0"],
          protocol: "stp",
          priority: 8192,
          helloTime: 1,
          forwardDelay: 4,
          maxAge: 6,
        },
      }),
  ],
  [
    "a link that runs STP, with an MTU",
    epairLink,
    () => [[bridge, lan({ mtu: 9000, stp: {} })]],
    () => link("www", { bridge: { name: "bridge0", addresses: [], mtu: 9000 }, stp: true, unit: 4 }),
  ],
  ["a link without a unit", epairLink, () => [[bridge, lan()]], () => link()],
  [
    "a link on a bridge with an MTU",
    epairLink,
    () => [[bridge, lan({ mtu: 9000 })]],
    () => link("www", { bridge: { name: "bridge0", addresses: [], mtu: 9000 }, unit: 4 }),
  ],
  ["a vlan", vlan, () => [], () => tagged({ addresses: ["10.30.0.1/24", "10.30.0.2/24"], mtu: 1400 })],
  ["a vlan with a unit", vlan, () => [], () => tagged({ name: "vlan3", addresses: ["fd00:30::1/64"] })],
  ["a loopback", loopback, () => [], () => services()],
];

const makeAll = async (all: [unknown, object][]) => {
  const made: [unknown, Made][] = [];
  for (const [kind, declared] of all) made.push([kind, await network.create(kind, declared)]);
  return made;
};

describe.each(trials)("%s", (_, kind, earlier, declared) => {
  test("is made, made again without a change, comes back after a reboot, is removed without a trace", async () => {
    await makeAll(earlier());
    const pristine = now();
    const made = await network.create(kind, declared());
    expect(made.state.drift).toEqual([]);
    const there = now();
    await network.update(kind, made);
    expect(now()).toEqual(there);
    await network.host.reboot();
    expect(await network.read(kind, made)).toBe(true);
    expect(made.state.drift).toEqual([]);
    await network.update(kind, made);
    await network.delete(kind, made);
    expect(JSON.stringify(now())).not.toContain("demo/test/www");
    await network.delete(kind, made);
    const again = await network.create(kind, declared());
    await network.delete(kind, again);
    if (earlier().length === 0) expect(now()).toEqual(pristine);
  });

  test("whichever step fails, what was done before it is undone", async () => {
    await makeAll(earlier());
    const known = kind as Kind;
    const made = await network.create(kind, declared());
    const steps = known.ensure(made.state as never, undefined).length;
    await network.delete(kind, made);
    const pristine = now();
    for (let failing = 0; failing < steps; failing++) {
      const broken: Kind = {
        ...known,
        ensure: (input, previous) =>
          known
            .ensure(input, previous)
            .map((step, i) => (i === failing ? { run: sh`{ echo injected >&2; false; }` } : step)),
      };
      await expect(network.create(broken, declared())).rejects.toThrow(
        /exit status 1\n {4}injected\nWhat was done before it has been undone\.$/,
      );
      expect(now()).toEqual(pristine);
    }
    expect(steps).toBeGreaterThan(4);
  });
});

const jail = (jailSide: string, changed: object = {}) => ({
  ...network.declare.vnetJail(),
  interfaces: [{ link: { jailSide, subnets: [] }, addresses: ["10.10.15.100/24"] }],
  ...changed,
});

describe("a link", () => {
  test("without a unit takes one that is free, running and at boot, and keeps it", async () => {
    await network.host.exec(`ifconfig epair0 create; sysrc cloned_interfaces="epair1:sticky epair2"`);
    await network.create(bridge, lan());
    const made = await network.create(epairLink, link());
    expect(made).toMatchObject({ id: "epair3", state: { unit: 3, name: "epair3", jailSide: "epair3b" } });
    await network.host.exec("ifconfig epair0a destroy; ifconfig epair3a destroy");
    expect(await network.read(epairLink, made)).toBe(true);
    expect(made.state.drift).toContain("running: epair3a does not exist");
    await network.update(epairLink, made);
    expect(made.state).toMatchObject({ unit: 3, drift: [] });
  });

  test("without a unit gets another one than those made at the same time", async () => {
    await network.create(bridge, lan());
    const names = ["a", "b", "c", "d", "e"];
    const made = await Promise.all(names.map((name) => network.create(epairLink, link(name))));
    expect(new Set(made.map(({ state }) => state.unit)).size).toBe(names.length);
    expect(new Set(made.flatMap(({ state }) => [state.hostEther, state.jailEther])).size).toBe(10);
  });

  test("goes on with the pair that a run before took and could not finish", async () => {
    await network.create(bridge, lan());
    await network.host.exec("ifconfig epair7 create; ifconfig epair7a description demo/test/www");
    const made = await network.create(epairLink, link());
    expect(made.state).toMatchObject({ unit: 7, drift: [] });
  });

  test("has MAC addresses of its own, which a jail and a reboot keep", async () => {
    await network.create(bridge, lan());
    const made = await network.create(epairLink, link());
    const { hostEther, jailEther } = made.state;
    for (const ether of [hostEther, jailEther]) expect(ether).toMatch(/^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/);
    await network.create(jailRoot, network.declare.jailRoot());
    const www = await network.create(vnetJail, jail("epair0b", { gateway: undefined }));
    const shown = async () => [
      await network.shows("ifconfig epair0a | grep ether"),
      await network.shows("ifconfig -j testA epair0b | grep ether"),
    ];
    const expected = [`\tether ${hostEther}\n`, `\tether ${jailEther}\n`];
    expect(await shown()).toEqual(expected);
    await network.host.reboot();
    expect(await shown()).toEqual(expected);
    await network.host.exec(
      "ifconfig -j testA epair0b ether 02:00:00:00:00:01; ifconfig epair0a ether 02:00:00:00:00:02",
    );
    expect(await network.read(epairLink, made)).toBe(true);
    expect(made.state.drift).toEqual([
      "running: the MAC address of epair0a is 02:00:00:00:00:02",
      "running: the MAC address of epair0b is 02:00:00:00:00:01",
    ]);
    await network.update(epairLink, made);
    expect(await shown()).toEqual(expected);
    await network.update(epairLink, made, {
      host: { ...network.reference, externalInterface: "em9" },
      owner: "demo/test/renamed",
    });
    expect(made.state).toMatchObject({ hostEther, jailEther, drift: [] });
    await network.update(epairLink, made, { jailEther: "02:00:5e:10:00:01" });
    expect(await network.shows("ifconfig -j testA epair0b | grep ether")).toBe("\tether 02:00:5e:10:00:01\n");
    await network.delete(vnetJail, www);
  });

  test("has the MTU of its bridge on both sides, in a jail and after a reboot too", async () => {
    const wide = { name: "bridge0", addresses: ["10.10.15.1/24"], mtu: 9000 };
    const first = await network.create(bridge, lan());
    const made = await network.create(epairLink, link());
    await network.create(jailRoot, network.declare.jailRoot());
    await network.create(vnetJail, jail("epair0b"));
    const shown = () =>
      network.shows(
        "for i in bridge0 epair0a '-j testA epair0b'; do ifconfig $i | sed -n '1s/.* mtu //p'; done",
      );
    await network.update(bridge, first, { mtu: 9000 });
    await network.update(epairLink, made, { bridge: wide });
    expect(await shown()).toBe("9000\n9000\n9000\n");
    await network.host.reboot();
    expect(await shown()).toBe("9000\n9000\n9000\n");
    await network.host.exec("ifconfig bridge0 mtu 1400; ifconfig -j testA epair0b mtu 1300");
    await network.read(bridge, first);
    await network.read(epairLink, made);
    expect([...first.state.drift, ...made.state.drift]).toEqual([
      "running: the MTU of bridge0 is 1400",
      "running: the MTU of epair0a is 1400",
      "running: the MTU of epair0b is 1300",
    ]);
    await network.update(bridge, first, { mtu: 9000 });
    await network.update(epairLink, made, { bridge: wide });
    expect(await shown()).toBe("9000\n9000\n9000\n");
    await network.update(bridge, first, { mtu: undefined });
    await network.update(epairLink, made, { bridge: { ...wide, mtu: undefined } });
    expect(await shown()).toBe("1500\n1500\n1500\n");
  });

  test("that the first release made has no drift, and gets its MAC addresses with its next update", async () => {
    await network.create(bridge, lan());
    const made = await network.create(
      { ...epairLink, settle: undefined } as never,
      network.declare.epairLink(),
    );
    for (const key of ["hostEther", "jailEther"]) delete made.state[key];
    const before = await network.shows("cat /etc/rc.conf");
    expect(before).toContain('ifconfig_epair1a="up"\n');
    expect(before).not.toContain("ifconfig_epair1b");
    expect(await network.read(epairLink, made)).toBe(true);
    expect(made.state.drift).toEqual([]);
    expect(made.state).not.toHaveProperty("hostEther");
    await network.update(epairLink, made);
    expect(made.state).toMatchObject({ drift: [], hostEther: expect.stringMatching(/:/) });
  });

  test.each([
    [{ hostEther: "02:00:5E:10:00:01" }, "hostEther", "must be in lower case"],
    [{ hostEther: "01:00:5e:10:00:01" }, "hostEther", "is a multicast address"],
    [{ jailEther: "02:00:5e:10:00" }, "jailEther", "is not a MAC address"],
    [{ hostEther: "02:00:5e:10:00:01", jailEther: "02:00:5e:10:00:01" }, "jailEther", "the two must differ"],
    [{ unit: 40000 }, "unit", "40000 is not a unit: a whole number from 0 to 32767"],
  ])("is refused with %j", (changed, property, reason) => {
    expect(check(epairLink as unknown as Kind, link("www", changed)).failures).toEqual([
      { property, reason: expect.stringContaining(reason) },
    ]);
  });
});

describe("a bridge", () => {
  test("that the first release made needs no change", async () => {
    const made = await network.create(bridge, lan());
    delete made.state.members;
    const there = now();
    expect(await network.read(bridge, made)).toBe(true);
    expect(made.state.drift).toEqual([]);
    delete made.state.members;
    await network.update(bridge, made);
    expect(now()).toEqual(there);
  });

  test("changes the prefix length of its addresses live, and has the old one again where that fails", async () => {
    const addresses = (prefix: number, prefix6: number) => [`10.10.15.1/${prefix}`, `fd00:15::1/${prefix6}`];
    const made = await network.create(bridge, lan({ addresses: addresses(24, 64) }));
    await network.update(bridge, made, { addresses: addresses(25, 80) });
    const shown = () => network.shows("ifconfig -f inet:cidr,inet6:cidr bridge0 | grep -o 'inet.*/[0-9]*'");
    expect(await shown()).toBe("inet 10.10.15.1/25\ninet6 fd00:15::1/80\n");
    const there = now();
    await expect(
      network.update(bridge, made, { addresses: addresses(24, 64), members: ["nosuch0"] }),
    ).rejects.toThrow("nosuch0");
    expect(now()).toEqual(there);
  });

  test("changes its members and description live, and finds them changed", async () => {
    await network.host.exec("ifconfig tap0 create");
    const made = await network.create(bridge, lan({ members: ["tap0"], description: "old" }));
    await network.host.exec(
      "ifconfig bridge0 deletem tap0; ifconfig bridge0 description 'demo/test/lan new'",
    );
    await network.read(bridge, made);
    expect(made.state.drift).toEqual([
      'running: the description of bridge0 is not "demo/test/lan old"',
      "running: tap0 is not a member of bridge0",
    ]);
    await network.update(bridge, made);
    expect(made.state.drift).toEqual([]);
    await network.host.exec("ifconfig tap1 create");
    await network.update(bridge, made, { members: ["tap1"], description: undefined });
    expect(await network.shows("ifconfig bridge0 | grep -E 'descr|member:'")).toMatch(
      /^\tdescription: demo\/test\/lan\n\tmember: tap1 .*\n$/,
    );
  });

  test("does not change the MTU of an interface that is not ours", async () => {
    await network.host.exec("ifconfig tap0 create");
    await expect(network.create(bridge, lan({ members: ["tap0"], mtu: 9000 }))).rejects.toThrow(
      "tap0 has an MTU of 1500, which bridge0 would change to 9000",
    );
    const made = await network.create(bridge, lan({ members: ["tap0"] }));
    await expect(network.update(bridge, made, { mtu: 9000 })).rejects.toThrow("tap0 has an MTU of 1500");
    await network.host.exec("ifconfig tap1 create mtu 1400");
    await expect(network.update(bridge, made, { members: ["tap0", "tap1"] })).rejects.toThrow(
      "tap1 has an MTU of 1400, which bridge0 would change to 1500",
    );
    await expect(network.create(bridge, lan({ name: "bridge1", members: ["em9"] }))).rejects.toThrow(
      "interface em9 does not exist",
    );
  });

  test("keeps its address at boot when a member is missing", async () => {
    await network.host.exec("ifconfig tap0 create");
    const made = await network.create(bridge, lan({ members: ["tap0"] }));
    await network.host.reboot();
    await network.read(bridge, made);
    expect(made.state.drift).toEqual(["running: tap0 is not a member of bridge0"]);
  });

  test.each([
    [{ mtu: 100 }, "mtu", "100 is not an MTU"],
    [{ members: ["em0", "em0"] }, "members[1]", "em0 is there already, as members[0]"],
    [{ description: "two  blanks" }, "description", "one blank between words"],
    [{ description: 'a "quote"' }, "description", "cannot be kept in rc.conf(5)"],
  ])("is refused with %j", (changed, property, reason) => {
    expect(check(bridge as unknown as Kind, lan(changed)).failures).toEqual([
      { property, reason: expect.stringContaining(reason) },
    ]);
  });
});

describe("a bridge with a name of its own", () => {
  const dmz = (changed: object = {}) => lan({ name: "dmz", ...changed });
  /** What follows from the name. */
  const clone = "bridge25491";

  test("is made as another one and renamed, now and at boot, with the same MAC address", async () => {
    const made = await network.create(bridge, dmz());
    const wire = await network.create(epairLink, link("www", { bridge: { name: "dmz", addresses: [] } }));
    const lines = await network.shows("cat /etc/rc.conf");
    expect(lines).toContain(`cloned_interfaces="\${cloned_interfaces} ${clone}"\n`);
    expect(lines).toContain(`ifconfig_${clone}_name="dmz"\n`);
    expect(lines).toContain('ifconfig_dmz="inet 10.10.15.1/24 up"\n');
    expect(lines).toContain(`autobridge_dmz="\${autobridge_dmz} epair0a"\n`);
    const ether = made.state.ether;
    await network.host.reboot();
    for (const [kind, each] of [
      [bridge, made],
      [epairLink, wire],
    ] as const) {
      await network.read(kind, each);
      expect(each.state.drift).toEqual([]);
    }
    expect(made.state.ether).toBe(ether);
    expect(await network.shows("ifconfig -l")).toBe("vtnet0 lo0 dmz epair0a epair0b\n");
    expect(await network.shows("service netif cloneup 2>&1; ifconfig -l")).toContain(
      "vtnet0 lo0 dmz epair0a",
    );
  });

  test("that was destroyed by hand comes back under its name", async () => {
    const made = await network.create(bridge, dmz());
    await network.host.exec("ifconfig dmz destroy");
    await network.read(bridge, made);
    expect(made.state.drift).toEqual(["running: dmz does not exist"]);
    await network.update(bridge, made);
    expect(made.state.drift).toEqual([]);
    expect(await network.shows("ifconfig -l")).toBe("vtnet0 lo0 dmz\n");
  });

  test.each([
    [`ifconfig ${clone} create`, `that is taken by the interface ${clone}: choose another name`],
    [`sysrc cloned_interfaces=${clone}`, "that is taken by cloned_interfaces in /etc/rc.conf"],
    [`ifconfig ${clone} create name other`, `interface ${clone} already exists`],
    ["ifconfig bridge create name dmz", "interface dmz is there already and is not this resource's"],
  ])("is refused where its place is taken: %s", async (command, words) => {
    await network.host.exec(command);
    const before = now();
    await expect(network.create(bridge, dmz())).rejects.toThrow(words);
    expect(now()).toEqual(before);
  });
});

describe("STP", () => {
  const stp = { members: ["vtnet0"], protocol: "stp", priority: 4096, helloTime: 1 };
  const uplink = (changed: object) => lan({ members: ["vtnet0"], ...changed });

  test("is shown by ifconfig, running and after a reboot", async () => {
    await network.create(bridge, uplink({ stp }));
    await network.create(epairLink, link("www", { unit: 4, stp: true }));
    for (const when of ["made", "booted"]) {
      if (when === "booted") await network.host.reboot();
      const shown = await network.shows("ifconfig bridge0");
      expect(shown).toContain(" priority 4096 hellotime 1 fwddelay 15\n\tmaxage 20 holdcnt 6 proto stp ");
      expect(shown).toMatch(/member: vtnet0 flags=147<LEARNING,DISCOVER,STP,AUTOEDGE,AUTOPTP>/);
      expect(shown).toMatch(
        /member: epair4a flags=147<.*\n.* proto stp\n\t +role designated state forwarding\n/,
      );
    }
  });

  test("changes live, and what is no longer declared is as FreeBSD has it", async () => {
    const made = await network.create(bridge, uplink({ stp }));
    const wire = await network.create(epairLink, link("www", { unit: 4, stp: true }));
    await network.update(bridge, made, { stp: { priority: 8192 } });
    await network.update(epairLink, wire, { stp: false });
    const shown = await network.shows("ifconfig bridge0");
    expect(shown).toContain(" priority 8192 hellotime 2 fwddelay 15\n\tmaxage 20 holdcnt 6 proto rstp ");
    expect(shown).not.toContain("STP");
    expect(await network.shows("ls /etc/start_if.*")).toContain("No such file or directory");
    await network.update(bridge, made, { stp: undefined });
    expect(await network.shows("ifconfig bridge0")).toContain(" priority 32768 hellotime 2 ");
    await network.host.reboot();
    for (const [kind, each] of [
      [bridge, made],
      [epairLink, wire],
    ] as const) {
      await network.read(kind, each);
      expect(each.state.drift).toEqual([]);
    }
    expect(await network.shows("ifconfig bridge0")).not.toContain("STP");
  });

  test("drifts on both planes, and is mended", async () => {
    const made = await network.create(bridge, uplink({ stp }));
    const wire = await network.create(epairLink, link("www", { unit: 4, stp: true }));
    await network.host.exec(
      "ifconfig bridge0 proto rstp priority 0 -stp vtnet0 -stp epair4a; rm /etc/start_if.epair4a; echo >> /etc/start_if.bridge0; sed -i '' -e 's/stp vtnet0/stp em0/' /etc/start_if.bridge0",
    );
    await network.read(bridge, made);
    await network.read(epairLink, wire);
    expect(made.state.drift).toEqual([
      "running: the proto of bridge0 is rstp",
      "running: the priority of bridge0 is 0",
      "running: the hellotime of bridge0 is 2",
      "running: vtnet0 does not run STP on bridge0",
      "at boot: its lines in /etc/start_if.bridge0 were changed",
    ]);
    expect(wire.state.drift).toEqual([
      "running: epair4a does not run STP on bridge0",
      "at boot: its lines are gone from /etc/start_if.epair4a",
    ]);
    await network.update(bridge, made);
    await network.update(epairLink, wire);
    expect([made.state.drift, wire.state.drift]).toEqual([[], []]);
  });

  test("leaves the lines of somebody's start_if file as they are", async () => {
    await network.create(bridge, lan());
    await network.host.exec("echo 'logger epair4a starts' > /etc/start_if.epair4a");
    const wire = await network.create(epairLink, link("www", { unit: 4, stp: true }));
    await network.delete(epairLink, wire);
    expect(await network.shows("cat /etc/start_if.epair4a")).toBe("logger epair4a starts\n");
  });

  test("of a link that moves to another bridge goes along", async () => {
    await network.create(bridge, lan());
    await network.create(bridge, lan({ name: "bridge1", addresses: [], owner: "demo/test/other" }));
    const wire = await network.create(epairLink, link("www", { unit: 4, stp: true }));
    await network.update(epairLink, wire, { bridge: { name: "bridge1", addresses: [] } });
    await network.host.reboot();
    await network.read(epairLink, wire);
    expect(wire.state.drift).toEqual([]);
    expect(await network.shows("ifconfig bridge1")).toMatch(/member: epair4a flags=147</);
    expect(await network.shows("ifconfig bridge0")).not.toContain("member");
  });
});

describe.each([
  ["vlan", vlan, "vtnet0.30", () => tagged()],
  ["numbered vlan", vlan, "vlan7", () => tagged({ name: "vlan7" })],
  ["loopback", loopback, "lo1", () => services({ addresses: [] })],
] as const)("a %s", (_, kind, name, declared) => {
  test("goes into a jail and comes back, and over a reboot too", async () => {
    const pristine = now();
    const made = await network.create(kind, declared());
    const root = await network.create(jailRoot, network.declare.jailRoot());
    const www = await network.create(vnetJail, jail(name, { gateway: undefined }));
    const isThere = async () => {
      expect(await network.read(kind, made)).toBe(true);
      expect(await network.read(vnetJail, www)).toBe(true);
      expect([...made.state.drift, ...www.state.drift]).toEqual([]);
      expect(await network.shows(`ifconfig -j testA ${name}`)).toContain("inet 10.10.15.100 ");
    };
    await isThere();
    const there = now();
    await network.update(kind, made);
    expect(now()).toEqual(there);
    await network.host.reboot();
    await isThere();
    await network.delete(vnetJail, www);
    expect(await network.read(kind, made)).toBe(true);
    expect(made.state.drift).toEqual([]);
    await network.delete(jailRoot, root);
    await network.delete(kind, made);
    expect(await network.shows("ifconfig -l; cat /etc/rc.conf | grep -c pulumi")).toBe("vtnet0 lo0\n0\n");
    expect(pristine).toBeDefined();
  });

  test("is removed from a jail that somebody gave it to", async () => {
    const made = await network.create(kind, declared());
    await network.host.exec(
      `jail -c name=other path=/jails/template vnet persist; ifconfig ${name} vnet other`,
    );
    await network.delete(kind, made);
    expect(await network.shows("ifconfig -l; ifconfig -j other -l")).toBe("vtnet0 lo0\nlo0\n");
  });

  test("is not taken for one of a jail that shares the host's network", async () => {
    await network.host.exec("jail -c name=classic path=/jails/template host.hostname=classic persist");
    const made = await network.create(kind, declared());
    expect(await network.read(kind, made)).toBe(true);
    expect(made.state.drift).toEqual([]);
    await network.host.exec(`ifconfig ${name} down`);
    await network.read(kind, made);
    expect(made.state.drift).toEqual([expect.stringContaining("running: ")]);
    await network.update(kind, made);
    await network.delete(kind, made);
    expect(await network.shows("ifconfig -l")).toBe("vtnet0 lo0\n");
  });

  test("of somebody else's is refused and left as it is", async () => {
    await network.host.exec(`ifconfig ${name} create`);
    const there = now();
    await expect(network.create(kind, declared())).rejects.toThrow(
      `interface ${name} is there already and is not this resource's`,
    );
    expect(now()).toEqual(there);
  });
});

describe("a vlan", () => {
  test("whose tag another interface has is refused, with its name", async () => {
    await network.host.exec("ifconfig vlan5 create vlan 30 vlandev vtnet0");
    await expect(network.create(vlan, tagged())).rejects.toThrow(
      "tag 30 on vtnet0 is used already, by vlan5",
    );
  });

  test("on an interface that is not there is refused", async () => {
    await expect(network.create(vlan, tagged({ parent: "em9" }))).rejects.toThrow(
      "interface em9 does not exist",
    );
  });

  test("that has lost its parent gets it again", async () => {
    const made = await network.create(vlan, tagged({ name: "vlan7" }));
    await network.host.exec("ifconfig vlan7 -vlandev; ifconfig vlan7 down");
    await network.read(vlan, made);
    expect(made.state.drift).toEqual(["running: vlan7 is down", "running: vlan7 has the tag 0 on <none>"]);
    await network.update(vlan, made);
    expect(made.state.drift).toEqual([]);
  });

  test.each([
    [{ tag: 4095 }, "tag", "is not a VLAN tag"],
    [{ name: "lan" }, "name", 'is neither "vlan" and a unit, such as "vlan30", nor "vtnet0.30"'],
    [{ parent: "a_long_name_12" }, "name", "FreeBSD's interface names have 15 at most"],
  ])("is refused with %j", (changed, property, reason) => {
    expect(check(vlan as unknown as Kind, tagged(changed)).failures).toEqual([
      { property, reason: expect.stringContaining(reason) },
    ]);
  });
});

test("lo0 is nobody's loopback", () => {
  expect(check(loopback as unknown as Kind, services({ name: "lo0" })).failures).toEqual([
    { property: "name", reason: expect.stringContaining("is the host's own loopback") },
  ]);
});
