import type * as pulumi from "@pulumi/pulumi";
import { type JailRootOutputs, jailRoot, type jailRootShape } from "../provider/kinds/jail-root";
import { type Args, type Outputs, VnetResource } from "./resource";

export type JailRootArgs = Args<typeof jailRootShape>;

/**
 * The file tree that a jail runs in. It is made and removed with the resource: a clone of a ZFS snapshot, an archive
 * such as `base.txz`, a source tree's `make installworld distribution`, or a thin root, which shares a read-only
 * template with others; in a dataset, or in a plain directory. Or it is a directory that exists already, which is
 * used as it is and never removed.
 *
 * Only what the resource made is ever removed: what is there already is refused, and so is removing a root while a
 * jail runs in it, a thin root is mounted from it, or a file system with data of its own is mounted in it. What an
 * interrupted run left half filled is made anew.
 *
 * A change that costs a replacement makes an empty root where there was one with data. Pulumi's own options guard
 * it: `protect: true` refuses every plan that removes or replaces it, `retainOnDelete: true` leaves it on the host
 * when it goes from the program; a resource of the same name finds it again.
 *
 * @example
 * const root = new JailRoot("testA", { host, snapshot: "zroot/jails/template@base" });
 * const kept = new JailRoot("old", { host, path: "/usr/jails/old" });
 *
 * const archive = { path: "/var/distfiles/base.txz", sha256: "8d491a68…" };
 * const base = new JailRoot("base", { host, archive, path: "/jails/base" });
 * const sent = new JailRoot("sent", { host, archive: { upload: "./base.txz", sha256: "8d491a68…" }, path: "/jails/sent" });
 * const thin = new JailRoot("www", { host, template: base.path });
 * const data = new JailRoot("db", { host, archive, dataset: "zroot/jails/db" }, { protect: true });
 */
export class JailRoot extends VnetResource {
  constructor(name: string, args: JailRootArgs, options?: pulumi.CustomResourceOptions) {
    super(jailRoot, "jailRoot", name, args, options);
  }
}

export interface JailRoot extends Outputs<typeof jailRootShape, JailRootOutputs> {}
