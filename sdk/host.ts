import type * as pulumi from "@pulumi/pulumi";
import type { HostReference } from "../provider/common";
import { type HostOutputs, host, type hostShape } from "../provider/kinds/host";
import { type Args, type Outputs, VnetResource } from "./resource";

export type HostArgs = Args<typeof hostShape>;

/**
 * A FreeBSD host that is reached over SSH. It makes nothing on the host by itself: it tells facts of it, and all
 * other resources are made on one.
 *
 * Who logs in is not said here: it comes from the stack's configuration (`freebsd-vnet:privateKey`, `:passphrase`,
 * `:password`, `:identityFile`, best set with `--secret`), from ssh-agent, or from `~/.ssh`. The host's key is
 * always checked, against `hostKey` or known_hosts.
 *
 * @example
 * const host = new Host("alpha", { address: "alpha.example.net" });
 */
export class Host extends VnetResource {
  constructor(name: string, args: HostArgs, options?: pulumi.CustomResourceOptions) {
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
      "externalInterface",
      "osreldate",
    ) as unknown as pulumi.Output<HostReference>;
  }
}

export interface Host extends Outputs<typeof hostShape, HostOutputs> {}
