import { type JailParameter, jailBlock } from "../freebsd/jailconf";
import { rcText } from "../freebsd/rcconf";
import type { VnetJailInput as Input } from "../kinds/vnet-jail";
import { headerLine } from "../library";
import type { OwnLines, RcLines } from "../owned";
import { readsIncludes } from "../releases";
import { mustParseCidr, parseAddress } from "../scalars";
import { sh } from "../sh";
import { amountOf, cpusOf } from "./scalars";

/*
 * What the files say that bring a jail back at boot: its own two, and its lines in shared ones.
 */

const WRITTEN =
  '# Written by Pulumi: what is changed here by hand is put back by the next "pulumi up --refresh".';

export const nameOf = (input: Input) => input.name as string;
export const hostnameOf = (input: Input) => input.hostname ?? nameOf(input);

export const rulesetOf = ({ devfsRuleset }: Input) =>
  typeof devfsRuleset === "number" ? devfsRuleset : devfsRuleset.number;

/** Boot reads /etc/jail.conf and what that includes; `service jail onestart NAME` finds either. */
export const confPath = (input: Input) =>
  input.startAtBoot ? `/etc/jail.conf.d/${nameOf(input)}.conf` : `/etc/jail.${nameOf(input)}.conf`;

export const fstabPath = (input: Input) => `/etc/fstab.${nameOf(input)}`;

/** A folder of the jail as the host sees it. */
export const inRoot = ({ path }: Input, folder: string) => `${path === "/" ? "" : path}${folder}`;

/** The default routers, one of each family at most. */
export function gatewaysOf(input: Input): { family: "inet" | "inet6"; gateway: string }[] {
  return [input.gateway, input.gateway6].flatMap((given) => {
    const parsed = parseAddress(given ?? "");
    return parsed ? [{ family: parsed.family, gateway: parsed.address }] : [];
  });
}

/** Declared parameters of the kernel, as jls(8) prints their values. */
function kernelParameters(input: Input): [name: string, value: string][] {
  const declared: (readonly [string, string | number | boolean | undefined])[] = [
    ["securelevel", input.securelevel],
    ["enforce_statfs", input.enforceStatfs],
    ["children.max", input.childrenMax],
    ["sysvshm", input.sysvshm],
    ["sysvsem", input.sysvsem],
    ["sysvmsg", input.sysvmsg],
    ...Object.entries(input.allow).map(([name, value]) => [`allow.${name}`, value] as const),
  ];
  return declared.flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]));
}

/** Those of `parameters` that `jail -m` changes in a running jail, as jls(8) prints their values. */
export function livelyParameters(parameters: Input["parameters"]): [name: string, value: string][] {
  return Object.entries(parameters).flatMap(([name, value]) => {
    // jail(8) keeps allow.dying to itself: the kernel knows no such parameter.
    const isSwitch = /^allow\.(?!dying$)(.*\.)?(?!no)[^.]*$/.test(name) && typeof value === "boolean";
    const isName = /^host\.(domainname|hostuuid|hostid)$/.test(name) && /^[\w.-]+$/.test(String(value));
    return isSwitch || isName ? [[name, String(value)]] : [];
  });
}

/** What `jail -m` changes in a running jail, and gives back when it is no longer declared. */
export const typedParameters = (input: Input) =>
  new Map([["host.hostname", hostnameOf(input)], ...kernelParameters(input)]);

/** What `jail -m` changes in a running jail. */
export const liveParameters = (input: Input) =>
  new Map([...typedParameters(input), ...livelyParameters(input.parameters)]);

/** `allow.raw_sockets`, `allow.noraw_sockets` */
const negated = (name: string) => name.replace(/([^.]*)$/, "no$1");

/** The processors as cpuset(1) prints them. */
export const cpusText = (list: string) => cpusOf(list)?.join(", ") ?? "";

