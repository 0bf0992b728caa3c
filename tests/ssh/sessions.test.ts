import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect, promisify } from "node:util";
import { transformFileSync } from "@swc/core";
import { Redacted, Sessions, type SessionsOptions, SshError } from "../../provider/ssh";
import { fingerprint } from "../../provider/ssh/hostkey";
import { FakeHost, type FakeHostOptions, makeKey } from "./server";

const userKey = makeKey();
const credentials = { privateKey: new Redacted(userKey.pem), agent: false, knownHosts: [] } as const;

const cleanUp: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function host(options: FakeHostOptions = {}): Promise<FakeHost> {
  const fake = await new FakeHost(options).start();
  cleanUp.push(() => fake.stop());
  return fake;
}

function sessions(options: SessionsOptions = {}): Sessions {
  const made = new Sessions({ credentials, connectMs: 2000, reconnectMs: 3000, ...options });
  cleanUp.push(() => made.close());
  return made;
}

async function failure(work: Promise<unknown>): Promise<SshError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof SshError)) throw new Error(`expected an SshError, got ${inspect(error)}`);
  return error;
}

const echo: FakeHostOptions = {
  run: ({ channel, script, end }) => {
    channel.write(`<${script}>`);
    end();
  },
};

describe("running", () => {
  test("output, status, one connection for all", async () => {
    const fake = await host({
      run: ({ channel, script, end }) => {
        channel.write(script);
        channel.stderr.write("warning");
        end(3);
      },
    });
    const ssh = sessions();
    expect(await ssh.run(fake.target, "one")).toEqual({ stdout: "one", stderr: "warning", status: 3 });
    await Promise.all(["two", "three"].map((script) => ssh.run(fake.target, script)));
    expect(ssh.stats).toEqual({ connections: 1, execs: 3 });
    expect(fake.commands.every((command) => command === "/bin/sh -s")).toBe(true);
  });

  test("never more than the allowed sessions at once", async () => {
    const fake = await host({ run: ({ end }) => setTimeout(end, 10) });
    const ssh = sessions();
    await Promise.all(Array.from({ length: 50 }, (_, n) => ssh.run(fake.target, `n${n}`)));
    expect(fake.mostOpen).toBeLessThanOrEqual(8);
    expect(fake.refused).toBe(0);
  });

  test("what login files print is no output of the script", async () => {
    const fake = await host({
      onExec: (_, accept) => {
        const channel = accept();
        channel.write("Welcome to alpha\n");
        channel.on("data", (chunk: Buffer) => {
          channel.write(`${/^echo (\w+)/.exec(chunk.toString())?.[1]}\nanswer\n`);
          channel.exit(0);
          channel.end();
        });
        return true;
      },
    });
    expect((await sessions().run(fake.target, "x")).stdout).toBe("answer\n");
  });

  test("sudo and doas", async () => {
    const fake = await host(echo);
    const ssh = sessions();
    await ssh.run({ ...fake.target, become: "sudo" }, "x");
    await ssh.run({ ...fake.target, become: "doas" }, "x");
    expect(new Set(fake.commands)).toEqual(new Set(["sudo -n /bin/sh -s", "doas -n /bin/sh -s"]));
  });

  test("sudo that demands a password: told at once, and not tried again", async () => {
    const fake = await host({
      onExec: (_, accept) => {
        const channel = accept();
        channel.stderr.write("sudo: a password is required\n");
        channel.exit(1);
        channel.end();
        return true;
      },
    });
    const ssh = sessions();
    const target = { ...fake.target, become: "sudo" } as const;
    const error = await failure(ssh.run(target, "rm -rf /secret", { label: "create bridge0" }));
    expect(error.kind).toBe("noRights");
    expect(error.message).toMatch(/sudo did not start "create bridge0".*status 1/);
    expect(error.message).toContain("sudo: a password is required");
    expect(error.message).toContain("NOPASSWD");
    expect(error.message).not.toContain("secret");
    const asked = fake.commands.length;
    expect((await failure(ssh.run(target, "again"))).kind).toBe("noRights");
    expect(fake.commands.length).toBe(asked);
  });

  test("a shell that the host ends while it waits costs another one, not the script", async () => {
    let n = 0;
    const fake = await host({
      ...echo,
      onExec: (_, accept) => {
        n += 1;
        if (n !== 2) return false;
        const channel = accept();
        channel.on("data", () => {
          channel.exit(0);
          channel.end();
        });
        return true;
      },
    });
    const ssh = sessions();
    await ssh.run(fake.target, "one");
    expect((await ssh.run(fake.target, "two")).stdout).toBe("<two>");
  });
});

