import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ServerHostKeyAlgorithm } from "ssh2";
import { certifiedKey } from "./certificate";
import { reason, SshError } from "./errors";
import { blobType, type KnownHost, knownHostsName, matchesHosts, parseKnownHosts } from "./knownhosts";
import { type Hop, where } from "./target";

/** Key types in OpenSSH's order, each with its signature algorithms. SHA-1 signatures are not accepted. */
const algorithmsOf: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  "ssh-ed25519": ["ssh-ed25519"],
  "ecdsa-sha2-nistp256": ["ecdsa-sha2-nistp256"],
  "ecdsa-sha2-nistp384": ["ecdsa-sha2-nistp384"],
  "ecdsa-sha2-nistp521": ["ecdsa-sha2-nistp521"],
  "ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256"],
};

/** `SHA256:…` of a public key blob, as `ssh-keygen -l` prints it. */
export function fingerprint(blob: Buffer): string {
  return `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
}

/** As in a `.pub` file. */
export const keyLine = (blob: Buffer) => `${blobType(blob)} ${blob.toString("base64")}`;

type Pin = { readonly fingerprint: string } | { readonly type: string; readonly blob: Buffer };

function parsePin(text: string): Pin | string {
  if (/^SHA256:[A-Za-z0-9+/]{43}=?$/.test(text)) return { fingerprint: text.replace(/=$/, "") };
  if (text.startsWith("SHA256:")) return "a SHA256 fingerprint has 43 characters after the colon";
  const [type, key] = text.split(/[ \t]+/);
  if (type === undefined || algorithmsOf[type] === undefined) {
    return `it is neither SHA256:… nor a public key line of type ${Object.keys(algorithmsOf).join(", ")}`;
  }
  const blob = Buffer.from(key ?? "", "base64");
  return blobType(blob) === type ? { type, blob } : "its base64 part is not a key of that type";
}

/** What is wrong with a `hostKey` setting, for whoever checks inputs; undefined if nothing is. */
export function hostKeyProblem(text: string): string | undefined {
  const pin = parsePin(text.trim());
  return typeof pin === "string" ? pin : undefined;
}

/** Decides which host keys are the right ones for one host. */
export interface HostKeyJudge {
  /** What to offer the host, most wanted first. Empty: the host has shown all that it could. */
  algorithms(): ServerHostKeyAlgorithm[];
  /** Undefined if the key is the host's; otherwise why not. */
  judge(blob: Buffer): SshError | undefined;
  /** Whether nothing but a certificate could make the host known. */
  wantsCertificate(): boolean;
  /** What the host has for one, or why it has none. */
  certify(certificate: Buffer | string): void;
  /** Whether the host may have another key that is the right one: a fingerprint does not tell the key type. */
  mayHaveAnother(): boolean;
  /** The host has no key of a type that is offered. */
  noCommonType(): SshError;
}

/** The files that OpenSSH reads for a host. */
export function knownHostsFiles(hop: Hop, home: string): string[] {
  const names = ["known_hosts", "known_hosts2"];
  return [
    ...(hop.userKnownHosts ?? names.map((name) => join(home, ".ssh", name))),
    ...(hop.globalKnownHosts ?? names.map((name) => `/etc/ssh/ssh_${name}`)),
  ];
}

/** The name by which known_hosts files speak of it. */
const nameOf = ({ address, port, hostKeyAlias }: Hop) =>
  hostKeyAlias === undefined ? knownHostsName(address, port) : knownHostsName(hostKeyAlias, 22);

/** As OpenSSH: a host that is only known without its port is accepted by that line, but never called changed. */
const nameWithoutPort = ({ address, port, hostKeyAlias }: Hop) =>
  hostKeyAlias === undefined && port !== 22 ? knownHostsName(address, 22) : undefined;

/**
 * @param files known_hosts files; one that cannot be read counts as empty, and the message about an unknown key
 * says so.
 * @param acceptsNew whether the key of a host of which nothing is known is accepted.
 * @throws SshError `hostKeyUnknown` if `route.hostKey` is not a key.
 */
export async function hostKeyJudge(
  route: Hop,
  files: readonly string[],
  acceptsNew = false,
): Promise<HostKeyJudge> {
  const read = await Promise.all(files.map(readKnownHosts));
  const known = read.flatMap((file) => file.entries);
  if (route.hostKey !== undefined) return pinnedJudge(route, route.hostKey, known);
  return knownHostsJudge(
    route,
    known,
    read.map((file) => file.shown),
    acceptsNew,
  );
}

async function readKnownHosts(file: string): Promise<{ entries: KnownHost[]; shown: string }> {
  try {
    return { entries: parseKnownHosts(await readFile(file, "utf8"), file), shown: file };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    return { entries: [], shown: `${file} (${code === "ENOENT" ? "does not exist" : reason(error)})` };
  }
}

function pinnedJudge(route: Hop, text: string, known: readonly KnownHost[]): HostKeyJudge {
  const pin = parsePin(text);
  if (typeof pin === "string") {
    throw new SshError("hostKeyUnknown", `The hostKey of ${where(route)} is not usable: ${pin}.`);
  }
  const expected = "fingerprint" in pin ? pin.fingerprint : `${pin.type} ${fingerprint(pin.blob)}`;
  const shown: Buffer[] = [];
  let isExhausted = false;
  const offered = () => {
    const types = "type" in pin ? [pin.type] : Object.keys(algorithmsOf);
    return types.filter((type) => !shown.some((blob) => blobType(blob) === type));
  };
  const changed = (got: string) =>
    new SshError(
      "hostKeyChanged",
      `${changedHeadline(route)}\n  expected ${expected} (hostKey)\n  it shows ${got}\n${changedAdvice}\n` +
        (shown.length > 0
          ? `If the new key is right, set\n  hostKey: "${fingerprint(shown[0] as Buffer)}"`
          : "If that is right, put the key that it has in hostKey."),
    );
  return {
    algorithms: () => offered().flatMap((type) => algorithmsOf[type] ?? []),
    judge(blob) {
      const revoked = findRevoked(route, known, blob);
      if (revoked) return revokedError(route, revoked);
      const right = "type" in pin ? pin.blob.equals(blob) : pin.fingerprint === fingerprint(blob);
      if (right) return undefined;
      shown.push(blob);
      return changed(shown.map(describe).join(", "));
    },
    wantsCertificate: () => false,
    certify: () => {},
    mayHaveAnother: () => "fingerprint" in pin && !isExhausted && offered().length > 0,
    noCommonType() {
      isExhausted = true;
      return changed(shown.length > 0 ? shown.map(describe).join(", ") : "no key of that type");
    },
  };
}

function knownHostsJudge(
  route: Hop,
  known: readonly KnownHost[],
  files: readonly string[],
  acceptsNew: boolean,
): HostKeyJudge {
  const ofHost = linesFor(known, nameOf(route));
  const plain = ofHost.filter((line) => line.marker === undefined);
  const withoutPort = plain.length > 0 ? [] : linesFor(known, nameWithoutPort(route));
  const usable = [...plain, ...withoutPort.filter((line) => line.marker === undefined)];
  const authorities = [...ofHost, ...withoutPort].filter((line) => line.marker === "@cert-authority");
  let certified: Buffer | undefined;
  let whyNot: string | undefined;

  return {
    algorithms() {
      // The types we know come first, so that a host known by one key is not asked for another.
      const wanted = certified ? [blobType(certified)] : usable.map((line) => line.type);
      const rank = (type: string) => (wanted.includes(type) ? 0 : 1);
      const types = Object.keys(algorithmsOf).sort((a, b) => rank(a) - rank(b));
      return types.flatMap((type) => algorithmsOf[type] ?? []);
    },
    judge(blob) {
      const revoked = findRevoked(route, known, blob);
      if (revoked) return revokedError(route, revoked);
      if (certified?.equals(blob) || usable.some((line) => line.blob.equals(blob))) return undefined;
      // One that is known by another key only has lost that key: nobody's first use.
      if (acceptsNew && usable.length === 0) return undefined;
      const sameType = plain.filter((line) => line.type === blobType(blob));
      return sameType.length > 0
        ? changedError(route, blob, sameType)
        : unknownError(route, blob, files, [...ofHost, ...withoutPort], whyNot);
    },
    wantsCertificate: () => usable.length === 0 && authorities.length > 0,
    certify(certificate) {
      const isAuthority = (key: Buffer) =>
        authorities.some((line) => line.blob.equals(key)) && !findRevoked(route, known, key);
      const name = (route.hostKeyAlias ?? route.address).toLowerCase();
      const key =
        typeof certificate === "string" ? certificate : certifiedKey(certificate, name, isAuthority);
      if (typeof key === "string") whyNot = key;
      else certified = key;
    },
    mayHaveAnother: () => false,
    noCommonType: () =>
      new SshError(
        "hostKeyUnknown",
        `${where(route)} has no host key of a type that is accepted (${Object.keys(algorithmsOf).join(", ")}, ` +
          "without SHA-1 signatures). Nothing was sent to it. Make one on the host: ssh-keygen -A, then restart sshd.",
      ),
  };
}

const linesFor = (known: readonly KnownHost[], name: string | undefined) =>
  name === undefined ? [] : known.filter((line) => matchesHosts(line.hosts, name));

function findRevoked(route: Hop, known: readonly KnownHost[], blob: Buffer): KnownHost | undefined {
  const ofHost = [...linesFor(known, nameOf(route)), ...linesFor(known, nameWithoutPort(route))];
  return ofHost.find((line) => line.marker === "@revoked" && line.blob.equals(blob));
}

const describe = (blob: Buffer) => `${blobType(blob) ?? "?"} ${fingerprint(blob)}`;
const at = (line: KnownHost) => `${line.file}:${line.line}`;

const changedHeadline = (route: Hop) =>
  `THE HOST KEY OF ${where(route)} HAS CHANGED. Nothing was sent to it.`;
const changedAdvice =
  "Either somebody else answers at this address (a man in the middle), or the host was reinstalled. " +
  "Compare with ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub on the host's console.";

function changedError(route: Hop, blob: Buffer, lines: readonly KnownHost[]): SshError {
  const expected = lines.map((line) => `\n  expected ${describe(line.blob)} (${at(line)})`).join("");
  const name = nameOf(route);
  return new SshError(
    "hostKeyChanged",
    `${changedHeadline(route)}${expected}\n  it shows ${describe(blob)}\n${changedAdvice}\n` +
      `If the new key is right: ssh-keygen -R '${name}' -f ${lines[0]?.file}, then add\n` +
      `  ${knownHostsLine(route, blob)}`,
  );
}

function revokedError(route: Hop, line: KnownHost): SshError {
  return new SshError(
    "hostKeyRevoked",
    `THE HOST KEY OF ${where(route)} IS REVOKED: ${describe(line.blob)} (${at(line)}). Nothing was sent to it. ` +
      "Whoever has that key can pose as the host; give the host a new one.",
  );
}

function unknownError(
  route: Hop,
  blob: Buffer,
  files: readonly string[],
  ofHost: readonly KnownHost[],
  whyNotCertified: string | undefined,
): SshError {
  const others = ofHost.filter((line) => line.marker === undefined);
  const authority = ofHost.find((line) => line.marker === "@cert-authority");
  const notes = [
    ...others.map((line) => `Known for it, but not what it shows: ${describe(line.blob)} (${at(line)}).`),
    ...(authority
      ? [
          `${at(authority)} trusts a certificate authority for it, but ` +
            `${whyNotCertified ?? "it shows another key than the one in its certificate"}.`,
        ]
      : []),
  ];
  return new SshError(
    "hostKeyUnknown",
    [
      `The host key of ${where(route)} is not known. Nothing was sent to it.`,
      `It shows ${describe(blob)}.`,
      `Looked in ${files.length > 0 ? files.join(", ") : "no known_hosts file"}.`,
      ...notes,
      "Compare with ssh-keygen -lf /etc/ssh/ssh_host_*_key.pub on the host's console. If it is the same, either set",
      `  hostKey: "${fingerprint(blob)}"`,
      "or add this line to a known_hosts file:",
      `  ${knownHostsLine(route, blob)}`,
    ].join("\n"),
  );
}

function knownHostsLine(route: Hop, blob: Buffer): string {
  return `${nameOf(route)} ${keyLine(blob)}`;
}
