import type { Known, Report } from "../kind";
import type { VnetJailInput as Input } from "../kinds/vnet-jail";
import { lacksParameter } from "../releases";
import { mustParseCidr, parseAddress } from "../scalars";
import { NOT_DENIABLE, THROTTLED } from "./scalars";

/**
 * What must fit together between a jail's properties, each of which is valid by itself. `permissions`: the names in
 * `allow`.
 */
export function checkJail(input: Known<Input>, report: Report, permissions: readonly string[]): void {
  checkRoot(input, report);
  checkAddresses(input, report);
  checkGateways(input, report);
  checkResolver(input, report);
  checkMounts(input, report);
  checkLimits(input, report);
  checkDependencies(input, report);
  checkParameters(input, report, permissions);
  checkRelease(input, report);
}

/** In the host's own root, what is mounted for the jail hides what the host has there. */
function checkRoot({ path, ...input }: Known<Input>, report: Report): void {
  if (path !== "/") return;
  for (const [property, folder] of [
    ["mountDevfs", "/dev"],
    ["mountFdescfs", "/dev/fd"],
    ["mountProcfs", "/proc"],
  ] as const) {
    if (!input[property]) continue;
    report(
      property,
      `the jail's path is /, so this would be mounted over the host's ${folder}: make it false`,
    );
  }
}

/** Of what is left out, [] follows; what is not known yet is undefined. */
const addressesOf = (nic: Known<Input["interfaces"][number]> | undefined) =>
  nic === undefined || "addresses" in nic ? nic?.addresses : [];

