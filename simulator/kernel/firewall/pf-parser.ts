import type { Vnet } from "../network";
import { isInet6, network, normalAddress } from "./packet";
import { Lexer, PfSyntaxError, type Token } from "./pf-lexer";
import type { Family, PfAction, PfAddress, PfHost, PfPool, PfPorts, PfRule } from "./pf-rule";
import { protocolName, servicePort } from "./services";

export interface PfTable {
  readonly name: string;
  readonly flags: readonly string[];
  readonly addresses: string[];
}

/** One ruleset in the making. */
export interface PfConfig {
  readonly rules: PfRule[];
  readonly tables: PfTable[];
  /** Interfaces or groups of `set skip on`; undefined when the file does not say. */
  skip: string[] | undefined;
  /** Other `set` options, as written. */
  readonly options: Map<string, string>;
  /** `load anchor NAME from FILE`, in order. */
  readonly loads: { readonly anchor: string; readonly file: string }[];
  /** Rulesets written inline: `anchor "x" { … }`. */
  readonly inline: Map<string, PfConfig>;
}

export const emptyConfig = (): PfConfig => ({
  rules: [],
  tables: [],
  skip: undefined,
  options: new Map(),
  loads: [],
  inline: new Map(),
});

interface Ends {
  src: { host: PfHost; ports: PfPorts | undefined }[];
  dst: { host: PfHost; ports: PfPorts | undefined }[];
}

const anyHost: PfHost = { address: { kind: "any" }, not: false };
const everything: Ends = {
  src: [{ host: anyHost, ports: undefined }],
  dst: [{ host: anyHost, ports: undefined }],
};

const stages = ["options", "ethernet", "normalization", "queueing", "translation", "filtering"];
const stateWords = ["keep", "modulate", "synproxy", "no"];
const icmpTypes: Readonly<Record<string, number>> = {
  echorep: 0,
  unreach: 3,
  squench: 4,
  redir: 5,
  echoreq: 8,
  routeradv: 9,
  routersol: 10,
  timex: 11,
  paramprob: 12,
  timereq: 13,
  timerep: 14,
};

/** Reads pf.conf(5). Mistakes are collected as pfctl(8) prints them, and reading goes on behind them. */
export class PfParser {
  readonly config = emptyConfig();
  readonly errors: string[] = [];
  /** What `pfctl -vf` prints: each line as it was understood. */
  readonly echo: string[] = [];
  private readonly macros: Map<string, string>;
  private lexer!: Lexer;
  private name = "";
  private stage = 0;

  constructor(
    private readonly vnet: Vnet,
    /** Text of a file that is included, or undefined when it cannot be read. */
    private readonly read: (path: string) => Promise<string | undefined>,
    macros: ReadonlyMap<string, string> = new Map(),
  ) {
    this.macros = new Map(macros);
  }

  /** `name` stands before the line number in mistakes: the file, or `stdin`. */
  async parse(text: string, name: string): Promise<void> {
    const outer = [this.lexer, this.name] as const;
    this.lexer = new Lexer(text, this.macros);
    this.name = name;
    await this.statements(false);
    [this.lexer, this.name] = outer;
  }

  private async statements(braced: boolean): Promise<void> {
    for (;;) {
      try {
        const token = this.lexer.peek();
        if (token.kind === "newline") {
          this.lexer.next();
          continue;
        }
        if (token.kind === "end") return;
        if (braced && token.text === "}") return;
        await this.statement();
        const end = this.lexer.peek();
        if (braced && end.text === "}") return;
        if (end.kind !== "newline" && end.kind !== "end") this.bad();
      } catch (error) {
        if (!(error instanceof PfSyntaxError)) throw error;
        for (const line of error.before)
          this.errors.push(line.startsWith("macro") ? `${this.name}:${error.line}: ${line}` : line);
        this.errors.push(`${this.name}:${error.line}: ${error.message}`);
        this.lexer.skipLine();
      }
    }
  }

