import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { adoptShape, commonShape, internalShape, logicalName, targetOf } from "../common";
import { changes } from "../diff";
import { askFile, askFolder } from "../freebsd/file";
import { askInterface, type InterfaceState } from "../freebsd/interface";
import { askDefaultRoute, askJail, askOtherFiles } from "../freebsd/jail";
import { includes } from "../freebsd/jailconf";
import { askCpus, askLimits } from "../freebsd/limits";
import { askMounts } from "../freebsd/mount";
import { askRcVariable, words } from "../freebsd/rcconf";
import { checkJail } from "../jail/check";
import { compareJail, mending, parametersOf } from "../jail/compare";
import {
  conf,
  confPath,
  fstab,
  fstabPath,
  gatewaysOf,
  inRoot,
  isIncluded,
  limitLines,
  limitsOf,
  livelyParameters,
  mainLines,
  mountOf,
  mountsOf,
  nameOf,
  rc,
  resolvLines,
  rulesetOf,
} from "../jail/files";
import {
  awaitEarlier,
  clearLeftovers,
  keepLimits,
  keepRunning,
  startJail,
  startStep,
  stopJail,
} from "../jail/running";
import {
  cpuList,
  LIMIT_ACTIONS,
  LIMITED_RESOURCES,
  limitAmount,
  mountOption,
  parameterName,
  parameterText,
} from "../jail/scalars";
import { atBoot, type Costs, defineKind, type State } from "../kind";
import {
  certainlyNot,
  claimFile,
  claimJail,
  fileIs,
  headerLine,
  includesJail,
  jailIsListed,
  jailRuns,
  putFile,
} from "../library";
import {
  claimAccounting,
  claimHiding,
  claimJid,
  claimReal,
  claimResolvConf,
  dropTarget,
  makeTarget,
} from "../library/jail";
import { claimInclude } from "../library/jailconf";
import {
  askLines,
  askRc,
  compareFile,
  compareLines,
  compareRc,
  dropLines,
  keepSomeLines,
  type OwnLines,
  removeFile,
  wayOf,
} from "../owned";
import { unasked } from "../question";
import {
  absolutePath,
  cidr,
  hostname,
  interfaceName,
  ipAddress,
  ipv6Address,
  jailCommand,
  jailName,
} from "../scalars";
import { type Cost, type InputOf, live, type Reference, reference, replace, restart } from "../schema";
import type { Step } from "../script";
import { type Sh, sh } from "../sh";

export const linkReferenceShape = {
  jailSide: interfaceName,
  /** The addresses of the bridge that the link is on: the jail's must lie within their subnets. */
  subnets: z.array(cidr),
};

export type LinkReference = Reference<"EpairLink", z.output<z.ZodObject<typeof linkReferenceShape>>>;

export const jailInterfaceShape = {
  /** The link whose jail side ("b") the jail takes over as its interface. */
  link: reference("EpairLink", linkReferenceShape, ["jailSide"]),
  /**
   * The jail's own addresses on it, with prefix length, IPv4 or IPv6; within the subnets of the link's bridge. No
   * IPv4 ones beside `dhcp`, which replaces them.
   * @default [] (then say `dhcp` or `slaac`)
   */
  addresses: z.array(cidr).default([]),
  /**
   * Ask a DHCP server on the bridge for an IPv4 address, router and name servers (dhclient(8), in the background).
   * Needs `/dev/bpf*` in the jail, which the rulesets 1 to 5 do not show. Turning it on or off restarts the jail.
   * @default false
   */
  dhcp: z.boolean().optional(),
  /**
   * Make an IPv6 address of what a router on the bridge announces (SLAAC, `accept_rtadv` in ifconfig(8)). Turning
   * it on or off restarts the jail.
   * @default false
   */
  slaac: z.boolean().optional(),
};

