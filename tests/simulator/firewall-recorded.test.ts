import { replay, scenarios } from "../conformance/replay";

/** Steps whose first command is one of ours; the others are somebody else's to get right. */
const ours =
  /^(su -m ops -c ')?(ipfw|natd|pfctl|kldload|kldunload|kldstat|sysctl|kenv|rctl|cpuset|uname|freebsd-version|dmesg|sockstat)\b/;

test.each(
  scenarios()
    .map((scenario) => [scenario.scenario, scenario] as const)
    .filter(([, { steps }]) => steps.some((step) => "run" in step && ours.test(step.run))),
)("%s", async (_name, scenario) => {
  const outcomes = (await replay(scenario)).filter(({ run }) => ours.test(run));
  const said = (which: "expected" | "actual"): string =>
    outcomes.map((outcome) => `$ ${outcome.run}\n${outcome[which]}`).join("\n");
  expect(said("actual")).toBe(said("expected"));
});
