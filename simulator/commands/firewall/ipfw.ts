import type { Io, Result } from "../../command";
import type { Mode, Redirect } from "../../kernel/firewall/alias";
import { defaultRule, type Ipfw, type IpfwRule, type NatInstance } from "../../kernel/firewall/ipfw";
import {
  EX_DATAERR,
  EX_NOHOST,
  EX_OSERR,
  EX_UNAVAILABLE,
  EX_USAGE,
  formatRule,
  IpfwError,
  RuleParser,
} from "../../kernel/firewall/ipfw-rule";
import {
  BadRedirect,
  formatRedirect,
  redirectAddress,
  redirectPort,
  redirectProto,
} from "../../kernel/firewall/redirect";
import { parseAddress } from "../../kernel/inet";
import { reason } from "../../kernel/vfs";
import { type Program, program } from "../network/program";
import { tableCommand } from "./ipfw-table";

interface Flags {
  counters: boolean;
  compact: boolean;
  dynamic: boolean;
  force: boolean;
  test: boolean;
  quiet: boolean;
  sets: boolean;
}

/** One run of ipfw(8), or one line of a file of commands. */
export interface Session {
  readonly self: Program;
  readonly io: Io;
  readonly flags: Flags;
  /** The stack's ipfw, undefined while the module is not loaded. */
  readonly ipfw: Ipfw | undefined;
}

const usage = 'usage: ipfw [options]\ndo "ipfw -h" or "man ipfw" for details';

/** ipfw(8) */
export const ipfw = async (args: readonly string[], io: Io): Promise<Result> => {
  const file = args.at(-1);
  // A last argument that is an absolute path is a file of commands.
  if (file?.startsWith("/")) return fileOfCommands(args.slice(0, -1), file, io);
  return command("ipfw", args, io);
};

