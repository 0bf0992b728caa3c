import { Address4, Address6 } from "ip-address";
import { z } from "zod";

/** A string that is refused with `message` unless `test` holds. */
export const text = (test: (value: string) => boolean, message: (value: string) => string) =>
  z
    .string({ error: (issue) => `expected text, got ${typeof issue.input}` })
    .refine(test, { error: (issue) => message(String(issue.input)), abort: true });

export const show = (value: string) => JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);

/** An interface name as FreeBSD takes it: IFNAMSIZ is 16 with the closing NUL. */
export const interfaceName = text(
  (v) => /^[A-Za-z][A-Za-z0-9_.]{0,14}$/.test(v),
  (v) =>
    v.length > 15
      ? `${show(v)} has ${v.length} characters: FreeBSD's interface names have 15 at most`
      : `${show(v)} is not an interface name: a letter, then letters, digits, "_" or ".", such as "vtnet0"`,
);

/** Names that drivers give, with a unit behind. */
const DRIVERS =
  /^(bridge|disc|edsc|em|enc|epair|faith|gif|gre|igb|igc|ipfw|ipfwlog|ipsec|ix|ixl|lagg|lo|me|ng|ovpn|pflog|pfsync|plip|ppp|re|stf|tap|tun|ue|usbus|vlan|vm|vmnet|vmx|vtnet|vxlan|wg|wlan)\d+[ab]?$/;

/** What network.subr takes for something else in `ifconfig_NAME` and `autobridge_NAME`. */
const RC_OWN = /^(DEFAULT|interfaces)$|_(name|descr|ipv6|aliases|alias\d+)$/;

const isBridgeUnit = (name: string) => /^bridge(0|[1-9]\d{0,4})$/.test(name) && Number(name.slice(6)) < 32768;

/** A bridge's unit, or a name of its own that a variable of rc.conf(5) can hold. */
export const bridgeName = text(
  (v) => isBridgeUnit(v) || (/^[A-Za-z][A-Za-z0-9_]{0,14}$/.test(v) && !DRIVERS.test(v) && !RC_OWN.test(v)),
  (v) => {
    if (v.length > 15)
      return `${show(v)} has ${v.length} characters: FreeBSD's interface names have 15 at most`;
    if (/^bridge\d/.test(v)) return `${show(v)} is not a bridge's unit: "bridge0" to "bridge32767"`;
    if (DRIVERS.test(v)) return `${show(v)} is how another driver's interfaces are called`;
    if (RC_OWN.test(v))
      return `${show(v)} means something else to rc.conf(5): take a simpler name, such as "lan"`;
    return `${show(v)} is not a bridge's name: "bridge0", or a letter, then letters, digits or "_", such as "lan"`;
  },
);

/** A whole number that `message` calls by what it is. */
export const wholeNumber = (least: number, most: number, message: string) =>
  z
    .int({ error: (issue) => `${JSON.stringify(issue.input)} is not ${message}` })
    .refine((v) => v >= least && v <= most, { error: (issue) => `${issue.input} is not ${message}` });

export const mtu = wholeNumber(
  576,
  16000,
  "an MTU: a whole number of bytes from 576 to 16000, such as 1500, or 9000 for jumbo frames",
);

export const stpPriority = wholeNumber(0, 61440, "a priority: 0 to 61440 in steps of 4096").refine(
  (v) => v % 4096 === 0,
  { error: ({ input }) => `${input} is not a step of 4096: ${Number(input) - (Number(input) % 4096)} is` },
);

export const epairUnit = wholeNumber(0, 32767, "a unit: a whole number from 0 to 32767");

export const vlanTag = wholeNumber(1, 4094, "a VLAN tag: a whole number from 1 to 4094");

/** An address for one interface, as ifconfig(8) prints it. */
export const etherAddress = text(
  (v) => /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/.test(v) && v !== "00:00:00:00:00:00",
  (v) =>
    /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(v) && v !== v.toLowerCase()
      ? `${show(v)} must be in lower case, as ifconfig(8) prints it: "${v.toLowerCase()}"`
      : /^[0-9a-f][13579bdf](:[0-9a-f]{2}){5}$/.test(v)
        ? `${show(v)} is a multicast address: the first byte must be even, such as 02`
        : `${show(v)} is not a MAC address, such as "02:00:5e:10:00:01"`,
);

