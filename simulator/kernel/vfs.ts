import type { BufferEncoding, ByteString, FileContent, FsStat, IFileSystem } from "just-bash";
import { Errno, strerror } from "../command";

/** What FreeBSD's stat(1) and ls(1) show beyond what just-bash's file systems know. */
export interface Ownership {
  uid: number;
  gid: number;
  /** chflags(1): `schg`, … */
  flags: string[];
}

interface InodeBase extends Ownership {
  readonly ino: number;
  /** Permission bits, without the type. */
  mode: number;
  /** Milliseconds since the epoch. */
  mtime: number;
  /** Names that lead here; directories count themselves and their subdirectories instead. */
  links: number;
}

export interface FileNode extends InodeBase {
  readonly type: "file";
  /** A byte string: one character is one byte. */
  content: string;
}
export interface DirectoryNode extends InodeBase {
  readonly type: "directory";
  readonly entries: Map<string, Inode>;
}
export interface SymlinkNode extends InodeBase {
  readonly type: "symlink";
  target: string;
}
/** A node of devfs; `null`, `zero`, `random` and the like are read and written by name. */
export interface DeviceNode extends InodeBase {
  readonly type: "device";
  readonly device: string;
}
export type Inode = FileNode | DirectoryNode | SymlinkNode | DeviceNode;

export interface FileSystemOptions {
  /** Decides how directory sizes and free space are counted. */
  kind?: "ufs" | "zfs" | "tmpfs" | "devfs";
  /** Bytes; undefined is as good as endless. */
  limit?: number;
  readonly?: boolean;
  /** Hides entries of a directory from lookups and listings (devfs rulesets). */
  visible?: (path: string) => boolean;
}

let inodes = 2;

/** One file system: a tree of inodes. Where it is mounted is the mount table's business. */
export class MemFs {
  readonly kind: NonNullable<FileSystemOptions["kind"]>;
  limit: number | undefined;
  readonly: boolean;
  readonly root: DirectoryNode;
  private used = 0;

  constructor(options: FileSystemOptions = {}) {
    this.kind = options.kind ?? "ufs";
    this.limit = options.limit;
    this.readonly = options.readonly ?? false;
    this.root = directoryNode({ mode: 0o755 });
  }

  /** Bytes that the files' contents take, in whole pages. */
  get usedBytes(): number {
    return this.used;
  }

  /** Charges a change of a file's size; ENOSPC (ZFS: EDQUOT) when it does not fit. */
  resize(from: number, to: number): void {
    const delta = pages(to) - pages(from);
    if (delta > 0 && this.limit !== undefined && this.used + delta > this.limit)
      throw new Errno(this.kind === "zfs" ? "EDQUOT" : "ENOSPC");
    this.used += delta;
  }

  /** A new name needs room too: tmpfs refuses it with one page left (recorded). */
  reserveNode(): void {
    if (this.kind !== "tmpfs" || this.limit === undefined) return;
    if (this.used + 2 * PAGE > this.limit) throw new Errno("ENOSPC");
  }

  /** A copy of the whole tree with inodes of its own: a snapshot, a clone. */
  copy(options: FileSystemOptions = {}): MemFs {
    const made = new MemFs({
      kind: this.kind,
      ...(this.limit === undefined ? {} : { limit: this.limit }),
      ...options,
    });
    const seen = new Map<Inode, Inode>();
    copyAttributes(this.root, made.root);
    for (const [name, child] of this.root.entries) made.root.entries.set(name, copyTree(child, seen));
    made.used = this.used;
    return made;
  }
}

const PAGE = 4096;
const pages = (bytes: number): number => Math.ceil(bytes / PAGE) * PAGE;

function copyAttributes(from: Inode, to: Inode): void {
  Object.assign(to, { mode: from.mode, uid: from.uid, gid: from.gid, mtime: from.mtime });
  to.flags = [...from.flags];
}

function copyTree(node: Inode, seen: Map<Inode, Inode>): Inode {
  const known = seen.get(node);
  if (known) return known;
  const base = { ...node, ino: ++inodes, flags: [...node.flags] };
  const made = (node.type === "directory" ? { ...base, entries: new Map<string, Inode>() } : base) as Inode;
  seen.set(node, made);
  if (node.type === "directory" && made.type === "directory") {
    for (const [name, child] of node.entries) made.entries.set(name, copyTree(child, seen));
  }
  return made;
}

type Attributes = Partial<Pick<InodeBase, "mode" | "uid" | "gid" | "mtime" | "flags">>;

