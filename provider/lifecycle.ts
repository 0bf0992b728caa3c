import { type CheckResult, check } from "./check";
import { type DiffResult, diff } from "./diff";
import { describe, PartlyCreated, place, ResourceError } from "./errors";
import type { Kind, Reservation, State } from "./kind";
import { type Answer, type Answers, type Questions, readAnswers } from "./question";
import type { Reader } from "./reader";
import { defaultOf, type InputOf, type Shape } from "./schema";
import { type Outcome, type Step, script } from "./script";
import { sh } from "./sh";
import { type Confirmation, hasUnknownEnd, type Target } from "./ssh";
import { withoutUndefined } from "./unknown";

/** The part of the SSH room that the lifecycle needs. */
export interface Runner {
  run(
    target: Target,
    script: string,
    options?: { timeoutMs?: number; label?: string; repeatable?: boolean; confirmation?: Confirmation },
  ): Promise<{
    stdout: string;
    stderr: string;
    status: number;
    /** Why new connections failed, where the script was to be confirmed by one. */
    lockedOut?: string;
  }>;
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

/** What all kinds share. */
export interface Shared {
  readonly runner: Runner;
  readonly reader: Reader;
  readonly configure: ResourceProvider["configure"];
  /** Who does it, for others that have to wait: `dch@laptop`. */
  readonly who: string;
}

const DEFAULT_TIMEOUT_MS = 120_000;

/**
 * The one lifecycle: observe, ensure, observe. Create and update are the same flow, from whatever is there to
 * what is wanted; the state is what the host answered after it, never what was asked for.
 */
export function lifecycle<I extends Shape, O extends object, Q extends Questions>(
  kind: Kind<I, O, Q>,
  { runner, reader, configure, who }: Shared,
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

  const named = (verb: string, input: Inputs) => `${verb} ${kind.noun} "${kind.id(input)}"`;

  const error = (verb: string, input: Inputs, cause: unknown): ResourceError =>
    new ResourceError(
      `cannot ${named(verb, input)} on ${place(kind.target(input))}: ${cause instanceof Error ? cause.message : String(cause)}`,
    );

  /** A create of which something is, or may be, on the host: the next `up` goes on from there, a destroy removes it. */
  const partly = (input: Inputs, message: string, made: readonly string[] = []) =>
    new PartlyCreated(
      message,
      kind.id(input),
      withoutUndefined({ ...input, drift: [message], ...(made.length > 0 && { made }) }),
      [message],
    );

  /** One script: the steps, then the questions whose answers are the new state. */
  const apply = async (
    verb: string,
    input: Inputs,
    steps: readonly Step[],
    questions: Questions,
  ): Promise<Outcome & { lockedOut: string | undefined }> => {
    const label = named(verb, input);
    const { owner } = input as { owner?: string };
    const { text, read, confirmation } = script(
      steps,
      questions,
      owner === undefined ? undefined : { owner, holder: `${who}: ${label}` },
    );
    try {
      const said = await runner.run(kind.target(input), text, {
        timeoutMs:
          (typeof kind.timeoutMs === "function" ? kind.timeoutMs(input) : kind.timeoutMs) ??
          DEFAULT_TIMEOUT_MS,
        label,
        ...(confirmation && { confirmation }),
      });
      if (said.status !== 0)
        throw new Error(`the script ended with status ${said.status}: ${said.stderr.trim()}`);
      const { lockedOut } = said;
      return { ...read(said.stdout), lockedOut };
    } catch (cause) {
      const failed = error(verb, input, cause);
      throw verb === "create" && hasUnknownEnd(cause) ? partly(input, failed.message) : failed;
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
  const reserve = async (verb: string, input: Inputs, reservation: Reservation<Inputs>) => {
    const { what, take, taken, giveBack: undo, question } = reservation;
    const step = { what, run: take, unless: taken, undo, made: "reserved" };
    const { failure, answers, made } = await apply(verb, input, [step], { question });
    if (failure) throw error(verb, input, describe(failure));
    const decided = readAnswers({ question }, answers).question;
    return { decided, giveBack: made.length > 0 ? [{ what, run: sh`:`, undo }] : [] };
  };

  const ensure = async (verb: string, declared: Inputs, previous: Recorded | undefined) => {
    const undecided = settled(declared, previous);
    const reservation = kind.reserve?.(undecided);
    const reserved = reservation && (await reserve(verb, undecided, reservation));
    const input = reserved ? settled({ ...declared, ...reserved.decided }, previous) : undecided;

    const steps = [...(reserved?.giveBack ?? []), ...kind.ensure(input, previous)];
    const outcome = await apply(verb, input, steps, kind.questions(input));
    const { failure } = outcome;
    if (failure) {
      const { message } = error(verb, input, describe(failure, outcome.lockedOut));
      if (failure.left.length === 0 || previous) throw new ResourceError(message);
      throw partly(input, message, outcome.made);
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
    return { id: kind.id(input), outs };
  };

  return {
    configure,

    check: async (_olds, news) => check(kind as unknown as Kind, news as Record<string, unknown>),

    diff: async (_id, olds, news) =>
      diff(kind as unknown as Kind, olds as Record<string, unknown>, news as Record<string, unknown>),

    create: (props) => ensure("create", inputsOf(props), undefined),

    update: (_id, olds, news) => ensure("update", inputsOf(news), recorded(olds)),

    async read(id, props) {
      const input = inputsOf(props);
      const previous = recorded(props);
      // Cut off before the host told what it decided: the next `up` asks again.
      if (kind.reserve?.(input)) return { id, props: previous };
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
      const undecided = kind.reserve?.(input);
      const steps = undecided
        ? [{ what: undecided.what, run: undecided.giveBack }]
        : kind.remove(recorded(props));
      const { failure, lockedOut } = await apply("delete", input, steps, {});
      if (failure) throw error("delete", input, describe(failure, lockedOut));
    },
  };
}
