import { maskLength, network, normalAddress, type Ports } from "./packet";
import { protocolName, servicePort } from "./services";

/** A rule that ipfw(8) refuses: the exit status is one of sysexits(3). */
export class IpfwError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export const EX_USAGE = 64;
export const EX_DATAERR = 65;
export const EX_NOHOST = 68;
export const EX_UNAVAILABLE = 69;
export const EX_OSERR = 71;

export interface Action {
  readonly kind:
    | "allow"
    | "deny"
    | "reject"
    | "count"
    | "skipto"
    | "divert"
    | "tee"
    | "nat"
    | "fwd"
    | "pipe"
    | "queue"
    | "check-state"
    | "setfib"
    | "reass"
    | "call"
    | "return"
    | "netgraph"
    | "ngtee"
    | "setdscp";
  /** As it is printed behind the name: a port, a rule number, an address, a reject code. */
  readonly argument: string;
}

/** One address of a match. */
export type Address =
  | { readonly kind: "any" | "me" | "me6" }
  | { readonly kind: "nets"; readonly nets: readonly (readonly [address: string, prefix: number])[] }
  | { readonly kind: "table"; readonly name: string; readonly value: string | undefined };

export interface Not {
  readonly not: boolean;
}

/** Alternatives (`{ a or b }`), nearly always one. */
export type Alternatives<T> = readonly (T & Not)[];

export type Option = Not &
  (
    | { readonly kind: "in" | "frag" | "layer2" | "established" | "setup" }
    | { readonly kind: "via" | "recv" | "xmit"; readonly netif: string }
    | { readonly kind: "src-ip" | "dst-ip"; readonly address: Address }
    | { readonly kind: "src-port" | "dst-port"; readonly ports: Ports }
    | { readonly kind: "proto"; readonly proto: string }
    | { readonly kind: "icmptypes"; readonly types: readonly number[] }
    | { readonly kind: "jail"; readonly jail: string }
    /** Conditions on what the model's packets do not have: printed, always true. */
    | { readonly kind: "other"; readonly text: string }
  );

export interface RuleBody {
  readonly action: Action;
  readonly prob: number | undefined;
  readonly log: string | undefined;
  readonly tag: string | undefined;
  /** Without protocol and addresses: `count // a comment`, `allow in via em0`. */
  readonly justOptions: boolean;
  readonly protos: Alternatives<{ readonly proto: string }>;
  readonly src: Alternatives<{ readonly address: Address }>;
  readonly dst: Alternatives<{ readonly address: Address }>;
  readonly srcPorts: (Not & { readonly ports: Ports }) | undefined;
  readonly dstPorts: (Not & { readonly ports: Ports }) | undefined;
  /** Each element is an or-block. */
  readonly options: readonly (readonly Option[])[];
  /** `keep-state :default`, `limit src-addr 4 :default`, as printed. */
  readonly state: string | undefined;
  readonly comment: string | undefined;
}

export interface ParsedRule extends RuleBody {
  /** 0: the kernel picks one. */
  readonly number: number;
  readonly set: number;
}

const actionNames: Readonly<Record<string, Action["kind"] | "reset" | "unreach" | "comment">> = {
  accept: "allow",
  allow: "allow",
  pass: "allow",
  permit: "allow",
  deny: "deny",
  drop: "deny",
  reject: "reject",
  reset: "reset",
  reset6: "reset",
  unreach: "unreach",
  unreach6: "unreach",
  count: "count",
  skipto: "skipto",
  divert: "divert",
  tee: "tee",
  nat: "nat",
  fwd: "fwd",
  forward: "fwd",
  pipe: "pipe",
  queue: "queue",
  "check-state": "check-state",
  setfib: "setfib",
  reass: "reass",
  call: "call",
  return: "return",
  netgraph: "netgraph",
  ngtee: "ngtee",
  setdscp: "setdscp",
  "//": "comment",
};

const unreachCodes =
  "net host protocol port needfrag srcfail net-unknown host-unknown isolated net-prohib host-prohib tosnet toshost filter-prohib host-precedence precedence-cutoff".split(
    " ",
  );

