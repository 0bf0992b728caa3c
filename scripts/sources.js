// Lets Node load the TypeScript sources as they are, without a build: for scripts that run what tests run.

const fs = require("node:fs");
const Module = require("node:module");
const swc = require("@swc/core");

/** @type {any} */
const internals = Module;

/**
 * @param {{ _compile(code: string, filename: string): void }} module
 * @param {string} filename
 */
internals._extensions[".ts"] = (module, filename) => {
  const { code } = swc.transformSync(fs.readFileSync(filename, "utf8"), {
    filename,
    jsc: { target: "es2022", parser: { syntax: "typescript" } },
    module: { type: "commonjs" },
  });
  module._compile(code, filename);
};
