import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import { Redacted, Sessions, type SessionsOptions, SshError } from "../../provider/ssh";
import { FakeHost, type FakeHostOptions, makeKey } from "./server";

/** Peers that lie, stall or pour: each makes an error in bounded time and memory, and never an exception elsewhere. */

jest.setTimeout(30_000);

const cleanUp: (() => unknown)[] = [];
const stray: unknown[] = [];
const onStray = (error: unknown) => void stray.push(error);

beforeEach(() => {
  process.on("unhandledRejection", onStray);
  process.on("uncaughtException", onStray);
});
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
  await sleep(20);
  process.off("unhandledRejection", onStray);
  process.off("uncaughtException", onStray);
  expect(stray.splice(0)).toEqual([]);
});

const credentials = {
  privateKey: new Redacted(makeKey().pem),
  password: new Redacted("hunter2"),
  agent: false,
  knownHosts: [],
  sshConfig: false,
} as const;

function sessions(options: SessionsOptions = {}): Sessions {
  const made = new Sessions({
    credentials,
    connectMs: 500,
    handshakeMs: 500,
    openMs: 300,
    reconnectMs: 500,
    refusedMs: 300,
    keepAliveMs: 100,
    deadMs: 400,
    timeoutMs: 1000,
    maxOutputBytes: 1024 * 1024,
    ...options,
  });
  cleanUp.push(() => made.close());
  return made;
}

async function host(options: FakeHostOptions): Promise<FakeHost> {
  const fake = await new FakeHost(options).start();
  cleanUp.push(() => fake.stop());
  return fake;
}

async function failure(work: Promise<unknown>): Promise<SshError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof SshError)) throw new Error(`expected an SshError, got ${inspect(error)}`);
  expect(error.message.length).toBeLessThan(20_000);
  expect(inspect(error)).not.toContain("hunter2");
  return error;
}

/** A TCP server that is no SSH server. */
async function peer(behave: (socket: Socket) => void): Promise<{ address: string; port: number }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    behave(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanUp.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { address: "127.0.0.1", port: (server.address() as AddressInfo).port };
}

/** Writes as fast as the socket takes it, for ever. */
function pour(socket: Socket, chunk: Buffer): void {
  const more = () => {
    while (socket.writable && socket.write(chunk));
  };
  socket.on("drain", more);
  more();
}

/** One byte at a time. */
function drip(socket: Socket, text: Buffer | string, everyMs: number): void {
  const bytes = Buffer.from(text);
  let at = 0;
  const timer = setInterval(() => {
    if (at < bytes.length && socket.writable) socket.write(bytes.subarray(at, ++at));
    else clearInterval(timer);
  }, everyMs);
  socket.on("close", () => clearInterval(timer));
}

const banner = "SSH-2.0-OpenSSH_9.6 FreeBSD-20240701\r\n";

/** A packet before there are keys: RFC 4253, 6. */
function packet(payload: Buffer): Buffer {
  const padding = 8 - ((payload.length + 5) % 8) + 8;
  const head = Buffer.alloc(5);
  head.writeUInt32BE(payload.length + padding + 1);
  head.writeUInt8(padding, 4);
  return Buffer.concat([head, payload, Buffer.alloc(padding)]);
}

