import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SimulatedHost } from "../../simulator";
import { engine, type Run, type Stack } from "./harness";

/** Who we are is configured, encrypted. It is looked for wherever a run leaves something. */

const passphrase = "correct-horse-battery-staple";
const password = "pa55word-of-root";
const sudoPassword = "pa55word-of-sudo";

let host: SimulatedHost;
let folder: string;
let privateKey: string;
let stack: Stack;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "secrets-"));
  const file = join(folder, "id");
  const plain = join(folder, "plain");
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "of the test", "-f", plain]);
  execFileSync("cp", ["-p", plain, file]);
  execFileSync("ssh-keygen", ["-q", "-p", "-P", "", "-N", passphrase, "-f", file]);
  privateKey = readFileSync(file, "utf8");
  host = await SimulatedHost.start({ clientKey: readFileSync(plain, "utf8"), password });
  rmSync(folder, { recursive: true });
  folder = mkdtempSync(join(tmpdir(), "secrets-"));
  stack = await engine({
    program: `
const { Bridge, Host } = require("pulumi-freebsd-vnet");
const host = new Host("alpha", { address: "127.0.0.1", port: ${host.port}, hostKey: "${host.hostKey}" });
new Bridge("lan", { host, name: "bridge0", addresses: ["10.10.15.1/24"] });
`,
    config: config(),
    env: { TMPDIR: folder },
  });
});

afterAll(async () => {
  await host.stop();
  rmSync(folder, { recursive: true });
});

const config = (more: Record<string, { secret: string }> = {}) => ({
  "freebsd-vnet:privateKey": { secret: privateKey },
  "freebsd-vnet:passphrase": { secret: passphrase },
  "freebsd-vnet:password": { secret: password },
  "freebsd-vnet:sudoPassword": { secret: sudoPassword },
  ...more,
});

/** The key's own lines: a log may break the whole anywhere. */
const secrets = () => [
  passphrase,
  password,
  sudoPassword,
  ...privateKey.split("\n").filter((line) => line.length > 40),
];

const found = (text: string) => secrets().filter((secret) => text.includes(secret));

/** Everything in a folder, the names too. */
function contents(path: string): string {
  if (!statSync(path).isDirectory()) return `${path}\n${readFileSync(path, "latin1")}`;
  return readdirSync(path)
    .map((name) => contents(join(path, name)))
    .join("\n");
}

/** With `-v=9` the engine logs what it configures a provider with. That is Pulumi's, and no way around it. */
const isEnginesOwn = (line: string) =>
  /^\{"time":.*"msg":"(Marshaling property for RPC\[Provider\[\w+\]\.(CheckConfig|DiffConfig|Configure)\(|Planner decided .* 'urn:\S+::pulumi:providers:pulumi-nodejs::)/.test(
    line,
  );

const everything = ({ stdout, stderr, diagnostics }: Run) =>
  [stdout, stderr, ...diagnostics.map(({ message }) => message)]
    .join("\n")
    .split("\n")
    .filter((line) => !isEnginesOwn(line))
    .join("\n");

test("the search finds what is there", () => {
  expect(secrets().length).toBeGreaterThan(5);
  expect(found(`x${privateKey}y ${passphrase} ${password} ${sudoPassword}`)).toEqual(secrets());
});

test("not in any resource of the state, decrypted", async () => {
  const up = await stack.up();
  expect({ status: up.status, summary: up.summary }).toEqual({ status: 0, summary: { create: 2 } });
  const { deployment } = JSON.parse(await stack.exportDecrypted()) as {
    deployment: { resources: { type: string }[] };
  };
  const [engines, ours] = [true, false].map((wanted) =>
    deployment.resources.filter(({ type }) => type.startsWith("pulumi:providers:") === wanted),
  );
  expect(JSON.stringify(ours)).toContain("10.10.15.1/24");
  expect(found(JSON.stringify(ours))).toEqual([]);
  // The engine keeps the stack's configuration with the provider that it configures by it: encrypted.
  expect(found(JSON.stringify({ ...deployment, resources: ours }))).toEqual([]);
  expect(engines).toHaveLength(1);
  expect(found(stack.export().text)).toEqual([]);
  expect(found(everything(up))).toEqual([]);
});

test("not on the host: its commands, its processes, its files", () => {
  expect(host.machine.log.length).toBeGreaterThan(10);
  expect(found(JSON.stringify(host.machine.log))).toEqual([]);
  expect(found(JSON.stringify(host.snapshot()))).toEqual([]);
});

test("not in what a run logs when asked for everything", async () => {
  const loud = ["-v=9", "--logtostderr", "--logflow", "--debug"];
  const refresh = await stack.refresh(...loud);
  expect(refresh.status).toBe(0);
  expect(refresh.stderr.length).toBeGreaterThan(10_000);
  expect(found(everything(refresh))).toEqual([]);
  expect(found(contents(folder))).toEqual([]);
});

test("not in the error when all of them are refused, nor in what a failing script says", async () => {
  host.machine.fault(/^ifconfig bridge0 inet/, { status: 1, stderr: "ifconfig: no luck today\n" });
  stack.setProgram(`
const { Bridge, Host } = require("pulumi-freebsd-vnet");
const host = new Host("alpha", { address: "127.0.0.1", port: ${host.port}, hostKey: "${host.hostKey}" });
new Bridge("lan", { host, name: "bridge0", addresses: ["10.10.16.1/24"] });
`);
  const failed = await stack.up("-v=9", "--logtostderr");
  expect(everything(failed)).toContain("no luck today");
  expect(found(everything(failed))).toEqual([]);

  const { clientKey, port } = host;
  await host.stop();
  host = await SimulatedHost.start({ port, logins: {} });
  stack.setProgram(`
const { Host } = require("pulumi-freebsd-vnet");
new Host("beta", { address: "127.0.0.1", port: ${port}, hostKey: "${host.hostKey}" });
`);
  expect(clientKey).not.toBe("");
  const refused = await stack.up("-v=9", "--logtostderr", "--target", "**beta");
  expect(everything(refused)).toContain("Cannot log in to");
  expect(everything(refused)).toContain("privateKey (SHA256:");
  expect(found(everything(refused))).toEqual([]);
});

test.each(["privateKey", "passphrase", "password", "sudoPassword"])(
  "a program that gives %s to the Host is told where it belongs, and nothing of it is shown or kept",
  async (property) => {
    const secret = property === "privateKey" ? "PRIVATE-KEY-GIVEN-INLINE" : "SECRET-GIVEN-INLINE";
    stack.setProgram(`
const { Host } = require("pulumi-freebsd-vnet");
new Host("gamma", { address: "127.0.0.1", ${property}: "${secret}" });
`);
    const refused = await stack.preview();
    expect(refused.status).not.toBe(0);
    const said = everything(refused);
    expect(said).toContain(`pulumi config set --secret freebsd-vnet:${property}`);
    expect(said).not.toContain(secret);
    expect(await stack.exportDecrypted()).not.toContain(secret);
  },
);
