import { Errno, type Io } from "../../command";
import {
  type Family,
  familyOf,
  formatAddress,
  isLinkLocal,
  maskOf,
  networkOf,
  parseAddress,
  prefixOfMask,
  width,
} from "../../kernel/inet";
import type { Interface } from "../../kernel/netif";
import { type Route, routeThrough, zoned } from "../../kernel/routes";
import { enter, mayConfigure, type Program, program } from "./program";

const usage = (word?: string): string =>
  `${word === undefined ? "" : `route: bad keyword: ${word}\n`}usage: route [-j jail] [-46dnqtv] command [[modifiers] args]\n`;

const exitUsage = 64;
const exitDataErr = 65;
const exitNoHost = 68;
const exitNoPerm = 77;

/** What newroute() has read from its arguments. */
interface Request {
  family: Family;
  destination: { text: string; value: bigint; zone: Interface | undefined } | undefined;
  gateway: string | undefined;
  gatewayText: string;
  netif: Interface | undefined;
  prefix: number | undefined;
  /** Whether the destination is one address: `host` in what is printed. */
  host: boolean;
  forceNet: boolean;
  forceHost: boolean;
  viaInterface: boolean;
  reject: boolean;
  blackhole: boolean;
  static: boolean;
  mtu: number | undefined;
}

/** route(8) */
export const route = program("route", (self, args, outside) => {
  outside.kernel.jails.settle();
  const { list, rest } = self.options(args, "46dnqtvj:", usage(), exitUsage);
  const has = (letter: string): boolean => list.some(([each]) => each === letter);
  const jail = list.findLast(([letter]) => letter === "j")?.[1];
  const io = jail === undefined ? outside : enter(outside, jail);
  if (!io) return self.errx(1, `jail "${jail}" not found`);
  const [command, ...words] = rest;
  const family: Family = has("6") ? "inet6" : "inet";
  switch (command) {
    case "add":
    case "delete":
    case "del":
    case "change":
      return change(self, io, command === "del" ? "delete" : command, words, family, has("q"));
    case "get":
    case "show":
      return get(self, io, words, family);
    case "flush":
      return flush(self, io, words, has("q"));
    default:
      return self.usage(usage(command), exitUsage);
  }
});

function change(
  self: Program,
  io: Io,
  command: "add" | "delete" | "change",
  words: readonly string[],
  family: Family,
  quiet: boolean,
): void {
  if (io.who.uid !== 0) self.errx(exitNoPerm, "must be root to alter routing table");
  const request = parse(self, io, words, family);
  if (!mayConfigure(io)) self.errx(1, "writing to routing socket: Operation not permitted");
  const gateway = request.gatewayText === "" ? "" : `: gateway ${request.gatewayText}`;
  const what = `${command} ${request.host ? "host" : "net"} ${request.destination!.text}${gateway}`;
  try {
    apply(io, command, request);
    if (!quiet) self.print(`${what}\n`);
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    if (!quiet) self.print(`${what} fib 0: ${reasons[error.code] ?? error.message}\n`);
    self.exit(1);
  }
}

const reasons: Partial<Record<Errno["code"], string>> = {
  ESRCH: "not in table",
  EEXIST: "route already in table",
  EBUSY: "entry in use",
};

function apply(io: Io, command: "add" | "delete" | "change", request: Request): void {
  const { vnet } = io.who;
  const { family, host, gateway } = request;
  const { value, zone } = request.destination!;
  const prefix = host ? width(family) : (request.prefix ?? classPrefix(family, value));
  const to = { family, network: networkOf(family, value, prefix), prefix, host, ...zoned(zone) };
  if (command === "delete") {
    vnet.routes.delete(to, gateway);
    return;
  }
  const out = nexthop(io, request);
  const made: Route = {
    ...to,
    ...out,
    pinned: false,
    static: request.static,
    ...(request.reject ? { reject: true } : {}),
    ...(request.blackhole ? { blackhole: true } : {}),
    ...(request.mtu === undefined ? {} : { mtu: request.mtu }),
  };
  if (command === "add") vnet.routes.add(made);
  else vnet.routes.change(made);
}

