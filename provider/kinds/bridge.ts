import { createHash } from "node:crypto";
import { z } from "zod";
import { adoptShape, commonShape, internalShape, targetOf } from "../common";
import { askInterface } from "../freebsd/interface";
import { rcAddresses, rcMtu, rcText } from "../freebsd/rcconf";
import { defineKind, running } from "../kind";
import { hasMember } from "../library";
import { claimClone, fitsBridge, makeClone } from "../library/links";
import {
  askLines,
  askRc,
  compareAddresses,
  compareInterface,
  compareMtu,
  compareRc,
  dropLines,
  dropSomeLines,
  foundInterface,
  keepAddresses,
  keepInterface,
  keepLines,
  keepMtu,
  keepSomeLines,
  markOf,
  mtuWanted,
  type RcLines,
  removeInterface,
} from "../owned";
import {
  bridgeName,
  cidr,
  descriptionText,
  interfaceName,
  mtu,
  mustParseCidr,
  stpPriority,
  wholeNumber,
} from "../scalars";
import { type InputOf, live, replace } from "../schema";
import { sh } from "../sh";
import {
  askStart,
  compareMemberStp,
  compareStart,
  compareStp,
  keepMemberStp,
  keepStp,
  rcStp,
  startLines,
} from "../stp";

export const bridgeStpShape = {
  /**
   * Which of the bridge's `members` take part. Links say so themselves, by their `stp`.
   * @default []
   */
  members: z.array(interfaceName).optional(),
  /**
   * `rstp` (802.1w), or the slower `stp` (802.1D), by which a port that comes up passes nothing for twice
   * `forwardDelay`.
   * @default "rstp"
   */
  protocol: z.enum(["rstp", "stp"], { error: 'neither "rstp" nor "stp"' }).optional(),
  /**
   * The bridge with the lowest becomes the root: 0 to 61440, in steps of 4096.
   * @default 32768
   */
  priority: stpPriority.optional(),
  /**
   * Seconds between the root's announcements, 1 or 2; only with the protocol `stp`.
   * @default 2
   */
  helloTime: wholeNumber(1, 2, "a number of seconds: 1 or 2").optional(),
  /**
   * Seconds that a port listens, and then learns, before it passes anything, 4 to 30.
   * @default 15
   */
  forwardDelay: wholeNumber(4, 30, "a number of seconds from 4 to 30").optional(),
  /**
   * Seconds after which what a bridge was told is forgotten, 6 to 40.
   * @default 20
   */
  maxAge: wholeNumber(6, 40, "a number of seconds from 6 to 40").optional(),
};

export const bridgeShape = {
  ...commonShape,
  /**
   * Name of the interface: `bridge` and a unit, such as `bridge0`, or one of its own of at most 15 characters, such as
   * `lan`. Such a bridge is made as `bridgeN` and renamed, now and at boot, with an N from 16384 up that follows from
   * the name. See if_bridge(4), and `ifconfig_IF_name` in rc.conf(5).
   */
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
   * The spanning tree protocol, for members by which there is more than one way: of two ways to the same place one is
   * closed. See if_bridge(4).
   * @default none: `{}` is the same, and runs it on the links that say so, with FreeBSD's numbers
   */
  stp: live(z.strictObject(bridgeStpShape).optional()),
  /**
   * Words for people, shown by ifconfig(8) behind the mark by which the bridge is known as this resource's.
   * @default none: the mark alone
   */
  description: live(descriptionText.optional()),
  ...adoptShape,
  ...internalShape,
};

export interface BridgeOutputs {
  /** The bridge's MAC address. */
  ether: string;
}

type Input = InputOf<typeof bridgeShape>;

const addressesOf = (input: Input) => input.addresses.map(mustParseCidr);

// man page only: a bridge that is renamed at boot (an epair is, in scenario 24).
/** As what rc(8) makes it, before it has its name. Few people have bridges with such numbers. */
function cloneOf({ name }: Pick<Input, "name">): string {
  if (/^bridge\d/.test(name)) return name;
  return `bridge${16384 + (createHash("sha256").update(name).digest().readUInt16BE() % 16384)}`;
}

