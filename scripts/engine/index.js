// Finds the Pulumi engine, or gets it: from PATH, by Pulumi's own installer, or built from Go modules.

const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { run, isInterrupted } = require("../child");
const { Failure } = require("../main");
const { root } = require("../root");
const { step, say } = require("../say");

/**
 * @typedef {object} Engine
 * @property {string} version
 * @property {string} origin where it is
 * @property {string} path PATH for programs that are to find it
 */

/** The version that is installed or built: the one that `cli/go.mod` pins. */
const version = pinned("cli", "github.com/pulumi/pulumi/pkg/v3");

/** What a `pulumi` on PATH must at least be. */
const minimum = "3.216.0";

/** @param {string} folder @param {string} module */
function pinned(folder, module) {
  const text = fs.readFileSync(path.join(__dirname, folder, "go.mod"), "utf8");
  const found = new RegExp(`${module.replaceAll(".", "\\.")} v(\\S+)`).exec(text)?.[1];
  if (!found) throw new Error(`${folder}/go.mod does not pin ${module}`);
  return found;
}

/** The engine is big and the same for every clone, so it lives outside of them. */
function cacheFolder() {
  const { PULUMI_FREEBSD_VNET_CACHE, XDG_CACHE_HOME, HOME } = process.env;
  if (PULUMI_FREEBSD_VNET_CACHE) return path.resolve(PULUMI_FREEBSD_VNET_CACHE);
  for (const parent of [XDG_CACHE_HOME, HOME && path.join(HOME, ".cache")]) {
    if (!parent || !path.isAbsolute(parent)) continue;
    const folder = path.join(parent, "pulumi-freebsd-vnet");
    try {
      fs.mkdirSync(folder, { recursive: true });
      fs.accessSync(folder, fs.constants.W_OK);
      return folder;
    } catch {
      // A home folder that cannot be written, as some build services have.
    }
  }
  return path.join(os.tmpdir(), `pulumi-freebsd-vnet-${os.userInfo().uid}`);
}

/** @param {string} name @param {string} [searched] */
function onPath(name, searched = process.env.PATH ?? "") {
  for (const folder of searched.split(path.delimiter)) {
    const file = path.join(folder, name);
    try {
      fs.accessSync(file, fs.constants.X_OK);
      if (path.isAbsolute(folder) && fs.statSync(file).isFile()) return file;
    } catch {
      // Not in this one.
    }
  }
  return undefined;
}

/** @param {string} a @param {string} b */
const atLeast = (a, b) => a.localeCompare(b, "en", { numeric: true }) >= 0;

