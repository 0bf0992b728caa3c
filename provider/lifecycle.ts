import { type CheckResult, check } from "./check";
import { type DiffResult, diff } from "./diff";
import { describe, PartlyCreated, place, ResourceError } from "./errors";
import type { Kind, Reservation, State } from "./kind";
import { LOCKED, notesOf } from "./library";
import {
  type Answer,
  type Answers,
  type Question,
  type Questions,
  readAnswers,
  readableAnswers,
  Unreadable,
} from "./question";
import type { Reader } from "./reader";
import { defaultOf, type InputOf, type Shape } from "./schema";
import { type Outcome, type Step, script } from "./script";
import { sh } from "./sh";
import { hasUnknownEnd, type Target } from "./ssh";
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

/** What all kinds share. */
export interface Shared {
  readonly runner: Runner;
  readonly reader: Reader;
  readonly configure: ResourceProvider["configure"];
  /** Who does it, for others that have to wait: `dch@laptop`. */
  readonly who: string;
}

const DEFAULT_TIMEOUT_MS = 120_000;

/** An earlier run of the resource, whose connection was lost, has not come to its end. */
class AtWork extends Error {}

/**
 * Pulumi adds to what is recorded by whom it is handled, but not to what an error carries: nobody could delete a
 * resource that was partly made.
 */
async function withHandler<T>(props: object, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    const { __provider } = props as { __provider?: string };
    if (!(cause instanceof PartlyCreated) || __provider === undefined) throw cause;
    throw new PartlyCreated(cause.message, cause.id, { ...cause.properties, __provider }, cause.reasons);
  }
}

/** What the host remembers of the resource; under its lock, so that all is said. */
const askNotes: Question<string[]> = {
  key: "notes",
  ask: sh`if [ -e "$notes" ]; then cat "$notes"; fi`,
  read(answer) {
    if (answer.status !== 0) throw new Unreadable("notes of the resource", answer);
    return answer.text.split("\n").filter((line) => line !== "");
  },
};

const dropNotes = (owner: string): Step => ({ run: sh`rm -f ${[notesOf(owner), `${notesOf(owner)}.new`]}` });

/** They go with the resource when it gets another name. */
function keepNotes(owner: string, previous: string): Step[] {
  if (owner === previous) return [];
  const move = (from: string, to: string) => sh`mv -f ${notesOf(from)} ${notesOf(to)}`;
  return [
    {
      run: move(previous, owner),
      unless: sh`[ ! -e ${notesOf(previous)} ]`,
      undo: move(owner, previous),
    },
  ];
}

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

  /** Hosts are the only ones without a mark of their own: they change nothing but what all of them share. */
  const ownerOf = (input: object): string => (input as { owner?: string }).owner ?? kind.name;

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
  ): Promise<Outcome> => {
    const label = named(verb, input);
    const { text, read } = script(steps, questions, {
      owner: ownerOf(input),
      holder: `${who}: ${label}`,
      isNew: verb === "create",
    });
    try {
      const said = await runner.run(kind.target(input), text, {
        timeoutMs:
          (typeof kind.timeoutMs === "function" ? kind.timeoutMs(input) : kind.timeoutMs) ??
          DEFAULT_TIMEOUT_MS,
        label,
      });
      if (said.status === LOCKED) throw new AtWork(said.stderr.trim());
      if (said.status !== 0)
        throw new Error(`the script ended with status ${said.status}: ${said.stderr.trim()}`);
      return read(said.stdout);
    } catch (cause) {
      const failed = error(verb, input, cause);
      const maybe = hasUnknownEnd(cause) || cause instanceof AtWork;
      throw verb === "create" && maybe ? partly(input, failed.message) : failed;
    }
  };

  /** The state with what runs made that were cut off before anybody heard of it. */
  const withNotes = async (state: Recorded): Promise<Recorded> => {
    if (!kind.ensure(state, undefined).some(({ made }) => made !== undefined)) return state;
    const { answers } = await apply("delete", state, [], { notes: askNotes });
    const { notes } = readAnswers({ notes: askNotes }, answers);
    const made = [...new Set([...(state.made ?? []), ...notes])];
    return made.length > 0 ? { ...state, made } : state;
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

  /** The state after all steps; where the host's answer cannot be read, what is made is recorded all the same. */
  const told = (verb: string, input: Inputs, outcome: Outcome, previous: Recorded | undefined) => {
    try {
      return state(input, outcome.answers, previous, outcome.made);
    } catch (cause) {
      const { message } = error(verb, input, cause);
      const made = [...new Set([...(previous?.made ?? []), ...outcome.made])];
      const partly = {
        ...previous,
        ...input,
        ...kind.observe(
          input,
          readableAnswers(kind.questions(input), outcome.answers) as Answers<Q>,
          previous,
        ),
        drift: [message],
        ...(made.length > 0 && { made }),
      };
      throw new PartlyCreated(message, kind.id(input), withoutUndefined(partly), [message]);
    }
  };

  /** What the host decides, taken on it; `giveBack` holds when a later step fails. */
  const reserve = async (verb: string, input: Inputs, reservation: Reservation<Inputs>) => {
    const { what, take, taken, giveBack: undo, question } = reservation;
    const step = { what, run: take, unless: taken, undo };
    const { failure, answers } = await apply(verb, input, [step], { question });
    if (failure) throw error(verb, input, describe(failure));
    const decided = readAnswers({ question }, answers).question;
    // Nothing is recorded of it, so what an earlier run took that was cut off is given back too.
    return { decided, giveBack: verb === "create" ? [{ what, run: sh`:`, undo }] : [] };
  };

  const ensure = async (verb: string, declared: Inputs, previous: Recorded | undefined) => {
    const undecided = settled(declared, previous);
    const reservation = kind.reserve?.(undecided);
    const reserved = reservation && (await reserve(verb, undecided, reservation));
    const input = reserved ? settled({ ...declared, ...reserved.decided }, previous) : undecided;

    const steps = [
      ...(reserved?.giveBack ?? []),
      ...(previous ? keepNotes(ownerOf(input), ownerOf(previous)) : []),
      ...kind.ensure(input, previous),
    ];
    const outcome = await apply(verb, input, steps, kind.questions(input));
    const { failure } = outcome;
    if (failure) {
      const { message } = error(verb, input, describe(failure));
      if (failure.left.length === 0 || previous) throw new ResourceError(message);
      throw partly(input, message, outcome.made);
    }
    const outs = told(verb, input, outcome, previous);
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

    create: (props) => withHandler(props, ensure("create", inputsOf(props), undefined)),

    update: (_id, olds, news) => withHandler(news, ensure("update", inputsOf(news), recorded(olds))),

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
      const state = recorded(props);
      const steps = undecided
        ? [{ what: undecided.what, run: undecided.giveBack }]
        : kind.remove(await withNotes(state));
      const { failure } = await apply("delete", input, [...steps, dropNotes(ownerOf(state))], {});
      if (failure) throw error("delete", input, describe(failure));
    },
  };
}
