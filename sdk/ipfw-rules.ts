import type * as pulumi from "@pulumi/pulumi";
import { type IpfwRulesOutputs, ipfwRules, type ipfwRulesShape } from "../provider/kinds/ipfw-rules";
import { type Args, type Outputs, VnetResource } from "./resource";

export type IpfwRulesArgs = Args<typeof ipfwRulesShape>;

/**
 * Rules of ipfw(8), the article's `/etc/ipfw.conf`: in force, and at boot. They are checked by ipfw before anything
 * changes, change all at once, and go back by themselves when no new SSH connection comes through them. Rules of others
 * on the host are left alone; a packet that no rule decides is accepted.
 *
 * @example
 * new IpfwRules("firewall", {
 *   host,
 *   rules: [
 *     "100 allow ip from any to any via lo0",
 *     { number: 200, action: "allow", protocol: "tcp", to: "me", toPorts: 22 },
 *     "300 deny tcp from any to me setup",
 *   ],
 * });
 *
 * @example
 * const nat = new NatGateway("nat", { host });
 * new IpfwRules("firewall", { host, gateway: nat, rules: ["100 deny tcp from any to me 111"] });
 */
export class IpfwRules extends VnetResource {
  constructor(name: string, args: IpfwRulesArgs, options?: pulumi.CustomResourceOptions) {
    super(ipfwRules, "ipfwRules", name, args, options);
  }
}

export interface IpfwRules extends Outputs<typeof ipfwRulesShape, IpfwRulesOutputs> {}
