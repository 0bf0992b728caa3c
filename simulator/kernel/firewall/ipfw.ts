import { Errno } from "../../command";
import type { Kernel } from "..";
import type { Interface } from "../netif";
import type { Vnet } from "../network";
import { Alias, type Mode, type Redirect } from "./alias";
import type { Address, Option, ParsedRule, RuleBody } from "./ipfw-rule";
import { type Direction, flow, hasPort, isInet6, own, type Packet, within } from "./packet";

export interface IpfwRule extends RuleBody {
  readonly number: number;
  set: number;
  packets: number;
  bytes: number;
}

/** A lookup table: `table(name)` in rules. */
export interface Table {
  readonly name: string;
  readonly type: "addr" | "iface" | "number" | "flow" | "mac";
  /** Key (`10.10.15.0/24`, `em0`) to value (`0`). */
  readonly entries: Map<string, string>;
  locked: boolean;
}

/** An instance of `ipfw nat`. */
export interface NatInstance {
  readonly id: number;
  readonly netif: string | undefined;
  readonly ip: string | undefined;
  /** In the order in which they are printed. */
  readonly modes: ReadonlySet<Mode>;
  /** Newest first. */
  readonly redirects: readonly Redirect[];
  readonly alias: Alias;
}

export const defaultRule = 65535;
const lastSet = 31;
/** What a filter that has no packet to measure counts: an echo request. */
const packetBytes = 84;

const anywhere = [{ address: { kind: "any" }, not: false }] as const;

/** One network stack's ipfw(4): rules, sets, tables, NAT instances. */
export class Ipfw {
  /** Sorted by number; of the same number the oldest first. The default rule is the last. */
  readonly rules: IpfwRule[];
  readonly tables = new Map<string, Table>();
  readonly nats = new Map<number, NatInstance>();
  /** Flows that `keep-state` and `limit` remember, with the number of the rule that made them. */
  readonly states = new Map<string, number>();
  readonly disabledSets = new Set<number>();

  constructor(
    readonly kernel: Kernel,
    readonly vnet: Vnet,
    accept: boolean,
  ) {
    this.rules = [
      {
        number: defaultRule,
        set: lastSet,
        action: { kind: accept ? "allow" : "deny", argument: "" },
        prob: undefined,
        log: undefined,
        tag: undefined,
        justOptions: false,
        protos: [{ proto: "ip", not: false }],
        src: anywhere,
        dst: anywhere,
        srcPorts: undefined,
        dstPorts: undefined,
        options: [],
        state: undefined,
        comment: undefined,
        packets: 0,
        bytes: 0,
      },
    ];
  }

  /** @throws Errno EINVAL for a number out of range, or an action whose module is not loaded. */
  add(parsed: ParsedRule): IpfwRule {
    const { modules } = this.kernel;
    const needs = {
      divert: "ipdivert",
      tee: "ipdivert",
      nat: "ipfw_nat",
      pipe: "dummynet",
      queue: "dummynet",
    };
    const module = (needs as Record<string, string>)[parsed.action.kind];
    if (module !== undefined && !modules.has(module)) throw new Errno("EINVAL");
    if (parsed.number >= defaultRule) throw new Errno("EINVAL");
    const rule: IpfwRule = { ...parsed, number: parsed.number || this.nextNumber(), packets: 0, bytes: 0 };
    for (const name of tablesOf(rule)) this.table(name) ?? this.createTable(name);
    this.rules.splice(
      this.rules.findIndex((other) => other.number > rule.number),
      0,
      rule,
    );
    return rule;
  }

  /** Rules that `test` chooses go, the default rule and set 31 stay unless named. Returns how many went. */
  delete(test: (rule: IpfwRule) => boolean): number {
    let gone = 0;
    for (let at = this.rules.length - 2; at >= 0; at--) {
      if (!test(this.rules[at]!)) continue;
      this.rules.splice(at, 1);
      gone++;
    }
    return gone;
  }

  setEnabled(set: number, enabled: boolean): void {
    if (set === lastSet) return;
    if (enabled) this.disabledSets.delete(set);
    else this.disabledSets.add(set);
  }

  /** Rules with set `from` get `to`, and the other way round. */
  swapSets(from: number, to: number): void {
    for (const rule of this.userRules()) {
      if (rule.set === from) rule.set = to;
      else if (rule.set === to) rule.set = from;
    }
  }

  moveSet(from: number, to: number): void {
    for (const rule of this.userRules()) if (rule.set === from) rule.set = to;
  }

  moveRule(number: number, to: number): void {
    for (const rule of this.userRules()) if (rule.number === number) rule.set = to;
  }

  table(name: string): Table | undefined {
    return this.tables.get(name);
  }

  /** @throws Errno EEXIST */
  createTable(name: string, type: Table["type"] = "addr"): Table {
    if (this.tables.has(name)) throw new Errno("EEXIST");
    const table: Table = { name, type, entries: new Map(), locked: false };
    this.tables.set(name, table);
    return table;
  }

