import { Errno } from "../../../command";
import type { MountFlag } from "../../../kernel/mounts";
import { flagOptions } from "../../../kernel/nmount";
import { type Filesystem, ZfsError } from "../../../kernel/zfs";
import { compare } from "../../../kernel/zfs/pool";
import { Misuse, options, type Session } from "./session";

/** zfs-mount(8) */
export function mount(s: Session, args: readonly string[]): number {
  const { flags, values, operands } = options(args, "Rafvlo:O");
  const wanted = mountFlags(values("o"));
  if (flags.has("a")) {
    if (operands.length > 0) throw new Misuse("too many arguments");
    if (s.caller.uid !== 0 && s.pool.all.every((f) => s.zfs.mounted(f))) return 0;
    const failed = s.zfs.mountAll(s.caller);
    for (const error of failed) s.complain(error.message);
    return failed.length > 0 ? 1 : 0;
  }
  const [name] = operands;
  if (name === undefined) {
    if (flags.has("o")) throw new Misuse("missing filesystem argument (specify -a for all)");
    for (const { mounted, on } of s.io.kernel.storage.mounts.seenBy(s.io.who.jail))
      if (mounted.type === "zfs") s.print(`${mounted.from.padEnd(30)}  ${on}`);
    return 0;
  }
  if (operands.length > 1) throw new Misuse("too many arguments");
  const dataset = s.openFilesystem(name, ["filesystem"]);
  if (!dataset) return 1;
  const refusal = whyNot(s, dataset);
  if (refusal !== undefined) throw new ZfsError(`cannot mount '${name}': ${refusal}`);
  s.zfs.mount(dataset, s.caller, wanted);
  return 0;
}

function whyNot(s: Session, dataset: Filesystem): string | undefined {
  const mountpoint = s.pool.value(dataset, "mountpoint");
  if (s.pool.value(dataset, "jailed") === "on") return "dataset is exported to a local zone";
  if (mountpoint === "legacy") return "legacy mountpoint\nuse mount(8) to mount this filesystem";
  if (mountpoint === "none") return "no mountpoint set";
  if (s.pool.value(dataset, "canmount") === "off") return "'canmount' property is set to 'off'";
  return s.zfs.mounted(dataset) ? "filesystem already mounted" : undefined;
}

function mountFlags(given: readonly string[]): MountFlag[] {
  return given
    .join(",")
    .split(",")
    .flatMap((option) => {
      const flag = flagOptions[option];
      return flag ? [flag] : [];
    });
}

/** zfs-unmount(8) */
export function unmount(s: Session, args: readonly string[]): number {
  const { flags, operands } = options(args, "afu");
  const force = flags.has("f");
  if (flags.has("a")) {
    if (operands.length > 0) throw new Misuse("too many arguments");
    const wanted = s.pool.all.filter(
      (f) =>
        s.zfs.mounted(f) &&
        s.pool.value(f, "mountpoint") !== "legacy" &&
        s.pool.value(f, "canmount") !== "noauto",
    );
    const done = wanted.reverse().map((f) => s.attempt(() => s.zfs.unmount(f, s.caller, force)));
    return done.includes(false) ? 1 : 0;
  }
  const [name] = operands;
  if (name === undefined) throw new Misuse("missing filesystem argument");
  if (operands.length > 1) throw new Misuse("too many arguments");
  const dataset = name.startsWith("/") ? mountedAt(s, name) : s.openFilesystem(name, ["filesystem"]);
  if (!dataset) return 1;
  const problem = (reason: string): ZfsError =>
    new ZfsError(`cannot unmount '${name.startsWith("/") ? dataset.name : name}': ${reason}`);
  if (s.pool.value(dataset, "mountpoint") === "legacy")
    throw problem("legacy mountpoint\nuse umount(8) to unmount this filesystem");
  if (!s.zfs.mounted(dataset)) throw problem("not currently mounted");
  const on = s.zfs.mounted(dataset)?.on ?? "";
  const below = s.pool
    .descendants(dataset)
    .filter((f) => s.zfs.mounted(f)?.on.startsWith(`${on}/`))
    .sort((a, b) => compare(b.name, a.name));
  for (const each of [...below, dataset]) s.zfs.unmount(each, s.caller, force);
  return 0;
}

function mountedAt(s: Session, path: string): Filesystem | undefined {
  const problem = (reason: string): ZfsError => new ZfsError(`cannot unmount '${path}': ${reason}`);
  const { mounts } = s.io.kernel.storage;
  let mounted: ReturnType<typeof mounts.of>;
  try {
    mounted = mounts.of(s.io.fs.locate(path));
  } catch (error) {
    if (error instanceof Errno) throw new ZfsError(`cannot open '${path}': ${new Errno(error.code).message}`);
    throw error;
  }
  if (mounted?.type !== "zfs") throw problem("not a ZFS filesystem");
  if (mounted.on !== s.io.fs.canonical(path)) throw problem("not a mountpoint");
  return s.openFilesystem(mounted.from, ["filesystem"]);
}
