import type { ConfigFiles, Jump, Settings } from "./config-file";
import { SshError } from "./errors";

/** How the scripts get root's rights: they have them, or through `sudo -n` or `doas -n`. */
export type Become = "none" | "sudo" | "doas";

/** A host on the way to another one. */
export interface JumpTarget {
  /** Name, IP address, or `Host` of ssh_config(5). */
  readonly address: string;
  /** Default 22. */
  readonly port?: number | undefined;
  /** Default: who runs this. */
  readonly user?: string | undefined;
  /** As {@link Target.hostKey}. */
  readonly hostKey?: string | undefined;
}

/**
 * Where a host is and how we know that it is that host. Part of every resource's inputs; nothing in it is secret. What
 * is left out is as the ssh_config(5) files say; the defaults are for what they leave out too.
 */
export interface Target {
  /** Name, IP address, or `Host` of ssh_config(5). */
  readonly address: string;
  /** Default 22. */
  readonly port?: number | undefined;
  /** Whom to log in as. Default `root`. */
  readonly user?: string | undefined;
  /**
   * The one host key to accept: a fingerprint (`SHA256:…`, as `ssh-keygen -lf` prints it) or a public key line
   * (`ssh-ed25519 AAAA…`). Default: what the known_hosts files say.
   */
  readonly hostKey?: string | undefined;
  /** Default `none`. See sudo(8), doas(1). */
  readonly become?: Become | undefined;
  /** Hosts to go over, the first one first; none: directly. Default: ProxyJump. */
  readonly jump?: readonly JumpTarget[] | undefined;
}

/** One connection with every question answered: what to dial, as whom, by which key and as which key's holder. */
export interface Hop {
  /** As declared. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly hostKey: string | undefined;
  /** The name under which the host key is known, if it is another one. */
  readonly hostKeyAlias: string | undefined;
  /** known_hosts files; undefined: the usual ones. */
  readonly userKnownHosts: readonly string[] | undefined;
  readonly globalKnownHosts: readonly string[] | undefined;
  /** Key files; undefined: the usual ones. */
  readonly identityFiles: readonly string[] | undefined;
  /** Of the agent's keys only those of `identityFiles`. */
  readonly identitiesOnly: boolean;
  /** Socket; false: no agent; undefined: the usual one. */
  readonly identityAgent: string | false | undefined;
  /** On the way to another one. */
  readonly isJump: boolean;
}

/** The way to a host: over `jumps`, the first one first. */
export interface Route extends Hop {
  readonly become: Become;
  readonly jumps: readonly Hop[];
  /** What of the ssh_config(5) files was left out, and why; for messages. */
  readonly notes: readonly string[];
}

export interface Defaults {
  readonly user: string;
  readonly jumpUser: string;
}

const mostJumps = 8;

/**
 * The one place that turns what was declared into what is dialled. What was declared wins over the files, the files
 * win over the defaults.
 * @throws SshError `configuration`
 */
export function resolveTarget(
  target: Target,
  files?: ConfigFiles,
  defaults: Defaults = { user: "root", jumpUser: "root" },
): Route {
  const notes: string[] = [];

  const hop = (one: JumpTarget, defaultUser: string, isJump: boolean) => {
    const { address: name, user, port } = one;
    const said: Settings | undefined = files?.settings({ name, user, port, defaultUser });
    notes.push(...(said?.notes ?? []));
    const made: Hop = {
      name,
      address: said?.hostName ?? name,
      port: said?.port ?? port ?? 22,
      user: said?.user ?? user ?? defaultUser,
      hostKey: one.hostKey?.trim(),
      hostKeyAlias: said?.hostKeyAlias,
      userKnownHosts: said?.userKnownHosts,
      globalKnownHosts: said?.globalKnownHosts,
      identityFiles: said?.identityFiles,
      identitiesOnly: said?.identitiesOnly ?? false,
      identityAgent: said?.identityAgent,
      isJump,
    };
    return { made, jumps: said?.jumps ?? [] };
  };

  // As ssh(1): the first of several is reached as its own lines say, the others over the ones before them.
  const over = (jumps: readonly JumpTarget[] | readonly Jump[], depth: number): Hop[] => {
    if (depth + jumps.length > mostJumps) {
      throw new SshError(
        "configuration",
        `More than ${mostJumps} jump hosts on the way to ${target.address}: does ProxyJump go round in a circle?`,
      );
    }
    return jumps.flatMap((jump, i) => {
      const { made, jumps: before } = hop(jump, defaults.jumpUser, true);
      return i === 0 ? [...over(before, depth + jumps.length), made] : [made];
    });
  };

  const { made, jumps } = hop(target, defaults.user, false);
  return {
    ...made,
    become: target.become ?? "none",
    jumps: over(target.jump ?? jumps, 0),
    notes: [...new Set(notes)],
  };
}

/** `user@address:port`, for messages. */
export function where(hop: Hop): string {
  const address = hop.address.includes(":") ? `[${hop.address}]` : hop.address;
  return `${hop.user}@${address}:${hop.port}${hop.name === hop.address ? "" : ` ("${hop.name}")`}`;
}
