import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findEngine } from "../../scripts/engine";
import { root } from "../../scripts/root";
import { buildIsFresh } from "../../scripts/setup";
import { type Place, throwAwayPlace, useRepository, writeConfig } from "../../scripts/stack";

/** What the engine did to one resource: `create`, `same`, `update`, `delete`, `create-replacement`, `refresh`, … */
export interface Step {
  readonly op: string;
  /** The last part of the resource's type: `VnetJail`. */
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  /** Properties that made the engine do it. */
  readonly diffs: readonly string[];
  readonly failed: boolean;
}

export interface Run {
  readonly stdout: string;
  readonly stderr: string;
  /** The exit status of `pulumi`; 128 + n if signal n ended it. */
  readonly status: number;
  /** How many resources were created, changed, …, the stack and its default provider left out. */
  readonly summary: Readonly<Record<string, number>>;
  /** What was done to each resource, in the order in which it was finished. */
  readonly steps: readonly Step[];
  /** What the program, the provider and the engine had to say: errors, warnings, information. */
  readonly diagnostics: readonly {
    readonly severity: string;
    readonly message: string;
    readonly urn?: string;
  }[];
}

/** A resource as the stack's state has it. */
export interface Recorded {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly inputs?: Readonly<Record<string, unknown>>;
  readonly outputs?: Readonly<Record<string, unknown>>;
  readonly initErrors?: readonly string[];
  readonly dependencies?: readonly string[];
}

/** A value of the stack's configuration; `{ secret }` is encrypted. */
export type ConfigValue = string | number | boolean | object | { readonly secret: string };

export interface Options {
  /**
   * The text of a program in JavaScript (CommonJS), which costs 3 s a run, or the folder of an example below the
   * repository's root, run as the root's Pulumi.yaml says, TypeScript and all, which costs several seconds more.
   */
  readonly program: string | { readonly example: string };
  /** Keys without a namespace get the project's. */
  readonly config?: Readonly<Record<string, ConfigValue>>;
  /** Added to the environment of program and provider. HOME is an empty folder, and there is no SSH agent. */
  readonly env?: Readonly<Record<string, string>>;
}

const stackName = "test";
const timeLimit = 120_000;
const open = new Set<Stack>();

/** Makes a stack for `program` in a folder of its own; it is removed after the last test of the file. */
export async function engine(options: Options): Promise<Stack> {
  const found = await findEngine();
  if (!found) throw new Error("The Pulumi engine is not on this machine: `npm test` gets it.");
  const usesPackage = typeof options.program !== "string" || options.program.includes("pulumi-freebsd-vnet");
  if (usesPackage && !buildIsFresh()) {
    throw new Error("dist/ is older than the sources, and programs use it: `node scripts/setup.js build`.");
  }
  const stack = new Stack(throwAwayPlace(found), options);
  open.add(stack);
  await stack.init(options.config);
  return stack;
}

afterAll(async () => {
  for (const stack of [...open]) await stack.dispose();
});

export class Stack {
  readonly #place: Place;
  readonly #project: string;
  readonly #env: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;

  constructor(place: Place, { program, env }: Options) {
    this.#place = place;
    const home = join(place.folder, "..", "home");
    mkdirSync(home);
    const { SSH_AUTH_SOCK: _, ...inherited } = place.env;
    this.#env = { ...inherited, HOME: home, PULUMI_DEBUG_COMMANDS: "true", ...env };
    this.#project = this.#writeProject(program);
  }

  /** The folder of the program. */
  get folder(): string {
    return this.#place.folder;
  }

