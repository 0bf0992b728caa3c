import type * as pulumi from "@pulumi/pulumi";
import {
  type DevfsRulesetOutputs,
  devfsRuleset,
  type devfsRulesetShape,
  type RulesetReference,
} from "../provider/kinds/devfs-ruleset";
import { type Args, type Outputs, VnetResource } from "./resource";

export type DevfsRulesetArgs = Args<typeof devfsRulesetShape>;

/**
 * A ruleset of devfs(8): which device nodes a jail sees, and with which owner and mode. Loaded now, and at boot from
 * marked lines of `/etc/devfs.rules`. A change reaches running jails at once: devices appear and disappear in their
 * `/dev`; an owner or a mode that is no longer declared stays until the jail restarts.
 *
 * @example
 * const packets = new DevfsRuleset("packets", { host, rules: [{ path: "bpf*", action: "unhide" }] });
 */
export class DevfsRuleset extends VnetResource {
  constructor(name: string, args: DevfsRulesetArgs, options?: pulumi.CustomResourceOptions) {
    super(devfsRuleset, "devfsRuleset", name, args, options);
  }

  /** What a jail needs of it. */
  get reference(): pulumi.Output<RulesetReference> {
    return this.tell("number") as unknown as pulumi.Output<RulesetReference>;
  }
}

export interface DevfsRuleset extends Outputs<typeof devfsRulesetShape, DevfsRulesetOutputs> {}
