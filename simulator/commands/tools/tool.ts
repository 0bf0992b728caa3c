import { type Command, Errno, fail, type Io, type Result, strerror } from "../../command";
import { resolvePath } from "../../kernel/vfs";
import { getopt } from "../getopt";

/** err(3)'s end of a program. */
export class Stop extends Error {
  constructor(readonly status: number) {
    super(`exit ${status}`);
  }
}

/** What a tool writes and how it was called. */
export class Run {
  stdout = "";
  stderr = "";
  status = 0;
  binary = false;
  private readonly letters = new Map<string, (string | undefined)[]>();

  constructor(
    readonly name: string,
    readonly io: Io,
    list: readonly (readonly [string, string | undefined])[],
    readonly operands: readonly string[],
    readonly order: readonly string[],
    private readonly usageText: string,
    private readonly usageStatus: number,
  ) {
    for (const [letter, value] of list)
      this.letters.set(letter, [...(this.letters.get(letter) ?? []), value]);
  }

  has(letter: string): boolean {
    return this.letters.has(letter);
  }
  /** The last value given. */
  value(letter: string): string | undefined {
    return this.letters.get(letter)?.at(-1);
  }
  values(letter: string): string[] {
    return (this.letters.get(letter) ?? []).map((v) => v ?? "");
  }
  /** The one of these letters that came last. */
  last(letters: string): string | undefined {
    return this.order.findLast((l) => letters.includes(l));
  }

  path(name: string): string {
    if (name === "") return "";
    const path = resolvePath(this.io.cwd, name);
    return name.endsWith("/") && path !== "/" ? `${path}/` : path;
  }

  print(text: string): void {
    this.stdout += text;
  }
  /** warnx(3), with status 1 at the end. */
  warnx(message: string, status = 1): void {
    this.stderr += `${this.name}: ${message}\n`;
    this.status = status;
  }
  /** warn(3) */
  warn(subject: string, error: unknown, status = 1): void {
    if (!(error instanceof Errno)) throw error;
    this.warnx(`${subject}: ${strerror[error.code]}`, status);
  }
  errx(status: number, message: string): never {
    this.warnx(message, status);
    throw new Stop(status);
  }
  usage(): never {
    this.stderr += this.usageText;
    throw new Stop(this.usageStatus);
  }
  /** Runs `action`; a kernel's refusal becomes `NAME: SUBJECT: REASON`. Tells whether it went well. */
  attempt(subject: string, action: () => void, status = 1): boolean {
    try {
      action();
      return true;
    } catch (error) {
      this.warn(subject, error, status);
      return false;
    }
  }
}

export interface ToolSpec {
  readonly name: string;
  /** As for getopt(3). */
  readonly letters: string;
  readonly usage: string;
  /** Exit status of a usage error, 1 by default. */
  readonly usageStatus?: number;
  /** `--name` as an alias of a letter: the tool uses getopt_long(3), which has other words for unknown options. */
  readonly long?: Readonly<Record<string, string>>;
}

/** A tool with getopt(3)'s options; what it forgets to say about errors is said by the rules of err(3). */
export function tool(spec: ToolSpec, main: (run: Run) => unknown): Command {
  return async (args, io) => {
    const { list, operands } = getopt(shorten(args, spec), spec.letters);
    const wrong = misuse(args, spec);
    if (wrong) return wrong;
    const run = new Run(
      spec.name,
      io,
      list,
      operands,
      list.map(([letter]) => letter),
      spec.usage,
      spec.usageStatus ?? 1,
    );
    try {
      const status = await main(run);
      if (typeof status === "number") run.status = status;
    } catch (problem) {
      if (problem instanceof Stop) run.status = problem.status;
      else if (problem instanceof Errno) run.warn(run.operands[0] ?? "", problem);
      else throw problem;
    }
    return result(run);
  };
}

/** Only the options are looked at here; what they do is `command`'s. */
export const checked =
  (spec: ToolSpec, command: Command): Command =>
  (args, io) =>
    misuse(args, spec) ?? command(args, io);

/** getopt(3)'s or getopt_long(3)'s complaint and the tool's usage. */
function misuse(args: readonly string[], spec: ToolSpec): Result | undefined {
  const { error } = getopt(shorten(args, spec), spec.letters);
  if (error === undefined) return undefined;
  const unknown = error === "illegal option -- -" ? args.find((arg) => /^--./.test(arg)) : undefined;
  const long =
    unknown === undefined ? error.replace(/^illegal/, "invalid") : `unrecognized option \`${unknown}'`;
  return fail(spec.usageStatus ?? 1, `${spec.name}: ${spec.long ? long : error}\n${spec.usage}`);
}

/** Up to the first operand: what follows may be another program's. */
function shorten(args: readonly string[], { long = {}, letters }: ToolSpec): string[] {
  const out = [...args];
  for (let n = 0; n < out.length && out[n] !== "--"; n++) {
    const arg = out[n]!;
    const isValue = n > 0 && /^-\w$/.test(out[n - 1]!) && letters.includes(`${out[n - 1]![1]}:`);
    if (!arg.startsWith("-") && !isValue) break;
    const [, name, value] = /^--([^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
    const letter = name === undefined ? undefined : long[name];
    if (letter !== undefined) out[n] = `-${letter}${value ?? ""}`;
  }
  return out;
}

const result = ({ stdout, stderr, status, binary }: Run): Result => ({ stdout, stderr, status, binary });