  #write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text);
  }

  #writeProject(program: Options["program"]): string {
    if (typeof program !== "string") return useRepository(this.#place, program.example);
    const name = "test-project";
    this.#write("Pulumi.yaml", `name: ${name}\nruntime: { name: nodejs, options: { typescript: false } }\n`);
    this.#write("package.json", `{ "name": "${name}", "private": true }\n`);
    mkdirSync(join(this.folder, "node_modules"));
    symlinkSync(root, join(this.folder, "node_modules", "pulumi-freebsd-vnet"));
    symlinkSync(join(root, "node_modules", "@pulumi"), join(this.folder, "node_modules", "@pulumi"));
    this.setProgram(program);
    return name;
  }

  /** Changes the program, for the next run. */
  setProgram(text: string): void {
    this.#write("index.js", text);
  }

  /** Replaces the stack's configuration, for the next run. */
  async setConfig(config: NonNullable<Options["config"]>): Promise<void> {
    const full = (key: string) => (key.includes(":") ? key : `${this.#project}:${key}`);
    const isSecret = (value: ConfigValue): value is { secret: string } =>
      typeof value === "object" && "secret" in value;
    const entries = Object.entries(config);
    const plain = entries.filter(([, value]) => !isSecret(value)).map(([key, value]) => [full(key), value]);
    writeConfig(this.#place, stackName, Object.fromEntries(plain));
    for (const [key, value] of entries) {
      if (isSecret(value)) await this.#must(["config", "set", "--secret", full(key), "--", value.secret]);
    }
  }

  /** @internal */
  async init(config: Options["config"]): Promise<void> {
    await this.#must(["stack", "init", stackName]);
    if (config) await this.setConfig(config);
  }

  preview(...args: string[]): Promise<Run> {
    return this.#operation(["preview", ...args]);
  }

  up(...args: string[]): Promise<Run> {
    return this.#operation(["up", "--yes", "--skip-preview", ...args]);
  }

  refresh(...args: string[]): Promise<Run> {
    return this.#operation(["refresh", "--yes", "--skip-preview", ...args]);
  }

  destroy(...args: string[]): Promise<Run> {
    return this.#operation(["destroy", "--yes", "--skip-preview", ...args]);
  }

  /** Removes the lock that a killed run left. */
  async cancel(): Promise<void> {
    await this.#must(["cancel", "--yes"]);
  }

  /** The state of the stack: the text of its file, and the resources in it. */
  export(): { readonly text: string; readonly resources: readonly Recorded[] } {
    const file = join(this.#place.state, ".pulumi", "stacks", this.#project, `${stackName}.json`);
    const text = readFileSync(file, "utf8");
    const { checkpoint } = JSON.parse(text) as { checkpoint: { latest?: { resources?: Recorded[] } } };
    return { text, resources: checkpoint.latest?.resources ?? [] };
  }

  /** The same as `pulumi stack export --show-secrets` prints it: everything in clear. */
  async exportDecrypted(): Promise<string> {
    const { status, stdout, stderr } = await this.#pulumi(["stack", "export", "--show-secrets"]);
    if (status !== 0) throw new Error(`pulumi stack export ended with status ${status}: ${stderr}`);
    return stdout;
  }

  /** As Ctrl-C does: the steps that are under way end, no new ones begin. */
  interrupt(): void {
    this.#child?.kill("SIGINT");
  }

  /** As a power cut does: the engine, the program and the provider are gone at once. */
  kill(): void {
    if (this.#child?.pid === undefined) return;
    for (const pid of [this.#child.pid, ...descendants(this.#child.pid)]) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
  }

  /** Stops what still runs and removes the folder. */
  async dispose(): Promise<void> {
    open.delete(this);
    const child = this.#child;
    if (child) {
      const ended = new Promise((resolve) => child.once("close", resolve));
      this.kill();
      await ended;
    }
    this.#place.remove();
  }

  async #must(args: readonly string[]): Promise<void> {
    const { status, stderr } = await this.#pulumi(args);
    if (status !== 0) throw new Error(`pulumi ${args.join(" ")} ended with status ${status}: ${stderr}`);
  }

  async #operation(args: readonly string[]): Promise<Run> {
    const log = join(this.folder, "events");
    rmSync(log, { force: true });
    const ended = await this.#pulumi([...args, "--color", "never", "--event-log", log]);
    return { ...ended, ...readEvents(log) };
  }

  #pulumi(args: readonly string[]): Promise<{ stdout: string; stderr: string; status: number }> {
    if (this.#child) throw new Error("one run at a time");
    return new Promise((resolve, reject) => {
      const child = spawn("pulumi", ["--non-interactive", ...args], {
        cwd: this.folder,
        env: this.#env,
        stdio: ["ignore", "pipe", "pipe"],
      });
      this.#child = child;
      let stdout = "";
      let stderr = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        stdout += text;
      });
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        stderr += text;
      });
      const timer = setTimeout(() => {
        this.kill();
        reject(new Error(`pulumi ${args.join(" ")} took longer than ${timeLimit} ms:\n${stdout}${stderr}`));
      }, timeLimit);
      child.on("error", reject);
      child.on("close", (code, signal) => {
        clearTimeout(timer);
        this.#child = undefined;
        resolve({ stdout, stderr, status: code ?? (signal === "SIGKILL" ? 137 : 130) });
      });
    });
  }
}

/** The processes that `ancestor` started, and those that they started. */
function descendants(ancestor: number): number[] {
  const children = new Map<number, number[]>();
  for (const line of execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" }).split("\n")) {
    const [pid, parent] = line.trim().split(/\s+/).map(Number);
    if (pid && parent) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const below = (pid: number): number[] =>
    (children.get(pid) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(ancestor);
}

interface EventMetadata {
  readonly op: string;
  readonly urn: string;
  readonly type: string;
  readonly diffs?: readonly string[];
}

interface EngineEvent {
  readonly resOutputsEvent?: { readonly metadata: EventMetadata };
  readonly resOpFailedEvent?: { readonly metadata: EventMetadata };
  readonly diagnosticEvent?: { readonly severity: string; readonly message: string; readonly urn?: string };
}

/** Reads the engine's own record of a run: one JSON object a line. */
function readEvents(log: string): Pick<Run, "steps" | "summary" | "diagnostics"> {
  let lines: string[] = [];
  try {
    lines = readFileSync(log, "utf8").split("\n").filter(Boolean);
  } catch {
    // The run failed before the engine began.
  }
  const steps: Step[] = [];
  const diagnostics: Run["diagnostics"][number][] = [];
  for (const line of lines) {
    const event = JSON.parse(line) as EngineEvent;
    const failed = event.resOpFailedEvent !== undefined;
    const metadata = (event.resOutputsEvent ?? event.resOpFailedEvent)?.metadata;
    if (metadata && !/^pulumi:(pulumi:Stack|providers:)/.test(metadata.type)) {
      steps.push({
        op: metadata.op,
        type: metadata.type.split(":").at(-1) ?? "",
        name: metadata.urn.split("::").at(-1) ?? "",
        urn: metadata.urn,
        diffs: metadata.diffs ?? [],
        failed,
      });
    }
    const diagnostic = event.diagnosticEvent;
    if (diagnostic && diagnostic.severity !== "debug") diagnostics.push(diagnostic);
  }
  const summary: Record<string, number> = {};
  for (const { op, failed } of steps) if (!failed) summary[op] = (summary[op] ?? 0) + 1;
  return { steps, summary, diagnostics };
}
