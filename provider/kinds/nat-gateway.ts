import { z } from "zod";
import { commonShape, internalShape, targetOf } from "../common";
import { defineKind } from "../kind";
import { engineNames, engines } from "../nat";
import { externalOf, type GatewayInput } from "../nat/engine";
import { network } from "../nat/network";
import { interfaceName, ipv6Address } from "../scalars";
import { live, replace } from "../schema";

export const natGatewayIpv6Shape = {
  /** The jails' network, such as `"fd00:15::/64"`. */
  network: live(network.refine((v) => v.includes(":"), { error: "not an IPv6 network" })),
  /**
   * The address of the external interface that their traffic appears from.
   * @default it is only forwarded, from the jails' own addresses
   */
  address: live(ipv6Address.optional()),
};

export const natGatewayShape = {
  ...commonShape,
  /**
   * What translates addresses: natd(8) behind an ipfw(8) divert rule, as in the article; ipfw's own nat, in the kernel
   * (the NIC must not have TSO on); or pf(4), in anchors of its own, so that it goes with rules that the host has in
   * /etc/pf.conf. natd and ipfw need a host without a firewall, and a host has only one of the three.
   * @default "natd"
   */
  engine: replace(z.enum(engineNames, { error: 'not one of "natd", "ipfw", "pf"' }).default("natd")),
  /**
   * The interface to the outside; its address is what the jails' traffic appears from.
   * @default the one of the host's default route
   */
  externalInterface: replace(interfaceName.optional()),
  /**
   * Number of the ipfw rule, 1 to 65534; pf has none.
   * @default 65532
   */
  ruleNumber: live(
    z
      .int()
      .min(1)
      .max(65534, { error: "ipfw(8) has rules 1 to 65534; 65535 is the kernel's own" })
      .default(65532),
  ),
  /**
   * IPv6 for the jails, with the engine `pf`. The host then forwards IPv6, so it takes no address or route from router
   * advertisements any more: it needs its own ones in rc.conf.
   * @default only IPv4
   */
  ipv6: live(z.strictObject(natGatewayIpv6Shape).optional()),
  ...internalShape,
};

export interface NatGatewayOutputs {
  /** The interface to the outside. */
  externalInterface: string;
}

const engineOf = (input: Pick<GatewayInput, "engine">) => engines[input.engine].gateway;

export const natGateway = defineKind({
  name: "NatGateway",
  noun: "NAT gateway",
  inputs: natGatewayShape,
  outputs: ["externalInterface"],
  id: (input) => `${input.engine}:${externalOf(input)}`,
  target: (input) => targetOf(input.host),

  derive: (input) =>
    input.externalInterface === undefined && input.host?.externalInterface !== undefined
      ? { externalInterface: input.host.externalInterface }
      : {},

  relations(input, report) {
    if (input.externalInterface === "") {
      report(
        "externalInterface",
        "the host has no default route to take it from: name the interface to the outside",
      );
    }
    if (input.ipv6 && input.engine && !engines[input.engine].dualStack) {
      report("ipv6", `the engine "${input.engine}" translates only IPv4: IPv6 needs the engine "pf"`);
    }
  },

  ensure: (input, previous) => engineOf(input).ensure(input, previous),
  remove: (state) => engineOf(state).remove(state),
  questions: (input) => engineOf(input).questions(input),
  gone: (answers, input) => engineOf(input).gone(answers),
  compare: (input, answers) => engineOf(input).compare(input, answers),
  observe: (input): NatGatewayOutputs => ({ externalInterface: externalOf(input) }),
  timeoutMs: 180_000,
});