const inodeBase = (a: Attributes, mode: number): InodeBase => ({
  ino: ++inodes,
  mode: a.mode ?? mode,
  uid: a.uid ?? 0,
  gid: a.gid ?? 0,
  flags: a.flags ?? [],
  mtime: a.mtime ?? 0,
  links: 1,
});

export const directoryNode = (a: Attributes = {}): DirectoryNode => ({
  ...inodeBase(a, 0o755),
  type: "directory",
  entries: new Map(),
});
export const fileNode = (content: string, a: Attributes = {}): FileNode => ({
  ...inodeBase(a, 0o644),
  type: "file",
  content,
});
export const symlinkNode = (target: string, a: Attributes = {}): SymlinkNode => ({
  ...inodeBase(a, 0o755),
  type: "symlink",
  target,
});
export const deviceNode = (device: string, a: Attributes = {}): DeviceNode => ({
  ...inodeBase(a, 0o600),
  type: "device",
  device,
});

/** A file system at a place. `root` differs from `fs.root` for nullfs, whose root lies inside another one. */
export interface Mount {
  readonly fs: MemFs;
  readonly root: Inode;
  /** Absolute path on the host. */
  readonly path: string;
  readonly: boolean;
  readonly covers: Location | undefined;
  readonly visible?: (path: string) => boolean;
}

/** An inode as reached through a mount. */
export interface Location {
  readonly mount: Mount;
  readonly node: Inode;
}

export interface MountOptions {
  readonly?: boolean;
  /** nullfs: the directory (or file) of `fs` that becomes the root of the mount. */
  root?: Inode;
  /** devfs: which nodes, by path below the mount, a ruleset shows. */
  visible?: (path: string) => boolean;
}

/** What is mounted on what; shared by all views of one kernel. */
export class MountTable {
  /** In the order of mounting. */
  private readonly mounts: Mount[] = [];
  /** Those that cover an inode, in the same order: every name that is looked up asks for them. */
  private readonly covering = new Map<Inode, Mount[]>();

  constructor(root: MemFs) {
    this.mounts.push({ fs: root, root: root.root, path: "/", readonly: false, covers: undefined });
  }

  get all(): readonly Mount[] {
    return this.mounts;
  }

  add(mount: Mount): void {
    this.mounts.push(mount);
    const node = mount.covers?.node;
    if (node) this.covering.set(node, [...(this.covering.get(node) ?? []), mount]);
  }

  /** False when it is not there. */
  remove(mount: Mount): boolean {
    const at = this.mounts.indexOf(mount);
    if (at < 0) return false;
    this.mounts.splice(at, 1);
    const node = mount.covers?.node;
    const left = node ? (this.covering.get(node) ?? []).filter((each) => each !== mount) : [];
    if (node && left.length > 0) this.covering.set(node, left);
    else if (node) this.covering.delete(node);
    return true;
  }

  get root(): Mount {
    return this.all[0]!;
  }

  /** What lies on top of `location`. */
  top(location: Location): Location {
    if (location.node.type === "symlink") return location;
    let here = location;
    for (;;) {
      const over = this.covering.get(here.node)?.findLast((m) => m.covers?.mount === here.mount);
      if (!over) return here;
      here = { mount: over, node: over.root };
    }
  }
}

/** Errors worded as just-bash's built-in commands expect; `code` is what our own commands look at. */
class FsError extends Errno {
  constructor(code: Errno["code"], call: string, path: string) {
    super(code);
    this.message = `${code}: ${jbWords[code] ?? strerror[code].toLowerCase()}, ${call} '${path}'`;
  }
}

const jbWords: Partial<Record<Errno["code"], string>> = {
  EISDIR: "illegal operation on a directory",
  EBUSY: "resource busy or locked",
};

/** strerror(3) of whatever a file system call threw. */
export function reason(error: unknown): string {
  if (error instanceof Errno) return strerror[error.code];
  throw error;
}

export const isErrno = (error: unknown, code: Errno["code"]): boolean =>
  error instanceof Errno && error.code === code;

/** UTF-8 bytes, one per character, of a text. */
export function toBytes(text: string): string {
  return /^[\x00-\x7f]*$/.test(text) ? text : Buffer.from(text, "utf8").toString("latin1");
}

/** The text that a byte string holds. */
export function toText(bytes: string): string {
  return /^[\x00-\x7f]*$/.test(bytes) ? bytes : Buffer.from(bytes, "latin1").toString("utf8");
}

const contentBytes = (content: FileContent, encoding?: BufferEncoding): string => {
  if (typeof content !== "string") return Buffer.from(content).toString("latin1");
  if (encoding === "binary" || encoding === "latin1") return content;
  if (encoding === "base64" || encoding === "hex") return Buffer.from(content, encoding).toString("latin1");
  return toBytes(content);
};