  private async statement(): Promise<void> {
    const first = this.lexer.next();
    if (first.kind !== "word") this.bad(first);
    if (this.lexer.peek().text === "=" && this.lexer.peek().kind === "symbol") return this.macro(first);
    switch (first.text) {
      case "set":
        this.order(0, first);
        return this.option();
      case "table":
        return this.table();
      case "include":
        return this.include();
      case "load":
        return this.load();
      case "antispoof":
        this.order(5, first);
        return this.antispoof();
      case "altq":
      case "queue":
        this.order(3, first);
        throw new PfSyntaxError("syntax error", first.line);
      case "scrub":
        this.order(2, first);
        return this.filter("scrub", false);
      case "pass":
      case "block":
      case "match":
        this.order(5, first);
        return this.filter(first.text, false);
      case "anchor":
        this.order(5, first);
        return this.anchor("pass", first);
      case "nat":
      case "rdr":
      case "binat":
        this.order(4, first);
        return this.translation(first.text, false);
      case "nat-anchor":
      case "rdr-anchor":
      case "binat-anchor":
        this.order(4, first);
        return this.anchor(first.text.replace("-anchor", "") as PfAction, first);
      case "no": {
        const what = this.lexer.next();
        if (what.text === "scrub") {
          this.order(2, what);
          return this.filter("scrub", true);
        }
        if (what.text !== "nat" && what.text !== "rdr" && what.text !== "binat") this.bad(what);
        this.order(4, what);
        return this.translation(what.text, true);
      }
      default:
        this.bad(first);
    }
  }

  private bad(token: Token = this.lexer.peek()): never {
    throw new PfSyntaxError("syntax error", token.line);
  }

  private order(stage: number, token: Token): void {
    if (stage < this.stage && this.config.options.get("require-order") !== "no")
      throw new PfSyntaxError(`Rules must be in order: ${stages.join(", ")}`, token.line);
    this.stage = Math.max(stage, this.stage);
  }

  private macro(name: Token): void {
    this.lexer.next();
    const parts: string[] = [];
    for (;;) {
      const { kind } = this.lexer.peek();
      if (kind !== "word" && kind !== "string" && kind !== "number") break;
      parts.push(this.lexer.next().text);
    }
    if (parts.length === 0) this.bad();
    if (/\s/.test(name.text)) throw new PfSyntaxError("macro name cannot contain whitespace", name.line);
    this.macros.set(name.text, parts.join(" "));
    this.echo.push(`${name.text} = "${parts.join(" ")}"`);
  }

  private option(): void {
    const name = this.word();
    if (name === "skip") {
      this.expect("on");
      const list = this.list(() => this.netifName());
      this.config.skip = [...(this.config.skip ?? []), ...list.map((netif) => netif.name)];
      this.echo.push(`set skip on { ${list.map((netif) => netif.name).join(" ")} }`);
      return;
    }
    const known =
      /^(timeout|limit|optimization|block-policy|ruleset-optimization|loginterface|hostid|state-policy|fingerprints|debug|require-order|state-defaults|fail-policy|keepcounters|reassemble|syncookies|keep_counters)$/;
    if (!known.test(name)) this.bad();
    const words: string[] = [];
    let depth = 0;
    for (;;) {
      const token = this.lexer.peek();
      if (token.kind === "end" || (token.kind === "newline" && depth === 0)) break;
      if (token.text === "{") depth++;
      if (token.text === "}") depth--;
      words.push(this.lexer.next().text);
    }
    if (words.length === 0 && name !== "keepcounters") this.bad();
    if (name === "block-policy" && !/^(drop|return)$/.test(words[0]!)) this.bad();
    this.config.options.set(name, words.join(" "));
    this.echo.push(`set ${name} ${words.join(" ")}`.trimEnd());
  }

  private async include(): Promise<void> {
    const { text, line } = this.lexer.next();
    const content = await this.read(text);
    if (content === undefined)
      throw new PfSyntaxError(`failed to include file ${text}`, line, [
        `pfctl: ${text}: No such file or directory`,
      ]);
    await this.parse(content, text);
  }

  private load(): void {
    this.expect("anchor");
    const anchor = this.lexer.next().text;
    this.expect("from");
    this.config.loads.push({ anchor, file: this.lexer.next().text });
    this.echo.push(`load anchor ${anchor} from "${this.config.loads.at(-1)!.file}"`);
  }

