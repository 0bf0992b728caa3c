import { replay, scenarios } from "./replay";

describe("a real host's recorded answers", () => {
  test.each(scenarios().map((s) => [s.scenario, s] as const))("%s", async (_name, scenario) => {
    const outcomes = await replay(scenario);
    const said = (which: "expected" | "actual"): string =>
      outcomes.map((o) => `$ ${o.run}\n${o[which]}`).join("\n");
    expect(said("actual")).toBe(said("expected"));
  });
});
