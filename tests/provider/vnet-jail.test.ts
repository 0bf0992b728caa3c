import { check } from "../../provider/check";
import type { Kind } from "../../provider/kind";
import { vnetJail } from "../../provider/kinds/vnet-jail";
import { UNKNOWN } from "../../provider/unknown";
import { hostReference } from "./samples";

const refused = (changed: object) =>
  check(vnetJail as unknown as Kind, {
    host: hostReference,
    path: "/jails/testA",
    interfaces: [
      { link: { jailSide: "epair1b", subnets: ["10.10.15.1/24"] }, addresses: ["10.10.15.100/24"] },
    ],
    gateway: "10.10.15.1",
    owner: "p/s/testA",
    ...changed,
  }).failures;

test.each([
  [
    { mounts: [{ target: "/data" }] },
    "mounts[0].source",
    "is required: which folder of the host nullfs shows",
  ],
  [{ mounts: [{ target: "/", type: "tmpfs" }] }, "mounts[0].target", "root itself"],
  [{ mounts: [{ target: "/a", type: "ext2" }] }, "mounts[0].type", '"ext2" is none of nullfs, tmpfs'],
  [
    { mounts: [{ target: "/a", type: "tmpfs", options: ["a b"] }] },
    "mounts[0].options[0]",
    "not one mount option",
  ],
  [
    {
      mounts: [
        { target: "/a", type: "tmpfs" },
        { target: "/a", type: "tmpfs" },
      ],
    },
    "mounts[1].target",
    "/a is there already, as mounts[0].target",
  ],
  [{ mounts: [{ target: "/dev/fd", type: "fdescfs" }] }, "mounts[0].target", "say mountFdescfs"],
  [{ allow: { rawsockets: true } }, "allow.rawsockets", "there is no such property"],
  [{ securelevel: 4 }, "securelevel", "4 is not a whole number from -1 to 3"],
  [{ sysvmsg: "all" }, "sysvmsg", '"all" is none of "disable", "new", "inherit"'],
  [
    { limits: [{ resource: "memory", amount: 1 }] },
    "limits[0].resource",
    '"memory" is no resource of rctl(8)',
  ],
  [{ limits: [{ resource: "maxproc", amount: "many" }] }, "limits[0].amount", '"many" is not an amount'],
  [{ limits: [{ resource: "cputime", amount: 1 }] }, "limits[0].action", "cputime cannot be denied"],
  [
    { limits: [{ resource: "maxproc", amount: 1, action: "throttle" }] },
    "limits[0].action",
    "only readbps, writebps, readiops, writeiops can be throttled",
  ],
  [{ cpuset: "3-1" }, "cpuset", '"3-1" is not a list of processors'],
  [{ gateway: "fd00::1", gateway6: "fd00::2", interfaces: [] }, "gateway6", "gateway is an IPv6 one already"],
  [{ gateway6: "10.10.15.1" }, "gateway6", "is not an IPv6 address"],
  [{ gateway6: "fd00::2" }, "gateway6", "is in no subnet of the jail's interfaces"],
  [
    { interfaces: [{ link: { jailSide: "epair1b", subnets: [] } }], gateway: undefined },
    "interfaces[0].addresses",
    "give the interface at least one address, or say dhcp or slaac",
  ],
  [
    { interfaces: [{ link: { jailSide: "epair1b", subnets: [] }, dhcp: true }], gateway: undefined },
    "interfaces[0].dhcp",
    "needs /dev/bpf in the jail, which devfs ruleset 5 does not show",
  ],
  [
    {
      interfaces: [
        {
          link: { jailSide: "epair1b", subnets: [] },
          addresses: ["fd00:15::100/64", "10.10.15.100/24"],
          dhcp: true,
        },
      ],
      devfsRuleset: 130,
    },
    "interfaces[0].addresses[1]",
    "10.10.15.100/24 would be replaced by the address that DHCP gives",
  ],
  [
    { interfaces: [{ link: { jailSide: "epair1b", subnets: [] }, dhcp: true }], devfsRuleset: 130 },
    "gateway",
    "DHCP brings the router itself: leave out gateway",
  ],
  [
    {
      interfaces: [{ link: { jailSide: "epair1b", subnets: [] }, slaac: true }],
      gateway: undefined,
      gateway6: "fd00:15::1",
    },
    "gateway6",
    "SLAAC brings the router itself: leave out gateway6",
  ],
  ...["nameservers", "search"].map((property): [object, string, string] => [
    {
      interfaces: [{ link: { jailSide: "epair1b", subnets: [] }, dhcp: true }],
      gateway: undefined,
      devfsRuleset: 130,
      [property]: [property === "search" ? "example.net" : "10.10.15.1"],
    },
    property,
    "interfaces[0].dhcp writes the jail's /etc/resolv.conf anew",
  ]),
  [{ path: "/" }, "mountDevfs", "would be mounted over the host's /dev: make it false"],
  [{ path: "/", mountDevfs: false, mountFdescfs: true }, "mountFdescfs", "over the host's /dev/fd"],
  [{ path: "/", mountDevfs: false, mountProcfs: true }, "mountProcfs", "over the host's /proc"],
  [{ devfsRuleset: 0 }, "devfsRuleset", "0 is not a whole number from 1 to 65535"],
  [{ parameters: { "allow.noraw_sockets": true } }, "parameters.allow.noraw_sockets", "use allow"],
  [{ parameters: { "exec.prestart": "x" } }, "parameters.exec.prestart", "use prestart"],
  [{ parameters: { "mount.nodevfs": true } }, "parameters.mount.nodevfs", "use mountDevfs"],
  [{ parameters: { "ip4.addr": "10.0.0.1" } }, "parameters.ip4.addr", "this one has its own"],
  [{ parameters: { vnet: "inherit" } }, "parameters.vnet", "is always set"],
  [{ parameters: { "a b": 1 } }, "parameters.a b", "is not the name of a parameter"],
  [{ parameters: { "exec.consolelog": "a\nb" } }, "parameters.exec.consolelog", "expected true, false"],
  [{ fixedJid: 0 }, "fixedJid", "0 is not a whole number from 1 to 999999"],
  [{ devfsRuleset: "4" }, "devfsRuleset", '"4" is neither the number of a devfs ruleset'],
  [{ prestart: [""] }, "prestart[0]", "an empty command"],
  [{ depend: ["a b"] }, "depend[0]", "neither a VnetJail nor the name of one"],
  [
    { depend: ["old", { name: "db", startAtBoot: false }] },
    "depend[1]",
    "the boot does not start that jail, whose startAtBoot is false",
  ],
])("refused in a preview: %j", (changed, property, reason) => {
  expect(refused(changed)).toEqual([{ property, reason: expect.stringContaining(reason) }]);
});

