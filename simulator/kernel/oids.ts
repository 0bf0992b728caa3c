import type { Kernel } from ".";
import type { Jail } from "./jails";
import type { Vnet } from "./network";

/** From where a sysctl is looked at: a jail sees its own values of some. */
export interface Seen {
  readonly kernel: Kernel;
  readonly vnet: Vnet;
  readonly jail: Jail | undefined;
}

export interface Oid {
  readonly name: string;
  readonly type: "integer" | "unsigned integer" | "long integer" | "unsigned long" | "string" | "opaque";
  /** `tun`: read only, set by loader.conf(5). */
  readonly access: "ro" | "rw" | "tun";
  readonly value: string | ((seen: Seen) => string);
  readonly description: string;
  /** Each network stack has its own. */
  readonly vnet: boolean;
  /** Exists only while this module is loaded. */
  readonly module: string | undefined;
  /** The __FreeBSD_version it came with. */
  readonly since: number;
  /** Where the value lives elsewhere in the model. */
  readonly set: ((value: string, seen: Seen) => void) | undefined;
}

type Extra = Partial<Pick<Oid, "vnet" | "module" | "since" | "set">>;

const oid =
  (type: Oid["type"], access: Oid["access"]) =>
  (name: string, value: Oid["value"], description = "", extra: Extra = {}): Oid => ({
    name,
    type,
    access,
    value,
    description,
    vnet: extra.vnet ?? false,
    module: extra.module,
    since: extra.since ?? 0,
    set: extra.set,
  });

const ro = oid("integer", "ro");
const rw = oid("integer", "rw");
const tun = oid("integer", "tun");
const text = oid("string", "ro");
const vnet = { vnet: true };

/** Every node that has a description of its own: `sysctl -d` lists nodes as well as values. */
export const nodes: Readonly<Record<string, string>> = {
  kern: "High kernel, proc, limits &c",
  "kern.features": "Kernel Features",
  "kern.racct": "Resource Accounting",
  "kern.ipc": "IPC",
  vm: "Virtual memory",
  vfs: "File system",
  "vfs.devfs": "DEVFS filesystem",
  "vfs.zfs": "ZFS file system",
  net: "Network, (see socket.h)",
  "net.inet": "Internet Family",
  "net.inet.ip": "IP",
  "net.inet.ip.fw": "Firewall",
  "net.inet.tcp": "TCP",
  "net.inet.udp": "UDP",
  "net.inet.icmp": "ICMP",
  "net.inet6": "Internet6 Family",
  "net.inet6.ip6": "IP6",
  "net.inet6.ip6.fw": "Firewall",
  "net.link": "Link layers",
  "net.link.ether": "Ethernet",
  "net.link.bridge": "Bridge",
  "net.link.epair": "Pair sysctl",
  "net.pf": "pf(4)",
  hw: "hardware",
  machdep: "machine dependent",
  user: "user-level",
  security: "Security",
  "security.bsd": "BSD security policy",
  "security.jail": "Jails",
  "security.jail.param": "Jail parameters",
  "security.jail.param.zfs": "Jail ZFS parameters",
  "security.jail.param.sysvshm": "SYSV shared memory",
  "security.jail.param.sysvsem": "SYSV semaphores",
  "security.jail.param.sysvmsg": "SYSV message queues",
  "security.jail.param.allow": "Jail permission flags",
  "security.jail.param.allow.mount": "Jail mount/unmount permission flags",
  "security.jail.param.ip6": "Jail IPv6 address virtualization",
  "security.jail.param.ip4": "Jail IPv4 address virtualization",
  "security.jail.param.cpuset": "Jail cpuset",
  "security.jail.param.host": "Jail host info",
  "security.jail.param.children": "Number of child jails",
};

