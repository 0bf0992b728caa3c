import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SshError } from "../../provider/ssh";
import { fingerprint, hostKeyJudge, hostKeyProblem } from "../../provider/ssh/hostkey";
import { knownHostsName, matchesHosts, parseKnownHosts } from "../../provider/ssh/knownhosts";
import { resolveTarget } from "../../provider/ssh/target";
import { makeKey } from "./server";

const ed = makeKey();
const otherEd = makeKey();
const rsa = makeKey("rsa");

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "known-hosts-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

let count = 0;
function fileOf(...lines: string[]): string {
  const path = join(folder, `known_hosts.${count++}`);
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

describe("names", () => {
  test.each([
    ["alpha", "alpha", true],
    ["beta,alpha", "alpha", true],
    ["ALPHA", "alpha", true],
    ["alpha", "alphabet", false],
    ["*.example.net", "a.b.example.net", true],
    ["*.example.net", "example.net", false],
    ["10.0.0.?", "10.0.0.7", true],
    ["10.0.0.?", "10.0.0.17", false],
    ["*.example.net,!secret.example.net", "secret.example.net", false],
    ["!secret.example.net,*.example.net", "open.example.net", true],
    ["!alpha", "beta", false],
    ["[alpha]:2222", "[alpha]:2222", true],
    ["[alpha]:2222", "alpha", false],
    ["[*]:2222", "[alpha]:2222", true],
    ["a.c", "abc", false],
    ["::1", "::1", true],
    ["|1|bm90IGJhc2U2NA==|AAAA", "alpha", false],
    ["|2|x|y", "alpha", false],
  ])("%s speaks of %s: %s", (hosts, name, expected) => {
    expect(matchesHosts(hosts, name)).toBe(expected);
  });

  test("a port other than 22 is part of the name", () => {
    expect(knownHostsName("Alpha.example.net", 22)).toBe("alpha.example.net");
    expect(knownHostsName("::1", 2222)).toBe("[::1]:2222");
  });

  test("hashed by ssh-keygen -H", () => {
    const path = fileOf(`alpha.example.net,[10.0.0.1]:2222 ${ed.line}`);
    execFileSync("ssh-keygen", ["-H", "-f", path], { stdio: "ignore" });
    const lines = parseKnownHosts(readFileSync(path, "utf8"), path);
    expect(lines.every(({ hosts }) => hosts.startsWith("|1|"))).toBe(true);
    const matched = (name: string) => lines.some(({ hosts }) => matchesHosts(hosts, name));
    expect([matched("alpha.example.net"), matched("[10.0.0.1]:2222"), matched("10.0.0.1")]).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe("lines", () => {
  test("comments, damaged keys, unknown markers and protocol 1 are left out; numbers count every line", () => {
    const text = [
      "# comment",
      "",
      `alpha ${ed.line} a comment`,
      "alpha ssh-ed25519 damaged",
      `alpha ssh-rsa ${ed.blob.toString("base64")}`,
      `@unknown alpha ${ed.line}`,
      "alpha 1024 35 1234567",
      `@revoked\t* ${rsa.line}\r`,
    ].join("\n");
    expect(parseKnownHosts(text, "f").map(({ line, marker, type }) => [line, marker, type])).toEqual([
      [3, undefined, "ssh-ed25519"],
      [8, "@revoked", "ssh-rsa"],
    ]);
  });
});

describe("judgement", () => {
  const judge = (files: string[], target: { port?: number; hostKey?: string; address?: string } = {}) =>
    hostKeyJudge(resolveTarget({ address: "alpha", ...target }), files);
  const kind = (error: SshError | undefined) => error?.kind;

  test("known", async () => {
    const file = fileOf(`alpha ${otherEd.line}`, `alpha ${ed.line}`);
    expect((await judge([file])).judge(ed.blob)).toBeUndefined();
  });

  test("the key types of known keys are asked for first, and never SHA-1 or DSA", async () => {
    const algorithms = (await judge([fileOf(`alpha ${rsa.line}`)])).algorithms();
    expect(algorithms.slice(0, 3)).toEqual(["rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519"]);
    expect(algorithms).not.toContain("ssh-rsa");
    expect(algorithms).not.toContain("ssh-dss");
  });

  test("unknown: the message has the fingerprint, the files and the line that would accept it", async () => {
    const error = (await judge(["/nonexistent/known_hosts"], { port: 2222 })).judge(ed.blob);
    expect(kind(error)).toBe("hostKeyUnknown");
    expect(error?.message).toContain(`hostKey: "${fingerprint(ed.blob)}"`);
    expect(error?.message).toContain(`[alpha]:2222 ${ed.line}`);
    expect(error?.message).toContain("/nonexistent/known_hosts (does not exist)");
  });

  test("the line of the message does accept it", async () => {
    const error = (await judge([], { port: 2222 })).judge(ed.blob);
    const line = error?.message.split("\n").at(-1)?.trim() ?? "";
    expect((await judge([fileOf(line)], { port: 2222 })).judge(ed.blob)).toBeUndefined();
  });

  test("changed: both fingerprints, and where the old one is", async () => {
    const file = fileOf("# first", `alpha ${otherEd.line}`);
    const error = (await judge([file])).judge(ed.blob);
    expect(kind(error)).toBe("hostKeyChanged");
    expect(error?.message).toContain(fingerprint(ed.blob));
    expect(error?.message).toContain(`${fingerprint(otherEd.blob)} (${file}:2)`);
  });

  test("known by a key of another type only: unknown, as in OpenSSH, and says so", async () => {
    const error = (await judge([fileOf(`alpha ${rsa.line}`)])).judge(ed.blob);
    expect(kind(error)).toBe("hostKeyUnknown");
    expect(error?.message).toContain(fingerprint(rsa.blob));
  });

  test("a host known without its port is accepted at any port, but not called changed there", async () => {
    const file = fileOf(`alpha ${ed.line}`);
    expect((await judge([file], { port: 2222 })).judge(ed.blob)).toBeUndefined();
    expect(kind((await judge([file], { port: 2222 })).judge(otherEd.blob))).toBe("hostKeyUnknown");
    const both = fileOf(`alpha ${ed.line}`, `[alpha]:2222 ${otherEd.line}`);
    expect(kind((await judge([both], { port: 2222 })).judge(ed.blob))).toBe("hostKeyChanged");
  });

  test("revoked wins over known and over the hostKey setting", async () => {
    const file = fileOf(`alpha ${ed.line}`, `@revoked * ${ed.line}`);
    expect(kind((await judge([file])).judge(ed.blob))).toBe("hostKeyRevoked");
    expect(kind((await judge([file], { hostKey: ed.line })).judge(ed.blob))).toBe("hostKeyRevoked");
    expect(
      (await judge([fileOf(`@revoked beta ${ed.line}`, `alpha ${ed.line}`)])).judge(ed.blob),
    ).toBeUndefined();
  });

  test("a certificate authority alone does not make a host known", async () => {
    const error = (await judge([fileOf(`@cert-authority * ${ed.line}`)])).judge(ed.blob);
    expect(kind(error)).toBe("hostKeyUnknown");
    expect(error?.message).toContain("trusts a certificate authority for it, but it shows another key");
  });

  test.each([
    ["fingerprint", fingerprint(ed.blob)],
    ["key line", `${ed.line} with a comment`],
  ])("pinned by %s: that key and no other, whatever known_hosts says", async (_, hostKey) => {
    const file = fileOf(`alpha ${otherEd.line}`);
    expect((await judge([file], { hostKey })).judge(ed.blob)).toBeUndefined();
    expect(kind((await judge([file], { hostKey })).judge(otherEd.blob))).toBe("hostKeyChanged");
  });

  test("a pinned key line asks for its own type only", async () => {
    expect((await judge([], { hostKey: rsa.line })).algorithms()).toEqual(["rsa-sha2-512", "rsa-sha2-256"]);
  });

  test.each([
    ["SHA256:tooshort", /43 characters/],
    ["MD5:00:11", /neither/],
    ["ssh-ed25519", /not a key of that type/],
    [`ssh-ed25519 ${rsa.blob.toString("base64")}`, /not a key of that type/],
    ["", /neither/],
  ])("hostKey %j is refused", async (hostKey, message) => {
    expect(hostKeyProblem(hostKey)).toMatch(message);
    await expect(judge([], { hostKey })).rejects.toMatchObject({ kind: "hostKeyUnknown" });
  });

  test("usable hostKey settings", () => {
    expect(hostKeyProblem(fingerprint(ed.blob))).toBeUndefined();
    expect(hostKeyProblem(` ${rsa.line}\n`)).toBeUndefined();
  });
});
