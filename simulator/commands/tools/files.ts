import { type Commands, Errno } from "../../command";
import { gidOf, uidOf } from "../../kernel/accounts";
import { type Inode, isErrno } from "../../kernel/vfs";
import { applyMode } from "./mode";
import { type Run, tool } from "./tool";

const basename = (path: string): string => path.replace(/(?<=.)\/+$/, "").replace(/.*\/(?=.)/, "");
const join = (directory: string, name: string): string =>
  directory.endsWith("/") ? directory + name : `${directory}/${name}`;

// cp, mv, install

interface CopyOptions {
  readonly preserve: boolean;
  readonly recursive: boolean;
  readonly force: boolean;
  readonly noClobber: boolean;
  readonly verbose: boolean;
  readonly link?: "hard" | "symbolic" | undefined;
  /** Symbolic links: copied as such below the operands, followed if named (`-L`: followed everywhere). */
  readonly follow: "none" | "operands" | "all";
}

const CP_USAGE =
  "usage: cp [-R [-H | -L | -P]] [-f | -i | -n] [-alpsvx] source_file target_file\n" +
  "       cp [-R [-H | -L | -P]] [-f | -i | -n] [-alpsvx] source_file ... target_directory\n";

const cp = tool({ name: "cp", letters: "HLPRafilnprsvx", usage: CP_USAGE, usageStatus: 64 }, (run: Run) => {
  const sources = [...run.operands];
  const target = sources.pop();
  if (target === undefined || sources.length === 0) run.usage();
  const archive = run.has("a");
  const recursive = archive || run.has("R") || run.has("r");
  const how = run.last("HLP") ?? (archive ? "P" : recursive ? "P" : "L");
  const options: CopyOptions = {
    preserve: archive || run.has("p"),
    recursive,
    force: run.has("f"),
    noClobber: run.has("n"),
    verbose: run.has("v"),
    link: run.has("l") ? "hard" : run.has("s") ? "symbolic" : undefined,
    follow: how === "L" ? "all" : how === "H" ? "operands" : "none",
  };
  const { fs } = run.io;
  const intoDirectory = fs.isDirectory(run.path(target));
  if (!intoDirectory && sources.length > 1) run.errx(1, `${target} is not a directory`);
  for (const source of sources)
    copy(run, source, intoDirectory ? join(target, basename(source)) : target, options, true);
});

function copy(run: Run, from: string, to: string, options: CopyOptions, operand: boolean): void {
  const { fs } = run.io;
  const follow = options.follow === "all" || (operand && options.follow === "operands");
  let node: Inode;
  try {
    node = fs.node(run.path(from), { follow });
  } catch (error) {
    run.warn(from, error);
    return;
  }
  const old = fs.peek(run.path(to), { follow: false });
  if (old === node && old) {
    run.warnx(`${to} and ${from} are identical (not copied).`);
    return;
  }
  if (node.type === "directory") {
    if (!options.recursive) {
      run.warnx(`${from} is a directory (not copied).`);
      return;
    }
    if (old && old.type !== "directory") {
      run.warnx(`${to}: Not a directory`);
      return;
    }
    if (!old && !run.attempt(to, () => fs.mkdirSync(run.path(to), { mode: node.mode | 0o700 }))) return;
    for (const name of fs.list(run.path(from))) copy(run, join(from, name), join(to, name), options, false);
    if (options.preserve || !old) run.attempt(to, () => copyAttributes(run, node, to, options));
    return;
  }
  if (old && options.noClobber) return;
  if (options.verbose) run.print(`${from} -> ${to}\n`);
  run.attempt(old?.type === "directory" ? to : to, () => copyFile(run, node, from, to, options, old));
}

