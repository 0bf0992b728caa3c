import { createHash, timingSafeEqual } from "node:crypto";
import type { AddressInfo, Server as NetServer, Socket } from "node:net";
import ssh2, {
  type AuthContext,
  type AuthenticationType,
  type Connection,
  type ServerChannel,
  type Session as SshSession,
} from "ssh2";
import { Errno } from "./command";
import { accounts } from "./kernel/accounts";
import { LocalSession, type Machine } from "./machine";
import { Input, Output, type Stream } from "./shell/streams";

export interface Login {
  /** OpenSSH public keys (`ssh-ed25519 AAAA…`) that may log in. */
  readonly keys?: readonly string[];
  /** For password and keyboard-interactive authentication; absent: neither is offered. */
  readonly password?: string;
}

export interface ServerOptions {
  readonly port: number;
  /** PEM. */
  readonly hostKey: string;
  /** By user name; each must be in the machine's /etc/passwd. */
  readonly logins: Readonly<Record<string, Login>>;
  /** sshd_config's MaxSessions: channels of one connection that are open at once. */
  readonly maxSessions: number;
  /** Milliseconds before a new connection is answered. */
  readonly delay: number;
}

/** As the recorded host's only NIC is configured, and where clients come from. */
const NIC = "vtnet0";
const ADDRESS = "10.0.2.15";
const CLIENT = "10.0.2.2";

/** Who is at the other end of a connection. */
interface Client {
  readonly socket: Socket | undefined;
  /** To be called when the connection is broken: what its channels lead to goes on. */
  readonly leaving: Set<() => void>;
}

/** By which connection a session came. */
type From = Pick<Client, "leaving"> & { readonly connection: Connection };

/** sshd(8) in front of a machine. */
export class SshServer {
  private readonly server: ssh2.Server;
  private readonly connections = new Map<Connection, Client>();
  private readonly timers = new Set<NodeJS.Timeout>();
  /** How many connections were accepted so far. */
  accepted = 0;
  /** Refuses the next so many connections (the socket is closed before the banner). */
  refuseNext = 0;

  constructor(
    private readonly machine: Machine,
    private readonly options: ServerOptions,
  ) {
    this.server = new ssh2.Server(
      { hostKeys: [options.hostKey], ident: "OpenSSH_9.6 FreeBSD-20240701" },
      (connection) => this.accept(connection),
    );
    this.interceptSockets();
  }

