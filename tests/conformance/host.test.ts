import { SimulatedHost } from "pulumi-freebsd-vnet/testing";
import { Client, type ClientChannel, type ConnectConfig } from "ssh2";

let host: SimulatedHost;
const clients: Client[] = [];

beforeEach(async () => {
  host = await SimulatedHost.start({ password: "secret" });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.end();
  await host.stop();
});

function connect(options: ConnectConfig = { privateKey: host.clientKey }): Promise<Client> {
  return new Promise((resolve, reject) => {
    const client = new Client();
    clients.push(client);
    client.on("ready", () => resolve(client)).on("error", reject);
    client.connect({
      host: host.address,
      port: host.port,
      username: host.user,
      readyTimeout: 60_000,
      ...options,
    });
  });
}

interface Answer {
  stdout: string;
  stderr: string;
  status: number | undefined;
}

function run(client: Client, command: string, stdin?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel: ClientChannel) => {
      if (error) return reject(error);
      const answer: Answer = { stdout: "", stderr: "", status: undefined };
      channel.on("data", (data: Buffer) => {
        answer.stdout += data.toString();
      });
      channel.stderr.on("data", (data: Buffer) => {
        answer.stderr += data.toString();
      });
      channel.on("close", (status?: number) => resolve({ ...answer, status }));
      if (stdin !== undefined) channel.end(stdin);
    });
  });
}

const soon = (ms: number): Promise<"nothing yet"> =>
  new Promise((resolve) => setTimeout(() => resolve("nothing yet"), ms));

test("a script on standard input of /bin/sh -s: both outputs, exit status, rest of stdin unread", async () => {
  const client = await connect();
  const script = 'main() { echo out; echo err >&2; cat; return 3; }\nmain "$@" </dev/null\n';
  expect(await run(client, "/bin/sh -s", script)).toEqual({ stdout: "out\n", stderr: "err\n", status: 3 });
});

test("a script is parsed as a whole, also where a quotation or a here-document has a line like a function's end", async () => {
  const client = await connect();
  const script = `first() {
echo first
}
quoting() {
/bin/sh -c 'second() {
echo second
}
second'
}
document() {
cat <<'END'
third() {
}
END
}
if true; then
fourth() {
echo fourth
}
fi
first; quoting; document; fourth
`;
  const whole = { stdout: "first\nsecond\nthird() {\n}\nfourth\n", stderr: "", status: 0 };
  expect(await run(client, "/bin/sh -s", script)).toEqual(whole);
  expect((await run(client, "/bin/sh -s", `${script}esac\n`)).stderr).toContain(
    '22: Syntax error: "esac" unexpected',
  );
});

test("a script that was cut off in the middle runs nothing of its unfinished function", async () => {
  const client = await connect();
  const answer = await run(client, "/bin/sh -s", "main() {\n touch /tmp/ran\n");
  expect(answer.status).toBe(2);
  expect(answer.stderr).toContain('Syntax error: end of file unexpected (expecting "}")');
  expect(host.snapshot().files["/tmp/ran"]).toBeUndefined();
});

test("a shell that stays open answers command by command", async () => {
  const client = await connect();
  const lines: string[] = [];
  const status = await new Promise((resolve, reject) => {
    client.exec("/bin/sh -s", (error, channel) => {
      if (error) return reject(error);
      channel.on("data", (data: Buffer) => {
        lines.push(data.toString());
        channel.write(lines.length === 1 ? "echo $((x + 1))\n" : "exit 4\n");
      });
      channel.on("close", resolve);
      channel.write("x=1; echo $x\n");
    });
  });
  expect(lines).toEqual(["1\n", "2\n"]);
  expect(status).toBe(4);
});

test("password and wrong password", async () => {
  await connect({ password: "secret" });
  await expect(connect({ password: "wrong" })).rejects.toThrow("authentication methods failed");
});

test("MaxSessions refuses the eleventh channel", async () => {
  const client = await connect();
  host.machine.fault(/^true/, "hang", { times: 10 });
  const open = Array.from({ length: 10 }, () => run(client, "/usr/bin/true; true"));
  await soon(50);
  await expect(run(client, "true")).rejects.toThrow("Channel open failure");
  client.end();
  await Promise.all(open);
});

