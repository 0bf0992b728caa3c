import { isInet6, type Packet, within } from "./packet";

/** libalias's redirections, as natd(8) and `ipfw nat` share them. */
export type Redirect =
  | {
      readonly kind: "port";
      readonly proto: "tcp" | "udp" | "sctp";
      /** One target, or several that take turns (LSNAT). */
      readonly targets: readonly { address: string; port: number }[];
      /** How many ports in a row, starting at each port given. */
      readonly count: number;
      /** Undefined: the alias address. */
      readonly publicAddress: string | undefined;
      readonly publicPort: number;
      readonly remoteAddress: string | undefined;
      /** 0: any. */
      readonly remotePort: number;
    }
  | { readonly kind: "address"; readonly targets: readonly string[]; readonly publicAddress: string }
  | {
      readonly kind: "proto";
      readonly proto: string;
      readonly target: string;
      readonly publicAddress: string | undefined;
      readonly remoteAddress: string | undefined;
    };

export type Mode =
  | "log"
  | "deny_in"
  | "same_ports"
  | "skip_global"
  | "unreg_only"
  | "unreg_cgn"
  | "reset"
  | "reverse"
  | "proxy_only"
  | "use_sockets";

export interface Aliasing {
  /** Undefined while the interface has no address: nothing can be aliased. */
  address(): string | undefined;
  readonly modes: ReadonlySet<Mode>;
  readonly redirects: readonly Redirect[];
  /** natd's target_address: where incoming sessions go that nothing else claims. */
  readonly target?: string | undefined;
}

const unregistered = (address: string): boolean =>
  within(address, "10.0.0.0", 8) || within(address, "172.16.0.0", 12) || within(address, "192.168.0.0", 16);

/** The packet with another end; a port that is not given stays as it is. */
const to = (packet: Packet, dst: string, dport = packet.dport): Packet => ({
  ...packet,
  dst,
  ...(dport === undefined ? {} : { dport }),
});
const from = (packet: Packet, src: string, sport = packet.sport): Packet => ({
  ...packet,
  src,
  ...(sport === undefined ? {} : { sport }),
});

/** One aliasing engine (`struct libalias`): its redirections and the links that packets have made. */
export class Alias {
  /** Alias port and remote end to the local end. */
  private readonly links = new Map<string, { address: string; port: number | undefined }>();
  private nextPort = 49152;
  private turn = 0;

  constructor(readonly config: Aliasing) {}

  /** LibAliasOut: the source of what leaves. */
  out(packet: Packet): Packet {
    const { config } = this;
    const alias = config.address();
    if (alias === undefined || isInet6(packet.src) || config.modes.has("proxy_only")) return packet;
    for (const redirect of config.redirects) {
      if (redirect.kind === "port") {
        const target = redirect.targets.find(
          ({ address, port }) =>
            address === packet.src &&
            packet.proto === redirect.proto &&
            packet.sport !== undefined &&
            packet.sport >= port &&
            packet.sport < port + redirect.count,
        );
        if (target && packet.established)
          return from(
            packet,
            redirect.publicAddress ?? alias,
            redirect.publicPort + packet.sport! - target.port,
          );
      } else if (redirect.kind === "address" && redirect.targets.includes(packet.src)) {
        return from(packet, redirect.publicAddress === "0.0.0.0" ? alias : redirect.publicAddress);
      } else if (
        redirect.kind === "proto" &&
        redirect.target === packet.src &&
        redirect.proto === packet.proto
      ) {
        return from(packet, redirect.publicAddress ?? alias);
      }
    }
    if (config.modes.has("unreg_only") && !unregistered(packet.src)) return packet;
    // Answers to what came in: the link that the question made keeps their ports.
    if (packet.established) return from(packet, alias);
    const port =
      packet.sport === undefined || config.modes.has("same_ports") ? packet.sport : this.nextPort++;
    this.links.set(this.key(packet, packet.dst, packet.dport, port), {
      address: packet.src,
      port: packet.sport,
    });
    return from(packet, alias, port);
  }

  /** LibAliasIn: the destination of what arrives. Undefined: dropped (`deny_in`). */
  in(packet: Packet): Packet | undefined {
    const { config } = this;
    const alias = config.address();
    if (alias === undefined || isInet6(packet.dst) || config.modes.has("proxy_only")) return packet;
    const link = this.links.get(this.key(packet, packet.src, packet.sport, packet.dport));
    if (link && packet.established && packet.dst === alias) return to(packet, link.address, link.port);
    for (const redirect of config.redirects) {
      const found = this.redirected(redirect, packet, alias);
      if (found) return found;
    }
    if (config.target !== undefined && packet.dst === alias) return to(packet, config.target);
    return config.modes.has("deny_in") ? undefined : packet;
  }

  private redirected(redirect: Redirect, packet: Packet, alias: string): Packet | undefined {
    const publicAddress = redirect.publicAddress ?? alias;
    if (packet.dst !== (publicAddress === "0.0.0.0" ? alias : publicAddress)) return undefined;
    if (redirect.kind === "address") return to(packet, this.next(redirect.targets));
    if (redirect.proto !== packet.proto) return undefined;
    if (redirect.remoteAddress !== undefined && redirect.remoteAddress !== packet.src) return undefined;
    if (redirect.kind === "proto") return to(packet, redirect.target);
    const offset = (packet.dport ?? -1) - redirect.publicPort;
    if (offset < 0 || offset >= redirect.count) return undefined;
    if (redirect.remotePort !== 0 && redirect.remotePort + offset !== packet.sport) return undefined;
    const target = this.next(redirect.targets);
    return to(packet, target.address, target.port + offset);
  }

  private next<T>(targets: readonly T[]): T {
    return targets[this.turn++ % targets.length]!;
  }

  private key(
    packet: Packet,
    remote: string,
    remotePort: number | undefined,
    aliasPort: number | undefined,
  ): string {
    return `${packet.proto} ${remote} ${remotePort ?? 0} ${aliasPort ?? 0}`;
  }
}
