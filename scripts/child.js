// Child processes that end when we are told to end.

const { spawn } = require("node:child_process");
const { constants } = require("node:os");

/** @typedef {{ status: number, stdout: string, stderr: string }} Ended */

/** @type {Map<import("node:child_process").ChildProcess, boolean>} child → has it been told to stop */
const running = new Map();

// Pulumi takes a second SIGINT as "at once, whatever breaks", so each child must get exactly one. A terminal sends
// Ctrl-C to the whole foreground group by itself. Without one, each child leads its own group and we pass it on.
const terminal = Boolean(process.stdin.isTTY && process.stdout.isTTY);

let interrupted = false;

/** From now on a signal ends what runs, and is then for the script to see by `isInterrupted`. */
function handleSignals() {
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
    process.on(signal, () => {
      interrupted = true;
      for (const [child, told] of running) {
        if (told || (terminal && signal === "SIGINT")) continue;
        running.set(child, true);
        stop(child, "SIGINT");
      }
    });
  }
}

/** @param {import("node:child_process").ChildProcess} child @param {NodeJS.Signals} signal */
function stop(child, signal) {
  if (child.pid === undefined) return;
  try {
    process.kill(terminal ? child.pid : -child.pid, signal);
  } catch {
    // It has ended already.
  }
}

/**
 * Runs a program to its end. `show` lets it use our terminal; otherwise its output is collected.
 *
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, show?: boolean, limit?: number, onStderr?: (text: string) => void }} [options]
 *   `limit` in milliseconds: it is killed after that
 * @returns {Promise<Ended>} status 128 + n if signal n ended it, 127 if it could not be started
 */
function run(file, args, { cwd, env, show = false, limit, onStderr } = {}) {
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      cwd,
      env,
      detached: !terminal,
      stdio: show ? "inherit" : ["ignore", "pipe", "pipe"],
    });
    running.set(child, false);
    let stdout = "";
    let stderr = "";
    child.stdout?.setEncoding("utf8").on("data", (text) => {
      stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text) => {
      stderr += text;
      onStderr?.(text);
    });
    const timer = limit === undefined ? undefined : setTimeout(() => stop(child, "SIGKILL"), limit);
    const end = (/** @type {number} */ status) => {
      clearTimeout(timer);
      running.delete(child);
      resolve({ status, stdout, stderr });
    };
    child.on("error", (error) => {
      stderr += error.message;
      end(127);
    });
    child.on("close", (code, signal) => end(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}

module.exports = { run, handleSignals, isInterrupted: () => interrupted };
