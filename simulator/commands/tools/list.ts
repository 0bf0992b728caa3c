import { type Commands, Errno, strerror } from "../../command";
import { groupName, userName } from "../../kernel/accounts";
import type { Inode, Location } from "../../kernel/vfs";
import { formatDate } from "./date-format";
import { type Run, tool } from "./tool";

const TYPE = { file: "-", directory: "d", symlink: "l", device: "c" } as const;

/** `drwxr-xr-x` */
export function modeString({ type, mode }: Inode): string {
  const bits = (shift: number, special: number, letter: string): string => {
    const r = mode & (4 << shift) ? "r" : "-";
    const w = mode & (2 << shift) ? "w" : "-";
    const x = (mode & (1 << shift)) !== 0;
    const s = (mode & special) !== 0;
    return r + w + (s ? (x ? letter : letter.toUpperCase()) : x ? "x" : "-");
  };
  return TYPE[type] + bits(6, 0o4000, "s") + bits(3, 0o2000, "s") + bits(0, 0o1000, "t");
}

interface Listed {
  /** As it is shown. */
  readonly name: string;
  readonly location: Location;
  readonly path: string;
}

const LS_USAGE =
  "usage: ls [-ABCFGHILPRSTUWZabcdfghiklmnopqrstuvwxy1,] [--color=when] [-D format] [--group-directories=] [file ...]\n";

const ls = tool(
  { name: "ls", letters: "1ABCD:FGHILPRSTUWZabcdfghiklmnopqrstuvwxy,", usage: LS_USAGE, long: {} },
  (run: Run) => {
    const { operands } = run;
    const names = operands.length > 0 ? [...operands] : ["."];
    const files: Listed[] = [];
    const directories: Listed[] = [];
    const follow = run.has("L") || run.has("H") || !(run.has("l") || run.has("d") || run.has("F"));
    for (const name of names.sort(compareNames)) {
      const path = run.path(name);
      try {
        let location = run.io.fs.locate(path, { follow: run.has("L") || name.endsWith("/") });
        if (location.node.type === "symlink" && follow) {
          const target = run.io.fs.peek(path);
          if (target) location = run.io.fs.locate(path);
        }
        const isDirectory = location.node.type === "directory" && !run.has("d");
        (isDirectory ? directories : files).push({ name, location, path });
      } catch (error) {
        run.warn(name, error);
      }
    }
    show(run, sorted(run, files), false);
    const title = operands.length > 1 || run.has("R");
    for (const [n, directory] of sorted(run, directories).entries()) {
      if (n > 0 || files.length > 0) run.print("\n");
      contents(run, directory, title && (operands.length > 1 || n > 0 || files.length > 0));
    }
  },
);

const compareNames = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function sorted(run: Run, entries: readonly Listed[]): Listed[] {
  const out = [...entries];
  const { fs } = run.io;
  if (run.has("f")) return out;
  out.sort((a, b) => {
    const time = b.location.node.mtime - a.location.node.mtime;
    const size =
      fs.sizeOf(b.location.node, b.location.mount.fs) - fs.sizeOf(a.location.node, a.location.mount.fs);
    return (run.has("t") ? time : run.has("S") ? size : 0) || compareNames(a.name, b.name);
  });
  return run.has("r") ? out.reverse() : out;
}

function contents(run: Run, directory: Listed, title: boolean): void {
  const { fs } = run.io;
  if (title) run.print(`${directory.name}:\n`);
  let names: string[];
  try {
    names = fs.list(directory.path);
  } catch (error) {
    run.warn(directory.name, error);
    return;
  }
  const all = run.has("a") || run.has("f");
  const most = all || run.has("A") || (run.io.who.uid === 0 && !run.has("I"));
  if (!most) names = names.filter((name) => !name.startsWith("."));
  if (all) names.unshift(".", "..");
  const entries = names.flatMap((name): Listed[] => {
    const path = directory.path.endsWith("/") ? directory.path + name : `${directory.path}/${name}`;
    try {
      return [{ name, location: fs.locate(path, { follow: run.has("L") }), path }];
    } catch (error) {
      run.warn(path, error);
      return [];
    }
  });
  const listed = sorted(run, entries);
  show(run, listed, true);
  if (!run.has("R")) return;
  for (const entry of listed) {
    if (entry.location.node.type !== "directory" || entry.name === "." || entry.name === "..") continue;
    const name = directory.name.endsWith("/")
      ? directory.name + entry.name
      : `${directory.name}/${entry.name}`;
    run.print(`\n${name}:\n`);
    contents(run, { ...entry, name }, false);
  }
}

