import { type Command, fail, ok, type Result } from "../../command";
import type { Pool } from "../../kernel/zfs";
import { nice } from "../../kernel/zfs/properties";
import { getopt } from "../getopt";

/** Name, heading, on the right. */
const columns: Readonly<Record<string, { heading: string; left?: boolean }>> = {
  name: { heading: "NAME", left: true },
  size: { heading: "SIZE" },
  allocated: { heading: "ALLOC" },
  free: { heading: "FREE" },
  checkpoint: { heading: "CKPOINT" },
  expandsize: { heading: "EXPANDSZ" },
  fragmentation: { heading: "FRAG" },
  capacity: { heading: "CAP" },
  dedupratio: { heading: "DEDUP" },
  health: { heading: "HEALTH" },
  altroot: { heading: "ALTROOT", left: true },
  guid: { heading: "GUID", left: true },
  autotrim: { heading: "AUTOTRIM" },
  autoexpand: { heading: "AUTOEXPAND" },
  bootfs: { heading: "BOOTFS", left: true },
  cachefile: { heading: "CACHEFILE", left: true },
  comment: { heading: "COMMENT", left: true },
  delegation: { heading: "DELEGATION" },
  failmode: { heading: "FAILMODE" },
  listsnapshots: { heading: "LISTSNAPS" },
  readonly: { heading: "RDONLY" },
  version: { heading: "VERSION", left: true },
};

const aliases: Readonly<Record<string, string>> = {
  alloc: "allocated",
  cap: "capacity",
  frag: "fragmentation",
  dedup: "dedupratio",
  listsnaps: "listsnapshots",
  expandsz: "expandsize",
  ckpoint: "checkpoint",
};

const DEFAULT =
  "name,size,allocated,free,checkpoint,expandsize,fragmentation,capacity,dedupratio,health,altroot";

function value(pool: Pool, name: string, literal: boolean): string {
  const size = (bytes: number): string => (literal ? String(bytes) : nice(bytes));
  const allocated = pool.used(pool.root);
  switch (name) {
    case "name":
      return pool.name;
    case "size":
      return size(pool.size);
    case "allocated":
      return size(allocated);
    case "free":
      return size(pool.size - allocated);
    case "fragmentation":
      return literal ? "0" : "0%";
    case "capacity": {
      const percent = Math.floor((allocated / pool.size) * 100);
      return literal ? String(percent) : `${percent}%`;
    }
    case "dedupratio":
      return literal ? "1.00" : "1.00x";
    case "health":
      return "ONLINE";
    case "guid":
      return pool.guid;
    case "delegation":
      return "on";
    case "failmode":
      return "wait";
    case "autotrim":
    case "autoexpand":
    case "listsnapshots":
    case "readonly":
      return "off";
    default:
      return "-";
  }
}

/** zpool(8): the one pool, which is healthy. */
export const zpool: Command = (args, io) => {
  const [command, ...rest] = args;
  const { pool } = io.kernel.storage.zfs;
  switch (command) {
    case "list":
      return list(pool, rest);
    case "get":
      return get(pool, rest);
    case "status":
      return status(pool, rest);
    case "version":
      return ok("zfs-2.2.2-FreeBSD_g92e0d9d18\nzfs-kmod-2.2.2-FreeBSD_g92e0d9d18\n");
    case undefined:
      return fail(2, `missing command\n${USAGE}`);
    default:
      return fail(2, `unrecognized command '${command}'\n${USAGE}`);
  }
};

// man page only
const USAGE = `usage: zpool command args ...
where 'command' is one of the following:

\tversion

\tlist [-gHLpPv] [-o property[,...]] [-T d|u] [pool] ... 
\t    [interval [count]]

\tstatus [--power] [-c [script1,script2,...]] [-igLpPstvxD]  [-T d|u] [pool] ... 
\t    [interval [count]]

\tget [-Hp] [-o "all" | field[,...]] <"all" | property[,...]> <pool> ...
`;

const missing = (name: string): string => `cannot open '${name}': no such pool\n`;

