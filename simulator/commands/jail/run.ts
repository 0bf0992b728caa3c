import type { Io, Result } from "../../command";
import { Errno } from "../../command";
import type { JailConfig, Parameter } from "../../kernel/jailconf";
import { sameOption } from "../../kernel/jailconf";
import { type Jail, JailError, type JailSettings } from "../../kernel/jails";
import { reason, toText } from "../../kernel/vfs";
import { Sink, type Stream } from "../../shell/streams";
import { realpath } from "../storage/paths";
import { runInside, userEnvironment } from "./inside";
import { quoted } from "./quote";

/** What jail(8) is doing as a whole: its flags, its output. */
export interface Session {
  readonly io: Io;
  /** -1: `-q`, `-i`; 1: `-v` */
  readonly verbose: number;
  readonly printJid: boolean;
  readonly allowDying: boolean;
  /** A removal is worth a line only when it came from a file or was one of several. */
  noteRemove: boolean;
  stdout: string;
  stderr: string;
}

/** Parameters that jail(8) keeps to itself; the kernel gets the others. */
const internal = new Set([
  "allow.dying",
  "command",
  "depend",
  "exec.clean",
  "exec.consolelog",
  "exec.created",
  "exec.fib",
  "exec.jail_user",
  "exec.poststart",
  "exec.poststop",
  "exec.prepare",
  "exec.prestart",
  "exec.prestop",
  "exec.release",
  "exec.start",
  "exec.stop",
  "exec.system_jail_user",
  "exec.system_user",
  "exec.timeout",
  "interface",
  "ip_hostname",
  "mount",
  "mount.devfs",
  "mount.fdescfs",
  "mount.fstab",
  "mount.procfs",
  "stop.timeout",
  "vnet.interface",
]);
const booleans = [
  "allow.dying",
  "exec.clean",
  "exec.system_jail_user",
  "ip_hostname",
  "mount.devfs",
  "mount.fdescfs",
  "mount.procfs",
];
const integers = ["exec.fib", "exec.timeout", "stop.timeout"];

type Step =
  | "exec.prepare"
  | "ip4.addr"
  | "ip6.addr"
  | "mount"
  | "mount.fstab"
  | "mount.devfs"
  | "mount.fdescfs"
  | "mount.procfs"
  | "exec.prestart"
  | "operation"
  | "exec.created"
  | "vnet.interface"
  | "exec.start"
  | "command"
  | "exec.poststart"
  | "exec.prestop"
  | "exec.stop"
  | "stop.timeout"
  | "exec.poststop"
  | "exec.release";

const startSteps: readonly Step[] = [
  "exec.prepare",
  "ip4.addr",
  "ip6.addr",
  "mount",
  "mount.fstab",
  "mount.devfs",
  "mount.fdescfs",
  "mount.procfs",
  "exec.prestart",
  "operation",
  "exec.created",
  "vnet.interface",
  "exec.start",
  "command",
  "exec.poststart",
];

const stopSteps: readonly Step[] = [
  "exec.prestop",
  "exec.stop",
  "stop.timeout",
  "operation",
  "exec.poststop",
  "mount.procfs",
  "mount.fdescfs",
  "mount.devfs",
  "mount.fstab",
  "mount",
  "ip6.addr",
  "ip4.addr",
  "exec.release",
];

/** Undone last first when jails stop. */
const reversed: readonly Step[] = ["mount", "mount.fstab", "ip4.addr", "ip6.addr"];
/** Hooks of the start are not run when a failed start is undone. */
const notUndone: readonly Step[] = [
  "exec.prepare",
  "exec.prestart",
  "exec.created",
  "exec.start",
  "command",
  "exec.poststart",
];
const inJail: readonly Step[] = ["exec.start", "command", "exec.stop"];

type Direction = "start" | "stop" | "undo";

/** One jail that this jail(8) works on. */
export class JailRun {
  jail: Jail | undefined;
  failed: boolean;
  private prepared = false;
  private settings: JailSettings = [];
  /** `ip4.addr = "em0|10.0.0.1/24"`: the part for ifconfig. */
  private readonly lists = new Map<Step, string[]>();
  /** `persist` was set only to keep the jail alive while commands are run. */
  private persistsForCommands = false;

  constructor(
    readonly session: Session,
    readonly config: JailConfig,
    /** A running jail named on the command line that no file describes. */
    readonly running?: Jail,
  ) {
    this.failed = config.failed;
    this.jail = running;
  }

  get name(): string | undefined {
    return this.config.name;
  }

