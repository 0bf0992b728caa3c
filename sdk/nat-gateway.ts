import type * as pulumi from "@pulumi/pulumi";
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
  constructor(name: string, args: NatGatewayArgs, options?: pulumi.CustomResourceOptions) {
    super(natGateway, "natGateway", name, args, options);
  }

  /** What a redirect needs of it. */
  get reference(): pulumi.Output<GatewayReference> {
    return this.tell("host", "externalInterface", "engine", "ipv6").apply(({ ipv6, ...others }) => ({
      ...others,
      ipv6: ipv6 !== undefined,
    })) as unknown as pulumi.Output<GatewayReference>;
  }
}

export interface NatGateway extends Outputs<typeof natGatewayShape, NatGatewayOutputs> {}
