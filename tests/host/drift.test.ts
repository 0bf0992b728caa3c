import { bridge } from "../../provider/kinds/bridge";
import { devfsRuleset } from "../../provider/kinds/devfs-ruleset";
import { epairLink } from "../../provider/kinds/epair-link";
import { jailRoot } from "../../provider/kinds/jail-root";
import { kernelModule } from "../../provider/kinds/kernel-module";
import { loopback } from "../../provider/kinds/loopback";
import { natGateway } from "../../provider/kinds/nat-gateway";
import { natRedirect } from "../../provider/kinds/nat-redirect";
import { rcSetting } from "../../provider/kinds/rc-setting";
import { sysctl } from "../../provider/kinds/sysctl";
import { vlan } from "../../provider/kinds/vlan";
import { vnetJail } from "../../provider/kinds/vnet-jail";
import { comparable, Everything } from "./drift";
import { Network } from "./network";

jest.setTimeout(120_000);

const SHA256 = "8d491a68835aa51209295b83e1e7db2d4a7792f8b6d212d051fe412688dadd76";
const archive = { path: "/var/distfiles/base.txz", sha256: SHA256 };

let network: Network;
let everything: Everything;
let undisturbed: unknown;

const lan = { name: "bridge0", addresses: ["10.10.15.1/24", "fd00:15::1/64"] };
const wide = { name: "bridge1", addresses: [], mtu: 9000 };
const nic = (unit: number) => ({
  link: { jailSide: `epair${unit}b`, subnets: ["10.10.15.1/24"] },
  addresses: [`10.10.15.${99 + unit}/24`, `fd00:15::${99 + unit}/64`],
});

const building = (engine: string) =>
  [
    ["lan", bridge, { ...lan, members: ["tap0"], description: "office" }],
    ["wide", bridge, wide],
    ["linkA", epairLink, { bridge: lan, unit: 1, hostEther: "02:00:5e:10:00:0a" }],
    ["linkB", epairLink, { bridge: wide, unit: 2 }],
    ["office", vlan, { parent: "vtnet0", tag: 30, addresses: ["10.30.0.1/24"], mtu: 1400 }],
    ["numbered", vlan, { parent: "vtnet0", tag: 31, name: "vlan7" }],
    ["services", loopback, { name: "lo1", addresses: ["10.99.0.1/32"] }],
    ["rootA", jailRoot, { snapshot: "zroot/jails/template@base", dataset: "zroot/jails/testA" }],
    ["spare", jailRoot, { snapshot: "zroot/jails/template@base", path: "/jails/there" }],
    ["unpacked", jailRoot, { archive, path: "/jails/unpacked" }],
    ["thin", jailRoot, { template: "/jails/template", writable: ["/etc", "/root"] }],
    ["devices", devfsRuleset, { number: 2000, rules: [{ path: "bpf*", action: "unhide" }] }],
    [
      "testA",
      vnetJail,
      {
        path: "/jails/testA",
        hostname: "www",
        interfaces: [nic(1)],
        gateway: "10.10.15.1",
        gateway6: "fd00:15::1",
        nameservers: ["10.10.15.1"],
        mounts: [
          { source: "/usr/ports", target: "/ports", options: ["ro"] },
          { target: "/scratch", type: "tmpfs" },
        ],
        mountFdescfs: true,
        devfsRuleset: { number: 2000 },
        allow: { raw_sockets: true, set_hostname: false },
        securelevel: 1,
        childrenMax: 3,
        sysvshm: "new",
        limits: [{ resource: "maxproc", amount: 100 }],
        cpuset: "0",
        parameters: { "host.domainname": "example.net" },
      },
    ],
    ["testB", vnetJail, { path: "/jails/template", interfaces: [nic(2)] }],
    ["variable", rcSetting, { name: "ntpd_enable", value: "YES" }],
    ["list", rcSetting, { name: "ntpd_flags", words: ["-x", "-y"] }],
    ["module", kernelModule, { name: "if_vxlan" }],
    ["ids", sysctl, { name: "net.inet.ip.random_id", value: 1 }],
    ["nat", natGateway, { engine }],
    [
      "web",
      natRedirect,
      {
        gateway: { host: network.reference, externalInterface: "vtnet0", engine, ipv6: false },
        protocol: "tcp",
        publicPort: 80,
        target: { name: "testA", addresses: ["10.10.15.100/24"] },
      },
    ],
  ] as const;