/** Options with one word behind them that the model keeps as text. */
const otherWithArgument = new Set(
  "icmp6types ipid iplen iptos ipttl ipversion ipver ipprecedence ipoptions tcpflags tcpoptions tcpack tcpseq tcpwin tcpdatalen tcpmss uid gid tagged fib flow-id ext6hdr dscp mac-type lookup".split(
    " ",
  ),
);
const other = new Set(
  "bridged diverted diverted-loopback diverted-output ipsec verrevpath versrcreach antispoof sockarg".split(
    " ",
  ),
);

/** Parses the words behind `ipfw add`. */
export class RuleParser {
  private at = 0;
  private not = false;

  /** A copy: braces that are glued to a word are cut off in place. */
  private readonly words: string[];

  constructor(words: readonly string[]) {
    this.words = [...words];
  }

  /** @throws IpfwError in ipfw(8)'s words. */
  parse(): ParsedRule {
    const number = /^\d/.test(this.peek() ?? "") ? Number.parseInt(this.next(""), 10) : 0;
    let set = 0;
    if (this.skip("set")) {
      const text = this.next("missing set number");
      set = Number.parseInt(text, 10);
      if (!(set >= 0 && set <= 31)) throw new IpfwError(EX_DATAERR, `illegal set ${text}`);
    }
    let prob: number | undefined;
    if (this.peek() === "prob" && this.words.length > this.at + 1) {
      this.at++;
      const text = this.next("");
      prob = Number.parseFloat(text);
      if (!(prob > 0 && prob <= 1)) throw new IpfwError(EX_DATAERR, `illegal match prob. ${text}`);
      if (prob === 1) prob = undefined;
    }
    const action = this.action();
    let log: string | undefined;
    let tag: string | undefined;
    for (;;) {
      if (this.skip("log")) {
        log = "log";
        if (this.skip("logamount")) {
          const amount = Number.parseInt(this.next("logamount requires argument"), 10);
          if (amount < 0) throw new IpfwError(EX_DATAERR, "logamount must be positive");
          if (amount > 0) log = `log logamount ${amount}`;
        }
      } else if (this.peek() === "tag" || this.peek() === "untag") {
        tag = `${this.next("")} ${this.next("missing tag number")}`;
      } else break;
    }
    return { number, set, prob, action, log, tag, ...this.body(action) };
  }

  private action(): Action {
    const word = this.next("missing action");
    const kind = actionNames[word];
    switch (kind) {
      case undefined:
        throw new IpfwError(EX_DATAERR, `invalid action ${word}\n`);
      case "comment":
        this.at--;
        return { kind: "count", argument: "" };
      case "reset":
        return { kind: "reject", argument: word };
      case "reject":
        return { kind: "reject", argument: "reject" };
      case "unreach": {
        const code = this.next("missing reject code");
        const name = unreachCodes[Number(code)] ?? code;
        if (!unreachCodes.includes(name) && Number.isNaN(Number(code)))
          throw new IpfwError(EX_DATAERR, `unknown ICMP unreachable code \`\`${code}''`);
        return { kind: "reject", argument: name === "host" ? "reject" : `${word} ${name}` };
      }
      case "skipto":
      case "call":
      case "pipe":
      case "queue": {
        const text = this.next(`missing ${kind === "call" ? "skipto/call" : "skipto/pipe/queue"} number`);
        if (text !== "tablearg" && !/^\d+$/.test(text))
          throw new IpfwError(EX_DATAERR, `illegal argument for ${word}`);
        return { kind, argument: text };
      }
      case "nat": {
        const text = this.next("missing nat number");
        if (text !== "tablearg" && text !== "global" && !/^[1-9]\d*$/.test(text))
          throw new IpfwError(EX_DATAERR, "illegal argument for nat");
        return { kind, argument: text };
      }
      case "divert":
      case "tee": {
        const text = this.next("missing divert/tee port");
        const port = /^\d+$/.test(text) ? Number(text) : servicePort(text, "divert");
        if (!port || port > 65535) throw new IpfwError(EX_DATAERR, "illegal divert/tee port");
        return { kind, argument: String(port) };
      }
      case "netgraph":
      case "ngtee":
        return { kind, argument: this.next("missing netgraph cookie") };
      case "setfib":
        return { kind, argument: this.next("missing fib number") };
      case "setdscp":
        return { kind, argument: this.next("missing DSCP code") };
      case "fwd": {
        const text = this.next("missing forward address[:port]");
        const [address = "", port] = normalAddress(text) ? [text] : text.split(/[:,]/);
        if (address !== "tablearg" && !normalAddress(address))
          throw new IpfwError(EX_DATAERR, `hostname \`\`${address}'' unknown`);
        return { kind, argument: port === undefined ? address : `${address},${portNumber(port) ?? port}` };
      }
      case "check-state": {
        const name = this.peek()?.startsWith(":") ? this.next("") : ":default";
        return { kind, argument: name };
      }
      default:
        return { kind, argument: "" };
    }
  }

