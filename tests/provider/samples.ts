import type { Kind } from "../../provider/kind";
import { bridge } from "../../provider/kinds/bridge";
import { devfsRuleset } from "../../provider/kinds/devfs-ruleset";
import { epairLink } from "../../provider/kinds/epair-link";
import { host } from "../../provider/kinds/host";
import { ipfwRules } from "../../provider/kinds/ipfw-rules";
import { jailRoot } from "../../provider/kinds/jail-root";
import { kernelModule } from "../../provider/kinds/kernel-module";
import { loopback } from "../../provider/kinds/loopback";
import { natGateway } from "../../provider/kinds/nat-gateway";
import { natRedirect } from "../../provider/kinds/nat-redirect";
import { rcSetting } from "../../provider/kinds/rc-setting";
import { sysctl } from "../../provider/kinds/sysctl";
import { vlan } from "../../provider/kinds/vlan";
import { vnetJail } from "../../provider/kinds/vnet-jail";

export const hostReference = {
  address: "alpha.example.net",
  port: 22,
  user: "root",
  externalInterface: "vtnet0",
};

const owner = (name: string) => `demo/test/${name}`;

const archive = {
  path: "/var/distfiles/base.txz",
  sha256: "8d491a68835aa51209295b83e1e7db2d4a7792f8b6d212d051fe412688dadd76",
};

const atBoot = (...names: string[]) => `sysrc cloned_interfaces+="${names.join(" ")}"`;

/** Commands that give the host a network card more. */
const card = (name: string, mtu = 1500) =>
  `ifconfig epair9 create && ifconfig epair9a name ${name} && ifconfig ${name} mtu ${mtu} up && ${atBoot("epair9")} && sysrc ifconfig_epair9a_name=${name} ifconfig_${name}="mtu ${mtu} up"`;

const ipfwAccepts = `kenv net.inet.ip.fw.default_to_accept=1 && echo 'net.inet.ip.fw.default_to_accept="1"' >> /boot/loader.conf`;

const made = (...names: string[]) =>
  [...names.map((name) => `ifconfig ${name} create`), atBoot(...names)].join(" && ");

/** A ruleset, loaded and for the boot. */
const ruleset = (number: number, ...rules: string[]) =>
  [
    `echo '[given=${number}]' >> /etc/devfs.rules`,
    ...rules.flatMap((rule) => [
      `devfs rule -s ${number} add ${rule}`,
      `echo "add ${rule}" >> /etc/devfs.rules`,
    ]),
  ].join(" && ");

const gateway = (engine: string, owner = "demo/test/gateway") => ({
  kind: natGateway,
  inputs: { host: hostReference, engine, owner },
});

export interface Sample {
  readonly kind: Kind;
  readonly inputs: Record<string, unknown>;
  readonly changed: Record<string, unknown>;
  /** What must be on a host before: commands that make it, and resources. */
  readonly given?: string;
  /** What is `given` is gone after a boot. */
  readonly isUntilBoot?: true;
  readonly needs?: readonly Pick<Sample, "kind" | "inputs">[];
  /** What others change between its create and its update, and back. */
  readonly meanwhile?: readonly [there: string, back: string];
}

