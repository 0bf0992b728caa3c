import { rules } from "./normalise";
import { compare, run, type Said, type Scenario, scenarios } from "./replay";

const all = scenarios();
const replayed = new Map<Scenario, Promise<Said[]>>();

/** All tests here look at the same replay. */
function said(scenario: Scenario): Promise<Said[]> {
  const there = replayed.get(scenario) ?? run(scenario);
  replayed.set(scenario, there);
  return there;
}

describe("a real host's recorded answers", () => {
  test.each(all.map((each) => [each.scenario, each] as const))("%s", async (_name, scenario) => {
    const outcomes = compare(await said(scenario));
    const shown = (which: "expected" | "actual"): string =>
      outcomes.map((outcome) => `$ ${outcome.run}\n${outcome[which]}`).join("\n");
    expect(shown("actual")).toBe(shown("expected"));
  });

  test.each(rules.map((rule) => [rule.why, rule] as const))("vary in: %s", async (_why, rule) => {
    const others = rules.filter((each) => each !== rule);
    const differences: string[] = [];
    for (const scenario of all)
      for (const { run: command, expected, actual } of compare(await said(scenario), others))
        if (expected !== actual) differences.push(command);
    expect(differences).not.toEqual([]);
  });
});