export const jailMountShape = {
  /**
   * What is mounted: for `nullfs` and `unionfs` an absolute path on the host.
   * @default the type's name, for the types that need nothing to mount
   */
  source: absolutePath.optional(),
  /** Where, as the jail sees it: `/data`. A folder that is missing is made, and removed with the jail. */
  target: absolutePath,
  /**
   * Kind of file system: `nullfs` shows a folder of the host (nullfs(5)), `tmpfs` is memory.
   * @default "nullfs"
   */
  type: z
    .enum(["nullfs", "tmpfs", "unionfs", "fdescfs", "procfs", "linprocfs", "linsysfs"], {
      error: (issue) =>
        `${JSON.stringify(issue.input)} is none of nullfs, tmpfs, unionfs, fdescfs, procfs, linprocfs, linsysfs`,
    })
    .optional(),
  /**
   * Options as in fstab(5), such as `["ro"]` or `["rw", "size=64m"]`.
   * @default ["rw"]
   */
  options: z.array(mountOption).min(1, { error: 'say at least "rw" or "ro"' }).optional(),
};

const permission = z.boolean().optional();

/** `allow.*` of jail(8), under the kernel's names; true by default are only those that say so. */
export const jailAllowShape = {
  /** Change the host name within the jail. @default true */
  set_hostname: permission,
  /** Raw sockets. Not needed for ping(8) in a VNET jail. @default false */
  raw_sockets: permission,
  /** System V IPC shared with the host; prefer `sysvshm`, `sysvsem`, `sysvmsg`. @default false */
  sysvipc: permission,
  /** Change the system flags of files (chflags(2)). @default false */
  chflags: permission,
  /** Administer quotas on the jail's file systems. @default false */
  quotas: permission,
  /** Sockets of families other than local, IPv4, IPv6 and route. @default false */
  socket_af: permission,
  /** Lock pages in memory (mlock(2)). @default false */
  mlock: permission,
  /** Bind ports below 1024. @default true */
  reserved_ports: permission,
  /** Read the kernel's message buffer (dmesg(8)). @default false */
  read_msgbuf: permission,
  /** Debug processes without privilege. @default true */
  unprivileged_proc_debug: permission,
  /** The jail's root has root's privileges within it. @default true */
  suser: permission,
  /** Run an NFS server. @default false */
  nfsd: permission,
  /** Use bhyve(8); exists while vmm(4) is loaded. @default false */
  vmm: permission,
  /** Manipulate extended attributes of the system namespace; FreeBSD 15. @default false */
  extattr: permission,
  /** Set the clock slowly (adjtime(2)); FreeBSD 15. @default false */
  adjtime: permission,
  /** Set the clock (settimeofday(2)); FreeBSD 15. @default false */
  settime: permission,
  /** Change routing tables (route(8)); FreeBSD 15. @default false */
  routing: permission,
  /** Set audit(4) properties; FreeBSD 15. @default false */
  setaudit: permission,
  /** Signal, debug and renice processes of the jail's parent that belong to the same user; FreeBSD 15. @default false */
  unprivileged_parent_tampering: permission,
  /** Mount and unmount file systems at all; needs `enforceStatfs` 0 or 1. @default false */
  mount: permission,
  /** Mount devfs(4). @default false */
  "mount.devfs": permission,
  /** Mount fdescfs(5). @default false */
  "mount.fdescfs": permission,
  /** Mount fusefs(5). @default false */
  "mount.fusefs": permission,
  /** Mount linprocfs(5). @default false */
  "mount.linprocfs": permission,
  /** Mount linsysfs(5). @default false */
  "mount.linsysfs": permission,
  /** Mount nullfs(5). @default false */
  "mount.nullfs": permission,
  /** Mount procfs(5). @default false */
  "mount.procfs": permission,
  /** Mount tmpfs(5). @default false */
  "mount.tmpfs": permission,
  /** Mount ZFS datasets that are delegated to the jail. @default false */
  "mount.zfs": permission,
};

export const jailLimitShape = {
  /** What is limited, such as `memoryuse` (bytes), `maxproc` (processes) or `pcpu` (per cent of one CPU). See rctl(8). */
  resource: z.enum(LIMITED_RESOURCES, {
    error: (issue) =>
      `${JSON.stringify(issue.input)} is no resource of rctl(8): ${LIMITED_RESOURCES.join(", ")}`,
  }),
  /** How much of it: a number, or text with a unit, `"512m"`, `"2g"` (powers of 1024). */
  amount: z.union([z.int().min(0).max(Number.MAX_SAFE_INTEGER), limitAmount], {
    error: (issue) =>
      `${JSON.stringify(issue.input)} is not an amount: a number such as 100, or "512m", "2g"`,
  }),
  /**
   * What happens beyond: the allocation is refused, logged, told to devd(8), slowed down, or the process gets a signal.
   * @default "deny"
   */
  action: z
    .enum(LIMIT_ACTIONS, {
      error: (issue) => `${JSON.stringify(issue.input)} is none of ${LIMIT_ACTIONS.join(", ")}`,
    })
    .optional(),
  /**
   * For whom the amount counts: the whole jail, or each process or user in it.
   * @default "jail"
   */
  per: z.enum(["process", "user", "loginclass", "jail"]).optional(),
};

