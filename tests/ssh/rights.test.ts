import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Credentials, Redacted, Sessions, type SshError, type Target } from "../../provider/ssh";
import { ensureInstalled } from "../apt";
import { type Sshd, startSshd } from "./openssh";

/** A user who is not root, against the real sshd with PAM, sudo and doas. */

jest.setTimeout(60_000);

const user = `pfv${randomBytes(3).toString("hex")}`;
const password = randomBytes(12).toString("hex");
const sudoers = `/etc/sudoers.d/${user}`;
const doasConf = "/etc/doas.conf";

let sshd: Sshd;
let target: Target;
let formerDoas: string | undefined;

beforeAll(async () => {
  ensureInstalled("sudo", "sudo");
  ensureInstalled("doas", "doas");
  execFileSync("useradd", ["-m", "-s", "/bin/sh", user]);
  execFileSync("chpasswd", { input: `${user}:${password}\n` });
  try {
    formerDoas = readFileSync(doasConf, "utf8");
  } catch {
    formerDoas = undefined;
  }
  sshd = await startSshd(() => [
    "UsePAM yes",
    "PasswordAuthentication yes",
    "KbdInteractiveAuthentication yes",
  ]);
  execFileSync("chmod", ["711", sshd.folder]);
  execFileSync("chmod", ["644", join(sshd.folder, "authorized_keys")]);
  target = { address: "127.0.0.1", port: sshd.port, user };
}, 180_000);

afterAll(async () => {
  await sshd?.stop();
  rmSync(sudoers, { force: true });
  if (formerDoas === undefined) rmSync(doasConf, { force: true });
  else writeFileSync(doasConf, formerDoas);
  execFileSync("userdel", ["-r", "-f", user], { stdio: "ignore" });
});

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

const allowSudo = (rule: string) => writeFileSync(sudoers, `${user} ${rule}\n`, { mode: 0o440 });
const allowDoas = (rule: string) => {
  writeFileSync(doasConf, `${rule}\n`, { mode: 0o400 });
  // doas is only there since the package of the same name: without it no rule would be looked at.
  execFileSync("doas", ["-C", doasConf]);
};

function sessions(credentials: Credentials = {}): Sessions {
  const made = new Sessions({
    credentials: {
      identityFile: sshd.userKey,
      agent: false,
      knownHosts: [sshd.knownHosts],
      sshConfig: false,
      ...credentials,
    },
    connectMs: 10_000,
  });
  cleanUp.push(() => made.close());
  return made;
}

const failure = (work: Promise<unknown>): Promise<SshError> =>
  work.then(
    () => Promise.reject(new Error("expected a failure")),
    (error) => error,
  );

const who = "id -un; ps -A -o args=";

describe("logging in", () => {
  const byPassword = { identityFile: "/nonexistent", password: new Redacted(password) };

  test("password", async () => {
    const only = await startSshd(() => [
      "UsePAM yes",
      "PasswordAuthentication yes",
      "KbdInteractiveAuthentication no",
    ]);
    cleanUp.push(() => only.stop());
    const ssh = sessions({ ...byPassword, knownHosts: [only.knownHosts] });
    expect((await ssh.run({ ...target, port: only.port }, "id -un")).stdout).toBe(`${user}\n`);
  });

  test("keyboard-interactive", async () => {
    const only = await startSshd(() => ["UsePAM yes", "KbdInteractiveAuthentication yes"]);
    cleanUp.push(() => only.stop());
    const ssh = sessions({ ...byPassword, knownHosts: [only.knownHosts] });
    expect((await ssh.run({ ...target, port: only.port }, "id -un")).stdout).toBe(`${user}\n`);
  });

  test("key and password, where the host wants both", async () => {
    const both = await startSshd((folder) => {
      execFileSync("chmod", ["711", folder]);
      return ["UsePAM yes", "PasswordAuthentication yes", "AuthenticationMethods publickey,password"];
    });
    cleanUp.push(() => both.stop());
    execFileSync("chmod", ["644", join(both.folder, "authorized_keys")]);
    const credentials = { identityFile: both.userKey, knownHosts: [both.knownHosts] };
    const at = { ...target, port: both.port };
    const ssh = sessions({ ...credentials, password: new Redacted(password) });
    expect((await ssh.run(at, "id -un")).stdout).toBe(`${user}\n`);
    const without = await failure(sessions(credentials).run(at, "id -un"));
    expect(without.kind).toBe("authentication");
    expect(without.message).toContain("was accepted, but the host wants more");
  });

  test("a wrong password is in no message", async () => {
    const error = await failure(
      sessions({ identityFile: "/nonexistent", password: new Redacted("not-the-pa55word") }).run(target, "x"),
    );
    expect(error.kind).toBe("authentication");
    expect(error.message).toContain("Tried: password, keyboard-interactive.");
    expect(error.message).not.toContain("not-the-pa55word");
  });
});