function copyFile(
  run: Run,
  node: Inode,
  from: string,
  to: string,
  options: CopyOptions,
  old: Inode | undefined,
): void {
  const { fs } = run.io;
  const target = run.path(to);
  if (options.link) {
    if (old) fs.unlink(target);
    if (options.link === "hard") fs.linkSync(run.path(from), target);
    else fs.symlinkSync(from, target);
    return;
  }
  if (node.type === "symlink") {
    if (old) fs.unlink(target);
    fs.symlinkSync(node.target, target);
    return;
  }
  const bytes = fs.readBytes(run.path(from));
  const failed = writeNew(
    run,
    target,
    bytes,
    node.mode & 0o7777 & ~(options.preserve ? 0 : 0o7000),
    old,
    options.force,
  );
  if (failed) throw failed;
  if (options.preserve) copyAttributes(run, node, to, options);
}

/** Nothing stays of a file that could not be created; one that ran full stays as it got. */
function writeNew(
  run: Run,
  path: string,
  bytes: string,
  mode: number,
  old: Inode | undefined,
  force: boolean,
): Errno | undefined {
  const { fs } = run.io;
  try {
    fs.writeBytes(path, bytes, { mode });
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    if (!old || !force || error.code === "ENOSPC") return error;
    fs.unlink(path);
    fs.writeBytes(path, bytes, { mode });
  }
  return undefined;
}

function copyAttributes(run: Run, from: Inode, to: string, { preserve }: { preserve: boolean }): void {
  const { fs } = run.io;
  const path = run.path(to);
  if (!preserve) {
    fs.chmodSync(path, from.mode & ~fs.umask);
    return;
  }
  fs.utimesSync(path, from.mtime);
  try {
    fs.chownSync(path, from.uid, from.gid);
  } catch (error) {
    if (!isErrno(error, "EPERM")) throw error;
  }
  fs.chmodSync(path, from.mode);
  if (from.flags.length > 0) fs.chflagsSync(path, from.flags);
}

const MV_USAGE =
  "usage: mv [-f | -i | -n] [-hv] source target\n       mv [-f | -i | -n] [-v] source ... directory\n";

const mv = tool({ name: "mv", letters: "fhinv", usage: MV_USAGE, usageStatus: 64 }, (run: Run) => {
  const sources = [...run.operands];
  const target = sources.pop();
  if (target === undefined || sources.length === 0) run.usage();
  const { fs } = run.io;
  const followed = fs.peek(run.path(target), { follow: !run.has("h") });
  const intoDirectory = followed?.type === "directory";
  if (!intoDirectory && sources.length > 1) run.errx(64, MV_USAGE.trimEnd());
  for (const source of sources) move(run, source, intoDirectory ? join(target, basename(source)) : target);
});

function move(run: Run, from: string, to: string): void {
  const { fs } = run.io;
  if (run.has("n") && fs.peek(run.path(to), { follow: false })) return;
  try {
    fs.rename(run.path(from), run.path(to));
  } catch (error) {
    if (!isErrno(error, "EXDEV")) {
      run.warn(`rename ${from} to ${to}`, error);
      return;
    }
    const node = fs.node(run.path(from), { follow: false });
    if (node.type === "file") fastCopy(run, node, from, to);
    else slowMove(run, from, to);
  }
  if (run.has("v") && run.status === 0) run.print(`${from} -> ${to}\n`);
}

/** Over file systems mv first unlinks the old file: when the copy then fails, it is gone (recorded). */
function fastCopy(run: Run, node: Inode, from: string, to: string): void {
  const { fs } = run.io;
  const path = run.path(to);
  try {
    if (fs.peek(path, { follow: false })) fs.unlink(path);
    fs.createExclusive(path, "", 0);
  } catch (error) {
    run.warn(`fastcopy: open() failed (to): ${to}`, error);
    return;
  }
  try {
    fs.writeBytes(path, fs.readBytes(run.path(from)));
  } catch (error) {
    run.warn(`fastcopy: write() failed: ${to}`, error);
    fs.unlink(path);
    return;
  }
  copyAttributes(run, node, to, { preserve: true });
  run.attempt(from, () => fs.unlink(run.path(from)));
}

function slowMove(run: Run, from: string, to: string): void {
  const options: CopyOptions = {
    preserve: true,
    recursive: true,
    force: true,
    noClobber: false,
    verbose: false,
    follow: "none",
  };
  copy(run, from, to, options, false);
  if (run.status === 0) removeTree(run, from, true);
}

