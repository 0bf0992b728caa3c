import { check } from "../../provider/check";
import type { Kind } from "../../provider/kind";
import { bridge } from "../../provider/kinds/bridge";
import { devfsRuleset } from "../../provider/kinds/devfs-ruleset";
import { epairLink } from "../../provider/kinds/epair-link";
import { loopback } from "../../provider/kinds/loopback";
import { natRedirect } from "../../provider/kinds/nat-redirect";
import { vlan } from "../../provider/kinds/vlan";
import { vnetJail } from "../../provider/kinds/vnet-jail";
import { brokenAt } from "./broken";
import { essence } from "./essence";
import { Network } from "./network";

/** What was made by hand is taken over as it is, or left as it is. */

let network: Network;

const now = () => essence(network.host.snapshot(), { modules: false });
/** All that runs: numbers of jails and processes, MAC addresses, times. A mark is no part of it. */
const running = () =>
  JSON.parse(
    JSON.stringify(network.host.snapshot().kernel, (key, value) =>
      key === "description" ? undefined : value,
    ),
  );
const shows = (command: string) => network.shows(command);

const stepsOf = (kind: unknown, declared: Record<string, unknown>) =>
  (kind as Kind).ensure(check(kind as Kind, declared).inputs, undefined).length;

beforeEach(async () => {
  network = await Network.start();
});

afterEach(() => network.stop());

const bridgeByHand = "ifconfig bridge0 create && ifconfig bridge0 inet 10.10.15.1/24 up";
const linkByHand = `${bridgeByHand} && ifconfig epair1 create && ifconfig bridge0 addm epair1a && ifconfig epair1a up`;
const jailByHand = `${linkByHand} && zfs clone zroot/jails/template@base zroot/jails/testA &&
  jail -c name=testA path=/jails/testA vnet vnet.interface=epair1b persist mount.devfs devfs_ruleset=5 host.hostname=testA exec.start=true &&
  ifconfig -j testA epair1b inet 10.10.15.100/24 && route -j testA add default 10.10.15.1`;
const rulesetByHand =
  "for rule in 1 2 3; do devfs rule -s 1000 add include $rule; done; devfs rule -s 1000 add path 'bpf*' unhide";

interface Case {
  readonly kind: unknown;
  readonly declared: () => Record<string, unknown>;
  readonly byHand: string;
  readonly changes: readonly (readonly [command: string, sentence: string])[];
  /** How it is taken away by hand. */
  readonly away: string;
}

const cases: Record<string, Case> = {
  bridge: {
    kind: bridge,
    declared: () => network.declare.bridge(),
    byHand: bridgeByHand,
    changes: [
      ["ifconfig bridge0 inet 10.10.15.1 -alias", "bridge0 lacks 10.10.15.1/24"],
      ["ifconfig bridge0 down", "bridge0 is down"],
      ["ifconfig bridge0 description 'office LAN'", 'the description of bridge0 is "office LAN"'],
    ],
    away: "ifconfig bridge0 destroy",
  },
  link: {
    kind: epairLink,
    declared: () => network.declare.epairLink(),
    byHand: linkByHand,
    changes: [
      ["ifconfig bridge0 deletem epair1a", "epair1a is not a member of bridge0"],
      ["ifconfig epair1a down", "epair1a is down"],
    ],
    away: "ifconfig epair1a destroy",
  },
  jail: {
    kind: vnetJail,
    declared: () => network.declare.vnetJail(),
    byHand: jailByHand,
    changes: [
      ["jail -m name=testA host.hostname=other", "host.hostname of the jail testA is other"],
      [
        "ifconfig -j testA epair1b inet 10.10.15.100 -alias",
        "epair1b in the jail testA lacks 10.10.15.100/24",
      ],
      ["route -j testA delete default", "the default route of the jail testA is gone"],
      ["ifconfig epair1b -vnet testA", "the jail testA has lost epair1b"],
      [
        "printf 'testA {\\n\\tpersist;\\n}\\n' > /etc/jail.conf",
        "/etc/jail.conf has the jail too, and the hooks of both would run: remove it from there, the jail goes on running",
      ],
    ],
    away: "jail -r testA; umount /jails/testA/dev",
  },
  vlan: {
    kind: vlan,
    declared: () => ({
      host: network.reference,
      parent: "vtnet0",
      tag: 10,
      name: "vlan10",
      addresses: ["10.30.0.1/24"],
      owner: "demo/test/office",
    }),
    byHand: "ifconfig vlan10 create vlan 10 vlandev vtnet0 inet 10.30.0.1/24 up",
    changes: [["ifconfig vlan10 vlan 11 vlandev vtnet0", "vlan10 has the tag 11 on vtnet0"]],
    away: "ifconfig vlan10 destroy",
  },
  loopback: {
    kind: loopback,
    declared: () => ({
      host: network.reference,
      name: "lo1",
      addresses: ["10.99.0.1/32"],
      owner: "demo/test/services",
    }),
    byHand: "ifconfig lo1 create inet 10.99.0.1/32 up description 'of the cluster'",
    changes: [["ifconfig lo1 inet 10.99.0.1 -alias", "lo1 lacks 10.99.0.1/32"]],
    away: "ifconfig lo1 destroy",
  },
  ruleset: {
    kind: devfsRuleset,
    declared: () => ({
      host: network.reference,
      number: 1000,
      include: ["devfsrules_hide_all", "devfsrules_unhide_basic", "devfsrules_unhide_login"],
      rules: [{ path: "bpf*", action: "unhide" }],
      owner: "demo/test/packets",
    }),
    byHand: rulesetByHand,
    changes: [["devfs rule -s 1000 add path 'mem' unhide", 'it has the rule "path mem unhide"']],
    away: "devfs rule -s 1000 delset",
  },
};

