import * as pulumi from "@pulumi/pulumi";
import { type NatGatewayOutputs, natGateway, type natGatewayShape } from "../provider/kinds/nat-gateway";
import type { GatewayReference } from "../provider/kinds/nat-redirect";
import { type Args, type Outputs, VnetResource } from "./resource";

export type NatGatewayArgs = Args<typeof natGatewayShape>;

/**
 * Network address translation for the jails behind this host: natd(8) with its ipfw(8) rule, ipfw's own nat, or pf(4),
 * and forwarding, running and at boot. Turning it on keeps the SSH connection that it is done over: nobody is locked
 * out by default rules, and rules that the host has are left as they are.
 *
 * @example
 * const nat = new NatGateway("nat", { host });
 *
 * @example
 * const nat = new NatGateway("nat", {
 *   host,
 *   engine: "pf",
 *   ipv6: { network: "fd00:15::/64", address: "2001:db8::10" },
 * });
 */
export class NatGateway extends VnetResource {
  /** From the arguments: what is left out is not known in a preview as an output. */
  private readonly servesIpv6: pulumi.Output<boolean>;

  constructor(name: string, args: NatGatewayArgs, options?: pulumi.CustomResourceOptions) {
    super(natGateway, "natGateway", name, args, options);
    this.servesIpv6 = pulumi.output(args.ipv6).apply((ipv6) => ipv6 !== undefined);
  }

  /** What a redirect needs of it. */
  get reference(): pulumi.Output<GatewayReference> {
    const { host, externalInterface, engine, servesIpv6: ipv6 } = this;
    return pulumi.output({ host, externalInterface, engine, ipv6 }) as pulumi.Output<GatewayReference>;
  }
}

export interface NatGateway extends Outputs<typeof natGatewayShape, NatGatewayOutputs> {}