/** @throws Errno ENETUNREACH when no interface is on the gateway's network. */
function nexthop(io: Io, request: Request): Pick<Route, "gateway" | "netif" | "via"> {
  const { vnet } = io.who;
  // A route that refuses or swallows packets points to the loopback.
  if (request.reject || request.blackhole)
    return { gateway: undefined, netif: vnet.loopback, via: undefined };
  if (request.netif) {
    const via = request.netif.addresses.find((inet) => inet.family === request.family);
    return { gateway: undefined, netif: request.netif, via };
  }
  if (request.gateway === undefined) throw new Errno("EINVAL");
  return routeThrough(vnet, request.gateway);
}

/** inet_makenetandmask() of an address without a length, as a network: its class. */
function classPrefix(family: Family, value: bigint): number {
  if (value === 0n) return 0;
  if (family === "inet6") return 128;
  const first = Number(value >> 24n);
  return first < 128 ? 8 : first < 192 ? 16 : 24;
}

function parse(self: Program, io: Io, words: readonly string[], family: Family): Request {
  const request: Request = {
    family,
    destination: undefined,
    gateway: undefined,
    gatewayText: "",
    netif: undefined,
    prefix: undefined,
    host: false,
    forceNet: false,
    forceHost: false,
    viaInterface: false,
    reject: false,
    blackhole: false,
    static: true,
    mtu: undefined,
  };
  const left = [...words];
  const value = (): string => left.shift() ?? self.usage(usage(), exitUsage);
  while (left.length > 0) {
    const word = left.shift()!;
    if (!word.startsWith("-")) {
      operand(self, io, request, word);
      continue;
    }
    switch (word.slice(1)) {
      case "inet":
      case "4":
        request.family = "inet";
        break;
      case "inet6":
      case "6":
        request.family = "inet6";
        break;
      case "host":
        request.forceHost = true;
        break;
      case "net":
        request.forceNet = true;
        break;
      case "iface":
      case "interface":
        request.viaInterface = true;
        break;
      case "reject":
        request.reject = true;
        break;
      case "blackhole":
        request.blackhole = true;
        break;
      case "nostatic":
        request.static = false;
        break;
      case "static":
      case "proto1":
      case "proto2":
      case "proxy":
      case "sticky":
      case "nostick":
      case "lock":
      case "lockrest":
        break;
      case "dst":
        destination(self, io, request, value());
        break;
      case "gateway":
        gateway(self, io, request, value());
        break;
      case "netmask":
        netmask(self, request, value());
        break;
      case "prefixlen":
        prefixLength(self, request, value());
        break;
      case "mtu":
        request.mtu = Number.parseInt(value(), 10) || 0;
        break;
      case "fib":
      case "ifa":
      case "ifp":
      case "weight":
      case "hopcount":
      case "expire":
      case "recvpipe":
      case "sendpipe":
      case "ssthresh":
      case "rtt":
      case "rttvar":
        value();
        break;
      default:
        self.usage(usage(word.slice(1)), exitUsage);
    }
  }
  if (!request.destination) {
    self.warnx("destination parameter required");
    self.usage(usage(), exitUsage);
  }
  if (request.forceHost) request.host = true;
  if (request.forceNet) request.host = false;
  return request;
}

function operand(self: Program, io: Io, request: Request, word: string): void {
  if (!request.destination) destination(self, io, request, word);
  else if (request.gatewayText === "") gateway(self, io, request, word);
  else netmask(self, request, word);
}

/** getaddr() of a destination: without a length an address is a host, `default` is a network. */
function destination(self: Program, io: Io, request: Request, text: string): void {
  if (text === "default") {
    request.destination = { text, value: 0n, zone: undefined };
    request.prefix = 0;
    request.forceNet = true;
    return;
  }
  const [name = "", length] = text.split("/");
  const value = address(self, request.family, name);
  request.destination = { text, value, zone: zoneOf(io, name, value) };
  if (length !== undefined) {
    const prefix = Number.parseInt(length, 10) || 0;
    if (prefix < 0 || prefix > width(request.family))
      self.errx(
        request.family === "inet" ? exitNoHost : exitUsage,
        request.family === "inet" ? `bad mask length: ${length}` : `${length}: invalid prefixlen`,
      );
    request.prefix = prefix;
    request.host = request.family === "inet6" && prefix === 128;
  } else {
    request.host = !(request.family === "inet6" && value === 0n);
    if (!request.host) request.prefix = 0;
  }
}