describe.each(Object.entries(cases))("a %s by hand", (_, { kind, declared, byHand, changes, away }) => {
  const adopting = () => ({ ...declared(), adopt: true });

  beforeEach(async () => {
    expect(await network.host.exec(byHand)).toMatchObject({ status: 0 });
  });

  test("is taken over without being touched, is ours from then on, and leaves no trace of us", async () => {
    const before = running();
    const made = await network.create(kind, adopting());
    expect(made.state.drift).toEqual([]);
    expect(running()).toEqual(before);
    const there = now();
    await network.update(kind, made);
    await network.update(kind, made, { adopt: false });
    expect(now()).toEqual(there);
    await network.delete(kind, made);
    const after = now();
    await network.host.exec(`${byHand}; ${away}`);
    expect(now()).toEqual(after);
    expect(await shows("cat /etc/rc.conf /etc/jail.conf /etc/devfs.rules")).not.toContain("pulumi");
  });

  test("is refused without `adopt`, which the error names", async () => {
    const there = now();
    await expect(network.create(kind, declared())).rejects.toThrow("take it over with 'adopt: true'");
    expect(now()).toEqual(there);
  });

  test.each(changes)("is left alone where it is not as declared: %s", async (command, sentence) => {
    expect(await network.host.exec(command)).toMatchObject({ status: 0 });
    const there = now();
    const refused = network.create(kind, adopting());
    await expect(refused).rejects.toThrow("is there already, and is not as declared:\n");
    await expect(refused).rejects.toThrow(`\n    ${sentence}\n`);
    expect(now()).toEqual(there);
  });
});

describe("a jail's own file, written by hand", () => {
  const file = "/etc/jail.conf.d/testA.conf";
  const text = "testA { path = /jails/testA; vnet; exec.poststop = true; }";

  beforeEach(async () => {
    await network.host.exec(
      `${jailByHand}; mkdir /etc/jail.conf.d; echo '${text}' > ${file}; chmod 640 ${file}`,
    );
  });

  const adopting = () => ({ ...network.declare.vnetJail(), adopt: true });

  test("is put aside, and back by a delete, as it was", async () => {
    const before = network.host.snapshot().files[file];
    const made = await network.create(vnetJail, adopting());
    expect(made.state).toMatchObject({ jid: 1, drift: [], made: [`kept:${file}`] });
    expect(await shows(`cat ${file}`)).toContain("# pulumi-freebsd-vnet demo/test/testA\n");
    expect(await shows("cat /etc/jail.conf.d/.testA.conf.adopted")).toBe(`${text}\n`);
    await network.update(vnetJail, made, { adopt: false, startAtBoot: false });
    await network.update(vnetJail, made, { adopt: false, startAtBoot: true });
    expect(await shows("cat /etc/jail.conf.d/.testA.conf.adopted")).toBe(`${text}\n`);
    await network.delete(vnetJail, made);
    expect(network.host.snapshot().files[file]).toEqual(before);
    expect(await shows("ls -A /etc/jail.conf.d; jls name")).toBe("testA.conf\n");
  });

  test("is there as it was when a later step fails, whichever", async () => {
    const there = now();
    const steps = stepsOf(vnetJail, adopting());
    for (let failing = 0; failing < steps; failing++) {
      const broken = brokenAt(vnetJail as unknown as Kind, failing);
      await expect(network.create(broken, adopting())).rejects.toThrow(
        "What was done before it has been undone",
      );
      expect(now()).toEqual(there);
    }
  });

  test("is refused while the jail does not run, and without `adopt`", async () => {
    await expect(network.create(vnetJail, network.declare.vnetJail())).rejects.toThrow(
      `${file} is there already and is not this resource's; if what runs is as declared, take it over with 'adopt: true'`,
    );
    await network.host.exec("jail -r testA");
    const there = now();
    await expect(network.create(vnetJail, adopting())).rejects.toThrow(
      `${file} is there already, and is not as declared:\n    the jail testA is stopped\n`,
    );
    expect(now()).toEqual(there);
  });
});