  note(text: string): void {
    this.session.stdout += this.name === undefined ? `${text}\n` : `${this.name}: ${text}\n`;
  }

  warn(text: string): void {
    this.session.stderr += this.name === undefined ? `jail: ${text}\n` : `jail: ${this.name}: ${text}\n`;
  }

  /** `"j1" already exists` */
  quotedWarn(text: string): void {
    const shown = this.name ?? this.config.text("jid") ?? this.config.text("name");
    this.session.stderr += shown === undefined ? "jail: no jail specified\n" : `jail: "${shown}" ${text}\n`;
  }

  /** Checks the parameters and finds the running jail. */
  async prepare(forKernel: boolean): Promise<boolean> {
    if (this.prepared) return !this.failed;
    this.prepared = true;
    if (!(await this.checkInternal()) || (forKernel && !this.importParameters())) {
      this.failed = true;
      return false;
    }
    this.find();
    return !this.failed;
  }

  find(): void {
    if (this.running) return;
    const key = this.config.text("jid") ?? this.config.text("name");
    const dying = this.session.allowDying || this.config.flag("allow.dying");
    const jails = this.session.io.kernel.jails;
    this.jail = key === undefined ? undefined : dying ? jails.find(key, { dying: true }) : jails.find(key);
    if (this.jail && !this.jail.dying && this.config.text("jid") === undefined && this.jail.name !== key)
      this.jail = undefined;
  }

  async start(): Promise<boolean> {
    if (await this.steps(startSteps, "start")) {
      this.clearPersist();
      return true;
    }
    this.failed = true;
    return false;
  }

  async stop(): Promise<boolean> {
    if (!(await this.steps(stopSteps, "stop"))) this.failed = true;
    return !this.failed;
  }

  /** `jail -m` */
  update(): boolean {
    const jail = this.jail!;
    try {
      this.session.io.kernel.jails.update(
        jail,
        this.settings.filter(([name]) => name !== "jid"),
      );
    } catch (error) {
      this.warn(words(error));
      this.failed = true;
      return false;
    }
    if (this.session.verbose >= 0 && (this.name !== undefined || this.session.verbose > 0))
      this.note("updated");
    return true;
  }

  /** Whether an update would change what only a creation may set. */
  needsRestart(): boolean {
    const jails = this.session.io.kernel.jails;
    return this.settings.some(([name, value]) => {
      const [plain, wanted] = jails.import(name, value);
      return (
        jails.parameter(plain).parameter.access === "create" &&
        plain !== "jid" &&
        jails.value(this.jail!, plain) !== wanted
      );
    });
  }

  private async steps(steps: readonly Step[], direction: "start" | "stop"): Promise<boolean> {
    for (const [at, step] of steps.entries()) {
      const values = this.values(step);
      if (direction === "stop" && reversed.includes(step)) values.reverse();
      for (const [done, value] of values.entries()) {
        if (await this.step(step, value, direction)) continue;
        if (direction === "start") await this.undo(at, values.slice(0, done));
        return false;
      }
    }
    return true;
  }

  /** What jail(8) takes back of a failed start: mounts, addresses, the jail; no hook. */
  private async undo(failedAt: number, doneOfIt: readonly string[]): Promise<void> {
    for (let at = failedAt; at >= 0; at--) {
      const step = startSteps[at]!;
      if (notUndone.includes(step) || (at === failedAt && step === "operation")) continue;
      const values = at === failedAt ? [...doneOfIt] : this.values(step);
      for (const value of values.reverse()) if (!(await this.step(step, value, "undo"))) break;
    }
  }

  private values(step: Step): string[] {
    switch (step) {
      case "operation":
      case "stop.timeout":
        return [""];
      case "mount.devfs":
      case "mount.fdescfs":
      case "mount.procfs":
        return this.config.flag(step) ? [""] : [];
      case "ip4.addr":
      case "ip6.addr":
      case "mount.fstab":
        return [...(this.lists.get(step) ?? [])];
      case "command":
        return this.name === undefined && this.config.texts(step).length > 0 ? [""] : this.config.texts(step);
      default:
        return this.config.texts(step).filter((value) => value !== "");
    }
  }

  private async step(step: Step, value: string, direction: Direction): Promise<boolean> {
    if (step === "operation") return direction === "start" ? this.create() : this.remove(direction);
    if (step === "stop.timeout") return this.terminate();
    const command = await this.command(step, value, direction !== "start");
    if (command === undefined) return false;
    if (command.argv.length === 0) return true;
    return this.execute(step, command.argv, command.background);
  }

