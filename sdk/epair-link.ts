import type * as pulumi from "@pulumi/pulumi";
import {
  type BridgeReference,
  type EpairLinkOutputs,
  epairLink,
  type epairLinkShape,
} from "../provider/kinds/epair-link";
import type { LinkReference } from "../provider/kinds/vnet-jail";
import { type Args, type Outputs, VnetResource } from "./resource";

export type EpairLinkArgs = Args<typeof epairLinkShape>;

/**
 * A pair of virtual Ethernet interfaces (epair(4)): the "a" side is a member of the bridge, the "b" side waits for
 * a jail. It is made before the jail and outlives it, so a jail restarts without touching the bridge.
 *
 * @example
 * const link = new EpairLink("testA", { host, bridge: lan, unit: 1 });
 */
export class EpairLink extends VnetResource {
  constructor(name: string, args: EpairLinkArgs, options?: pulumi.CustomResourceOptions) {
    super(epairLink, "epairLink", name, args, options);
  }

  /** What a jail needs of it. */
  get reference(): pulumi.Output<LinkReference> {
    return this.tell("jailSide", "bridge").apply(({ jailSide, bridge }) => ({
      jailSide,
      subnets: (bridge as BridgeReference).addresses,
    })) as unknown as pulumi.Output<LinkReference>;
  }
}

export interface EpairLink extends Outputs<typeof epairLinkShape, EpairLinkOutputs> {}