export const rulesetReferenceShape = { number: z.int().min(1).max(65535) };

/** What of a `DevfsRuleset` a jail needs. */
export type RulesetReference = Reference<"DevfsRuleset", z.output<z.ZodObject<typeof rulesetReferenceShape>>>;

export const dependencyReferenceShape = { name: z.string(), startAtBoot: z.boolean().optional() };

/** What of a `VnetJail` one that depends on it needs. */
export type DependencyReference = Reference<
  "VnetJail",
  z.output<z.ZodObject<typeof dependencyReferenceShape>>
>;

const commands = z.array(jailCommand);
const ipc = z
  .enum(["disable", "new", "inherit"], {
    error: (issue) => `${JSON.stringify(issue.input)} is none of "disable", "new", "inherit"`,
  })
  .optional();
const between = (low: number, high: number) =>
  z
    .int({ error: (issue) => `${JSON.stringify(issue.input)} is not a whole number from ${low} to ${high}` })
    .refine((v) => v >= low && v <= high, {
      error: (issue) => `${issue.input} is not a whole number from ${low} to ${high}`,
    });

export const vnetJailShape = {
  ...commonShape,
  /**
   * The jail's name.
   * @default the resource's name
   */
  name: replace(jailName.optional()),
  /**
   * Absolute path of the jail's root on the host, with no symbolic link on the way: the `path` of a `JailRoot`. See
   * jail(8).
   */
  // Not a restart: the jail has to be gone before the engine removes a root that is replaced.
  path: replace(absolutePath),
  /**
   * The jail's number (`jid`), 1 to 999999, where something needs it fixed.
   * Saying the one that it has, or no longer saying one, costs nothing.
   * @default the next free one at each start; the output `jid` tells it
   */
  fixedJid: restart(between(1, 999999).optional()),
  /**
   * `host.hostname` within the jail.
   * @default the jail's name
   */
  hostname: live(hostname.optional()),
  /**
   * The jail's network interfaces.
   * @default [] (it has only lo0)
   */
  interfaces: live(z.array(z.strictObject(jailInterfaceShape)).default([])),
  /**
   * The jail's default router: an address within the subnet of one of its interfaces' `addresses`. DHCP and SLAAC
   * bring their own.
   * @default none: the jail reaches only its own subnets
   */
  gateway: live(ipAddress.optional()),
  /**
   * The IPv6 default router of a jail whose `gateway` is an IPv4 one.
   * @default none
   */
  gateway6: live(ipv6Address.optional()),
  /**
   * Addresses of name servers, for the jail's /etc/resolv.conf; added to what stands there, of which the resolver
   * takes the first three. Not beside `dhcp`, which writes that file anew.
   * @default []
   */
  nameservers: live(z.array(ipAddress).default([])),
  /**
   * Domains in which the jail looks up short host names; `search` in resolv.conf(5). Not beside `dhcp`.
   * @default []
   */
  search: live(z.array(hostname).default([])),
  /**
   * What is mounted in the jail's root while it runs, in this order; written to `/etc/fstab.NAME`, which is the
   * jail's `mount.fstab`. What is added at the end is mounted while the jail runs; any other change restarts it.
   * @default []
   */
  mounts: restart(z.array(z.strictObject(jailMountShape)).default([])),
  /**
   * Mount devfs(4) on the jail's /dev (`mount.devfs`). Turning it on costs nothing. Not in a jail whose `path` is
   * `/`, whose /dev is the host's; as the next two.
   * @default true
   */
  mountDevfs: restart(z.boolean().default(true)),
  /**
   * Mount fdescfs(5) on the jail's /dev/fd (`mount.fdescfs`). Turning it on costs nothing.
   * @default false
   */
  mountFdescfs: restart(z.boolean().default(false)),
  /**
   * Mount procfs(5) on the jail's /proc (`mount.procfs`). Turning it on costs nothing.
   * @default false
   */
  mountProcfs: restart(z.boolean().default(false)),
  /**
   * The devfs ruleset for the jail's /dev: its number, 1 to 65535, or a `DevfsRuleset`. It must be loaded, and hide
   * something: 4 is the usual one for jails, 5 the one for vnet jails. Its /dev changes while it runs; an owner or a mode
   * that the former ruleset gave stays until the jail restarts. Without `mountDevfs` it is only for what is mounted from
   * within the jail. See devfs(8).
   * @default 5
   */
  devfsRuleset: live(
    z
      .union([between(1, 65535), reference("DevfsRuleset", rulesetReferenceShape, ["number"])], {
        error: (issue) =>
          `${JSON.stringify(issue.input)} is neither the number of a devfs ruleset, 1 to 65535, nor a DevfsRuleset`,
      })
      .default(5),
  ),
  /**
   * Commands run on the host before anything else of the jail's start. See `exec.prepare` in jail(8).
   * @default []
   */
  prepare: restart(commands.default([])),
  /**
   * Commands run on the host before the jail is made. See `exec.prestart` in jail(8).
   * @default []
   */
  prestart: restart(commands.default([])),
  /**
   * Commands run on the host right after the jail was made, before anything runs in it. See `exec.created` in jail(8).
   * @default []
   */
  created: restart(commands.default([])),
  /**
   * Commands run in the jail to start it, after its interfaces are configured. See `exec.start` in jail(8).
   * @default ["/bin/sh /etc/rc"]
   */
  start: restart(commands.default(["/bin/sh /etc/rc"])),
  /**
   * Commands run on the host after the jail has started. See `exec.poststart` in jail(8).
   * @default []
   */
  poststart: restart(commands.default([])),
  /**
   * Commands run on the host before the jail is stopped. See `exec.prestop` in jail(8).
   * @default []
   */
  prestop: live(commands.default([])),
  /**
   * Commands run in the jail to stop it. A jail that has not stopped two minutes and `stopTimeout` later is ended.
   * See `exec.stop` in jail(8).
   * @default ["/bin/sh /etc/rc.shutdown jail"]
   */
  stop: live(commands.default(["/bin/sh /etc/rc.shutdown jail"])),
  /**
   * Commands run on the host after the jail has stopped. See `exec.poststop` in jail(8).
   * @default []
   */
  poststop: live(commands.default([])),
  /**
   * Commands run on the host when all else of the jail is taken down. See `exec.release` in jail(8).
   * @default []
   */
  release: live(commands.default([])),
  /**
   * Seconds for the jail's processes to end after SIGTERM, before they are killed, 0 to 300. See `stop.timeout` in
   * jail(8).
   * @default 10
   */
  stopTimeout: live(between(0, 300).optional()),
  /**
   * What the jail may do beside the usual, or may not: `{ raw_sockets: true, set_hostname: false }`. See `allow.*` in
   * jail(8). A name that the host's release does not know is refused in the plan, in the first one of a new host when
   * the jail starts.
   * @default {}
   */
  allow: live(z.strictObject(jailAllowShape).default({})),
  /**
   * The jail's `securelevel`, -1 to 3; see security(7).
   * @default -1
   */
  securelevel: live(between(-1, 3).optional()),
  /**
   * What the jail sees of mounts: 0 all of the host's, 1 those below its root, 2 only its root. See `enforce_statfs` in
   * jail(8).
   * @default 2
   */
  enforceStatfs: live(between(0, 2).optional()),
  /**
   * How many jails it may have within it (`children.max`).
   * @default 0
   */
  childrenMax: live(between(0, 999999).optional()),
  /**
   * System V shared memory: none, the jail's own, or the host's.
   * @default "disable"
   */
  sysvshm: live(ipc),
  /**
   * System V semaphores: none, the jail's own, or the host's.
   * @default "disable"
   */
  sysvsem: live(ipc),
  /**
   * System V message queues: none, the jail's own, or the host's.
   * @default "disable"
   */
  sysvmsg: live(ipc),
  /**
   * Limits on what the jail may use, see rctl(8); in /etc/rctl.conf for the boot. The host's kernel must have
   * `kern.racct.enable` on.
   * @default []
   */
  limits: live(z.array(z.strictObject(jailLimitShape)).default([])),
  /**
   * The processors on which the jail runs, such as `"0,2-3"`. See cpuset(1).
   * @default all
   */
  cpuset: live(cpuList.optional()),
  /**
   * Whether a boot of the host starts it. With false only `pulumi up` and `service jail onestart NAME` do; its file is
   * then `/etc/jail.NAME.conf`, which /etc/jail.conf does not include.
   * @default true
   */
  startAtBoot: live(z.boolean().default(true)),
  /**
   * Jails, or their names, that the boot starts before this one; it must start each of them. See `depend` in jail(8).
   * Without it they start in the order in which Pulumi made them. Says nothing while `startAtBoot` is false.
   * @default []
   */
  depend: live(
    z
      .array(
        z.union([jailName, reference("VnetJail", dependencyReferenceShape, ["name"])], {
          error: (issue) => `${JSON.stringify(issue.input)} is neither a VnetJail nor the name of one`,
        }),
      )
      .default([]),
  ),
  /**
   * Parameters of jail(8) that have no property here, by name: `{ "exec.consolelog": "/var/log/testA" }`; a list is
   * written with `=` and `+=`. `host.domainname`, `host.hostuuid`, `host.hostid` and `allow.*` are given to the jail
   * while it runs; any other change, and leaving one out, restarts it.
   * @default {}
   */
  parameters: restart(
    z
      .record(
        parameterName,
        z.union([z.boolean(), z.int(), parameterText, z.array(parameterText).min(1)], {
          error:
            "expected true, false, a whole number, a text or a list of texts without control characters, \\ and both kinds of quotes",
        }),
      )
      .default({}),
  ),
  ...adoptShape,
  ...internalShape,
};

