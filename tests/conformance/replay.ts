import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Machine } from "../../simulator";
import { Normaliser, type Rule } from "./normalise";

export const recordings = join(__dirname, "../recordings");

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

export const scenarios = (folder = recordings): Scenario[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Scenario);

/** A command with what the real host said, and what the simulated one says. */
export interface Said {
  readonly run: string;
  readonly recorded: Answer;
  readonly replayed: Answer;
}

interface Answer {
  readonly stdout?: string;
  readonly stderr?: string;
  readonly status?: number;
}

export interface Outcome {
  readonly run: string;
  readonly expected: string;
  readonly actual: string;
}

/** Runs all steps on a fresh machine. */
export async function run(scenario: Scenario): Promise<Said[]> {
  const machine = await Machine.create();
  const said: Said[] = [];
  for (const step of scenario.steps) {
    if (step.reboot) {
      await machine.reboot();
      continue;
    }
    const command = step.run ?? "";
    const replayed = await machine.exec(command, step.stdin === undefined ? {} : { stdin: step.stdin });
    said.push({ run: command, recorded: step, replayed });
  }
  machine.halt();
  return said;
}

/** What each command should have said, and said, without what varies. */
export function compare(said: readonly Said[], rules?: readonly Rule[]): Outcome[] {
  const theirs = new Normaliser(rules);
  const ours = new Normaliser(rules);
  const show = (by: Normaliser, command: string, { stdout = "", stderr = "", status }: Answer): string =>
    `${by.text(command, stdout)}\n--- stderr\n${by.text(command, stderr)}\n--- status ${status}`;
  return said.map(({ run: command, recorded, replayed }) => ({
    run: command,
    expected: show(theirs, command, recorded),
    actual: show(ours, command, replayed),
  }));
}

export const replay = async (scenario: Scenario): Promise<Outcome[]> => compare(await run(scenario));
