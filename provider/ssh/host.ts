import { setTimeout as sleep } from "node:timers/promises";
import { type Connection, type ConnectionOptions, connect, type Leg } from "./connection";
import { type Printed, quotePrinted, reason, SshError } from "./errors";
import { Gate } from "./gate";
import { hostKeyJudge, keyLine, knownHostsFiles } from "./hostkey";
import { type Credentials, expandHome, type Keyring } from "./identity";
import { type Conversation, type Limits, type Outcome, type Result, Shell, shellCommand } from "./shell";
import { type Hop, type Route, where } from "./target";

export interface HostOptions extends ConnectionOptions {
  /** Sessions at once; sshd allows 10 (MaxSessions of sshd_config(5)). */
  readonly maxSessions: number;
  /** How long to try for the first connection, in ms. */
  readonly connectMs: number;
  /** How long to try to get a lost connection back, in ms. */
  readonly reconnectMs: number;
  /** How long a host may refuse every session, in ms. */
  readonly refusedMs: number;
  /** The home directory of whoever runs this. */
  readonly home: string;
}

export interface Stats {
  /** Connections made. */
  connections: number;
  /** Scripts sent. */
  execs: number;
}

/** A script and what may be done with it. */
export interface Work extends Conversation {
  readonly script: string;
  readonly limits: Limits;
  /** What it does, for messages. */
  readonly label: string;
  /** Whether it may be sent again after it may have begun. */
  readonly isRepeatable: boolean;
}

interface Job extends Work {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: SshError) => void;
  /** How often it was sent and did not come to its end. */
  failures: number;
}

interface Slot {
  state: "opening" | "waiting" | "running" | "closing";
}

const maxFailures = 3;
/** sshd drops connections at random from 10 that have not logged in yet (MaxStartups of sshd_config(5)). */
const atTheDoor = new Gate(5);
const growAfter = 20;
/** The last attempt to connect has so much time too: one that is cut short tells nothing but that. */
const leastMs = 5000;

/**
 * One host: its connection, its sessions, and the scripts that wait for one.
 *
 * One shell more than there are scripts is kept waiting, so that the next script costs one round trip instead of
 * three (open, exec, script) and the start of no process.
 */
export class Host {
  #route: Route;
  #acceptsNew: boolean;
  readonly #credentials: Credentials;
  readonly #keyring: Keyring;
  readonly #options: HostOptions;
  readonly #stats: Stats;
  readonly #abort = new AbortController();
  readonly #queue: Job[] = [];
  /** Every session that the host counts. */
  readonly #slots = new Set<Slot>();
  readonly #waiting: { slot: Slot; shell: Shell }[] = [];
  #connection: Connection | undefined;
  #connecting: Promise<void> | undefined;
  #wasConnected = false;
  /** A refusal is final: trying again would lock the account or the address out. */
  #refusal: SshError | undefined;
  #limit = 0;
  #endedSinceRefusal = 0;
  #refusals: { readonly since: number; pauseMs: number } | undefined;
  #isPaused = false;
  #keepsSpare = false;
  #hasServed = false;
  #isRetiring = false;

  /** @param acceptsNew whether it is taken at its word at the first connection, when nothing is known of its key. */
  constructor(
    route: Route,
    credentials: Credentials,
    keyring: Keyring,
    options: HostOptions,
    stats: Stats,
    acceptsNew = false,
  ) {
    this.#route = route;
    this.#acceptsNew = acceptsNew;
    this.#credentials = credentials;
    this.#keyring = keyring;
    this.#options = options;
    this.#stats = stats;
  }

