import { type CheckResult, check } from "./check";
import { type DiffResult, diff } from "./diff";
import { describe, PartlyCreated, place, ResourceError } from "./errors";
import type { Kind, Reservation, State } from "./kind";
import { type Answer, type Answers, type Questions, readAnswers } from "./question";
import type { Reader } from "./reader";
import { defaultOf, type InputOf, type Shape } from "./schema";
import { type Outcome, type Step, script } from "./script";
import { sh } from "./sh";
import type { Target } from "./ssh";
import { withoutUndefined } from "./unknown";

/** The part of the SSH room that the lifecycle needs. */
export interface Runner {
  run(
    target: Target,
    script: string,
    options?: { timeoutMs?: number; label?: string; repeatable?: boolean },
  ): Promise<{ stdout: string; stderr: string; status: number }>;
}

/** `dynamic.ResourceProvider`'s shape, so that nothing here depends on Pulumi. */
export interface ResourceProvider {
  configure(request: { config: { get(key: string): string | undefined } }): Promise<void>;
  check(olds: object, news: object): Promise<CheckResult>;
  diff(id: string, olds: object, news: object): Promise<DiffResult>;
  create(inputs: object): Promise<{ id: string; outs: object }>;
  read(id: string, props: object): Promise<{ id: string; props: object }>;
  update(id: string, olds: object, news: object): Promise<{ outs: object }>;
  delete(id: string, props: object): Promise<void>;
}

const DEFAULT_TIMEOUT_MS = 120_000;

/**
 * The one lifecycle: observe, ensure, observe. Create and update are the same flow, from whatever is there to
 * what is wanted; the state is what the host answered after it, never what was asked for.
 */
export function lifecycle<I extends Shape, O extends object, Q extends Questions>(
  kind: Kind<I, O, Q>,
  { runner, reader, configure }: { runner: Runner; reader: Reader; configure: ResourceProvider["configure"] },
): ResourceProvider {
  type Inputs = InputOf<I>;
  type Recorded = State<I, O>;

  /** A property that an older release did not record has its default. */
  const inputsOf = (props: object): Inputs =>
    withoutUndefined(
      Object.fromEntries(
        Object.entries(kind.inputs).map(([key, schema]) => [
          key,
          (props as Record<string, unknown>)[key] ?? defaultOf(schema),
        ]),
      ),
    ) as Inputs;

  const recorded = (props: object): Recorded => ({ ...(props as Recorded), ...inputsOf(props) });

  const settled = (input: Inputs, previous: Recorded | undefined): Inputs => ({
    ...input,
    ...kind.settle?.(input, previous),
  });

  const error = (verb: string, input: Inputs, cause: unknown): ResourceError =>
    new ResourceError(
      `cannot ${verb} ${kind.noun} "${kind.id(input)}" on ${place(kind.target(input))}: ${cause instanceof Error ? cause.message : String(cause)}`,
    );

  /** One script: the steps, then the questions whose answers are the new state. */
  const apply = async (
    verb: string,
    input: Inputs,
    steps: readonly Step[],
    questions: Questions,
  ): Promise<Outcome> => {
    const { text, read } = script(steps, questions);
    reader.changed(kind.target(input));
    try {
      const said = await runner.run(kind.target(input), text, {
        timeoutMs:
          (typeof kind.timeoutMs === "function" ? kind.timeoutMs(input) : kind.timeoutMs) ??
          DEFAULT_TIMEOUT_MS,
        label: `${verb} ${kind.noun} "${kind.id(input)}"`,
      });
      if (said.status !== 0)
        throw new Error(`the script ended with status ${said.status}: ${said.stderr.trim()}`);
      return read(said.stdout);
    } catch (cause) {
      throw error(verb, input, cause);
    } finally {
      reader.changed(kind.target(input));
    }
  };

  const state = (
    input: Inputs,
    said: ReadonlyMap<string, Answer>,
    previous: Recorded | undefined,
    made: readonly string[],
  ) => {
    const answers = readAnswers(kind.questions(input), said) as Answers<Q>;
    const all = [...new Set([...(previous?.made ?? []), ...made])];
    return withoutUndefined({
      ...input,
      ...kind.observe(input, answers, previous),
      drift: kind.compare(input, answers),
      ...(all.length > 0 && { made: all }),
    });
  };

  /** What the host decides, taken on it; `giveBack` holds when a later step fails. */
  const reserve = async (input: Inputs, reservation: Reservation<Inputs>) => {
    const { what, take, taken, giveBack: undo, question } = reservation;
    const step = { what, run: take, unless: taken, undo, made: "reserved" };
    const { failure, answers, made } = await apply("create", input, [step], { question });
    if (failure) throw error("create", input, describe(failure));
    const decided = readAnswers({ question }, answers).question;
    return { decided, giveBack: made.length > 0 ? [{ what, run: sh`:`, undo }] : [] };
  };

  const ensure = async (
    verb: string,
    input: Inputs,
    previous: Recorded | undefined,
    before: readonly Step[] = [],
  ) => {
    const steps = [...before, ...kind.ensure(input, previous)];
    const outcome = await apply(verb, input, steps, kind.questions(input));
    const { failure } = outcome;
    if (failure) {
      const failed = error(verb, input, describe(failure));
      if (failure.left.length === 0 || previous) throw failed;
      const partly = {
        ...input,
        drift: [failed.message],
        ...(outcome.made.length > 0 && { made: outcome.made }),
      };
      throw new PartlyCreated(failed.message, kind.id(input), withoutUndefined(partly), [failed.message]);
    }
    const outs = state(input, outcome.answers, previous, outcome.made);
    if (outs.drift.length > 0) {
      const message = error(
        verb,
        input,
        `it is not as declared afterwards: ${outs.drift.join("; ")}`,
      ).message;
      if (previous) throw new ResourceError(message);
      throw new PartlyCreated(message, kind.id(input), outs, outs.drift);
    }
    return outs;
  };

  return {
    configure,

    check: async (_olds, news) => check(kind as unknown as Kind, news as Record<string, unknown>),

    diff: async (_id, olds, news) =>
      diff(kind as unknown as Kind, olds as Record<string, unknown>, news as Record<string, unknown>),

    async create(props) {
      const declared = inputsOf(props);
      const reservation = kind.reserve?.(declared);
      const reserved = reservation && (await reserve(declared, reservation));
      const input = settled({ ...declared, ...reserved?.decided }, undefined);
      return {
        id: kind.id(input),
        outs: await ensure("create", input, undefined, reserved?.giveBack),
      };
    },

    async update(_id, olds, news) {
      const previous = recorded(olds);
      return { outs: await ensure("update", settled(inputsOf(news), previous), previous) };
    },

    async read(id, props) {
      const input = inputsOf(props);
      const previous = recorded(props);
      try {
        const said = await reader.ask(kind.target(input), kind.questions(input));
        const answers = readAnswers(kind.questions(input), said) as Answers<Q>;
        if (kind.gone(answers, input)) return { id: "", props: {} };
        return { id, props: state(input, said, previous, []) };
      } catch (cause) {
        throw error("read", input, cause);
      }
    },

    async delete(_id, props) {
      const input = inputsOf(props);
      const { failure } = await apply("delete", input, kind.remove(recorded(props)), {});
      if (failure) throw error("delete", input, describe(failure));
    },
  };
}
