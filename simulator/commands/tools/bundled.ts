import { Bash, createCommandContext, unsafeBytesFromLatin1 } from "just-bash";
import type { Io, Result } from "../../command";
import { toBytes } from "../../kernel/vfs";

type Runtime = {
  execute(args: string[], context: ReturnType<typeof createCommandContext>): ReturnType<RuntimeResult>;
};
type RuntimeResult = () => Promise<{
  stdout: string;
  stderr: string;
  exitCode: number;
  stdoutKind?: "text" | "bytes";
  stdoutEncoding?: "binary";
}>;

let commands: ReadonlyMap<string, Runtime> | undefined;

/** just-bash's own text tools: only their registry is used, not its shell. */
function registry(): ReadonlyMap<string, Runtime> {
  commands ??= (new Bash({ defenseInDepth: false }) as unknown as { commands: ReadonlyMap<string, Runtime> })
    .commands;
  return commands;
}

/** Runs the tool of that name; where it differs from FreeBSD's the caller has looked at `args` before. */
export async function bundled(
  name: string,
  args: readonly string[],
  io: Io,
  input = io.input,
): Promise<Result> {
  const command = registry().get(name);
  if (!command) throw new Error(`just-bash has no ${name}`);
  const context = createCommandContext({
    fs: io.fs,
    cwd: io.cwd,
    env: new Map(io.env),
    stdin: unsafeBytesFromLatin1(input),
  });
  const { stdout, stderr, exitCode, stdoutKind, stdoutEncoding } = await command.execute([...args], context);
  const isBytes = stdoutKind === "bytes" || stdoutEncoding === "binary";
  return { stdout: isBytes ? stdout : toBytes(stdout), binary: true, stderr, status: exitCode };
}