  /** Gives the port. */
  async listen(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(this.options.port, "127.0.0.1", resolve);
    });
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const timer of this.timers) clearTimeout(timer);
    this.cut();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  /** Breaks all connections, as a crash of the network would. */
  cut(): void {
    for (const connection of [...this.connections.keys()]) this.break(connection);
    for (const socket of this.sockets) socket.destroy();
    this.sockets.clear();
  }

  private break(connection: Connection): void {
    const client = this.connections.get(connection);
    if (!client) return;
    this.connections.delete(connection);
    for (const gone of client.leaving) gone();
    if (client.socket) client.socket.destroy();
    else connection.end();
  }

  private readonly sockets = new Set<Socket>();

  /**
   * Between the socket and ssh2: what the host's own firewall drops neither arrives nor leaves, so a locked out
   * client hangs rather than fails.
   */
  private interceptSockets(): void {
    const inner = (this.server as unknown as { _srv: NetServer })._srv;
    const [listener] = inner.listeners("connection") as ((socket: Socket) => void)[];
    if (!listener) throw new Error("ssh2's server has no connection listener");
    inner.removeListener("connection", listener);
    inner.on("connection", (socket: Socket) => {
      this.sockets.add(socket);
      socket.on("close", () => this.sockets.delete(socket));
      socket.on("error", () => socket.destroy());
      if (!this.machine.isUp) {
        socket.destroy();
        return;
      }
      if (this.refuseNext > 0) {
        this.refuseNext--;
        socket.destroy();
        return;
      }
      const knock = (): void => {
        if (socket.destroyed) return;
        // A client whose first segment was dropped sends it again.
        if (!this.reachable(socket.remotePort, false)) this.later(20, knock);
        else {
          this.filter(socket);
          this.later(this.options.delay, () => {
            if (!socket.destroyed) listener.call(inner, socket);
          });
        }
      };
      knock();
    });
  }

  private later(ms: number, action: () => void): void {
    if (ms <= 0) {
      action();
      return;
    }
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      action();
    }, ms);
    this.timers.add(timer);
  }

  private filter(socket: Socket): void {
    const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
    const emit = socket.emit.bind(socket) as (event: string, ...args: unknown[]) => boolean;
    // A dropped TCP segment is sent again, so a connection that was locked out goes on, in order, once it is let in.
    const held: (() => void)[] = [];
    const port = socket.remotePort;
    const through = (pass: () => void): void => {
      if (held.length === 0 && this.reachable(port)) pass();
      else held.push(pass);
    };
    const copy = (data: unknown): unknown => (Buffer.isBuffer(data) ? Buffer.from(data) : data);
    socket.write = ((data: unknown, ...rest: unknown[]) => {
      const kept = copy(data);
      through(() => {
        if (!socket.destroyed) write(kept, ...rest);
      });
      return true;
    }) as typeof socket.write;
    socket.emit = ((event: string, ...args: unknown[]) => {
      if (event !== "data") return emit(event, ...args);
      const kept = args.map(copy);
      through(() => emit(event, ...kept));
      return true;
    }) as typeof socket.emit;
    const retransmit = setInterval(() => {
      while (held.length > 0 && this.reachable(port)) held.shift()?.();
    }, 20);
    retransmit.unref();
    socket.on("close", () => clearInterval(retransmit));
  }

  /** Does a segment from the client pass the host's firewall, and the answer to it? */
  private reachable(sport = 0, established = true): boolean {
    const { network, firewall } = this.machine.kernel;
    const nic = network.host.interfaces.find((each) => each.name === NIC);
    if (!nic?.up || !nic.addresses.some((each) => each.address === ADDRESS)) return false;
    const client = { src: CLIENT, sport };
    const server = { src: ADDRESS, sport: 22 };
    const to = (from: typeof client, there: typeof client): Parameters<typeof firewall.passes>[2] => ({
      proto: "tcp",
      ...from,
      dst: there.src,
      dport: there.sport,
      established,
    });
    return (
      firewall.passes(nic, "in", to(client, server)) &&
      firewall.passes(nic, "out", { ...to(server, client), established: true })
    );
  }

  private accept(connection: Connection): void {
    this.accepted++;
    const socket = (connection as unknown as { _sock?: Socket })._sock;
    const leaving = new Set<() => void>();
    this.connections.set(connection, { socket, leaving });
    const open = { user: "", channels: 0 };
    connection.on("authentication", (context) => this.authenticate(context, open));
    connection.on("ready", () => {
      connection.on("session", (accept, reject) => {
        if (open.channels >= this.options.maxSessions) return reject();
        open.channels++;
        this.session(accept(), open.user, { connection, leaving }, () => {
          open.channels--;
        });
      });
      connection.on("request", (_accept, reject) => reject?.());
    });
    connection.on("error", () => {});
    connection.on("close", () => this.break(connection));
  }

  private authenticate(context: AuthContext, open: { user: string }): void {
    const login = this.options.logins[context.username];
    const methods: AuthenticationType[] = ["publickey"];
    if (login?.password !== undefined) methods.push("password", "keyboard-interactive");
    const known = accounts(this.machine.kernel.storage.fs).users.some((u) => u.name === context.username);
    const accept = (): void => {
      open.user = context.username;
      context.accept();
    };
    const refuse = (): void => context.reject(methods);
    if (!login || !known) {
      refuse();
      return;
    }
    if (context.method === "publickey") {
      if (isKnownKey(context, login.keys ?? [])) accept();
      else refuse();
      return;
    }
    const { password } = login;
    if (password === undefined) {
      refuse();
      return;
    }
    if (context.method === "password") {
      if (equal(context.password, password)) accept();
      else refuse();
      return;
    }
    if (context.method === "keyboard-interactive") {
      context.prompt([{ prompt: `(${context.username}@fbsd14) Password:`, echo: false }], (answers) =>
        equal(answers[0] ?? "", password) ? accept() : refuse(),
      );
      return;
    }
    refuse();
  }

  private session(ssh: SshSession, user: string, from: From, closed: () => void): void {
    let ended = false;
    ssh.on("close", () => {
      if (!ended) closed();
      ended = true;
    });
    // sshd_config has no AcceptEnv: variables are refused.
    ssh.on("env", (_accept, reject) => reject?.());
    ssh.on("pty", (accept) => accept?.());
    ssh.on("signal", (accept) => accept?.());
    ssh.on("exec", (accept, _reject, { command }) => {
      void this.run(accept(), command, user, from);
    });
    ssh.on("shell", (accept) => {
      void this.run(accept(), "exec /bin/sh", user, from);
    });
    ssh.on("subsystem", (_accept, reject) => reject?.());
  }

  private async run(
    channel: ServerChannel,
    command: string,
    user: string,
    { connection, leaving }: From,
  ): Promise<void> {
    const session = new LocalSession(this.machine.sessions, () => this.break(connection));
    const input = new Input();
    channel.on("data", (data: Buffer) => input.push(data.toString("latin1")));
    channel.on("end", () => input.end());
    // Without a terminal nothing tells the processes that the client is gone: they read to the end, and write to nobody.
    let isOpen = true;
    const gone = (): void => {
      isOpen = false;
      input.end();
    };
    channel.on("close", gone);
    channel.on("error", gone);
    leaving.add(gone);
    const outputs = [channel, channel.stderr].map((sink) => new SessionOutput(sink, () => !isOpen));
    const fds = new Map<number, Stream>([
      [0, input],
      [1, outputs[0]!],
      [2, outputs[1]!],
    ]);
    let status: number;
    try {
      status = await this.machine.start(command, { user, fds, session });
    } catch (error) {
      channel.stderr.write(`simulator: ${error instanceof Error ? error.stack : String(error)}\n`);
      status = 254;
    }
    for (const output of outputs) output.flush();
    leaving.delete(gone);
    const halted = session.ended;
    session.end();
    if (halted || !isOpen || channel.destroyed) return;
    channel.exit(status);
    channel.end();
  }
}

