import { connect as connectTcp, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type AuthenticationType, Client, type ClientChannel, type NextAuthHandler } from "ssh2";
import { askForCertificate } from "./certificate";
import { reason, SshError } from "./errors";
import type { HostKeyJudge } from "./hostkey";
import type { Identities } from "./identity";
import { type Hop, where } from "./target";

export interface ConnectionOptions {
  /** For the TCP connection and the handshake together, in ms. */
  readonly handshakeMs: number;
  /** How long the host may take to open a session and to start a command in it, in ms. */
  readonly openMs: number;
  /** A host that has sent nothing for this long is asked for a sign of life, in ms. */
  readonly keepAliveMs: number;
  /** A host that has sent nothing for this long is given up, in ms. */
  readonly deadMs: number;
}

/** A hop, what its host key has to be, and who we are there. */
export interface Leg {
  readonly hop: Hop;
  readonly judge: HostKeyJudge;
  readonly identities: Identities;
}

/** An authenticated connection to one hop. */
interface Link {
  readonly client: Client;
  readonly hostKey: Buffer;
  /** What came from it. */
  bytesRead(): number;
}

/** An authenticated SSH connection. It holds the process open only while {@link hold} says so. */
export class Connection {
  readonly #client: Client;
  readonly #bytesRead: () => number;
  /** To the host itself, or to the first on the way to it. */
  readonly #socket: Socket;
  readonly #keepAlive: NodeJS.Timeout;
  readonly #openMs: number;
  /** The public key that the host has shown. */
  readonly hostKey: Buffer;
  /** Resolves when the connection has ended, with the reason. */
  readonly closed: Promise<string>;
  isOpen = true;

  constructor({ client, hostKey, bytesRead }: Link, socket: Socket, options: ConnectionOptions) {
    this.#client = client;
    this.#bytesRead = bytesRead;
    this.#socket = socket;
    this.#openMs = options.openMs;
    this.hostKey = hostKey;
    let why = "the host closed it";
    client.on("error", (error) => {
      why = reason(error);
    });
    this.closed = new Promise((resolve) => {
      client.on("close", () => {
        this.isOpen = false;
        clearInterval(this.#keepAlive);
        // Of a jump host, nothing is left to hold then.
        socket.destroySoon();
        resolve(why);
      });
    });
    this.#keepAlive = this.#watch(options, (message) => {
      why = message;
    });
    this.hold(false);
  }

  /** Whether work is under way, for which the process has to stay. */
  hold(isBusy: boolean): void {
    if (isBusy) this.#socket.ref();
    else this.#socket.unref();
  }

  /**
   * Starts `command` on the host. Fails if the host refuses another session or does not answer, or the connection is
   * gone. `take` gets the channel before anything more is read: a command that ends at once has its status in the same
   * packet.
   */
  exec<T>(command: string, take: (channel: ClientChannel) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      let isLate = false;
      const timer = setTimeout(() => {
        isLate = true;
        reject(new Error(`no answer within ${Math.round(this.#openMs / 1000)} s`));
      }, this.#openMs);
      this.#client.exec(command, (error, channel) => {
        clearTimeout(timer);
        if (error) reject(error);
        else if (isLate) channel.close();
        else resolve(take(channel));
      });
    });
  }

  end(): void {
    this.#client.end();
    this.#socket.destroySoon();
  }

  /**
   * ssh2's own keep-alive has a timer that holds the process open, hence this one. The request asks for nothing
   * that exists; like keepalive@openssh.com it only makes the host answer.
   */
  #watch(options: ConnectionOptions, onDead: (message: string) => void): NodeJS.Timeout {
    let seen = this.#bytesRead();
    // Counted in looks, not by the clock: a laptop that wakes up has not given the host a chance yet.
    let silentMs = 0;
    const look = () => {
      const now = this.#bytesRead();
      silentMs = now === seen ? silentMs + options.keepAliveMs : 0;
      seen = now;
      if (silentMs >= options.deadMs) {
        onDead(`nothing came from the host for ${Math.round(silentMs / 1000)} s`);
        this.#socket.destroy();
      } else if (silentMs > 0) {
        try {
          this.#client.unforwardIn("", 0, () => {});
        } catch {
          // It is being closed, which "close" tells; should that not come, the host is dead soon.
        }
      }
    };
    return setInterval(look, options.keepAliveMs).unref();
  }
}

