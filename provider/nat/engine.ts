import type { Found, State } from "../kind";
import type { NatGatewayOutputs, natGatewayShape } from "../kinds/nat-gateway";
import type { NatRedirectOutputs, natRedirectShape } from "../kinds/nat-redirect";
import { rcEnables } from "../library/rcconf";
import { type Answers, type Question, type Questions, Unreadable } from "../question";
import type { InputOf } from "../schema";
import type { Step } from "../script";
import { type Sh, sh } from "../sh";

export type GatewayInput = InputOf<typeof natGatewayShape>;
export type GatewayState = State<typeof natGatewayShape, NatGatewayOutputs>;
export type RedirectInput = InputOf<typeof natRedirectShape>;
export type RedirectState = State<typeof natRedirectShape, NatRedirectOutputs>;

/** What an engine knows of one of the two kinds: the functions of a `Kind` that touch the host. */
export interface EnginePart<I, S extends I, Q extends Questions = Questions> {
  ensure(input: I, previous: S | undefined): Step[];
  remove(state: S): Step[];
  questions(input: I): Q;
  gone(answers: Answers<Q>): boolean;
  found?(input: I, answers: Answers<Q>): Found<I> | undefined;
  compare(input: I, answers: Answers<Q>): string[];
}

/** One way to translate addresses; `engine` of a gateway chooses it, for the gateway and for its redirects. */
export interface NatEngine<GQ extends Questions = Questions, RQ extends Questions = Questions> {
  /** Translates IPv6 too, and lets a redirect be for a network of senders. */
  readonly dualStack: boolean;
  readonly gateway: EnginePart<GatewayInput, GatewayState, GQ>;
  readonly redirect: EnginePart<RedirectInput, RedirectState, RQ>;
}

/** Types an engine's functions from its questions. */
export const defineEngine = <GQ extends Questions, RQ extends Questions>(engine: NatEngine<GQ, RQ>) =>
  engine as NatEngine;

/** The check of the input and `derive` have seen to it that there is one. */
export const externalOf = (input: GatewayInput) => input.externalInterface as string;

/** What a command prints; "" when its words are those of `absent`. */
export function askOutput(ask: Sh, absent: RegExp): Question<string> {
  return {
    key: ask.text,
    ask,
    read(answer) {
      if (answer.status === 0) return answer.text.trim();
      if (absent.test(answer.text)) return "";
      throw new Unreadable(ask.text, answer);
    },
  };
}

/** Forwarding of packets between interfaces, by its sysctl(8). */
export const forwarding = {
  inet: { oid: "net.inet.ip.forwarding", mark: "forwarding", rc: "gateway_enable" },
  inet6: { oid: "net.inet6.ip6.forwarding", mark: "forwarding6", rc: "ipv6_gateway_enable" },
} as const;

export type Forwarding = (typeof forwarding)[keyof typeof forwarding];

export const keepForwarding = ({ oid, mark }: Forwarding): Step => ({
  run: sh`sysctl ${`${oid}=1`}`,
  unless: sh`[ "$(sysctl -n ${oid})" = 1 ]`,
  undo: sh`sysctl ${`${oid}=0`}`,
  made: mark,
});

/** Not while somebody else's lines want it at boot: another gateway, or the administrator. */
export const stopForwarding = ({ oid, rc }: Forwarding): Step => ({
  run: sh`sysctl ${`${oid}=0`}`,
  unless: sh`[ "$(sysctl -n ${oid})" = 0 ] || ${rcEnables} ${rc}`,
});

export const askForwarding = ({ oid }: Forwarding) => askOutput(sh`sysctl -n ${oid}`, /$^/);

/**
 * Steps that change a configuration, and `start` that puts it in force. Steps are taken back last first, so what puts
 * the old one in force again stands before them; where there was none, `stop` comes first.
 */
export function inForce(start: Step, steps: readonly Step[], stop?: Sh): Step[] {
  if (stop) return [...steps, { ...start, undo: stop }];
  return [{ ...start, run: sh`:`, undo: start.undo ?? start.run }, ...steps, start];
}
