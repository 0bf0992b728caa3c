import { z } from "zod";
import { show, text } from "../scalars";
import type { InputOf } from "../schema";

/*
 * A rule of ipfw(8), in its own words: `100 allow ip from any to any via lo0`. Whether ipfw takes it is asked of ipfw,
 * on the host; here is what would make something else of the command.
 */

const LAST = 65534;
const STEP = 100;

/** ipfw(8), RULE ACTIONS. */
const actions =
  "allow accept pass permit deny drop reject reset reset6 unreach unreach6 count skipto divert tee nat fwd forward pipe queue check-state setfib reass call return netgraph ngtee setdscp setmark abort abort6 tcp-setmss prob //".split(
    " ",
  );

/** Of a rule without `add`: its number, if it has one, and the rest. */
function parse(line: string): { number: number | undefined; words: string[] } {
  const all = line.trim().split(/\s+/);
  const words = all[0] === "add" ? all.slice(1) : all;
  const hasNumber = /^\d+$/.test(words[0] ?? "");
  return { number: hasNumber ? Number(words[0]) : undefined, words: hasNumber ? words.slice(1) : words };
}

function problem(line: string): string | undefined {
  if (/[^\x20-\x7e\t]/.test(line)) return "one line of printable ASCII";
  const { number, words } = parse(line);
  if (number !== undefined && (number < 1 || number > LAST)) return `ipfw(8) has rules 1 to ${LAST}`;
  if (words[0] === "set") return 'the set is the resource\'s own: leave "set" out and give the property';
  if (!actions.includes(words[0] ?? ""))
    return 'a number, if you like, and an action, such as "100 allow ip from any to any via lo0"';
  return undefined;
}

const literal = text(
  (line) => problem(line) === undefined,
  (line) => `${show(line)} is not a rule of ipfw(8): ${problem(line)}`,
);

/** Words that go into a rule as they are. */
const words = (what: string) =>
  text(
    (value) => /^[\x21-\x7e]+( [\x21-\x7e]+)*$/.test(value) && value.length <= 1000,
    (value) => `${show(value)} is not ${what}: words of printable ASCII with one blank between`,
  );

const number = z
  .int()
  .min(1)
  .max(LAST, { error: `ipfw(8) has rules 1 to ${LAST}` });

export const ipfwRuleShape = {
  /**
   * Number of the rule, 1 to 65534: rules are tried in this order.
   * @default 100 more than the rule before has
   */
  number: number.optional(),
  /** What becomes of a packet that matches: `allow`, `deny`, `reset`, `count`, `skipto 500`, `unreach port`, … */
  action: words("an action").refine((value) => actions.includes(value.split(" ")[0] as string), {
    error: ({ input }) => `${show(String(input))} does not begin with an action of ipfw(8), such as "allow"`,
  }),
  /**
   * Writes matches to the log; see syslogd(8) and net.inet.ip.fw.verbose.
   * @default false
   */
  log: z.boolean().default(false),
  /**
   * `ip`, `ip4`, `ip6`, `tcp`, `udp`, `icmp`, or another name of protocols(5).
   * @default "ip"
   */
  protocol: words("a protocol").default("ip"),
  /**
   * Where it comes from: an address, a network, `me`, `table(NAME)`.
   * @default "any"
   */
  from: words("an address").default("any"),
  /**
   * From which ports: `22`, `"80,443"`, `"1024-65535"`.
   * @default any
   */
  fromPorts: z.union([z.int(), words("ports")]).optional(),
  /**
   * Where it goes to, as `from`.
   * @default "any"
   */
  to: words("an address").default("any"),
  /**
   * To which ports, as `fromPorts`.
   * @default any
   */
  toPorts: z.union([z.int(), words("ports")]).optional(),
  /**
   * Whether it comes in or goes out.
   * @default both
   */
  direction: z.enum(["in", "out"], { error: 'not one of "in", "out"' }).optional(),
  /**
   * The interface that it comes in or goes out by: a name, or a pattern such as `epair*`.
   * @default any
   */
  via: words("an interface").optional(),
  /**
   * What else has to hold: `established`, `setup keep-state`, `icmptypes 8`, …
   * @default nothing
   */
  options: words("options of a rule").optional(),
};

const typed = z.strictObject(ipfwRuleShape);

/** What is wrong with a rule that is an object. */
function typedProblem(rule: unknown): string {
  const [issue] = typed.safeParse(rule).error?.issues ?? [];
  if (issue === undefined || issue.path.length === 0)
    return issue?.message ?? "neither a rule in ipfw(8)'s words nor an object with an action";
  return `${issue.path.join(".")}: ${issue.message}`;
}

export const ipfwRule = z.union([literal, typed], {
  error: ({ input }) =>
    typeof input === "string"
      ? `${show(input)} is not a rule of ipfw(8): ${problem(input)}`
      : typedProblem(input),
});

export type IpfwRule = string | InputOf<typeof ipfwRuleShape>;

/** What is known of it in a preview. */
export const numberOf = (rule: unknown): number | undefined =>
  typeof rule === "string" ? parse(rule).number : (rule as { number?: number } | undefined)?.number;

function wordsOf(rule: IpfwRule): string[] {
  if (typeof rule === "string") return parse(rule).words;
  const { action, log, protocol, from, fromPorts, to, toPorts, direction, via, options } = rule;
  return [
    action,
    ...(log ? ["log"] : []),
    protocol,
    "from",
    from,
    ...(fromPorts === undefined ? [] : [String(fromPorts)]),
    "to",
    to,
    ...(toPorts === undefined ? [] : [String(toPorts)]),
    ...(direction === undefined ? [] : [direction]),
    ...(via === undefined ? [] : ["via", via]),
    ...(options === undefined ? [] : [options]),
  ].flatMap((part) => part.split(" "));
}

/** Each rule with a number: those without take 100 more than the one before, as ipfw(8) does. */
export function numbered(rules: readonly IpfwRule[]): { number: number; words: string[] }[] {
  let last = 0;
  return rules.map((rule) => {
    last = numberOf(rule) ?? Math.min(last + STEP, LAST);
    return { number: last, words: wordsOf(rule) };
  });
}