/** One valid set of inputs of every kind, and one to change it to. */
export const samples: Sample[] = [
  { kind: host, inputs: { address: "alpha.example.net" }, changed: { address: "beta.example.net" } },
  {
    kind: rcSetting,
    inputs: { host: hostReference, name: "sshd_flags", value: "-4 -o 'UseDNS no'", owner: owner("sshd") },
    changed: { host: hostReference, name: "sshd_flags", value: "", owner: owner("renamed") },
  },
  {
    kind: rcSetting,
    inputs: { host: hostReference, name: "cloned_interfaces", words: ["tap0", "tap1"], owner: owner("taps") },
    changed: { host: hostReference, name: "cloned_interfaces", words: ["tap1"], owner: owner("taps") },
  },
  {
    kind: kernelModule,
    given: ipfwAccepts,
    inputs: { host: hostReference, name: "ipfw", owner: owner("ipfw") },
    changed: { host: hostReference, name: "ipfw", owner: owner("renamed") },
  },
  {
    kind: sysctl,
    isUntilBoot: true,
    given: "sysctl net.link.bridge.pfil_member=0",
    inputs: { host: hostReference, name: "net.link.bridge.pfil_member", value: 1, owner: owner("pfil") },
    changed: { host: hostReference, name: "net.link.bridge.pfil_member", value: "0", owner: owner("pfil") },
  },
  {
    kind: bridge,
    given: card("em1", 9000),
    inputs: {
      host: hostReference,
      name: "bridge0",
      addresses: ["10.10.15.1/24", "fd00:15::1/64"],
      owner: owner("lan"),
    },
    changed: {
      host: hostReference,
      name: "bridge0",
      addresses: ["10.10.16.1/24"],
      members: ["em1"],
      mtu: 9000,
      stp: { members: ["em1"], protocol: "stp", priority: 4096, helloTime: 1, forwardDelay: 4, maxAge: 6 },
      description: "office LAN, 2nd floor",
      adopt: true,
      owner: owner("lan"),
    },
  },
  {
    kind: bridge,
    inputs: { host: hostReference, name: "dmz", addresses: [], owner: owner("dmz") },
    changed: { host: hostReference, name: "office_2", addresses: ["10.10.17.1/24"], owner: owner("dmz") },
  },
  {
    kind: epairLink,
    given: made("bridge0", "bridge1"),
    inputs: {
      host: hostReference,
      bridge: { name: "bridge0", addresses: [] },
      unit: 1,
      owner: owner("testA"),
    },
    changed: {
      host: hostReference,
      bridge: { name: "bridge1", addresses: [] },
      unit: 1,
      owner: owner("testA"),
    },
  },
  {
    kind: epairLink,
    isUntilBoot: true,
    given: "ifconfig bridge0 create && ifconfig bridge0 mtu 9000",
    meanwhile: ["ifconfig bridge0 mtu 1500", "ifconfig bridge0 mtu 9000"],
    inputs: {
      host: hostReference,
      bridge: { name: "bridge0", addresses: [], mtu: 9000 },
      unit: 2,
      adopt: true,
      owner: owner("testB"),
    },
    changed: {
      host: hostReference,
      bridge: { name: "bridge0", addresses: [] },
      stp: true,
      unit: 2,
      hostEther: "02:00:5e:10:00:0a",
      jailEther: "02:00:5e:10:00:0b",
      owner: owner("testB"),
    },
  },
  {
    kind: vlan,
    given: card("em0"),
    inputs: {
      host: hostReference,
      parent: "em0",
      tag: 10,
      addresses: ["10.30.0.1/24"],
      mtu: 1400,
      owner: owner("office"),
    },
    changed: { host: hostReference, parent: "em0", tag: 10, name: "vlan10", owner: owner("office") },
  },
  {
    kind: loopback,
    inputs: {
      host: hostReference,
      name: "lo1",
      addresses: ["10.99.0.1/32"],
      adopt: true,
      owner: owner("services"),
    },
    changed: { host: hostReference, name: "lo1", addresses: ["fd00:99::1/128"], owner: owner("services") },
  },
  {
    kind: jailRoot,
    inputs: { host: hostReference, snapshot: "zroot/jails/template@base", owner: owner("testA") },
    changed: { host: hostReference, snapshot: "zroot/jails/template@base", owner: owner("renamed") },
  },
  {
    kind: jailRoot,
    given: "mkdir /jails/old",
    inputs: { host: hostReference, path: "/jails/old", owner: owner("old") },
    changed: { host: hostReference, path: "/jails/older", owner: owner("old") },
  },
  {
    kind: devfsRuleset,
    isUntilBoot: true,
    given: "devfs rule -s 120 add path null unhide",
    inputs: {
      host: hostReference,
      rules: [{ path: "bpf*", action: "unhide", group: "network", mode: "0660" }],
      owner: owner("packets"),
    },
    changed: {
      host: hostReference,
      include: ["devfsrules_jail", 120],
      rules: [{ type: "tty", action: "hide" }],
      owner: owner("packets"),
    },
  },
  {
    kind: jailRoot,
    inputs: { host: hostReference, archive, dataset: "zroot/jails/db", owner: owner("db") },
    changed: { host: hostReference, archive, dataset: "zroot/jails/db", owner: owner("renamed") },
  },
  {
    kind: jailRoot,
    given: "touch /usr/src/Makefile.inc1",
    inputs: { host: hostReference, source: "/usr/src", path: "/jails/built", owner: owner("built") },
    changed: { host: hostReference, source: "/usr/src", path: "/jails/built", owner: owner("renamed") },
  },
  {
    kind: jailRoot,
    given: "zfs clone zroot/jails/template@base zroot/jails/base && mkdir /jails/base/srv",
    inputs: { host: hostReference, template: "/jails/base", owner: owner("www") },
    changed: {
      host: hostReference,
      template: "/jails/base",
      writable: ["/etc", "/srv"],
      owner: owner("www"),
    },
  },
  {
    kind: vnetJail,
    given: `zfs clone zroot/jails/template@base zroot/jails/testA && ${made("epair1")}`,
    inputs: {
      host: hostReference,
      path: "/jails/testA",
      interfaces: [
        { link: { jailSide: "epair1b", subnets: ["10.10.15.1/24"] }, addresses: ["10.10.15.100/24"] },
      ],
      gateway: "10.10.15.1",
      owner: owner("testA"),
    },
    changed: {
      host: hostReference,
      path: "/jails/testA",
      hostname: "www.example.net",
      interfaces: [
        { link: { jailSide: "epair1b", subnets: ["10.10.15.1/24"] }, addresses: ["10.10.15.101/24"] },
      ],
      start: ['sysctl net.inet.tcp.blackhole=2; echo "it\'s on"', "/bin/sh /etc/rc"].slice(1),
      owner: owner("testA"),
    },
  },
  {
    kind: vnetJail,
    given: `zfs clone zroot/jails/template@base zroot/jails/db && mkdir -p /usr/ports /jails/db/usr/ports /jails/db/scratch && ${ruleset(130, "hide", "path 'bpf*' unhide")} && ${made("epair2", "epair3")}`,
    inputs: {
      host: hostReference,
      path: "/jails/db",
      fixedJid: 7,
      interfaces: [
        {
          link: { jailSide: "epair2b", subnets: ["10.10.15.1/24"] },
          addresses: ["10.10.15.101/24", "fd00:15::101/64"],
        },
        { link: { jailSide: "epair3b", subnets: [] }, slaac: true },
      ],
      gateway: "10.10.15.1",
      gateway6: "fd00:15::1",
      nameservers: ["10.10.15.1", "fd00:15::1"],
      search: ["example.net"],
      mounts: [
        { source: "/usr/ports", target: "/usr/ports", options: ["ro"] },
        { target: "/scratch", type: "tmpfs", options: ["rw", "size=16m"] },
      ],
      mountFdescfs: true,
      mountProcfs: true,
      devfsRuleset: { number: 4 },
      adopt: true,
      prepare: ["true"],
      prestart: ["echo $HOME"],
      created: ["true"],
      poststart: ["true"],
      prestop: ["true"],
      poststop: ["rm -f '/tmp/x y'", "true"],
      release: ["true"],
      stopTimeout: 5,
      allow: { raw_sockets: true, set_hostname: false, "mount.tmpfs": true },
      securelevel: 2,
      enforceStatfs: 1,
      childrenMax: 3,
      sysvshm: "new",
      limits: [
        { resource: "memoryuse", amount: "512M" },
        { resource: "maxproc", amount: 100, per: "user", action: "log" },
      ],
      cpuset: "0-1",
      depend: ["testA", { name: "other-1" }],
      parameters: { "exec.consolelog": "/var/log/db.log", "zfs.mount_snapshot": 1, "allow.dying": false },
      owner: owner("db"),
    },
    changed: {
      host: hostReference,
      path: "/jails/db",
      startAtBoot: false,
      interfaces: [
        { link: { jailSide: "epair2b", subnets: [] }, addresses: ["fd00:15::101/64"], dhcp: true },
      ],
      devfsRuleset: 130,
      mounts: [{ source: "/usr/src", target: "/usr/src" }],
      limits: [{ resource: "pcpu", amount: 50 }],
      owner: owner("renamed"),
    },
  },
  {
    kind: natGateway,
    inputs: { host: hostReference, owner: owner("nat") },
    changed: { host: hostReference, ruleNumber: 500, owner: owner("nat") },
  },
  {
    kind: natRedirect,
    needs: [gateway("natd")],
    inputs: {
      gateway: { host: hostReference, externalInterface: "vtnet0", engine: "natd", ipv6: false },
      protocol: "tcp",
      publicPort: 80,
      target: { name: "testA", addresses: ["10.10.15.100/24"] },
      owner: owner("web"),
    },
    changed: {
      gateway: { host: hostReference, externalInterface: "vtnet0", engine: "natd", ipv6: false },
      protocol: "tcp",
      publicPort: 8080,
      publicAddress: "192.0.2.1",
      target: { name: "testA", addresses: ["10.10.15.100/24"] },
      targetPort: 80,
      owner: owner("web"),
    },
  },
  {
    kind: natGateway,
    inputs: { host: hostReference, engine: "ipfw", owner: owner("nat") },
    changed: { host: hostReference, engine: "ipfw", ruleNumber: 500, owner: owner("nat") },
  },
  {
    kind: natGateway,
    inputs: { host: hostReference, engine: "pf", owner: owner("nat") },
    changed: {
      host: hostReference,
      engine: "pf",
      ipv6: { network: "fd00:15::/64", address: "2001:db8::10" },
      owner: owner("renamed"),
    },
  },
  {
    kind: ipfwRules,
    inputs: {
      host: hostReference,
      rules: [
        "add 100 allow ip from any to any via lo0",
        {
          action: "allow",
          protocol: "tcp",
          to: "me",
          toPorts: 22,
          direction: "in",
          options: "setup keep-state",
        },
        "deny { tcp or udp } from any to me 111 // the $portmapper",
      ],
      gateway: { host: hostReference, externalInterface: "vtnet0", engine: "natd", ipv6: false },
      owner: owner("firewall"),
    },
    changed: {
      host: hostReference,
      rules: [{ number: 500, action: "deny", log: true, protocol: "udp", fromPorts: "1-1023", via: "em*" }],
      owner: owner("renamed"),
    },
  },
  {
    kind: natRedirect,
    isUntilBoot: true,
    given: `${ipfwAccepts} && kldload -n ipdivert && sysrc natd_flags="-f /etc/natd.conf"`,
    needs: [gateway("ipfw")],
    meanwhile: [
      "echo interface vtnet0 > /etc/natd.conf && service natd onestart",
      "service natd onestop && rm /etc/natd.conf",
    ],
    inputs: {
      gateway: { host: hostReference, externalInterface: "vtnet0", engine: "ipfw", ipv6: false },
      protocol: "both",
      publicPort: "8000-8010",
      target: "10.10.15.100",
      targetPort: "9000-9010",
      from: "198.51.100.10/32",
      adopt: true,
      owner: owner("media"),
    },
    changed: {
      gateway: { host: hostReference, externalInterface: "vtnet0", engine: "natd", ipv6: false },
      protocol: "both",
      publicPort: 8000,
      target: "10.10.15.100",
      owner: owner("media"),
    },
  },
  {
    kind: natRedirect,
    needs: [gateway("pf")],
    inputs: {
      gateway: { host: hostReference, externalInterface: "vtnet0", engine: "pf", ipv6: true },
      protocol: "both",
      publicPort: "8000-8010",
      target: { name: "testA", addresses: ["10.10.15.100/24", "fd00:15::100/64"] },
      targetPort: "9000-9010",
      owner: owner("media"),
    },
    changed: {
      gateway: { host: hostReference, externalInterface: "vtnet0", engine: "pf", ipv6: true },
      protocol: "tcp",
      publicPort: 80,
      publicAddress: "2001:db8::10",
      target: { name: "testA", addresses: ["10.10.15.100/24", "fd00:15::100/64"] },
      from: "2001:db8:1::/48",
      owner: owner("renamed"),
    },
  },
] as never;
