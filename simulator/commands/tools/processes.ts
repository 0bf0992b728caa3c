import { type Command, type Commands, Errno, fail, ok, type Result, strerror } from "../../command";
import { credentialsOf } from "../../kernel/accounts";
import type { Process as Entry } from "../../kernel/processes";
import { resolvePath, toText } from "../../kernel/vfs";
import { runShell } from "../../shell/main";
import { Killed, type Process, Task } from "../../shell/process";
import { signalName, signalNumbers } from "../../shell/signals";
import { FileStream, type Stream, Text } from "../../shell/streams";
import { formatDate } from "./date-format";
import { type Run, tool } from "./tool";

const quiet = (status: number): Result => ({ stdout: "", stderr: "", status });

/** execvp(3) of a child that inherits everything; `missing` words a program that is not there. */
async function child(
  run: Run,
  argv: readonly string[],
  missing: (reason: string, code: Errno["code"]) => never | number,
  changes: Parameters<Process["spawn"]>[1] = {},
): Promise<number> {
  try {
    return await run.io.process.spawn(argv, changes);
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    return missing(strerror[error.code], error.code);
  }
}

// lockf

const LOCKF_USAGE =
  "usage: lockf [-knsw] [-t seconds] file command [arguments]\n       lockf [-s] [-t seconds] fd\n";

const lockf = tool(
  { name: "lockf", letters: "knpst:w", usage: LOCKF_USAGE, usageStatus: 64 },
  async (run: Run) => {
    const [file, ...argv] = run.operands;
    const timeout = run.value("t") === undefined ? undefined : Number(run.value("t"));
    if (file === undefined || argv.length === 0) run.usage();
    if (timeout !== undefined && !Number.isInteger(timeout))
      run.errx(64, `invalid timeout "${run.value("t")}"`);
    const { fs, kernel } = run.io;
    const path = run.path(file);
    let node: ReturnType<typeof fs.node>;
    for (;;) {
      try {
        if (!fs.peek(path)) {
          if (run.has("n")) throw new Errno("ENOENT");
          fs.writeBytes(path, "", { mode: 0o666 });
        } else fs.open(path, run.has("w") ? "update" : "read");
      } catch (error) {
        if (!(error instanceof Errno)) throw error;
        if (run.has("n") && error.code === "ENOENT") return 69;
        run.warnx(`cannot open ${file}: ${strerror[error.code]}`);
        return 73;
      }
      node = fs.node(path);
      if (!(await acquire(run.io.process, node, timeout))) {
        if (!run.has("s")) run.warnx(`${file}: already locked`);
        return 75;
      }
      // Without -k the one before has removed the file that was waited for: a lock on it locks nobody out.
      if (fs.peek(path) === node) break;
      kernel.locks.release(node);
    }
    try {
      return await child(run, argv, (reason) => run.errx(1, `${argv[0]}: ${reason}`));
    } finally {
      if (!run.has("k") && fs.peek(path) === node) fs.unlink(path);
      kernel.locks.release(node);
    }
  },
);

const TICK = 5;

/** Another session holds the lock: it goes on in real time, so that is what is waited for. */
async function acquire(
  process: Process,
  node: ReturnType<Process["fs"]["node"]>,
  seconds: number | undefined,
): Promise<boolean> {
  const { locks, clock } = process.kernel;
  if (locks.take(node)) return true;
  const end = seconds === undefined ? Number.POSITIVE_INFINITY : clock.now() + seconds * 1000;
  if (seconds === 0) return false;
  let giveUp: () => void = () => {};
  const granted = locks.wait(node, (cancel) => {
    giveUp = cancel;
  });
  const release = process.interruptible(() => giveUp());
  const timer = setInterval(() => {
    if (clock.now() >= Math.min(end, process.deadline ?? end)) giveUp();
    else if (seconds !== undefined) void clock.sleep(TICK * clock.haste);
  }, TICK);
  try {
    const got = await granted;
    if (!got) process.check();
    return got;
  } finally {
    clearInterval(timer);
    release();
  }
}

