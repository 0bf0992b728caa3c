import { createHash } from "node:crypto";
import { z } from "zod";
import { adoptShape, commonShape, internalShape, logicalName, targetOf } from "../common";
import { isRcName, isShellsOwn } from "../freebsd/rcconf";
import { defineKind, running } from "../kind";
import { hasBlock } from "../library";
import { claimRuleset, loadRuleset, rulesetIs, rulesetIsFlat } from "../library/devfs";
import { askLines, compareLines, dropLines, keepLines, type OwnLines, wayOf } from "../owned";
import { type Question, Unreadable } from "../question";
import { type InputOf, live, type Reference, replace } from "../schema";
import { quote, sh } from "../sh";

/**
 * FreeBSD's rulesets (`/etc/defaults/devfs.rules`), each written out to the ones without includes of their own: the
 * kernel follows includes one level deep (`vfs.devfs.rule_depth`), and shows every device where it does not.
 */
const HIDE_ALL = ["include 1"];
const BASIC = ["include 2"];
const LOGIN = ["include 3"];
const JAIL = [...HIDE_ALL, ...BASIC, ...LOGIN, "path fuse unhide", "path zfs unhide"];
const STOCK = {
  devfsrules_hide_all: HIDE_ALL,
  devfsrules_unhide_basic: BASIC,
  devfsrules_unhide_login: LOGIN,
  devfsrules_jail: JAIL,
  devfsrules_jail_vnet: [...JAIL, "path pf unhide"],
};

const FIRST_DERIVED = 1000;
const LAST = 65535;

const ruleset = z
  .int()
  .min(1)
  .max(LAST, { error: `devfs(8) has rulesets 1 to ${LAST}` });

const account = (kind: string) =>
  z.string().regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/, {
    error: ({ input }) => `${JSON.stringify(input)} is not the name of a ${kind} of the host`,
  });

export const devfsRuleShape = {
  /**
   * Devices by name, relative to `/dev`: `bpf*`, `pts/*`. `*` and `?` stop at a slash.
   * @default any
   */
  path: z
    .string()
    .regex(/^[A-Za-z0-9_.*?[\]-]+(\/[A-Za-z0-9_.*?[\]-]+)*$/, {
      error: ({ input }) =>
        `${JSON.stringify(input)} is not a pattern of device names relative to /dev, such as "bpf*" or "pts/*"`,
    })
    .optional(),
  /**
   * Devices by type.
   * @default any
   */
  type: z
    .enum(["disk", "mem", "tape", "tty"], { error: 'not one of "disk", "mem", "tape", "tty"' })
    .optional(),
  /**
   * Whether they are shown.
   * @default as the rules before have it
   */
  action: z.enum(["hide", "unhide"], { error: 'not one of "hide", "unhide"' }).optional(),
  /**
   * Who owns them: the name of a user of the host.
   * @default unchanged
   */
  user: account("user").optional(),
  /**
   * Their group: the name of a group of the host.
   * @default unchanged
   */
  group: account("group").optional(),
  /**
   * Their mode, octal, such as `0660`.
   * @default unchanged
   */
  mode: z
    .string()
    .regex(/^0?[0-7]{3}$/, {
      error: ({ input }) => `${JSON.stringify(input)} is not an octal mode, such as "0660"`,
    })
    .optional(),
};

export const devfsRulesetShape = {
  ...commonShape,
  /**
   * Number of the ruleset, 6 to 65535; 1 to 5 are FreeBSD's.
   * @default from the resource's name, 1000 or more
   */
  number: replace(
    ruleset
      .refine((number) => number > 5, { error: "rulesets 1 to 5 are FreeBSD's own: take 6 to 65535" })
      .optional(),
  ),
  /**
   * Name of the ruleset in `/etc/devfs.rules`: letters, digits and `_`.
   * @default `pulumi_` and the resource's name
   */
  name: live(
    z
      .string()
      .refine((name) => isRcName(name) && !isShellsOwn(name) && !name.startsWith("devfsrules_"), {
        error: ({ input }) =>
          `${JSON.stringify(input)} is not a name for a ruleset: letters, digits and "_", not beginning with a digit or with FreeBSD's "devfsrules_", and not a variable of the shell`,
      })
      .optional(),
  ),
  /**
   * Rulesets that come first: FreeBSD's by name (`devfsrules_hide_all`, `devfsrules_unhide_basic`,
   * `devfsrules_unhide_login`, `devfsrules_jail`, `devfsrules_jail_vnet`), or the number of another one on the host
   * that has no includes itself. FreeBSD's are written out, because the kernel follows includes one level deep. Without
   * one that hides everything, a jail sees all devices of the host.
   * @default ["devfsrules_jail_vnet"]
   */
  include: live(
    z
      .array(
        z.union([z.enum(Object.keys(STOCK) as (keyof typeof STOCK)[]), ruleset], {
          error: ({ input }) =>
            `${JSON.stringify(input)} is neither the number of a ruleset nor one of ${Object.keys(STOCK).join(", ")}`,
        }),
      )
      .default(["devfsrules_jail_vnet"]),
  ),
  /**
   * What differs from these, in order; a later rule has the last word.
   * @default []
   */
  rules: live(z.array(z.strictObject(devfsRuleShape)).max(200, { error: "more than 200 rules" }).default([])),
  ...adoptShape,
  ...internalShape,
};

export interface DevfsRulesetOutputs {
  /** Number of the ruleset. */
  number: number;
}

export const rulesetReferenceShape = { number: ruleset };

/** What a jail needs of its ruleset. */
export type RulesetReference = Reference<"DevfsRuleset", InputOf<typeof rulesetReferenceShape>>;

type Input = InputOf<typeof devfsRulesetShape>;

const FILE = "/etc/devfs.rules";