/** 1024-byte blocks (BLOCKSIZE=K, as a login has it). */
function blocks({ node, mount }: Location, size: number): number {
  if (node.type === "device") return 0;
  if (mount.fs.kind === "zfs")
    return node.type === "directory" ? 1 : size === 0 ? 1 : Math.ceil(size / 512) / 2 + 0.5;
  if (node.type === "symlink") return 0;
  if (mount.fs.kind === "tmpfs") return node.type === "directory" ? 0 : Math.ceil(size / 4096) * 4;
  return Math.ceil(size / 4096) * 4;
}

function show(run: Run, entries: readonly Listed[], inDirectory: boolean): void {
  const { fs } = run.io;
  const size = (e: Listed): number => fs.sizeOf(e.location.node, e.location.mount.fs);
  const suffix = (e: Listed): string => {
    const { type, mode } = e.location.node;
    if (type === "directory") return run.has("F") || run.has("p") ? "/" : "";
    if (!run.has("F")) return "";
    return type === "symlink" ? "@" : type === "file" && mode & 0o111 ? "*" : "";
  };
  const inode = (e: Listed): string => (run.has("i") ? `${e.location.node.ino} ` : "");
  if (run.last("l1Cmx") !== "l" && !run.has("l")) {
    if (run.has("s") && inDirectory) run.print(`total ${total(entries, size)}\n`);
    for (const e of entries)
      run.print(`${inode(e)}${run.has("s") ? `${blocks(e.location, size(e))} ` : ""}${e.name}${suffix(e)}\n`);
    return;
  }
  if (entries.length === 0 && !inDirectory) return;
  if (inDirectory) run.print(`total ${total(entries, size)}\n`);
  const owner = (e: Listed): string =>
    run.has("n") ? String(e.location.node.uid) : userName(fs, e.location.node.uid);
  const group = (e: Listed): string =>
    run.has("n") ? String(e.location.node.gid) : groupName(fs, e.location.node.gid);
  const flags = (e: Listed): string => (run.has("o") ? e.location.node.flags.join(",") || "-" : "");
  const sizes = (e: Listed): string =>
    e.location.node.type === "device" ? "0x1" : run.has("h") ? humanSize(size(e)) : String(size(e));
  const columns = {
    links: widest(entries, (e) => String(linkCount(e.location.node))),
    owner: widest(entries, owner),
    group: widest(entries, group),
    flags: widest(entries, flags),
    size: widest(entries, sizes),
  };
  for (const e of entries) {
    const { node } = e.location;
    const target = node.type === "symlink" ? ` -> ${node.target}` : "";
    const row = [
      `${inode(e)}${modeString(node)} `,
      String(linkCount(node)).padStart(columns.links),
      owner(e).padEnd(columns.owner),
      group(e).padEnd(columns.group),
      ...(run.has("o") ? [flags(e).padEnd(columns.flags)] : []),
      sizes(e).padStart(columns.size),
      listedTime(run, node.mtime),
      `${e.name}${suffix(e)}${target}`,
    ];
    run.print(`${row.join(" ")}\n`);
  }
}

const total = (entries: readonly Listed[], size: (e: Listed) => number): number =>
  Math.ceil(entries.reduce((sum, e) => sum + blocks(e.location, size(e)), 0));

const widest = (entries: readonly Listed[], text: (e: Listed) => string): number =>
  Math.max(0, ...entries.map((e) => text(e).length));

const linkCount = (node: Inode): number => (node.type === "directory" ? node.links + 1 : node.links);

function humanSize(size: number): string {
  let n = size;
  let unit = 0;
  while (n >= 1024 && unit < 5) {
    n /= 1024;
    unit++;
  }
  const letters = ["B", "K", "M", "G", "T", "P"];
  return `${unit > 0 && n < 10 ? n.toFixed(1) : Math.round(n)}${letters[unit]}`;
}

const HALF_YEAR = (365 / 2) * 86_400_000;

function listedTime(run: Run, mtime: number): string {
  const date = new Date(mtime);
  const format = run.value("D");
  if (format !== undefined) return formatDate(date, format);
  if (run.has("T")) return formatDate(date, "%b %e %H:%M:%S %Y");
  const recent = Math.abs(run.io.kernel.clock.now() - mtime) < HALF_YEAR;
  return formatDate(date, recent ? "%b %e %H:%M" : "%b %e  %Y");
}

const STAT_USAGE = "usage: stat [-FLnq] [-f format | -l | -r | -s | -x] [-t timefmt] [file|handle ...]\n";