/** @returns {Promise<Engine | undefined>} */
async function engineOnPath() {
  const pulumi = onPath("pulumi");
  if (!pulumi) return undefined;
  // The plugins are on PATH too, or beside what may be a link.
  const searched = [process.env.PATH, path.dirname(fs.realpathSync(pulumi))].join(path.delimiter);
  if (!onPath("pulumi-language-nodejs", searched) || !onPath("pulumi-resource-pulumi-nodejs", searched))
    return undefined;
  const { status, stdout } = await run(pulumi, ["version"], {
    env: { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" },
  });
  const found = /^v?(3\.\d+\.\d+)/.exec(stdout)?.[1];
  if (status !== 0 || !found || !atLeast(found, minimum)) return undefined;
  return { version: found, origin: pulumi, path: searched };
}

/** @returns {Engine | undefined} */
function engineInCache() {
  const bin = path.join(cacheFolder(), `engine-${version}`, "bin");
  if (!fs.existsSync(path.join(bin, "pulumi"))) return undefined;
  return { version, origin: bin, path: [bin, process.env.PATH].join(path.delimiter) };
}

/**
 * The engine, if it is on this machine.
 *
 * @returns {Promise<Engine | undefined>}
 */
const findEngine = async () => (await engineOnPath()) ?? engineInCache();

/**
 * The engine; gets it if it is not on this machine.
 *
 * @returns {Promise<Engine>}
 */
async function getEngine() {
  const found = await findEngine();
  if (found) return found;
  const cache = cacheFolder();
  fs.mkdirSync(cache, { recursive: true });
  await withLock(path.join(cache, `engine-${version}.lock`), async () => {
    if (engineInCache()) return;
    say(`  No Pulumi ${minimum} or later on PATH. Getting ${version} into ${cache}, once.`);
    for (const name of fs.readdirSync(cache)) {
      // Left by a process that was killed.
      if (name.startsWith(`engine-${version}-`)) fs.rmSync(path.join(cache, name), { recursive: true });
    }
    const fresh = fs.mkdtempSync(path.join(cache, `engine-${version}-`));
    try {
      if (!(await install(fresh))) await buildWithGo(fresh);
      fs.chmodSync(fresh, 0o755);
      fs.renameSync(fresh, path.join(cache, `engine-${version}`));
    } finally {
      fs.rmSync(fresh, { recursive: true, force: true });
    }
  });
  const got = engineInCache();
  if (!got) throw new Error(`no engine in ${cache} although it was just put there`);
  return got;
}

/**
 * Pulumi's own installer, through its Automation API.
 *
 * @param {string} folder
 * @returns {Promise<boolean>} false where there is no way to Pulumi's server, or no release for this system
 */
async function install(folder) {
  // The API itself waits two minutes for an answer from a server that a firewall hides.
  const program = `
    const ask = globalThis.fetch;
    globalThis.fetch = (url, options) => ask(url, { ...options, signal: AbortSignal.timeout(10_000) });
    const { PulumiCommand } = require("@pulumi/pulumi/automation");
    const { SemVer } = require("semver");
    PulumiCommand.install({ root: ${JSON.stringify(folder)}, version: new SemVer("${version}") }).catch((error) => {
      console.error(error.message);
      process.exit(1);
    });`;
  const installed = await step(
    "Pulumi's own installer",
    async () => {
      const { status } = await run(process.execPath, ["-e", program], {
        cwd: root,
        env: process.env,
        limit: 5 * 60_000,
      });
      return status === 0;
    },
    (worked) => (worked ? "done" : "not possible from here"),
  );
  if (isInterrupted()) throw new Failure("Interrupted.");
  return installed;
}

/** What is built, from which module, and about how long that takes on two cores. */
const programs = [
  {
    name: "pulumi",
    folder: "cli",
    source: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    version,
    flags: `-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=${version}`,
    takes: "about 4 minutes, once",
  },
  {
    name: "pulumi-language-nodejs",
    // In a module of its own: the last release that holds it is far older than the CLI.
    folder: "nodejs",
    source: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
    version: pinned("nodejs", "github.com/pulumi/pulumi/sdk/v3"),
    flags: "-s -w",
    takes: "about a minute, once",
  },
];

/** The engine looks for this name on PATH to run dynamic resources; the program's own SDK has the code. */
const dynamicProvider = `#!/bin/sh
exec node "$(node -p 'require.resolve("@pulumi/pulumi/cmd/dynamic-provider")')" "$@"
`;

/** @param {string} folder */
async function buildWithGo(folder) {
  const go = onPath("go");
  if (!go) {
    throw new Failure(
      "The Pulumi engine is missing, Pulumi's installer did not work here, and there is no Go to build it with.\n" +
        "Install Pulumi (https://www.pulumi.com/docs/install/) or Go 1.26 or later, so that `pulumi` or `go` is on PATH.",
    );
  }
  const bin = path.join(folder, "bin");
  // The installer may have left half of itself.
  fs.rmSync(bin, { recursive: true, force: true });
  fs.mkdirSync(bin, { recursive: true });
  for (const { name, folder: module, source, version: built, flags, takes } of programs) {
    await step(`go build ${name} ${built} (${takes})`, async (progress) => {
      let packages = 0;
      const { status, stderr } = await run(
        go,
        [
          "build",
          "-v",
          "-mod=readonly",
          "-buildvcs=false",
          "-ldflags",
          flags,
          "-o",
          path.join(bin, name),
          source,
        ],
        {
          cwd: path.join(__dirname, module),
          env: { ...goFolders(), ...process.env, GOWORK: "off" },
          onStderr: (text) => {
            packages += text.split("\n").length - 1;
            progress(`${packages} packages`);
          },
        },
      );
      if (isInterrupted()) throw new Failure("Interrupted.");
      if (status !== 0) {
        throw new Failure(
          `Go could not build ${source} (status ${status}):\n${stderr.split("\n").slice(-20).join("\n")}`,
        );
      }
    });
  }
  fs.writeFileSync(path.join(bin, "pulumi-resource-pulumi-nodejs"), dynamicProvider, { mode: 0o755 });
}

/** Go keeps its caches under HOME and stops if there is none. */
function goFolders() {
  if (process.env.HOME) return {};
  const cache = cacheFolder();
  return { GOPATH: path.join(cache, "go"), GOCACHE: path.join(cache, "go-build") };
}

/**
 * Lets one process at a time do `work`. The lock file holds the number of the process; one whose process is gone is
 * ignored. Two at once would still not harm each other, only build twice: the result is renamed into place.
 *
 * @param {string} file
 * @param {() => Promise<void>} work
 */
async function withLock(file, work) {
  for (let waiting = false; ; ) {
    try {
      fs.writeFileSync(file, `${process.pid}\n`, { flag: "wx" });
      break;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error;
    }
    const owner = lockOwner(file);
    if (owner === undefined) {
      fs.rmSync(file, { force: true });
      continue;
    }
    if (!waiting)
      say(`  Pulumi ${version}: process ${owner} is getting it, waiting for that (lock: ${file})`);
    waiting = true;
    if (isInterrupted()) throw new Failure("Interrupted.");
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  try {
    await work();
  } finally {
    fs.rmSync(file, { force: true });
  }
}

/** @param {string} file @returns {number | undefined} undefined if the process is gone */
function lockOwner(file) {
  try {
    const pid = Number(fs.readFileSync(file, "utf8"));
    // Just made, and its number not yet written.
    if (!pid) return Date.now() - fs.statSync(file).mtimeMs < 5_000 ? 0 : undefined;
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "EPERM" ? 0 : undefined;
  }
}

module.exports = { findEngine, getEngine };