const numberOf = (input: Input) => input.number as number;

/** Each rule's words in the order in which the kernel gives them back. */
function rulesOf({ include, rules }: Input): string[][] {
  const included = include.flatMap((one) => (typeof one === "number" ? [`include ${one}`] : STOCK[one]));
  const given = rules.map(({ type, path, action, user, group, mode }) => [
    ...(type === undefined ? [] : ["type", type]),
    ...(path === undefined ? [] : ["path", path]),
    ...(action === undefined ? [] : [action]),
    ...(user === undefined ? [] : ["user", user]),
    ...(group === undefined ? [] : ["group", group]),
    ...(mode === undefined ? [] : ["mode", mode.replace(/^0+(?=.)/, "")]),
  ]);
  return [...[...new Set(included)].map((rule) => rule.split(" ")), ...given];
}

/** As rc(8) and `loadRuleset` give them to the shell. */
const commands = (input: Input) => rulesOf(input).map((rule) => rule.map(quote).join(" "));

/** As `devfs rule show` has them. */
const shown = (input: Input) => rulesOf(input).map((rule) => rule.join(" "));

const lines = (input: Input): OwnLines => ({
  path: FILE,
  owner: input.owner,
  text: [`[${input.name}=${numberOf(input)}]`, ...commands(input).map((rule) => `add ${rule}`)].join("\n"),
});

function askRuleset(number: number): Question<string[]> {
  const ask = sh`devfs rule -s ${number} show`;
  return {
    key: `devfs ruleset ${number}`,
    ask,
    read(answer) {
      if (answer.status !== 0) throw new Unreadable(ask.text, answer);
      return [...answer.text.matchAll(/^\d+ (.+)$/gm)].map(([, rule]) => rule as string);
    },
  };
}

const load = (input: Input) => sh`${loadRuleset} ${numberOf(input)} ${commands(input).join("\n")}`;
const isLoaded = (input: Input) => sh`${rulesetIs} ${numberOf(input)} ${shown(input).join("\n")}`;

export const devfsRuleset = defineKind({
  name: "DevfsRuleset",
  noun: "devfs ruleset",
  inputs: devfsRulesetShape,
  outputs: ["number"],
  derived: ["name"],
  id: (input) => String(numberOf(input)),
  target: (input) => targetOf(input.host),

  derive({ number, name, owner }) {
    if (owner === undefined) return {};
    const hash = createHash("sha256").update(owner).digest().readUInt32BE();
    return {
      number: number ?? FIRST_DERIVED + (hash % (LAST - FIRST_DERIVED + 1)),
      name: name ?? `pulumi_${logicalName(owner)?.replaceAll(/[^A-Za-z0-9_]/g, "_")}`,
    };
  },

  relations(input, report) {
    if (input.include?.length === 0 && input.rules?.length === 0)
      report("rules", "an empty ruleset shows a jail every device of the host");
    if (input.include?.some((one) => one !== undefined && one === input.number))
      report("include", "a ruleset cannot include itself");
    input.rules?.forEach((rule, i) => {
      if (rule === undefined) return;
      if (!["action", "user", "group", "mode"].some((effect) => effect in rule))
        report(`rules[${i}]`, "does nothing: give it an action, a user, a group or a mode");
      if (rule.action === "unhide" && !("path" in rule) && !("type" in rule))
        report(`rules[${i}]`, "would show every device of the host: say which ones, by path or type");
    });
  },

  // The lines come first: by them a loaded ruleset tells whose it is.
  ensure: (input, previous) => [
    {
      what: `look whether ruleset ${numberOf(input)} is free`,
      run: sh`${claimRuleset} ${[
        numberOf(input),
        input.name as string,
        previous?.owner ?? input.owner,
        wayOf(input),
        previous ? shown(previous).join("\n") : "",
      ]}`,
    },
    ...input.include
      .filter((one) => typeof one === "number")
      .map((one) => ({ what: `look at ruleset ${one}`, run: sh`${rulesetIsFlat} ${one}` })),
    ...keepLines(lines(input), previous && lines(previous)),
    {
      what: `load ruleset ${numberOf(input)}`,
      run: load(input),
      unless: isLoaded(input),
      undo: previous ? load(previous) : sh`devfs rule -s ${numberOf(input)} delset`,
    },
  ],

  remove: (state) => [
    {
      run: sh`devfs rule -s ${numberOf(state)} delset`,
      unless: sh`! { ${hasBlock} ${FILE} ${state.owner} || ${isLoaded(state)}; }`,
    },
    dropLines(lines(state)),
  ],

  questions: (input) => ({ loaded: askRuleset(numberOf(input)), lines: askLines(lines(input)) }),

  gone: (answers) => answers.loaded.length === 0 && answers.lines === undefined,

  found(input, { loaded, lines }) {
    if (loaded.length === 0 || lines !== undefined) return undefined;
    const wanted = shown(input);
    return {
      what: `devfs ruleset ${numberOf(input)}`,
      obstacles: [
        ...loaded.filter((rule) => !wanted.includes(rule)).map((rule) => `it has the rule "${rule}"`),
        ...wanted.filter((rule) => !loaded.includes(rule)).map((rule) => `it lacks the rule "${rule}"`),
      ],
    };
  },

  compare(input, answers) {
    const { loaded } = answers;
    const number = numberOf(input);
    const wanted = shown(input);
    return [
      ...(loaded.length === 0
        ? [running(`devfs ruleset ${number} is not loaded`)]
        : loaded.join("\n") === wanted.join("\n")
          ? []
          : [running(`the rules of devfs ruleset ${number} were changed`)]),
      ...compareLines(lines(input), answers.lines),
    ];
  },

  observe: (input): DevfsRulesetOutputs => ({ number: numberOf(input) }),
});
