import { createPublicKey, generateKeyPairSync, randomBytes, verify } from "node:crypto";
import type { Duplex } from "node:stream";
import { utils } from "ssh2";
import { blobType } from "./knownhosts";

/*
 * Host certificates (PROTOCOL.certkeys of OpenSSH). ssh2 cannot be asked to negotiate them. But a certificate is public,
 * and what it says is signed: it is asked for as `ssh-keyscan -c` does, and the host's own key, which is in it, is the
 * one that the connection then has to show, and prove to have.
 */

const suffix = "-cert-v01@openssh.com";

/** How many fields the public key has, by its type. */
const keyFields: Readonly<Record<string, number>> = {
  "ssh-ed25519": 1,
  "ecdsa-sha2-nistp256": 2,
  "ecdsa-sha2-nistp384": 2,
  "ecdsa-sha2-nistp521": 2,
  "ssh-rsa": 2,
};

/** The key that a certificate speaks of, or why it does not count. */
export function certifiedKey(
  certificate: Buffer,
  host: string,
  isAuthority: (key: Buffer) => boolean,
): Buffer | string {
  const read = new Reader(certificate);
  try {
    const type = read.text();
    const plain = type.endsWith(suffix) ? type.slice(0, -suffix.length) : "";
    const count = keyFields[plain];
    if (count === undefined) return `it has a certificate of an unknown type, ${type.slice(0, 60)}`;
    read.string();
    const key = Buffer.concat([string(plain), ...Array.from({ length: count }, () => string(read.string()))]);
    read.uint64();
    const isForHosts = read.uint32() === 2;
    read.string();
    const principals = new Reader(read.string()).all();
    const [after, before] = [read.uint64(), read.uint64()];
    const critical = read.string();
    read.string();
    read.string();
    const authority = read.string();
    const signed = certificate.subarray(0, read.at);
    if (!isAuthority(authority)) return "its certificate is signed by another authority";
    if (!isSignedBy(authority, signed, read.string())) return "the signature of its certificate is wrong";
    if (!isForHosts) return "its certificate is one for users";
    if (!principals.includes(host)) {
      return `its certificate is for ${principals.length > 0 ? principals.join(", ") : "no host by name"}, not for ${host}`;
    }
    const now = BigInt(Math.floor(Date.now() / 1000));
    if (now < after) return `its certificate is not valid before ${date(after)}`;
    if (now >= before) return `its certificate was valid until ${date(before)}`;
    if (critical.length > 0) return "its certificate has critical options, none of which is known here";
    return key;
  } catch (error) {
    if (error instanceof Damaged) return "its certificate is damaged";
    throw error;
  }
}

const date = (seconds: bigint) => new Date(Number(seconds) * 1000).toISOString();

/** Signatures with SHA-1 do not count. */
function isSignedBy(authority: Buffer, data: Buffer, signature: Buffer): boolean {
  const parsed = utils.parseKey(authority);
  if (parsed instanceof Error) return false;
  const key = createPublicKey(parsed.getPublicPEM());
  const read = new Reader(signature);
  const algorithm = read.text();
  const value = read.string();
  const type = blobType(authority);
  const [, rsaBits] = type === "ssh-rsa" ? (/^rsa-sha2-(256|512)$/.exec(algorithm) ?? []) : [];
  if (rsaBits !== undefined) return verify(`sha${rsaBits}`, data, key, value);
  if (algorithm !== type) return false;
  if (type === "ssh-ed25519") return verify(null, data, key, value);
  const [, curve] = /^ecdsa-sha2-nistp(256|384|521)$/.exec(type) ?? [];
  if (curve === undefined) return false;
  const numbers = new Reader(value);
  const width = Math.ceil(Number(curve) / 8);
  const fixed = [numbers.string(), numbers.string()].map((number) => {
    const digits = number.subarray(Math.max(0, number.length - width));
    return Buffer.concat([Buffer.alloc(width - digits.length), digits]);
  });
  const hash = { "256": "sha256", "384": "sha384", "521": "sha512" }[curve] as string;
  return verify(hash, data, { key, dsaEncoding: "ieee-p1363" }, Buffer.concat(fixed));
}

const mostBytes = 256 * 1024;
const mostPacket = 35_000;

