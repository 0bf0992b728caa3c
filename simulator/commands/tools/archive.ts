import { type Commands, Errno, strerror } from "../../command";
import { type Entry, jailRoot, type Tree } from "../../image";
import { toText } from "../../kernel/vfs";
import { type Archive, packArchive, readArchive } from "./archive-format";
import { type Run, tool } from "./tool";

const TAR_USAGE =
  "Usage:\n  List:    tar -tf <archive-filename>\n  Extract: tar -xf <archive-filename>\n  Create:  tar -cf <archive-filename> [filenames...]\n  Help:    tar --help\n";

const tarTool = tool(
  {
    name: "tar",
    letters: "ABb:C:cf:HhI:JjkLlmnOoPpqrSs:T:tUuvW:wX:xyZz",
    usage: TAR_USAGE,
    long: { exclude: "W", "strip-components": "W", unlink: "U", "numeric-owner": "n" },
  },
  (run: Run) => {
    const file = run.value("f") ?? "-";
    const base = run.value("C");
    const at = (name: string): string =>
      run.path(base === undefined || name.startsWith("/") ? name : `${base}/${name}`);
    if (base !== undefined && !run.io.fs.isDirectory(run.path(base)))
      run.errx(1, `could not chdir to '${base}'`);
    if (run.has("c")) return create(run, file, at);
    const archive = open(run, file);
    const tree = archive.distribution
      ? jailRoot(Object.keys(run.io.process.machine.commands))
      : (archive.entries ?? {});
    const names = sortEntries(tree);
    const wanted = run.operands.map((o) => o.replace(/^\.?\//, ""));
    const chosen = names.filter(
      (n) => wanted.length === 0 || wanted.some((w) => n === w || n.startsWith(`${w}/`)),
    );
    if (run.has("t")) {
      if (archive.distribution && wanted.length === 0) run.print("./\n");
      for (const name of chosen)
        run.print(`${archive.distribution ? "./" : ""}${name}${tree[`/${name}`]?.directory ? "/" : ""}\n`);
      return;
    }
    for (const name of chosen) extract(run, name, tree[`/${name}`]!, at(name));
  },
);

/** Directories first, as a distribution has them. */
export const sortEntries = (tree: Tree): string[] =>
  Object.keys(tree)
    .map((n) => n.slice(1))
    .sort(
      (a, b) => Number(!tree[`/${a}`]?.directory) - Number(!tree[`/${b}`]?.directory) || (a < b ? -1 : 1),
    );

function open(run: Run, file: string): Archive {
  let bytes: string;
  try {
    bytes = file === "-" ? run.io.input : run.io.fs.readBytes(run.path(file));
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    run.errx(1, `Error opening archive: Failed to open '${file}'`);
  }
  const archive = readArchive(bytes);
  if (!archive) run.errx(1, "Error opening archive: Unrecognized archive format");
  return archive;
}

export function extract(run: Run, name: string, entry: Entry, path: string): void {
  const { fs } = run.io;
  try {
    const parent = path.replace(/\/[^/]*$/, "");
    if (parent !== "" && !fs.existsSync(parent)) fs.mkdirSync(parent, { recursive: true });
    const old = fs.peek(path, { follow: false });
    if (entry.directory) {
      if (old && old.type !== "directory") fs.unlink(path);
      fs.mkdirSync(path, { recursive: true });
      fs.chmodSync(path, entry.mode ?? 0o755);
    } else {
      if (old) fs.unlink(path);
      if (entry.target !== undefined) fs.symlinkSync(entry.target, path);
      else {
        fs.writeText(path, entry.content ?? "");
        fs.chmodSync(path, entry.mode ?? 0o644);
      }
    }
    if (run.io.who.uid === 0) fs.chownSync(path, entry.uid ?? 0, entry.gid ?? 0, { follow: false });
    if (run.has("v")) run.stderr += `x ${name}\n`;
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    run.stderr += `${name}: Can't create '${name}': ${strerror[error.code]}\n`;
    if (run.status === 0) run.status = 1;
  }
}

function create(run: Run, file: string, at: (name: string) => string): void {
  const entries: Record<string, Entry> = {};
  const { fs } = run.io;
  const add = (name: string): void => {
    let node: ReturnType<typeof fs.node>;
    try {
      node = fs.node(at(name), { follow: run.has("L") || run.has("h") });
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      run.stderr += `tar: ${name}: Cannot stat: ${strerror[error.code]}\n`;
      run.status = 1;
      return;
    }
    const key = `/${name.replace(/^\.?\/+/, "").replace(/\/+$/, "")}`.replace(/^\/\.$/, "/");
    const { mode, uid, gid } = node;
    if (node.type === "directory") {
      if (key !== "/") entries[key] = { directory: true, mode, uid, gid };
      for (const child of fs.list(at(name)))
        add(`${name === "." ? "" : `${name.replace(/\/$/, "")}/`}${child}`);
    } else if (node.type === "symlink") entries[key] = { target: node.target, uid, gid };
    else if (node.type === "file") entries[key] = { content: toText(node.content), mode, uid, gid };
  };
  for (const name of run.operands) add(name);
  const bytes = packArchive({ entries });
  if (file === "-") {
    run.binary = true;
    run.print(bytes);
  } else run.attempt(file, () => fs.writeBytes(run.path(file), bytes));
}

/** `tar xf FILE` works without the dash. */
const tar: Commands[string] = (args, io) =>
  tarTool(/^[a-zA-Z]/.test(args[0] ?? "") ? [`-${args[0]}`, ...args.slice(1)] : args, io);

const FETCH_USAGE = "usage: fetch [-146AadFlMmnPpqRrsUv] [--bind-address=host] ... [-o file] URL ...\n";

const fetch = tool(
  { name: "fetch", letters: "146AaB:dFh:i:lMmN:no:PpqRrS:sT:tUvw:", usage: FETCH_USAGE },
  (run: Run) => {
    if (run.operands.length === 0) run.usage();
    for (const url of run.operands) {
      const local = /^file:(?:\/\/)?(\/.*)$/.exec(url)?.[1];
      if (local === undefined) {
        const host = /^\w+:\/\/([^/:]+)/.exec(url)?.[1] ?? "";
        const isAddress = /^[\d.]+$/.test(host) || host === "localhost";
        run.warnx(`${url}: ${isAddress ? "Connection refused" : "No address record"}`);
        continue;
      }
      const out = run.value("o") ?? url.replace(/.*\//, "");
      let bytes: string;
      try {
        bytes = run.io.fs.readBytes(local);
      } catch (error) {
        run.warn(url, error);
        continue;
      }
      if (out === "-") {
        run.binary = true;
        run.print(bytes);
      } else {
        const name = run.io.fs.isDirectory(run.path(out)) ? `${out}/${url.replace(/.*\//, "")}` : out;
        run.attempt(name, () => run.io.fs.writeBytes(run.path(name), bytes));
      }
    }
  },
);

export const archiveTools: Commands = {
  "/usr/bin/tar": tar,
  "/usr/bin/bsdtar": tar,
  "/usr/bin/fetch": fetch,
};
