import { Errno, type Io, type Result } from "../command";
import { RcConf, serviceFiles } from "./conf";

/** A daemon that a script starts by running `command`, and finds by its pid file. */
export interface Daemon {
  readonly command: string;
  readonly pidfile: string;
}

type Action = (rc: Rc, args: readonly string[]) => Promise<number> | number;

/** One file of /etc/rc.d: what rc.subr(8) knows of it. */
export interface RcScript {
  readonly name: string;
  readonly description: string;
  /** The variable that enables it. */
  readonly rcvar?: string;
  readonly daemon?: Daemon;
  /** `start_cmd`, `stop_cmd` and the extra commands. */
  readonly actions?: Readonly<Record<string, Action>>;
  readonly precommand?: Readonly<Record<string, Action>>;
  /** `required_modules`, loaded before a start. */
  readonly modules?: (rc: Rc) => readonly string[];
  readonly requiredFiles?: (rc: Rc) => readonly string[];
  /** Names below rc.conf.d beside its own. */
  readonly configurations?: readonly string[];
}

/** As the shell does: a program that is not there is a status, 127. */
export async function attempt(io: Io, argv: readonly string[]): Promise<Result> {
  try {
    return await io.run(argv);
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    return { stdout: "", stderr: `${argv[0]}: not found\n`, status: 127 };
  }
}

/** A script that runs: its configuration, what it prints. */
export class Rc {
  stdout = "";
  stderr = "";
  /** `quietstart`, `faststart`: says nothing of what is not enabled or runs already. */
  quiet = false;
  /** `${name}_flags`, which a precommand may extend. */
  flags = "";

  private constructor(
    readonly io: Io,
    readonly script: RcScript,
    readonly conf: RcConf,
  ) {}

  /** @param shared what the calling shell has read already; files of the script's own are read on top of it. */
  static async load(io: Io, script: RcScript, shared?: RcConf): Promise<Rc> {
    const services = [...(script.configurations ?? []), script.name];
    if (shared) {
      const startup = shared.words("local_startup");
      const own = await Promise.all(services.map((service) => serviceFiles(io, service, startup)));
      if (own.flat().length === 0) return new Rc(io, script, shared);
    }
    const rc = new Rc(io, script, await RcConf.load(io, { services }));
    rc.stderr += rc.conf.stderr;
    return rc;
  }

  echo(text: string): void {
    this.stdout += `${text}\n`;
  }

  /** check_startmsgs */
  announce(text: string): void {
    if (this.conf.yes("rc_startmsgs")) this.stdout += text;
  }

  warn(text: string): void {
    this.stderr += `/etc/rc.d/${this.script.name}: WARNING: ${text}\n`;
  }

  /** A child whose output is the script's own. */
  async run(argv: readonly string[]): Promise<number> {
    const result = await this.quietly(argv);
    this.stdout += result.stdout;
    this.stderr += result.stderr;
    return result.status;
  }

  /** A child whose output is looked at, or thrown away. */
  quietly(argv: readonly string[]): Promise<Result> {
    return attempt(this.io, argv);
  }

  /** Words that the shell reads once more (`eval`): quotes and `$` in a value of rc.conf have their meaning. */
  async evaluate(words: string): Promise<number> {
    return this.run(/^[\w .:/@%+,-]*$/.test(words) ? words.split(" ") : ["/bin/sh", "-c", words]);
  }

  /** Another script, as `/etc/rc.d/NAME ARG…` */
  async call(script: RcScript, args: readonly string[]): Promise<number> {
    const result = await runScript(this.io, script, args);
    this.stdout += result.stdout;
    this.stderr += result.stderr;
    return result.status;
  }

  /** checkyesno */
  yes(name: string): boolean {
    const value = this.conf.yesNo(name);
    if (value === undefined) this.warn(`$${name} is not set properly - see rc.conf(5).`);
    return value === true;
  }

  async loadModule(name: string): Promise<boolean> {
    if ((await this.quietly(["/sbin/kldstat", "-q", "-m", name])).status === 0) return true;
    if ((await this.run(["/sbin/kldload", name])) === 0) return true;
    this.warn(`Unable to load kernel module ${name}`);
    return false;
  }

  /** check_pidfile: the daemon's pid in this jail. */
  get pid(): number | undefined {
    const command = this.script.daemon?.command;
    const jid = this.io.who.jail?.jid ?? 0;
    return this.io.kernel.processes.all.find(
      (process) => process.jid === jid && command !== undefined && process.command.split(" ")[0] === command,
    )?.pid;
  }
}

/** run_rc_command of rc.subr(8) */
export async function runScript(
  io: Io,
  script: RcScript,
  args: readonly string[],
  shared?: RcConf,
): Promise<Result> {
  const rc = await Rc.load(io, script, shared);
  const status = rc.conf.ended ?? (await command(rc, args));
  return { stdout: rc.stdout, stderr: rc.stderr, status };
}

