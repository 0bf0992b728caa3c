import { inspect } from "node:util";

const shown = "<redacted>";

/** A secret in memory. Printing, inspecting or serialising it gives `<redacted>`; only {@link reveal} does not. */
export class Redacted {
  readonly #secret: string;

  constructor(secret: string) {
    this.#secret = secret;
  }

  /** The secret itself. Call it where the secret is used, and keep the result nowhere. */
  reveal(): string {
    return this.#secret;
  }

  toString(): string {
    return shown;
  }

  toJSON(): string {
    return shown;
  }

  [inspect.custom](): string {
    return shown;
  }
}
