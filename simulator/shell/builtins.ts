import { Errno, strerror } from "../command";
import { echo, printf, testExpression } from "../commands/tools/words";
import { resolvePath, toText } from "../kernel/vfs";
import { arithmetic } from "./expand";
import { type Process, programOf } from "./process";
import { Exit, Fatal, Loop, optionNames, quoteWord, Return, type Shell } from "./shell";
import { signalName, signalNumbers } from "./signals";

/** `outer` is what messages began with before this builtin. */
export type Builtin = (shell: Shell, args: string[], outer: string) => number | Promise<number>;

/** POSIX special builtins: an error in one ends the shell. */
export const special = new Set(
  ": . break continue eval exec exit export readonly return set shift times trap unset".split(" "),
);

/** Names that sh knows itself before it looks along PATH. */
export const builtins: Record<string, Builtin> = Object.assign(Object.create(null) as object, {
  ":": () => 0,
  true: () => 0,
  false: () => 1,
  echo: (sh, args) => print(sh, echo(args, { escapes: true })),
  printf: (sh, args) => print(sh, printf(args)),
  test: (sh, args) => testBuiltin(sh, args),
  "[": (sh, args) => {
    if (args.at(-1) !== "]") throw sh.fail("missing ]");
    return testBuiltin(sh, args.slice(0, -1));
  },
  ".": dot,
  eval: async (sh, args) => {
    sh.status = 0;
    await sh.evaluate(args.join(" "));
    return sh.status;
  },
  exec: async (sh, args, outer) => {
    const argv = args[0] === "--" ? args.slice(1) : args;
    if (argv.length === 0) return 0;
    sh.commandName = outer;
    await sh.program(argv);
    sh.traps.delete("EXIT");
    throw new Exit(sh.status);
  },
  exit: (sh, args) => {
    throw new Exit(args[0] === undefined ? sh.status : number(sh, args[0]) & 0xff);
  },
  return: (sh, args) => {
    throw new Return(args[0] === undefined ? sh.status : number(sh, args[0]));
  },
  break: (sh, args) => leaveLoop(sh, "break", args),
  continue: (sh, args) => leaveLoop(sh, "continue", args),
  shift: (sh, args) => {
    const n = args[0] === undefined ? 1 : number(sh, args[0]);
    if (n > sh.positional.length) throw sh.fail("can't shift that many");
    sh.positional = sh.positional.slice(n);
    return 0;
  },
  set,
  unset,
  export: (sh, args) => declare(sh, args, "export"),
  readonly: (sh, args) => declare(sh, args, "readonly"),
  local,
  setvar: (sh, args) => {
    if (args.length > 0) sh.set(args[0]!, args[1] ?? "");
    return 0;
  },
  read,
  cd,
  chdir: cd,
  pwd: (sh, args) => print(sh, { stdout: `${args.includes("-P") ? sh.fs.canonical(sh.cwd) : sh.cwd}\n` }),
  command,
  builtin: async (sh, args, outer) => {
    const found = builtins[args[0] ?? ""];
    if (!found) {
      sh.notFound(args[0] ?? "");
      return 127;
    }
    return found(sh, args.slice(1), outer);
  },
  type: (sh, args) => {
    let status = 0;
    for (const name of args) {
      const found = describe(sh, name);
      sh.process.write(1, `${found ? `${name} is ${found}` : `${name}: not found`}\n`);
      if (!found) status = 127;
    }
    return status;
  },
  hash: () => 0,
  trap,
  umask,
  ulimit: (sh, args) => print(sh, { stdout: args.some((a) => !a.startsWith("-")) ? "" : "unlimited\n" }),
  wait: waitFor,
  jobs: (sh) => {
    for (const [n, job] of sh.jobs.entries())
      if (job.status === undefined)
        sh.process.write(1, `[${n + 1}] + Running                 ${job.command}\n`);
    return 0;
  },
  kill,
  alias: (sh, args) => {
    for (const arg of args) {
      const at = arg.indexOf("=");
      if (at > 0) sh.aliases.set(arg.slice(0, at), arg.slice(at + 1));
    }
    if (args.length === 0)
      for (const [name, value] of sh.aliases) sh.process.write(1, `${name}=${quoteWord(value)}\n`);
    return 0;
  },
  unalias: (sh, args) => {
    for (const name of args) name === "-a" ? sh.aliases.clear() : sh.aliases.delete(name);
    return 0;
  },
  let: async (sh, args) => ((await arithmetic(args.join(" "), sh)) === "0" ? 1 : 0),
  getopts,
  times: (sh) => print(sh, { stdout: "0m0.00s 0m0.00s\n0m0.00s 0m0.00s\n" }),
  fg: () => 0,
  bg: () => 0,
} satisfies Record<string, Builtin>);

