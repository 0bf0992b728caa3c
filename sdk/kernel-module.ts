import type * as pulumi from "@pulumi/pulumi";
import {
  type KernelModuleOutputs,
  kernelModule,
  type kernelModuleShape,
} from "../provider/kinds/kernel-module";
import { type Args, type Outputs, VnetResource } from "./resource";

export type KernelModuleArgs = Args<typeof kernelModuleShape>;

/**
 * A kernel module (kld(4)), loaded now and at boot (`kld_list` of rc.conf(5)). On delete it is unloaded if it was not
 * there before and nobody uses it. One that brings ipfw in is refused while ipfw would deny everything.
 *
 * @example
 * const vxlan = new KernelModule("vxlan", { host, name: "if_vxlan" });
 */
export class KernelModule extends VnetResource {
  constructor(name: string, args: KernelModuleArgs, options?: pulumi.CustomResourceOptions) {
    super(kernelModule, "kernelModule", name, args, options);
  }
}

export interface KernelModule extends Outputs<typeof kernelModuleShape, KernelModuleOutputs> {}