export interface VnetJailOutputs {
  /** The jail's name. */
  name: string;
  /** The running jail's number; another one after each start, unless `fixedJid` says which. */
  jid: number;
}

export type VnetJailInput = InputOf<typeof vnetJailShape>;
type Input = VnetJailInput;
type JailState = State<typeof vnetJailShape, VnetJailOutputs>;

/** What only the start of a jail configures of its interfaces. */
const automatic = (interfaces: Input["interfaces"]) =>
  interfaces
    .filter(({ dhcp, slaac }) => dhcp || slaac)
    .map(({ link, dhcp = false, slaac = false }) => [link?.jailSide, dhcp, slaac]);

const whenStopped = (on: boolean): Cost => (on ? "live" : "restart");

const costs: Costs<typeof vnetJailShape> = {
  fixedJid: (now, _, { jid }) => (now === undefined || now === jid ? "live" : "restart"),
  interfaces: (now, before) => (isDeepStrictEqual(automatic(now), automatic(before)) ? "live" : "restart"),
  // What is mounted may be in use: it is taken away only while nothing runs.
  mounts: (now, before) =>
    isDeepStrictEqual(now.slice(0, before.length).map(mountOf), before.map(mountOf)) ? "live" : "restart",
  mountDevfs: whenStopped,
  mountFdescfs: whenStopped,
  mountProcfs: whenStopped,
  parameters(now, before) {
    const lively = new Map(livelyParameters(now));
    const changed = Object.keys({ ...before, ...now }).filter(
      (name) => !isDeepStrictEqual(now[name], before[name]),
    );
    return changed.every((name) => lively.has(name)) ? "live" : "restart";
  },
};

