import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type Credentials,
  Redacted,
  Sessions,
  type SessionsOptions,
  type SshError,
  type Target,
} from "../../provider/ssh";
import { certifiedKey } from "../../provider/ssh/certificate";
import { keygen, type Sshd, startAgent, startSshd } from "./openssh";

jest.setTimeout(60_000);

let sshd: Sshd;
let target: Target;
beforeAll(async () => {
  sshd = await startSshd();
  target = { address: "127.0.0.1", port: sshd.port };
}, 120_000);
afterAll(() => sshd.stop());

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

function sessions(credentials: Credentials = {}, options: SessionsOptions = {}): Sessions {
  const made = new Sessions({
    credentials: {
      privateKey: new Redacted(readFileSync(sshd.userKey, "utf8")),
      agent: false,
      knownHosts: [sshd.knownHosts],
      ...credentials,
    },
    connectMs: 3000,
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

describe("scripts", () => {
  test("stdout, stderr and status are kept apart", async () => {
    const result = await sessions().run(target, "echo out; echo err >&2; exit 7");
    expect(result).toEqual({ stdout: "out\n", stderr: "err\n", status: 7 });
  });

  test("a signal that ends the shell gives 128 plus its number", async () => {
    expect((await sessions().run(target, "echo before; kill -9 $$")).status).toBe(137);
  });

  test("a script of 1 MB, and as much output", async () => {
    const line = `echo ${"x".repeat(1000)}`;
    const script = Array.from({ length: 1050 }, () => line).join("\n");
    const { stdout, status } = await sessions().run(target, script);
    expect(status).toBe(0);
    expect(stdout).toBe(`${"x".repeat(1000)}\n`.repeat(1050));
  });

  test("UTF-8 over chunk borders, a here-document at the end, an empty script, a syntax error", async () => {
    const ssh = sessions();
    const umlauts = `ä€😀`.repeat(30_000);
    expect((await ssh.run(target, `cat <<'E'\n${umlauts}\nE`)).stdout).toBe(`${umlauts}\n`);
    expect(await ssh.run(target, "")).toEqual({ stdout: "", stderr: "", status: 0 });
    const broken = await ssh.run(target, "if; then");
    expect(broken.status).toBe(2);
    expect(broken.stderr).not.toBe("");
  });

  test("each has a shell of its own", async () => {
    const ssh = sessions();
    await ssh.run(target, "leftover=1; cd /; umask 077");
    expect((await ssh.run(target, "echo [$leftover] $(pwd)")).stdout).not.toMatch(/\[1\]|\] \/\n/);
  });

  test("40 at once with the default MaxSessions", async () => {
    const ssh = sessions();
    const all = Array.from({ length: 40 }, (_, n) => ssh.run(target, `sleep 0.05; echo ${n}; exit ${n}`));
    const results = await Promise.all(all);
    results.forEach((result, n) => {
      expect(result).toEqual({ stdout: `${n}\n`, stderr: "", status: n });
    });
    expect(ssh.stats).toEqual({ connections: 1, execs: 40 });
  });

  test("too long: what it printed so far", async () => {
    const error = await failure(sessions().run(target, "echo begun; exec sleep 10", { timeoutMs: 2000 }));
    expect(error).toMatchObject({ kind: "timeout", printed: { stdout: "begun\n", stderr: "" } });
  });

  test("output without end", async () => {
    const error = await failure(sessions({}, { maxOutputBytes: 100_000 }).run(target, "yes"));
    expect(error.kind).toBe("tooMuchOutput");
  });

  test("the session's process is killed from outside", async () => {
    const ssh = sessions();
    const error = await failure(ssh.run(target, "echo begun; kill -9 $PPID; sleep 1"));
    expect(error.kind).toBe("connectionLost");
    expect((await ssh.run(target, "echo again")).stdout).toBe("again\n");
    expect(ssh.stats.connections).toBe(2);
  });
});

test("MaxSessions 2: all 20 succeed", async () => {
  const strict = await startSshd(() => ["MaxSessions 2"]);
  cleanUp.push(() => strict.stop());
  const ssh = sessions({
    knownHosts: [strict.knownHosts],
    privateKey: undefined,
    identityFile: strict.userKey,
  });
  const at = { address: "127.0.0.1", port: strict.port };
  const all = Array.from({ length: 20 }, (_, n) => ssh.run(at, `sleep 0.02; echo ${n}`));
  expect((await Promise.all(all)).map(({ stdout }) => stdout.trim())).toEqual(
    Array.from({ length: 20 }, (_, n) => `${n}`),
  );
});

describe("identities", () => {
  test("agent", async () => {
    const agent = await startAgent(sshd.folder, [sshd.userKey]);
    cleanUp.push(agent.stop);
    const ssh = sessions({ privateKey: undefined, agent: agent.socket }, { home: "/nonexistent" });
    expect((await ssh.run(target, "echo in")).stdout).toBe("in\n");
  });

  test("agent with more keys than MaxAuthTries: the one that is asked for goes first", async () => {
    const others = await Promise.all(
      Array.from({ length: 7 }, (_, n) => keygen(join(sshd.folder, `other${n}`), "ed25519")),
    );
    const agent = await startAgent(join(sshd.folder), [...others, sshd.userKey]);
    cleanUp.push(agent.stop);
    const credentials = { privateKey: undefined, agent: agent.socket };
    const error = await failure(sessions(credentials, { home: "/nonexistent" }).run(target, "echo in"));
    expect(error.kind).toBe("authentication");
    expect(error.message).toMatch(/Too many authentication failures/);
    expect(error.message).toMatch(/agent key "ed25519 of the test" \(SHA256:/);
    const named = sessions({ ...credentials, identityFile: `${sshd.userKey}.pub` });
    expect((await named.run(target, "echo in")).stdout).toBe("in\n");
  });

  test("a key with a passphrase", async () => {
    const key = await keygen(join(sshd.folder, "locked"), "ed25519", "open sesame");
    await sshd.authorize(`${key}.pub`);
    const identityFile = { privateKey: undefined, identityFile: key };
    const ssh = sessions({ ...identityFile, passphrase: new Redacted("open sesame") });
    expect((await ssh.run(target, "echo in")).stdout).toBe("in\n");
    const without = await failure(sessions(identityFile).run(target, ""));
    expect(without.message).toContain(`${key} (encrypted, and no passphrase is configured)`);
    const wrong = await failure(
      sessions({ ...identityFile, passphrase: new Redacted("pw") }).run(target, ""),
    );
    expect(wrong.message).toContain("the passphrase does not open it");
  });

  test.each(["rsa", "ecdsa"])("a default file ~/.ssh/id_%s", async (type) => {
    const home = join(sshd.folder, `home-${type}`);
    mkdirSync(join(home, ".ssh"), { recursive: true });
    const key = await keygen(join(home, ".ssh", `id_${type}`), type);
    await sshd.authorize(`${key}.pub`);
    await copyFile(sshd.knownHosts, join(home, ".ssh", "known_hosts"));
    const ssh = sessions({ privateKey: undefined, knownHosts: undefined }, { home });
    expect((await ssh.run(target, "echo in")).stdout).toBe("in\n");
  });

  test("a key file that others can read is not used", async () => {
    const key = await keygen(join(sshd.folder, "open"), "ed25519");
    execFileSync("chmod", ["644", key]);
    const error = await failure(sessions({ privateKey: undefined, identityFile: key }).run(target, ""));
    expect(error.message).toContain(`chmod 600 ${key}`);
  });

  test("all refused: which were tried, and what the host accepts", async () => {
    const key = await keygen(join(sshd.folder, "stranger"), "ed25519");
    const error = await failure(sessions({ privateKey: undefined, identityFile: key }).run(target, ""));
    expect(error.kind).toBe("authentication");
    expect(error.message).toMatch(
      new RegExp(`Tried: ${key} \\(SHA256:[^)]+\\)\\.\nThe host accepts: publickey`),
    );
    expect(error.message).toContain("~root/.ssh/authorized_keys");
  });
});

describe("host keys", () => {
  const attempts = async () => (await sshd.log()).match(/userauth-request/g)?.length ?? 0;

  test("the log tells of attempts to log in", async () => {
    const before = await attempts();
    await sessions().run(target, "");
    expect(await attempts()).toBeGreaterThan(before);
  });

  test("known_hosts as ssh-keyscan writes it, and hashed by ssh-keygen -H", async () => {
    expect(readFileSync(sshd.knownHosts, "utf8")).toContain(`[127.0.0.1]:${sshd.port} ssh-`);
    const hashed = join(sshd.folder, "hashed");
    await copyFile(sshd.knownHosts, hashed);
    execFileSync("ssh-keygen", ["-H", "-f", hashed], { stdio: "ignore" });
    expect(readFileSync(hashed, "utf8")).toMatch(/^\|1\|/);
    expect((await sessions({ knownHosts: [hashed] }).run(target, "echo in")).stdout).toBe("in\n");
  });

  test.each(["ssh-rsa", "ssh-ed25519"])("only the %s key is known: that one is asked for", async (type) => {
    const only = join(sshd.folder, `only-${type}`);
    const lines = readFileSync(sshd.knownHosts, "utf8").split("\n");
    writeFileSync(only, lines.filter((line) => line.includes(` ${type} `)).join("\n"));
    expect((await sessions({ knownHosts: [only] }).run(target, "echo in")).stdout).toBe("in\n");
  });

  test.each(["rsa", "ed25519"])("pinned by the fingerprint of the %s key", async (type) => {
    const shown = execFileSync("ssh-keygen", ["-lf", join(sshd.folder, `host_${type}.pub`)], {
      encoding: "utf8",
    });
    const hostKey = /SHA256:\S+/.exec(shown)?.[0];
    const ssh = sessions({ knownHosts: [] });
    expect((await ssh.run({ ...target, hostKey }, "echo in")).stdout).toBe("in\n");
  });

  test("pinned by the public key file", async () => {
    const hostKey = readFileSync(join(sshd.folder, "host_rsa.pub"), "utf8");
    expect((await sessions({ knownHosts: [] }).run({ ...target, hostKey }, "echo in")).stdout).toBe("in\n");
  });

  test("unknown: refused before anything of us is sent", async () => {
    const before = await attempts();
    const error = await failure(sessions({ knownHosts: ["/nonexistent"] }).run(target, "echo in"));
    expect(error.kind).toBe("hostKeyUnknown");
    expect(await attempts()).toBe(before);
    const line = error.message.split("\n").at(-1)?.trim();
    expect(readFileSync(sshd.knownHosts, "utf8")).toContain(line);
  });

  test("revoked", async () => {
    const revoked = join(sshd.folder, "revoked");
    const [type, key] = readFileSync(join(sshd.folder, "host_ed25519.pub"), "utf8").split(" ");
    writeFileSync(revoked, `${readFileSync(sshd.knownHosts, "utf8")}@revoked * ${type} ${key}\n`);
    const before = await attempts();
    const error = await failure(sessions({ knownHosts: [revoked] }).run(target, "echo in"));
    expect(error.kind).toBe("hostKeyRevoked");
    expect(await attempts()).toBe(before);
  });

  describe("signed by a certificate authority", () => {
    /** A host with a certificate made by `ssh-keygen -s` and these options, and what a file that trusts `ca` says. */
    async function certified(ca: string, signing: readonly string[], type = "ed25519") {
      const host = await startSshd((folder) => {
        const key = join(folder, `host_${type}`);
        execFileSync("ssh-keygen", ["-q", "-s", ca, "-I", "x", ...signing, `${key}.pub`]);
        return [`HostCertificate ${key}-cert.pub`];
      });
      cleanUp.push(() => host.stop());
      const at = { address: "127.0.0.1", port: host.port };
      return { host, at, key: readFileSync(join(host.folder, `host_${type}.pub`), "utf8") };
    }
    const trusting = (ca: string, name: string, more = "") => {
      const file = join(sshd.folder, name);
      writeFileSync(file, `@cert-authority * ${readFileSync(`${ca}.pub`, "utf8")}${more}`);
      return file;
    };
    let count = 0;
    const newCa = (type: string) => keygen(join(sshd.folder, `ca${count++}`), type);
    const access = (host: Sshd, file: string) =>
      sessions({ privateKey: new Redacted(readFileSync(host.userKey, "utf8")), knownHosts: [file] });

    test.each([
      ["ed25519", "ed25519"],
      ["ecdsa", "rsa"],
      ["rsa", "ed25519"],
    ])("an %s authority, an %s key", async (caType, type) => {
      const ca = await newCa(caType);
      const { host, at } = await certified(ca, ["-h", "-n", "alpha,127.0.0.1"], type);
      const ssh = access(host, trusting(ca, `by-${caType}`));
      expect((await ssh.run(at, "echo in")).stdout).toBe("in\n");
    });

    test.each([
      ["another host's", ["-h", "-n", "beta"], /its certificate is for beta, not for 127\.0\.0\.1/],
      ["no host's", ["-h"], /its certificate is for no host by name/],
      ["an old one", ["-h", "-n", "127.0.0.1", "-V", "20200101:20200102"], /was valid until 2020-01-0/],
      [
        "one of the future",
        ["-h", "-n", "127.0.0.1", "-V", "20990101:20990102"],
        /not valid before 2098-12|2099-01/,
      ],
    ])("%s: refused with the reason", async (_, signing, message) => {
      const ca = await newCa("ed25519");
      const { host, at } = await certified(ca, signing);
      const error = await failure(access(host, trusting(ca, "by-ca")).run(at, "echo in"));
      expect(error.kind).toBe("hostKeyUnknown");
      expect(error.message).toContain("by-ca:1 trusts a certificate authority for it, but ");
      expect(error.message).toMatch(message);
    });

    test("another authority's, a revoked authority's, a revoked key's, none: refused", async () => {
      const [ca, other] = await Promise.all([newCa("ed25519"), newCa("ed25519")]);
      const { host, at, key } = await certified(ca, ["-h", "-n", "127.0.0.1"]);
      const refusal = (file: string) => failure(access(host, file).run(at, "echo in"));
      expect((await refusal(trusting(other, "by-other"))).message).toContain("signed by another authority");
      const ofCa = `@revoked * ${readFileSync(`${ca}.pub`, "utf8")}`;
      expect((await refusal(trusting(ca, "by-revoked", ofCa))).kind).toBe("hostKeyUnknown");
      expect((await refusal(trusting(ca, "revoked-key", `@revoked * ${key}`))).kind).toBe("hostKeyRevoked");
      const none = await failure(sessions({ knownHosts: [trusting(ca, "no-cert")] }).run(target, "echo in"));
      expect(none.message).toContain("it has no certificate of a type that is accepted");
    });

    test("a changed certificate", async () => {
      const ca = await newCa("ed25519");
      const { host } = await certified(ca, ["-h", "-n", "127.0.0.1"]);
      const line = readFileSync(join(host.folder, "host_ed25519-cert.pub"), "utf8").split(" ")[1] ?? "";
      const blob = Buffer.from(line, "base64");
      const caBlob = Buffer.from(readFileSync(`${ca}.pub`, "utf8").split(" ")[1] ?? "", "base64");
      const isAuthority = (key: Buffer) => key.equals(caBlob);
      expect(certifiedKey(blob, "127.0.0.1", isAuthority)).toBeInstanceOf(Buffer);
      for (let at = 0; at < blob.length; at++) {
        const changed = Buffer.from(blob);
        changed[at] = (changed[at] as number) ^ 1;
        expect(typeof certifiedKey(changed, "127.0.0.1", isAuthority)).toBe("string");
        expect(typeof certifiedKey(blob.subarray(0, at), "127.0.0.1", isAuthority)).toBe("string");
      }
    });
  });

  // The last one of this file: other tests know the host by its first keys.
  test("changed: refused loudly before anything of us is sent", async () => {
    await sshd.rekey();
    const error = await failure(sessions().run(target, "echo in"));
    expect(error.kind).toBe("hostKeyChanged");
    expect(error.message).toContain("HAS CHANGED");
    expect(error.message).toMatch(
      /expected ssh-ed25519 SHA256:\S+ \(.*known_hosts:\d+\)\n {2}it shows ssh-ed25519 SHA256:/,
    );
    expect(await attempts()).toBe(0);
  });
});
