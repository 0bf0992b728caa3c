import { Errno } from "../../command";
import type { Kernel } from "..";
import type { Interface } from "../netif";
import type { Vnet } from "../network";
import { type Direction, isInet6, type Packet, reply, within } from "./packet";
import type { PfConfig, PfTable } from "./pf-parser";
import type { PfAction, PfAddress, PfEnd, PfHost, PfPorts, PfRule } from "./pf-rule";

/** A ruleset: the main one (path ""), or an anchor's. */
export interface Ruleset {
  readonly path: string;
  rules: PfRule[];
  readonly tables: Map<string, PfTable>;
}

/** What loading replaces: `-N` only translations, `-R` only filter rules. */
export type Part = "all" | "nat" | "rules";

export const isTranslation = ({ action }: PfRule): boolean => ["nat", "rdr", "binat"].includes(action);

/** One direction of a state: what its packets become. */
interface State {
  /** The first packet, as it came and as it went on. */
  readonly original: Packet;
  readonly translated: Packet;
  /** What the packets of this direction become. */
  readonly becomes: Packet;
}

interface Verdict {
  readonly rule: PfRule | undefined;
  readonly quick: boolean;
}

/** One network stack's pf(4). */
export class Pf {
  enabled = false;
  /** When it was enabled, on the host's clock. */
  enabledAt = 0;
  skip: string[] = [];
  readonly options = new Map<string, string>();
  searches = 0;
  matches = 0;
  readonly rulesets = new Map<string, Ruleset>([["", { path: "", rules: [], tables: new Map() }]]);
  /** Two entries each: for the packets like the first one, and for their answers. */
  readonly states = new Map<string, State>();
  private turn = 0;

  constructor(
    readonly kernel: Kernel,
    readonly vnet: Vnet,
  ) {}

  enable(): void {
    this.enabled = true;
    this.enabledAt = this.kernel.clock.now();
  }

  /** The ruleset `path`, if it exists: it holds something, something is below it, or a rule calls it. */
  find(path: string): Ruleset | undefined {
    return this.exists(path)
      ? (this.rulesets.get(path) ?? { path, rules: [], tables: new Map() })
      : undefined;
  }

  exists(path: string): boolean {
    return path === "" || this.paths().some((known) => known === path || known.startsWith(`${path}/`));
  }

  /** Names right below `path`, sorted. */
  children(path: string): string[] {
    const prefix = path === "" ? "" : `${path}/`;
    const names = this.paths()
      .filter((known) => known.startsWith(prefix) && known !== path)
      .map((known) => known.slice(prefix.length).split("/")[0]!)
      .filter((name) => name !== "");
    return [...new Set(names)].sort();
  }

  load(path: string, config: PfConfig, part: Part = "all"): void {
    const ruleset = this.rulesets.get(path) ?? { path, rules: [], tables: new Map() };
    const fresh = config.rules.filter((rule) => part === "all" || (part === "nat") === isTranslation(rule));
    const kept =
      part === "all" ? [] : ruleset.rules.filter((rule) => (part === "nat") !== isTranslation(rule));
    ruleset.rules = [...kept, ...fresh];
    for (const table of config.tables)
      ruleset.tables.set(table.name, { ...table, addresses: [...table.addresses] });
    this.rulesets.set(path, ruleset);
    if (path === "" && part === "all") {
      this.skip = config.skip ?? [];
      this.options.clear();
      for (const [name, value] of config.options) this.options.set(name, value);
    }
    for (const [name, inner] of config.inline) this.load(join(path, name), inner);
    this.tidy();
  }

  flush(path: string, which: "nat" | "rules"): void {
    const ruleset = this.rulesets.get(path);
    if (!ruleset) return;
    ruleset.rules = ruleset.rules.filter((rule) => isTranslation(rule) !== (which === "nat"));
    this.tidy();
  }

  /** Returns how many tables went. */
  flushTables(path: string): number {
    const tables = this.rulesets.get(path)?.tables;
    const count = tables?.size ?? 0;
    tables?.clear();
    this.tidy();
    return count;
  }