/** `security.jail.param.*`: what jail(8) knows by these names. In the order the kernel lists them. */
const jailParameters: readonly (readonly [
  name: string,
  type: Oid["type"],
  description: string,
  since?: number,
])[] = [
  ["zfs.mount_snapshot", "integer", "Allow mounting snapshots in the .zfs directory for unjailed datasets"],
  ["zfs.", "integer", "Jail ZFS parameters"],
  ["sysvshm.", "integer", "SYSV shared memory"],
  ["sysvsem.", "integer", "SYSV semaphores"],
  ["sysvmsg.", "integer", "SYSV message queues"],
  ["allow.mount.zfs", "integer", "Jail may mount the zfs file system"],
  ["allow.mount.tmpfs", "integer", "Jail may mount the tmpfs file system"],
  ["allow.mount.procfs", "integer", "Jail may mount the procfs file system"],
  ["allow.mount.devfs", "integer", "Jail may mount the devfs file system"],
  ["allow.mount.", "integer", "Jail may mount/unmount jail-friendly file systems in general"],
  // man page only: all that came with 15.0.
  ["allow.setaudit", "integer", "Processes in jail may set and get audit session state", 1500000],
  ["allow.routing", "integer", "Jail may modify routing table", 1500000],
  ["allow.settime", "integer", "Jail may set system time", 1500000],
  ["allow.adjtime", "integer", "Jail may adjust system time", 1500000],
  ["allow.extattr", "integer", "Jail may set system-level filesystem extended attributes", 1500000],
  [
    "allow.unprivileged_parent_tampering",
    "integer",
    "Unprivileged parent jail processes may tamper with same-uid processes (signal/debug/cpuset)",
    1500000,
  ],
  ["allow.nfsd", "integer", "Mountd/nfsd may run in the jail"],
  ["allow.suser", "integer", "Processes in jail with uid 0 have privilege"],
  ["allow.unprivileged_proc_debug", "integer", "Unprivileged processes may use process debugging facilities"],
  ["allow.read_msgbuf", "integer", "Jail may read the kernel message buffer"],
  ["allow.reserved_ports", "integer", "Jail may bind sockets to reserved ports"],
  ["allow.mlock", "integer", "Jail may lock (unlock) physical pages in memory"],
  ["allow.socket_af", "integer", "Jail may create sockets other than just UNIX/IPv4/IPv6/route"],
  ["allow.quotas", "integer", "Jail may set file quotas"],
  ["allow.chflags", "integer", "Jail may alter system file flags"],
  ["allow.raw_sockets", "integer", "Jail may create raw sockets"],
  ["allow.sysvipc", "integer", "Jail may use SYSV IPC"],
  ["allow.set_hostname", "integer", "Jail may set hostname"],
  [
    "ip6.saddrsel",
    "integer",
    "Do (not) use IPv6 source address selection rather than the primary jail IPv6 address.",
  ],
  ["ip6.addr", "opaque", "Jail IPv6 addresses"],
  ["ip6.", "integer", "Jail IPv6 address virtualization"],
  [
    "ip4.saddrsel",
    "integer",
    "Do (not) use IPv4 source address selection rather than the primary jail IPv4 address.",
  ],
  ["ip4.addr", "opaque", "Jail IPv4 addresses"],
  ["ip4.", "integer", "Jail IPv4 address virtualization"],
  ["cpuset.id", "integer", "Jail cpuset ID"],
  ["host.hostid", "unsigned long", "Jail host ID"],
  ["host.hostuuid", "string", "Jail host UUID"],
  ["host.domainname", "string", "Jail NIS domainname"],
  ["host.hostname", "string", "Jail hostname"],
  ["host.", "integer", "Jail host info"],
  ["children.max", "integer", "Maximum number of child jails"],
  ["children.cur", "integer", "Current number of child jails"],
  ["dying", "integer", "Jail is in the process of shutting down"],
  ["vnet", "integer", "Virtual network stack"],
  ["persist", "integer", "Jail persistence"],
  ["devfs_ruleset", "integer", "Ruleset for in-jail devfs mounts"],
  ["enforce_statfs", "integer", "Jail cannot see all mounted file systems"],
  ["osrelease", "string", "Jail value for kern.osrelease and uname -r"],
  ["osreldate", "integer", "Jail value for kern.osreldate and uname -K"],
  ["securelevel", "integer", "Jail secure level"],
  ["path", "string", "Jail root path"],
  ["name", "string", "Jail name"],
  ["parent", "integer", "Jail parent ID"],
  ["jid", "integer", "Jail ID"],
];

