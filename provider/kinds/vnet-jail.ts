import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { commonShape, internalShape, logicalName, targetOf } from "../common";
import { askFile } from "../freebsd/file";
import { askInterface, type InterfaceState } from "../freebsd/interface";
import { askDefaultRoute, askJail, type JailState as JailAnswer } from "../freebsd/jail";
import { includes, type JailParameter, jailBlock } from "../freebsd/jailconf";
import { askRcVariable, rcText } from "../freebsd/rcconf";
import { atBoot, defineKind, running, type State } from "../kind";
import {
  awaitJailEnd,
  claimJail,
  fileIs,
  hasRoute,
  headerLine,
  includesJail,
  jailIsListed,
  jailRuns,
  putFile,
} from "../library";
import {
  askLines,
  askRc,
  compareRc,
  dropLines,
  keepAddresses,
  keepLines,
  type OwnLines,
  type RcLines,
} from "../owned";
import {
  absolutePath,
  cidr,
  hostname,
  interfaceName,
  ipAddress,
  jailCommand,
  jailName,
  mustParseCidr,
  parseAddress,
} from "../scalars";
import { type InputOf, live, type Reference, reference, replace, restart } from "../schema";
import type { Step } from "../script";
import { type Sh, sh } from "../sh";

export const linkReferenceShape = {
  jailSide: interfaceName,
  /** The addresses of the bridge that the link is on: the jail's must lie within their subnets. */
  subnets: z.array(cidr),
};

export type LinkReference = Reference<"EpairLink", z.output<z.ZodObject<typeof linkReferenceShape>>>;

export const jailInterfaceShape = {
  /** The link whose jail side ("b") the jail takes over as its interface. */
  link: reference("EpairLink", linkReferenceShape, ["jailSide"]),
  /** The jail's addresses on it, with prefix length, IPv4 or IPv6; within the subnets of the link's bridge. */
  addresses: z.array(cidr).min(1, { error: "give the interface at least one address" }),
};

const commands = z.array(jailCommand);

export const vnetJailShape = {
  ...commonShape,
  /**
   * The jail's name.
   * @default the resource's name
   */
  name: replace(jailName.optional()),
  /** Absolute path of the jail's root on the host: the `path` of a `JailRoot`. See jail(8). */
  path: replace(absolutePath),
  /**
   * `host.hostname` within the jail.
   * @default the jail's name
   */
  hostname: live(hostname.optional()),
  /**
   * The jail's network interfaces.
   * @default [] (it has only lo0)
   */
  interfaces: live(z.array(z.strictObject(jailInterfaceShape)).default([])),
  /**
   * The jail's default router: an address within the subnet of one of its interfaces.
   * @default none: the jail reaches only its own subnets
   */
  gateway: live(ipAddress.optional()),
  /**
   * Number of the devfs ruleset for the jail's /dev, 1 to 65535. It must be loaded: 4 is the usual one for
   * jails, 5 the one for vnet jails. See devfs(8).
   * @default 5
   */
  devfsRuleset: restart(z.int().min(1).max(65535).default(5)),
  /**
   * Commands run in the jail to start it, after its interfaces are configured. See `exec.start` in jail(8).
   * @default ["/bin/sh /etc/rc"]
   */
  start: restart(commands.default(["/bin/sh /etc/rc"])),
  /**
   * Commands run in the jail to stop it. See `exec.stop` in jail(8).
   * @default ["/bin/sh /etc/rc.shutdown jail"]
   */
  stop: live(commands.default(["/bin/sh /etc/rc.shutdown jail"])),
  ...internalShape,
};

export interface VnetJailOutputs {
  /** The running jail's number; another one after each start. */
  jid: number;
}

type Input = InputOf<typeof vnetJailShape>;
type JailState = State<typeof vnetJailShape, VnetJailOutputs>;

const nameOf = (input: Input) => input.name as string;
const hostnameOf = (input: Input) => input.hostname ?? nameOf(input);
const confPath = (input: Input) => `/etc/jail.conf.d/${nameOf(input)}.conf`;

