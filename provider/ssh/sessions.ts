import { homedir } from "node:os";
import { isDeepStrictEqual } from "node:util";
import { Host, type HostOptions, type Stats } from "./host";
import { type Credentials, Keyring } from "./identity";
import { Redacted } from "./redacted";
import type { Limits, Live, Result } from "./shell";
import { type Route, resolveTarget, type Target } from "./target";

/** All have defaults. */
export interface SessionsOptions extends Partial<HostOptions>, Partial<Limits> {
  /** Default: agent, `~/.ssh`. See {@link Sessions.setCredentials}. */
  readonly credentials?: Credentials;
}

export interface RunOptions {
  /** How long the script may take once it is sent, in ms. Default 120 000. */
  readonly timeoutMs?: number | undefined;
  /** What it does, for messages: "create bridge0". Default "script". */
  readonly label?: string | undefined;
  /** The script only reads, so it may be sent again after a lost connection. Default false. */
  readonly repeatable?: boolean | undefined;
  /** For what is told while the script runs, and for data that it asks for. */
  readonly live?: Live | undefined;
}

const defaults: HostOptions & Limits = {
  maxSessions: 8,
  handshakeMs: 15_000,
  keepAliveMs: 5_000,
  deadMs: 20_000,
  connectMs: 15_000,
  reconnectMs: 60_000,
  refusedMs: 15_000,
  timeoutMs: 120_000,
  maxOutputBytes: 16 * 1024 * 1024,
  home: homedir(),
};

/**
 * Runs scripts on hosts over SSH. Each host has one connection, made when it is first needed and shared by
 * everything that runs there. An idle connection does not hold the process open.
 */
export class Sessions {
  readonly #options: HostOptions & Limits;
  readonly #hosts = new Map<string, Host>();
  /** Those of former credentials, until their work is done. */
  readonly #retired: Host[] = [];
  readonly #stats: Stats = { connections: 0, execs: 0 };
  #credentials: Credentials;
  #keyring: Keyring;

  constructor({ credentials = {}, ...options }: SessionsOptions = {}) {
    this.#options = { ...defaults, ...options };
    this.#credentials = credentials;
    this.#keyring = new Keyring(credentials, this.#options.home);
  }

  /** From now on. Work under way ends as it began; the same credentials again change nothing. */
  setCredentials(credentials: Credentials): void {
    if (isDeepStrictEqual(revealed(credentials), revealed(this.#credentials))) return;
    this.#credentials = credentials;
    this.#keyring = new Keyring(credentials, this.#options.home);
    for (const host of this.#hosts.values()) {
      host.retire();
      this.#retired.push(host);
    }
    this.#hosts.clear();
  }

  /**
   * Runs `script` with `/bin/sh -s`, with root's rights as `target.become` says. PATH is whatever the host gives.
   * A status other than 0 is a result, not an error.
   * @throws SshError
   */
  run(target: Target, script: string, options: RunOptions = {}): Promise<Result> {
    const limits = {
      timeoutMs: options.timeoutMs ?? this.#options.timeoutMs,
      maxOutputBytes: this.#options.maxOutputBytes,
    };
    const label = options.label ?? "script";
    return this.#host(resolveTarget(target)).run({
      script,
      limits,
      label,
      isRepeatable: options.repeatable ?? false,
      live: options.live,
    });
  }

  /** Ends all connections; what still runs fails. */
  async close(): Promise<void> {
    const hosts = [...this.#hosts.values(), ...this.#retired.splice(0)];
    this.#hosts.clear();
    await Promise.all(hosts.map((host) => host.close()));
  }

  /** Counted since the start. */
  get stats(): Readonly<Stats> {
    return { ...this.#stats };
  }

  #host(route: Route): Host {
    const key = JSON.stringify(route);
    let host = this.#hosts.get(key);
    if (!host) {
      host = new Host(route, this.#credentials, this.#keyring, this.#options, this.#stats);
      this.#hosts.set(key, host);
    }
    return host;
  }
}

function revealed(credentials: Credentials): Record<string, unknown> {
  const reveal = (value: unknown) => (value instanceof Redacted ? value.reveal() : value);
  const entries = Object.entries(credentials).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([name, value]) => [name, reveal(value)]));
}
