import { fileNameOf } from "../common";
import { askFile } from "../freebsd/file";
import { type PortRedirect, publicSide, redirectText } from "../freebsd/natdconf";
import { rcText } from "../freebsd/rcconf";
import { running } from "../kind";
import { claimFile, fileIs, hasBlock, headerLine, putFile, unloadModule } from "../library";
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
import { mustParseCidr, type ParsedAddress, parseAddress } from "../scalars";
import type { Step } from "../script";
import { sh } from "../sh";
import {
  askForwarding,
  askOutput,
  defineEngine,
  externalOf,
  type Forwarding,
  forwarding,
  type GatewayInput,
  inForce,
  keepForwarding,
  type RedirectInput,
  stopForwarding,
} from "./engine";
import {
  claimPf,
  claimPort,
  pfAccepts,
  pfAnchor,
  pfCallsAnchors,
  pfEnabled,
  pfIsIdle,
  pfMain,
} from "./library";
import type { PortRange } from "./ports";
import { redirections, takesSsh } from "./redirections";

/*
 * pf(4): the rules of each resource are in an anchor of their own, `pulumi/NAME`, and in a file of their own. In
 * /etc/pf.conf stand only the lines that lead to them. Filter rules stay the administrator's: there are none of ours,
 * and without any pf lets everything pass.
 */

const PF_CONF = "/etc/pf.conf";

/** pfctl(8) wants translation before filter rules. */
const order = {
  before: "^[[:space:]]*(pass|block|match|anchor|antispoof)([[:space:]]|$)",
  check: "pfctl -nf",
};

/** Of the resource's own rules. An anchor's name has 63 characters at most, a file's is not to be a path. */
function anchorOf({ owner }: { owner: string }) {
  const id = fileNameOf(owner);
  return { anchor: `pulumi/${id}`, file: `/etc/pf.pulumi.${id}.conf` };
}

const familiesIn = (input: { ipv6?: unknown }): ParsedAddress["family"][] =>
  input.ipv6 ? ["inet", "inet6"] : ["inet"];

/** All but the host's own traffic; its first address, because others may serve something else. man page only: `!`, `:0` */
function gatewayRules(input: GatewayInput): string[] {
  const netif = externalOf(input);
  const { ipv6 } = input;
  return [
    `nat on ${netif} inet from ! (${netif}) to any -> (${netif}:0)`,
    ...(ipv6?.address === undefined
      ? []
      : [
          `nat on ${netif} inet6 from ${mustParseCidr(ipv6.network).text} to any -> ${parseAddress(ipv6.address)?.address}`,
        ]),
  ];
}

const pfPorts = ({ first, last }: PortRange) => (first === last ? `= ${first}` : `${first}:${last}`);

/** As `pfctl -P -sn` shows it, which pf.conf(5) takes as well. */
function redirectRule(netif: string, redirect: PortRedirect): string {
  const { protocol, targetAddress, targetPorts, publicAddress, publicPorts, from } = redirect;
  const family = targetAddress.includes(":") ? "inet6" : "inet";
  const target = targetPorts.first === targetPorts.last ? `${targetPorts.first}` : pfPorts(targetPorts);
  return (
    `rdr on ${netif} ${family} proto ${protocol} from ${from ?? "any"} to ${publicAddress ?? `(${netif})`}` +
    ` port ${pfPorts(publicPorts)} -> ${targetAddress} port ${target}`
  );
}

const redirectRules = (input: RedirectInput) =>
  redirections(input, familiesIn(input.gateway)).map((one) =>
    redirectRule(input.gateway.externalInterface, one),
  );

const fileText = ({ owner }: { owner: string }, rules: readonly string[]) =>
  [headerLine(owner), ...rules].join("\n");

const loadLine = (input: { owner: string }) => {
  const { anchor, file } = anchorOf(input);
  return `load anchor "${anchor}" from "${file}"`;
};

/** The lines by which the main rules lead to the anchors of all resources, and load this one's at boot. */
const gatewayLines = (input: GatewayInput): OwnLines => ({
  path: PF_CONF,
  owner: input.owner,
  text: ['nat-anchor "pulumi/*"', 'rdr-anchor "pulumi/*"', loadLine(input)].join("\n"),
  order,
});

