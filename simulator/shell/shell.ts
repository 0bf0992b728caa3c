import type { CommandNode, ScriptNode, SimpleCommandNode, StatementNode, WordNode } from "just-bash";
import { Errno, strerror } from "../command";
import { accounts } from "../kernel/accounts";
import { resolvePath, toBytes, toText, type Vfs } from "../kernel/vfs";
import { type Builtin, builtins, special } from "./builtins";
import {
  type Expander,
  expandHereDocument,
  expandNow,
  expandPattern,
  expandText,
  expandWords,
} from "./expand";
import { hasOpenHereDocument, parseScript, SyntaxFailure } from "./parse";
import { patternToRegExp } from "./pattern";
import { Killed, type Process, Task } from "./process";
import { signalNumbers } from "./signals";
import { FileStream, Input, Sink, type Stream, Text } from "./streams";

/** Status of a program that wrote to somebody who was gone. */
const BROKEN_PIPE = 128 + (signalNumbers.PIPE ?? 13);
const isBrokenPipe = (error: unknown) => error instanceof Killed && error.signal === "PIPE";

type Redirection = SimpleCommandNode["redirections"][number];
type FunctionNode = Extract<CommandNode, { type: "FunctionDef" }>;

export interface Variable {
  value: string | undefined;
  exported: boolean;
  readonly: boolean;
}

/** An error that ends a shell which is not interactive: its message has been printed. */
export class Fatal extends Error {
  constructor(
    message: string,
    readonly status = 2,
  ) {
    super(message);
  }
}

export class Exit extends Error {
  constructor(readonly status: number) {
    super("exit");
  }
}

export class Return extends Error {
  constructor(readonly status: number) {
    super("return");
  }
}

export class Loop extends Error {
  constructor(
    readonly kind: "break" | "continue",
    public levels: number,
  ) {
    super(kind);
  }
}

export interface Job {
  readonly pid: number;
  readonly command: string;
  readonly task: Task;
  readonly done: Promise<number>;
  status: number | undefined;
}

/** Letters of `set`, as in `$-`. */
export const optionNames: Record<string, string> = {
  a: "allexport",
  C: "noclobber",
  e: "errexit",
  f: "noglob",
  i: "interactive",
  m: "monitor",
  n: "noexec",
  s: "stdin",
  u: "nounset",
  v: "verbose",
  x: "xtrace",
  b: "notify",
  E: "emacs",
  V: "vi",
  I: "ignoreeof",
  P: "physical",
  p: "privileged",
  T: "trapsasync",
};

/** FreeBSD's sh(1): one shell process. */
export class Shell implements Expander {
  readonly variables = new Map<string, Variable>();
  readonly functions = new Map<string, FunctionNode>();
  readonly aliases = new Map<string, string>();
  readonly options = new Set<string>();
  readonly traps = new Map<string, string>();
  readonly jobs: Job[] = [];
  positional: string[] = [];
  arg0 = "sh";
  /** What error messages begin with: the shell, the file that `.` reads, the builtin that runs. */
  commandName: string;
  status = 0;
  lastBackground: number | undefined;
  /** Variables to restore when the function returns; one per function call. */
  readonly locals: Map<string, Variable | undefined>[] = [];
  /** Greater than 0 where a failure is a question: `if`, `while`, `!`, all but the last of `&&`. */
  private tested = 0;
  private subshells = 0;
  private trapping = false;
  private inPlace = false;
  loops = 0;
  /** Of the last command substitution of the current simple command. */
  private substitutionStatus: number | undefined;

  constructor(
    public process: Process,
    arg0: string,
  ) {
    this.arg0 = arg0;
    this.commandName = arg0;
    for (const [name, value] of process.env) {
      if (/^[A-Za-z_]\w*$/.test(name)) this.variables.set(name, { value, exported: true, readonly: false });
    }
    for (const [name, value] of [
      ["PATH", "/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"],
      ["OPTIND", "1"],
      ["PS1", process.user.uid === 0 ? "# " : "$ "],
      ["PS2", "> "],
      ["PS4", "+ "],
      ["IFS", " \t\n"],
    ] as const) {
      if (name === "IFS" || !this.variables.has(name))
        this.variables.set(name, { value, exported: false, readonly: false });
    }
    this.variables.set("PWD", { value: process.cwd, exported: this.exported("PWD"), readonly: false });
  }