async function fileOfCommands(options: readonly string[], path: string, io: Io): Promise<Result> {
  let text: string;
  try {
    text = await io.fs.readFile(path);
  } catch (error) {
    const cause = reason(error);
    return { stdout: "", stderr: `ipfw: fopen: ${path}: ${cause}\n`, status: EX_UNAVAILABLE };
  }
  const all: Result = { stdout: "", stderr: "", status: 0 };
  for (const [at, line] of text.split("\n").entries()) {
    const words = line
      .replace(/#.*/, "")
      .replace(/,\s+/g, ",")
      .split(/\s+/)
      .filter((word) => word !== "");
    if (words.length === 0) continue;
    const result = await command(`Line ${at + 1}`, [...options, ...words], io);
    all.stdout += result.stdout;
    all.stderr += result.stderr;
    // The first mistake ends it; the lines before it are in force.
    if (result.status !== 0) return { ...all, status: result.status };
  }
  return all;
}

const command = (name: string, args: readonly string[], io: Io): Result | Promise<Result> =>
  program(name, (self) => {
    try {
      run(self, args, io);
    } catch (error) {
      if (error instanceof IpfwError) self.errx(error.status, error.message);
      throw error;
    }
  })(args, io);

function run(self: Program, args: readonly string[], io: Io): void {
  const flags: Flags = {
    counters: false,
    compact: false,
    dynamic: false,
    // Nobody is asked: standard input is not a terminal.
    force: true,
    test: false,
    quiet: false,
    sets: false,
  };
  const words = joined(args.length === 1 ? args[0]!.split(/\s+/).filter((word) => word !== "") : args);
  while (words[0]?.startsWith("-") && words[0] !== "-") option(self, words.shift()!, words, flags);
  if (args.length === 0) {
    throw new IpfwError(EX_USAGE, usage);
  }
  if (words.length === 0) throw new IpfwError(EX_USAGE, "bad arguments, for usage summary ``ipfw''");
  const session = { self, io, flags, ipfw: io.kernel.firewall.ipfw(io.who.vnet) };
  // Root of a jail may configure the stack that is the jail's own.
  if (!flags.test && (io.who.uid !== 0 || (io.who.jail && !io.who.jail.vnet)))
    throw new IpfwError(EX_UNAVAILABLE, "socket: Operation not permitted");
  // `ipfw 100 add …` is an old spelling of `ipfw add 100 …`.
  if (words.length > 1 && /^\d/.test(words[0]!)) words.splice(0, 2, words[1]!, words[0]!);
  dispatch(session, words);
}

/** An argument that ends in a comma goes on in the next one. */
function joined(args: readonly string[]): string[] {
  const words: string[] = [];
  for (const arg of args) {
    if (words.at(-1)?.endsWith(",")) words.push(words.pop() + arg);
    else words.push(arg);
  }
  return words;
}

function option(self: Program, word: string, rest: string[], flags: Flags): void {
  for (const letter of word.slice(1)) {
    switch (letter) {
      case "a":
        flags.counters = true;
        break;
      case "b":
      case "c":
        flags.compact = true;
        break;
      case "d":
      case "D":
        flags.dynamic = true;
        break;
      case "f":
        flags.force = true;
        break;
      case "n":
        flags.test = true;
        break;
      case "q":
        flags.quiet = true;
        break;
      case "S":
        flags.sets = true;
        break;
      case "s":
        rest.shift();
        break;
      case "e":
      case "i":
      case "N":
      case "t":
      case "T":
      case "v":
        break;
      case "p":
        throw new IpfwError(EX_USAGE, "An absolute pathname must be used with -p option.");
      default:
        self.warnx(`illegal option -- ${letter}`);
        throw new IpfwError(EX_USAGE, usage);
    }
  }
}

function dispatch(session: Session, words: string[]): void {
  let set: number | undefined;
  if (words[0] === "nat") {
    nat(session, words.slice(1));
    return;
  }
  if (words[0] === "set") {
    if (!/^\d/.test(words[1] ?? "")) {
      sets(session, words.slice(1));
      return;
    }
    set = Number(words[1]);
    if (!(set >= 0 && set <= 31)) throw new IpfwError(EX_DATAERR, `invalid set number ${words[1]}\n`);
    words.splice(0, 2);
  }
  const [verb, ...rest] = words;
  switch (verb) {
    case undefined:
      throw new IpfwError(EX_USAGE, "missing command");
    case "add":
      if (set === undefined) {
        add(session, rest);
        return;
      }
      break;
    case "delete":
      remove(session, rest, set);
      return;
    case "flush":
      flush(session, set);
      return;
    case "list":
    case "print":
      list(session, rest, set, session.flags.counters);
      return;
    case "show":
      list(session, rest, set, true);
      return;
    case "zero":
    case "resetlog":
      zero(session, rest, set, verb);
      return;
    case "table":
      if (set === undefined) {
        tableCommand(session, rest);
        return;
      }
      break;
    case "enable":
    case "disable":
      toggle(session, rest, verb === "enable");
      return;
    case "pipe":
    case "queue":
    case "sched":
      if (!session.io.kernel.modules.has("dummynet"))
        throw new IpfwError(1, "setsockopt(IP_DUMMYNET_GET): Protocol not available");
      return;
  }
  throw new IpfwError(EX_USAGE, `bad command \`${verb}'`);
}

function add({ self, flags, ipfw: loaded }: Session, words: readonly string[]): void {
  const parsed = new RuleParser(words).parse();
  const print = (rule: Pick<IpfwRule, "number" | "set">): void => {
    const set = flags.sets ? `set ${rule.set} ` : "";
    if (!flags.quiet)
      self.print(`${String(rule.number).padStart(5, "0")} ${set}${formatRule(parsed, flags.compact)}\n`);
  };
  if (flags.test) {
    print(parsed);
    return;
  }
  if (!loaded) throw new IpfwError(EX_UNAVAILABLE, "getsockopt(IP_FW_XADD): Protocol not available");
  print(
    self.attempt(
      () => loaded.add(parsed),
      (error) => `getsockopt(IP_FW_XADD): ${error.message}`,
      EX_UNAVAILABLE,
    ),
  );
}

function remove(session: Session, words: readonly string[], onlySet: number | undefined): void {
  const { self, flags, ipfw: loaded } = session;
  const rest = [...words];
  if (rest[0] === "set") {
    // ipfw_delete() in ipfw2.c
    if (onlySet !== undefined) throw new IpfwError(EX_DATAERR, "invalid syntax");
    const set = Number(rest[1]);
    if (!(set >= 0 && set <= 31)) throw new IpfwError(EX_DATAERR, `illegal set number ${rest[1] ?? ""}`);
    if (flags.test) return;
    needed(session, `rule ${set}: setsockopt(IP_FW_XDEL)`).delete((rule) => rule.set === set);
    return;
  }
  for (const word of rest) {
    const [, from, to = from] = /^(\d+)(?:-(\d+))?$/.exec(word) ?? [];
    // What is no number ends the list, as isdigit(3) sees it.
    if (from === undefined || to === undefined) break;
    if (flags.test) continue;
    if (!loaded) {
      self.warnx(`rule ${from}: setsockopt(IP_FW_XDEL): Protocol not available`);
      continue;
    }
    // ipfw_match_range() in ip_fw_sockopt.c: without a set in all of them, 31 too unless it is for all numbers (0).
    const all = Number(from) === 0 && Number(to) === 0;
    const gone = loaded.delete(
      ({ number, set }) =>
        (all ? set !== 31 : number >= Number(from) && number <= Number(to)) &&
        (onlySet === undefined || set === onlySet),
    );
    if (gone > 0 || flags.quiet) continue;
    self.warnx(from === to ? `rule ${Number(from)} not found` : `no rules rules in ${from}-${to} range`);
  }
}

/** The stack's ipfw; without the module the program ends as its socket option fails. */
export function needed({ self, ipfw: loaded }: Session, call: string, status = EX_UNAVAILABLE): Ipfw {
  return loaded ?? self.errx(status, `${call}: Protocol not available`);
}

function flush(session: Session, set: number | undefined): void {
  if (session.flags.test) return;
  needed(session, "setsockopt(IP_FW_XDEL)").delete((rule) =>
    set === undefined ? rule.set !== 31 : rule.set === set,
  );
  if (!session.flags.quiet) session.self.print("Flushed all rules.\n");
}

function zero(
  session: Session,
  words: readonly string[],
  set: number | undefined,
  verb: "zero" | "resetlog",
): void {
  const { self, flags } = session;
  if (flags.test) return;
  const loaded = needed(session, `setsockopt(IP_FW_X${verb.toUpperCase()})`);
  const clear = (rules: readonly IpfwRule[]): void => {
    if (verb === "resetlog") return;
    for (const rule of rules) {
      rule.packets = 0;
      rule.bytes = 0;
    }
  };
  if (words.length === 0) {
    clear(loaded.rules.filter((rule) => set === undefined || rule.set === set));
    if (!flags.quiet) self.print(verb === "zero" ? "Accounting cleared.\n" : "Logging counts reset.\n");
    return;
  }
  for (const word of words) {
    const number = Number(word);
    if (!Number.isInteger(number)) throw new IpfwError(EX_USAGE, `invalid rule number ${word}`);
    const rules = loaded.rules.filter((rule) => rule.number === number);
    if (rules.length === 0)
      throw new IpfwError(
        EX_UNAVAILABLE,
        `rule ${number}: setsockopt(IP_FW_X${verb.toUpperCase()}): Invalid argument`,
      );
    clear(rules);
    if (!flags.quiet)
      self.print(verb === "zero" ? `Entry ${number} cleared.\n` : `Entry ${number} logging count reset.\n`);
  }
}

function list(
  { self, flags, ipfw: loaded }: Session,
  words: readonly string[],
  set: number | undefined,
  counters: boolean,
): void {
  if (flags.test) {
    self.warn("Testing only, list disabled\n");
    return;
  }
  if (!loaded) throw new IpfwError(EX_OSERR, "retrieving config failed: Protocol not available");
  const shown = loaded.rules.filter(
    (rule) => (set === undefined || rule.set === set) && (flags.sets || !loaded.disabledSets.has(rule.set)),
  );
  const widths = {
    packets: Math.max(...loaded.rules.map((rule) => String(rule.packets).length)),
    bytes: Math.max(...loaded.rules.map((rule) => String(rule.bytes).length)),
  };
  const print = (rule: IpfwRule): void => {
    const disabled = loaded.disabledSets.has(rule.set) ? "# DISABLED " : "";
    const counts = counters
      ? `${String(rule.packets).padStart(widths.packets)} ${String(rule.bytes).padStart(widths.bytes)} `
      : "";
    const inSet = flags.sets ? `set ${rule.set} ` : "";
    const number = String(rule.number).padStart(5, "0");
    self.print(`${disabled}${number} ${counts}${inSet}${formatRule(rule, flags.compact)}\n`);
  };
  if (words.length === 0) {
    for (const rule of shown) print(rule);
    if (flags.dynamic && loaded.states.size > 0) self.print(`## Dynamic rules (${loaded.states.size}):\n`);
    return;
  }
  let status = 0;
  for (const word of words) {
    const [, from, to = from] = /^(\d+)(?:-(\d+))?$/.exec(word) ?? [];
    if (from === undefined || to === undefined) {
      status = EX_USAGE;
      self.warnx(`invalid rule number: ${word}`);
      continue;
    }
    const rules = shown.filter(({ number }) => number >= Number(from) && number <= Number(to));
    for (const rule of rules) print(rule);
    if (rules.length > 0) continue;
    if (status === 0) status = EX_UNAVAILABLE;
    self.warnx(from === to ? `rule ${Number(from)} does not exist` : `no rules in range ${from}-${to}`);
  }
  if (status !== 0) self.exit(status);
}

function sets(session: Session, words: string[]): void {
  const { self, flags } = session;
  const [verb, ...rest] = words;
  const setNumber = (text: string | undefined, what: string): number => {
    if (text === undefined || !/^\d+$/.test(text) || Number(text) > 31)
      throw new IpfwError(EX_DATAERR, `${what} ${text ?? ""}`.trimEnd());
    return Number(text);
  };
  switch (verb) {
    case undefined:
      throw new IpfwError(EX_USAGE, "set needs command");
    case "show": {
      const loaded = needed(session, "Unable to get set list", EX_OSERR);
      const all = Array.from({ length: 31 }, (_, set) => set);
      const disabled = all.filter((set) => loaded.disabledSets.has(set));
      const enabled = all.filter((set) => !loaded.disabledSets.has(set));
      self.print(
        `${disabled.length > 0 ? `disable ${disabled.join(" ")} ` : ""}enable ${enabled.join(" ")}\n`,
      );
      return;
    }
    case "swap": {
      if (rest.length !== 2) throw new IpfwError(EX_USAGE, "set swap needs 2 set numbers\n");
      const [from, to] = rest.map((text) => setNumber(text, "invalid set number"));
      if (flags.test) return;
      if (from === 31 || to === 31) self.errx(EX_UNAVAILABLE, "setsockopt(IP_FW_SET_SWAP): Invalid argument");
      needed(session, "setsockopt(IP_FW_SET_SWAP)").swapSets(from!, to!);
      return;
    }
    case "move": {
      const rule = rest[0] === "rule";
      if (rule) rest.shift();
      if (rest.length !== 3 || rest[1] !== "to")
        throw new IpfwError(EX_USAGE, "syntax: set move [rule] X to Y\n");
      const to = setNumber(rest[2], "invalid dest. set");
      if (rule) {
        if (!/^\d+$/.test(rest[0]!) || Number(rest[0]) >= defaultRule)
          throw new IpfwError(EX_DATAERR, `invalid rule number ${rest[0]}`);
        if (!flags.test) needed(session, "setsockopt(IP_FW_XMOVE)").moveRule(Number(rest[0]), to);
        return;
      }
      const from = setNumber(rest[0], "invalid set number");
      if (!flags.test) needed(session, "setsockopt(IP_FW_SET_MOVE)").moveSet(from, to);
      return;
    }
    case "enable":
    case "disable": {
      let enable = verb === "enable";
      if (rest.length === 0) throw new IpfwError(EX_USAGE, `${verb} needs set number(s)`);
      const changes: [set: number, enabled: boolean][] = [];
      for (const word of rest) {
        if (/^\d/.test(word)) changes.push([setNumber(word, "invalid set number"), enable]);
        else if (word === "enable" || word === "disable") enable = word === "enable";
        else throw new IpfwError(EX_DATAERR, `invalid set command ${word}\n`);
      }
      if (flags.test) return;
      const loaded = needed(session, "set enable/disable: setsockopt(IP_FW_SET_ENABLE)");
      for (const [set, enabled] of changes) loaded.setEnabled(set, enabled);
      return;
    }
    default:
      throw new IpfwError(EX_USAGE, `invalid set command ${verb}\n`);
  }
}

/** `ipfw enable firewall`: sysctls by another name. */
function toggle(session: Session, [what]: readonly string[], on: boolean): void {
  const { io } = session;
  const names: Readonly<Record<string, string>> = {
    firewall: "net.inet.ip.fw.enable",
    one_pass: "net.inet.ip.fw.one_pass",
    verbose: "net.inet.ip.fw.verbose",
    dyn_keepalive: "net.inet.ip.fw.dyn_keepalive",
    debug: "net.inet.ip.fw.debug",
  };
  if (what === undefined) {
    session.self.warnx("missing keyword to enable/disable\n");
    return;
  }
  const name = names[what];
  if (name === undefined) {
    session.self.warnx(`unrecognize enable/disable keyword: ${what}\n`);
    return;
  }
  if (io.kernel.sysctl.find(name)) io.kernel.sysctl.set(name, on ? "1" : "0", io.who);
}

const modes: Readonly<Record<string, Mode>> = {
  log: "log",
  deny_in: "deny_in",
  same_ports: "same_ports",
  skip_global: "skip_global",
  unreg_only: "unreg_only",
  unreg_cgn: "unreg_cgn",
  reset: "reset",
  reverse: "reverse",
  proxy_only: "proxy_only",
};

function nat(session: Session, words: string[]): void {
  if (words.length === 0) throw new IpfwError(EX_USAGE, "missing command");
  if (words.length > 1 && /^\d/.test(words[0]!)) words.splice(0, 2, words[1]!, words[0]!);
  const [verb, ...rest] = words;
  switch (verb) {
    case "config":
      configureNat(session, rest);
      return;
    case "show":
    case "list":
      showNat(session, rest);
      return;
    case "delete":
      deleteNat(session, rest);
      return;
    default:
      throw new IpfwError(EX_USAGE, `bad command \`${verb}'`);
  }
}

function configureNat(session: Session, [id, ...words]: readonly string[]): void {
  const { self, flags, ipfw: loaded, io } = session;
  if (id === undefined) throw new IpfwError(EX_DATAERR, "missing nat id");
  if (!/^[1-9]\d*$/.test(id)) throw new IpfwError(EX_DATAERR, `illegal nat id: ${id}`);
  if (words.length === 0) throw new IpfwError(EX_DATAERR, "missing option");
  const nat = { id: Number(id), ...natOptions(session, words) };
  if (flags.test) return;
  if (!loaded || !io.kernel.modules.has("ipfw_nat"))
    throw new IpfwError(
      1,
      `setsockopt(IP_FW_NAT44_XCONFIG): ${loaded ? "Invalid argument" : "Protocol not available"}`,
    );
  loaded.configureNat(nat);
  if (!flags.quiet) self.print(formatNat(loaded.nats.get(nat.id)!));
}

function natOptions({ self, io }: Session, words: readonly string[]): Omit<NatInstance, "id" | "alias"> {
  const rest = [...words];
  let netif: string | undefined;
  let ip: string | undefined;
  const set = new Set<Mode>();
  const redirects: Redirect[] = [];
  /** Takes the words that are sure to belong to a redirection, and those behind that look like addresses. */
  const take = (name: string, least: number, optional: number): string[] => {
    if (rest.length < least) throw new IpfwError(EX_DATAERR, `${name}: not enough arguments`);
    const taken = rest.splice(0, least);
    for (let more = 0; more < optional && /^\d/.test(rest[0] ?? ""); more++) taken.push(rest.shift()!);
    return taken;
  };
  try {
    for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
      if (word === "if" || word === "ip") {
        const value = rest.shift();
        if (value === undefined) throw new IpfwError(EX_DATAERR, "missing option");
        if (word === "ip") {
          if (parseAddress("inet", value) === undefined)
            throw new IpfwError(EX_DATAERR, `bad ip address \`\`${value}''`);
          ip = value;
          continue;
        }
        if (!io.who.vnet.find(value)) self.errx(1, `unknown interface name ${value}`);
        netif = value;
      } else if (word === "redirect_port") redirects.unshift(redirectPort(take(word, 3, 1)));
      else if (word === "redirect_addr") redirects.unshift(redirectAddress(take(word, 2, 0)));
      else if (word === "redirect_proto") redirects.unshift(redirectProto(take(word, 2, 2)));
      else if (word === "port_range") rest.shift();
      else {
        const mode = modes[word];
        if (mode === undefined) throw new IpfwError(EX_DATAERR, `unrecognised option \`\`${word}''`);
        set.add(mode);
      }
    }
  } catch (error) {
    if (error instanceof BadRedirect)
      throw new IpfwError(error.unknownHost ? EX_NOHOST : EX_DATAERR, error.message);
    throw error;
  }
  return { netif, ip, modes: new Set(Object.values(modes).filter((mode) => set.has(mode))), redirects };
}

