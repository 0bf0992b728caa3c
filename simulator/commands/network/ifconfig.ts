import { Errno, type Io } from "../../command";
import type { Interface } from "../../kernel/netif";
import { maxNameLength, type Vnet } from "../../kernel/network";
import { finish, takeAddress } from "./address-words";
import type { Context } from "./context";
import { enter, mayConfigure, type Program, program } from "./program";
import { type AddressFamily, type Format, isAddressFamily, status } from "./status";
import { cloneWords } from "./vlan-words";
import { words } from "./words";

const usage = `\
usage: ifconfig [-j jail] [-f type:format] [-L] interface address_family
                [address [dest_address]] [parameters]
       ifconfig [-j jail] interface create
       ifconfig [-j jail] -a [-L] [-d] [-m] [-u] [-v] [address_family]
       ifconfig [-j jail] -l [-d] [-u] [address_family]
       ifconfig [-j jail] [-L] [-d] [-m] [-u] [-v]
`;

interface Options {
  all: boolean;
  namesOnly: boolean;
  upOnly: boolean;
  downOnly: boolean;
  loads: boolean;
  group: string | undefined;
  notGroup: string | undefined;
  format: Format;
  io: Io;
  rest: readonly string[];
}

/** ifconfig(8) */
export const ifconfig = program("ifconfig", (self, args, io) => {
  io.kernel.jails.settle();
  const given = parseOptions(self, args, io);
  const { vnet } = given.io.who;
  if (given.all || given.namesOnly) return list(self, given, vnet);
  const [name = "", ...rest] = given.rest;
  if (given.loads) autoload(given.io, vnet, name);
  const creates = rest[0] === "create" || rest[0] === "plumb";
  const exists = vnet.find(name) !== undefined;
  if (!exists && !creates && rest[0] !== "-vnet") self.errx(1, `interface ${name} does not exist`);
  if (!exists && name.length > maxNameLength)
    self.errx(1, `${name}: ${creates ? "cloning" : "interface"} name too long`);
  if (exists && creates) {
    if (rest.length === 1) self.errx(1, `interface ${name} already exists`);
    rest.shift();
  }
  const family = !creates || exists ? rest[0] : undefined;
  if (isAddressFamily(family)) rest.shift();
  const only = isAddressFamily(family) ? family : undefined;
  const netif = vnet.find(name);
  if (rest.length === 0 && netif) return self.print(status(given.io, netif, only, given.format));
  configure(self, given.io, name, rest, only, creates && !exists);
});

function parseOptions(self: Program, args: readonly string[], io: Io): Options {
  const given: Options = {
    all: false,
    namesOnly: false,
    upOnly: false,
    downOnly: false,
    loads: true,
    group: undefined,
    notGroup: undefined,
    format: { inet: "hex", inet6: "", ether: "", lifetimes: false },
    io,
    rest: [],
  };
  const environment = io.env.get("IFCONFIG_FORMAT");
  if (environment !== undefined) setFormat(self, given.format, environment);
  const { list: letters, rest } = self.options(args, "G:aCdDf:g:j:klLmnuv", usage);
  let media = false;
  for (const [letter, value = ""] of letters) {
    if (letter === "a") given.all = true;
    else if (letter === "l") given.namesOnly = true;
    else if (letter === "d") given.downOnly = true;
    else if (letter === "u") given.upOnly = true;
    else if (letter === "n") given.loads = false;
    else if (letter === "m") media = true;
    else if (letter === "L") given.format.lifetimes = true;
    else if (letter === "f") setFormat(self, given.format, value);
    else if (letter === "C") listCloners(self, given.io);
    else if (letter === "g" && given.all) given.group = value;
    else if (letter === "g") printGroup(self, given.io.who.vnet, value);
    else if (letter === "G" && !given.all) self.usage(usage);
    else if (letter === "G") given.notGroup = value;
    else if (letter === "j") given.io = attach(self, given.io, value);
  }
  if (given.namesOnly && (given.all || media)) self.usage(usage);
  if (given.upOnly && given.downOnly) self.usage(usage);
  given.rest = rest;
  if (!given.namesOnly && rest.length === 0) given.all = true;
  if (!given.all && !given.namesOnly) return given;
  if (rest.length > 1) self.usage(usage);
  if (rest.length === 1 && !isAddressFamily(rest[0])) {
    self.warnx(`Address family '${rest[0]}' unknown.`);
    self.usage(usage);
  }
  return given;
}

/** `-j`: jail_getid(3) and jail_attach(2). Perror() tells only the errno. */
const attach = (self: Program, io: Io, key: string): Io =>
  enter(io, key) ??
  self.errx(
    1,
    /^\d+$/.test(key)
      ? "cannot attach to jail: Invalid argument"
      : "jail not found: No such file or directory",
  );

