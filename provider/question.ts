import { Sh, type ShellFunction, sh } from "./sh";

/** What the host answered to one question: the output (with the error output in it) and the exit status. */
export interface Answer {
  readonly text: string;
  readonly status: number;
}

/**
 * Something to ask the host, and how to read the answer. Questions with the same key are asked once however
 * many resources ask them; a `group` asks its members together (all variables of rc.conf in one go).
 */
export interface Question<T> {
  readonly key: string;
  readonly ask: Sh;
  readonly group?: { readonly key: string; readonly wrap: (members: Sh) => Sh };
  /** Throws when the answer is neither the thing nor an explicit "there is none". */
  read(answer: Answer): T;
}

export type Questions = Readonly<Record<string, Question<unknown>>>;

export type Answers<Q extends Questions> = {
  readonly [K in keyof Q]: Q[K] extends Question<infer T> ? T : never;
};

/** Reads the answers to `questions` out of what the host said. */
export function readAnswers<Q extends Questions>(
  questions: Q,
  said: ReadonlyMap<string, Answer>,
): Answers<Q> {
  const read = Object.entries(questions).map(([name, question]) => {
    const answer = said.get(question.key);
    if (!answer) throw new Error(`the host's answer ended before it told: ${question.key}`);
    return [name, question.read(answer)];
  });
  return Object.fromEntries(read);
}

/** The same without those that cannot be read. */
export function readableAnswers<Q extends Questions>(
  questions: Q,
  said: ReadonlyMap<string, Answer>,
): Partial<Answers<Q>> {
  const read = Object.entries(questions).flatMap(([name, question]) => {
    try {
      return Object.entries(readAnswers({ [name]: question }, said));
    } catch {
      return [];
    }
  });
  return Object.fromEntries(read) as Partial<Answers<Q>>;
}

/** The shell text that asks the members of one group, each followed by its end mark. */
export function ask(members: readonly Question<unknown>[]): Sh {
  const asked = members.map(
    (question) => sh`{ ${question.ask}\n} 2>&1; emit ${encodeURIComponent(question.key)} $?`,
  );
  const needs = new Set<ShellFunction>(asked.flatMap((fragment) => [...fragment.needs]));
  const together = new Sh(asked.map((fragment) => fragment.text).join("\n"), needs);
  return members[0]?.group ? members[0].group.wrap(together) : together;
}

/** An answer that cannot be read: not the thing, not its absence. */
export class Unreadable extends Error {
  constructor(question: string, answer: Answer) {
    super(
      `unexpected answer to \`${question}\` (exit status ${answer.status}): ${answer.text.trim() || "nothing"}`,
    );
  }
}
