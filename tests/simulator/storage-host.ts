import { Clock } from "../../simulator/clock";
import type { Io, Result } from "../../simulator/command";
import { loadDevfsRules, storage as storageCommands } from "../../simulator/commands/storage";
import { Kernel } from "../../simulator/kernel";
import type { Jail } from "../../simulator/kernel/jails";
import type { Disk } from "../../simulator/kernel/storage";
import { directoryNode, MemFs } from "../../simulator/kernel/vfs";
import { Pool } from "../../simulator/kernel/zfs";
import { releases } from "../../simulator/release";
import recording from "../recordings/12-mounts-devfs.json";

/** A kernel with the storage of the recorded host, and nothing of the rest of the machine. */
export class StorageHost {
  kernel: Kernel;
  readonly disk: Disk;
  private readonly clock = new Clock();

  constructor() {
    const now = this.clock.now();
    const pool = new Pool("zroot", now);
    pool.create("zroot/jails", now, { local: new Map([["mountpoint", "/jails"]]) });
    const template = pool.create("zroot/jails/template", now, { prefilled: 34487808 });
    template.fs.root.entries.set("dev", directoryNode());
    template.fs.root.entries.set("etc", directoryNode());
    pool.snapshot(template, "base", now);
    this.disk = { release: releases["14.0"], root: new MemFs(), pool };
    const { fs } = new Kernel({ ...this.disk }, this.clock).storage;
    for (const directory of ["/etc/defaults", "/mnt", "/tmp"]) fs.mkdirSync(directory, { recursive: true });
    fs.writeText("/etc/fstab", "/dev/gpt/rootfs / ufs rw 1 1\n");
    fs.writeText("/etc/group", "wheel:*:0:root\noperator:*:5:root\n");
    fs.writeText("/etc/passwd", "root:*:0:0::/root:/bin/sh\n");
    this.kernel = this.boot();
  }

  reboot(): void {
    this.kernel = this.boot();
  }

  private boot(): Kernel {
    const kernel = new Kernel(this.disk, this.clock);
    kernel.storage.zfs.mountAll();
    loadDevfsRules(kernel, defaultRules);
    return kernel;
  }

  /** Runs a command; words are separated by blanks, quotes keep them together. */
  run(line: string, as: { uid?: number; cwd?: string; jail?: Jail; stdin?: string } = {}): Promise<Result> {
    const argv = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
    const { storage } = this.kernel;
    const host = as.uid === undefined ? storage.fs : storage.fs.as({ uid: as.uid, gids: [] });
    const io = {
      kernel: this.kernel,
      who: { uid: as.uid ?? 0, jail: as.jail, vnet: this.kernel.network.host },
      fs: as.jail ? host.chroot(as.jail.path) : host,
      cwd: as.cwd ?? "/",
      stdin: as.stdin ?? "",
      env: new Map(),
      run: (words: readonly string[]) => this.exec(words, io),
    } as unknown as Io;
    return this.exec(argv, io);
  }

  private async exec([name = "", ...args]: readonly string[], io: Io): Promise<Result> {
    const path = Object.keys(storageCommands).find((each) => each === name || each.endsWith(`/${name}`));
    const command = path === undefined ? undefined : storageCommands[path];
    if (!command) throw new Error(`no ${name}`);
    return command(args, io);
  }

  /** A jail, without jail(8). */
  jail(path: string): Jail {
    const jail = this.kernel.jails.create([
      ["name", "j"],
      ["path", path],
      ["persist", undefined],
    ]);
    return jail;
  }
}

/** /etc/defaults/devfs.rules of the recorded host. */
export const defaultRules =
  recording.steps.find((step) => "run" in step && step.run === "cat /etc/defaults/devfs.rules")?.stdout ?? "";