  private exported(name: string): boolean {
    return this.variables.get(name)?.exported ?? false;
  }

  // What expansion needs

  get fs(): Vfs {
    return this.process.fs;
  }
  get cwd(): string {
    return this.process.cwd;
  }
  get noGlob(): boolean {
    return this.options.has("noglob");
  }
  get noUnset(): boolean {
    return this.options.has("nounset");
  }

  get(name: string): string | undefined {
    return this.variables.get(name)?.value;
  }

  set(name: string, value: string): void {
    const known = this.variables.get(name);
    if (known?.readonly) throw this.fail(`${name}: is read only`);
    if (known) known.value = value;
    else this.variables.set(name, { value, exported: this.options.has("allexport"), readonly: false });
  }

  special(name: string): string | undefined {
    switch (name) {
      case "?":
        return String(this.status);
      case "$":
        return String(this.process.machine.shellPid(this.process));
      case "!":
        return this.lastBackground === undefined ? "" : String(this.lastBackground);
      case "-":
        return Object.entries(optionNames)
          .filter(([, long]) => this.options.has(long))
          .map(([letter]) => letter)
          .join("");
      case "0":
        return this.arg0;
      case "LINENO":
        return "1";
      default:
        return undefined;
    }
  }

  homeOf(user: string): string | undefined {
    return accounts(this.fs).users.find((u) => u.name === user)?.home;
  }

  fail(message: string): Fatal {
    return new Fatal(`${this.commandName}: ${message}`);
  }

  /** A message of the shell's own, to its standard error. */
  complain(message: string): void {
    this.process.tell(`${this.commandName}: ${message}\n`);
  }

  async substitute(script: ScriptNode): Promise<string> {
    const out = new Sink();
    const child = this.subshell(new Map(this.process.fds).set(1, out));
    this.substitutionStatus = await child.body(script.statements);
    return toText(out.bytes);
  }

  /** A copy of this shell: what happens in it stays in it. */
  subshell(fds = new Map(this.process.fds), changes: Partial<Process> = {}): Shell {
    const child = Object.create(Shell.prototype) as Shell;
    const variables = new Map<string, Variable>();
    for (const [name, v] of this.variables) variables.set(name, { ...v });
    Object.assign(child, this, {
      process: this.process.fork({ ...changes, fds }),
      variables,
      functions: new Map(this.functions),
      aliases: new Map(this.aliases),
      options: new Set(this.options),
      traps: new Map([...this.traps].filter(([, action]) => action === "")),
      jobs: [],
      positional: [...this.positional],
      locals: this.locals.map((l) => new Map(l)),
      subshells: this.subshells + 1,
      trapping: false,
      inPlace: false,
    });
    return child;
  }

  /** The environment of a program that this shell starts. */
  environment(extra?: ReadonlyMap<string, string>): Map<string, string> {
    const env = new Map<string, string>();
    for (const [name, v] of this.variables) if (v.exported && v.value !== undefined) env.set(name, v.value);
    if (extra) for (const [name, value] of extra) env.set(name, value);
    return env;
  }

  // Running a whole shell

  /** Runs `statements` as all that this shell does, then its EXIT trap. */
  async body(statements: readonly StatementNode[]): Promise<number> {
    return this.toTheEnd(() => this.list(statements));
  }

  async toTheEnd(run: () => Promise<void>): Promise<number> {
    try {
      await this.contained(run);
    } catch (error) {
      if (!isBrokenPipe(error)) throw error;
      return BROKEN_PIPE;
    }
    const action = this.traps.get("EXIT");
    if (action) {
      this.traps.delete("EXIT");
      const status = this.status;
      await this.contained(async () => {
        await this.evaluate(action);
        this.status = status;
      });
    }
    return this.status;
  }

