import { type Dataset, type Filesystem, type Snapshot, ZfsError } from "../../../kernel/zfs";
import { nice } from "../../../kernel/zfs/properties";
import { FILESYSTEMS, Misuse, options, type Session } from "./session";

interface Destroying {
  readonly s: Session;
  readonly flags: ReadonlySet<string>;
  readonly recursive: boolean;
  readonly clonesToo: boolean;
  dryRun: boolean;
}

/** zfs-destroy(8) */
export function destroy(s: Session, args: readonly string[]): number {
  const { flags, operands } = options(args, "vpndfrR");
  const [name] = operands;
  if (name === undefined) throw new Misuse("missing dataset argument");
  if (operands.length > 1) throw new Misuse("too many arguments");
  const clonesToo = flags.has("R");
  const d: Destroying = {
    s,
    flags,
    recursive: clonesToo || flags.has("r"),
    clonesToo,
    dryRun: flags.has("n"),
  };
  return name.includes("@") ? destroySnapshots(d, name) : destroyFilesystem(d, name);
}

function destroyFilesystem(d: Destroying, name: string): number {
  const { s } = d;
  const target = s.openFilesystem(name);
  if (!target) return 1;
  if (!d.recursive && target === s.pool.root) {
    s.complain(
      `cannot destroy '${name}': operation does not apply to pools\n` +
        `use 'zfs destroy -r ${name}' to destroy all datasets in the pool\n` +
        `use 'zpool destroy ${name}' to destroy the pool itself`,
    );
    return 1;
  }
  if (!d.clonesToo && refuseDependents(d, target)) return 1;
  let failed = false;
  for (const dataset of [...s.pool.dependents(target), target])
    if (!destroyOne(d, dataset)) {
      failed = true;
      // A recursive destroy goes on past what it cannot destroy.
      if (!d.recursive) break;
    }
  return failed ? 1 : 0;
}

/** Says what is in the way, and which option would take it along. */
function refuseDependents(d: Destroying, target: Dataset): boolean {
  const { s } = d;
  let refused = false;
  const refuse = (why: string, option: string, dependent: Dataset): void => {
    if (!refused) {
      const type = target.type;
      s.complain(`cannot destroy '${target.name}': ${type} has ${why}`);
      s.complain(`use '${option}' to destroy the following datasets:`);
    }
    refused = true;
    s.complain(dependent.name);
  };
  for (const dependent of s.pool.dependents(target)) {
    const below =
      dependent.name.startsWith(target.name) && /^[/@]/.test(dependent.name.slice(target.name.length));
    if (below) {
      if (!d.recursive) refuse("children", "-r", dependent);
    } else if (d.recursive || target.type === "snapshot") refuse("dependent clones", "-R", dependent);
  }
  return refused;
}

function announce(d: Destroying, name: string): void {
  if (d.flags.has("p")) d.s.print(`destroy\t${name}`);
  else if (d.flags.has("v")) d.s.print(`${d.dryRun ? "would" : "will"} destroy ${name}`);
}

function destroyOne(d: Destroying, dataset: Dataset): boolean {
  const { s } = d;
  announce(d, dataset.name);
  if (dataset === s.pool.root || d.dryRun) return true;
  return s.attempt(() =>
    dataset.type === "snapshot" ? removeSnapshot(s, dataset) : removeFilesystem(d, dataset),
  );
}

function removeFilesystem({ s, flags }: Destroying, dataset: Filesystem): void {
  const what = `cannot destroy '${dataset.name}'`;
  s.zfs.unmount(dataset, s.caller, flags.has("f"));
  s.requirePrivilege(what);
  if (s.pool.children(dataset).length > 0 || dataset.snapshots.length > 0)
    throw new ZfsError(`${what}: dataset already exists`);
  s.zfs.removeMountpoint(dataset);
  s.zfs.jailed.delete(dataset);
  s.pool.destroy(dataset);
}

function removeSnapshot(s: Session, snapshot: Snapshot): void {
  s.requirePrivilege("cannot destroy snapshots");
  const what = `cannot destroy snapshot ${snapshot.name}`;
  if (s.pool.clones(snapshot).length > 0) throw new ZfsError(`${what}: snapshot is cloned`);
  if (snapshot.holds.size > 0)
    throw new ZfsError(`${what}: it's being held. Run 'zfs holds -r ${snapshot.name}' to see holders.`);
  s.pool.destroy(snapshot);
}

