// `npm run test:host -- ssh://user@address:port`: the lifecycle suite on a FreeBSD host of yours, which is left as it
// was. Everything that it makes is called pfvtest… or marked so; interfaces have units from 900 on.
//
//   --identity FILE     a private key; default: the agent, then ~/.ssh
//   --host-key SHA256:… the only key to accept; default: what known_hosts says
//   --become sudo|doas  how a user other than root gets root's rights
//   --template WHAT     what jails' roots are clones of, or a directory that is one; zroot/jails/template@base
//   --allow-reboot      also the cases that restart the host, four times in all
//   --only PATTERN      only cases whose names match this regular expression
//   --record DIR        write what was sent and answered, a scenario for each case, as in tests/recordings
//   --clean             only remove what an earlier run left

const { mkdirSync, writeFileSync } = require("node:fs");
const path = require("node:path");
const { parseArgs } = require("node:util");
require("./sources");
const { parseAddress } = require("./address");
const { Failure, main } = require("./main");
const { bold, duration, green, red, say } = require("./say");
const { Sessions } = require("../provider/ssh");
const { clean } = require("../tests/host/suite/clean");
const { Machine } = require("../tests/host/suite/machine");
const { select, Suite } = require("../tests/host/suite/suite");

const usage =
  "usage: npm run test:host -- ssh://user@address:port [--identity FILE] [--host-key SHA256:…] [--become sudo|doas]\n" +
  "         [--template SNAPSHOT|DIRECTORY] [--allow-reboot] [--only PATTERN] [--record DIR] [--clean]";

/** @param {string} why */
const misuse = (why) => new Failure(`${why}\n${usage}`);

function readArguments() {
  try {
    const { positionals, values } = parseArgs({
      allowPositionals: true,
      options: {
        identity: { type: "string" },
        "host-key": { type: "string" },
        become: { type: "string" },
        template: { type: "string", default: "zroot/jails/template@base" },
        "allow-reboot": { type: "boolean", default: false },
        only: { type: "string", default: "" },
        record: { type: "string" },
        clean: { type: "boolean", default: false },
      },
    });
    const [url, ...others] = positionals;
    if (url === undefined || others.length > 0) throw misuse("Give one host.");
    if (!/^\/?[\w@%+=:,./-]+$/.test(values.template)) throw misuse(`not a template: ${values.template}`);
    return { ...values, target: targetOf(url), pattern: new RegExp(values.only) };
  } catch (error) {
    throw error instanceof Failure ? error : misuse(error instanceof Error ? error.message : String(error));
  }
}

/**
 * @param {string | undefined} become
 * @returns {import("../provider/ssh").Become}
 */
function rights(become) {
  if (become === undefined) return "none";
  if (become === "sudo" || become === "doas") return become;
  throw misuse(`--become is sudo or doas, not ${become}`);
}

/** @param {string} url */
function targetOf(url) {
  const found = parseAddress(url);
  if (!found) throw misuse(`A host is ssh://user@address:port (user and port may be left out), not ${url}`);
  return found;
}

/** @typedef {import("../tests/host/suite/suite").Outcome} Outcome */

/** @param {Outcome["result"]} result */
const painted = (result) =>
  (result === "failed" ? red : result === "passed" ? green : String)(result.padEnd(7));

/** @param {Outcome["recording"]} recording */
const recordingText = (recording) => `${JSON.stringify(recording, null, 1)}\n`;

/**
 * @param {Suite} suite
 * @param {ReturnType<typeof readArguments>} options
 */
async function runCases(suite, { pattern, record }) {
  const chosen = select(pattern);
  if (chosen.length === 0) throw misuse(`No case matches ${pattern}.`);
  const width = Math.max(...chosen.map(({ name }) => name.length));
  if (record !== undefined) mkdirSync(record, { recursive: true });
  /** @type {Outcome[]} */
  const outcomes = [];
  say(bold(`${"case".padEnd(width)}  result   time`));
  for (const each of chosen) {
    const outcome = await suite.run(each);
    const { name, result, reason = "", ms, recording } = outcome;
    outcomes.push(outcome);
    say(
      `${name.padEnd(width)}  ${painted(result)}  ${duration(ms).padEnd(8)}${result === "skipped" ? reason : ""}`.trimEnd(),
    );
    if (record !== undefined && recording.steps.length > 0)
      writeFileSync(path.join(record, `${recording.scenario}.json`), recordingText(recording));
  }
  return outcomes;
}

main(async () => {
  const options = readArguments();
  const { identity, template } = options;
  const hostKey = options["host-key"];
  const target = { ...options.target, become: rights(options.become), ...(hostKey && { hostKey }) };
  const sessions = new Sessions({ credentials: identity === undefined ? {} : { identityFile: identity } });
  const interrupt = new AbortController();
  process.once("SIGINT", () => interrupt.abort(new Error("interrupted")));
  process.once("SIGTERM", () => interrupt.abort(new Error("interrupted")));
  try {
    if (options.clean) {
      const removed = await clean(new Machine(sessions, target));
      say(removed.length === 0 ? "There is nothing of an earlier run." : `Removed:\n${removed.join("\n")}`);
      return 0;
    }
    const suite = await Suite.start(sessions, target, {
      template,
      allowReboot: options["allow-reboot"],
      signal: interrupt.signal,
    });
    const outcomes = await runCases(suite, options);
    const failed = outcomes.filter(({ result }) => result === "failed");
    for (const { name, reason, recording } of failed) {
      say(
        `\n${red("failed:")} ${bold(name)}\n${reason}\n\nWhat was sent and answered:\n${recordingText(recording)}`,
      );
    }
    const count = (/** @type {string} */ which) => outcomes.filter(({ result }) => result === which).length;
    say(`\n${count("passed")} passed, ${failed.length} failed, ${count("skipped")} skipped`);
    return failed.length === 0 && !interrupt.signal.aborted ? 0 : 1;
  } catch (error) {
    throw new Failure(error instanceof Error ? error.message : String(error));
  } finally {
    await sessions.close();
  }
});