const outputs = ["name", "jid"] as const;

const needsRestart = (input: Input, previous: JailState) =>
  changes({ name: "VnetJail", inputs: vnetJailShape, outputs, costs }, { ...previous }, input).some(
    ({ cost }) => cost === "restart",
  ) || mendedByRestart(previous);

const mendedByRestart = (previous: JailState) =>
  previous.drift.some((found) => mending(previous, found) === "restart");

const STOPPING = "waiting for the jail to end";

/** A run whose connection was lost has done it: files are written between stop and start, and say all that a start takes. */
const restarted = (input: Input, previous: JailState): Sh =>
  mendedByRestart(previous)
    ? sh``
    : sh` || { ${jailRuns} ${nameOf(input)} && ${fileIs} ${confPath(input)} ${conf(input)}${
        input.mounts.length > 0 ? sh` && ${fileIs} ${fstabPath(input)} ${fstab(input)}` : sh``
      }; }`;

export const vnetJail = defineKind({
  name: "VnetJail",
  noun: "jail",
  inputs: vnetJailShape,
  outputs,
  id: nameOf,
  target: (input) => targetOf(input.host),

  costs,
  mending,

  derive: ({ name, owner }) =>
    name === undefined && owner !== undefined ? { name: logicalName(owner) } : {},

  relations: (input, report) => checkJail(input, report, Object.keys(jailAllowShape)),

  ensure: (input, previous) => [
    ...claim(input, previous),
    ...(previous && needsRestart(input, previous)
      ? [
          {
            what: `stop the jail ${nameOf(input)}`,
            telling: STOPPING,
            run: stopJail(previous),
            unless: sh`${certainlyNot} ${jailIsListed} ${nameOf(input)}${restarted(input, previous)}`,
            undo: startJail(previous),
          },
        ]
      : []),
    ...keepFiles(input, previous),
    ...keepLimits(limitsOf(input), previous ? limitsOf(previous) : [], nameOf(input)),
    awaitEarlier(input),
    ...(previous ? [clearLeftovers(previous)] : []),
    startStep(input),
    ...keepRunning(input, previous),
  ],

  remove: (state) => [
    {
      what: `stop the jail ${nameOf(state)}`,
      telling: STOPPING,
      run: stopJail(state),
      unless: sh`${certainlyNot} ${jailIsListed} ${nameOf(state)}`,
    },
    // What service(8) leaves of a jail that it started and that was not stopped through it.
    { run: sh`rm -f ${`/var/run/jail_${nameOf(state)}.id`}` },
    ...keepLimits([], limitsOf(state), nameOf(state)),
    ...SHARED.map((lines) => lines(state))
      .filter(({ text }) => text !== "")
      .map(dropOwnLines),
    ...(state.mounts.length > 0 ? [removeFile(fstabPath(state), state.owner)] : []),
    removeFile(confPath(state), state.owner),
    ...keptFiles(state).map(putBack),
    ...madeTargets(state).map((target) => ({
      what: `rmdir ${inRoot(state, target)}`,
      run: sh`${dropTarget} ${state.path} ${target}`,
    })),
  ],

  questions: (input) => ({
    jail: askJail(nameOf(input), [
      ...new Set(["jid", ...parametersOf(input).map(([parameter]) => parameter)]),
    ]),
    conf: askFile(confPath(input)),
    fstab: input.mounts.length > 0 ? askFile(fstabPath(input)) : unasked(undefined),
    main: isIncluded(input) ? askFile(mainLines(input).path) : unasked(undefined),
    mainLines: isIncluded(input) ? unasked(undefined) : askLines(mainLines(input)),
    others: input.adopt ? askOtherFiles(nameOf(input), confPath(input), input.owner) : unasked([]),
    lines: askLines(rc(input)),
    list: askRcVariable("jail_list"),
    resolv: resolvLines(input).text === "" ? unasked(undefined) : askLines(resolvLines(input)),
    rctl: limitLines(input).text === "" ? unasked(undefined) : askLines(limitLines(input)),
    devices: input.mountDevfs ? askFolder(inRoot(input, "/dev")) : unasked([]),
    mounts: mountsOf(input).length > 0 ? askMounts() : unasked([]),
    limits: input.limits.length > 0 ? askLimits(nameOf(input)) : unasked([]),
    cpus: input.cpuset === undefined ? unasked(undefined) : askCpus(nameOf(input)),
    ...Object.fromEntries(
      gatewaysOf(input).map(({ family }) => [`route:${family}`, askDefaultRoute(nameOf(input), family)]),
    ),
    ...Object.fromEntries(
      input.interfaces.map(({ link }) => [
        `nic:${link.jailSide}`,
        askInterface(link.jailSide, nameOf(input)),
      ]),
    ),
    ...askRc(rc(input)),
  }),

  gone: ({ jail, conf, lines }) => jail === undefined && conf === undefined && lines === undefined,

  found(input, { jail, conf, lines, others }) {
    if (!jail && conf === undefined) return undefined;
    if (conf === undefined ? lines !== undefined : ownerIn(conf) !== undefined) return undefined;
    return {
      what: jail ? `the jail ${nameOf(input)}` : confPath(input),
      obstacles: others.map(
        (path) =>
          `${path} has the jail too, and the hooks of both would run: remove it from there, the jail goes on running`,
      ),
    };
  },

  compare(input, answers) {
    const said = answers as Readonly<Record<string, unknown>>;
    const { jail, devices, mounts, limits, cpus } = answers;
    const path = confPath(input);
    const found = compareJail(input, {
      jail,
      devices,
      mounts,
      limits,
      cpus,
      route: (family) => said[`route:${family}`] as string | undefined,
      nic: (side) => said[`nic:${side}`] as InterfaceState | undefined,
    });
    found.push(...compareFile(path, conf(input), answers.conf));
    if (input.mounts.length > 0) found.push(...compareFile(fstabPath(input), fstab(input), answers.fstab));
    found.push(...compareMain(input, answers.main, answers.mainLines));
    if (rc(input).text !== "") found.push(...compareRc(rc(input), answers.lines, answers));
    const list = words(answers.list);
    if (input.startAtBoot && answers.lines !== undefined && list.length > 0 && !list.includes(nameOf(input)))
      found.push(atBoot(`jail_list in /etc/rc.conf lacks ${nameOf(input)}`));
    if (resolvLines(input).text !== "") found.push(...compareLines(resolvLines(input), answers.resolv));
    if (limitLines(input).text !== "") found.push(...compareLines(limitLines(input), answers.rctl));
    return found;
  },

  observe: (input, { jail }): VnetJailOutputs => ({
    name: nameOf(input),
    jid: jail?.state === "running" ? Number(jail.parameters.get("jid")) : 0,
  }),
  timeoutMs: 1_200_000,
});

