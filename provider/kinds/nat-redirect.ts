import { z } from "zod";
import { hostIdentity, hostReferenceShape, internalShape, targetOf } from "../common";
import { NATD_CONF, publicSide, redirectText } from "../freebsd/natdconf";
import { defineKind, running } from "../kind";
import { claimPort, natdCurrent } from "../library";
import { askLines, compareLines, dropLines, keepLines, type OwnLines } from "../owned";
import type { Question } from "../question";
import { cidr, interfaceName, ipv4Address, jailName, mustParseCidr, port } from "../scalars";
import { type InputOf, live, type Reference, reference } from "../schema";
import { sh } from "../sh";

export const gatewayReferenceShape = {
  host: reference("Host", hostReferenceShape, hostIdentity),
  externalInterface: interfaceName,
};

export const jailReferenceShape = {
  name: jailName,
  addresses: z.array(cidr),
};

export type GatewayReference = Reference<"NatGateway", z.output<z.ZodObject<typeof gatewayReferenceShape>>>;
export type JailReference = Reference<"VnetJail", z.output<z.ZodObject<typeof jailReferenceShape>>>;

export const natRedirectShape = {
  /** The gateway that translates. */
  gateway: live(reference("NatGateway", gatewayReferenceShape, ["host", "externalInterface"])),
  /** `tcp` or `udp`. */
  protocol: live(z.enum(["tcp", "udp"], { error: 'not one of "tcp", "udp"' })),
  /** The port outside, 1 to 65535. */
  publicPort: live(port),
  /**
   * The IPv4 address outside.
   * @default the external interface's own address, also when it changes
   */
  publicAddress: live(ipv4Address.optional()),
  /** The jail that gets the traffic, at its first IPv4 address. */
  target: live(reference("VnetJail", jailReferenceShape, ["name", "addresses"])),
  /**
   * The port in the jail.
   * @default `publicPort`
   */
  targetPort: live(port.optional()),
  ...internalShape,
};

export type NatRedirectOutputs = Record<never, never>;

type Input = InputOf<typeof natRedirectShape>;

const ipv4Of = (addresses: readonly string[]) =>
  addresses.map(mustParseCidr).find((a) => a.family === "inet")?.address;

const lines = (input: Input): OwnLines => ({
  path: NATD_CONF,
  owner: input.owner,
  text: redirectText({
    ...input,
    targetAddress: ipv4Of(input.target.addresses) ?? "",
    targetPort: input.targetPort ?? input.publicPort,
  }),
});

const natdIsCurrent: Question<boolean> = {
  key: "natd current",
  ask: sh`[ ! ${NATD_CONF} -nt /var/run/natd.pid ] && service natd onestatus >/dev/null`,
  read: (answer) => answer.status === 0,
};

export const natRedirect = defineKind({
  name: "NatRedirect",
  noun: "NAT redirect",
  inputs: natRedirectShape,
  outputs: [],
  id: (input) =>
    `${input.protocol}:${input.publicAddress ?? input.gateway.externalInterface}:${input.publicPort}`,
  target: (input) => targetOf(input.gateway.host),

  relations(input, report) {
    const addresses = input.target?.addresses;
    if (addresses === undefined || addresses.some((a) => a === undefined)) return;
    if (ipv4Of(addresses as string[]) === undefined) {
      report(
        "target",
        `the jail ${input.target?.name ?? ""} has no IPv4 address, and natd(8) translates only IPv4`,
      );
    }
  },

  ensure: (input, previous) => [
    {
      what: `look whether ${input.protocol} port ${input.publicPort} is free`,
      run: sh`${claimPort} ${NATD_CONF} ${previous?.owner ?? input.owner} ${input.protocol} ${publicSide(input)}`,
    },
    ...keepLines(lines(input), previous && { ...lines(previous), drift: [] }),
    { what: "let natd read its configuration", run: sh`${natdCurrent}`, undo: sh`${natdCurrent}` },
  ],

  remove: (state) => [
    dropLines(lines(state)),
    {
      what: "let natd read its configuration",
      run: sh`${natdCurrent}`,
      unless: sh`! service natd onestatus`,
    },
  ],

  questions: (input) => ({ lines: askLines(lines(input)), current: natdIsCurrent }),
  gone: ({ lines: found }) => found === undefined,
  compare: (input, answers) => [
    ...(answers.current ? [] : [running(`natd does not run with the present ${NATD_CONF}`)]),
    ...compareLines(lines(input), answers.lines),
  ],
  observe: (): NatRedirectOutputs => ({}),
  timeoutMs: 180_000,
});
