import { check } from "../../provider/check";
import type { Kind } from "../../provider/kind";
import { bridge } from "../../provider/kinds/bridge";
import { host } from "../../provider/kinds/host";
import { natRedirect } from "../../provider/kinds/nat-redirect";
import { vnetJail } from "../../provider/kinds/vnet-jail";
import { UNKNOWN } from "../../provider/unknown";
import { hostReference, samples } from "./samples";

const run = (kind: unknown, inputs: Record<string, unknown>) => check(kind as Kind, inputs);
const bridgeWith = (changed: Record<string, unknown>) =>
  run(bridge, {
    host: hostReference,
    name: "bridge0",
    addresses: ["10.10.15.1/24"],
    owner: "p/s/lan",
    ...changed,
  });
const jailWith = (changed: Record<string, unknown>) =>
  run(vnetJail, {
    host: hostReference,
    path: "/jails/testA",
    interfaces: [
      { link: { jailSide: "epair1b", subnets: ["10.10.15.1/24"] }, addresses: ["10.10.15.100/24"] },
    ],
    gateway: "10.10.15.1",
    owner: "p/s/testA",
    ...changed,
  });

test.each(samples.map((s) => [s.kind.noun, s] as const))(
  "valid inputs of a %s pass, and pass again unchanged",
  (_, s) => {
    const first = check(s.kind, s.inputs);
    expect(first.failures).toEqual([]);
    expect(check(s.kind, first.inputs)).toEqual(first);
  },
);

test.each([
  [
    bridgeWith({ name: "bridge0123456789" }),
    "name",
    "has 16 characters: FreeBSD's interface names have 15 at most",
  ],
  [bridgeWith({ name: "0lan" }), "name", 'is not a bridge\'s name: "bridge0", or a letter'],
  [bridgeWith({ addresses: ["10.10.15.1"] }), "addresses[0]", "has no prefix length"],
  [bridgeWith({ addresses: ["10.10.15.300/24"] }), "addresses[0]", "is not an address with a prefix length"],
  [bridgeWith({ addresses: ["010.0.0.1/24"] }), "addresses[0]", "is not an address with a prefix length"],
  [bridgeWith({ addresses: ["10.10.15.1/33"] }), "addresses[0]", "is not an address with a prefix length"],
  [bridgeWith({ addresses: ["fd00::1/129"] }), "addresses[0]", "is not an address with a prefix length"],
  [
    bridgeWith({ addresses: ["10.0.0.1/8", "10.0.0.1/24"] }),
    "addresses[1]",
    "is there already, as addresses[0]",
  ],
  [bridgeWith({ name: "bridge007" }), "name", '"bridge007" is not a bridge\'s unit'],
  [bridgeWith({ name: "epair1a" }), "name", "is how another driver's interfaces are called"],
  [bridgeWith({ name: "vtnet0" }), "name", "is how another driver's interfaces are called"],
  [bridgeWith({ name: "DEFAULT" }), "name", "means something else to rc.conf(5)"],
  [bridgeWith({ name: "interfaces" }), "name", "means something else to rc.conf(5)"],
  [bridgeWith({ name: "lan_descr" }), "name", "means something else to rc.conf(5)"],
  [bridgeWith({ name: "my.lan" }), "name", "a letter, then letters, digits or"],
  [bridgeWith({ name: "a_lan_of_16_char" }), "name", "has 16 characters: FreeBSD's interface names have 15"],
  [bridgeWith({ stp: { priority: 5000 } }), "stp.priority", "5000 is not a step of 4096: 4096 is"],
  [bridgeWith({ stp: { priority: 65536 } }), "stp.priority", "65536 is not a priority: 0 to 61440"],
  [bridgeWith({ stp: { protocol: "mstp" } }), "stp.protocol", 'neither "rstp" nor "stp"'],
  [bridgeWith({ stp: { helloTime: 1 } }), "stp.helloTime", 'only with the protocol "stp"'],
  [bridgeWith({ stp: { forwardDelay: 3 } }), "stp.forwardDelay", "3 is not a number of seconds from 4 to 30"],
  [bridgeWith({ stp: { members: ["em0"] } }), "stp.members[0]", "em0 is not among the bridge's members"],
  [bridgeWith({ adresses: [] }), "adresses", 'there is no such property; did you mean "addresses"?'],
  [bridgeWith({ name: undefined }), "name", "is required"],
  [bridgeWith({ name: 5 }), "name", "expected text, got number"],
  [jailWith({ name: "x; touch /tmp/pwned" }), "name", "is not a jail's name"],
  [jailWith({ name: "42" }), "name", "would be taken for a jid"],
  [jailWith({ name: "a.b" }), "name", "would name a child jail"],
  [jailWith({ name: "-a" }), "name", "is not a jail's name"],
  [
    jailWith({ gateway: "10.10.16.1" }),
    "gateway",
    "is in no subnet of the jail's interfaces (10.10.15.100/24)",
  ],
  [jailWith({ path: "jails/x" }), "path", "is not an absolute path"],
  [jailWith({ path: "/jails/../etc" }), "path", "is not an absolute path"],
  [jailWith({ start: ["a\nb"] }), "start[0]", "cannot be written in jail.conf(5)"],
  [jailWith({ start: ['echo "it\'s"'] }), "start[0]", "cannot be written in jail.conf(5)"],
  [
    jailWith({
      interfaces: [
        { link: { jailSide: "epair1b", subnets: ["10.10.15.1/24"] }, addresses: ["10.10.16.5/24"] },
      ],
      gateway: undefined,
    }),
    "interfaces[0].addresses[0]",
    "10.10.16.5/24 is outside the bridge's subnet: the bridge has 10.10.15.1/24",
  ],
  [
    jailWith({
      interfaces: [
        { link: { jailSide: "epair1b", subnets: ["10.10.15.1/24"] }, addresses: ["10.10.15.1/24"] },
      ],
    }),
    "interfaces[0].addresses[0]",
    "is the bridge's own address",
  ],
  [
    jailWith({ host: { ...hostReference, osreldate: 1400507 }, allow: { settime: true } }),
    "allow.settime",
    "allow.settime came with FreeBSD 15.0, and the host has 14.0 (1400507)",
  ],
  [
    jailWith({ host: { ...hostReference, osreldate: 1304000 }, allow: { extattr: false } }),
    "allow.extattr",
    "allow.extattr came with FreeBSD 15.0, and the host has 13.4 (1304000)",
  ],
  [
    jailWith({ host: { ...hostReference, osreldate: 1304000 }, parameters: { meta: "a=b" } }),
    "parameters.meta",
    "meta came with FreeBSD 15.0",
  ],
  [
    jailWith({ host: { ...hostReference, osreldate: 1402000 }, parameters: { "mac.do.rules": "any" } }),
    "parameters.mac.do.rules",
    "mac.do.rules came with FreeBSD 14.3, and the host has 14.2",
  ],
  [run(host, { address: "not a host" }), "address", "neither a host name nor an IP address"],
  [run(host, { address: "a", port: 0 }), "port", "0 is not a port: a whole number from 1 to 65535"],
  [run(host, { address: "a", port: 65536 }), "port", "65536 is not a port"],
  [run(host, { address: "a", port: 2.5 }), "port", "2.5 is not a port"],
  [run(host, { address: "a", hostKey: "md5:00" }), "hostKey", "neither a fingerprint"],
])("refused before any SSH: %#", (result, property, reason) => {
  expect(result.failures).toEqual([{ property, reason: expect.stringContaining(reason) }]);
});

