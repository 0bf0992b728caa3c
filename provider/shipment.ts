import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { dropArchive, receiveArchive, useArchive } from "./library/archives";
import type { Runner } from "./lifecycle";
import { definitions, ENVIRONMENT, sh } from "./sh";
import { SshError, type Target } from "./ssh";

/** A file of the machine that runs Pulumi, which the host needs before anything is made. */
export interface Shipment {
  /** Its path, from the program's folder. */
  readonly file: string;
  readonly sha256: string;
  /** Whose need for it is noted on the host. */
  readonly owner: string;
}

/** Only a bound: a connection that is dead is noticed long before. */
const LONGEST_MS = 24 * 3600_000;
const EVERY_MS = 10_000;

/** Checksums of this run, by what tells that a file is still the same. */
const checksums = new Map<string, Promise<string>>();

async function look(file: string, sha256: string): Promise<{ path: string; size: number }> {
  const path = resolve(file);
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) {
    throw new Error(
      `the host has no archive with the SHA-256 ${sha256}, and archive.upload is no file on this machine: ${path}`,
    );
  }
  const key = `${path}\n${found.size}\n${found.mtimeMs}`;
  const known = checksums.get(key) ?? checksumOf(path);
  checksums.set(key, known);
  const actual = await known;
  if (actual !== sha256) throw new Error(`${path} has the SHA-256 ${actual}, not ${sha256} (archive.sha256)`);
  return { path, size: found.size };
}

async function checksumOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

/**
 * Brings the file to the host, where it may be already, or in part, or on its way from another run: the host says from
 * where on it wants it. It is read as fast as the connection takes it. A lost connection is taken up again as long as
 * each one brings something over.
 */
export async function ship(
  shipment: Shipment,
  target: Target,
  runner: Runner,
  { label, say }: { label: string; say: (text: string) => void },
): Promise<void> {
  const { file, sha256 } = shipment;
  const { path, size } = await look(file, sha256);
  const name = basename(path);
  let last = -1;
  for (;;) {
    const attempt = new Attempt(path, name, size, say);
    try {
      const said = await runner.run(target, receiving(shipment, size, attempt.mark), {
        label,
        timeoutMs: LONGEST_MS,
        live: attempt,
      });
      if (attempt.failure) throw attempt.failure;
      if (said.status === 0) return;
      throw new Error(`sending ${name}: exit status ${said.status}\n    ${said.stderr.trim()}`);
    } catch (cause) {
      const isLost = cause instanceof SshError && cause.kind === "connectionLost";
      if (!isLost || attempt.from <= last) throw cause;
      last = attempt.from;
    } finally {
      attempt.end();
    }
  }
}

/**
 * The script that takes the file. What goes wrong on the host for good leaves nothing there; a lost connection leaves
 * what has arrived.
 */
export function receiving({ sha256, owner }: Shipment, size: number, mark: string): string {
  const main = sh`${useArchive} ${sha256} ${owner} </dev/null || exit
${receiveArchive} ${sha256} ${size} ${mark}
code=$?
if [ "$code" -ne 0 ] && [ "$code" -ne 75 ]; then ${dropArchive} ${sha256} ${owner} </dev/null; fi
exit "$code"`;
  return `${ENVIRONMENT}
umask 022
${definitions(main.needs)}
main() {
${main.text}
}
main`;
}

/** One conversation with the host about the file. */
class Attempt {
  readonly holdsStdin = true;
  /** Where the host wanted it to begin; -1 until it has said so. */
  from = -1;
  failure: Error | undefined;
  #sent = 0;
  #heard = "";
  #isAnswered = false;
  readonly mark = `@@${randomBytes(8).toString("hex")}`;
  readonly #clock: NodeJS.Timeout;

  constructor(
    private readonly path: string,
    name: string,
    private readonly size: number,
    say: (text: string) => void,
  ) {
    this.#clock = setInterval(() => {
      if (this.from < 0) say(`waiting for the host to take ${name}: another run may be sending it`);
      else say(`sending ${name}, ${Math.floor((100 * (this.from + this.#sent)) / this.size)} %`);
    }, EVERY_MS).unref();
  }

  hear(bytes: string, stdin: NodeJS.WritableStream): void {
    if (this.#isAnswered) return;
    this.#heard += bytes;
    const [, word, from] = new RegExp(`${this.mark} (there|from)(?: (\\d+))?\\n`).exec(this.#heard) ?? [];
    if (word === undefined) return;
    this.#isAnswered = true;
    if (word === "there") {
      stdin.end();
      return;
    }
    this.from = Number(from);
    const file = createReadStream(this.path, { start: this.from });
    file.on("data", (chunk) => {
      this.#sent += chunk.length;
    });
    file.on("error", (error) => {
      this.failure = error;
      stdin.end();
    });
    stdin.on("close", () => file.destroy());
    file.pipe(stdin);
  }

  end(): void {
    clearInterval(this.#clock);
  }
}
