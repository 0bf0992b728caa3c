import { Errno } from "../command";
import type { Kernel } from ".";
import type { Jail } from "./jails";
import type { Mounted, MountFlag } from "./mounts";
import { unionRoot } from "./unionfs";
import { deviceNode, directoryNode, type Location, MemFs } from "./vfs";

/** What nmount(2) leaves in `errmsg`, before strerror's words. */
export class MountError extends Errno {
  constructor(
    code: Errno["code"],
    readonly detail = "",
  ) {
    super(code);
  }
}

export interface MountRequest {
  readonly type: string;
  readonly from: string;
  /** Paths on the host. */
  readonly on: string;
  /** nullfs, unionfs: `from` as a path on the host. */
  readonly target?: string;
  /** `ro`, `size=16m`, in the order given: later ones win. */
  readonly options: readonly string[];
  readonly who: { readonly uid: number; readonly jail: Jail | undefined };
}

type Maker = (
  request: MountRequest,
  values: ReadonlyMap<string, string>,
  kernel: Kernel,
  flags: Set<MountFlag>,
) => Mounted;

interface FileSystemType {
  /** Options beyond those of every file system. */
  readonly options: readonly string[];
  readonly make: Maker;
  /** `mount -u` works on it. */
  readonly updates?: boolean;
}

/** Options of any file system: the flag each of them sets. */
export const flagOptions: Readonly<Record<string, MountFlag>> = {
  ro: "ro",
  rdonly: "ro",
  norw: "ro",
  sync: "sync",
  async: "async",
  noexec: "noexec",
  nosuid: "nosuid",
  noatime: "noatime",
  nosymfollow: "nosymfollow",
  union: "union",
  noclusterr: "noclusterr",
  noclusterw: "noclusterw",
  suiddir: "suiddir",
  multilabel: "multilabel",
  acls: "acls",
  nfsv4acls: "nfsv4acls",
  untrusted: "untrusted",
  nocover: "nocover",
  emptydir: "emptydir",
};

/** The same the other way: the flag each of them takes away. */
const clearingOptions: Readonly<Record<string, MountFlag>> = {
  rw: "ro",
  noro: "ro",
  exec: "noexec",
  suid: "nosuid",
  atime: "noatime",
  nosync: "sync",
  noasync: "async",
  symfollow: "nosymfollow",
  nounion: "union",
  clusterr: "noclusterr",
  clusterw: "noclusterw",
  nosuiddir: "suiddir",
  nomultilabel: "multilabel",
  noacls: "acls",
  nonfsv4acls: "nfsv4acls",
  cover: "nocover",
  noemptydir: "emptydir",
};

/** Taken and without effect. */
const ignored = new Set(["update", "force", "export", "noexport", "snapshot", "reload"]);

/** mount(2) in a jail needs `allow.mount`, `allow.mount.TYPE` and to see more than its root. */
function isPermitted({ who, type }: MountRequest): boolean {
  if (who.uid !== 0) return false;
  const parameters = who.jail?.parameters;
  if (!parameters) return true;
  const allowed = (name: string): boolean => parameters.get(name) === true;
  return (
    allowed("allow.mount") && allowed(`allow.mount.${type}`) && Number(parameters.get("enforce_statfs")) < 2
  );
}

/** nmount(2). */
export function nmount(kernel: Kernel, request: MountRequest): Mounted {
  const type = Object.hasOwn(types, request.type) ? types[request.type] : undefined;
  if (!type) throw new MountError("EINVAL", "Invalid fstype");
  if (!isPermitted(request)) throw new MountError("EPERM");
  const flags = new Set<MountFlag>();
  const values = new Map<string, string>();
  const update = request.options.includes("update");
  const old = update ? kernel.storage.mounts.at(request.on) : undefined;
  if (update && !old) throw new MountError("EINVAL");
  for (const flag of old?.flags ?? []) flags.add(flag);
  for (const option of request.options) {
    const [name = "", value = ""] = option.split(/=(.*)/s);
    const sets = flagOptions[name];
    const clears = clearingOptions[name];
    if (sets) flags.add(sets);
    else if (clears) flags.delete(clears);
    else if (type.options.includes(name)) values.set(name, value);
    else if (!ignored.has(name)) throw new MountError("EINVAL", `mount option <${name}> is unknown`);
  }
  if (old) {
    if (!type.updates || old.type !== request.type) throw new MountError("EOPNOTSUPP");
    kernel.storage.mounts.update(old, flags);
    return old;
  }
  if (!kernel.modules.has(request.type)) kernel.modules.ensure(request.type);
  return type.make(request, values, kernel, flags);
}

