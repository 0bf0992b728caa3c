import { z } from "zod";

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Of a port or a range of ports; undefined when it is neither. */
export function parsePorts(ports: unknown): PortRange | undefined {
  const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(String(ports)) ?? [];
  const range = { first: Number(first), last: Number(last) };
  return range.first >= 1 && range.first <= range.last && range.last <= 65535 ? range : undefined;
}

/** For values that a schema has passed already. */
export function mustParsePorts(ports: number | string): PortRange {
  const parsed = parsePorts(ports);
  if (!parsed) throw new Error(`neither a port nor a range of ports: ${ports}`);
  return parsed;
}

export const portCount = ({ first, last }: PortRange) => last - first + 1;

/** `80`, or `8000-8010`, as natd(8) writes it. */
export const portText = ({ first, last }: PortRange) => (first === last ? `${first}` : `${first}-${last}`);

/** One port, or a range such as `"8000-8010"`. */
export const ports = z
  .union([z.number(), z.string()], { error: "neither a port nor a range of ports" })
  .refine((v) => parsePorts(v) !== undefined, {
    error: ({ input }) =>
      `${JSON.stringify(input)} is neither a port nor a range of ports: a whole number from 1 to 65535, or two such as "8000-8010"`,
  });

export type Protocol = "tcp" | "udp" | "both";

export const protocolsOf = (protocol: Protocol): readonly ("tcp" | "udp")[] =>
  protocol === "both" ? ["tcp", "udp"] : [protocol];

/** Where a redirect takes traffic in. */
export interface PublicSide {
  readonly protocol: Protocol;
  readonly publicPort: number | string;
  readonly publicAddress?: string | undefined;
}

/**
 * Whether one packet could be meant for both. Without an address it is the interface's, whatever that is, so such a
 * redirect goes with no other one of the port.
 */
export function overlap(a: PublicSide, b: PublicSide): boolean {
  const [here, there] = [mustParsePorts(a.publicPort), mustParsePorts(b.publicPort)];
  return (
    protocolsOf(a.protocol).some((one) => protocolsOf(b.protocol).includes(one)) &&
    here.first <= there.last &&
    there.first <= here.last &&
    (a.publicAddress === undefined || b.publicAddress === undefined || a.publicAddress === b.publicAddress)
  );
}
