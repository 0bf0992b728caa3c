import { familyOf, formatAddress, networkOf, parseAddress, prefixOfMask } from "../inet";
import type { Vnet } from "../network";

/** A packet as the filters see it. */
export interface Packet {
  /** `tcp`, `udp`, `icmp`, `ipv6-icmp`, … */
  readonly proto: string;
  readonly src: string;
  readonly dst: string;
  readonly sport?: number;
  readonly dport?: number;
  /**
   * Not the first packet of its flow: an answer (see `reply`), or one of a connection that is there already. It
   * goes through the states and NAT links that first packets made; `established` matches it, `setup` does not.
   * Default: false.
   */
  readonly established?: boolean;
}

export type Direction = "in" | "out";

/** `address` with its host bits cleared. */
export function network(address: string, prefix: number): string {
  const family = familyOf(address);
  const value = parseAddress(family, address);
  return value === undefined ? address : formatAddress(family, networkOf(family, value, prefix));
}

/** Whether `address` is in `net`/`prefix`; never across families. */
export function within(address: string, net: string, prefix: number): boolean {
  const family = familyOf(net);
  if (familyOf(address) !== family) return false;
  const a = parseAddress(family, address.replace(/%.*$/, ""));
  const n = parseAddress(family, net);
  return a !== undefined && n !== undefined && networkOf(family, a, prefix) === networkOf(family, n, prefix);
}

/** Dotted mask to prefix length; undefined when it is none or not contiguous. */
export function maskLength(mask: string): number | undefined {
  const value = parseAddress("inet", mask);
  return value === undefined ? undefined : prefixOfMask(value);
}

/** The normal form of an address of either family; undefined for what is none. */
export function normalAddress(text: string): string | undefined {
  const family = familyOf(text);
  // inet_aton(3) would take `1` or `10.1`, but filters would rather see a name in it.
  if (family === "inet" && !/^\d+\.\d+\.\d+\.\d+$/.test(text)) return undefined;
  const value = parseAddress(family, text);
  return value === undefined ? undefined : formatAddress(family, value);
}

export const isInet6 = (address: string): boolean => address.includes(":");

/** The addresses of a network stack: ipfw's `me`. */
export const own = (vnet: Vnet, address: string): boolean =>
  vnet.interfaces.some((netif) => netif.addresses.some((inet) => inet.address === address));

/** Ports as numbers and inclusive ranges. */
export type Ports = readonly (readonly [from: number, to: number])[];

export const hasPort = (ports: Ports, port: number | undefined): boolean =>
  port !== undefined && ports.some(([from, to]) => port >= from && port <= to);

/** The packet that answers `packet`. */
export const reply = ({ proto, src, dst, sport, dport }: Packet): Packet => ({
  proto,
  src: dst,
  dst: src,
  ...(dport === undefined ? {} : { sport: dport }),
  ...(sport === undefined ? {} : { dport: sport }),
  established: true,
});

/** A name for the flow a packet belongs to, the same for both directions. */
export function flow({ proto, src, dst, sport, dport }: Packet): string {
  const ends = [`${src} ${sport ?? 0}`, `${dst} ${dport ?? 0}`].sort();
  return `${proto} ${ends[0]} ${ends[1]}`;
}