async function build(engine: string): Promise<void> {
  network = await Network.start();
  everything = new Everything(network);
  await network.host.exec("ifconfig tap0 create up; kldload nullfs tmpfs fdescfs; mkdir -p /usr/ports");
  await everything.make(building(engine));
  expect(await everything.drift()).toEqual({});
  undisturbed = comparable(network);
}

type Drift = Record<string, string[]>;

interface Case {
  readonly command: string;
  readonly drift: Drift;
  /** Run after the mending: what somebody else left, which is theirs. */
  readonly after?: string;
  /** Jails that have to restart. */
  readonly restarts?: readonly string[];
}

/** A command, and what a refresh says of each resource: after "running: ", or as it stands with "at boot: ". */
const one = (command: string, drift: Drift, more: Omit<Case, "command" | "drift"> = {}): Case => ({
  command,
  drift: Object.fromEntries(
    Object.entries(drift).map(([name, words]) => [
      name,
      words.map((word) => (word.startsWith("at boot: ") || word === "gone" ? word : `running: ${word}`)),
    ]),
  ),
  ...more,
});

/** Each way in which the lines of a resource in a shared file may be lost. */
const linesOf = (file: string, name: string, lost = `at boot: its lines are gone from ${file}`): Case[] => {
  const block = `/BEGIN .*\\/${name}$/,/END .*\\/${name}$/`;
  return [
    one(`sed -i '' -e '${block}s/^\\([^#]\\)/\\1x/' ${file}`, {
      [name]: [`at boot: its lines in ${file} were changed`],
    }),
    one(`sed -i '' -e '${block}d' ${file}`, { [name]: [lost] }),
  ];
};

/** A later line of the administrator's. */
const overridden = (file: string, line: string, drift: Drift, words = line): Case =>
  one(
    `echo '${line}' >> ${file}`,
    Object.fromEntries(
      Object.keys(drift).map((name) => [
        name,
        (drift[name] as string[]).map((how) => `at boot: another line of ${file} sets ${how || words}`),
      ]),
    ),
    { after: `sed -i '' -e '/^${line.replaceAll("/", "\\/")}$/d' ${file}` },
  );

const RC = "/etc/rc.conf";