/**
 * Connects over the legs, the last of which is the host itself: on each makes sure that the host is the right one, and
 * only then logs in. `signal` destroys the connection.
 * @throws SshError `unreachable`, `hostKey…`, `authentication`
 */
export async function connect(
  legs: readonly Leg[],
  options: ConnectionOptions,
  signal: AbortSignal,
): Promise<Connection> {
  const deadline = Date.now() + options.handshakeMs;
  let socket: Socket | undefined;
  let last: Link | undefined;
  try {
    for (const leg of legs) {
      const before = last;
      const dial = async (): Promise<Duplex> => {
        if (before) return forward(leg.hop, before, deadline);
        socket = await dialTcp(leg.hop, deadline, signal);
        return socket;
      };
      last = await reach(leg, dial, deadline);
    }
    return new Connection(last as Link, socket as Socket, options);
  } catch (error) {
    socket?.destroy();
    throw error;
  }
}

async function reach(leg: Leg, dial: () => Promise<Duplex>, deadline: number): Promise<Link> {
  if (leg.judge.wantsCertificate()) {
    const asking = askForCertificate(await dial(), Math.max(1, deadline - Date.now()));
    leg.judge.certify(await asking.catch((error: unknown) => `it ${reason(error)}`));
  }
  for (;;) {
    try {
      return await handshake(leg, await dial(), deadline);
    } catch (error) {
      if (!(error instanceof SshError && error.kind === "hostKeyChanged" && leg.judge.mayHaveAnother()))
        throw error;
    }
  }
}

async function handshake({ hop, judge, identities }: Leg, stream: Duplex, deadline: number): Promise<Link> {
  const client = new Client();
  const login = new Login(hop, identities);
  let verdict: SshError | undefined;
  let accepted: Buffer | undefined;

  const ready = new Promise<void>((resolve, reject) => {
    client.on("ready", resolve);
    client.on("error", (error) => {
      // An agent that does not sign is one identity less, not the end; ssh2 goes on to the next.
      if ((error as { level?: string }).level === "agent") login.note(reason(error));
      else reject(verdict ?? handshakeError(hop, judge, login, error));
    });
    client.on("close", () =>
      reject(verdict ?? unreachable(hop, "it closed the connection before we were in")),
    );
    client.on("change password", () => reject(login.error("the host demands a new password first")));
  });
  client.connect({
    sock: stream,
    username: hop.user,
    readyTimeout: Math.max(1, deadline - Date.now()),
    algorithms: { serverHostKey: judge.algorithms() },
    hostVerifier: (key: Buffer) => {
      // Called again when the keys of the connection are renewed; the host must not turn into another then.
      verdict = accepted?.equals(key) ? undefined : judge.judge(key);
      if (verdict === undefined) accepted ??= Buffer.from(key);
      return verdict === undefined;
    },
    authHandler: (methodsLeft, partialSuccess, next) => login.next(methodsLeft, partialSuccess, next),
  });
  let bytes = 0;
  // Not before ssh2 listens: the first listener sets the stream going.
  stream.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
  });
  try {
    await ready;
    return { client, hostKey: accepted as Buffer, bytesRead: () => bytes };
  } catch (error) {
    client.on("error", () => {});
    stream.destroy();
    throw error;
  }
}

function dialTcp(hop: Hop, deadline: number, signal: AbortSignal): Promise<Socket> {
  const timeoutMs = Math.max(1, deadline - Date.now());
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host: hop.address, port: hop.port, noDelay: true, signal });
    const giveUp = (why: string, cause?: unknown) => {
      socket.destroy();
      reject(unreachable(hop, why, cause));
    };
    const timer = setTimeout(
      () => giveUp(`no TCP connection within ${Math.round(timeoutMs / 1000)} s`),
      timeoutMs,
    );
    const onError = (error: Error) => {
      clearTimeout(timer);
      giveUp(dialReason(error), error);
    };
    socket.once("error", onError);
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.off("error", onError);
      resolve(socket);
    });
  });
}

