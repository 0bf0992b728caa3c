import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { ConfigFiles } from "./config-file";
import { type Confirmation, type Confirmed, confirmed } from "./confirmed";
import { Host, type HostOptions, type Stats } from "./host";
import { type Credentials, expandHome, Keyring } from "./identity";
import { Redacted } from "./redacted";
import type { Limits, Live } from "./shell";
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
  /** For what is told while the script runs, and for data that it asks for. */
  readonly live?: Live | undefined;
  /** What a script that may cut its own connection waits for: another one. Default: it waits for nothing. */
  readonly confirmation?: Confirmation | undefined;
}

const defaults: HostOptions & Limits = {
  maxSessions: 8,
  handshakeMs: 15_000,
  openMs: 15_000,
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
  /** By what was declared, and by where that leads: two names of one host share it. */
  readonly #targets = new Map<string, Host>();
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
    this.#targets.clear();
  }

  /**
   * Connects to a host of which no key may be known, and takes the one that it shows for its key, once: the public key
   * line that it is to be pinned to from now on. A key that is not the known one, or revoked, is refused all the same.
   * @throws SshError
   */
  async meet(target: Target): Promise<string> {
    const route = this.#route(target);
    const host = this.#newHost(route, true);
    // Closed with the others, should it not come to be one of them.
    this.#retired.push(host);
    const met = await host.met();
    const others = this.#hosts.get(JSON.stringify(met));
    if (others) host.retire();
    else this.#hosts.set(JSON.stringify(met), host);
    return met.hostKey as string;
  }

  /**
   * Runs `script` with `/bin/sh -s`, with root's rights as `target.become` says. PATH is whatever the host gives.
   * A status other than 0 is a result, not an error.
   * @throws SshError
   */
  async run(target: Target, script: string, options: RunOptions = {}): Promise<Confirmed> {
    const limits = {
      timeoutMs: options.timeoutMs ?? this.#options.timeoutMs,
      maxOutputBytes: this.#options.maxOutputBytes,
    };
    const label = options.label ?? "script";
    const { live, confirmation } = options;
    const work = { script, limits, label, isRepeatable: options.repeatable ?? false, live };
    const host = this.#host(target);
    if (!confirmation) return host.run(work);
    const route = this.#route(target);
    return confirmed(host, work, confirmation, {
      where: where(route),
      closing: this.#closing.signal,
      another: () => {
        const fresh = this.#newHost(route, false);
        this.#retired.push(fresh);
        return fresh;
      },
      adopt: (fresh) => this.#replace(host, fresh),
    });
  }

  /** Ends all connections; what still runs fails. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#closing = new AbortController();
    const hosts = [...this.#hosts.values(), ...this.#retired.splice(0)];
    this.#hosts.clear();
    this.#targets.clear();
    await Promise.all(hosts.map((host) => host.close()));
  }

  /** Counted since the start. */
  get stats(): Readonly<Stats> {
    return { ...this.#stats };
  }

  #host(target: Target): Host {
    const declared = JSON.stringify(target);
    const known = this.#targets.get(declared);
    if (known) return known;
    const route = this.#route(target);
    const key = JSON.stringify(route);
    const host = this.#hosts.get(key) ?? this.#newHost(route, false);
    this.#hosts.set(key, host);
    this.#targets.set(declared, host);
    return host;
  }

  #replace(host: Host, by: Host): void {
    for (const known of [this.#hosts, this.#targets]) {
      for (const [key, one] of known) if (one === host) known.set(key, by);
    }
    host.retire();
    this.#retired.push(host);
  }

  #newHost(route: Route, acceptsNew: boolean): Host {
    return new Host(route, this.#credentials, this.#keyring, this.#options, this.#stats, acceptsNew);
  }

  #route(target: Target): Route {
    const { sshConfig } = this.#credentials;
    const { home } = this.#options;
    const { localUser, uid } = whoRuns();
    const files =
      sshConfig === undefined
        ? [
            { path: join(home, ".ssh", "config"), isUsers: true },
            { path: "/etc/ssh/ssh_config", isUsers: false },
          ]
        : sshConfig === false
          ? []
          : [{ path: expandHome(sshConfig, home), isUsers: true }];
    const config = new ConfigFiles(files, { home, localUser, uid });
    return resolveTarget(target, config, { user: "root", jumpUser: localUser });
  }
}

/** A container may run as a user who is not in passwd(5). */
function whoRuns(): { localUser: string; uid: number } {
  try {
    const { username, uid } = userInfo();
    return { localUser: username, uid };
  } catch {
    return { localUser: process.env.USER ?? "root", uid: process.getuid?.() ?? -1 };
  }
}

function revealed(credentials: Credentials): Record<string, unknown> {
  const reveal = (value: unknown) => (value instanceof Redacted ? value.reveal() : value);
  const entries = Object.entries(credentials).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([name, value]) => [name, reveal(value)]));
}
