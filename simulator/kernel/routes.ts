import { Errno } from "../command";
import { type Family, familyOf, formatAddress, isLinkLocal, networkOf, parseAddress, width } from "./inet";
import type { Inet, Interface } from "./netif";
import type { Vnet } from "./network";

export interface Route {
  readonly family: Family;
  readonly network: bigint;
  readonly prefix: number;
  /** A route to one address; a network of full length is something else. */
  readonly host: boolean;
  /** Of a link-local destination: where it means something. */
  readonly zone?: Interface;
  /** Undefined when the destination is on the link itself. */
  readonly gateway: string | undefined;
  readonly netif: Interface;
  /** The address of `netif` that it goes out with: the route goes when the address goes. */
  readonly via: Inet | undefined;
  /** Made by the kernel for an address, not by route(8). */
  readonly pinned: boolean;
  readonly static: boolean;
  readonly reject?: boolean;
  readonly blackhole?: boolean;
  readonly mtu?: number;
}

/** `default`, `10.10.15.0/24`, `10.10.15.1`, `fe80::%epair1b/64`. */
export function destinationOf(route: Route): string {
  if (!route.host && route.prefix === 0) return "default";
  // netstat(1) names the interface the route points to, not the one that scopes the address.
  const zone = route.family === "inet6" && isLinkLocal(route.network) ? `%${route.netif.name}` : "";
  return `${formatAddress(route.family, route.network)}${zone}${route.host ? "" : `/${route.prefix}`}`;
}

/** The letters that netstat(1) shows. */
export function flagLetters(route: Route): string {
  return [
    "U",
    route.gateway === undefined ? "" : "G",
    route.host ? "H" : "",
    route.reject ? "R" : "",
    route.static ? "S" : "",
    route.blackhole ? "B" : "",
  ].join("");
}

type Destination = Pick<Route, "family" | "network" | "prefix" | "host" | "zone">;

const keyOf = (to: Destination): string =>
  `${to.family} ${to.network} ${to.host ? "host" : to.prefix} ${to.zone?.index ?? ""}`;

/** One network stack's routes, both families. */
export class RoutingTable implements Iterable<Route> {
  /** More than one route to a destination: net.route.multipath. */
  private readonly byDestination = new Map<string, Route[]>();

  *[Symbol.iterator](): Iterator<Route> {
    for (const routes of this.byDestination.values()) yield* routes;
  }

  get(to: Destination): readonly Route[] {
    return this.byDestination.get(keyOf(to)) ?? [];
  }

  /** @throws Errno EEXIST when it is there, through the same gateway or made by the kernel. */
  add(route: Route): void {
    const key = keyOf(route);
    const there = this.byDestination.get(key);
    if (!there) this.byDestination.set(key, [route]);
    else if (there.some((other) => other.pinned || sameNexthop(other, route))) throw new Errno("EEXIST");
    else there.push(route);
  }

  /** @throws Errno ESRCH when there is no such route. */
  change(route: Route): void {
    if (!this.byDestination.has(keyOf(route))) throw new Errno("ESRCH");
    this.byDestination.set(keyOf(route), [route]);
  }

  /** @throws Errno ESRCH when there is no such route, or none through `gateway`. */
  delete(to: Destination, gateway?: string): void {
    const there = this.get(to);
    const left = gateway === undefined ? [] : there.filter((route) => route.gateway !== gateway);
    if (there.length === left.length) throw new Errno("ESRCH");
    this.put(to, left);
  }

  deleteWhere(goes: (route: Route) => boolean): Route[] {
    const gone: Route[] = [];
    for (const routes of this.byDestination.values()) {
      const left = routes.filter((route) => !goes(route));
      if (left.length === routes.length) continue;
      gone.push(...routes.filter(goes));
      this.put(routes[0]!, left);
    }
    return gone;
  }

  private put(to: Destination, routes: Route[]): void {
    if (routes.length > 0) this.byDestination.set(keyOf(to), routes);
    else this.byDestination.delete(keyOf(to));
  }

  /** The most specific route to `address`. */
  lookup(family: Family, address: bigint, zone?: Interface): Route | undefined {
    const host = this.get({ family, network: address, prefix: width(family), host: true, ...zoned(zone) })[0];
    if (host) return host;
    for (let prefix = width(family); prefix >= 0; prefix--) {
      const network = networkOf(family, address, prefix);
      const found = this.get({ family, network, prefix, host: false, ...zoned(zone) })[0];
      if (found) return found;
    }
    return zone ? this.lookup(family, address) : undefined;
  }

  /** As netstat(1) walks the radix tree: by address, the more specific first. */
  sorted(family: Family): Route[] {
    const rank = (route: Route): bigint =>
      // The kernel keeps the zone inside a link-local address.
      route.network | (BigInt(route.zone?.index ?? 0) << 96n);
    return [...this]
      .filter((route) => route.family === family)
      .map((route) => ({ route, at: rank(route), length: route.host ? 129 : route.prefix }))
      .sort((a, b) => (a.at === b.at ? b.length - a.length : a.at < b.at ? -1 : 1))
      .map(({ route }) => route);
  }
}

/**
 * ifa_ifwithroute(): the interface on whose network a gateway is, and the address to use there.
 * @throws Errno ENETUNREACH when there is none.
 */
export function routeThrough(vnet: Vnet, gateway: string): Pick<Route, "gateway" | "netif" | "via"> {
  const [bare = "", zoneName] = gateway.split("%");
  const family = familyOf(bare);
  const value = parseAddress(family, bare)!;
  const zone = zoneName === undefined ? undefined : vnet.find(zoneName);
  const found = vnet.routes.lookup(family, value, zone);
  if (!found || found.gateway !== undefined) throw new Errno("ENETUNREACH");
  return { gateway, netif: found.netif, via: found.via };
}

export const zoned = (zone: Interface | undefined): { zone?: Interface } => (zone ? { zone } : {});

const sameNexthop = (a: Route, b: Route): boolean => a.gateway === b.gateway && a.netif === b.netif;
