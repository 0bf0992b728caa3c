import { askBlock } from "./freebsd/file";
import type { InterfaceState } from "./freebsd/interface";
import { askLateFiles, askRcVariable, type LateLine, words } from "./freebsd/rcconf";
import { atBoot, type Bookkeeping, type Found, running } from "./kind";
import {
  certainlyNot,
  claimInterface,
  hasAddress,
  hasLine,
  headerLine,
  interfaceIsOurs,
  jailRuns,
  ownBlock,
} from "./library";
import { interfaceHas } from "./library/links";
import { describeInterface, markIn, undescribeInterface } from "./library/marks";
import type { Question } from "./question";
import type { ParsedCidr } from "./scalars";
import type { Step } from "./script";
import { type Sh, sh } from "./sh";

/*
 * How what is ours is kept apart from what is not, on both planes: interfaces by their description, lines in
 * shared files by the marks around them. Every kind that has an interface or lines uses these.
 */

interface Owned {
  readonly owner: string;
  readonly adopt?: boolean;
  /** Words for people, behind the owner in an interface's description. */
  readonly description?: string | undefined;
}

/** What the description of an interface of ours is: by its first word it is known as ours. */
export const markOf = ({ owner, description }: Owned) =>
  description === undefined ? owner : `${owner} ${description}`;

/** The last word of the scripts by which a name is claimed. */
export const wayOf = ({ adopt }: { readonly adopt?: boolean }) => (adopt ? "adopt" : "offer");

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
  const mode =
    same && previous.drift?.some((drift) => drift.startsWith(overridden(path, ""))) ? "move" : "set";
  const order = lines.order ? [lines.order.before, lines.order.check] : [];
  const after = (former: string) => [...(lines.order ? order : ["", ""]), former];
  return [
    {
      what: `write the lines of ${owner} to ${path}`,
      run: sh`${ownBlock} ${[path, owner, text, mode, ...(same ? after(previous.text) : order)]}`,
      undo: same
        ? sh`${ownBlock} ${[path, owner, previous.text, "set", "", "", text]}`
        : sh`${ownBlock} ${path} ${owner} '' drop`,
    },
    ...(previous && !same
      ? [
          {
            ...dropLines(previous),
            undo: sh`${ownBlock} ${[previous.path, previous.owner, previous.text, "set", ...order]}`,
          },
        ]
      : []),
  ];
}

export function dropLines({ path, owner, text }: OwnLines): Step {
  return {
    what: `remove the lines of ${owner} from ${path}`,
    run: sh`${ownBlock} ${[path, owner, text, "drop"]}`,
  };
}

/** As `keepLines`, where there may be none: those whose text is "". */
export function keepSomeLines(
  lines: OwnLines,
  previous: (OwnLines & Partial<Bookkeeping>) | undefined,
  drop: (lines: OwnLines) => Step = dropLines,
): Step[] {
  const old = previous?.text ? previous : undefined;
  if (lines.text !== "") return keepLines(lines, old);
  if (old === undefined) return [];
  return [{ ...drop(old), undo: sh`${ownBlock} ${old.path} ${old.owner} ${old.text} set` }];
}

export const dropSomeLines = (lines: OwnLines): Step[] => (lines.text === "" ? [] : [dropLines(lines)]);

/** A file of our own, which has our mark in a line of its own. */
export function removeFile(path: string, owner: string): Step {
  const mark = headerLine(owner);
  return {
    what: `rm -f ${path}`,
    run: sh`{ grep -qxF -e ${mark} ${path} && rm -f ${path}; }`,
    unless: sh`${certainlyNot} ${hasLine} ${path} ${mark}`,
  };
}

/** A file of our own, which says `text`. */
export function compareFile(path: string, text: string, found: string | undefined): string[] {
  if (found === undefined) return [atBoot(`${path} is gone`)];
  return found === `${text}\n` ? [] : [atBoot(`${path} was changed`)];
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
  /** Variables that hold a word of ours, or several with blanks between, among others'. */
  readonly words: Readonly<Record<string, string>>;
}

export function askRc(rc: RcLines): Record<string, Question<unknown>> {
  return {
    ...Object.fromEntries(
      [...Object.keys(rc.values), ...Object.keys(rc.words)].map((name) => [
        `rc:${name}`,
        askRcVariable(name),
      ]),
    ),
    "files after rc.conf": askLateFiles(),
  };
}

/** A later line of somebody else's has the last word, so ours must go behind it. */
export const overridden = (path: string, how: string) => atBoot(`another line of ${path} sets ${how}`);

/** Ours cannot go behind a line of a file that is read later. */
const overriddenLater = (path: string, file: string, how: string) =>
  atBoot(`${file}, which is read after ${path}, sets ${how}; take that line out`);

export function compareRc(
  rc: RcLines,
  found: string | undefined,
  said: Readonly<Record<string, unknown>>,
): string[] {
  const changed = compareLines(rc, found);
  if (changed.length > 0) return changed;
  const effective = (name: string) => said[`rc:${name}`] as string;
  const late = said["files after rc.conf"] as readonly LateLine[];
  const lost = (name: string, how: string) => {
    const file = late.findLast(({ variable }) => variable === name)?.file;
    return file === undefined ? overridden(rc.path, how) : overriddenLater(rc.path, file, how);
  };
  return [
    ...Object.entries(rc.values)
      .filter(([name, value]) => effective(name) !== value)
      .map(([name]) => lost(name, `${name}="${effective(name)}"`)),
    ...Object.entries(rc.words)
      .map(([name, ours]) => ({ name, gone: words(ours).filter((w) => !words(effective(name)).includes(w)) }))
      .filter(({ gone }) => gone.length > 0)
      .map(({ name, gone }) => lost(name, `${name} without ${gone.join(" ")}`)),
  ];
}

