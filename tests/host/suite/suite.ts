import type { Runner } from "../../../provider/lifecycle";
import type { Target } from "../../../provider/ssh";
import { Bench } from "./bench";
import { type Case, cases } from "./cases";
import { leftovers } from "./clean";
import { Machine, type Recording } from "./machine";
import { PREFIX, type Survey, type SurveyOptions, survey } from "./survey";
import { difference, traces } from "./traces";

export interface Outcome {
  readonly name: string;
  readonly result: "passed" | "failed" | "skipped";
  /** Why it was skipped, or what went wrong. */
  readonly reason?: string;
  readonly ms: number;
  readonly recording: Recording;
}

export interface SuiteOptions extends SurveyOptions {
  /** Ends the case that runs before its next step; what it made is removed all the same. */
  readonly signal: AbortSignal;
  /** How often to look whether a host is up again, in ms. */
  readonly pollMs?: number;
}

/** The lifecycle suite on one host. */
export class Suite {
  private constructor(
    private readonly runner: Runner,
    private readonly target: Target,
    private readonly found: Survey,
    private readonly options: SuiteOptions,
  ) {}

  /** @throws when something of an earlier run is left on the host */
  static async start(runner: Runner, target: Target, options: SuiteOptions): Promise<Suite> {
    const machine = new Machine(runner, target);
    const left = await leftovers(machine);
    if (left.length > 0)
      throw new Error(
        `something of an earlier run is left on the host (--clean removes it):\n${left.join("\n")}`,
      );
    return new Suite(runner, target, await survey(machine, target, options), options);
  }

  /** Runs one case, removes what it made, and compares the host with what it was. */
  async run(each: Case): Promise<Outcome> {
    const { missing, place } = this.found;
    const machine = new Machine(this.runner, this.target, this.options.pollMs);
    const recording: Recording = {
      scenario: `${PREFIX}-${each.name.replaceAll(/[^A-Za-z0-9]+/g, "-").toLowerCase()}`,
      about: each.about,
      steps: machine.steps,
    };
    const begun = Date.now();
    const outcome = (result: Outcome["result"], reason?: string): Outcome => ({
      name: each.name,
      result,
      ...(reason !== undefined && { reason }),
      ms: Date.now() - begun,
      recording,
    });
    const reasons = each.needs.flatMap((need) => missing[need] ?? []);
    if (this.options.signal.aborted) reasons.push("interrupted");
    if (reasons.length > 0) return outcome("skipped", reasons.join("; "));
    const problems: string[] = [];
    try {
      const before = await traces(machine);
      const bench = new Bench(machine, place, this.options.signal);
      try {
        await each.run(bench);
      } catch (cause) {
        problems.push(words(cause));
      }
      for (const left of await bench.clear()) problems.push(`could not be removed (try --clean): ${left}`);
      // A reboot does not bring back what was loaded or set by hand before it; such cases compare by themselves.
      if (!each.needs.includes("reboot")) {
        const found = difference(before, await traces(machine));
        if (found.length > 0) problems.push(`afterwards the host is not as before:\n${found.join("\n")}`);
      }
    } catch (cause) {
      problems.push(words(cause));
    }
    return problems.length === 0 ? outcome("passed") : outcome("failed", problems.join("\n"));
  }
}

/** Not by instanceof: jest's assertions are of another realm. */
const words = (cause: unknown): string => (cause as Error).message ?? String(cause);

export const select = (pattern: RegExp): readonly Case[] => cases.filter(({ name }) => pattern.test(name));
