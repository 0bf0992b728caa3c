/** @type {import("jest").Config} */
module.exports = {
  rootDir: __dirname,
  testEnvironment: "node",
  testTimeout: 30_000,
  testMatch: ["<rootDir>/tests/**/*.test.ts"],
  transform: { "\\.ts$": ["@swc/jest", { jsc: { target: "es2022", parser: { syntax: "typescript" } } }] },
  moduleNameMapper: {
    "^pulumi-freebsd-vnet$": "<rootDir>/sdk/index.ts",
    "^pulumi-freebsd-vnet/provider$": "<rootDir>/provider/index.ts",
    "^pulumi-freebsd-vnet/testing$": "<rootDir>/simulator/index.ts",
  },
};
