import type { Runner } from "./lifecycle";
import { type Among, type Answer, askAll, type Question, type Questions } from "./question";
import { script } from "./script";
import type { Target } from "./ssh";

type Said = ReadonlyMap<string, Answer>;

interface Waiting {
  readonly questions: Questions;
  readonly resolve: (said: Said) => void;
  readonly reject: (cause: unknown) => void;
}

interface HostState {
  readonly queue: Waiting[];
  isDraining: boolean;
  /** What was said since many of a sort were asked for, and when that was. */
  shared: { readonly said: Map<string, Answer>; readonly at: number } | undefined;
  /** How often we have changed something there. */
  changes: number;
}

/** So many questions go into one script; keeps its answer within what a session may print. */
const MOST = 1000;

/** From so many questions of a sort on, all of the sort are asked for in one. */
const MANY = 3;

/** How long what was said then serves the reads that come after, in ms; at most until we change something. */
const FRESH = 30_000;

/**
 * Reads of one run are shared: what resources ask while an earlier question is on its way goes to the host
 * together, each question once, and for many of a sort all of the sort (`Among`). The engine has only a few reads
 * under way at a time, so what was said then answers those that follow too. A refresh of 300 resources is a handful
 * of execs.
 */
export class Reader {
  private readonly hosts = new Map<string, HostState>();

  constructor(private readonly runner: Runner) {}

  ask(target: Target, questions: Questions): Promise<Said> {
    const host = this.host(target);
    return new Promise((resolve, reject) => {
      host.queue.push({ questions, resolve, reject });
      if (!host.isDraining) void this.drain(host, target);
    });
  }

  /** Before and after something is changed there: what was read is not what is. */
  changed(target: Target): void {
    const host = this.host(target);
    host.changes++;
    host.shared = undefined;
  }

  private host(target: Target): HostState {
    const key = JSON.stringify(target);
    const known = this.hosts.get(key);
    if (known) return known;
    const host: HostState = { queue: [], isDraining: false, shared: undefined, changes: 0 };
    this.hosts.set(key, host);
    return host;
  }

  private async drain(host: HostState, target: Target): Promise<void> {
    host.isDraining = true;
    // The engine sends reads one message at a time; a moment's wait brings them together.
    await new Promise((resolve) => setTimeout(resolve, 10));
    while (host.queue.length > 0) {
      const asked = new Map<string, Question<unknown>>();
      const served: Waiting[] = [];
      while (host.queue.length > 0 && asked.size < MOST) {
        const next = host.queue.shift() as Waiting;
        for (const question of Object.values(next.questions)) asked.set(question.key, question);
        served.push(next);
      }
      try {
        const said = await this.answers(host, target, [...asked.values()]);
        for (const { resolve } of served) resolve(said);
      } catch (cause) {
        for (const { reject } of served) reject(cause);
      }
    }
    host.isDraining = false;
  }

  private async answers(host: HostState, target: Target, asked: readonly Question<unknown>[]): Promise<Said> {
    const { changes } = host;
    if (host.shared && Date.now() - host.shared.at > FRESH) host.shared = undefined;
    const said = new Map(host.shared?.said);
    const at = host.shared?.at ?? Date.now();
    const missing = () => asked.filter(({ key, among }) => !said.has(key) && !among?.pick(said));
    const ask = async (questions: readonly Question<unknown>[]) => {
      if (questions.length === 0) return;
      for (const [key, answer] of await this.run(target, questions)) said.set(key, answer);
    };
    const sorts = manyOf(missing()).filter(({ key }) => !said.has(key));
    await ask(sorts.map(askAll));
    await ask(missing());
    if ((host.shared || sorts.length > 0) && host.changes === changes) host.shared = { said, at };
    const picked = asked.flatMap(({ key, among }) => {
      const answer = said.get(key) ?? among?.pick(said);
      return answer ? [[key, answer] as const] : [];
    });
    return new Map(picked);
  }

  private async run(target: Target, questions: readonly Question<unknown>[]): Promise<Said> {
    const { text, read } = script([], Object.fromEntries(questions.map((each) => [each.key, each])));
    const said = await this.runner.run(target, text, {
      label: "read",
      repeatable: true,
      timeoutMs: 120_000,
    });
    return read(said.stdout).answers;
  }
}

/** The sorts of which many are asked for. */
function manyOf(questions: readonly Question<unknown>[]): Among[] {
  const sorts = new Map<string, { readonly among: Among; count: number }>();
  for (const { among } of questions) {
    if (!among) continue;
    const sort = sorts.get(among.key) ?? { among, count: 0 };
    sort.count++;
    sorts.set(among.key, sort);
  }
  return [...sorts.values()].filter(({ count }) => count >= MANY).map(({ among }) => among);
}
