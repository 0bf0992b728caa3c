import * as pulumi from "@pulumi/pulumi";
import { loopback, type loopbackShape } from "../provider/kinds/loopback";
import type { LinkReference } from "../provider/kinds/vnet-jail";
import { type Args, type Outputs, VnetResource } from "./resource";

export type LoopbackArgs = Args<typeof loopbackShape>;

/**
 * A loopback interface (lo(4)) beside the host's `lo0`, running and in rc.conf(5): for addresses that belong to no
 * network, on the host, or in a jail that takes it as one of its `interfaces`.
 *
 * @example
 * const services = new Loopback("services", { host, name: "lo1", addresses: ["10.99.0.1/32"] });
 */
export class Loopback extends VnetResource {
  constructor(name: string, args: LoopbackArgs, options?: pulumi.CustomResourceOptions) {
    super(loopback, "loopback", name, args, options);
  }

  /** What a jail needs of it. */
  get reference(): pulumi.Output<LinkReference> {
    return pulumi.output({ jailSide: this.name, subnets: [] as string[] }) as pulumi.Output<LinkReference>;
  }
}

export interface Loopback extends Outputs<typeof loopbackShape, object> {}
