import { Errno } from "../../command";
import type { Ipfw, Table } from "../../kernel/firewall/ipfw";
import { EX_DATAERR, EX_NOHOST, EX_OSERR, EX_USAGE, IpfwError } from "../../kernel/firewall/ipfw-rule";
import { network, normalAddress } from "../../kernel/firewall/packet";
import { needed, type Session } from "./ipfw";

const types = ["addr", "iface", "number", "flow", "mac"] as const;

/** `ipfw table NAME …`; but for `add`, `create` and listing as recorded, from the manual page. */
export function tableCommand(session: Session, [name, verb, ...rest]: readonly string[]): void {
  const { self, flags } = session;
  if (name === undefined) throw new IpfwError(EX_USAGE, "table needs name");
  if (name !== "all" && !/^[A-Za-z0-9_.-]{1,63}$/.test(name))
    throw new IpfwError(EX_USAGE, `table name ${name} is invalid`);
  if (verb === undefined) throw new IpfwError(EX_USAGE, "table needs command");
  if (flags.test) return;
  const ipfw = needed(session, "Unable to get table list", EX_OSERR);
  const all = name === "all";
  const found = all ? [...ipfw.tables.values()] : [ipfw.table(name)].filter((table) => table !== undefined);
  const one = (): Table => found[0] ?? self.errx(EX_OSERR, `failed to request table info: No such process`);
  switch (verb) {
    case "create":
      create(session, ipfw, name, rest);
      return;
    case "destroy":
      for (const target of all ? found.map((table) => table.name) : [name])
        self.attempt(
          () => ipfw.destroyTable(target),
          (error) => `failed to destroy table ${target}: ${error.message}`,
          EX_OSERR,
        );
      return;
    case "list":
      for (const table of all ? found : [one()]) {
        if (all) self.print(`--- table(${table.name}), set(0) ---\n`);
        for (const [key, value] of sorted(table)) self.print(`${key} ${value}\n`);
      }
      return;
    case "flush":
      for (const table of all ? found : [one()]) table.entries.clear();
      return;
    case "add":
      change(session, ipfw, name, rest, "add");
      return;
    case "delete":
      change(session, ipfw, name, rest, "delete");
      return;
    case "lookup":
      lookup(session, ipfw, name, rest);
      return;
    case "info":
    case "detail":
      for (const table of all ? found : [one()]) self.print(info(ipfw, table));
      return;
    case "lock":
    case "unlock":
      for (const table of all ? found : [one()]) table.locked = verb === "lock";
      return;
    case "swap":
      swap(session, ipfw, one(), rest[0]);
      return;
    default:
      throw new IpfwError(EX_USAGE, `invalid table command ${verb}`);
  }
}

function create({ self }: Session, ipfw: Ipfw, name: string, rest: readonly string[]): void {
  let type: Table["type"] = "addr";
  const missingOk = rest.includes("missing") || rest.includes("or-flush");
  for (let at = 0; at < rest.length; at++) {
    const word = rest[at]!;
    if (word === "missing" || word === "or-flush" || word === "locked") continue;
    if (!/^(type|valtype|algo|limit)$/.test(word)) throw new IpfwError(EX_USAGE, `unknown option ${word}`);
    const value = rest[++at];
    if (value === undefined) throw new IpfwError(EX_USAGE, `${word} requires argument`);
    if (word !== "type") continue;
    const known = types.find((one) => one === value.split(":")[0]);
    if (!known)
      throw new IpfwError(
        EX_USAGE,
        `unknown tables type ${value}. Supported list: addr iface number flow mac`,
      );
    type = known;
  }
  const existing = ipfw.table(name);
  if (existing && missingOk) {
    if (rest.includes("or-flush")) existing.entries.clear();
    return;
  }
  self.attempt(
    () => ipfw.createTable(name, type),
    (error) => `Table creation failed: ${error.message}`,
    EX_OSERR,
  );
}

