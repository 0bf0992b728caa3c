import { Errno } from "../../command";
import type { Kernel } from "..";
import type { Holder, Mounted, MountFlag } from "../mounts";
import type { Vfs } from "../vfs";
import { isBelow } from "./names";
import type { Filesystem, Pool } from "./pool";

export type { Dataset, Filesystem, Snapshot } from "./pool";
export { Pool } from "./pool";

/** Who asks, and from where: it decides what is permitted and what is busy. */
export interface Caller {
  readonly uid: number;
  readonly holder: Holder;
}

/** What libzfs prints: "cannot X 'NAME': REASON", and maybe more lines. */
export class ZfsError extends Error {}

/** The pool as the running kernel has it: which of its file systems are mounted. */
export class Zfs {
  /** `zfs jail`: name of the dataset and the jid it is given to. */
  readonly jailed = new Map<Filesystem, Set<number>>();

  constructor(
    private readonly kernel: Kernel,
    readonly pool: Pool,
    private readonly fs: Vfs,
  ) {}

  mounted(of: Filesystem): Mounted | undefined {
    return this.kernel.storage.mounts.all.find((m) => m.type === "zfs" && m.mount.fs === of.fs);
  }

  /** Where zfs(8) would mount it by itself; undefined for `legacy`, `none`, `canmount=off`, a jail's. */
  mountpoint(of: Filesystem): string | undefined {
    const path = this.pool.value(of, "mountpoint");
    const own = path.startsWith("/") && of.type === "filesystem" && this.pool.value(of, "canmount") !== "off";
    return own && this.pool.value(of, "jailed") !== "on" ? path : undefined;
  }

  /** Mounts it at its mountpoint, which is made if it is missing. */
  mount(of: Filesystem, caller: Pick<Caller, "uid">, options: Iterable<MountFlag> = []): void {
    const path = this.mountpoint(of);
    if (path === undefined || this.mounted(of)) return;
    const problem = (name: string, reason: string): ZfsError =>
      new ZfsError(`cannot mount '${name}': ${reason}`);
    if (caller.uid !== 0) throw problem(of.name, "Insufficient privileges");
    if (!this.fs.existsSync(path)) {
      try {
        this.fs.mkdirSync(path, { recursive: true, mode: 0o755 });
      } catch (error) {
        throw problem(path, `failed to create mountpoint: ${words(error)}`);
      }
    }
    const point = this.fs.node(path);
    if (point.type === "directory" && point.entries.size > 0 && this.pool.value(of, "overlay") === "off")
      throw problem(path, "directory is not empty");
    try {
      this.mountAt(of, path, options);
    } catch (error) {
      throw problem(of.name, words(error));
    }
  }

  /** mount(2): at any path, as `mount -t zfs` does for a legacy mountpoint. */
  mountAt(of: Filesystem, path: string, options: Iterable<MountFlag> = []): Mounted {
    const flags = new Set([...this.flags(of), ...options]);
    return this.kernel.storage.mounts.add(path, { type: "zfs", from: of.name, fs: of.fs, flags });
  }

  /** Unmounts it if it is mounted. */
  unmount(of: Filesystem, caller: Caller, force = false): void {
    const mounted = this.mounted(of);
    if (!mounted) return;
    const problem = (reason: string): ZfsError => new ZfsError(`cannot unmount '${mounted.on}': ${reason}`);
    if (caller.uid !== 0) throw problem("permission denied");
    try {
      this.kernel.storage.mounts.remove(mounted, { force, holder: caller.holder });
    } catch (error) {
      if (error instanceof Errno && error.code === "EBUSY") throw problem("pool or dataset is busy");
      throw error;
    }
  }

  /** libzfs removes the directory only where it chose it itself. */
  removeMountpoint(of: Filesystem): void {
    const path = this.mountpoint(of);
    if (path === undefined || this.pool.get(of, "mountpoint").source === "local") return;
    try {
      this.fs.rmdir(path);
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
    }
  }

  /** `zfs mount -a`, at boot too: all with `canmount=on`, parents first. What fails is returned. */
  mountAll(caller: Pick<Caller, "uid"> = { uid: 0 }): ZfsError[] {
    const failed: ZfsError[] = [];
    const wanted = this.pool.all.filter((f) => this.pool.value(f, "canmount") === "on");
    const depth = (f: Filesystem): number => this.mountpoint(f)?.split("/").length ?? 0;
    for (const filesystem of wanted.sort((a, b) => depth(a) - depth(b))) {
      try {
        this.mount(filesystem, caller);
      } catch (error) {
        if (!(error instanceof ZfsError)) throw error;
        failed.push(error);
      }
    }
    return failed;
  }

  /**
   * Changes something that moves mountpoints (libzfs' changelist): what is mounted among `of` and those below
   * it is unmounted, children first, and mounted again where it belongs after `change`.
   */
  relocate(
    of: Filesystem,
    caller: Caller,
    change: () => void,
    options: { force?: boolean; inheritedOnly?: boolean; mountAfter?: boolean } = {},
  ): void {
    const inherits = (f: Filesystem): boolean => {
      const { source } = this.pool.get(f, "mountpoint");
      return source !== "local" && (typeof source === "string" || !isBelow(source.inheritedFrom, of.name));
    };
    const below = this.pool.descendants(of).filter((f) => !options.inheritedOnly || inherits(f));
    const moving = [of, ...below].filter((f) => this.mounted(f));
    const unmounted: Filesystem[] = [];
    try {
      for (const filesystem of [...moving].reverse()) {
        this.unmount(filesystem, caller, options.force);
        unmounted.unshift(filesystem);
      }
    } catch (error) {
      for (const filesystem of unmounted) this.mount(filesystem, caller);
      throw error;
    }
    this.removeMountpoint(of);
    change();
    for (const filesystem of options.mountAfter && moving.length === 0 ? [of, ...below] : moving)
      this.mount(filesystem, caller);
  }

  /** Property changes show at once in the flags of what is mounted. */
  refreshFlags(): void {
    const { mounts } = this.kernel.storage;
    for (const filesystem of this.pool.all) {
      const mounted = this.mounted(filesystem);
      if (mounted) mounts.update(mounted, this.flags(filesystem));
    }
  }

  /** How much may be written follows from the quotas and from all that is in the pool. */
  enforceQuotas(): void {
    for (const filesystem of this.pool.all) {
      const { fs } = filesystem;
      fs.limit = this.pool.hasQuota(filesystem) ? fs.usedBytes + this.pool.available(filesystem) : undefined;
    }
  }

  private flags(of: Filesystem): MountFlag[] {
    const is = (name: string, value: string): boolean => this.pool.value(of, name) === value;
    return [
      "local",
      ...(is("readonly", "on") ? (["ro"] as const) : []),
      ...(is("exec", "off") ? (["noexec"] as const) : []),
      ...(is("setuid", "off") ? (["nosuid"] as const) : []),
      ...(is("atime", "off") ? (["noatime"] as const) : []),
      ...(is("acltype", "nfsv4") ? (["nfsv4acls"] as const) : []),
    ];
  }
}

function words(error: unknown): string {
  if (!(error instanceof Errno)) throw error;
  return error.code === "EBUSY" ? "mountpoint or dataset is busy" : new Errno(error.code).message;
}
