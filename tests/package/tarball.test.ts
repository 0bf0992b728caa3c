import { execFileSync, spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a user gets: the packed tarball, unpacked where `npm install` would put it. */

const root = join(__dirname, "../..");
let project: string;

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), "tarball-"));
  const [packed] = JSON.parse(
    execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", project], {
      cwd: root,
      encoding: "utf8",
    }),
  );
  const modules = join(project, "node_modules");
  const installed = join(modules, "pulumi-freebsd-vnet");
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["-xzf", join(project, packed.filename), "-C", installed, "--strip-components", "1"]);
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (!name.startsWith(".") && name !== "pulumi-freebsd-vnet") {
      symlinkSync(join(root, "node_modules", name), join(modules, name));
    }
  }
}, 60_000);

afterAll(() => rmSync(project, { recursive: true }));

const node = (...args: string[]) => spawnSync("node", args, { cwd: project, encoding: "utf8" });

test("loads from CommonJS: all three entrances", () => {
  const said = node(
    "-e",
    `const sdk = require("pulumi-freebsd-vnet"), provider = require("pulumi-freebsd-vnet/provider"), testing = require("pulumi-freebsd-vnet/testing");
     console.log(typeof sdk.VnetJail, typeof provider.vnetJail.create, typeof testing.SimulatedHost)`,
  );
  expect(said).toMatchObject({ stderr: "", stdout: "function function function\n" });
});

test("loads from ES modules by name", () => {
  writeFileSync(
    join(project, "program.mjs"),
    `import { Bridge, Host } from "pulumi-freebsd-vnet";
     import { SimulatedHost } from "pulumi-freebsd-vnet/testing";
     console.log(Bridge.name, Host.name, SimulatedHost.name)`,
  );
  expect(node("program.mjs")).toMatchObject({ stderr: "", stdout: "Bridge Host SimulatedHost\n" });
});

test("the program does not load ssh2 or the simulator", () => {
  const said = node(
    "-e",
    `require("pulumi-freebsd-vnet");
     console.log(Object.keys(require.cache).filter((file) => /node_modules.(ssh2|just-bash)|simulator/.test(file)).length)`,
  );
  expect(said).toMatchObject({ stderr: "", stdout: "0\n" });
});

test("types are there: the quickstart compiles, and a wrong argument does not", () => {
  const source = readFileSync(join(root, "examples/quickstart/index.ts"), "utf8");
  writeFileSync(join(project, "good.ts"), source);
  writeFileSync(
    join(project, "bad.ts"),
    `import { Bridge, EpairLink, Host, VnetJail } from "pulumi-freebsd-vnet";
     const host = new Host("a", { address: "a" });
     const lan = new Bridge("b", { host, name: "bridge0", adresses: [] });
     const link = new EpairLink("c", { host, bridge: host, unit: 1 });
     new EpairLink("d", { host, bridge: lan, unit: "1" });
     new VnetJail("e", { host, path: "/x", interfaces: [{ link: lan, addresses: [] }] });
     new VnetJail("f", { host, path: "/x", owner: "x" });
     link.hostSide.apply((side: string) => side);`,
  );
  const options = [
    "--noEmit",
    "--strict",
    "--skipLibCheck",
    "--module",
    "node16",
    "--types",
    "node",
    "--target",
    "es2022",
  ];
  const tsc = (file: string) => node(join(root, "node_modules/typescript/bin/tsc"), ...options, file).stdout;
  expect(tsc("good.ts")).toBe("");
  const lines = [...tsc("bad.ts").matchAll(/^bad\.ts\((\d+),/gm)].map((m) => Number(m[1]));
  expect(lines).toEqual([3, 4, 5, 6, 7]);
}, 60_000);

test("doc comments reach the user's editor", () => {
  const declared = readFileSync(
    join(project, "node_modules/pulumi-freebsd-vnet/dist/provider/kinds/bridge.d.ts"),
    "utf8",
  );
  expect(declared).toContain("Name of the interface: `bridge` and a unit");
});
