import { type Command, type Commands, fail, type Io, type Result } from "../../command";
import {
  isWildcard,
  JailConfError,
  JailConfig,
  loadJailConf,
  matchesWildcard,
  type Parameter,
} from "../../kernel/jailconf";
import { reason } from "../../kernel/vfs";
import { getopt } from "../getopt";
import { quoted } from "./quote";
import { JailRun, type Session } from "./run";

const usage = fail(
  1,
  `usage: jail [-dhilqv] [-J jid_file] [-u username] [-U username]
            -[cmr] param=value ... [command=command ...]
       jail [-dqv] [-f file] [-e separator] -[cmr] [jail]
       jail [-qv] [-f file] -[rR] ['*' | jail ...]
       jail [-dhilqv] [-J jid_file] [-u username] [-U username]
            [-n jailname] [-s securelevel]
            path hostname [ip[,...]] command ...
`,
);

interface Operation {
  create: boolean;
  modify: boolean;
  remove: boolean;
}

/** jail(8) */
const jail: Command = async (args, io) => {
  const parsed = getopt(args, "cde:f:hiJ:lmn:p:qrRs:u:U:v");
  if (parsed.error !== undefined) return fail(1, `jail: ${parsed.error}\n${usage.stderr}`);
  const value = (letter: string) => parsed.list.findLast(([each]) => each === letter)?.[1];
  const has = (letter: string) => parsed.list.some(([each]) => each === letter);
  const operands = [...parsed.operands];
  const operation: Operation = { create: has("c"), modify: has("m"), remove: has("r") || has("R") };
  const session: Session = {
    io,
    verbose: parsed.list.reduce(
      (level, [letter]) => (letter === "v" ? 1 : "qi".includes(letter) ? -1 : level),
      0,
    ),
    printJid: has("i"),
    allowDying: has("d"),
    noteRemove: false,
    stdout: "",
    stderr: "",
  };
  const file = value("f") ?? "/etc/jail.conf";
  const fromFlags: Parameter[] = parsed.list.flatMap(([letter, text]) => flagParameters(letter, text));

  try {
    if (has("e")) {
      const { jails, warnings } = await load(io, file);
      const lines = jails.map((each) => `${describe(each, value("e") ?? "")}\n`);
      return { stdout: lines.join(""), stderr: warned(warnings), status: 0 };
    }
    if (!operation.create && !operation.modify && !operation.remove) {
      const [path, hostname, addresses, ...command] = operands;
      if (
        path === undefined ||
        hostname === undefined ||
        addresses === undefined ||
        command.length === 0 ||
        !path.startsWith("/")
      )
        return usage;
      operation.create = true;
      const words = [
        `path=${path}`,
        `host.hostname=${hostname}`,
        ...addresses
          .split(",")
          .filter((each) => each !== "")
          .map((each) => `${each.includes(":") ? "ip6" : "ip4"}.addr=${each}`),
      ];
      return await single(session, operation, [
        ...fromFlags,
        ...parameters([...words, "command", ...command]),
      ]);
    }
    if (operation.remove && !operation.create && !operation.modify) {
      if (operands.length === 0 || fromFlags.length > 0) return usage;
      if (!has("R") && operands.some((each) => each.includes("="))) return usage;
      return await removal(session, operands, has("R"), file);
    }
    if (has("R")) return usage;
    if (operands.length > 1 || operands[0]?.includes("="))
      return await single(session, operation, [...fromFlags, ...parameters(operands)]);
    if (fromFlags.length > 0) return usage;
    return await configured(session, operation, file, operands[0]);
  } catch (error) {
    if (!(error instanceof JailConfError)) throw error;
    return fail(
      error.status,
      session.stderr + error.messages.map((line) => `jail: ${line}\n`).join(""),
      session.stdout,
    );
  }
};

function flagParameters(letter: string, text: string | undefined): Parameter[] {
  const one = (name: string, value?: string): Parameter => ({
    name,
    values: value === undefined ? [] : [{ text: value, variables: [] }],
    variable: false,
    append: true,
  });
  switch (letter) {
    case "h":
      return [one("ip_hostname")];
    case "l":
      return [one("exec.clean")];
    case "n":
      return [{ ...one("name", text), immutable: true }];
    case "s":
      return [one("securelevel", text)];
    case "u":
      return [one("exec.jail_user", text), one("exec.system_jail_user")];
    case "U":
      return [one("exec.jail_user", text), one("exec.system_jail_user", "false")];
    default:
      return [];
  }
}