/** The comments say which ports are taken, in the words of the other engines: `claimPort` reads them. */
const redirectLines = (input: RedirectInput): OwnLines => ({
  path: PF_CONF,
  owner: input.owner,
  text: [
    ...redirections(input, familiesIn(input.gateway)).map((one) => `# ${redirectText(one)}`),
    loadLine(input),
  ].join("\n"),
  order: { ...order, before: "" },
});

const forwardingOf = (input: GatewayInput): Forwarding[] => familiesIn(input).map((one) => forwarding[one]);

function rc(input: GatewayInput): RcLines {
  const values = {
    pf_enable: "YES",
    ...Object.fromEntries(forwardingOf(input).map((one) => [one.rc, "YES"])),
  };
  return { path: "/etc/rc.conf", owner: input.owner, values, words: {}, text: rcText(values, {}) };
}

const load = (input: { owner: string }): Step & { run: ReturnType<typeof sh> } => {
  const { anchor, file } = anchorOf(input);
  return { what: `load the rules of ${anchor}`, run: sh`${pfAnchor} ${anchor} ${file}` };
};

/** The resource's file and its lines in pf.conf, checked by pfctl(8) before anything is written. */
function keepRules(
  input: { owner: string },
  rules: readonly string[],
  previous: { owner: string; rules: readonly string[] } | undefined,
): Step[] {
  const { anchor, file } = anchorOf(input);
  const text = fileText(input, rules);
  const same = previous && anchorOf(previous).file === file;
  return [
    { what: `let pfctl check the rules of ${anchor}`, run: sh`${pfAccepts} ${anchor} ${text}` },
    { what: `look whether ${file} is free`, run: sh`${claimFile} ${file} ${headerLine(input.owner)}` },
    {
      what: `write ${file}`,
      run: sh`${putFile} ${file} ${text}`,
      unless: sh`${fileIs} ${file} ${text}`,
      undo: same ? sh`${putFile} ${file} ${fileText(previous, previous.rules)}` : sh`rm -f ${file}`,
    },
  ];
}

function dropRules(state: { owner: string }): Step[] {
  const { anchor, file } = anchorOf(state);
  return [
    {
      run: sh`pfctl -a ${anchor} -F nat`,
      unless: sh`[ -z "$(pfctl -a ${anchor} -sn 2>/dev/null)" ]`,
    },
    removeFile(file, state.owner),
  ];
}

/** Ports as numbers (`-P`, man page only); an anchor without rules does not exist. */
const askRules = (input: { owner: string }) =>
  askOutput(sh`pfctl -P -a ${anchorOf(input).anchor} -sn`, /No such file or directory/);

function compareRules(
  input: { owner: string },
  rules: readonly string[],
  { shown, file }: { shown: string; file: string | undefined },
): string[] {
  const { anchor, file: path } = anchorOf(input);
  // An interface whose name ends in a letter may be a group of several, which take turns.
  const said = shown
    .split("\n")
    .filter((line) => /^(nat|rdr|binat|no) /.test(line))
    .map((line) => line.replace(/ round-robin$/, ""));
  const same = said.length === rules.length && rules.every((rule) => said.includes(rule));
  return [
    ...(same
      ? []
      : [
          running(
            said.length === 0
              ? `pf has no rules in ${anchor}`
              : `the rules of pf in ${anchor} are not those of ${path}`,
          ),
        ]),
    ...compareFile(path, fileText(input, rules), file),
  ];
}