test("values that are not known yet are accepted at any depth, and nothing else is let through with them", () => {
  expect(jailWith({ path: UNKNOWN }).failures).toEqual([]);
  expect(jailWith({ host: UNKNOWN, interfaces: UNKNOWN, gateway: UNKNOWN }).failures).toEqual([]);
  const half = (addresses: string[]) => [
    { link: { jailSide: UNKNOWN, subnets: ["10.10.15.1/24"] }, addresses },
  ];
  expect(jailWith({ interfaces: half(["10.10.15.100/24"]) }).failures).toEqual([]);
  expect(jailWith({ path: UNKNOWN, interfaces: half(["10.10.16.5/24"]) }).failures).toHaveLength(2);
  expect(jailWith({ path: UNKNOWN, name: "a b" }).failures).toHaveLength(1);
});

test("what a release has, may have, or is not known to have is left to the host", () => {
  const on = (osreldate: number | undefined, allow: object) =>
    jailWith({ host: { ...hostReference, osreldate }, allow }).failures;
  expect(on(1500068, { settime: true })).toEqual([]);
  expect(on(1404000, { settime: true })).toEqual([]);
  expect(on(1304000, { nfsd: true, read_msgbuf: true })).toEqual([]);
  expect(on(undefined, { settime: true })).toEqual([]);
  const unknown = jailWith({ host: { ...hostReference, osreldate: UNKNOWN }, allow: { settime: true } });
  expect(unknown.failures).toEqual([]);
});

test("defaults are filled in, and a jail is called as its resource", () => {
  expect(bridgeWith({ addresses: undefined }).inputs).toMatchObject({ addresses: [] });
  expect(jailWith({}).inputs).toMatchObject({ name: "testA", devfsRuleset: 5, start: ["/bin/sh /etc/rc"] });
  expect(jailWith({ path: UNKNOWN }).inputs).toMatchObject({ name: "testA", devfsRuleset: 5 });
});

test("a redirect to a jail without IPv4 is refused", () => {
  const { failures } = run(natRedirect, {
    gateway: { host: hostReference, externalInterface: "vtnet0", engine: "natd", ipv6: false },
    protocol: "tcp",
    publicPort: 80,
    target: { name: "v6", addresses: ["fd00::2/64"] },
    owner: "p/s/web",
  });
  expect(failures).toEqual([{ property: "target", reason: expect.stringContaining("has no IPv4 address") }]);
});
