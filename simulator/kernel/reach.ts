import type { Kernel } from ".";
import type { Packet } from "./firewall";
import { reply } from "./firewall";
import { familyOf, parseAddress } from "./inet";
import { hasLink, IFBIF, type Interface, isActive, ND6 } from "./netif";
import type { Vnet } from "./network";
import type { Listener, Process } from "./processes";
import type { Route } from "./routes";

/** The router on the NIC's network, and a host beyond it that answers everything. Nothing else is out there. */
export const outside = { router: "10.0.2.2", host: "198.51.100.10" } as const;

export interface Probe {
  address: string;
  proto: "icmp" | "tcp" | "udp";
  /** For tcp and udp. */
  port?: number;
}

export type Failure =
  | "unroutable" // the sender has no route
  | "denied" // the sender's own firewall
  | "silent" // no answer
  | "refused"; // an answer: nothing listens there

export interface Reach {
  ok: boolean;
  /** One sentence: what stopped it, or who answered. */
  why: string;
  /** `jail/interface` of every interface the packet and its answer went through. */
  path: string[];
  failure?: Failure;
  /** tcp, udp: who answered. */
  server?: { process: Process; listener: Listener };
}

/** A packet can go round in a ring of routers only so often. */
const maxHops = 16;
const ephemeralPort = 49152;

/**
 * Whether a packet sent from a network stack, or by a host beyond the default gateway (`outside`), gets to
 * `to` and its answer back. It goes the way the kernel would send it: routes, links, bridges, forwarding,
 * firewall and NAT. The outside knows the addresses of the host's NIC only: nobody out there answers to a
 * private address that was not translated.
 */
export function reach(kernel: Kernel, from: Vnet | "outside", to: Probe): Reach {
  const walk = new Walk(kernel);
  try {
    const server = walk.ask(from, to);
    return { ok: true, why: `${to.address} answered`, path: walk.path, ...(server ? { server } : {}) };
  } catch (error) {
    if (!(error instanceof Lost)) throw error;
    return { ok: false, why: error.message, path: walk.path, failure: error.failure };
  }
}

/** The packet ends here. */
class Lost extends Error {
  constructor(
    message: string,
    readonly failure: Failure = "silent",
  ) {
    super(message);
  }
}

type Place = { vnet: Vnet | "outside"; packet: Packet };

class Walk {
  readonly path: string[] = [];

  constructor(private readonly kernel: Kernel) {}

  ask(from: Vnet | "outside", to: Probe): Reach["server"] {
    const address = to.address.replace(/%.*$/, "");
    const inet6 = familyOf(address) === "inet6";
    const asked: Omit<Packet, "src"> = {
      proto: to.proto === "icmp" && inet6 ? "ipv6-icmp" : to.proto,
      dst: address,
      ...(to.port === undefined ? {} : { sport: ephemeralPort, dport: to.port }),
    };
    const there =
      from === "outside"
        ? this.enter({ ...asked, src: outside.host })
        : this.send(from, { ...asked, src: this.source(from, address, to.address) });
    const server = there.vnet === "outside" ? undefined : this.serverAt(there.vnet, to, there.packet);
    const answer = reply(there.packet);
    const back = this.answer(there.vnet, answer);
    if (back.vnet !== from) throw new Lost(`the answer of ${answer.src} does not come back`);
    if (back.packet.src !== asked.dst)
      throw new Lost(`the answer comes from ${back.packet.src} instead of ${asked.dst}`);
    return server;
  }

  private answer(from: Vnet | "outside", packet: Packet): Place {
    try {
      return from === "outside" ? this.enter(packet) : this.send(from, packet);
    } catch (error) {
      if (error instanceof Lost) throw new Lost(`no way back: ${error.message}`);
      throw error;
    }
  }

  /** in_pcbladdr(): the address of the interface that the packet leaves by. */
  private source(vnet: Vnet, address: string, withZone: string): string {
    if (this.owner(vnet, address)) return address;
    const route = this.routeTo(vnet, withZone);
    const family = familyOf(address);
    const chosen = route.via ?? route.netif.addresses.find((inet) => inet.family === family);
    if (!chosen) throw new Lost(`${this.at(route.netif)} has no address to send from`, "unroutable");
    return chosen.address;
  }

