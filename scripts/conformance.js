// `npm run conformance`: replays the recordings of a real FreeBSD host on the simulator and prints how many answers
// are the same. Arguments: a pattern of scenario names, differences to show per scenario (2).

require("./sources");
const { main } = require("./main");
const { replay, scenarios } = require("../tests/conformance/replay");

main(async () => {
  const [pattern = "", differences = "2"] = process.argv.slice(2);
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
});
