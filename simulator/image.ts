import { files as hostFiles } from "./image/files";
import type { Disk } from "./kernel/storage";
import { directoryNode, fileNode, type Inode, MemFs, symlinkNode, toBytes } from "./kernel/vfs";
import { Pool } from "./kernel/zfs";
import type { Release } from "./release";
import { binary } from "./shell/process";

/** One entry of a tree: a directory's names, a file's text, a symbolic link. */
export interface Entry {
  readonly content?: string;
  readonly target?: string;
  readonly directory?: boolean;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export type Tree = Readonly<Record<string, Entry>>;

/** When the recorded host was installed, relative to its boot. */
const AGE = 40 * 60_000;

/** What the pool's datasets hold beyond the simulated files, as recorded. */
const PREFILLED = { template: 34_512_384 };

/**
 * The disk of a freshly installed host: a UFS root, a pool with `zroot/jails/template@base`. `programs` are the
 * absolute paths of the binaries.
 */
export function makeDisk(programs: readonly string[], now: number, release: Release): Disk {
  const root = new MemFs({ kind: "ufs" });
  const installed = now - AGE;
  fill(root, { ...skeleton(programs), ...hostFiles }, installed);
  const pool = new Pool("zroot", installed);
  pool.create("zroot/jails", installed, { local: new Map([["mountpoint", "/jails"]]) });
  const template = pool.create("zroot/jails/template", installed, { prefilled: 0 });
  fill(template.fs, jailRoot(programs), installed);
  const missing = PREFILLED.template - pool.referenced(template);
  (template as { prefilled: number }).prefilled = Math.max(0, missing);
  pool.snapshot(template, "base", installed);
  return { release, root, pool };
}

/** Adds `tree` (absolute paths) to a file system; missing directories are made. */
export function fill(fs: MemFs, tree: Tree, mtime: number): void {
  fs.root.mtime = mtime;
  for (const [path, entry] of Object.entries(tree)) {
    const names = path.split("/").filter(Boolean);
    const name = names.pop();
    let directory = fs.root;
    for (const each of names) {
      let next = directory.entries.get(each);
      if (!next) {
        next = directoryNode({ mtime });
        directory.entries.set(each, next);
        directory.links++;
      }
      if (next.type !== "directory") throw new Error(`${path}: ${each} is no directory`);
      directory = next;
    }
    if (name === undefined) continue;
    const node = nodeOf(entry, mtime);
    const known = directory.entries.get(name);
    if (known?.type === "directory" && node.type === "directory") {
      Object.assign(known, { mode: node.mode, uid: node.uid, gid: node.gid });
      continue;
    }
    if (node.type === "file") fs.resize(0, node.content.length);
    if (node.type === "directory") directory.links++;
    directory.entries.set(name, node);
  }
}

function nodeOf({ content, target, directory, mode, uid = 0, gid = 0 }: Entry, mtime: number): Inode {
  const attributes = { uid, gid, mtime, ...(mode === undefined ? {} : { mode }) };
  if (directory) return directoryNode(attributes);
  if (target !== undefined) return symlinkNode(target, attributes);
  return fileNode(toBytes(content ?? ""), attributes);
}

const directory = (mode = 0o755, gid = 0): Entry => ({ directory: true, mode, gid });

/** hier(7), and the programs. */
function skeleton(programs: readonly string[]): Tree {
  return {
    "/bin": directory(),
    "/boot": directory(),
    "/dev": directory(0o555),
    "/etc": directory(),
    "/lib": directory(),
    "/libexec": directory(),
    "/media": directory(),
    "/mnt": directory(),
    "/net": directory(),
    "/proc": directory(0o555),
    "/rescue": directory(),
    "/root": directory(0o750),
    "/sbin": directory(),
    "/tmp": directory(0o1777),
    "/usr": directory(),
    "/usr/home": directory(),
    "/home": { target: "usr/home" },
    "/usr/local/bin": directory(),
    "/usr/local/sbin": directory(),
    "/usr/local/etc/rc.d": directory(),
    "/usr/share": directory(),
    "/usr/src": directory(),
    "/var": directory(),
    "/var/db": directory(),
    "/var/log": directory(),
    "/var/mail": directory(0o775),
    "/var/run": directory(),
    "/var/spool/lock": directory(),
    "/var/tmp": directory(0o1777),
    "/var/distfiles": directory(),
    ...binaries(programs),
  };
}

const binaries = (programs: readonly string[]): Tree =>
  Object.fromEntries(programs.map((path) => [path, { content: binary(path), mode: 0o555 }]));

/** Programs that configure the host rather than a jail are in a jail's root too: it is a base system. */
export function jailRoot(programs: readonly string[]): Tree {
  const host = skeleton(programs);
  const kept = Object.entries(host).filter(
    ([path]) => !/^\/(?:usr\/home|home|usr\/src|var\/distfiles)/.test(path),
  );
  const fromHost = [
    "/etc/passwd",
    "/etc/group",
    "/etc/services",
    "/etc/protocols",
    "/etc/profile",
    "/etc/rc",
    "/etc/rc.shutdown",
    "/etc/rc.subr",
    "/etc/hosts",
  ];
  const copied = fromHost.flatMap((path): [string, Entry][] =>
    hostFiles[path] ? [[path, hostFiles[path]]] : [],
  );
  return {
    ...Object.fromEntries(kept),
    ...Object.fromEntries(copied),
    "/etc/defaults/rc.conf": hostFiles["/etc/defaults/rc.conf"] ?? { content: "" },
    "/etc/rc.d": directory(),
    "/.cshrc": { content: "# csh\n" },
    "/.profile": { content: "# sh\n" },
    "/COPYRIGHT": { content: "# FreeBSD\n", mode: 0o444 },
  };
}