describe("refused sessions", () => {
  test("lower the limit and are tried again", async () => {
    const fake = await host({ maxSessions: 2, run: ({ end }) => setTimeout(end, 5) });
    const ssh = sessions();
    const results = await Promise.all(Array.from({ length: 30 }, () => ssh.run(fake.target, "x")));
    expect(results).toHaveLength(30);
    expect(fake.scripts).toHaveLength(30);
    expect(fake.refused).toBeLessThan(12);
  });

  test("a host that never opens one is given up", async () => {
    const fake = await host({ maxSessions: 0 });
    const error = await failure(sessions({ refusedMs: 200 }).run(fake.target, "x"));
    expect(error.kind).toBe("unreachable");
    expect(error.message).toContain("MaxSessions");
  });

  test("sessions that are taken by hung scripts do not stop the work for good", async () => {
    const fake = await host({
      maxSessions: 1,
      run: ({ script, end }) => {
        if (script !== "hang") end();
      },
      onExec: () => false,
    });
    const ssh = sessions();
    await ssh.run(fake.target, "first");
    expect((await failure(ssh.run(fake.target, "hang", { timeoutMs: 100 }))).kind).toBe("timeout");
    expect((await ssh.run(fake.target, "next")).status).toBe(0);
  });
});

describe("limits", () => {
  test("a script that hangs: what it printed, without the script", async () => {
    const fake = await host({
      run: ({ channel }) => {
        channel.write("step 1\n");
        channel.stderr.write("odd\n");
      },
    });
    const error = await failure(
      sessions().run(fake.target, "echo secret", { timeoutMs: 100, label: "create jail web" }),
    );
    expect(error.kind).toBe("timeout");
    expect(error.printed).toEqual({ stdout: "step 1\n", stderr: "odd\n" });
    expect(error.message).toMatch(/"create jail web" did not end within 0\.1 s on root@127\.0\.0\.1:\d+/);
    expect(error.message).toContain("step 1");
    expect(error.message).not.toContain("secret");
  });

  test("a script that ended, but left something that keeps its output open", async () => {
    const fake = await host({ run: ({ channel }) => channel.exit(0) });
    const error = await failure(sessions().run(fake.target, "x", { timeoutMs: 100 }));
    expect(error.message).toContain("ended with status 0");
    expect(error.message).toContain("keeps its output open");
  });

  test("too much output, also if it never ends", async () => {
    const fake = await host({
      run: ({ channel }) => {
        const more = () => {
          while (channel.writable && channel.write(Buffer.alloc(64 * 1024, "x")));
        };
        channel.on("drain", more);
        more();
      },
    });
    const ssh = sessions({ maxOutputBytes: 1024 * 1024 });
    const error = await failure(ssh.run(fake.target, "yes"));
    expect(error.kind).toBe("tooMuchOutput");
    expect(error.message.length).toBeLessThan(5000);
  });

  test("much output within the limit", async () => {
    const fake = await host({
      run: ({ channel, end }) => {
        channel.write(Buffer.alloc(8 * 1024 * 1024, "x"), () => end());
      },
    });
    expect((await sessions().run(fake.target, "x")).stdout).toHaveLength(8 * 1024 * 1024);
  });
});

