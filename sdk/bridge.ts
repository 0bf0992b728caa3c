import type * as pulumi from "@pulumi/pulumi";
import { type BridgeOutputs, bridge, type bridgeShape } from "../provider/kinds/bridge";
import type { BridgeReference } from "../provider/kinds/epair-link";
import { type Args, type Outputs, VnetResource } from "./resource";

export type BridgeArgs = Args<typeof bridgeShape>;

/**
 * A bridge (if_bridge(4)) that jails are connected to, running and in rc.conf(5).
 *
 * @example
 * const lan = new Bridge("lan", { host, name: "bridge0", addresses: ["10.10.15.1/24"] });
 */
export class Bridge extends VnetResource {
  constructor(name: string, args: BridgeArgs, options?: pulumi.CustomResourceOptions) {
    super(bridge, "bridge", name, args, options);
  }

  /** What a link needs of it. */
  get reference(): pulumi.Output<BridgeReference> {
    return this.tell("name", "addresses", "mtu") as unknown as pulumi.Output<BridgeReference>;
  }
}

export interface Bridge extends Outputs<typeof bridgeShape, BridgeOutputs> {}