function formatNat({ id, netif, ip, modes: set, redirects }: NatInstance): string {
  const words = [`ipfw nat ${id} config`];
  if (netif !== undefined) words.push(`if ${netif}`);
  else if (ip !== undefined) words.push(`ip ${ip}`);
  return `${[...words, ...set, ...redirects.map(formatRedirect)].join(" ")}\n`;
}

function showNat({ self, flags, ipfw: loaded }: Session, words: readonly string[]): void {
  if (flags.test) return;
  const config = words.includes("config");
  let from = 0;
  let to = Number.POSITIVE_INFINITY;
  for (const word of words.filter((one) => one !== "config")) {
    const [, low, high = low] = /^(\d+)(?:-(\d+))?$/.exec(word) ?? [];
    if (low === undefined || Number(high) === 0)
      throw new IpfwError(EX_USAGE, `invalid rule number: ${word}`);
    from = Number(low);
    to = Number(high);
  }
  const shown = [...(loaded?.nats.values() ?? [])].filter(({ id }) => id >= from && id <= to);
  for (const nat of shown.sort((a, b) => a.id - b.id)) {
    if (config) self.print(formatNat(nat));
    else if (nat.modes.has("log"))
      self.print(
        `nat ${nat.id}: icmp=0, udp=0, tcp=0, sctp=0, pptp=0, proto=0, frag_id=0 frag_ptr=0 / tot=0\n`,
      );
  }
}

function deleteNat({ self, flags, ipfw: loaded }: Session, words: readonly string[]): void {
  for (const word of words) {
    if (!/^\d+$/.test(word) || flags.test) continue;
    if (loaded?.nats.delete(Number(word)) || flags.quiet) continue;
    self.warnx(
      `nat ${Number(word)} not available: ${loaded ? "Invalid argument" : "Protocol not available"}`,
    );
  }
}
