import { execFile, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { ensureInstalled } from "../apt";

const run = promisify(execFile);
const sshd = "/usr/sbin/sshd";

/** Installs OpenSSH's server if it is not there (Debian, as root). */
export function ensureSshd(): void {
  ensureInstalled(sshd, "openssh-server");
  // sshd refuses to start without its directory for unprivileged parts, which only its service makes.
  execFileSync("mkdir", ["-p", "/run/sshd"]);
}

/** A key pair made by ssh-keygen(1); gives the path of the private half. */
export async function keygen(path: string, type: string, passphrase = ""): Promise<string> {
  await run("ssh-keygen", ["-q", "-t", type, "-N", passphrase, "-C", `${type} of the test`, "-f", path]);
  return path;
}

/** A real sshd on loopback, with its own keys, in its own folder. */
export interface Sshd {
  readonly port: number;
  readonly folder: string;
  /** Path of a private key that is let in. */
  readonly userKey: string;
  /** Path of the known_hosts file, as ssh-keyscan(1) writes it. */
  readonly knownHosts: string;
  log(): Promise<string>;
  authorize(publicKeyFile: string): Promise<void>;
  /** Replaces the host keys, as a reinstallation does. */
  rekey(): Promise<void>;
  stop(): Promise<void>;
}

/** @param configure makes what it likes in the folder, beside the host keys, and gives lines for sshd_config. */
export async function startSshd(
  configure: (folder: string) => readonly string[] | Promise<readonly string[]> = () => [],
): Promise<Sshd> {
  ensureSshd();
  const folder = await mkdtemp(join(tmpdir(), "ssh-test-"));
  const at = (name: string) => join(folder, name);
  const makeHostKeys = () => Promise.all(["ed25519", "rsa"].map((type) => keygen(at(`host_${type}`), type)));
  const hostKeys = await makeHostKeys();
  const userKey = await keygen(at("user"), "ed25519");
  const port = await freePort();
  await writeFile(at("authorized_keys"), await readFile(`${userKey}.pub`), { mode: 0o600 });
  await writeFile(
    at("sshd_config"),
    [
      // The first value counts.
      ...(await configure(folder)),
      `Port ${port}`,
      "ListenAddress 127.0.0.1",
      ...hostKeys.map((key) => `HostKey ${key}`),
      `AuthorizedKeysFile ${at("authorized_keys")}`,
      `PidFile ${at("pid")}`,
      "UsePAM no",
      "StrictModes no",
      "PermitRootLogin yes",
      "PasswordAuthentication no",
      "LogLevel DEBUG1",
      "",
    ].join("\n"),
  );
  let log = "";
  const daemon = () => {
    const child = spawn(sshd, ["-D", "-e", "-f", at("sshd_config")], { stdio: ["ignore", "ignore", "pipe"] });
    child.stderr.on("data", (chunk: Buffer) => {
      log += chunk.toString();
    });
    return child;
  };
  let child = daemon();
  const stop = async () => {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill();
    await ended;
  };
  await answers(port);
  const { stdout } = await run("ssh-keyscan", ["-p", String(port), "127.0.0.1"]);
  await writeFile(at("known_hosts"), stdout);
  return {
    port,
    folder,
    userKey,
    knownHosts: at("known_hosts"),
    async log() {
      await sleep(100); // What a connection's process writes as it ends.
      return log;
    },
    async authorize(file) {
      await writeFile(at("authorized_keys"), await readFile(file), { flag: "a" });
    },
    async rekey() {
      await stop();
      for (const key of hostKeys) await rm(key);
      await makeHostKeys();
      log = "";
      child = daemon();
      await answers(port);
    },
    async stop() {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** An ssh-agent(1) that holds `keys`; `socket` is its SSH_AUTH_SOCK. */
export async function startAgent(
  folder: string,
  keys: readonly string[],
): Promise<{ socket: string; stop(): void }> {
  const socket = join(folder, "agent");
  const child = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
  while (!existsSync(socket)) await sleep(10);
  for (const key of keys)
    await run("ssh-add", ["-q", key], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
  return { socket, stop: () => child.kill() };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function answers(port: number): Promise<void> {
  for (let left = 200; ; left--) {
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("data", () => resolve(true));
      socket.once("error", () => resolve(false));
      socket.once("data", () => socket.destroy());
    });
    if (isUp) return;
    if (left === 0) throw new Error(`sshd does not answer on port ${port}`);
    await sleep(25);
  }
}
