import { ZfsError } from "../../../kernel/zfs";
import { Misuse, type Session } from "./session";

/** zfs-jail(8): the dataset may be seen and, with `jailed=on`, managed inside the jail. */
export const attachJail = (s: Session, args: readonly string[]): number => assign(s, args, true);

export const detachJail = (s: Session, args: readonly string[]): number => assign(s, args, false);

function assign(s: Session, args: readonly string[], attach: boolean): number {
  const [jailName, name] = args;
  if (jailName === undefined || name === undefined) throw new Misuse("missing argument(s)");
  if (args.length > 2) throw new Misuse("too many arguments");
  const jail = s.io.kernel.jails.find(jailName);
  if (!jail) throw new Misuse("invalid jail id or name");
  const dataset = s.openFilesystem(name, ["filesystem"]);
  if (!dataset) return 1;
  const what = `cannot ${attach ? "jail" : "unjail"} '${name}'`;
  s.requirePrivilege(what);
  const given = s.zfs.jailed.get(dataset) ?? new Set<number>();
  if (attach === given.has(jail.jid))
    throw new ZfsError(`${what}: ${attach ? "dataset already exists" : "dataset does not exist"}`);
  if (attach) given.add(jail.jid);
  else given.delete(jail.jid);
  s.zfs.jailed.set(dataset, given);
  return 0;
}
