// Replays the recordings of a real FreeBSD host on the simulator and prints how many answers are the same:
//   node scripts/conformance.js [pattern of scenario names] [differences to show per scenario, 2 by default]
const { readFileSync } = require("node:fs");
const Module = require("node:module");
const { join } = require("node:path");
const swc = require("@swc/core");

const root = join(__dirname, "..");

// The sources as they are: no build in between.
require.extensions[".ts"] = (module, filename) => {
  const options = {
    filename,
    jsc: { target: "es2022", parser: { syntax: "typescript" } },
    module: { type: "commonjs" },
  };
  module._compile(swc.transformSync(readFileSync(filename, "utf8"), options).code, filename);
};
const resolve = Module._resolveFilename;
Module._resolveFilename = (request, ...rest) =>
  resolve.call(
    Module,
    request === "pulumi-freebsd-vnet/testing" ? join(root, "simulator/index.ts") : request,
    ...rest,
  );

const { replay, scenarios } = require(join(root, "tests/conformance/replay.ts"));

async function main([pattern = "", differences = "2"]) {
  let commands = 0;
  let same = 0;
  const shown = [];
  console.log("scenario                     commands  the same");
  for (const scenario of scenarios().filter(({ scenario: name }) => name.includes(pattern))) {
    const outcomes = await replay(scenario);
    const wrong = outcomes.filter(({ expected, actual }) => expected !== actual);
    commands += outcomes.length;
    same += outcomes.length - wrong.length;
    const counts = `${String(outcomes.length).padStart(8)}  ${String(outcomes.length - wrong.length).padStart(8)}`;
    console.log(`${scenario.scenario.padEnd(28)} ${counts}`);
    for (const { run, expected, actual } of wrong.slice(0, Number(differences)))
      shown.push(`\n${scenario.scenario}: $ ${run}\nexpected:\n${expected}\nactual:\n${actual}`);
  }
  console.log(`${"all".padEnd(28)} ${String(commands).padStart(8)}  ${String(same).padStart(8)}`);
  for (const text of shown) console.log(text);
  return same === commands ? 0 : 1;
}

main(process.argv.slice(2)).then((status) => {
  process.exitCode = status;
});
