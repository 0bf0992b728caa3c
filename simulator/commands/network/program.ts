import { type Command, Errno, type Io, type Result } from "../../command";
import { type Jail, JailError } from "../../kernel/jails";
import { getopt, type Options } from "../getopt";

/** exit(3), from however deep. */
class Exit extends Error {
  constructor(readonly status: number) {
    super(`exit ${status}`);
  }
}

/** What a C program has at hand: two streams, err(3), exit(3). */
export class Program {
  stdout = "";
  private stderr = "";
  private readonly atExit: (() => void)[] = [];

  constructor(private readonly name: string) {}

  print(text: string): void {
    this.stdout += text;
  }

  warn(text: string): void {
    this.stderr += text;
  }

  warnx(message: string): void {
    this.stderr += `${this.name}: ${message}\n`;
  }

  errx(status: number, message: string): never {
    this.warnx(message);
    throw new Exit(status);
  }

  usage(text: string, status = 1): never {
    this.warn(text);
    throw new Exit(status);
  }

  exit(status: number): never {
    throw new Exit(status);
  }

  /** getopt(3); wrong options end the program. */
  options(
    args: readonly string[],
    letters: string,
    usage: string,
    status = 1,
  ): { list: Options["list"]; rest: readonly string[] } {
    const { list, operands, error } = getopt(args, letters);
    if (error === undefined) return { list, rest: operands };
    this.warnx(error);
    return this.usage(usage, status);
  }

  /** atexit(3): runs however the program ends. */
  onExit(run: () => void): void {
    this.atExit.push(run);
  }

  /** Runs `call`, and ends the program with `status` when the kernel refuses it. */
  attempt<T>(call: () => T, refused: (error: Errno) => string, status = 1): T {
    try {
      return call();
    } catch (error) {
      if (error instanceof Errno) this.errx(status, refused(error));
      throw error;
    }
  }

  result(status: number): Result {
    for (const run of this.atExit) run();
    return { stdout: this.stdout, stderr: this.stderr, status };
  }
}

/** A command that is written like a C program: `main` may end it anywhere with `errx` or `exit`. */
export function program(
  name: string,
  main: (self: Program, args: readonly string[], io: Io) => void | Promise<void>,
): Command {
  return async (args, io) => {
    const self = new Program(name);
    try {
      await main(self, args, io);
    } catch (error) {
      if (!(error instanceof Exit)) throw error;
      return self.result(error.status);
    }
    return self.result(0);
  };
}

/** The jail that a process in `io` calls `key`. @throws JailError `jail "x" not found` */
export const jailOf = (io: Io, key: string): Jail =>
  io.kernel.jails.get(io.who.jail ? `${io.who.jail.name}.${key}` : key);

/** `-j`: the same process in the jail's network stack; undefined when there is no such jail. */
export function enter(io: Io, key: string): Io | undefined {
  try {
    return io.inJail(jailOf(io, key));
  } catch (error) {
    if (error instanceof JailError) return undefined;
    throw error;
  }
}

/** Whether a process may configure the stack it is in: root, of the host or of a jail with its own. */
export const mayConfigure = ({ who: { uid, jail } }: Io): boolean =>
  uid === 0 && (jail === undefined || jail.vnet !== undefined);