/** A channel from the host before to this one. */
function forward(hop: Hop, { client }: Link, deadline: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const giveUp = (why: string) => {
      clearTimeout(timer);
      reject(
        unreachable(
          hop,
          `the jump host before it does not connect to it: ${why} (see AllowTcpForwarding in its sshd_config(5))`,
        ),
      );
    };
    const timeoutMs = Math.max(1, deadline - Date.now());
    const timer = setTimeout(giveUp, timeoutMs, `no answer within ${Math.round(timeoutMs / 1000)} s`);
    client.once("close", () => giveUp("it closed the connection"));
    client.forwardOut("127.0.0.1", 0, hop.address, hop.port, (error, stream) => {
      if (error) return giveUp(reason(error));
      clearTimeout(timer);
      stream.on("error", () => {});
      // Unlike a socket, a channel stays open in the other direction.
      stream.once("end", () => stream.close());
      resolve(stream);
    });
  });
}

/** With several addresses of one name, Node reports all failures as one without a message. */
function dialReason(error: Error): string {
  return error instanceof AggregateError ? error.errors.map(reason).join("; ") : error.message;
}

function unreachable(hop: Hop, why: string, cause?: unknown): SshError {
  return new SshError(
    "unreachable",
    `Cannot reach ${where(hop)}: ${why}. Check address and port, that the host is up, that sshd runs ` +
      "(service sshd status) and that no firewall is between.",
    { cause },
  );
}

function handshakeError(hop: Hop, judge: HostKeyJudge, login: Login, error: Error): SshError {
  if (/no matching host key format/.test(error.message)) return judge.noCommonType();
  const { level, code } = error as { level?: string; code?: unknown };
  // A disconnect message of the host has a number as its code ("Too many authentication failures").
  const isRefusal = level === "client-authentication" || (login.hasBegun && typeof code === "number");
  return isRefusal ? login.error(error.message) : unreachable(hop, error.message, error);
}

/** Offers the identities one after the other and remembers which, for the message. */
class Login {
  readonly #hop: Hop;
  readonly #identities: Identities;
  readonly #left;
  readonly #tried: string[] = [];
  readonly #notes: string[] = [];
  #accepts: AuthenticationType[] | undefined;
  hasBegun = false;

  constructor(hop: Hop, identities: Identities) {
    this.#hop = hop;
    this.#identities = identities;
    this.#left = identities.offered.map((identity) => ({ ...identity, method: identity.method(hop.user) }));
  }

  next(
    methodsLeft: AuthenticationType[] | null,
    partialSuccess: boolean | null,
    next: NextAuthHandler,
  ): void {
    this.hasBegun = true;
    if (methodsLeft) this.#accepts = methodsLeft;
    if (partialSuccess) this.#notes.push(`"${this.#tried.at(-1)}" was accepted, but the host wants more`);
    for (let one = this.#left.shift(); one !== undefined; one = this.#left.shift()) {
      const type = one.method.type === "agent" ? "publickey" : one.method.type;
      if (this.#accepts && !this.#accepts.includes(type)) continue;
      this.#tried.push(one.name);
      next(one.method);
      return;
    }
    // ssh2 ends the attempt when it is given false, which its types do not know.
    next(false as unknown as AuthenticationType);
  }

  note(text: string): void {
    this.#notes.push(`"${this.#tried.at(-1)}": ${text}`);
  }

  error(why: string): SshError {
    const list = (texts: readonly string[]) => (texts.length > 0 ? texts.join(", ") : "nothing");
    const { user } = this.#hop;
    return new SshError(
      "authentication",
      [
        `Cannot log in to ${where(this.#hop)}: ${why}.`,
        `Tried: ${list(this.#tried)}.`,
        ...(this.#identities.skipped.length > 0 ? [`Not usable: ${list(this.#identities.skipped)}.`] : []),
        ...this.#notes.map((note) => `${note}.`),
        ...(this.#accepts ? [`The host accepts: ${list(this.#accepts)}.`] : []),
        `Put the public key of one of them into ~${user}/.ssh/authorized_keys on the host` +
          `${user === "root" ? " (and see PermitRootLogin in sshd_config(5))" : ""}, ` +
          "or configure a private key, an agent or a password.",
      ].join("\n"),
    );
  }
}