/** What is written in one go leaves in one packet, as sshd(8) reads it from a pipe. */
class SessionOutput extends Output {
  private pending = "";

  constructor(
    private readonly channel: { write(data: Buffer): unknown },
    private readonly isGone: () => boolean,
  ) {
    super((bytes) => {
      if (isGone()) throw new Errno("EPIPE");
      if (this.pending === "") setImmediate(() => this.flush());
      this.pending += bytes;
    });
  }

  flush(): void {
    const { pending } = this;
    this.pending = "";
    if (pending !== "" && !this.isGone()) this.channel.write(Buffer.from(pending, "latin1"));
  }
}

function isKnownKey(
  context: Extract<AuthContext, { method: "publickey" }>,
  keys: readonly string[],
): boolean {
  for (const line of keys) {
    const parsed = ssh2.utils.parseKey(line);
    if (parsed instanceof Error) throw parsed;
    const [key] = Array.isArray(parsed) ? parsed : [parsed];
    if (!key || key.type !== context.key.algo.replace(/^rsa-sha2-\d+$/, "ssh-rsa")) continue;
    if (!key.getPublicSSH().equals(context.key.data)) continue;
    if (!context.signature || !context.blob) return true;
    return key.verify(context.blob, context.signature, context.hashAlgo) === true;
  }
  return false;
}

function equal(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
