import { createHash } from "node:crypto";
import { Errno } from "../command";
import type { Kernel } from ".";
import { autoLinkLocal, connectRoutes, dropRoutes, purgeAddresses } from "./addresses";
import { joinBridge, leaveBridge } from "./bridge";
import { formatAddress } from "./inet";
import type { Jail } from "./jails";
import { Interface, type Kind, ND6 } from "./netif";
import { destinationOf, flagLetters, RoutingTable } from "./routes";
import { configureVlan, unconfigureVlan, type VlanRequest } from "./vlan";

export type { Inet, Interface, Member } from "./netif";
export type { Route } from "./routes";

/** IFNAMSIZ without the terminating zero. */
export const maxNameLength = 15;

/** if_clone's largest unit. */
const maxUnit = 0x7fff;

const minMtu = 72;
const maxMtu = 65535;

/** One network stack: the host's, or that of a jail with `vnet`. */
export class Vnet {
  /** In the order in which they were attached, which is how `ifconfig -l` lists them. */
  readonly interfaces: Interface[] = [];
  readonly routes = new RoutingTable();
  /** The stack's own sysctls (net.inet.ip.forwarding is per vnet). */
  readonly sysctl = new Map<string, string>();
  /** Members of each interface group, in the order in which they joined. */
  readonly groups = new Map<string, Set<Interface>>();
  private readonly byName = new Map<string, Interface>();
  private readonly units = new Map<Kind, Set<number>>();

  /** @param jail The jail that owns it; undefined for the host's. */
  constructor(readonly jail: Jail | undefined) {}

  find(name: string): Interface | undefined {
    return this.byName.get(name);
  }

  /** lo0, which its own addresses are routed to. */
  get loopback(): Interface {
    return this.interfaces.find((netif) => netif.kind === "loop")!;
  }

  attach(netif: Interface): void {
    netif.vnet = this;
    this.interfaces.push(netif);
    this.byName.set(netif.name, netif);
    this.join(netif, "all");
    for (const group of netif.groups) this.join(netif, group);
  }

  detach(netif: Interface): void {
    this.interfaces.splice(this.interfaces.indexOf(netif), 1);
    if (this.byName.get(netif.name) === netif) this.byName.delete(netif.name);
    for (const group of ["all", ...netif.groups]) this.leave(netif, group);
  }

  rename(netif: Interface, name: string): void {
    this.byName.delete(netif.name);
    netif.name = name;
    this.byName.set(name, netif);
  }

  join(netif: Interface, group: string): void {
    const members = this.groups.get(group);
    if (members) members.add(netif);
    else this.groups.set(group, new Set([netif]));
  }

  leave(netif: Interface, group: string): void {
    const members = this.groups.get(group);
    members?.delete(netif);
    if (members?.size === 0) this.groups.delete(group);
  }

  takeUnit(kind: Kind, unit: number): void {
    const taken = this.units.get(kind);
    if (taken) taken.add(unit);
    else this.units.set(kind, new Set([unit]));
  }

  freeUnit(kind: Kind, unit: number): void {
    this.units.get(kind)?.delete(unit);
  }

  hasUnit(kind: Kind, unit: number): boolean {
    return this.units.get(kind)?.has(unit) ?? false;
  }
}

interface Cloner {
  readonly prefix: string;
  readonly kind: Kind;
  readonly module: string;
  readonly group: string;
  readonly mtu: number;
}

const cloners: readonly Cloner[] = [
  { prefix: "bridge", kind: "bridge", module: "if_bridge", group: "bridge", mtu: 1500 },
  { prefix: "epair", kind: "epair", module: "if_epair", group: "epair", mtu: 1500 },
  { prefix: "vlan", kind: "vlan", module: "if_vlan", group: "vlan", mtu: 1500 },
  { prefix: "tap", kind: "tap", module: "if_tuntap", group: "tap", mtu: 1500 },
  { prefix: "lo", kind: "loop", module: "if_loop", group: "lo", mtu: 16384 },
];

