import { spawnSync } from "node:child_process";
import { join } from "node:path";

test("docs/reference.md is what the sources say", () => {
  const said = spawnSync("node", [join(__dirname, "../../scripts/reference.js"), "--check"], {
    encoding: "utf8",
  });
  expect(said).toMatchObject({ status: 0, stderr: "" });
});
