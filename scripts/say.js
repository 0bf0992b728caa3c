// What the scripts print: headings, and steps with the time they took.

const colours = process.stdout.isTTY && !process.env.NO_COLOR;

/** @param {string} code @param {string} text */
const paint = (code, text) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);

/** @param {string} text */
const bold = (text) => paint("1", text);
/** @param {string} text */
const dim = (text) => paint("2", text);
/** @param {string} text */
const red = (text) => paint("31", text);
/** @param {string} text */
const green = (text) => paint("32", text);

/** @param {string} text */
const say = (text = "") => console.log(text);

/** @param {string} text */
const heading = (text) => say(`\n${bold(`── ${text} ${"─".repeat(Math.max(0, 76 - text.length))}`)}\n`);

/** @param {number} ms */
function duration(ms) {
  const seconds = Math.round(ms / 1000);
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/**
 * Says what is being done while `work` does it, and then how long it took: on a terminal the line counts the
 * seconds, elsewhere it is printed once at the start and once at the end.
 *
 * @template T
 * @param {string} what
 * @param {(progress: (text: string) => void) => Promise<T>} work `progress` adds a few words to the running line
 * @param {(result: T) => string} [outcome] how it ended, in a word or two
 * @returns {Promise<T>}
 */
async function step(what, work, outcome = () => green("done")) {
  const start = Date.now();
  const elapsed = () => duration(Date.now() - start);
  let detail = "";
  const draw = () =>
    process.stdout.write(`\r\x1b[K  ${what} ${dim(`${elapsed()}${detail && `, ${detail}`}`)}`);
  if (!process.stdout.isTTY) say(`  ${what}`);
  const timer = process.stdout.isTTY
    ? setInterval(draw, 200)
    : setInterval(() => say(`    … ${elapsed()}${detail && `, ${detail}`}`), 60_000);
  const end = (/** @type {string} */ mark) => {
    clearInterval(timer);
    if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K  ${what} ${mark} ${dim(elapsed())}\n`);
    else say(`    ${mark} ${elapsed()}`);
  };
  try {
    const result = await work((text) => {
      detail = text;
    });
    end(outcome(result));
    return result;
  } catch (error) {
    end(red("failed"));
    throw error;
  }
}

module.exports = { bold, dim, duration, green, red, say, heading, step };
