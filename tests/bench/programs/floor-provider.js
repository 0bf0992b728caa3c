// The provider of resources that do nothing: see floor.ts. What it gives as outputs is in the file outputs.json of
// the program's folder.

const fs = require("node:fs");

/** @type {import("./floor").FloorOutputs | undefined} */
let outputs;

/** @param {any} inputs @returns {object} */
function outs(inputs) {
  outputs ??= JSON.parse(fs.readFileSync("outputs.json", "utf8"));
  return { ...inputs, ...outputs?.[inputs.owner ?? inputs.address] };
}

let made = 0;

exports.nothing = {
  configure: async () => {},
  check: async (/** @type {object} */ _olds, /** @type {object} */ news) => ({ inputs: news, failures: [] }),
  diff: async () => ({ changes: false, replaces: [], deleteBeforeReplace: true }),
  create: async (/** @type {object} */ inputs) => ({ id: String(++made), outs: outs(inputs) }),
  read: async (/** @type {string} */ id, /** @type {object} */ props) => ({ id, props }),
  update: async (/** @type {string} */ _id, /** @type {object} */ _olds, /** @type {object} */ news) => ({
    outs: outs(news),
  }),
  delete: async () => {},
};
