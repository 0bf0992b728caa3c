import type { DatasetType } from "./names";

export interface Property {
  readonly name: string;
  readonly kind: "index" | "number" | "string";
  /** inherit: from the parent; default: only its own; onetime: at creation only. */
  readonly edit: "inherit" | "default" | "onetime" | "readonly";
  readonly initial: string;
  readonly types: readonly DatasetType[];
  /** As usage texts and errors list them. */
  readonly values: string;
  readonly column: string;
  /** Not in the usage texts: how wide its values may get. */
  readonly width?: number;
  /** A number that is not a size. */
  readonly plain?: boolean;
}

const FS: readonly DatasetType[] = ["filesystem"];
const FS_VOL: readonly DatasetType[] = ["filesystem", "volume"];
const FS_SNAP: readonly DatasetType[] = ["filesystem", "snapshot"];
const SNAP: readonly DatasetType[] = ["snapshot"];
const ALL: readonly DatasetType[] = ["filesystem", "volume", "snapshot"];

type Extra = Pick<Property, "width" | "plain">;

const index =
  (edit: Property["edit"]) =>
  (
    name: string,
    column: string,
    types: Property["types"],
    initial: string,
    values: string,
    extra: Extra = {},
  ) =>
    ({ name, kind: "index", edit, initial, types, values, column, ...extra }) satisfies Property;
const number =
  (edit: Property["edit"]) =>
  (
    name: string,
    column: string,
    types: Property["types"],
    values: string,
    initial = "0",
    extra: Extra = {},
  ) =>
    ({ name, kind: "number", edit, initial, types, values, column, ...extra }) satisfies Property;
const string =
  (edit: Property["edit"]) =>
  (name: string, column: string, types: Property["types"], initial: string, values: string) =>
    ({ name, kind: "string", edit, initial, types, values, column }) satisfies Property;

const inherited = index("inherit");
const counter = number("readonly");
const size = number("default");
const onOff = "on | off";
const PLAIN = { plain: true };

/** UINT64_MAX: "no limit". */
export const UNLIMITED = "18446744073709551615";