  private async table(): Promise<void> {
    const name = this.tableName();
    const flags: string[] = [];
    const addresses: string[] = [];
    for (;;) {
      const token = this.lexer.peek();
      if (/^(persist|const|counters)$/.test(token.text)) flags.push(this.lexer.next().text);
      else if (token.text === "file") {
        this.lexer.next();
        const file = this.lexer.next();
        const content = await this.read(file.text);
        if (content === undefined)
          throw new PfSyntaxError(`cannot load file ${file.text}: No such file or directory`, file.line);
        addresses.push(...tableFile(content));
      } else if (token.text === "{") {
        for (const { address, not } of this.list(() => this.hosts()).flat())
          if (address.kind === "net") addresses.push(`${not ? "!" : ""}${plainNet(address)}`);
      } else break;
    }
    this.config.tables.push({ name, flags, addresses });
    this.echo.push(
      `table <${name}>${flags.map((flag) => ` ${flag}`).join("")}${addresses.length > 0 ? ` { ${addresses.join(" ")} }` : ""}`,
    );
  }

  private tableName(): string {
    this.expect("<");
    const name = this.word();
    this.expect(">");
    return name;
  }

  private async anchor(action: PfAction, first: Token): Promise<void> {
    let name: string | undefined;
    const token = this.lexer.peek();
    if (
      token.kind === "string" ||
      (token.kind === "word" && !/^(in|out|on|inet6?|proto|from|to|all|quick)$/.test(token.text))
    )
      name = this.lexer.next().text;
    if (this.lexer.peek().text === "/" && name !== undefined) this.bad();
    const match = this.match(action);
    if (this.lexer.peek().text === "{") {
      this.lexer.next();
      name ??= `_${this.config.inline.size + 1}`;
      const inner = new PfParser(this.vnet, this.read, this.macros);
      inner.lexer = this.lexer;
      inner.name = this.name;
      inner.stage = 2;
      await inner.statements(true);
      this.expect("}");
      this.errors.push(...inner.errors);
      this.config.inline.set(name, inner.config);
    }
    if (name === undefined) this.bad(first);
    this.expand(action, match, first, { anchor: name });
  }

  /** `[in|out] [log] [quick] [on X] [route-to …] [inet] [proto P] [all | from X to Y]` */
  private match(action: PfAction) {
    let direction: PfRule["direction"];
    let log: string | undefined;
    let quick = false;
    const token = this.lexer.peek().text;
    if ((token === "in" || token === "out") && !["nat", "rdr", "binat"].includes(action)) {
      direction = token;
      this.lexer.next();
    }
    if (this.skip("log")) {
      log = "log";
      if (this.skip("(")) log = `log (${this.until(")")})`;
    }
    if (this.skip("quick")) quick = true;
    let netifs: { name: string; not: boolean }[] | [undefined] = [undefined];
    if (this.skip("on")) netifs = this.list(() => this.netifName());
    let route: string | undefined;
    if (/^(route-to|reply-to|dup-to)$/.test(this.lexer.peek().text)) {
      const kind = this.word();
      route = this.skip("(") ? `${kind} (${this.until(")")})` : `${kind} ${this.word()}`;
    }
    let family: Family | undefined;
    const next = this.lexer.peek().text;
    if (next === "inet" || next === "inet6") {
      family = next;
      this.lexer.next();
    }
    let protos: (string | undefined)[] = [undefined];
    if (this.skip("proto"))
      protos = this.list(() => {
        const word = this.lexer.next();
        const name = protocolName(word.text);
        if (name === undefined || !/^(word|number)$/.test(word.kind))
          throw new PfSyntaxError(`unknown protocol ${word.text}`, word.line);
        return name;
      });
    return { direction, log, quick, netifs, route, family, protos, ends: this.ends() };
  }

  private ends(): Ends {
    if (this.skip("all")) return everything;
    let { src, dst } = everything;
    if (this.skip("from")) src = this.end();
    if (this.skip("to")) dst = this.end();
    return { src, dst };
  }