/** The jail's own file, which `service jail` reads alone and /etc/jail.conf includes. */
function conf(input: Input): string {
  const name = nameOf(input);
  const configure = input.interfaces.flatMap(({ link, addresses }) =>
    addresses
      .map(mustParseCidr)
      .map((a, i) => `/sbin/ifconfig ${link.jailSide} ${a.family} ${a.text}${i === 0 ? "" : " alias"}`),
  );
  const route =
    input.gateway === undefined
      ? []
      : [
          `/sbin/route ${parseAddress(input.gateway)?.family === "inet6" ? "-6 " : ""}add default ${input.gateway}`,
        ];
  const sides = input.interfaces.map(({ link }) => link.jailSide);
  const parameters: JailParameter[] = [
    ["path", input.path],
    ["host.hostname", hostnameOf(input)],
    ["vnet"],
    ...(sides.length > 0 ? ([["vnet.interface", sides]] satisfies JailParameter[]) : []),
    ["persist"],
    ["mount.devfs"],
    ["devfs_ruleset", input.devfsRuleset],
    ["exec.clean"],
    ["exec.start", ["/sbin/ifconfig lo0 127.0.0.1/8", ...configure, ...route, ...input.start]],
    ...(input.stop.length > 0 ? ([["exec.stop", input.stop]] satisfies JailParameter[]) : []),
  ];
  return `${headerLine(input.owner)}\n# Written by Pulumi: what is changed here by hand is put back by the next "pulumi up --refresh".\n${jailBlock(name, parameters)}`;
}

/** Boot reads only /etc/jail.conf; some releases' \`service jail\` reads the jail's file alone. */
function includeLines(input: Input): OwnLines {
  return { path: "/etc/jail.conf", owner: input.owner, text: `.include "${confPath(input)}";` };
}

function rc(input: Input): RcLines {
  const name = nameOf(input);
  const values = { jail_enable: "YES" };
  // An empty jail_list means all jails; only a list that somebody made must have our name in it.
  const text = `${rcText(values, {})}\njail_list="\${jail_list:+\${jail_list} ${name}}"`;
  return { path: "/etc/rc.conf", owner: input.owner, values, words: {}, text };
}

const start = (input: Input): Sh => sh`jail -q -f ${confPath(input)} -c ${nameOf(input)}`;
const stop = (input: Input): Sh =>
  sh`{ jail -q -f ${confPath(input)} -r ${nameOf(input)} && ${awaitJailEnd} ${nameOf(input)} 120; }`;

const startStep = (input: Input, what?: string): Step => ({
  ...(what !== undefined && { what }),
  run: start(input),
  unless: sh`${jailRuns} ${nameOf(input)}`,
  undo: stop(input),
});

/** What of the jail's file cannot be applied to the running jail. */
const needsRestart = (input: Input, previous: Input) =>
  input.devfsRuleset !== previous.devfsRuleset || !isDeepStrictEqual(input.start, previous.start);

const addressesOn = (side: string, of: Input | undefined) =>
  (of?.interfaces ?? [])
    .filter(({ link }) => link.jailSide === side)
    .flatMap((nic) => nic.addresses.map(mustParseCidr));

const sidesOf = (of: Input | undefined) => (of?.interfaces ?? []).map(({ link }) => link.jailSide);

/** Steps by which a running jail gets what its file says, without a restart; ifconfig -j and route -j need 14.0. */
function keepRunning(input: Input, previous: Input | undefined): Step[] {
  const name = nameOf(input);
  const stopped = sh`! ${jailRuns} ${name}`;
  const named = (hostname: string) => sh`jail -m ${[`name=${name}`, `host.hostname=${hostname}`]}`;
  const enter = (side: string) => sh`ifconfig ${side} vnet ${name}`;
  const leave = (side: string) => sh`ifconfig ${side} -vnet ${name}`;
  const inside = (side: string) => sh`ifconfig -j ${name} ${side}`;
  const left = sidesOf(previous).filter((side) => !sidesOf(input).includes(side));
  return [
    {
      run: named(hostnameOf(input)),
      unless: sh`${stopped} || [ "$(jls -j ${name} host.hostname)" = ${hostnameOf(input)} ]`,
      ...(previous && { undo: named(hostnameOf(previous)) }),
    },
    ...left.map((side) => ({
      run: leave(side),
      unless: sh`${stopped} || ! ${inside(side)}`,
      undo: enter(side),
    })),
    ...sidesOf(input).flatMap((side) => [
      { run: enter(side), unless: sh`${stopped} || ${inside(side)}`, undo: leave(side) },
      { run: sh`ifconfig -j ${name} ${side} up`, unless: stopped },
      ...keepAddresses(side, addressesOn(side, input), addressesOn(side, previous), name),
    ]),
    ...keepRoute(input, previous, stopped),
  ];
}