/** The resource whose file it is, when it is one of ours. */
const ownerIn = (text: string) =>
  text
    .split("\n")
    .find((line) => line.startsWith(headerLine("")))
    ?.slice(headerLine("").length);

function compareMain(input: Input, main: string | undefined, lines: string | undefined): string[] {
  if (!input.startAtBoot) return [];
  if (!isIncluded(input)) return compareLines(mainLines(input), lines);
  const path = confPath(input);
  return includes(main, path) ? [] : [atBoot(`/etc/jail.conf does not include ${path}`)];
}

/** What must hold before anything is touched. */
function claim(input: Input, previous: JailState | undefined): Step[] {
  const name = nameOf(input);
  const owner = previous?.owner ?? input.owner;
  const path = confPath(previous ?? input);
  /** By a run that was cut off: the file has the new name already. */
  const renamedBefore = (file: string) =>
    owner === input.owner ? {} : { unless: sh`grep -qxF -e ${headerLine(input.owner)} ${file}` };
  const free = (file: string): Step => ({
    what: `look whether ${file} is free`,
    run: sh`${claimFile} ${file} ${headerLine(owner)} ${wayOf(input)}`,
    ...renamedBefore(file),
  });
  return [
    {
      what: `look whether the jail ${name} is free`,
      run: sh`${claimJail} ${[name, path, owner, wayOf(input)]}`,
      ...renamedBefore(confPath(input)),
    },
    ...(path === confPath(input) ? [] : [free(confPath(input))]),
    { what: `look at ${input.path}`, run: sh`${claimReal} ${input.path}` },
    ...(input.startAtBoot && isIncluded(input)
      ? [
          {
            what: "look whether a line in /etc/jail.conf hides another jail",
            run: sh`${claimInclude} ${confPath(input)}`,
          },
        ]
      : []),
    ...(input.mounts.length > 0 ? [free(fstabPath(input))] : []),
    ...(input.fixedJid === undefined
      ? []
      : [
          {
            what: `look whether the number ${input.fixedJid} is free`,
            run: sh`${claimJid} ${input.fixedJid} ${name}`,
          },
        ]),
    ...(input.mountDevfs
      ? [
          {
            what: `look at devfs ruleset ${rulesetOf(input)}`,
            run: sh`${claimHiding} ${rulesetOf(input)}`,
          },
        ]
      : []),
    ...(input.limits.length > 0
      ? [{ what: "look whether the kernel accounts for resources", run: sh`${claimAccounting}` }]
      : []),
    ...(resolvLines(input).text === ""
      ? []
      : [{ what: `look at ${resolvLines(input).path}`, run: sh`${claimResolvConf} ${input.path}` }]),
  ];
}