  private end(): Ends["src"] {
    const hosts = this.lexer.peek().text === "port" ? [anyHost] : this.list(() => this.hosts()).flat();
    let ports: (PfPorts | undefined)[] = [undefined];
    if (this.skip("port")) ports = this.list(() => this.ports());
    // The ports of a list vary faster than its hosts.
    return hosts.flatMap((host) => ports.map((one) => ({ host, ports: one })));
  }

  /** One item of a host list: an interface's name is as many addresses as it has. */
  private hosts(): PfHost[] {
    const not = this.skip("!");
    const token = this.lexer.peek();
    if (token.text === "(" && token.kind === "symbol") {
      this.lexer.next();
      const [netif = "", ...modifiers] = this.word().split(":");
      this.expect(")");
      return [{ address: { kind: "dynamic", netif, modifiers, prefix: this.prefix() }, not }];
    }
    if (token.text === "<") return [{ address: { kind: "table", name: this.tableName() }, not }];
    if (token.kind !== "word" && token.kind !== "string" && token.kind !== "number") this.bad();
    this.lexer.next();
    if (token.text === "any" || token.text === "no-route" || token.text === "urpf-failed") {
      return [{ address: { kind: token.text }, not }];
    }
    if (this.lexer.peek().text === "-") {
      this.lexer.next();
      return [{ address: { kind: "range", from: token.text, to: this.word() }, not }];
    }
    const found = this.resolve(token, this.prefix());
    return found.map((address) => ({ address, not }));
  }

  private prefix(): number | undefined {
    if (!this.skip("/")) return undefined;
    const token = this.lexer.next();
    if (token.kind !== "number") this.bad(token);
    return Number(token.text);
  }

  private resolve({ text, line }: Token, prefix: number | undefined): PfAddress[] {
    const net = (address: string, width = isInet6(address) ? 128 : 32): PfAddress => ({
      kind: "net",
      address: network(address, width),
      prefix: width,
    });
    const plain = normalAddress(text) ?? abbreviated(text, prefix);
    if (plain !== undefined) {
      const bits = isInet6(plain) ? 128 : 32;
      if (prefix !== undefined && prefix > bits) return this.unresolved(`${text}/${prefix}`, line);
      return [net(plain, prefix ?? bits)];
    }
    const [name = "", ...modifiers] = text.split(":");
    const netifs = this.vnet.interfaces.filter(
      (netif) => name === "self" || netif.name === name || netif.groups.includes(name),
    );
    const found = netifs.flatMap((netif) =>
      netif.addresses
        .filter((_, at) => !modifiers.includes("0") || at === 0)
        .map((inet) => net(inet.address, modifiers.includes("network") ? inet.prefix : prefix)),
    );
    if (found.length > 0) return found;
    if (name === "localhost") return [net("127.0.0.1", prefix), net("::1", prefix)];
    return this.unresolved(text, line);
  }

  private unresolved(text: string, line: number): never {
    throw new PfSyntaxError("could not parse host specification", line, [`no IP address found for ${text}`]);
  }

  private ports(): PfPorts {
    const token = this.lexer.peek();
    if (token.kind === "symbol") {
      this.lexer.next();
      if (!/^(=|!=|<|<=|>|>=)$/.test(token.text)) this.bad(token);
      const from = this.port(this.lexer.next());
      return { op: token.text as PfPorts["op"], from, to: 0 };
    }
    this.lexer.next();
    if (token.kind !== "word" && token.kind !== "number") this.bad(token);
    const [low = "", high] = token.text.split(":");
    const from = this.port({ ...token, text: low });
    if (high !== undefined) return { op: "rrg", from, to: this.port({ ...token, text: high }) };
    const range = this.lexer.peek().text;
    if (range !== "><" && range !== "<>") return { op: "=", from, to: 0 };
    this.lexer.next();
    return { op: range === "><" ? "irg" : "xrg", from, to: this.port(this.lexer.next()) };
  }

  private port({ text, line, kind }: Token): number {
    if (kind === "newline" || kind === "end" || text === "") throw new PfSyntaxError("syntax error", line);
    const number = /^\d+$/.test(text) ? Number(text) : servicePort(text);
    if (number === undefined) throw new PfSyntaxError(`unknown port ${text}`, line);
    if (number > 65535) throw new PfSyntaxError(`illegal port value ${text}`, line);
    return number;
  }