/** What the jail is, for jail.conf(5). */
function parametersOf(input: Input): JailParameter[] {
  const name = nameOf(input);
  const one = (parameter: string, value: string | number | undefined): JailParameter[] =>
    value === undefined ? [] : [[parameter, value]];
  const list = (parameter: string, values: readonly string[]): JailParameter[] =>
    values.length > 0 ? [[parameter, values]] : [];
  const flag = (parameter: string, on: boolean): JailParameter[] => (on ? [[parameter]] : []);
  const sides = input.interfaces.map(({ link }) => link.jailSide);
  const kernel = kernelParameters(input).map(([parameter, value]): JailParameter => {
    if (!parameter.startsWith("allow.")) return [parameter, /^-?\d+$/.test(value) ? Number(value) : value];
    return [value === "true" ? parameter : negated(parameter)];
  });
  const cpus = input.cpuset === undefined ? [] : [`/usr/bin/cpuset -l ${input.cpuset} -j ${name}`];
  return [
    ...one("jid", input.fixedJid),
    ["path", input.path],
    ["host.hostname", hostnameOf(input)],
    ["vnet"],
    ...list("vnet.interface", sides),
    ["persist"],
    ...(input.mounts.length > 0 ? one("mount.fstab", fstabPath(input)) : []),
    ...flag("mount.devfs", input.mountDevfs),
    ["devfs_ruleset", rulesetOf(input)],
    ...flag("mount.fdescfs", input.mountFdescfs),
    ...flag("mount.procfs", input.mountProcfs),
    ...kernel,
    ["exec.clean"],
    ...list("exec.prepare", input.prepare),
    ...list("exec.prestart", input.prestart),
    ...list("exec.created", [...cpus, ...input.created]),
    ["exec.start", [...configureNetwork(input), ...input.start]],
    ...list("exec.poststart", input.poststart),
    ...list("exec.prestop", input.prestop),
    ...list("exec.stop", input.stop),
    ...list("exec.poststop", input.poststop),
    ...list("exec.release", input.release),
    ...one("stop.timeout", input.stopTimeout),
    ...list(
      "depend",
      input.depend.map((jail) => (typeof jail === "string" ? jail : jail.name)),
    ),
    ...Object.entries(input.parameters).map(
      ([parameter, value]): JailParameter =>
        value === true ? [parameter] : [parameter, value === false ? "false" : value],
    ),
  ];
}

export const isIncluded = ({ host }: Input) => readsIncludes(host.osreldate);

/**
 * The jail's own file, which `service jail NAME` reads alone where /etc/jail.conf does not include it. Its `depend`
 * would name jails that nobody knows then, and nothing would start (jail(8), state.c: depends on undefined jail).
 */
export function conf(input: Input): string {
  const readAlone = !input.startAtBoot || !isIncluded(input);
  const parameters = parametersOf(input).filter(([name]) => name !== "depend" || !readAlone);
  return `${headerLine(input.owner)}\n${WRITTEN}\n${jailBlock(nameOf(input), parameters)}`;
}

/** What runs first in a jail that starts: its addresses and routes. */
function configureNetwork(input: Input): string[] {
  const routes = gatewaysOf(input).map(
    ({ family, gateway }) => `/sbin/route ${family === "inet6" ? "-6 " : ""}add default ${gateway}`,
  );
  const interfaces = input.interfaces.flatMap(({ link, addresses, dhcp, slaac }) => [
    ...addresses
      .map(mustParseCidr)
      .map((a, i) => `/sbin/ifconfig ${link.jailSide} ${a.family} ${a.text}${i === 0 ? "" : " alias"}`),
    // man page only: in the background, because a boot must not wait for a DHCP server.
    ...(dhcp ? [`/sbin/dhclient -b ${link.jailSide}`] : []),
    // man page only: routers are asked without waiting for them.
    ...(slaac
      ? [
          `/sbin/ifconfig ${link.jailSide} inet6 -ifdisabled accept_rtadv up`,
          `/sbin/rtsol ${link.jailSide} &`,
        ]
      : []),
  ]);
  return ["/sbin/ifconfig lo0 127.0.0.1/8", ...interfaces, ...routes];
}