test("kldload ipfw locks out: the session hangs, new ones too, until a rule lets them in", async () => {
  const client = await connect();
  const script = run(client, "/bin/sh -s", "echo before; kldload ipfw; echo after\n");
  while (!host.machine.log.some(({ argv, status }) => argv[0] === "kldload" && status === 0)) await soon(5);
  expect(await Promise.race([script, soon(100)])).toBe("nothing yet");
  await expect(connect({ privateKey: host.clientKey, readyTimeout: 100 })).rejects.toThrow("Timed out");
  await host.exec("ipfw -q add 100 allow ip from any to any");
  expect(await script).toEqual({ stdout: "before\nafter\n", stderr: "", status: 0 });
});

test("a fault cuts the connection; the script goes on until it writes to it", async () => {
  const client = await connect();
  client.on("error", () => {});
  host.machine.fault(/^ifconfig epair1/, "cut");
  const script =
    "ifconfig epair1 create >/dev/null; ifconfig bridge1 create; ifconfig bridge2 create >/dev/null";
  const answer = await run(client, "/bin/sh -s", `{ ${script}; echo said; touch /tmp/never; } </dev/null\n`);
  expect(answer.status).toBeUndefined();
  while ((await host.exec("ifconfig bridge2")).status !== 0) await soon(5);
  expect((await host.exec("ifconfig -l")).stdout).toBe("vtnet0 lo0 epair1a epair1b bridge1 bridge2\n");
  await soon(20);
  expect((await host.exec("ls /tmp/never")).status).toBe(1);
});

test("a script that catches SIGPIPE goes on after it has written to a client that is gone", async () => {
  const client = await connect();
  client.on("error", () => {});
  host.machine.fault(/^ifconfig epair1/, "cut");
  const script =
    "main() { trap : PIPE; ifconfig epair1 create; echo said; touch /tmp/there; }\nmain </dev/null\n";
  const answer = await run(client, "/bin/sh -s", script);
  expect(answer.status).toBeUndefined();
  while ((await host.exec("ls /tmp/there")).status !== 0) await soon(5);
});

test("lockf keeps two sessions apart, until what the first one runs has ended", async () => {
  const holder = await connect();
  const waiter = await connect();
  const hanging = run(holder, "lockf -k /var/run/l cat");
  while ((await run(waiter, "lockf -k -t 0 /var/run/l true")).status !== 75) await soon(5);
  const waiting = run(waiter, "lockf -k /var/run/l echo mine");
  expect(await Promise.race([waiting, soon(50)])).toBe("nothing yet");
  holder.end();
  await hanging;
  expect((await waiting).stdout).toBe("mine\n");
});

test("what does not read goes on without its client, and holds its lock", async () => {
  const holder = await connect();
  host.machine.fault(/^sleep 99/, "hang");
  const hanging = run(holder, "lockf -k /var/run/l sleep 99");
  while ((await host.exec("lockf -k -t 0 /var/run/l true")).status !== 75) await soon(5);
  holder.end();
  await hanging;
  expect((await host.exec("lockf -k -t 0 /var/run/l true")).status).toBe(75);
});

test("a reboot breaks connections and forgets what is not in files", async () => {
  const client = await connect();
  const closed = new Promise<void>((resolve) => client.on("close", () => resolve()));
  client.on("error", () => {});
  await run(client, "ifconfig bridge0 create; touch /etc/kept");
  await host.reboot();
  await closed;
  expect((await run(await connect(), "ifconfig -l; ls /etc/kept")).stdout).toBe("vtnet0 lo0\n/etc/kept\n");
});

test("a job in the background waits for the host's clock", async () => {
  const { machine } = host;
  await host.exec("daemon -f sh -c 'sleep 60; touch /tmp/late'");
  expect((await host.exec("ls /tmp/late")).status).toBe(1);
  await machine.clock.sleep(61_000);
  expect((await host.exec("ls /tmp/late")).status).toBe(0);
});
