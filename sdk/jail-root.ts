import type * as pulumi from "@pulumi/pulumi";
import { type JailRootOutputs, jailRoot, type jailRootShape } from "../provider/kinds/jail-root";
import { type Args, type Outputs, VnetResource } from "./resource";

export type JailRootArgs = Args<typeof jailRootShape>;

/**
 * The file tree that a jail runs in: a clone of a ZFS snapshot, which is made and destroyed with the resource, or
 * a directory that exists already, which is never removed.
 *
 * @example
 * const root = new JailRoot("testA", { host, snapshot: "zroot/jails/template@base" });
 * const kept = new JailRoot("old", { host, path: "/usr/jails/old" });
 */
export class JailRoot extends VnetResource {
  constructor(name: string, args: JailRootArgs, options?: pulumi.CustomResourceOptions) {
    super(jailRoot, "jailRoot", name, args, options);
  }
}

export interface JailRoot extends Outputs<typeof jailRootShape, JailRootOutputs> {}