/** The normal form of a key: networks with their host bits cleared, always with a prefix. */
function keyOf(table: Table, text: string): string {
  if (table.type !== "addr") return text;
  const [host = "", mask] = text.split("/");
  const address = normalAddress(host);
  if (address === undefined) throw new IpfwError(EX_NOHOST, `hostname \`\`${host}'' unknown`);
  const bits = address.includes(":") ? 128 : 32;
  const prefix = mask === undefined ? bits : Number(mask);
  if (!(prefix >= 0 && prefix <= bits)) throw new IpfwError(EX_DATAERR, `bad mask width: ${mask}`);
  return `${network(address, prefix)}/${prefix}`;
}

function change(
  session: Session,
  ipfw: Ipfw,
  name: string,
  words: readonly string[],
  verb: "add" | "delete",
): void {
  const { self, flags } = session;
  const failed = verb === "add" ? "Adding record failed" : "Deleting record failed";
  // Numbered tables come into being when they are used.
  const table =
    ipfw.table(name) ?? (/^\d+$/.test(name) && verb === "add" ? ipfw.createTable(name) : undefined);
  if (words.length === 0) throw new IpfwError(EX_USAGE, `address required`);
  if (!table) throw new IpfwError(EX_OSERR, `${failed}: table not found`);
  const step = verb === "add" ? 2 : 1;
  for (let at = 0; at < words.length; at += step) {
    const key = keyOf(table, words[at]!);
    const value = verb === "add" ? (words[at + 1] ?? "0") : (table.entries.get(key) ?? "0");
    const known = table.entries.has(key);
    const done = verb === "add" ? (known ? "exists" : "added") : known ? "deleted" : "notfound";
    if (!flags.quiet) self.print(`${done}: ${key} ${value}\n`);
    if (verb === "add" ? known : !known) {
      if (flags.quiet) continue;
      throw new IpfwError(EX_OSERR, `${failed}: record ${known ? "already exists" : "not found"}`);
    }
    if (verb === "add") table.entries.set(key, value);
    else table.entries.delete(key);
  }
}

function lookup({ self }: Session, ipfw: Ipfw, name: string, [key]: readonly string[]): void {
  if (key === undefined) throw new IpfwError(EX_USAGE, "address required");
  const table = ipfw.table(name);
  if (!table) throw new IpfwError(EX_USAGE, "Table not found");
  const value = table.type === "addr" ? ipfw.lookup(name, key) : table.entries.get(key);
  if (value === undefined) self.errx(EX_DATAERR, "Entry not found");
  self.print(`${key} ${value}\n`);
}

function swap({ self }: Session, ipfw: Ipfw, table: Table, other: string | undefined): void {
  if (other === undefined) throw new IpfwError(EX_USAGE, "second table name required");
  const second = ipfw.table(other);
  if (!second) throw new IpfwError(EX_OSERR, `Unable to swap table: ${new Errno("ESRCH").message}`);
  if (second.type !== table.type) self.errx(EX_USAGE, "Unable to swap tables of different types");
  const entries = [...table.entries];
  table.entries.clear();
  for (const [key, value] of second.entries) table.entries.set(key, value);
  second.entries.clear();
  for (const [key, value] of entries) second.entries.set(key, value);
}

const info = (ipfw: Ipfw, { name, type, entries, locked }: Table): string =>
  `--- table(${name}), set(0) ---\n` +
  ` kindex: ${[...ipfw.tables.keys()].indexOf(name)}, type: ${type}${locked ? ", locked" : ""}\n` +
  ` references: ${ipfw.tableReferences(name)}, valtype: legacy\n` +
  ` algorithm: ${type === "addr" ? "addr:radix" : `${type}:${type === "iface" || type === "number" ? "array" : "hash"}`}\n` +
  ` items: ${entries.size}, size: ${296 + 128 * entries.size}\n`;

/** As the radix tree walks: by address, shorter prefixes first. */
function sorted(table: Table): [string, string][] {
  const order = (key: string): string =>
    key
      .split(/[./:]/)
      .map((part) => part.padStart(5, "0"))
      .join(".");
  return [...table.entries].sort(([a], [b]) => (table.type === "addr" && order(a) < order(b) ? -1 : 1));
}