/** `-f inet:cidr,inet6:cidr` */
function setFormat(self: Program, format: Format, text: string): void {
  for (const item of text.split(",")) {
    const [category = "", modifier] = item.split(":");
    if (modifier === undefined) {
      if (category === "cidr") Object.assign(format, { inet: "cidr", inet6: "cidr" });
      else if (category === "default") Object.assign(format, { inet: "hex", inet6: "", ether: "" });
      else self.warnx(`Skipping invalid format: ${category}\n`);
    } else if (category === "inet" || category === "inet6" || category === "ether")
      format[category] = modifier;
  }
}

/** `-g GROUP`: a group that does not exist has no members. */
function printGroup(self: Program, vnet: Vnet, group: string): never {
  for (const netif of vnet.groups.get(group) ?? []) self.print(`${netif.name}\n`);
  return self.exit(0);
}

/** man page only */
function listCloners(self: Program, io: Io): never {
  self.print(`${io.kernel.network.cloners().join(" ")}\n`);
  return self.exit(0);
}

function list(self: Program, given: Options, vnet: Vnet): void {
  const family = given.rest[0] as AddressFamily | undefined;
  const chosen = vnet.interfaces.filter((netif) => {
    if (given.upOnly && !netif.up) return false;
    if (given.downOnly && netif.up) return false;
    if (given.notGroup !== undefined && isIn(netif, given.notGroup)) return false;
    return given.group === undefined || isIn(netif, given.group);
  });
  if (!given.namesOnly) {
    for (const netif of chosen) self.print(status(given.io, netif, family, given.format));
    return;
  }
  const names = chosen.filter((netif) => hasFamily(netif, family)).map((netif) => netif.name);
  self.print(`${names.join(" ")}\n`);
}

const isIn = (netif: Interface, group: string): boolean => group === "all" || netif.groups.includes(group);

function hasFamily(netif: Interface, family: AddressFamily | undefined): boolean {
  if (family === undefined || family === "link" || family === "lladdr") return true;
  if (family === "ether") return netif.kind !== "loop";
  return netif.addresses.some((inet) => inet.family === family);
}

/** ifmaybeload(): tries `if_NAME` before anything else is done, and does not mind when there is none. */
function autoload(io: Io, vnet: Vnet, name: string): void {
  if (vnet.find(name) || io.who.uid !== 0 || io.who.jail) return;
  const base = name.replace(/(?<=.)\d+$/, "");
  const module = base === "tap" || base === "tun" || base === "vmnet" ? "if_tuntap" : `if_${base}`;
  try {
    if (!io.kernel.modules.has(module)) io.kernel.modules.load(module);
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
  }
}

/** Words applied from left to right; `creates` until the first one that does not go with `create`. */
function configure(
  self: Program,
  io: Io,
  name: string,
  args: readonly string[],
  family: AddressFamily | undefined,
  creates: boolean,
): void {
  const on: Context = {
    self,
    io,
    vnet: io.who.vnet,
    allowed: mayConfigure(io),
    name,
    family: family ?? "inet",
    printed: undefined,
    address: undefined,
    removed: undefined,
    link: undefined,
    prefix: undefined,
    broadcast: undefined,
    alias: 0,
    clears: false,
    adds: true,
    vlan: {},
  };
  self.onExit(() => {
    if (on.printed !== undefined) self.print(`${on.printed}\n`);
  });
  const left = [...args];
  let pending = creates;
  while (left.length > 0) {
    if (pending && !cloneWords.has(left[0]!)) {
      create(on);
      pending = false;
      if (isAddressFamily(left[0])) on.family = left.shift() as AddressFamily;
      continue;
    }
    const given = left.shift()!;
    const word = (pending ? cloneWords : words).get(given);
    if (!word) {
      takeAddress(on, given);
      continue;
    }
    const [count, run] = word;
    if (left.length < count)
      self.errx(1, count === 1 ? `'${given}' requires argument` : `'${given}' requires 2 arguments`);
    run(on, ...left.splice(0, count));
  }
  if (pending) create(on);
  finish(on);
}

function create(on: Context): void {
  const { self, io, vnet, name } = on;
  const { tag, parent } = on.vlan;
  if (tag !== undefined && parent === undefined) self.errx(1, "must specify a parent device for vlan create");
  if (parent !== undefined && tag === undefined) self.errx(1, "must specify a tag for vlan create");
  if (!on.allowed) self.errx(1, `SIOCIFCREATE2 (${name}): Operation not permitted`);
  const request = tag === undefined || parent === undefined ? undefined : { tag, parent };
  const netif = self.attempt(
    () => io.kernel.network.create(vnet, name, request),
    (error) =>
      error.code === "EEXIST"
        ? `interface ${name} already exists`
        : `SIOCIFCREATE2 (${name}): ${error.message}`,
  );
  if (netif.name === name) return;
  on.name = netif.name;
  on.printed = netif.name;
}