  private routeTo(vnet: Vnet, address: string): Route {
    const [bare = "", zone] = address.split("%");
    const family = familyOf(bare);
    const scope = zone === undefined ? undefined : vnet.find(zone);
    const route = vnet.routes.lookup(family, parseAddress(family, bare) ?? 0n, scope);
    if (!route) throw new Lost(`${this.name(vnet)} has no route to ${bare}`, "unroutable");
    if (route.reject || route.blackhole)
      throw new Lost(
        `${this.name(vnet)} refuses to route to ${bare}`,
        route.reject ? "unroutable" : "silent",
      );
    return route;
  }

  /** From a stack outwards, hop by hop, until somebody has the destination's address. */
  private send(vnet: Vnet, packet: Packet, hops = 0, received?: Interface): Place {
    if (hops > maxHops) throw new Lost(`${packet.dst} is routed in circles`);
    if (this.owner(vnet, packet.dst)) return this.loop(vnet, packet, received);
    const route = this.routeTo(vnet, packet.dst);
    const { netif } = route;
    this.path.push(this.at(netif));
    if (!isActive(netif)) throw new Lost(`${this.at(netif)} is down`, hops === 0 ? "unroutable" : "silent");
    const passed = this.kernel.firewall.filter(netif, "out", packet, received);
    if (!passed)
      throw new Lost(
        `the firewall drops it on its way out of ${this.at(netif)}`,
        hops === 0 ? "denied" : "silent",
      );
    const next = (route.gateway ?? passed.dst).replace(/%.*$/, "");
    const obstacles: string[] = [];
    const stations = stationsOn(netif, obstacles, (each) => this.at(each));
    const station = stations.find((each) => each !== "wire" && has(each, next));
    if (station && station !== "wire") return this.receive(station, passed, hops);
    if (stations.includes("wire")) return this.leave(passed, next);
    const because = obstacles.length > 0 ? `: ${obstacles.join(", ")}` : "";
    throw new Lost(`nobody answers for ${next} on ${this.at(netif)}${because}`);
  }

  private receive(netif: Interface, packet: Packet, hops: number): Place {
    const { vnet } = netif;
    this.path.push(this.at(netif));
    const passed = this.kernel.firewall.filter(netif, "in", packet);
    if (!passed) throw new Lost(`the firewall drops it on its way into ${this.at(netif)}`);
    if (familyOf(passed.dst) === "inet6" && netif.nd6 & ND6.IFDISABLED)
      throw new Lost(`IPv6 is disabled on ${this.at(netif)}`);
    if (this.owner(vnet, passed.dst)) return { vnet, packet: passed };
    const oid = familyOf(passed.dst) === "inet6" ? "net.inet6.ip6.forwarding" : "net.inet.ip.forwarding";
    if (this.kernel.sysctl.get(oid, { jail: vnet.jail, vnet }) !== "1")
      throw new Lost(`${this.name(vnet)} does not forward (${oid} is 0)`);
    return this.send(vnet, passed, hops + 1, netif);
  }

  /** To one of the stack's own addresses. */
  private loop(vnet: Vnet, packet: Packet, received: Interface | undefined): Place {
    // What a redirection turned to this host has arrived already.
    if (received) return { vnet, packet };
    const { loopback } = vnet;
    this.path.push(this.at(loopback));
    const out = this.kernel.firewall.filter(loopback, "out", packet);
    if (!out) throw new Lost(`the firewall drops it on ${this.at(loopback)}`, "denied");
    const passed = this.kernel.firewall.filter(loopback, "in", out);
    if (!passed) throw new Lost(`the firewall drops it on ${this.at(loopback)}`);
    return { vnet, packet: passed };
  }

  /** Out of the NIC, to `next` on its network. */
  private leave(packet: Packet, next: string): Place {
    if (next !== outside.router) throw new Lost(`nobody answers for ${next} outside`);
    if (packet.dst !== outside.host && packet.dst !== outside.router)
      throw new Lost(`nobody answers for ${packet.dst} outside`);
    if (!this.nicWith(packet.src)) throw new Lost(`the outside has no route back to ${packet.src}`);
    this.path.push("outside");
    return { vnet: "outside", packet };
  }

  /** From outside into the NIC that has the destination's address. */
  private enter(packet: Packet): Place {
    const netif = this.nicWith(packet.dst);
    if (!netif) throw new Lost(`the outside has no route to ${packet.dst}`);
    this.path.push("outside");
    if (!isActive(netif)) throw new Lost(`${this.at(netif)} is down`);
    return this.receive(netif, packet, 0);
  }