// timeout, nohup, daemon, env, nice, sleep

const seconds = (text: string): number | undefined => {
  const match = /^(\d+(?:\.\d*)?|\.\d+)([smhd]?)$/.exec(text);
  return match ? Number(match[1]) * { "": 1, s: 1, m: 60, h: 3600, d: 86400 }[match[2] as ""] : undefined;
};

const TIMEOUT_USAGE =
  "usage: timeout [-f | --foreground] [-k time | --kill-after time] [-p | --preserve-status] [-s signal | --signal signal] [-v | --verbose] <duration> <command> [arg ...]\n";

const timeout = tool(
  {
    name: "timeout",
    letters: "fk:ps:v",
    usage: TIMEOUT_USAGE,
    usageStatus: 125,
    long: { foreground: "f", "kill-after": "k", "preserve-status": "p", signal: "s", verbose: "v" },
  },
  async (run: Run) => {
    const [duration, ...argv] = run.operands;
    if (duration === undefined || argv.length === 0) run.usage();
    const limit = seconds(duration);
    if (limit === undefined) run.errx(125, "duration is not a number");
    const { process, kernel } = run.io;
    const outer = process.deadline ?? Number.POSITIVE_INFINITY;
    const deadline = limit === 0 ? outer : Math.min(outer, kernel.clock.now() + limit * 1000);
    try {
      return await child(
        run,
        argv,
        (reason, code) => {
          run.warnx(`exec(${argv[0]}): ${reason}`);
          return code === "ENOENT" ? 127 : 126;
        },
        Number.isFinite(deadline) ? { deadline } : {},
      );
    } catch (error) {
      const ours =
        error instanceof Killed &&
        error.signal === "TERM" &&
        kernel.clock.now() >= deadline &&
        deadline < outer;
      if (!ours || process.session.ended) throw error;
      return run.has("p") ? 143 : 124;
    }
  },
);

const nohup = tool(
  { name: "nohup", letters: "", usage: "usage: nohup [--] utility [arguments]\n", usageStatus: 127 },
  async (run: Run) => {
    if (run.operands.length === 0) run.usage();
    return child(run, run.operands, (reason, code) =>
      run.errx(code === "ENOENT" ? 127 : 126, `${run.operands[0]}: ${reason}`),
    );
  },
);

const nice = tool(
  { name: "nice", letters: "n:", usage: "usage: nice [-n incr] utility [argument ...]\n" },
  async (run: Run) => {
    if (run.operands.length === 0) run.usage();
    return child(run, run.operands, (reason, code) =>
      run.errx(code === "ENOENT" ? 127 : 126, `${run.operands[0]}: ${reason}`),
    );
  },
);

const DAEMON_USAGE =
  "usage: daemon [-cfrS] [-p child_pidfile] [-P supervisor_pidfile]\n" +
  "              [-u user] [-o output_file] [-t title]\n" +
  "              [-l syslog_facility] [-s syslog_priority]\n" +
  "              [-T syslog_tag] [-m output_mask] [-R restart_delay_secs]\n" +
  "              command arguments ...\n";

/** daemon(8): the command goes on beside whatever else happens, until it ends or is killed. */
const daemon = tool(
  { name: "daemon", letters: "cfHSp:P:ru:o:t:l:s:T:m:R:", usage: DAEMON_USAGE },
  async (run: Run) => {
    if (run.operands.length === 0) run.usage();
    const { io } = run;
    const out = run.value("o");
    const fds = new Map<number, Stream>(io.process.fds);
    if (run.has("f")) fds.set(0, new Text("")).set(1, discard).set(2, discard);
    if (out !== undefined) {
      const stream = new FileStream(io.fs.open(run.path(out), "append"));
      fds.set(1, stream).set(2, stream);
    }
    const file = io.process.which(run.operands[0]!);
    if (file === undefined) return run.has("r") ? 0 : 0;
    const pid = spawnDetached(io.process, run.operands, fds);
    for (const letter of ["p", "P"]) {
      const name = run.value(letter);
      if (name !== undefined)
        run.attempt(`ppidfile \`\`${name}''`, () =>
          io.fs.writeText(run.path(name), String(pid), { mode: 0o600 }),
        );
    }
    // Until it waits for something itself.
    await new Promise((resolve) => setImmediate(resolve));
  },
);