const bridge = { vnet: true, module: "if_bridge" };
const ipfw = { vnet: true, module: "ipfw" };
const pf = { module: "pf" };

const jailSets = (name: string) => (seen: Seen) => String(seen.jail?.parameters.get(name) ?? "");

/** ctime(3), in UTC: `Tue Nov 24 19:47:58 2026`. */
function ctime(ms: number): string {
  const [day = "", date = "", month = "", year = "", time = ""] = new Date(ms)
    .toUTCString()
    .replace(",", "")
    .split(" ");
  return `${day} ${month} ${date.replace(/^0/, " ")} ${time} ${year}`;
}

/** The tree in the order in which sysctl(8) walks it. */
export const oids: readonly Oid[] = [
  text("kern.ostype", "FreeBSD", "Operating system type"),
  text(
    "kern.osrelease",
    (seen) => jailSets("osrelease")(seen) || seen.kernel.release.name,
    "Operating system release",
  ),
  ro("kern.osrevision", "199506", "Operating system revision"),
  text(
    "kern.version",
    ({ kernel: { release } }) => `FreeBSD ${release.name} #0: ${release.built}`,
    "Kernel version",
  ),
  ro("kern.maxvnodes", "73516", "Target for maximum number of vnodes"),
  tun("kern.maxproc", "7918", "Maximum number of processes"),
  rw("kern.maxfiles", "64394", "Maximum number of files"),
  ro("kern.argmax", "524288", "Maximum bytes of argument to execve(2)"),
  rw("kern.securelevel", "-1", "Current secure level"),
  oid("string", "rw")(
    "kern.hostname",
    (seen) => seen.jail?.hostname ?? seen.kernel.sysctl.hostname,
    "Hostname",
    {
      set: (value, { jail, kernel }) => {
        if (jail) jail.hostname = value;
        else kernel.sysctl.hostname = value;
      },
    },
  ),
  ro("kern.hostid", "724250417", "Host ID"),
  ro("kern.ngroups", "1023", "Maximum number of supplemental groups a user can belong to"),
  oid("opaque", "ro")(
    "kern.boottime",
    ({ kernel }) => {
      const seconds = Math.floor(kernel.bootedAt / 1000);
      return `{ sec = ${seconds}, usec = 0 } ${ctime(seconds * 1000)}`;
    },
    "Estimated system boottime",
  ),
  ro(
    "kern.osreldate",
    (seen) => jailSets("osreldate")(seen) || String(seen.kernel.release.osreldate),
    "Kernel release date",
  ),
  text("kern.bootfile", "/boot/kernel/kernel", "Name of kernel file booted"),
  rw("kern.maxfilesperproc", "57951", "Maximum files allowed open per process"),
  rw("kern.ipc.somaxconn", "128", "Maximum listen socket pending connection accept queue size (compat)"),
  rw("kern.ipc.maxsockbuf", "2097152", "Maximum socket buffer size"),
  text("kern.ident", "FBSD14", "Kernel identifier"),
  ro("kern.smp.cpus", "2", "Number of CPUs online"),
  ro("kern.features.racct", "1", "Resource Accounting"),
  ro("kern.features.rctl", "1", "Resource Limits"),
  ro("kern.features.vimage", "1", "VIMAGE kernel virtualization"),
  ro("kern.features.inet", "1", "Internet Protocol version 4"),
  ro("kern.features.inet6", "1", "Internet Protocol version 6"),
  ro("kern.features.ufs_acl", "1", "ACL support for UFS"),
  tun("kern.racct.enable", "1", "Enable RACCT/RCTL"),
  ro("kern.racct.pcpu_threshold", "1", "Processes with higher %cpu usage than this value can be throttled."),
  text("kern.disks", "vtbd1 vtbd0", "names of available disks"),
  text("kern.conftxt", "ident FBSD14", "Kernel configuration file"),
  oid("unsigned long", "ro")("vm.kmem_size", "2054422528", "Size of kernel memory"),
  rw("vm.overcommit", "0", "Configure virtual memory overcommit behavior."),
  ro("vfs.devfs.rule_depth", "1", "Max depth of ruleset include"),
  ro("vfs.devfs.generation", "80", "DEVFS generation number"),
  rw("vfs.usermount", "0", "Unprivileged users may mount and unmount file systems"),
  rw("vfs.zfs.vol.mode", "1", "Expose as GEOM providers (1), device files (2) or neither"),
  oid("unsigned long", "rw")("vfs.zfs.arc.max", "0", "Maximum ARC size in bytes"),
  rw("net.inet.ip.portrange.first", "10000", "", vnet),
  rw("net.inet.ip.portrange.last", "65535", "", vnet),
  rw("net.inet.ip.portrange.reservedhigh", "1023", "", vnet),
  rw("net.inet.ip.forwarding", "0", "Enable IP forwarding between interfaces", vnet),
  rw("net.inet.ip.redirect", "1", "Enable sending IP redirects", vnet),
  rw("net.inet.ip.ttl", "64", "Maximum TTL on IP packets", vnet),
  rw("net.inet.ip.sourceroute", "0", "Enable forwarding source routed IP packets", vnet),
  rw("net.inet.ip.accept_sourceroute", "0", "Enable accepting source routed IP packets", vnet),
  rw("net.inet.ip.random_id", "0", "Assign random ip_id values", vnet),
  rw("net.inet.ip.process_options", "1", "Enable IP options processing", vnet),
  rw("net.inet.ip.check_interface", "0", "Verify packet arrives on correct interface", vnet),
  ro(
    "net.inet.ip.fw.static_count",
    ({ kernel, vnet: stack }) => String(kernel.firewall.ipfw(stack)?.rules.length ?? 0),
    "Number of static rules",
    ipfw,
  ),
  tun(
    "net.inet.ip.fw.default_to_accept",
    ({ kernel }) => (kernel.firewall.defaultToAccept ? "1" : "0"),
    "Make the default rule accept all packets.",
    { module: "ipfw" },
  ),
  rw("net.inet.ip.fw.tables_sets", "0", "Use per-set namespace for tables", ipfw),
  rw("net.inet.ip.fw.tables_max", "128", "Maximum number of concurrently used tables", ipfw),
  ro("net.inet.ip.fw.default_rule", "65535", "The default/max possible rule number.", ipfw),
  rw("net.inet.ip.fw.verbose_limit", "0", "Set upper limit of matches of ipfw rules logged", ipfw),
  rw("net.inet.ip.fw.verbose", "0", "Log matches to ipfw rules", ipfw),
  rw("net.inet.ip.fw.autoinc_step", "100", "Rule number auto-increment step", ipfw),
  rw("net.inet.ip.fw.one_pass", "1", "Only do a single pass through ipfw when using dummynet(4)", ipfw),
  rw("net.inet.ip.fw.dyn_keep_states", "0", "Do not flush dynamic states on rule deletion", ipfw),
  rw("net.inet.ip.fw.dyn_keepalive", "1", "Enable keepalives for dynamic states.", ipfw),
  rw("net.inet.ip.fw.dyn_short_lifetime", "5", "Lifetime of dynamic states for other situations.", ipfw),
  rw("net.inet.ip.fw.dyn_udp_lifetime", "10", "Lifetime of dynamic states for UDP.", ipfw),
  rw("net.inet.ip.fw.dyn_rst_lifetime", "1", "Lifetime of dynamic states for RST.", ipfw),
  rw("net.inet.ip.fw.dyn_fin_lifetime", "1", "Lifetime of dynamic states for FIN.", ipfw),
  rw("net.inet.ip.fw.dyn_syn_lifetime", "20", "Lifetime of dynamic states for SYN.", ipfw),
  rw("net.inet.ip.fw.dyn_ack_lifetime", "300", "Lifetime of dynamic states for ACK.", ipfw),
  rw("net.inet.ip.fw.dyn_max", "16384", "Maximum number of dynamic states.", ipfw),
  ro(
    "net.inet.ip.fw.dyn_count",
    ({ kernel, vnet: stack }) => String(kernel.firewall.ipfw(stack)?.states.size ?? 0),
    "Current number of dynamic states.",
    ipfw,
  ),
  rw("net.inet.ip.fw.enable", "1", "Enable ipfw", ipfw),
  rw("net.inet.icmp.drop_redirect", "0", "Ignore ICMP redirects", vnet),
  rw("net.inet.icmp.bmcastecho", "0", "Reply to multicast ICMP Echo Request and Timestamp packets", vnet),
  rw("net.inet.tcp.blackhole", "0", "Do not send RST on segments to closed ports", vnet),
  rw("net.inet.tcp.msl", "30000", "Maximum segment lifetime", vnet),
  rw("net.inet.tcp.finwait2_timeout", "60000", "FIN-WAIT2 timeout", vnet),
  rw("net.inet.tcp.fast_finwait2_recycle", "0", "Recycle closed FIN_WAIT_2 connections faster", vnet),
  rw("net.inet.tcp.mssdflt", "536", "Default TCP Maximum Segment Size", vnet),
  rw("net.inet.tcp.syncookies", "1", "Use TCP SYN cookies if the syncache overflows", vnet),
  rw("net.inet.udp.blackhole", "0", "Do not send port unreachables for refused connects", vnet),
  rw("net.inet6.ip6.forwarding", "0", "Enable forwarding of IPv6 packets between interfaces", vnet),
  rw("net.inet6.ip6.redirect", "1", "Send ICMPv6 redirects for unforwardable IPv6 packets", vnet),
  rw("net.inet6.ip6.hlim", "64", "Default hop limit to use for outgoing IPv6 packets", vnet),
  rw(
    "net.inet6.ip6.accept_rtadv",
    "0",
    "Default value of per-interface flag for accepting ICMPv6 RA messages",
    vnet,
  ),
  rw(
    "net.inet6.ip6.auto_linklocal",
    "1",
    "Default value of per-interface flag for automatically adding an IPv6 link-local address to interfaces when attached",
    vnet,
  ),
  rw(
    "net.inet6.ip6.dad_count",
    "1",
    "Number of ICMPv6 NS messages sent during duplicate address detection",
    vnet,
  ),
  rw("net.inet6.ip6.fw.enable", "1", "Enable ipfw+6", ipfw),
  rw("net.inet6.ip6.fw.deny_unknown_exthdrs", "1", "Deny packets with unknown IPv6 Extension Headers", ipfw),
  rw("net.link.bridge.ipfw", "0", "Layer2 filter with IPFW", bridge),
  rw("net.link.bridge.log_mac_flap", "1", "Log MAC address port flapping", bridge),
  rw(
    "net.link.bridge.allow_llz_overlap",
    "0",
    "Allow overlap of link-local scope zones of a bridge interface and the member interfaces",
    bridge,
  ),
  rw("net.link.bridge.inherit_mac", "0", "Inherit MAC address from the first bridge member", bridge),
  // man page only
  rw("net.link.bridge.member_ifaddrs", "0", "Allow layer 3 addresses on bridge members", {
    ...bridge,
    since: 1500000,
  }),
  rw("net.link.bridge.log_stp", "0", "Log STP state changes", bridge),
  rw(
    "net.link.bridge.pfil_local_phys",
    "0",
    "Packet filter on the physical interface for locally destined packets",
    bridge,
  ),
  rw("net.link.bridge.pfil_member", "0", "Packet filter on the member interface", bridge),
  rw("net.link.bridge.ipfw_arp", "0", "Filter ARP packets through IPFW layer2", bridge),
  rw("net.link.bridge.pfil_bridge", "0", "Packet filter on the bridge interface", bridge),
  rw("net.link.bridge.pfil_onlyip", "1", "Only pass IP packets when pfil is enabled", bridge),
  rw(
    "net.link.ether.inet.log_arp_movements",
    "1",
    "log arp replies from MACs different than the one in the cache",
    vnet,
  ),
  rw("net.link.ether.inet.max_age", "1200", "ARP entry lifetime in seconds", vnet),
  rw("net.link.ether.inet.proxyall", "0", "Enable proxy ARP for all suitable requests", vnet),
  rw("net.link.tap.up_on_open", "0", "Bring interface up when /dev/tap is opened"),
  rw("net.link.tap.user_open", "0", "Enable legacy devfs interface creation for all users."),
  ro("net.fibs", "1", "set number of fibs", vnet),
  rw("net.add_addr_allfibs", "0", "", vnet),
  tun("net.pf.states_hashsize", "131072", "Size of pf(4) states hashtable", pf),
  tun("net.pf.source_nodes_hashsize", "32768", "Size of pf(4) source nodes hashtable", pf),
  rw("net.pf.filter_local", "0", "Enable filtering for packets delivered to local network stack", {
    vnet: true,
    module: "pf",
  }),
  text("hw.machine", "amd64", "System architecture"),
  text("hw.model", "QEMU Virtual CPU", "Machine model"),
  ro("hw.ncpu", "2", "Number of active CPUs"),
  ro("hw.byteorder", "1234", "System byte order"),
  oid("unsigned long", "ro")("hw.physmem", "2127994880", "Amount of physical memory (in bytes)"),
  oid("unsigned long", "ro")(
    "hw.realmem",
    "2147483648",
    "Amount of memory (in bytes) reported by the firmware",
  ),
  ro("hw.pagesize", "4096", "System memory page size"),
  text("hw.machine_arch", "amd64", "System architecture"),
  text("user.cs_path", "/usr/bin:/bin:/usr/sbin:/sbin", "PATH that finds all the standard utilities"),
  rw(
    "security.bsd.see_other_uids",
    "1",
    "Unprivileged processes may see subjects/objects with different real uid",
  ),
  rw(
    "security.bsd.see_jail_proc",
    "1",
    "Unprivileged processes may see subjects/objects with different jail ids",
  ),
  rw(
    "security.bsd.unprivileged_read_msgbuf",
    "1",
    "Unprivileged processes may read the kernel message buffer",
  ),
  ...jailParameters.map(([name, type, description, since]) =>
    oid(type, "ro")(`security.jail.param.${name}`, type === "string" ? "" : "0", description, {
      ...(since !== undefined && { since }),
    }),
  ),
  rw("security.jail.mount_zfs_allowed", "0", "Jail may mount the zfs file system (deprecated)"),
  rw("security.jail.mount_devfs_allowed", "0", "Jail may mount the devfs file system (deprecated)"),
  rw("security.jail.devfs_ruleset", "0", "Ruleset for the devfs filesystem in jail (deprecated)"),
  rw(
    "security.jail.enforce_statfs",
    "2",
    "Processes in jail cannot see all mounted file systems (deprecated)",
  ),
  rw(
    "security.jail.mount_allowed",
    "0",
    "Processes in jail can mount/unmount jail-friendly file systems (deprecated)",
  ),
  rw("security.jail.chflags_allowed", "0", "Processes in jail can alter system file flags (deprecated)"),
  rw("security.jail.allow_raw_sockets", "0", "Prison root can create raw sockets (deprecated)"),
  rw("security.jail.sysvipc_allowed", "0", "Processes in jail can use System V IPC primitives (deprecated)"),
  rw(
    "security.jail.socket_unixiproute_only",
    "1",
    "Processes in jail are limited to creating UNIX/IP/route sockets only (deprecated)",
  ),
  rw("security.jail.set_hostname_allowed", "1", "Processes in jail can set their hostnames (deprecated)"),
  ro(
    "security.jail.jail_max_af_ips",
    "255",
    "Number of IP addresses a jail may have at most per address family (deprecated)",
  ),
  ro("security.jail.vnet", ({ jail }) => (jail?.vnet ? "1" : "0"), "Jail owns vnet?"),
  ro("security.jail.jailed", ({ jail }) => (jail ? "1" : "0"), "Process in jail?"),
];