  private filter(action: "pass" | "block" | "match" | "scrub", no: boolean): void {
    const first = this.lexer.peek();
    let block = "drop";
    if (action === "block") {
      if (this.config.options.get("block-policy") === "return") block = "return";
      const kind = /^(drop|return|return-rst|return-icmp6?)$/.exec(this.lexer.peek().text)?.[0];
      if (kind !== undefined) {
        this.lexer.next();
        block = kind;
        if (this.skip("(")) block = `${kind}(${this.until(")").replace(/ /g, "")})`;
      }
    }
    const match = this.match(action);
    let flags: string | undefined;
    let state: string | undefined;
    let stateOptions: string | undefined;
    let icmp: (string | undefined)[] = [undefined];
    const rest: string[] = [];
    for (;;) {
      const token = this.lexer.peek();
      if (token.kind === "newline" || token.kind === "end" || token.text === "}") break;
      const word = this.lexer.next().text;
      if (action === "scrub") {
        rest.push(this.scrubOption(word));
      } else if (word === "flags") {
        flags = this.flags();
      } else if (stateWords.includes(word)) {
        this.expect("state");
        state = `${word} state`;
        if (this.skip("(")) stateOptions = this.until(")");
      } else if (word === "icmp-type" || word === "icmp6-type") {
        icmp = this.list(() => this.icmpType(word));
      } else if (
        /^(label|tag|tagged|queue|user|group|rtable|tos|probability|ridentifier|max-pkt-rate|prio|received-on|divert-to|once|allow-opts|fragment|dnpipe|dnqueue|set)$/.test(
          word,
        )
      ) {
        rest.push(this.filterOption(word));
      } else this.bad(token);
    }
    if (action === "scrub" && !no && rest.length === 0) rest.push("fragment reassemble");
    for (const icmpType of icmp)
      this.expand(action, match, first, { no, block, flags, state, stateOptions, icmpType, rest });
  }

  private flags(): string {
    const token = this.lexer.next();
    if (token.text === "any") return "any";
    if (this.skip("/")) return `${token.text}/${this.word()}`;
    this.bad(token);
  }

  private icmpType(word: string): string {
    const type = this.lexer.next();
    const number = icmpTypes[type.text] ?? Number(type.text);
    if (Number.isNaN(number))
      throw new PfSyntaxError(`unknown ${word.replace("-type", "")} type ${type.text}`, type.line);
    let text = `${word} ${Object.keys(icmpTypes).find((name) => icmpTypes[name] === number) ?? number}`;
    if (this.skip("code")) text += ` code ${this.word()}`;
    return text;
  }

  private scrubOption(word: string): string {
    if (/^(no-df|random-id)$/.test(word)) return word;
    if (word === "reassemble") {
      this.expect("tcp");
      return "reassemble tcp";
    }
    if (word === "fragment") {
      this.expect("reassemble");
      return "fragment reassemble";
    }
    if (/^(min-ttl|max-mss|set-tos)$/.test(word)) return `${word} ${this.word()}`;
    this.bad();
  }

  private filterOption(word: string): string {
    if (word === "once" || word === "allow-opts" || word === "fragment") return word;
    if (word === "label" || word === "ridentifier")
      return `${word} ${word === "label" ? `"${this.word()}"` : this.word()}`;
    if (this.skip("(")) return `${word} (${this.until(")")})`;
    const operator = /^(=|!=|<|>|<=|>=)$/.test(this.lexer.peek().text) ? `${this.lexer.next().text} ` : "";
    const plain = word === "user" || word === "group" ? `= ${this.word()}` : `${operator}${this.word()}`;
    return `${word} ${operator !== "" && plain.startsWith("= ") ? operator + plain.slice(2) : plain}`;
  }

