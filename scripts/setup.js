// Makes a fresh clone ready: its dependencies, its build, the Pulumi engine. Each step is skipped when it has been
// done. Uses nothing but Node, because it runs before anything is installed.

const { createHash } = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { run, isInterrupted } = require("./child");
const { getEngine } = require("./engine");
const { Failure, main } = require("./main");
const { root } = require("./root");
const { dim, say, step } = require("./say");

function checkNode() {
  const [major = 0] = process.versions.node.split(".").map(Number);
  if (major < 20) throw new Failure(`Node 20 or later is needed; this is ${process.version}.`);
}

/**
 * Runs a tool to its end; its output is shown only if it fails.
 *
 * @param {string} file
 * @param {readonly string[]} args
 */
async function quietly(file, args) {
  const { status, stdout, stderr } = await run(file, args, { cwd: root, env: process.env });
  if (isInterrupted()) throw new Failure("Interrupted.");
  if (status !== 0) {
    throw new Failure(
      `${path.basename(file)} ${args.join(" ")} failed with status ${status}:\n${stdout}${stderr}`,
    );
  }
}

/** Is what is installed what package-lock.json says? Times say nothing: a checkout sets them anew. */
function dependenciesAreFresh() {
  /** @typedef {{ version?: string, integrity?: string, link?: boolean, optional?: boolean }} Entry */
  /** @param {string} file @returns {Record<string, Entry> | undefined} */
  const packages = (file) => {
    try {
      return JSON.parse(fs.readFileSync(path.join(root, file), "utf8")).packages;
    } catch {
      return undefined;
    }
  };
  const wanted = packages("package-lock.json");
  const installed = packages("node_modules/.package-lock.json");
  if (!wanted || !installed) return false;
  return Object.entries(wanted).every(([name, entry]) => {
    const there = installed[name];
    // What is not in node_modules is the package itself or a workspace of it.
    if (!name.startsWith("node_modules/")) return true;
    if (!there) return entry.optional === true;
    return (
      there.version === entry.version && there.integrity === entry.integrity && there.link === entry.link
    );
  });
}

async function installDependencies() {
  if (dependenciesAreFresh()) return;
  // ssh2 and just-bash have optional native parts: they are not needed, and building them needs a compiler.
  await step("npm ci", () => quietly("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]));
}

/** A digest of everything that the build depends on. */
function sourcesDigest() {
  const digest = createHash("sha256");
  for (const top of ["sdk", "provider", "simulator", "tsconfig.json", "package-lock.json"]) {
    const absolute = path.join(root, top);
    const files = fs.statSync(absolute).isDirectory()
      ? /** @type {string[]} */ (fs.readdirSync(absolute, { recursive: true }))
          .map((file) => path.join(top, file))
          .sort()
      : [top];
    for (const file of files) {
      if (!/\.(ts|json)$/.test(file)) continue;
      digest
        .update(`${file}\0`)
        .update(fs.readFileSync(path.join(root, file)))
        .update("\0");
    }
  }
  return digest.digest("hex");
}

const dist = path.join(root, "dist");
/** Holds the digest of what `dist/` was built from. */
const stamp = path.join(root, "node_modules/.dist-sources");

/** Was `dist/` built from the sources as they are now? */
function buildIsFresh() {
  return fs.existsSync(dist) && fs.existsSync(stamp) && fs.readFileSync(stamp, "utf8") === sourcesDigest();
}

async function build() {
  if (buildIsFresh()) return;
  await step("tsc", async () => {
    const digest = sourcesDigest();
    // Built beside and then renamed: a failed build leaves the old one, a removed source leaves nothing behind.
    const fresh = fs.mkdtempSync(path.join(root, "dist-"));
    try {
      await quietly(path.join(root, "node_modules/.bin/tsc"), [
        "-p",
        ".",
        "--noEmitOnError",
        "--outDir",
        fresh,
      ]);
      fs.chmodSync(fresh, 0o755);
      const old = `${fresh}-old`;
      if (fs.existsSync(dist)) fs.renameSync(dist, old);
      fs.renameSync(fresh, dist);
      fs.writeFileSync(stamp, digest);
      fs.rmSync(old, { recursive: true, force: true });
    } finally {
      fs.rmSync(fresh, { recursive: true, force: true });
    }
  });
}

/** @returns {Promise<import("./engine").Engine>} */
async function setup() {
  checkNode();
  await installDependencies();
  await build();
  const engine = await getEngine();
  say(`  Node ${process.versions.node}, Pulumi ${engine.version} ${dim(engine.origin)}`);
  return engine;
}

module.exports = { setup, buildIsFresh };

if (require.main === module) {
  main(async () => {
    if (process.argv[2] === "build") await build();
    else await setup();
    return 0;
  });
}