const clonerOf = (kind: Kind): Cloner | undefined => cloners.find((cloner) => cloner.kind === kind);

/** Interfaces, bridges, addresses and routes of the host and of its jails. */
export class Network {
  /** Index 0 is the host's. */
  readonly vnets: Vnet[] = [];
  /** kern.hostuuid: what the MACs that the kernel chooses are derived from. */
  hostuuid = "9f4c2d6e-0000-4000-8000-525400123456";
  /** What devd(8) hears of the host's stack (IFNET ATTACH): an interface was made or came home. */
  onArrival: ((netif: Interface) => void) | undefined;
  private readonly byIndex: (Interface | undefined)[] = [undefined];
  private lowestFree = 1;

  /** The host's stack has its one NIC, vtnet0, and lo0; rc(8) configures them. */
  constructor(readonly kernel: Kernel) {
    const host = new Vnet(undefined);
    this.vnets.push(host);
    this.attachNew(host, "vtnet0", "ether", 1500, "52:54:00:12:34:56");
    this.attachLoopback(host);
  }

  get host(): Vnet {
    return this.vnets[0]!;
  }

  /** The stack a jail's processes use: its own, its parent's, or the host's. */
  vnetOf(jail: Jail | undefined): Vnet {
    for (let at = jail; at; at = at.parent) if (at.vnet) return at.vnet;
    return this.host;
  }

  find(vnet: Vnet, name: string): Interface | undefined {
    return vnet.find(name);
  }

  /** A new stack with nothing but a lo0 that is down. */
  createVnet(jail: Jail): Vnet {
    const vnet = new Vnet(jail);
    this.vnets.push(vnet);
    this.attachLoopback(vnet);
    return vnet;
  }

  /**
   * Ends a stack: what it borrowed goes home (down, without addresses), what was made in it is destroyed.
   * While a jail is dying its stack lives on and keeps its interfaces: call this when the jail is gone.
   */
  destroyVnet(vnet: Vnet): void {
    for (const netif of [...vnet.interfaces]) {
      if (netif.vnet !== vnet) continue; // went with its peer
      if (netif.home === vnet || !this.vnets.includes(netif.home)) this.remove(netif);
      else this.transfer(netif, netif.home);
    }
    this.vnets.splice(this.vnets.indexOf(vnet), 1);
  }

  /**
   * `ifconfig NAME create`: `bridge` takes the lowest free unit, `bridge7` that one, `vtnet0.30` a vlan.
   * @returns the interface; of an epair, its a side.
   * @throws Errno EINVAL when no cloner knows the name (its module is not loaded), EEXIST, ENXIO (no parent).
   */
  create(vnet: Vnet, name: string, vlan?: VlanRequest): Interface {
    const on = this.vlanByName(vnet, name);
    if (on) return this.createVlan(vnet, name, undefined, on);
    const [, prefix, digits] = /^([a-z]+)(\d*)$/.exec(name) ?? [];
    const cloner = cloners.find((one) => one.prefix === prefix);
    if (!cloner || !this.kernel.modules.has(cloner.module)) throw new Errno("EINVAL");
    if (digits && digits !== String(Number(digits))) throw new Errno("EINVAL");
    const unit = this.unitFor(vnet, cloner, digits ? Number(digits) : undefined);
    const full = `${cloner.prefix}${unit}`;
    switch (cloner.kind) {
      case "epair":
        return this.createEpair(vnet, unit);
      case "vlan":
        return this.createVlan(vnet, full, unit, vlan);
      case "bridge":
      case "tap":
        return this.clone(vnet, full, cloner, unit, this.generatedEther(vnet, full));
      default:
        return this.clone(vnet, full, cloner, unit, "");
    }
  }

  /** What can be created now: the names that `ifconfig -C` lists. */
  cloners(): string[] {
    return cloners.filter(({ module }) => this.kernel.modules.has(module)).map(({ prefix }) => prefix);
  }

  /** @throws Errno EINVAL for what no cloner made: lo0, a NIC. */
  destroy(netif: Interface): void {
    if (netif.kind === "ether" || netif === netif.vnet.loopback) throw new Errno("EINVAL");
    this.remove(netif);
  }