  private async create(): Promise<boolean> {
    const { session, config } = this;
    if (!(await this.checkRoot())) return false;
    const jails = session.io.kernel.jails;
    const commands = ["exec.start", "command", "exec.poststart"].some((name) => config.find(name));
    this.persistsForCommands = commands && !config.flag("persist");
    const given: JailSettings = this.persistsForCommands
      ? [["persist", undefined], ...this.settings.filter(([name]) => !sameOption(name, "persist"))]
      : this.settings;
    // kern_jail.c: vn_path_to_global_path(), so that jls(8) shows no symbolic link.
    const settings = given.map(([name, value]): JailSettings[number] =>
      name === "path" && value !== undefined ? [name, realpath(session.io, value)] : [name, value],
    );
    let problem: string | undefined;
    try {
      this.jail = jails.create(settings, { parent: session.io.who.jail });
    } catch (error) {
      problem = words(error);
    }
    if (session.verbose > 0)
      this.note(
        `jail_set(JAIL_CREATE)${given.map(([name, value]) => ` ${name}${value === undefined ? "" : `=${quoted(value)}`}`).join("")}`,
      );
    if (problem !== undefined) {
      this.warn(problem);
      return false;
    }
    if (session.printJid) session.stdout += `${this.jail!.jid}\n`;
    if (session.verbose > 0 || (session.verbose === 0 && this.name !== undefined)) this.note("created");
    return true;
  }

  private remove(direction: Direction): boolean {
    const { session } = this;
    if (this.jail) session.io.kernel.jails.remove(this.jail);
    const worthIt = direction === "stop" ? session.noteRemove : this.name !== undefined;
    if (session.verbose > 0 || (session.verbose === 0 && worthIt)) this.note("removed");
    this.jail = undefined;
    this.persistsForCommands = false;
    return true;
  }

  private terminate(): boolean {
    const { io } = this.session;
    if (this.config.int("stop.timeout") === 0) return true;
    const ours = io.kernel.processes.all.filter((process) => process.jid === this.jail?.jid);
    if (ours.length > 0 && this.session.verbose > 0)
      this.note(`sent SIGTERM to:${ours.map((process) => ` ${process.pid}`).join("")}`);
    for (const process of ours) io.kernel.processes.end(process.pid);
    return true;
  }

  private clearPersist(): void {
    if (!this.persistsForCommands || !this.jail) return;
    this.persistsForCommands = false;
    this.session.io.kernel.jails.update(this.jail, [["nopersist", undefined]]);
    if (this.session.verbose > 0) this.note(`jail_set(JAIL_UPDATE) jid=${this.jail.jid} nopersist`);
  }

