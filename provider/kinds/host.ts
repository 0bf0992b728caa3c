import { z } from "zod";
import { targetOf } from "../common";
import { askModules, isLoaded } from "../freebsd/modules";
import { defineKind } from "../kind";
import { releaseModule } from "../library/modules";
import { type Question, Unreadable } from "../question";
import { OLDEST, releaseName } from "../releases";
import { hostname, ipAddress, port } from "../scalars";
import { type InputOf, live } from "../schema";
import { type Sh, sh } from "../sh";

const user = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/, { error: 'not a login name, such as "root"' });

const hostAddress = z.union([hostname, ipAddress], { error: "neither a host name nor an IP address" });

const publicKey = z
  .string()
  .regex(/^(SHA256:[A-Za-z0-9+/]{43}=?|(ssh|ecdsa|sk)-[A-Za-z0-9@.-]+ [A-Za-z0-9+/]+={0,2}( .*)?)$/, {
    error: 'neither a fingerprint such as "SHA256:…" nor a public key such as "ssh-ed25519 AAAA…"',
  });

export const jumpShape = {
  /** Name or IP address, or a `Host` of your `~/.ssh/config`. */
  address: hostAddress,
  /**
   * sshd's port.
   * @default what ssh_config(5) says of the address, or 22
   */
  port: port.optional(),
  /**
   * Who logs in, by a key from a file or the agent.
   * @default what ssh_config(5) says of the address, or who runs this
   */
  user: user.optional(),
  /**
   * As the `hostKey` of the host.
   * @default the key must be in known_hosts
   */
  hostKey: publicKey.optional(),
};

export const hostShape = {
  /** Name or IP address at which sshd(8) answers, or a `Host` of your `~/.ssh/config`. */
  address: live(hostAddress),
  /**
   * sshd's port.
   * @default what ssh_config(5) says of the address, or 22
   */
  port: live(port.optional()),
  /**
   * Who logs in. Anybody but root needs `become`.
   * @default what ssh_config(5) says of the address, or `root`
   */
  user: live(user.optional()),
  /**
   * The host's public key, as its `SHA256:…` fingerprint (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`) or
   * as the line of the .pub file. Any other key is refused.
   * @default as `trust` says
   */
  hostKey: live(publicKey.optional()),
  /**
   * What makes the host's key the right one, without `hostKey`: that it is `known` to known_hosts(5), or that the host
   * showed it when it was created (`firstUse`). It is recorded as `hostKey` then, and any other is refused from then
   * on; whoever was between you and the host at that time stays there unseen.
   * @default "known"
   */
  trust: live(z.enum(["known", "firstUse"], { error: 'not one of "known", "firstUse"' }).default("known")),
  /**
   * How a user other than root gets root's rights: `sudo` or `doas`.
   * @default "none"
   */
  become: live(
    z.enum(["none", "sudo", "doas"], { error: 'not one of "none", "sudo", "doas"' }).default("none"),
  ),
  /**
   * Hosts to go over, outermost first. `[]`: directly.
   * @default `ProxyJump` of ssh_config(5)
   */
  jump: live(z.array(z.strictObject(jumpShape)).optional()),
};

export interface HostOutputs {
  /** As declared, or as recorded at the first use. */
  hostKey: string | undefined;
  /** What the host calls itself. */
  hostname: string;
  /** `14.0-RELEASE`, as freebsd-version(1) says of the running kernel. */
  release: string;
  /** __FreeBSD_version of the kernel, such as 1400507. */
  osreldate: number;
  /** `amd64`, `aarch64`, … */
  architecture: string;
  /** The interface of the default route, empty without one. */
  externalInterface: string;
  /** Its first IPv4 address, empty without one. */
  externalAddress: string;
  /** Names of the ZFS pools. */
  pools: string[];
  /** Kernel modules that were there before us: those we bring in are unloaded when the host leaves the stack. */
  modules: string[];
}

/** Modules that the other resources may bring in, dependants first. */
const OURS = [
  "ipdivert",
  "ipfw_nat",
  "ipfw",
  "if_epair",
  "if_bridge",
  "if_vlan",
  "nullfs",
  "tmpfs",
  "unionfs",
  "fdescfs",
  "procfs",
];

