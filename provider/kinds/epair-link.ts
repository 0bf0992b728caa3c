import { createHash } from "node:crypto";
import { z } from "zod";
import { adoptShape, commonShape, internalShape, logicalName, targetOf } from "../common";
import { askAnywhere, askInterface, type InterfaceState } from "../freebsd/interface";
import { rcMtu, rcName, rcText } from "../freebsd/rcconf";
import { defineKind, type Reservation, running } from "../kind";
import { hasMember } from "../library";
import { anywhere, anywhereHas, interfaceHas, pairOf, releasePair, takePair } from "../library/links";
import {
  askLines,
  askRc,
  compareInterface,
  compareMtu,
  compareRc,
  dropLines,
  dropSomeLines,
  foundInterface,
  keepInterface,
  keepLines,
  keepMtu,
  keepSomeLines,
  mtuWanted,
  type RcLines,
  removeInterface,
} from "../owned";
import { Unreadable } from "../question";
import { cidr, epairUnit, etherAddress, interfaceName, mtu } from "../scalars";
import { type InputOf, live, type Reference, reference, replace } from "../schema";
import type { Step } from "../script";
import { sh } from "../sh";
import { askStart, compareMemberStp, compareStart, keepMemberStp, startLines } from "../stp";

export const bridgeReferenceShape = {
  name: interfaceName,
  addresses: z.array(cidr),
  mtu: mtu.optional(),
};

export type BridgeReference = Reference<"Bridge", z.output<z.ZodObject<typeof bridgeReferenceShape>>>;

export const epairLinkShape = {
  ...commonShape,
  /**
   * The bridge that gets the pair's "a" side as a member. Both sides have its MTU: a bridge forces its own on its
   * members, and a jail with a larger one would send what cannot pass.
   */
  bridge: live(reference("Bridge", bridgeReferenceShape, ["name", "mtu"])),
  /**
   * Takes part in the bridge's spanning tree protocol, whose numbers are the `Bridge`'s `stp`: for a jail that is a
   * bridge itself, and could close a ring. See if_bridge(4).
   * @default false
   */
  stp: live(z.boolean().default(false)),
  /**
   * The pair's number: 1 makes `epair1a` (on the bridge) and `epair1b` (for the jail). See epair(4).
   * @default the first one that is free on the host, running and at boot; it is kept from then on
   */
  unit: replace(epairUnit.optional()),
  /**
   * The MAC address of the "a" side, in lower case. See "ether" in ifconfig(8).
   * @default made from the host's address and the link's name, locally administered, or what a pair that is adopted
   * has; it is kept from then on, over reboots too (the kernel's own is another one with each order of creation)
   */
  hostEther: live(etherAddress.optional()),
  /**
   * The MAC address of the "b" side, which the jail has.
   * @default like `hostEther`, and never the same
   */
  jailEther: live(etherAddress.optional()),
  ...adoptShape,
  ...internalShape,
};

export interface EpairLinkOutputs {
  /** The pair's number. */
  unit: number;
  /** Name of the pair as cloned_interfaces has it: `epair1`. */
  name: string;
  /** The side on the bridge: `epair1a`. */
  hostSide: string;
  /** The side for the jail: `epair1b`. */
  jailSide: string;
  /** The MAC address of the side on the bridge. */
  hostEther: string;
  /** The MAC address of the side for the jail. */
  jailEther: string;
}

type Input = InputOf<typeof epairLinkShape>;

const sides = ({ unit }: Pick<Input, "unit">) => ({
  name: `epair${unit}`,
  hostSide: `epair${unit}a`,
  jailSide: `epair${unit}b`,
});

