import type * as pulumi from "@pulumi/pulumi";
import type { JailReference } from "../provider/kinds/nat-redirect";
import {
  type DependencyReference,
  type VnetJailOutputs,
  vnetJail,
  type vnetJailShape,
} from "../provider/kinds/vnet-jail";
import { type Args, type Outputs, VnetResource } from "./resource";

export type VnetJailArgs = Args<typeof vnetJailShape>;

/**
 * A jail with a network stack of its own (jail(8), vnet(9)), started now and at boot from a file of its own,
 * `/etc/jail.conf.d/NAME.conf`. What only a start can apply restarts it, once however much changes; all else changes
 * while it runs. What several jails share is a plain object that the program spreads.
 *
 * @example
 * const jail = new VnetJail("testA", {
 *   host,
 *   path: root.path,
 *   interfaces: [{ link, addresses: ["10.10.15.100/24"] }],
 *   gateway: "10.10.15.1",
 * });
 *
 * @example
 * const common = {
 *   host,
 *   gateway: "10.10.15.1",
 *   nameservers: ["10.10.15.1"],
 *   mounts: [{ source: "/usr/ports", target: "/usr/ports", options: ["ro"] }],
 *   limits: [{ resource: "memoryuse", amount: "2g" }],
 * } satisfies Partial<VnetJailArgs>;
 *
 * const www = new VnetJail("www", { ...common, path: "/jails/www", interfaces: [nic(1)], allow: { mlock: true } });
 * const db = new VnetJail("db", { ...common, path: "/jails/db", interfaces: [nic(2)], sysvshm: "new" });
 */
export class VnetJail extends VnetResource {
  constructor(name: string, args: VnetJailArgs, options?: pulumi.CustomResourceOptions) {
    super(vnetJail, "vnetJail", name, args, options);
  }

  /** What a redirect needs of it, or a jail that depends on it. */
  get reference(): pulumi.Output<JailReference & DependencyReference> {
    return this.tell("name", "interfaces", "startAtBoot").apply(({ name, interfaces, startAtBoot }) => ({
      name,
      startAtBoot,
      addresses: (interfaces as { addresses?: string[] }[]).flatMap((nic) => nic.addresses ?? []),
    })) as unknown as pulumi.Output<JailReference & DependencyReference>;
  }
}

export interface VnetJail extends Outputs<typeof vnetJailShape, VnetJailOutputs> {}
