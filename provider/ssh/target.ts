/** How the scripts get root's rights: they have them, or through `sudo -n` or `doas -n`. */
export type Become = "none" | "sudo" | "doas";

/** Where a host is and how we know that it is that host. Part of every resource's inputs; nothing in it is secret. */
export interface Target {
  /** Name or IP address. */
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
}

/** A target with every question answered: what to dial, as whom, and under which name the host key is known. */
export interface Route {
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly hostKey: string | undefined;
  readonly become: Become;
}

/** The one place that turns what was declared into what is dialled; `~/.ssh/config` would be read here. */
export function resolveTarget(target: Target): Route {
  return {
    address: target.address,
    port: target.port ?? 22,
    user: target.user ?? "root",
    hostKey: target.hostKey?.trim(),
    become: target.become ?? "none",
  };
}

/** `user@address:port`, for messages. */
export function where(route: Route): string {
  const address = route.address.includes(":") ? `[${route.address}]` : route.address;
  return `${route.user}@${address}:${route.port}`;
}