function print(
  sh: Shell,
  result: { stdout?: string; stderr?: string; status?: number; binary?: boolean },
): number {
  if (result.stderr) sh.process.tell(result.stderr);
  if (result.stdout) sh.process.write(1, result.stdout);
  return result.status ?? 0;
}

function number(sh: Shell, text: string): number {
  if (!/^\d+$/.test(text)) throw sh.fail(`Illegal number: ${text}`);
  return Number(text);
}

async function testBuiltin(sh: Shell, args: readonly string[]): Promise<number> {
  return print(sh, testExpression(args, sh.process));
}

function leaveLoop(sh: Shell, kind: "break" | "continue", args: string[]): number {
  const levels = args[0] === undefined ? 1 : number(sh, args[0]);
  if (sh.loops === 0) return 0;
  throw new Loop(kind, Math.min(levels, sh.loops));
}

async function dot(sh: Shell, args: string[]): Promise<number> {
  const name = args[0] === "--" ? args[1] : args[0];
  if (name === undefined) throw sh.fail("missing filename argument");
  const path = name.includes("/") ? name : onPath(sh, name);
  let source: string;
  try {
    if (path === undefined) throw new Errno("ENOENT");
    source = sh.fs.readText(resolvePath(sh.cwd, path));
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    if (!name.includes("/") && error.code === "ENOENT")
      throw new Fatal(`${sh.commandName}: ${name}: not found`, 127);
    throw new Fatal(`${sh.commandName}: cannot open ${name}: ${strerror[error.code]}`);
  }
  const { commandName } = sh;
  sh.commandName = name;
  sh.status = 0;
  try {
    await sh.text(source);
  } catch (error) {
    if (!(error instanceof Return) || (sh.locals.length > 0 && sh.commandName !== name)) throw error;
    sh.status = error.status;
  } finally {
    sh.commandName = commandName;
  }
  return sh.status;
}

function onPath(sh: Shell, name: string): string | undefined {
  return (sh.get("PATH") ?? "")
    .split(":")
    .map((directory) => resolvePath(sh.cwd, `${directory}/${name}`))
    .find((path) => sh.fs.peek(path)?.type === "file");
}

function set(sh: Shell, args: string[]): number {
  if (args.length === 0) {
    for (const [name, { value }] of [...sh.variables].sort(([a], [b]) => (a < b ? -1 : 1)))
      if (value !== undefined) sh.process.write(1, `${name}=${quoteWord(value)}\n`);
    return 0;
  }
  const rest = parseOptions(sh, args);
  if (rest) sh.positional = rest;
  return 0;
}

/** `-eu -o pipefail +x …`; gives the positional parameters if there are any (or `--`). */
export function parseOptions(sh: Shell, args: readonly string[]): string[] | undefined {
  for (let n = 0; n < args.length; n++) {
    const arg = args[n]!;
    if (arg === "--") return args.slice(n + 1);
    if (arg === "-") return args.slice(n + 1);
    if (!/^[-+]./.test(arg)) return args.slice(n);
    const on = arg.startsWith("-");
    for (const letter of arg.slice(1)) {
      const name = letter === "o" ? args[++n] : optionNames[letter];
      if (letter === "o" && name === undefined) return void listOptions(sh);
      if (name === undefined) throw sh.fail(`Illegal option ${on ? "-" : "+"}${letter}`);
      if (letter === "o" && !longOptions().has(name))
        throw sh.fail(`Illegal option ${on ? "-" : "+"}o ${name}`);
      if (on) sh.options.add(name);
      else sh.options.delete(name);
    }
  }
  return undefined;
}

/** A function: this file and shell.ts import each other, so `optionNames` may not be there yet. */
const longOptions = (): Set<string> =>
  new Set([...Object.values(optionNames), "pipefail", "nolog", "verify"]);

function listOptions(sh: Shell): void {
  sh.process.write(1, "Current option settings\n");
  for (const name of [...longOptions()].sort())
    sh.process.write(1, `${name.padEnd(16)}${sh.options.has(name) ? "on" : "off"}\n`);
}

function unset(sh: Shell, args: string[]): number {
  const functions = args[0] === "-f";
  const names = args.filter((a) => a !== "-f" && a !== "-v");
  for (const name of names) {
    if (functions) sh.functions.delete(name);
    else {
      if (sh.variables.get(name)?.readonly) throw sh.fail(`${name}: is read only`);
      sh.variables.delete(name);
    }
  }
  return 0;
}