function checkAddresses({ interfaces, devfsRuleset, mountDevfs }: Known<Input>, report: Report): void {
  interfaces?.forEach((nic, i) => {
    if (addressesOf(nic)?.length === 0 && !nic?.dhcp && !nic?.slaac) {
      report(`interfaces[${i}].addresses`, "give the interface at least one address, or say dhcp or slaac");
    }
    if (nic?.dhcp && mountDevfs === false) {
      report(`interfaces[${i}].dhcp`, "needs /dev/bpf in the jail, and mountDevfs is false");
    } else if (nic?.dhcp && typeof devfsRuleset === "number" && devfsRuleset <= 5) {
      report(
        `interfaces[${i}].dhcp`,
        `needs /dev/bpf in the jail, which devfs ruleset ${devfsRuleset} does not show: give devfsRuleset one that has "add path 'bpf*' unhide"`,
      );
    }
    const subnets = nic?.link?.subnets;
    nic?.addresses?.forEach((text, j) => {
      if (nic.dhcp && text !== undefined && mustParseCidr(text).family === "inet") {
        // dhclient-script: `ifconfig … inet` without alias puts its address in the place of the first one.
        report(
          `interfaces[${i}].addresses[${j}]`,
          `${text} would be replaced by the address that DHCP gives: leave out one of the two, or give it to another interface`,
        );
      }
      if (text === undefined || subnets === undefined || subnets.some((s) => s === undefined)) return;
      const address = mustParseCidr(text);
      const same = subnets.map((s) => mustParseCidr(s as string)).filter((s) => s.family === address.family);
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
}

function checkGateways(input: Known<Input>, report: Report): void {
  const { gateway, gateway6, interfaces } = input;
  if (gateway !== undefined && gateway6 !== undefined && parseAddress(gateway)?.family === "inet6") {
    report(
      "gateway6",
      `gateway is an IPv6 one already, ${gateway}: make it the IPv4 one, or leave out gateway6`,
    );
    return;
  }
  const addresses = interfaces?.flatMap((nic) => addressesOf(nic) ?? [undefined]);
  if (addresses === undefined || addresses.some((a) => a === undefined)) return;
  const subnets = addresses.map((a) => mustParseCidr(a as string));
  for (const [property, given] of Object.entries({ gateway, gateway6 })) {
    const address = parseAddress(given ?? "");
    if (!address) continue;
    if (subnets.some((s) => s.contains(address))) continue;
    // Neither is waited for at the start, so the route would be refused there: Network is unreachable.
    const [automatic, word] =
      address.family === "inet" ? (["dhcp", "DHCP"] as const) : (["slaac", "SLAAC"] as const);
    const brings = interfaces?.some((nic) => nic?.[automatic])
      ? `; ${word} brings the router itself: leave out ${property}`
      : "";
    report(
      property,
      `${given} is in no subnet of the jail's interfaces (${subnets.map((s) => s.text).join(", ") || "it has none"})${brings}`,
    );
  }
}

/** dhclient-script gives what DHCP says to resolvconf(8), which writes the whole file anew. */
function checkResolver(input: Known<Input>, report: Report): void {
  const at = input.interfaces?.findIndex((nic) => nic?.dhcp) ?? -1;
  if (at < 0) return;
  for (const property of ["nameservers", "search"] as const) {
    if (!input[property]?.length) continue;
    report(
      property,
      `interfaces[${at}].dhcp writes the jail's /etc/resolv.conf anew, and these would be lost: leave out one of the two`,
    );
  }
}

function checkMounts({ mounts, mountDevfs }: Known<Input>, report: Report): void {
  const seen = new Map<string, number>();
  mounts?.forEach((mount, i) => {
    if (!mount) return;
    const { source, target, type } = mount;
    if (target === "/") report(`mounts[${i}].target`, "the jail's root itself cannot be mounted over");
    if (mountDevfs && target !== undefined && /^\/dev(\/|$)/.test(target))
      report(
        `mounts[${i}].target`,
        `${target} is covered by the jail's /dev, which is mounted later: for /dev/fd say mountFdescfs, or make mountDevfs false`,
      );
    const first = target === undefined ? undefined : seen.get(target);
    if (first !== undefined)
      report(`mounts[${i}].target`, `${target} is there already, as mounts[${first}].target`);
    if (target !== undefined) seen.set(target, i);
    const shows = type ?? "nullfs";
    if ("source" in mount || (shows !== "nullfs" && shows !== "unionfs")) return;
    if (source === undefined)
      report(`mounts[${i}].source`, `is required: which folder of the host ${shows} shows`);
  });
}

function checkLimits({ limits }: Known<Input>, report: Report): void {
  limits?.forEach((limit, i) => {
    if (limit?.resource === undefined) return;
    const { resource, action = "deny" } = limit;
    if (action === "deny" && NOT_DENIABLE.includes(resource)) {
      const instead = THROTTLED.includes(resource) ? '"throttle", "log"' : '"log", "sigterm"';
      report(
        `limits[${i}].action`,
        `${resource} cannot be denied, see rctl(8): say ${instead} or another action`,
      );
    }
    if (action === "throttle" && !THROTTLED.includes(resource)) {
      report(`limits[${i}].action`, `only ${THROTTLED.join(", ")} can be throttled, see rctl(8)`);
    }
  });
}

/** jail(8) starts no jail that depends on one that /etc/jail.conf does not have. */
function checkDependencies({ depend, startAtBoot }: Known<Input>, report: Report): void {
  if (startAtBoot === false) return;
  depend?.forEach((jail, i) => {
    if (typeof jail !== "object" || jail.startAtBoot !== false) return;
    report(
      `depend[${i}]`,
      "the boot does not start that jail, whose startAtBoot is false, and then jail(8) would not start this one either: leave out one of the two",
    );
  });
}

/** Parameters of jail(8) that have a property here, which knows what depends on them. */
const PROPERTIES: Readonly<Record<string, string>> = {
  name: "name",
  path: "path",
  jid: "fixedJid",
  "host.hostname": "hostname",
  "vnet.interface": "interfaces",
  "mount.fstab": "mounts",
  mount: "mounts",
  "mount.devfs": "mountDevfs",
  "mount.fdescfs": "mountFdescfs",
  "mount.procfs": "mountProcfs",
  devfs_ruleset: "devfsRuleset",
  "exec.prepare": "prepare",
  "exec.prestart": "prestart",
  "exec.created": "created",
  "exec.start": "start",
  command: "start",
  "exec.poststart": "poststart",
  "exec.prestop": "prestop",
  "exec.stop": "stop",
  "exec.poststop": "poststop",
  "exec.release": "release",
  "stop.timeout": "stopTimeout",
  securelevel: "securelevel",
  enforce_statfs: "enforceStatfs",
  "children.max": "childrenMax",
  sysvshm: "sysvshm",
  sysvsem: "sysvsem",
  sysvmsg: "sysvmsg",
  depend: "depend",
};

const FIXED = ["vnet", "persist", "exec.clean"];

/** What a jail with a network stack of its own cannot have. */
const SHARED_STACK = [
  "ip4",
  "ip6",
  "ip4.addr",
  "ip6.addr",
  "ip4.saddrsel",
  "ip6.saddrsel",
  "interface",
  "ip_hostname",
];

/** `allow.noraw_sockets` is `allow.raw_sockets` turned round. */
const withoutNo = (parameter: string) => parameter.replace(/(^|\.)no([^.]*)$/, "$1$2");

function checkParameters({ parameters }: Known<Input>, report: Report, permissions: readonly string[]): void {
  for (const name of Object.keys(parameters ?? {})) {
    const property = `parameters.${name}`;
    const plain = withoutNo(name);
    const allowed = [name, plain].map((each) => each.replace(/^allow\./, ""));
    const typed = PROPERTIES[name] ?? PROPERTIES[plain];
    if (typed !== undefined) report(property, `has a property here: use ${typed}`);
    else if (name.startsWith("allow.") && allowed.some((each) => permissions.includes(each)))
      report(property, "has a property here: use allow");
    else if (FIXED.includes(name) || FIXED.includes(plain)) report(property, "is always set for a VnetJail");
    else if (SHARED_STACK.includes(name) || SHARED_STACK.includes(plain))
      report(property, "is for jails that share the host's network; this one has its own: use interfaces");
  }
}

function checkRelease({ host, allow, parameters }: Known<Input>, report: Report): void {
  const names = (of: object | undefined) => Object.keys(of ?? {});
  const given = [
    ...names(allow).map((name) => ({ property: `allow.${name}`, parameter: `allow.${name}` })),
    ...names(parameters).map((name) => ({ property: `parameters.${name}`, parameter: withoutNo(name) })),
  ];
  for (const { property, parameter } of given) {
    const reason = lacksParameter(host?.osreldate, parameter);
    if (reason !== undefined) report(property, reason);
  }
}
