const path = require("node:path");

/** The repository's folder. */
module.exports = { root: path.dirname(__dirname) };