export const pf = defineEngine({
  dualStack: true,

  gateway: {
    ensure(input, previous) {
      const owner = previous?.owner ?? input.owner;
      const renamed = previous && previous.owner !== input.owner;
      return [
        {
          what: "look whether pf is free",
          run: sh`${claimPf} ${owner} ${externalOf(input)}`,
        },
        ...forwardingOf(input).map(keepForwarding),
        {
          run: sh`kldload pf`,
          unless: sh`kldstat -q -m pf`,
          undo: sh`kldunload pf`,
          made: "pf",
        },
        ...inForce(load(input), [
          ...keepRules(
            input,
            gatewayRules(input),
            previous && { owner: previous.owner, rules: gatewayRules(previous) },
          ),
          // Before the lines of rc.conf, by which a boot enables it: noted as ours even if that comes first.
          {
            what: "note that pf is not enabled",
            run: sh`:`,
            unless: sh`${pfEnabled}`,
            made: "pf enabled",
          },
          { what: `load ${PF_CONF}`, run: sh`:`, unless: sh`${pfCallsAnchors}`, undo: sh`${pfMain}` },
          ...keepLines(gatewayLines(input), previous && { ...gatewayLines(previous), drift: [] }),
          { what: `load ${PF_CONF}`, run: sh`${pfMain}`, unless: sh`${pfCallsAnchors}` },
        ]),
        {
          run: sh`pfctl -e`,
          unless: sh`${pfEnabled}`,
          undo: sh`pfctl -d`,
          made: "pf enabled",
          cuts: true,
        },
        ...keepLines(rc(input), previous && { ...rc(previous), drift: previous.drift }),
        ...(renamed ? dropRules(previous) : []),
      ];
    },

    remove(state) {
      const made = (what: string) => state.made?.includes(what) ?? false;
      return [
        dropLines(rc(state)),
        dropLines(gatewayLines(state)),
        { what: `load ${PF_CONF}`, run: sh`${pfMain}`, unless: sh`! ${pfCallsAnchors}` },
        ...dropRules(state),
        ...(made("pf enabled") ? [{ run: sh`pfctl -d`, unless: sh`! ${pfIsIdle} || ! ${pfEnabled}` }] : []),
        ...(made("pf")
          ? [{ what: "kldunload pf", run: sh`${unloadModule} pf`, unless: sh`! kldstat -q -m pf` }]
          : []),
        ...Object.values(forwarding)
          .filter(({ mark }) => made(mark))
          .map(stopForwarding),
      ];
    },

    questions: (input) => ({
      pf: askOutput(sh`pfctl -s info`, /No such file or directory/),
      main: askOutput(sh`pfctl -sn`, /No such file or directory/),
      shown: askRules(input),
      file: askFile(anchorOf(input).file),
      anchors: askLines(gatewayLines(input)),
      lines: askLines(rc(input)),
      forwarding: askForwarding(forwarding.inet),
      forwarding6: askForwarding(forwarding.inet6),
      ...askRc(rc(input)),
    }),

    gone: ({ file, anchors, lines }) => file === undefined && anchors === undefined && lines === undefined,

    compare: (input, answers) => [
      ...(/^Status: Enabled/m.test(answers.pf) ? [] : [running("pf is not enabled")]),
      ...(["nat", "rdr"].every((kind) => answers.main.includes(`${kind}-anchor "pulumi/*"`))
        ? []
        : [running('the main rules of pf do not call the anchors "pulumi/*"')]),
      ...compareRules(input, gatewayRules(input), answers),
      ...forwardingOf(input).flatMap(({ oid }) => {
        const value = oid === forwarding.inet.oid ? answers.forwarding : answers.forwarding6;
        return value === "1" ? [] : [running(`${oid} is ${value}`)];
      }),
      ...compareLines(gatewayLines(input), answers.anchors),
      ...compareRc(rc(input), answers.lines, answers),
    ],
  },

  redirect: {
    ensure(input, previous) {
      const renamed = previous && previous.owner !== input.owner;
      return [
        ...redirections(input, familiesIn(input.gateway)).map((one) => ({
          what: `look whether ${one.protocol} port ${publicSide(one)} is free`,
          run: sh`${claimPort} ${[PF_CONF, previous?.owner ?? input.owner, one.protocol, publicSide(one)]}`,
          ...(renamed && { unless: sh`${hasBlock} ${PF_CONF} ${input.owner}` }),
        })),
        ...inForce({ ...load(input), cuts: takesSsh(input) }, [
          ...keepRules(
            input,
            redirectRules(input),
            previous && { owner: previous.owner, rules: redirectRules(previous) },
          ),
          ...keepLines(redirectLines(input), previous && { ...redirectLines(previous), drift: [] }),
        ]),
        ...(renamed ? dropRules(previous) : []),
      ];
    },

    remove: (state) => [dropLines(redirectLines(state)), ...dropRules(state)],

    questions: (input) => ({
      shown: askRules(input),
      file: askFile(anchorOf(input).file),
      lines: askLines(redirectLines(input)),
    }),

    gone: ({ file, lines }) => file === undefined && lines === undefined,

    compare: (input, answers) => [
      ...compareRules(input, redirectRules(input), answers),
      ...compareLines(redirectLines(input), answers.lines),
    ],
  },
});