  private translation(action: "nat" | "rdr" | "binat", no: boolean): void {
    const first = this.lexer.peek();
    const pass = this.skip("pass");
    const match = this.match(action);
    const rest: string[] = [];
    while (/^(tag|tagged|rtable)$/.test(this.lexer.peek().text)) rest.push(`${this.word()} ${this.word()}`);
    let pool: PfPool | undefined;
    if (this.skip("->")) pool = this.pool(action, match);
    if (!no && !pool)
      throw new PfSyntaxError(
        this.lexer.peek().kind === "newline" || this.lexer.peek().kind === "end"
          ? `${action} rule requires redirection address`
          : "syntax error",
        first.line,
      );
    if (no && pool) throw new PfSyntaxError("translation rule with 'no' does not need '->'", first.line);
    this.expand(action, match, first, { no, pass, pool, rest });
  }

  private pool(action: PfAction, match: ReturnType<PfParser["match"]>): PfPool {
    const addresses = this.list(() => this.hosts())
      .flat()
      .map((host) => host.address);
    let ports: PfPool["ports"];
    if (this.skip("port")) {
      const token = this.lexer.next();
      if (token.kind !== "word" && token.kind !== "number") this.bad(token);
      const [low = "", high] = token.text.split(":");
      const from = this.port({ ...token, text: low });
      const width = match.ends.dst[0]?.ports;
      // `port 9000:*` is as wide as the range it is mapped from.
      const span = width?.op === "rrg" ? width.to - width.from : 0;
      const to =
        high === "*" ? from + span : high === undefined ? undefined : this.port({ ...token, text: high });
      ports = { from, to: to === from ? undefined : to };
    }
    const options: string[] = [];
    for (;;) {
      const word = this.lexer.peek().text;
      if (
        !/^(round-robin|bitmask|random|source-hash|static-port|sticky-address|map-e-portset|endpoint-independent)$/.test(
          word,
        )
      )
        break;
      this.lexer.next();
      options.push(word);
      if (
        word === "source-hash" &&
        this.lexer.peek().kind === "word" &&
        !/^(sticky-address|static-port)$/.test(this.lexer.peek().text)
      )
        options.push(this.word());
    }
    const [only] = addresses;
    const several =
      addresses.length > 1 ||
      only?.kind === "table" ||
      (only?.kind === "dynamic" && (!only.modifiers.includes("0") || !/\d$/.test(only.netif)));
    const typed = options.some((option) => /^(round-robin|bitmask|random|source-hash)$/.test(option));
    if (several && !typed && action !== "binat") options.unshift("round-robin");
    return { addresses, ports, options };
  }

  /** Every combination of a rule's lists is a rule, the last list varying fastest. */
  private expand(
    action: PfAction,
    match: ReturnType<PfParser["match"]>,
    { line }: Token,
    more: Partial<PfRule>,
  ): void {
    let added = 0;
    for (const netif of match.netifs)
      for (const proto of match.protos)
        for (const src of match.ends.src)
          for (const dst of match.ends.dst) {
            const family = familyOf(match.family, src.host, dst.host, more.pool);
            if (family === "mixed") continue;
            if ((src.ports || dst.ports) && proto !== "tcp" && proto !== "udp" && proto !== "sctp") {
              this.errors.push(`${this.name}:${line}: port only applies to tcp/udp/sctp`);
              continue;
            }
            const rule: PfRule = {
              action,
              anchor: undefined,
              no: false,
              pass: false,
              block: "",
              flags: undefined,
              state: undefined,
              stateOptions: undefined,
              icmpType: undefined,
              rest: [],
              pool: undefined,
              ...more,
              direction: match.direction,
              log: match.log,
              quick: match.quick,
              netif,
              route: match.route,
              family,
              proto,
              src: { ...src.host, ports: src.ports },
              dst: { ...dst.host, ports: dst.ports },
            };
            this.config.rules.push(withDefaults(rule));
            added++;
          }
    if (added === 0) this.errors.push(`${this.name}:${line}: rule expands to no valid combination`);
  }