const IMMUTABLE = new Set(["schg", "uchg"]);
const UNDELETABLE = new Set(["schg", "uchg", "sappnd", "uappnd", "sunlnk", "uunlnk"]);
const has = (node: Inode, flags: ReadonlySet<string>): boolean => node.flags.some((f) => flags.has(f));

const READ = 4;
const WRITE = 2;
const SEARCH = 1;

interface Found {
  readonly location: Location;
  /** The directory that holds it; the root holds itself. */
  readonly parent: Location;
  /** Its name there; "" for the root. */
  readonly name: string;
  /** Without symbolic links, as this view has it. */
  readonly path: string;
}

export interface VfsUser {
  readonly uid: number;
  readonly gids: readonly number[];
}

const ROOT: VfsUser = { uid: 0, gids: [0, 5] };

/**
 * A file system with owners, flags and mounts, as a process sees it: from a root (the host's, or a jail's),
 * with a user's rights. Every operation has a synchronous form; the asynchronous ones are just-bash's.
 */
export class Vfs implements IFileSystem {
  private constructor(
    readonly table: MountTable,
    private readonly base: Location,
    readonly user: VfsUser,
    private readonly now: () => number,
    /** New files get what this leaves of their mode. */
    readonly umask: number,
  ) {}

  static host(table: MountTable, now: () => number): Vfs {
    return new Vfs(table, { mount: table.root, node: table.root.root }, ROOT, now, 0o022);
  }

  /** The same tree with `path` as its root: what a jail sees. Symbolic links cannot lead out of it. */
  chroot(path: string): Vfs {
    return new Vfs(this.table, this.locate(path), this.user, this.now, this.umask);
  }

  /** The same tree with another user's rights. */
  as(user: VfsUser): Vfs {
    return new Vfs(this.table, this.base, user, this.now, this.umask);
  }

  withUmask(umask: number): Vfs {
    return umask === this.umask ? this : new Vfs(this.table, this.base, this.user, this.now, umask);
  }

  // Mounts

  /** Mounts `fs` over the directory (or file) `path`; later mounts cover earlier ones. */
  mount(path: string, fs: MemFs, options: MountOptions = {}): Mount {
    const found = this.find(path, "mount");
    const mount: Mount = {
      fs,
      root: options.root ?? fs.root,
      path: found.path,
      readonly: options.readonly ?? false,
      covers: found.location,
      ...(options.visible ? { visible: options.visible } : {}),
    };
    this.table.add(mount);
    return mount;
  }

  /** Takes away the given mount; whoever calls has checked that nothing uses it. */
  unmount(mount: Mount): void {
    if (!this.table.remove(mount)) throw new Errno("EINVAL");
  }

  /** The mount that the file at `path` belongs to. */
  mountOf(path: string): Mount {
    return this.locate(path).mount;
  }

  // Lookup

  locate(path: string, options: { follow?: boolean } = {}): Location {
    return this.find(path, "stat", options.follow ?? true).location;
  }

  /** Its inode; ENOENT and the like are thrown. */
  node(path: string, options: { follow?: boolean } = {}): Inode {
    return this.locate(path, options).node;
  }

  /** Its inode, or undefined if there is none (or it may not be seen). */
  peek(path: string, options: { follow?: boolean } = {}): Inode | undefined {
    try {
      return this.node(path, options);
    } catch (error) {
      if (error instanceof Errno) return undefined;
      throw error;
    }
  }

  existsSync(path: string): boolean {
    return this.peek(path) !== undefined;
  }

  isDirectory(path: string): boolean {
    return this.peek(path)?.type === "directory";
  }

  /** May this user read (4), write (2), execute or search (1) it? */
  may(node: Inode, bits: number): boolean {
    const { uid, gids } = this.user;
    if (uid === 0) return (bits & SEARCH) === 0 || node.type === "directory" || (node.mode & 0o111) !== 0;
    const shift = node.uid === uid ? 6 : gids.includes(node.gid) ? 3 : 0;
    return ((node.mode >> shift) & bits) === bits;
  }

  private find(path: string, call: string, follow = true): Found {
    const found = this.walk(path, call, follow);
    if (!found.location) throw new FsError("ENOENT", call, path);
    return found as Found;
  }

