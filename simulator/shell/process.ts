import type { Credentials, Io, Result } from "../command";
import { Errno, fail } from "../command";
import type { Kernel } from "../kernel";
import type { Jail } from "../kernel/jails";
import type { Vnet } from "../kernel/network";
import { toBytes, toText, type Vfs, type VfsUser } from "../kernel/vfs";
import type { LogEntry, Machine } from "../machine";
import { signalNumbers } from "./signals";
import { Sink, type Stream, Text } from "./streams";

/** A process ends by a signal: nothing of it goes on, and no error message is printed by it. */
export class Killed extends Error {
  constructor(readonly signal: string) {
    super(`killed by SIG${signal}`);
  }
}

/** A command wanted standard input that has not arrived yet; it runs again once it has. */
class InputPending extends Error {}

/** What all processes of one login have in common. */
export interface Session {
  readonly ended: boolean;
  /** Calls back once, when the session ends; the result takes the callback away. */
  onEnd(callback: () => void): () => void;
  /** Breaks the connection; the processes go on. */
  cut(): void;
}

/** What kill(1) reaches: a command with its children. */
export class Task {
  private pending: string | undefined;
  private readonly listeners = new Set<() => void>();

  constructor(readonly pid: number) {}

  kill(signal: string): void {
    this.pending ??= signal;
    for (const wake of [...this.listeners]) wake();
  }
  get signal(): string | undefined {
    return this.pending;
  }
  /** The shell that traps the signal takes it. */
  take(): string | undefined {
    const taken = this.pending;
    this.pending = undefined;
    return taken;
  }
  onSignal(callback: () => void): () => void {
    this.listeners.add(callback);
    return () => this.listeners.delete(callback);
  }
}

export interface ProcessState {
  readonly machine: Machine;
  readonly kernel: Kernel;
  readonly session: Session;
  readonly task: Task;
  readonly jail: Jail | undefined;
  readonly fs: Vfs;
  cwd: string;
  readonly env: ReadonlyMap<string, string>;
  readonly fds: Map<number, Stream>;
  /** timeout(1) ends it then, on the host's clock. */
  readonly deadline: number | undefined;
  /** Runs beside others, so it waits for the clock instead of moving it. */
  readonly background: boolean;
  /** In the process table already, under its own pid. */
  readonly listed?: boolean;
  /** The program that it runs, as the log has it. */
  readonly program: LogEntry | undefined;
}

/** A running program's surroundings. */
export class Process implements ProcessState {
  readonly machine!: Machine;
  readonly kernel!: Kernel;
  readonly session!: Session;
  readonly task!: Task;
  readonly jail!: Jail | undefined;
  readonly fs!: Vfs;
  cwd!: string;
  readonly env!: ReadonlyMap<string, string>;
  readonly fds!: Map<number, Stream>;
  readonly deadline!: number | undefined;
  readonly background!: boolean;
  readonly listed?: boolean;
  program: LogEntry | undefined;
  /** What the program was called by: the shell's messages begin with it. */
  argv0 = "sh";

  constructor(state: ProcessState) {
    Object.assign(this, state);
  }

  get user(): VfsUser {
    return this.fs.user;
  }

  get vnet(): Vnet {
    for (let jail = this.jail; jail; jail = jail.parent) if (jail.vnet) return jail.vnet;
    return this.kernel.network.host;
  }

  /** A child: as this one but for `changes`; its descriptors are its own. */
  fork(changes: Partial<ProcessState> = {}): Process {
    return new Process({ ...stateOf(this), fds: new Map(this.fds), ...changes });
  }

  /** Ends this process here if its session, a signal or a deadline says so. */
  check(): void {
    if (this.session.ended || this.kernel.halted) throw new Killed("HUP");
    if (this.task.signal) throw new Killed(this.task.signal);
    if (this.deadline !== undefined && this.kernel.clock.now() > this.deadline) throw new Killed("TERM");
  }

  write(fd: number, text: string): void {
    if (text !== "") this.writeBytes(fd, toBytes(text));
  }

  writeBytes(fd: number, bytes: string): void {
    const stream = this.fds.get(fd);
    if (!stream) throw new Errno("EBADF");
    if (bytes === "") return;
    try {
      stream.write(bytes);
    } catch (error) {
      if (error instanceof Errno && error.code === "EPIPE") throw new Killed("PIPE");
      throw error;
    }
  }

