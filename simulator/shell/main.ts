import { type Command, Errno, type Result, strerror } from "../command";
import { resolvePath, toText } from "../kernel/vfs";
import { parseOptions } from "./builtins";
import type { Process } from "./process";
import { Fatal, Shell } from "./shell";
import { Text } from "./streams";

const done = (status: number): Result => ({ stdout: "", stderr: "", status });

/** /bin/sh: `sh -c`, `sh -s`, `sh FILE`, with the options of `set`. */
export const sh: Command = async (args, io) => done(await runShell(args, io.process, io.process.argv0));

/** `arg0` is what the shell was called by: it begins its messages. */
export async function runShell(args: readonly string[], process: Process, arg0: string): Promise<number> {
  const shell = new Shell(process.fork(), arg0);
  let script: "file" | "command" | "stdin" = "file";
  let n = 0;
  for (; n < args.length; n++) {
    const arg = args[n]!;
    if (arg === "--" || arg === "-") {
      n++;
      break;
    }
    if (!/^[-+]./.test(arg)) break;
    if (arg.startsWith("-") && arg.includes("c")) script = "command";
    if (arg.startsWith("-") && arg.includes("s")) script = "stdin";
    const letters = arg.replace(/[cl]/g, "");
    try {
      if (letters.length > 1) {
        const withName = /o$/.test(letters);
        parseOptions(shell, withName ? [letters, args[n + 1] ?? ""] : [letters]);
        if (withName) n++;
      }
    } catch (error) {
      if (!(error instanceof Fatal)) throw error;
      process.tell(`${error.message}\n`);
      return 2;
    }
  }
  const operands = args.slice(n);
  if (script === "command") return runCommand(shell, operands);
  if (script === "stdin" || operands.length === 0) {
    shell.positional = operands;
    const input = process.fds.get(0) ?? new Text("");
    return shell.toTheEnd(() => shell.interactiveText(input));
  }
  return runFile(shell, operands);
}

function runCommand(shell: Shell, [source, name, ...rest]: readonly string[]): Promise<number> {
  if (source === undefined) {
    shell.complain("-c requires an argument");
    return Promise.resolve(2);
  }
  if (name !== undefined) {
    shell.arg0 = name;
    shell.commandName = name;
  }
  shell.positional = [...rest];
  return shell.toTheEnd(() => shell.text(source));
}

async function runFile(shell: Shell, [file, ...rest]: readonly string[]): Promise<number> {
  const { process } = shell;
  let source: string;
  try {
    source = toText(process.fs.readBytes(resolvePath(process.cwd, file!)));
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    shell.complain(`cannot open ${file}: ${strerror[error.code]}`);
    return error.code === "ENOENT" ? 127 : 126;
  }
  shell.arg0 = file!;
  shell.commandName = file!;
  shell.positional = [...rest];
  return shell.toTheEnd(() => shell.text(source));
}
