import type { Io } from "../../command";
import { isTranslation, join, type Part, type Pf } from "../../kernel/firewall/pf";
import { PfParser } from "../../kernel/firewall/pf-parser";
import { formatPfRule, type PfRule } from "../../kernel/firewall/pf-rule";
import { reason } from "../../kernel/vfs";
import { type Program, program } from "../network/program";
import { pfTables } from "./pfctl-tables";

/** One run of pfctl(8). */
export interface Session {
  readonly self: Program;
  readonly io: Io;
  /** Path of the ruleset that `-a` names, "" for the main one. */
  readonly anchor: string;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly test: boolean;
  /** Ports as numbers. man page only */
  readonly numeric: boolean;
  /** The words behind the options. */
  readonly rest: readonly string[];
}

const usage = `usage: pfctl [-AdeghMmNnOPqRSrvz] [-a anchor] [-D macro=value] [-F modifier]
	[-f file] [-i interface] [-K host | network]
	[-k host | network | gateway | label | id] [-o level] [-p device]
	[-s modifier] [-t table -T command [address ...]] [-x level]
`;

/** Modifiers of -s and -F may be shortened to what is unique from the left. */
const shows =
  "ether nat queue rules Anchors Sources states info Interfaces labels timeouts memory Tables osfp Running all creatorids".split(
    " ",
  );
const flushes = "ethernet nat queue rules Sources states info Tables osfp Reset all".split(" ");

const modifier = (words: readonly string[], text: string): string | undefined =>
  words.find((word) => word === text) ?? words.find((word) => word.startsWith(text));