/** What makes the bridge again at boot. The members that are links say so themselves (`autobridge_*`). */
function rc(input: Input): RcLines {
  const { name, owner, members } = input;
  const clone = cloneOf(input);
  const values = {
    ...(clone !== name && { [`ifconfig_${clone}_name`]: name }),
    ...rcAddresses(name, addressesOf(input), [...rcMtu(input.mtu), ...rcStp(input.stp)]),
    [`ifconfig_${name}_descr`]: markOf(input),
  };
  const words = {
    cloned_interfaces: clone,
    autobridge_interfaces: name,
    ...(members.length > 0 && { [`autobridge_${name}`]: members.join(" ") }),
  };
  return { path: "/etc/rc.conf", owner, values, words, text: rcText(values, words) };
}

const stpMembers = (input: Input | undefined) => input?.stp?.members ?? [];

/** The uplink is configured by the time that the bridge starts: interfaces that are made at boot come after it. */
const start = ({ name, owner, stp }: Input) =>
  startLines({ interface: name, owner, bridge: name, members: stp?.members ?? [] });

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
    reportTwice("stp.members", input.stp?.members);
    const { members, stp } = input;
    stp?.members?.forEach((member, i) => {
      if (member !== undefined && members && !members.includes(undefined) && !members.includes(member))
        report(`stp.members[${i}]`, `${member} is not among the bridge's members: add it there`);
    });
    if (stp?.helloTime !== undefined && (stp.protocol === "rstp" || !("protocol" in stp)))
      report("stp.helloTime", 'can be set only with the protocol "stp": rstp has 2');
  },

  ensure(input, previous) {
    const { name, members } = input;
    const left = (previous?.members ?? []).filter((member) => !members.includes(member));
    const join = (member: string) => sh`ifconfig ${name} addm ${member}`;
    const leave = (member: string) => sh`ifconfig ${name} deletem ${member}`;
    const clone = cloneOf(input);
    const create = clone === name ? sh`ifconfig ${name} create` : sh`${makeClone} ${clone} ${name}`;
    return [
      ...(clone === name
        ? []
        : [
            {
              what: `look whether ${clone} is free`,
              run: sh`${claimClone} ${[clone, name, previous?.owner ?? input.owner]}`,
            },
          ]),
      ...keepInterface(name, create, input, previous),
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
      ...keepStp(name, input.stp, previous?.stp),
      ...members.flatMap((member) => {
        const runs = (of: Input | undefined) => stpMembers(of).includes(member);
        return keepMemberStp(name, member, runs(input), runs(previous));
      }),
      ...keepMtu(name, input.mtu, previous?.mtu),
      ...keepAddresses(name, addressesOf(input), previous ? addressesOf(previous) : []),
      { run: sh`ifconfig ${name} up` },
      ...keepLines(rc(input), previous && { ...rc(previous), drift: previous.drift }),
      ...keepSomeLines(start(input), previous && start(previous)),
    ];
  },

  remove: (state) => [
    removeInterface(state.name, state),
    dropLines(rc(state)),
    ...dropSomeLines(start(state)),
  ],

  questions: (input) => ({
    link: askInterface(input.name),
    lines: askLines(rc(input)),
    start: askStart(start(input)),
    ...askRc(rc(input)),
  }),

  gone: ({ link, lines }) => link === undefined && lines === undefined,

  found(input, answers) {
    const found = foundInterface(input.name, answers, input);
    const described = answers.link?.description;
    if (!found || described === undefined || described === input.description) return found;
    return { ...found, obstacles: [`the description of ${input.name} is "${described}"`] };
  },

  compare: (input, { link, lines, start: started, ...said }) => [
    ...compareInterface(input.name, link, input),
    ...compareAddresses(input.name, link, addressesOf(input)),
    ...input.members
      .filter((member) => link && !link.members.includes(member))
      .map((member) => running(`${member} is not a member of ${input.name}`)),
    ...compareMtu(input.name, link, input.mtu),
    ...compareStp(input.name, link, input.stp),
    ...compareMemberStp(input.name, link, stpMembers(input)),
    ...compareRc(rc(input), lines, said),
    ...compareStart(start(input), started),
  ],

  observe: (_input, { link }): BridgeOutputs => ({ ether: link?.ether ?? "" }),
});
