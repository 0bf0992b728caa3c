import type { VnetJailInput as Input } from "../kinds/vnet-jail";
import { awaitJailEnd, certainlyNot, hasRoute, isMounted, jailRuns } from "../library";
import {
  beginJail,
  clearMounts,
  endJail,
  hasCpus,
  hasLimit,
  jailHas,
  mountInJail,
  setDevices,
} from "../library/jail";
import { keepAddresses } from "../owned";
import { mustParseCidr } from "../scalars";
import type { Step } from "../script";
import { type Sh, sh } from "../sh";
import {
  afterEnd,
  confPath,
  cpusText,
  gatewaysOf,
  inRoot,
  type limitsOf,
  liveParameters,
  mountsOf,
  nameOf,
  rulesetOf,
  typedParameters,
} from "./files";

/** Seconds that a jail has to stop, beside its `stop.timeout`, and then to die. */
const STOPPING = 120;
const DYING = 120;

/** There is nothing running to be changed: for certain. */
const isStopped = (name: string): Sh => sh`${certainlyNot} ${jailRuns} ${name}`;

export const startJail = (input: Input): Sh => sh`${beginJail} ${nameOf(input)} ${confPath(input)}`;

export function stopJail(input: Input): Sh {
  const name = nameOf(input);
  const seconds = STOPPING + (input.stopTimeout ?? 10);
  return sh`{ ${endJail} ${[name, confPath(input), input.owner, seconds, afterEnd(input)]} && ${awaitJailEnd} ${name} ${DYING}; }`;
}

export const startStep = (input: Input): Step => ({
  what: `jail -f ${confPath(input)} -c ${nameOf(input)}`,
  telling: "starting the jail",
  run: startJail(input),
  unless: sh`${jailRuns} ${nameOf(input)}`,
  undo: stopJail(input),
});

export const awaitEarlier = (input: Input): Step => ({
  what: `wait for an earlier jail ${nameOf(input)} to end`,
  telling: "waiting for an earlier jail of its name to end",
  run: sh`{ ${jailRuns} ${nameOf(input)} || ${awaitJailEnd} ${nameOf(input)} ${DYING}; }`,
});

/** jail(8) would mount over what is left of a jail that was ended with -R, and unmount only its own at the end. */
export const clearLeftovers = (previous: Input): Step => ({
  what: `unmount what an earlier jail ${nameOf(previous)} left`,
  run: sh`${clearMounts} ${mountsOf(previous)
    .reverse()
    .flatMap(({ target, type }) => [target, type])}`,
  unless: sh`${jailRuns} ${nameOf(previous)}`,
});

/** Steps by which a running jail gets what its file says, without a restart. */
export function keepRunning(input: Input, previous: Input | undefined): Step[] {
  return [
    ...keepParameters(input, previous),
    ...keepDevices(input, previous),
    ...keepMounts(input),
    ...keepInterfaces(input, previous),
    ...keepRoutes(input, previous),
    ...keepCpus(input, previous),
  ];
}

/** What the kernel gives a jail that says nothing. */
const ALLOWED = ["set_hostname", "reserved_ports", "suser", "unprivileged_proc_debug"];
const DEFAULTS: Readonly<Record<string, string>> = {
  securelevel: "-1",
  enforce_statfs: "2",
  "children.max": "0",
  sysvshm: "disable",
  sysvsem: "disable",
  sysvmsg: "disable",
  "host.domainname": "",
  "host.hostid": "0",
  "host.hostuuid": "00000000-0000-0000-0000-000000000000",
  ...Object.fromEntries(ALLOWED.map((name) => [`allow.${name}`, "true"])),
};

function keepParameters(input: Input, previous: Input | undefined): Step[] {
  const name = nameOf(input);
  const wanted = liveParameters(input);
  const had = previous ? liveParameters(previous) : new Map<string, string>();
  const set = (parameter: string, value: string | undefined) =>
    sh`jail -m ${[`name=${name}`, `${parameter}=${value ?? DEFAULTS[parameter] ?? "false"}`]}`;
  const gone = previous ? typedParameters(previous).keys() : [];
  return [...new Set([...wanted.keys(), ...gone])].map((parameter) => {
    const value = wanted.get(parameter) ?? DEFAULTS[parameter] ?? "false";
    return {
      run: set(parameter, value),
      unless: sh`${isStopped(name)} || ${jailHas} ${name} ${parameter} ${value}`,
      ...(previous && { undo: set(parameter, had.get(parameter)) }),
    };
  });
}

/**
 * Its /dev shows at once what the ruleset shows; see devfs(8). One that the jail does not mount may be the host's: then
 * the ruleset is only for what is mounted from within (devfs_vfsops.c, devfs_mount). The parameter comes last: by it
 * all counts as done.
 */
