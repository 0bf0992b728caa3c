import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(__dirname, "../..");

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "recordings-"));
});

afterEach(() => rmSync(folder, { recursive: true }));

/** `npm run conformance` on one recorded scenario. */
function conformance(steps: object[], ...args: string[]): { status: number | null; stdout: string } {
  writeFileSync(join(folder, "1.json"), JSON.stringify({ scenario: "made-up", about: "", steps }));
  const argv = [join(root, "scripts/conformance.js"), "--recordings", folder, ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8" });
  return { status, stdout: stdout + stderr };
}

const right = { run: "echo hello", stdout: "hello\n", stderr: "", status: 0 };
const wrong = { run: "uname -s", stdout: "Linux\n", stderr: "", status: 0 };

test("exact answers only: a table, and status 0", () => {
  expect(conformance([right, { reboot: true }, right])).toEqual({
    status: 0,
    stdout: `scenario                     commands  exact
made-up                             2      2
all                                 2      2
`,
  });
});

test("any other answer is shown, and the status is 1", () => {
  const { status, stdout } = conformance([right, wrong]);
  expect(status).toBe(1);
  expect(stdout).toContain("all                                 2      1\n");
  expect(stdout).toContain("made-up: $ uname -s\nexpected:\nLinux\n");
  expect(stdout).toContain("actual:\nFreeBSD\n");
});

test("nothing replayed is no success", () => {
  expect(conformance([right], "none").status).toBe(1);
});
