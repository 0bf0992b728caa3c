import { type Command, Errno, fail, type Io, ok, type Result } from "../../command";
import type { Mounted } from "../../kernel/mounts";
import { MountError, nmount } from "../../kernel/nmount";
import { getopt } from "../getopt";
import { fstabOrder, listOrder } from "./flags";
import { type FstabEntry, fstabEntries, hasOption, isLeftOut, readFstab } from "./fstab";
import { checkpath, hostPath, realpath, who } from "./paths";

const USAGE =
  "usage: mount [-adflpruvw] [-F fstab] [-o options] [-t ufs | external_type]\n" +
  "       mount [-dfpruvw] special | node\n" +
  "       mount [-dfpruvw] [-o options] [-t ufs | external_type] special node\n";

/** File systems that have a program of their own: `mount -t nullfs` runs mount_nullfs(8). */
const external = new Set(["cd9660", "mfs", "msdosfs", "nfs", "nullfs", "smbfs", "udf", "unionfs"]);
const programs = new Set(["nullfs", "unionfs", "cd9660", "msdosfs", "nfs", "udf"]);

interface Line {
  readonly mounted: Mounted;
  /** Where it is, as the process has it. */
  readonly on: string;
}

interface Style {
  readonly fstab: boolean;
  readonly verbose: boolean;
}

/** mount(8) */
export const mount: Command = async (args, io) => {
  const json = args.includes("--libxo") || args.includes("--libxo=json");
  const plain = json
    ? args.filter((arg, n) => !arg.startsWith("--libxo") && args[n - 1] !== "--libxo")
    : args;
  const { list, operands, error } = getopt(plain, "adF:fLlno:prt:uvw");
  if (error !== undefined) return fail(1, `mount: ${error}\n${USAGE}`);
  const flags = new Set(list.map(([letter]) => letter));
  const last = (letter: string): string | undefined => list.findLast(([l]) => l === letter)?.[1];
  const options: string[] = [];
  for (const [letter, value] of list) {
    if (letter === "o") options.push(...(value ?? "").split(",").filter(Boolean));
    if (letter === "r") options.push("ro");
    if (letter === "w") options.push("noro");
    if (letter === "f") options.push("force");
  }
  const types = last("t");
  const update = flags.has("u");
  if (update) options.push(...(options.includes("ro") ? [] : ["noro"]), "update");
  const style: Style = { fstab: flags.has("p"), verbose: flags.has("v") };
  const [first, second] = operands;

  if (first === undefined)
    return flags.has("a")
      ? mountAll(io, {
          fstab: last("F"),
          types,
          options,
          late: flags.has("l") || flags.has("L"),
          onlyLate: flags.has("L"),
        })
      : ok(listing(io, types, style, json));
  if (operands.length > 2) return fail(1, USAGE);
  if (second !== undefined)
    return shown(io, second, style, await mountOne(io, types ?? "ufs", first, second, options));
  if (types !== undefined) return fail(1, USAGE);
  if (update) return remount(io, first, options);
  const entry = find(fstabEntries(io, last("F")), first);
  if (!entry) return fail(1, `mount: ${first}: unknown special file or file system\n`);
  return shown(io, entry.file, style, await mountEntry(io, entry, options));
};

const find = (entries: readonly FstabEntry[], name: string): FstabEntry | undefined => {
  const plain = name.replace(/(?<=.)\/+$/, "");
  return entries.find((e) => e.file === plain) ?? entries.find((e) => e.spec === plain);
};

/** `-v` shows what has been mounted. */
function shown(io: Io, path: string, style: Style, result: Result): Result {
  if (result.status !== 0 || (!style.verbose && !style.fstab)) return result;
  const line = lines(io).findLast(({ on }) => on === realpath(io, path));
  return line ? ok(result.stdout + print(io, line, style)) : result;
}

async function mountAll(
  io: Io,
  given: {
    fstab: string | undefined;
    types: string | undefined;
    options: readonly string[];
    late: boolean;
    onlyLate: boolean;
  },
): Promise<Result> {
  let fstab: ReturnType<typeof readFstab>;
  try {
    fstab = readFstab(io, given.fstab);
  } catch (error) {
    // getfsent(3) of a missing file: there is nothing to mount.
    if (error instanceof Errno) return ok();
    throw error;
  }
  let { stderr } = fstab;
  let stdout = "";
  let status = 0;
  const before = lines(io);
  for (const entry of fstab.entries) {
    if (entry.access === "sw" || entry.access === "xx" || isLeftOut(entry.type, given.types)) continue;
    if (hasOption(entry.options, "noauto")) continue;
    const late = hasOption(entry.options, "late");
    if ((late && !given.late) || (!late && given.onlyLate)) continue;
    if (entry.file !== "/" && isMounted(io, entry, before)) continue;
    const result = await mountEntry(io, entry, given.options);
    stdout += result.stdout;
    stderr += result.stderr;
    if (result.status !== 0 && !hasOption(entry.options, "failok")) status = 1;
  }
  return { stdout, stderr, status };
}

function isMounted(io: Io, entry: FstabEntry, mounted: readonly Line[]): boolean {
  let { file } = entry;
  try {
    file = realpath(io, file);
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
  }
  return mounted.some(
    (line) => line.on === file && (entry.type !== "ufs" || line.mounted.from === entry.spec),
  );
}