const interfaces: Case[] = [
  one("ifconfig bridge0 inet 10.10.15.1 -alias", { lan: ["bridge0 lacks 10.10.15.1/24"] }),
  one("ifconfig bridge0 inet6 fd00:15::1 -alias", { lan: ["bridge0 lacks fd00:15::1/64"] }),
  one("ifconfig bridge0 down", { lan: ["bridge0 is down"] }),
  one("ifconfig bridge0 description x", {
    lan: ['the description of bridge0 is not "demo/test/lan office"'],
  }),
  one("ifconfig bridge0 deletem tap0", { lan: ["tap0 is not a member of bridge0"] }),
  one("ifconfig bridge0 deletem epair1a", { linkA: ["epair1a is not a member of bridge0"] }),
  one("ifconfig bridge0 destroy", {
    lan: ["bridge0 does not exist"],
    linkA: ["epair1a is not a member of bridge0"],
  }),
  one("ifconfig bridge1 mtu 1400", {
    wide: ["the MTU of bridge1 is 1400"],
    linkB: ["the MTU of epair2a is 1400"],
  }),
  ...linesOf(RC, "lan"),
  overridden(RC, 'ifconfig_bridge0="up"', { lan: [""] }),

  one("ifconfig epair1a down", { linkA: ["epair1a is down"] }),
  one("ifconfig epair1a description x", { linkA: ['the description of epair1a is not "demo/test/linkA"'] }),
  one("ifconfig epair1a ether 02:00:00:00:00:01", {
    linkA: ["the MAC address of epair1a is 02:00:00:00:00:01"],
  }),
  one("ifconfig -j testA epair1b ether 02:00:00:00:00:02", {
    linkA: ["the MAC address of epair1b is 02:00:00:00:00:02"],
  }),
  one("ifconfig -j testB epair2b mtu 1400", { linkB: ["the MTU of epair2b is 1400"] }),
  one("ifconfig epair1a destroy", {
    linkA: ["epair1a does not exist"],
    testA: [
      "the jail testA has lost epair1b",
      "the default route of the jail testA is gone",
      "the IPv6 default route of the jail testA is gone",
    ],
  }),
  ...linesOf(RC, "linkA"),
  overridden(RC, 'ifconfig_epair1a="up"', { linkA: [""] }),

  one("ifconfig vtnet0.30 inet 10.30.0.1 -alias", { office: ["vtnet0.30 lacks 10.30.0.1/24"] }),
  one("ifconfig vtnet0.30 down", { office: ["vtnet0.30 is down"] }),
  one("ifconfig vtnet0.30 description x", {
    office: ['the description of vtnet0.30 is not "demo/test/office"'],
  }),
  one("ifconfig vtnet0.30 mtu 1300", { office: ["the MTU of vtnet0.30 is 1300"] }),
  one("ifconfig vtnet0.30 destroy", { office: ["vtnet0.30 does not exist"] }),
  ...linesOf(RC, "office"),
  one("ifconfig vlan7 -vlandev", { numbered: ["vlan7 has the tag 0 on <none>"] }),
  one("ifconfig vlan7 destroy", { numbered: ["vlan7 does not exist"] }),

  one("ifconfig lo1 inet 10.99.0.1 -alias", { services: ["lo1 lacks 10.99.0.1/32"] }),
  one("ifconfig lo1 down", { services: ["lo1 is down"] }),
  one("ifconfig lo1 description x", { services: ['the description of lo1 is not "demo/test/services"'] }),
  one("ifconfig lo1 destroy", { services: ["lo1 does not exist"] }),
  ...linesOf(RC, "services"),
];

const roots: Case[] = [
  one("zfs unmount zroot/jails/spare", { spare: ["zroot/jails/spare is not mounted"] }),
  one(
    "zfs set mountpoint=/elsewhere zroot/jails/spare",
    { spare: ["zroot/jails/spare is mounted at /elsewhere"] },
    { after: "rmdir /elsewhere" },
  ),
  one("zfs inherit pulumi-freebsd-vnet:owner zroot/jails/spare", {
    spare: ['zroot/jails/spare is marked as "-"'],
  }),
  one("zfs destroy zroot/jails/spare", { spare: ["gone"] }),
  one("umount /jails/thin/etc", { thin: ["nothing of the thin root is mounted on /jails/thin/etc"] }),
  one("umount /jails/thin/etc /jails/thin/root /jails/thin", {
    thin: ["", "/etc", "/root"].map((part) => `nothing of the thin root is mounted on /jails/thin${part}`),
  }),
  ...linesOf("/etc/fstab", "thin"),
  one("devfs rule -s 2000 delset", { devices: ["devfs ruleset 2000 is not loaded"] }),
  one("devfs rule -s 2000 add path pf hide", {
    devices: ["the rules of devfs ruleset 2000 were changed"],
  }),
  ...linesOf("/etc/devfs.rules", "devices"),
];

const stopped = (name: string) => ({ [name]: [`the jail ${name} is stopped`] });
const parameter = (given: string, name: string, is: string) =>
  one(`jail -m name=testA ${given}`, { testA: [`${name} of the jail testA is ${is}`] });