describe("before there is SSH", () => {
  const peers: [what: string, behave: (socket: Socket) => void][] = [
    ["closes at once", (socket) => socket.destroy()],
    ["says nothing", () => {}],
    ["garbage instead of a banner", (socket) => pour(socket, Buffer.alloc(65_536, 0xff))],
    ["lines without end before the banner", (socket) => pour(socket, Buffer.from("hello\r\n".repeat(9000)))],
    ["one endless line", (socket) => pour(socket, Buffer.alloc(65_536, "x"))],
    ["a banner of protocol 1", (socket) => socket.write("SSH-1.5-old\r\n")],
    ["the banner drop by drop", (socket) => drip(socket, banner, 100)],
    ["closes after its banner", (socket) => socket.end(banner)],
    [
      "garbage after its banner",
      (socket) => {
        socket.write(banner);
        pour(socket, Buffer.alloc(65_536, 0x41));
      },
    ],
    [
      "a packet of 4 GB",
      (socket) => {
        socket.write(banner);
        pour(socket, Buffer.alloc(65_536, 0xff));
      },
    ],
    [
      "a packet of length 0",
      (socket) => socket.write(Buffer.concat([Buffer.from(banner), Buffer.alloc(64)])),
    ],
    [
      "a key exchange with lists that lie about their length",
      (socket) =>
        socket.write(
          Buffer.concat([
            Buffer.from(banner),
            packet(
              Buffer.concat([Buffer.from([20]), Buffer.alloc(16), Buffer.from([0xff, 0xff, 0xff, 0xff])]),
            ),
          ]),
        ),
    ],
    [
      "messages out of their order",
      (socket) =>
        socket.write(
          Buffer.concat([Buffer.from(banner), packet(Buffer.from([52])), packet(Buffer.from([21]))]),
        ),
    ],
    [
      "ignorable messages without end",
      (socket) => {
        socket.write(banner);
        pour(socket, Buffer.concat(Array.from({ length: 500 }, () => packet(Buffer.from([2, 0, 0, 0, 0])))));
      },
    ],
    [
      "the key exchange drop by drop",
      (socket) => {
        socket.write(banner);
        drip(socket, packet(Buffer.alloc(300, 20)), 100);
      },
    ],
    ["a web server", (socket) => socket.end("HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n")],
  ];

  const authority = join(mkdtempSync(join(tmpdir(), "hostile-")), "known_hosts");
  beforeAll(() => writeFileSync(authority, `@cert-authority * ${makeKey().line}\n`));
  afterAll(() => rmSync(dirname(authority), { recursive: true }));

  const asked: [string, readonly string[]][] = [
    ["connected to", []],
    ["asked for its certificate", [authority]],
  ];
  const all = peers.flatMap(([what, behave]) =>
    asked.map(([how, knownHosts]) => [what, how, behave, knownHosts] as const),
  );

  test.each(all)("%s, %s", async (_what, _how, behave, knownHosts) => {
    const at = await peer(behave);
    const before = process.memoryUsage().rss;
    const begun = Date.now();
    const error = await failure(sessions({ credentials: { ...credentials, knownHosts } }).run(at, "x"));
    expect(error.kind).toBe("unreachable");
    expect(error.message).toContain(`root@127.0.0.1:${at.port}`);
    expect(Date.now() - begun).toBeLessThan(8000);
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
  });
});

describe("while logging in", () => {
  test("a banner of 30 kB", async () => {
    const fake = await host({
      banner: "y".repeat(30_000),
    });
    expect((await sessions({ timeoutMs: 5000 }).run(fake.target, "x")).status).toBe(0);
  });

  test("questions without end: the password is said once", async () => {
    const passwords: string[] = [];
    const fake = await host({
      onAuthentication: (context) => {
        if (context.method !== "keyboard-interactive") return context.reject(["keyboard-interactive"]);
        const again = () => {
          context.prompt([{ prompt: "Password:", echo: false }], ([given = ""]) => {
            if (given !== "") passwords.push(given);
            again();
          });
        };
        again();
      },
    });
    const begun = Date.now();
    const error = await failure(sessions().run(fake.target, "x"));
    expect(["authentication", "unreachable"]).toContain(error.kind);
    expect(passwords).toEqual(["hunter2"]);
    expect(Date.now() - begun).toBeLessThan(8000);
  });

  test("many questions at once: the password is the answer to none of them", async () => {
    const answers: string[][] = [];
    const fake = await host({
      onAuthentication: (context) => {
        if (context.method !== "keyboard-interactive") return context.reject(["keyboard-interactive"]);
        const prompts = Array.from({ length: 100 }, (_, n) => ({ prompt: `Password ${n}:`, echo: false }));
        context.prompt(prompts, (given) => {
          answers.push(given);
          context.reject();
        });
      },
    });
    expect((await failure(sessions().run(fake.target, "x"))).kind).toBe("authentication");
    expect(answers.flat().every((answer) => answer === "")).toBe(true);
  });

  test("a question that shows what is typed, or asks for something else, gets nothing", async () => {
    for (const prompt of [
      { prompt: "Password:", echo: true },
      { prompt: "Code:", echo: false },
    ]) {
      const answers: string[] = [];
      const fake = await host({
        onAuthentication: (context) => {
          if (context.method !== "keyboard-interactive") return context.reject(["keyboard-interactive"]);
          context.prompt([prompt], (given) => {
            answers.push(...given);
            context.reject();
          });
        },
      });
      expect((await failure(sessions().run(fake.target, "x"))).kind).toBe("authentication");
      expect(answers).toEqual([""]);
    }
  });

  test("never answers", async () => {
    const fake = await host({ onAuthentication: () => {} });
    expect((await failure(sessions().run(fake.target, "x"))).kind).toBe("unreachable");
  });

  test("says for ever that more is wanted", async () => {
    const fake = await host({
      onAuthentication: (context) => context.reject(["publickey", "password"], true),
    });
    const error = await failure(sessions().run(fake.target, "x"));
    expect(error.kind).toBe("authentication");
    expect(fake.authAttempts.length).toBeLessThan(10);
  });

  test("accepts methods that nobody has heard of", async () => {
    const fake = await host({ onAuthentication: (context) => context.reject(["telepathy" as "none"]) });
    expect((await failure(sessions().run(fake.target, "x"))).message).toContain(
      "The host accepts: telepathy",
    );
  });

  test("ends in the middle", async () => {
    const fake: FakeHost = await host({ onAuthentication: () => fake.cut() });
    expect((await failure(sessions().run(fake.target, "x"))).kind).toBe("unreachable");
  });
});

