import type { z } from "zod";
import type { Answers, Question, Questions } from "./question";
import type { Cost, InputOf, Shape } from "./schema";
import type { Step } from "./script";
import type { Sh } from "./sh";
import type { Shipment } from "./shipment";
import type { Target } from "./ssh";

/** What the state holds of a resource beside its inputs and its own outputs. */
export interface Bookkeeping {
  /** What differs from what was declared, in words; empty when nothing does. */
  drift: string[];
  /** What this resource changed on the host beyond itself (a module it loaded), to be put back on delete. */
  made?: string[];
}

/**
 * What the host decides where the program leaves it out: the unit of a pair that is free. It is taken by a script of
 * its own before `ensure`, which needs to know it.
 */
export interface Reservation<Input> {
  /** What an error calls it. */
  readonly what: string;
  /** Takes it, marked as ours. */
  readonly take: Sh;
  /** Holds when it was taken before: by a run that was cut off. */
  readonly taken: Sh;
  /** By the mark, because what was taken is not known here. */
  readonly giveBack: Sh;
  /** What was taken, as properties. */
  readonly question: Question<Partial<Input>>;
}

/** What is there under a resource's name, made by hand, when the resource says `adopt`. */
export interface Found<Input> {
  /** What an error calls it: `interface bridge0`. */
  readonly what: string;
  /** Properties that the program leaves out, as they are there. */
  readonly settled?: Partial<Input>;
  /** Sentences of `compare` that say no more than that it has no mark of ours. */
  readonly unmarked?: readonly string[];
  /** Beside what `compare` finds: in which ways it cannot be had as it is, in words. */
  readonly obstacles?: readonly string[];
}

/** Words for the two planes on which everything exists. */
export const running = (what: string) => `running: ${what}`;
export const atBoot = (what: string) => `at boot: ${what}`;

/** What is not as declared now, without the words for the plane. */
export const runningOnly = (drift: readonly string[]) =>
  drift.filter((found) => found.startsWith(running(""))).map((found) => found.slice(running("").length));

export type Report = (property: string, reason: string) => void;

/** Values that are not known yet in a preview are left out before `relations` sees them. */
export type Known<T> = T extends readonly (infer U)[]
  ? readonly (Known<U> | undefined)[]
  : T extends object
    ? { readonly [K in keyof T]?: Known<T[K]> | undefined }
    : T;

/** What of a kind matters without a host: its name and its properties. */
export interface KindOutline {
  /** The class's name in the SDK: `Bridge`. */
  readonly name: string;
  readonly inputs: Shape;
  /** Names of the outputs beside the inputs. */
  readonly outputs: readonly string[];
  /** Properties that `derive` fills in and that are no outputs. */
  readonly derived?: readonly string[];
  /**
   * Of a property that is an output too: whether what was recorded stays where the program leaves it out. Default: yes.
   */
  decides?(property: string, input: Readonly<Record<string, unknown>>): boolean;
}

/**
 * What the change of a property costs where that depends on its values, of which some may not be known yet in a
 * preview.
 */
export type Costs<I extends Shape> = {
  readonly [K in keyof I]?: (
    now: z.output<I[K]>,
    before: z.output<I[K]>,
    previous: Readonly<Record<string, unknown>>,
  ) => Cost;
};

/**
 * A kind of resource: all that is special about it. Every function is pure; the lifecycle (lifecycle.ts) does
 * the rest, the same for all kinds.
 */
export interface Kind<I extends Shape = Shape, O extends object = object, Q extends Questions = Questions>
  extends KindOutline {
  /** What an error calls it: `bridge`. */
  readonly noun: string;
  readonly inputs: I;
  readonly outputs: readonly (keyof O & string)[];
  /** What the thing is called on the host; also Pulumi's id. */
  id(input: InputOf<I>): string;
  target(input: InputOf<I>): Target;
  /** Fills in what was left out and follows from the rest (a jail's name from the resource's). */
  derive?(input: Known<InputOf<I>>): Partial<Record<keyof I, unknown>>;
  /** Checks between properties, each of which is valid by itself. */
  relations?(input: Known<InputOf<I>>, report: Report): void;
  /** Other than what the properties declare; what `ensure` does must agree. */
  costs?: Costs<I>;
  /** What an update does to mend a difference that a read found; undefined when everything runs on meanwhile. */
  mending?(input: InputOf<I>, drift: string): "restart" | "start" | undefined;
  /** Before a create: what is to be taken on the host first; undefined when the program says it all. */
  reserve?(input: InputOf<I>): Reservation<InputOf<I>> | undefined;
  /**
   * Before a create and an update: properties that were left out and, once decided, stay as they were recorded,
   * whatever they followed from (a MAC address).
   */
  settle?(input: InputOf<I>, previous: State<I, O> | undefined): Partial<InputOf<I>>;
  /** Before a create and an update: whether the key that the host shows is taken for its key, as `hostKey`. */
  meets?(input: InputOf<I>): boolean;
  /** Before `ensure`: a file that the host needs, if the answer to the question is true; after steps that look. */
  needs?(
    input: InputOf<I>,
    previous: State<I, O> | undefined,
  ): { readonly file: Shipment; readonly before: Step[]; readonly question: Question<boolean> } | undefined;
  /** From whatever is there to what is wanted. `previous` is the recorded state in an update. */
  ensure(input: InputOf<I>, previous: State<I, O> | undefined): Step[];
  /** Takes away what is ours and nothing else; every step holds when it is gone already. */
  remove(state: State<I, O>): Step[];
  questions(input: InputOf<I>): Q;
  /** Nothing of it is left on either plane: the engine then forgets it. */
  gone(answers: Answers<Q>, input: InputOf<I>): boolean;
  /**
   * Of kinds with `adopt`: what is there and nobody's. Undefined when there is nothing, or it is marked: as this
   * resource's, or as another's, which `ensure` refuses.
   */
  found?(input: InputOf<I>, answers: Answers<Q>): Found<InputOf<I>> | undefined;
  /** In which ways the host differs from `input`, in words (`running(...)`, `atBoot(...)`). */
  compare(input: InputOf<I>, answers: Answers<Q>): string[];
  observe(input: InputOf<I>, answers: Answers<Q>, previous: State<I, O> | undefined): O;
  /**
   * The old and the new one cannot exist at once: they have the same name, address, port or mark, by which the lines
   * of both would be the same. Default: true.
   */
  deleteBeforeReplace?: boolean | ((input: Known<InputOf<I>>, previous: State<I, O>) => boolean);
  /** Limits of the script in ms. Default: 2 minutes. */
  timeoutMs?: number | ((input: InputOf<I>) => number);
}

export type State<I extends Shape = Shape, O extends object = object> = InputOf<I> & O & Bookkeeping;

/** Types a kind's functions from its shape, outputs and questions. */
export function defineKind<I extends Shape, O extends object, Q extends Questions>(
  kind: Kind<I, O, Q>,
): Kind<I, O, Q> {
  return kind;
}