const jails: Case[] = [
  one("jail -r testA", stopped("testA"), { restarts: ["testA"] }),
  one("jail -r testB", stopped("testB"), { restarts: ["testB"] }),
  parameter("host.hostname=x", "host.hostname", "x"),
  parameter("host.domainname=x", "host.domainname", "x"),
  parameter("allow.noraw_sockets", "allow.raw_sockets", "false"),
  parameter("allow.set_hostname", "allow.set_hostname", "true"),
  parameter("securelevel=2", "securelevel", "2"),
  parameter("children.max=0", "children.max", "0"),
  parameter("sysvshm=disable", "sysvshm", "disable"),
  parameter("devfs_ruleset=4", "devfs_ruleset", "4"),
  one("ifconfig -j testA epair1b inet 10.10.15.100 -alias", {
    testA: ["epair1b in the jail testA lacks 10.10.15.100/24", "the default route of the jail testA is gone"],
  }),
  one("ifconfig -j testA epair1b inet6 fd00:15::100 -alias", {
    testA: [
      "epair1b in the jail testA lacks fd00:15::100/64",
      "the IPv6 default route of the jail testA is gone",
    ],
  }),
  one("ifconfig -j testA epair1b down", { testA: ["epair1b in the jail testA is down"] }),
  one("ifconfig epair1b -vnet testA", {
    testA: [
      "the jail testA has lost epair1b",
      "the default route of the jail testA is gone",
      "the IPv6 default route of the jail testA is gone",
    ],
  }),
  one("route -j testA delete default", { testA: ["the default route of the jail testA is gone"] }),
  one("route -j testA change default 10.10.15.9", {
    testA: ["the default route of the jail testA is 10.10.15.9"],
  }),
  one("route -j testA -6 delete default", {
    testA: ["the IPv6 default route of the jail testA is gone"],
  }),
  one("umount /jails/testA/ports", { testA: ["/jails/testA/ports is not mounted"] }),
  one("umount /jails/testA/scratch", { testA: ["/jails/testA/scratch is not mounted"] }),
  one("umount /jails/testA/dev/fd", { testA: ["/jails/testA/dev/fd is not mounted"] }),
  one("umount /jails/testA/dev/fd; umount /jails/testA/dev", {
    testA: ["/jails/testA/dev is not mounted", "/jails/testA/dev/fd is not mounted"],
  }),
  one("rctl -r jail:testA:maxproc", { testA: ["the limit jail:testA:maxproc:deny=100 is not set"] }),
  one("cpuset -l 1 -j testA", { testA: ["the jail testA runs on the processors 1"] }),
  one("rm /etc/jail.conf.d/testA.conf", { testA: ["at boot: /etc/jail.conf.d/testA.conf is gone"] }),
  one("echo '# x' >> /etc/jail.conf.d/testA.conf", {
    testA: ["at boot: /etc/jail.conf.d/testA.conf was changed"],
  }),
  one("rm -r /etc/jail.conf.d", {
    testA: ["at boot: /etc/jail.conf.d/testA.conf is gone"],
    testB: ["at boot: /etc/jail.conf.d/testB.conf is gone"],
  }),
  one("rm /etc/jail.conf", {
    testA: ["at boot: /etc/jail.conf does not include /etc/jail.conf.d/testA.conf"],
    testB: ["at boot: /etc/jail.conf does not include /etc/jail.conf.d/testB.conf"],
  }),
  one("rm /etc/fstab.testA", { testA: ["at boot: /etc/fstab.testA is gone"] }),
  one("echo '# x' >> /etc/fstab.testA", { testA: ["at boot: /etc/fstab.testA was changed"] }),
  ...linesOf("/etc/rctl.conf", "testA"),
  ...linesOf("/jails/testA/etc/resolv.conf", "testA"),
  ...linesOf(RC, "testA"),
  overridden(RC, 'jail_enable="NO"', { testA: [""], testB: [""] }),
];

const settings: Case[] = [
  ...linesOf(RC, "variable", "gone"),
  overridden(RC, 'ntpd_enable="NO"', { variable: [""] }),
  ...linesOf(RC, "list", "gone"),
  overridden(RC, 'ntpd_flags="-z"', { list: ["ntpd_flags without -x -y"] }),
  one("kldunload if_vxlan", { module: ["the module if_vxlan is not loaded"] }),
  ...linesOf(RC, "module"),
  overridden(RC, 'kld_list=""', { module: ["kld_list without if_vxlan"] }),
  one("sysctl net.inet.ip.random_id=0", { ids: ["net.inet.ip.random_id is 0"] }),
  ...linesOf("/etc/sysctl.conf", "ids"),
  overridden("/etc/sysctl.conf", "net.inet.ip.random_id=0", { ids: [""] }),
];

