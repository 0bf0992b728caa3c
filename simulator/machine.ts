import { Clock } from "./clock";
import type { Commands, Result } from "./command";
import { commands } from "./commands";
import { makeDisk } from "./image";
import { Kernel } from "./kernel";
import { credentialsOf } from "./kernel/accounts";
import type { Disk } from "./kernel/storage";
import { type Inode, toBytes, toText } from "./kernel/vfs";
import { boot } from "./rc/boot";
import { attachInterfaces } from "./rc/devd";
import { type ReleaseNumber, releases } from "./release";
import { runShell } from "./shell/main";
import { Killed, Process, type Session, Task } from "./shell/process";
import { Sink, type Stream, Text } from "./shell/streams";

/** What a fault does in place of the command. */
export type FaultResult = { readonly status: number; readonly stderr?: string } | "hang" | "cut" | "off";

/**
 * Which commands: a pattern over the arguments joined by blanks, or a test of the arguments. A program comes with its
 * entry in the log; what the shell does itself has none.
 */
export type FaultPattern = RegExp | FaultTest;

type FaultTest = (argv: readonly string[], program: LogEntry | undefined) => boolean;

interface Fault {
  readonly matches: FaultTest;
  readonly result: FaultResult;
  times: number;
  skip: number;
}

export interface LogEntry {
  readonly argv: readonly string[];
  /** -1 while it runs, and if it never ended. */
  status: number;
  /** Name of the jail it ran in. */
  readonly jail: string | undefined;
  /** The program that started it; none for what a login shell starts. */
  readonly by: LogEntry | undefined;
}

/** One file of a snapshot. */
export interface FileSnapshot {
  readonly type: Inode["type"];
  /** Octal. */
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly flags?: readonly string[];
  /** A file's text, a symbolic link's target. */
  readonly content?: string;
}

/** All of a machine as plain data: for comparing before and after. */
export interface Snapshot {
  readonly files: Readonly<Record<string, FileSnapshot>>;
  readonly kernel: Readonly<Record<string, unknown>>;
}

export interface MachineOptions {
  /** A disk to start from; a pristine one by default. */
  readonly disk?: Disk;
  /** Which FreeBSD is on a pristine disk: 14.0 by default, the recorded one. */
  readonly release?: ReleaseNumber;
}

export interface ExecOptions {
  readonly stdin?: string;
  /** Login name; `root` by default. */
  readonly user?: string;
}

/** Descriptors and session of a command that does not run to its end at once. */
export interface StartOptions {
  readonly user?: string;
  readonly fds: Map<number, Stream>;
  readonly session: Session;
  /** Beyond what a login sets. */
  readonly env?: Readonly<Record<string, string>>;
}

const LOGIN_PATH = "/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin";

/** A FreeBSD host that is not there: a disk, a clock, and a kernel that a reboot replaces. */
export class Machine {
  readonly commands: Commands = commands;
  /** Every program that was started, in order. */
  readonly log: LogEntry[] = [];
  private readonly faults: Fault[] = [];
  private readonly pids = new WeakMap<Task, number>();
  private running: Kernel;

  private constructor(
    readonly disk: Disk,
    readonly clock: Clock,
  ) {
    this.running = new Kernel(disk, clock);
  }

  /** A machine that has booted. */
  static async create(options: MachineOptions = {}): Promise<Machine> {
    const clock = new Clock();
    const { release = "14.0" } = options;
    const disk = options.disk ?? makeDisk(Object.keys(commands), clock.now(), releases[release]);
    const machine = new Machine(disk, clock);
    await boot(machine);
    machine.log.length = 0;
    return machine;
  }

  get kernel(): Kernel {
    return this.running;
  }

  /** Resolves when it is up again after the last loss of power. */
  restarted: Promise<void> = Promise.resolve();

  /** Called when the machine goes down: connections to it break. */
  onReboot: () => void = () => {};
  /** False between a shutdown and the end of /etc/rc: nobody answers. */
  isUp = true;

  /** `shutdown -r now`, and waiting until /etc/rc is done. Sessions end; the disk stays. */
  async reboot(): Promise<void> {
    this.isUp = false;
    this.onReboot();
    this.halt();
    await this.clock.sleep(20_000);
    const { messages } = this.running;
    this.running = new Kernel(this.disk, this.clock);
    this.running.messages.inherit(messages);
    await boot(this);
    this.isUp = true;
  }

  /** Ends everything that runs. */
  halt(): void {
    this.running.halted = true;
    for (const session of [...this.sessions]) session.end();
    this.clock.cancel();
  }

  /** Sessions that are open; a reboot ends them. */
  readonly sessions = new Set<LocalSession>();

  /** Runs `command` as sshd does: by the user's login shell. */
  async exec(command: string, options: ExecOptions = {}): Promise<Result> {
    const out = new Sink();
    const err = new Sink();
    const session = new LocalSession(this.sessions);
    const fds = new Map<number, Stream>([
      [0, new Text(toBytes(options.stdin ?? ""))],
      [1, out],
      [2, err],
    ]);
    const status = await this.start(command, {
      fds,
      session,
      ...(options.user === undefined ? {} : { user: options.user }),
    });
    session.end();
    return { stdout: toText(out.bytes), stderr: toText(err.bytes), status };
  }

