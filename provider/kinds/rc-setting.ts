import { z } from "zod";
import { commonShape, internalShape, targetOf } from "../common";
import { isRcName, isRcValue, isShellsOwn, rcName, rcText } from "../freebsd/rcconf";
import { defineKind } from "../kind";
import { claimVariable } from "../library/rcconf";
import { askLines, askRc, compareRc, dropLines, keepLines, type RcLines } from "../owned";
import { type InputOf, live, replace } from "../schema";
import { sh } from "../sh";

const rcVariable = z.string().superRefine((name, context) => {
  if (!isRcName(name)) {
    const right = rcName(name);
    context.addIssue(
      `"${name}" is not a name for rc.conf(5), which is a shell script: letters, digits and "_"${isRcName(right) ? `, such as "${right}"` : ""}`,
    );
  } else if (isShellsOwn(name)) {
    context.addIssue(
      `"${name}" belongs to sh(1) and rc.subr(8) themselves: set in rc.conf, it breaks every service`,
    );
  }
});

const rcValue = z.string().refine(isRcValue, {
  error({ input }) {
    const breaking = [...String(input)].find((character) => !isRcValue(character));
    return `${JSON.stringify(breaking)} cannot stand in a value of rc.conf(5), which a shell reads between double quotes: printable ASCII without ", $, \` and \\`;
  },
});

const rcWord = rcValue.refine((word) => /^\S+$/.test(word), {
  error: ({ input }) => `${JSON.stringify(input)} is not one word: give each word as an item of its own`,
});

export const rcSettingShape = {
  ...commonShape,
  /** The variable's name, such as `ntpd_enable` or `cloned_interfaces`. See rc.conf(5). */
  name: replace(rcVariable),
  /**
   * The whole value. Lines of the administrator that set the variable stay and have no effect. Text without `"`,
   * `$`, `` ` ``, `\` and line breaks. Either this or `words`.
   * @default none: `words`
   */
  value: live(rcValue.optional()),
  /**
   * Words that are added to the list that the variable holds otherwise, such as a module to `kld_list`. Either this
   * or `value`.
   * @default none: `value`
   */
  words: live(z.array(rcWord).min(1, { error: "an empty list adds nothing" }).optional()),
  ...internalShape,
};

export type RcSettingOutputs = Record<never, never>;

type Input = InputOf<typeof rcSettingShape>;

/** Lists to which other resources add words of theirs; a whole value would take these away. */
const LISTS = ["cloned_interfaces", "autobridge_interfaces", "jail_list", "kld_list"];

function rc({ name, value, words: added, owner }: Input): RcLines {
  const values = value === undefined ? {} : { [name]: value };
  const words = added === undefined ? {} : { [name]: added.join(" ") };
  return { path: "/etc/rc.conf", owner, values, words, text: rcText(values, words) };
}

export const rcSetting = defineKind({
  name: "RcSetting",
  noun: "rc.conf variable",
  inputs: rcSettingShape,
  outputs: [],
  id: (input) => input.name,
  target: (input) => targetOf(input.host),

  relations(input, report) {
    if ("value" in input && "words" in input)
      report("words", "value is given too: either the whole value or words that are added to it");
    if (!("value" in input) && !("words" in input))
      report("value", "is required, or words that are added to the list");
    if ("value" in input && input.name !== undefined && LISTS.includes(input.name))
      report("value", `other resources add to ${input.name}, and this would take theirs away: give words`);
    input.words?.forEach((word, i) => {
      const first = input.words?.indexOf(word) ?? i;
      if (word !== undefined && first < i)
        report(`words[${i}]`, `${word} is there already, as words[${first}]`);
    });
  },

  ensure: (input, previous) => [
    ...(input.value === undefined
      ? []
      : [
          {
            what: `look whether ${input.name} is free`,
            run: sh`${claimVariable} ${input.name} ${rc(input).text} ${previous?.owner ?? input.owner}`,
          },
        ]),
    ...keepLines(rc(input), previous && { ...rc(previous), drift: previous.drift }),
  ],

  remove: (state) => [dropLines(rc(state))],

  questions: (input) => ({ lines: askLines(rc(input)), ...askRc(rc(input)) }),

  gone: ({ lines }) => lines === undefined,

  compare: (input, answers) => compareRc(rc(input), answers.lines, answers),

  observe: (): RcSettingOutputs => ({}),
});
