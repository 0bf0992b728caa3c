import { z } from "zod";
import { commonShape, internalShape, targetOf } from "../common";
import { askFile } from "../freebsd/file";
import { gatewayText, NATD_CONF } from "../freebsd/natdconf";
import { rcText } from "../freebsd/rcconf";
import { atBoot, defineKind, running } from "../kind";
import {
  claimFile,
  claimFirewall,
  fileIs,
  hasDivertRule,
  headerLine,
  natdCurrent,
  putFile,
  unloadModule,
} from "../library";
import {
  askLines,
  askRc,
  compareLines,
  compareRc,
  dropLines,
  keepLines,
  type OwnLines,
  type RcLines,
} from "../owned";
import { type Question, Unreadable } from "../question";
import { interfaceName } from "../scalars";
import { type InputOf, live, replace } from "../schema";
import { sh } from "../sh";

export const natGatewayShape = {
  ...commonShape,
  /**
   * What translates addresses: natd(8) behind an ipfw(8) divert rule, as in the article.
   * @default "natd"
   */
  engine: replace(z.enum(["natd"], { error: 'not one of "natd"' }).default("natd")),
  /**
   * The interface to the outside; its address is what the jails' traffic appears from.
   * @default the one of the host's default route
   */
  externalInterface: replace(interfaceName.optional()),
  /**
   * Number of the divert rule, 1 to 65534.
   * @default 65532
   */
  ruleNumber: live(
    z
      .int()
      .min(1)
      .max(65534, { error: "ipfw(8) has rules 1 to 65534; 65535 is the kernel's own" })
      .default(65532),
  ),
  ...internalShape,
};

export type NatGatewayOutputs = Record<never, never>;

type Input = InputOf<typeof natGatewayShape>;

const IPFW_CONF = "/etc/ipfw.conf";
const LOADER_CONF = "/boot/loader.conf";
const ACCEPT = "net.inet.ip.fw.default_to_accept";
const FORWARDING = "net.inet.ip.forwarding";

const externalOf = (input: Input) => input.externalInterface as string;

/** The article's script; rc(8) runs it at boot through `firewall_script`. */
function firewallScript({ owner, ruleNumber, ...input }: Input): string {
  return `#!/bin/sh
${headerLine(owner)}
fwcmd="/sbin/ipfw -q"
eif="${externalOf({ owner, ruleNumber, ...input })}"
\${fwcmd} -f flush
# NAT rule
\${fwcmd} add ${ruleNumber} divert natd ip from any to any via \${eif}`;
}

function rc(input: Input): RcLines {
  const values = {
    gateway_enable: "YES",
    firewall_enable: "YES",
    firewall_script: IPFW_CONF,
    natd_enable: "YES",
    natd_flags: `-f ${NATD_CONF}`,
  };
  return { path: "/etc/rc.conf", owner: input.owner, values, words: {}, text: rcText(values, {}) };
}

const natd = (input: Input): OwnLines => ({
  path: NATD_CONF,
  owner: input.owner,
  text: gatewayText(externalOf(input)),
});

/** ipfw without it denies all when it is loaded, the SSH session first. */
const loader = (input: Input): OwnLines => ({ path: LOADER_CONF, owner: input.owner, text: `${ACCEPT}="1"` });

const rule = (input: Input) =>
  sh`ipfw -q add ${input.ruleNumber} divert natd ip from any to any via ${externalOf(input)}`;

function askPlain(key: string, ask: ReturnType<typeof sh>, absent: RegExp): Question<string> {
  return {
    key,
    ask,
    read(answer) {
      if (answer.status === 0) return answer.text.trim();
      if (absent.test(answer.text)) return "";
      throw new Unreadable(ask.text, answer);
    },
  };
}