  /** @throws Errno ESRCH when there is no such table. */
  table(path: string, name: string): PfTable {
    const table = this.rulesets.get(path)?.tables.get(name);
    if (!table) throw new Errno("ESRCH");
    return table;
  }

  /** The table, made when it is not there: `pfctl -t X -T add`. */
  tableFor(path: string, name: string): PfTable {
    const ruleset = this.rulesets.get(path) ?? { path, rules: [], tables: new Map() };
    this.rulesets.set(path, ruleset);
    const table = ruleset.tables.get(name) ?? { name, flags: ["persist"], addresses: [] };
    ruleset.tables.set(name, table);
    return table;
  }

  removeTable(path: string, name: string): void {
    this.table(path, name);
    this.rulesets.get(path)!.tables.delete(name);
    this.tidy();
  }

  skips(netif: Interface): boolean {
    return this.skip.some((name) => name === netif.name || netif.groups.includes(name));
  }

  /** What the rules make of `packet`: the packet, perhaps translated, or undefined when it is dropped. */
  filter(netif: Interface, direction: Direction, packet: Packet): Packet | undefined {
    if (!this.enabled || this.skips(netif)) return packet;
    this.searches++;
    // First packets are always looked at by the rules, even when the same flow was there before.
    const state = packet.established ? this.states.get(stateKey(direction, packet)) : undefined;
    if (state) return state.becomes;
    const kinds: PfAction[] = direction === "in" ? ["rdr", "binat"] : ["nat", "binat"];
    const { packet: translated, rule: translation } = this.translate("", kinds, netif, direction, packet);
    if (translation?.pass) {
      this.remember(direction, packet, translated);
      return translated;
    }
    const { rule } = this.evaluate("", netif, direction, translated);
    if (rule) this.matches++;
    if (rule?.action === "block") return undefined;
    if (translated !== packet || (rule?.state !== undefined && rule.state !== "no state"))
      this.remember(direction, packet, translated);
    return translated;
  }

  snapshot(): object {
    return {
      enabled: this.enabled,
      skip: [...this.skip],
      options: Object.fromEntries(this.options),
      rulesets: [...this.rulesets.values()].map(({ path, rules, tables }) => ({
        path,
        rules: [...rules],
        tables: [...tables.values()].map((table) => ({ ...table, addresses: [...table.addresses] })),
      })),
    };
  }

  /** Answers come from the other side: they go out where the first packet came in. */
  private remember(direction: Direction, original: Packet, translated: Packet): void {
    const state = { original, translated };
    this.states.set(stateKey(direction, original), {
      ...state,
      becomes: { ...translated, established: true },
    });
    const answer = reply(translated);
    const back = direction === "in" ? "out" : "in";
    this.states.set(stateKey(back, answer), { ...state, becomes: reply(original) });
  }

  /** All rulesets there are, by themselves or because a rule calls them. */
  private paths(): string[] {
    const called = [...this.rulesets.values()].flatMap(({ path, rules }) =>
      rules.flatMap(({ anchor }) => (anchor === undefined ? [] : [calledPath(path, anchor)])),
    );
    return [...this.rulesets.keys(), ...called].filter((path) => path !== "");
  }

  /** An anchor that holds nothing is gone. */
  private tidy(): void {
    for (const [path, { rules, tables }] of this.rulesets)
      if (path !== "" && rules.length === 0 && tables.size === 0) this.rulesets.delete(path);
  }

  /** The rulesets that a call of `anchor` from `path` leads to. */
  private targets(path: string, anchor: string): string[] {
    const base = calledPath(path, anchor);
    return anchor.endsWith("*") ? this.children(base).map((name) => join(base, name)) : [base];
  }