const mountEntry = (io: Io, entry: FstabEntry, options: readonly string[]): Promise<Result> =>
  mountOne(io, entry.type, entry.spec, entry.file, [...entry.options, ...options]);

/** Options that are for mount(8), not for the file system. */
const own = /^(noauto|late|failok|userquota.*|groupquota.*|fstab|current)$/;

async function mountOne(
  io: Io,
  type: string,
  from: string,
  on: string,
  given: readonly string[],
): Promise<Result> {
  const options = given.filter((option) => !own.test(option));
  if (external.has(type)) {
    if (!programs.has(type))
      return fail(1, `mount: exec mount_${type} not found in /sbin:/usr/sbin: No such file or directory\n`);
    return io.run([`/sbin/mount_${type}`, ...options.flatMap((option) => ["-o", option]), from, on]);
  }
  let real: string;
  try {
    real = checkpath(io, on);
  } catch (error) {
    return complain("mount", on, error);
  }
  const update = real === "/" && !options.includes("update") ? ["update"] : [];
  try {
    nmount(io.kernel, { type, from, on: hostPath(io, real), options: [...options, ...update], who: who(io) });
    return ok();
  } catch (error) {
    return complain("mount", from, error);
  }
}

/** `mount -u`: changes the flags of what is mounted at, or from, `name`. */
function remount(io: Io, name: string, options: readonly string[]): Result {
  const plain = name.replace(/(?<=.)\/+$/, "");
  const line = lines(io).findLast(({ mounted, on }) => mounted.from === plain || on === plain);
  if (!line) return fail(1, `mount: not currently mounted ${name}\n`);
  const { mounted } = line;
  try {
    nmount(io.kernel, { type: mounted.type, from: mounted.from, on: mounted.on, options, who: who(io) });
    return ok();
  } catch (error) {
    return mounted.type === "nullfs"
      ? complain("mount_nullfs", line.on, error)
      : complain("mount", mounted.from, error);
  }
}

/** err(3), with what nmount(2) had to say. */
export function complain(program: string, what: string, error: unknown, status = 1): Result {
  if (!(error instanceof Errno)) throw error;
  const detail = error instanceof MountError && error.detail !== "" ? `${error.detail}: ` : "";
  return fail(status, `${program}: ${what}: ${detail}${new Errno(error.code).message}\n`);
}

const lines = (io: Io): Line[] => io.kernel.storage.mounts.seenBy(io.who.jail);

function listing(io: Io, types: string | undefined, style: Style, json: boolean): string {
  const wanted = lines(io).filter(({ mounted }) => !isLeftOut(mounted.type, types));
  return json ? jsonListing(wanted, style) : wanted.map((line) => print(io, line, style)).join("");
}

// man page only
function jsonListing(wanted: readonly Line[], style: Style): string {
  const mounted = wanted.map(({ mounted: { from, type, flags }, on }) =>
    style.fstab
      ? { device: from, mntpoint: on, fstype: type, opts: fstabOptions(flags).split(",") }
      : {
          special: from,
          node: on,
          fstype: type,
          opts: listOrder.filter(([f]) => flags.has(f)).map(([, w]) => w),
        },
  );
  return `${JSON.stringify({ __version: "1", mount: { [style.fstab ? "fstab" : "mounted"]: mounted } })}\n`;
}

function print(io: Io, { mounted, on }: Line, style: Style): string {
  if (style.fstab) return fstabLine(io, mounted, on);
  const words = listOrder.filter(([flag]) => mounted.flags.has(flag)).map(([, text]) => text);
  // man page only
  const extra = style.verbose ? [`fsid ${fsid(mounted)}`] : [];
  return `${mounted.from} on ${on} (${[mounted.type, ...words, ...extra].join(", ")})\n`;
}

/** Stable while it is mounted, different for each. */
function fsid({ from, on, type }: Mounted): string {
  let hash = 0xcbf29ce484222325n;
  for (const c of `${from} ${on} ${type}`)
    hash = ((hash ^ BigInt(c.charCodeAt(0))) * 0x100000001b3n) & (2n ** 64n - 1n);
  return hash.toString(16).padStart(16, "0");
}

const fstabOptions = (flags: Mounted["flags"]): string =>
  [flags.has("ro") ? "ro" : "rw", ...fstabOrder.filter((flag) => flags.has(flag))].join(",");

const tabs = (text: string): string =>
  text + (text.length < 8 ? "\t" : "") + (text.length < 16 ? "\t" : "") + (text.length < 24 ? "\t" : " ");

function fstabLine(io: Io, { from, type, flags }: Mounted, on: string): string {
  const shownFrom = from.replace(/^<(below|above)>:/, "");
  const options = fstabOptions(flags);
  const entries = fstabEntries(io);
  const entry = entries.find((e) => e.spec === shownFrom) ?? entries.find((e) => e.file === on);
  const ufs = type === "ufs" ? (on === "/" ? "1 1" : "2 2") : "0 0";
  const passes = entry ? `${entry.freq} ${entry.pass}` : ufs;
  return `${tabs(shownFrom)}${tabs(on)}${type}\t${options}${options.length < 8 ? "\t" : " "}\t${passes}\n`;
}
