import { setTimeout as sleep } from "node:timers/promises";
import { hasUnknownEnd, reason, SshError } from "./errors";
import type { Host, Work } from "./host";
import type { Result } from "./shell";

/** What a script waits for that may cut the connection it came by: to be asked for over another one. */
export interface Confirmation {
  /** The script prints it on its error output once it waits. */
  readonly cue: string;
  /** So long it waits; then it takes back what it did. */
  readonly seconds: number;
  /** Is sent over a new connection: it tells the script to go on, and prints what that has printed at its end. */
  readonly script: string;
  readonly timeoutMs: number;
  /** Exit status of `script` when there was nothing to confirm yet, nor anything to print. */
  readonly notYet: number;
}

/** How a script ended that was to be confirmed. */
export interface Confirmed extends Result {
  /** Why the first new connection failed. */
  readonly lockedOut?: string;
}

/** What is needed of the sessions. */
export interface Others {
  readonly where: string;
  /** A connection of its own to the same host. */
  another(): Host;
  /** From now on it is the connection to this host: the former may be dead. */
  adopt(fresh: Host): void;
  readonly closing: AbortSignal;
}

/** How long taking back may last, in ms. */
const undoMs = 90_000;
const pauseMs = 1_000;

/**
 * Runs a script that may cut its connection, and confirms it over a new one. A lost connection is no failure here: the
 * new one tells how the script ended.
 * @throws SshError
 */
export async function confirmed(
  host: Host,
  work: Work,
  confirmation: Confirmation,
  { where, another, adopt, closing }: Others,
): Promise<Confirmed> {
  const { cue, seconds, script, timeoutMs, notYet } = confirmation;
  let seen: (nothing: undefined) => void = () => {};
  const cued = new Promise<undefined>((resolve) => {
    seen = resolve;
  });
  const ended = host.run({ ...work, cue: { text: cue, seen: () => seen(undefined) } }).then(
    (result) => ({ result, error: undefined }),
    (error: unknown) => ({ result: undefined, error }),
  );
  const first = await Promise.race([cued, ended]);
  if (first?.result) return first.result;
  if (first && !hasUnknownEnd(first.error)) throw first.error;

  const backMs = Date.now() + seconds * 1000;
  const limits = { ...work.limits, timeoutMs };
  let lockedOut: string | undefined;
  let unknown: unknown;
  let isAtWork = false;
  while (Date.now() < backMs + undoMs && !closing.aborted) {
    const fresh = another();
    let isRefused = false;
    isAtWork = false;
    try {
      const result = await fresh.run({ script, limits, label: work.label, isRepeatable: true });
      if (result.status !== notYet) {
        adopt(fresh);
        if (result.status === 0) return { ...result, ...(lockedOut !== undefined && { lockedOut }) };
        unknown = first?.error ?? forgotten(work, where);
        break;
      }
      isAtWork = true;
    } catch (error) {
      lockedOut ??= reason(error);
      isRefused = error instanceof SshError && error.kind !== "unreachable";
    }
    await fresh.close();
    // Trying again and again where a login is refused would lock the account out.
    const restMs = isRefused ? Math.max(pauseMs, backMs - Date.now()) : pauseMs;
    await sleep(restMs, undefined, { signal: closing }).catch(() => {});
  }
  if (unknown) throw unknown;
  if (isAtWork) throw first?.error ?? endless(work, where);
  throw new SshError(
    "connectionLost",
    `No new connection to ${where} got through after "${work.label}": ${lockedOut ?? "it was closed by us"}.\n` +
      `If the change was made, the host has taken it back by itself ${seconds} s later, before ${clock(backMs)} by this ` +
      "machine's clock, and what it boots with was not changed before that: something else keeps us out, or taking it " +
      "back did not help. A restart of the host brings back what was before.",
  );
}

const clock = (ms: number) => new Date(ms + pauseMs).toTimeString().slice(0, 8);

const endless = (work: Work, where: string) =>
  new SshError(
    "connectionLost",
    `"${work.label}" was told on ${where} that a new connection came, and has not come to its end; it may still run there.`,
  );

const forgotten = (work: Work, where: string) =>
  new SshError(
    "connectionLost",
    `"${work.label}" waited on ${where} for a new connection, and nothing is known there of it now. Was the host ` +
      "restarted? It then is as it was before; look at it (pulumi refresh).",
  );
