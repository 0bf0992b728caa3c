import { askBlock } from "./freebsd/file";
import type { InterfaceState } from "./freebsd/interface";
import { running } from "./kind";
import { bridgeHas, runsStp } from "./library/stp";
import { compareLines, type OwnLines } from "./owned";
import { type Question, unasked } from "./question";
import type { Step } from "./script";
import { sh } from "./sh";

/*
 * The spanning tree protocol of if_bridge(4): the bridge's own numbers, and which members take part. At boot a member
 * takes part only after it has joined; autobridge_* only joins, so /etc/start_if.IF does both.
 */

/** What a bridge says of it, each by its word of ifconfig(8). */
export interface StpSettings {
  readonly protocol?: "rstp" | "stp" | undefined;
  readonly priority?: number | undefined;
  readonly helloTime?: number | undefined;
  readonly forwardDelay?: number | undefined;
  readonly maxAge?: number | undefined;
}

/** In the order in which they can be set: hellotime only once the protocol is stp. */
const WORDS = {
  protocol: { word: "proto", usual: "rstp" },
  priority: { word: "priority", usual: 32768 },
  helloTime: { word: "hellotime", usual: 2 },
  forwardDelay: { word: "fwddelay", usual: 15 },
  maxAge: { word: "maxage", usual: 20 },
} as const;

const PROPERTIES = Object.keys(WORDS) as (keyof typeof WORDS)[];

const declaredIn = (stp: StpSettings | undefined) =>
  PROPERTIES.flatMap((property) => {
    const value = stp?.[property];
    return value === undefined ? [] : [{ ...WORDS[property], value }];
  });

/** Words for `ifconfig_IF`. */
export const rcStp = (stp: StpSettings | undefined): string[] =>
  declaredIn(stp).map(({ word, value }) => `${word} ${value}`);

export function keepStp(
  name: string,
  stp: StpSettings | undefined,
  previous: StpSettings | undefined,
): Step[] {
  return PROPERTIES.flatMap((property) => {
    const { word, usual } = WORDS[property];
    const was = previous?.[property];
    const value = stp?.[property] ?? (was === undefined ? undefined : usual);
    // With the protocol rstp it is 2 anyway, and cannot be set.
    if (value === undefined || (property === "helloTime" && stp?.protocol !== "stp")) return [];
    const set = (to: string | number) => sh`ifconfig ${name} ${word} ${to}`;
    return [{ run: set(value), unless: sh`${bridgeHas} ${name} ${word} ${value}`, undo: set(was ?? usual) }];
  });
}

export const compareStp = (
  name: string,
  link: InterfaceState | undefined,
  stp: StpSettings | undefined,
): string[] =>
  declaredIn(stp)
    .map(({ word, value }) => ({ word, value, actual: link?.bridge.get(word) }))
    .filter(({ value, actual }) => actual !== undefined && actual !== String(value))
    .map(({ word, actual }) => running(`the ${word} of ${name} is ${actual}`));

/** Steps for one that is a member of the bridge. */
export function keepMemberStp(bridge: string, member: string, wanted: boolean, was: boolean): Step[] {
  const on = sh`ifconfig ${bridge} stp ${member}`;
  const off = sh`ifconfig ${bridge} -stp ${member}`;
  const runs = sh`${runsStp} ${bridge} ${member}`;
  if (wanted) return [{ run: on, unless: runs, undo: off }];
  return was ? [{ run: off, unless: sh`! ${runs}`, undo: on }] : [];
}

export const compareMemberStp = (
  bridge: string,
  link: InterfaceState | undefined,
  members: readonly string[],
): string[] =>
  members
    .filter((member) => link?.members.includes(member) && !link.stpMembers.includes(member))
    .map((member) => running(`${member} does not run STP on ${bridge}`));

interface Starting {
  /** Whose start brings the members in. */
  readonly interface: string;
  readonly owner: string;
  readonly bridge: string;
  readonly members: readonly string[];
  /** What the interface needs before it can be a member: a member's MTU cannot be set. */
  readonly before?: readonly string[];
}

// man page only: stp in a start_if file (addm is in scenario 24).
/** Lines of /etc/start_if.IF, which rc(8) runs before it configures the interface; text "" where none is needed. */
export function startLines({ interface: name, owner, bridge, members, before = [] }: Starting): OwnLines {
  const text = members.flatMap((member) => [
    ...(before.length > 0 ? [`/sbin/ifconfig ${member} ${before.join(" ")}`] : []),
    // It may have joined: another start of the interface.
    `/sbin/ifconfig ${bridge} addm ${member} 2>/dev/null`,
    `/sbin/ifconfig ${bridge} stp ${member}`,
  ]);
  return { path: `/etc/start_if.${name}`, owner, text: text.join("\n") };
}

export const askStart = ({ path, owner, text }: OwnLines): Question<string | undefined> =>
  text === "" ? unasked(undefined) : askBlock(path, owner);

export const compareStart = (lines: OwnLines, found: string | undefined): string[] =>
  lines.text === "" ? [] : compareLines(lines, found);
