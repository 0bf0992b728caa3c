// A throw-away place for a Pulumi stack: its state, its home folder and its passphrase touch nothing of the user's.

const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { root } = require("./root");

/**
 * @typedef {object} Place
 * @property {string} folder for the project
 * @property {string} state the file backend
 * @property {NodeJS.ProcessEnv} env for `pulumi`
 * @property {() => void} remove
 */

/**
 * @param {import("./engine").Engine} engine
 * @returns {Place}
 */
function throwAwayPlace(engine) {
  // The real path: on some systems the temporary folder is a link, and Node resolves modules from real paths.
  const top = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "pulumi-freebsd-vnet-")));
  const make = (/** @type {string} */ name) => {
    const made = path.join(top, name);
    fs.mkdirSync(made);
    return made;
  };
  const folder = make("project");
  const state = make("state");
  const home = make("pulumi-home");
  const env = { ...process.env };
  // Nobody's organisation, access token or backend.
  for (const name of Object.keys(env)) if (name.startsWith("PULUMI_")) delete env[name];
  Object.assign(env, {
    PATH: engine.path,
    PULUMI_HOME: home,
    PULUMI_BACKEND_URL: `file://${state}`,
    PULUMI_CONFIG_PASSPHRASE: "throw-away",
    PULUMI_SKIP_UPDATE_CHECK: "true",
  });
  return {
    folder,
    state,
    env,
    remove: () => fs.rmSync(top, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/**
 * Makes the place's project the repository's own, which runs the program in `main`. Links, because Pulumi writes
 * beside Pulumi.yaml, and that must not be in the repository.
 *
 * @param {Place} place
 * @param {string} [main] default: what Pulumi.yaml says
 * @returns {string} the project's name
 */
function useRepository({ folder }, main) {
  const text = fs.readFileSync(path.join(root, "Pulumi.yaml"), "utf8");
  fs.writeFileSync(
    path.join(folder, "Pulumi.yaml"),
    main ? text.replace(/^main:.*$/m, `main: ${main}`) : text,
  );
  fs.symlinkSync(path.join(root, "examples"), path.join(folder, "examples"));
  return /^name:\s*(\S+)/m.exec(text)?.[1] ?? "";
}

/**
 * Replaces the configuration of a stack, but for what its secrets are encrypted with.
 *
 * @param {Place} place
 * @param {string} stack
 * @param {Readonly<Record<string, unknown>>} config
 */
function writeConfig({ folder }, stack, config) {
  const file = path.join(folder, `Pulumi.${stack}.yaml`);
  const salt = /^encryptionsalt:.*$/m.exec(fs.readFileSync(file, "utf8"))?.[0] ?? "";
  // JSON is YAML.
  fs.writeFileSync(file, `${salt}\nconfig: ${JSON.stringify(config)}\n`);
}

/**
 * Does any stack of the place still have resources?
 *
 * @param {Place} place
 */
function hasResources({ state }) {
  const files = /** @type {string[]} */ (fs.readdirSync(state, { recursive: true }));
  return files
    .filter((file) => /^\.pulumi\/stacks\/.*\.json$/.test(file))
    .some((file) => {
      const { checkpoint } = JSON.parse(fs.readFileSync(path.join(state, file), "utf8"));
      return checkpoint.latest?.resources?.some((/** @type {{ custom?: boolean }} */ { custom }) => custom);
    });
}

module.exports = { hasResources, throwAwayPlace, useRepository, writeConfig };