  /** Walks to `path`; `location` is undefined if only the last name is missing. */
  private walk(
    path: string,
    call: string,
    follow: boolean,
  ): Omit<Found, "location"> & { location: Location | undefined } {
    const failed = (code: Errno["code"]): FsError => new FsError(code, call, path);
    if (path === "") throw failed("ENOENT");
    if (path.length > 1023) throw failed("ENAMETOOLONG");
    const top = this.table.top(this.base);
    let stack: { name: string; location: Location }[] = [{ name: "", location: top }];
    let todo = path.split("/").reverse();
    let hops = 0;
    let mustBeDirectory = path.endsWith("/");
    while (todo.length > 0) {
      const name = todo.pop()!;
      if (name === "" || name === ".") continue;
      const here = stack[stack.length - 1]!.location;
      if (here.node.type !== "directory") throw failed("ENOTDIR");
      if (!this.may(here.node, SEARCH)) throw failed("EACCES");
      if (name === "..") {
        if (stack.length > 1) stack.pop();
        continue;
      }
      if (name.length > 255) throw failed("ENAMETOOLONG");
      const last = !todo.some((n) => n !== "" && n !== ".");
      const child = this.visibleChild(here, stack, name);
      if (!child) {
        if (!last) throw failed("ENOENT");
        return { location: undefined, parent: here, name, path: pathOf(stack, name) };
      }
      if (child.type === "symlink" && (!last || follow || mustBeDirectory)) {
        if (++hops > 32) throw failed("ELOOP");
        if (child.target.startsWith("/")) stack = [stack[0]!];
        if (child.target.endsWith("/")) mustBeDirectory ||= last;
        todo = [...todo, ...child.target.split("/").reverse()];
        continue;
      }
      stack.push({ name, location: this.table.top({ mount: here.mount, node: child }) });
    }
    const end = stack[stack.length - 1]!;
    if (mustBeDirectory && end.location.node.type !== "directory") throw failed("ENOTDIR");
    const parent = stack[stack.length - 2] ?? stack[0]!;
    return {
      location: end.location,
      parent: parent.location,
      name: stack.length > 1 ? end.name : "",
      path: pathOf(stack.slice(0, -1), stack.length > 1 ? end.name : ""),
    };
  }

  private visibleChild(here: Location, stack: readonly { name: string; location: Location }[], name: string) {
    if (here.node.type !== "directory") return undefined;
    const child = here.node.entries.get(name);
    if (!child || !here.mount.visible) return child;
    return here.mount.visible(belowMount(stack, here.mount, name)) ? child : undefined;
  }

  // Reading

  readBytes(path: string): string {
    const { location } = this.find(path, "open");
    return this.readLocation(location, path);
  }

  private readLocation({ node }: Location, path: string): string {
    if (!this.may(node, READ)) throw new FsError("EACCES", "open", path);
    if (node.type === "directory") throw new FsError("EISDIR", "read", path);
    if (node.type === "device") return readDevice(node.device, path);
    return node.type === "file" ? node.content : "";
  }

  readText(path: string): string {
    return toText(this.readBytes(path));
  }

  list(path: string): string[] {
    const { location, path: real } = this.find(path, "scandir");
    if (location.node.type !== "directory") throw new FsError("ENOTDIR", "scandir", path);
    if (!this.may(location.node, READ)) throw new FsError("EACCES", "scandir", path);
    const names = [...location.node.entries.keys()];
    const { visible } = location.mount;
    if (!visible) return names.sort();
    const below = this.belowMountOf(real, location.mount);
    return names.filter((name) => visible(below === "" ? name : `${below}/${name}`)).sort();
  }

  private belowMountOf(path: string, mount: Mount): string {
    // From the end of the path upwards: the part that still belongs to the same mount.
    const names = path.split("/").filter(Boolean);
    const below: string[] = [];
    while (names.length > 0 && this.locate(`/${names.join("/")}`).node !== mount.root)
      below.unshift(names.pop()!);
    return below.join("/");
  }

  /** Without symbolic links. */
  canonical(path: string): string {
    return this.find(path, "realpath").path;
  }

  readlinkSync(path: string): string {
    const { node } = this.find(path, "readlink", false).location;
    if (node.type !== "symlink") throw new FsError("EINVAL", "readlink", path);
    return node.target;
  }

  /** Bytes, as stat(2) says. */
  sizeOf(node: Inode, fs: MemFs): number {
    switch (node.type) {
      case "file":
        return node.content.length;
      case "symlink":
        return node.target.length;
      case "device":
        return 0;
      case "directory":
        return directorySize(node, fs.kind);
    }
  }

  // Writing

