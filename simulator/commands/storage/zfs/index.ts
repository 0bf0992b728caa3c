import type { Command } from "../../../command";
import { ZfsError } from "../../../kernel/zfs";
import { inherit, set } from "./change";
import { destroy, hold, rollback } from "./destroy";
import { get, list } from "./inspect";
import { attachJail, detachJail } from "./jail";
import { clone, create, promote, rename, snapshot } from "./make";
import { mount, unmount } from "./mount";
import { Misuse, options, Session } from "./session";
import { usage } from "./usage";

type Subcommand = (session: Session, args: readonly string[]) => number;

const subcommands: Readonly<Record<string, Subcommand>> = {
  version,
  create,
  destroy,
  snapshot,
  rollback,
  clone,
  promote,
  rename,
  list,
  set,
  get,
  inherit,
  mount,
  unmount,
  hold: (s, args) => hold(s, args, false),
  holds,
  release: (s, args) => hold(s, args, true),
  jail: attachJail,
  unjail: detachJail,
};

const aliases: Readonly<Record<string, string>> = { snap: "snapshot", umount: "unmount" };

/** zfs(8) */
export const zfs: Command = (args, io) => {
  const [given, ...rest] = args;
  const s = new Session(io);
  if (given === undefined) return { stdout: "", stderr: `missing command\n${usage()}`, status: 2 };
  if (given === "-?" || given === "--help" || given === "help")
    return { stdout: usage(rest[0]), stderr: "", status: 0 };
  const name = aliases[given] ?? (given === "-V" || given === "--version" ? "version" : given);
  const subcommand = Object.hasOwn(subcommands, name) ? subcommands[name] : undefined;
  if (!subcommand) return { stdout: "", stderr: `unrecognized command '${given}'\n${usage()}`, status: 2 };
  try {
    const status = subcommand(s, rest);
    if (io.who.uid === 0) s.zfs.enforceQuotas();
    return s.result(status);
  } catch (error) {
    if (error instanceof Misuse) {
      if (error.message !== "") s.complain(error.message);
      s.stderr += usage(name);
      return s.result(2);
    }
    if (!(error instanceof ZfsError)) throw error;
    s.complain(error.message);
    if (!error.message.startsWith("bad property list")) return s.result(1);
    s.stderr += usage(name);
    return s.result(2);
  }
};

// man page only
function version(s: Session): number {
  s.print("zfs-2.2.2-FreeBSD_g92e0d9d18");
  s.print("zfs-kmod-2.2.2-FreeBSD_g92e0d9d18");
  return 0;
}

// man page only
function holds(s: Session, args: readonly string[]): number {
  const { flags, operands } = options(args, "rHp");
  if (operands.length === 0) throw new Misuse();
  let status = 0;
  const rows: [string, string][] = [];
  for (const name of operands) {
    const target = s.open(name, ["snapshot"]);
    if (target?.type !== "snapshot") status = 1;
    else for (const tag of target.holds) rows.push([target.name, tag]);
  }
  const wide = Math.max(4, ...rows.map(([name]) => name.length));
  const tags = Math.max(3, ...rows.map(([, tag]) => tag.length));
  const stamp = new Date(s.now).toUTCString();
  if (!flags.has("H") && rows.length > 0) s.print(`${"NAME".padEnd(wide)}  ${"TAG".padEnd(tags)}  TIMESTAMP`);
  for (const [name, tag] of rows)
    s.print(
      flags.has("H") ? [name, tag, stamp].join("\t") : `${name.padEnd(wide)}  ${tag.padEnd(tags)}  ${stamp}`,
    );
  return status;
}
