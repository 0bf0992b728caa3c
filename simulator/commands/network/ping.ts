import type { Io } from "../../command";
import { familyOf, formatAddress, parseAddress } from "../../kernel/inet";
import { type Failure, reach } from "../../kernel/reach";
import { type Program, program } from "./program";

const usage = `\
usage:
\tping [-4AaDdfHnoQqRrv] [-C pcp] [-c count] [-G sweepmaxsize]
\t    [-g sweepminsize] [-h sweepincrsize] [-i wait] [-l preload]
\t    [-M mask | time] [-m ttl] [-P policy] [-p pattern] [-S src_addr] 
\t    [-s packetsize] [-t timeout] [-W waittime] [-z tos] IPv4-host
\tping [-4AaDdfHLnoQqRrv] [-C pcp] [-c count] [-I iface] [-i wait]
\t    [-l preload] [-M mask | time] [-m ttl] [-P policy] [-p pattern]
\t    [-S src_addr] [-s packetsize] [-T ttl] [-t timeout] [-W waittime]
\t    [-z tos] IPv4-mcast-group
\tping [-6AaDdEfHNnOoquvYyZ] [-b bufsiz] [-C pcp] [-c count] [-e gateway]
\t    [-I interface] [-i wait] [-k addrtype] [-l preload] [-m hoplimit]
\t    [-P policy] [-p pattern] [-S sourceaddr] [-s packetsize] [-t timeout]
\t    [-W waittime] [-z tclass] [IPv6-hops ...] IPv6-host
`;

const exitNoHost = 68;
const exitUsage = 64;

/** Milliseconds a reply takes to come from a stack on this machine. */
const roundTrip = 0.061;

/** What sendto(2) says. */
const refusals: Partial<Record<Failure, string>> = {
  unroutable: "No route to host",
  denied: "Permission denied",
};

/** ping(8): both families. */
export const ping = program("ping", async (self, args, io) => {
  io.kernel.jails.settle();
  const letters = "46AaDdEfHLNnOoQqRrvuYyZb:C:c:e:G:g:h:I:i:k:l:M:m:P:p:S:s:T:t:W:z:";
  const { list, rest } = self.options(args, letters, usage, exitUsage);
  const has = (letter: string): boolean => list.some(([each]) => each === letter);
  const seconds = (letter: string): number | undefined => {
    const text = list.findLast(([each]) => each === letter)?.[1];
    return text === undefined ? undefined : Number(text);
  };
  const host = rest[0];
  if (host === undefined) return self.usage(usage, exitUsage);
  const text = list.findLast(([each]) => each === "c")?.[1];
  if (text !== undefined && !(Number(text) > 0))
    self.errx(exitUsage, `invalid count of packets to transmit: \`${text}'`);
  // libcasper(3) cannot start in a jail without devfs.
  if (!io.fs.peek("/dev/null")) {
    self.warn("ping: Unable to open /dev/null\n");
    self.errx(1, "unable to create casper process");
  }
  const address = resolve(self, host, has("6") ? "inet6" : has("4") ? "inet" : undefined);
  const size = seconds("s") ?? (familyOf(address) === "inet6" ? 8 : 56);
  await run(self, io, {
    host,
    address,
    size,
    count: seconds("c"),
    wait: (seconds("i") ?? 1) * 1000,
    timeout: seconds("t") === undefined ? undefined : seconds("t")! * 1000,
    patience: seconds("W") ?? 10_000,
    once: has("o"),
    quiet: has("q"),
  });
});

/** Names: those in /etc/hosts of every host. There is no resolver. */
function resolve(self: Program, host: string, only: "inet" | "inet6" | undefined): string {
  if (host === "localhost") return only === "inet6" ? "::1" : "127.0.0.1";
  const [bare = "", zone] = host.split("%");
  const family = familyOf(bare);
  const value = only !== undefined && only !== family ? undefined : parseAddress(family, bare);
  if (value === undefined) self.errx(exitNoHost, `cannot resolve ${host}: Name does not resolve`);
  return `${formatAddress(family, value)}${zone === undefined ? "" : `%${zone}`}`;
}

interface Run {
  host: string;
  address: string;
  size: number;
  count: number | undefined;
  /** All in milliseconds. */
  wait: number;
  timeout: number | undefined;
  patience: number;
  once: boolean;
  quiet: boolean;
}

async function run(self: Program, io: Io, given: Run): Promise<void> {
  const { host, address, size, count, wait, timeout, quiet } = given;
  const { clock } = io.kernel;
  const inet6 = familyOf(address) === "inet6";
  const first = reach(io.kernel, io.who.vnet, { address, proto: "icmp" });
  if (inet6 && first.failure === "unroutable") self.errx(1, "UDP connect: No route to host");
  self.print(
    inet6
      ? `PING(${size + 48}=40+8+${size} bytes) ${sourceOf(io, address)} --> ${address}\n`
      : `PING ${host} (${address}): ${size} data bytes\n`,
  );
  const end = timeout === undefined ? undefined : clock.now() + timeout;
  const times: number[] = [];
  let sent = 0;
  for (; count === undefined || sent < count; sent++) {
    if (sent > 0) {
      if (end !== undefined && clock.now() + wait >= end) break;
      await io.process.sleep(wait);
    }
    // Without a count or a time limit it goes on until something ends it.
    if (count === undefined && end === undefined && sent >= 3) await io.process.hang();
    const answer = reach(io.kernel, io.who.vnet, { address, proto: "icmp" });
    const refusal = answer.failure && refusals[answer.failure];
    if (refusal) self.warnx(`sendto: ${refusal}`);
    if (!answer.ok) continue;
    times.push(roundTrip);
    const bytes = size + 8;
    if (!quiet)
      self.print(
        inet6
          ? `${bytes} bytes from ${address}, icmp_seq=${sent} hlim=64 time=${roundTrip.toFixed(3)} ms\n`
          : `${bytes} bytes from ${address}: icmp_seq=${sent} ttl=64 time=${roundTrip.toFixed(3)} ms\n`,
      );
    if (given.once) {
      sent++;
      break;
    }
  }
  // For what did not come back it waits a while longer.
  if (times.length < sent) {
    const patience = clock.now() + given.patience;
    const until = end === undefined ? patience : Math.min(end, patience);
    await io.process.sleep(Math.max(0, until - clock.now()));
  }
  const lost = (((sent - times.length) * 100) / sent).toFixed(1);
  self.print(
    `\n--- ${host} ping statistics ---\n${sent} packets transmitted, ${times.length} packets received, ${lost}% packet loss\n`,
  );
  if (times.length === 0) self.exit(2);
  const time = roundTrip.toFixed(3);
  self.print(`round-trip min/avg/max/${inet6 ? "std-dev" : "stddev"} = ${time}/${time}/${time}/0.000 ms\n`);
}

function sourceOf(io: Io, address: string): string {
  const value = parseAddress("inet6", address.replace(/%.*$/, ""))!;
  const route = io.who.vnet.routes.lookup("inet6", value);
  return route?.via?.address ?? "::1";
}