  /** The words of a step's command; undefined when it cannot be built. */
  private async command(
    step: Step,
    value: string,
    down: boolean,
  ): Promise<{ argv: string[]; background: boolean } | undefined> {
    const plain = (argv: string[]) => ({ argv, background: false });
    switch (step) {
      case "ip4.addr":
      case "ip6.addr":
        return plain(this.addressCommand(step, value, down));
      case "vnet.interface": {
        const jail = this.config.text("jid") ?? this.config.text("name") ?? String(this.jail?.jid);
        return plain(["/sbin/ifconfig", value, down ? "-vnet" : "vnet", jail]);
      }
      case "mount":
      case "mount.fstab": {
        const fields = value
          .split(/\s+/)
          .filter((field) => field !== "")
          .slice(0, 4);
        const [special, node, type, options] = fields;
        if (special === undefined) return plain([]);
        if (node === undefined || type === undefined) {
          this.warn(`${step}: ${value}: missing information`);
          return undefined;
        }
        if (!(await this.checkPath(step, node, { unmount: down ? type : undefined }))) return undefined;
        if (down) return plain(["/sbin/umount", "-t", type, node]);
        return plain([
          "/sbin/mount",
          "-t",
          type,
          ...(options === undefined ? [] : ["-o", options]),
          special,
          node,
        ]);
      }
      case "mount.devfs":
      case "mount.fdescfs":
      case "mount.procfs": {
        const type = step.slice("mount.".length);
        const root = this.config.text("path");
        if (root === undefined) {
          this.warn(`${step}: no jail root path defined`);
          return undefined;
        }
        const node = root + { devfs: "/dev", fdescfs: "/dev/fd", procfs: "/proc" }[type]!;
        if (!(await this.checkPath(step, node, { unmount: down ? type : undefined }))) return undefined;
        if (down) return plain(["/sbin/umount", node]);
        const ruleset = this.config.text("devfs_ruleset") ?? "4";
        return plain([
          "/sbin/mount",
          "-t",
          type,
          ...(type === "devfs" ? [`-oruleset=${ruleset}`] : []),
          ".",
          node,
        ]);
      }
      default: {
        if (step === "command" && this.name === undefined) return plain(this.config.texts("command"));
        const special = /[!"$&'()*;<>?[\\\]`{|}~]/.exec(value);
        const background = special?.[0] === "&" && special.index === value.length - 1;
        if (special && !background) return plain(["/bin/sh", "-c", value]);
        const words = (background ? value.slice(0, -1) : value).split(/\s+/).filter((word) => word !== "");
        return { argv: words, background };
      }
    }
  }

  private addressCommand(step: "ip4.addr" | "ip6.addr", value: string, down: boolean): string[] {
    const [first = "", ...extra] = value.split(" ");
    const bar = first.indexOf("|");
    const interfaceName = bar < 0 ? (this.config.text("interface") ?? "") : first.slice(0, bar);
    const address = first.slice(bar + 1);
    const slash = address.indexOf("/");
    const mask = address.slice(slash + 1);
    const words =
      step === "ip6.addr"
        ? ["inet6", address, ...(slash < 0 ? ["prefixlen", "128"] : [])]
        : slash < 0
          ? ["inet", address, "netmask", "255.255.255.255"]
          : mask.includes(".")
            ? ["inet", address.slice(0, slash), "netmask", mask]
            : ["inet", address];
    return ["/sbin/ifconfig", interfaceName, ...words, ...(down ? [] : extra), down ? "-alias" : "alias"];
  }

  private async execute(step: Step, argv: string[], background: boolean): Promise<boolean> {
    const { session } = this;
    const { io } = session;
    const inside = inJail.includes(step);
    const line = argv.join(" ");
    const log = inside ? this.config.text("exec.consolelog") : undefined;
    if (log !== undefined && !(await this.checkPath("exec.consolelog", log, { mayBeMissing: true })))
      return false;
    const user = this.config.text(inside ? "exec.jail_user" : "exec.system_user");
    if (session.verbose > 0)
      this.note(`run command${inside ? " in jail" : ""}${user === undefined ? "" : ` as ${user}`}: ${line}`);

    const jail = this.jail;
    const before = io.kernel.clock.now();
    const result = await this.child(argv, inside ? jail : undefined, log !== undefined);
    if (log === undefined) {
      session.stdout += result.stdout;
      session.stderr += result.stderr;
    } else if (!(await this.appendLog(log, result.stdout + result.stderr))) return false;
    if (background) return true;

    const limit = this.config.int("exec.timeout") ?? 0;
    if (limit > 0 && io.kernel.clock.now() - before > limit * 1000) {
      this.warn(`${line}: timed out`);
      return false;
    }
    if (result.status === 0) return true;
    // The shell's way to say that a signal ended it.
    if (result.status > 128) this.warn(`${line}: exited on signal ${result.status - 128}`);
    else this.warn(`${line}: failed`);
    return false;
  }

  /** `together`: standard error goes where standard output goes, in order. */
  private async child(argv: readonly string[], jail: Jail | undefined, together: boolean): Promise<Result> {
    const { process } = this.session.io;
    const out = new Sink();
    const err = together ? out : new Sink();
    const fds = new Map<number, Stream>(process.fds).set(1, out).set(2, err);
    let status = 1;
    try {
      const clean = this.config.flag("exec.clean") && { env: userEnvironment(process, { clean: true }) };
      status = jail
        ? await runInside(process, jail, argv, { fds, ...clean })
        : await process.spawn(argv, { fds, ...clean });
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      const who = this.name === undefined ? "" : `${this.name}: `;
      err.bytes += `jail: ${who}exec ${argv[0]}: ${reason(error)}\n`;
    }
    return { stdout: toText(out.bytes), stderr: together ? "" : toText(err.bytes), status };
  }

  private async appendLog(path: string, text: string): Promise<boolean> {
    try {
      await this.session.io.fs.appendFile(path, text);
      return true;
    } catch (error) {
      this.warn(`open ${path}: ${reason(error)}`);
      return false;
    }
  }

  /** Below the jail's root no component may be a symbolic link: its root user could aim it anywhere. */
  private async checkPath(
    what: string,
    path: string,
    options: { mayBeMissing?: boolean; unmount?: string | undefined },
  ): Promise<boolean> {
    const { fs } = this.session.io;
    const complain = (text: string): false => {
      this.warn(`${what}: ${text}`);
      return false;
    };
    if (!path.startsWith("/")) return complain(`${path}: not an absolute pathname`);
    const root = this.config.text("path") ?? "";
    if (!path.startsWith(`${root}/`)) return true;
    const below = path.slice(root.length).split("/").slice(1);
    for (let depth = 1; depth <= below.length; depth++) {
      const part = `${root}/${below.slice(0, depth).join("/")}`;
      try {
        if ((await fs.lstat(part)).isSymbolicLink) return complain(`${part} is a symbolic link`);
      } catch (error) {
        if (options.mayBeMissing && depth === below.length) break;
        return complain(`${part}: ${reason(error)}`);
      }
    }
    if (options.unmount === undefined) return true;
    const mounted = await this.session.io.run(["/sbin/mount", "-p"]);
    const type = mounted.stdout
      .split("\n")
      .map((line) => line.split(/\s+/))
      .findLast((fields) => fields[1] === realpath(this.session.io, path))?.[2];
    if (type === undefined) return complain(`${path}: not a mount point`);
    if (type !== options.unmount) return complain(`${path}: not a ${options.unmount} mount`);
    return true;
  }

  private async checkInternal(): Promise<boolean> {
    const { config } = this;
    let good = true;
    const complain = (text: string): void => {
      this.warn(text);
      good = false;
    };
    for (const parameter of config.parameters) {
      const value = parameter.values.at(-1)?.text;
      if (value === undefined) continue;
      const isOne = (names: readonly string[]): boolean =>
        names.some((name) => sameOption(name, parameter.name));
      if (isOne(booleans) && !/^(true|false|-?\d+)$/i.test(value))
        complain(`${parameter.name}: unknown boolean value "${value}"`);
      if (isOne(integers) && !/^-?\d+$/.test(value))
        complain(`${parameter.name}: non-integer value "${value}"`);
    }
    for (const step of ["ip4.addr", "ip6.addr"] as const) {
      const full = config.texts(step);
      this.lists.set(
        step,
        full.filter((value) => value.includes("|") || config.text("interface") !== undefined),
      );
      const parameter = config.find(step);
      for (const value of parameter?.values ?? [])
        value.text = value.text.replace(/^.*\|/, "").replace(/[/ ].*$/, "");
    }
    for (const file of config.texts("mount.fstab").filter((name) => name !== "")) {
      let text: string;
      try {
        text = await this.session.io.fs.readFile(file);
      } catch (error) {
        complain(`mount.fstab: ${file}: ${reason(error)}`);
        continue;
      }
      const lines = text.split("\n").map((line) => line.replace(/#.*/, ""));
      this.lists.set("mount.fstab", [
        ...(this.lists.get("mount.fstab") ?? []),
        ...lines.filter((line) => line.trim() !== ""),
      ]);
    }
    return good;
  }

  private importParameters(): boolean {
    const jails = this.session.io.kernel.jails;
    const settings: [string, string | undefined][] = [];
    let good = true;
    for (const parameter of this.config.parameters) {
      if ([...internal].some((name) => sameOption(name, parameter.name))) continue;
      const value = kernelValue(parameter);
      try {
        jails.import(parameter.name, value);
        settings.push([parameter.name, value]);
      } catch (error) {
        good = false;
        this.warn(words(error));
      }
    }
    this.settings = settings;
    return good;
  }

  /** A better message than jail_set(2) gives. */
  private async checkRoot(): Promise<boolean> {
    const path = this.config.text("path");
    if (path === undefined) return true;
    if (this.name !== undefined && !path.startsWith("/")) {
      this.warn(`path ${path}: not an absolute pathname`);
      return false;
    }
    try {
      if ((await this.session.io.fs.stat(path)).isDirectory) return true;
      this.warn(`path ${path}: Not a directory`);
    } catch (error) {
      this.warn(`path ${path}: ${reason(error)}`);
    }
    return false;
  }
}

function kernelValue(parameter: Parameter): string | undefined {
  if (parameter.values.length === 0) return undefined;
  const list = parameter.name === "ip4.addr" || parameter.name === "ip6.addr";
  return list ? parameter.values.map((value) => value.text).join(",") : parameter.values.at(-1)!.text;
}

function words(error: unknown): string {
  if (error instanceof JailError) return error.message;
  if (error instanceof Errno) return `jail_set: ${error.message}`;
  throw error;
}
