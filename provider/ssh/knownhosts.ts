import { createHmac } from "node:crypto";
import { matchesPatternList } from "./patterns";

/** A line of a known_hosts file. See sshd(8), SSH_KNOWN_HOSTS FILE FORMAT. */
export interface KnownHost {
  readonly marker: "@cert-authority" | "@revoked" | undefined;
  /** Comma-separated patterns, or one hashed name. */
  readonly hosts: string;
  readonly type: string;
  readonly blob: Buffer;
  readonly file: string;
  readonly line: number;
}

/** The key type a public key blob names in its first string (RFC 4253, 6.6); undefined if it is not one. */
export function blobType(blob: Buffer): string | undefined {
  if (blob.length < 4) return undefined;
  const length = blob.readUInt32BE(0);
  return length > 0 && length <= blob.length - 4 ? blob.toString("latin1", 4, 4 + length) : undefined;
}

/** Lines that OpenSSH would ignore (comments, unknown markers, damaged keys) are left out. */
export function parseKnownHosts(text: string, file: string): KnownHost[] {
  return text.split("\n").flatMap((line, index) => parseLine(line.trim(), file, index + 1) ?? []);
}

function parseLine(text: string, file: string, line: number): KnownHost | undefined {
  if (text === "" || text.startsWith("#")) return undefined;
  const fields = text.split(/[ \t]+/);
  const marker = fields[0]?.startsWith("@") ? fields.shift() : undefined;
  if (marker !== undefined && marker !== "@cert-authority" && marker !== "@revoked") return undefined;
  const [hosts, type, key] = fields;
  if (hosts === undefined || type === undefined || key === undefined) return undefined;
  const blob = Buffer.from(key, "base64");
  return blobType(blob) === type ? { marker, hosts, type, blob, file, line } : undefined;
}

/** The name a host has in known_hosts: its address, with a port other than 22 as `[address]:port`. */
export function knownHostsName(address: string, port: number): string {
  const name = address.toLowerCase();
  return port === 22 ? name : `[${name}]:${port}`;
}

/** Whether a line's hosts field speaks of `name` (as {@link knownHostsName} gives it). */
export function matchesHosts(hosts: string, name: string): boolean {
  return hosts.startsWith("|")
    ? matchesHash(hosts, name)
    : matchesPatternList(hosts.toLowerCase().split(","), name);
}

function matchesHash(hosts: string, name: string): boolean {
  const [, version, salt, hash] = hosts.split("|");
  if (version !== "1" || salt === undefined || hash === undefined) return false;
  return createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest("base64") === hash;
}