function declare(sh: Shell, args: string[], kind: "export" | "readonly"): number {
  const names = args.filter((a) => a !== "-p" && a !== "--");
  if (names.length === 0) {
    for (const [name, v] of [...sh.variables].sort(([a], [b]) => (a < b ? -1 : 1)))
      if (kind === "export" ? v.exported : v.readonly)
        sh.process.write(1, `${kind} ${name}${v.value === undefined ? "" : `=${quoteWord(v.value)}`}\n`);
    return 0;
  }
  for (const arg of names) {
    const [, name, , value] = /^([^=]*)(=(.*))?$/s.exec(arg)!;
    if (!/^[A-Za-z_]\w*$/.test(name!)) throw sh.fail(`${name}: bad variable name`);
    if (value !== undefined) sh.set(name!, value);
    const variable = sh.variables.get(name!) ?? { value: undefined, exported: false, readonly: false };
    if (kind === "export") variable.exported = true;
    else variable.readonly = true;
    sh.variables.set(name!, variable);
  }
  return 0;
}

function local(sh: Shell, args: string[]): number {
  if (sh.locals.length === 0) throw sh.fail("Not in a function");
  for (const arg of args) {
    if (arg === "-") continue;
    const [, name, , value] = /^([^=]*)(=(.*))?$/s.exec(arg)!;
    if (!/^[A-Za-z_]\w*$/.test(name!)) throw sh.fail(`${name}: bad variable name`);
    sh.saveLocal(name!);
    if (value !== undefined) sh.set(name!, value);
  }
  return 0;
}

async function read(sh: Shell, args: string[]): Promise<number> {
  let raw = false;
  const names: string[] = [];
  for (let n = 0; n < args.length; n++) {
    const arg = args[n]!;
    if (arg === "-r") raw = true;
    else if (arg === "-e") continue;
    else if (arg === "-p" || arg === "-t") n++;
    else names.push(arg);
  }
  if (names.length === 0) throw sh.fail("arg count");
  const input = sh.process.fds.get(0);
  let line = toText((await input?.readLine()) ?? "");
  while (!raw && /(?<!\\)(?:\\\\)*\\\n$/.test(line))
    line = line.slice(0, -2) + toText((await input?.readLine()) ?? "");
  const ended = !line.endsWith("\n");
  assignFields(sh, names, ended ? line : line.slice(0, -1), raw);
  return ended ? 1 : 0;
}

/** Splits at IFS; the last name takes the rest. */
function assignFields(sh: Shell, names: readonly string[], line: string, raw: boolean): void {
  const ifs = sh.get("IFS") ?? " \t\n";
  const isSpace = (c: string): boolean => ifs.includes(c) && " \t\n".includes(c);
  let at = 0;
  const skip = (): void => {
    while (at < line.length && isSpace(line[at]!)) at++;
  };
  skip();
  for (const [n, name] of names.entries()) {
    let value = "";
    if (n === names.length - 1) {
      let rest = line.slice(at);
      while (rest !== "" && isSpace(rest.at(-1)!) && (raw || rest.at(-2) !== "\\")) rest = rest.slice(0, -1);
      // One separator that ends the line ends the last field, and is no part of it.
      const only = rest.slice(0, -1);
      if (rest !== "" && ifs.includes(rest.at(-1)!) && ![...only].some((c) => ifs.includes(c))) rest = only;
      value = raw ? rest : rest.replace(/\\(.)/gs, "$1");
    } else {
      while (at < line.length && !ifs.includes(line[at]!)) {
        if (line[at] === "\\" && !raw) at++;
        value += line[at++] ?? "";
      }
      skip();
      if (at < line.length && ifs.includes(line[at]!) && !isSpace(line[at]!)) at++;
      skip();
    }
    sh.set(name, value);
  }
}

function cd(sh: Shell, args: string[]): number {
  const names = args.filter((a) => !/^-[LPe]+$/.test(a) && a !== "--");
  const physical = args.some((a) => /^-\w*P/.test(a)) || sh.options.has("physical");
  const previous = names[0] === "-";
  const target = previous ? sh.get("OLDPWD") : (names[0] ?? sh.get("HOME"));
  if (target === undefined) throw sh.fail(previous ? "OLDPWD not set" : "HOME not set");
  if (target === "") return 0;
  let path = resolvePath(sh.cwd, target);
  try {
    const node = sh.fs.node(path);
    if (node.type !== "directory") throw new Errno("ENOTDIR");
    if (!sh.fs.may(node, 1)) throw new Errno("EACCES");
    if (physical) path = sh.fs.canonical(path);
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    throw sh.fail(`${target}: ${strerror[error.code]}`);
  }
  sh.set("OLDPWD", sh.cwd);
  sh.process.cwd = path;
  sh.set("PWD", path);
  if (previous) sh.process.write(1, `${path}\n`);
  return 0;
}

