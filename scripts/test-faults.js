// `npm run test:faults`: every fault at every command of every resource, of which `npm test` tries a sample. Takes hours.
// Arguments go to jest: `npm run test:faults -- -t "epair"`.

const path = require("node:path");
const { run } = require("./child");
const { main } = require("./main");
const { root } = require("./root");

main(async () => {
  const { status } = await run(
    path.join(root, "node_modules/.bin/jest"),
    ["tests/host/faults", "tests/host/cuts", ...process.argv.slice(2)],
    { cwd: root, env: { ...process.env, FAULTS: "all" }, show: true },
  );
  return status;
});