  /** The first translation that matches, here or in the anchors that are called. */
  private translate(
    path: string,
    kinds: readonly PfAction[],
    netif: Interface,
    direction: Direction,
    packet: Packet,
  ): { packet: Packet; rule: PfRule | undefined } {
    for (const rule of this.rulesets.get(path)?.rules ?? []) {
      if (!kinds.includes(rule.action)) continue;
      const backwards = rule.action === "binat" && direction === "in";
      if (
        backwards
          ? !this.binatIn(path, rule, netif, packet)
          : !this.ruleMatches(path, rule, netif, direction, packet)
      )
        continue;
      if (rule.anchor !== undefined) {
        for (const target of this.targets(path, rule.anchor)) {
          const inner = this.translate(target, [rule.action], netif, direction, packet);
          if (inner.rule) return inner;
        }
        continue;
      }
      if (rule.no) return { packet, rule };
      const translated = backwards ? this.binatBack(rule, packet) : this.apply(rule, direction, packet);
      return { packet: translated, rule };
    }
    return { packet, rule: undefined };
  }

  private apply(rule: PfRule, direction: Direction, packet: Packet): Packet {
    const { pool } = rule;
    if (!pool) return packet;
    const candidates = pool.addresses.flatMap((address) => this.hostsOf(address, packet));
    if (candidates.length === 0) return packet;
    const address = candidates[this.turn++ % candidates.length]!;
    if (direction === "out") return { ...packet, src: address };
    const low = rule.dst.ports?.from ?? 0;
    const offset =
      rule.dst.ports?.op === "rrg" && pool.ports?.to !== undefined ? (packet.dport ?? low) - low : 0;
    return { ...packet, dst: address, ...(pool.ports ? { dport: pool.ports.from + offset } : {}) };
  }

  /** binat: what arrives for the outer address goes to the inner one. */
  private binatIn(path: string, rule: PfRule, netif: Interface, packet: Packet): boolean {
    if (rule.anchor !== undefined) return this.ruleMatches(path, rule, netif, "in", packet);
    const outer = rule.pool?.addresses.flatMap((address) => this.hostsOf(address, packet)) ?? [];
    return (
      (!rule.netif || nameMatches(rule.netif, netif)) &&
      outer.includes(packet.dst) &&
      this.hostMatches(path, rule.dst, packet.src)
    );
  }

  private binatBack(rule: PfRule, packet: Packet): Packet {
    const [inner] = this.hostsOf(rule.src.address, packet);
    return inner === undefined ? packet : { ...packet, dst: inner };
  }

  /** The last rule that matches, or the first that matches and is `quick`. */
  private evaluate(path: string, netif: Interface, direction: Direction, packet: Packet): Verdict {
    let last: PfRule | undefined;
    for (const rule of this.rulesets.get(path)?.rules ?? []) {
      if (rule.action === "scrub" || rule.action === "match" || isTranslation(rule)) continue;
      if (!this.ruleMatches(path, rule, netif, direction, packet)) continue;
      if (rule.anchor === undefined) {
        last = rule;
        if (rule.quick) return { rule, quick: true };
        continue;
      }
      for (const target of this.targets(path, rule.anchor)) {
        const inner = this.evaluate(target, netif, direction, packet);
        last = inner.rule ?? last;
        if (inner.quick || (rule.quick && inner.rule)) return { rule: last, quick: true };
      }
    }
    return { rule: last, quick: false };
  }

  private ruleMatches(
    path: string,
    rule: PfRule,
    netif: Interface,
    direction: Direction,
    packet: Packet,
  ): boolean {
    if (rule.direction !== undefined && rule.direction !== direction) return false;
    if (rule.netif && !nameMatches(rule.netif, netif)) return false;
    if (rule.family !== undefined && (rule.family === "inet6") !== isInet6(packet.src)) return false;
    if (rule.proto !== undefined && rule.proto !== packet.proto) return false;
    // A pass rule with `flags S/SA` does not take up a connection in the middle.
    if (rule.flags === "S/SA" && packet.proto === "tcp" && packet.established) return false;
    return (
      this.endMatches(path, rule.src, packet.src, packet.sport) &&
      this.endMatches(path, rule.dst, packet.dst, packet.dport)
    );
  }