  private body(action: Action): Omit<ParsedRule, "number" | "set" | "prob" | "action" | "log" | "tag"> {
    const bare = {
      protos: [],
      src: [{ address: { kind: "any" }, not: false }],
      dst: [{ address: { kind: "any" }, not: false }],
      srcPorts: undefined,
      dstPorts: undefined,
    } as const;
    if (action.kind === "check-state") return { justOptions: true, ...bare, ...this.options(undefined) };
    const protos = this.protocols();
    if (!protos) return { justOptions: true, ...bare, ...this.options(undefined) };
    const proto = protos[0]?.proto;
    if (!this.skip("from")) throw new IpfwError(EX_USAGE, "missing ``from''");
    const src = this.addresses("missing source address");
    const srcPorts = this.ports(proto);
    if (!this.skip("to")) throw new IpfwError(EX_USAGE, "missing ``to''");
    const dst = this.addresses("missing dst address");
    const dstPorts = this.ports(proto);
    const { options, ...rest } = this.options(proto);
    // The kernel's bytecode is the same for both spellings: `dst-port` is printed behind the address.
    const [lone] = options[0] ?? [];
    if (!dstPorts && options[0]?.length === 1 && lone?.kind === "dst-port")
      return {
        justOptions: false,
        protos,
        src,
        dst,
        srcPorts,
        dstPorts: lone,
        options: options.slice(1),
        ...rest,
      };
    return { justOptions: false, protos, src, dst, srcPorts, dstPorts, options, ...rest };
  }

  /** Undefined when what comes next is no protocol: a rule of options only. */
  private protocols(): RuleBody["protos"] | undefined {
    const start = this.at;
    const protos = this.orBlock(() => {
      const word = this.next("missing protocol");
      const proto = /^(ip|all)$/.test(word)
        ? "ip"
        : /^(ip4|ipv4)$/.test(word)
          ? "ip4"
          : /^(ip6|ipv6)$/.test(word)
            ? "ip6"
            : /^0$/.test(word)
              ? "ip"
              : protocolName(word);
      return proto === undefined ? undefined : { proto };
    });
    if (protos.every((proto) => proto !== undefined)) return protos as RuleBody["protos"];
    if (protos.length > 1)
      throw new IpfwError(EX_DATAERR, `invalid protocol \`\`${this.words[this.at - 1]}''`);
    this.at = start;
    return undefined;
  }

  private addresses(missing: string): RuleBody["src"] {
    return this.orBlock(() => ({ address: parseIpfwAddress(this.next(missing)) }));
  }

  /** `{ a or not b }`, or just one. */
  private orBlock<T extends object>(one: () => T | undefined): (T & Not)[] {
    const open = this.open();
    const found: (T & Not)[] = [];
    do {
      const not = this.skip("not");
      const item = one();
      if (item === undefined) return [undefined as unknown as T & Not];
      found.push({ ...item, not });
    } while (open && this.skip("or"));
    if (open && !this.close()) throw new IpfwError(EX_USAGE, 'missing ")"\n');
    return found;
  }

