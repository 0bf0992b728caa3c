import { askBlock } from "./freebsd/file";
import type { InterfaceState } from "./freebsd/interface";
import { askRcVariable, words } from "./freebsd/rcconf";
import { atBoot, type Bookkeeping, running } from "./kind";
import { claimInterface, hasAddress, hasDescription, interfaceIsOurs, jailRuns, ownBlock } from "./library";
import type { ParsedCidr } from "./scalars";
import type { Step } from "./script";
import { type Sh, sh } from "./sh";

/*
 * How what is ours is kept apart from what is not, on both planes: interfaces by their description, lines in
 * shared files by the marks around them. Every kind that has an interface or lines uses these.
 */

interface Owned {
  readonly owner: string;
}

/** Lines of ours in a file that others edit too. */
export interface OwnLines {
  readonly path: string;
  readonly owner: string;
  readonly text: string;
  /** Where the order of lines matters. */
  readonly order?: {
    /** New lines go before the first that matches this regular expression of awk(1). */
    readonly before: string;
    /** Command that has to accept the new file; its path is added. */
    readonly check: string;
  };
}

/** Keeps `lines` in their file; `previous` are the ones that stand there now, as far as we know. */
export function keepLines(lines: OwnLines, previous?: OwnLines & Partial<Bookkeeping>): Step[] {
  const { path, owner, text } = lines;
  const same = previous?.owner === owner && previous.path === path;
  const mode = same && previous.drift?.some(isOverridden) ? "move" : "set";
  const order = lines.order ? [lines.order.before, lines.order.check] : [];
  return [
    {
      what: `write the lines of ${owner} to ${path}`,
      run: sh`${ownBlock} ${[path, owner, text, mode, ...order]}`,
      undo: same
        ? sh`${ownBlock} ${path} ${owner} ${previous.text} set`
        : sh`${ownBlock} ${path} ${owner} '' drop`,
    },
    ...(previous && !same ? [dropLines(previous)] : []),
  ];
}

export function dropLines({ path, owner }: Pick<OwnLines, "path" | "owner">): Step {
  return {
    what: `remove the lines of ${owner} from ${path}`,
    run: sh`${ownBlock} ${path} ${owner} '' drop`,
  };
}

export const askLines = ({ path, owner }: OwnLines) => askBlock(path, owner);

export function compareLines(lines: OwnLines, found: string | undefined): string[] {
  if (found === undefined) return [atBoot(`its lines are gone from ${lines.path}`)];
  return found === lines.text ? [] : [atBoot(`its lines in ${lines.path} were changed`)];
}

/** Lines of rc.conf(5), with the effective values they must lead to. */
export interface RcLines extends OwnLines {
  /** Variables that hold `text` exactly. */
  readonly values: Readonly<Record<string, string>>;
  /** Variables that hold a word of ours among others'. */
  readonly words: Readonly<Record<string, string>>;
}

export function askRc(rc: RcLines) {
  return Object.fromEntries(
    [...Object.keys(rc.values), ...Object.keys(rc.words)].map((name) => [`rc:${name}`, askRcVariable(name)]),
  );
}

/** A later line of somebody else's has the last word, so ours must go behind it. */
const overridden = (how: string) => atBoot(`another line of /etc/rc.conf sets ${how}`);
const isOverridden = (drift: string) => drift.startsWith(overridden(""));

export function compareRc(
  rc: RcLines,
  found: string | undefined,
  said: Readonly<Record<string, unknown>>,
): string[] {
  const changed = compareLines(rc, found);
  if (changed.length > 0) return changed;
  const effective = (name: string) => said[`rc:${name}`] as string;
  return [
    ...Object.entries(rc.values)
      .filter(([name, value]) => effective(name) !== value)
      .map(([name]) => overridden(`${name}="${effective(name)}"`)),
    ...Object.entries(rc.words)
      .filter(([name, word]) => !words(effective(name)).includes(word))
      .map(([name, word]) => overridden(`${name} without ${word}`)),
  ];
}

/** Steps to an interface that exists and is marked as ours. */
export function keepInterface(
  name: string,
  create: Sh,
  { owner }: Owned,
  previous: Owned | undefined,
): Step[] {
  return [
    { what: `look whether ${name} is free`, run: sh`${claimInterface} ${name} ${previous?.owner ?? owner}` },
    { run: create, unless: sh`ifconfig ${name}`, undo: sh`ifconfig ${name} destroy` },
    {
      run: sh`ifconfig ${name} description ${owner}`,
      unless: sh`${hasDescription} ${name} ${owner}`,
      ...(previous && { undo: sh`ifconfig ${name} description ${previous.owner}` }),
    },
  ];
}

export function removeInterface(name: string, { owner }: Owned): Step {
  return { run: sh`ifconfig ${name} destroy`, unless: sh`! ${interfaceIsOurs} ${name} ${owner}` };
}

/**
 * Steps from the addresses that we set before to those wanted now; others' are left alone. With `jail`: on an
 * interface in that jail, as long as it runs.
 */
export function keepAddresses(
  name: string,
  wanted: readonly ParsedCidr[],
  previous: readonly ParsedCidr[],
  jail?: string,
): Step[] {
  const where = jail === undefined ? [] : ["-j", jail];
  const stopped = jail === undefined ? sh`` : sh`! ${jailRuns} ${jail} || `;
  const has = (a: ParsedCidr) => sh`${hasAddress} ${[name, a.family, a.text, ...where.slice(1)]}`;
  const add = (a: ParsedCidr) => sh`ifconfig ${[...where, name, a.family, a.text]} alias`;
  const drop = (a: ParsedCidr) => sh`ifconfig ${[...where, name, a.family, a.address]} -alias`;
  return [
    ...wanted.map((a) => ({ run: add(a), unless: sh`${stopped}${has(a)}`, undo: drop(a) })),
    ...previous
      .filter((old) => !wanted.some((a) => a.address === old.address))
      .map((a) => ({ run: drop(a), unless: sh`${stopped}! ${has(a)}`, undo: add(a) })),
  ];
}

export function compareInterface(name: string, link: InterfaceState | undefined, { owner }: Owned): string[] {
  if (!link) return [running(`${name} does not exist`)];
  return [
    ...(link.description === owner ? [] : [running(`the description of ${name} is not "${owner}"`)]),
    ...(link.up ? [] : [running(`${name} is down`)]),
  ];
}