  /** @throws Errno ENAMETOOLONG, EEXIST, EINVAL. */
  rename(netif: Interface, name: string): void {
    if (name.length > maxNameLength) throw new Errno("ENAMETOOLONG");
    if (name === "") throw new Errno("EINVAL");
    if (name === netif.name) return;
    if (netif.vnet.find(name)) throw new Errno("EEXIST");
    netif.vnet.rename(netif, name);
  }

  /**
   * Lends an interface to another stack, or takes it back. It arrives down, with name, MAC, MTU and
   * description, without addresses, routes, bridge and the groups it was put into.
   * @throws Errno EEXIST when it is there already, or another one of that name.
   */
  move(netif: Interface, to: Vnet): void {
    if (netif.vnet === to || to.find(netif.name)) throw new Errno("EEXIST");
    this.transfer(netif, to);
  }

  setUp(netif: Interface, up: boolean): void {
    if (netif.up === up) return;
    netif.up = up;
    if (!up) {
      dropRoutes(netif, (route) => route.pinned);
      return;
    }
    if (netif.kind === "loop") netif.running = true;
    if (netif.settings) netif.settings.hasRoot = true;
    connectRoutes(netif);
    autoLinkLocal(this, netif);
  }

  /** @throws Errno EINVAL out of range, EOPNOTSUPP for a bridge's member: its bridge sets it. */
  setMtu(netif: Interface, mtu: number): void {
    if (!(mtu >= minMtu && mtu <= maxMtu)) throw new Errno("EINVAL");
    if (netif.bridge) throw new Errno("EOPNOTSUPP");
    if (netif.vlan && !(mtu <= (netif.vlan.parent?.mtu ?? 0))) throw new Errno("EINVAL");
    netif.mtu = mtu;
    for (const member of netif.members.keys()) member.mtu = mtu;
  }