test.each([
  ["bridge0", bridge, bridgeByHand, () => network.declare.bridge()],
  ["epair1a", epairLink, linkByHand, () => network.declare.epairLink()],
])("whichever step fails, %s by hand is as it was", async (name, kind, byHand, declared) => {
  const adopting = { ...declared(), adopt: true };
  await network.host.exec(byHand);
  if (kind === epairLink) await network.host.exec(`ifconfig ${name} description 'for testA'`);
  const there = now();
  const steps = stepsOf(kind, adopting);
  for (let failing = 0; failing < steps; failing++) {
    await expect(network.create(brokenAt(kind as unknown as Kind, failing), adopting)).rejects.toThrow(
      "injected",
    );
    expect(now()).toEqual(there);
  }
});

test("a bridge's words for people are declared, and kept behind the mark", async () => {
  await network.host.exec(`${bridgeByHand} && ifconfig bridge0 description 'office LAN'`);
  await network.create(bridge, { ...network.declare.bridge(), description: "office LAN", adopt: true });
  expect(await shows("ifconfig bridge0")).toContain("\tdescription: demo/test/lan office LAN\n");
});

test("a link keeps the MAC addresses that it has, unless others are declared", async () => {
  await network.host.exec(linkByHand);
  const link = { ...network.declare.epairLink(), adopt: true };
  const other = network.create(epairLink, { ...link, jailEther: "02:00:5e:10:00:0b" });
  await expect(other).rejects.toThrow("\n    the MAC address of epair1b is 02:");
  const { state } = await network.create(epairLink, link);
  const ether = async (side: string) => /ether (\S+)/.exec(await shows(`ifconfig ${side}`))?.[1];
  expect(state).toMatchObject({ hostEther: await ether("epair1a"), jailEther: await ether("epair1b") });
  expect(await shows("cat /etc/rc.conf")).toContain(`ifconfig_epair1b="ether ${state.jailEther}"`);
});

test("a pair is taken over by its number", () => {
  const { unit: _, ...link } = network.declare.epairLink();
  expect(check(epairLink as unknown as Kind, { ...link, adopt: true }).failures).toEqual([
    { property: "adopt", reason: "say which pair is taken over: give its unit" },
  ]);
});

test("what is not there is made, and an interrupted run's is taken up, as without `adopt`", async () => {
  const lan = { ...network.declare.bridge(), adopt: true };
  const made = await network.create(bridge, lan);
  await network.host.exec("ifconfig bridge0 down; ifconfig bridge0 -description");
  expect((await network.create(bridge, lan)).state).toEqual(made.state);
});

test("another resource's is refused with `adopt` too, and said whose it is", async () => {
  const owned = (kind: string) => ({ owner: `home/prod/${kind}/its` });
  await network.create(bridge, { ...network.declare.bridge(), ...owned("Bridge") });
  await network.create(epairLink, { ...network.declare.epairLink(), ...owned("EpairLink") });
  await network.host.exec("zfs clone zroot/jails/template@base zroot/jails/testA");
  await network.create(vnetJail, { ...network.declare.vnetJail(), name: "testA", ...owned("VnetJail") });
  const ruleset = cases.ruleset!.declared();
  await network.create(devfsRuleset, { ...ruleset, name: "packets", ...owned("DevfsRuleset") });
  const there = now();
  for (const [kind, declared, what, owner] of [
    [devfsRuleset, ruleset, "devfs ruleset [packets=1000]", "home/prod/DevfsRuleset/its"],
    [bridge, network.declare.bridge(), "interface bridge0", "home/prod/Bridge/its"],
    [epairLink, network.declare.epairLink(), "interface epair1a", "home/prod/EpairLink/its"],
    [vnetJail, network.declare.vnetJail(), "/etc/jail.conf.d/testA.conf", "home/prod/VnetJail/its"],
  ] as const) {
    for (const adopt of [true, false]) {
      const refused = network.create(kind, { ...declared, adopt });
      await expect(refused).rejects.toThrow(
        `${what} belongs to another resource, ${owner}; 'pulumi state move' takes a resource to another stack`,
      );
    }
  }
  expect(now()).toEqual(there);
});

