import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Machine } from "pulumi-freebsd-vnet/testing";
import { isJailRcOutput, normaliseFor } from "./normalise";

const folder = join(__dirname, "../recordings");

export interface Step {
  readonly run?: string;
  readonly reboot?: true;
  readonly stdin?: string;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly status?: number;
}

export interface Scenario {
  readonly scenario: string;
  readonly about: string;
  readonly steps: readonly Step[];
}

export const scenarios = (): Scenario[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Scenario);

export interface Outcome {
  readonly run: string;
  readonly expected: string;
  readonly actual: string;
}

/** Runs all steps on a fresh machine; what each should have said, and said. */
export async function replay(scenario: Scenario): Promise<Outcome[]> {
  const machine = await Machine.create();
  const outcomes: Outcome[] = [];
  for (const step of scenario.steps) {
    if (step.reboot) {
      await machine.reboot();
      continue;
    }
    const run = step.run ?? "";
    const result = await machine.exec(run, step.stdin === undefined ? {} : { stdin: step.stdin });
    outcomes.push({ run, ...compare(run, step, result) });
  }
  machine.halt();
  return outcomes;
}

interface Said {
  readonly stdout?: string;
  readonly stderr?: string;
  readonly status?: number;
}

function compare(run: string, step: Said, result: Said): { expected: string; actual: string } {
  const long = isJailRcOutput(step.stdout ?? "") || isJailRcOutput(step.stderr ?? "");
  const show = ({ stdout = "", stderr = "", status }: Said): string =>
    long
      ? `status ${status}`
      : `${normaliseFor(run, stdout)}\n--- stderr\n${normaliseFor(run, stderr)}\n--- status ${status}`;
  return { expected: show(step), actual: show(result) };
}
