import type { Io } from "../../command";
import { serviceName, servicePort } from "../../kernel/firewall/services";
import { familyOf, parseAddress } from "../../kernel/inet";
import type { Listener } from "../../kernel/processes";
import { type Reach, reach } from "../../kernel/reach";
import { Killed } from "../../shell/process";
import { type Program, program } from "./program";

const usage = `\
usage: nc [-46DdEFhklMNnrStUuvz] [-e policy] [-I length] [-i interval] [-O length]
\t  [--no-tcpopt] [--sctp] [-P proxy_username] [-p source_port] [-s source]
\t  [-T keyword] [-V rtable] [-w timeout] [-X proxy_protocol]
\t  [-x proxy_address[:port]] [destination] [port]
`;

/** Milliseconds until TCP gives up on a peer that does not answer (net.inet.tcp.keepinit). */
const tcpTimeout = 75_000;

/** 128 and SIGTERM. */
const exitTerminated = 143;

/** nc(1): probes (`-z`), clients, and listeners (`-l`) for one connection after the other. */
export const nc = program("nc", async (self, args, io) => {
  io.kernel.jails.settle();
  const letters = "46DdEe:FhI:i:klMNnO:P:p:rSs:T:tUuV:vw:X:x:z";
  const { list, rest } = self.options(args, letters, usage);
  const has = (letter: string): boolean => list.some(([each]) => each === letter);
  const proto = has("u") ? "udp" : "tcp";
  const timeout = list.findLast(([letter]) => letter === "w")?.[1];
  if (has("l")) {
    const port = rest.at(-1) ?? list.findLast(([letter]) => letter === "p")?.[1];
    if (port === undefined) return self.usage(usage);
    return listen(self, io, proto, portOf(self, port, proto), has("k"));
  }
  const [host, ports] = rest;
  if (host === undefined || ports === undefined) return self.usage(usage);
  const address = addressOf(self, host, proto);
  let connected = false;
  for (const port of portRange(self, ports, proto)) {
    const found = reach(io.kernel, io.who.vnet, { address, proto, port });
    // Nothing tells that a UDP packet got lost; only a refusal comes back.
    const open = found.ok || (proto === "udp" && found.failure === "silent");
    if (!open) {
      await failed(self, io, { address: host, port, proto }, found, Number(timeout ?? 0), has("v"));
      continue;
    }
    connected = true;
    if (has("z") || has("v")) announce(self, host, port, proto);
    if (has("z")) {
      if (proto === "tcp" && io.who.jail) io.kernel.jails.linger(io.who.jail);
      continue;
    }
    await talk(self, io, found);
    return;
  }
  if (!connected) self.exit(1);
});

function addressOf(self: Program, host: string, proto: string): string {
  if (host === "localhost") return "127.0.0.1";
  const bare = host.replace(/%.*$/, "");
  if (parseAddress(familyOf(bare), bare) !== undefined) return host;
  return self.errx(1, `getaddrinfo for host "${host}" port ${proto}: Name does not resolve`);
}

function portOf(self: Program, text: string, proto: string): number {
  const port = servicePort(text, proto) ?? Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65536) return port;
  const reason = Number(text) > 65535 ? "too large" : Number(text) < 1 ? "too small" : "invalid";
  return self.errx(1, `port number ${reason}: ${text}`);
}

function portRange(self: Program, text: string, proto: string): number[] {
  const [low, high] = text.split("-").map((part) => portOf(self, part, proto));
  if (high === undefined) return [low!];
  const [from, to] = low! < high ? [low!, high] : [high, low!];
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}

function announce(self: Program, host: string, port: number, proto: string): void {
  self.warn(`Connection to ${host} ${port} port [${proto}/${serviceName(port, proto) ?? "*"}] succeeded!\n`);
}

const reasons: Readonly<Record<string, string>> = {
  unroutable: "No route to host",
  denied: "Permission denied",
  refused: "Connection refused",
  silent: "Operation timed out",
};

async function failed(
  self: Program,
  io: Io,
  to: { address: string; port: number; proto: string },
  found: Reach,
  seconds: number,
  verbose: boolean,
): Promise<void> {
  if (found.failure === "silent") await io.process.sleep(seconds > 0 ? seconds * 1000 : tcpTimeout);
  if (verbose)
    self.warnx(
      `connect to ${to.address} port ${to.port} (${to.proto}) failed: ${reasons[found.failure ?? "silent"]}`,
    );
}

/** Sends standard input, prints what comes back. */
async function talk(self: Program, io: Io, found: Reach): Promise<void> {
  const sent = io.stdin;
  const { server } = found;
  if (!server) return;
  const answer = server.listener.serve?.(sent);
  if (answer === undefined) return;
  self.print(answer);
  // The server closed first, so its end stays in TIME_WAIT.
  const jail = io.kernel.jails.all.find((each) => each.jid === server.process.jid);
  if (jail) io.kernel.jails.linger(jail);
  await otherProcesses();
}

/** The peer gets to run: it may serve the next connection. */
async function otherProcesses(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** `-l`: answers a client with standard input and prints what it sent. */
async function listen(
  self: Program,
  io: Io,
  proto: "tcp" | "udp",
  port: number,
  again: boolean,
): Promise<void> {
  const { kernel, who, stdin } = io;
  const jid = who.jail?.jid ?? 0;
  const taken = kernel.processes.all.some(
    (process) =>
      process.jid === jid && process.listens?.some((each) => each.port === port && each.proto === proto),
  );
  if (taken) self.errx(1, "Address already in use");
  const ended = await new Promise<"served" | "killed">((resolve) => {
    const listener: Listener = {
      proto,
      port,
      serve: (received) => {
        self.print(received);
        if (!again) stop("served");
        return stdin;
      },
    };
    const { pid } = kernel.processes.start({
      command: `nc ${proto === "udp" ? "-u " : ""}-l ${port}`,
      name: "nc",
      jid,
      startedAt: kernel.clock.now(),
      listens: [listener],
      onExit: () => stop("killed"),
    });
    const release = io.process.interruptible(() => stop("killed"));
    const stop = (how: "served" | "killed"): void => {
      release();
      resolve(how);
      kernel.processes.end(pid);
    };
  });
  if (ended === "served") return;
  io.process.check();
  // jail_remove(2) ends everything in the jail, the shell that would start the next nc too.
  if (who.jail && !kernel.jails.running.includes(who.jail)) throw new Killed("KILL");
  self.exit(exitTerminated);
}