  private nicWith(address: string): Interface | undefined {
    for (const vnet of this.kernel.network.vnets)
      for (const netif of vnet.interfaces) {
        if (netif.kind === "ether" && has(netif, address)) return netif;
        // A NIC in a bridge: the bridge's addresses are on its network too.
        if (netif.kind !== "bridge" || !has(netif, address)) continue;
        for (const member of netif.members.keys()) if (member.kind === "ether") return netif;
      }
    return undefined;
  }

  private serverAt(vnet: Vnet, to: Probe, packet: Packet): Reach["server"] {
    if (to.proto === "icmp") return undefined;
    for (const process of this.kernel.processes.all) {
      const listener = process.listens?.find((each) => each.proto === to.proto && each.port === packet.dport);
      if (listener && this.stackOf(process) === vnet) return { process, listener };
    }
    throw new Lost(`nothing listens on ${to.proto} port ${packet.dport} in ${this.name(vnet)}`, "refused");
  }

  private stackOf({ jid }: Process): Vnet {
    return this.kernel.network.vnetOf(this.kernel.jails.all.find((jail) => jail.jid === jid));
  }

  private owner(vnet: Vnet, address: string): Interface | undefined {
    return vnet.interfaces.find((netif) => has(netif, address) && netif.up);
  }

  private name = (vnet: Vnet): string => vnet.jail?.name ?? "the host";

  private at = (netif: Interface): string =>
    netif.vnet.jail ? `${netif.vnet.jail.name}/${netif.name}` : netif.name;
}

const has = (netif: Interface, address: string): boolean =>
  netif.addresses.some((inet) => inet.address === address);

/**
 * Who hears a frame that `from` sends: interfaces that take it for their stack, and `wire` when it leaves the
 * machine. `obstacles` gets what kept it from going further.
 */
function stationsOn(
  from: Interface,
  obstacles: string[],
  name: (netif: Interface) => string,
): (Interface | "wire")[] {
  const heard = new Set<Interface | "wire">();
  const bridges = new Set<Interface>();

  const transmit = (netif: Interface, tag: number | undefined): void => {
    if (!netif.up) obstacles.push(`${name(netif)} is down`);
    else if (!hasLink(netif)) obstacles.push(`${name(netif)} has no link`);
    else if (netif.kind === "vlan") transmit(netif.vlan!.parent!, netif.vlan!.tag);
    else if (netif.kind === "bridge") flood(netif, undefined, tag);
    else if (netif.kind === "ether") heard.add("wire");
    else if (netif.peer) arrive(netif.peer, tag);
  };

  const arrive = (netif: Interface, tag: number | undefined): void => {
    if (!netif.up) obstacles.push(`${name(netif)} is down`);
    else if (netif.bridge) flood(netif.bridge, netif, tag);
    else if (tag === undefined) {
      heard.add(netif);
      // A host side needs a bridge, a jail's side an address.
      if (netif.addresses.length === 0)
        obstacles.push(`${name(netif)} ${netif.vnet.jail ? "has no address" : "is in no bridge"}`);
    } else for (const vlan of netif.vlans) if (vlan.vlan!.tag === tag && vlan.up) heard.add(vlan);
  };

  const flood = (bridge: Interface, source: Interface | undefined, tag: number | undefined): void => {
    if (bridges.has(bridge)) return;
    bridges.add(bridge);
    if (!bridge.up) {
      obstacles.push(`${name(bridge)} is down`);
      return;
    }
    const kept = source && bridge.members.get(source);
    if (source) {
      if (tag === undefined) heard.add(bridge);
      else for (const vlan of bridge.vlans) if (vlan.vlan!.tag === tag && vlan.up) heard.add(vlan);
      // A member's own addresses are heard as well.
      if (tag === undefined) heard.add(source);
    }
    for (const [member, options] of bridge.members) {
      if (member === source) continue;
      const isolated = kept && kept.flags & options.flags & IFBIF.PRIVATE;
      if (isolated) obstacles.push(`${name(source)} and ${name(member)} are private`);
      else transmit(member, tag);
    }
  };

  // A member's own packets go through its bridge as well as out of it.
  if (from.bridge) flood(from.bridge, from, undefined);
  transmit(from, undefined);
  return [...heard];
}