  /** @throws Errno EINVAL: neither six bytes nor an interface that has such an address. */
  setEther(netif: Interface, ether: string): void {
    if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(ether) || netif.kind === "loop") throw new Errno("EINVAL");
    netif.ether = ether;
    for (const vlan of netif.vlans) vlan.ether = ether;
  }

  addGroup(netif: Interface, group: string): void {
    if (netif.groups.includes(group) || group === "all") return;
    netif.groups.push(group);
    netif.vnet.join(netif, group);
  }

  /** @returns false when it was not in that group. */
  removeGroup(netif: Interface, group: string): boolean {
    const at = netif.groups.indexOf(group);
    if (at < 0) return false;
    netif.groups.splice(at, 1);
    netif.vnet.leave(netif, group);
    return true;
  }

  /**
   * BRDGADD. @throws Errno ENOENT (`name` is not there), EEXIST (member already), EBUSY (member of another
   * bridge), EINVAL (neither Ethernet nor vlan, or `bridge` is none).
   */
  addMember(bridge: Interface, name: string): void {
    joinBridge(this.kernel, bridge, name);
  }

  /** BRDGDEL. @throws Errno ENOENT when `name` is not there or no member. */
  removeMember(bridge: Interface, name: string): void {
    const netif = bridge.vnet.find(name);
    if (!netif || netif.bridge !== bridge) throw new Errno("ENOENT");
    leaveBridge(netif);
  }

  /** SIOCSETVLAN. @throws Errno EINVAL, ENOENT (no parent), EEXIST (tag in use), EBUSY (has another parent). */
  setVlan(netif: Interface, request: VlanRequest): void {
    configureVlan(netif, request);
  }

  unsetVlan(netif: Interface): void {
    unconfigureVlan(netif);
  }

  /** `ether random`: unicast, locally administered. */
  randomEther(): string {
    return `02:${this.digest(`${this.hostuuid}-${this.kernel.clock.now()}`).slice(0, 5).join(":")}`;
  }

  /** All of the model as plain data, without what differs from boot to boot: interface indexes. */
  snapshot(): unknown {
    return this.vnets.map((vnet) => ({
      jail: vnet.jail?.name ?? null,
      sysctl: Object.fromEntries(vnet.sysctl),
      interfaces: vnet.interfaces.map(plain),
      routes: (["inet", "inet6"] as const).flatMap((family) =>
        vnet.routes.sorted(family).map((route) => ({
          family,
          destination: destinationOf(route),
          gateway: route.gateway ?? null,
          flags: flagLetters(route),
          netif: route.netif.name,
        })),
      ),
    }));
  }

  private attachLoopback(vnet: Vnet): Interface {
    const netif = this.attachNew(vnet, "lo0", "loop", 16384, "");
    netif.unit = 0;
    vnet.takeUnit("loop", 0);
    this.addGroup(netif, "lo");
    return netif;
  }

  private attachNew(vnet: Vnet, name: string, kind: Kind, mtu: number, ether: string): Interface {
    const netif = new Interface(name, kind, this.freeIndex(), vnet, mtu, ether);
    this.byIndex[netif.index] = netif;
    attachProtocols(netif);
    vnet.attach(netif);
    if (vnet === this.host) this.onArrival?.(netif);
    return netif;
  }

  private clone(
    vnet: Vnet,
    name: string,
    cloner: Cloner,
    unit: number | undefined,
    ether: string,
  ): Interface {
    const netif = this.attachNew(vnet, name, cloner.kind, cloner.mtu, ether);
    if (unit !== undefined) {
      netif.unit = unit;
      vnet.takeUnit(cloner.kind, unit);
    }
    this.addGroup(netif, cloner.group);
    return netif;
  }

  private createEpair(vnet: Vnet, unit: number): Interface {
    const cloner = clonerOf("epair")!;
    const a = this.attachNew(vnet, `epair${unit}a`, "epair", cloner.mtu, this.epairEther());
    const b = this.attachNew(vnet, `epair${unit}b`, "epair", cloner.mtu, a.ether.replace(/0a$/, "0b"));
    a.peer = b;
    b.peer = a;
    a.unit = unit;
    vnet.takeUnit("epair", unit);
    // if_clone: the b side is registered first, the a side when the cloner returns it.
    this.addGroup(b, cloner.group);
    this.addGroup(a, cloner.group);
    return a;
  }

  private createVlan(vnet: Vnet, name: string, unit: number | undefined, request?: VlanRequest): Interface {
    if (request) {
      const parent = vnet.find(request.parent);
      if (!parent) throw new Errno("ENXIO");
      if ([...parent.vlans].some((other) => other.vlan!.tag === request.tag)) throw new Errno("EEXIST");
      if (!(request.tag >= 1 && request.tag <= 4094)) throw new Errno("EINVAL");
    }
    const netif = this.clone(vnet, name, clonerOf("vlan")!, unit, "00:00:00:00:00:00");
    netif.vlan = { tag: 0, proto: "802.1q", pcp: 0, parent: undefined };
    if (request) configureVlan(netif, request);
    return netif;
  }

  /** `vtnet0.30`, when vtnet0 is there. */
  private vlanByName(vnet: Vnet, name: string): VlanRequest | undefined {
    const [, parent, tag] = /^(.+)\.(\d+)$/.exec(name) ?? [];
    if (!parent || !vnet.find(parent) || !this.kernel.modules.has("if_vlan")) return undefined;
    return { parent, tag: Number(tag) };
  }

  private unitFor(vnet: Vnet, cloner: Cloner, wanted: number | undefined): number {
    const first = `${cloner.prefix}${wanted ?? 0}`;
    const isTaken = (unit: number): boolean =>
      vnet.hasUnit(cloner.kind, unit) ||
      vnet.find(`${cloner.prefix}${unit}${cloner.kind === "epair" ? "a" : ""}`) !== undefined;
    if (wanted !== undefined) {
      if (wanted > maxUnit) throw new Errno("ENOSPC");
      if (isTaken(wanted) || vnet.find(first)) throw new Errno("EEXIST");
      return wanted;
    }
    let unit = 0;
    while (isTaken(unit)) unit++;
    return unit;
  }

  private remove(netif: Interface): void {
    this.detach(netif);
    this.byIndex[netif.index] = undefined;
    this.lowestFree = Math.min(this.lowestFree, netif.index);
    unconfigureVlan(netif);
    if (netif.unit !== undefined) netif.home.freeUnit(netif.kind, netif.unit);
    const { peer } = netif;
    if (!peer) return;
    netif.peer = undefined;
    peer.peer = undefined;
    this.remove(peer);
  }

  private transfer(netif: Interface, to: Vnet): void {
    this.detach(netif);
    netif.up = false;
    netif.groups.length = 0;
    const group = clonerOf(netif.kind)?.group;
    if (group) netif.groups.push(group);
    attachProtocols(netif);
    to.attach(netif);
    if (to === this.host) this.onArrival?.(netif);
  }

  /** Takes an interface out of its stack and of all that is built on it there. */
  private detach(netif: Interface): void {
    if (netif.bridge) leaveBridge(netif);
    for (const member of [...netif.members.keys()]) leaveBridge(member);
    // The vlans on it stay, without parent; a vlan that moves keeps its own (if_vlan.c lets a jail have it so).
    for (const vlan of [...netif.vlans]) unconfigureVlan(vlan);
    purgeAddresses(netif);
    netif.vnet.routes.deleteWhere((route) => route.netif === netif);
    netif.vnet.detach(netif);
  }

  /** if_alloc(): the lowest index that is free. */
  private freeIndex(): number {
    while (this.byIndex[this.lowestFree]) this.lowestFree++;
    return this.lowestFree;
  }

  /** ether_gen_addr(): from the host, the jail and the interface's name. */
  private generatedEther(vnet: Vnet, name: string): string {
    const digest = this.digest(`${this.hostuuid}-${vnet.jail?.name ?? "0"}-${name}`);
    return `58:9c:fc:10:${digest[0]}:${digest[1]}`;
  }

  /** epair_generate_mac(): from the host and the a side's index, so it depends on the order of creation. */
  private epairEther(): string {
    return `02:${this.digest(`${this.hostuuid}-${this.freeIndex()}`).slice(0, 4).join(":")}:0a`;
  }

  private digest(text: string): string[] {
    return createHash("sha1").update(text).digest("hex").match(/../g)!;
  }
}

