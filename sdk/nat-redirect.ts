import type * as pulumi from "@pulumi/pulumi";
import { type NatRedirectOutputs, natRedirect, type natRedirectShape } from "../provider/kinds/nat-redirect";
import { type Args, type Outputs, VnetResource } from "./resource";

export type NatRedirectArgs = Args<typeof natRedirectShape>;

/**
 * A port of the outside that leads to a jail (`redirect_port` of natd(8)).
 *
 * @example
 * const web = new NatRedirect("web", { gateway: nat, protocol: "tcp", publicPort: 80, target: jail });
 */
export class NatRedirect extends VnetResource {
  constructor(name: string, args: NatRedirectArgs, options?: pulumi.CustomResourceOptions) {
    super(natRedirect, "natRedirect", name, args, options);
  }
}

export interface NatRedirect extends Outputs<typeof natRedirectShape, NatRedirectOutputs> {}
