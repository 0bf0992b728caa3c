import { z } from "zod";
import { adoptShape, hostIdentity, hostReferenceShape, internalShape, targetOf } from "../common";
import { defineKind } from "../kind";
import { engineNames, engines } from "../nat";
import type { RedirectInput } from "../nat/engine";
import { isOneAddress, network } from "../nat/network";
import { mustParsePorts, portCount, ports } from "../nat/ports";
import { familiesOf, knownTarget } from "../nat/redirections";
import { cidr, interfaceName, ipAddress, jailName } from "../scalars";
import { live, type Reference, reference } from "../schema";

export const gatewayReferenceShape = {
  host: reference("Host", hostReferenceShape, hostIdentity),
  externalInterface: interfaceName,
  engine: z.enum(engineNames),
  /** Whether it serves IPv6. */
  ipv6: z.boolean(),
};

export const jailReferenceShape = {
  name: jailName,
  addresses: z.array(cidr),
};

export type GatewayReference = Reference<"NatGateway", z.output<z.ZodObject<typeof gatewayReferenceShape>>>;
export type JailReference = Reference<"VnetJail", z.output<z.ZodObject<typeof jailReferenceShape>>>;

export const gatewayReference = reference("NatGateway", gatewayReferenceShape, [
  "host",
  "externalInterface",
  "engine",
  "ipv6",
]);

export const natRedirectShape = {
  /** The gateway that translates. */
  gateway: live(gatewayReference),
  /** `tcp`, `udp`, or `both`. */
  protocol: live(z.enum(["tcp", "udp", "both"], { error: 'not one of "tcp", "udp", "both"' })),
  /**
   * The port outside, 1 to 65535, or a range of ports such as `"8000-8010"`. No two redirects of a host may have the
   * same one.
   */
  publicPort: live(ports),
  /**
   * The address outside; IPv6 with a gateway that has `ipv6`.
   * @default the external interface's own address, also when it changes
   */
  publicAddress: live(ipAddress.optional()),
  /**
   * The jail that gets the traffic, at its first address (IPv4, and IPv6 with a gateway that has `ipv6`), or another
   * machine's address.
   */
  target: live(
    z.union([reference("VnetJail", jailReferenceShape, ["name", "addresses"]), ipAddress], {
      error: 'neither a VnetJail nor an IPv4 or IPv6 address, such as "10.10.15.100"',
    }),
  ),
  /**
   * The port in the jail; for a range of public ports a range of as many, the first for the first.
   * @default `publicPort`
   */
  targetPort: live(ports.optional()),
  /**
   * From where it may be used: a network such as `"198.51.100.0/24"`. natd and ipfw take one address only
   * (`"198.51.100.10/32"`).
   * @default from everywhere
   */
  from: live(network.optional()),
  ...adoptShape,
  ...internalShape,
};

export type NatRedirectOutputs = Record<never, never>;

const engineOf = ({ gateway }: Pick<RedirectInput, "gateway">) => engines[gateway.engine];

export const natRedirect = defineKind({
  name: "NatRedirect",
  noun: "NAT redirect",
  inputs: natRedirectShape,
  outputs: [],
  id: (input) =>
    `${input.protocol}:${input.publicAddress ?? input.gateway.externalInterface}:${input.publicPort}`,
  target: (input) => targetOf(input.gateway.host),

  relations(input, report) {
    const { publicPort, targetPort, publicAddress, from, gateway } = input;
    if (publicPort !== undefined && targetPort !== undefined) {
      const [outside, inside] = [publicPort, targetPort].map((each) => portCount(mustParsePorts(each)));
      if (outside !== inside) {
        report("targetPort", `it has ${inside} ports and publicPort has ${outside}: as many on both sides`);
      }
    }
    if (gateway?.engine === undefined) return;
    const { dualStack } = engines[gateway.engine];
    if (from !== undefined && !dualStack && !isOneAddress(from)) {
      report(
        "from",
        `the engine "${gateway.engine}" can only ask for one address, such as "198.51.100.10/32": networks need the engine "pf"`,
      );
    }
    const target = knownTarget(input);
    if (target === undefined || gateway.ipv6 === undefined) return;
    const translated: ("inet" | "inet6")[] = dualStack && gateway.ipv6 ? ["inet", "inet6"] : ["inet"];
    if (familiesOf({ target, publicAddress: undefined, from: undefined }, translated).length === 0) {
      const whose =
        typeof target === "string" ? `${target} is` : `the jail ${target.name} has no IPv4 address, so it is`;
      report(
        "target",
        translated.length > 1
          ? "the jail has no address"
          : `${whose} not reachable through this gateway, which translates only IPv4; IPv6 needs the engine "pf" and a gateway with ipv6`,
      );
    } else if (familiesOf({ target, publicAddress, from }, translated).length === 0) {
      report(
        publicAddress === undefined ? "from" : "publicAddress",
        "the outside and the target have no address family in common: IPv4 is redirected to IPv4, and IPv6, with a gateway that has ipv6, to IPv6",
      );
    }
  },

  ensure(input, previous) {
    if (previous && engineOf(previous) !== engineOf(input)) {
      return [
        ...engineOf(input).redirect.ensure(input, undefined),
        ...engineOf(previous).redirect.remove(previous),
      ];
    }
    return engineOf(input).redirect.ensure(input, previous);
  },
  remove: (state) => engineOf(state).redirect.remove(state),
  questions: (input) => engineOf(input).redirect.questions(input),
  gone: (answers, input) => engineOf(input).redirect.gone(answers),
  found: (input, answers) => engineOf(input).redirect.found?.(input, answers),
  compare: (input, answers) => engineOf(input).redirect.compare(input, answers),
  observe: (): NatRedirectOutputs => ({}),
  timeoutMs: 180_000,
});
