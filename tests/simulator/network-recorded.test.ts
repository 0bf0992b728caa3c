import { replay, scenarios } from "../conformance/replay";

/** Steps that ask or change a network stack, whatever else their scenario is about. */
const ours = /^(?:jexec \S+ |su -m ops -c ')?(?:ifconfig|route|netstat|ping|nc)\b/;

describe("network commands answer as recorded", () => {
  const chosen = scenarios().filter(({ steps }) =>
    steps.some(({ run }) => run !== undefined && ours.test(run)),
  );
  test.each(chosen.map((scenario) => [scenario.scenario, scenario] as const))(
    "%s",
    async (_name, scenario) => {
      const outcomes = (await replay(scenario)).filter(({ run }) => ours.test(run));
      const said = (which: "expected" | "actual"): string =>
        outcomes.map((outcome) => `$ ${outcome.run}\n${outcome[which]}`).join("\n");
      expect(said("actual")).toBe(said("expected"));
    },
  );
});
