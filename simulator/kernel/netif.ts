import type { Family } from "./inet";
import type { Vnet } from "./network";

export interface Inet {
  readonly family: Family;
  readonly value: bigint;
  /** `value` as text, without zone. */
  readonly address: string;
  prefix: number;
  /** IPv4 on an interface that broadcasts. */
  readonly broadcast?: string;
  /** IPv6: duplicate address detection runs until then, by the host's clock. */
  readonly tentativeUntil?: number;
}

export type Kind = "ether" | "loop" | "bridge" | "epair" | "vlan" | "tap";

/** What a bridge keeps of a member: IFBIF_* flags and the numbers that `ifconfig` lists. */
export interface Member {
  flags: number;
  priority: number;
  pathCost: number;
  maxAddresses: number;
}

/** A bridge's own settings, those of STP among them. */
export interface BridgeSettings {
  priority: number;
  hellotime: number;
  fwddelay: number;
  maxage: number;
  holdcnt: number;
  proto: "stp" | "rstp";
  maxaddr: number;
  timeout: number;
  /** STP has computed a root: after the bridge was up for the first time. */
  hasRoot: boolean;
}

export class Interface {
  up = false;
  /** IFF_DRV_RUNNING of a loopback: set with its first address or when it goes up, and then stays. */
  running = false;
  metric = 0;
  description = "";
  /** Besides `all`, in the order in which it joined. */
  readonly groups: string[] = [];
  readonly addresses: Inet[] = [];
  /** IFF_* that an administrator sets: DEBUG, NOARP, LINK0…, PPROMISC, MONITOR, STATICARP. */
  extraFlags = 0;
  /** ND6_IFF_* */
  nd6 = 0;
  /** The unit its cloner gave it: stays taken until the interface is destroyed, whatever its name. */
  unit: number | undefined;
  /** epair: the other side. */
  peer: Interface | undefined;
  /** Member of this bridge. */
  bridge: Interface | undefined;
  /** bridge: its members, oldest first (`ifconfig` lists the newest first). */
  readonly members = new Map<Interface, Member>();
  settings: BridgeSettings | undefined;
  vlan: { tag: number; proto: "802.1q" | "802.1ad"; pcp: number; parent: Interface | undefined } | undefined;
  /** The vlans on top of it. */
  readonly vlans = new Set<Interface>();

  constructor(
    public name: string,
    readonly kind: Kind,
    /** The kernel's interface index: `link#4`, `scopeid 0x4`, the port number in a bridge. */
    readonly index: number,
    /** The stack it is in now. */
    public vnet: Vnet,
    public mtu: number,
    public ether: string,
    /** The address it was made with; `ifconfig` shows it as hwaddr once `ether` differs. */
    readonly hwaddr: string = ether,
  ) {
    this.home = vnet;
  }

  /** The stack it returns to when the jail that borrowed it ends. */
  readonly home: Vnet;
}

export const IFF = {
  UP: 0x1,
  BROADCAST: 0x2,
  DEBUG: 0x4,
  LOOPBACK: 0x8,
  POINTOPOINT: 0x10,
  RUNNING: 0x40,
  NOARP: 0x80,
  PROMISC: 0x100,
  ALLMULTI: 0x200,
  SIMPLEX: 0x800,
  LINK0: 0x1000,
  LINK1: 0x2000,
  LINK2: 0x4000,
  MULTICAST: 0x8000,
  PPROMISC: 0x20000,
  MONITOR: 0x40000,
  STATICARP: 0x80000,
  LOWER_UP: 0x1000000,
} as const;

export const ND6 = {
  PERFORMNUD: 0x1,
  ACCEPT_RTADV: 0x2,
  PREFER_SOURCE: 0x4,
  IFDISABLED: 0x8,
  DONT_SET_IFROUTE: 0x10,
  AUTO_LINKLOCAL: 0x20,
  NO_RADR: 0x40,
  NO_PREFER_IFACE: 0x80,
  NO_DAD: 0x100,
} as const;

export const IFBIF = {
  LEARNING: 0x1,
  DISCOVER: 0x2,
  STP: 0x4,
  SPAN: 0x8,
  STICKY: 0x10,
  EDGE: 0x20,
  AUTOEDGE: 0x40,
  PTP: 0x80,
  AUTOPTP: 0x100,
  PRIVATE: 0x800,
} as const;

/** `<UP,BROADCAST>`; nothing at all when no bit is set. */
export function bitNames(value: number, bits: Readonly<Record<string, number>>): string {
  const set = Object.entries(bits).filter(([, bit]) => value & bit);
  return set.length > 0 ? `<${set.map(([name]) => name).join(",")}>` : "";
}

/** The vlan's parent, or the interface itself: what carries the frames. */
const carrier = (netif: Interface): Interface | undefined => (netif.vlan ? netif.vlan.parent : netif);

/** Whether the link below is there: an epair's always is, a bridge and a loopback follow `up`. */
export function hasLink(netif: Interface): boolean {
  const below = carrier(netif);
  if (!below) return false;
  if (below.kind === "bridge" || below.kind === "loop") return below.up;
  return below.kind !== "tap";
}

function isRunning(netif: Interface): boolean {
  switch (netif.kind) {
    case "ether":
    case "bridge":
      return netif.up;
    case "loop":
      return netif.running;
    case "epair":
      return true;
    case "vlan":
      return netif.vlan?.parent !== undefined;
    case "tap":
      return false;
  }
}

/** The word that `ifconfig` shows as `flags`. */
export function flagsOf(netif: Interface): number {
  let flags: number = IFF.MULTICAST | netif.extraFlags;
  if (netif.kind === "loop") flags |= IFF.LOOPBACK;
  else flags |= IFF.BROADCAST;
  if (netif.kind !== "loop" && carrier(netif)) flags |= IFF.SIMPLEX;
  if (netif.up) flags |= IFF.UP;
  if (isRunning(netif)) flags |= IFF.RUNNING;
  if (netif.bridge || netif.extraFlags & IFF.PPROMISC) flags |= IFF.PROMISC;
  if (hasLink(netif)) flags |= IFF.LOWER_UP;
  return flags;
}

/** Whether frames pass: up and with a link. */
export const isActive = (netif: Interface): boolean => netif.up && hasLink(netif);