describe("lost connections", () => {
  test("cut while a script runs: not sent again, and says that its effect is unknown", async () => {
    const fake = await host({
      run: ({ channel }) => {
        channel.write("begun\n");
        setTimeout(() => fake.cut(), 20);
      },
    });
    const error = await failure(sessions().run(fake.target, "x", { label: "kldload ipfw" }));
    expect(error.kind).toBe("connectionLost");
    expect(error.message).toContain('"kldload ipfw"');
    expect(error.printed.stdout).toBe("begun\n");
    expect(fake.scripts).toEqual(["x"]);
  });

  test("cut while a script that only reads runs: sent again on a new connection", async () => {
    const fake = await host({
      run: ({ end }) => {
        if (fake.connections.length === 1) fake.cut();
        else end();
      },
    });
    const ssh = sessions();
    expect((await ssh.run(fake.target, "x", { repeatable: true })).status).toBe(0);
    expect(ssh.stats.connections).toBe(2);
  });

  test("a script that loses the connection every time is not sent for ever", async () => {
    const fake = await host({ run: () => fake.cut() });
    expect((await failure(sessions().run(fake.target, "x", { repeatable: true }))).kind).toBe(
      "connectionLost",
    );
    expect(fake.scripts).toHaveLength(3);
  });

  test("what had not begun goes on over a new connection", async () => {
    let cut = false;
    const fake = await host({
      run: ({ end }) => {
        if (cut) return end();
        if (fake.scripts.length === 8) {
          cut = true;
          fake.cut();
        }
      },
    });
    const ssh = sessions();
    const all = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => ssh.run(fake.target, `n${n}`)));
    const lost = all.filter(({ status }) => status === "rejected");
    expect(lost).toHaveLength(8);
    expect(new Set(fake.scripts).size).toBe(fake.scripts.length);
  });

  test("cut between scripts is not noticed", async () => {
    const fake = await host(echo);
    const ssh = sessions();
    await ssh.run(fake.target, "one");
    fake.cut();
    await sleep(50);
    expect((await ssh.run(fake.target, "two")).stdout).toBe("<two>");
    expect(ssh.stats.connections).toBe(2);
  });

  test("a peer that says nothing any more is noticed", async () => {
    const fake = await host({ run: () => fake.mute() });
    const begun = Date.now();
    const error = await failure(sessions({ keepAliveMs: 50, deadMs: 200 }).run(fake.target, "x"));
    expect(error.kind).toBe("connectionLost");
    expect(error.message).toContain("nothing came from the host");
    expect(Date.now() - begun).toBeLessThan(2000);
  });

  test("a script that is silent for long is left alone as long as the host answers", async () => {
    const fake = await host({ run: ({ end }) => setTimeout(end, 600) });
    expect((await sessions({ keepAliveMs: 50, deadMs: 200 }).run(fake.target, "x")).status).toBe(0);
  });

  test("a session that is closed without a status", async () => {
    const fake = await host({ run: ({ channel }) => channel.end() });
    const error = await failure(sessions().run(fake.target, "x"));
    expect(error.kind).toBe("connectionLost");
    expect(error.message).toContain("without an exit status");
  });
});

describe("connecting", () => {
  test("nobody listens", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, "close");
    const error = await failure(sessions({ connectMs: 500 }).run({ address: "127.0.0.1", port }, "x"));
    expect(error.kind).toBe("unreachable");
    expect(error.message).toContain(`root@127.0.0.1:${port}`);
    expect(error.message).toContain("ECONNREFUSED");
  });

  test("no such name: told at once", async () => {
    const begun = Date.now();
    const error = await failure(
      sessions({ connectMs: 10_000 }).run({ address: "no-such-host.invalid" }, "x"),
    );
    expect(error.kind).toBe("unreachable");
    expect(error.message).toMatch(/ENOTFOUND|EAI_AGAIN/);
    if (error.message.includes("ENOTFOUND")) expect(Date.now() - begun).toBeLessThan(5000);
  });

  test("something that accepts and says nothing", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    cleanUp.push(async () => void server.close());
    server.on("connection", (socket) => cleanUp.push(async () => void socket.destroy()));
    const { port } = server.address() as AddressInfo;
    const error = await failure(
      sessions({ connectMs: 300, handshakeMs: 200 }).run({ address: "127.0.0.1", port }, "x"),
    );
    expect(error.kind).toBe("unreachable");
  });

  test("something that is not SSH", async () => {
    const server = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")).listen(
      0,
      "127.0.0.1",
    );
    await once(server, "listening");
    cleanUp.push(async () => void server.close());
    const { port } = server.address() as AddressInfo;
    const error = await failure(sessions({ connectMs: 300 }).run({ address: "127.0.0.1", port }, "x"));
    expect(error.kind).toBe("unreachable");
  });

  test("a host that comes back is waited for", async () => {
    const hostKeys = [makeKey().pem];
    const fake = await host({ ...echo, hostKeys });
    const ssh = sessions();
    await ssh.run(fake.target, "one");
    const { target, port } = fake;
    await fake.stop();
    const later = ssh.run(target, "two");
    await sleep(300);
    const again = await new FakeHost({ ...echo, hostKeys }).start(port);
    cleanUp.push(() => again.stop());
    expect((await later).stdout).toBe("<two>");
  });

  test("the wrong key: nothing is sent, and all that wait are told", async () => {
    const fake = await host(echo);
    const ssh = sessions();
    const target = { ...fake.target, hostKey: fingerprint(makeKey().blob) };
    const errors = await Promise.all(["one", "two"].map((script) => failure(ssh.run(target, script))));
    expect(errors.map(({ kind }) => kind)).toEqual(["hostKeyChanged", "hostKeyChanged"]);
    expect(errors[0]?.message).toContain("HAS CHANGED");
    expect(fake.authAttempts).toEqual([]);
  });

  test("a fingerprint says nothing of the key type: every key of the host is looked at", async () => {
    const rsa = makeKey("rsa");
    const fake = await host({ ...echo, hostKeys: [rsa.pem, makeKey().pem] });
    const ssh = sessions();
    expect((await ssh.run(fake.target, "x")).stdout).toBe("<x>");
    const wrong = { ...fake.target, hostKey: fingerprint(makeKey().blob) };
    const error = await failure(ssh.run(wrong, "x"));
    expect(error.kind).toBe("hostKeyChanged");
    expect(error.message).toContain(fingerprint(rsa.blob));
  });
});

