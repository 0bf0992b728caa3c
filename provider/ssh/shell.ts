import { randomBytes } from "node:crypto";
import { constants } from "node:os";
import type { ClientChannel } from "ssh2";
import type { Printed } from "./errors";
import type { Redacted } from "./redacted";
import type { Become } from "./target";

/** What a script printed and how it ended. */
export interface Result extends Printed {
  /** Exit status; 128 plus the signal's number if a signal ended it. */
  readonly status: number;
}

/** How an attempt to run a script went. */
export type Outcome =
  | { readonly kind: "ended"; readonly result: Result }
  /** The shell ended in order, and without having read the script. */
  | { readonly kind: "notStarted"; readonly result: Result }
  /** The session is gone without an exit status; what the script did is unknown. */
  | { readonly kind: "lost"; readonly printed: Printed }
  /** `status`: the script itself has ended, but something it started keeps its output open. */
  | { readonly kind: "timeout"; readonly printed: Printed; readonly status: number | undefined }
  | { readonly kind: "tooMuchOutput"; readonly printed: Printed };

/** A conversation with a script while it runs. */
export interface Live {
  /** What the script prints on stdout, as it comes, one character a byte; `stdin` is its standard input. */
  hear(bytes: string, stdin: NodeJS.WritableStream): void;
  /** Its standard input stays open until `hear` ends it, for data that the script has asked for. Default false. */
  readonly holdsStdin?: boolean;
}

export interface Limits {
  readonly timeoutMs: number;
  /** Of stdout and stderr together. */
  readonly maxOutputBytes: number;
}

/** A text that the script prints on its error output before its end, and what then is to be done. */
export interface Cue {
  readonly text: string;
  readonly seen: () => void;
}

/** What is said to and heard from a script while it runs. */
export interface Conversation {
  readonly live?: Live | undefined;
  readonly cue?: Cue | undefined;
}

const scriptFollows = "# script follows";

/**
 * sudo reads the password as the first line, if it asks at all; whatever it leaves over must not reach the shell
 * as a command. `-k`: a password asked for earlier makes no difference.
 */
const sudoWithPassword = `sudo -k -S -p '' /bin/sh -c 'while IFS= read -r line; do [ "$line" = "${scriptFollows}" ] && exec /bin/sh -s; done; exit 1'`;

/** The command that starts a shell with root's rights, and what it wants to read before the script. */
export function shellCommand(become: Become, sudoPassword: Redacted | undefined): [string, preamble: string] {
  if (become === "none") return ["/bin/sh -s", ""];
  if (become === "doas") return ["doas -n /bin/sh -s", ""];
  if (sudoPassword === undefined) return ["sudo -n /bin/sh -s", ""];
  return [sudoWithPassword, `${sudoPassword.reveal()}\n${scriptFollows}\n`];
}

/** A shell that was started on the host and waits for its one script. */
export class Shell {
  readonly #channel: ClientChannel;
  readonly #stdout: Buffer[] = [];
  readonly #stderr: Buffer[] = [];
  #bytes = 0;
  #status: number | undefined;
  #onBytes: ((bytes: number) => void) | undefined;
  /** Resolves when the session is closed. */
  readonly ended: Promise<void>;

  constructor(channel: ClientChannel, preamble: string) {
    this.#channel = channel;
    const collect = (into: Buffer[]) => (chunk: Buffer) => {
      into.push(chunk);
      this.#bytes += chunk.length;
      this.#onBytes?.(this.#bytes);
    };
    channel.on("data", collect(this.#stdout));
    channel.stderr.on("data", collect(this.#stderr));
    channel.on("exit", (status: number | null, signal?: string) => {
      this.#status = status ?? 128 + signalNumber(signal);
    });
    // Writing to a session that is just being closed fails; how it ended is told by "close".
    channel.on("error", () => {});
    const closed = new Promise<void>((resolve) => channel.once("close", () => resolve()));
    const drained = new Promise<void>((resolve) => channel.stderr.once("close", () => resolve()));
    this.ended = Promise.all([closed, drained]).then(() => {});
    if (preamble !== "") channel.write(preamble);
  }

  /** Runs `script`; call it once. */
  async run(script: string, limits: Limits, { live, cue }: Conversation = {}): Promise<Outcome> {
    if (cue) {
      this.#channel.stderr.on("data", () => {
        if (Buffer.concat(this.#stderr).includes(cue.text)) cue.seen();
      });
    }
    // Tells what the script prints from what login files print, and whether it was begun.
    const begun = randomBytes(12).toString("hex");
    const tooMuch = new Promise<"tooMuchOutput">((resolve) => {
      this.#onBytes = (bytes) => {
        if (bytes > limits.maxOutputBytes) resolve("tooMuchOutput");
      };
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"timeout">((resolve) => {
      timer = setTimeout(resolve, limits.timeoutMs, "timeout");
    });
    if (live) this.#channel.on("data", (chunk: Buffer) => live.hear(chunk.toString("latin1"), this.#channel));
    this.#channel.write(`echo ${begun}; echo ${begun} >&2\n${script}\n`);
    if (!live?.holdsStdin) this.#channel.end();
    const how = await Promise.race([this.ended.then(() => "ended" as const), late, tooMuch]);
    clearTimeout(timer);
    const { isBegun, ...printed } = this.#printed(begun);
    const status = this.#status;
    if (how !== "ended") {
      this.discard();
      return how === "timeout" ? { kind: how, printed, status } : { kind: how, printed };
    }
    if (status === undefined) return { kind: "lost", printed };
    return { kind: isBegun ? "ended" : "notStarted", result: { ...printed, status } };
  }

  /** Gives the session up. What runs in it is not ended by that. */
  discard(): void {
    this.#onBytes = undefined;
    for (const stream of [this.#channel, this.#channel.stderr]) stream.removeAllListeners("data").resume();
    this.#channel.close();
  }

  #printed(begun: string): Printed & { isBegun: boolean } {
    const stdout = after(this.#stdout, begun);
    const stderr = after(this.#stderr, begun) ?? Buffer.concat(this.#stderr).toString("utf8");
    return { stdout: stdout ?? "", stderr, isBegun: stdout !== undefined };
  }
}

/** What follows the line that ends in `mark`; undefined if there is none. */
function after(chunks: readonly Buffer[], mark: string): string | undefined {
  const all = Buffer.concat(chunks);
  const at = all.indexOf(`${mark}\n`);
  return at === -1 ? undefined : all.toString("utf8", at + mark.length + 1);
}

function signalNumber(signal: string | undefined): number {
  return (signal && (constants.signals as Partial<Record<string, number>>)[signal]) || 0;
}
