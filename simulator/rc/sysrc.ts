import { type Command, type Commands, fail, type Io } from "../command";
import { getopt } from "../commands/getopt";
import { reason } from "../kernel/vfs";
import { defaultsPath, RcConf, serviceFiles, split, textOf } from "./conf";

const usage = `Usage: sysrc [OPTIONS] {name[[+|-]=value] ...} | -a | -A | -l | -L [name ...]
Try \`sysrc --help' for more information.
`;

interface Settings {
  readonly io: Io;
  /** `-f`, `-D`, `-s`: files in place of those that rc.conf(5) names. */
  readonly files: readonly string[] | undefined;
  readonly has: (letter: string) => boolean;
}

/** The value of `${expression}` in a shell that has read the files, or undefined. */
async function get(s: Settings, expression: string): Promise<string | undefined> {
  const conf = await read(s);
  if (/^\w+$/.test(expression)) return conf.has(expression) ? conf.get(expression) : undefined;
  // `ifconfig_a-b` means "ifconfig_a, or b".
  conf.set("_value", "");
  await conf.shell.toTheEnd(() => conf.shell.text(`_value="\${${expression}}"`));
  return conf.get("_value");
}

/** The environment is empty, PATH too: what a value wants to run is not found. */
const emptyEnvironment: ReadonlyMap<string, string> = new Map([
  ["PATH", ""],
  ["HOME", ""],
]);

const read = (s: Settings): Promise<RcConf> =>
  RcConf.load(s.io, { env: emptyEnvironment, ...(s.files ? { files: s.files } : {}) });

const confFiles = async (s: Settings): Promise<readonly string[]> =>
  s.files ?? split((await get(s, "rc_conf_files")) ?? "");

const assignmentOf = (name: string): RegExp => new RegExp(`^[ \\t\\f\\v]*${name.replace(/\W.*/, "")}=`, "m");

/** The file with the assignment that counts: the last one read. */
async function find(s: Settings, name: string): Promise<string | undefined> {
  for (const file of [...(await confFiles(s)).toReversed(), defaultsPath])
    if (assignmentOf(name).test((await textOf(s.io, file)) ?? "")) return file;
  return undefined;
}