describe("logging in", () => {
  test("all refused: what was tried, by name; not tried again", async () => {
    const fake = await host({ authenticate: () => false });
    const ssh = sessions({ credentials: { ...credentials, password: new Redacted("hunter2") } });
    const error = await failure(ssh.run(fake.target, "x"));
    expect(error.kind).toBe("authentication");
    expect(error.message).toContain(`Tried: privateKey (${fingerprint(userKey.blob)}), password.`);
    expect(error.message).toContain("The host accepts: publickey, password.");
    expect(inspect(error)).not.toMatch(/hunter2|PRIVATE KEY/);
    const attempts = fake.authAttempts.length;
    await failure(ssh.run(fake.target, "x"));
    expect(fake.authAttempts.length).toBe(attempts);
  });

  test("other credentials are tried at once", async () => {
    const fake = await host({ ...echo, authenticate: (method) => method === "password" });
    const ssh = sessions();
    await failure(ssh.run(fake.target, "x"));
    ssh.setCredentials({ ...credentials, password: new Redacted("right") });
    expect((await ssh.run(fake.target, "x")).stdout).toBe("<x>");
  });

  test("the same credentials again keep the connection; others make a new one", async () => {
    const fake = await host(echo);
    const ssh = sessions();
    await ssh.run(fake.target, "x");
    ssh.setCredentials({ ...credentials, privateKey: new Redacted(userKey.pem) });
    await ssh.run(fake.target, "x");
    expect(ssh.stats.connections).toBe(1);
    ssh.setCredentials({ ...credentials, privateKey: new Redacted(makeKey().pem) });
    await ssh.run(fake.target, "x");
    expect(ssh.stats.connections).toBe(2);
  });

  test("nothing to offer", async () => {
    const fake = await host(echo);
    const ssh = sessions({ credentials: { agent: false, knownHosts: [], identityFile: "/nonexistent/key" } });
    const error = await failure(ssh.run(fake.target, "x"));
    expect(error.kind).toBe("authentication");
    expect(error.message).toContain("Not usable: /nonexistent/key (does not exist).");
    expect(fake.authAttempts).toEqual([]);
  });
});

test("a secret does not show", () => {
  const secret = new Redacted("hunter2");
  expect(`${secret} ${JSON.stringify({ secret })} ${inspect({ secret })}`).not.toContain("hunter2");
  expect(secret.reveal()).toBe("hunter2");
});

test("closing fails what runs and leaves nothing behind", async () => {
  let runs = false;
  const fake = await host({
    run: () => {
      runs = true;
    },
  });
  const ssh = sessions();
  const running = failure(ssh.run(fake.target, "x"));
  while (!runs) await sleep(10);
  await ssh.close();
  expect((await running).kind).toBe("connectionLost");
});

test("an idle connection does not hold the process open", async () => {
  const fake = await host(echo);
  const folder = mkdtempSync(join(tmpdir(), "ssh-exit-"));
  cleanUp.push(async () => rmSync(folder, { recursive: true }));
  const sources = join(__dirname, "../../provider/ssh");
  for (const file of readdirSync(sources)) {
    const { code } = transformFileSync(join(sources, file), {
      jsc: { parser: { syntax: "typescript" }, target: "es2022" },
      module: { type: "commonjs" },
    });
    writeFileSync(join(folder, file.replace(/ts$/, "js")), code);
  }
  const program = `
    const { Sessions, Redacted } = require("./index.js");
    const credentials = { privateKey: new Redacted(${JSON.stringify(userKey.pem)}), agent: false };
    const run = new Sessions({ credentials }).run(${JSON.stringify(fake.target)}, "done");
    run.then(({ stdout }) => console.log(stdout), console.error);
  `;
  writeFileSync(join(folder, "program.js"), program);
  const env = { ...process.env, NODE_PATH: join(__dirname, "../../node_modules") };
  const { stdout } = await promisify(execFile)(process.execPath, [join(folder, "program.js")], {
    env,
    timeout: 4000,
  });
  expect(stdout).toBe("<done>\n");
});
