import type { Io } from "../../command";
import { formatAddress, isLinkLocal, maskOf } from "../../kernel/inet";
import {
  bitNames,
  flagsOf,
  IFBIF,
  IFF,
  type Inet,
  type Interface,
  type Member,
  ND6,
} from "../../kernel/netif";

/** The address families that ifconfig(8) knows by name. */
export const addressFamilies = ["inet", "inet6", "link", "ether", "lladdr"] as const;
export type AddressFamily = (typeof addressFamilies)[number];

export const isAddressFamily = (word: string | undefined): word is AddressFamily =>
  addressFamilies.some((family) => family === word);

/** `-f type:format`, `-L`: how addresses are shown. */
export interface Format {
  inet: string;
  inet6: string;
  ether: string;
  lifetimes: boolean;
}

const capabilities = {
  RXCSUM: 0x1,
  TXCSUM: 0x2,
  VLAN_MTU: 0x8,
  VLAN_HWTAGGING: 0x10,
  JUMBO_MTU: 0x20,
  LINKSTATE: 0x80000,
  RXCSUM_IPV6: 0x200000,
  TXCSUM_IPV6: 0x400000,
};

function options(netif: Interface): number {
  switch (netif.kind) {
    case "ether":
      return 0x80028;
    case "loop":
      return 0x680003;
    case "epair":
      return 0x8;
    case "bridge":
      return 0;
    case "vlan":
      return netif.vlan?.parent ? 0x80000 : 0;
    case "tap":
      return 0x80000;
  }
}

/** What `ifconfig NAME` prints; with `family`, only what concerns that. */
export function status(io: Io, netif: Interface, family: AddressFamily | undefined, format: Format): string {
  const flags = flagsOf(netif);
  const bits = options(netif);
  const link = family === "link" || family === "ether" || family === "lladdr";
  const lines = [
    `${netif.name}: flags=${flags.toString(16)}${bitNames(flags, IFF)} metric ${netif.metric} mtu ${netif.mtu}`,
    ...(netif.description ? [`\tdescription: ${netif.description}`] : []),
    `\toptions=${bits.toString(16)}${bitNames(bits, capabilities)}`,
    ...(family === undefined || link ? ether(netif, format) : []),
    ...(["inet", "inet6"] as const)
      .filter((one) => family === undefined || family === one)
      .flatMap((one) => netif.addresses.filter((inet) => inet.family === one))
      .map((inet) => (inet.family === "inet" ? inet4(inet, format) : inet6(io, netif, inet, format))),
    ...(family === undefined ? details(netif) : []),
    ...(family === undefined || family === "inet6" ? [nd6(netif)] : []),
  ];
  return `${lines.join("\n")}\n`;
}

function ether(netif: Interface, format: Format): string[] {
  if (netif.kind === "loop") return [];
  const shown = (mac: string): string => (format.ether === "dash" ? mac.replaceAll(":", "-") : mac);
  const lines = [`\tether ${shown(netif.ether)}`];
  // af_link: the driver keeps the original only of an IFT_ETHER.
  const keepsOriginal = netif.kind === "ether" || netif.kind === "epair" || netif.kind === "tap";
  if (keepsOriginal && netif.hwaddr !== netif.ether) lines.push(`\thwaddr ${shown(netif.hwaddr)}`);
  return lines;
}

function inet4(inet: Inet, format: Format): string {
  const mask = maskOf("inet", inet.prefix);
  const shown = {
    cidr: `/${inet.prefix}`,
    dotted: ` netmask ${formatAddress("inet", mask)}`,
  }[format.inet];
  const broadcast = inet.broadcast ? ` broadcast ${inet.broadcast}` : "";
  return `\tinet ${inet.address}${shown ?? ` netmask 0x${mask.toString(16)}`}${broadcast}`;
}

function inet6(io: Io, netif: Interface, inet: Inet, format: Format): string {
  const local = isLinkLocal(inet.value);
  const tentative = inet.tentativeUntil !== undefined && io.kernel.clock.now() < inet.tentativeUntil;
  return [
    `\tinet6 ${inet.address}${local ? `%${netif.name}` : ""}`,
    format.inet6 === "cidr" ? `/${inet.prefix}` : ` prefixlen ${inet.prefix}`,
    tentative ? " tentative" : "",
    local ? ` scopeid 0x${netif.index.toString(16)}` : "",
    format.lifetimes ? " pltime infty vltime infty" : "",
  ].join("");
}

function details(netif: Interface): string[] {
  return [
    ...bridge(netif),
    ...(netif.groups.length > 0 ? [`\tgroups: ${netif.groups.join(" ")}`] : []),
    ...vlan(netif),
    ...media(netif),
  ];
}

function bridge(netif: Interface): string[] {
  const { settings } = netif;
  if (!settings) return [];
  const none = "00:00:00:00:00:00";
  const root = settings.hasRoot ? settings.priority : 0;
  return [
    `\tid ${none} priority ${settings.priority} hellotime ${settings.hellotime} fwddelay ${settings.fwddelay}`,
    `\tmaxage ${settings.maxage} holdcnt ${settings.holdcnt} proto ${settings.proto} ` +
      `maxaddr ${settings.maxaddr} timeout ${settings.timeout}`,
    `\troot id ${none} priority ${root} ifcost 0 port 0`,
    ...[...netif.members].reverse().flatMap(([member, kept]) => memberLines(netif, member, kept)),
  ];
}

function memberLines(bridge: Interface, member: Interface, kept: Member): string[] {
  const proto = kept.flags & IFBIF.STP ? ` proto ${bridge.settings?.proto}` : "";
  return [
    `\tmember: ${member.name} flags=${kept.flags.toString(16)}${bitNames(kept.flags, IFBIF)}`,
    `\t        ifmaxaddr ${kept.maxAddresses} port ${member.index} priority ${kept.priority} path cost ${kept.pathCost}${proto}`,
    // man page only: the tree itself is not simulated, so every port is one that forwards.
    ...(proto === "" ? [] : [stpRole(bridge, member)]),
  ];
}

const stpRole = (bridge: Interface, member: Interface): string =>
  bridge.up && member.up
    ? "\t        role designated state forwarding"
    : "\t        role disabled state discarding";

function vlan(netif: Interface): string[] {
  if (!netif.vlan) return [];
  const { tag, proto, pcp, parent } = netif.vlan;
  const shown = parent ? proto : "0x0000";
  return [`\tvlan: ${tag} vlanproto: ${shown} vlanpcp: ${pcp} parent interface: ${parent?.name ?? "<none>"}`];
}

function media(netif: Interface): string[] {
  switch (netif.kind) {
    case "ether":
      return ["\tmedia: Ethernet autoselect (10Gbase-T <full-duplex>)", "\tstatus: active"];
    case "epair":
      return ["\tmedia: Ethernet 10Gbase-T (10Gbase-T <full-duplex>)", "\tstatus: active"];
    case "tap":
      return ["\tmedia: Ethernet 1000baseT <full-duplex>", "\tstatus: no carrier"];
    case "vlan":
      return netif.vlan?.parent ? media(netif.vlan.parent) : [];
    default:
      return [];
  }
}

const nd6 = (netif: Interface): string =>
  `\tnd6 options=${netif.nd6.toString(16)}${bitNames(netif.nd6, ND6)}`;