/** `name=value …` of a command line; all behind `command` belongs to the command. */
function parameters(words: readonly string[]): Parameter[] {
  const list: Parameter[] = [];
  for (const [at, word] of words.entries()) {
    const equals = word.indexOf("=");
    const name = equals < 0 ? word : word.slice(0, equals);
    const text = equals < 0 ? undefined : word.slice(equals + 1);
    const texts =
      name === "command"
        ? [...(text === undefined ? [] : [text]), ...words.slice(at + 1)]
        : text === undefined
          ? []
          : name === "ip4.addr" || name === "ip6.addr"
            ? text.split(",")
            : [text];
    list.push({
      name,
      values: texts.map((each) => ({ text: each, variables: [] })),
      variable: false,
      append: true,
      immutable: name === "name" || name === "jid",
    });
    if (name === "command") break;
  }
  return list;
}

async function load(io: Io, file: string) {
  return loadJailConf(file === "-" ? "STDIN" : file, {
    includes: io.kernel.release.jailIncludes,
    read: async (path) => {
      if (path === "STDIN") return io.stdin;
      try {
        return await io.fs.readFile(path);
      } catch (error) {
        throw new JailConfError([`${path}: ${reason(error)}`], 1);
      }
    },
    glob: async (pattern) => {
      const slash = pattern.lastIndexOf("/");
      const folder = pattern.slice(0, slash) || "/";
      const names = await io.fs.readdir(folder).catch(() => []);
      const matches = globPattern(pattern.slice(slash + 1));
      return names
        .filter((name) => matches.test(name))
        .sort()
        .map((name) => `${folder === "/" ? "" : folder}/${name}`);
    },
  });
}