function keepRoute(input: Input, previous: Input | undefined, stopped: Sh): Step[] {
  const name = nameOf(input);
  const family = (gateway: string) => parseAddress(gateway)?.family ?? "inet";
  const route = (verb: string, gateway: string) =>
    sh`route -j ${name} -q ${verb} ${`-${family(gateway)}`} default ${verb === "delete" ? [] : [gateway]}`;
  const { gateway } = input;
  const old = previous?.gateway;
  const gone = old !== undefined && (gateway === undefined || family(gateway) !== family(old)) ? [old] : [];
  return [
    ...gone.map((was) => ({
      run: route("delete", was),
      unless: sh`${stopped} || ! ${hasRoute} ${name} ${family(was)} ${was}`,
      undo: route("add", was),
    })),
    ...(gateway === undefined
      ? []
      : [
          {
            run: sh`{ ${route("change", gateway)} >/dev/null 2>&1 || ${route("add", gateway)}; }`,
            what: `route -j ${name} add default ${gateway}`,
            unless: sh`${stopped} || ${hasRoute} ${name} ${family(gateway)} ${gateway}`,
            undo:
              old === undefined || family(old) !== family(gateway)
                ? route("delete", gateway)
                : route("change", old),
          },
        ]),
  ];
}

export const vnetJail = defineKind({
  name: "VnetJail",
  noun: "jail",
  inputs: vnetJailShape,
  outputs: ["jid"],
  id: nameOf,
  target: (input) => targetOf(input.host),

  derive: ({ name, owner }) =>
    name === undefined && owner !== undefined ? { name: logicalName(owner) } : {},

  relations(input, report) {
    input.interfaces?.forEach((nic, i) => {
      const subnets = nic?.link?.subnets;
      nic?.addresses?.forEach((text, j) => {
        if (text === undefined || subnets === undefined || subnets.some((s) => s === undefined)) return;
        const address = mustParseCidr(text);
        const same = subnets
          .map((s) => mustParseCidr(s as string))
          .filter((s) => s.family === address.family);
        const property = `interfaces[${i}].addresses[${j}]`;
        if (same.length === 0) return;
        if (!same.some((s) => s.contains(address))) {
          report(
            property,
            `${text} is outside the bridge's subnet: the bridge has ${same.map((s) => s.text).join(", ")}`,
          );
        } else if (same.some((s) => s.address === address.address)) {
          report(
            property,
            `${address.address} is the bridge's own address: give the jail another one of its subnet`,
          );
        }
      });
    });
    const addresses = input.interfaces?.flatMap((nic) => nic?.addresses ?? [undefined]);
    if (input.gateway === undefined || addresses === undefined || addresses.some((a) => a === undefined))
      return;
    const gateway = parseAddress(input.gateway);
    const subnets = addresses.map((a) => mustParseCidr(a as string));
    if (gateway && !subnets.some((s) => s.contains(gateway))) {
      report(
        "gateway",
        `${input.gateway} is in no subnet of the jail's interfaces (${subnets.map((s) => s.text).join(", ") || "it has none"})`,
      );
    }
  },

  ensure(input, previous) {
    const name = nameOf(input);
    const path = confPath(input);
    const owner = previous?.owner ?? input.owner;
    const restarts = previous !== undefined && needsRestart(input, previous);
    return [
      {
        what: `look whether the jail ${name} is free`,
        run: sh`${claimJail} ${name} ${path} ${owner}`,
      },
      ...(restarts
        ? [
            {
              what: `stop the jail ${name}`,
              run: stop(previous),
              unless: sh`! ${jailIsListed} ${name}`,
              undo: start(previous),
            },
          ]
        : []),
      { run: sh`mkdir -p /etc/jail.conf.d` },
      {
        what: `write ${path}`,
        run: sh`${putFile} ${path} ${conf(input)}`,
        unless: sh`${fileIs} ${path} ${conf(input)}`,
        undo: previous ? sh`${putFile} ${path} ${conf(previous)}` : sh`rm -f ${path}`,
      },
      ...keepInclude(input, previous),
      ...keepLines(rc(input), previous && { ...rc(previous), drift: previous.drift }),
      {
        what: `wait for an earlier jail ${name} to end`,
        run: sh`{ ${jailRuns} ${name} || ${awaitJailEnd} ${name} 120; }`,
      },
      startStep(input),
      ...keepRunning(input, previous),
    ];
  },

  remove(state) {
    const name = nameOf(state);
    const path = confPath(state);
    return [
      {
        what: `stop the jail ${name}`,
        run: sh`{ if grep -qxF -e ${headerLine(state.owner)} ${path} 2>/dev/null; then jail -q -f ${path} -r ${name}; else jail -q -r ${name}; fi && ${awaitJailEnd} ${name} 120; }`,
        unless: sh`! ${jailIsListed} ${name}`,
      },
      // What service(8) leaves of a jail that it started and that was not stopped through it.
      { run: sh`rm -f ${`/var/run/jail_${name}.id`}` },
      dropLines(includeLines(state)),
      dropLines(rc(state)),
      { run: sh`rm -f ${path}`, unless: sh`! grep -qxF -e ${headerLine(state.owner)} ${path}` },
    ];
  },

  questions: (input) => ({
    jail: askJail(nameOf(input), ["jid", "path", "host.hostname", "devfs_ruleset"]),
    conf: askFile(confPath(input)),
    main: askFile("/etc/jail.conf"),
    lines: askLines(rc(input)),
    list: askRcVariable("jail_list"),
    route: askDefaultRoute(nameOf(input), parseAddress(input.gateway ?? "")?.family ?? "inet"),
    ...Object.fromEntries(
      input.interfaces.map(({ link }) => [
        `nic:${link.jailSide}`,
        askInterface(link.jailSide, nameOf(input)),
      ]),
    ),
    ...askRc(rc(input)),
  }),

  gone: ({ jail, conf, lines }) => jail === undefined && conf === undefined && lines === undefined,

  compare(input, answers) {
    const name = nameOf(input);
    const path = confPath(input);
    const found = compareJail(
      input,
      answers.jail,
      answers.route,
      (side) => (answers as Record<string, unknown>)[`nic:${side}`] as never,
    );
    if (answers.conf === undefined) found.push(atBoot(`${path} is gone`));
    else if (answers.conf !== `${conf(input)}\n`) found.push(atBoot(`${path} was changed`));
    if (!includes(answers.main, path)) found.push(atBoot(`/etc/jail.conf does not include ${path}`));
    found.push(...compareRc(rc(input), answers.lines, answers));
    const list = answers.list.trim();
    if (answers.lines !== undefined && list !== "" && !list.split(/\s+/).includes(name)) {
      found.push(atBoot(`jail_list in /etc/rc.conf lacks ${name}`));
    }
    return found;
  },

  observe: (_input, { jail }): VnetJailOutputs => ({
    jid: jail?.state === "running" ? Number(jail.parameters.get("jid")) : 0,
  }),
  timeoutMs: 600_000,
});

