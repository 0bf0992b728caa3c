import type { Runner } from "./lifecycle";
import type { Answer, Question, Questions } from "./question";
import { script } from "./script";
import type { Target } from "./ssh";

interface Waiting {
  readonly questions: Questions;
  readonly resolve: (said: ReadonlyMap<string, Answer>) => void;
  readonly reject: (cause: unknown) => void;
}

/** So many questions go into one script; keeps its answer within what a session may print. */
const MOST = 1000;

/**
 * Reads of one run are shared: what resources ask while an earlier question is on its way goes to the host
 * together, each question once. A refresh of 300 resources is a handful of execs.
 */
export class Reader {
  private readonly queues = new Map<string, Waiting[]>();

  constructor(private readonly runner: Runner) {}

  ask(target: Target, questions: Questions): Promise<ReadonlyMap<string, Answer>> {
    const key = JSON.stringify(target);
    return new Promise((resolve, reject) => {
      const queue = this.queues.get(key);
      if (queue) queue.push({ questions, resolve, reject });
      else {
        this.queues.set(key, [{ questions, resolve, reject }]);
        void this.drain(key, target);
      }
    });
  }

  private async drain(key: string, target: Target): Promise<void> {
    // The engine sends reads one message at a time; a moment's wait brings them together.
    await new Promise((resolve) => setTimeout(resolve, 10));
    const queue = this.queues.get(key) as Waiting[];
    while (queue.length > 0) {
      const asked: Record<string, Question<unknown>> = {};
      const served: Waiting[] = [];
      while (queue.length > 0 && Object.keys(asked).length < MOST) {
        const next = queue.shift() as Waiting;
        for (const question of Object.values(next.questions)) asked[question.key] = question;
        served.push(next);
      }
      try {
        const { text, read } = script([], asked);
        const said = await this.runner.run(target, text, {
          label: "read",
          repeatable: true,
          timeoutMs: 120_000,
        });
        const { answers } = read(said.stdout);
        for (const { resolve } of served) resolve(answers);
      } catch (cause) {
        for (const { reject } of served) reject(cause);
      }
    }
    this.queues.delete(key);
  }
}