  /** Lets time pass for this process. */
  async sleep(ms: number): Promise<void> {
    const { clock } = this.kernel;
    const end = clock.now() + ms;
    const until = Math.min(end, this.deadline ?? end);
    if (this.background) {
      let cancelled: () => void = () => {};
      const release = this.interruptible(() => cancelled());
      await clock.until(until, (cancel) => {
        cancelled = cancel;
      });
      release();
    } else await clock.sleep(Math.max(0, until - clock.now()));
    this.check();
    if (until < end) throw new Killed("TERM");
  }

  /** Never returns: something that does not answer. A deadline, a signal or the session's end ends it. */
  async hang(): Promise<never> {
    if (this.deadline !== undefined) {
      await this.sleep(Math.max(0, this.deadline - this.kernel.clock.now()) + 1);
    }
    await new Promise<void>((resolve) => {
      const release = this.interruptible(() => {
        release();
        resolve();
      });
    });
    this.check();
    throw new Killed("HUP");
  }

  /** Calls back when a signal comes or the session ends. */
  interruptible(callback: () => void): () => void {
    const a = this.session.onEnd(callback);
    const b = this.task.onSignal(callback);
    return () => {
      a();
      b();
    };
  }

  // Programs

  /** The file that `name` means: itself with a slash in it, else the first executable on PATH. */
  which(name: string, path = this.env.get("PATH") ?? DEFAULT_PATH): string | undefined {
    if (name.includes("/")) return name;
    for (const directory of path.split(":")) {
      const file = this.fs.resolvePath(this.cwd, directory === "" ? name : `${directory}/${name}`);
      const node = this.fs.peek(file);
      if (node?.type === "file" && this.fs.may(node, EXECUTE)) return file;
    }
    return undefined;
  }

  /** execvp(3) in a child. Throws Errno if there is no such program. */
  async spawn(argv: readonly string[], changes: Partial<ProcessState> = {}): Promise<number> {
    const child = this.fork(changes);
    const file = child.which(argv[0] ?? "");
    if (file === undefined) throw new Errno(child.deniedOnPath(argv[0] ?? "") ? "EACCES" : "ENOENT");
    return child.exec(file, argv);
  }

  /** execvp(3) answers EACCES rather than ENOENT if some directory on the way could not be searched. */
  deniedOnPath(name: string): boolean {
    if (this.user.uid === 0 || name.includes("/")) return false;
    return (this.env.get("PATH") ?? DEFAULT_PATH).split(":").some((directory) => {
      try {
        this.fs.node(`${directory}/${name}`);
        return true;
      } catch (error) {
        return error instanceof Errno && error.code === "EACCES";
      }
    });
  }

  /** execve(2): runs `file` as this process. */
  async exec(file: string, argv: readonly string[]): Promise<number> {
    this.check();
    const node = this.fs.node(this.fs.resolvePath(this.cwd, file));
    if (node.type !== "file" || !this.fs.may(node, EXECUTE)) throw new Errno("EACCES");
    if (node.content === "") return 0;
    const program = programOf(node.content);
    if (program === undefined) return this.interpret(file, node.content, argv);
    if (this.background && !this.listed) return this.listedWhile(argv, (child) => child.exec(file, argv));
    const entry: LogEntry = { argv: [...argv], status: -1, jail: this.jail?.name, by: this.program };
    this.machine.log.push(entry);
    this.program = entry;
    this.argv0 = argv[0] ?? "";
    const injected = await this.machine.inject(this, argv, entry);
    const status = injected ?? (await this.run(program, argv));
    entry.status = status;
    return status;
  }

