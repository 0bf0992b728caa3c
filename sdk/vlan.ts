import * as pulumi from "@pulumi/pulumi";
import { type VlanOutputs, vlan, type vlanShape } from "../provider/kinds/vlan";
import type { LinkReference } from "../provider/kinds/vnet-jail";
import { type Args, type Outputs, VnetResource } from "./resource";

export type VlanArgs = Args<typeof vlanShape>;

/**
 * A VLAN on an interface that exists (vlan(4)), running and in rc.conf(5): on the host, as a member of a bridge, or
 * in a jail that takes it as one of its `interfaces`.
 *
 * @example
 * const vlan = new Vlan("office", { host, parent: "em0", tag: 10 });
 * const jail = new VnetJail("www", { host, path, interfaces: [{ link: vlan, addresses: ["10.30.0.2/24"] }] });
 */
export class Vlan extends VnetResource {
  constructor(name: string, args: VlanArgs, options?: pulumi.CustomResourceOptions) {
    super(vlan, "vlan", name, args, options);
  }

  /** What a jail needs of it. */
  get reference(): pulumi.Output<LinkReference> {
    return pulumi.output({ jailSide: this.name, subnets: [] as string[] }) as pulumi.Output<LinkReference>;
  }
}

export interface Vlan extends Outputs<typeof vlanShape, VlanOutputs> {}