/** Lines in files that others edit too. */
const SHARED = [mainLines, rc, resolvLines, limitLines] as const;

function keepFiles(input: Input, previous: JailState | undefined): Step[] {
  const path = confPath(input);
  return [
    ...input.mounts.map(({ target }) => ({
      run: sh`${makeTarget} ${input.path} ${target}`,
      what: `mkdir ${inRoot(input, target)}`,
      unless: sh`[ -d ${inRoot(input, target)} ]`,
      undo: sh`rmdir ${inRoot(input, target)}`,
      made: `${TARGET}${target}`,
    })),
    ...(input.startAtBoot ? [{ run: sh`mkdir -p /etc/jail.conf.d` }] : []),
    ...keepOwnFile(fstabPath, (of) => (of.mounts.length > 0 ? fstab(of) : undefined), input, previous),
    ...keepOwnFile(confPath, conf, input, previous),
    ...SHARED.flatMap((lines) => {
      const drift = lines === rc ? (previous?.drift ?? []) : [];
      const steps = keepSomeLines(lines(input), previous && { ...lines(previous), drift }, dropOwnLines);
      // Not when /etc/jail.conf reads all of the folder anyway.
      return lines === mainLines && input.startAtBoot && isIncluded(input)
        ? steps.map((step, i) => (i === 0 ? { ...step, unless: sh`${includesJail} ${path}` } : step))
        : steps;
    }),
  ];
}