function gateway(self: Program, io: Io, request: Request, text: string): void {
  request.gatewayText = text;
  if (request.viaInterface) {
    const netif = io.who.vnet.find(text);
    if (!netif) self.errx(exitDataErr, `interface '${text}' does not exist`);
    request.netif = netif;
    return;
  }
  const value = address(self, request.family, text);
  const zone = zoneOf(io, text, value);
  request.gateway = `${formatAddress(request.family, value)}${zone ? `%${zone.name}` : ""}`;
}

function netmask(self: Program, request: Request, text: string): void {
  const mask = address(self, request.family, text);
  request.prefix = prefixOfMask(mask) ?? 0;
  request.forceNet = true;
}

function prefixLength(self: Program, request: Request, text: string): void {
  const length = Number.parseInt(text, 10) || 0;
  if (length < 0 || length > width(request.family)) self.errx(exitUsage, `${text}: invalid prefixlen`);
  request.prefix = length;
  request.host = length === width(request.family);
  request.forceNet = !request.host;
}

function address(self: Program, family: Family, text: string): bigint {
  const bare = text.replace(/%.*$/, "");
  const named = bare === "localhost" ? (family === "inet" ? "127.0.0.1" : "::1") : bare;
  const value = familyOf(named) === family ? parseAddress(family, named) : undefined;
  if (value !== undefined) return value;
  if (family === "inet") return self.errx(exitNoHost, `bad address: ${text}`);
  return self.errx(71, `${text}: Name does not resolve`);
}

function zoneOf(io: Io, text: string, value: bigint): Interface | undefined {
  const zone = /%(.+)$/.exec(text)?.[1];
  return zone !== undefined && isLinkLocal(value) ? io.who.vnet.find(zone) : undefined;
}

const flagNames: readonly (readonly [string, (route: Route) => boolean])[] = [
  ["UP", () => true],
  ["GATEWAY", (route) => route.gateway !== undefined],
  ["HOST", (route) => route.host],
  ["REJECT", (route) => route.reject === true],
  ["DONE", () => true],
  ["STATIC", (route) => route.static],
  ["BLACKHOLE", (route) => route.blackhole === true],
  ["PINNED", (route) => route.pinned],
];

/** A destination with a mask asks for exactly that route, an address for the one that is used for it. */
function get(self: Program, io: Io, words: readonly string[], family: Family): void {
  const request = parse(self, io, words, family);
  const { value, zone } = request.destination!;
  const { vnet } = io.who;
  const exact = { family: request.family, network: value, prefix: request.prefix ?? 0, host: false };
  const found =
    request.prefix === undefined || request.host
      ? vnet.routes.lookup(request.family, value, zone)
      : vnet.routes.get(exact)[0];
  // snl(3) leaves errno alone, and the status is 0.
  if (!found) {
    self.warnx("route has not been found: No error: 0");
    return;
  }
  const shown = (address: bigint): string => formatAddress(request.family, address);
  const lines = [
    `   route to: ${shown(value)}`,
    `destination: ${shown(found.network)}`,
    ...(found.host ? [] : [`       mask: ${shown(maskOf(found.family, found.prefix))}`]),
    ...(found.gateway === undefined ? [] : [`    gateway: ${found.gateway}`]),
    "        fib: 0",
    `  interface: ${found.netif.name}`,
    `      flags: <${flagNames
      .filter(([, has]) => has(found))
      .map(([name]) => name)
      .join(",")}>`,
    " recvpipe  sendpipe  ssthresh  rtt,msec    mtu        weight    expire",
    `       0         0         0         0  ${String(found.mtu ?? found.netif.mtu).padStart(8)}         1         0 `,
  ];
  self.print(`${lines.join("\n")}\n`);
}

/** Removes the routes that have a gateway. man page only */
function flush(self: Program, io: Io, words: readonly string[], quiet: boolean): void {
  if (io.who.uid !== 0) self.errx(exitNoPerm, "must be root to alter routing table");
  const only =
    words.includes("-inet6") || words.includes("-6") ? "inet6" : words.length > 0 ? "inet" : undefined;
  const gone = io.who.vnet.routes.deleteWhere(
    (each) => each.gateway !== undefined && (only === undefined || each.family === only),
  );
  if (quiet) return;
  for (const each of gone) {
    const to = each.prefix === 0 ? "default" : formatAddress(each.family, each.network);
    self.print(`${to.padEnd(20)} ${each.gateway!.padEnd(20)} -fib 0   done\n`);
  }
}
