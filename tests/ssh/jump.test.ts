import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Credentials,
  Redacted,
  Sessions,
  type SessionsOptions,
  type SshError,
  type Target,
} from "../../provider/ssh";
import { fingerprint } from "../../provider/ssh/hostkey";
import { keygen, type Sshd, startSshd } from "./openssh";
import { FakeHost, makeKey } from "./server";

/** A host behind two others, all of them real sshds with keys of their own. */

jest.setTimeout(60_000);

let inner: Sshd;
let gate: Sshd;
let outer: Sshd;
let home: string;
let target: Target;

beforeAll(async () => {
  [outer, gate, inner] = await Promise.all([startSshd(), startSshd(), startSshd()]);
  home = join(inner.folder, "home");
  mkdirSync(join(home, ".ssh"), { recursive: true });
  target = { address: "127.0.0.1", port: inner.port };
  writeFileSync(
    join(home, ".ssh/known_hosts"),
    [outer, gate, inner].map((one) => readFileSync(one.knownHosts, "utf8")).join(""),
  );
}, 120_000);
afterAll(() => Promise.all([outer, gate, inner].map((one) => one?.stop())));

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

/** The keys of the jump hosts are in the file; the host's own is the stack's. */
function config(text: string): void {
  writeFileSync(join(home, ".ssh/config"), text, { mode: 0o600 });
}

const lines = (name: string, sshd: Sshd, ...more: string[]) =>
  [
    `Host ${name}`,
    "HostName 127.0.0.1",
    `Port ${sshd.port}`,
    "User root",
    `IdentityFile ${sshd.userKey}`,
    ...more,
    "",
  ].join("\n");

function sessions(credentials: Credentials = {}, options: SessionsOptions = {}): Sessions {
  const made = new Sessions({
    credentials: {
      privateKey: new Redacted(readFileSync(inner.userKey, "utf8")),
      agent: false,
      ...credentials,
    },
    connectMs: 5000,
    home,
    ...options,
  });
  cleanUp.push(() => made.close());
  return made;
}

const failure = (work: Promise<unknown>): Promise<SshError> =>
  work.then(
    () => Promise.reject(new Error("expected a failure")),
    (error) => error,
  );

/** Who has been logged in, as the log of a host says. */
const logins = async (sshd: Sshd) => (await sshd.log()).match(/Accepted \w+ for root/g)?.length ?? 0;

test("an alias of ~/.ssh/config: address, port, user, key", async () => {
  config(lines("alpha", inner));
  const ssh = sessions({ privateKey: undefined });
  expect((await ssh.run({ address: "alpha" }, "echo in")).stdout).toBe("in\n");
});

test("over two hosts, each with its own key, in one connection for all scripts", async () => {
  config(lines("outer", outer) + lines("gate", gate) + lines("alpha", inner, "ProxyJump outer,gate"));
  const before = await Promise.all([outer, gate, inner].map(logins));
  const ssh = sessions();
  const all = Array.from({ length: 30 }, (_, n) =>
    ssh.run({ address: "alpha" }, `echo ${n} $SSH_CONNECTION`),
  );
  const results = await Promise.all(all);
  results.forEach(({ stdout, status }, n) => {
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`^${n} 127.0.0.1 \\d+ 127.0.0.1 ${inner.port}\n$`));
  });
  expect(ssh.stats).toEqual({ connections: 1, execs: 30 });
  const after = await Promise.all([outer, gate, inner].map(logins));
  expect(after.map((count, i) => count - (before[i] ?? 0))).toEqual([1, 1, 1]);
});