  /** Creates or replaces the content; `mode` is for a new file, before the umask. */
  writeBytes(path: string, bytes: string, options: { append?: boolean; mode?: number } = {}): void {
    const { location, parent, name } = this.walk(path, "open", true);
    if (!location) {
      this.mayChange(parent, "open", path);
      this.attempt("open", path, () => parent.mount.fs.reserveNode());
      const made = fileNode("", this.newAttributes(parent.node, (options.mode ?? 0o666) & ~this.umask));
      this.enter(parent.node, name, made);
      this.attempt("write", path, () => parent.mount.fs.resize(0, bytes.length));
      made.content = bytes;
      return;
    }
    const { node, mount } = location;
    if (node.type === "directory") throw new FsError("EISDIR", "open", path);
    if (!this.may(node, WRITE)) throw new FsError("EACCES", "open", path);
    if (node.type === "device") {
      this.attempt("open", path, () => writeDevice(node.device));
      return;
    }
    this.writable(mount, "open", path);
    if (has(node, IMMUTABLE) || (!options.append && has(node, UNDELETABLE)))
      throw new FsError("EPERM", "open", path);
    if (node.type !== "file") return;
    const content = options.append ? node.content + bytes : bytes;
    // O_TRUNC comes first: a full disk costs the old content.
    if (!options.append) {
      mount.fs.resize(node.content.length, 0);
      node.content = "";
    }
    this.attempt("write", path, () => mount.fs.resize(node.content.length, content.length));
    node.content = content;
    node.mtime = this.now();
  }

  /** open(2): reading and writing at an offset, whatever happens to the name meanwhile. */
  open(path: string, how: "read" | "write" | "append" | "update", mode = 0o666): OpenFile {
    if (how === "read") {
      const { location } = this.find(path, "open");
      if (!this.may(location.node, READ)) throw new FsError("EACCES", "open", path);
      return new OpenFile(location.node, location.mount.fs, this.now);
    }
    if (how === "write") this.writeBytes(path, "", { mode });
    else this.writeBytes(path, "", { mode, append: true });
    const { node, mount } = this.locate(path);
    return new OpenFile(node, mount.fs, this.now, how === "append");
  }

  writeText(path: string, text: string, options: { append?: boolean; mode?: number } = {}): void {
    this.writeBytes(path, toBytes(text), options);
  }

  /** open(2) with O_EXCL: EEXIST if there is anything of that name. */
  createExclusive(path: string, bytes: string, mode: number): void {
    if (this.walk(path, "open", false).location) throw new FsError("EEXIST", "open", path);
    this.writeBytes(path, bytes, { mode });
  }

  mkdirSync(path: string, options: { recursive?: boolean; mode?: number } = {}): void {
    const { location, parent, name } = options.recursive
      ? this.walkMaking(path)
      : this.walk(stripSlashes(path), "mkdir", true);
    if (location) {
      if (options.recursive && location.node.type === "directory") return;
      throw new FsError("EEXIST", "mkdir", path);
    }
    this.mayChange(parent, "mkdir", path);
    this.attempt("mkdir", path, () => parent.mount.fs.reserveNode());
    this.enter(
      parent.node,
      name,
      directoryNode(this.newAttributes(parent.node, (options.mode ?? 0o777) & ~this.umask)),
    );
  }

  private walkMaking(path: string) {
    const names = path.split("/").filter(Boolean);
    for (let n = 1; n < names.length; n++) {
      const at = `/${names.slice(0, n).join("/")}`;
      if (!this.existsSync(at)) this.mkdirSync(at);
    }
    return this.walk(`/${names.join("/")}`, "mkdir", true);
  }

  symlinkSync(target: string, path: string): void {
    this.add(path, "symlink", (a) => symlinkNode(target, { ...a, mode: 0o777 & ~this.umask }));
  }

  linkSync(existing: string, path: string): void {
    const from = this.find(existing, "link");
    if (from.location.node.type === "directory") throw new FsError("EPERM", "link", existing);
    if (has(from.location.node, IMMUTABLE)) throw new FsError("EPERM", "link", existing);
    this.add(path, "link", undefined, from.location);
  }

  private add(
    path: string,
    call: string,
    make: ((a: Attributes) => Inode) | undefined,
    existing?: Location,
  ): void {
    const { location, parent, name } = this.walk(path, call, false);
    if (location) throw new FsError("EEXIST", call, path);
    if (existing && existing.mount.fs !== parent.mount.fs) throw new FsError("EXDEV", call, path);
    this.mayChange(parent, call, path);
    this.attempt(call, path, () => parent.mount.fs.reserveNode());
    const node = existing?.node ?? make?.(this.newAttributes(parent.node, 0o666 & ~this.umask));
    if (node) this.enter(parent.node, name, node, existing !== undefined);
  }

  /** unlink(2) */
  unlink(path: string): void {
    const found = this.find(path, "unlink", false);
    if (found.location.node.type === "directory") throw new FsError("EISDIR", "unlink", path);
    this.remove(found, "unlink", path);
  }