const discard: Stream = {
  readAll: async () => "",
  readLine: async () => "",
  readNow: () => "",
  write: () => {},
};

/** Outlives its session: only a signal or the machine's end stops it. */
const detached = { ended: false, onEnd: () => () => {}, cut: () => {} };

/** Starts `argv` beside the caller; gives its pid. */
export function spawnDetached(process: Process, argv: readonly string[], fds: Map<number, Stream>): number {
  const { processes, clock } = process.kernel;
  let task: Task | undefined;
  const entry = processes.start({
    command: argv.join(" "),
    name: (argv[0] ?? "").replace(/.*\//, ""),
    jid: process.jail?.jid ?? 0,
    uid: process.user.uid,
    startedAt: clock.now(),
    onExit: (signal = "TERM") => task?.kill(signal),
  });
  task = new Task(entry.pid);
  void process
    .spawn(argv, { fds, task, session: detached, background: true, listed: true, cwd: "/" })
    .catch((error: unknown) => {
      if (!(error instanceof Killed || error instanceof Errno)) throw error;
    })
    .finally(() => processes.end(entry.pid));
  return entry.pid;
}

const SLEEP_USAGE =
  "usage: sleep number[unit] [...]\nUnit can be 's' (seconds, the default), m (minutes), h (hours), or d (days).\n";

const sleep: Command = async (args, io) => {
  if (args.length === 0) return fail(1, SLEEP_USAGE);
  let total = 0;
  for (const arg of args) {
    const value = seconds(arg);
    if (value === undefined) return fail(1, SLEEP_USAGE);
    total += value;
  }
  await io.process.sleep(total * 1000);
  return ok();
};

const ENV_USAGE =
  "usage: env [-0iv] [-L|-U user[/class]] [-u name] [name=value ...]\n" +
  "       env [-iv] [-L|-U user[/class]] [-P altpath] [-S string]\n           [-u name] [name=value ...] utility [argument ...]\n";

const env = tool({ name: "env", letters: "0iL:P:S:U:u:v", usage: ENV_USAGE }, async (run: Run) => {
  const words = [...run.values("S").flatMap((s) => s.split(/\s+/).filter(Boolean)), ...run.operands];
  const variables = new Map(run.has("i") ? [] : run.io.env);
  for (const name of run.values("u")) variables.delete(name);
  while (/^[^=]+=/.test(words[0] ?? "")) {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(words.shift()!)!;
    variables.set(name!, value!);
  }
  if (words.length === 0) {
    const end = run.has("0") ? "\0" : "\n";
    for (const [name, value] of variables) run.print(`${name}=${value}${end}`);
    return;
  }
  return child(
    run,
    words,
    (reason, code) => run.errx(code === "ENOENT" ? 127 : 126, `${words[0]}: ${reason}`),
    {
      env: variables,
    },
  );
});

const printenv: Command = (args, io) => {
  const name = args.find((a) => !a.startsWith("-"));
  if (name !== undefined) {
    const value = io.env.get(name);
    return value === undefined ? quiet(1) : ok(`${value}\n`);
  }
  return ok([...io.env].map(([key, value]) => `${key}=${value}\n`).join(""));
};

// xargs

const XARGS_USAGE =
  "usage: xargs [-0oprt] [-E eofstr] [-I replstr [-R replacements] [-S replsize]]\n" +
  "             [-J replstr] [-L number] [-n number [-x]] [-P maxprocs]\n" +
  "             [-s size] [utility [argument ...]]\n";

const xargs = tool(
  { name: "xargs", letters: "0E:I:J:L:n:oP:pR:rS:s:tx", usage: XARGS_USAGE },
  async (run: Run) => {
    const input = toText(run.io.input);
    const utility = run.operands.length > 0 ? [...run.operands] : ["echo"];
    const replace = run.value("I");
    const items = run.has("0")
      ? input.split("\0").filter((_, n, all) => n < all.length - 1 || all[n] !== "")
      : replace !== undefined
        ? input
            .split("\n")
            .map((l) => l.trimStart())
            .filter(Boolean)
        : words(input);
    const size = replace !== undefined ? 1 : Number(run.value("n") ?? run.value("L") ?? 5000);
    const inherited = new Map(run.io.process.fds).set(0, new Text(""));
    for (let at = 0; at < items.length; at += size) {
      const some = items.slice(at, at + size);
      const argv = fillIn(utility, some, replace, run.value("J"));
      if (run.has("t")) run.io.process.tell(`${argv.join(" ")}\n`);
      const status = await child(
        run,
        argv,
        (reason, code) => run.errx(code === "ENOENT" ? 127 : 126, `${argv[0]}: ${reason}`),
        {
          fds: new Map(inherited),
        },
      );
      if (status === 255) run.errx(124, `${argv[0]}: exited with status 255; aborting`);
      if (status !== 0) run.status = 1;
    }
  },
);

function fillIn(
  utility: readonly string[],
  items: readonly string[],
  replace: string | undefined,
  insert: string | undefined,
): string[] {
  if (replace !== undefined) return utility.map((word) => word.replaceAll(replace, items[0] ?? ""));
  const at = insert === undefined ? -1 : utility.indexOf(insert);
  return at < 0 ? [...utility, ...items] : [...utility.slice(0, at), ...items, ...utility.slice(at + 1)];
}

/** Blanks separate, quotes and backslashes protect. */
function words(text: string): string[] {
  return [...text.matchAll(/(?:"[^"\n]*"|'[^'\n]*'|\\[\s\S]|[^\s"'\\])+/g)].map(([word]) =>
    word.replace(/"([^"]*)"|'([^']*)'|\\([\s\S])/g, (_, a, b, c) => a ?? b ?? c),
  );
}

// kill, pgrep, pkill, ps

/** Whom a process may see and signal: its own jail's, and the host all. */
const visible = (process: Process): Entry[] =>
  process.kernel.processes.all.filter((p) => !process.jail || p.jid === process.jail.jid);

function signal(process: Process, entry: Entry, name: string): boolean {
  if (process.user.uid !== 0 && (entry.uid ?? 0) !== process.user.uid) return false;
  if (name === "0" || name === "HUP" || name === "CONT" || name === "USR1" || name === "INFO") return true;
  process.kernel.processes.signal(entry.pid, name, process.kernel.clock);
  return true;
}

const kill: Command = (args, io) => {
  const words = [...args];
  let name = "TERM";
  if (words[0] === "-l") return ok(`${Object.keys(signalNumbers).join(" ").toLowerCase()}\n`);
  if (words[0] === "-s") {
    name = signalName(words[1] ?? "") ?? "";
    words.splice(0, 2);
  } else if (/^-\w/.test(words[0] ?? "")) {
    const word = words.shift()!.slice(1);
    name = word === "0" ? "0" : (signalName(word) ?? "");
    if (name === "") return fail(1, `kill: unknown signal ${word}; valid signals:\n`);
  }
  if (words[0] === "--") words.shift();
  if (words.length === 0)
    return fail(2, "usage: kill [-s signal_name] pid ...\n       kill -l [exit_status]\n");
  let stderr = "";
  for (const word of words) {
    const pid = Math.abs(Number(word));
    if (!Number.isInteger(pid)) {
      stderr += `kill: illegal process id: ${word}\n`;
      continue;
    }
    const entry = visible(io.process).find((p) => p.pid === pid);
    if (!entry) stderr += `kill: ${word}: ${strerror.ESRCH}\n`;
    else if (!signal(io.process, entry, name)) stderr += `kill: ${word}: ${strerror.EPERM}\n`;
  }
  return { stdout: "", stderr, status: stderr === "" ? 0 : 1 };
};

const PGREP_USAGE = (name: string): string =>
  `usage: ${name} ${name === "pgrep" ? "[-LSfilnoqvx] [-d delim]" : "[-signal] [-ILfinovx]"} [-F pidfile] [-G gid] [-M core] [-N system]\n` +
  "             [-P ppid] [-U uid] [-c class] [-g pgrp] [-j jail]\n             [-s sid] [-t tty] [-u euid] pattern ...\n";

const PGREP_LETTERS = "ILSafF:G:M:N:P:U:ac:d:fg:ij:lnoqs:t:u:vx";

function selected(run: Run): Entry[] {
  const { io } = run;
  const jail = run.value("j");
  const jids = jail?.split(",").map((word) => {
    if (word === "none") return 0;
    const known = io.kernel.jails.all.find((j) => j.name === word || String(j.jid) === word);
    return known?.jid ?? -1;
  });
  const file = run.value("F");
  const pid = file === undefined ? undefined : Number(io.fs.readText(run.path(file)).trim());
  const uids = run
    .value("u")
    ?.split(",")
    .map((w) => credentialsOf(io.fs, w)?.uid ?? Number(w));
  if (run.operands.length === 0 && !jids && pid === undefined && !uids) run.usage();
  const patterns = run.operands.map(
    (p) => new RegExp(run.has("x") ? `^(?:${p})$` : p, run.has("i") ? "i" : ""),
  );
  const found = visible(io.process).filter((p) => {
    const text = run.has("f") ? p.command : p.name;
    const matches =
      (patterns.length === 0 || patterns.some((r) => r.test(text))) &&
      (!jids || (jail === "any" ? p.jid > 0 : jids.includes(p.jid))) &&
      // Never itself.
      p.pid !== io.process.task.pid &&
      (pid === undefined || p.pid === pid) &&
      (!uids || uids.includes(p.uid ?? 0));
    return matches !== run.has("v");
  });
  if (run.has("n")) return found.slice(-1);
  return run.has("o") ? found.slice(0, 1) : found;
}

const pgrep = tool(
  { name: "pgrep", letters: PGREP_LETTERS, usage: PGREP_USAGE("pgrep"), usageStatus: 2 },
  (run: Run) => {
    const found = selected(run);
    if (!run.has("q"))
      run.print(
        found
          .map((p) => `${p.pid}${run.has("l") ? ` ${run.has("f") ? p.command : p.name}` : ""}`)
          .join(run.value("d") ?? "\n") + (found.length > 0 ? "\n" : ""),
      );
    return found.length > 0 ? 0 : 1;
  },
);

const pkillTool = (name: string): Command =>
  tool({ name: "pkill", letters: PGREP_LETTERS, usage: PGREP_USAGE("pkill"), usageStatus: 2 }, (run: Run) => {
    const found = selected(run);
    for (const entry of found) {
      if (run.has("l")) run.print(`kill -${signalNumbers[name] ?? 15} ${entry.pid}\n`);
      if (!signal(run.io.process, entry, name))
        run.warnx(`signalling pid ${entry.pid}: ${strerror.EPERM}`, 3);
    }
    return found.length > 0 ? run.status : 1;
  });

const pkill: Command = (args, io) => {
  const given = /^-(?:SIG)?([A-Z]+\d?|\d+)$/.exec(args[0] ?? "");
  const name = given ? (given[1] === "0" ? "0" : signalName(given[1]!)) : undefined;
  return name === undefined ? pkillTool("TERM")(args, io) : pkillTool(name)(args.slice(1), io);
};

/** killall(1) */
const killall: Command = (args, io) => {
  const names = args.filter((a) => !a.startsWith("-"));
  const given = args.map((a) => /^-(?:SIG)?([A-Z]+\d?|\d+)$/.exec(a)?.[1]).find(Boolean);
  const found = visible(io.process).filter((p) => names.includes(p.name));
  for (const entry of found) signal(io.process, entry, (given && signalName(given)) || "TERM");
  return found.length > 0 || args.includes("-q") ? ok() : fail(1, "No matching processes were found\n");
};

const PS_USAGE =
  "usage: ps [-aCcdeHhjlmrSTuvwXxZ] [-O fmt | -o fmt] [-G gid[,gid...]]\n" +
  "          [-J jid[,jid...]] [-M core] [-N system]\n" +
  "          [-p pid[,pid...]] [-t tty[,tty...]] [-U user[,user...]]\n       ps [-L]\n";

interface Column {
  readonly title: string;
  readonly left?: boolean;
  readonly value: (p: Entry, run: Run) => string;
}

const columns: Record<string, Column> = {
  pid: { title: "PID", value: (p) => String(p.pid) },
  ppid: { title: "PPID", value: () => "1" },
  uid: { title: "UID", value: (p) => String(p.uid ?? 0) },
  user: {
    title: "USER",
    left: true,
    value: (p) => (p.uid === undefined || p.uid === 0 ? "root" : String(p.uid)),
  },
  jid: { title: "JID", value: (p) => String(p.jid) },
  jail: {
    title: "JAIL",
    left: true,
    value: (p, run) => run.io.kernel.jails.all.find((j) => j.jid === p.jid)?.name ?? "-",
  },
  tt: { title: "TT", value: () => "-" },
  stat: { title: "STAT", left: true, value: () => "Ss" },
  state: { title: "STAT", left: true, value: () => "Ss" },
  time: { title: "TIME", value: () => "0:00.00" },
  etime: { title: "ELAPSED", value: (p, run) => elapsed(run.io.kernel.clock.now() - p.startedAt) },
  lstart: { title: "STARTED", left: true, value: (p) => formatDate(new Date(p.startedAt), "%c") },
  command: { title: "COMMAND", left: true, value: (p) => p.command },
  args: { title: "COMMAND", left: true, value: (p) => p.command },
  comm: { title: "COMMAND", left: true, value: (p) => p.name },
  ucomm: { title: "COMMAND", left: true, value: (p) => p.name },
};

function elapsed(ms: number): string {
  const s = Math.floor(ms / 1000);
  const two = (n: number): string => String(n).padStart(2, "0");
  const hours = Math.floor(s / 3600);
  return `${hours > 0 ? `${two(hours)}:` : ""}${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

const psTool = tool(
  { name: "ps", letters: "aCcdeHhjlmrSTuvwXxZO:o:G:J:M:N:p:t:U:L", usage: PS_USAGE },
  (run: Run) => {
    const wanted = run
      .values("o")
      .flatMap((f) => f.split(/[, ]+/))
      .filter(Boolean);
    const names = wanted.length > 0 ? wanted : ["pid", "tt", "stat", "time", "command"];
    const shown = names.map((name) => {
      const [key, title] = name.split("=");
      const column = columns[key!];
      if (!column) run.errx(1, `${key}: keyword not found`);
      return { ...column, title: title ?? column.title };
    });
    const pids = run.value("p")?.split(",").map(Number);
    const jids = run
      .value("J")
      ?.split(",")
      .map((w) => run.io.kernel.jails.all.find((j) => j.name === w || String(j.jid) === w)?.jid ?? Number(w));
    const entries = visible(run.io.process).filter(
      (p) => (!pids || pids.includes(p.pid)) && (!jids || jids.includes(p.jid)),
    );
    const rows = entries.map((p) => shown.map((c) => c.value(p, run)));
    const header = shown.map((c) => c.title);
    const lines =
      header.some((t) => t !== "") && !names.every((n) => n.endsWith("=")) ? [header, ...rows] : rows;
    const widths = shown.map((c, n) => Math.max(c.title.length, ...rows.map((r) => r[n]!.length)));
    for (const line of lines)
      run.print(
        `${line.map((text, n) => (shown[n]!.left ? (n === line.length - 1 ? text : text.padEnd(widths[n]!)) : text.padStart(widths[n]!))).join(" ")}\n`,
      );
    return entries.length > 0 || (!pids && !jids) ? 0 : 1;
  },
);

/** `ps aux` works without the dash. */
const ps: Command = (args, io) =>
  psTool(/^[a-zA-Z]/.test(args[0] ?? "") ? [`-${args[0]}`, ...args.slice(1)] : args, io);

// su, chroot

const su: Command = async (args, io) => {
  let user = "root";
  let n = 0;
  let login = false;
  for (; n < args.length && args[n]!.startsWith("-"); n++)
    if (args[n] === "-" || args[n]!.includes("l")) login = true;
  if (args[n] !== undefined) user = args[n++]!;
  const credentials = credentialsOf(io.fs, user);
  if (!credentials) return fail(1, `su: unknown login: ${user}\n`);
  if (io.who.uid !== 0 && io.who.uid !== credentials.uid) return fail(1, "su: Sorry\n");
  const { process } = io;
  const variables = new Map(io.env);
  if (login || !args.includes("-m"))
    variables.set("HOME", credentials.account.home).set("SHELL", credentials.account.shell).set("USER", user);
  const shell = process.fork({
    fs: process.fs.as(credentials),
    env: variables,
    ...(login && io.fs.isDirectory(credentials.account.home) ? { cwd: credentials.account.home } : {}),
  });
  return quiet(await runShell(args.slice(n), shell, "su"));
};

const chroot = tool(
  {
    name: "chroot",
    letters: "G:g:u:n",
    usage: "usage: chroot [-g group] [-G group,group,...] [-u user] [-n] newroot [command]\n",
  },
  async (run: Run) => {
    const [root, ...argv] = run.operands;
    if (root === undefined) run.usage();
    const { io } = run;
    if (io.who.uid !== 0) run.errx(1, `${root}: ${strerror.EPERM}`);
    try {
      if (!io.fs.isDirectory(run.path(root)))
        throw new Errno(io.fs.existsSync(run.path(root)) ? "ENOTDIR" : "ENOENT");
      const fs = io.fs.chroot(run.path(root));
      const words = argv.length > 0 ? argv : ["/bin/sh", "-i"];
      return await child(
        run,
        words,
        (reason, code) => run.errx(code === "ENOENT" ? 127 : 126, `${words[0]}: ${reason}`),
        { fs, cwd: "/" },
      );
    } catch (error) {
      run.warn(root, error);
    }
  },
);

const which: Command = (args, io) => {
  const names = args.filter((a) => !a.startsWith("-"));
  const found = names.map((name) => {
    const file = io.process.which(name);
    return file !== undefined && io.fs.peek(resolvePath(io.cwd, file))?.type === "file" ? file : undefined;
  });
  const text = found.flatMap((f) => (f ? [`${f}\n`] : [])).join("");
  return { stdout: args.includes("-s") ? "" : text, stderr: "", status: found.includes(undefined) ? 1 : 0 };
};

export const processTools: Commands = {
  "/bin/kill": kill,
  "/bin/pgrep": pgrep,
  "/bin/pkill": pkill,
  "/bin/ps": ps,
  "/bin/sleep": sleep,
  "/usr/bin/env": env,
  "/usr/bin/killall": killall,
  "/usr/bin/lockf": lockf,
  "/usr/bin/nice": nice,
  "/usr/bin/nohup": nohup,
  "/usr/bin/pgrep": pgrep,
  "/usr/bin/pkill": pkill,
  "/usr/bin/printenv": printenv,
  "/usr/bin/su": su,
  "/bin/timeout": timeout,
  "/usr/bin/timeout": timeout,
  "/usr/bin/which": which,
  "/usr/bin/xargs": xargs,
  "/usr/sbin/chroot": chroot,
  "/usr/sbin/daemon": daemon,
};
