// `npm run bench`: how long this provider takes, side by side with what else one could use. Arguments:
//
//   --jails 10,30        how many
//   --latency 0,20       added to each round trip to the host, in ms
//   --peers floor,ssh    beside ours: floor, ssh, ansible, naive, known
//   --repeat 3           how often ours and the floor are measured; the median counts
//   --parallel 16        for pulumi; default: pulumi's own
//   --all                10, 30, 100 and 300 jails at 0, 20 and 100 ms with all peers: takes hours
//   --write              puts the tables into docs/performance.md
//
// What is measured is told in docs/performance.md.

require("./sources");
const fs = require("node:fs");
const path = require("node:path");
const { parseArgs } = require("node:util");
const { isInterrupted } = require("./child");
const { Failure, main } = require("./main");
const { root } = require("./root");
const { duration, heading, say } = require("./say");
const { setup } = require("./setup");

const { bench, PEERS } = require("../tests/bench/bench");
const { machine, report } = require("../tests/bench/table");

const page = path.join(root, "docs/performance.md");

/** @param {string} option @param {string} text */
function numbers(option, text) {
  const found = text.split(",").map(Number);
  if (found.some((each) => !Number.isInteger(each) || each < 0))
    throw new Failure(`--${option} takes whole numbers with commas between, not ${text}`);
  return found;
}

/** @param {string} text */
function names(text) {
  const found = text.split(",").filter((each) => each !== "");
  const unknown = found.find((each) => !PEERS.some((peer) => peer === each));
  if (unknown) throw new Failure(`--peers takes some of ${PEERS.join(",")}, not ${unknown}`);
  return PEERS.filter((peer) => found.includes(peer));
}

/** @param {string} text replaces what is between the marks of the page */
function write(text) {
  const [begin, end] = ["<!-- bench: begin -->", "<!-- bench: end -->"];
  const before = fs.readFileSync(page, "utf8");
  const [from, to] = [before.indexOf(begin), before.indexOf(end)];
  if (from === -1 || to === -1) throw new Failure(`${page} has no lines ${begin} and ${end}`);
  fs.writeFileSync(page, `${before.slice(0, from)}${begin}\n\n${text}\n\n${before.slice(to)}`);
}

main(async () => {
  const { values } = parseArgs({
    options: {
      jails: { type: "string" },
      latency: { type: "string" },
      peers: { type: "string" },
      repeat: { type: "string", default: "1" },
      parallel: { type: "string" },
      all: { type: "boolean", default: false },
      write: { type: "boolean", default: false },
    },
  });
  const { all } = values;
  const plan = {
    jails: numbers("jails", values.jails ?? (all ? "10,30,100,300" : "10,30")),
    latencies: numbers("latency", values.latency ?? "0,20,100"),
    peers: names(values.peers ?? "floor,ssh,ansible,naive"),
    repeat: numbers("repeat", values.repeat)[0] ?? 1,
    engineArgs: values.parallel ? ["--parallel", values.parallel] : [],
  };
  heading("Set-up");
  const engine = await setup();
  heading("Measuring");
  const start = Date.now();
  const results = await bench(engine, plan, say, isInterrupted);
  if (isInterrupted()) throw new Failure("Interrupted.");
  const command = [
    "npm run bench",
    ...(process.argv.length > 2 ? ["--"] : []),
    ...process.argv.slice(2),
  ].join(" ");
  const text = [
    `\`${command}\` on ${new Date().toISOString().slice(0, 10)}, in ${duration(Date.now() - start)}: ${machine(engine.version)}.`,
    report(results),
  ].join("\n\n");
  heading("Results");
  say(text);
  if (values.write) write(text);
  return 0;
});