  /** @throws Errno ESRCH when there is none, EBUSY when a rule uses it. */
  destroyTable(name: string): void {
    if (!this.tables.has(name)) throw new Errno("ESRCH");
    if (this.tableReferences(name) > 0) throw new Errno("EBUSY");
    this.tables.delete(name);
  }

  tableReferences(name: string): number {
    return this.rules.filter((rule) => tablesOf(rule).includes(name)).length;
  }

  configureNat(nat: Omit<NatInstance, "alias">): void {
    const address = (): string | undefined =>
      nat.ip ??
      this.vnet.interfaces
        .find((netif) => netif.name === nat.netif)
        ?.addresses.find((inet) => inet.family === "inet")?.address;
    const { modes, redirects } = nat;
    this.nats.set(nat.id, { ...nat, alias: new Alias({ address, modes, redirects }) });
  }

  /**
   * What the rules make of `packet`: the packet, perhaps translated, or undefined when it is dropped.
   * `recv` is where a packet that leaves came in.
   */
  filter(netif: Interface, direction: Direction, packet: Packet, recv?: Interface): Packet | undefined {
    const enable = isInet6(packet.src) ? "net.inet6.ip6.fw.enable" : "net.inet.ip.fw.enable";
    if (this.kernel.sysctl.get(enable, { jail: this.vnet.jail, vnet: this.vnet }) === "0") return packet;
    let now = packet;
    const from = direction === "in" ? netif : recv;
    for (let at = 0; at < this.rules.length; at++) {
      const rule = this.rules[at]!;
      if (this.disabledSets.has(rule.set)) continue;
      const { action } = rule;
      const known = now.established === true && this.states.has(flow(now));
      if (action.kind === "check-state" || rule.state !== undefined) {
        // The first rule with state probes the flows before its own conditions are looked at.
        if (known) {
          this.count(rule);
          const creator = this.rules.find((other) => other.number === this.states.get(flow(now)));
          if (creator && creator.action.kind !== "allow" && creator !== rule)
            return this.act(creator, direction, now);
          return now;
        }
        if (action.kind === "check-state") continue;
      }
      if (!this.matches(rule, now, netif, direction, from)) continue;
      this.count(rule);
      if (rule.state !== undefined) this.states.set(flow(now), rule.number);
      switch (action.kind) {
        case "count":
        case "setfib":
        case "setdscp":
        case "tee":
        case "ngtee":
        case "reass":
        case "call":
        case "return":
          continue;
        case "skipto": {
          const target = Number(action.argument);
          at = this.rules.findIndex((other) => other.number >= target) - 1;
          continue;
        }
        case "divert": {
          const diverted = this.act(rule, direction, now);
          if (!diverted) return undefined;
          now = diverted;
          // divert(4): it goes on behind all rules of that number.
          at = this.rules.findIndex((other) => other.number > rule.number) - 1;
          continue;
        }
        case "nat": {
          const translated = this.act(rule, direction, now);
          if (!translated) return undefined;
          now = translated;
          if (
            this.kernel.sysctl.get("net.inet.ip.fw.one_pass", { jail: this.vnet.jail, vnet: this.vnet }) ===
            "1"
          )
            return now;
          continue;
        }
        default:
          return this.act(rule, direction, now);
      }
    }
    return undefined;
  }

  snapshot(): object {
    return {
      rules: this.rules.map(({ packets: _, bytes: __, ...rule }) => rule),
      tables: [...this.tables.values()].map((table) => ({
        ...table,
        entries: Object.fromEntries(table.entries),
      })),
      nats: [...this.nats.values()].map(({ alias: _, modes, ...nat }) => ({ ...nat, modes: [...modes] })),
      disabledSets: [...this.disabledSets].sort((a, b) => a - b),
    };
  }

  private act(rule: IpfwRule, direction: Direction, packet: Packet): Packet | undefined {
    switch (rule.action.kind) {
      case "deny":
      case "reject":
        return undefined;
      case "divert":
        return this.kernel.firewall.divertTo(this.vnet, Number(rule.action.argument), direction, packet);
      case "nat":
        return this.nat(rule.action.argument, direction, packet);
      default:
        return packet;
    }
  }

  /** A rule whose instance is gone drops what it matches, and any rule what is not IPv4 (O_NAT in ip_fw2.c). */
  private nat(argument: string, direction: Direction, packet: Packet): Packet | undefined {
    if (isInet6(packet.src)) return undefined;
    const instances =
      argument === "global"
        ? [...this.nats.values()]
        : [this.nats.get(Number(argument))].filter((nat) => nat !== undefined);
    const [first] = instances;
    if (!first) return undefined;
    if (direction === "out") return first.alias.out(packet);
    for (const nat of instances) {
      const translated = nat.alias.in(packet);
      if (translated !== packet) return translated;
    }
    return packet;
  }

