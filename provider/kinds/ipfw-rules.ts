import { z } from "zod";
import { commonShape, fileNameOf, internalShape, targetOf } from "../common";
import { askFile } from "../freebsd/file";
import { rcText } from "../freebsd/rcconf";
import { claimRules, hasRules, ipfwSet, rulesAreOurs, setIsAtRest } from "../ipfw/library";
import { acceptAtBoot, askOn, bringIn, compareOn, takeOut, turnOn } from "../ipfw/module";
import { type IpfwRule, ipfwRule, numbered, numberOf } from "../ipfw/rule";
import { defineKind, running } from "../kind";
import { certainlyNot, fileIs, headerLine, putFile } from "../library";
import { askOutput } from "../nat/engine";
import {
  askLines,
  askRc,
  compareFile,
  compareLines,
  compareRc,
  dropLines,
  keepLines,
  type RcLines,
  removeFile,
} from "../owned";
import { type Question, Unreadable } from "../question";
import { type InputOf, live, replace } from "../schema";
import type { Step } from "../script";
import { lines, sh } from "../sh";
import { gatewayReference } from "./nat-redirect";

export const ipfwRulesShape = {
  ...commonShape,
  /**
   * The rules, in ipfw(8)'s words as in the article's ipfw.conf, or typed. Those without a number have 100 more than
   * the one before. A change is made at once: no packet meets half of it. When the new rules let no new SSH connection
   * in, the host puts the old ones back by itself.
   */
  rules: live(
    z.array(ipfwRule).min(1, { error: "at least one rule" }).max(1000, { error: "more than 1000" }),
  ),
  /**
   * The gateway whose firewall these rules stand beside: its rule has a number among theirs (65532). Needed where the
   * host has a NatGateway with the engine `natd` or `ipfw`.
   * @default these rules are the host's only ones
   */
  gateway: live(gatewayReference.optional()),
  /**
   * Set of ipfw(8) that the rules are in, 1 to 15; the one with 15 more is used during a change. Only several resources
   * of one host need different ones.
   * @default 1
   */
  set: replace(z.int().min(1).max(15, { error: "a set from 1 to 15" }).default(1)),
  ...internalShape,
};

export type IpfwRulesOutputs = Record<never, never>;

type Input = InputOf<typeof ipfwRulesShape>;

const MODULE = "ipfw";

const spareOf = ({ set }: { set: number }) => set + 15;

const fileOf = ({ owner }: { owner: string }) => `/etc/ipfw.pulumi.${fileNameOf(owner)}.sh`;

const clear = (set: number) => sh`ipfw -q delete set ${set} && ipfw -q set enable ${set}`;

/** The rules go into a set that is disabled, which then is swapped with theirs (scenario 21 of the recorded host). */
function loader(input: Input): string {
  const { set } = input;
  const spare = spareOf(input);
  const adds = numbered(input.rules).map(
    ({ number, words }) => sh`ipfw -q add ${[number, "set", spare, ...words]} &&`.text,
  );
  return `#!/bin/sh
${headerLine(input.owner)}
PATH=/sbin:/bin:/usr/sbin:/usr/bin
case \${1-} in *stop) exit 0 ;; esac
ipfw -q set disable ${spare} && ipfw -q delete set ${spare} &&
${adds.join("\n")}
ipfw -q set swap ${spare} ${set} && ipfw -q set enable ${set}
status=$?
${clear(spare).text}
exit "$status"`;
}

const load = (input: Input) => sh`/bin/sh -c ${loader(input)} ipfw_rules`;

const putLoader = (input: Input) => sh`${putFile} ${fileOf(input)} ${loader(input)} 755`;

/** The spare set is in use where a change was cut off. */
const unload = (input: Input) =>
  lines([sh`{ ipfw -q delete set ${input.set} &&`, sh`${clear(spareOf(input))}; }`]);

/** What `ipfw list` will show, in ipfw's own words. */
const canonical = (rules: readonly IpfwRule[]) =>
  lines(numbered(rules).map(({ number, words }) => sh`ipfw -n add ${[number, ...words]}`));

/** rc(8) runs it as the firewall's script, or, where a gateway has that, after it. */
function rc(input: Input): RcLines {
  const { owner, gateway } = input;
  const values = { firewall_enable: "YES", ...(!gateway && { firewall_script: fileOf(input) }) };
  const words: Record<string, string> = gateway ? { firewall_coscripts: fileOf(input) } : {};
  return { path: "/etc/rc.conf", owner, values, words, text: rcText(values, words) };
}

const askCanonical = (input: Input): Question<string> => ({
  key: `ipfw -n ${canonical(input.rules).text}`,
  ask: sh`{
${canonical(input.rules)}
}`,
  read(answer) {
    if (answer.status === 0) return answer.text;
    throw new Unreadable("ipfw -n add", answer);
  },
});

/** Those of the set, without what tells the set. */
const rulesIn = (set: number, listed: string): string[] =>
  [...listed.matchAll(new RegExp(`^(\\d+) set ${set} (.+)$`, "gm"))].map(([, n, rule]) => `${n} ${rule}`);

