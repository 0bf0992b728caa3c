import type { Io } from "../../command";
import { formatAddress, networkOf } from "../../kernel/inet";
import { flagsOf, IFF, type Interface } from "../../kernel/netif";
import { destinationOf, flagLetters, type Route } from "../../kernel/routes";
import { enter, type Program, program } from "./program";

const usage =
  "usage: netstat [-j jail] [-46AaCLnRSTWxPr] [-f protocol_family | -p protocol] [-i] [-I interface]\n";

/** netstat(1): routes (`-r`), interfaces (`-i`, `-I`), sockets. */
export const netstat = program("netstat", (self, args, outside) => {
  outside.kernel.jails.settle();
  const { list, rest } = self.options(args, "46AabBCdF:f:ghI:ij:LlM:mN:nPp:q:RrSTsuWw:xz", usage);
  const has = (letter: string): boolean => list.some(([each]) => each === letter);
  const valueFor = (letter: string): string | undefined => list.findLast(([each]) => each === letter)?.[1];
  const jail = valueFor("j");
  const io = jail === undefined ? outside : enter(outside, jail);
  if (!io) return self.errx(1, `jail "${jail}" not found`);
  const family = has("4") ? "inet" : has("6") ? "inet6" : valueFor("f");
  if (family !== undefined && !["inet", "inet6", "link", "unix"].includes(family))
    self.errx(1, `${family}: unknown address family`);
  if (rest.length > 0 && has("r") && Number.isNaN(Number(rest[0]))) self.usage(usage);
  if (has("r")) return routes(self, io, family, has("n"));
  if (has("i") || has("I")) return interfaces(self, io, valueFor("I"), has("n"));
  sockets(self, io, family, valueFor("p"), has("a") || has("l"));
});

function routes(self: Program, io: Io, only: string | undefined, numeric: boolean): void {
  self.print("Routing tables\n");
  for (const family of ["inet", "inet6"] as const) {
    if (only !== undefined && only !== family) continue;
    const table = io.who.vnet.routes.sorted(family);
    if (table.length === 0) continue;
    const [to, through] = family === "inet" || !numeric ? [18, 18] : [33, 29];
    const row = (a: string, b: string, c: string, d: string): string =>
      `${a.padEnd(to)} ${b.padEnd(through)} ${c.padEnd(6)} ${d.padStart(8)}`;
    self.print(`\n${family === "inet" ? "Internet" : "Internet6"}:\n`);
    self.print(`${row("Destination", "Gateway", "Flags", "Netif")} Expire\n`);
    for (const route of table)
      self.print(
        `${row(named(destinationOf(route), numeric), gatewayOf(route), flagLetters(route), route.netif.name)}\n`,
      );
  }
}

const named = (address: string, numeric: boolean): string =>
  !numeric && (address === "127.0.0.1" || address === "::1") ? "localhost" : address;

const gatewayOf = (route: Route): string => route.gateway ?? `link#${route.netif.index}`;

/** `-i`: one line for the link and one for each address. Packets are not counted. */
function interfaces(self: Program, io: Io, only: string | undefined, numeric: boolean): void {
  const { vnet } = io.who;
  const chosen =
    only === undefined ? vnet.interfaces : vnet.interfaces.filter((netif) => netif.name === only);
  const rows = chosen.flatMap((netif) => interfaceRows(netif, numeric));
  const columns = [
    ["Name", "Mtu", "Network", "Address", "Ipkts", "Ierrs", "Idrop", "Opkts", "Oerrs", "Coll"],
    ...rows,
  ];
  const widths = [
    Math.max(5, ...columns.map(([name]) => name!.length)),
    5,
    Math.max(13, ...columns.map((row) => row[2]!.length)),
    Math.max(17, ...columns.map((row) => row[3]!.length)),
    8,
    5,
    5,
    8,
    5,
    5,
  ];
  for (const row of columns)
    self.print(
      `${row
        .map((cell, at) => (at === 1 || at > 3 ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!)))
        .join(" ")
        .trimEnd()}\n`,
    );
}

function interfaceRows(netif: Interface, numeric: boolean): string[][] {
  const down = flagsOf(netif) & IFF.UP ? "" : "*";
  const link = netif.kind === "loop" ? "lo0" : netif.ether;
  const counts = ["0", "0", "0", "0", "0", "0"];
  return [
    [`${netif.name}${down}`, String(netif.mtu), `<Link#${netif.index}>`, link, ...counts],
    ...netif.addresses.map((inet) => {
      const network = formatAddress(inet.family, networkOf(inet.family, inet.value, inet.prefix));
      return [
        netif.name,
        "-",
        `${network}/${inet.prefix}`,
        named(inet.address, numeric),
        "0",
        "-",
        "-",
        "0",
        "-",
        "-",
      ];
    }),
  ];
}

/** Listening sockets of this jail's processes. man page only */
function sockets(
  self: Program,
  io: Io,
  family: string | undefined,
  protocol: string | undefined,
  all: boolean,
): void {
  if (family === "unix" || !all) return;
  const jid = io.who.jail?.jid ?? 0;
  const listening = io.kernel.processes.all
    .filter((process) => process.jid === jid)
    .flatMap((process) => process.listens ?? [])
    .filter(({ proto }) => protocol === undefined || proto === protocol);
  self.print("Active Internet connections (including servers)\n");
  self.print("Proto Recv-Q Send-Q Local Address          Foreign Address        (state)    \n");
  for (const { proto, port } of listening)
    self.print(
      `${`${proto}4`.padEnd(5)} ${"0".padStart(6)} ${"0".padStart(6)} ${`*.${port}`.padEnd(22)} ${"*.*".padEnd(22)} ` +
        `${(proto === "tcp" ? "LISTEN" : "").padEnd(11)}\n`,
    );
}