/** In the order of `zfs get all`. */
export const properties: readonly Property[] = [
  string("readonly")("type", "TYPE", ALL, "", "filesystem | volume | snapshot | bookmark"),
  counter("creation", "CREATION", ALL, "<date>", "0", PLAIN),
  counter("used", "USED", ALL, "<size>"),
  counter("available", "AVAIL", FS_VOL, "<size>"),
  counter("referenced", "REFER", ALL, "<size>"),
  counter("compressratio", "RATIO", ALL, "<1.00x or higher if compressed>", "100", PLAIN),
  index("readonly")("mounted", "MOUNTED", FS, "no", "yes | no"),
  string("readonly")("origin", "ORIGIN", FS_VOL, "", "<snapshot>"),
  string("readonly")("clones", "CLONES", SNAP, "", "<dataset>[,...]"),
  size("quota", "QUOTA", FS, "<size> | none"),
  size("reservation", "RESERV", FS_VOL, "<size> | none"),
  size("volsize", "VOLSIZE", ["volume", "snapshot"], "<size>"),
  number("onetime")("volblocksize", "VOLBLOCK", ["volume"], "512 to 128k, power of 2", "16384"),
  number("inherit")("recordsize", "RECSIZE", FS, "512 to 1M, power of 2", "131072"),
  string("inherit")("mountpoint", "MOUNTPOINT", FS, "/", "<path> | legacy | none"),
  string("inherit")("sharenfs", "SHARENFS", FS, "off", "on | off | NFS share options"),
  inherited(
    "checksum",
    "CHECKSUM",
    FS_VOL,
    "on",
    "on | off | fletcher2 | fletcher4 | sha256 | sha512 | skein | edonr | blake3",
  ),
  inherited(
    "compression",
    "COMPRESS",
    FS_VOL,
    "on",
    "on | off | lzjb | gzip | gzip-[1-9] | zle | lz4 | zstd | zstd-[1-19] | " +
      "zstd-fast | zstd-fast-[1-10,20,30,40,50,60,70,80,90,100,500,1000]",
    { width: 14 },
  ),
  inherited("atime", "ATIME", FS, "on", onOff),
  inherited("devices", "DEVICES", FS_SNAP, "on", onOff),
  inherited("exec", "EXEC", FS_SNAP, "on", onOff),
  inherited("setuid", "SETUID", FS_SNAP, "on", onOff),
  inherited("readonly", "RDONLY", FS_VOL, "off", onOff),
  inherited("jailed", "JAILED", FS, "off", onOff),
  inherited("snapdir", "SNAPDIR", FS, "hidden", "disabled | hidden | visible"),
  inherited("aclmode", "ACLMODE", FS, "discard", "discard | groupmask | passthrough | restricted"),
  inherited(
    "aclinherit",
    "ACLINHERIT",
    FS,
    "restricted",
    "discard | noallow | restricted | passthrough | passthrough-x",
  ),
  counter("createtxg", "CREATETXG", ALL, "<uint64>", "0", PLAIN),
  index("default")("canmount", "CANMOUNT", FS, "on", "on | off | noauto"),
  inherited("xattr", "XATTR", FS_SNAP, "on", "on | off | dir | sa"),
  inherited("copies", "COPIES", FS_VOL, "1", "1 | 2 | 3"),
  index("readonly")("version", "VERSION", FS_SNAP, "5", "1 | 2 | 3 | 4 | 5 | current"),
  index("onetime")("utf8only", "UTF8ONLY", FS_SNAP, "off", onOff),
  index("onetime")(
    "normalization",
    "NORMALIZATION",
    FS_SNAP,
    "none",
    "none | formC | formD | formKC | formKD",
  ),
  index("onetime")("casesensitivity", "CASE", FS_SNAP, "sensitive", "sensitive | insensitive | mixed"),
  inherited("vscan", "VSCAN", FS, "off", onOff),
  inherited("nbmand", "NBMAND", FS_SNAP, "off", onOff),
  string("inherit")("sharesmb", "SHARESMB", FS, "off", "on | off | SMB share options"),
  size("refquota", "REFQUOTA", FS, "<size> | none"),
  size("refreservation", "REFRESERV", FS_VOL, "<size> | none"),
  counter("guid", "GUID", ALL, "<uint64>", "0", PLAIN),
  inherited("primarycache", "PRIMARYCACHE", ALL, "all", "all | none | metadata"),
  inherited("secondarycache", "SECONDARYCACHE", ALL, "all", "all | none | metadata"),
  counter("usedbysnapshots", "USEDSNAP", FS_VOL, "<size>"),
  counter("usedbydataset", "USEDDS", FS_VOL, "<size>"),
  counter("usedbychildren", "USEDCHILD", FS_VOL, "<size>"),
  counter("usedbyrefreservation", "USEDREFRESERV", FS_VOL, "<size>"),
  inherited("logbias", "LOGBIAS", FS_VOL, "latency", "latency | throughput"),
  counter("objsetid", "OBJSETID", ALL, "<uint64>", "0", PLAIN),
  inherited(
    "dedup",
    "DEDUP",
    FS_VOL,
    "off",
    "on | off | verify | sha256[,verify] | sha512[,verify] | skein[,verify] | edonr,verify | blake3[,verify]",
    { width: 13 },
  ),
  inherited("sync", "SYNC", FS_VOL, "standard", "standard | always | disabled"),
  inherited("dnodesize", "DNSIZE", FS, "legacy", "legacy | auto | 1k | 2k | 4k | 8k | 16k"),
  counter("refcompressratio", "REFRATIO", ALL, "<1.00x or higher if compressed>", "100", PLAIN),
  counter("written", "WRITTEN", ALL, "<size>"),
  counter("userrefs", "USERREFS", SNAP, "<count>", "0", PLAIN),
  index("readonly")("defer_destroy", "DEFER_DESTROY", SNAP, "off", "yes | no"),
  counter("logicalused", "LUSED", FS_VOL, "<size>"),
  counter("logicalreferenced", "LREFER", ALL, "<size>"),
  inherited("volmode", "VOLMODE", FS_VOL, "default", "default | full | geom | dev | none"),
  size("filesystem_limit", "FSLIMIT", FS, "<count> | none", UNLIMITED, PLAIN),
  size("snapshot_limit", "SSLIMIT", FS_VOL, "<count> | none", UNLIMITED, PLAIN),
  counter("filesystem_count", "FSCOUNT", FS, "<count>", UNLIMITED, PLAIN),
  counter("snapshot_count", "SSCOUNT", FS_VOL, "<count>", UNLIMITED, PLAIN),
  inherited("snapdev", "SNAPDEV", FS_VOL, "hidden", "hidden | visible"),
  inherited("acltype", "ACLTYPE", FS_SNAP, "nfsv4", "off | nfsv4 | posix"),
  inherited("relatime", "RELATIME", FS, "off", onOff),
  inherited("redundant_metadata", "REDUND_MD", FS_VOL, "all", "all | most | some | none"),
  inherited("overlay", "OVERLAY", FS, "on", onOff),
  index("onetime")(
    "encryption",
    "ENCRYPTION",
    ALL,
    "off",
    "on | off | aes-128-ccm | aes-192-ccm | aes-256-ccm | aes-128-gcm | aes-192-gcm | aes-256-gcm",
  ),
  string("default")(
    "keylocation",
    "KEYLOCATION",
    FS_VOL,
    "none",
    "prompt | <file URI> | <https URL> | <http URL>",
  ),
  index("onetime")("keyformat", "KEYFORMAT", FS_VOL, "none", "none | raw | hex | passphrase"),
  number("onetime")("pbkdf2iters", "PBKDF2ITERS", FS_VOL, "<iters>", "0", PLAIN),
  number("inherit")("special_small_blocks", "SPECIAL_SMALL_BLOCKS", FS, "zero or 512 to 1M, power of 2", "0"),
  inherited("prefetch", "PREFETCH", ALL, "all", "none | metadata | all"),
];

