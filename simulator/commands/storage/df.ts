import { type Command, Errno, fail, type Io } from "../../command";
import type { Mounted } from "../../kernel/mounts";
import { getopt } from "../getopt";
import { isLeftOut } from "./fstab";

const USAGE =
  "usage: df [-b | -g | -H | -h | -k | -m | -P] [-acilnT] [-t type] [-,]\n          [file | filesystem ...]\n";

interface Row {
  readonly from: string;
  readonly type: string;
  readonly on: string;
  /** Bytes. */
  readonly total: number;
  readonly used: number;
  readonly available: number;
  readonly inodes: number;
  readonly inodesUsed: number;
}

/** df(1) */
export const df: Command = (args, io) => {
  const { list, operands, error } = getopt(args, "abcgHhiklmnPt:T,");
  if (error !== undefined) return fail(1, `df: ${error}\n${USAGE}`);
  const flags = new Set(list.map(([letter]) => letter));
  const types = list.findLast(([letter]) => letter === "t")?.[1];
  const { mounts } = io.kernel.storage;
  const seen = mounts.seenBy(io.who.jail);
  let stderr = "";
  const rows: Row[] = [];
  if (operands.length === 0)
    for (const { mounted, on } of seen)
      if (!isLeftOut(mounted.type, types) && (!flags.has("l") || mounted.type !== "nfs"))
        rows.push(row(io, mounted, on));
  for (const operand of operands) {
    const line = seen.findLast(({ mounted }) => mounted.from === operand);
    try {
      const mounted = line?.mounted ?? mounts.of(io.fs.locate(io.fs.resolvePath(io.cwd, operand)));
      const on = seen.find((each) => each.mounted === mounted)?.on ?? "/";
      if (mounted) rows.push(row(io, mounted, on));
    } catch (caught) {
      if (!(caught instanceof Errno)) throw caught;
      stderr += `df: ${operand}: ${new Errno(caught.code).message}\n`;
    }
  }
  if (flags.has("c")) rows.push(sum(rows));
  const status = stderr === "" ? 0 : 1;
  return { stdout: rows.length > 0 ? table(rows, flags, io.env.get("BLOCKSIZE")) : "", stderr, status };
};

/** What the recorded host's root file system holds, and how much is left for root only. */
const UFS_TOTAL = 4053308 * 1024;
const UFS_USED = 206696 * 1024;
const UFS_RESERVED = 324264 * 1024;
const MEMORY = 2 * 1024 ** 3;

function row(io: Io, mounted: Mounted, on: string): Row {
  const { storage } = io.kernel;
  const { fs } = mounted.mount;
  const made = (total: number, used: number, available = total - used): Row => ({
    from: mounted.from,
    type: mounted.type,
    on,
    total,
    used,
    available,
    inodes: Math.floor(total / 8192),
    inodesUsed: Math.floor(used / 8192),
  });
  const dataset = storage.zfs.pool.all.find((f) => f.fs === fs);
  if (dataset) {
    const { pool } = storage.zfs;
    const used = pool.referenced(dataset);
    return made(used + pool.available(dataset), used);
  }
  if (fs.kind === "tmpfs") return made(fs.limit ?? MEMORY, fs.usedBytes);
  if (fs.kind === "devfs") return made(1024, 0);
  const used = UFS_USED + fs.usedBytes - storage.rootUsed;
  return made(UFS_TOTAL, used, UFS_TOTAL - UFS_RESERVED - used);
}

function sum(rows: readonly Row[]): Row {
  const of = (pick: (row: Row) => number): number => rows.reduce((total, each) => total + pick(each), 0);
  return {
    from: "total",
    type: "",
    on: "",
    total: of((r) => r.total),
    used: of((r) => r.used),
    available: of((r) => r.available),
    inodes: of((r) => r.inodes),
    inodesUsed: of((r) => r.inodesUsed),
  };
}