const INSTALL_USAGE =
  "usage: install [-bCcpSsUv] [-f flags] [-g group] [-m mode] [-o owner]\n" +
  "               [-M log] [-D dest] [-h hash] [-T tags]\n" +
  "               [-B suffix] [-l linkflags] [-N dbdir]\n" +
  "               file1 file2\n" +
  "       install [-bCcpSsUv] [-f flags] [-g group] [-m mode] [-o owner]\n" +
  "               [-M log] [-D dest] [-h hash] [-T tags]\n" +
  "               [-B suffix] [-l linkflags] [-N dbdir]\n" +
  "               file1 ... fileN directory\n" +
  "       install -dU [-vU] [-g group] [-m mode] [-N dbdir] [-o owner]\n" +
  "               [-M log] [-D dest] [-h hash] [-T tags]\n" +
  "               directory ...\n";

const install = tool(
  { name: "install", letters: "B:bCcD:df:g:h:l:M:m:N:o:pSsT:Uv", usage: INSTALL_USAGE, usageStatus: 64 },
  (run: Run) => {
    const { fs } = run.io;
    const mode = run.has("m") ? applyMode(run.value("m")!, 0, false, 0) : 0o755;
    if (mode === undefined) run.errx(64, `invalid file mode: ${run.value("m")}`);
    const owner = run.has("o") ? uidOf(fs, run.value("o")!) : undefined;
    if (run.has("o") && owner === undefined) run.errx(67, `unknown user ${run.value("o")}`);
    const group = run.has("g") ? gidOf(fs, run.value("g")!) : undefined;
    if (run.has("g") && group === undefined) run.errx(67, `unknown group ${run.value("g")}`);
    const finish = (path: string): void => {
      const node = fs.node(path);
      if (owner !== undefined || group !== undefined)
        fs.chownSync(path, owner ?? node.uid, group ?? node.gid);
      fs.chmodSync(path, mode);
    };
    if (run.has("d")) {
      for (const name of run.operands)
        run.attempt(
          name,
          () => {
            fs.mkdirSync(run.path(name), { recursive: true, mode: 0o755 });
            finish(run.path(name));
          },
          71,
        );
      return;
    }
    const sources = [...run.operands];
    const target = sources.pop();
    if (target === undefined || sources.length === 0) run.usage();
    const intoDirectory = fs.isDirectory(run.path(target));
    if (!intoDirectory && sources.length > 1) run.usage();
    for (const source of sources)
      installOne(run, source, intoDirectory ? join(target, basename(source)) : target, finish);
  },
);

function installOne(run: Run, from: string, to: string, finish: (path: string) => void): void {
  const { fs } = run.io;
  const path = run.path(to);
  let bytes: string;
  try {
    if (fs.isDirectory(run.path(from))) run.errx(71, `${from}: Inappropriate file type or format`);
    bytes = fs.readBytes(run.path(from));
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    run.warn(from, error, 71);
    return;
  }
  const old = fs.peek(path, { follow: false });
  if (run.has("C") && old?.type === "file" && old.content === bytes) {
    run.attempt(to, () => finish(path), 71);
    return;
  }
  if (run.has("b") && old) fs.rename(path, path + (run.value("B") ?? ".old"));
  // -S: beside it, then rename: what was there stays if anything fails.
  const temporary = run.has("S") ? join(path.replace(/\/[^/]*$/, "") || "/", `INS@${randomName(6)}`) : path;
  try {
    if (!run.has("S") && fs.peek(path, { follow: false })) fs.unlink(path);
    fs.createExclusive(temporary, bytes, 0o600);
    finish(temporary);
    if (run.has("p")) fs.utimesSync(temporary, fs.node(run.path(from)).mtime);
    if (run.has("S")) fs.rename(temporary, path);
  } catch (error) {
    if (fs.peek(temporary, { follow: false })) fs.unlink(temporary);
    run.warn(to, error, 71);
    return;
  }
  if (run.has("v")) run.print(`install: ${from} -> ${to}\n`);
}

