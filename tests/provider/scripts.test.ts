import { execFileSync, spawnSync } from "node:child_process";
import { check } from "../../provider/check";
import type { Kind, Reservation } from "../../provider/kind";
import { script } from "../../provider/script";
import { samples } from "./samples";

/** Inputs as `ensure` gets them. */
const settled = (kind: Kind, declared: Record<string, unknown>) => {
  const { inputs, failures } = check(kind, declared);
  return { failures, inputs: { ...inputs, ...kind.settle?.(inputs, undefined) } };
};

const reserving = ({ take, taken, giveBack, question }: Reservation<object>) =>
  script([{ run: take, unless: taken, undo: giveBack }], { question }).text;

/** Every script that the provider can send for the samples: create, update, delete and read of each kind. */
const scripts = samples.flatMap(({ kind, inputs, changed }) => {
  const first = settled(kind, inputs);
  const second = settled(kind, changed);
  expect([...first.failures, ...second.failures]).toEqual([]);
  const state = {
    ...first.inputs,
    drift: [],
    made: ["forwarding", "forwarding6", "kenv", "ipfw", "ipdivert", "ipfw_nat", "pf", "pf enabled"],
    modules: [],
  } as never;
  const partial = { ...first.inputs, drift: ["partly created"] } as never;
  const questions = kind.questions(first.inputs);
  const name = kind.noun;
  const reservation = kind.reserve?.({ ...first.inputs, unit: undefined });
  return [
    ...(reservation ? [{ name: `reserve ${name}`, text: reserving(reservation) }] : []),
    { name: `create ${name}`, text: script(kind.ensure(first.inputs, undefined), questions).text },
    { name: `update ${name}`, text: script(kind.ensure(second.inputs, state), questions).text },
    { name: `delete ${name}`, text: script(kind.remove(state), {}).text },
    { name: `delete partly created ${name}`, text: script(kind.remove(partial), {}).text },
    { name: `read ${name}`, text: script([], questions).text },
  ];
});

const have = (command: string) => spawnSync(command, ["--version"]).error === undefined;

test.each(scripts)("$name is POSIX sh to dash", ({ text }) => {
  const { status, stderr } = spawnSync("dash", ["-n"], { input: text, encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
});

// SC2317: functions called by name in variables; SC2016: texts that another shell or awk reads;
// SC3013: FreeBSD's test(1) has -nt; SC2154, SC1090: rc.conf is sourced.
(have("shellcheck") ? test : test.skip)("shellcheck finds nothing in any of them", () => {
  const all = scripts.map(({ text }) => text).join("\nexit\n# ----\n");
  const checkOne = (text: string) =>
    spawnSync(
      "shellcheck",
      ["-s", "sh", "-e", "SC2317,SC2016,SC2154,SC1090,SC2329,SC3013", "-f", "gcc", "-"],
      {
        input: text,
        encoding: "utf8",
      },
    );
  expect(all).toContain("main </dev/null");
  for (const { name, text } of scripts) expect(`${name}: ${checkOne(text).stdout}`).toBe(`${name}: `);
});

test("a script that is cut anywhere on its way runs nothing", () => {
  const text = scripts[0]!.text.replace("main() {", "main() {\necho RAN");
  for (let end = 0; end < text.length - "main </dev/null\n".length; end += 97) {
    const said = spawnSync("dash", ["-s"], { input: text.slice(0, end), encoding: "utf8" });
    expect(said.stdout).toBe("");
  }
  expect(execFileSync("dash", ["-c", "echo there"], { encoding: "utf8" })).toBe("there\n");
});