export interface JailMount {
  readonly source: string;
  /** On the host. */
  readonly target: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** The defaults that are not written out, filled in. */
export const mountOf = ({ source, target, type = "nullfs", options = ["rw"] }: Input["mounts"][number]) => ({
  source: source ?? type,
  target,
  type,
  options,
});

const declaredMounts = (input: Input): JailMount[] =>
  input.mounts.map(mountOf).map((mount) => ({ ...mount, target: inRoot(input, mount.target) }));

/** What is mounted while the jail runs, in the order and with the words of jail(8). */
export function mountsOf(input: Input): JailMount[] {
  const own = (type: string, folder: string, options: string[] = []): JailMount => ({
    source: ".",
    target: inRoot(input, folder),
    type,
    options,
  });
  return [
    ...declaredMounts(input),
    ...(input.mountDevfs ? [own("devfs", "/dev", [`ruleset=${rulesetOf(input)}`])] : []),
    ...(input.mountFdescfs ? [own("fdescfs", "/dev/fd")] : []),
    ...(input.mountProcfs ? [own("procfs", "/proc")] : []),
  ];
}

export function fstab(input: Input): string {
  const lines = declaredMounts(input).map(({ source, target, type, options }) =>
    [source, target, type, options.join(","), 0, 0].join("\t"),
  );
  return [headerLine(input.owner), WRITTEN, ...lines].join("\n");
}

/**
 * None where the boot leaves the jail alone. Boot reads only /etc/jail.conf; some releases' `service jail` reads the
 * jail's file alone. FreeBSD 13 has no `.include`: the jail itself stands there.
 */
export function mainLines(input: Input): OwnLines {
  const text = isIncluded(input)
    ? `.include "${confPath(input)}";`
    : jailBlock(nameOf(input), parametersOf(input));
  return { path: "/etc/jail.conf", owner: input.owner, text: input.startAtBoot ? text : "" };
}

export function rc(input: Input): RcLines {
  const { owner, startAtBoot, limits } = input;
  const values = {
    ...(startAtBoot && { jail_enable: "YES" }),
    ...(limits.length > 0 && { rctl_enable: "YES" }),
  };
  // An empty jail_list means all jails; only a list that somebody made must have our name in it.
  const listed = startAtBoot ? [`jail_list="\${jail_list:+\${jail_list} ${nameOf(input)}}"`] : [];
  const text = [...(Object.keys(values).length > 0 ? [rcText(values, {})] : []), ...listed].join("\n");
  return { path: "/etc/rc.conf", owner, values, words: {}, text };
}

/** A limit as rctl(8) takes it, and as it prints it. */
export function limitsOf(input: Input): { rule: string; printed: string }[] {
  return input.limits.map(({ resource, amount, action = "deny", per = "jail" }) => {
    const start = `jail:${nameOf(input)}:${resource}:${action}=`;
    const end = per === "jail" ? "" : `/${per}`;
    return { rule: `${start}${amount}${end}`, printed: `${start}${amountOf(amount)}${end}` };
  });
}

export function limitLines(input: Input): OwnLines {
  const text = limitsOf(input)
    .map(({ rule }) => rule)
    .join("\n");
  return { path: "/etc/rctl.conf", owner: input.owner, text };
}

export function resolvLines(input: Input): OwnLines {
  const text = [
    ...(input.search.length > 0 ? [`search ${input.search.join(" ")}`] : []),
    ...input.nameservers.map((address) => `nameserver ${address}`),
  ].join("\n");
  return { path: inRoot(input, "/etc/resolv.conf"), owner: input.owner, text };
}

/** Only what is mounted just there: umount(8) would follow a symbolic link. */
const unmount = (target: string) =>
  sh`if mount -p | awk -v on=${target} '$2 == on { found = 1 } END { exit !found }'; then umount ${target}; fi`;

/**
 * What the end of a jail does by its file, as a script for when jail(8) could not: hooks and unmounting. A step of
 * it that fails, because there was nothing to do, stops no other.
 */
export function afterEnd(input: Input): string {
  const mounted = mountsOf(input)
    .map(({ target }) => target)
    .reverse();
  return [...input.poststop, ...mounted.map((target) => unmount(target).text), ...input.release].join("\n");
}