  private open(): boolean {
    const word = this.peek();
    if (!word || !/^[({]/.test(word)) return false;
    if (word.length === 1) this.at++;
    else this.words[this.at] = word.slice(1);
    return true;
  }

  private close(): boolean {
    return this.skip(")") || this.skip("}");
  }

  private ports(proto: string | undefined): RuleBody["srcPorts"] {
    const start = this.at;
    const not = this.skip("not");
    const ports = parsePorts(this.peek() ?? "", proto);
    if (!ports) {
      this.at = start;
      return undefined;
    }
    this.at++;
    return { ports, not };
  }

  private options(proto: string | undefined): Pick<RuleBody, "options" | "state" | "comment"> {
    const options: Option[][] = [];
    let state: string | undefined;
    let open = false;
    let alternative = false;
    while (this.peek() !== undefined) {
      const opened = this.open();
      if (opened) {
        if (open) throw new IpfwError(EX_USAGE, 'nested "(" not allowed\n');
        open = true;
      }
      if (open && this.close()) {
        open = false;
        continue;
      }
      const word = this.next("");
      if (word === "//") {
        const comment = this.words.slice(this.at).join(" ");
        this.at = this.words.length;
        return { options, state, comment };
      }
      if (word === "not") {
        if (this.not) throw new IpfwError(EX_USAGE, 'double "not" not allowed\n');
        this.not = true;
        continue;
      }
      if (word === "or") {
        if (!open || options.length === 0) throw new IpfwError(EX_USAGE, 'invalid "or" block\n');
        alternative = true;
        continue;
      }
      if (word === "keep-state" || word === "record-state" || word === "limit" || word === "set-limit") {
        if (state !== undefined)
          throw new IpfwError(EX_USAGE, "only one of keep-state and limit is allowed\n");
        state = this.stateOption(word);
        continue;
      }
      const option = this.option(word, proto);
      this.not = false;
      if (!option) continue;
      if (alternative) options[options.length - 1]!.push(option);
      else options.push([option]);
      alternative = false;
    }
    if (open) throw new IpfwError(EX_USAGE, 'missing ")"\n');
    return { options, state, comment: undefined };
  }

  private stateOption(word: string): string {
    let text = word;
    if (word === "limit" || word === "set-limit") {
      const masks: string[] = [];
      while (/^(all|src-addr|dst-addr|src-port|dst-port)$/.test(this.peek() ?? "")) masks.push(this.next(""));
      const count = this.peek();
      if (masks.length === 0 || count === undefined)
        throw new IpfwError(EX_USAGE, "limit needs mask and # of connections");
      if (!/^\d+$/.test(count)) throw new IpfwError(EX_USAGE, `${word} needs mask and # of connections`);
      text = `${word} ${masks.join(" ")} ${Number(this.next(""))}`;
    }
    const flow = this.peek()?.startsWith(":") ? this.next("") : ":default";
    return `${text} ${flow}`;
  }

  private option(word: string, proto: string | undefined): Option | undefined {
    const not = this.not;
    switch (word) {
      case "in":
        return { kind: "in", not };
      case "out":
        return { kind: "in", not: !not };
      case "established":
      case "estab":
        return { kind: "established", not };
      case "setup":
        return { kind: "setup", not };
      case "frag":
        return { kind: "frag", not };
      case "layer2":
        return { kind: "layer2", not };
      case "via":
      case "recv":
      case "xmit": {
        const netif = this.next("recv, xmit, via require interface name or address");
        if (/^\d/.test(netif) && !normalAddress(netif))
          throw new IpfwError(EX_DATAERR, `bad ip address \`\`${netif}''`);
        return netif === "any" ? undefined : { kind: word, netif, not };
      }
      case "src-ip":
      case "dst-ip":
      case "src-ip6":
      case "dst-ip6":
      case "src-ipv6":
      case "dst-ipv6":
        return {
          kind: word.startsWith("src") ? "src-ip" : "dst-ip",
          address: parseIpfwAddress(
            this.next(`missing ${word.startsWith("src") ? "source" : "destination"} IP`),
          ),
          not,
        };
      case "src-port":
      case "dst-port": {
        const text = this.next(`missing ${word.startsWith("src") ? "source" : "destination"} port`);
        const ports = parsePorts(text, proto);
        if (!ports)
          throw new IpfwError(
            EX_DATAERR,
            `invalid ${word.startsWith("src") ? "source" : "destination"} port ${text}`,
          );
        return { kind: word, ports, not };
      }
      case "proto": {
        const text = this.next("missing protocol");
        const name = protocolName(text);
        if (name === undefined) throw new IpfwError(EX_DATAERR, `invalid protocol \`\`${text}''`);
        return { kind: "proto", proto: name, not };
      }
      case "icmptypes":
      case "icmptype": {
        const text = this.next("icmptypes requires list of types");
        const types = text.split(",").map(Number);
        if (types.some((type) => !(type >= 0 && type < 32)))
          throw new IpfwError(EX_DATAERR, "ICMP type out of range");
        return { kind: "icmptypes", types: types.sort((a, b) => a - b), not };
      }
      case "jail":
        return { kind: "jail", jail: this.next("jail requires argument"), not };
      default:
        if (other.has(word)) return { kind: "other", text: word, not };
        if (otherWithArgument.has(word))
          return { kind: "other", text: `${word} ${this.next(`${word} requires argument`)}`, not };
        throw new IpfwError(EX_USAGE, `unrecognised option [-1] ${word}\n`);
    }
  }

  private peek(): string | undefined {
    return this.words[this.at];
  }

  private skip(word: string): boolean {
    if (this.peek() !== word) return false;
    this.at++;
    return true;
  }

  private next(missing: string): string {
    const word = this.peek();
    if (word === undefined) throw new IpfwError(EX_USAGE, missing);
    this.at++;
    // A closing brace may be glued to the last word of an or-block.
    if (word.length > 1 && /[)}]$/.test(word) && !/[({]/.test(word)) {
      this.at--;
      this.words[this.at] = word.slice(-1);
      return word.slice(0, -1);
    }
    return word;
  }
}

const portNumber = (text: string, proto?: string): number | undefined => {
  if (/^\d+$/.test(text)) return Number(text) <= 65535 ? Number(text) : undefined;
  return servicePort(text, proto === "tcp" || proto === "udp" ? proto : undefined);
};

/** `22`, `22,80`, `1000-2000`, `ssh`; undefined for what is no list of ports. */
export function parsePorts(text: string, proto?: string): Ports | undefined {
  const ranges: [number, number][] = [];
  for (const part of text.split(",")) {
    const whole = portNumber(part, proto);
    if (whole !== undefined) {
      ranges.push([whole, whole]);
      continue;
    }
    const [low = "", high, more] = part.split("-");
    const from = portNumber(low, proto);
    const to = high === undefined ? undefined : portNumber(high, proto);
    if (from === undefined || to === undefined || more !== undefined) return undefined;
    ranges.push([from, to]);
  }
  return ranges;
}

/** @throws IpfwError EX_NOHOST for a name nobody knows, EX_DATAERR for a bad mask. */
export function parseIpfwAddress(text: string): Address {
  if (text === "any" || text === "any6") return { kind: "any" };
  if (text === "me" || text === "me6") return { kind: text };
  const table = /^table\(([^,)]+)(?:,([^)]*))?\)$/.exec(text);
  if (table) return { kind: "table", name: table[1]!, value: table[2] };
  const nets = text.split(",").map(parseNet);
  if (nets.some(([, prefix]) => prefix === 0)) return { kind: "any" };
  return { kind: "nets", nets };
}