  private endMatches(path: string, end: PfEnd, address: string, port: number | undefined): boolean {
    return this.hostMatches(path, end, address) && (!end.ports || portMatches(end.ports, port));
  }

  private hostMatches(path: string, { address, not }: PfHost, value: string): boolean {
    return this.addressMatches(path, address, value) !== not;
  }

  private addressMatches(path: string, address: PfAddress, value: string): boolean {
    switch (address.kind) {
      case "any":
        return true;
      case "no-route":
      case "urpf-failed":
        return false;
      case "net":
        return within(value, address.address, address.prefix);
      case "range":
        return within(value, address.from, 0) && address.from <= value && value <= address.to;
      case "dynamic":
        return this.dynamic(address).some(([net, prefix]) => within(value, net, prefix));
      case "table":
        return this.tableMatches(path, address.name, value);
    }
  }

  private tableMatches(path: string, name: string, value: string): boolean {
    const table = this.rulesets.get(path)?.tables.get(name) ?? this.rulesets.get("")?.tables.get(name);
    let best = { prefix: -1, inside: false };
    for (const entry of table?.addresses ?? []) {
      const inside = !entry.startsWith("!");
      const [net = "", prefix] = entry.replace(/^!\s*/, "").split("/");
      const width = Number(prefix ?? (isInet6(net) ? 128 : 32));
      if (width > best.prefix && within(value, net, width)) best = { prefix: width, inside };
    }
    return best.inside;
  }

  private dynamic(address: Extract<PfAddress, { kind: "dynamic" }>): (readonly [string, number])[] {
    return this.vnet.interfaces
      .filter((netif) => netif.name === address.netif || netif.groups.includes(address.netif))
      .flatMap((netif) => netif.addresses.filter((_, at) => !address.modifiers.includes("0") || at === 0))
      .map((inet) => {
        const bits = isInet6(inet.address) ? 128 : 32;
        return [
          inet.address,
          address.modifiers.includes("network") ? inet.prefix : (address.prefix ?? bits),
        ] as const;
      });
  }

  /** Addresses of `packet`'s family that a translation may lead to. */
  private hostsOf(address: PfAddress, packet: Packet): string[] {
    const six = isInet6(packet.src);
    const all =
      address.kind === "net"
        ? [address.address]
        : address.kind === "dynamic"
          ? this.dynamic(address).map(([one]) => one)
          : address.kind === "table"
            ? (this.rulesets.get("")?.tables.get(address.name)?.addresses ?? [])
            : [];
    return all.filter((one) => isInet6(one) === six);
  }
}

const stateKey = (direction: Direction, { proto, src, sport, dst, dport }: Packet): string =>
  `${direction} ${proto} ${src} ${sport ?? 0} ${dst} ${dport ?? 0}`;

export const join = (path: string, name: string): string => (path === "" ? name : `${path}/${name}`);

/** The path that `anchor "name"` means in the ruleset `path`; the `*` of a wildcard left out. */
function calledPath(path: string, anchor: string): string {
  const bare = anchor.replace(/\/?\*$/, "");
  if (bare.startsWith("/")) return bare.slice(1);
  return bare === "" ? path : join(path, bare);
}

const nameMatches = ({ name, not }: { name: string; not: boolean }, netif: Interface): boolean =>
  (name === netif.name || netif.groups.includes(name)) !== not;

function portMatches({ op, from, to }: PfPorts, port: number | undefined): boolean {
  if (port === undefined) return false;
  switch (op) {
    case "=":
      return port === from;
    case "!=":
      return port !== from;
    case "<":
      return port < from;
    case "<=":
      return port <= from;
    case ">":
      return port > from;
    case ">=":
      return port >= from;
    case "irg":
      return port > from && port < to;
    case "xrg":
      return port < from || port > to;
    case "rrg":
      return port >= from && port <= to;
  }
}
