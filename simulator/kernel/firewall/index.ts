import type { Kernel } from "..";
import type { Interface } from "../netif";
import type { Vnet } from "../network";
import { Ipfw } from "./ipfw";
import type { Natd } from "./natd";
import { type Direction, isInet6, type Packet, reply } from "./packet";
import { Pf } from "./pf";

export { type Direction, type Packet, reply };

/** A socket bound to a divert port: a natd(8). */
export interface DivertSocket {
  readonly vnet: Vnet;
  readonly ports: readonly number[];
  readonly natd: Natd;
  readonly pid: number;
}

/**
 * ipfw and its nat, divert sockets (natd), pf: everything that may drop or change a packet. Each network stack
 * has its own; they exist while their modules are loaded.
 */
export class Firewall {
  readonly divert: DivertSocket[] = [];
  /** net.inet.ip.fw.default_to_accept as it was when ipfw was loaded. */
  defaultToAccept = false;
  private ipfws = new WeakMap<Vnet, Ipfw>();
  private pfs = new WeakMap<Vnet, Pf>();

  constructor(readonly kernel: Kernel) {}

  /** The stack's ipfw; undefined while the module is not loaded. */
  ipfw(vnet: Vnet): Ipfw | undefined {
    if (!this.kernel.modules.has("ipfw")) return undefined;
    let ipfw = this.ipfws.get(vnet);
    if (!ipfw) {
      ipfw = new Ipfw(this.kernel, vnet, this.defaultToAccept);
      this.ipfws.set(vnet, ipfw);
    }
    return ipfw;
  }

  /** The stack's pf; undefined while the module is not loaded. */
  pf(vnet: Vnet): Pf | undefined {
    if (!this.kernel.modules.has("pf")) return undefined;
    let pf = this.pfs.get(vnet);
    if (!pf) {
      pf = new Pf(this.kernel, vnet);
      this.pfs.set(vnet, pf);
    }
    return pf;
  }

  /**
   * What the filters on `netif` make of a packet that comes in or goes out there: the packet as it goes on,
   * perhaps with other addresses and ports, or undefined when it is dropped. First packets leave states and NAT
   * links behind, which their answers (`reply`) go through.
   */
  filter(netif: Interface, direction: Direction, packet: Packet, recv?: Interface): Packet | undefined {
    const ipfw = this.ipfw(netif.vnet);
    const passed = ipfw ? ipfw.filter(netif, direction, packet, recv) : packet;
    const pf = this.pf(netif.vnet);
    return passed && pf ? pf.filter(netif, direction, passed) : passed;
  }

  /** Whether the packet is let through. */
  passes(netif: Interface, direction: Direction, packet: Packet): boolean {
    return this.filter(netif, direction, packet) !== undefined;
  }

  /** The packet behind the redirections of natd, `ipfw nat` and pf rdr; itself when nothing applies. */
  translateInbound(netif: Interface, packet: Packet): Packet {
    return this.filter(netif, "in", packet) ?? packet;
  }

  /** The packet behind source NAT; itself when nothing applies. */
  translateOutbound(netif: Interface, packet: Packet, recv?: Interface): Packet {
    return this.filter(netif, "out", packet, recv) ?? packet;
  }

  /**
   * A packet that a `divert` rule took: handed to the natd that listens on `port`, dropped when there is none.
   * With pf enabled the packet is diverted again and again: nothing gets through.
   */
  divertTo(vnet: Vnet, port: number, direction: Direction, packet: Packet): Packet | undefined {
    const socket = this.divert.find((one) => one.vnet === vnet && one.ports.includes(port));
    if (!socket) return undefined;
    const { natd, pid } = socket;
    if (!natd.interfaceExists) {
      // In dynamic mode natd looks for its interface at the first packet, and ends when it is not there.
      this.kernel.processes.end(pid);
      return undefined;
    }
    // natd(8) takes what it gets for IPv4, and writes it back with the length that it reads there (natd.c).
    if (isInet6(packet.src)) return undefined;
    if (natd.address === undefined || this.pf(vnet)?.enabled) return undefined;
    return direction === "in" ? natd.alias.in(packet) : natd.alias.out(packet);
  }

  /** A module came: its state begins fresh. */
  attach(module: string): void {
    if (module === "ipfw") {
      this.ipfws = new WeakMap();
      this.defaultToAccept = this.kernel.environment.get("net.inet.ip.fw.default_to_accept") === "1";
      const verdict = this.defaultToAccept ? "accept" : "deny";
      this.kernel.messages.log(
        `ipfw2 (+ipv6) initialized, divert loadable, nat loadable, default to ${verdict}, logging disabled`,
      );
    }
    if (module === "pf") this.pfs = new WeakMap();
  }

  /** A module went, and what it held. */
  detach(module: string): void {
    if (module === "ipfw") this.ipfws = new WeakMap();
    if (module === "pf") this.pfs = new WeakMap();
    if (module === "ipfw_nat")
      for (const vnet of this.kernel.network.vnets) this.ipfws.get(vnet)?.nats.clear();
  }

  /** Plain data without counters and states, by the jail that owns the stack (`""`: the host). */
  snapshot(): object {
    const owner = (vnet: Vnet): string => vnet.jail?.name ?? "";
    const each = (snapshot: (vnet: Vnet) => object | undefined): object =>
      Object.fromEntries(
        this.kernel.network.vnets
          .map((vnet) => [owner(vnet), snapshot(vnet)] as const)
          .filter(([, taken]) => taken !== undefined),
      );
    return {
      ipfw: each((vnet) => this.ipfw(vnet)?.snapshot()),
      pf: each((vnet) => this.pf(vnet)?.snapshot()),
      natd: this.divert.map(({ vnet, ports, natd }) => ({
        vnet: owner(vnet),
        ports: [...ports],
        ...natd.snapshot(),
      })),
    };
  }
}