/** unmount(2) */
export function unmount(
  kernel: Kernel,
  mounted: Mounted,
  who: MountRequest["who"],
  options: { force: boolean; holder: Location | undefined },
): void {
  if (!isPermitted({ type: mounted.type, from: "", on: mounted.on, options: [], who }))
    throw new Errno("EPERM");
  kernel.storage.mounts.remove(mounted, options);
}

const types: Readonly<Record<string, FileSystemType>> = {
  ufs: { options: [], make: ufs, updates: true },
  zfs: { options: [], make: zfs, updates: true },
  tmpfs: {
    options: ["gid", "uid", "mode", "size", "inodes", "maxfilesize", "nomtime", "easize"],
    make: tmpfs,
    updates: true,
  },
  devfs: { options: ["ruleset"], make: devfs, updates: true },
  nullfs: { options: ["cache", "nocache"], make: nullfs },
  unionfs: { options: ["below", "copymode", "udir", "ufile", "uid", "gid", "whiteout"], make: unionfs },
  fdescfs: { options: ["linrdlnk", "rdlnk", "nodup"], make: fdescfs },
  procfs: { options: [], make: pseudo("procfs") },
  linprocfs: { options: [], make: pseudo("linprocfs") },
  linsysfs: { options: [], make: pseudo("linsysfs") },
};

/** No other disk has a UFS on it, and the one that has is mounted. */
function ufs({ from }: MountRequest, _: ReadonlyMap<string, string>, kernel: Kernel): Mounted {
  const device = kernel.storage.fs.peek(from.startsWith("/") ? from : `/dev/${from}`);
  if (!device) throw new MountError("ENOENT");
  if (device.type !== "device") throw new MountError("ENOTBLK");
  if (/^(rootfs|vtbd0p2)$/.test(device.device)) throw new MountError("EBUSY");
  throw new MountError("EINVAL");
}

function zfs(
  { from, on }: MountRequest,
  _: ReadonlyMap<string, string>,
  kernel: Kernel,
  flags: Set<MountFlag>,
): Mounted {
  const dataset = kernel.storage.zfs.pool.filesystem(from);
  if (dataset?.type !== "filesystem") throw new MountError("ENOENT");
  if (kernel.storage.zfs.mounted(dataset)) throw new MountError("EBUSY");
  return kernel.storage.zfs.mountAt(dataset, on, flags);
}

function tmpfs(
  { on }: MountRequest,
  values: ReadonlyMap<string, string>,
  kernel: Kernel,
  flags: Set<MountFlag>,
): Mounted {
  const point = kernel.storage.fs.node(on);
  const limit = bytes(values.get("size"));
  const fs = new MemFs({ kind: "tmpfs", ...(limit > 0 ? { limit } : {}) });
  const number = (name: string, radix: number, otherwise: number): number =>
    values.has(name) ? Number.parseInt(values.get(name) ?? "", radix) : otherwise;
  const { root } = fs;
  // The covered directory's owner and mode, unless told otherwise.
  Object.assign(root, {
    mode: number("mode", 8, point.mode),
    uid: number("uid", 10, point.uid),
    gid: number("gid", 10, point.gid),
    mtime: kernel.clock.now(),
  });
  return kernel.storage.mounts.add(on, { type: "tmpfs", from: "tmpfs", fs, flags: flags.add("local") });
}