/** pfctl(8) */
export const pfctl = program("pfctl", async (self, args, io) => {
  const fail = (): never => self.usage(usage);
  const { list, rest } = self.options(args, "Aa:D:deF:f:ghi:K:k:MmNnOo:Pp:qRrSs:t:T:vx:z", usage);
  const has = (letter: string): boolean => list.some(([given]) => given === letter);
  const value = (letter: string): string | undefined => list.find(([given]) => given === letter)?.[1];
  const show = value("s") === undefined ? undefined : (modifier(shows, value("s")!) ?? fail());
  const flush = value("F") === undefined ? undefined : (modifier(flushes, value("F")!) ?? fail());
  if (list.length === 0 || (rest.length > 0 && !has("T"))) fail();
  if (has("T") !== has("t") && !has("T")) fail();
  const anchor = (value("a") ?? "").replace(/\/?\*$/, "").replace(/^\//, "");
  const session: Session = {
    self,
    io,
    anchor,
    quiet: has("q"),
    verbose: has("v"),
    test: has("n"),
    numeric: has("P"),
    rest,
  };
  const macros = new Map(
    list.flatMap(([letter, text = ""]) =>
      letter === "D" ? [[text.split("=")[0]!, text.slice(text.indexOf("=") + 1)] as const] : [],
    ),
  );
  const part: Part = has("N") ? "nat" : has("R") ? "rules" : "all";
  if (session.test) {
    if (has("f")) await load(session, value("f")!, part, macros, undefined);
    return;
  }
  const pf = await open(session);
  if (has("d")) disable(session, pf);
  if (show !== undefined) showOf(session, pf, show);
  if (flush !== undefined) flushOf(session, pf, flush);
  if (has("k")) {
    const killed = pf.states.size;
    pf.states.clear();
    if (!session.quiet) self.warn(`killed ${killed / 2} states\n`);
  }
  if (has("T")) await pfTables(session, pf, value("t") ?? fail(), value("T")!);
  if (has("f")) await load(session, value("f")!, part, macros, pf);
  if (has("e")) enable(session, pf);
});

/** Opens /dev/pf: it is there while the module is, in a jail only where devfs(5) shows it, and only for root. */
async function open({ self, io }: Session): Promise<Pf> {
  const pf = io.kernel.firewall.pf(io.who.vnet);
  if (!pf || (io.who.jail && !(await io.fs.exists("/dev/pf"))))
    return self.errx(1, "/dev/pf: No such file or directory");
  if (io.who.uid !== 0) return self.errx(1, "/dev/pf: Permission denied");
  return pf;
}

function enable({ self, quiet }: Session, pf: Pf): void {
  if (pf.enabled) self.errx(1, "pf already enabled");
  pf.enable();
  if (!quiet) self.warn("pf enabled\n");
}

function disable({ self, quiet }: Session, pf: Pf): void {
  if (!pf.enabled) self.errx(1, "pf not enabled");
  pf.enabled = false;
  if (!quiet) self.warn("pf disabled\n");
}

/** Reads rules, and puts them in force when `pf` is given. Nothing changes when there is a mistake in them. */
async function load(
  session: Session,
  file: string,
  part: Part,
  macros: ReadonlyMap<string, string>,
  pf: Pf | undefined,
): Promise<void> {
  const { self, anchor, verbose } = session;
  const parser = await parse(session, file, macros);
  if (!parser) {
    if (pf) self.errx(1, "Syntax error in config file: pf rules not loaded");
    return self.exit(1);
  }
  if (verbose)
    for (const line of [
      ...parser.echo,
      ...parser.config.rules.map((rule) => formatPfRule(rule, session.numeric)),
    ])
      self.print(`${line}\n`);
  const loads: [path: string, parser: PfParser][] = [];
  for (const { anchor: name, file: from } of parser.config.loads) {
    const inner = await parse(session, from, macros);
    if (!inner) {
      self.errx(1, `load anchors failed`);
      return;
    }
    loads.push([join(anchor, name), inner]);
  }
  if (!pf) return;
  pf.load(anchor, parser.config, part);
  for (const [path, inner] of loads) pf.load(path, inner.config);
}

/** Undefined after mistakes, which are printed. */
async function parse(
  session: Session,
  file: string,
  macros: ReadonlyMap<string, string>,
): Promise<PfParser | undefined> {
  const { self, io } = session;
  const read = async (path: string): Promise<string | undefined> => {
    try {
      return await io.fs.readFile(io.fs.resolvePath(io.cwd, path));
    } catch (error) {
      if (path === file) {
        const cause = reason(error);
        self.warnx(`${path}: ${cause}`);
        self.warnx(`cannot open the main config file!: ${cause}`);
      }
      return undefined;
    }
  };
  const text = file === "-" ? io.stdin : await read(file);
  if (text === undefined) return undefined;
  const parser = new PfParser(io.who.vnet, read, macros);
  await parser.parse(text, file === "-" ? "stdin" : file);
  for (const line of parser.errors) self.warn(`${line}\n`);
  return parser.errors.length > 0 ? undefined : parser;
}

function showOf(session: Session, pf: Pf, what: string): void {
  const { self, anchor } = session;
  switch (what) {
    case "rules":
      rules(session, pf, (rule) => !isTranslation(rule));
      return;
    case "nat":
      rules(session, pf, isTranslation);
      return;
    case "info":
      self.print(info(session, pf));
      return;
    case "Anchors":
      anchors(session, pf);
      return;
    case "states":
      for (const { original, translated } of new Set([...pf.states.values()].filter((_, at) => at % 2 === 0)))
        self.print(
          `all ${original.proto} ${translated.dst}:${translated.dport ?? 0} <- ${original.src}:${original.sport ?? 0}       ESTABLISHED:ESTABLISHED\n`,
        );
      return;
    case "Tables":
      for (const name of [...(pf.find(anchor)?.tables.keys() ?? [])].sort()) self.print(`${name}\n`);
      return;
    case "Interfaces":
      for (const name of interfaceNames(session)) self.print(`${name}\n`);
      return;
    case "memory":
      self.print(
        "states        hard limit   100000\nsrc-nodes     hard limit    10000\nfrags         hard limit     5000\ntable-entries hard limit   200000\n",
      );
      return;
    case "timeouts":
      self.print(timeouts);
      return;
    case "Running":
      self.print(pf.enabled ? "Enabled\n" : "Disabled\n");
      if (!pf.enabled) self.exit(1);
      return;
    case "all":
      self.print("TRANSLATION RULES:\n");
      rules(session, pf, isTranslation);
      self.print("\nFILTER RULES:\n");
      rules(session, pf, (rule) => !isTranslation(rule));
      self.print(`\nINFO:\n${info(session, pf)}`);
      return;
    default:
      return;
  }
}

/** `pfctl -s nat` lists nat before rdr before binat; `-s rules` scrub before the others. */
const order = ["scrub", "nat", "rdr", "binat"];
const rank = ({ action }: PfRule): number => (order.includes(action) ? order.indexOf(action) : order.length);

function rules({ self, anchor, verbose, numeric }: Session, pf: Pf, test: (rule: PfRule) => boolean): void {
  const ruleset = pf.find(anchor);
  if (!ruleset) {
    self.warnx("DIOCGETRULES: Invalid argument");
    return;
  }
  const shown = ruleset.rules.filter(test).map((rule, at) => ({ rule, at }));
  shown.sort((a, b) => rank(a.rule) - rank(b.rule) || a.at - b.at);
  for (const { rule } of shown) {
    self.print(`${formatPfRule(rule, numeric)}\n`);
    if (verbose)
      self.print(
        "  [ Evaluations: 0         Packets: 0         Bytes: 0           States: 0     ]\n" +
          "  [ Inserted: uid 0 pid 0 State Creations: 0     ]\n",
      );
  }
}

function anchors(session: Session, pf: Pf): void {
  const { self, anchor, verbose } = session;
  const print = (path: string): void => {
    for (const name of pf.children(path)) {
      const full = join(path, name);
      if (!name.startsWith("_") || verbose) self.print(`  ${full}\n`);
      if (verbose) print(full);
    }
  };
  if (pf.exists(anchor)) print(anchor);
  else self.warn(`Anchor '${anchor}' not found.\n`);
  // The anchors of Ethernet rules are looked up as well, and there never are any.
  if (anchor !== "") self.warn(`Anchor '${anchor}' not found.\n`);
}

function flushOf(session: Session, pf: Pf, what: string): void {
  const { self, anchor, quiet } = session;
  const say = (text: string): void => {
    if (!quiet) self.warn(`${text}\n`);
  };
  const states = (): void => {
    const count = pf.states.size;
    pf.states.clear();
    say(`${Math.ceil(count / 2)} states cleared`);
  };
  switch (what) {
    case "nat":
    case "rules":
      pf.flush(anchor, what);
      say(`${what} cleared`);
      return;
    case "ethernet":
      say("Ethernet rules cleared");
      return;
    case "states":
      states();
      return;
    case "Sources":
      say("source tracking entries cleared");
      return;
    case "info":
      pf.searches = 0;
      pf.matches = 0;
      say("pf: statistics cleared");
      return;
    case "Tables":
      say(`${pf.flushTables(anchor)} tables deleted.`);
      return;
    case "all":
      say("Ethernet rules cleared");
      pf.flush(anchor, "rules");
      say("rules cleared");
      pf.flush(anchor, "nat");
      say("nat cleared");
      // An anchor is gone with its last rule, and has no tables to flush then.
      if (!pf.exists(anchor)) {
        self.warnx("Anchor or Ruleset does not exist.");
        return;
      }
      say(`${pf.flushTables(anchor)} tables deleted.`);
      if (anchor !== "") return;
      states();
      say("source tracking entries cleared");
      say("pf: statistics cleared");
      pf.skip = [];
      say("pf: interface flags reset");
      return;
  }
}

const interfaceNames = ({ io }: Session): string[] => {
  const { interfaces } = io.who.vnet;
  return [...new Set(["all", ...interfaces.flatMap((netif) => [netif.name, ...netif.groups])])].sort();
};

function info({ io }: Session, pf: Pf): string {
  const seconds = Math.max(0, Math.floor((io.kernel.clock.now() - pf.enabledAt) / 1000));
  const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  const running = `for ${Math.floor(seconds / 86400)} days ${two((seconds / 3600) % 24)}:${two((seconds / 60) % 60)}:${two(seconds % 60)}`;
  const status = pf.enabled ? `Status: Enabled ${running}` : "Status: Disabled";
  const line = (name: string, count: number, rate = true): string => {
    const perSecond = pf.enabled && seconds > 0 ? count / seconds : 0;
    const shown = rate ? `${perSecond.toFixed(1).padStart(14)}/s` : " ".repeat(14);
    return `  ${name.padEnd(25)} ${String(count).padStart(14)} ${shown}\n`.replace(/^(.*)$/m, "$1");
  };
  const counters =
    "bad-offset fragment short normalize memory bad-timestamp congestion ip-option proto-cksum state-mismatch state-insert state-limit src-limit synproxy map-failed".split(
      " ",
    );
  return [
    `${status.padEnd(46)}Debug: ${(pf.options.get("debug") ?? "urgent").replace(/^./, (letter) => letter.toUpperCase())}\n`,
    "\n",
    "State Table                          Total             Rate\n",
    line("current entries", Math.ceil(pf.states.size / 2), false),
    line("searches", pf.searches),
    line("inserts", 0),
    line("removals", 0),
    "Counters\n",
    line("match", pf.matches),
    ...counters.map((name) => line(name, 0)),
  ].join("");
}

const timeouts = `tcp.first                   120s
tcp.opening                  30s
tcp.established           86400s
tcp.closing                 900s
tcp.finwait                  45s
tcp.closed                   90s
tcp.tsdiff                   30s
sctp.first                  120s
sctp.opening                 30s
sctp.established          86400s
sctp.closing                900s
sctp.closed                  90s
udp.first                    60s
udp.single                   30s
udp.multiple                 60s
icmp.first                   20s
icmp.error                   10s
other.first                  60s
other.single                 30s
other.multiple               60s
frag                         30s
interval                     10s
adaptive.start            60000 states
adaptive.end             120000 states
src.track                     0s
`;
