import { z } from "zod";
import { commonShape, internalShape, targetOf } from "../common";
import { askInterface } from "../freebsd/interface";
import { rcAddresses, rcMtu, rcText } from "../freebsd/rcconf";
import { defineKind, running } from "../kind";
import { hasMember } from "../library";
import { fitsBridge } from "../library/links";
import {
  askLines,
  askRc,
  compareAddresses,
  compareInterface,
  compareMtu,
  compareRc,
  dropLines,
  keepAddresses,
  keepInterface,
  keepLines,
  keepMtu,
  markOf,
  mtuWanted,
  type RcLines,
  removeInterface,
} from "../owned";
import { bridgeName, cidr, descriptionText, interfaceName, mtu, mustParseCidr } from "../scalars";
import { type InputOf, live, replace } from "../schema";
import { sh } from "../sh";

export const bridgeShape = {
  ...commonShape,
  /** Name of the interface: `bridge` and a unit, such as `bridge0`. See if_bridge(4). */
  name: replace(bridgeName),
  /**
   * The host's own addresses on the bridge, with prefix length: what the jails use as their gateway. IPv4 and
   * IPv6. Addresses that others add by hand are left alone.
   * @default [] (the bridge connects its members and the host is not on it)
   */
  addresses: live(z.array(cidr).default([])),
  /**
   * Interfaces that exist already and become members: the uplink, by which jails are on the host's own network.
   * **It can cut your connection to the host.** The network card may lose its link for seconds when it joins, a
   * switch may refuse the new MAC addresses, and FreeBSD 15 takes no member that has addresses of its own (move
   * them to the bridge first). When no new connection comes through, the host takes it back. The interface itself is not ours: it must be up and
   * have the bridge's MTU by its own lines in rc.conf(5), and is left as it is when it leaves the bridge.
   * Links are members anyway: they are not named here.
   * @default []
   */
  members: live(z.array(interfaceName).default([])),
  /**
   * Bytes in a frame's payload, for the bridge and all of its members: links take it over on both sides. 9000 for
   * jumbo frames. See ifconfig(8).
   * @default what the first member has: 1500
   */
  mtu: live(mtu.optional()),
  /**
   * Words for people, shown by ifconfig(8) behind the mark by which the bridge is known as this resource's.
   * @default none: the mark alone
   */
  description: live(descriptionText.optional()),
  ...internalShape,
};

export interface BridgeOutputs {
  /** The bridge's MAC address. */
  ether: string;
}

type Input = InputOf<typeof bridgeShape>;

const addressesOf = (input: Input) => input.addresses.map(mustParseCidr);

/** What makes the bridge again at boot. The members that are links say so themselves (`autobridge_*`). */
function rc(input: Input): RcLines {
  const { name, owner, members } = input;
  const values = {
    ...rcAddresses(name, addressesOf(input), rcMtu(input.mtu)),
    [`ifconfig_${name}_descr`]: markOf(input),
  };
  const words = {
    cloned_interfaces: name,
    autobridge_interfaces: name,
    ...(members.length > 0 && { [`autobridge_${name}`]: members.join(" ") }),
  };
  return { path: "/etc/rc.conf", owner, values, words, text: rcText(values, words) };
}

export const bridge = defineKind({
  name: "Bridge",
  noun: "bridge",
  inputs: bridgeShape,
  outputs: ["ether"],
  id: (input) => input.name,
  target: (input) => targetOf(input.host),

  relations(input, report) {
    const reportTwice = (property: string, values: readonly (string | undefined)[] = []) => {
      const seen = new Map<string, number>();
      values.forEach((value, i) => {
        if (value === undefined) return;
        const first = seen.get(value);
        if (first !== undefined)
          report(`${property}[${i}]`, `${value} is there already, as ${property}[${first}]`);
        seen.set(value, i);
      });
    };
    reportTwice(
      "addresses",
      input.addresses?.map((text) => (text === undefined ? undefined : mustParseCidr(text).address)),
    );
    reportTwice("members", input.members);
  },

  ensure(input, previous) {
    const { name, members } = input;
    const left = (previous?.members ?? []).filter((member) => !members.includes(member));
    const join = (member: string) => sh`ifconfig ${name} addm ${member}`;
    const leave = (member: string) => sh`ifconfig ${name} deletem ${member}`;
    return [
      ...keepInterface(name, sh`ifconfig ${name} create`, input, previous),
      ...left.map((member) => ({
        run: leave(member),
        unless: sh`! ${hasMember} ${name} ${member}`,
        undo: join(member),
        cuts: true,
      })),
      ...members.flatMap((member) => [
        {
          what: `look whether ${member} has the MTU of ${name}`,
          run: sh`${fitsBridge} ${name} ${member} ${mtuWanted(input.mtu, previous?.mtu) ?? ""}`,
        },
        { run: join(member), unless: sh`${hasMember} ${name} ${member}`, undo: leave(member), cuts: true },
      ]),
      ...keepMtu(name, input.mtu, previous?.mtu),
      ...keepAddresses(name, addressesOf(input), previous ? addressesOf(previous) : []),
      { run: sh`ifconfig ${name} up` },
      ...keepLines(rc(input), previous && { ...rc(previous), drift: previous.drift }),
    ];
  },

  remove: (state) => [removeInterface(state.name, state), dropLines(rc(state))],

  questions: (input) => ({
    link: askInterface(input.name),
    lines: askLines(rc(input)),
    ...askRc(rc(input)),
  }),

  gone: ({ link, lines }) => link === undefined && lines === undefined,

  compare: (input, { link, lines, ...said }) => [
    ...compareInterface(input.name, link, input),
    ...compareAddresses(input.name, link, addressesOf(input)),
    ...input.members
      .filter((member) => link && !link.members.includes(member))
      .map((member) => running(`${member} is not a member of ${input.name}`)),
    ...compareMtu(input.name, link, input.mtu),
    ...compareRc(rc(input), lines, said),
  ],

  observe: (_input, { link }): BridgeOutputs => ({ ether: link?.ether ?? "" }),
});