/** Free text for people in an interface's description. rc(8) splits it at blanks and would expand * and ?. */
export const descriptionText = text(
  (v) => /^[A-Za-z0-9_@%+=:,./()#-]+( [A-Za-z0-9_@%+=:,./()#-]+)*$/.test(v) && v.length <= 255,
  (v) =>
    v.length > 255
      ? `a description of ${v.length} characters: 255 at most`
      : `${show(v)} cannot be kept in rc.conf(5): letters, digits and _ @ % + = : , . / ( ) # - with one blank between words`,
);

export const loopbackName = text(
  (v) => /^lo[1-9]\d{0,4}$/.test(v) && Number(v.slice(2)) < 32768,
  (v) =>
    v === "lo0"
      ? '"lo0" is the host\'s own loopback: take another one, such as "lo1"'
      : `${show(v)} is not a loopback's name: "lo" and a unit from 1 to 32767, such as "lo1"`,
);

const isLinkLocal = (address: string) => /^fe[89ab][0-9a-f]:/i.test(address);

/** An address with its prefix length, IPv4 or IPv6. */
export const cidr = text(
  (v) => parseCidr(v) !== undefined && !isLinkLocal(v),
  (v) =>
    isLinkLocal(v)
      ? `${show(v)} is a link-local address, which each interface makes for itself: declare one of your network's, such as "fd00:15::1/64"`
      : parseAddress(v)
        ? `${show(v)} has no prefix length: write it as "${v}/${v.includes(":") ? 64 : 24}", or with the one your network has`
        : `${show(v)} is not an address with a prefix length, such as "10.10.15.1/24" or "fd00:15::1/64"`,
);

export const ipAddress = text(
  (v) => parseAddress(v) !== undefined,
  (v) => `${show(v)} is not an IPv4 or IPv6 address, such as "10.10.15.1" (no prefix length here)`,
);

export const ipv4Address = text(
  (v) => parseAddress(v)?.family === "inet",
  (v) => `${show(v)} is not an IPv4 address, such as "192.0.2.10"`,
);

export const ipv6Address = text(
  (v) => parseAddress(v)?.family === "inet6",
  (v) => `${show(v)} is not an IPv6 address, such as "2001:db8::10"`,
);

export const port = z
  .int({ error: (issue) => `${JSON.stringify(issue.input)} is not a port: a whole number from 1 to 65535` })
  .refine((v) => v >= 1 && v <= 65535, {
    error: (issue) => `${issue.input} is not a port: a whole number from 1 to 65535`,
  });

export const jailName = text(
  (v) => /^[A-Za-z0-9_][A-Za-z0-9_-]*$/.test(v) && !/^\d+$/.test(v) && v.length <= 64,
  (v) =>
    /^\d+$/.test(v)
      ? `${show(v)} would be taken for a jid by jail(8): use a name that is not only digits`
      : v.includes(".")
        ? `${show(v)} would name a child jail, because of the ".": use "_" or "-" instead`
        : v.length > 64
          ? `${show(v)} has ${v.length} characters: 64 at most`
          : `${show(v)} is not a jail's name: letters, digits, "_" and "-", not beginning with "-"`,
);

export const hostname = text(
  (v) =>
    /^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*$/.test(v) &&
    v.length <= 255,
  (v) => `${show(v)} is not a host name, such as "www.example.net"`,
);

/** An absolute path without what a shell, jail.conf(5) or fstab(5) would have to quote. */
export const absolutePath = text(
  (v) =>
    /^(\/[A-Za-z0-9_.@:+-]+)+$|^\/$/.test(v) &&
    !v.split("/").some((part) => part === "." || part === "..") &&
    v.length < 1024,
  (v) =>
    `${show(v)} is not an absolute path of letters, digits and ". _ - @ : +", without "." or ".." in it, such as "/jails/www"`,
);

/** A path on the machine that runs Pulumi, whatever that is. */
export const localPath = text(
  (v) => v !== "" && !/[\x00-\x1f\x7f]/.test(v),
  (v) => `${show(v)} is not a path, such as "./base.txz"`,
);

const component = "[A-Za-z0-9][A-Za-z0-9_.:-]*";

export const datasetName = text(
  (v) => new RegExp(`^${component}(/${component})+$`).test(v) && v.length <= 200,
  (v) => `${show(v)} is not a ZFS dataset below a pool, such as "zroot/jails/www"`,
);

export const snapshotName = text(
  (v) => new RegExp(`^${component}(/${component})*@${component}$`).test(v) && v.length <= 200,
  (v) => `${show(v)} is not a ZFS snapshot, such as "zroot/jails/template@base"`,
);

export const sha256 = text(
  (v) => /^[0-9a-f]{64}$/.test(v),
  (v) =>
    `${show(v)} is not a SHA-256 checksum: 64 hexadecimal digits in lower case, as \`sha256 -q FILE\` prints`,
);

/** A command line of jail.conf(5); jail(8) gives it to /bin/sh when it holds anything but plain words. */
export const jailCommand = text(
  (v) =>
    v.trim() !== "" &&
    !/[\x00-\x1f\x7f\\]/.test(v) &&
    !(v.includes("'") && /["$]/.test(v)) &&
    v.length <= 4096,
  (v) =>
    v.trim() === ""
      ? "an empty command"
      : `${show(v)} cannot be written in jail.conf(5) as it is: no control characters, no "\\", and not both ' and one of " $ — put it in a script and name that`,
);

export interface ParsedAddress {
  readonly family: "inet" | "inet6";
  /** As FreeBSD prints it (RFC 5952). */
  readonly address: string;
}

export interface ParsedCidr extends ParsedAddress {
  readonly prefix: number;
  /** `10.10.15.1/24`, canonical. */
  readonly text: string;
  contains(other: ParsedAddress): boolean;
}

/** undefined when `text` is not an address. Refuses zero-padded octets and zone ids. */
export function parseAddress(text: string): ParsedAddress | undefined {
  if (text.includes("/") || text.includes("%")) return undefined;
  if (text.includes(":")) {
    if (!Address6.isValid(text)) return undefined;
    return { family: "inet6", address: new Address6(text).correctForm() };
  }
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text) || !Address4.isValid(text)) return undefined;
  return { family: "inet", address: new Address4(text).correctForm() };
}

export function parseCidr(text: string): ParsedCidr | undefined {
  const [, host, bits] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const parsed = host === undefined ? undefined : parseAddress(host);
  const prefix = Number(bits);
  if (!parsed || prefix > (parsed.family === "inet" ? 32 : 128)) return undefined;
  const canonical = `${parsed.address}/${prefix}`;
  return {
    ...parsed,
    prefix,
    text: canonical,
    contains: (other) =>
      other.family === parsed.family &&
      (parsed.family === "inet"
        ? new Address4(other.address).isInSubnet(new Address4(canonical))
        : new Address6(other.address).isInSubnet(new Address6(canonical))),
  };
}

/** For values that a schema has passed already. */
export function mustParseCidr(text: string): ParsedCidr {
  const parsed = parseCidr(text);
  if (!parsed) throw new Error(`not an address with a prefix length: ${text}`);
  return parsed;
}
