// `npm test`: sets up, checks types and style, runs jest. Arguments go to jest.

const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { run, isInterrupted } = require("./child");
const { Failure, main } = require("./main");
const { root } = require("./root");
const { heading, say, step } = require("./say");
const { setup } = require("./setup");

/** @param {string} name */
const tool = (name) => path.join(root, "node_modules/.bin", name);

/**
 * @param {string} what
 * @param {string} name
 * @param {readonly string[]} args
 * @returns {Promise<boolean>} did it find nothing
 */
async function check(what, name, args) {
  const { status, stdout, stderr } = await step(
    what,
    () => run(tool(name), args, { cwd: root, env: process.env }),
    (ended) => (ended.status === 0 ? "no findings" : "findings:"),
  );
  if (isInterrupted()) throw new Failure("Interrupted.");
  if (status !== 0) say(`${stdout}${stderr}`);
  return status === 0;
}

/**
 * @param {readonly string[]} args
 * @returns {Promise<{ passed: number, failed: number, status: number }>}
 */
async function jest(args) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "jest-results-"));
  const file = path.join(folder, "results.json");
  try {
    const { status } = await run(tool("jest"), ["--json", `--outputFile=${file}`, ...args], {
      cwd: root,
      env: process.env,
      show: true,
    });
    if (!fs.existsSync(file)) return { passed: 0, failed: status === 0 ? 0 : 1, status };
    const results = JSON.parse(fs.readFileSync(file, "utf8"));
    // A file that could not be loaded has no tests that could fail.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    return { passed: results.numPassedTests, failed: failed || (status === 0 ? 0 : 1), status };
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

main(async () => {
  heading("Set-up");
  await setup();
  heading("Checks");
  const clean = [
    await check("types: tsc", "tsc", ["-p", "tsconfig.check.json"]),
    await check("style: biome", "biome", ["ci", "--colors=off"]),
  ];
  heading("Tests");
  const { passed, failed, status } = await jest(process.argv.slice(2));
  const failures = failed + clean.filter((ok) => !ok).length;
  say(`\n${passed} passed, ${failures} failed`);
  return status || (failures === 0 ? 0 : 1);
});
