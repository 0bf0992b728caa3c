import type { PortRedirect } from "../freebsd/natdconf";
import type { Known } from "../kind";
import { type ParsedAddress, parseAddress, parseCidr } from "../scalars";
import type { RedirectInput } from "./engine";
import { isOneAddress } from "./network";
import { mustParsePorts, protocolsOf } from "./ports";

type Family = ParsedAddress["family"];

/** Addresses of the target, without prefix length: a jail's, or the one that was given. */
function targetAddresses(target: RedirectInput["target"]): ParsedAddress[] {
  const given = typeof target === "string" ? [parseAddress(target)] : target.addresses.map(parseCidr);
  return given.filter((address) => address !== undefined);
}

const familyOf = (text: string | undefined): Family | undefined =>
  text === undefined ? undefined : (parseCidr(text) ?? parseAddress(text))?.family;

/** The families for which the input leads somewhere: what it says of public side, senders and target has to fit. */
export function familiesOf(
  input: Pick<RedirectInput, "publicAddress" | "from" | "target">,
  translated: readonly Family[],
): Family[] {
  const given = [input.publicAddress, input.from].map(familyOf).filter((family) => family !== undefined);
  return translated.filter(
    (family) =>
      given.every((one) => one === family) &&
      targetAddresses(input.target).some((address) => address.family === family),
  );
}

/** A network of one address is that address, to all of them. */
const sendersText = (from: string) => (isOneAddress(from) ? parseCidr(from)?.address : parseCidr(from)?.text);

/** Each protocol and family by itself: that is how all engines have it. */
export function redirections(input: RedirectInput, translated: readonly Family[]): PortRedirect[] {
  const publicPorts = mustParsePorts(input.publicPort);
  const targetPorts = mustParsePorts(input.targetPort ?? input.publicPort);
  const { publicAddress, from } = input;
  return familiesOf(input, translated).flatMap((family) => {
    const target = targetAddresses(input.target).find((address) => address.family === family);
    return protocolsOf(input.protocol).map((protocol) => ({
      protocol,
      targetAddress: target?.address ?? "",
      targetPorts,
      publicAddress: publicAddress === undefined ? undefined : parseAddress(publicAddress)?.address,
      publicPorts,
      from: from === undefined ? undefined : sendersText(from),
    }));
  });
}

/** New connections to the host's sshd(8) would go to the target. */
export function takesSsh({ publicPort, protocol, gateway }: RedirectInput): boolean {
  const { first, last } = mustParsePorts(publicPort);
  const ssh = gateway.host.port ?? 22;
  return protocolsOf(protocol).includes("tcp") && first <= ssh && ssh <= last;
}

/** The redirect's target, once all of it is known. */
export function knownTarget(input: Known<RedirectInput>): RedirectInput["target"] | undefined {
  const { target } = input;
  if (target === undefined || typeof target === "string") return target;
  if (target.addresses === undefined || target.addresses.includes(undefined)) return undefined;
  return target as RedirectInput["target"];
}