/**
 * Asks for the host's certificate: the first messages of a connection, up to the one in which the host shows it, in
 * clear. Nothing of it is believed here. Ends `stream`.
 * @throws Error in words that follow "it"
 */
export function askForCertificate(stream: Duplex, timeoutMs: number): Promise<Buffer> {
  let timer: NodeJS.Timeout | undefined;
  return new Promise<Buffer>((resolve, reject) => {
    const fail = (what: string) => reject(new Error(what));
    timer = setTimeout(fail, timeoutMs, "did not show a certificate in time");
    let input = Buffer.alloc(0);
    let isIdentified = false;
    stream.on("error", (error: Error) => fail(error.message));
    stream.on("close", () => fail("has no certificate of a type that is accepted"));
    stream.on("data", (chunk: Buffer) => {
      input = Buffer.concat([input, chunk]);
      if (input.length > mostBytes) return fail("said something else than SSH");
      if (!isIdentified) {
        const [found] = /(?:^|\n)SSH-[^\n]*\n/.exec(input.toString("latin1")) ?? [];
        if (found === undefined) return;
        input = input.subarray(input.indexOf(found, 0, "latin1") + found.length);
        isIdentified = true;
      }
      while (input.length >= 5) {
        const length = input.readUInt32BE(0);
        if (length < 2 || length > mostPacket) return fail("said something else than SSH");
        if (input.length < 4 + length) return;
        const payload = input.subarray(5, 4 + length - input.readUInt8(4));
        input = input.subarray(4 + length);
        if (payload[0] !== KEX_ECDH_REPLY) continue;
        try {
          resolve(Buffer.from(new Reader(payload.subarray(1)).string()));
        } catch {
          fail("said something else than SSH");
        }
      }
    });
    stream.write(Buffer.concat([Buffer.from("SSH-2.0-pulumi_freebsd_vnet\r\n"), keyExchange()]));
  }).finally(() => {
    clearTimeout(timer);
    stream.destroy();
  });
}

const KEXINIT = 20;
const KEX_ECDH_INIT = 30;
const KEX_ECDH_REPLY = 31;

function keyExchange(): Buffer {
  const types = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"];
  const certificates = [...types, "rsa-sha2-512", "rsa-sha2-256"].map((type) => `${type}${suffix}`);
  const ciphers = "aes256-gcm@openssh.com,aes256-ctr,aes128-ctr";
  const macs = "hmac-sha2-256,hmac-sha2-512";
  const lists = [
    "curve25519-sha256,curve25519-sha256@libssh.org",
    certificates.join(","),
    ...[ciphers, ciphers, macs, macs, "none", "none", "", ""],
  ];
  const init = Buffer.concat([
    Buffer.from([KEXINIT]),
    randomBytes(16),
    ...lists.map(string),
    Buffer.alloc(5),
  ]);
  const { publicKey } = generateKeyPairSync("x25519");
  const point = publicKey.export({ type: "spki", format: "der" }).subarray(-32);
  return Buffer.concat([packet(init), packet(Buffer.concat([Buffer.from([KEX_ECDH_INIT]), string(point)]))]);
}

/** RFC 4253, 6, before there are keys. */
function packet(payload: Buffer): Buffer {
  const padding = 16 - ((payload.length + 5) % 8);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(payload.length + padding + 1);
  head.writeUInt8(padding, 4);
  return Buffer.concat([head, payload, randomBytes(padding)]);
}

function string(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes.length);
  return Buffer.concat([head, bytes]);
}

class Damaged extends Error {}

/** RFC 4251, 5. */
class Reader {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** @throws Damaged */
  #take(length: number): Buffer {
    const end = this.at + length;
    if (end > this.#bytes.length) throw new Damaged();
    const value = this.#bytes.subarray(this.at, end);
    this.at = end;
    return value;
  }

  uint32(): number {
    return this.#take(4).readUInt32BE();
  }

  uint64(): bigint {
    return this.#take(8).readBigUInt64BE();
  }

  string(): Buffer {
    return this.#take(this.uint32());
  }

  text(): string {
    return this.string().toString("latin1");
  }

  /** Strings up to the end. */
  all(): string[] {
    const values: string[] = [];
    while (this.at < this.#bytes.length) values.push(this.text());
    return values;
  }
}