test("declared: jump hosts with their keys pinned, no file", async () => {
  config("");
  const hostKey = readFileSync(join(gate.folder, "host_ed25519.pub"), "utf8").trim();
  await gate.authorize(`${inner.userKey}.pub`);
  const jump = [{ address: "127.0.0.1", port: gate.port, user: "root", hostKey }];
  const pinned = readFileSync(join(inner.folder, "host_rsa.pub"), "utf8").trim();
  const ssh = sessions({ knownHosts: [] });
  const { stdout } = await ssh.run({ ...target, hostKey: pinned, jump }, "echo in");
  expect(stdout).toBe("in\n");
});

test("a jump host whose key is not known: nothing is sent to it, and the way is told", async () => {
  config(lines("gate", gate) + lines("alpha", inner, "ProxyJump gate"));
  const before = await logins(gate);
  const ssh = sessions({ knownHosts: [inner.knownHosts] });
  const error = await failure(ssh.run({ address: "alpha" }, "x"));
  expect(error.kind).toBe("hostKeyUnknown");
  expect(error.message).toContain(`The host key of root@127.0.0.1:${gate.port} ("gate") is not known.`);
  expect(error.message).toContain(`[127.0.0.1]:${gate.port} ssh-ed25519 `);
  expect(error.message).toContain(`The way to it: over root@127.0.0.1:${gate.port} ("gate").`);
  expect(await logins(gate)).toBe(before);
});

test("the host behind the jump has another key than it is known by", async () => {
  config(lines("gate", gate));
  const ssh = sessions();
  const hostKey = readFileSync(join(gate.folder, "host_ed25519.pub"), "utf8").trim();
  const before = await logins(inner);
  const error = await failure(ssh.run({ ...target, hostKey, jump: [{ address: "gate" }] }, "x"));
  expect(error.kind).toBe("hostKeyChanged");
  expect(error.message).toContain(`THE HOST KEY OF root@127.0.0.1:${inner.port} HAS CHANGED`);
  expect(await logins(inner)).toBe(before);
});

test("a fingerprint behind a jump: every key of the host is looked at", async () => {
  config(lines("gate", gate));
  const line = readFileSync(join(inner.folder, "host_rsa.pub"), "utf8").split(" ")[1] ?? "";
  const hostKey = fingerprint(Buffer.from(line, "base64"));
  const ssh = sessions({ knownHosts: [gate.knownHosts] });
  expect((await ssh.run({ ...target, hostKey, jump: [{ address: "gate" }] }, "echo in")).stdout).toBe("in\n");
});

test("what a jump host refuses is told: the key", async () => {
  const stranger = await keygen(join(inner.folder, "stranger"), "ed25519");
  config(lines("gate", { ...gate, userKey: stranger }) + lines("alpha", inner, "ProxyJump gate"));
  const ssh = sessions({ privateKey: undefined });
  const error = await failure(ssh.run({ address: "alpha" }, "x"));
  expect(error.kind).toBe("authentication");
  expect(error.message).toContain(`Cannot log in to root@127.0.0.1:${gate.port} ("gate")`);
});

test("what a jump host refuses is told: to forward, and a host that is not there", async () => {
  const closed = await startSshd(() => ["AllowTcpForwarding no"]);
  cleanUp.push(() => closed.stop());
  const jump = [{ address: "gate" }];
  config(lines("gate", closed));
  const known = [closed.knownHosts, gate.knownHosts, inner.knownHosts];
  const refused = await failure(
    sessions({ knownHosts: known }, { connectMs: 500 }).run({ ...target, jump }, "x"),
  );
  expect(refused.kind).toBe("unreachable");
  expect(refused.message).toMatch(/does not connect to it: .*open failed|administratively prohibited/);
  expect(refused.message).toContain("AllowTcpForwarding");

  config(lines("gate", gate));
  const ssh = sessions({ knownHosts: known }, { connectMs: 500 });
  const absent = await failure(ssh.run({ address: "127.0.0.1", port: 1, jump }, "x"));
  expect(absent.kind).toBe("unreachable");
  expect(absent.message).toContain("Cannot reach root@127.0.0.1:1:");
});