/** f_sysrc_desc: the comment at the variable in the defaults, continued on lines of their own. */
async function describe(s: Settings, name: string): Promise<string> {
  const lines = ((await textOf(s.io, defaultsPath)) ?? "").split("\n");
  const at = lines.findIndex((line) => line.startsWith(`${name}=`));
  if (at < 0) return "";
  const words = [lines[at]!.replace(/^[^#]*(#\s*)?/, "")];
  for (const line of lines.slice(at + 1)) {
    if (!/^\s*#/.test(line) || /^\s*#?[A-Za-z_]\w*=/.test(line)) break;
    words.push(line.replace(/^.*#\s*/, "").trim());
  }
  return words.join(" ").trim();
}

/** A failure is told on standard error; the answer is whether it worked. */
async function set(s: Settings, name: string, value: string): Promise<string | undefined> {
  const { io } = s;
  const found = await find(s, name);
  if (found === undefined || found === defaultsPath) {
    const file = (await confFiles(s))[0] ?? "/etc/rc.conf";
    const old = (await textOf(io, file)) ?? "";
    try {
      await io.fs.appendFile(file, `${old === "" || old.endsWith("\n") ? "" : "\n"}${name}="${value}"\n`);
      return undefined;
    } catch (error) {
      return `/usr/sbin/sysrc: cannot create ${file}: ${reason(error)}\n`;
    }
  }
  const lines = ((await textOf(io, found)) ?? "").replace(/\n$/, "").split("\n");
  const at = lines.findLastIndex((line) => assignmentOf(name).test(line));
  const changed = replaceValue(lines[at]!, name, value);
  if (changed === undefined) lines.push(`${name}="${value}"`);
  else lines[at] = changed;
  return replaceFile(io, found, `${lines.join("\n")}\n`);
}

/** f_sysrc_set's awk program: keeps quotes and what follows the value. Undefined: the value is not ours to change. */
function replaceValue(line: string, name: string, value: string): string | undefined {
  const head = assignmentOf(name).exec(line)![0];
  const old = line.slice(head.length);
  if (/^[`$\\]/.test(old)) return undefined;
  if (old.startsWith("'")) return `${head}'${value}'${old.replace(/^'[^']*'?/, "")}`;
  if (old.startsWith('"')) return `${head}"${value}"${old.replace(/^"(?:.*\\+")*[^"]*"?/, "")}`;
  return `${head}"${value}"${/^[\s;]/.test(old) ? old : old.replace(/^\S*/, "")}`;
}

/**
 * A temporary file in /tmp, then mv(1): across file systems that is not one step, and a full disk loses the old
 * file.
 */
async function replaceFile(io: Io, file: string, text: string): Promise<string | undefined> {
  const made = await io.run(["/usr/bin/mktemp", "-t", "sysrc"]);
  if (made.status !== 0) return made.stderr;
  const temporary = made.stdout.trim();
  await io.fs.writeFile(temporary, text);
  if ((await io.run(["/bin/sh", "-n", temporary])).status !== 0) {
    await io.run(["/bin/rm", "-f", temporary]);
    return `sysrc: ${file}: Exiting due to previous syntax errors\n`;
  }
  const mode = (await io.fs.stat(file)).mode & 0o7777;
  const { uid, gid } = await io.fs.ownership(file);
  await io.run(["/bin/chmod", mode.toString(8), temporary]);
  await io.run(["/usr/sbin/chown", `${uid}:${gid}`, temporary]);
  const moved = await io.run(["/bin/mv", temporary, file]);
  return moved.status === 0 ? undefined : moved.stderr;
}

async function remove(s: Settings, name: string): Promise<string | undefined> {
  for (const file of await confFiles(s)) {
    const text = await textOf(s.io, file);
    if (text === undefined || !assignmentOf(name).test(text)) continue;
    const kept = text
      .replace(/\n$/, "")
      .split("\n")
      .filter((line) => !assignmentOf(name).test(line));
    const problem = await replaceFile(s.io, file, kept.map((line) => `${line}\n`).join(""));
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** `+=` and `-=` work on words; a value that begins with a punctuation mark says what divides them. */
function edit(before: string, change: string, mode: "+" | "-"): string {
  const first = change[0] ?? " ";
  const divider = /[\sA-Za-z0-9./]/.test(first) ? " " : first;
  const parts = (text: string): string[] =>
    (divider === " " ? split(text) : text.split(divider)).filter((word) => word !== "");
  const old = parts(before);
  const words = parts(change);
  if (mode === "-") return old.filter((word) => !words.includes(word)).join(divider);
  const added = words.filter((word) => !old.includes(word));
  return before === "" ? added.join(divider) : [before, ...added].join(divider);
}

/** Names the shell or sysrc itself sets. */
const shellsOwn = /^(IFS|PATH|HOME|PWD|OLDPWD|OPTIND|PS[124]|PPID|_.*)$/;

async function listAll(s: Settings, withDefaults: boolean): Promise<{ stdout: string; stderr: string }> {
  const conf = await RcConf.load(s.io, {
    files: await confFiles(s),
    withoutDefaults: !withDefaults,
  });
  let stdout = "";
  for (const name of conf
    .names()
    .filter((each) => !shellsOwn.test(each))
    .sort()) {
    if (s.has("d")) stdout += `${name}: ${await describe(s, name)}\n`;
    else if (s.has("F")) stdout += `${name}: ${(await find(s, name)) ?? ""}\n`;
    else if (s.has("N")) stdout += `${name}\n`;
    else
      stdout += `${s.has("v") ? `${(await find(s, name)) ?? ""}: ` : ""}${show(s, name, (await get(s, name)) ?? "")}\n`;
  }
  return { stdout, stderr: conf.stderr };
}

function show(s: Settings, name: string, value: string): string {
  if (s.has("n")) return value;
  return s.has("e") ? `${name}="${value}"` : `${name}: ${value}`;
}

/** sysrc(8) */
const sysrc: Command = async (args, io) => {
  if (args.includes("--version")) return fail(1, "", "7.2 Jun-16,2018\n");
  const { list, operands, error } = getopt(args, "aAcdDeEf:Fhij:lLnNqR:s:vxX");
  if (error !== undefined || args.length === 0 || list.some(([letter]) => letter === "h"))
    return fail(1, usage);
  const has = (letter: string): boolean => list.some(([each]) => each === letter);
  const values = (letter: string): string[] =>
    list.flatMap(([each, value]) => (each === letter ? (value ?? []) : []));

  const jail = values("j").at(-1);
  const root = values("R").at(-1);
  if (jail !== undefined || root !== undefined) {
    const flags = list
      .filter(([letter]) => letter !== "j" && letter !== "R")
      .flatMap(([letter, value]) => (value === undefined ? [`-${letter}`] : [`-${letter}`, value]));
    const prefix = jail !== undefined ? ["/usr/sbin/jexec", jail] : ["/usr/sbin/chroot", root!];
    return io.run([...prefix, "/usr/sbin/sysrc", ...flags, ...operands]);
  }
  for (const operand of operands) {
    const name = operand.replace(/:[+=-].*$/s, "").replace(/[%#+=-].*$/s, "");
    if (!/^\w*$/.test(name))
      return fail(1, `sysrc: ${name}: name contains characters not allowed in shell\n`);
  }
  const plain: Settings = { io, has, files: undefined };
  const service = values("s").at(-1);
  const given = values("f").flatMap(split);
  const files = has("D")
    ? []
    : given.length > 0
      ? given
      : service === undefined
        ? undefined
        : [...(await confFiles(plain)), ...(await serviceFiles(io, service, ["/usr/local/etc/rc.d"]))];
  const s: Settings = { io, has, files };

  if (has("L") && operands.length > 0) {
    const entries = operands.flatMap((name) =>
      ["/etc", "/usr/local/etc"].map((base) => `${base}/rc.conf.d/${name}`),
    );
    return { stdout: `${entries.join(" ")}\n`, stderr: "", status: 0 };
  }
  if (has("l") || has("L")) return { stdout: `${(await confFiles(s)).join(" ")}\n`, stderr: "", status: 0 };
  if (operands.length === 0 && !has("a") && !has("A")) return fail(1, usage);
  for (const file of await confFiles(s)) {
    if (!(await io.fs.exists(file))) continue;
    const checked = await io.run(["/bin/sh", "-n", file]);
    if (checked.status !== 0)
      return fail(1, `${checked.stderr}sysrc: Exiting due to previous syntax errors\n`);
  }
  if (has("a") || has("A")) return { ...(await listAll(s, has("A"))), status: 0 };

  let stdout = "";
  let stderr = "";
  let status = 0;
  const failed = (text: string | undefined): boolean => {
    if (text === undefined) return false;
    stderr += text;
    status = 1;
    return true;
  };
  for (const operand of operands) {
    const equals = operand.indexOf("=");
    const left = equals < 0 ? operand : operand.slice(0, equals);
    const mode = /[+-]$/.exec(left)?.[0] as "+" | "-" | undefined;
    const name = mode ? left.slice(0, -1) : left;
    if (has("d")) stdout += `${name}: ${await describe(s, name)}\n`;
    const before = await get(s, name);
    if (equals < 0) {
      if (before === undefined) {
        failed(has("i") || has("q") ? "" : `sysrc: unknown variable '${name}'\n`);
        continue;
      }
      if (has("c") || has("d")) continue;
      if (has("x") || has("X")) failed(await remove(s, name));
      else if (has("F")) stdout += `${has("n") ? "" : `${name}: `}${(await find(s, name)) ?? ""}\n`;
      else {
        if (has("v")) stdout += `${(await find(s, name)) ?? ""}: `;
        stdout += has("N") ? `${name}\n` : `${show(s, name, before)}\n`;
      }
      continue;
    }
    const text = operand.slice(equals + 1);
    if (has("v") && !has("c")) {
      const file = await find(s, name);
      stdout += `${file === undefined || file === defaultsPath ? (await confFiles(s))[0] : file}: `;
    }
    if (has("x") || has("X")) {
      failed(await remove(s, name));
      continue;
    }
    if (has("c")) {
      if (before !== text) status = 1;
      if (has("v")) stdout += checked(name, before, text, await find(s, name));
      continue;
    }
    if (failed(await set(s, name, mode ? edit(before ?? "", text, mode) : text))) continue;
    if (has("N")) stdout += `${name}\n`;
    else {
      const after = (await get(s, name)) ?? "";
      const arrow = has("e") ? `" # -> "${after}"` : ` -> ${after}`;
      stdout += `${has("n") ? "" : has("e") ? `${name}="` : `${name}: `}${before ?? ""}${arrow}\n`;
    }
  }
  return { stdout, stderr, status };
};

function checked(name: string, before: string | undefined, wanted: string, file: string | undefined): string {
  if (before === undefined) return `${name}: not currently set\n`;
  const what =
    before === wanted ? `already set to \`${before}'` : `would change from \`${before}' to \`${wanted}'`;
  return `${file ?? ""}: ${name}: ${what}\n`;
}

export const sysrcCommands: Commands = { "/usr/sbin/sysrc": sysrc };