function blockSize(
  flags: ReadonlySet<string>,
  environment: string | undefined,
): { size: number; header: string } {
  if (flags.has("k")) return { size: 1024, header: "1024-blocks" };
  if (flags.has("m")) return { size: 1 << 20, header: "1M-blocks" };
  if (flags.has("g")) return { size: 1 << 30, header: "1G-blocks" };
  const [, count = "1", unit] = /^(\d*)([kmg])$/i.exec(environment ?? "") ?? [];
  if (unit === undefined || flags.has("b") || flags.has("P")) return { size: 512, header: "512-blocks" };
  const letter = unit.toUpperCase();
  return {
    size: Number(count || 1) * 1024 ** ("KMG".indexOf(letter) + 1),
    header: `${count || 1}${letter}-blocks`,
  };
}

function table(rows: readonly Row[], flags: ReadonlySet<string>, environment: string | undefined): string {
  const human = flags.has("h") || flags.has("H");
  const { size, header } = human ? { size: 1, header: "   Size" } : blockSize(flags, environment);
  const base = flags.has("H") ? 1000 : 1024;
  const amount = (bytes: number): string =>
    human
      ? humanize(bytes, base)
      : flags.has(",")
        ? grouped(Math.ceil(bytes / size))
        : String(Math.ceil(bytes / size));
  const wide = (least: number, texts: readonly string[]): number =>
    Math.max(least, ...texts.map((t) => t.length));
  const from = wide(
    10,
    rows.map((r) => r.from),
  );
  const type = wide(
    4,
    rows.map((r) => r.type),
  );
  const numbers = (pick: (r: Row) => number): string[] => (human ? [] : rows.map((r) => amount(pick(r))));
  const total = wide(
    header.length,
    numbers((r) => r.total),
  );
  const used = human
    ? 7
    : wide(
        4,
        numbers((r) => r.used),
      );
  const available = human
    ? 7
    : wide(
        5,
        numbers((r) => r.available),
      );
  const iused = wide(
    7,
    rows.map((r) => String(r.inodesUsed)),
  );
  const ifree = wide(
    5,
    rows.map((r) => String(r.inodes - r.inodesUsed)),
  );
  const lead = (name: string, kind: string): string =>
    name.padEnd(from) + (flags.has("T") ? `  ${kind.padEnd(type)}` : "");
  const inodeHeader = flags.has("i")
    ? ` ${"iused".padStart(iused - 2)} ${"ifree".padStart(ifree)} %iused`
    : "";
  const lines = [
    `${lead("Filesystem", "Type")} ${header.padStart(total)} ${"Used".padStart(used)} ${"Avail".padStart(available)} Capacity${inodeHeader}  Mounted on`,
  ];
  for (const r of rows) {
    const room = r.used + r.available;
    const inodes = flags.has("i")
      ? ` ${String(r.inodesUsed).padStart(iused)} ${String(r.inodes - r.inodesUsed).padStart(ifree)} ${percent(r.inodesUsed, r.inodes, 4)} `
      : "  ";
    lines.push(
      `${lead(r.from, r.type)} ${amount(r.total).padStart(total)} ${amount(r.used).padStart(used)} ${amount(r.available).padStart(available)} ${percent(r.used, room, 5)} ${inodes} ${r.on}`,
    );
  }
  return `${lines.join("\n")}\n`;
}

const percent = (part: number, whole: number, width: number): string =>
  `${(whole === 0 ? 100 : (part / whole) * 100).toFixed(0).padStart(width)}%`;

const grouped = (n: number): string => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

/** humanize_number(3) with HN_B, HN_NOSPACE and HN_DECIMAL in five characters. */
function humanize(bytes: number, base: number): string {
  let scaled = bytes;
  let unit = 0;
  while (scaled >= 999.5 && unit < 6) {
    scaled /= base;
    unit++;
  }
  const suffix = "BKMGTPE".charAt(unit);
  return unit > 0 && scaled < 9.95 ? `${scaled.toFixed(1)}${suffix}` : `${Math.round(scaled)}${suffix}`;
}
