import { createHash } from "node:crypto";
import { utils } from "ssh2";
import type { Result } from "./command";
import { type ExecOptions, Machine, type MachineOptions, type Snapshot } from "./machine";
import { type Login, SshServer } from "./server";

export interface SimulatedHostOptions extends MachineOptions {
  /** TCP port on 127.0.0.1; by default a free one. */
  readonly port?: number;
  /** Who may log in, by user name; by default `root` with the key `clientKey`. */
  readonly logins?: Readonly<Record<string, Login>>;
  /** For `root`, beside the key: password and keyboard-interactive authentication. */
  readonly password?: string;
  /** sshd_config's MaxSessions, 10 by default: more channels on one connection are refused. */
  readonly maxSessions?: number;
  /** Milliseconds before a new connection is answered, 0 by default. */
  readonly delay?: number;
  /** PEM of the host's private key; a new one by default. */
  readonly hostKey?: string;
  /** PEM of the private key that `root` may log in with, to give several hosts the same; a new one by default. */
  readonly clientKey?: string;
}

/** A key pair as OpenSSH writes it. */
interface Keys {
  readonly private: string;
  readonly public: string;
}

/** ssh2 now and then writes an Ed25519 key that it cannot read itself. */
function newKeys(comment: string): Keys {
  for (;;) {
    const keys = utils.generateKeyPairSync("ed25519", { comment });
    if (!(utils.parseKey(keys.private) instanceof Error)) return keys;
  }
}

function publicLine(privateKey: string): string {
  const parsed = utils.parseKey(privateKey);
  if (parsed instanceof Error) throw parsed;
  return `${parsed.type} ${parsed.getPublicSSH().toString("base64")}`;
}

/**
 * A FreeBSD 14 host that is not there, behind a real SSH server on 127.0.0.1.
 *
 *     const host = await SimulatedHost.start();
 *     // connect to host.address:host.port as host.user with host.clientKey
 *     await host.stop();
 */
export class SimulatedHost {
  readonly address = "127.0.0.1";
  /** Login name. */
  readonly user = "root";

  private constructor(
    readonly machine: Machine,
    private readonly server: SshServer,
    readonly port: number,
    /** Private key (OpenSSH PEM) that `user` may log in with. */
    readonly clientKey: string,
    /** The host's public key: `ssh-ed25519 AAAA…`. */
    readonly publicKey: string,
  ) {}

  static async start(options: SimulatedHostOptions = {}): Promise<SimulatedHost> {
    const clientKey = options.clientKey ?? newKeys("client").private;
    const hostKey = options.hostKey ?? newKeys("fbsd14").private;
    const publicKey = publicLine(hostKey);
    const machine = await Machine.create(options);
    const server = new SshServer(machine, {
      port: options.port ?? 0,
      hostKey,
      logins: options.logins ?? {
        root: {
          keys: [publicLine(clientKey)],
          ...(options.password === undefined ? {} : { password: options.password }),
        },
      },
      maxSessions: options.maxSessions ?? 10,
      delay: options.delay ?? 0,
    });
    machine.onReboot = () => server.cut();
    const port = await server.listen();
    return new SimulatedHost(machine, server, port, clientKey, publicKey);
  }

  /** Fingerprint of the host's key, as `ssh-keygen -l` shows it: `SHA256:…`. */
  get hostKey(): string {
    const data = Buffer.from(this.publicKey.split(" ")[1]!, "base64");
    return `SHA256:${createHash("sha256").update(data).digest("base64").replace(/=+$/, "")}`;
  }

  /** The host's line for a known_hosts file. */
  get knownHostsLine(): string {
    return `[${this.address}]:${this.port} ${this.publicKey}`;
  }

  /** How many connections were made so far. */
  get connections(): number {
    return this.server.accepted;
  }

  /** Runs a command on the host, past SSH. */
  exec(command: string, options?: ExecOptions): Promise<Result> {
    return this.machine.exec(command, options);
  }

  snapshot(): Snapshot {
    return this.machine.snapshot();
  }

  /** Restarts the host: connections break, what is not in files is gone. Resolves when /etc/rc is done. */
  async reboot(): Promise<void> {
    await this.machine.reboot();
  }

  /** Breaks all connections. What runs goes on until it writes to them. */
  cut(): void {
    this.server.cut();
  }

  /** Closes the next `times` connections before they are answered. */
  refuse(times = 1): void {
    this.server.refuseNext = times;
  }

  async stop(): Promise<void> {
    this.machine.halt();
    await this.server.close();
  }
}