  /** rmdir(2) */
  rmdir(path: string): void {
    const found = this.find(path, "rmdir", false);
    const { node } = found.location;
    if (node.type !== "directory") throw new FsError("ENOTDIR", "rmdir", path);
    if (found.name === "" || node === found.location.mount.root) throw new FsError("EBUSY", "rmdir", path);
    if (node.entries.size > 0) throw new FsError("ENOTEMPTY", "rmdir", path);
    this.remove(found, "rmdir", path);
  }

  private remove(found: Found, call: string, path: string): void {
    const { node, mount } = found.location;
    if (found.name === "" || found.parent.mount !== mount) throw new FsError("EBUSY", call, path);
    if (mount.fs.kind === "devfs") throw new FsError("EOPNOTSUPP", call, path);
    this.mayChange(found.parent, call, path, node);
    if (has(node, UNDELETABLE)) throw new FsError("EPERM", call, path);
    this.unlinkEntry(found.parent, found.name, node);
  }

  private unlinkEntry(parent: Location, name: string, node: Inode): void {
    if (parent.node.type !== "directory") return;
    parent.node.entries.delete(name);
    parent.node.mtime = this.now();
    if (node.type === "directory") parent.node.links--;
    else node.links--;
    if (node.type === "file" && node.links === 0) parent.mount.fs.resize(node.content.length, 0);
  }

  /** rename(2) */
  rename(from: string, to: string): void {
    const source = this.find(stripSlashes(from), "rename", false);
    const target = this.walk(stripSlashes(to), "rename", false);
    const { node, mount } = source.location;
    if (source.name === "" || source.parent.mount !== mount) throw new FsError("EBUSY", "rename", from);
    if (target.parent.mount !== source.parent.mount) throw new FsError("EXDEV", "rename", from);
    this.mayChange(source.parent, "rename", from, node);
    this.mayChange(target.parent, "rename", to, target.location?.node);
    if (has(node, UNDELETABLE)) throw new FsError("EPERM", "rename", from);
    if (
      node.type === "directory" &&
      `${target.path}/`.startsWith(`${source.path}/`) &&
      target.path !== source.path
    )
      throw new FsError("EINVAL", "rename", from);
    const old = target.location?.node;
    if (old === node) return;
    if (old) {
      if (target.location!.mount !== mount) throw new FsError("EXDEV", "rename", from);
      if (has(old, UNDELETABLE)) throw new FsError("EPERM", "rename", to);
      if (old.type === "directory" && node.type !== "directory") throw new FsError("EISDIR", "rename", to);
      if (old.type !== "directory" && node.type === "directory") throw new FsError("ENOTDIR", "rename", to);
      if (old.type === "directory" && old.entries.size > 0) throw new FsError("ENOTEMPTY", "rename", to);
      this.unlinkEntry(target.parent, target.name, old);
    }
    const parent = source.parent.node as DirectoryNode;
    parent.entries.delete(source.name);
    parent.mtime = this.now();
    if (node.type === "directory") parent.links--;
    this.enter(target.parent.node, target.name, node, false);
    if (node.type !== "directory") return;
  }

  chmodSync(path: string, mode: number, options: { follow?: boolean } = {}): void {
    const { node } = this.owned(path, "chmod", options.follow ?? true);
    node.mode = mode & 0o7777;
  }

  chownSync(path: string, uid: number, gid: number, options: { follow?: boolean } = {}): void {
    const { location } = this.find(path, "chown", options.follow ?? true);
    const { node } = location;
    const { user } = this;
    if (user.uid !== 0 && (uid !== node.uid || user.uid !== node.uid || !user.gids.includes(gid)))
      throw new FsError("EPERM", "chown", path);
    this.writable(location.mount, "chown", path);
    if (has(node, IMMUTABLE)) throw new FsError("EPERM", "chown", path);
    node.uid = uid;
    node.gid = gid;
  }

  chflagsSync(path: string, flags: readonly string[], options: { follow?: boolean } = {}): void {
    const { location } = this.find(path, "chflags", options.follow ?? true);
    const { node } = location;
    const touchesSystem = [...flags, ...node.flags].some(
      (f) => f.startsWith("s") && flags.includes(f) !== node.flags.includes(f),
    );
    if (this.user.uid !== 0 && (node.uid !== this.user.uid || touchesSystem))
      throw new FsError("EPERM", "chflags", path);
    this.writable(location.mount, "chflags", path);
    node.flags = [...flags];
  }

  utimesSync(path: string, mtime: number): void {
    this.owned(path, "utime", true).node.mtime = mtime;
  }