/** Unicast and locally administered; 45 bits tell links apart, and the last one the sides. */
function madeEther({ host, owner }: Input, side: 0 | 1): string {
  const bytes = createHash("sha256").update(`${host.address}\n${owner}`).digest().subarray(0, 6);
  bytes[0] = ((bytes[0] as number) & 0xfc) | 0x02;
  bytes[5] = ((bytes[5] as number) & 0xfe) | side;
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

const etherWords = (ether: string | undefined) => (ether === undefined ? [] : [`ether ${ether}`]);

/** What rc(8) is to set on the "a" side. */
const nearWords = ({ hostEther, bridge }: Input) => [...etherWords(hostEther), ...rcMtu(bridge.mtu)];

/** A member that runs STP joins when it starts, and has its MAC address and MTU by then. */
const start = (input: Input) => {
  const { hostSide } = sides(input);
  return startLines({
    interface: hostSide,
    owner: input.owner,
    bridge: input.bridge.name,
    members: input.stp ? [hostSide] : [],
    before: nearWords(input),
  });
};

// man page only: that the "b" side keeps its MTU on the way into a jail (its MAC address it does, lesson 18).
/**
 * A missing member in `ifconfig_bridge0="… addm epair1a …"` costs the bridge its address at boot;
 * `autobridge_bridge0` does not, so membership goes there. The "b" side gets its MAC address and MTU before the
 * jail takes it, and keeps them then.
 */
function rc(input: Input): RcLines {
  const { name, hostSide, jailSide } = sides(input);
  const { owner, stp, jailEther, bridge } = input;
  const far = [...etherWords(jailEther), ...rcMtu(bridge.mtu)].join(" ");
  const values = {
    [`ifconfig_${hostSide}`]: [...(stp ? [] : nearWords(input)), "up"].join(" "),
    [`ifconfig_${hostSide}_descr`]: owner,
    ...(far !== "" && { [`ifconfig_${jailSide}`]: far }),
  };
  const words = { cloned_interfaces: name, [`autobridge_${rcName(bridge.name)}`]: hostSide };
  return { path: "/etc/rc.conf", owner, values, words, text: rcText(values, words) };
}

function keepHostEther(input: Input, previous: Input | undefined): Step[] {
  const { hostSide } = sides(input);
  const set = (ether: string) => sh`ifconfig ${hostSide} ether ${ether}`;
  return [input.hostEther].flatMap((ether) =>
    ether === undefined
      ? []
      : [
          {
            run: set(ether),
            unless: sh`${interfaceHas} ${hostSide} ${`ether ${ether}`}`,
            ...(previous?.hostEther !== undefined && { undo: set(previous.hostEther) }),
          },
        ],
  );
}

/** The "b" side is on the host or in a jail that we do not know, running or not. */
function keepJailSide(input: Input, previous: Input | undefined): Step[] {
  const { jailSide } = sides(input);
  const step = (word: "ether" | "mtu", value: string | number | undefined, pattern: string, old: unknown) =>
    value === undefined
      ? []
      : [
          {
            what: `ifconfig ${jailSide} ${word} ${value}`,
            run: sh`${anywhere} ${jailSide} ${input.owner} ${word} ${value}`,
            unless: sh`${anywhereHas} ${jailSide} ${input.owner} ${pattern}`,
            ...(old !== undefined && {
              undo: sh`${anywhere} ${jailSide} ${input.owner} ${word} ${String(old)}`,
            }),
          },
        ];
  const wanted = mtuWanted(input.bridge.mtu, previous?.bridge.mtu);
  return [
    ...step("ether", input.jailEther, `^	ether ${input.jailEther}$`, previous?.jailEther),
    ...step("mtu", wanted, ` mtu ${wanted}$`, previous?.bridge.mtu),
  ];
}

const compareEther = (name: string, link: InterfaceState | undefined, ether: string | undefined) =>
  link === undefined || ether === undefined || link.ether === ether
    ? []
    : [running(`the MAC address of ${name} is ${link.ether}`)];

function reservation({ owner }: Input): Reservation<Input> {
  return {
    what: "make a pair that is free",
    take: sh`${takePair} ${owner}`,
    taken: sh`[ -n "$(${pairOf} ${owner})" ]`,
    giveBack: sh`${releasePair} ${owner}`,
    question: {
      key: `pair of ${owner}`,
      ask: sh`${pairOf} ${owner}`,
      read(answer) {
        const [, unit] = /^epair(\d+)a$/.exec(answer.text.trim()) ?? [];
        if (answer.status !== 0 || unit === undefined) throw new Unreadable("ifconfig -a -g epair", answer);
        return { unit: Number(unit) };
      },
    },
  };
}

export const epairLink = defineKind({
  name: "EpairLink",
  noun: "epair",
  inputs: epairLinkShape,
  outputs: ["unit", "name", "hostSide", "jailSide", "hostEther", "jailEther"],
  id: (input) => (input.unit === undefined ? (logicalName(input.owner) as string) : sides(input).name),
  target: (input) => targetOf(input.host),

  relations(input, report) {
    const { hostEther, jailEther, adopt } = input;
    if (adopt && !("unit" in input)) report("adopt", "say which pair is taken over: give its unit");
    if (hostEther !== undefined && hostEther === jailEther) {
      report("jailEther", `${jailEther} is the address of the other side already: the two must differ`);
    }
  },

  reserve: (input) => (input.unit === undefined ? reservation(input) : undefined),

  settle(input, previous) {
    const unit = input.unit ?? previous?.unit;
    return {
      ...(unit !== undefined && { unit }),
      hostEther: input.hostEther ?? previous?.hostEther ?? madeEther(input, 0),
      jailEther: input.jailEther ?? previous?.jailEther ?? madeEther(input, 1),
    };
  },

  ensure(input, previous) {
    const { name, hostSide } = sides(input);
    const bridge = input.bridge.name;
    const left = previous && previous.bridge.name !== bridge ? [previous.bridge.name] : [];
    return [
      ...keepInterface(hostSide, sh`ifconfig ${name} create`, input, previous),
      ...left.map((old) => ({
        run: sh`ifconfig ${old} deletem ${hostSide}`,
        unless: sh`! ${hasMember} ${old} ${hostSide}`,
        undo: sh`ifconfig ${old} addm ${hostSide}`,
      })),
      ...keepHostEther(input, previous),
      // A member's MTU cannot be set: before it joins, and later through the bridge.
      ...keepMtu(hostSide, input.bridge.mtu, previous?.bridge.mtu),
      ...keepJailSide(input, previous),
      {
        run: sh`ifconfig ${bridge} addm ${hostSide}`,
        unless: sh`${hasMember} ${bridge} ${hostSide}`,
        undo: sh`ifconfig ${bridge} deletem ${hostSide}`,
      },
      ...keepMemberStp(bridge, hostSide, input.stp, previous?.stp === true && left.length === 0),
      { run: sh`ifconfig ${hostSide} up` },
      ...keepLines(rc(input), previous && { ...rc(previous), drift: previous.drift }),
      ...keepSomeLines(start(input), previous && start(previous)),
    ];
  },

  remove: (state) => [
    removeInterface(sides(state).hostSide, state),
    dropLines(rc(state)),
    ...dropSomeLines(start(state)),
  ],

  questions: (input) => ({
    link: askInterface(sides(input).hostSide),
    far: askAnywhere(sides(input).jailSide, input.owner),
    bridge: askInterface(input.bridge.name),
    lines: askLines(rc(input)),
    start: askStart(start(input)),
    ...askRc(rc(input)),
  }),

  gone: ({ link, lines }) => link === undefined && lines === undefined,

  /** With the MAC addresses that it has: others know the jail by them. */
  found(input, answers) {
    const found = foundInterface(sides(input).hostSide, answers, input);
    const hostEther = input.hostEther ?? answers.link?.ether;
    const jailEther = input.jailEther ?? answers.far?.ether;
    return (
      found && { ...found, settled: { ...(hostEther && { hostEther }), ...(jailEther && { jailEther }) } }
    );
  },

  compare(input, answers) {
    const { hostSide, jailSide } = sides(input);
    const { link, far } = answers;
    return [
      ...compareInterface(hostSide, link, input),
      ...compareEther(hostSide, link, input.hostEther),
      ...compareEther(jailSide, far, input.jailEther),
      ...compareMtu(hostSide, link, input.bridge.mtu),
      ...compareMtu(jailSide, far, input.bridge.mtu),
      ...(link && !answers.bridge?.members.includes(hostSide)
        ? [running(`${hostSide} is not a member of ${input.bridge.name}`)]
        : []),
      ...compareMemberStp(input.bridge.name, answers.bridge, input.stp ? [hostSide] : []),
      ...compareRc(rc(input), answers.lines, answers),
      ...compareStart(start(input), answers.start),
    ];
  },

  observe: (input): EpairLinkOutputs => {
    // All are settled, but for a link of the first release, which has no MAC addresses until its next update.
    const { unit, hostEther, jailEther } = input as Input & EpairLinkOutputs;
    return { ...sides(input), unit, hostEther, jailEther };
  },
});