describe("after that", () => {
  test("a session that is never opened or refused", async () => {
    const fake = await host({ onSession: () => {} });
    const begun = Date.now();
    const error = await failure(sessions().run(fake.target, "x"));
    expect(error.kind).toBe("unreachable");
    expect(error.message).toContain("opens no session");
    expect(Date.now() - begun).toBeLessThan(10_000);
  });

  test("a command that is never started or refused", async () => {
    const fake = await host({ onExec: () => true });
    const begun = Date.now();
    const error = await failure(sessions().run(fake.target, "x"));
    expect(error.kind).toBe("unreachable");
    expect(Date.now() - begun).toBeLessThan(10_000);
  });

  test("a command that is refused", async () => {
    const fake = await host({
      onExec: (_command, _accept, reject) => {
        reject();
        return true;
      },
    });
    expect((await failure(sessions().run(fake.target, "x"))).kind).toBe("unreachable");
  });

  test("output drop by drop: ends at its limit with what came", async () => {
    const fake = await host({
      run: ({ channel }) => {
        const timer = setInterval(() => channel.write("."), 50);
        channel.on("close", () => clearInterval(timer));
        cleanUp.push(() => clearInterval(timer));
      },
    });
    const error = await failure(sessions().run(fake.target, "x"));
    expect(error.kind).toBe("timeout");
    expect(error.printed.stdout).toMatch(/^\.+$/);
  });

  test.each(["stdout", "stderr"] as const)("endless %s: bounded memory", async (stream) => {
    const fake = await host({
      run: ({ channel }) => {
        const out = stream === "stdout" ? channel : channel.stderr;
        const chunk = Buffer.alloc(64 * 1024, "x");
        const more = () => {
          while (channel.writable && out.write(chunk));
        };
        out.on("drain", more);
        more();
      },
    });
    const before = process.memoryUsage().rss;
    // Who pours works in this process too: a slow machine gets to the answer of the session's opening late.
    const patient = { timeoutMs: 20_000, handshakeMs: 20_000, openMs: 20_000, deadMs: 20_000 };
    const error = await failure(sessions(patient).run(fake.target, "x"));
    expect(error.kind).toBe("tooMuchOutput");
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
  });

  test("output before the script was sent", async () => {
    const fake = await host({
      onExec: (_command, accept) => {
        const channel = accept();
        channel.on("error", () => {});
        const chunk = Buffer.alloc(64 * 1024, "x");
        const more = () => {
          while (channel.writable && channel.write(chunk));
        };
        channel.on("drain", more);
        more();
        return true;
      },
    });
    const before = process.memoryUsage().rss;
    const error = await failure(sessions().run(fake.target, "x"));
    expect(["tooMuchOutput", "timeout"]).toContain(error.kind);
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
  });

  test.each([
    ["a status that is no status", 4_294_967_295],
    ["a status that says good", 0],
  ])("%s, and no sign that the script was begun", async (_, status) => {
    const fake = await host({
      onExec: (_command, accept) => {
        const channel = accept();
        channel.on("error", () => {});
        channel.on("data", () => {});
        channel.exit(status);
        channel.end();
        return true;
      },
    });
    const error = await failure(sessions().run(fake.target, "x"));
    expect(error.kind).toBe("noRights");
  });

  test("sessions and tunnels that the host opens to us are refused", async () => {
    let answer: unknown;
    const fake = await host({
      run: ({ end, connection }) => {
        connection.forwardOut("127.0.0.1", 1, "127.0.0.1", 2, (error) => {
          answer = error;
          end();
        });
      },
    });
    expect((await sessions({ timeoutMs: 5000 }).run(fake.target, "x")).status).toBe(0);
    expect(answer).toBeInstanceOf(Error);
  });
});