  private owned(path: string, call: string, follow: boolean): Location {
    const { location } = this.find(path, call, follow);
    if (this.user.uid !== 0 && this.user.uid !== location.node.uid) throw new FsError("EPERM", call, path);
    this.writable(location.mount, call, path);
    if (has(location.node, IMMUTABLE)) throw new FsError("EPERM", call, path);
    return location;
  }

  private writable(mount: Mount, call: string, path: string): void {
    if (mount.readonly || mount.fs.readonly) throw new FsError("EROFS", call, path);
  }

  /** May entries of `directory` be added or (with `victim`) taken away? */
  private mayChange(directory: Location, call: string, path: string, victim?: Inode): void {
    if (directory.node.type !== "directory") throw new FsError("ENOTDIR", call, path);
    if (!this.may(directory.node, WRITE | SEARCH)) throw new FsError("EACCES", call, path);
    this.writable(directory.mount, call, path);
    if (has(directory.node, IMMUTABLE)) throw new FsError("EPERM", call, path);
    const { uid } = this.user;
    const sticky = (directory.node.mode & 0o1000) !== 0;
    if (victim && sticky && uid !== 0 && uid !== victim.uid && uid !== directory.node.uid)
      throw new FsError("EPERM", call, path);
  }

  /** BSD: a new file takes its group from its directory. */
  private newAttributes(directory: Inode, mode: number): Attributes {
    return { mode, uid: this.user.uid, gid: directory.gid, mtime: this.now() };
  }

  private enter(directory: Inode, name: string, node: Inode, countLink = false): void {
    if (directory.type !== "directory") return;
    directory.entries.set(name, node);
    directory.mtime = this.now();
    if (node.type === "directory") directory.links++;
    else if (countLink) node.links++;
  }

  private attempt(call: string, path: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      if (error instanceof Errno) throw new FsError(error.code, call, path);
      throw error;
    }
  }

  // just-bash's interface

  async readFile(path: string): Promise<string> {
    return this.readText(path);
  }
  async readFileBytes(path: string): Promise<ByteString> {
    return this.readBytes(path) as unknown as ByteString;
  }
  async readFileBuffer(path: string): Promise<Uint8Array> {
    return Buffer.from(this.readBytes(path), "latin1");
  }
  async writeFile(path: string, content: FileContent, options?: EncodingOption): Promise<void> {
    this.writeBytes(path, contentBytes(content, encodingOf(options)));
  }
  async appendFile(path: string, content: FileContent, options?: EncodingOption): Promise<void> {
    this.writeBytes(path, contentBytes(content, encodingOf(options)), { append: true });
  }
  async exists(path: string): Promise<boolean> {
    return this.existsSync(path);
  }
  async stat(path: string): Promise<FsStat> {
    return this.statOf(this.find(path, "stat").location);
  }
  async lstat(path: string): Promise<FsStat> {
    return this.statOf(this.find(path, "lstat", false).location);
  }
  private statOf({ node, mount }: Location): FsStat {
    return {
      isFile: node.type === "file" || node.type === "device",
      isDirectory: node.type === "directory",
      isSymbolicLink: node.type === "symlink",
      mode: node.mode,
      size: this.sizeOf(node, mount.fs),
      mtime: new Date(node.mtime),
      ino: node.ino,
    };
  }
  async mkdir(path: string, options?: { recursive?: boolean }): Promise<void> {
    this.mkdirSync(path, options);
  }
  async readdir(path: string): Promise<string[]> {
    return this.list(path);
  }
  async rm(path: string, options: { recursive?: boolean; force?: boolean } = {}): Promise<void> {
    const node = this.peek(path, { follow: false });
    if (!node && options.force) return;
    if (node?.type !== "directory") return this.unlink(path);
    if (!options.recursive) throw new FsError("EISDIR", "rm", path);
    for (const name of this.list(path)) await this.rm(`${path}/${name}`, options);
    this.rmdir(path);
  }
  async cp(from: string, to: string, options: { recursive?: boolean } = {}): Promise<void> {
    const node = this.node(from);
    if (node.type !== "directory") return this.writeBytes(to, this.readBytes(from), { mode: node.mode });
    if (!options.recursive) throw new FsError("EISDIR", "cp", from);
    this.mkdirSync(to, { recursive: true });
    for (const name of this.list(from)) await this.cp(`${from}/${name}`, `${to}/${name}`, options);
  }
  async mv(from: string, to: string): Promise<void> {
    this.rename(from, to);
  }
  resolvePath(base: string, path: string): string {
    return resolvePath(base, path);
  }
  getAllPaths(): string[] {
    return [];
  }
  async chmod(path: string, mode: number): Promise<void> {
    this.chmodSync(path, mode);
  }
  async symlink(target: string, path: string): Promise<void> {
    this.symlinkSync(target, path);
  }
  async link(existing: string, path: string): Promise<void> {
    this.linkSync(existing, path);
  }
  async readlink(path: string): Promise<string> {
    return this.readlinkSync(path);
  }
  async realpath(path: string): Promise<string> {
    return this.canonical(path);
  }
  async utimes(path: string, _atime: Date, mtime: Date): Promise<void> {
    this.utimesSync(path, mtime.getTime());
  }
  async chown(path: string, uid: number, gid: number): Promise<void> {
    this.chownSync(path, uid, gid);
  }
  async chflags(path: string, flags: string[]): Promise<void> {
    this.chflagsSync(path, flags);
  }
  async ownership(path: string, options: { followLinks?: boolean } = {}): Promise<Ownership> {
    const { uid, gid, flags } = this.node(path, { follow: options.followLinks ?? true });
    return { uid, gid, flags: [...flags] };
  }
}