function keepDevices(input: Input, previous: Input | undefined): Step[] {
  const name = nameOf(input);
  const set = (of: Input) => {
    const parameter = sh`jail -m ${[`name=${name}`, `devfs_ruleset=${rulesetOf(of)}`]}`;
    if (!of.mountDevfs) return parameter;
    return sh`{ ${setDevices} ${inRoot(of, "/dev")} ${rulesetOf(of)} && ${parameter}; }`;
  };
  return [
    {
      what: `show the jail ${name} the devices of ruleset ${rulesetOf(input)}`,
      run: set(input),
      unless: sh`${isStopped(name)} || ${jailHas} ${name} devfs_ruleset ${rulesetOf(input)}`,
      ...(previous && { undo: set(previous) }),
    },
  ];
}

/** What is no longer declared is gone by the restart that it costs. */
function keepMounts(input: Input): Step[] {
  const name = nameOf(input);
  return mountsOf(input).map(({ source, target, type, options }) => ({
    what: `mount -t ${type} ${source} ${target}`,
    run: sh`${mountInJail} ${[input.path, target, type, source, options.join(",")]}`,
    unless: sh`${isStopped(name)} || ${isMounted} ${target} ${type}`,
    undo: sh`umount ${target}`,
  }));
}

const sidesOf = (of: Input | undefined) => (of?.interfaces ?? []).map(({ link }) => link.jailSide);

const addressesOn = (side: string, of: Input | undefined) =>
  (of?.interfaces ?? [])
    .filter(({ link }) => link.jailSide === side)
    .flatMap((nic) => nic.addresses.map(mustParseCidr));

function keepInterfaces(input: Input, previous: Input | undefined): Step[] {
  const name = nameOf(input);
  const stopped = isStopped(name);
  const enter = (side: string) => sh`ifconfig ${side} vnet ${name}`;
  const leave = (side: string) => sh`ifconfig ${side} -vnet ${name}`;
  const inside = (side: string) => sh`ifconfig -j ${name} ${side}`;
  const left = sidesOf(previous).filter((side) => !sidesOf(input).includes(side));
  return [
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
  ];
}

function keepRoutes(input: Input, previous: Input | undefined): Step[] {
  const name = nameOf(input);
  const stopped = isStopped(name);
  const wanted = gatewaysOf(input);
  const had = previous ? gatewaysOf(previous) : [];
  const route = (verb: string, family: string, gateway: readonly string[]) =>
    sh`route -j ${name} -q ${verb} ${`-${family}`} default ${gateway}`;
  const has = ({ family, gateway }: { family: string; gateway: string }) =>
    sh`${hasRoute} ${name} ${family} ${gateway}`;
  return [
    ...had
      .filter(({ family }) => !wanted.some((now) => now.family === family))
      .map((old) => ({
        run: route("delete", old.family, []),
        unless: sh`${stopped} || ! ${has(old)}`,
        undo: route("add", old.family, [old.gateway]),
      })),
    ...wanted.map((now) => {
      const { family, gateway } = now;
      const old = had.find((each) => each.family === family);
      return {
        run: sh`{ ${route("change", family, [gateway])} >/dev/null 2>&1 || ${route("add", family, [gateway])}; }`,
        what: `route -j ${name} add default ${gateway}`,
        unless: sh`${stopped} || ${has(now)}`,
        undo: old ? route("change", family, [old.gateway]) : route("delete", family, []),
      };
    }),
  ];
}

function keepCpus(input: Input, previous: Input | undefined): Step[] {
  const name = nameOf(input);
  const set = (list: string | undefined) => sh`cpuset -l ${list ?? "all"} -j ${name}`;
  if (input.cpuset !== undefined)
    return [
      {
        run: set(input.cpuset),
        unless: sh`${isStopped(name)} || ${hasCpus} ${name} ${cpusText(input.cpuset)}`,
        undo: set(previous?.cpuset),
      },
    ];
  const old = previous?.cpuset;
  // Nobody else's: a mask that is not ours is left alone.
  return old === undefined
    ? []
    : [
        {
          run: set(undefined),
          unless: sh`${isStopped(name)} || ${certainlyNot} ${hasCpus} ${name} ${cpusText(old)}`,
          undo: set(old),
        },
      ];
}

/** A rule is there by the jail's name, whether it runs or not: it holds from the first moment. */
export function keepLimits(wanted: readonly Limit[], had: readonly Limit[], name: string): Step[] {
  const add = ({ rule }: Limit) => sh`rctl -a ${rule}`;
  const drop = ({ printed }: Limit) => sh`rctl -r ${printed}`;
  const has = ({ printed }: Limit) => sh`${hasLimit} ${name} ${printed}`;
  const lacks = ({ printed }: Limit) => sh`${certainlyNot} ${hasLimit} ${name} ${printed}`;
  return [
    ...wanted.map((limit) => ({ run: add(limit), unless: has(limit), undo: drop(limit) })),
    ...had
      .filter((old) => !wanted.some((limit) => limit.printed === old.printed))
      .map((limit) => ({ run: drop(limit), unless: lacks(limit), undo: add(limit) })),
  ];
}

type Limit = ReturnType<typeof limitsOf>[number];
