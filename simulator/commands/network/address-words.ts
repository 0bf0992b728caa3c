import { Errno } from "../../command";
import { addInet, removeInet } from "../../kernel/addresses";
import { familyOf, parseAddress, prefixOfMask } from "../../kernel/inet";
import { type Context, ioctl, netifOf, type Run, said } from "./context";

export const setMask: Run = (on, text) => {
  const value = parseAddress("inet", text!);
  const prefix = value === undefined ? undefined : prefixOfMask(value);
  if (prefix === undefined) on.self.errx(1, `${text}: bad value`);
  on.prefix = prefix;
};

export const setBroadcast: Run = (on, text) => {
  const value = parseAddress("inet", text!);
  if (value === undefined) on.self.errx(1, `${text}: bad value`);
  on.broadcast = value;
};

export const setPrefixLength: Run = (on, text) => {
  on.prefix = prefixLength6(on, text!);
};

function prefixLength6(on: Context, text: string): number {
  if (!/^\d+$/.test(text) || Number(text) > 128) on.self.errx(1, `${text}: bad value`);
  return Number(text);
}

/** A word that is none: setifaddr(), and for a second one setifdstaddr(). */
export function takeAddress(on: Context, text: string): void {
  if (on.family === "inet6") takeInet6(on, text);
  else if (on.family === "inet") takeInet(on, text);
  else on.link = text;
}

function takeInet(on: Context, text: string): void {
  if (on.address) {
    setBroadcast(on, text);
    return;
  }
  const slash = text.lastIndexOf("/");
  if (slash >= 0) on.prefix = inetWidth(on, text, text.slice(slash + 1));
  keepAddress(on, slash < 0 ? text : text.slice(0, slash));
}

/** strtonum(3)'s words for a prefix length that is none. */
function inetWidth(on: Context, text: string, digits: string): number {
  const reason = !/^[-+]?\d+$/.test(digits)
    ? "invalid"
    : Number(digits) < 0
      ? "too small"
      : Number(digits) > 32
        ? "too large"
        : undefined;
  if (reason) on.self.errx(1, `${text}: bad value (width ${reason})`);
  return Number(digits);
}

function takeInet6(on: Context, text: string): void {
  const slash = text.lastIndexOf("/");
  if (slash >= 0) on.prefix = prefixLength6(on, text.slice(slash + 1));
  keepAddress(on, slash < 0 ? text : text.slice(0, slash));
}

function keepAddress(on: Context, text: string): void {
  const bare = text.replace(/%.*$/, "");
  const family = on.family === "inet6" ? "inet6" : "inet";
  const value = familyOf(bare) === family ? parseAddress(family, bare) : undefined;
  if (value === undefined) on.self.errx(1, `${text}: bad value`);
  if (on.alias < 0) on.removed = value;
  else if (on.alias === 0) on.clears = true;
  on.address = { text, value };
}

/** What ifconfig(8) does after the last word: the address it has collected, set or removed. */
export function finish(on: Context): void {
  if (on.family !== "inet" && on.family !== "inet6") {
    if (on.link !== undefined) setLink(on, on.link);
    return;
  }
  const { family } = on;
  const netif = on.vnet.find(on.name);
  const broadcasts = netif !== undefined && netif.kind !== "loop";
  if (family === "inet" && on.address && on.prefix === undefined && on.adds && broadcasts)
    on.self.warnx(
      "WARNING: setting interface address without mask is deprecated,\ndefault mask may not be correct.",
    );
  if (on.clears) clearAddress(on, family);
  if (!on.adds || !on.address) return;
  const { value } = on.address;
  const prefix = on.prefix ?? (family === "inet6" ? 64 : classPrefix(value));
  const broadcast = on.broadcast === undefined ? {} : { broadcast: on.broadcast };
  ioctl(
    on,
    () => addInet(on.io.kernel.network, netifOf(on), { family, value, prefix, ...broadcast }),
    said("ioctl (SIOCAIFADDR)"),
  );
}

function clearAddress(on: Context, family: "inet" | "inet6"): void {
  const failed = said("ioctl (SIOCDIFADDR)");
  if (!on.allowed) on.self.errx(1, failed("Operation not permitted"));
  try {
    removeInet(netifOf(on), family, on.removed);
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    // No address to replace is no error; none to remove is one.
    if (error.code !== "EADDRNOTAVAIL" || on.alias < 0) on.self.errx(1, failed(error.message));
  }
}

function setLink(on: Context, text: string): void {
  const netif = netifOf(on);
  if (!on.allowed) on.self.errx(1, "ioctl (SIOCAIFADDR): permission denied");
  const { network } = on.io.kernel;
  const bytes = text.split(/[:.-]/).map((byte) => byte.toLowerCase().padStart(2, "0"));
  const ether = text === "random" ? network.randomEther() : bytes.join(":");
  ioctl(on, () => network.setEther(netif, ether), said("ioctl (SIOCAIFADDR)"));
}

/** The mask of the class that an address had before 1993. */
function classPrefix(value: bigint): number {
  const first = Number(value >> 24n);
  return first < 128 ? 8 : first < 192 ? 16 : 24;
}
