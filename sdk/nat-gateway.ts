import * as pulumi from "@pulumi/pulumi";
import { type NatGatewayOutputs, natGateway, type natGatewayShape } from "../provider/kinds/nat-gateway";
import type { GatewayReference } from "../provider/kinds/nat-redirect";
import { type Args, type Outputs, VnetResource } from "./resource";

export type NatGatewayArgs = Args<typeof natGatewayShape>;

/**
 * Network address translation for the jails behind this host: natd(8), its ipfw(8) rule, and forwarding, running
 * and at boot. Turning it on keeps the SSH connection that it is done over.
 *
 * @example
 * const nat = new NatGateway("nat", { host });
 */
export class NatGateway extends VnetResource {
  constructor(name: string, args: NatGatewayArgs, options?: pulumi.CustomResourceOptions) {
    super(natGateway, "natGateway", name, args, options);
  }

  /** What a redirect needs of it. */
  get reference(): pulumi.Output<GatewayReference> {
    const { host, externalInterface } = this;
    return pulumi.output({ host, externalInterface }) as pulumi.Output<GatewayReference>;
  }
}

export interface NatGateway extends Outputs<typeof natGatewayShape, NatGatewayOutputs> {}
