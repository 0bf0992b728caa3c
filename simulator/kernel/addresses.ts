import { Errno } from "../command";
import { type Family, formatAddress, isLinkLocal, isMulticast, maskOf, networkOf, width } from "./inet";
import { type Inet, type Interface, ND6 } from "./netif";
import type { Network } from "./network";
import { type Route, zoned } from "./routes";

/** nd6_dad_start(): up to one second of random delay, then one second for an answer. */
const duplicateAddressDetection = 1500;

export interface InetRequest {
  family: Family;
  value: bigint;
  prefix: number;
  broadcast?: bigint;
}

/**
 * SIOCAIFADDR. @throws Errno EINVAL for an address that no interface can have, or for another prefix length of an IPv6
 * address that is there (in6_validate_ifra).
 */
export function addInet(network: Network, netif: Interface, request: InetRequest): void {
  const { family, value, prefix } = request;
  if (value === 0n || isMulticast(family, value)) throw new Errno("EINVAL");
  const first = !netif.addresses.some((other) => other.family === family);
  const there = netif.addresses.find((other) => other.family === family && other.value === value);
  if (family === "inet6" && there) {
    if (there.prefix !== prefix) throw new Errno("EINVAL");
    return;
  }
  if (family === "inet") remove(netif, (other) => other.family === family && other.value === value);
  const inet: Inet = {
    family,
    value,
    address: formatAddress(family, value),
    prefix,
    ...broadcastOf(netif, request),
    ...tentative(network, netif, family),
  };
  netif.addresses.push(inet);
  if (family === "inet6") netif.nd6 &= ~ND6.IFDISABLED;
  if (first && !netif.up) network.setUp(netif, true);
  else if (netif.up) connect(netif, inet);
  autoLinkLocal(network, netif);
}

/**
 * SIOCDIFADDR. Without `value`: the first address of the family.
 * @throws Errno EADDRNOTAVAIL when there is none.
 */
export function removeInet(netif: Interface, family: Family, value?: bigint): void {
  const there = netif.addresses.find(
    (inet) => inet.family === family && (value === undefined ? family === "inet" : inet.value === value),
  );
  if (!there) throw new Errno("EADDRNOTAVAIL");
  remove(netif, (inet) => inet === there);
}

export function purgeAddresses(netif: Interface): void {
  remove(netif, () => true);
}

/** in6_if_up(): lo0 gets ::1, and every interface that wants one its link-local address. */
export function autoLinkLocal(network: Network, netif: Interface): void {
  const wanted = netif.nd6 & ND6.AUTO_LINKLOCAL && !(netif.nd6 & ND6.IFDISABLED) && netif.up;
  if (!wanted || netif.ether === "00:00:00:00:00:00") return;
  const has = (test: (inet: Inet) => boolean): boolean =>
    netif.addresses.some((inet) => inet.family === "inet6" && test(inet));
  if (netif === netif.vnet.loopback && !has((inet) => inet.value === 1n))
    addAutomatic(network, netif, 1n, 128);
  if (!has((inet) => isLinkLocal(inet.value)))
    addAutomatic(network, netif, (0xfe80n << 112n) | interfaceId(netif), 64);
}

/** The routes of all of an interface's addresses, which are there while it is up. */
export function connectRoutes(netif: Interface): void {
  for (const inet of netif.addresses) connect(netif, inet);
}

/** Drops those of an interface's routes that `goes` picks, and lets others have their place. */
export function dropRoutes(netif: Interface, goes: (route: Route) => boolean): void {
  const mine = new Set(netif.addresses);
  const { vnet } = netif;
  handOver(
    netif,
    vnet.routes.deleteWhere((route) => (route.netif === netif || mine.has(route.via!)) && goes(route)),
  );
}

function addAutomatic(network: Network, netif: Interface, value: bigint, prefix: number): void {
  const family = "inet6";
  const inet: Inet = {
    family,
    value,
    address: formatAddress(family, value),
    prefix,
    ...tentative(network, netif, family),
  };
  netif.addresses.push(inet);
  connect(netif, inet);
}

/** EUI-64 of the MAC; 1 for a loopback. */
function interfaceId(netif: Interface): bigint {
  if (netif.kind === "loop") return 1n;
  const [a, b, c, d, e, f] = netif.ether.split(":");
  const first = (Number.parseInt(a!, 16) ^ 2).toString(16).padStart(2, "0");
  return BigInt(`0x${first}${b}${c}fffe${d}${e}${f}`);
}

/** in6if_do_dad(): nothing to find out on a loopback, or while the interface keeps out of IPv6. */
function tentative(network: Network, netif: Interface, family: Family): { tentativeUntil?: number } {
  const quiet = netif.kind === "loop" || !netif.up || netif.nd6 & (ND6.IFDISABLED | ND6.NO_DAD);
  if (family === "inet" || quiet) return {};
  return { tentativeUntil: network.kernel.clock.now() + duplicateAddressDetection };
}

function broadcastOf(netif: Interface, request: InetRequest): { broadcast?: string } {
  const { family, value, prefix, broadcast } = request;
  if (family === "inet6" || netif.kind === "loop") return {};
  const all = 0xffffffffn;
  // RFC 3021: a network of two has no broadcast address of its own.
  const usual = prefix === 31 ? all : value | (all ^ maskOf(family, prefix));
  return { broadcast: formatAddress(family, broadcast ?? usual) };
}

function remove(netif: Interface, goes: (inet: Inet) => boolean): void {
  const gone = new Set(netif.addresses.filter(goes));
  if (gone.size === 0) return;
  netif.addresses.splice(0, netif.addresses.length, ...netif.addresses.filter((inet) => !gone.has(inet)));
  handOver(
    netif,
    netif.vnet.routes.deleteWhere((route) => route.via !== undefined && gone.has(route.via)),
  );
}

/** in_scrubprefix(): another address in the network of a route that went takes it over. */
function handOver(from: Interface, gone: readonly Route[]): void {
  const lost = gone.filter((route) => route.pinned && !route.host && !route.zone);
  if (lost.length === 0) return;
  for (const netif of from.vnet.interfaces) {
    if (!netif.up) continue;
    for (const inet of netif.addresses)
      if (lost.some((route) => route.prefix === inet.prefix && route.network === networkIn(inet)))
        connect(netif, inet);
  }
}

const networkIn = (inet: Inet): bigint => networkOf(inet.family, inet.value, inet.prefix);

/** in_addprefix() and ifa_add_loopback_route() */
function connect(netif: Interface, inet: Inet): void {
  const { family, value, prefix } = inet;
  const { vnet } = netif;
  const zone = zoned(family === "inet6" && isLinkLocal(value) ? netif : undefined);
  const base = { family, gateway: undefined, via: inet, pinned: true };
  const host = { ...base, network: value, prefix: width(family), host: true, ...zone };
  if (family === "inet" && netif.kind === "loop") {
    add(vnet.routes, { ...host, netif, static: false });
    return;
  }
  if (family === "inet" || prefix < width(family))
    add(vnet.routes, {
      ...base,
      network: networkIn(inet),
      prefix,
      host: false,
      netif,
      static: false,
      ...zone,
    });
  add(vnet.routes, { ...host, netif: vnet.loopback, static: true });
}

/** The first to have a network or an address keeps its route. */
function add(routes: { get(route: Route): readonly Route[]; add(route: Route): void }, route: Route): void {
  if (!routes.get(route).some((other) => other.pinned)) routes.add(route);
}