/** What nd6 and the bridge code give every interface that is attached to a stack. */
function attachProtocols(netif: Interface): void {
  const disabled = netif.kind === "loop" ? 0 : ND6.IFDISABLED;
  const linkLocal = netif.kind === "bridge" ? 0 : ND6.AUTO_LINKLOCAL;
  netif.nd6 = ND6.PERFORMNUD | disabled | linkLocal;
  if (netif.kind === "bridge" && !netif.settings)
    netif.settings = {
      priority: 32768,
      hellotime: 2,
      fwddelay: 15,
      maxage: 20,
      holdcnt: 6,
      proto: "rstp",
      maxaddr: 2000,
      timeout: 1200,
      hasRoot: false,
    };
}

function plain(netif: Interface): unknown {
  return {
    name: netif.name,
    kind: netif.kind,
    up: netif.up,
    mtu: netif.mtu,
    metric: netif.metric,
    ether: netif.ether,
    hwaddr: netif.hwaddr,
    description: netif.description,
    groups: [...netif.groups],
    flags: netif.extraFlags,
    nd6: netif.nd6,
    addresses: netif.addresses.map(({ family, value, prefix, broadcast }) => ({
      family,
      address: formatAddress(family, value),
      prefix,
      broadcast: broadcast ?? null,
    })),
    home: netif.home.jail?.name ?? null,
    peer: netif.peer?.name ?? null,
    bridge: netif.bridge?.name ?? null,
    members: [...netif.members].map(([member, options]) => ({ name: member.name, ...options })),
    settings: netif.settings ? { ...netif.settings } : null,
    vlan: netif.vlan ? { ...netif.vlan, parent: netif.vlan.parent?.name ?? null } : null,
  };
}
