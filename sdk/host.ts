import * as pulumi from "@pulumi/pulumi";
import type { HostReference } from "../provider/common";
import { CONFIG, CREDENTIALS } from "../provider/credential-keys";
import { type HostOutputs, host, type hostShape } from "../provider/kinds/host";
import { type Args, type Outputs, VnetResource } from "./resource";

export type HostArgs = Args<typeof hostShape>;

/**
 * A FreeBSD host that is reached over SSH. It makes nothing on the host by itself: it tells facts of it, and all
 * other resources are made on one.
 *
 * Where it is and who logs in is found as ssh(1) finds it: by `~/.ssh/config`, by ssh-agent and the keys in `~/.ssh`,
 * or by the stack's configuration (`freebsd-vnet:privateKey`, `:passphrase`, `:password`, best set with `--secret`).
 * What is declared here wins. The host's key is always checked, against `hostKey` or known_hosts.
 *
 * @example
 * const host = new Host("alpha", { address: "alpha.example.net" });
 *
 * @example
 * const inner = new Host("inner", {
 *   address: "10.0.0.7",
 *   jump: [{ address: "bastion.example.net", user: "me" }],
 *   trust: "firstUse",
 * });
 */
export class Host extends VnetResource {
  constructor(name: string, args: HostArgs, options?: pulumi.CustomResourceOptions) {
    refuseCredentials(name, args);
    super(host, "host", name, args, options);
  }

  /** What other resources need of it. */
  get reference(): pulumi.Output<HostReference> {
    return this.tell(
      "address",
      "port",
      "user",
      "hostKey",
      "become",
      "jump",
      "externalInterface",
      "osreldate",
    ) as unknown as pulumi.Output<HostReference>;
  }
}

export interface Host extends Outputs<typeof hostShape, HostOutputs> {}

/** Here and not in the provider's check: what reaches the engine is printed with the error, and may be logged. */
function refuseCredentials(name: string, args: object): void {
  for (const property of Object.keys(args)) {
    const key = CREDENTIALS.find((one) => one.key.toLowerCase() === property.toLowerCase());
    if (!key) continue;
    throw new pulumi.RunError(
      `Host "${name}" does not take ${property}: who logs in is no part of a resource, so that no secret is in the ` +
        `state. Say it in the stack's configuration: pulumi config set ${key.isSecret ? "--secret " : ""}` +
        `${CONFIG}:${key.key}`,
    );
  }
}
