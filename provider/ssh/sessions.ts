import { homedir } from "node:os";
import { isDeepStrictEqual } from "node:util";
import { type Confirmation, type Confirmed, confirmed } from "./confirmed";
import { Host, type HostOptions, type Stats } from "./host";
import { type Credentials, Keyring } from "./identity";
import { Redacted } from "./redacted";
import type { Limits } from "./shell";
import { type Route, resolveTarget, type Target, where } from "./target";

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
  /** What a script that may cut its own connection waits for: another one. Default: it waits for nothing. */
  readonly confirmation?: Confirmation | undefined;
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
  /** Those of former credentials, of dead connections, or not yet anybody's: until their work is done. */
  readonly #retired: Host[] = [];
  readonly #stats: Stats = { connections: 0, execs: 0 };
  #closing = new AbortController();
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
  run(target: Target, script: string, options: RunOptions = {}): Promise<Confirmed> {
    const limits = {
      timeoutMs: options.timeoutMs ?? this.#options.timeoutMs,
      maxOutputBytes: this.#options.maxOutputBytes,
    };
    const label = options.label ?? "script";
    const work = { script, limits, label, isRepeatable: options.repeatable ?? false };
    const route = resolveTarget(target);
    const host = this.#host(route);
    if (!options.confirmation) return host.run(work);
    return confirmed(host, work, options.confirmation, {
      where: where(route),
      closing: this.#closing.signal,
      another: () => {
        const fresh = this.#newHost(route);
        this.#retired.push(fresh);
        return fresh;
      },
      adopt: (fresh) => {
        this.#hosts.set(keyOf(route), fresh);
        host.retire();
        this.#retired.push(host);
      },
    });
  }

  /** Ends all connections; what still runs fails. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#closing = new AbortController();
    const hosts = [...this.#hosts.values(), ...this.#retired.splice(0)];
    this.#hosts.clear();
    await Promise.all(hosts.map((host) => host.close()));
  }

  /** Counted since the start. */
  get stats(): Readonly<Stats> {
    return { ...this.#stats };
  }

  #host(route: Route): Host {
    const host = this.#hosts.get(keyOf(route)) ?? this.#newHost(route);
    this.#hosts.set(keyOf(route), host);
    return host;
  }

  #newHost(route: Route): Host {
    return new Host(route, this.#credentials, this.#keyring, this.#options, this.#stats);
  }
}

const keyOf = (route: Route) => JSON.stringify(route);

function revealed(credentials: Credentials): Record<string, unknown> {
  const reveal = (value: unknown) => (value instanceof Redacted ? value.reveal() : value);
  const entries = Object.entries(credentials).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([name, value]) => [name, reveal(value)]));
}
