import type { Io, Result } from "../../command";
import { type Command, type Commands, Errno, fail, strerror } from "../../command";
import { gidOf, uidOf } from "../../kernel/accounts";
import { type Inode, isErrno, resolvePath } from "../../kernel/vfs";
import { patternToRegExp } from "../../shell/pattern";
import { applyMode } from "./mode";

class FindError extends Error {}

interface Visit {
  readonly path: string;
  readonly node: Inode;
  readonly depth: number;
  prune: boolean;
}

type Test = (visit: Visit) => boolean | Promise<boolean>;

const USAGE =
  "usage: find [-H | -L | -P] [-EXdsx] [-f path] path ... [expression]\n       find [-H | -L | -P] [-EXdsx] -f path [path ...] [expression]\n";

/** find(1) */
const find: Command = async (args, io) => {
  const words = [...args];
  let follow = false;
  const flags = new Set<string>();
  const roots: string[] = [];
  while (/^-[HLPEXdsxf]+$/.test(words[0] ?? "")) {
    const letters = words.shift()!.slice(1);
    if (letters.includes("f")) roots.push(words.shift() ?? ".");
    for (const l of letters) flags.add(l);
    if (letters.includes("L")) follow = true;
  }
  while (words.length > 0 && !/^[-(!]/.test(words[0]!)) roots.push(words.shift()!);
  if (roots.length === 0) return fail(1, USAGE);
  const run = new Find(words, io, follow, flags);
  try {
    run.parse();
  } catch (error) {
    if (error instanceof FindError) return fail(1, `find: ${error.message}\n`);
    throw error;
  }
  for (const root of roots) await run.walk(root);
  return run.result();
};

class Find {
  private at = 0;
  private stdout = "";
  private stderr = "";
  private status = 0;
  private test: Test = () => true;
  private acts = false;
  private depthFirst: boolean;
  private minimum = 0;
  private maximum = Number.POSITIVE_INFINITY;
  private oneFileSystem: boolean;
  private stopped = false;
  private readonly batches: { readonly argv: readonly string[]; readonly paths: string[] }[] = [];

  constructor(
    private readonly words: readonly string[],
    private readonly io: Io,
    private readonly follow: boolean,
    flags: ReadonlySet<string>,
  ) {
    this.depthFirst = flags.has("d");
    this.oneFileSystem = flags.has("x");
  }

  parse(): void {
    if (this.words.length === 0) this.test = () => true;
    else this.test = this.or();
    if (this.at < this.words.length) throw new FindError(`${this.words[this.at]}: unexpected argument`);
    if (this.acts) return;
    const { test } = this;
    this.test = async (v) => (await test(v)) && this.print(`${v.path}\n`);
  }

  private print(text: string): true {
    this.stdout += text;
    return true;
  }

  private or(): Test {
    let left = this.and();
    while (this.words[this.at] === "-o" || this.words[this.at] === "-or") {
      this.at++;
      const a = left;
      const b = this.and();
      left = async (v) => (await a(v)) || (await b(v));
    }
    return left;
  }

  private and(): Test {
    let left = this.not();
    for (;;) {
      const word = this.words[this.at];
      if (word === undefined || word === "-o" || word === "-or" || word === ")") return left;
      if (word === "-a" || word === "-and") this.at++;
      const a = left;
      const b = this.not();
      left = async (v) => (await a(v)) && (await b(v));
    }
  }

  private not(): Test {
    const word = this.words[this.at];
    if (word === "!" || word === "-not") {
      this.at++;
      const test = this.not();
      return async (v) => !(await test(v));
    }
    if (word === "(") {
      this.at++;
      const test = this.or();
      if (this.words[this.at++] !== ")") throw new FindError("(: missing closing ')'");
      return test;
    }
    return this.primary();
  }

  private argument(name: string): string {
    const word = this.words[this.at++];
    if (word === undefined) throw new FindError(`${name}: requires additional arguments`);
    return word;
  }

  private primary(): Test {
    const name = this.words[this.at++];
    if (name === undefined) throw new FindError("expression expected");
    const { io } = this;
    switch (name) {
      case "-name":
      case "-iname": {
        const matches = this.pattern(name);
        return ({ path }) => matches.test(path.replace(/(?<=.)\/+$/, "").replace(/.*\/(?=.)/, ""));
      }
      case "-path":
      case "-wholename":
      case "-ipath": {
        const matches = this.pattern(name);
        return ({ path }) => matches.test(path);
      }
      case "-regex":
      case "-iregex": {
        const expression = new RegExp(`^(?:${this.argument(name)})$`, name === "-iregex" ? "i" : "");
        return ({ path }) => expression.test(path);
      }
      case "-type": {
        const letter = this.argument(name);
        const type = { f: "file", d: "directory", l: "symlink", c: "device" }[letter];
        if (!/^[bcdflps]$/.test(letter)) throw new FindError(`-type: ${letter}: unknown type`);
        return ({ node }) => node.type === type;
      }
      case "-maxdepth":
      case "-mindepth": {
        const depth = Number(this.argument(name));
        if (name === "-maxdepth") this.maximum = depth;
        else this.minimum = depth;
        return () => true;
      }
      case "-depth":
        if (/^[-+]?\d+$/.test(this.words[this.at] ?? "")) return this.compared(name, (v) => v.depth);
        this.depthFirst = true;
        return () => true;
      case "-xdev":
      case "-x":
      case "-mount":
        this.oneFileSystem = true;
        return () => true;
      case "-print":
        this.acts = true;
        return ({ path }) => this.print(`${path}\n`);
      case "-print0":
        this.acts = true;
        return ({ path }) => this.print(`${path}\0`);
      case "-prune":
        return (v) => {
          v.prune = true;
          return true;
        };
      case "-quit":
        return () => {
          this.stopped = true;
          return true;
        };
      case "-delete":
        this.acts = true;
        this.depthFirst = true;
        return (v) => this.delete(v);
      case "-exec":
      case "-execdir":
      case "-ok":
        this.acts = true;
        return this.exec();
      case "-empty":
        return ({ node }) =>
          node.type === "file" ? node.content === "" : node.type === "directory" && node.entries.size === 0;
      case "-size": {
        const bytes = /c$/.test(this.words[this.at] ?? "");
        return this.compared(name, ({ node }) =>
          node.type === "file" ? (bytes ? node.content.length : Math.ceil(node.content.length / 512)) : 0,
        );
      }
      case "-links":
        return this.compared(name, ({ node }) => node.links);
      case "-inum":
        return this.compared(name, ({ node }) => node.ino);
      case "-mtime":
      case "-ctime":
      case "-atime":
        return this.compared(name, ({ node }) =>
          Math.floor((io.kernel.clock.now() - node.mtime) / 86_400_000),
        );
      case "-mmin":
      case "-cmin":
      case "-amin":
        return this.compared(name, ({ node }) => Math.ceil((io.kernel.clock.now() - node.mtime) / 60_000));
      case "-newer": {
        const file = this.argument(name);
        const reference = io.fs.peek(resolvePath(io.cwd, file));
        if (!reference) throw new FindError(`${file}: ${strerror.ENOENT}`);
        return ({ node }) => node.mtime > reference.mtime;
      }
      case "-user":
      case "-uid": {
        const word = this.argument(name);
        const uid = uidOf(io.fs, word);
        if (uid === undefined) throw new FindError(`-user: ${word}: no such user`);
        return ({ node }) => node.uid === uid;
      }
      case "-group":
      case "-gid": {
        const word = this.argument(name);
        const gid = gidOf(io.fs, word);
        if (gid === undefined) throw new FindError(`-group: ${word}: no such group`);
        return ({ node }) => node.gid === gid;
      }
      case "-perm": {
        const text = this.argument(name);
        const kind = /^[-+/]/.exec(text)?.[0] ?? "";
        const bits = applyMode(text.slice(kind.length), 0, false, 0);
        if (bits === undefined) throw new FindError(`-perm: ${text}: illegal mode string`);
        return ({ node }) =>
          kind === "-"
            ? (node.mode & bits) === bits
            : kind === ""
              ? node.mode === bits
              : (node.mode & bits) !== 0;
      }
      case "-flags": {
        const text = this.argument(name);
        const wanted = text.replace(/^[-+]/, "").split(",");
        return ({ node }) =>
          text.startsWith("+")
            ? wanted.some((f) => node.flags.includes(f))
            : wanted.every((f) => node.flags.includes(f));
      }
      case "-true":
        return () => true;
      case "-false":
        return () => false;
      default:
        throw new FindError(`${name}: unknown primary or operator`);
    }
  }

  private pattern(name: string): RegExp {
    const made = patternToRegExp(this.argument(name));
    return name.startsWith("-i") ? new RegExp(made.source, `${made.flags}i`) : made;
  }

  private compared(name: string, value: (v: Visit) => number): Test {
    const text = this.argument(name);
    const match = /^([-+]?)(\d+)[a-zA-Z]?$/.exec(text);
    if (!match) throw new FindError(`${name}: ${text}: illegal numeric value`);
    const wanted = Number(match[2]);
    return (v) =>
      match[1] === "+" ? value(v) > wanted : match[1] === "-" ? value(v) < wanted : value(v) === wanted;
  }

  private exec(): Test {
    const argv: string[] = [];
    for (;;) {
      const word = this.words[this.at++];
      if (word === undefined) throw new FindError('-exec: no terminating ";" or "+"');
      if (word === ";") break;
      if (word === "+" && argv.at(-1) === "{}") {
        const batch = { argv: argv.slice(0, -1), paths: [] as string[] };
        this.batches.push(batch);
        return ({ path }) => batch.paths.push(path) > 0;
      }
      argv.push(word);
    }
    return async ({ path }) => (await this.spawn(argv.map((w) => w.replaceAll("{}", path)))) === 0;
  }

  private async spawn(argv: readonly string[]): Promise<number> {
    this.flush();
    try {
      return await this.io.process.spawn(argv);
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      this.io.process.tell(`find: ${argv[0]}: ${strerror[error.code]}\n`);
      return 1;
    }
  }

  /** What has been printed comes before what the command prints. */
  private flush(): void {
    this.io.process.write(1, this.stdout);
    this.stdout = "";
  }

  private delete({ path, node }: Visit): boolean {
    const absolute = resolvePath(this.io.cwd, path);
    if (path === "." || path === "..") return true;
    try {
      if (node.type === "directory") this.io.fs.rmdir(absolute);
      else this.io.fs.unlink(absolute);
      return true;
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      this.warn(`-delete: ${node.type === "directory" ? "rmdir" : "unlink"}(${path})`, error);
      return false;
    }
  }

  private warn(subject: string, error: Errno): void {
    this.stderr += `find: ${subject}: ${strerror[error.code]}\n`;
    this.status = 1;
  }

  async walk(root: string): Promise<void> {
    const mount = this.io.fs.peek(resolvePath(this.io.cwd, root))
      ? this.io.fs.mountOf(resolvePath(this.io.cwd, root))
      : undefined;
    await this.visit(root, 0, mount);
  }

  private async visit(path: string, depth: number, mount: unknown): Promise<void> {
    if (this.stopped) return;
    const { fs } = this.io;
    const absolute = resolvePath(this.io.cwd, path);
    let node: Inode;
    try {
      node = fs.node(absolute, { follow: this.follow });
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      if (this.follow && isErrno(error, "ENOENT") && fs.peek(absolute, { follow: false }))
        node = fs.node(absolute, { follow: false });
      else return this.warn(path, error);
    }
    const visit: Visit = { path, node, depth, prune: false };
    if (!this.depthFirst && depth >= this.minimum) await this.test(visit);
    const crossing = this.oneFileSystem && node.type === "directory" && fs.mountOf(absolute) !== mount;
    if (node.type === "directory" && !visit.prune && depth < this.maximum && !crossing) {
      try {
        for (const name of fs.list(absolute))
          await this.visit(path.endsWith("/") ? path + name : `${path}/${name}`, depth + 1, mount);
      } catch (error) {
        if (!(error instanceof Errno)) throw error;
        this.warn(path, error);
      }
    }
    if (this.depthFirst && depth >= this.minimum && !this.stopped) await this.test(visit);
  }

  async result(): Promise<Result> {
    for (const { argv, paths } of this.batches) {
      if (paths.length > 0 && (await this.spawn([...argv, ...paths])) !== 0) this.status = 1;
    }
    return { stdout: this.stdout, stderr: this.stderr, status: this.status };
  }
}

export const findTools: Commands = { "/usr/bin/find": find };
