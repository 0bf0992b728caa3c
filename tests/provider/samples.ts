import type { Kind } from "../../provider/kind";
import { bridge } from "../../provider/kinds/bridge";
import { epairLink } from "../../provider/kinds/epair-link";
import { host } from "../../provider/kinds/host";
import { jailRoot } from "../../provider/kinds/jail-root";
import { natGateway } from "../../provider/kinds/nat-gateway";
import { natRedirect } from "../../provider/kinds/nat-redirect";
import { vnetJail } from "../../provider/kinds/vnet-jail";

export const hostReference = {
  address: "alpha.example.net",
  port: 22,
  user: "root",
  externalInterface: "vtnet0",
};

const owner = (name: string) => `demo/test/${name}`;

/** One valid set of inputs of every kind, and one to change it to. */
export const samples: { kind: Kind; inputs: Record<string, unknown>; changed: Record<string, unknown> }[] = [
  { kind: host, inputs: { address: "alpha.example.net" }, changed: { address: "beta.example.net" } },
  {
    kind: bridge,
    inputs: {
      host: hostReference,
      name: "bridge0",
      addresses: ["10.10.15.1/24", "fd00:15::1/64"],
      owner: owner("lan"),
    },
    changed: { host: hostReference, name: "bridge0", addresses: ["10.10.16.1/24"], owner: owner("lan") },
  },
  {
    kind: epairLink,
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
    kind: jailRoot,
    inputs: { host: hostReference, snapshot: "zroot/jails/template@base", owner: owner("testA") },
    changed: { host: hostReference, snapshot: "zroot/jails/template@base", owner: owner("renamed") },
  },
  {
    kind: jailRoot,
    inputs: { host: hostReference, path: "/jails/old", owner: owner("old") },
    changed: { host: hostReference, path: "/jails/older", owner: owner("old") },
  },
  {
    kind: vnetJail,
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
    kind: natGateway,
    inputs: { host: hostReference, owner: owner("nat") },
    changed: { host: hostReference, ruleNumber: 500, owner: owner("nat") },
  },
  {
    kind: natRedirect,
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
    kind: natRedirect,
    inputs: {
      gateway: { host: hostReference, externalInterface: "vtnet0", engine: "ipfw", ipv6: false },
      protocol: "both",
      publicPort: "8000-8010",
      target: "10.10.15.100",
      targetPort: "9000-9010",
      from: "198.51.100.10/32",
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