/** Only when /etc/jail.conf does not read all of the folder anyway. */
function keepInclude(input: Input, previous: JailState | undefined): Step[] {
  const steps = keepLines(includeLines(input), previous && { ...includeLines(previous), drift: [] });
  return steps.map((step, i) =>
    i === 0 ? { ...step, unless: sh`${includesJail} ${confPath(input)}` } : step,
  );
}

function compareJail(
  input: Input,
  jail: JailAnswer | undefined,
  route: string | undefined,
  nic: (side: string) => InterfaceState | undefined,
): string[] {
  const name = nameOf(input);
  if (!jail) return [running(`the jail ${name} is stopped`)];
  if (jail.state === "dying") return [running(`the jail ${name} is dying`)];
  const found: string[] = [];
  const expected: [parameter: string, value: string][] = [
    ["path", input.path],
    ["host.hostname", hostnameOf(input)],
    ["devfs_ruleset", String(input.devfsRuleset)],
  ];
  for (const [parameter, value] of expected) {
    const actual = jail.parameters.get(parameter);
    if (actual !== value) found.push(running(`${parameter} of the jail ${name} is ${actual}`));
  }
  for (const { link, addresses } of input.interfaces) {
    const state = nic(link.jailSide);
    if (!state) {
      found.push(running(`the jail ${name} has lost ${link.jailSide}`));
      continue;
    }
    if (!state.up) found.push(running(`${link.jailSide} in the jail ${name} is down`));
    for (const { text } of addresses.map(mustParseCidr)) {
      if (!state.addresses.includes(text))
        found.push(running(`${link.jailSide} in the jail ${name} lacks ${text}`));
    }
  }
  if (input.gateway !== undefined && route !== input.gateway) {
    found.push(running(`the default route of the jail ${name} is ${route ?? "gone"}`));
  }
  return found;
}
