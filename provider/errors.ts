import { WAIT_SECONDS } from "./guard";
import type { Failure, Verb } from "./script";
import type { Target } from "./ssh";

/** As it was declared: who logs in and at which port may be said elsewhere. */
export const place = ({ user, address, port = 22 }: Target): string =>
  `${user === undefined ? "" : `${user}@`}${address}${port === 22 ? "" : `:${port}`}`;

/**
 * An error for the person who reads it: `cannot <verb> <noun> "<name>" on <host>: <step>: <cause>`. It has no
 * stack, because Pulumi prints stacks, and never a whole script.
 */
export class ResourceError extends Error {
  override readonly name = "ResourceError";

  constructor(message: string) {
    super(message);
    this.stack = "";
  }
}

/** Recorded by the engine as partly made; the next `up` calls `update`, which goes on from there. */
export class PartlyCreated extends ResourceError {
  constructor(
    message: string,
    readonly id: string,
    readonly properties: object,
    readonly reasons: string[],
  ) {
    super(message);
  }
}

/** What went wrong on the host, in one paragraph: the command, its status, its words. */
export function describe(failure: Failure, verb: Verb, lockedOut?: string): string {
  if (failure.cutOff) return describeCut(failure, lockedOut);
  const said = [failure.stderr, failure.stdout].map((text) => text.trim()).filter((text) => text !== "");
  return [
    `${failure.step}: exit status ${failure.status}`,
    ...said.map((text) => indent(text)),
    whatIsLeft(failure, verb),
  ].join("\n");
}

/** Why what is there cannot be taken over as it is: a sentence a line. */
export const differs = (what: string, differences: readonly string[]): string =>
  [
    `${what} is there already, and is not as declared:`,
    ...differences.map(indent),
    "Nothing was changed: `adopt` takes over only what needs no change. Declare it as it is, or change it by hand first.",
  ].join("\n");

function whatIsLeft({ left }: Failure, verb: Verb): string {
  if (verb === "delete") return "What was removed before it stays removed: the next run goes on from here.";
  if (left.length === 0) return "What was done before it has been undone.";
  return `These could not be undone: ${left.join("; ")}. The next \`pulumi up\` goes on from here.`;
}

function describeCut({ left }: Failure, lockedOut = "It hung until then."): string {
  return [
    `it would have cut this host off: no new connection to it got through within ${WAIT_SECONDS} seconds`,
    indent(lockedOut),
    left.length === 0
      ? "The host has taken everything back by itself and is as it was before."
      : `The host has gone back by itself, but these could not be undone: ${left.join("; ")}.`,
  ].join("\n");
}

const indent = (text: string) => text.replaceAll(/^/gm, "    ");