function list(pool: Pool, args: readonly string[]): Result {
  const { list: given, operands, error } = getopt(args, "gHLo:pPT:v");
  if (error !== undefined) return fail(2, `invalid option '${error.slice(-1)}'\n${USAGE}`);
  const flags = new Set(given.map(([letter]) => letter));
  const wanted = (given.findLast(([letter]) => letter === "o")?.[1] ?? DEFAULT).split(",");
  const names = wanted.map((name) => aliases[name] ?? name);
  const unknown = wanted.find((_, n) => !columns[names[n]!]);
  if (unknown !== undefined) return fail(2, `bad property list: invalid property '${unknown}'\n${USAGE}`);
  const stderr = operands
    .filter((name) => name !== pool.name)
    .map(missing)
    .join("");
  if (stderr !== "" && !operands.includes(pool.name)) return fail(1, stderr);
  const cells = names.map((name) => value(pool, name, flags.has("p")));
  const status = stderr === "" ? 0 : 1;
  if (flags.has("H")) return { stdout: `${cells.join("\t")}\n`, stderr, status };
  const widths = cells.map((cell, n) => Math.max(cell.length, columns[names[n]!]!.heading.length));
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, n) => {
        if (!columns[names[n]!]!.left) return text.padStart(widths[n]!);
        return n === texts.length - 1 ? text : text.padEnd(widths[n]!);
      })
      .join("  ");
  return { stdout: `${line(names.map((n) => columns[n]!.heading))}\n${line(cells)}\n`, stderr, status };
}

function get(pool: Pool, args: readonly string[]): Result {
  const { list: given, operands, error } = getopt(args, "Ho:p");
  if (error !== undefined) return fail(2, `invalid option '${error.slice(-1)}'\n${USAGE}`);
  const flags = new Set(given.map(([letter]) => letter));
  const fields = (given.findLast(([letter]) => letter === "o")?.[1] ?? "name,property,value,source").split(
    ",",
  );
  const [list = "", ...pools] = operands;
  if (list === "") return fail(2, `missing property argument\n${USAGE}`);
  const other = pools.find((name) => name !== pool.name);
  if (other !== undefined) return fail(1, missing(other));
  const names = list === "all" ? Object.keys(columns).filter((name) => name !== "name") : list.split(",");
  const unknown = names.find((name) => !columns[aliases[name] ?? name]);
  if (unknown !== undefined) return fail(2, `bad property list: invalid property '${unknown}'\n${USAGE}`);
  const rows = names.map((name): Record<string, string> => {
    const property = aliases[name] ?? name;
    const settable = ["delegation", "failmode", "autotrim", "autoexpand", "listsnapshots"].includes(property);
    return {
      name: pool.name,
      property,
      value: value(pool, property, flags.has("p")),
      source: settable ? "default" : "-",
    };
  });
  const heads = Object.fromEntries(fields.map((field) => [field, field.toUpperCase()]));
  const all = flags.has("H") ? rows : [heads, ...rows];
  const widths = fields.map((field) => Math.max(...all.map((row) => (row[field] ?? "-").length)));
  const lines = all.map((row) => {
    const cells = fields.map((field) => row[field] ?? "-");
    if (flags.has("H")) return cells.join("\t");
    return cells.map((cell, n) => (n === cells.length - 1 ? cell : cell.padEnd(widths[n]!))).join("  ");
  });
  return ok(lines.map((line) => `${line}\n`).join(""));
}

function status(pool: Pool, args: readonly string[]): Result {
  const { list: given, operands } = getopt(args, "c:DegiLpPstT:vx");
  const other = operands.find((name) => name !== pool.name);
  if (other !== undefined) return fail(1, missing(other));
  if (given.some(([letter]) => letter === "x"))
    return ok(operands.length > 0 ? `pool '${pool.name}' is healthy\n` : "all pools are healthy\n");
  return ok(
    `  pool: ${pool.name}\n state: ONLINE\nconfig:\n\n` +
      `\tNAME        STATE     READ WRITE CKSUM\n` +
      `\t${pool.name.padEnd(10)}  ONLINE       0     0     0\n` +
      `\t  vtbd1     ONLINE       0     0     0\n\nerrors: No known data errors\n`,
  );
}
