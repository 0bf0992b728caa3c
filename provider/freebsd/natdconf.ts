import { type PortRange, portText } from "../nat/ports";

/*
 * /etc/natd.conf: an option a line, `#` begins a comment, the last line must end in a newline. natd(8) reads it
 * once, at its start. `ipfw nat N config` takes redirects in the same words.
 */

export const NATD_CONF = "/etc/natd.conf";

/** The article's options; `exit_delay 0` because natd otherwise lingers 10 s after SIGTERM while nobody translates. */
export function gatewayText(externalInterface: string): string {
  return [`interface ${externalInterface}`, "dynamic yes", "same_ports yes", "exit_delay 0"].join("\n");
}

/** One protocol's way in, of one address family. */
export interface PortRedirect {
  readonly protocol: "tcp" | "udp";
  readonly targetAddress: string;
  readonly targetPorts: PortRange;
  /** The interface's own address when left out. */
  readonly publicAddress?: string | undefined;
  readonly publicPorts: PortRange;
  /** Who may come in; everybody when left out. */
  readonly from?: string | undefined;
}

/** `80`, or `192.0.2.1:8000-8010`. */
export function publicSide({
  publicAddress,
  publicPorts,
}: Pick<PortRedirect, "publicAddress" | "publicPorts">): string {
  return publicAddress === undefined ? portText(publicPorts) : `${publicAddress}:${portText(publicPorts)}`;
}

export function redirectText(redirect: PortRedirect): string {
  const { protocol, targetAddress, targetPorts, from } = redirect;
  const words = [
    "redirect_port",
    protocol,
    `${targetAddress}:${portText(targetPorts)}`,
    publicSide(redirect),
  ];
  return [...words, ...(from === undefined ? [] : [from])].join(" ");
}