const behindIpfw = (rule: string): Case[] => [
  one("ipfw -q delete 65532", { nat: [`ipfw has no ${rule} rule 65532`] }),
  one("ipfw -q -f flush", { nat: [`ipfw has no ${rule} rule 65532`] }),
  one("sysctl net.inet.ip.forwarding=0", { nat: ["net.inet.ip.forwarding is 0"] }),
  one("rm /etc/ipfw.conf", { nat: ["at boot: /etc/ipfw.conf is gone"] }),
  one("echo x >> /etc/ipfw.conf", { nat: ["at boot: /etc/ipfw.conf was changed"] }),
  ...linesOf("/boot/loader.conf", "nat"),
  ...linesOf(RC, "nat"),
  overridden(RC, 'firewall_enable="NO"', { nat: [""] }),
];

const outdated = "natd does not run with the present /etc/natd.conf";
const gone = (file: string) => `at boot: its lines are gone from ${file}`;

const engines: [engine: string, cases: Case[]][] = [
  [
    "natd",
    [
      ...interfaces,
      ...roots,
      ...jails,
      ...settings,
      ...behindIpfw("divert"),
      // The rule goes too: with it and without natd, nobody could log in to mend anything (lesson 2).
      one("ipfw -q delete 65532; service natd onestop", {
        nat: ["natd does not run", "ipfw has no divert rule 65532"],
        web: ["natd does not run"],
      }),
      one("rm /etc/natd.conf", { nat: [gone("/etc/natd.conf")], web: ["gone"] }),
      one("sed -i '' -e 's/^same_ports yes/same_ports no/' /etc/natd.conf", {
        nat: [outdated, "at boot: its lines in /etc/natd.conf were changed"],
        web: [outdated],
      }),
      one("sed -i '' -e '/^redirect_port/s/ 80$/ 8080/' /etc/natd.conf", {
        nat: [outdated],
        web: [outdated, "at boot: its lines in /etc/natd.conf were changed"],
      }),
      one("sed -i '' -e '/^redirect_port/d' /etc/natd.conf", {
        nat: [outdated],
        web: [outdated, "at boot: its lines in /etc/natd.conf were changed"],
      }),
    ],
  ],
  [
    "ipfw",
    [
      ...behindIpfw("nat"),
      one("ipfw -q nat 1 config if vtnet0 same_ports", {
        web: ["the nat instance of ipfw lacks redirect_port tcp 10.10.15.100:80 80"],
      }),
      one("rm /etc/ipfw.nat.conf", {
        nat: [gone("/etc/ipfw.nat.conf")],
        web: ["gone"],
      }),
      ...linesOf("/etc/ipfw.nat.conf", "nat"),
      one("sed -i '' -e '/^redirect_port/s/ 80$/ 8080/' /etc/ipfw.nat.conf", {
        web: ["at boot: its lines in /etc/ipfw.nat.conf were changed"],
      }),
      one("sed -i '' -e '/BEGIN .*web$/,/END .*web$/d' /etc/ipfw.nat.conf", { web: ["gone"] }),
    ],
  ],
  [
    "pf",
    [
      one("pfctl -d", { nat: ["pf is not enabled"] }),
      one("pfctl -F nat", { nat: ['the main rules of pf do not call the anchors "pulumi/*"'] }),
      one("for a in $(pfctl -s Anchors -a pulumi); do pfctl -a $a -F nat; done", {
        nat: ["pf has no rules in pulumi/nat-5ee10d2a"],
        web: ["pf has no rules in pulumi/web-360c8af7"],
      }),
      one("sysctl net.inet.ip.forwarding=0", { nat: ["net.inet.ip.forwarding is 0"] }),
      one("rm /etc/pf.conf", { nat: [gone("/etc/pf.conf")], web: [gone("/etc/pf.conf")] }),
      ...linesOf("/etc/pf.conf", "nat"),
      ...linesOf("/etc/pf.conf", "web"),
      one("rm /etc/pf.pulumi.nat-5ee10d2a.conf", {
        nat: ["at boot: /etc/pf.pulumi.nat-5ee10d2a.conf is gone"],
      }),
      one("echo '# x' >> /etc/pf.pulumi.web-360c8af7.conf", {
        web: ["at boot: /etc/pf.pulumi.web-360c8af7.conf was changed"],
      }),
      ...linesOf(RC, "nat"),
      overridden(RC, 'pf_enable="NO"', { nat: [""] }),
    ],
  ],
];

