import { type CheckResult, check } from "./check";
import { logicalName } from "./common";
import { interruption } from "./cost";
import { type DiffResult, diff } from "./diff";
import { describe, differs, PartlyCreated, place, ResourceError } from "./errors";
import { type Kind, type Reservation, runningOnly, type State } from "./kind";
import { LOCKED } from "./library";
import { askNotes, dropNotes, keepNotes } from "./notes";
import { type Answer, type Answers, type Questions, readAnswers, readableAnswers } from "./question";
import type { Reader } from "./reader";
import { defaultOf, type InputOf, type Shape } from "./schema";
import { type Outcome, type Step, script, type Verb } from "./script";
import { sh } from "./sh";
import { ship } from "./shipment";
import { type Confirmation, hasUnknownEnd, type Live, SshError, type Target } from "./ssh";
import { withoutUndefined } from "./unknown";

/** The part of the SSH room that the lifecycle needs. */
export interface Runner {
  run(
    target: Target,
    script: string,
    options?: {
      timeoutMs?: number;
      label?: string;
      repeatable?: boolean;
      live?: Live;
      confirmation?: Confirmation;
    },
  ): Promise<{
    stdout: string;
    stderr: string;
    status: number;
    /** Why new connections failed, where the script was to be confirmed by one. */
    lockedOut?: string;
  }>;
  /** The key of a host of which none is known yet; a line by which it is pinned from then on. */
  meet?(target: Target): Promise<string>;
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
  /** Takes a line for whoever waits for long work. */
  readonly say?: (line: string) => void;
  /** Tells what a change interrupts, in a preview too. */
  readonly announce?: (message: string) => void;
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

/**
 * The one lifecycle: observe, ensure, observe. Create and update are the same flow, from whatever is there to
 * what is wanted; the state is what the host answered after it, never what was asked for.
 */
export function lifecycle<I extends Shape, O extends object, Q extends Questions>(
  kind: Kind<I, O, Q>,
  { runner, reader, configure, who, say = () => {}, announce = () => {} }: Shared,
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

  const settled = async (verb: Verb, declared: Inputs, previous: Recorded | undefined): Promise<Inputs> => {
    const input = { ...declared, ...kind.settle?.(declared, previous) };
    if (!kind.meets?.(input)) return input;
    try {
      return { ...input, hostKey: await runner.meet?.(kind.target(input)) };
    } catch (cause) {
      throw error(verb, input, cause);
    }
  };

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

  const tell = (input: Inputs, text: string) =>
    say(`${kind.name} ${logicalName((input as { owner?: string }).owner) ?? kind.id(input)}: ${text}`);

  /** One script: the steps, then the questions whose answers are the new state. */
  const apply = async (
    verb: Verb,
    input: Inputs,
    steps: readonly Step[],
    questions: Questions,
  ): Promise<Outcome & { lockedOut: string | undefined }> => {
    const label = named(verb, input);
    const { text, read, hear, confirmation } = script(steps, questions, {
      owner: ownerOf(input),
      holder: `${who}: ${label}`,
      verb,
    });
    const heard = hear?.((told) => tell(input, told));
    reader.changed(kind.target(input));
    try {
      const said = await runner.run(kind.target(input), text, {
        timeoutMs:
          (typeof kind.timeoutMs === "function" ? kind.timeoutMs(input) : kind.timeoutMs) ??
          DEFAULT_TIMEOUT_MS,
        label,
        ...(heard && { live: { hear: heard } }),
        ...(confirmation && { confirmation }),
      });
      if (said.status === LOCKED) throw new AtWork(said.stderr.trim());
      if (said.status !== 0)
        throw new Error(`the script ended with status ${said.status}: ${said.stderr.trim()}`);
      const { lockedOut } = said;
      return { ...read(said.stdout), lockedOut };
    } catch (cause) {
      const failed = error(verb, input, cause);
      const maybe = hasUnknownEnd(cause) || cause instanceof AtWork;
      throw verb === "create" && maybe ? partly(input, failed.message) : failed;
    } finally {
      reader.changed(kind.target(input));
    }
  };

  /** The state with what runs made that were cut off before anybody heard of it. */
  const withNotes = async (state: Recorded): Promise<Recorded> => {
    if (!kind.ensure(state, undefined).some(({ made }) => made !== undefined)) return state;
    const questions = { notes: askNotes(ownerOf(state)) };
    const { answers } = await apply("delete", state, [], questions);
    try {
      const { notes } = readAnswers(questions, answers);
      const made = [...new Set([...(state.made ?? []), ...notes])];
      return made.length > 0 ? { ...state, made } : state;
    } catch (cause) {
      throw error("delete", inputsOf(state), cause);
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

  /** Nothing where an answer is missing that the rest follows from: what was recorded before stays. */
  const observed = (input: Inputs, answers: Partial<Answers<Q>>, previous: Recorded | undefined) => {
    try {
      return kind.observe(input, answers as Answers<Q>, previous);
    } catch {
      return {};
    }
  };

  /** The state after all steps; where the host's answer cannot be read, what is made is recorded all the same. */
  const told = (verb: Verb, input: Inputs, outcome: Outcome, previous: Recorded | undefined) => {
    try {
      return state(input, outcome.answers, previous, outcome.made);
    } catch (cause) {
      const { message } = error(verb, input, cause);
      const made = [...new Set([...(previous?.made ?? []), ...outcome.made])];
      const recorded = {
        ...previous,
        ...input,
        ...observed(input, readableAnswers(kind.questions(input), outcome.answers), previous),
        drift: [message],
        ...(made.length > 0 && { made }),
      };
      throw new PartlyCreated(message, kind.id(input), withoutUndefined(recorded), [message]);
    }
  };

  /** What the host decides, taken on it; `giveBack` holds when a later step fails. */
  const reserve = async (verb: Verb, input: Inputs, reservation: Reservation<Inputs>) => {
    const { what, take, taken, giveBack: undo, question } = reservation;
    const step = { what, run: take, unless: taken, undo };
    const { failure, answers } = await apply(verb, input, [step], { question });
    if (failure) throw error(verb, input, describe(failure, verb));
    const decided = readAnswers({ question }, answers).question;
    // Nothing is recorded of it, so what an earlier run took that was cut off is given back too.
    return { decided, giveBack: verb === "create" ? [{ what, run: sh`:`, undo }] : [] };
  };

  /** The file that the host needs, if it does. */
  const bring = async (verb: Verb, input: Inputs, previous: Recorded | undefined) => {
    const needed = kind.needs?.(input, previous);
    if (!needed) return;
    const { file, before, question } = needed;
    const { failure, answers } = await apply(verb, input, before, { question });
    if (failure) throw error(verb, input, describe(failure, verb));
    try {
      if (!readAnswers({ question }, answers).question) return;
      await ship(file, kind.target(input), runner, {
        label: `send ${file.file}`,
        say: (text) => tell(input, text),
      });
    } catch (cause) {
      const { message } = error(verb, input, cause);
      if (previous || !(cause instanceof SshError)) throw new ResourceError(message);
      // What has arrived stays for the next run, or is removed with the resource.
      throw partly(input, message);
    }
  };

  /**
   * With `adopt`, what is there and nobody's is taken over only as it is: the steps that follow find all of it done
   * but for the marks. Answers with what the program leaves out and the host has decided.
   */
  const adopt = async (input: Inputs & { adopt?: boolean }): Promise<Partial<Inputs>> => {
    if (!kind.found || !input.adopt) return {};
    try {
      const said = await reader.ask(kind.target(input), kind.questions(input));
      const answers = readAnswers(kind.questions(input), said) as Answers<Q>;
      const found = kind.found(input, answers);
      if (!found) return {};
      const { what, settled = {}, unmarked = [], obstacles = [] } = found;
      const drift = kind.compare({ ...input, ...settled }, answers);
      const differences = [...runningOnly(drift.filter((each) => !unmarked.includes(each))), ...obstacles];
      if (differences.length > 0) throw new Error(differs(what, differences));
      return settled as Partial<Inputs>;
    } catch (cause) {
      throw error("adopt", input, cause);
    }
  };

  const ensure = async (verb: Verb, given: Inputs, previous: Recorded | undefined) => {
    const adopted = await adopt({
      ...given,
      ...(previous && "owner" in previous && { owner: previous.owner }),
    });
    const declared = previous ? given : { ...given, ...adopted };
    const undecided = await settled(verb, declared, previous);
    const reservation = kind.reserve?.(undecided);
    const reserved = reservation && (await reserve(verb, undecided, reservation));
    const input = reserved ? await settled(verb, { ...declared, ...reserved.decided }, previous) : undecided;

    await bring(verb, input, previous);
    const steps = [
      ...(reserved?.giveBack ?? []),
      ...(previous ? keepNotes(ownerOf(input), ownerOf(previous)) : []),
      ...kind.ensure(input, previous),
    ];
    const outcome = await apply(verb, input, steps, kind.questions(input));
    const { failure } = outcome;
    if (failure) {
      const { message } = error(verb, input, describe(failure, verb, outcome.lockedOut));
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

  /** Read in this run and not planned yet. */
  const refreshed = new Set<unknown>();

  return {
    configure,

    check: async (olds, news) => {
      refreshed.delete(ownerOf(olds));
      return check(kind as unknown as Kind, news as Record<string, unknown>);
    },

    diff: async (_id, olds, news) => {
      const given = [kind as unknown as Kind, recorded(olds), news as Record<string, unknown>] as const;
      // A refresh asks for the difference too, and changes nothing on the host.
      const interrupts = refreshed.delete(ownerOf(olds)) ? undefined : interruption(...given);
      if (interrupts !== undefined) announce(interrupts);
      return diff(...given);
    },

    create: (props) => withHandler(props, ensure("create", inputsOf(props), undefined)),

    update: (_id, olds, news) => withHandler(news, ensure("update", inputsOf(news), recorded(olds))),

    async read(id, props) {
      const input = inputsOf(props);
      const previous = recorded(props);
      refreshed.add(ownerOf(props));
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
      const { failure, lockedOut } = await apply("delete", input, [...steps, dropNotes(ownerOf(state))], {});
      if (failure) throw error("delete", input, describe(failure, "delete", lockedOut));
    },
  };
}