async function command(sh: Shell, args: string[], outer: string): Promise<number> {
  let n = 0;
  let show = "";
  let path: string | undefined;
  for (; n < args.length && /^-[pvV]+$/.test(args[n]!); n++) {
    if (args[n]!.includes("v")) show = "v";
    if (args[n]!.includes("V")) show = "V";
    if (args[n]!.includes("p")) path = "/usr/bin:/bin:/usr/sbin:/sbin";
  }
  if (args[n] === "--") n++;
  const argv = args.slice(n);
  const name = argv[0];
  if (name === undefined) return 0;
  if (show !== "") {
    const found = describe(sh, name, path);
    if (!found) {
      if (show === "V") sh.process.tell(`${name}: not found\n`);
      return 127;
    }
    sh.process.write(1, show === "V" ? `${name} is ${found}\n` : `${terse(name, found)}\n`);
    return 0;
  }
  sh.commandName = outer;
  const builtin = builtins[name];
  if (builtin) {
    sh.commandName = name;
    return builtin(sh, argv.slice(1), outer);
  }
  await sh.program(argv, undefined, path);
  return sh.status;
}

const terse = (name: string, found: string): string =>
  found.startsWith("/")
    ? found
    : found.startsWith("an alias for ")
      ? `alias ${name}='${found.slice(13)}'`
      : name;

const KEYWORDS = new Set("! { } case do done elif else esac fi for if then until while in".split(" "));

function describe(sh: Shell, name: string, path?: string): string | undefined {
  if (KEYWORDS.has(name)) return "a shell keyword";
  const alias = sh.aliases.get(name);
  if (alias !== undefined) return `an alias for ${alias}`;
  if (sh.functions.has(name)) return "a shell function";
  if (builtins[name]) return special.has(name) ? "a special shell builtin" : "a shell builtin";
  const file = sh.process.which(name, path ?? sh.get("PATH"));
  if (file === undefined) return undefined;
  const node = sh.fs.peek(resolvePath(sh.cwd, file));
  return node?.type === "file" && sh.fs.may(node, 1) ? file : undefined;
}

/** Is `program` (an absolute path of the base system) what this file holds? */
export const isProgram = (process: Process, file: string, program: string): boolean => {
  const node = process.fs.peek(file);
  return node?.type === "file" && programOf(node.content) === program;
};

function trap(sh: Shell, args: string[]): number {
  const words = args[0] === "--" ? args.slice(1) : args;
  if (words.length === 0) {
    for (const [name, action] of sh.traps) sh.process.write(1, `trap -- ${quoteWord(action)} ${name}\n`);
    return 0;
  }
  if (words[0] === "-l") return print(sh, { stdout: `${Object.keys(signalNumbers).join(" ")}\n` });
  const first = words[0]!;
  const reset = first === "-" || (words.length === 1 && signalName(first) !== undefined);
  const signals = words.length === 1 ? words : words.slice(1);
  let status = 0;
  for (const word of signals) {
    const name = signalName(word);
    if (name === undefined) {
      sh.complain(`bad signal ${word}`);
      status = 1;
    } else if (reset) sh.traps.delete(name);
    else sh.traps.set(name, first);
  }
  return status;
}

function umask(sh: Shell, args: string[]): number {
  const symbolic = args[0] === "-S";
  const value = args.find((a) => a !== "-S");
  if (value === undefined) {
    const { umask: mask } = sh.fs;
    const letters = (bits: number): string => ["r", "w", "x"].filter((_, n) => !(bits & (4 >> n))).join("");
    const text = symbolic
      ? `u=${letters(mask >> 6)},g=${letters((mask >> 3) & 7)},o=${letters(mask & 7)}`
      : mask.toString(8).padStart(4, "0");
    return print(sh, { stdout: `${text}\n` });
  }
  const mask = /^[0-7]+$/.test(value) ? Number.parseInt(value, 8) : symbolicMask(value, sh.fs.umask);
  if (mask === undefined) throw sh.fail(`Illegal mode: ${value}`);
  sh.process = sh.process.fork({ fs: sh.fs.withUmask(mask & 0o777), fds: sh.process.fds });
  return 0;
}

