/*
 * /etc/natd.conf: an option a line, `#` begins a comment, the last line must end in a newline. natd(8) reads it
 * once, at its start.
 */

export const NATD_CONF = "/etc/natd.conf";

/** The article's options; `exit_delay 0` because natd otherwise lingers 10 s after SIGTERM while nobody translates. */
export function gatewayText(externalInterface: string): string {
  return [`interface ${externalInterface}`, "dynamic yes", "same_ports yes", "exit_delay 0"].join("\n");
}

export interface PortRedirect {
  readonly protocol: "tcp" | "udp";
  readonly targetAddress: string;
  readonly targetPort: number;
  /** The interface's own address when left out. */
  readonly publicAddress?: string | undefined;
  readonly publicPort: number;
}

/** How natd.conf says where traffic comes in: `80`, or `192.0.2.1:80`. */
export function publicSide({
  publicAddress,
  publicPort,
}: Pick<PortRedirect, "publicAddress" | "publicPort">): string {
  return publicAddress === undefined ? `${publicPort}` : `${publicAddress}:${publicPort}`;
}

export function redirectText(redirect: PortRedirect): string {
  const { protocol, targetAddress, targetPort } = redirect;
  return `redirect_port ${protocol} ${targetAddress}:${targetPort} ${publicSide(redirect)}`;
}
