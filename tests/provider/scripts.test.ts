import { execFileSync, spawnSync } from "node:child_process";
import { ensureInstalled } from "../apt";
import { scripts, textsOf } from "./scripts";

test.each(scripts)("$name is POSIX sh to dash", (each) => {
  for (const input of textsOf(each)) {
    const { status, stderr } = spawnSync("dash", ["-n"], { input, encoding: "utf8" });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  }
});

// SC2317: functions called by name in variables; SC2016: texts that another shell or awk reads;
// SC3013: FreeBSD's test(1) has -nt; SC2154, SC1090: rc.conf is sourced.
test("shellcheck finds nothing in any of them", () => {
  ensureInstalled("shellcheck", "shellcheck");
  const checkOne = (text: string) =>
    spawnSync(
      "shellcheck",
      ["-s", "sh", "-e", "SC2317,SC2016,SC2154,SC1090,SC2329,SC3013", "-f", "gcc", "-"],
      {
        input: text,
        encoding: "utf8",
      },
    );
  for (const each of scripts) {
    for (const text of textsOf(each)) {
      expect(`${each.name}: ${checkOne(text).stdout}`).toBe(`${each.name}: `);
    }
  }
});

test("a script that is cut anywhere on its way runs nothing", () => {
  const text = scripts[0]!.text.replace("main() {", "main() {\necho RAN");
  for (let end = 0; end < text.length - "main </dev/null\n".length; end += 97) {
    const said = spawnSync("dash", ["-s"], { input: text.slice(0, end), encoding: "utf8" });
    expect(said.stdout).toBe("");
  }
  expect(execFileSync("dash", ["-c", "echo there"], { encoding: "utf8" })).toBe("there\n");
});