/** Steps to an interface that exists and is marked as ours. */
export function keepInterface(name: string, create: Sh, owned: Owned, previous: Owned | undefined): Step[] {
  const mark = markOf(owned);
  return [
    {
      what: `look whether ${name} is free`,
      run: sh`${claimInterface} ${name} ${previous?.owner ?? owned.owner} ${wayOf(owned)}`,
    },
    { run: create, unless: sh`ifconfig ${name}`, undo: sh`ifconfig ${name} destroy` },
    keepMark(name, owned, previous, sh`${interfaceHas} ${name} ${`description: ${mark}`}`),
  ];
}

/** Taken over, an interface may have a description of its own, which is put back when a later step fails. */
export function keepMark(name: string, owned: Owned, previous: Owned | undefined, unless: Sh): Step {
  const run = sh`ifconfig ${name} description ${markOf(owned)}`;
  if (previous) return { run, unless, undo: sh`ifconfig ${name} description ${markOf(previous)}` };
  if (!owned.adopt) return { run, unless };
  return {
    what: run.text,
    run: sh`${describeInterface} ${name} ${markOf(owned)}`,
    unless,
    undo: sh`${undescribeInterface} ${name}`,
  };
}

/** What Ethernet has, and an interface has again when its MTU is no longer declared. */
const usualMtu = 1500;

/** The MTU to set; undefined when none is or was declared, and the kernel's is as good as any. */
export const mtuWanted = (mtu: number | undefined, previous: number | undefined) =>
  mtu ?? (previous === undefined ? undefined : usualMtu);

export function keepMtu(name: string, mtu: number | undefined, previous: number | undefined): Step[] {
  const wanted = mtuWanted(mtu, previous);
  if (wanted === undefined) return [];
  return [
    {
      run: sh`ifconfig ${name} mtu ${wanted}`,
      unless: sh`ifconfig ${name} | grep -q -e ${` mtu ${wanted}$`}`,
      undo: sh`ifconfig ${name} mtu ${previous ?? usualMtu}`,
    },
  ];
}

export const compareMtu = (name: string, link: InterfaceState | undefined, mtu: number | undefined) =>
  link === undefined || mtu === undefined || link.mtu === mtu
    ? []
    : [running(`the MTU of ${name} is ${link.mtu}`)];

export const compareAddresses = (
  name: string,
  link: InterfaceState | undefined,
  addresses: readonly ParsedCidr[],
) =>
  addresses
    .filter((a) => link !== undefined && !link.addresses.includes(a.text))
    .map((a) => running(`${name} lacks ${a.text}`));

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
  // An address can take the way to whoever is connected: their network's, or the one that they came in by.
  const cuts = jail === undefined;
  const stopped = jail === undefined ? sh`` : sh`${certainlyNot} ${jailRuns} ${jail} || `;
  const asked = (a: ParsedCidr) => [name, a.family, a.text, ...where.slice(1)];
  const add = (a: ParsedCidr) => sh`ifconfig ${[...where, name, a.family, a.text]} alias`;
  const drop = (a: ParsedCidr) => sh`ifconfig ${[...where, name, a.family, a.address]} -alias`;
  // The prefix length of an IPv6 address that is there cannot be changed (in6_validate_ifra: EINVAL), IPv4's is.
  const put = (a: ParsedCidr, old: ParsedCidr | undefined) =>
    old?.family === "inet6" ? sh`${drop(old)} && { ${add(a)} || { ${add(old)}; false; }; }` : add(a);
  return [
    ...wanted.map((a) => {
      const old = previous.find((had) => had.address === a.address && had.text !== a.text);
      return {
        what: `ifconfig ${[...where, name, a.family, a.text].join(" ")} alias`,
        run: put(a, old),
        unless: sh`${stopped}${hasAddress} ${asked(a)}`,
        undo: old ? put(old, a) : drop(a),
        cuts,
      };
    }),
    ...previous
      .filter((old) => !wanted.some((a) => a.address === old.address))
      .map((a) => ({
        run: drop(a),
        unless: sh`${stopped}${certainlyNot} ${hasAddress} ${asked(a)}`,
        undo: add(a),
        cuts,
      })),
  ];
}

const unmarked = (name: string, owned: Owned) =>
  running(`the description of ${name} is not "${markOf(owned)}"`);

/** An interface of nobody's: neither its description nor lines in rc.conf say whose it is. */
export function foundInterface(
  name: string,
  { link, lines }: { readonly link: InterfaceState | undefined; readonly lines: string | undefined },
  owned: Owned,
): Omit<Found<never>, "settled"> | undefined {
  if (!link || lines !== undefined || markIn(link.description) !== undefined) return undefined;
  if (link.description?.split(" ")[0] === owned.owner) return undefined;
  return { what: `interface ${name}`, unmarked: [unmarked(name, owned)] };
}

export function compareInterface(name: string, link: InterfaceState | undefined, owned: Owned): string[] {
  if (!link) return [running(`${name} does not exist`)];
  return [
    ...(link.description === markOf(owned) ? [] : [unmarked(name, owned)]),
    ...(link.up ? [] : [running(`${name} is down`)]),
  ];
}
