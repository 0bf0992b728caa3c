import type * as pulumi from "@pulumi/pulumi";
import { type SysctlOutputs, sysctl, type sysctlShape } from "../provider/kinds/sysctl";
import { type Args, type Outputs, VnetResource } from "./resource";

export type SysctlArgs = Args<typeof sysctlShape>;

/**
 * A kernel variable (sysctl(8)) of the host, set now and at boot in marked lines of `/etc/sysctl.conf`. On delete it
 * gets back the value that it had. One that does not exist or cannot be written is refused with FreeBSD's words.
 *
 * @example
 * const ids = new Sysctl("random-ids", { host, name: "net.inet.ip.random_id", value: 1 });
 */
export class Sysctl extends VnetResource {
  constructor(name: string, args: SysctlArgs, options?: pulumi.CustomResourceOptions) {
    super(sysctl, "sysctl", name, args, options);
  }
}

export interface Sysctl extends Outputs<typeof sysctlShape, SysctlOutputs> {}