const numbers = async () =>
  Object.fromEntries(
    (await network.shows("jls name jid"))
      .trim()
      .split("\n")
      .map((line) => line.split(" ") as [string, string]),
  );

/** Cases of different resources, which are tried together: what one has lost shows in no other. */
function together(cases: readonly Case[]): Case[][] {
  const groups: Case[][] = [];
  const names = (each: Case) => Object.keys(each.drift);
  for (const each of cases) {
    const free = groups.find((group) => !group.flatMap(names).some((name) => names(each).includes(name)));
    if (free) free.push(each);
    else groups.push([each]);
  }
  return groups;
}

describe.each(engines)("with %s", (engine, cases) => {
  let jids: Record<string, string>;

  beforeAll(async () => {
    await build(engine);
    jids = await numbers();
  });

  afterAll(() => network.stop());

  const groups = together(cases).map(
    (group) => [group.map(({ command }) => command).join("\n"), group] as const,
  );

  test.each(groups)("%s", async (commands, group) => {
    await network.host.exec(commands);
    const drift = await everything.drift();
    expect(drift).toEqual(Object.assign({}, ...group.map((each) => each.drift)));
    await everything.mend(drift);
    expect(await everything.drift()).toEqual({});
    const after = group.flatMap((each) => each.after ?? []);
    if (after.length > 0) await network.host.exec(after.join("\n"));
    expect(comparable(network)).toEqual(undisturbed);
    const now = await numbers();
    const restarted = Object.keys(now).filter((name) => jids[name] !== now[name]);
    expect(restarted).toEqual(group.flatMap((each) => each.restarts ?? []));
    jids = now;
  });

  test("what was not declared is no drift", async () => {
    const before = comparable(network);
    const others = [
      "ifconfig bridge0 inet 198.18.0.9/32 alias; ifconfig epair1a inet 198.18.0.10/32 alias",
      "ifconfig -j testB epair2b inet 198.18.0.11/32 alias; route -j testB add default 10.10.15.1",
      "ifconfig vlan7 mtu 1300; ifconfig lo1 inet6 fd00:99::9/128; ifconfig bridge1 addm vlan7",
      "jail -m name=testB securelevel=1 children.max=5 enforce_statfs=1 allow.raw_sockets sysvshm=new",
      "jail -m name=testB host.domainname=x allow.nosuser; cpuset -l 0 -j testB",
      "rctl -a jail:testB:openfiles:deny=5; rctl -a jail:testA:openfiles:deny=500",
      "jail -m name=testA enforce_statfs=1 allow.mlock sysvsem=new",
      "mount -t tmpfs tmpfs /jails/testA/tmp; touch /jails/spare /jails/unpacked/new",
      "zfs set compression=lz4 zroot/jails/spare; zfs snapshot zroot/jails/spare@mine",
      "devfs rule -s 3000 add hide; sysctl net.inet.ip.ttl=65; kldload if_gif",
      "echo 'sshd_flags=-4' >> /etc/rc.conf; echo kern.maxproc=9999 >> /etc/sysctl.conf",
      "echo 'nameserver 192.0.2.1' >> /jails/testA/etc/resolv.conf; echo 'user:x:maxproc:deny=5' >> /etc/rctl.conf",
      "echo 'other { path = /jails/other; }' >> /etc/jail.conf; echo '# mine' >> /etc/fstab",
    ];
    for (const other of others) {
      await network.host.exec(other);
      expect([other, await everything.drift()]).toEqual([other, {}]);
    }
    expect(comparable(network)).not.toEqual(before);
  });
});
