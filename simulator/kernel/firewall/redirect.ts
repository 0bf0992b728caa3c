import { formatAddress, parseAddress } from "../inet";
import type { Redirect } from "./alias";
import { protocolName, servicePort } from "./services";

/** Bad words in a redirection, in natd(8)'s and ipfw(8)'s own words. */
export class BadRedirect extends Error {
  constructor(
    message: string,
    readonly unknownHost = false,
  ) {
    super(message);
  }
}

interface PortRange {
  port: number;
  count: number;
}

export function hostAddress(text: string): string {
  if (text === "localhost") return "127.0.0.1";
  const address = parseAddress("inet", text);
  if (address === undefined) throw new BadRedirect(`unknown host ${text}`, true);
  return formatAddress("inet", address);
}

function portRange(text: string, proto: string): PortRange {
  const service = servicePort(text, proto);
  if (service !== undefined) return { port: service, count: 1 };
  const range = /^(\d+)-(\d+)/.exec(text);
  if (!range) {
    const port = Number.parseInt(text, 10);
    if (Number.isNaN(port)) throw new BadRedirect(`${text}/${proto}: unknown service`);
    return { port: port & 0xffff, count: 1 };
  }
  const [low, high] = [Number(range[1]), Number(range[2])];
  if (low > high || high > 65535) throw new BadRedirect(`invalid port range ${text}`);
  return { port: low, count: high - low + 1 };
}

function addressAndPorts(text: string, proto: string): PortRange & { address: string } {
  const colon = text.indexOf(":");
  if (colon < 0) throw new BadRedirect(`${text} is missing port number`);
  return { address: hostAddress(text.slice(0, colon)), ...portRange(text.slice(colon + 1), proto) };
}

/** `proto target:port[-port][,…] [public:]port[-port] [remote[:port[-port]]]` */
export function redirectPort(words: readonly string[]): Redirect {
  const [proto, local, pub, remote] = words;
  if (proto === undefined) throw new BadRedirect("redirect_port: missing protocol");
  if (proto !== "tcp" && proto !== "udp" && proto !== "sctp")
    throw new BadRedirect(`unknown protocol ${proto}. Expected sctp, tcp or udp`);
  if (local === undefined) throw new BadRedirect("redirect_port: missing local address");
  const pool = local.includes(",");
  const targets = local.split(",").map((part) => addressAndPorts(part, proto));
  if (pub === undefined) throw new BadRedirect("redirect_port: missing public port");
  const shown = pub.includes(":")
    ? addressAndPorts(pub, proto)
    : { address: undefined, ...portRange(pub, proto) };
  const far =
    remote === undefined
      ? { address: undefined, port: 0, count: 1 }
      : remote.includes(":")
        ? addressAndPorts(remote, proto)
        : { address: hostAddress(remote), port: 0, count: 1 };
  const count = pool ? 1 : targets[0]!.count;
  if (count !== shown.count) throw new BadRedirect("redirect_port: port ranges must be equal in size");
  if (far.count !== count && (far.count !== 1 || far.port !== 0))
    throw new BadRedirect("redirect_port: remote port must be 0 or equal to local port range in size");
  if (pool && targets.some((target) => target.count !== 1))
    throw new BadRedirect("redirect_port: local port must be single in this context");
  return {
    kind: "port",
    proto,
    targets: targets.map(({ address, port }) => ({ address, port })),
    count,
    publicAddress: any(shown.address),
    publicPort: shown.port,
    remoteAddress: any(far.address),
    remotePort: far.port,
  };
}

/** `local[,…] public` */
export function redirectAddress(words: readonly string[]): Redirect {
  const [local, pub] = words;
  if (local === undefined) throw new BadRedirect("redirect_address: missing local address");
  const targets = local.split(",").map(hostAddress);
  if (pub === undefined) throw new BadRedirect("redirect_address: missing public address");
  return { kind: "address", targets, publicAddress: hostAddress(pub) };
}

/** `proto local [public [remote]]` */
export function redirectProto(words: readonly string[]): Redirect {
  const [proto, local, pub, remote] = words;
  if (proto === undefined) throw new BadRedirect("redirect_proto: missing protocol");
  const name = /^\d/.test(proto) ? undefined : protocolName(proto);
  if (name === undefined) throw new BadRedirect(`redirect_proto: unknown protocol ${proto}`);
  if (local === undefined) throw new BadRedirect("redirect_proto: missing local address");
  return {
    kind: "proto",
    proto: name,
    target: hostAddress(local),
    publicAddress: any(pub && hostAddress(pub)),
    remoteAddress: any(remote && hostAddress(remote)),
  };
}

const any = (address: string | undefined): string | undefined =>
  address === "0.0.0.0" ? undefined : address;

/** As `ipfw nat show config` writes it. */
export function formatRedirect(redirect: Redirect): string {
  if (redirect.kind === "address")
    return `redirect_addr ${redirect.targets.join(",")} ${redirect.publicAddress}`;
  if (redirect.kind === "proto")
    return ["redirect_proto", redirect.proto, redirect.target, redirect.publicAddress, redirect.remoteAddress]
      .filter((word) => word !== undefined)
      .join(" ");
  const span = (port: number): string =>
    redirect.count > 1 ? `${port}-${port + redirect.count - 1}` : `${port}`;
  const targets = redirect.targets.map(({ address, port }) => `${address}:${span(port)}`).join(",");
  const shown = `${redirect.publicAddress === undefined ? "" : `${redirect.publicAddress}:`}${span(redirect.publicPort)}`;
  const remote =
    redirect.remoteAddress === undefined
      ? ""
      : ` ${redirect.remoteAddress}${redirect.remotePort === 0 ? "" : `:${span(redirect.remotePort)}`}`;
  return `redirect_port ${redirect.proto} ${targets} ${shown}${remote}`;
}