  /** The exit status; 255 (as ssh has it) if the session or a signal ended the command. */
  async start(command: string, options: StartOptions): Promise<number> {
    const process = this.login(options);
    try {
      const status = await runShell(["-c", command], process, "sh");
      await attachInterfaces(this);
      return status;
    } catch (error) {
      if (error instanceof Killed) return 255;
      throw error;
    }
  }

  /** The process of a login, as sshd starts it. */
  login({ user = "root", fds, session, env = {} }: StartOptions): Process {
    const { storage, processes } = this.kernel;
    const credentials = credentialsOf(storage.fs, user);
    if (!credentials) throw new Error(`no such user: ${user}`);
    const { account } = credentials;
    const variables = {
      LANG: "C.UTF-8",
      MM_CHARSET: "UTF-8",
      BLOCKSIZE: "K",
      USER: user,
      LOGNAME: user,
      HOME: account.home,
      PATH: `${LOGIN_PATH}:${account.home}/bin`,
      MAIL: `/var/mail/${user}`,
      SHELL: account.shell,
      ...env,
    };
    return new Process({
      machine: this,
      kernel: this.kernel,
      session,
      task: new Task(processes.reserve()),
      jail: undefined,
      fs: storage.fs.as(credentials),
      cwd: storage.fs.isDirectory(account.home) ? account.home : "/",
      env: new Map(Object.entries(variables)),
      fds,
      deadline: undefined,
      background: false,
      program: undefined,
    });
  }

  /** `$$`: the same for all subshells of a shell. */
  shellPid(process: Process): number {
    const { task } = process;
    const known = this.pids.get(task) ?? task.pid;
    this.pids.set(task, known);
    return known;
  }

  /**
   * The next commands that match do not run: they exit with a status and a message, or never end (`hang`). With
   * `cut` the SSH connection breaks before they run, with `off` the host loses its power and boots again (`restarted`).
   * @param options.times how many of them, 1 by default
   * @param options.skip how many that match run as usual first
   */
  fault(pattern: FaultPattern, result: FaultResult, options: { times?: number; skip?: number } = {}): void {
    const matches =
      pattern instanceof RegExp ? (argv: readonly string[]) => pattern.test(argv.join(" ")) : pattern;
    this.faults.push({ matches, result, times: options.times ?? 1, skip: options.skip ?? 0 });
  }

  /** The status that a fault gives in place of the command's own. */
  async inject(process: Process, argv: readonly string[], program?: LogEntry): Promise<number | undefined> {
    const fault = this.faults.find((f) => f.times > 0 && f.matches(argv, program));
    if (!fault) return undefined;
    if (fault.skip > 0) {
      fault.skip--;
      return undefined;
    }
    fault.times--;
    if (fault.result === "hang") return process.hang();
    if (fault.result === "cut") {
      process.session.cut();
      return undefined;
    }
    if (fault.result === "off") {
      this.restarted = this.reboot();
      process.check();
      return undefined;
    }
    process.tell(fault.result.stderr ?? "");
    return fault.result.status;
  }

  snapshot(): Snapshot {
    return { files: this.files(), kernel: this.model() };
  }

  private files(): Record<string, FileSnapshot> {
    const { fs } = this.kernel.storage;
    const out: Record<string, FileSnapshot> = {};
    const add = (path: string): void => {
      const node = fs.node(path, { follow: false });
      out[path] = {
        type: node.type,
        mode: node.mode.toString(8),
        uid: node.uid,
        gid: node.gid,
        ...(node.flags.length > 0 ? { flags: [...node.flags] } : {}),
        ...(node.type === "file" ? { content: toText(node.content) } : {}),
        ...(node.type === "symlink" ? { content: node.target } : {}),
      };
      if (node.type !== "directory") return;
      for (const name of fs.list(path)) add(path === "/" ? `/${name}` : `${path}/${name}`);
    };
    add("/");
    return out;
  }

  /** Every part of the kernel that can show itself. */
  private model(): Record<string, unknown> {
    const out: Record<string, unknown> = {
      environment: Object.fromEntries(this.kernel.environment),
      processes: this.kernel.processes.all.map(({ command, name, jid }) => ({ command, name, jid })),
    };
    for (const [name, part] of Object.entries(this.kernel)) {
      const shows = part as { snapshot?: () => unknown } | null;
      if (typeof shows?.snapshot === "function") out[name] = shows.snapshot();
    }
    return out;
  }
}

/** What sshd(8) runs for a client: it ends by itself or with the machine. A client that goes does not end it. */
export class LocalSession implements Session {
  ended = false;
  private readonly callbacks = new Set<() => void>();

  constructor(
    private readonly open: Set<LocalSession>,
    private readonly onCut: () => void = () => {},
  ) {
    open.add(this);
  }

  onEnd(callback: () => void): () => void {
    this.callbacks.add(callback);
    return () => this.callbacks.delete(callback);
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.open.delete(this);
    for (const callback of [...this.callbacks]) callback();
  }

  cut(): void {
    this.onCut();
  }
}