function symbolicMask(text: string, mask: number): number | undefined {
  let allowed = ~mask & 0o777;
  for (const clause of text.split(",")) {
    const match = /^([ugoa]*)([-+=])([rwx]*)$/.exec(clause);
    if (!match) return undefined;
    const who = match[1] === "" || match[1]!.includes("a") ? "ugo" : match[1]!;
    for (const w of who) {
      const shift = { u: 6, g: 3, o: 0 }[w as "u" | "g" | "o"];
      let bits = 0;
      for (const c of match[3]!) bits |= { r: 4, w: 2, x: 1 }[c as "r" | "w" | "x"];
      if (match[2] === "=") allowed = (allowed & ~(7 << shift)) | (bits << shift);
      else if (match[2] === "+") allowed |= bits << shift;
      else allowed &= ~(bits << shift);
    }
  }
  return ~allowed & 0o777;
}

const TICK = 5;

async function waitFor(sh: Shell, args: string[]): Promise<number> {
  const jobs = args.length === 0 ? sh.jobs : args.map((a) => jobOf(sh, a));
  let status = 0;
  for (const job of jobs) {
    if (!job) {
      status = 127;
      continue;
    }
    status = job.status ?? (await finish(sh, job.done));
  }
  if (args.length === 0) sh.jobs.length = 0;
  return args.length === 0 ? 0 : status;
}

/** Waiting lets time pass until the job has nothing left to wait for, but for those who come from outside. */
async function finish(sh: Shell, done: Promise<number>): Promise<number> {
  let ended = false;
  void done.then(() => {
    ended = true;
  });
  const { clock } = sh.process.kernel;
  while (!ended) {
    sh.process.check();
    await clock.sleep(TICK * clock.haste);
    if (!ended) await new Promise((resolve) => setTimeout(resolve, TICK));
  }
  return done;
}

function jobOf(sh: Shell, word: string) {
  if (word.startsWith("%")) return sh.jobs[Number(word.slice(1)) - 1];
  return sh.jobs.find((j) => String(j.pid) === word);
}

async function kill(sh: Shell, args: string[]): Promise<number> {
  const words = args.map((a) => (a.startsWith("%") ? String(jobOf(sh, a)?.pid ?? a) : a));
  return print(sh, await sh.process.io().run(["/bin/kill", ...words]));
}

function getopts(sh: Shell, args: string[]): number {
  const [spec = "", name = "opt", ...own] = args;
  const words = args.length > 2 ? own : sh.positional;
  const index = Number(sh.get("OPTIND") ?? "1") || 1;
  const state = optionState.get(sh) ?? { index: 0, at: 1 };
  if (state.index !== index) Object.assign(state, { index, at: 1 });
  optionState.set(sh, state);
  const word = words[index - 1];
  const finish = (): number => {
    sh.set(name, "?");
    return 1;
  };
  if (word === undefined || !/^-./.test(word)) return finish();
  if (word === "--") {
    sh.set("OPTIND", String(index + 1));
    return finish();
  }
  const letter = word[state.at]!;
  const where = letter === ":" ? -1 : spec.indexOf(letter, spec.startsWith(":") ? 1 : 0);
  const atEnd = state.at + 1 >= word.length;
  const advance = (words_: number): void => {
    const next = index + words_;
    sh.set("OPTIND", String(next));
    Object.assign(state, { index: next, at: words_ === 0 ? state.at + 1 : 1 });
  };
  if (where < 0) {
    advance(atEnd ? 1 : 0);
    if (spec.startsWith(":")) sh.set("OPTARG", letter);
    else {
      sh.variables.delete("OPTARG");
      sh.process.tell(`Illegal option -${letter}\n`);
    }
    sh.set(name, "?");
    return 0;
  }
  if (spec[where + 1] !== ":") {
    advance(atEnd ? 1 : 0);
    sh.variables.delete("OPTARG");
    sh.set(name, letter);
    return 0;
  }
  const argument = atEnd ? words[index] : word.slice(state.at + 1);
  if (argument === undefined) {
    advance(1);
    if (spec.startsWith(":")) sh.set("OPTARG", letter);
    else sh.process.tell(`No arg for -${letter} option\n`);
    sh.set(name, spec.startsWith(":") ? ":" : "?");
    return 0;
  }
  advance(atEnd ? 2 : 1);
  sh.set("OPTARG", argument);
  sh.set(name, letter);
  return 0;
}

const optionState = new WeakMap<Shell, { index: number; at: number }>();