export const natGateway = defineKind({
  name: "NatGateway",
  noun: "NAT gateway",
  inputs: natGatewayShape,
  outputs: [],
  id: (input) => `${input.engine}:${externalOf(input)}`,
  target: (input) => targetOf(input.host),

  derive: (input) =>
    input.externalInterface === undefined && input.host?.externalInterface !== undefined
      ? { externalInterface: input.host.externalInterface }
      : {},

  relations(input, report) {
    if (input.externalInterface === "") {
      report(
        "externalInterface",
        "the host has no default route to take it from: name the interface to the outside",
      );
    }
  },

  /*
   * The order keeps the SSH connection: ipfw accepts by default before it is loaded, natd listens before a rule
   * sends packets its way (lessons 1 and 2 of the recorded host).
   */
  ensure(input, previous) {
    const owner = previous?.owner ?? input.owner;
    const moved = previous && previous.ruleNumber !== input.ruleNumber;
    return [
      {
        what: "look whether the host's firewall is free",
        run: sh`{ ${claimFirewall} ${NATD_CONF} ${owner} && ${claimFile} ${IPFW_CONF} ${headerLine(owner)}; }`,
      },
      {
        run: sh`sysctl ${`${FORWARDING}=1`}`,
        unless: sh`[ "$(sysctl -n ${FORWARDING})" = 1 ]`,
        undo: sh`sysctl ${`${FORWARDING}=0`}`,
        made: "forwarding",
      },
      {
        run: sh`kenv ${`${ACCEPT}=1`}`,
        unless: sh`[ "$(kenv -q ${ACCEPT})" = 1 ]`,
        undo: sh`kenv -u ${ACCEPT}`,
        made: "kenv",
      },
      ...["ipfw", "ipdivert"].map((name) => ({
        run: sh`kldload ${name}`,
        unless: sh`kldstat -q -m ${name}`,
        undo: sh`kldunload ${name}`,
        made: name,
      })),
      ...keepLines(loader(input), previous && loader(previous)),
      ...keepLines(natd(input), previous && { ...natd(previous), drift: [] }),
      {
        what: `write ${IPFW_CONF}`,
        run: sh`${putFile} ${IPFW_CONF} ${firewallScript(input)}`,
        unless: sh`${fileIs} ${IPFW_CONF} ${firewallScript(input)}`,
        undo: previous ? sh`${putFile} ${IPFW_CONF} ${firewallScript(previous)}` : sh`rm -f ${IPFW_CONF}`,
      },
      ...keepLines(rc(input), previous && { ...rc(previous), drift: previous.drift }),
      {
        what: "start natd",
        run: sh`${natdCurrent}`,
        undo: previous ? sh`${natdCurrent}` : sh`service natd onestop`,
      },
      {
        run: rule(input),
        unless: sh`${hasDivertRule} ${input.ruleNumber} ${externalOf(input)}`,
        undo: sh`ipfw -q delete ${input.ruleNumber}`,
      },
      ...(moved
        ? [
            {
              run: sh`ipfw -q delete ${previous.ruleNumber}`,
              unless: sh`! ${hasDivertRule} ${previous.ruleNumber} ${externalOf(previous)}`,
              undo: rule(previous),
            },
          ]
        : []),
    ];
  },

  remove(state) {
    const made = (what: string) => state.made?.includes(what) ?? false;
    return [
      {
        run: sh`ipfw -q delete ${state.ruleNumber}`,
        unless: sh`! ${hasDivertRule} ${state.ruleNumber} ${externalOf(state)}`,
      },
      { what: "stop natd", run: sh`service natd onestop`, unless: sh`! service natd onestatus` },
      dropLines(rc(state)),
      { run: sh`rm -f ${IPFW_CONF}`, unless: sh`! grep -qxF -e ${headerLine(state.owner)} ${IPFW_CONF}` },
      dropLines(natd(state)),
      ...["ipdivert", "ipfw"].filter(made).map((name) => ({
        what: `kldunload ${name}`,
        run: sh`${unloadModule} ${name}`,
        unless: sh`! kldstat -q -m ${name}`,
      })),
      dropLines(loader(state)),
      ...(made("kenv") ? [{ run: sh`kenv -u ${ACCEPT}`, unless: sh`! kenv -q ${ACCEPT}` }] : []),
      ...(made("forwarding") ? [{ run: sh`sysctl ${`${FORWARDING}=0`}` }] : []),
    ];
  },

  questions: (input) => ({
    forwarding: askPlain(FORWARDING, sh`sysctl -n ${FORWARDING}`, /$^/),
    natd: askPlain("natd", sh`service natd onestatus`, /natd is not running/),
    rules: askPlain(
      `ipfw ${input.ruleNumber}`,
      sh`ipfw list ${input.ruleNumber}`,
      /does not exist|Protocol not available/,
    ),
    script: askFile(IPFW_CONF),
    config: askLines(natd(input)),
    loader: askLines(loader(input)),
    lines: askLines(rc(input)),
    ...askRc(rc(input)),
  }),

  gone: ({ config, lines, script }) => config === undefined && lines === undefined && script === undefined,

  compare: (input, answers) => [
    ...(answers.natd === "" ? [running("natd does not run")] : []),
    ...(divertRule(input).test(answers.rules)
      ? []
      : [running(`ipfw has no divert rule ${input.ruleNumber}`)]),
    ...(answers.forwarding === "1" ? [] : [running(`${FORWARDING} is ${answers.forwarding}`)]),
    ...(answers.script === `${firewallScript(input)}\n`
      ? []
      : [atBoot(`${IPFW_CONF} ${answers.script === undefined ? "is gone" : "was changed"}`)]),
    ...compareLines(natd(input), answers.config),
    ...compareLines(loader(input), answers.loader),
    ...compareRc(rc(input), answers.lines, answers),
  ],

  observe: (): NatGatewayOutputs => ({}),
  timeoutMs: 180_000,
});

const divertRule = (input: Input) =>
  new RegExp(
    `^0*${input.ruleNumber} divert (8668|natd) ip from any to any via ${externalOf(input).replaceAll(".", "\\.")}$`,
    "m",
  );
