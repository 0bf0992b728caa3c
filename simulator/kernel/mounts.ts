import { Errno } from "../command";
import type { Kernel } from ".";
import type { Jail } from "./jails";
import type { Inode, Location, MemFs, Mount, Vfs } from "./vfs";

/** What mount(8) may show; `ro` and the rest as flags of one mount. */
export type MountFlag =
  | "ro"
  | "sync"
  | "async"
  | "noexec"
  | "nosuid"
  | "noatime"
  | "nosymfollow"
  | "union"
  | "noclusterr"
  | "noclusterw"
  | "suiddir"
  | "multilabel"
  | "acls"
  | "nfsv4acls"
  | "untrusted"
  | "nocover"
  | "emptydir"
  | "local"
  | "soft-updates";

/** A mounted file system, as statfs(2) describes it. */
export interface Mounted {
  readonly mount: Mount;
  readonly type: string;
  /** `/dev/gpt/rootfs`, `zroot/jails`, `devfs`. */
  from: string;
  /** Absolute path on the host. */
  readonly on: string;
  flags: ReadonlySet<MountFlag>;
  /** nullfs, unionfs: the mounts that it stands on, which it holds. */
  readonly lower: readonly Mount[];
}

export interface NewMount {
  readonly type: string;
  readonly from: string;
  readonly fs: MemFs;
  readonly flags?: Iterable<MountFlag>;
  /** nullfs: the directory (or file) that shows at the mount point. */
  readonly root?: Inode;
  readonly visible?: (path: string) => boolean;
  readonly lower?: readonly Mount[];
}

/** Where a process is: it keeps the mount busy. */
export type Holder = Location | undefined;

/** The mounted file systems, in the order of mounting. */
export class Mounts {
  readonly all: Mounted[] = [];

  constructor(
    readonly kernel: Kernel,
    /** The host's view, with root's rights. */
    private readonly fs: Vfs,
  ) {}

  /** The root file system, which the boot loader has mounted. */
  addRoot(type: string, from: string, flags: Iterable<MountFlag>): void {
    this.all.push({ mount: this.fs.table.root, type, from, on: "/", flags: new Set(flags), lower: [] });
  }

  /** Mounts at `on`, a path on the host. ENOENT, ENOTDIR; EBUSY and ENOTEMPTY for `nocover` and `emptydir`. */
  add(on: string, made: NewMount): Mounted {
    const flags = new Set(made.flags);
    const point = this.fs.locate(on);
    const isDirectory = point.node.type === "directory";
    if (isDirectory !== ((made.root ?? made.fs.root).type === "directory")) throw new Errno("ENOTDIR");
    if (flags.has("nocover") && point.node === point.mount.root) throw new Errno("EBUSY");
    if (flags.has("emptydir") && point.node.type === "directory" && point.node.entries.size > 0)
      throw new Errno("ENOTEMPTY");
    const mount = this.fs.mount(on, made.fs, {
      readonly: flags.has("ro"),
      ...(made.root ? { root: made.root } : {}),
      ...(made.visible ? { visible: made.visible } : {}),
    });
    const { type, from, lower = [] } = made;
    const mounted: Mounted = { mount, type, from, on: mount.path, flags, lower };
    this.all.push(mounted);
    return mounted;
  }

  /** `mount -u`: other flags for a mount that stays. */
  update(mounted: Mounted, flags: Iterable<MountFlag>): void {
    mounted.flags = new Set(flags);
    mounted.mount.readonly = mounted.flags.has("ro");
  }

  /** The uppermost one at exactly this path. */
  at(on: string): Mounted | undefined {
    return this.all.findLast((m) => m.on === on);
  }

  /** The one that the file at `path` belongs to. */
  of(location: Location): Mounted | undefined {
    return this.all.find((m) => m.mount === location.mount);
  }

  /** EBUSY if a process, a jail or another mount needs it, unless `force`. */
  remove(mounted: Mounted, options: { force?: boolean; holder?: Holder } = {}): void {
    if (mounted.on === "/") throw new Errno("EINVAL");
    if (!options.force && this.isBusy(mounted, options.holder)) throw new Errno("EBUSY");
    this.fs.unmount(mounted.mount);
    this.all.splice(this.all.indexOf(mounted), 1);
    if (mounted.type !== "devfs") return;
    const { devfs } = this.kernel.storage;
    const shown = devfs.mountOf(mounted.mount.fs);
    if (shown) devfs.unmount(shown);
  }

  isBusy({ mount }: Mounted, holder: Holder): boolean {
    if (holder?.mount === mount) return true;
    if (this.all.some((m) => m.mount.covers?.mount === mount || m.lower.includes(mount))) return true;
    // A jail's root is held until the jail is gone, dying ones included.
    return this.kernel.jails.all.some((jail) => this.locate(jail.path)?.mount === mount);
  }

  /** The ones a jail is told of (`enforce_statfs`), with their paths as it has them. */
  seenBy(jail: Jail | undefined): { mounted: Mounted; on: string }[] {
    if (!jail) return this.all.map((mounted) => ({ mounted, on: mounted.on }));
    const level = Number(jail.parameters.get("enforce_statfs") ?? 2);
    const { path } = jail;
    const root = this.locate(path)?.mount;
    const seen = this.all.filter(
      (m) =>
        m.mount === root ||
        level === 0 ||
        (level === 1 && (path === "/" || `${m.on}/`.startsWith(`${path}/`))),
    );
    return seen.map((mounted) => ({
      mounted,
      on: level === 0 || path === "/" ? mounted.on : mounted.on.slice(path.length) || "/",
    }));
  }

  private locate(path: string): Location | undefined {
    try {
      return this.fs.locate(path);
    } catch (error) {
      if (error instanceof Errno) return undefined;
      throw error;
    }
  }

  snapshot(): { from: string; on: string; type: string; flags: string[] }[] {
    return this.all.map(({ from, on, type, flags }) => ({ from, on, type, flags: [...flags].sort() }));
  }
}