function parseNet(text: string): readonly [string, number] {
  const [, host = text, separator, mask = ""] =
    /^([^/]+)(\/)(.*)$/.exec(text) ?? /^(\d+\.\d+\.\d+\.\d+)(:)(.*)$/.exec(text) ?? [];
  const address = host === "localhost" ? "127.0.0.1" : normalAddress(host);
  if (address === undefined) throw new IpfwError(EX_NOHOST, `hostname \`\`${host}'' unknown`);
  const bits = address.includes(":") ? 128 : 32;
  if (separator === undefined) return [address, bits];
  const prefix = separator === ":" || mask.includes(".") ? maskLength(mask) : Number(mask);
  if (separator === ":" && prefix === undefined) throw new IpfwError(EX_DATAERR, `bad netmask \`\`${mask}''`);
  if (prefix === undefined || !(prefix >= 0 && prefix <= bits))
    throw new IpfwError(EX_DATAERR, `bad width \`\`${mask}''`);
  return [network(address, prefix), prefix];
}

const not = (item: Not): string => (item.not ? "not " : "");

function alternatives<T extends Not>(items: readonly T[], one: (item: T) => string): string {
  const texts = items.map((item) => `${not(item)}${one(item)}`);
  return texts.length > 1 ? `{ ${texts.join(" or ")} }` : (texts[0] ?? "");
}