test("an update too takes over only what is as declared", async () => {
  const made = await network.create(bridge, { ...network.declare.bridge(), adopt: true });
  await network.host.exec(
    "ifconfig bridge0 destroy; sed -i '' '/BEGIN/,/END/d' /etc/rc.conf; ifconfig bridge0 create",
  );
  const there = now();
  await expect(network.update(bridge, made)).rejects.toThrow("\n    bridge0 lacks 10.10.15.1/24\n");
  expect(now()).toEqual(there);
  await network.host.exec("ifconfig bridge0 inet 10.10.15.1/24 up");
  await network.update(bridge, made);
  expect(made.state.drift).toEqual([]);
});

test("a jail in a block of jail.conf is refused until that is removed, with and without `adopt`", async () => {
  await network.host.exec(jailByHand);
  const jail = network.declare.vnetJail();
  for (const block of ["testA {\n}", "  'testA'{ persist; }", '"testA"\n{\n}']) {
    await network.host.exec(`cat > /etc/jail.conf`, {
      stdin: `* { mount.devfs; }\n# testA {\nother { x; }\n${block}\n`,
    });
    await expect(network.create(vnetJail, { ...jail, adopt: true })).rejects.toThrow(
      "\n    /etc/jail.conf has the jail too",
    );
    await expect(network.create(vnetJail, jail)).rejects.toThrow(
      "a jail testA is in /etc/jail.conf too, and the hooks of both would run: remove it from there first",
    );
  }
  await network.host.exec(`cat > /etc/jail.conf`, {
    stdin: "* { mount.devfs; }\n# testA {\nother { persist; }\n",
  });
  expect((await network.create(vnetJail, { ...jail, adopt: true })).state.jid).toBe(1);
});

describe("a redirect by hand", () => {
  const line = "redirect_port tcp 10.10.15.100:80 80";
  const redirect = () => network.declare.natRedirect();
  const adopting = () => ({ ...redirect(), adopt: true });

  beforeEach(async () => {
    await network.before(natRedirect);
  });

  const byHand = (text: string) =>
    network.host.exec(`printf '%s\\n' ${text} >> /etc/natd.conf && service natd onerestart`);

  test("becomes ours by marks around it; natd goes on", async () => {
    const without = now();
    await byHand(`'${line}'`);
    const before = running();
    const made = await network.create(natRedirect, adopting());
    expect(made.state.drift).toEqual([]);
    expect(running()).toEqual(before);
    expect((await shows("cat /etc/natd.conf")).split("\n").slice(-4, -1)).toEqual([
      "# BEGIN pulumi-freebsd-vnet demo/test/web80",
      line,
      "# END pulumi-freebsd-vnet demo/test/web80",
    ]);
    const there = now();
    await network.update(natRedirect, made);
    expect(now()).toEqual(there);
    await network.delete(natRedirect, made);
    expect(now()).toEqual(without);
  });

  test("is left alone where it leads elsewhere, or is not in force", async () => {
    await byHand("'redirect_port tcp 10.10.15.101:80 80'");
    const there = now();
    await expect(network.create(natRedirect, redirect())).rejects.toThrow(
      "tcp port 80 is redirected already, to 10.10.15.101:80; see /etc/natd.conf, a line of nobody's: take it over with 'adopt: true' if it is as declared, or remove it",
    );
    const refused = network.create(natRedirect, adopting());
    await expect(refused).rejects.toThrow(
      "a redirect of tcp port 80 by hand is there already, and is not as declared:",
    );
    await expect(refused).rejects.toThrow(
      '\n    /etc/natd.conf has the line "redirect_port tcp 10.10.15.101:80 80": remove it, or declare it like that\n    /etc/natd.conf has no line "redirect_port tcp 10.10.15.100:80 80"\n',
    );
    expect(now()).toEqual(there);
    await network.host.exec(
      `sed -i '' 's/10.10.15.101/10.10.15.100/' /etc/natd.conf; touch -t 203001010000 /etc/natd.conf`,
    );
    await expect(network.create(natRedirect, adopting())).rejects.toThrow(
      "\n    natd does not run with the present /etc/natd.conf\n",
    );
  });

  test("is there as it was when a later step fails, whichever", async () => {
    await byHand(`'redirect_port udp 10.10.15.100:53 53' '${line}' '# the end'`);
    const there = now();
    const steps = stepsOf(natRedirect, adopting());
    for (let failing = 0; failing < steps; failing++) {
      const broken = brokenAt(natRedirect as unknown as Kind, failing);
      await expect(network.create(broken, adopting())).rejects.toThrow("injected");
      expect(now()).toEqual(there);
    }
  });
});