  private antispoof(): void {
    const first = this.lexer.peek();
    const log = this.skip("log") ? "log" : undefined;
    const quick = this.skip("quick");
    this.expect("for");
    const netifs = this.list(() => this.netifName());
    let family: Family | undefined;
    const word = this.lexer.peek().text;
    if (word === "inet" || word === "inet6") family = this.word() as Family;
    for (const { name } of netifs) {
      const addresses =
        this.vnet.interfaces
          .find((netif) => netif.name === name)
          ?.addresses.filter((inet) => family === undefined || inet.family === family) ?? [];
      const base = {
        direction: "in" as const,
        log,
        quick,
        route: undefined,
        family: undefined,
        protos: [undefined],
      };
      for (const inet of addresses) {
        const net = {
          kind: "net",
          address: network(inet.address, inet.prefix),
          prefix: inet.prefix,
        } as const;
        const ends = { src: [{ host: { address: net, not: false }, ports: undefined }], dst: everything.dst };
        this.expand("block", { ...base, netifs: [{ name, not: true }], ends }, first, { block: "drop" });
      }
      for (const inet of addresses) {
        const own = { kind: "net", address: inet.address, prefix: isInet6(inet.address) ? 128 : 32 } as const;
        const ends = { src: [{ host: { address: own, not: false }, ports: undefined }], dst: everything.dst };
        this.expand("block", { ...base, netifs: [undefined], ends }, first, { block: "drop" });
      }
    }
  }

  /** `one`, or `{ one, two three }` over as many lines as it likes. */
  private list<T>(one: () => T): T[] {
    if (!this.skip("{")) return [one()];
    const items: T[] = [];
    for (;;) {
      while (this.lexer.peek().kind === "newline" || this.lexer.peek().text === ",") this.lexer.next();
      if (this.skip("}")) break;
      items.push(one());
    }
    if (items.length === 0) this.bad();
    return items;
  }

  private netifName(): { name: string; not: boolean } {
    const not = this.skip("!");
    return { name: this.word(), not };
  }

  private word(): string {
    const token = this.lexer.next();
    if (token.kind !== "word" && token.kind !== "string" && token.kind !== "number") this.bad(token);
    return token.text;
  }

  private skip(text: string): boolean {
    const token = this.lexer.peek();
    if (token.text !== text || token.kind === "string") return false;
    this.lexer.next();
    return true;
  }

  private expect(text: string): void {
    if (!this.skip(text)) this.bad();
  }

  /** The words up to `close`, joined by blanks, commas kept as pfctl prints them. */
  private until(close: string): string {
    const words: string[] = [];
    for (;;) {
      const token = this.lexer.next();
      if (token.kind === "newline" || token.kind === "end") this.bad(token);
      if (token.text === close) break;
      words.push(token.text);
    }
    return words.join(" ").replace(/ ,/g, ",");
  }
}

/** A pass rule keeps state, and begins with a SYN, unless it says otherwise. */
function withDefaults(rule: PfRule): PfRule {
  if (rule.action !== "pass" || rule.anchor !== undefined) return rule;
  const state = rule.state ?? "keep state";
  const tcp = rule.proto === undefined || rule.proto === "tcp";
  const flags = rule.flags ?? (tcp && state !== "no state" ? "S/SA" : undefined);
  return { ...rule, state, flags };
}

function familyOf(
  given: Family | undefined,
  src: PfHost,
  dst: PfHost,
  pool: PfPool | undefined,
): Family | undefined | "mixed" {
  let family = given;
  for (const address of [src.address, dst.address, ...(pool?.addresses.slice(0, 1) ?? [])]) {
    const text =
      address.kind === "net" ? address.address : address.kind === "range" ? address.from : undefined;
    if (text === undefined) continue;
    const its = isInet6(text) ? "inet6" : "inet";
    if (family !== undefined && family !== its) return "mixed";
    family = its;
  }
  return family;
}

/** `10/8`, `192.168/16`: only with a prefix. */
function abbreviated(text: string, prefix: number | undefined): string | undefined {
  if (prefix === undefined || !/^\d+(\.\d+){0,2}$/.test(text)) return undefined;
  return normalAddress([...text.split("."), "0", "0", "0"].slice(0, 4).join("."));
}

const plainNet = ({ address, prefix }: { address: string; prefix: number }): string =>
  prefix === (isInet6(address) ? 128 : 32) ? address : `${address}/${prefix}`;

/** Addresses of a table's file: one or more a line, `#` begins a comment. */
export const tableFile = (text: string): string[] =>
  text
    .split("\n")
    .flatMap((line) => line.replace(/#.*/, "").split(/\s+/))
    .filter((word) => word !== "");
