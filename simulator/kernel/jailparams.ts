import type { Release } from "../release";

/** How a jail parameter's value is written and read, see jail(8) and libjail's jailparam_import(3). */
export type JailParameterType = "bool" | "int" | "string" | "jailsys" | "ip4" | "ip6";

export interface JailParameter {
  readonly name: string;
  readonly type: JailParameterType;
  /** `create`: only jail_set(JAIL_CREATE) takes it; `read`: jail_get only. */
  readonly access: "write" | "create" | "read";
  readonly default: string | boolean;
  /** Exists only while this kernel module is there. */
  readonly module?: string;
  /** The __FreeBSD_version it came with. */
  readonly since?: number;
}

const bool = (name: string, value = false, access: JailParameter["access"] = "write"): JailParameter => ({
  name,
  type: "bool",
  access,
  default: value,
});
const int = (name: string, value: number, access: JailParameter["access"] = "write"): JailParameter => ({
  name,
  type: "int",
  access,
  default: String(value),
});
const string = (name: string, value = "", access: JailParameter["access"] = "write"): JailParameter => ({
  name,
  type: "string",
  access,
  default: value,
});
const jailsys = (name: string, value: string, access: JailParameter["access"] = "write"): JailParameter => ({
  name,
  type: "jailsys",
  access,
  default: value,
});

// man page only: all that came with 15.0.
const in15 = (name: string): JailParameter => ({ ...bool(name), since: 1500000 });

/** security.jail.param, in the order of `jls -n`: names without a dot first, then by name. */
const all: readonly JailParameter[] = [
  int("devfs_ruleset", 0),
  bool("dying", false, "read"),
  int("enforce_statfs", 2),
  jailsys("host", "new"),
  jailsys("ip4", "disable"),
  jailsys("ip6", "disable"),
  int("jid", 0, "create"),
  string("name"),
  int("osreldate", 0, "create"),
  string("osrelease", "", "create"),
  int("parent", 0, "read"),
  string("path", "/", "create"),
  bool("persist"),
  int("securelevel", -1),
  jailsys("sysvmsg", "disable"),
  jailsys("sysvsem", "disable"),
  jailsys("sysvshm", "disable"),
  jailsys("vnet", "inherit", "create"),
  { ...jailsys("zfs", "new"), module: "zfs" },
  in15("allow.adjtime"),
  bool("allow.chflags"),
  in15("allow.extattr"),
  bool("allow.mlock"),
  bool("allow.mount"),
  bool("allow.mount.devfs"),
  { ...bool("allow.mount.fdescfs"), module: "fdescfs" },
  { ...bool("allow.mount.linprocfs"), module: "linprocfs" },
  { ...bool("allow.mount.nullfs"), module: "nullfs" },
  bool("allow.mount.procfs"),
  bool("allow.mount.tmpfs"),
  { ...bool("allow.mount.zfs"), module: "zfs" },
  bool("allow.nfsd"),
  bool("allow.quotas"),
  bool("allow.raw_sockets"),
  bool("allow.read_msgbuf"),
  bool("allow.reserved_ports", true),
  in15("allow.routing"),
  bool("allow.set_hostname", true),
  in15("allow.setaudit"),
  in15("allow.settime"),
  bool("allow.socket_af"),
  bool("allow.suser", true),
  bool("allow.sysvipc"),
  in15("allow.unprivileged_parent_tampering"),
  bool("allow.unprivileged_proc_debug", true),
  int("children.cur", 0, "read"),
  int("children.max", 0),
  int("cpuset.id", 0, "read"),
  string("host.domainname"),
  int("host.hostid", 0),
  string("host.hostname"),
  string("host.hostuuid", "00000000-0000-0000-0000-000000000000"),
  { name: "ip4.addr", type: "ip4", access: "write", default: "" },
  bool("ip4.saddrsel", true),
  { name: "ip6.addr", type: "ip6", access: "write", default: "" },
  bool("ip6.saddrsel", true),
  { ...int("zfs.mount_snapshot", 0), module: "zfs" },
];

/** The parameters this kernel knows now: file systems that are modules bring theirs along. */
export function jailParameters(release: Release, hasModule: (name: string) => boolean): JailParameter[] {
  const own: Readonly<Record<string, string>> = {
    osreldate: String(release.osreldate),
    osrelease: release.name,
  };
  return all
    .filter(
      ({ module, since = 0 }) => (module === undefined || hasModule(module)) && since <= release.osreldate,
    )
    .map((parameter) => ({ ...parameter, default: own[parameter.name] ?? parameter.default }));
}

/** `allow.noraw_sockets` is `allow.raw_sockets` turned round. */
export function withoutNo(name: string): string | undefined {
  const dot = name.lastIndexOf(".") + 1;
  return name.startsWith("no", dot) ? name.slice(0, dot) + name.slice(dot + 2) : undefined;
}

export function withNo(name: string): string {
  const dot = name.lastIndexOf(".") + 1;
  return `${name.slice(0, dot)}no${name.slice(dot)}`;
}
