import type { Io } from "../../command";
import { type Family, isLinkLocal, parseAddress } from "../../kernel/inet";
import type { Interface } from "../../kernel/netif";
import { type Program, program } from "./program";

// man page only: no recording shows arp(8) or ndp(8).

interface Neighbour {
  readonly address: string;
  readonly value: bigint;
  readonly ether: string;
  readonly netif: Interface;
}

/** What a stack knows for sure of its links: its own addresses. Answers of others are not kept. */
const known = (io: Io, family: Family): Neighbour[] =>
  io.who.vnet.interfaces
    .filter((netif) => netif.kind !== "loop" && netif.up)
    .flatMap((netif) =>
      netif.addresses
        .filter((inet) => inet.family === family)
        .map(({ address, value }) => ({ address, value, ether: netif.ether, netif })),
    );

const arpUsage = `\
usage: arp [-n] [-i interface] hostname
       arp [-n] [-i interface] -a
       arp -d hostname [pub]
       arp -d [-i interface] -a
       arp -s hostname ether_addr [temp] [reject | blackhole] [pub [only]]
       arp -S hostname ether_addr [temp] [reject | blackhole] [pub [only]]
       arp -f filename
`;

const mediaName = (netif: Interface): string =>
  netif.kind === "bridge" ? "bridge" : netif.kind === "vlan" ? "vlan" : "ethernet";

/** arp(8) */
export const arp = program("arp", (self, args, io) => {
  const { list, rest } = self.options(args, "adfi:nsS", arpUsage);
  const has = (letter: string): boolean => list.some(([each]) => each === letter);
  const only = list.findLast(([letter]) => letter === "i")?.[1];
  if (only !== undefined && !io.who.vnet.find(only)) self.errx(1, `no such interface ${only}`);
  if (has("d")) return remove(self, io, rest[0], has("a"));
  const line = ({ address, ether, netif }: Neighbour): string =>
    `? (${address}) at ${ether} on ${netif.name} permanent [${mediaName(netif)}]\n`;
  const there = known(io, "inet").filter(({ netif }) => only === undefined || netif.name === only);
  if (has("a")) {
    for (const each of there) self.print(line(each));
    return;
  }
  const [host] = rest;
  if (host === undefined) return self.usage(arpUsage);
  const value = parseAddress("inet", host);
  if (value === undefined) return self.errx(1, `${host}: Unknown host`);
  const found = there.find((each) => each.value === value);
  if (found) return self.print(line(found));
  self.print(`${host} (${host}) -- no entry\n`);
  self.exit(1);
});

function remove(self: Program, io: Io, host: string | undefined, all: boolean): void {
  if (io.who.uid !== 0) self.errx(1, "delete: Operation not permitted");
  if (all) return;
  if (host === undefined) self.usage(arpUsage);
  self.errx(1, `delete ${host}: No such file or directory`);
}

const ndpUsage = `\
usage: ndp [-nt] hostname
       ndp [-nt] -a | -c | -p | -r | -H | -P | -R
       ndp [-nt] -A wait
       ndp [-nt] -d hostname
       ndp [-nt] -f filename
       ndp [-nt] -i interface [flags...]
       ndp [-nt] -s nodename etheraddr [temp] [proxy]
       ndp [-nt] -I [interface|delete]
`;

/** ndp(8): `-a`, and for routers and prefixes nothing. */
export const ndp = program("ndp", (self, args, io) => {
  const { list } = self.options(args, "acpirnHPRA:d:f:I:s:t", ndpUsage);
  if (!list.some(([letter]) => letter === "a")) return;
  const row = (to: string, ether: string, name: string, rest: string): string =>
    `${to.padEnd(36)} ${ether.padEnd(17)} ${name.padStart(6)} ${rest}\n`;
  self.print(row("Neighbor", "Linklayer Address", "Netif", "Expire    S Flags"));
  for (const { address, value, ether, netif } of known(io, "inet6")) {
    const zone = isLinkLocal(value) ? `%${netif.name}` : "";
    self.print(row(`${address}${zone}`, ether, netif.name, "permanent R "));
  }
});
