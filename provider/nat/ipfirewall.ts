import { askFile } from "../freebsd/file";
import { publicSide, redirectText } from "../freebsd/natdconf";
import { rcText } from "../freebsd/rcconf";
import { acceptAtBoot, bringIn, takeOut } from "../ipfw/module";
import { running } from "../kind";
import { claimFile, fileIs, hasBlock, headerLine, putFile } from "../library";
import { rcEnables } from "../library/rcconf";
import {
  askLines,
  askRc,
  compareFile,
  compareLines,
  compareRc,
  dropLines,
  keepLines,
  type OwnLines,
  type RcLines,
  removeFile,
} from "../owned";
import { type Question, unasked } from "../question";
import type { Step } from "../script";
import { lines, type Sh, sh } from "../sh";
import { foundByHand, hasLines, markLines, unmarkLines } from "./by-hand";
import {
  askForwarding,
  askOutput,
  defineEngine,
  externalOf,
  forwarding,
  type GatewayInput,
  inForce,
  keepForwarding,
  type NatEngine,
  type RedirectInput,
  stopForwarding,
} from "./engine";
import { claimIpfw, claimPort, hasNatRule } from "./library";
import { redirections, takesSsh } from "./redirections";

/*
 * What the engines behind an ipfw(8) rule have in common: the module, a script of ours as the host's firewall, and a
 * file with options and redirects, a block of lines for each resource.
 */

const IPFW_CONF = "/etc/ipfw.conf";

/** What a rule sends packets to. */
export interface Translator {
  /** Kernel modules, in the order in which they are loaded. */
  readonly modules: readonly string[];
  /** File of options and redirects. */
  readonly config: string;
  options(externalInterface: string): string;
  /** In a rule: `divert natd`; and as a regular expression of what `ipfw list` shows. */
  readonly action: string;
  readonly listed: string;
  /** Lines of rc.conf(5) beside those of ipfw and forwarding, first the one that turns it on. */
  readonly rc: Readonly<Record<string, string>>;
  /** Lines of the firewall script that add `rule`. */
  script(rule: string): string;
  /** Further reasons not to begin. */
  claim(externalInterface: string): Step[];
  /** Puts the file in force, and takes it out of force. */
  readonly start: Step & { readonly run: Sh };
  readonly stop: Step & { readonly unless: Sh };
  /** Of the running translator: ways in which it is not as `lines` of the file say. */
  readonly ask: Question<string>;
  compare(answer: string, lines: readonly string[]): string[];
}

const isMarked = ({ path, owner, text }: OwnLines) => sh`${hasLines} ${path} ${owner} ${text}`;

/** What is in the file by hand, as the redirect is to be. */
const markByHand = (lines: OwnLines): Step => ({
  what: `mark the lines of ${lines.owner} in ${lines.path}`,
  run: sh`${markLines} ${lines.path} ${lines.owner} ${lines.text}`,
  unless: sh`[ ! -e ${lines.path} ] || ${hasBlock} ${lines.path} ${lines.owner}`,
  undo: sh`${unmarkLines} ${lines.path} ${lines.owner}`,
});