  private count(rule: IpfwRule): void {
    rule.packets++;
    rule.bytes += packetBytes;
  }

  private nextNumber(): number {
    const last = this.rules.at(-2)?.number ?? 0;
    const step = Number(
      this.kernel.sysctl.get("net.inet.ip.fw.autoinc_step", { jail: this.vnet.jail, vnet: this.vnet }) ?? 100,
    );
    return last + step < defaultRule ? last + step : last;
  }

  private userRules(): IpfwRule[] {
    return this.rules.slice(0, -1);
  }

  private matches(
    rule: RuleBody,
    packet: Packet,
    netif: Interface,
    direction: Direction,
    recv: Interface | undefined,
  ): boolean {
    const six = isInet6(packet.src);
    const protocol = ({ proto }: { proto: string }): boolean =>
      proto === "ip" || (proto === "ip4" ? !six : proto === "ip6" ? six : proto === packet.proto);
    const some = <T extends { not: boolean }>(items: readonly T[], test: (item: T) => boolean): boolean =>
      items.some((item) => test(item) !== item.not);
    if (!rule.justOptions && !some(rule.protos, protocol)) return false;
    if (!some(rule.src, ({ address }) => this.addressMatches(address, packet.src))) return false;
    if (!some(rule.dst, ({ address }) => this.addressMatches(address, packet.dst))) return false;
    if (rule.srcPorts && hasPort(rule.srcPorts.ports, packet.sport) === rule.srcPorts.not) return false;
    if (rule.dstPorts && hasPort(rule.dstPorts.ports, packet.dport) === rule.dstPorts.not) return false;
    return rule.options.every((block) =>
      some(block, (option) => this.optionMatches(option, packet, netif, direction, recv)),
    );
  }

  private addressMatches(address: Address, value: string): boolean {
    switch (address.kind) {
      case "any":
        return true;
      case "me":
        return own(this.vnet, value);
      case "me6":
        return isInet6(value) && own(this.vnet, value);
      case "nets":
        return address.nets.some(([net, prefix]) => within(value, net, prefix));
      case "table": {
        const found = this.lookup(address.name, value);
        return found !== undefined && (address.value === undefined || address.value === found);
      }
    }
  }

  /** The value of the longest prefix that holds `address`. */
  lookup(name: string, address: string): string | undefined {
    let best: { prefix: number; value: string } | undefined;
    for (const [key, value] of this.tables.get(name)?.entries ?? []) {
      const [net = "", prefix = isInet6(net) ? "128" : "32"] = key.split("/");
      if (within(address, net, Number(prefix)) && Number(prefix) >= (best?.prefix ?? 0))
        best = { prefix: Number(prefix), value };
    }
    return best?.value;
  }

  private optionMatches(
    option: Option,
    packet: Packet,
    netif: Interface,
    direction: Direction,
    recv: Interface | undefined,
  ): boolean {
    switch (option.kind) {
      case "in":
        return direction === "in";
      case "via":
        return this.netifMatches(option.netif, netif);
      case "recv":
        return this.netifMatches(option.netif, recv);
      case "xmit":
        return direction === "out" && this.netifMatches(option.netif, netif);
      case "src-ip":
        return this.addressMatches(option.address, packet.src);
      case "dst-ip":
        return this.addressMatches(option.address, packet.dst);
      case "src-port":
        return hasPort(option.ports, packet.sport);
      case "dst-port":
        return hasPort(option.ports, packet.dport);
      case "proto":
        return option.proto === packet.proto;
      case "established":
        return packet.proto === "tcp" && packet.established === true;
      case "setup":
        return packet.proto === "tcp" && packet.established !== true;
      case "icmptypes":
        return packet.proto === "icmp" && option.types.includes(packet.established ? 0 : 8);
      case "frag":
      case "layer2":
        return false;
      case "jail":
      case "other":
        return true;
    }
  }

  private netifMatches(pattern: string, netif: Interface | undefined): boolean {
    if (!netif) return false;
    if (/^\d/.test(pattern)) return netif.addresses.some((inet) => inet.address === pattern);
    const table = /^table\(([^)]+)\)$/.exec(pattern)?.[1];
    if (table !== undefined) return this.tables.get(table)?.entries.has(netif.name) === true;
    if (!/[*?[]/.test(pattern)) return pattern === netif.name;
    const glob = pattern
      .replace(/[.+^${}()|\\]/g, "\\$&")
      .replace(/\*/g, ".*")
      .replace(/\?/g, ".");
    return new RegExp(`^${glob}$`).test(netif.name);
  }
}

/** Names of the tables that a rule refers to. */
function tablesOf(rule: RuleBody): string[] {
  const addresses = [
    ...rule.src.map(({ address }) => address),
    ...rule.dst.map(({ address }) => address),
    ...rule.options.flat().flatMap((option) => ("address" in option ? [option.address] : [])),
  ];
  return addresses.flatMap((address) => (address.kind === "table" ? [address.name] : []));
}
