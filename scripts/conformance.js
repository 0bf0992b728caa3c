// Replays the recordings of a real FreeBSD host on the simulator, and prints how many answers are exactly the same:
//   node scripts/conformance.js [--recordings FOLDER] [--differences N] [PATTERN of scenario names]
// Exit status 1 unless all are. --differences: how many to show per scenario, 2 by default.

require("./sources");
const { parseArgs } = require("node:util");
const { Failure, main } = require("./main");

const { recordings, replay, scenarios } = require("../tests/conformance/replay");

/** @param {readonly (string | number)[]} cells */
const row = ([name, commands, same]) =>
  console.log(`${String(name).padEnd(28)} ${String(commands).padStart(8)}  ${String(same).padStart(5)}`);

main(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      recordings: { type: "string", default: recordings },
      differences: { type: "string", default: "2" },
    },
  });
  const [pattern = ""] = positionals;
  const chosen = scenarios(values.recordings).filter(({ scenario }) => scenario.includes(pattern));
  if (chosen.length === 0)
    throw new Failure(`No scenario in ${values.recordings} has "${pattern}" in its name.`);
  let commands = 0;
  let same = 0;
  /** @type {string[]} */
  const shown = [];
  row(["scenario", "commands", "exact"]);
  for (const scenario of chosen) {
    const outcomes = await replay(scenario);
    const wrong = outcomes.filter(({ expected, actual }) => expected !== actual);
    commands += outcomes.length;
    same += outcomes.length - wrong.length;
    row([scenario.scenario, outcomes.length, outcomes.length - wrong.length]);
    for (const { run, expected, actual } of wrong.slice(0, Number(values.differences)))
      shown.push(`\n${scenario.scenario}: $ ${run}\nexpected:\n${expected}\nactual:\n${actual}`);
  }
  row(["all", commands, same]);
  for (const text of shown) console.log(text);
  return same === commands ? 0 : 1;
});
