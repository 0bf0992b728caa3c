import { generateKeyPairSync } from "node:crypto";
import type { AddressInfo, Socket } from "node:net";
import {
  type AuthContext,
  type Connection,
  type KeyboardAuthContext,
  Server,
  type ServerChannel,
  utils,
} from "ssh2";
import { fingerprint } from "../../provider/ssh/hostkey";
import type { Target } from "../../provider/ssh/target";

/** A private key in PEM form, and its public half. */
export interface Key {
  readonly pem: string;
  readonly blob: Buffer;
  /** As in a `.pub` file. */
  readonly line: string;
}

export function makeKey(type: "ed25519" | "rsa" = "ed25519"): Key {
  const pem = type === "rsa" ? rsaPem() : utils.generateKeyPairSync("ed25519").private;
  const key = utils.parseKey(pem);
  // ssh2 drops leading zero bytes, so that some of the ed25519 keys it makes are too short.
  if (key instanceof Error) return makeKey(type);
  const blob = key.getPublicSSH();
  return { pem, blob, line: `${key.type} ${blob.toString("base64")}` };
}

function rsaPem(): string {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return privateKey.export({ type: "pkcs1", format: "pem" }).toString();
}

/** What a session of the fake host does once it has its script. */
export type Script = (session: {
  channel: ServerChannel;
  script: string;
  end(status?: number): void;
  connection: Connection;
}) => void;

export interface FakeHostOptions {
  hostKeys?: string[];
  /** Sessions beyond this many at once are refused. */
  maxSessions?: number;
  run?: Script;
  /** Answers a request for a session instead of opening a shell. */
  onExec?: (command: string, accept: () => ServerChannel, reject: () => void) => boolean;
  /** Default: everybody is let in. */
  authenticate?: (method: string) => boolean;
  /** Answers an attempt to log in instead. */
  onAuthentication?: (context: AuthContext & KeyboardAuthContext) => void;
  /** Answers a request for a session instead. */
  onSession?: () => void;
  /** Shown before the login. */
  banner?: string;
}

/** An SSH server in this process that fails the way a test wants it to. */
export class FakeHost {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #fingerprint: string;
  readonly connections: Connection[] = [];
  readonly authAttempts: string[] = [];
  readonly commands: string[] = [];
  readonly scripts: string[] = [];
  refused = 0;
  open = 0;
  mostOpen = 0;

  constructor(options: FakeHostOptions = {}) {
    const hostKeys = options.hostKeys ?? [makeKey().pem];
    const first = utils.parseKey(hostKeys[0] ?? "");
    if (first instanceof Error) throw first;
    this.#fingerprint = fingerprint(first.getPublicSSH());
    const { banner } = options;
    this.#server = new Server({ hostKeys, ...(banner && { banner }) }, (connection) =>
      this.#accept(connection, options),
    );
  }

  async start(port = 0): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(port, "127.0.0.1", resolve));
    // @types/ssh2 does not say that the server is a net.Server inside.
    (this.#server as unknown as { _srv: { on(e: "connection", l: (s: Socket) => void): void } })._srv.on(
      "connection",
      (socket) => {
        this.#sockets.add(socket);
        socket.on("close", () => this.#sockets.delete(socket));
      },
    );
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get target(): Target {
    return { address: "127.0.0.1", port: this.port, hostKey: this.#fingerprint };
  }

  /** As a power failure, seen from here: the sockets end without a word of SSH. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** As a firewall that drops everything: the sockets stay, nothing is read or sent. */
  mute(): void {
    for (const socket of this.#sockets) {
      socket.pause();
      socket.write = () => true;
    }
  }

  async stop(): Promise<void> {
    const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.cut();
    await stopped;
  }

  #accept(connection: Connection, options: FakeHostOptions): void {
    this.connections.push(connection);
    connection.on("error", () => {});
    connection.on("authentication", (context) => {
      this.authAttempts.push(context.method);
      if (options.onAuthentication)
        return options.onAuthentication(context as AuthContext & KeyboardAuthContext);
      if (options.authenticate?.(context.method) ?? true) context.accept();
      else context.reject(["publickey", "password"]);
    });
    connection.on("session", (accept, reject) => {
      if (options.onSession) return options.onSession();
      if (this.open >= (options.maxSessions ?? 10)) {
        this.refused += 1;
        return reject();
      }
      this.open += 1;
      this.mostOpen = Math.max(this.mostOpen, this.open);
      const session = accept();
      session.on("close", () => {
        this.open -= 1;
      });
      session.on("exec", (acceptExec, rejectExec, { command }) => {
        this.commands.push(command);
        if (options.onExec?.(command, acceptExec, rejectExec ?? (() => {}))) return;
        this.#shell(acceptExec(), connection, options.run ?? (({ end }) => end()));
      });
    });
    connection.on("close", () => {
      this.open = 0;
    });
  }

  /** Reads all of stdin, does what its first line (`echo …; echo … >&2`) says, and leaves the rest to the test. */
  #shell(channel: ServerChannel, connection: Connection, run: Script): void {
    let input = "";
    channel.on("error", () => {});
    channel.on("data", (chunk: Buffer) => {
      input += chunk.toString();
    });
    channel.on("end", () => {
      const end = (status = 0) => {
        channel.exit(status);
        channel.end();
      };
      const [, first, script] = /^echo (\w+); echo \w+ >&2\n([\s\S]*)$/.exec(input) ?? [];
      if (first === undefined || script === undefined) return end();
      this.scripts.push(script.trimEnd());
      channel.write(`${first}\n`);
      channel.stderr.write(`${first}\n`);
      run({ channel, script: script.trimEnd(), end, connection });
    });
  }
}
