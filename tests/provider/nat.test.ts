import { spawnSync } from "node:child_process";
import { check } from "../../provider/check";
import type { Kind } from "../../provider/kind";
import { natGateway } from "../../provider/kinds/nat-gateway";
import { natRedirect } from "../../provider/kinds/nat-redirect";
import { claimTso } from "../../provider/nat/library";
import { overlap, type PublicSide } from "../../provider/nat/ports";
import { definitions } from "../../provider/sh";
import { UNKNOWN } from "../../provider/unknown";
import { hostReference } from "./samples";

const failures = (kind: unknown, inputs: Record<string, unknown>) => check(kind as Kind, inputs).failures;

const jail = { name: "testA", addresses: ["10.10.15.100/24", "fd00:15::100/64"] };

const redirect = (changed: object, engine: unknown = "natd", ipv6: unknown = false) =>
  failures(natRedirect, {
    gateway: { host: hostReference, externalInterface: "vtnet0", engine, ipv6 },
    protocol: "tcp",
    publicPort: 80,
    target: jail,
    owner: "p/s/web",
    ...changed,
  });

const gateway = (changed: object) =>
  failures(natGateway, { host: hostReference, owner: "p/s/nat", ...changed });

test.each([
  [redirect({ protocol: "icmp" }), "protocol", 'not one of "tcp", "udp", "both"'],
  [redirect({ publicPort: 0 }), "publicPort", "0 is neither a port nor a range of ports"],
  [redirect({ publicPort: "8010-8000" }), "publicPort", '"8010-8000" is neither a port nor a range'],
  [redirect({ publicPort: "http" }), "publicPort", '"http" is neither a port nor a range'],
  [redirect({ publicPort: true }), "publicPort", "neither a port nor a range of ports"],
  [
    redirect({ publicPort: "8000-8010", targetPort: 9000 }),
    "targetPort",
    "it has 1 ports and publicPort has 11",
  ],
  [redirect({ publicPort: "8000-8010", targetPort: "9000-9009" }), "targetPort", "it has 10 ports"],
  [redirect({ target: "10.300.1.1" }), "target", "neither a VnetJail nor an IPv4 or IPv6 address"],
  [redirect({ target: "fd00:15::100" }), "target", "fd00:15::100 is not reachable through this gateway"],
  [redirect({ target: "fd00:15::100" }, "pf"), "target", "a gateway with ipv6"],
  [redirect({ publicAddress: "2001:db8::10" }), "publicAddress", "no address family in common"],
  [
    redirect({ publicAddress: "2001:db8::10", target: "10.10.15.100" }, "pf", true),
    "publicAddress",
    "no address family",
  ],
  [
    redirect({ from: "2001:db8::/48", target: "10.10.15.100" }, "pf", true),
    "from",
    "no address family in common",
  ],
  [redirect({ from: "198.51.100.0/24" }), "from", 'the engine "natd" can only ask for one address'],
  [redirect({ from: "198.51.100.0/24" }, "ipfw"), "from", 'the engine "ipfw" can only ask for one address'],
  [redirect({ from: "198.51.100.10/24" }, "pf"), "from", 'the network is "198.51.100.0/24"'],
  [redirect({ from: "198.51.100.10" }, "pf"), "from", "has no prefix length"],
  [gateway({ engine: "iptables" }), "engine", 'not one of "natd", "ipfw", "pf"'],
  [gateway({ ipv6: { network: "fd00:15::/64" } }), "ipv6", 'IPv6 needs the engine "pf"'],
  [gateway({ engine: "pf", ipv6: { network: "10.10.15.0/24" } }), "ipv6.network", "not an IPv6 network"],
  [
    gateway({ engine: "pf", ipv6: { network: "fd00:15::1/64" } }),
    "ipv6.network",
    'the network is "fd00:15::/64"',
  ],
])("refused before any SSH: %#", (found, property, reason) => {
  expect(found).toEqual([{ property, reason: expect.stringContaining(reason) }]);
});

test("what is not known yet is accepted", () => {
  expect(redirect({ target: UNKNOWN, publicPort: UNKNOWN, from: UNKNOWN })).toEqual([]);
  expect(redirect({ target: { name: "testA", addresses: [UNKNOWN] } })).toEqual([]);
  expect(redirect({ gateway: UNKNOWN, from: "198.51.100.0/24" })).toEqual([]);
  expect(redirect({ from: "198.51.100.0/24" }, UNKNOWN, UNKNOWN)).toEqual([]);
});

test("what each engine can do is accepted", () => {
  for (const engine of ["natd", "ipfw", "pf"]) {
    expect(redirect({ protocol: "both", publicPort: "8000-8010", targetPort: "9000-9010" }, engine)).toEqual(
      [],
    );
    expect(redirect({ from: "198.51.100.10/32", publicAddress: "192.0.2.1" }, engine)).toEqual([]);
    expect(redirect({ target: "10.10.15.7" }, engine)).toEqual([]);
  }
  expect(redirect({ from: "198.51.100.0/24" }, "pf")).toEqual([]);
  expect(redirect({ target: "fd00:15::100", from: "2001:db8::/48" }, "pf", true)).toEqual([]);
  expect(gateway({ engine: "pf", ipv6: { network: "fd00:15::/64" } })).toEqual([]);
});

const side = (publicPort: number | string, more: Partial<PublicSide> = {}): PublicSide => ({
  protocol: "tcp",
  publicPort,
  ...more,
});

test.each([
  [side(80), side(80), true],
  [side(80), side(81), false],
  [side(80), side("79-81"), true],
  [side("8000-8010"), side("8010-8020"), true],
  [side("8000-8010"), side("8011-8020"), false],
  [side(80), side(80, { protocol: "udp" }), false],
  [side(80, { protocol: "both" }), side(80, { protocol: "udp" }), true],
  [side(80), side(80, { publicAddress: "192.0.2.1" }), true],
  [side(80, { publicAddress: "192.0.2.2" }), side(80, { publicAddress: "192.0.2.1" }), false],
])("the same port for two: %j %j %s", (a, b, expected) => {
  expect([overlap(a, b), overlap(b, a)]).toEqual([expected, expected]);
});

test.each([
  ["VLAN_MTU,JUMBO_MTU,LINKSTATE", 0],
  ["RXCSUM,TXCSUM,TSO4,LRO", 3],
  ["TSO6", 3],
  ["TXCSUM,VLAN_HWTSO", 0],
])("a NIC with %s: a nat of the kernel's is refused with %i", (options, status) => {
  const ifconfig = `ifconfig() { printf '%s\\n' 'em0: flags=8843<UP> mtu 1500' '\toptions=48<${options}>'; }`;
  const said = spawnSync("dash", ["-c", `${ifconfig}\n${definitions([claimTso])}\nclaim_tso em0`], {
    encoding: "utf8",
  });
  expect(said.status).toBe(status);
  if (status !== 0) expect(said.stderr).toContain("ifconfig em0 -tso");
});