/** `fs@a,b%c`: snapshots by name, and ranges of them. */
function destroySnapshots(d: Destroying, name: string): number {
  const { s } = d;
  const at = name.indexOf("@");
  const of = s.openFilesystem(name.slice(0, at), FILESYSTEMS);
  if (!of) return 1;
  const owners = d.recursive ? [of, ...s.pool.descendants(of)] : [of];
  const snapshots = owners.flatMap((owner) => select(owner, name.slice(at + 1)));
  if (!d.clonesToo && !d.flags.has("d") && snapshots.filter((each) => refuseDependents(d, each)).length > 0)
    return 1;
  if (snapshots.length === 0) {
    s.complain("could not find any snapshots to destroy; check snapshot names.");
    return 1;
  }
  for (const snapshot of snapshots) announce(d, snapshot.name);
  const reclaimed = snapshots.reduce((sum, each) => sum + s.pool.used(each), 0);
  if (d.flags.has("p")) s.print(`reclaim\t${reclaimed}`);
  else if (d.flags.has("v")) s.print(`${d.dryRun ? "would" : "will"} reclaim ${nice(reclaimed)}`);
  if (d.dryRun) return 0;
  let failed = false;
  for (const snapshot of snapshots) {
    const clones = d.clonesToo ? s.pool.dependents(snapshot) : [];
    for (const dependent of clones) failed = !destroyOne(d, dependent) || failed;
    failed = !s.attempt(() => removeSnapshot(s, snapshot)) || failed;
  }
  return failed ? 1 : 0;
}

function select(of: Filesystem, specification: string): Snapshot[] {
  const named = (part: string): number =>
    of.snapshots.findIndex((each) => each.name === `${of.name}@${part}`);
  return specification.split(",").flatMap((part) => {
    if (!part.includes("%")) return of.snapshots.filter((_, n) => n === named(part));
    const [first = "", last = ""] = part.split("%");
    const from = first === "" ? 0 : named(first);
    const to = last === "" ? of.snapshots.length - 1 : named(last);
    return from < 0 || to < 0 ? [] : of.snapshots.slice(from, to + 1);
  });
}

/** zfs-rollback(8) */
export function rollback(s: Session, args: readonly string[]): number {
  const { flags, operands } = options(args, "rRf");
  const [name] = operands;
  if (name === undefined) throw new Misuse("missing dataset argument");
  if (operands.length > 1) throw new Misuse("too many arguments");
  const target = s.open(name, ["snapshot"]);
  if (target?.type !== "snapshot") return 1;
  const younger = target.of.snapshots.filter((each) => each.txg > target.txg);
  const recursive = flags.has("r") || flags.has("R");
  if (younger.length > 0 && !recursive) {
    s.complain(`cannot rollback to '${name}': more recent snapshots or bookmarks exist`);
    s.complain("use '-r' to force deletion of the following snapshots and bookmarks:");
    for (const each of younger) s.complain(each.name);
    return 1;
  }
  const clones = younger.flatMap((each) => s.pool.dependents(each));
  if (clones.length > 0 && !flags.has("R")) {
    s.complain(`cannot rollback to '${name}': clones of previous snapshots exist`);
    s.complain("use '-R' to force deletion of the following clones and dependents:");
    for (const each of clones) s.complain(each.name);
    return 1;
  }
  s.requirePrivilege(`cannot rollback '${target.of.name}'`);
  const d: Destroying = { s, flags, recursive: true, clonesToo: true, dryRun: false };
  for (const dataset of [...clones, ...younger]) if (!destroyOne(d, dataset)) return 1;
  s.pool.rollback(target);
  return 0;
}

/** zfs-hold(8), zfs-release(8) */
export function hold(s: Session, args: readonly string[], release: boolean): number {
  const { flags, operands } = options(args, "rt");
  const [tag, ...names] = operands;
  if (tag === undefined || names.length === 0) throw new Misuse();
  let status = 0;
  for (const name of names) {
    const target = s.open(name, ["snapshot"]);
    if (target?.type !== "snapshot") return 1;
    const part = target.name.slice(target.of.name.length);
    const owners = flags.has("r") ? [target.of, ...s.pool.descendants(target.of)] : [target.of];
    for (const snapshot of owners.flatMap((of) =>
      of.snapshots.filter((each) => each.name === of.name + part),
    )) {
      const what = release
        ? `cannot release hold from snapshot '${snapshot.name}'`
        : `cannot hold snapshot '${snapshot.name}'`;
      s.requirePrivilege(what);
      if (snapshot.holds.has(tag) !== release) {
        s.complain(
          `${what}: ${release ? "no such tag on this dataset" : "tag already exists on this dataset"}`,
        );
        status = 1;
      } else if (release) snapshot.holds.delete(tag);
      else snapshot.holds.add(tag);
    }
  }
  return status;
}
