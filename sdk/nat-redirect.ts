import * as pulumi from "@pulumi/pulumi";
import { type NatRedirectOutputs, natRedirect, type natRedirectShape } from "../provider/kinds/nat-redirect";
import { overlap, type PublicSide, parsePorts } from "../provider/nat/ports";
import { type Args, type Outputs, VnetResource } from "./resource";

export type NatRedirectArgs = Args<typeof natRedirectShape>;

/**
 * A port of the outside, or a range of them, that leads to a jail or another machine behind the gateway.
 *
 * @example
 * const web = new NatRedirect("web", { gateway: nat, protocol: "tcp", publicPort: 80, target: jail });
 *
 * @example
 * new NatRedirect("media", {
 *   gateway: nat,
 *   protocol: "udp",
 *   publicPort: "8000-8010",
 *   target: "10.10.15.100",
 *   targetPort: "9000-9010",
 *   from: "198.51.100.10/32",
 * });
 */
export class NatRedirect extends VnetResource {
  constructor(name: string, args: NatRedirectArgs, options?: pulumi.CustomResourceOptions) {
    refuseTaken(name, args);
    super(natRedirect, "natRedirect", name, args, options);
  }
}

export interface NatRedirect extends Outputs<typeof natRedirectShape, NatRedirectOutputs> {}

/** What the redirects of each gateway of this program take, by their names. */
const taken = new WeakMap<object, Map<string, PublicSide>>();

/** Before anything is made: a host takes in a port for one redirect only. What is known later is refused then. */
function refuseTaken(name: string, args: NatRedirectArgs): void {
  const { gateway, protocol, publicPort, publicAddress } = args;
  const claim = (side: pulumi.Unwrap<PublicSide>) => {
    if (parsePorts(side.publicPort) === undefined) return;
    const others = taken.get(gateway) ?? new Map<string, PublicSide>();
    taken.set(gateway, others);
    for (const [other, theirs] of others) {
      if (!overlap(side, theirs)) continue;
      throw new Error(
        `NatRedirect "${name}" takes ${describe(side)}, which "${other}" has already (${describe(theirs)}): a port of a host leads to one place`,
      );
    }
    others.set(name, side);
  };
  const side = { protocol, publicPort, publicAddress };
  if (Object.values(side).some((value) => typeof value === "object")) {
    pulumi.output(side).apply((known) => claim(known as PublicSide));
  } else claim(side as PublicSide);
}

const describe = ({ protocol, publicPort, publicAddress }: PublicSide) =>
  `${protocol === "both" ? "tcp and udp" : protocol} port ${publicPort}${publicAddress === undefined ? "" : ` of ${publicAddress}`}`;