// rm, mkdir, rmdir, ln, touch

const RM_USAGE = "usage: rm [-f | -i] [-dIPRrvWx] file ...\n       unlink [--] file\n";

const rm = tool({ name: "rm", letters: "dfiIPRrvWx", usage: RM_USAGE, usageStatus: 64 }, (run: Run) => {
  if (run.operands.length === 0) {
    if (run.has("f")) return;
    run.usage();
  }
  for (const name of run.operands) {
    if (/^\/+$/.test(name)) {
      run.warnx(`"/" may not be removed`);
      continue;
    }
    if (/(?:^|\/)\.{1,2}\/*$/.test(name)) {
      run.warnx(`"." and ".." may not be removed`);
      continue;
    }
    removeTree(run, name, run.has("r") || run.has("R"));
  }
});

function removeTree(run: Run, name: string, recursive: boolean): void {
  const { fs } = run.io;
  let node: Inode;
  try {
    node = fs.node(run.path(name.replace(/(?<=.)\/+$/, "")), { follow: false });
  } catch (error) {
    if (run.has("f") && (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR"))) return;
    run.warn(name, error);
    return;
  }
  const path = run.path(name.replace(/(?<=.)\/+$/, ""));
  if (node.type !== "directory") {
    run.attempt(name, () => fs.unlink(path));
    if (run.has("v") && run.status === 0) run.print(`${name}\n`);
    return;
  }
  if (!recursive) {
    if (run.has("d")) run.attempt(name, () => fs.rmdir(path));
    else run.warnx(`${name}: is a directory`);
    return;
  }
  let names: string[] = [];
  if (!run.attempt(name, () => (names = fs.list(path)))) return;
  for (const child of names) removeTree(run, join(name, child), true);
  run.attempt(name, () => fs.rmdir(path));
}

const mkdir = tool(
  {
    name: "mkdir",
    letters: "m:pv",
    usage: "usage: mkdir [-pv] [-m mode] directory_name ...\n",
    usageStatus: 64,
  },
  (run: Run) => {
    if (run.operands.length === 0) run.usage();
    const { fs } = run.io;
    const mode = run.has("m") ? applyMode(run.value("m")!, 0o777, true, fs.umask) : undefined;
    if (run.has("m") && mode === undefined) run.errx(1, `invalid file mode: ${run.value("m")}`);
    for (const name of run.operands) {
      const path = run.path(name);
      const make = (at: string, shown: string): boolean =>
        run.attempt(shown, () => {
          fs.mkdirSync(at);
          if (mode !== undefined && at === path) fs.chmodSync(at, mode);
          if (run.has("v")) run.print(`${shown}\n`);
        });
      if (!run.has("p")) make(path, name);
      else parents(run, path, name, make);
    }
  },
);

function parents(run: Run, path: string, name: string, make: (at: string, shown: string) => boolean): void {
  const { fs } = run.io;
  const names = path.split("/").filter(Boolean);
  for (let n = 1; n <= names.length; n++) {
    const at = `/${names.slice(0, n).join("/")}`;
    const node = fs.peek(at);
    if (node?.type === "directory") continue;
    if (node) {
      run.warnx(
        `${n === names.length ? name : at}: ${n === names.length ? "File exists" : "Not a directory"}`,
      );
      return;
    }
    if (!make(at, n === names.length ? name : at)) return;
  }
}

const rmdir = tool(
  { name: "rmdir", letters: "pv", usage: "usage: rmdir [-pv] directory ...\n" },
  (run: Run) => {
    if (run.operands.length === 0) run.usage();
    for (const name of run.operands) {
      let here = name.replace(/(?<=.)\/+$/, "");
      if (!run.attempt(name, () => run.io.fs.rmdir(run.path(here)))) continue;
      while (run.has("p") && here.includes("/")) {
        here = here.replace(/\/[^/]*$/, "");
        if (here === "" || !run.attempt(here, () => run.io.fs.rmdir(run.path(here)))) break;
      }
    }
  },
);

const LN_USAGE =
  "usage: ln [-s [-F] | -L | -P] [-f | -i] [-hnv] source_file [target_file]\n" +
  "       ln [-s [-F] | -L | -P] [-f | -i] [-hnv] source_file ... target_dir\n";

const ln = tool({ name: "ln", letters: "FLPfhinsvw", usage: LN_USAGE }, (run: Run) => {
  const sources = [...run.operands];
  const target = sources.length > 1 ? sources.pop()! : ".";
  if (sources.length === 0) run.usage();
  const { fs } = run.io;
  const keepLink = run.has("h") || run.has("n");
  const intoDirectory = fs.peek(run.path(target), { follow: !keepLink })?.type === "directory";
  if (!intoDirectory && sources.length > 1) run.errx(1, `${target}: Not a directory`);
  for (const source of sources) {
    const name = intoDirectory ? join(target, basename(source)) : target;
    if (!run.has("s") && fs.isDirectory(run.path(source))) {
      run.warnx(`${source}: Is a directory`);
      continue;
    }
    run.attempt(run.has("s") || fs.peek(run.path(source)) ? name : source, () => {
      if (run.has("f") && fs.peek(run.path(name), { follow: false })) fs.unlink(run.path(name));
      if (run.has("s")) fs.symlinkSync(source, run.path(name));
      else fs.linkSync(run.path(source), run.path(name));
    });
  }
});

const touch = tool(
  {
    name: "touch",
    letters: "A:acd:fhmr:t:",
    usage:
      "usage: touch [-A [-][[hh]mm]SS] [-achm] [-r file] [-t [[CC]YY]MMDDhhmm[.SS]]\n             [-d YYYY-MM-DDThh:mm:SS[.frac][tz]] file ...\n",
  },
  (run: Run) => {
    if (run.operands.length === 0) run.usage();
    const { fs } = run.io;
    const time = touchTime(run);
    for (const name of run.operands) {
      const path = run.path(name);
      if (!fs.peek(path)) {
        if (run.has("c")) continue;
        if (!run.attempt(name, () => fs.writeBytes(path, "", {}))) continue;
      }
      run.attempt(name, () => fs.utimesSync(path, time));
    }
  },
);

function touchTime(run: Run): number {
  const reference = run.value("r");
  if (reference !== undefined) return run.io.fs.node(run.path(reference)).mtime;
  const iso = run.value("d");
  if (iso !== undefined) {
    const form = "YYYY-MM-DDThh:mm:SS[.frac][tz]";
    if (!/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?Z?$/.test(iso))
      run.errx(1, `out of range or illegal time specification: ${form}`);
    return Date.parse(iso.endsWith("Z") ? iso : `${iso}Z`);
  }
  const stamp = /^(\d\d)?(\d\d)?(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d\d))?$/.exec(run.value("t") ?? "");
  if (!stamp) return run.io.kernel.clock.now();
  const [, century = "20", year, month, day, hour, minute, second = "0"] = stamp;
  const full =
    year === undefined ? new Date(run.io.kernel.clock.now()).getUTCFullYear() : Number(century + year);
  return Date.UTC(full, Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
}

// chmod, chown, chflags

/** Runs `change` on each operand, and below it with -R. */
function eachFile(run: Run, names: readonly string[], change: (path: string, node: Inode) => void): void {
  const { fs } = run.io;
  const one = (name: string, operand: boolean): void => {
    const path = run.path(name);
    const follow = !run.has("h") && (!run.has("R") || run.has("L") || (operand && run.has("H")));
    let node: Inode;
    try {
      node = fs.node(path, { follow });
    } catch (error) {
      if (!run.has("f") || !isErrno(error, "ENOENT")) run.warn(name, error);
      return;
    }
    if (run.has("R") && node.type === "directory") {
      try {
        for (const child of fs.list(path)) one(join(name, child), false);
      } catch (error) {
        run.warn(name, error);
      }
    }
    if (node.type === "symlink" && run.has("R") && !run.has("h")) return;
    run.attempt(name, () => change(path, node));
    if (run.has("v")) run.print(`${name}\n`);
  };
  for (const name of names) one(name, true);
}

const chmod = tool(
  { name: "chmod", letters: "fhHLPRv", usage: "usage: chmod [-fhv] [-R [-H | -L | -P]] mode file ...\n" },
  (run: Run) => {
    const [mode, ...files] = run.operands;
    if (mode === undefined || files.length === 0) run.usage();
    if (applyMode(mode, 0, false, 0) === undefined) run.errx(1, `invalid file mode: ${mode}`);
    eachFile(run, files, (path, node) => {
      const wanted = applyMode(mode, node.mode, node.type === "directory", run.io.fs.umask);
      run.io.fs.chmodSync(path, wanted ?? node.mode, { follow: !run.has("h") });
    });
  },
);

const chown = tool(
  {
    name: "chown",
    letters: "fhHLPRvx",
    usage:
      "usage: chown [-fhvx] [-R [-H | -L | -P]] owner[:group] file ...\n       chown [-fhvx] [-R [-H | -L | -P]] :group file ...\n",
  },
  (run: Run) => {
    const [spec, ...files] = run.operands;
    if (spec === undefined || files.length === 0) run.usage();
    const [user = "", group] = spec.split(":");
    const { fs } = run.io;
    const uid = user === "" ? undefined : uidOf(fs, user);
    if (user !== "" && uid === undefined) run.errx(1, `${user}: illegal user name`);
    const gid = group === undefined || group === "" ? undefined : gidOf(fs, group);
    if (group && gid === undefined) run.errx(1, `${group}: illegal group name`);
    eachFile(run, files, (path, node) =>
      fs.chownSync(path, uid ?? node.uid, gid ?? node.gid, { follow: !run.has("h") }),
    );
  },
);

const chgrp = tool(
  { name: "chgrp", letters: "fhHLPRvx", usage: "usage: chgrp [-fhvx] [-R [-H | -L | -P]] group file ...\n" },
  (run: Run) => {
    const [group, ...files] = run.operands;
    if (group === undefined || files.length === 0) run.usage();
    const { fs } = run.io;
    const gid = gidOf(fs, group);
    if (gid === undefined) run.errx(1, `${group}: illegal group name`);
    eachFile(run, files, (path, node) => fs.chownSync(path, node.uid, gid, { follow: !run.has("h") }));
  },
);

const FLAG_NAMES: Record<string, string> = {
  arch: "arch",
  archived: "arch",
  nodump: "nodump",
  opaque: "opaque",
  sappnd: "sappnd",
  sappend: "sappnd",
  schg: "schg",
  schange: "schg",
  simmutable: "schg",
  sunlnk: "sunlnk",
  sunlink: "sunlnk",
  uappnd: "uappnd",
  uappend: "uappnd",
  uarch: "uarch",
  uarchive: "uarch",
  uchg: "uchg",
  uchange: "uchg",
  uimmutable: "uchg",
  hidden: "hidden",
  uhidden: "hidden",
  uunlnk: "uunlnk",
  uunlink: "uunlnk",
};

const chflags = tool(
  {
    name: "chflags",
    letters: "fhHLPRvx",
    usage: "usage: chflags [-fhvx] [-R [-H | -L | -P]] flags file ...\n",
  },
  (run: Run) => {
    const [words, ...files] = run.operands;
    if (words === undefined || files.length === 0) run.usage();
    const set: string[] = [];
    const clear: string[] = [];
    for (const word of words.split(",")) {
      if (word === "0") continue;
      const off = word.startsWith("no") && word !== "nodump";
      const known = word === "dump" ? "nodump" : FLAG_NAMES[off ? word.slice(2) : word];
      if (known === undefined) run.errx(1, `invalid flag: ${words}`);
      (off || word === "dump" ? clear : set).push(known);
    }
    eachFile(run, files, (path, node) => {
      const kept = words === "0" ? [] : node.flags.filter((f) => !clear.includes(f));
      run.io.fs.chflagsSync(path, [...new Set([...kept, ...set])], { follow: !run.has("h") });
    });
  },
);

// mktemp, names

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

export const randomName = (length: number): string =>
  Array.from({ length }, () => LETTERS[Math.floor(Math.random() * LETTERS.length)]).join("");

const MKTEMP_USAGE =
  "usage: mktemp [-d] [-p tmpdir] [-q] [-t prefix] [-u] template ...\n       mktemp [-d] [-p tmpdir] [-q] [-u] -t prefix \n";

const mktemp = tool(
  {
    name: "mktemp",
    letters: "dp:qt:u",
    usage: MKTEMP_USAGE,
    long: { directory: "d", quiet: "q", "dry-run": "u", tmpdir: "p" },
  },
  (run: Run) => {
    const directory = run.value("p") || run.io.env.get("TMPDIR") || "/tmp";
    const prefix = run.value("t");
    const templates: string[] = run.operands.map((name) =>
      run.has("p") && !name.includes("/") ? join(directory, name) : name,
    );
    if (prefix !== undefined) templates.unshift(`${directory}/${prefix}.XXXXXXXXXX`);
    if (templates.length === 0) templates.push(`${directory}/tmp.XXXXXXXXXX`);
    const call = run.has("d") ? "mkdtemp" : "mkstemp";
    const { fs } = run.io;
    for (const template of templates) {
      const made = template.replace(/X+$/, (x) => randomName(x.length));
      try {
        if (run.has("u")) {
          if (!fs.isDirectory(run.path(made.replace(/[^/]*$/, "") || "."))) throw new Errno("ENOENT");
        } else if (run.has("d")) {
          fs.mkdirSync(run.path(made), { mode: 0o700 });
          fs.chmodSync(run.path(made), 0o700);
        } else fs.createExclusive(run.path(made), "", 0o600);
        run.print(`${made}\n`);
      } catch (error) {
        if (run.has("q") && error instanceof Errno) run.status = 1;
        else run.warn(`${call} failed on ${made}`, error);
      }
    }
  },
);

const readlink = tool(
  { name: "readlink", letters: "fn", usage: "usage: readlink [-fn] [file ...]\n" },
  (run: Run) => {
    const { fs } = run.io;
    for (const name of run.operands) {
      try {
        const text = run.has("f") ? canonicalOrNew(run, name) : fs.readlinkSync(run.path(name));
        run.print(text + (run.has("n") ? "" : "\n"));
      } catch (error) {
        if (!(error instanceof Errno)) throw error;
        run.status = 1;
      }
    }
  },
);

/** The last name may be missing. */
function canonicalOrNew(run: Run, name: string): string {
  const { fs } = run.io;
  const path = run.path(name);
  if (fs.peek(path)) return fs.canonical(path);
  const parent = fs.canonical(path.replace(/\/[^/]*$/, "") || "/");
  return join(parent, basename(path));
}

const realpath = tool(
  { name: "realpath", letters: "q", usage: "usage: realpath [-q] [path ...]\n" },
  (run: Run) => {
    for (const name of run.operands.length > 0 ? run.operands : ["."]) {
      try {
        run.print(`${run.io.fs.canonical(run.path(name))}\n`);
      } catch (error) {
        if (run.has("q") && error instanceof Errno) run.status = 1;
        else run.warn(name, error);
      }
    }
  },
);

export const fileTools: Commands = {
  "/bin/cp": cp,
  "/bin/mv": mv,
  "/bin/rm": rm,
  "/bin/unlink": rm,
  "/bin/mkdir": mkdir,
  "/bin/rmdir": rmdir,
  "/bin/ln": ln,
  "/bin/chmod": chmod,
  "/bin/chflags": chflags,
  "/bin/realpath": realpath,
  "/usr/sbin/chown": chown,
  "/usr/bin/chgrp": chgrp,
  "/usr/bin/touch": touch,
  "/usr/bin/install": install,
  "/usr/bin/mktemp": mktemp,
  "/usr/bin/readlink": readlink,
};
