import { type Snapshot, ZfsError } from "../../../kernel/zfs";
import { nameProblem } from "../../../kernel/zfs/names";
import { parseSize } from "../../../kernel/zfs/properties";
import { assignments, FILESYSTEMS, Misuse, options, type Session } from "./session";

/** zfs-create(8) */
export function create(s: Session, args: readonly string[]): number {
  const { flags, values, operands } = options(args, "PV:b:nso:puv");
  const given = assignments(values("o"));
  const type = flags.has("V") ? "volume" : "filesystem";
  if (type === "filesystem" && (flags.has("b") || flags.has("s")))
    throw new Misuse("'-s' and '-b' can only be used when creating a volume");
  const [name] = operands;
  if (name === undefined) throw new Misuse(`missing ${type} argument`);
  if (operands.length > 1) throw new Misuse("too many arguments");
  if (flags.has("V")) {
    const size = parseSize(values("V").at(-1) ?? "");
    if (typeof size === "string") throw new ZfsError(`bad volume size '${values("V").at(-1)}': ${size}`);
    given.set("volsize", String(size));
  }
  const what = `cannot create '${name}'`;
  const verbose = flags.has("v") || flags.has("P");
  const dryRun = flags.has("n");
  const say = (would: string, parsable: string): void => {
    if (verbose) s.print(flags.has("P") ? parsable : dryRun ? `would ${would}` : would);
  };
  if (flags.has("p") && nameProblem(name, [type]) === undefined) {
    if (s.pool.filesystem(name)) return 0;
    say(`create ancestors of ${name}`, `create_ancestors\t${name}`);
    if (!dryRun) s.createAncestors(name);
  }
  if (dryRun) s.validate(given, type, `cannot verify '${name}'`, { creating: true });
  say(`create ${name}`, `create\t${name}`);
  if (verbose) for (const [k, v] of given) s.print(flags.has("P") ? `property\t${k}\t${v}` : `\t${k}=${v}`);
  if (dryRun) return 0;
  const problem = nameProblem(name, [type]);
  if (problem !== undefined) throw new ZfsError(`${what}: ${problem}`);
  s.checkParents(name);
  if (s.pool.find(name)) throw new ZfsError(`${what}: dataset already exists`);
  const local = s.validate(given, type, what, { creating: true });
  s.requirePrivilege(what);
  const made = s.pool.create(name, s.now, { local, type });
  if (!flags.has("u")) s.mountNew(made);
  return 0;
}

/** zfs-snapshot(8): all of them or none. */
export function snapshot(s: Session, args: readonly string[]): number {
  const { flags, values, operands } = options(args, "ro:");
  const given = assignments(values("o"));
  if (operands.length === 0) throw new Misuse("missing snapshot argument");
  const wanted = operands.flatMap((operand) => {
    const at = operand.indexOf("@");
    const of = at < 0 ? undefined : s.openFilesystem(operand.slice(0, at));
    if (!of) throw new Misuse();
    const recursive = flags.has("r") ? s.pool.descendants(of) : [];
    return [of, ...recursive].map((filesystem) => ({ filesystem, name: operand.slice(at + 1) }));
  });
  const done = s.attempt(() => {
    for (const { filesystem, name } of wanted) {
      const problem = nameProblem(`${filesystem.name}@${name}`, ["snapshot"]);
      if (problem) throw new ZfsError(`cannot create snapshot '${filesystem.name}@${name}': ${problem}`);
    }
    const local = s.validate(given, "snapshot", "cannot create snapshots ", { creating: true });
    s.requirePrivilege("cannot create snapshots ");
    const existing = wanted
      .map(({ filesystem, name }) => `${filesystem.name}@${name}`)
      .filter((name) => s.pool.find(name));
    if (existing.length > 0)
      throw new ZfsError(
        existing.map((name) => `cannot create snapshot '${name}': dataset already exists`).join("\n"),
      );
    for (const { filesystem, name } of wanted) s.pool.snapshot(filesystem, name, s.now, local);
  });
  if (done) return 0;
  if (flags.has("r") || operands.length > 1) s.complain("no snapshots were created");
  return 1;
}

/** zfs-clone(8) */
export function clone(s: Session, args: readonly string[]): number {
  const { flags, values, operands } = options(args, "o:pu");
  const given = assignments(values("o"));
  const [source, target] = operands;
  if (source === undefined) throw new Misuse("missing source dataset argument");
  if (target === undefined) throw new Misuse("missing target dataset argument");
  if (operands.length > 2) throw new Misuse("too many arguments");
  const from = s.open(source, ["snapshot"]);
  if (from?.type !== "snapshot") return 1;
  if (flags.has("p") && nameProblem(target, FILESYSTEMS) === undefined) {
    if (s.pool.filesystem(target)) return 0;
    s.createAncestors(target);
  }
  const what = `cannot create '${target}'`;
  const problem = nameProblem(target, ["filesystem"]);
  if (problem !== undefined) throw new ZfsError(`${what}: ${problem}`);
  s.checkParents(target);
  const local = s.validate(given, from.of.type, what, { creating: true });
  s.requirePrivilege(what);
  if (s.pool.find(target)) throw new ZfsError(`${what}: dataset already exists`);
  const made = s.pool.clone(from, target, s.now, local);
  if (!flags.has("u")) s.mountNew(made);
  return 0;
}

