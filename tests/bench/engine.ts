import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Engine } from "../../scripts/engine";
import { root } from "../../scripts/root";
import { type Place, throwAwayPlace } from "../../scripts/stack";
import type { Recorded } from "./programs/floor";
import { PROJECT } from "./programs/ours";

const STACK = "bench";

export interface Ran {
  readonly ms: number;
  /** Time of the CPU that the program and all that it started took; undefined where there is no /proc. */
  readonly cpuMs: number | undefined;
  /** The largest resident set that the provider's process had; undefined where there is no /proc. */
  readonly providerBytes: number | undefined;
}

/** A stack in a throw-away place: as tests/engine/harness.ts, without jest, and with the provider's memory. */
export class BenchStack {
  private constructor(private readonly place: Place) {}

  static async make(engine: Engine): Promise<BenchStack> {
    const stack = new BenchStack(throwAwayPlace(engine));
    stack.write(
      "Pulumi.yaml",
      `name: ${PROJECT}\nruntime: { name: nodejs, options: { typescript: false } }\n`,
    );
    stack.write("package.json", `{ "name": "${PROJECT}", "private": true }\n`);
    const modules = join(stack.place.folder, "node_modules");
    mkdirSync(modules);
    symlinkSync(root, join(modules, "pulumi-freebsd-vnet"));
    for (const name of ["@pulumi", "ssh2"])
      symlinkSync(join(root, "node_modules", name), join(modules, name));
    await stack.pulumi(["stack", "init", STACK]);
    return stack;
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.place.folder, name), text);
  }

  /** `pulumi up`, say. */
  pulumi(args: readonly string[]): Promise<Ran> {
    return timed(
      "pulumi",
      ["--non-interactive", "--color", "never", ...args],
      this.place.folder,
      this.place.env,
    );
  }

  setSecret(key: string, value: string): Promise<Ran> {
    return this.pulumi(["config", "set", "--secret", key, "--", value]);
  }

  get stateBytes(): number {
    return this.stateText.length;
  }

  get state(): readonly Recorded[] {
    return JSON.parse(this.stateText).checkpoint.latest?.resources ?? [];
  }

  private get stateText(): string {
    return readFileSync(join(this.place.state, ".pulumi/stacks", PROJECT, `${STACK}.json`), "utf8");
  }

  remove(): void {
    this.place.remove();
  }
}

/** Runs a program to its end, and tells how long that took. */
export async function timed(
  program: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<Ran> {
  const cpu = childrensCpu();
  const start = process.hrtime.bigint();
  const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
  const memory = watchMemory(child);
  const status = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  const ms = Number(process.hrtime.bigint() - start) / 1e6;
  const providerBytes = memory();
  const after = childrensCpu();
  const cpuMs = cpu === undefined || after === undefined ? undefined : after - cpu;
  if (status !== 0)
    throw new Error(`${program} ${args.join(" ")} ended with status ${status}:\n${said.slice(-4000)}`);
  return { ms, cpuMs, providerBytes };
}

/** Of those that have ended, in ms: cutime and cstime of proc(5), which Linux counts in hundredths of a second. */
function childrensCpu(): number | undefined {
  try {
    const [, fields = ""] = readFileSync("/proc/self/stat", "utf8").split(") ");
    const [user, system] = fields.split(" ").slice(13, 15).map(Number);
    return ((user as number) + (system as number)) * 10;
  } catch {
    return undefined;
  }
}

/** The kernel keeps the maximum, so a look now and then misses only what came after the last one. */
function watchMemory(engine: ChildProcess): () => number | undefined {
  let most: number | undefined;
  const look = () => {
    const bytes = providerOf(engine);
    if (bytes !== undefined && bytes > (most ?? 0)) most = bytes;
  };
  const timer = setInterval(look, 250);
  return () => {
    clearInterval(timer);
    return most;
  };
}

function providerOf(engine: ChildProcess): number | undefined {
  const read = (pid: string, file: string) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, "utf8");
    } catch {
      return "";
    }
  };
  let pids: string[] = [];
  try {
    pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  } catch {
    return undefined;
  }
  for (const pid of pids) {
    if (!read(pid, "cmdline").includes("cmd/dynamic-provider")) continue;
    const status = read(pid, "status");
    // Other engines may run on this machine.
    if (Number(/^PPid:\s*(\d+)/m.exec(status)?.[1]) !== engine.pid) continue;
    return Number(/^VmHWM:\s*(\d+) kB/m.exec(status)?.[1]) * 1024;
  }
  return undefined;
}
