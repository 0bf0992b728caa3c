import { askFile } from "../freebsd/file";
import { publicSide, redirectText } from "../freebsd/natdconf";
import { rcText } from "../freebsd/rcconf";
import { acceptAtBoot, askOn, bringIn, compareOn, takeOut, turnOn } from "../ipfw/module";
import { running } from "../kind";
import { certainlyNot, claimFile, fileIs, hasBlock, headerLine, putFile } from "../library";
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

/** ipfw(8)'s sets: where rules are that say none, and the one that nobody can disable. */
const SET = 0;
const ASIDE = 31;

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

  // `ip` would take IPv6 too, which neither of them lets through: docs/decisions/0009-nat-takes-only-ipv4.md.
  const rule = (input: GatewayInput, { protocol = "ip4", set = SET } = {}) =>
    sh`ipfw -q add ${[input.ruleNumber, "set", set, ...translator.action.split(" "), protocol]} from any to any via ${externalOf(input)}`;
  const hasRule = (input: GatewayInput, { protocol = "ip4", set = SET } = {}) =>
    sh`${hasNatRule} ${[input.ruleNumber, set, translator.listed, protocol, externalOf(input)]}`;
  const dropRule = ({ ruleNumber }: GatewayInput, set = SET) => sh`ipfw -q set ${set} delete ${ruleNumber}`;
  const listedRule = (input: GatewayInput, protocol = "ip4", set: number | string = SET) =>
    new RegExp(
      `^0*${input.ruleNumber} set ${set} (${translator.listed}) ${protocol} from any to any via ${externalOf(input).replaceAll(".", "\\.")}$`,
      "m",
    );

  const compareRule = (input: GatewayInput, listed: string): string[] => {
    const name = `${translator.action.split(" ")[0]} rule ${input.ruleNumber}`;
    if (listedRule(input, "ip", "\\d+").test(listed)) return [running(`the ${name} of ipfw takes IPv6 too`)];
    return listedRule(input).test(listed) ? [] : [running(`ipfw has no ${name}`)];
  };

  /** The rule of releases that took IPv6 too waits in another set until the rule is there, so that there always is one. */
  const before = (input: GatewayInput): Record<"aside" | "drop", Step> => {
    const aside = { protocol: "ip", set: ASIDE };
    return {
      aside: {
        what: "put the rule for all protocols aside",
        run: sh`{ ${rule(input, aside)} && ${dropRule(input)}; }`,
        unless: sh`${certainlyNot} ${hasRule(input, { protocol: "ip" })}`,
        undo: sh`{ ${rule(input, { protocol: "ip" })} && ${dropRule(input, ASIDE)}; }`,
        cuts: true,
      },
      drop: {
        run: dropRule(input, ASIDE),
        unless: sh`${certainlyNot} ${hasRule(input, aside)}`,
        undo: rule(input, aside),
        cuts: true,
      },
    };
  };

  /** The article's script; rc(8) runs it at boot through `firewall_script`. */
  const firewallScript = (input: GatewayInput) => `#!/bin/sh
${headerLine(input.owner)}
fwcmd="/sbin/ipfw -q"
eif="${externalOf(input)}"
\${fwcmd} -f flush
# NAT rule
${translator.script(`\${fwcmd} add ${input.ruleNumber} ${translator.action} ip4 from any to any via \${eif}`)}`;

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
          ...(previous ? [before(previous).aside] : []),
          {
            run: rule(input),
            unless: hasRule(input),
            undo: dropRule(input),
            cuts: true,
          },
          ...(previous ? [before(previous).drop] : []),
          ...(moved
            ? [
                {
                  run: dropRule(previous),
                  unless: sh`${certainlyNot} ${hasRule(previous)}`,
                  undo: rule(previous),
                  cuts: true,
                },
              ]
            : []),
          ...turnOn(previous === undefined),
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
            run: dropRule(state),
            unless: sh`${certainlyNot} ${hasRule(state, { protocol: "ip4?" })}`,
            undo: rule(state),
            cuts: true,
          },
          before(state).drop,
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
        rules: askOutput(sh`ipfw -S list ${input.ruleNumber}`, /does not exist|Protocol not available/),
        enabled: askOn,
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
        ...compareRule(input, answers.rules),
        ...compareOn(answers.enabled),
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