/** zfs-promote(8) */
export function promote(s: Session, args: readonly string[]): number {
  const [name] = args;
  if (name?.startsWith("-")) throw new Misuse(`invalid option '${name.charAt(1)}'`);
  if (name === undefined) throw new Misuse("missing clone filesystem argument");
  if (args.length > 1) throw new Misuse("too many arguments");
  const clone = s.openFilesystem(name);
  if (!clone) return 1;
  const what = `cannot promote '${name}'`;
  const { origin } = clone;
  if (!origin) throw new ZfsError(`${what}: not a cloned filesystem`);
  s.requirePrivilege(what);
  const taken = new Set(clone.snapshots.map((own) => own.name.slice(clone.name.length)));
  const conflict = origin.of.snapshots.find(
    (moving) => moving.txg <= origin.txg && taken.has(moving.name.slice(origin.of.name.length)),
  );
  if (conflict)
    throw new ZfsError(
      `${what}: conflicting snapshot '${conflict.name.split("@")[1]}' from parent '${origin.name}'`,
    );
  s.pool.promote(clone);
  return 0;
}

/** zfs-rename(8) */
export function rename(s: Session, args: readonly string[]): number {
  const { flags, operands } = options(args, "pruf");
  const [source, given] = operands;
  if (source === undefined) throw new Misuse("missing source dataset argument");
  if (given === undefined) throw new Misuse("missing target dataset argument");
  if (operands.length > 2) throw new Misuse("too many arguments");
  if (flags.has("r") && flags.has("p")) throw new Misuse("-p and -r options are mutually exclusive");
  if (flags.has("u") && flags.has("p")) throw new Misuse("-u and -p options are mutually exclusive");
  if (flags.has("r") && !source.includes("@"))
    throw new Misuse("source dataset for recursive rename must be a snapshot");
  const types = flags.has("u") ? (["filesystem"] as const) : flags.has("p") ? FILESYSTEMS : undefined;
  const dataset = s.open(source, types ?? [...FILESYSTEMS, "snapshot"]);
  if (!dataset) return 1;
  if (dataset.type === "snapshot") return renameSnapshot(s, dataset, given, flags.has("r"));
  if (flags.has("p") && nameProblem(given, FILESYSTEMS) === undefined) s.createAncestors(given);
  if (dataset.name === given) return 0;
  const problem = (reason: string): ZfsError => new ZfsError(`cannot rename to '${given}': ${reason}`);
  const badName = nameProblem(given, [dataset.type]);
  if (badName !== undefined) throw problem(badName);
  s.checkParents(given);
  if (given.startsWith(`${dataset.name}/`))
    throw problem("New dataset name cannot be a descendant of current dataset name");
  const what = `cannot rename '${dataset.name}'`;
  if (s.pool.find(given)) throw new ZfsError(`${what}: dataset already exists`);
  s.requirePrivilege(what);
  const change = (): void => s.pool.rename(dataset, given);
  const fixed = ["legacy", "none"].includes(s.pool.value(dataset, "mountpoint"));
  if (flags.has("u") || fixed) {
    change();
    for (const moved of [dataset, ...s.pool.descendants(dataset)]) {
      const mounted = s.zfs.mounted(moved);
      if (mounted) mounted.from = moved.name;
    }
    return 0;
  }
  s.zfs.relocate(dataset, s.caller, change, { force: flags.has("f") });
  return 0;
}

function renameSnapshot(s: Session, snapshot: Snapshot, given: string, recursive: boolean): number {
  const [owner, own] = given.includes("@") ? given.split("@", 2) : ["", given];
  const problem = (reason: string): ZfsError => new ZfsError(`cannot rename to '${given}': ${reason}`);
  if (owner !== "" && owner !== snapshot.of.name) throw problem("snapshots must be part of same dataset");
  const badName = nameProblem(`${snapshot.of.name}@${own}`, ["snapshot"]);
  if (badName !== undefined) throw problem(badName);
  s.requirePrivilege(`cannot rename '${snapshot.name}'`);
  const part = snapshot.name.slice(snapshot.of.name.length);
  const all = recursive ? [snapshot.of, ...s.pool.descendants(snapshot.of)] : [snapshot.of];
  const renamed = all.flatMap((of) => of.snapshots.filter((each) => each.name === of.name + part));
  const clash = renamed.find((each) => s.pool.find(`${each.of.name}@${own}`));
  if (clash)
    throw new ZfsError(
      `cannot rename '${clash.name}': ${recursive ? "a child dataset already has a snapshot with the new name" : "dataset already exists"}`,
    );
  for (const each of renamed) s.pool.rename(each, `${each.of.name}@${own}`);
  return 0;
}