  /** Turns what ends a shell into its exit status. A signal ends it too, after its trap. */
  private async contained(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      if (error instanceof Exit || error instanceof Return) this.status = error.status;
      else if (error instanceof Fatal) {
        if (error.message !== "") this.process.tell(`${error.message}\n`);
        this.status = error.status;
      } else if (error instanceof Killed && this.process.isAlive && this.traps.get(error.signal))
        await this.caught(error.signal);
      else if (!(error instanceof Loop)) throw error;
    }
  }

  private async caught(signal: string): Promise<void> {
    this.process.task.take();
    this.status = 128 + (signalNumbers[signal] ?? 15);
    await this.contained(() => this.evaluate(this.traps.get(signal) ?? ""));
  }

  /** A script's text, command by command: what comes before a syntax error runs. */
  async text(source: string): Promise<void> {
    try {
      await this.list(parseScript(source).statements);
    } catch (error) {
      if (!(error instanceof SyntaxFailure)) throw error;
      await this.upTo(source);
      throw this.syntaxError(error);
    }
  }

  syntaxError(error: SyntaxFailure): Fatal {
    return new Fatal(`${this.commandName}: ${error.line}: Syntax error: ${error.message}`);
  }

  /** The complete commands at the beginning of a text that does not parse as a whole. */
  private async upTo(source: string): Promise<void> {
    const lines = source.split(/(?<=\n)/);
    for (let n = lines.length - 1; n > 0; n--) {
      try {
        const { statements } = parseScript(lines.slice(0, n).join(""));
        if (hasContent(statements)) await this.list(statements);
        return;
      } catch (error) {
        if (!(error instanceof SyntaxFailure)) throw error;
      }
    }
  }

  /** `sh -s`, or sh without operands: commands are read as they come. */
  async interactiveText(input: Stream): Promise<void> {
    if (!(input instanceof Input)) return this.text(toText(await input.readAll()));
    let pending = "";
    while (!input.exhausted) {
      pending += toText(await input.readLines());
      if (input.exhausted) break;
      if (this.complete(pending)) {
        const source = pending;
        pending = "";
        await this.text(source);
      }
    }
    if (pending !== "") await this.text(pending);
  }

  private complete(source: string): boolean {
    try {
      return !hasOpenHereDocument(parseScript(source).statements);
    } catch (error) {
      return error instanceof SyntaxFailure && !error.incomplete;
    }
  }

  /** `eval`, traps: `source` in this shell. */
  async evaluate(source: string): Promise<void> {
    try {
      await this.list(parseScript(source).statements);
    } catch (error) {
      if (error instanceof SyntaxFailure) throw this.syntaxError(error);
      throw error;
    }
  }

  // Commands

  async list(statements: readonly StatementNode[]): Promise<void> {
    if (this.options.has("noexec")) return;
    for (const statement of statements) {
      if (statement.background) await this.background(statement);
      else if (!this.assignNow(statement)) await this.andOr(statement);
    }
  }

  /** `name=value` that needs nothing to be run: most of what a file such as rc.conf says, and without waiting. */
  private assignNow({ pipelines, operators }: StatementNode): boolean {
    const [pipeline] = pipelines;
    const [command] = pipeline?.commands ?? [];
    if (operators.length > 0 || pipeline?.negated || pipeline?.commands.length !== 1) return false;
    if (command?.type !== "SimpleCommand" || command.name || command.args.length > 0) return false;
    if (command.redirections.length > 0 || this.options.has("xtrace") || this.process.task.signal)
      return false;
    const [assignment, another] = command.assignments;
    if (!assignment || another || assignment.append || /\W/.test(assignment.name)) return false;
    const text = assignment.value ? expandNow(assignment.value.parts, this) : "";
    if (text === undefined) return false;
    this.process.check();
    this.set(assignment.name, text);
    this.substitutionStatus = undefined;
    this.status = 0;
    return true;
  }

  private async andOr(statement: StatementNode): Promise<void> {
    const { pipelines, operators } = statement;
    for (let n = 0; n < pipelines.length; n++) {
      const operator = operators[n - 1];
      if ((operator === "&&" && this.status !== 0) || (operator === "||" && this.status === 0)) continue;
      await this.pipeline(pipelines[n]!, n < pipelines.length - 1);
    }
  }

  private async pipeline(pipeline: StatementNode["pipelines"][number], tested: boolean): Promise<void> {
    const { commands, negated } = pipeline;
    const question = tested || negated;
    if (question) this.tested++;
    try {
      if (commands.length === 1) await this.command(commands[0]!);
      else await this.pipe(commands);
    } finally {
      if (question) this.tested--;
    }
    if (negated) this.status = this.status === 0 ? 1 : 0;
    else if (this.status !== 0) this.afterFailure(commands, tested);
    await this.pendingSignal();
  }

  /** `set -e`: compound commands have decided inside already. */
  private afterFailure(commands: readonly CommandNode[], tested: boolean): void {
    if (tested || this.tested > 0 || !this.options.has("errexit")) return;
    const [first] = commands;
    if (commands.length > 1 || first?.type === "SimpleCommand" || first?.type === "Subshell")
      throw new Exit(this.status);
  }

  private async pendingSignal(): Promise<void> {
    const { signal } = this.process.task;
    if (!signal || this.trapping || this.process.session.ended) return;
    const action = this.traps.get(signal);
    if (action === undefined) return;
    this.process.task.take();
    const { status } = this;
    this.trapping = true;
    try {
      await this.evaluate(action);
    } finally {
      this.trapping = false;
    }
    this.status = status;
  }

  private async pipe(commands: readonly CommandNode[]): Promise<void> {
    let input: Stream | undefined;
    let failed = 0;
    for (const [n, command] of commands.entries()) {
      const fds = new Map(this.process.fds);
      if (input) fds.set(0, input);
      const out = new Sink();
      if (n < commands.length - 1) fds.set(1, out);
      const child = this.subshell(fds);
      this.status = await child.toTheEnd(() => child.command(command));
      if (this.status !== 0) failed = this.status;
      input = new Text(out.bytes);
    }
    if (this.options.has("pipefail")) this.status = failed;
  }

  private async background(statement: StatementNode): Promise<void> {
    const command = (statement.sourceText ?? "").replace(/\s*&$/, "");
    const fds = new Map(this.process.fds).set(0, new Text(""));
    const [pipeline] = statement.pipelines;
    const single = statement.pipelines.length === 1 && pipeline?.commands.length === 1;
    const job = this.start(command, fds, single && pipeline.commands[0]?.type === "SimpleCommand", (child) =>
      child.toTheEnd(() => child.list([{ ...statement, background: false }])),
    );
    this.lastBackground = job.pid;
    this.jobs.push(job);
    this.status = 0;
    // Until it waits for something itself.
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** `inPlace`: the job is one program, which takes the place of the shell that starts it. */
  private start(
    command: string,
    fds: Map<number, Stream>,
    inPlace: boolean,
    run: (child: Shell) => Promise<number>,
  ): Job {
    const { processes, clock } = this.process.kernel;
    let task: Task | undefined;
    const entry = processes.start({
      command: inPlace ? command : `sh -c ${command}`,
      name: !inPlace ? "sh" : (/^\S+/.exec(command)?.[0].replace(/.*\//, "") ?? "sh"),
      jid: this.process.jail?.jid ?? 0,
      uid: this.process.user.uid,
      startedAt: clock.now(),
      onExit: (signal = "TERM") => task?.kill(signal),
    });
    task = new Task(entry.pid);
    const child = this.subshell(fds, { task, background: true, listed: true });
    child.inPlace = inPlace;
    const done = run(child)
      .catch((error: unknown) => {
        if (error instanceof Killed) return 128 + (signalNumbers[error.signal] ?? 15);
        throw error;
      })
      .then((status) => {
        processes.end(entry.pid);
        job.status = status;
        return status;
      });
    const job: Job = { pid: entry.pid, command, task, done, status: undefined };
    return job;
  }

  async command(command: CommandNode): Promise<void> {
    switch (command.type) {
      case "SimpleCommand":
        return this.simple(command);
      case "FunctionDef":
        this.functions.set(command.name, command);
        this.status = 0;
        return;
      case "ConditionalCommand":
        return this.redirected(command.redirections, async () => this.notFound("[["));
      case "ArithmeticCommand":
        return this.redirected(command.redirections, async () =>
          this.notFound((command.expression.originalText ?? "((").trim().split(/\s/)[0]!),
        );
      default:
        return this.redirected(command.redirections, () => this.compound(command));
    }
  }

  private async compound(command: CommandNode): Promise<void> {
    switch (command.type) {
      case "Group":
        return this.list(command.body);
      case "Subshell": {
        const child = this.subshell();
        this.status = await child.body(command.body);
        return;
      }
      case "If":
        for (const clause of command.clauses) {
          if (await this.question(clause.condition)) return this.listOrTrue(clause.body);
        }
        if (command.elseBody) return this.listOrTrue(command.elseBody);
        this.status = 0;
        return;
      case "For": {
        const words = command.words ? await expandWords(command.words, this) : [...this.positional];
        this.status = 0;
        return this.loop(words.values(), async (value) => {
          this.set(command.variable, value);
          await this.list(command.body);
        });
      }
      case "While":
      case "Until": {
        const wanted = command.type === "While";
        let last = 0;
        await this.loop(forever(), async () => {
          if ((await this.question(command.condition)) !== wanted) {
            this.status = last;
            throw new Loop("break", 1);
          }
          this.status = last;
          await this.list(command.body);
          last = this.status;
        });
        return;
      }
      case "Case":
        return this.choose(command);
      default:
        throw this.fail("Syntax error: word unexpected");
    }
  }

  private async listOrTrue(statements: readonly StatementNode[]): Promise<void> {
    // `$?` in the branch is still the condition's.
    if (statements.length === 0) this.status = 0;
    await this.list(statements);
  }

  private async question(condition: readonly StatementNode[]): Promise<boolean> {
    this.tested++;
    try {
      await this.list(condition);
    } finally {
      this.tested--;
    }
    return this.status === 0;
  }

  private async loop<T>(values: Iterator<T>, body: (value: T) => Promise<void>): Promise<void> {
    this.loops++;
    try {
      for (let turn = 1, next = values.next(); !next.done; next = values.next(), turn++) {
        this.process.check();
        if (turn % 256 === 0) await new Promise((resolve) => setImmediate(resolve));
        try {
          await body(next.value);
        } catch (error) {
          if (!(error instanceof Loop)) throw error;
          if (error.levels > 1) {
            error.levels--;
            throw error;
          }
          if (error.kind === "break") return;
        }
      }
    } finally {
      this.loops--;
    }
  }

  private async choose(command: Extract<CommandNode, { type: "Case" }>): Promise<void> {
    const word = await expandText(command.word, this);
    this.status = 0;
    for (const [n, item] of command.items.entries()) {
      if (!(await this.matches(item.patterns, word))) continue;
      for (let at = n; ; at++) {
        const chosen = command.items[at];
        if (!chosen) return;
        await this.list(chosen.body);
        if (chosen.terminator !== ";&") return;
      }
    }
  }

  private async matches(patterns: readonly WordNode[], word: string): Promise<boolean> {
    for (const pattern of patterns) {
      if (patternToRegExp(await expandPattern(pattern, this)).test(word)) return true;
    }
    return false;
  }

  // Simple commands

  private async simple(command: SimpleCommandNode): Promise<void> {
    this.process.check();
    this.substitutionStatus = undefined;
    const argv = await this.arguments(command);
    if (argv.length === 0) return this.assignOnly(command);
    const name = argv[0]!;
    if (this.options.has("xtrace")) this.trace(argv);
    const alias = this.aliases.get(name);
    if (alias !== undefined && command.name?.parts[0]?.type === "Literal") {
      return this.evaluate(`${alias} ${argv.slice(1).map(quoteWord).join(" ")}`);
    }
    const fn = this.functions.get(name);
    if (fn) return this.callFunction(fn, argv, command);
    const builtin = builtins[name];
    if (builtin) return this.callBuiltin(builtin, argv, command);
    return this.callProgram(argv, command);
  }

  /** `export`, `readonly` and `local` take assignments, which are not split. */
  private async arguments(command: SimpleCommandNode): Promise<string[]> {
    const words = command.name ? [command.name, ...command.args] : command.args;
    const first = command.name?.parts.length === 1 ? command.name.parts[0] : undefined;
    if (first?.type !== "Literal" || !/^(?:export|readonly|local)$/.test(first.value))
      return expandWords(words, this);
    const argv: string[] = [];
    for (const word of words) {
      const head = word.parts[0];
      if (head?.type === "Literal" && /^[A-Za-z_]\w*=/.test(head.value))
        argv.push(await expandText(word, this));
      else argv.push(...(await expandWords([word], this)));
    }
    return argv;
  }

  private trace(argv: readonly string[]): void {
    this.process.tell(`${this.get("PS4") ?? "+ "}${argv.map(quoteWord).join(" ")}\n`);
  }

  private async assignOnly(command: SimpleCommandNode): Promise<void> {
    const fds = await this.redirections(command.redirections);
    if (!fds) return;
    for (const { name, value, append } of command.assignments) {
      if (append || /\W/.test(name)) {
        // Bash's `a+=b`, `a[1]=b`: for sh a command of that name.
        return this.notFound(`${name}${append ? "+" : ""}=${value ? await expandText(value, this) : ""}`);
      }
      const text = value ? await expandText(value, this) : "";
      if (this.options.has("xtrace")) this.trace([`${name}=${text}`]);
      this.set(name, text);
    }
    this.status = this.substitutionStatus ?? 0;
    // Each stands on its own: a failed `x=$(false)` counts.
  }

  private async prefixed(command: SimpleCommandNode): Promise<Map<string, string>> {
    const values = new Map<string, string>();
    for (const { name, value } of command.assignments)
      values.set(name, value ? await expandText(value, this) : "");
    return values;
  }

  private async callFunction(fn: FunctionNode, argv: string[], command: SimpleCommandNode): Promise<void> {
    const prefix = await this.prefixed(command);
    // bin/sh/eval.c: what fails in a call goes on to the caller's handler, a redirection of the call too.
    const refused = () => {
      throw new Fatal("", this.status);
    };
    const run = async () => {
      const { positional, loops } = this;
      const saved = new Map<string, Variable | undefined>();
      this.locals.push(saved);
      for (const [name, value] of prefix) {
        this.saveLocal(name);
        this.variables.set(name, { value, exported: true, readonly: false });
      }
      this.positional = argv.slice(1);
      this.loops = 0;
      try {
        if (this.locals.length > 1000) throw this.fail("Maximum function recursion depth (1000) reached");
        await this.redirected(fn.redirections, () => this.command(fn.body));
      } catch (error) {
        if (!(error instanceof Return)) throw error;
        this.status = error.status;
      } finally {
        this.positional = positional;
        this.loops = loops;
        this.locals.pop();
        for (const [name, variable] of saved) {
          if (variable) this.variables.set(name, variable);
          else this.variables.delete(name);
        }
      }
    };
    await this.redirected(command.redirections, run, refused);
  }

  /** Remembers `name` as it is outside of the current function. */
  saveLocal(name: string): void {
    const saved = this.locals.at(-1);
    if (!saved || saved.has(name)) return;
    const known = this.variables.get(name);
    saved.set(name, known ? { ...known } : undefined);
  }

  private async callBuiltin(builtin: Builtin, argv: string[], command: SimpleCommandNode): Promise<void> {
    const name = argv[0]!;
    const isSpecial = special.has(name);
    const prefix = await this.prefixed(command);
    const fds = await this.redirections(command.redirections);
    if (!fds) {
      if (isSpecial) throw new Fatal("", this.status);
      return;
    }
    const injected = await this.process.machine.inject(this.process, argv);
    if (injected !== undefined) {
      this.status = injected;
      return;
    }
    const before = new Map<string, Variable | undefined>();
    for (const [key, value] of prefix) {
      const known = this.variables.get(key);
      if (!isSpecial) before.set(key, known ? { ...known } : undefined);
      this.set(key, value);
    }
    const keepFds = name === "exec" && argv.length === 1;
    const { commandName } = this;
    const saved = this.process.fds;
    this.exchange(fds);
    this.commandName = name;
    try {
      this.status = await builtin(this, argv.slice(1), commandName);
    } catch (error) {
      if (error instanceof Fatal && !isSpecial && !error.message.includes("Syntax error")) {
        this.process.tell(error.message === "" ? "" : `${error.message}\n`);
        this.status = error.status;
      } else if (error instanceof Errno) {
        this.complain(strerror[error.code]);
        this.status = 2;
      } else if (isBrokenPipe(error) && this.traps.has("PIPE")) {
        await this.evaluate(this.traps.get("PIPE") ?? "");
        this.status = 2;
      } else throw error;
    } finally {
      this.commandName = commandName;
      if (!keepFds) this.exchange(saved);
      for (const [key, variable] of before) {
        if (variable) this.variables.set(key, variable);
        else this.variables.delete(key);
      }
    }
  }

  private async callProgram(argv: string[], command: SimpleCommandNode): Promise<void> {
    const prefix = await this.prefixed(command);
    const fds = await this.redirections(command.redirections);
    if (!fds) return;
    const saved = this.process.fds;
    this.exchange(fds);
    try {
      await this.program(argv, prefix);
    } finally {
      this.exchange(saved);
    }
  }

  /** Finds and runs a program; 127 if there is none, 126 if it may not be run. */
  async program(argv: readonly string[], prefix?: ReadonlyMap<string, string>, path?: string): Promise<void> {
    const name = argv[0]!;
    const child = this.process.fork({ env: this.environment(prefix), listed: this.inPlace });
    const file = child.which(name, path ?? prefix?.get("PATH") ?? this.get("PATH"));
    if (file === undefined) {
      if (child.deniedOnPath(name)) {
        this.complain(`${name}: ${strerror.EACCES}`);
        this.status = 126;
      } else this.notFound(name);
      return;
    }
    try {
      this.status = await child.exec(file, argv);
    } catch (error) {
      if (error instanceof Killed && error.signal === "TERM" && this.process.task.signal === undefined)
        throw error;
      if (isBrokenPipe(error)) {
        this.status = BROKEN_PIPE;
        return;
      }
      if (!(error instanceof Errno)) throw error;
      if (error.code === "ENOENT") this.notFound(name);
      else {
        this.complain(`${name}: ${strerror[error.code]}`);
        this.status = 126;
      }
    }
  }

  notFound(name: string): void {
    this.complain(`${name}: not found`);
    this.status = 127;
  }

  // Redirections

  private exchange(fds: Map<number, Stream>): void {
    if (this.process.fds !== fds) this.process = this.process.fork({ fds });
    (this.process as { fds: Map<number, Stream> }).fds = fds;
  }

  /** Runs `body` with `redirections` in force; not at all, but `otherwise`, if one fails. */
  private async redirected(
    redirections: readonly Redirection[],
    body: () => Promise<void>,
    otherwise?: () => void,
  ): Promise<void> {
    if (redirections.length === 0) return body();
    const fds = await this.redirections(redirections);
    if (!fds) return otherwise?.();
    const saved = this.process.fds;
    this.exchange(fds);
    try {
      await body();
    } finally {
      this.exchange(saved);
    }
  }

  /** The descriptors that `redirections` make; undefined (with a message, status 2) if one fails. */
  async redirections(redirections: readonly Redirection[]): Promise<Map<number, Stream> | undefined> {
    if (redirections.length === 0) return this.process.fds;
    const fds = new Map(this.process.fds);
    for (const redirection of redirections) {
      const failure = await this.redirect(redirection, fds);
      if (failure === undefined) continue;
      this.complain(failure);
      this.status = 2;
      return undefined;
    }
    return fds;
  }

  /** Changes `fds`; gives the reason if that fails. */
  private async redirect(
    { operator, fd, target }: Redirection,
    fds: Map<number, Stream>,
  ): Promise<string | undefined> {
    if (target.type === "HereDoc") {
      const bytes = target.quoted
        ? toBytes(await quotedHereDocument(target.content, target.stripTabs, this))
        : toBytes(await expandHereDocument(target.content, target.stripTabs, this));
      fds.set(fd ?? 0, new Text(bytes));
      return undefined;
    }
    const word = await expandText(target, this);
    switch (operator) {
      case ">&":
      case "<&":
        return duplicate(fds, fd ?? (operator === ">&" ? 1 : 0), word);
      case "<":
        return this.open(fds, fd ?? 0, word, "read");
      case "<>":
        return this.open(fds, fd ?? 0, word, "update");
      case ">":
        if (this.options.has("noclobber") && this.fs.peek(resolvePath(this.cwd, word))?.type === "file")
          return `cannot create ${word}: ${strerror.EEXIST}`;
        return this.open(fds, fd ?? 1, word, "write");
      case ">>":
        return this.open(fds, fd ?? 1, word, "append");
      case "&>":
      case "&>>":
      case ">|":
        return this.open(fds, fd ?? 1, word, operator === "&>>" ? "append" : "write");
      default:
        return "Syntax error: redirection unexpected";
    }
  }

  private open(
    fds: Map<number, Stream>,
    fd: number,
    name: string,
    how: "read" | "write" | "append" | "update",
  ): string | undefined {
    const path = resolvePath(this.cwd, name);
    const device = /^\/dev\/(?:(stdin)|(stdout)|(stderr)|fd\/(\d+))$/.exec(path);
    try {
      if (device && this.fs.existsSync("/dev")) {
        const from =
          device[4] === undefined ? [device[1], device[2], device[3]].findIndex(Boolean) : Number(device[4]);
        const stream = fds.get(from);
        if (!stream) throw new Errno("EBADF");
        fds.set(fd, stream);
        return undefined;
      }
      if (name === "") throw new Errno("ENOENT");
      fds.set(fd, new FileStream(this.fs.open(name.endsWith("/") ? `${path}/` : path, how)));
      return undefined;
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      return `cannot ${how === "read" ? "open" : "create"} ${name}: ${strerror[error.code]}`;
    }
  }
}

function duplicate(fds: Map<number, Stream>, fd: number, word: string): string | undefined {
  if (word === "-") {
    fds.delete(fd);
    return undefined;
  }
  if (!/^\d+$/.test(word)) return "Syntax error: Bad fd number";
  const stream = fds.get(Number(word));
  if (!stream) return `${word}: ${strerror.EBADF}`;
  fds.set(fd, stream);
  return undefined;
}

async function quotedHereDocument(word: WordNode, stripTabs: boolean, shell: Shell): Promise<string> {
  const text = await expandText(word, shell);
  return stripTabs ? text.replace(/^\t+/gm, "") : text;
}

const hasContent = (statements: readonly StatementNode[]): boolean => statements.length > 0;

function* forever(): Generator<undefined> {
  for (;;) yield undefined;
}

/** As `set -x`, `export -p` and `trap` show a word. */
export const quoteWord = (word: string): string =>
  /^[\w%+,./:=@-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
