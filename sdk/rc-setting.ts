import type * as pulumi from "@pulumi/pulumi";
import { type RcSettingOutputs, rcSetting, type rcSettingShape } from "../provider/kinds/rc-setting";
import { type Args, type Outputs, VnetResource } from "./resource";

export type RcSettingArgs = Args<typeof rcSettingShape>;

/**
 * A variable of rc.conf(5), or words of a list in it, in marked lines of `/etc/rc.conf`. It has its effect at the next
 * boot, or when its service is started: nothing is started or stopped here.
 *
 * @example
 * const ntpd = new RcSetting("ntpd", { host, name: "ntpd_enable", value: "YES" });
 * const tap = new RcSetting("tap", { host, name: "cloned_interfaces", words: ["tap0"] });
 */
export class RcSetting extends VnetResource {
  constructor(name: string, args: RcSettingArgs, options?: pulumi.CustomResourceOptions) {
    super(rcSetting, "rcSetting", name, args, options);
  }
}

export interface RcSetting extends Outputs<typeof rcSettingShape, RcSettingOutputs> {}