const hidden: readonly Property[] = [string("readonly")("name", "NAME", ALL, "", "")];

const byName = new Map<string, Property>();
for (const property of [...hidden, ...properties]) {
  byName.set(property.name, property);
  // The heading of its column is a name too: `avail`, `refer`, `compress`.
  if (!byName.has(property.column.toLowerCase())) byName.set(property.column.toLowerCase(), property);
}

export const propertyNamed = (name: string): Property | undefined => byName.get(name);

/** `module:property`, anybody's. */
export const isUserProperty = (name: string): boolean => /^[a-z0-9:+._-]*:[a-z0-9:+._-]*$/.test(name);

/** Columns a listing reserves for it. */
export function columnWidth(property: Property): number {
  const header = property.column.length;
  if (property.width !== undefined) return Math.max(header, property.width);
  if (property.kind === "number") return Math.max(header, 5);
  if (property.kind === "string") return header;
  return Math.max(header, ...property.values.split(" | ").map((v) => v.length));
}

/** A value as the user gives it, as the pool keeps it; a string in `problem` says why not. */
export function parseValue(property: Property, value: string): { value: string } | { problem: string } {
  switch (property.kind) {
    case "index":
      return allowed(property, value)
        ? { value }
        : { problem: `'${property.name}' must be one of '${property.values}'` };
    case "string":
      if (property.name === "mountpoint" && value !== "none" && value !== "legacy" && !value.startsWith("/"))
        return { problem: "'mountpoint' must be an absolute path, 'none', or 'legacy'" };
      return { value };
    case "number":
      return parseNumber(property, value);
  }
}

function allowed(property: Property, value: string): boolean {
  if (property.name === "compression")
    return /^(on|off|lzjb|zle|lz4|gzip(-[1-9])?|zstd(-([1-9]|1\d))?|zstd-fast(-([1-9]|[1-9]0|100|500|1000))?)$/.test(
      value,
    );
  if (property.name === "dedup")
    return /^(on|off|verify|(sha256|sha512|skein|blake3)(,verify)?|edonr,verify)$/.test(value);
  return property.values.split(" | ").includes(value);
}

function parseNumber(property: Property, value: string): { value: string } | { problem: string } {
  const { name } = property;
  if (value === "none") return { value: name.endsWith("_limit") ? UNLIMITED : "0" };
  if (value === "auto")
    return {
      problem:
        name === "refreservation"
          ? "'refreservation=auto' only allowed on volumes"
          : `'auto' is invalid value for '${name}'`,
    };
  const bytes = parseSize(value);
  if (typeof bytes === "string") return { problem: bytes };
  if (bytes === 0 && (name === "quota" || name === "refquota"))
    return { problem: "use 'none' to disable quota/refquota" };
  if (name === "recordsize" && (bytes < 512 || bytes > 1 << 20 || (bytes & (bytes - 1)) !== 0))
    return { problem: "'recordsize' must be power of 2 from 512B to 1M" };
  return { value: String(bytes) };
}

const SUFFIXES = "BKMGTPEZ";

/** `1.5G` in bytes, or what is wrong with it. */
export function parseSize(value: string): number | string {
  const parts = /^(\d*\.?\d*)(.*)$/s.exec(value);
  const digits = parts?.[1] ?? "";
  const suffix = parts?.[2] ?? "";
  if (!/^[\d.]/.test(value)) return `bad numeric value '${value}'`;
  const power = suffix === "" ? 0 : SUFFIXES.indexOf(suffix.charAt(0).toUpperCase());
  if (power < 0 || !/^([a-z]|[ac-z]i?b)?$/i.test(suffix)) return `invalid numeric suffix '${suffix}'`;
  const bytes = Math.floor(Number(digits) * 1024 ** power);
  return bytes >= 2 ** 64 ? "numeric value is too large" : bytes;
}

/** Bytes as ZFS tools print them: at most five characters. */
export function nice(bytes: number, unit = "B"): string {
  if (bytes < 1024) return `${bytes}${unit}`;
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), 6);
  const scaled = bytes / 1024 ** power;
  const suffix = "BKMGTPE".charAt(power);
  if (Number.isInteger(scaled)) return `${scaled}${suffix}`;
  for (const decimals of [2, 1]) {
    const text = `${scaled.toFixed(decimals)}${suffix}`;
    if (text.length <= 5) return text;
  }
  return `${scaled.toFixed(0)}${suffix}`;
}