  /** @throws SshError */
  run(work: Work): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#refusal) return reject(this.#refusal);
      this.#queue.push({ ...work, resolve, reject, failures: 0 });
      this.#advance();
    });
  }

  /** Connected, with the host key pinned from then on. */
  async met(): Promise<Route> {
    await this.run({
      script: ":",
      label: "look at the host key",
      limits: { timeoutMs: 30_000, maxOutputBytes: 65_536 },
      isRepeatable: true,
    });
    return this.#route;
  }

  /** Closes the connection as soon as the work is done. */
  retire(): void {
    this.#isRetiring = true;
    this.#advance();
  }

  /** Closes the connection now; what waits or runs fails. */
  async close(): Promise<void> {
    this.#isRetiring = true;
    this.#fail(new SshError("unreachable", `The connection to ${where(this.#route)} was closed by us.`));
    if (this.#connecting) {
      this.#abort.abort();
      await this.#connecting;
    }
    const connection = this.#connection;
    connection?.end();
    await connection?.closed;
  }

  /** Called whenever something has changed: hands shells out, opens what is missing, lets the process go. */
  #advance(): void {
    this.#assign();
    const isBusy = this.#queue.length > 0 || [...this.#slots].some(({ state }) => state === "running");
    this.#connection?.hold(isBusy);
    if (!this.#connection) {
      if (this.#queue.length > 0) this.#connecting ??= this.#connect();
    } else if (this.#isRetiring && !isBusy) this.#connection.end();
    else this.#openMissing(this.#connection);
  }

  #assign(): void {
    while (this.#connection && this.#queue.length > 0 && this.#waiting.length > 0) {
      const [job] = this.#queue.splice(0, 1);
      const [free] = this.#waiting.splice(0, 1);
      if (job && free) void this.#run(job, free.slot, free.shell, this.#connection);
    }
  }

  #openMissing(connection: Connection): void {
    if (this.#isPaused) return;
    const coming = [...this.#slots].filter(({ state }) => state === "opening" || state === "waiting").length;
    const wanted = this.#queue.length + (this.#keepsSpare ? 1 : 0);
    const room = this.#limit - this.#slots.size;
    for (let n = Math.min(wanted - coming, room); n > 0; n--) void this.#open(connection);
  }

  async #open(connection: Connection): Promise<void> {
    const slot: Slot = { state: "opening" };
    this.#slots.add(slot);
    const [command, preamble] = shellCommand(this.#route.become, this.#credentials.sudoPassword);
    try {
      const shell = await connection.exec(command, (channel) => new Shell(channel, preamble));
      const free = { slot, shell };
      slot.state = "waiting";
      this.#refusals = undefined;
      this.#waiting.push(free);
      void shell.ended.then(() => {
        this.#slots.delete(slot);
        const index = this.#waiting.indexOf(free);
        // A spare that does not last is not replaced before there is work again.
        if (index !== -1) {
          this.#waiting.splice(index, 1);
          this.#keepsSpare = false;
        }
        this.#advance();
      });
    } catch (error) {
      this.#slots.delete(slot);
      if (connection.isOpen && connection === this.#connection) this.#refused(connection, reason(error));
    }
    this.#advance();
  }

  /** A session that was just closed, or a script that was given up, may still count on the host. */
  #refused(connection: Connection, why: string): void {
    this.#limit = Math.max(1, this.#slots.size);
    this.#endedSinceRefusal = 0;
    this.#keepsSpare = false;
    if (this.#slots.size > 0 || this.#queue.length === 0) return;
    if (this.#hasServed) {
      // All its sessions are taken by what we gave up; a new connection has its own.
      this.#connection = undefined;
      connection.end();
      return;
    }
    this.#refusals ??= { since: Date.now(), pauseMs: 50 };
    if (Date.now() - this.#refusals.since > this.#options.refusedMs) {
      this.#refusals = undefined;
      this.#fail(
        new SshError(
          "unreachable",
          `${where(this.#route)} let us in but opens no session: ${why}. See MaxSessions, ForceCommand and ` +
            "PermitTTY in sshd_config(5), and the host's log (/var/log/auth.log).",
        ),
      );
      return;
    }
    this.#isPaused = true;
    this.#refusals.pauseMs = Math.min(this.#refusals.pauseMs * 2, 1000);
    void sleep(this.#refusals.pauseMs).then(() => {
      this.#isPaused = false;
      this.#advance();
    });
  }

  async #run(job: Job, slot: Slot, shell: Shell, connection: Connection): Promise<void> {
    slot.state = "running";
    this.#keepsSpare = true;
    this.#stats.execs += 1;
    const outcome = await shell.run(job.script, job.limits, job);
    slot.state = "closing";
    if (outcome.kind === "ended") this.#ended(job, outcome.result);
    else await this.#failed(job, outcome, connection);
    this.#advance();
  }

  #ended(job: Job, result: Result): void {
    this.#hasServed = true;
    this.#endedSinceRefusal += 1;
    if (this.#endedSinceRefusal >= growAfter && this.#limit < this.#options.maxSessions) {
      this.#limit += 1;
      this.#endedSinceRefusal = 0;
    }
    job.resolve(result);
  }

  async #failed(
    job: Job,
    outcome: Exclude<Outcome, { kind: "ended" }>,
    connection: Connection,
  ): Promise<void> {
    job.failures += 1;
    const mayRepeat = job.failures < maxFailures;
    switch (outcome.kind) {
      case "notStarted": {
        const { result } = outcome;
        // The host ended a shell that had waited; sudo, doas and login shells end with another status.
        const isIdleEnd = result.status === 0 || result.status > 128;
        if (isIdleEnd && mayRepeat) return void this.#queue.unshift(job);
        return this.#noRights(job, result);
      }
      case "lost": {
        if (job.isRepeatable && mayRepeat) return void this.#queue.unshift(job);
        const why = connection.isOpen ? "the session ended without an exit status" : await connection.closed;
        const text = `The connection to ${where(this.#route)} was lost while ${quoteLabel(job)} ran: ${why}. It may have done all, part or none of its work`;
        return this.#give(
          job,
          "connectionLost",
          `${text}; look at the host (pulumi refresh)`,
          outcome.printed,
        );
      }
      case "timeout": {
        const limit = `${job.limits.timeoutMs / 1000} s`;
        const text =
          outcome.status === undefined
            ? `${quoteLabel(job)} did not end within ${limit} on ${where(this.#route)}; it may still run there`
            : `${quoteLabel(job)} ended with status ${outcome.status} on ${where(this.#route)}, but something that it started keeps its output open for more than ${limit}`;
        return this.#give(job, "timeout", text, outcome.printed);
      }
      case "tooMuchOutput": {
        const limit = `${job.limits.maxOutputBytes} bytes`;
        const text = `${quoteLabel(job)} printed more than ${limit} on ${where(this.#route)}; it may still run there`;
        return this.#give(job, "tooMuchOutput", text, outcome.printed);
      }
    }
  }

  #give(job: Job, kind: SshError["kind"], text: string, printed: Printed): void {
    job.reject(new SshError(kind, `${text}.\n${quotePrinted(printed)}`, { printed }));
  }

  #noRights(job: Job, result: Result): void {
    const { become, user } = this.#route;
    const advice = {
      none: `Is the login shell of ${user} a shell, and does nothing (ForceCommand, login files) replace the command?`,
      sudo:
        `Allow it in sudoers(5): ${user} ALL=(root) NOPASSWD: ALL` +
        " (or ALL=(root) ALL, and the password in freebsd-vnet:sudoPassword)",
      doas: `Allow it in doas.conf(5): permit nopass ${user} as root (doas takes no password without a terminal)`,
    }[become];
    const who = become === "none" ? "The login shell" : become;
    const text = `${who} did not start ${quoteLabel(job)} on ${where(this.#route)}; it ended with status ${result.status}`;
    const printed = { stdout: result.stdout, stderr: result.stderr };
    const error = new SshError("noRights", `${text}.\n${quotePrinted(printed)}\n${advice}`, { printed });
    if (become !== "none") {
      this.#refusal = error;
      this.#fail(error);
    }
    job.reject(error);
  }

  #fail(error: SshError): void {
    for (const job of this.#queue.splice(0)) job.reject(error);
  }

  async #connect(): Promise<void> {
    try {
      const connection = await this.#tryToConnect();
      this.#stats.connections += 1;
      this.#connection = connection;
      this.#wasConnected = true;
      this.#hasServed = false;
      this.#limit = this.#options.maxSessions;
      this.#slots.clear();
      this.#waiting.length = 0;
      void connection.closed.then(() => {
        if (this.#connection === connection) this.#connection = undefined;
        this.#advance();
      });
    } catch (error) {
      const known =
        error instanceof SshError ? error : new SshError("unreachable", reason(error), { cause: error });
      if (known.kind === "authentication") this.#refusal = known;
      this.#fail(known);
    }
    this.#connecting = undefined;
    this.#advance();
  }

  async #tryToConnect(): Promise<Connection> {
    const { connectMs, reconnectMs, handshakeMs } = this.#options;
    const deadline = Date.now() + (this.#wasConnected ? reconnectMs : connectMs);
    for (let pauseMs = 250; ; pauseMs = Math.min(pauseMs * 2, 5000)) {
      const leftMs = Math.max(leastMs, deadline - Date.now());
      try {
        return await this.#connectOnce({ ...this.#options, handshakeMs: Math.min(handshakeMs, leftMs) });
      } catch (error) {
        const isLater = error instanceof SshError && error.kind === "unreachable" && !isNoName(error);
        if (!isLater || Date.now() + pauseMs >= deadline || this.#abort.signal.aborted) throw error;
      }
      await sleep(pauseMs, undefined, { signal: this.#abort.signal });
    }
  }

  async #connectOnce(options: ConnectionOptions): Promise<Connection> {
    try {
      const legs = await Promise.all([...this.#route.jumps, this.#route].map((hop) => this.#leg(hop)));
      // Sockets count on the host that is dialled, also those of other hosts behind it.
      const { address, port } = (legs[0] as Leg).hop;
      const connection = await atTheDoor.pass(`${address}:${port}`, () =>
        connect(legs, options, this.#abort.signal),
      );
      if (this.#acceptsNew) {
        this.#route = { ...this.#route, hostKey: keyLine(connection.hostKey) };
        this.#acceptsNew = false;
      }
      return connection;
    } catch (error) {
      throw error instanceof SshError ? withNotes(error, this.#route) : error;
    }
  }

  async #leg(hop: Hop): Promise<Leg> {
    const { home } = this.#options;
    const configured = this.#credentials.knownHosts?.map((file) => expandHome(file, home));
    const [judge, identities] = await Promise.all([
      hostKeyJudge(hop, configured ?? knownHostsFiles(hop, home), this.#acceptsNew && !hop.isJump),
      this.#keyring.identities(hop),
    ]);
    return { hop, judge, identities };
  }
}

/** What was left out of ssh_config(5) may be the reason. */
function withNotes(error: SshError, { notes, jumps }: Route): SshError {
  const more = [
    ...(jumps.length > 0 ? [`The way to it: over ${jumps.map(where).join(", then ")}.`] : []),
    ...notes.map((note) => `${note}.`),
  ];
  if (more.length === 0) return error;
  return new SshError(error.kind, [error.message, ...more].join("\n"), { cause: error.cause });
}

const quoteLabel = (job: Job) => `"${job.label}"`;

const isNoName = (error: SshError) =>
  (error.cause as NodeJS.ErrnoException | undefined)?.code === "ENOTFOUND";