const fact = <T>(name: string, ask: Sh, read: (text: string) => T): Question<T> => ({
  key: name,
  ask,
  read(answer) {
    if (answer.status !== 0) throw new Unreadable(ask.text, answer);
    return read(answer.text.trim());
  },
});

const optional = <T>(question: Question<T>, otherwise: T): Question<T> => ({
  ...question,
  read: (answer) => (answer.status === 0 ? question.read(answer) : otherwise),
});

/** zpool(8) says so in words where there is none. */
const nonEmptyLines = (text: string) =>
  text.split("\n").filter((line) => line !== "" && line !== "no pools available");

const routeInterface = (text: string) => /^\s*interface: (\S+)$/m.exec(text)?.[1] ?? "";

export const host = defineKind({
  name: "Host",
  noun: "host",
  inputs: hostShape,
  outputs: [
    "hostKey",
    "hostname",
    "release",
    "osreldate",
    "architecture",
    "externalInterface",
    "externalAddress",
    "pools",
    "modules",
  ],
  id: ({ user = "root", address, port = 22 }: InputOf<typeof hostShape>) => `${user}@${address}:${port}`,
  target: (input) => targetOf(input),

  decides: (_property, { trust }) => trust === "firstUse",
  settle: ({ trust, hostKey }, previous) =>
    trust === "firstUse" && hostKey === undefined && previous?.hostKey !== undefined
      ? { hostKey: previous.hostKey }
      : {},
  meets: ({ trust, hostKey }) => trust === "firstUse" && hostKey === undefined,

  ensure: () => [
    {
      what: "look for root's rights",
      run: sh`[ "$(id -u)" -eq 0 ] || { echo "logged in as $(id -un), which may not change the network: log in as root, or set become to sudo or doas" >&2; false; }`,
    },
    {
      what: "look for the release",
      run: sh`[ "$(uname -K)" -ge ${OLDEST} ] || { echo "the kernel is FreeBSD $(uname -r): ${releaseName(OLDEST)} is the oldest whose jails can be configured from outside (ifconfig -j, route -j); upgrade the host" >&2; false; }`,
    },
    {
      what: "look for VIMAGE in the kernel",
      run: sh`[ "$(sysctl -n kern.features.vimage 2>/dev/null)" = 1 ] || { echo "this kernel has no network stacks for jails: GENERIC has them since FreeBSD 12.0; a custom kernel needs 'options VIMAGE'" >&2; false; }`,
    },
  ],

  // A host that was only partly taken in does not know yet which modules were there.
  remove: ({ modules = OURS }) =>
    OURS.filter((name) => !modules.includes(name)).map((name) => ({
      what: `kldunload ${name}`,
      run: sh`${releaseModule} ${name}`,
      unless: sh`! kldstat -q -m ${name}`,
    })),

  questions: () => ({
    hostname: fact("hostname", sh`hostname`, String),
    release: fact("freebsd-version", sh`freebsd-version -k`, String),
    osreldate: fact("uname -K", sh`uname -K`, Number),
    architecture: fact("uname -m", sh`uname -m`, String),
    route: optional(fact("default route", sh`route -n get default`, routeInterface), ""),
    address: optional(
      fact(
        "external address",
        sh`ifconfig "$(route -n get default 2>/dev/null | sed -n 's/^ *interface: //p')" inet`,
        (text) => /^\s+inet (\S+)/m.exec(text)?.[1] ?? "",
      ),
      "",
    ),
    // zpool(8) loads zfs.ko where it is not (libzfs_load_module).
    pools: optional(fact("pools", sh`kldstat -q -m zfs && zpool list -H -o name`, nonEmptyLines), []),
    modules: askModules(),
  }),

  gone: () => false,
  compare: () => [],
  observe: (input, answers, previous): HostOutputs => ({
    hostKey: input.hostKey,
    hostname: answers.hostname,
    release: answers.release,
    osreldate: answers.osreldate,
    architecture: answers.architecture,
    externalInterface: answers.route,
    externalAddress: answers.address,
    pools: answers.pools,
    modules: previous?.modules ?? OURS.filter((name) => isLoaded(answers.modules, name)),
  }),
  deleteBeforeReplace: false,
});