function keepOwnFile(
  pathOf: (input: Input) => string,
  textOf: (input: Input) => string | undefined,
  input: Input,
  previous: JailState | undefined,
): Step[] {
  const [path, text] = [pathOf(input), textOf(input)];
  const old = previous && { path: pathOf(previous), text: textOf(previous), owner: previous.owner };
  const back = old?.text === undefined ? undefined : sh`${putFile} ${old.path} ${old.text}`;
  const written =
    text === undefined
      ? []
      : [
          ...(input.adopt ? [putAside(path, old?.owner ?? input.owner, old === undefined)] : []),
          {
            what: `write ${path}`,
            run: sh`${putFile} ${path} ${text}`,
            unless: sh`${fileIs} ${path} ${text}`,
            undo: back && old?.path === path ? back : sh`rm -f ${path}`,
          },
        ];
  const left = old?.text !== undefined && (text === undefined || old.path !== path);
  return [...written, ...(left && back ? [{ ...removeFile(old.path, old.owner), undo: back }] : [])];
}

/** Where a file that somebody wrote by hand waits; no wildcard of an include reads a name that begins with a dot. */
const aside = (path: string) => path.replace(/[^/]+$/, ".$&.adopted");

/** Marks such a file, which a delete puts back. */
const KEPT = "kept:";

// man page only: ln(1) without -s.
/** A second name for it, so that it is there whole, until ours takes its first one. */
const putAside = (path: string, owner: string, first: boolean): Step => ({
  what: `put ${path} aside as ${aside(path)}`,
  run: sh`{ [ -e ${aside(path)} ] || ln ${path} ${aside(path)}; }`,
  unless: sh`[ ! -e ${aside(path)} ] && ${claimFile} ${path} ${headerLine(owner)}`,
  // Between two names of one file rename(2) does nothing.
  ...(first && { undo: sh`{ rm -f ${path} && mv ${aside(path)} ${path}; }` }),
  made: `${KEPT}${path}`,
});

const keptFiles = (state: JailState) => pathsIn(state, KEPT);

const putBack = (path: string): Step => ({
  run: sh`mv ${aside(path)} ${path}`,
  unless: sh`[ ! -e ${aside(path)} ] || [ -e ${path} ]`,
});

/** Not through a symbolic link, which the jail's root user may have put in place of a file in there. */
const dropOwnLines = (lines: OwnLines): Step => ({ ...dropLines(lines), unless: sh`[ -L ${lines.path} ]` });

/** Marks a folder that was missing in the jail's root and was made to mount something on it. */
const TARGET = "target:";

const madeTargets = (state: JailState) => pathsIn(state, TARGET);

const pathsIn = (state: JailState, mark: string) =>
  (state.made ?? []).filter((made) => made.startsWith(mark)).map((made) => made.slice(mark.length));
