/*
 * What differs between the releases of FreeBSD, by `__FreeBSD_version` (`uname -K`). docs/releases.md says where each
 * of these is known from.
 */

/** `ifconfig -j` and `route -j` came with it: jails are configured from outside. */
export const OLDEST = 1_303_000;

/** 1304000 is "13.4". */
export const releaseName = (osreldate: number) =>
  `${Math.floor(osreldate / 100_000)}.${Math.floor(osreldate / 1000) % 100}`;

/** jail.conf(5) reads other files by `.include`. An older jail(8) takes that word for a parameter of every jail. */
export const readsIncludes = (osreldate: number | undefined) =>
  osreldate === undefined || osreldate >= 1_400_000;

interface Arrival {
  /** The release that it came with. */
  readonly release: string;
  /** The last version that is known to lack it: a later one of an older branch may have got it since. */
  readonly lackedBy: number;
}

/** Not among the parameters that a kernel of this version lists (tests/recordings/01-host-facts.json). */
const in15: Arrival = { release: "15.0", lackedBy: 1_400_507 };

/** Parameters of jail(8) that not all releases have. */
const JAIL_PARAMETERS: Readonly<Record<string, Arrival>> = {
  "allow.adjtime": in15,
  "allow.extattr": in15,
  "allow.routing": in15,
  "allow.setaudit": in15,
  "allow.settime": in15,
  "allow.unprivileged_parent_tampering": in15,
  env: in15,
  meta: in15,
  "mac.do": { release: "14.3", lackedBy: 1_402_999 },
  "mac.do.rules": { release: "14.3", lackedBy: 1_402_999 },
};

/** Why the host's jail(8) would refuse the parameter; undefined when it has it, or may have it. */
export function lacksParameter(osreldate: number | undefined, parameter: string): string | undefined {
  const arrival = Object.hasOwn(JAIL_PARAMETERS, parameter) ? JAIL_PARAMETERS[parameter] : undefined;
  if (osreldate === undefined || arrival === undefined || osreldate > arrival.lackedBy) return undefined;
  return `${parameter} came with FreeBSD ${arrival.release}, and the host has ${releaseName(osreldate)} (${osreldate}): its jails would not start`;
}
