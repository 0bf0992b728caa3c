import { createHash } from "node:crypto";
import { z } from "zod";
import { hostname, ipAddress, port } from "./scalars";
import { live, none, type Reference, reference } from "./schema";
import type { Target } from "./ssh";

/** The first releases recorded these where nothing was declared. */

const jumpShape = {
  address: z.union([hostname, ipAddress]),
  port: port.optional(),
  user: z.string().optional(),
  hostKey: z.string().optional(),
};

export const hostReferenceShape = {
  address: z.union([hostname, ipAddress]),
  port: port.optional(),
  user: z.string().optional(),
  hostKey: z.string().optional(),
  become: z.enum(["none", "sudo", "doas"]).optional(),
  jump: z.array(z.object(jumpShape)).optional(),
  externalInterface: z.string().optional(),
  /** __FreeBSD_version: what its release does not have is refused in the plan. */
  osreldate: z.int().optional(),
};

/** Another interface of the default route, say, or another release, does not make it another host. */
export const hostIdentity = ["address", "port", "user", "hostKey", "become", "jump"] as const;

/** What a resource says of its host: enough to reach it, nothing secret. */
export type HostReference = Reference<"Host", z.output<z.ZodObject<typeof hostReferenceShape>>>;

/** Properties that every kind but `Host` has. */
export const commonShape = {
  /**
   * The FreeBSD host on which it is made. When the host gets another address, only the stack's state changes.
   */
  host: none(reference("Host", hostReferenceShape, hostIdentity)),
};

/** Of kinds that can take over what somebody made by hand; `Kind.found` says how that is told from what is ours. */
export const adoptShape = {
  /**
   * Take over what is there already under this name: made by hand, running, and as declared. It goes on running
   * without a restart, gets our mark and our lines for the boot, and is from then on as if it had been made here:
   * deleting the resource removes it (Pulumi's `retainOnDelete` keeps it). Where it is not as declared nothing is
   * changed, and the error says what differs. What is not there is made as usual. Lines that somebody wrote for it into
   * rc.conf(5) stay: ours come behind them, and after a delete they are in force again at the next boot. A jail's own
   * file is put aside, and put back by a delete; a block in another file of jail.conf(5) has to be removed first; a
   * redirect's line in natd.conf becomes ours. Once it is ours, this may be left out again.
   * @default false: what is there and not this resource's is refused
   */
  adopt: none(z.boolean().default(false).meta({ creation: true })),
};

/** Set by the SDK. */
export const internalShape = {
  /** `project/stack/Kind/name`: by this mark the host's interfaces, files and datasets tell whose they are. */
  owner: live(
    z
      .string()
      .regex(/^[A-Za-z0-9_.:@/%-]+$/)
      .max(255)
      .meta({ internal: true }),
  ),
};

/** The last part of `owner`: the name that the program gave the resource. */
export const logicalName = (owner: string | undefined): string | undefined =>
  owner?.slice(owner.lastIndexOf("/") + 1);

/** A file's name for a resource: to be recognised, and nobody else's. */
export function fileNameOf(owner: string): string {
  const name = logicalName(owner)
    ?.replaceAll(/[^A-Za-z0-9_-]/g, "_")
    .slice(0, 40);
  return `${name}-${createHash("sha256").update(owner).digest("hex").slice(0, 8)}`;
}

export function targetOf({ address, port, user, hostKey, become, jump }: Target): Target {
  return {
    address,
    ...(port !== undefined && { port }),
    ...(user !== undefined && { user }),
    ...(hostKey !== undefined && { hostKey }),
    ...(become !== undefined && { become }),
    ...(jump !== undefined && { jump }),
  };
}
