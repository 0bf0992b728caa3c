/** Addresses of both families as numbers: text in, text out, prefixes. */

export type Family = "inet" | "inet6";

export const width = (family: Family): number => (family === "inet" ? 32 : 128);

export const maskOf = (family: Family, prefix: number): bigint =>
  ((1n << BigInt(prefix)) - 1n) << BigInt(width(family) - prefix);

export const networkOf = (family: Family, address: bigint, prefix: number): bigint =>
  address & maskOf(family, prefix);

/** The prefix length of a netmask; undefined when its ones are not contiguous. */
export function prefixOfMask(mask: bigint): number | undefined {
  const ones = mask.toString(2).padStart(32, "0");
  return /^1*0*$/.test(ones) ? ones.lastIndexOf("1") + 1 : undefined;
}

/** inet_aton(3) and inet_pton(3). Undefined when `text` is no address of that family. */
export function parseAddress(family: Family, text: string): bigint | undefined {
  return family === "inet" ? parseInet(text) : parseInet6(text);
}

export const formatAddress = (family: Family, address: bigint): string =>
  family === "inet" ? formatInet(address) : formatInet6(address);

export const familyOf = (text: string): Family => (text.includes(":") ? "inet6" : "inet");

/** fe80::/10, which means something only together with an interface. */
export const isLinkLocal = (address: bigint): boolean => address >> 118n === 0x3fan;

export const isMulticast = (family: Family, address: bigint): boolean =>
  family === "inet" ? address >> 28n === 0xen : address >> 120n === 0xffn;

function parseInet(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length > 4) return undefined;
  let address = 0;
  for (const [at, part] of parts.entries()) {
    if (!/^(0x[0-9a-f]+|\d+)$/i.test(part)) return undefined;
    const value = /^0\d/.test(part) ? Number.parseInt(part, 8) : Number(part);
    const last = at === parts.length - 1;
    // inet_aton(3): the last part fills all the bytes that are left.
    const bytes = last ? 5 - parts.length : 1;
    if (Number.isNaN(value) || value >= 256 ** bytes) return undefined;
    address = address * 256 ** bytes + value;
  }
  return BigInt(address);
}

function formatInet(address: bigint): string {
  const value = Number(address);
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}

function parseInet6(text: string): bigint | undefined {
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (tail) {
    const low = parseInet(tail[2]!);
    if (low === undefined) return undefined;
    const hex = low.toString(16).padStart(8, "0");
    return parseInet6(`${tail[1]}${hex.slice(0, 4)}:${hex.slice(4)}`);
  }
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, rest] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const words = [...head!, ...(rest ?? [])];
  if (words.some((word) => !/^[0-9a-f]{1,4}$/i.test(word))) return undefined;
  const missing = 8 - words.length;
  if (rest ? missing < 1 : missing !== 0) return undefined;
  const all = rest ? [...head!, ...Array<string>(missing).fill("0"), ...rest] : words;
  return all.reduce((address, word) => (address << 16n) | BigInt(`0x${word}`), 0n);
}

/** inet_ntop(3): the longest run of zeros becomes `::`, addresses that hold an IPv4 one end in it. */
function formatInet6(address: bigint): string {
  const words = Array.from({ length: 8 }, (_, at) => Number((address >> BigInt(112 - 16 * at)) & 0xffffn));
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (at + length < 8 && words[at + length] === 0) length++;
    if (length > best.length) best = { at, length };
    at += length;
  }
  const { at, length } = best;
  const mapped = at === 0 && (length === 6 || (length === 5 && words[5] === 0xffff));
  if (mapped || (at === 0 && length === 7 && words[7] !== 1))
    return `::${length === 5 ? "ffff:" : ""}${formatInet(address & 0xffffffffn)}`;
  const hex = words.map((word) => word.toString(16));
  if (at < 0) return hex.join(":");
  return `${hex.slice(0, at).join(":")}::${hex.slice(at + length).join(":")}`;
}
