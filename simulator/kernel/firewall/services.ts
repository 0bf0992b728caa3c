/** services(5), as far as filters meet them. The first name of a port is the one that is printed. */
const services: readonly (readonly [name: string, port: number, protos?: string])[] = [
  ["tcpmux", 1],
  ["echo", 7],
  ["discard", 9],
  ["daytime", 13],
  ["ftp-data", 20],
  ["ftp", 21],
  ["ssh", 22],
  ["telnet", 23],
  ["smtp", 25],
  ["mail", 25],
  ["time", 37],
  ["nicname", 43],
  ["whois", 43],
  ["domain", 53],
  ["bootps", 67],
  ["bootpc", 68],
  ["tftp", 69],
  ["gopher", 70],
  ["finger", 79],
  ["http", 80],
  ["www", 80],
  ["kerberos", 88],
  ["pop3", 110],
  ["sunrpc", 111],
  ["auth", 113],
  ["ident", 113],
  ["nntp", 119],
  ["ntp", 123],
  ["netbios-ns", 137],
  ["netbios-dgm", 138],
  ["netbios-ssn", 139],
  ["imap", 143],
  ["imap2", 143],
  ["snmp", 161],
  ["snmptrap", 162],
  ["bgp", 179],
  ["irc", 194],
  ["ldap", 389],
  ["https", 443],
  ["microsoft-ds", 445],
  ["isakmp", 500],
  ["exec", 512, "tcp"],
  ["login", 513, "tcp"],
  ["shell", 514, "tcp"],
  ["syslog", 514, "udp"],
  ["printer", 515],
  ["router", 520, "udp"],
  ["submission", 587],
  ["ldaps", 636],
  ["rsync", 873],
  ["imaps", 993],
  ["pop3s", 995],
  ["socks", 1080],
  ["openvpn", 1194],
  ["ms-sql-s", 1433],
  ["l2tp", 1701],
  ["radius", 1812],
  ["nfsd", 2049],
  ["mysql", 3306],
  ["rdp", 3389],
  ["svn", 3690],
  ["sip", 5060],
  ["mdns", 5353],
  ["postgresql", 5432],
  ["vnc", 5900],
  ["x11", 6000],
  ["irdmi", 8000],
  ["http-alt", 8080],
  ["natd", 8668, "divert"],
  ["git", 9418],
];

/** getservbyname(3). */
export const servicePort = (name: string, proto?: string): number | undefined =>
  services.find(
    ([known, , protos = "tcp udp"]) =>
      known === name && (proto === undefined ? protos !== "divert" : protos.includes(proto)),
  )?.[1];

/** getservbyport(3). */
export const serviceName = (port: number, proto: string): string | undefined =>
  services.find(([, known, protos = "tcp udp"]) => known === port && protos.includes(proto))?.[0];

/** protocols(5). */
const protocols: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  ipencap: 4,
  tcp: 6,
  egp: 8,
  udp: 17,
  ipv6: 41,
  rsvp: 46,
  gre: 47,
  esp: 50,
  ah: 51,
  "ipv6-icmp": 58,
  eigrp: 88,
  ospf: 89,
  pim: 103,
  carp: 112,
  vrrp: 112,
  l2tp: 115,
  sctp: 132,
  udplite: 136,
  pfsync: 240,
};

const aliases: Readonly<Record<string, string>> = {
  icmp6: "ipv6-icmp",
  icmpv6: "ipv6-icmp",
  TCP: "tcp",
  UDP: "udp",
  ICMP: "icmp",
};

/** The protocol's own name for a name, alias or number; a number without a name stays a number. */
export function protocolName(text: string): string | undefined {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    if (number > 255) return undefined;
    return Object.keys(protocols).find((name) => protocols[name] === number) ?? text;
  }
  const name = aliases[text] ?? text;
  return protocols[name] === undefined ? undefined : name;
}