const formatPorts = (ports: Ports): string =>
  ports.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(",");

function formatIpfwAddress(address: Address): string {
  if (address.kind === "table")
    return `table(${address.name}${address.value === undefined ? "" : `,${address.value}`})`;
  if (address.kind !== "nets") return address.kind;
  return address.nets
    .map(([net, prefix]) => (prefix === (net.includes(":") ? 128 : 32) ? net : `${net}/${prefix}`))
    .join(",");
}

function formatOption(option: Option): string {
  switch (option.kind) {
    case "via":
    case "recv":
    case "xmit":
      return `${option.kind} ${option.netif}`;
    case "src-ip":
    case "dst-ip":
      return `${option.kind} ${formatIpfwAddress(option.address)}`;
    case "src-port":
    case "dst-port":
      return `${option.kind} ${formatPorts(option.ports)}`;
    case "proto":
      return `proto ${option.proto}`;
    case "icmptypes":
      return `icmptypes ${option.types.join(",")}`;
    case "jail":
      return `jail ${option.jail}`;
    case "other":
      return option.text;
    default:
      return option.kind;
  }
}

function formatOptionBlock(block: readonly Option[]): string {
  const [only] = block;
  // `out` is `not in` in the kernel.
  if (block.length === 1 && only?.kind === "in") return only.not ? "out" : "in";
  return alternatives(block, formatOption);
}

/** The rule as `ipfw list` prints it, behind its number; `compact` (-c) leaves out what matches anything. */
export function formatRule(rule: RuleBody, compact = false): string {
  const { action } = rule;
  const words: string[] = [];
  if (rule.prob !== undefined) words.push(`prob ${rule.prob.toFixed(6)}`);
  words.push(
    action.kind === "reject"
      ? action.argument
      : [action.kind, action.argument].filter((word) => word !== "").join(" "),
  );
  if (rule.log !== undefined) words.push(rule.log);
  if (rule.tag !== undefined) words.push(rule.tag);
  const everything = [...rule.src, ...rule.dst].every(
    ({ address, not: inverted }) => address.kind === "any" && !inverted,
  );
  if (!rule.justOptions) {
    const proto = alternatives(rule.protos, (item) => item.proto);
    if (!(compact && everything && proto === "ip" && !rule.srcPorts && !rule.dstPorts)) {
      words.push(
        proto,
        "from",
        alternatives(rule.src, (item) => formatIpfwAddress(item.address)),
      );
      if (rule.srcPorts) words.push(`${not(rule.srcPorts)}${formatPorts(rule.srcPorts.ports)}`);
      words.push(
        "to",
        alternatives(rule.dst, (item) => formatIpfwAddress(item.address)),
      );
      if (rule.dstPorts) words.push(`${not(rule.dstPorts)}${formatPorts(rule.dstPorts.ports)}`);
    }
  }
  words.push(...rule.options.map(formatOptionBlock));
  if (rule.state !== undefined) words.push(rule.state);
  if (rule.comment !== undefined) words.push(`// ${rule.comment}`);
  return words.join(" ");
}