  /** What runs for long can be seen and killed on its own. */
  private async listedWhile(
    argv: readonly string[],
    run: (child: Process) => Promise<number>,
  ): Promise<number> {
    const { processes, clock } = this.kernel;
    let task: Task | undefined;
    const entry = processes.start({
      command: argv.join(" "),
      name: (argv[0] ?? "").replace(/.*\//, ""),
      jid: this.jail?.jid ?? 0,
      uid: this.user.uid,
      startedAt: clock.now(),
      onExit: (signal = "TERM") => task?.kill(signal),
    });
    task = new Task(entry.pid);
    try {
      return await run(this.fork({ task, fds: this.fds, listed: true }));
    } catch (error) {
      if (!(error instanceof Killed) || task.signal === undefined || this.session.ended) throw error;
      return 128 + (signalNumbers[error.signal] ?? 15);
    } finally {
      processes.end(entry.pid);
    }
  }

  /** `#!interpreter [argument]`, or a script for sh without it. */
  private interpret(file: string, content: string, argv: readonly string[]): Promise<number> {
    const first = /^#!\s*(\S+)(?:[ \t]+([^\n]*?))?[ \t]*(?:\n|$)/.exec(content);
    const interpreter = first?.[1] ?? "/bin/sh";
    const rest = [...(first?.[2] ? [first[2]] : []), file, ...argv.slice(1)];
    return this.exec(interpreter, [interpreter, ...rest]);
  }

  private async run(program: string, argv: readonly string[]): Promise<number> {
    const command = this.machine.commands[program];
    if (!command) {
      this.write(2, `${argv[0]}: not simulated: ${program}\n`);
      return 127;
    }
    for (;;) {
      try {
        return this.report(argv[0] ?? "", await command(argv.slice(1), new ProcessIo(this)));
      } catch (error) {
        if (!(error instanceof InputPending)) throw error;
        const input = this.fds.get(0);
        this.fds.set(0, new Text((await input?.readAll()) ?? ""));
      }
    }
  }

  private report(name: string, result: Result): number {
    this.check();
    this.tell(result.stderr);
    try {
      if (result.stdout !== "") this.writeBytes(1, result.binary ? result.stdout : toBytes(result.stdout));
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      this.tell(`${name.replace(/.*\//, "")}: stdout: ${error.message}\n`);
      return result.status || 1;
    }
    return result.status;
  }

  /** Writes to standard error, which may be closed. */
  tell(text: string): void {
    try {
      this.write(2, text);
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
    }
  }

  /** Runs `argv` and gives back what it printed. */
  async capture(
    run: (child: Process) => Promise<number>,
    options: { stdin?: string; changes?: Partial<ProcessState> } = {},
  ): Promise<Result> {
    const out = new Sink();
    const err = new Sink();
    const fds = new Map<number, Stream>(this.fds);
    if (options.stdin !== undefined) fds.set(0, new Text(toBytes(options.stdin)));
    fds.set(1, out).set(2, err);
    const status = await run(this.fork({ ...options.changes, fds }));
    return { stdout: toText(out.bytes), stderr: toText(err.bytes), status };
  }

  /** The same process inside `jail`: its root, its network stack. */
  inJail(jail: Jail): Process {
    const fs = this.kernel.storage.fs.chroot(jail.path).as(this.user).withUmask(this.fs.umask);
    return this.fork({ jail, fs, cwd: "/" });
  }

  io(): Io {
    return new ProcessIo(this);
  }
}

export const EXECUTE = 1;
const DEFAULT_PATH = "/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin";

function stateOf(p: Process): ProcessState {
  const { machine, kernel, session, task, jail, fs, cwd, env, fds, deadline, background, program } = p;
  return { machine, kernel, session, task, jail, fs, cwd, env, fds, deadline, background, program };
}

const MAGIC = "\x7fELF\x02\x01\x01\x09FreeBSD ";

/** The content of a binary: wherever it is copied to, it stays that program. */
export const binary = (program: string): string => `${MAGIC}${program}\n`;

export const programOf = (content: string): string | undefined =>
  content.startsWith(MAGIC) ? content.slice(MAGIC.length).trimEnd() : undefined;

class ProcessIo implements Io {
  constructor(readonly process: Process) {}

  get kernel(): Kernel {
    return this.process.kernel;
  }
  get who(): Credentials {
    return { jail: this.process.jail, vnet: this.process.vnet, uid: this.process.user.uid };
  }
  get fs(): Vfs {
    return this.process.fs;
  }
  get stdin(): string {
    return toText(this.input);
  }
  get input(): string {
    const stream = this.process.fds.get(0);
    if (!stream) return "";
    const bytes = stream.readNow();
    if (bytes === undefined) throw new InputPending();
    return bytes;
  }
  get env(): ReadonlyMap<string, string> {
    return this.process.env;
  }
  get cwd(): string {
    return this.process.cwd;
  }
  sh(script: string, options: { stdin?: string; args?: string[] } = {}): Promise<Result> {
    const argv = ["sh", "-c", script, ...(options.args ? ["sh", ...options.args] : [])];
    return this.process.capture((child) => child.exec("/bin/sh", argv), options);
  }
  async run(argv: readonly string[], options: { stdin?: string } = {}): Promise<Result> {
    try {
      return await this.process.capture((child) => child.spawn(argv), options);
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      const missing = error.code === "ENOENT";
      return fail(missing ? 127 : 126, `${argv[0]}: ${missing ? "not found" : error.message}\n`);
    }
  }
  inJail(jail: Jail): Io {
    return this.process.inJail(jail).io();
  }
}
