import { Errno, type Io } from "../command";
import type { Oid } from "../kernel/oids";
import { nodes } from "../kernel/oids";
import { reason } from "../kernel/vfs";
import { type Program, program } from "./network/program";

interface Flags {
  all: boolean;
  descriptions: boolean;
  equals: boolean;
  ignore: boolean;
  nameOnly: boolean;
  valueOnly: boolean;
  quiet: boolean;
  types: boolean;
  tunables: boolean;
  writable: boolean;
}

interface Session {
  readonly self: Program;
  readonly io: Io;
  readonly flags: Flags;
  /** How many oids went wrong: the exit status. */
  failures: number;
}

const usage = `usage: sysctl [-bdehiNnoqTtWx] [ -B <bufsize> ] [-f filename] name[=value] ...
       sysctl [-bdehNnoqTtWx] [ -B <bufsize> ] -a
`;

/** sysctl(8) */
export const sysctl = program("sysctl", async (self, args, io) => {
  const { list, rest } = self.options(args, "AabB:def:hiNnoqTtWwXx", usage);
  const has = (letter: string): boolean => list.some(([given]) => given === letter);
  if (has("N") && has("n")) self.usage(usage);
  const flags: Flags = {
    all: has("a") || has("A"),
    descriptions: has("d"),
    equals: has("e"),
    ignore: has("i"),
    nameOnly: has("N"),
    valueOnly: has("n") || has("b"),
    quiet: has("q"),
    types: has("t"),
    tunables: has("T"),
    writable: has("W"),
  };
  const session: Session = { self, io, flags, failures: 0 };
  const file = list.find(([letter]) => letter === "f")?.[1];
  if (rest.length === 0 && file === undefined) {
    if (!flags.all) self.usage(usage);
    showTree(session, "");
    return;
  }
  if (file !== undefined) await fromFile(session, file);
  for (const word of rest) one(session, word, "");
  self.exit(Math.min(session.failures, 255));
});

async function fromFile(session: Session, path: string): Promise<void> {
  const { io, self } = session;
  let text: string;
  try {
    text = await io.fs.readFile(io.fs.resolvePath(io.cwd, path));
  } catch (error) {
    const cause = reason(error);
    return self.errx(1, `${path}: ${cause}`);
  }
  for (const [at, line] of text.split("\n").entries()) {
    const bare = line.replace(/#.*/, "").trim();
    if (bare !== "") one(session, bare, ` at line ${at + 1}`);
  }
}

function failed(session: Session, message: string): void {
  session.failures++;
  session.self.warnx(message);
}

/** `name`, `name=value` or `name:value`. */
function one(session: Session, word: string, where: string): void {
  const { io, self, flags } = session;
  const [, text = "", value] = /^([^=:]*)(?:[=:]([\s\S]*))?$/.exec(word) ?? [];
  const name = text.trim().replace(/\.$/, (dot) => (io.kernel.sysctl.find(text.trim()) ? dot : ""));
  const oid = io.kernel.sysctl.find(name);
  if (!oid && !io.kernel.sysctl.isNode(name)) {
    if (flags.ignore) return;
    // -q does not silence an unknown oid.
    failed(session, `unknown oid '${text.trim()}'${where}`);
    return;
  }
  if (oid && value !== undefined) write(session, oid, unquoted(value.trim()), where);
  else if (oid) self.print(`${described(session, oid)}\n`);
  else if (value !== undefined) failed(session, `oid '${name}' isn't a leaf node${where}`);
  else showTree(session, name);
}

/** In a file a value may stand between quotes. */
const unquoted = (value: string): string => /^(["'])(.*)\1$/.exec(value)?.[2] ?? value;

function write(session: Session, oid: Oid, value: string, where: string): void {
  const { io, self, flags } = session;
  const { name } = oid;
  if (oid.access === "tun") {
    failed(session, `oid '${name}' is a read only tunable${where}`);
    self.warnx("Tunable values are set in /boot/loader.conf");
    return;
  }
  if (oid.access === "ro") {
    failed(session, `oid '${name}' is read only${where}`);
    return;
  }
  if (oid.type !== "string") {
    const kind = oid.type;
    if (value === "") {
      failed(session, "empty numeric value");
      return;
    }
    if (!/^[-+]?(0x[0-9a-fA-F]+|\d+)$/.test(value)) {
      failed(session, `invalid ${kind} '${value}'${where}`);
      return;
    }
  }
  const before = described(session, oid);
  try {
    if (!mayWrite(session, oid)) throw new Errno("EPERM");
    io.kernel.sysctl.set(name, oid.type === "string" ? value : String(Number(value)), io.who);
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    self.print(`${before}\n`);
    failed(session, `${name}=${value}${where}: ${error.message}`);
    return;
  }
  if (flags.quiet) return;
  const after = io.kernel.sysctl.get(name, io.who) ?? "";
  self.print(`${before} -> ${after}\n`);
}

/** Root of a jail may write what is its stack's own, and its host name. */
function mayWrite({ io }: Session, oid: Oid): boolean {
  const { uid, jail } = io.who;
  if (uid !== 0) return false;
  if (!jail) return true;
  return (oid.vnet && jail.vnet !== undefined) || oid.name === "kern.hostname";
}

function showTree(session: Session, node: string): void {
  const { io, self, flags } = session;
  const shown = new Set<string>();
  for (const oid of io.kernel.sysctl.under(node)) {
    if (flags.tunables && oid.access !== "tun") continue;
    if (flags.writable && oid.access !== "rw") continue;
    if (flags.descriptions) {
      for (const above of ancestors(oid.name)) {
        if (shown.has(above) || !(above === node || above.startsWith(`${node}.`) || node === "")) continue;
        shown.add(above);
        self.print(line(flags, above, nodes[above] ?? ""));
      }
    }
    // Opaque values are listed only on demand.
    if (oid.type === "opaque" && !flags.descriptions && !flags.nameOnly && node === "") continue;
    self.print(`${described(session, oid)}\n`);
  }
  if (shown.size === 0 && flags.descriptions && nodes[node] !== undefined)
    self.print(line(flags, node, nodes[node]));
}

/** Nodes above `a.b.c`: `a`, `a.b`. */
function ancestors(name: string): string[] {
  const parts = name.split(".");
  return parts.slice(0, -1).map((_, at) => parts.slice(0, at + 1).join("."));
}

const line = (flags: Flags, name: string, text: string): string =>
  `${flags.valueOnly ? text : `${name}${flags.equals ? "=" : ": "}${text}`}\n`;

function described({ io, flags }: Session, oid: Oid): string {
  if (flags.nameOnly) return oid.name;
  const text = flags.descriptions
    ? oid.description
    : flags.types
      ? oid.type
      : (io.kernel.sysctl.get(oid.name, io.who) ?? "");
  return line(flags, oid.name, text).slice(0, -1);
}
