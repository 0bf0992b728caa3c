const { handleSignals, isInterrupted } = require("./child");
const { red } = require("./say");

/** An error whose message is all that the reader needs: printed without a stack. */
class Failure extends Error {}

/**
 * Runs a script's main function and turns its end into the exit status.
 *
 * @param {() => Promise<number | undefined>} run
 */
function main(run) {
  handleSignals();
  run().then(
    (status) => {
      process.exitCode = status ?? 0;
    },
    (error) => {
      console.error(
        `\n${red("error:")} ${error instanceof Failure ? error.message : (error?.stack ?? error)}`,
      );
      process.exitCode = isInterrupted() ? 130 : 1;
    },
  );
}

module.exports = { Failure, main };