test("the password of the host is not offered to a jump host", async () => {
  const asked: string[] = [];
  const fake = await new FakeHost({
    authenticate: (method) => {
      asked.push(method);
      return false;
    },
  }).start();
  cleanUp.push(() => fake.stop());
  config("");
  const { port, hostKey } = fake.target;
  const jump = [{ address: "127.0.0.1", port, hostKey, user: "root" }];
  const ssh = sessions({ password: new Redacted("hunter2") });
  const error = await failure(ssh.run({ ...target, jump }, "x"));
  expect(error.kind).toBe("authentication");
  expect(asked).toContain("publickey");
  expect(asked).not.toContain("password");
  expect(asked).not.toContain("keyboard-interactive");
});

test("a connection over a jump host that is cut is made again", async () => {
  config(lines("gate", gate) + lines("alpha", inner, "ProxyJump gate"));
  const ssh = sessions();
  const { stdout: parent } = await ssh.run({ address: "alpha" }, "echo $PPID");
  // The session's process, and the connection with it.
  process.kill(Number(parent), "SIGKILL");
  expect((await ssh.run({ address: "alpha" }, "echo again", { repeatable: true })).stdout).toBe("again\n");
});

test("many hosts behind one: never more at its door than MaxStartups takes", async () => {
  const strict = await startSshd(() => ["MaxStartups 6:100:6", "LogLevel DEBUG3"]);
  cleanUp.push(() => strict.stop());
  const names = Array.from({ length: 15 }, (_, n) => `alpha${n}`);
  config(lines("strict", strict) + lines(names.join(" "), inner, "ProxyJump strict"));
  const ssh = sessions({ knownHosts: [strict.knownHosts, inner.knownHosts] }, { connectMs: 30_000 });
  const all = names.map((address) => ssh.run({ address }, "echo $0"));
  expect((await Promise.all(all)).every(({ status }) => status === 0)).toBe(true);
  expect(ssh.stats.connections).toBe(15);
  expect(await strict.log()).toMatch(/Accepted publickey/);
  expect(await strict.log()).not.toMatch(/MaxStartups throttling|drop connection/);
});

test("an identity that is only for one host, and a known_hosts name of its own", async () => {
  const known = join(home, ".ssh/other_known_hosts");
  const [, type, key] = readFileSync(inner.knownHosts, "utf8").trim().split("\n").at(-1)?.split(" ") ?? [];
  writeFileSync(known, `the-alpha ${type} ${key}\n`);
  config(
    lines("alpha", inner, "HostKeyAlias the-alpha", `UserKnownHostsFile ${known}`, "IdentitiesOnly yes"),
  );
  expect((await sessions({ privateKey: undefined }).run({ address: "alpha" }, "echo in")).stdout).toBe(
    "in\n",
  );
  config(lines("alpha", inner, "HostKeyAlias another", `UserKnownHostsFile ${known}`));
  const error = await failure(sessions().run({ address: "alpha" }, "x"));
  expect(error.kind).toBe("hostKeyUnknown");
  expect(error.message).toMatch(/\n {2}another ssh-/);
});

test("a file that cannot be followed: told with its line, before anything is dialled", async () => {
  config("Host alpha\n ProxyCommand nc %h %p\n");
  const error = await failure(sessions().run({ address: "alpha" }, "x"));
  expect(error.kind).toBe("configuration");
  expect(error.message).toContain(`${join(home, ".ssh/config")}:2: ProxyCommand is not supported`);
});

test("lines that were left out are told with the error that they may be the reason of", async () => {
  config(`Match host 127.0.0.1 exec "true"\n IdentityFile ${inner.userKey}\n`);
  const stranger = new Redacted(makeKey().pem);
  const error = await failure(sessions({ privateKey: stranger }).run(target, "x"));
  expect(error.kind).toBe("authentication");
  expect(error.message).toContain("config:1: Match exec is not evaluated here, so its lines are left out.");
});