async function command(rc: Rc, [given = "", ...rest]: readonly string[]): Promise<number> {
  const { script, conf } = rc;
  const [, prefix = "", action = ""] = /^(fast|force|one|quiet)?(.*)$/.exec(given) ?? [];
  if (prefix === "fast" || prefix === "quiet") rc.quiet = true;
  if ((prefix === "one" || prefix === "force") && script.rcvar !== undefined) conf.set(script.rcvar, "YES");
  const forced = prefix === "force";
  rc.flags = conf.get(`${script.name}_flags`);
  const actions = script.actions ?? {};
  const known = [
    ...[
      "start",
      "stop",
      "restart",
      "rcvar",
      "enable",
      "disable",
      "delete",
      "enabled",
      "describe",
      "extracommands",
    ],
    ...Object.keys(actions).filter((name) => !["start", "stop"].includes(name)),
    ...(script.daemon ? ["status", "poll"] : []),
  ];
  const usage = (): number => {
    rc.stderr += `Usage: /etc/rc.d/${script.name} [fast|force|one|quiet](${[...new Set(known)].join("|")})\n`;
    return 1;
  };
  if (action === "") return usage();
  if (action === "enabled") return rc.yes(script.rcvar ?? "") ? 0 : 1;
  if (!known.includes(action)) {
    rc.stderr += `/etc/rc.d/${script.name}: unknown directive '${action}'.\n`;
    return usage();
  }

  const free = ["rcvar", "stop", "delete", "enable", "disable", "describe", "status", "extracommands"];
  const asks = !free.includes(action) || (action === "stop" && rc.pid === undefined);
  if (script.rcvar !== undefined && asks && !rc.yes(script.rcvar)) {
    if (!rc.quiet)
      rc.echo(
        `Cannot '${action}' ${script.name}. Set ${script.rcvar} to YES in /etc/rc.conf or use 'one${action}' instead of '${action}'.`,
      );
    return 0;
  }
  if (action === "start" && prefix !== "fast" && rc.pid !== undefined) {
    if (!rc.quiet) rc.stderr += `${script.name} already running?  (pid=${rc.pid}).\n`;
    return 1;
  }

  if (action === "start" || action === "restart") {
    for (const file of script.requiredFiles?.(rc) ?? [])
      if (!(await rc.io.fs.exists(file))) {
        rc.warn(`${file} is not readable.`);
        if (!forced) return 1;
      }
  }
  const pre = script.precommand?.[action];
  if (pre && (await pre(rc, rest)) !== 0 && !forced) return 1;
  if (action === "start" || action === "restart")
    for (const module of script.modules?.(rc) ?? []) if (!(await rc.loadModule(module)) && !forced) return 1;

  const custom = actions[action];
  if (custom) return custom(rc, rest);
  switch (action) {
    case "start":
      return startDaemon(rc);
    case "stop":
      return stopDaemon(rc, prefix === "fast");
    case "restart":
      return restart(rc, prefix, rest);
    case "status":
      rc.echo(
        rc.pid === undefined
          ? `${script.name} is not running.`
          : `${script.name} is running as pid ${rc.pid}.`,
      );
      return rc.pid === undefined ? 1 : 0;
    case "describe":
      rc.echo(script.description);
      return 0;
    case "extracommands":
      rc.echo(
        Object.keys(actions)
          .filter((name) => !["start", "stop"].includes(name))
          .join(" "),
      );
      return 0;
    case "rcvar": {
      const name = script.rcvar;
      rc.echo(`# ${script.name} : ${script.description}\n#`);
      if (name !== undefined) rc.echo(`${name}="${conf.get(name)}"\n#   (default: "")`);
      rc.echo("");
      return 0;
    }
    case "enable":
    case "disable": {
      const result = await rc.quietly([
        "/usr/sbin/sysrc",
        "-vs",
        script.name,
        `${script.rcvar}=${action === "enable" ? "YES" : "NO"}`,
      ]);
      rc.stderr += result.stderr;
      if (result.status === 0) rc.echo(`${script.name} ${action}d in ${result.stdout.split(":")[0]}`);
      return result.status;
    }
    case "delete": {
      const status = await rc.run(["/usr/sbin/sysrc", "-x", script.rcvar ?? ""]);
      if (status === 0) rc.echo(`${script.rcvar} deleted in /etc/rc.conf`);
      return status;
    }
    default:
      return 0;
  }
}

async function restart(rc: Rc, prefix: string, rest: readonly string[]): Promise<number> {
  const again = async (action: string): Promise<number> => {
    const result = await runQuietScript(rc, [`${prefix}${action}`, ...rest]);
    rc.stdout += result.stdout;
    rc.stderr += result.stderr;
    return result.status;
  };
  await again("stop");
  return (await again("start")) === 0 ? 0 : 1;
}

/** The same shell runs it: rc.conf is not read again. */
async function runQuietScript(rc: Rc, args: readonly string[]): Promise<Result> {
  const again = await Rc.load(rc.io, rc.script);
  again.stderr = "";
  const status = await command(again, args);
  return { stdout: again.stdout, stderr: again.stderr, status };
}

async function startDaemon(rc: Rc): Promise<number> {
  const { daemon, name } = rc.script;
  if (!daemon) return 0;
  rc.announce(`Starting ${name}.\n`);
  const status = await rc.run([daemon.command, ...rc.flags.split(" ").filter((word) => word !== "")]);
  if (status === 0) return 0;
  rc.warn(`failed to start ${name}`);
  return 1;
}

async function stopDaemon(rc: Rc, fast: boolean): Promise<number> {
  const { daemon, name } = rc.script;
  if (!daemon) return 0;
  const { pid } = rc;
  if (pid === undefined) {
    if (fast) return 0;
    rc.stderr += `${name} not running? (check ${daemon.pidfile}).\n`;
    return 1;
  }
  rc.echo(`Stopping ${name}.`);
  const process = rc.io.kernel.processes.all.find((each) => each.pid === pid);
  await rc.run(["/bin/kill", "-TERM", String(pid)]);
  rc.echo(`Waiting for PIDS: ${pid}.`);
  await rc.io.process.sleep(process?.termDelay ?? 0);
  rc.io.kernel.processes.end(pid);
  return 0;
}