/** An open file description. */
export class OpenFile {
  private offset = 0;

  constructor(
    readonly node: Inode,
    private readonly fs: MemFs,
    private readonly now: () => number,
    private readonly append = false,
  ) {}

  /** The rest of the file. */
  read(): string {
    const { node } = this;
    if (node.type === "directory") throw new Errno("EISDIR");
    if (node.type === "device") return readDevice(node.device, node.device);
    if (node.type !== "file") return "";
    const rest = node.content.slice(this.offset);
    this.offset = node.content.length;
    return rest;
  }

  /** One line with its newline; "" at the end. */
  readLine(): string {
    const { node } = this;
    if (node.type !== "file") return this.read();
    const end = node.content.indexOf("\n", this.offset);
    const line = node.content.slice(this.offset, end < 0 ? undefined : end + 1);
    this.offset += line.length;
    return line;
  }

  write(bytes: string): void {
    const { node } = this;
    if (node.type === "device") {
      writeDevice(node.device);
      return;
    }
    if (node.type !== "file" || bytes === "") return;
    if (this.append) this.offset = node.content.length;
    const before = node.content.slice(0, this.offset).padEnd(this.offset, "\0");
    const content = before + bytes + node.content.slice(this.offset + bytes.length);
    this.fs.resize(node.content.length, content.length);
    node.content = content;
    node.mtime = this.now();
    this.offset += bytes.length;
  }
}

type EncodingOption = { encoding?: BufferEncoding | null } | BufferEncoding | undefined;

const encodingOf = (options: EncodingOption): BufferEncoding | undefined =>
  typeof options === "string" ? options : (options?.encoding ?? undefined);

/** Absolute and without `.`, `..` and doubled slashes, as a shell's logical directory has it. */
export function resolvePath(base: string, path: string): string {
  const names: string[] = [];
  for (const name of (path.startsWith("/") ? path : `${base}/${path}`).split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return `/${names.join("/")}`;
}

const stripSlashes = (path: string): string => path.replace(/(?<=.)\/+$/, "");

const pathOf = (stack: readonly { name: string }[], name: string): string => {
  const names = [...stack.map((s) => s.name), name].filter((n) => n !== "");
  return `/${names.join("/")}`;
};

function belowMount(
  stack: readonly { name: string; location: Location }[],
  mount: Mount,
  name: string,
): string {
  const at = stack.findLastIndex((s) => s.location.mount === mount && s.location.node === mount.root);
  return [...stack.slice(at + 1).map((s) => s.name), name].join("/");
}

/** UFS rounds to 512-byte blocks of entries, ZFS counts entries, tmpfs counts entries of 16 bytes. */
function directorySize(node: DirectoryNode, kind: MemFs["kind"]): number {
  if (kind === "zfs") return node.entries.size + 2;
  if (kind === "tmpfs") return node.entries.size * 48;
  let bytes = 24;
  for (const name of node.entries.keys()) bytes += 8 + ((name.length + 4) & ~3);
  return Math.ceil(bytes / 512) * 512;
}

/** Length of what one read(2) of an endless device gives. */
const ENDLESS = 1 << 16;

function readDevice(device: string, path: string): string {
  switch (device) {
    case "zero":
      return "\0".repeat(ENDLESS);
    case "random":
    case "urandom":
      return Array.from({ length: ENDLESS }, () => String.fromCharCode(Math.random() * 256)).join("");
    case "null":
      return "";
    case "full":
      return "";
    default:
      throw new FsError("ENXIO", "open", path);
  }
}

function writeDevice(device: string): void {
  if (device === "null" || device === "zero" || device.includes("random") || device === "console") return;
  throw new Errno(device === "full" ? "ENOSPC" : "ENXIO");
}