function bytes(size: string | undefined): number {
  if (size === undefined) return 0;
  const [, digits, suffix = ""] = /^(\d+)([bkmgtp]?)$/i.exec(size) ?? [];
  if (digits === undefined) throw new MountError("EINVAL");
  return Number(digits) * 1024 ** Math.max(0, "bkmgtp".indexOf(suffix.toLowerCase() || "b"));
}

function devfs(
  { on, who }: MountRequest,
  values: ReadonlyMap<string, string>,
  kernel: Kernel,
  flags: Set<MountFlag>,
): Mounted {
  const given = values.get("ruleset");
  const own = Number(who.jail?.parameters.get("devfs_ruleset") ?? 0);
  if (given !== undefined && (!/^\d+$/.test(given) || Number(given) > 65535)) throw new MountError("EINVAL");
  // A jail's mounts get its own ruleset, whatever they ask for.
  if (who.jail && given !== undefined && Number(given) !== own) throw new MountError("EPERM");
  return kernel.storage.mountDevfs(on, who.jail ? own : Number(given ?? 0), flags);
}

function nullfs(
  { from, target, on }: MountRequest,
  _: ReadonlyMap<string, string>,
  kernel: Kernel,
  flags: Set<MountFlag>,
): Mounted {
  const { fs, mounts } = kernel.storage;
  const lower = fs.locate(target ?? from);
  const point = fs.locate(on);
  if (point.node === lower.node && mounts.of(point)?.type === "nullfs") throw new MountError("EDEADLK");
  return mounts.add(on, {
    type: "nullfs",
    from: target ?? from,
    fs: lower.mount.fs,
    root: lower.node,
    flags: withThoseBelow(mounts.of(lower), flags),
    lower: [lower.mount],
    ...(lower.mount.visible ? { visible: lower.mount.visible } : {}),
  });
}

/** statfs(2) of nullfs adds its flags to those of the file system below. */
const withThoseBelow = (lower: Mounted | undefined, flags: ReadonlySet<MountFlag>): Set<MountFlag> =>
  new Set([...(lower?.flags ?? []), ...flags]);

function unionfs(
  { from, target, on }: MountRequest,
  values: ReadonlyMap<string, string>,
  kernel: Kernel,
  flags: Set<MountFlag>,
): Mounted {
  const { fs, mounts } = kernel.storage;
  const given = fs.locate(target ?? from);
  const point = fs.locate(on);
  const [upper, lower] = values.has("below") ? [point, given] : [given, point];
  if (upper.node.type !== "directory" || lower.node.type !== "directory") throw new MountError("ENOTDIR");
  if (upper.node === lower.node) throw new MountError("EDEADLK");
  const readonly = upper.mount.readonly ? (["ro"] as const) : [];
  return mounts.add(on, {
    type: "unionfs",
    from: `<${values.has("below") ? "below" : "above"}>:${target ?? from}`,
    fs: upper.mount.fs,
    root: unionRoot(upper.node, lower.node),
    flags: new Set<MountFlag>([...flags, ...readonly, "local"]),
    lower: [given.mount],
  });
}

function fdescfs(
  { on }: MountRequest,
  _: ReadonlyMap<string, string>,
  kernel: Kernel,
  flags: Set<MountFlag>,
): Mounted {
  const fs = new MemFs({ kind: "devfs" });
  for (const name of ["0", "1", "2"]) fs.root.entries.set(name, deviceNode(name, { mode: 0o666 }));
  return kernel.storage.mounts.add(on, { type: "fdescfs", from: "fdescfs", fs, flags });
}

function pseudo(type: string): Maker {
  return ({ on }, _, kernel, flags) => {
    const fs = new MemFs({ kind: "devfs" });
    fs.root.entries.set("curproc", directoryNode({ mode: 0o555 }));
    return kernel.storage.mounts.add(on, { type, from: type, fs, flags: flags.add("local") });
  };
}