function globPattern(glob: string): RegExp {
  const source = glob
    .replace(/[.+^${}()|\\]/g, "\\$&")
    .replace(/\*/g, ".*")
    .replace(/\?/g, ".")
    .replace(/\[!/g, "[^");
  return new RegExp(glob.startsWith(".") ? `^${source}$` : `^(?!\\.)${source}$`);
}

const warned = (warnings: readonly string[]): string => warnings.map((line) => `jail: ${line}\n`).join("");

/** `jail -e`: name=value pairs. */
function describe(config: JailConfig, separator: string): string {
  return config.parameters
    .filter((parameter) => parameter.name !== "jid")
    .map(({ name, values }) =>
      values.length === 0 ? name : `${name}=${values.map((each) => quoted(each.text)).join(",")}`,
    )
    .join(separator);
}

/** One jail, described on the command line. */
async function single(session: Session, operation: Operation, given: readonly Parameter[]): Promise<Result> {
  const config = new JailConfig(undefined);
  for (const parameter of given) {
    const complaint = config.set(parameter);
    if (complaint) session.stderr += `jail: ${complaint}\n`;
  }
  for (const name of config.texts("depend"))
    if (!session.io.kernel.jails.find(name)) {
      session.stderr += `jail: depends on nonexistent jail "${name}"\n`;
      config.failed = true;
    }
  const run = new JailRun(session, config);
  const done = !run.failed && (await perform(run, operation, false, false));
  return { stdout: session.stdout, stderr: session.stderr, status: done ? 0 : 1 };
}

async function removal(
  session: Session,
  names: readonly string[],
  onlyRunning: boolean,
  file: string,
): Promise<Result> {
  const { io } = session;
  const operation: Operation = { create: false, modify: false, remove: true };
  const hasFile = !onlyRunning && (file === "-" || (await io.fs.exists(file)));
  const conf = hasFile ? await load(io, file) : { jails: [], warnings: [] };
  session.stderr += warned(conf.warnings);
  session.noteRemove = hasFile || names.length > 1 || isWildcard(names[0] ?? "");
  const plan = new Plan(session, conf.jails, operation);
  let failed = false;
  for (const name of names) {
    if (onlyRunning && isWildcard(name)) {
      for (const jail of io.kernel.jails.running.filter((each) => matchesWildcard(each.name, name)))
        await plan.visit(new JailRun(session, new JailConfig(jail.name), jail), true);
    } else if (isWildcard(name)) {
      await plan.all((each) => name === "*" || matchesWildcard(each.name ?? "", name));
    } else {
      const known = plan.run(name);
      const running = known ? undefined : io.kernel.jails.find(name, { dying: true });
      if (known) await plan.visit(known, false);
      else if (running) await plan.visit(new JailRun(session, new JailConfig(name), running), false);
      else {
        session.stderr += `jail: "${name}" not found\n`;
        failed = true;
      }
    }
  }
  return { stdout: session.stdout, stderr: session.stderr, status: failed || plan.failed ? 1 : 0 };
}

async function configured(
  session: Session,
  operation: Operation,
  file: string,
  name: string | undefined,
): Promise<Result> {
  const conf = await load(session.io, file);
  session.stderr += warned(conf.warnings);
  const plan = new Plan(session, conf.jails, operation);
  const target = name === undefined ? undefined : plan.run(name);
  if (name === undefined || isWildcard(name))
    await plan.all((each) => name === undefined || name === "*" || matchesWildcard(each.name ?? "", name));
  else if (target) await plan.visit(target, false);
  else return fail(1, `${session.stderr}jail: "${name}" not found\n`, session.stdout);
  return { stdout: session.stdout, stderr: session.stderr, status: plan.failed ? 1 : 0 };
}

/** The jails of a file in the order that `depend` and hierarchical names ask for. */
class Plan {
  failed = false;
  private readonly runs: JailRun[];
  private readonly visited = new Map<JailRun, boolean>();

  constructor(
    readonly session: Session,
    configs: readonly JailConfig[],
    readonly operation: Operation,
  ) {
    this.runs = configs.map((config) => new JailRun(session, config));
    for (const run of this.runs)
      for (const name of run.config.texts("depend"))
        if (!this.run(name)) {
          run.warn(`depends on undefined jail "${name}"`);
          run.failed = true;
        }
    for (const run of this.runs)
      if (this.reaches(run, run, new Set())) {
        run.warn("dependency loop");
        run.failed = true;
      }
  }

  run(name: string): JailRun | undefined {
    return this.runs.find((run) => run.name === name);
  }

  async all(selected: (run: JailRun) => boolean): Promise<void> {
    // Stopping begins with the last of the file, see jail(8)'s next_jail().
    const runs = this.operation.remove && !this.operation.create ? [...this.runs].reverse() : this.runs;
    for (const run of runs.filter(selected)) await this.visit(run, true);
  }

  /** What must be done before, then the jail itself. `wild`: nobody asked for this one by name. */
  async visit(run: JailRun, wild: boolean, dependency = false): Promise<boolean> {
    const known = this.visited.get(run);
    if (known !== undefined) return known;
    this.visited.set(run, false);
    const stopping = this.operation.remove;
    let skipped = run.failed;
    for (const other of stopping ? this.dependents(run) : this.dependencies(run)) {
      if (await this.visit(other, wild, true)) continue;
      if (!skipped && this.session.verbose >= 0 && !dependency) run.warn("skipped");
      skipped = true;
    }
    run.failed ||= skipped;
    const done = !run.failed && (await perform(run, this.operation, wild, dependency));
    if (!done) this.failed = true;
    this.visited.set(run, done);
    return done;
  }

  private dependencies(run: JailRun): JailRun[] {
    const above = run.name?.slice(0, Math.max(0, run.name.lastIndexOf("."))) ?? "";
    return [...run.config.texts("depend"), above].flatMap((name) => this.run(name) ?? []);
  }

  private dependents(run: JailRun): JailRun[] {
    return this.runs.filter((other) => this.dependencies(other).includes(run));
  }

  private reaches(from: JailRun, goal: JailRun, seen: Set<JailRun>): boolean {
    if (seen.has(from)) return false;
    seen.add(from);
    return this.dependencies(from).some((next) => next === goal || this.reaches(next, goal, seen));
  }
}

/** Does to one jail what the flags ask for; some of them turn into another by whether it runs. */
async function perform(
  run: JailRun,
  operation: Operation,
  wild: boolean,
  dependency: boolean,
): Promise<boolean> {
  const { create, modify, remove } = operation;
  const forgiven = wild || dependency;
  if (run.session.io.who.uid !== 0) {
    run.warn(`${remove ? "jail_remove" : "jail_set"}: Operation not permitted`);
    return false;
  }
  if (!(await run.prepare(create || modify))) return false;
  const notFound = (): false => {
    run.quotedWarn("not found");
    return false;
  };
  const wasRunning = run.jail !== undefined;

  if (create && !modify && !remove) {
    if (!wasRunning) return run.start();
    if (forgiven) return true;
    run.quotedWarn("already exists");
    return false;
  }
  if (modify) {
    if (!wasRunning) return create ? run.start() : notFound();
    if (dependency) return true;
    if (!remove || !run.needsRestart()) return run.update();
  }
  if (!wasRunning) {
    if (forgiven) return true;
    return run.session.verbose >= 0 ? notFound() : false;
  }
  if (!(await run.stop())) return false;
  return create || modify ? run.start() : true;
}

export const jailCommands: Commands = { "/usr/sbin/jail": jail };
