import { createHash } from "node:crypto";
import type { Release } from "../release";
import type { Kernel } from ".";
import type { DeviceRule } from "./devfs";
import { Devfs } from "./devfs";
import { type Mounted, type MountFlag, Mounts } from "./mounts";
import { type DirectoryNode, type Inode, type MemFs, MountTable, Vfs } from "./vfs";
import { type Pool, Zfs } from "./zfs";

/** What survives a reboot: the UFS root and the ZFS pool. */
export interface Disk {
  /** Which FreeBSD is installed on it. */
  readonly release: Release;
  readonly root: MemFs;
  readonly pool: Pool;
}

export interface StorageSnapshot {
  mounts: { from: string; on: string; type: string; flags: string[] }[];
  /** By dataset: what is set on it, where a clone comes from, and a digest of its tree. */
  datasets: Record<
    string,
    { properties: Record<string, string>; origin?: string; mounted?: string; content: string }
  >;
  rulesets: Record<string, readonly DeviceRule[]>;
}

const pristine = new WeakMap<Disk, number>();

/** Mounted file systems, ZFS, devfs: what the running kernel knows of them. */
export class Storage {
  readonly table: MountTable;
  /** The host's tree, with root's rights. */
  readonly fs: Vfs;
  readonly mounts: Mounts;
  readonly devfs = new Devfs();
  readonly zfs: Zfs;
  /** Bytes on the root file system when its disk was first booted: what df(1) counts from. */
  readonly rootUsed: number;

  /** As the kernel leaves it to /etc/rc: root and /dev are mounted, ZFS is not (`zfs.mountAll()`). */
  constructor(
    readonly kernel: Kernel,
    readonly disk: Disk,
  ) {
    this.rootUsed = pristine.get(disk) ?? disk.root.usedBytes;
    pristine.set(disk, this.rootUsed);
    this.table = new MountTable(disk.root);
    this.fs = Vfs.host(this.table, () => kernel.clock.now());
    this.mounts = new Mounts(kernel, this.fs);
    this.zfs = new Zfs(kernel, disk.pool, this.fs);
    this.mounts.addRoot("ufs", "/dev/gpt/rootfs", ["local", "soft-updates"]);
    if (!this.fs.existsSync("/dev")) this.fs.mkdirSync("/dev");
    this.mountDevfs("/dev", 0);
  }

  /** devfs at `path` on the host, showing what `ruleset` leaves (0: everything). */
  mountDevfs(path: string, ruleset: number, flags: Iterable<MountFlag> = []): Mounted {
    const devfs = this.devfs.mount(ruleset, this.kernel.clock.now());
    try {
      return this.mounts.add(path, {
        type: "devfs",
        from: "devfs",
        fs: devfs.fs,
        visible: devfs.visible,
        flags,
      });
    } catch (error) {
      this.devfs.unmount(devfs);
      throw error;
    }
  }

  snapshot(): StorageSnapshot {
    const { pool } = this.zfs;
    const datasets: StorageSnapshot["datasets"] = {};
    for (const filesystem of pool.all) {
      for (const dataset of [filesystem, ...filesystem.snapshots]) {
        const origin = dataset.type === "snapshot" ? undefined : dataset.origin?.name;
        const mounted = dataset.type === "snapshot" ? undefined : this.zfs.mounted(dataset)?.on;
        datasets[dataset.name] = {
          properties: Object.fromEntries(dataset.local),
          ...(origin === undefined ? {} : { origin }),
          ...(mounted === undefined ? {} : { mounted }),
          content: digest(dataset.fs.root),
        };
      }
    }
    const rulesets = Object.fromEntries(this.devfs.rulesets.map((n) => [String(n), this.devfs.rules(n)]));
    return { mounts: this.mounts.snapshot(), datasets, rulesets };
  }
}

/** Of names, types, modes, owners, flags and contents; not of times. */
function digest(root: DirectoryNode): string {
  const hash = createHash("sha256");
  const add = (name: string, node: Inode): void => {
    hash.update(JSON.stringify([name, node.type, node.mode, node.uid, node.gid, node.flags]));
    if (node.type === "file") hash.update(node.content, "latin1");
    if (node.type === "symlink") hash.update(node.target);
    if (node.type !== "directory") return;
    for (const child of [...node.entries.keys()].sort()) add(child, node.entries.get(child)!);
    hash.update("\0");
  };
  add("", root);
  return hash.digest("hex").slice(0, 16);
}