test("a jail in the host's own root, and IPv6 addresses beside DHCP, are refused by nobody", () => {
  expect(refused({ path: "/", mountDevfs: false })).toEqual([]);
  const nic = { link: { jailSide: "epair1b", subnets: [] }, addresses: ["fd00:15::100/64"], dhcp: true };
  expect(refused({ interfaces: [nic], gateway: "fd00:15::1", devfsRuleset: 130 })).toEqual([]);
});

test("a jail that the boot leaves alone may depend on one that it leaves alone too", () => {
  expect(refused({ startAtBoot: false, depend: [{ name: "db", startAtBoot: false }] })).toEqual([]);
});

test("what is not known yet is refused by nobody", () => {
  expect(
    refused({
      interfaces: [{ link: UNKNOWN, addresses: UNKNOWN }],
      gateway: UNKNOWN,
      gateway6: UNKNOWN,
      mounts: [{ source: UNKNOWN, target: UNKNOWN }],
      limits: [{ resource: UNKNOWN, amount: UNKNOWN }],
      allow: UNKNOWN,
      devfsRuleset: { number: UNKNOWN },
      depend: [UNKNOWN, { name: UNKNOWN, startAtBoot: UNKNOWN }],
      parameters: { "exec.consolelog": UNKNOWN },
    }),
  ).toEqual([]);
});