describe("sudo", () => {
  const at = () => ({ ...target, become: "sudo" as const });

  test("without a password", async () => {
    allowSudo("ALL=(root) NOPASSWD: ALL");
    expect((await sessions().run(at(), "id -un; exit 3")).stdout).toBe("root\n");
  });

  test("with the password, which is in no process list and not the script's input", async () => {
    allowSudo("ALL=(root) ALL");
    const ssh = sessions({ sudoPassword: new Redacted(password) });
    const { stdout, stderr, status } = await ssh.run(at(), `${who}; cat`);
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
    expect(stdout).toMatch(/^root\n/);
    expect(stdout).toContain("sudo -k -S");
    expect(stdout).not.toContain(password);
    expect(await sshd.log()).not.toContain(password);
  });

  test("a password that is not asked for does not reach the shell", async () => {
    allowSudo("ALL=(root) NOPASSWD: ALL");
    const ssh = sessions({ sudoPassword: new Redacted("not-a-command-either") });
    expect(await ssh.run(at(), "id -un")).toEqual({ stdout: "root\n", stderr: "", status: 0 });
  });

  test("a wrong password: said, shown nowhere, and not tried again", async () => {
    allowSudo("ALL=(root) ALL");
    const ssh = sessions({ sudoPassword: new Redacted("not-the-pa55word") });
    const error = await failure(ssh.run(at(), "id -un"));
    expect(error.kind).toBe("noRights");
    expect(error.message).toContain("sudo did not start");
    expect(error.message).not.toContain("not-the-pa55word");
    const { execs } = ssh.stats;
    expect((await failure(ssh.run(at(), "id -un"))).kind).toBe("noRights");
    expect(ssh.stats.execs).toBe(execs);
  });

  test("a password is wanted and none is configured", async () => {
    allowSudo("ALL=(root) ALL");
    const error = await failure(sessions().run(at(), "id -un"));
    expect(error.kind).toBe("noRights");
    expect(error.message).toContain("a password is required");
    expect(error.message).toContain("freebsd-vnet:sudoPassword");
    expect(error.message).toContain(`${user} ALL=(root) NOPASSWD: ALL`);
  });

  test("no rule", async () => {
    allowSudo("ALL=(nobody) NOPASSWD: ALL");
    const error = await failure(sessions({ sudoPassword: new Redacted(password) }).run(at(), "id -un"));
    expect(error.kind).toBe("noRights");
    expect(error.message).toMatch(/not allowed to execute/);
  });
});

describe("doas", () => {
  const at = () => ({ ...target, become: "doas" as const });

  test("without a password", async () => {
    allowDoas(`permit nopass ${user} as root`);
    expect((await sessions().run(at(), "id -un")).stdout).toBe("root\n");
  });

  test("a password is wanted: doas takes none from us, and the rule is told", async () => {
    allowDoas(`permit ${user} as root`);
    const error = await failure(sessions().run(at(), "id -un"));
    expect(error.kind).toBe("noRights");
    expect(error.message).toContain("Authentication required");
    expect(error.message).toContain(`permit nopass ${user} as root`);
  });

  test("no rule", async () => {
    allowDoas("permit nopass nobody as root");
    const error = await failure(sessions().run(at(), "id -un"));
    expect(error.kind).toBe("noRights");
    expect(error.message).toContain("Operation not permitted");
  });
});