export function behindIpfw(translator: Translator): NatEngine {
  const { modules, config, start, stop } = translator;
  const [translates] = Object.keys(translator.rc) as [string];

  const rule = (input: GatewayInput) =>
    sh`ipfw -q add ${[input.ruleNumber, ...translator.action.split(" ")]} ip from any to any via ${externalOf(input)}`;
  const hasRule = (input: GatewayInput) =>
    sh`${hasNatRule} ${[input.ruleNumber, translator.listed, externalOf(input)]}`;
  const listedRule = (input: GatewayInput) =>
    new RegExp(
      `^0*${input.ruleNumber} (${translator.listed}) ip from any to any via ${externalOf(input).replaceAll(".", "\\.")}$`,
      "m",
    );

  /** The article's script; rc(8) runs it at boot through `firewall_script`. */
  const firewallScript = (input: GatewayInput) => `#!/bin/sh
${headerLine(input.owner)}
fwcmd="/sbin/ipfw -q"
eif="${externalOf(input)}"
\${fwcmd} -f flush
# NAT rule
${translator.script(`\${fwcmd} add ${input.ruleNumber} ${translator.action} ip from any to any via \${eif}`)}`;

  const rc = ({ owner }: GatewayInput): RcLines => {
    const values = {
      [forwarding.inet.rc]: "YES",
      firewall_enable: "YES",
      firewall_script: IPFW_CONF,
      ...translator.rc,
    };
    return { path: "/etc/rc.conf", owner, values, words: {}, text: rcText(values, {}) };
  };
  /** What service(8) needs to start the translator, and does no more at boot than that. */
  const translating = ({ owner }: GatewayInput): OwnLines => ({
    path: "/etc/rc.conf",
    owner,
    text: rcText(translator.rc, {}),
  });
  /** There are none where a create was taken back but for what is recorded of it. */
  const hasRcLines = (...owners: GatewayInput[]) =>
    sh`{ ${lines(owners.map(({ owner }) => sh`${hasBlock} /etc/rc.conf ${owner} ||`))}
false; }`;
  const options = (input: GatewayInput): OwnLines => ({
    path: config,
    owner: input.owner,
    text: translator.options(externalOf(input)),
  });
  const redirects = (input: RedirectInput): OwnLines => ({
    path: config,
    owner: input.owner,
    text: redirections(input, ["inet"]).map(redirectText).join("\n"),
  });

  return defineEngine({
    dualStack: false,

    gateway: {
      /*
       * The order keeps the SSH connection: ipfw accepts by default before it is loaded, and somebody translates
       * before a rule sends packets there (lessons 1 and 2 of the recorded host).
       */
      ensure(input, previous) {
        const owner = previous?.owner ?? input.owner;
        const moved = previous && previous.ruleNumber !== input.ruleNumber;
        return [
          {
            what: "look whether the host's firewall is free",
            run: sh`{ ${claimIpfw} ${config} ${owner} && ${claimFile} ${IPFW_CONF} ${headerLine(owner)}; }`,
            // By a run that was cut off: its lines have the new name already.
            ...(owner !== input.owner && { unless: sh`${hasBlock} ${config} ${input.owner}` }),
          },
          ...translator.claim(externalOf(input)),
          keepForwarding(forwarding.inet),
          ...bringIn(modules),
          ...inForce(
            start,
            [
              ...keepLines(options(input), previous && { ...options(previous), drift: [] }),
              ...keepLines(translating(input)).map(
                (step): Step => (previous ? { ...step, unless: hasRcLines(input, previous) } : step),
              ),
            ],
            previous ? undefined : stop.run,
          ),
          {
            run: rule(input),
            unless: hasRule(input),
            undo: sh`ipfw -q delete ${input.ruleNumber}`,
            cuts: true,
          },
          ...(moved
            ? [
                {
                  run: sh`ipfw -q delete ${previous.ruleNumber}`,
                  unless: sh`! ${hasRule(previous)}`,
                  undo: rule(previous),
                  cuts: true,
                },
              ]
            : []),
          ...keepLines(acceptAtBoot(input), previous && acceptAtBoot(previous)),
          {
            what: `write ${IPFW_CONF}`,
            run: sh`${putFile} ${IPFW_CONF} ${firewallScript(input)}`,
            unless: sh`${fileIs} ${IPFW_CONF} ${firewallScript(input)}`,
            undo: previous ? sh`${putFile} ${IPFW_CONF} ${firewallScript(previous)}` : sh`rm -f ${IPFW_CONF}`,
          },
          ...keepLines(rc(input), previous ? { ...rc(previous), drift: previous.drift } : translating(input)),
        ];
      },

      remove(state) {
        return [
          {
            run: sh`ipfw -q delete ${state.ruleNumber}`,
            unless: sh`! ${hasRule(state)}`,
            undo: rule(state),
            cuts: true,
          },
          stop,
          dropLines(rc(state)),
          removeFile(IPFW_CONF, state.owner),
          dropLines(options(state)),
          ...takeOut(modules, state),
          ...(state.made?.includes(forwarding.inet.mark) ? [stopForwarding(forwarding.inet)] : []),
        ];
      },

      questions: (input) => ({
        forwarding: askForwarding(forwarding.inet),
        running: translator.ask,
        rules: askOutput(sh`ipfw list ${input.ruleNumber}`, /does not exist|Protocol not available/),
        script: askFile(IPFW_CONF),
        options: askLines(options(input)),
        loader: askLines(acceptAtBoot(input)),
        lines: askLines(rc(input)),
        ...askRc(rc(input)),
      }),

      gone: (answers) =>
        answers.options === undefined && answers.lines === undefined && answers.script === undefined,

      compare: (input, answers) => [
        ...translator.compare(answers.running, [options(input).text]),
        ...(listedRule(input).test(answers.rules)
          ? []
          : [running(`ipfw has no ${translator.action.split(" ")[0]} rule ${input.ruleNumber}`)]),
        ...(answers.forwarding === "1" ? [] : [running(`${forwarding.inet.oid} is ${answers.forwarding}`)]),
        ...compareFile(IPFW_CONF, firewallScript(input), answers.script),
        ...compareLines(options(input), answers.options),
        ...compareLines(acceptAtBoot(input), answers.loader),
        ...compareRc(rc(input), answers.lines, answers),
      ],
    },

    redirect: {
      ensure: (input, previous) => [
        ...(input.adopt && !previous ? [markByHand(redirects(input))] : []),
        ...redirections(input, ["inet"]).map((one) => ({
          what: `look whether ${one.protocol} port ${publicSide(one)} is free`,
          run: sh`${claimPort} ${[config, previous?.owner ?? input.owner, one.protocol, publicSide(one)]}`,
          ...(previous &&
            previous.owner !== input.owner && { unless: sh`${hasBlock} ${config} ${input.owner}` }),
        })),
        ...inForce(
          { ...start, cuts: takesSsh(input) },
          keepLines(redirects(input), previous && { ...redirects(previous), drift: [] }).map(
            (step): Step =>
              input.adopt && !previous ? { ...step, unless: isMarked(redirects(input)) } : step,
          ),
        ),
      ],

      remove: (state) => [
        dropLines(redirects(state)),
        // A delete that failed may have stopped it; what is not to run at boot either, its gateway has left.
        {
          ...start,
          run: sh`{ { ${stop.unless} && ! ${rcEnables} ${translates}; } || ${start.run} || ${start.undo ?? start.run}; }`,
        },
      ],

      questions: (input) => ({
        lines: askLines(redirects(input)),
        running: translator.ask,
        file: input.adopt ? askFile(config) : unasked(undefined),
      }),
      gone: ({ lines }) => lines === undefined,
      found: (input, { lines, file }) =>
        lines === undefined && file !== undefined ? foundByHand(config, file, input) : undefined,
      compare: (input, answers) => [
        ...translator.compare(answers.running, redirects(input).text.split("\n")),
        ...compareLines(redirects(input), answers.lines),
      ],
    },
  });
}