const stat = tool({ name: "stat", letters: "FHLf:lnqrst:x", usage: STAT_USAGE }, (run: Run) => {
  const format =
    run.value("f") ??
    (run.has("l")
      ? "%Sp %l %Su %Sg %Z %Sm %N"
      : '%d %i %Sp %l %Su %Sg %r %z "%Sa" "%Sm" "%Sc" "%SB" %k %b %#Xf %N');
  const timeFormat = run.value("t") ?? "%b %e %H:%M:%S %Y";
  for (const name of run.operands.length > 0 ? run.operands : ["(stdin)"]) {
    try {
      const location = run.io.fs.locate(run.path(name), { follow: run.has("L") });
      run.print(formatStat(run, format, timeFormat, name, location) + (run.has("n") ? "" : "\n"));
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      if (run.has("q")) run.status = 1;
      else run.warnx(`${name}: ${strerror[error.code]}`);
    }
  }
});

/** stat(1)'s own format: %[flags][size][.prec][fmt][sub]datum */
function formatStat(run: Run, format: string, timeFormat: string, name: string, location: Location): string {
  return format.replace(
    /%(?:([nt%@])|([-#+0 ]*)(\d*)(?:\.(\d+))?([DOUXFS]?)([HLM]?)([a-zA-Z]))/g,
    (_all, literal: string, flags = "", width = "", _precision, kind = "", sub = "", datum = "") => {
      if (literal) return { n: "\n", t: "\t", "%": "%", "@": "1" }[literal] ?? "";
      const text = datumOf(run, datum, kind, sub, flags, timeFormat, name, location);
      return flags.includes("-")
        ? text.padEnd(Number(width))
        : text.padStart(Number(width), flags.includes("0") ? "0" : " ");
    },
  );
}

const TYPE_BITS = { file: 0o100000, directory: 0o040000, symlink: 0o120000, device: 0o020000 } as const;
const TYPE_NAMES = {
  file: "Regular File",
  directory: "Directory",
  symlink: "Symbolic Link",
  device: "Character Device",
} as const;
const FLAG_BITS: Record<string, number> = {
  nodump: 1,
  uchg: 2,
  uappnd: 4,
  uunlnk: 0x10,
  uarch: 0x800,
  arch: 0x10000,
  schg: 0x20000,
  sappnd: 0x40000,
  sunlnk: 0x100000,
};

function datumOf(
  run: Run,
  datum: string,
  kind: string,
  sub: string,
  flags: string,
  timeFormat: string,
  name: string,
  location: Location,
): string {
  const { node, mount } = location;
  const { fs } = run.io;
  const number = (n: number, fallback = "D"): string => {
    const base = { D: 10, U: 10, O: 8, X: 16 }[kind || fallback] ?? 10;
    return (flags.includes("#") ? (base === 8 ? "0" : base === 16 ? "0x" : "") : "") + n.toString(base);
  };
  const size = fs.sizeOf(node, mount.fs);
  switch (datum) {
    case "N":
      return name;
    case "Y":
      return node.type === "symlink" ? node.target : "";
    case "T":
      return sub === "H"
        ? TYPE_NAMES[node.type]
        : node.type === "directory"
          ? "/"
          : node.type === "symlink"
            ? "@"
            : "";
    case "z":
      return number(size);
    case "Z":
      return number(size);
    case "b":
      return number(Math.ceil(blocks(location, size) * 2));
    case "k":
      return number(4096);
    case "i":
      return number(node.ino);
    // man page only; inodes are not used twice here, so that their generation is always the first.
    case "v":
      return number(1);
    case "l":
      return number(linkCount(node));
    case "d":
    case "r":
      return number(run.io.fs.table.all.indexOf(mount) + 1);
    case "u":
      return kind === "S" ? userName(fs, node.uid) : number(node.uid);
    case "g":
      return kind === "S" ? groupName(fs, node.gid) : number(node.gid);
    case "f":
      return kind === "S"
        ? node.flags.join(",") || "-"
        : number(node.flags.reduce((bits, f) => bits | (FLAG_BITS[f] ?? 0), 0));
    case "p": {
      if (kind === "S") {
        const text = modeString(node);
        return sub === "H"
          ? text.slice(1, 4)
          : sub === "M"
            ? text.slice(4, 7)
            : sub === "L"
              ? text.slice(7)
              : text;
      }
      const parts = { H: TYPE_BITS[node.type] >> 12, M: (node.mode >> 9) & 7, L: node.mode & 0o777 };
      return number(sub ? parts[sub as "H" | "M" | "L"] : TYPE_BITS[node.type] | node.mode, "O");
    }
    case "a":
    case "m":
    case "c":
    case "B":
      return kind === "S"
        ? formatDate(new Date(node.mtime), timeFormat)
        : number(Math.floor(node.mtime / 1000));
    default:
      return "";
  }
}

export const listing: Commands = {
  // Where standard output is no terminal there are no colours.
  "/bin/ls": (args, io) =>
    ls(
      args.filter((arg) => !/^--color(=(auto|never))?$/.test(arg)),
      io,
    ),
  "/usr/bin/stat": stat,
};
