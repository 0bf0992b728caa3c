import { type Command, Errno, fail, type Io, type Result } from "../../command";
import type { Mounted } from "../../kernel/mounts";
import { unmount } from "../../kernel/nmount";
import { getopt } from "../getopt";
import { isLeftOut, readFstab } from "./fstab";
import { realpath, who, workingDirectory } from "./paths";

const USAGE =
  "usage: umount [-fNnv] special ... | node ... | fsid ...\n" +
  "       umount -a | -A [-F fstab] [-fnv] [-h host] [-t type]\n";

/** umount(8) */
export const umount: Command = (args, io) => {
  const { list, operands, error } = getopt(args, "AaF:fh:Nnt:v");
  if (error !== undefined) return fail(1, `umount: ${error}\n${USAGE}`);
  const flags = new Set(list.map(([letter]) => letter));
  const last = (letter: string): string | undefined => list.findLast(([l]) => l === letter)?.[1];
  const every = flags.has("A") || flags.has("h");
  const all = every || flags.has("a");
  if (flags.has("f") && flags.has("n")) return fail(1, "umount: -f and -n are mutually exclusive\n");
  if (all === operands.length > 0) return fail(1, USAGE);
  const run = new Run(io, flags.has("f"), flags.has("v"), last("t") ?? (flags.has("h") ? "nfs" : undefined));
  if (every) return run.every();
  if (!flags.has("a")) return run.named(operands);
  try {
    const { entries, stderr } = readFstab(io, last("F"));
    if (entries.length === 0) return fail(1, `${stderr}umount: fstab reading failure\n`);
    const known = new Set([
      "ufs",
      "zfs",
      "devfs",
      "tmpfs",
      "nullfs",
      "unionfs",
      "fdescfs",
      "procfs",
      "linprocfs",
    ]);
    const wanted = entries.filter((e) => e.file !== "/" && /^r[owq]$/.test(e.access) && known.has(e.type));
    return run.named(
      wanted
        .filter((e) => !isLeftOut(e.type, last("t")))
        .map((e) => e.file)
        .reverse(),
    );
  } catch (caught) {
    if (!(caught instanceof Errno)) throw caught;
    return fail(1, `umount: ${last("F") ?? "/etc/fstab"}: ${new Errno(caught.code).message}\n`);
  }
};

class Run {
  private stdout = "";
  private stderr = "";

  constructor(
    private readonly io: Io,
    private readonly force: boolean,
    private readonly verbose: boolean,
    private readonly types: string | undefined,
  ) {}

  named(names: readonly string[]): Result {
    const done = names.map((name) => this.one(name));
    return { stdout: this.stdout, stderr: this.stderr, status: done.includes(false) ? 1 : 0 };
  }

  /** `-A`: in the reverse order of mounting, but neither root nor /dev. */
  every(): Result {
    const wanted = this.lines
      .filter(({ mounted, on }) => on !== "/" && on !== "/dev" && !isLeftOut(mounted.type, this.types))
      .reverse();
    const done = wanted.map(({ mounted, on }) => this.unmount(mounted, on));
    return { stdout: this.stdout, stderr: this.stderr, status: done.includes(false) ? 1 : 0 };
  }

  private get lines() {
    return this.io.kernel.storage.mounts.seenBy(this.io.who.jail);
  }

  private one(given: string): boolean {
    const name = given.replace(/(?<=.)\/+$/, "");
    const line =
      this.lines.findLast(({ on }) => on === name) ??
      this.lines.findLast(({ mounted }) => mounted.from === name);
    if (line) return isLeftOut(line.mounted.type, this.types) ? false : this.unmount(line.mounted, line.on);
    return this.byPath(name);
  }

  /** A path that is not in the mount list as it is: through symbolic links, or no mount at all. */
  private byPath(name: string): boolean {
    try {
      const real = realpath(this.io, name);
      if (this.io.fs.isDirectory(real)) {
        const line = this.lines.findLast(({ on }) => on === real);
        if (line) return this.unmount(line.mounted, line.on);
        this.stderr += `umount: ${name}: not a file system root directory\n`;
        return false;
      }
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      this.stderr += `umount: ${name}: statfs: ${new Errno(error.code).message}\n`;
    }
    this.stderr += `umount: ${name}: unknown file system\n`;
    return false;
  }

  private unmount(mounted: Mounted, on: string): boolean {
    try {
      const holder = workingDirectory(this.io);
      unmount(this.io.kernel, mounted, who(this.io), { force: this.force, holder });
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      this.stderr += `umount: unmount of ${on} failed: ${new Errno(error.code).message}\n`;
      return false;
    }
    if (this.verbose) this.stdout += `${mounted.from}: unmount from ${on}\n`;
    return true;
  }
}
