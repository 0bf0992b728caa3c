import type { InterfaceState } from "../freebsd/interface";
import { type JailState, parameterOf } from "../freebsd/jail";
import type { Mount } from "../freebsd/mount";
import { running } from "../kind";
import type { VnetJailInput as Input } from "../kinds/vnet-jail";
import { mustParseCidr } from "../scalars";
import { cpusText, gatewaysOf, limitsOf, liveParameters, mountsOf, nameOf, rulesetOf } from "./files";

/** What the host says of a jail that runs. */
export interface Found {
  readonly jail: JailState | undefined;
  /** Names in its /dev. */
  readonly devices: readonly string[];
  readonly mounts: readonly Mount[];
  readonly limits: readonly string[];
  readonly cpus: string | undefined;
  route(family: "inet" | "inet6"): string | undefined;
  nic(side: string): InterfaceState | undefined;
}

/** Parameters that only a start applies; asked of jls(8) as they stand here. */
const fixedParameters = (input: Input): [parameter: string, value: string][] => [
  ...(input.fixedJid === undefined ? [] : [["jid", String(input.fixedJid)] as [string, string]]),
  ["vnet", "new"],
  ["path", input.path],
];

/** All that is asked of jls(8), and what it should say. */
export const parametersOf = (input: Input): [parameter: string, value: string][] => [
  ...fixedParameters(input),
  ["devfs_ruleset", String(rulesetOf(input))],
  ...liveParameters(input),
];

const differs = (input: Input, parameter: string) => running(`${parameter} of the jail ${nameOf(input)} is `);

/** A jail that sees all of these sees every device: its ruleset was not loaded when it started. */
const HIDDEN = ["devctl", "geom.ctl", "kmem", "mem"];
const seesAll = (input: Input) => running(`the jail ${nameOf(input)} sees every device of the host`);

const isStopped = (input: Input) => running(`the jail ${nameOf(input)} is stopped`);
const isDying = (input: Input) => running(`the jail ${nameOf(input)} is dying`);

/** What is left mends while the jail runs. */
export function mending(input: Input, drift: string): "restart" | "start" | undefined {
  if (drift === isStopped(input) || drift === isDying(input)) return "start";
  // Devices that its processes have opened stay open otherwise.
  if (drift === seesAll(input)) return "restart";
  return fixedParameters(input).some(([parameter]) => drift.startsWith(differs(input, parameter)))
    ? "restart"
    : undefined;
}

export function compareJail(input: Input, found: Found): string[] {
  const name = nameOf(input);
  const { jail } = found;
  const limits = limitsOf(input)
    .filter(({ printed }) => !found.limits.includes(printed))
    .map(({ rule }) => running(`the limit ${rule} is not set`));
  if (!jail) return [isStopped(input), ...limits];
  if (jail.state === "dying") return [isDying(input), ...limits];
  return [
    ...parametersOf(input).flatMap(([parameter, value]) => {
      const actual = parameterOf(jail.parameters, parameter);
      return actual === value ? [] : [`${differs(input, parameter)}${actual}`];
    }),
    ...(HIDDEN.every((name) => found.devices.includes(name)) ? [seesAll(input)] : []),
    ...compareInterfaces(input, found),
    ...gatewaysOf(input).flatMap(({ family, gateway }) => {
      const actual = found.route(family);
      if (actual === gateway) return [];
      const which =
        family === "inet6" && input.gateway6 !== undefined ? "IPv6 default route" : "default route";
      return [running(`the ${which} of the jail ${name} is ${actual ?? "gone"}`)];
    }),
    ...mountsOf(input)
      .filter(
        ({ target, type }) => !found.mounts.some((each) => each.target === target && each.type === type),
      )
      .map(({ target }) => running(`${target} is not mounted`)),
    ...(input.cpuset === undefined || found.cpus === cpusText(input.cpuset)
      ? []
      : [running(`the jail ${name} runs on the processors ${found.cpus}`)]),
    ...limits,
  ];
}

function compareInterfaces(input: Input, { nic }: Found): string[] {
  const name = nameOf(input);
  return input.interfaces.flatMap(({ link, addresses }) => {
    const state = nic(link.jailSide);
    if (!state) return [running(`the jail ${name} has lost ${link.jailSide}`)];
    return [
      ...addresses
        .map(mustParseCidr)
        .filter(({ text }) => !state.addresses.includes(text))
        .map(({ text }) => running(`${link.jailSide} in the jail ${name} lacks ${text}`)),
      ...(state.up ? [] : [running(`${link.jailSide} in the jail ${name} is down`)]),
    ];
  });
}
