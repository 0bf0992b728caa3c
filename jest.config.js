/** @type {import("jest").Config} */
module.exports = {
  rootDir: __dirname,
  testEnvironment: "node",
  // A test that hangs ends at last; how fast one is says `npm run bench`, not this.
  testTimeout: 120_000,
  // Otherwise jest leaves one processor to itself, of two that CI has.
  maxWorkers: "100%",
  testMatch: ["<rootDir>/tests/**/*.test.ts"],
  transform: { "\\.ts$": ["@swc/jest", { jsc: { target: "es2022", parser: { syntax: "typescript" } } }] },
  moduleNameMapper: {
    "^pulumi-freebsd-vnet$": "<rootDir>/sdk/index.ts",
    "^pulumi-freebsd-vnet/provider$": "<rootDir>/provider/index.ts",
    "^pulumi-freebsd-vnet/testing$": "<rootDir>/simulator/index.ts",
  },
};
