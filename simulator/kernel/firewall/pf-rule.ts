import { serviceName } from "./services";

export type Family = "inet" | "inet6";

/** A comparison of ports: `= 80`, `8000:8010` (`rrg`), `1 >< 5` (`irg`), … */
export interface PfPorts {
  readonly op: "=" | "!=" | "<" | "<=" | ">" | ">=" | "irg" | "xrg" | "rrg";
  readonly from: number;
  readonly to: number;
}

export type PfAddress =
  | { readonly kind: "any" | "no-route" | "urpf-failed" }
  | { readonly kind: "net"; readonly address: string; readonly prefix: number }
  | { readonly kind: "range"; readonly from: string; readonly to: string }
  /** `(em0)`, `(em0:network)`: looked up when a packet comes. */
  | {
      readonly kind: "dynamic";
      readonly netif: string;
      readonly modifiers: readonly string[];
      readonly prefix: number | undefined;
    }
  | { readonly kind: "table"; readonly name: string };

export interface PfHost {
  readonly address: PfAddress;
  readonly not: boolean;
}

export interface PfEnd extends PfHost {
  readonly ports: PfPorts | undefined;
}

/** Where a translation leads. */
export interface PfPool {
  readonly addresses: readonly PfAddress[];
  /** `port 9000`, `port 9000:9010`. */
  readonly ports: { readonly from: number; readonly to: number | undefined } | undefined;
  /** `round-robin`, `static-port`, … as printed. */
  readonly options: readonly string[];
}

export type PfAction = "pass" | "block" | "match" | "scrub" | "nat" | "rdr" | "binat";

export interface PfRule {
  readonly action: PfAction;
  /** A call of another ruleset: its name as written, perhaps with `/*`. */
  readonly anchor: string | undefined;
  /** `no nat …`, `no rdr …`, `no scrub` */
  readonly no: boolean;
  /** `rdr pass`: what matches is not filtered any more. */
  readonly pass: boolean;
  /** block: `drop`, `return`, `return-rst`, … */
  readonly block: string;
  readonly direction: "in" | "out" | undefined;
  /** `log`, `log (all)` */
  readonly log: string | undefined;
  readonly quick: boolean;
  readonly netif: { readonly name: string; readonly not: boolean } | undefined;
  /** `route-to (em0 192.0.2.1)` */
  readonly route: string | undefined;
  readonly family: Family | undefined;
  readonly proto: string | undefined;
  readonly src: PfEnd;
  readonly dst: PfEnd;
  readonly icmpType: string | undefined;
  /** `S/SA`, `any` */
  readonly flags: string | undefined;
  /** `keep state`, `modulate state`, `synproxy state`, `no state`. */
  readonly state: string | undefined;
  readonly stateOptions: string | undefined;
  /** Label, tag, tagged, user, queue, … as printed, in pfctl's order. */
  readonly rest: readonly string[];
  readonly pool: PfPool | undefined;
}

const host = ({ address, not }: PfHost): string => `${not ? "! " : ""}${formatPfAddress(address)}`;

export function formatPfAddress(address: PfAddress): string {
  switch (address.kind) {
    case "net": {
      const bits = address.address.includes(":") ? 128 : 32;
      return address.prefix === bits ? address.address : `${address.address}/${address.prefix}`;
    }
    case "range":
      return `${address.from} - ${address.to}`;
    case "dynamic":
      return `(${[address.netif, ...address.modifiers].join(":")})${address.prefix === undefined ? "" : `/${address.prefix}`}`;
    case "table":
      return `<${address.name}>`;
    default:
      return address.kind;
  }
}

function formatPorts({ op, from, to }: PfPorts, proto: string | undefined, numeric: boolean): string {
  if (op === "rrg") return ` port ${from}:${to}`;
  if (op === "irg") return ` port ${from} >< ${to}`;
  if (op === "xrg") return ` port ${from} <> ${to}`;
  const name = !numeric && (op === "=" || op === "!=") ? serviceName(from, proto ?? "") : undefined;
  return ` port ${op} ${name ?? from}`;
}

function formatEnds({ src, dst, proto }: PfRule, numeric: boolean): string {
  const isAny = ({ address, not, ports }: PfEnd): boolean => address.kind === "any" && !not && !ports;
  if (isAny(src) && isAny(dst)) return " all";
  const end = (one: PfEnd): string =>
    `${host(one)}${one.ports ? formatPorts(one.ports, proto, numeric) : ""}`;
  return ` from ${end(src)} to ${end(dst)}`;
}

function formatPool({ addresses, ports, options }: PfPool): string {
  const [only] = addresses;
  const list =
    addresses.length === 1 && only
      ? formatPfAddress(only)
      : `{ ${addresses.map(formatPfAddress).join(", ")} }`;
  const port = ports ? ` port ${ports.from}${ports.to === undefined ? "" : `:${ports.to}`}` : "";
  return ` -> ${list}${port}${options.map((option) => ` ${option}`).join("")}`;
}

const translations = ["nat", "rdr", "binat"];

/** As `pfctl -s rules` and `-s nat` print it; `numeric` as with `-P`. */
export function formatPfRule(rule: PfRule, numeric = false): string {
  const translation = translations.includes(rule.action);
  let text = rule.no ? "no " : "";
  if (rule.anchor !== undefined) text = `${translation ? `${rule.action}-` : ""}anchor "${rule.anchor}"`;
  else if (rule.action === "block") text = `block ${rule.block}`;
  else text += `${rule.action}${rule.pass ? " pass" : ""}`;
  if (rule.direction && !translation) text += ` ${rule.direction}`;
  if (rule.log) text += ` ${rule.log}`;
  if (rule.quick) text += " quick";
  if (rule.netif) text += ` on ${rule.netif.not ? "! " : ""}${rule.netif.name}`;
  if (rule.route) text += ` ${rule.route}`;
  if (rule.family) text += ` ${rule.family}`;
  if (rule.proto) text += ` proto ${rule.proto}`;
  text += formatEnds(rule, numeric);
  if (rule.flags) text += ` flags ${rule.flags}`;
  if (rule.icmpType) text += ` ${rule.icmpType}`;
  if (rule.state) text += ` ${rule.state}`;
  if (rule.stateOptions) text += ` (${rule.stateOptions})`;
  text += rule.rest.map((word) => ` ${word}`).join("");
  if (rule.pool) text += formatPool(rule.pool);
  return text;
}