const trimmed = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

export const ipfwRules = defineKind({
  name: "IpfwRules",
  noun: "ipfw rules",
  inputs: ipfwRulesShape,
  outputs: [],
  id: (input) => `set ${input.set}`,
  target: (input) => targetOf(input.host),

  relations(input, report) {
    const { gateway, rules = [] } = input;
    if (gateway?.engine === "pf")
      report("gateway", 'a gateway with the engine "pf" has no ipfw rules to stand beside: leave it out');
    let last = 0;
    rules.forEach((rule, i) => {
      const number = numberOf(rule);
      if (number !== undefined && number < last)
        report(`rules[${i}]`, `number ${number} after ${last}: ipfw(8) tries rules by their numbers`);
      last = number ?? last + 100;
    });
    if (last > 65534) report("rules", "rules without a number would come after 65534: give them numbers");
  },

  ensure(input, previous) {
    const { set } = input;
    const file = fileOf(input);
    const owner = previous?.owner ?? input.owner;
    const write: Step = {
      what: `write ${file}`,
      run: putLoader(input),
      unless: sh`${fileIs} ${file} ${loader(input)} && [ -x ${file} ]`,
      undo: previous && fileOf(previous) === file ? putLoader(previous) : sh`rm -f ${file}`,
    };
    return [
      {
        what: `look whether set ${set} of ipfw is free`,
        run: sh`${claimRules} ${[set, spareOf(input), owner, fileOf({ owner }), headerLine(owner), input.gateway ? "beside" : ""]}`,
        // By a run that was cut off: all has the new name already.
        ...(owner !== input.owner && {
          unless: sh`${rulesAreOurs} ${[input.owner, file, headerLine(input.owner)]}`,
        }),
      },
      {
        what: "let ipfw check the rules",
        run: sh`{
${lines(numbered(input.rules).map(({ number, words }) => sh`ipfw -n -q add ${[number, ...words]} &&`))}
:
}`,
      },
      ...bringIn([MODULE]),
      // By it the rules are known as ours. Nothing runs it at boot before the lines of rc.conf.
      ...(previous ? [] : [write]),
      {
        what: "put the rules in force",
        run: load(input),
        unless: sh`[ "$(${ipfwSet} ${set})" = "$(${canonical(input.rules)})" ]`,
        undo: previous ? load(previous) : unload(input),
        cuts: true,
      },
      {
        what: "remove the rules before, which wait in the other set since the swap",
        run: sh`{ ${clear(spareOf(input))}; }`,
        unless: sh`${setIsAtRest} ${spareOf(input)}`,
      },
      ...turnOn(previous === undefined),
      ...(previous ? [write] : []),
      ...(previous && fileOf(previous) !== file
        ? [
            {
              run: sh`rm -f ${fileOf(previous)}`,
              undo: putLoader(previous),
            },
          ]
        : []),
      ...keepLines(acceptAtBoot(input), previous && acceptAtBoot(previous)),
      ...keepLines(rc(input), previous && { ...rc(previous), drift: previous.drift }),
    ];
  },

  remove: (state) => [
    {
      what: "take the rules out of force",
      run: unload(state),
      unless: sh`{ ${certainlyNot} ${hasRules} ${state.set} && ${setIsAtRest} ${spareOf(state)}; } || ! ${rulesAreOurs} ${[state.owner, fileOf(state), headerLine(state.owner)]}`,
      undo: load(state),
      cuts: true,
    },
    dropLines(rc(state)),
    removeFile(fileOf(state), state.owner),
    ...takeOut([MODULE], state),
  ],

  questions: (input) => ({
    listed: askOutput(sh`ipfw -S list`, /Protocol not available/),
    wanted: askCanonical(input),
    enabled: askOn,
    file: askFile(fileOf(input)),
    loader: askLines(acceptAtBoot(input)),
    lines: askLines(rc(input)),
    ...askRc(rc(input)),
  }),

  gone: (answers, input) =>
    answers.file === undefined &&
    answers.lines === undefined &&
    rulesIn(input.set, answers.listed).length === 0,

  compare(input, answers) {
    const there = rulesIn(input.set, answers.listed);
    const wanted = trimmed(answers.wanted);
    const lacking = wanted.filter((rule) => !there.includes(rule));
    const more = there.filter((rule) => !wanted.includes(rule));
    const isOrdered = there.join("\n") === wanted.join("\n");
    return [
      ...lacking.map((rule) => running(`ipfw lacks ${rule}`)),
      ...more.map((rule) => running(`set ${input.set} of ipfw has ${rule}`)),
      ...(isOrdered || lacking.length + more.length > 0
        ? []
        : [running(`the rules in set ${input.set} of ipfw are in another order`)]),
      ...compareOn(answers.enabled),
      ...compareFile(fileOf(input), loader(input), answers.file),
      ...compareLines(acceptAtBoot(input), answers.loader),
      ...compareRc(rc(input), answers.lines, answers),
    ];
  },

  observe: (): IpfwRulesOutputs => ({}),
});
