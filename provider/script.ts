import { randomBytes } from "node:crypto";
import { listener, TOLD, teller, withoutTelling } from "./progress";
import { type Answer, ask, type Question, type Questions } from "./question";
import { definitions, type Sh, type ShellFunction, sh } from "./sh";

/**
 * One step on the way to what is wanted. It is idempotent: `unless` says that nothing is to be done, and is
 * asked again when `run` fails, because devd(8) or another program may have done the same in between.
 */
export interface Step {
  /** What an error calls it; the command itself where that reads well. */
  readonly what?: string;
  readonly run: Sh;
  readonly unless?: Sh;
  /** Takes back what `run` did, when a later step fails. */
  readonly undo?: Sh;
  /** Recorded in the resource's `made` when it was `run` that did it, so that delete can tell it from what was there. */
  readonly made?: string;
  /** It may take long: what it does, told to the user every ten seconds while it goes on. */
  readonly telling?: string;
}

export interface Failure {
  readonly step: string;
  readonly status: number;
  readonly stderr: string;
  readonly stdout: string;
  /** Steps whose undo failed: what is left on the host. */
  readonly left: readonly string[];
}

export interface Outcome {
  /** `made` marks of the steps that did something. */
  readonly made: readonly string[];
  readonly failure: Failure | undefined;
  readonly answers: ReadonlyMap<string, Answer>;
}

/** A script that goes to `/bin/sh -s` on the host, and how to read what it answers. */
export interface Script {
  readonly text: string;
  read(stdout: string): Outcome;
  /** Finds in what the script prints, as it comes, what it does; undefined where no step may take long. */
  hear?(say: (text: string) => void): (bytes: string) => void;
}

/**
 * Steps, then questions, in one script: a create, update or delete is one exec, and its answer is the new state.
 * When a step fails the earlier ones are undone in reverse order and the questions are asked all the same.
 */
export function script(steps: readonly Step[], questions: Questions): Script {
  const mark = `@@${randomBytes(8).toString("hex")}`;
  const asked = [...new Map(Object.values(questions).map((q) => [q.key, q])).values()];
  const groups = groupQuestions(asked);
  const bodies = steps.flatMap((step, i) => [stepBody(step, i), ...teller(step, i)]);
  const tells = steps.some((step) => step.telling !== undefined);
  const needs = new Set<ShellFunction>();
  for (const fragment of [...bodies, ...groups]) for (const need of fragment.needs) needs.add(need);

  const text = [
    "PATH=/sbin:/bin:/usr/sbin:/usr/bin LC_ALL=C",
    "export PATH LC_ALL",
    "umask 022",
    sh`mark=${mark}`.text,
    RUNTIME,
    ...(tells ? [TOLD] : []),
    definitions(needs),
    ...bodies.map((body) => body.text),
    "main() {",
    steps.length > 0 ? "work" : "",
    "look",
    "}",
    "work() {",
    "tmp=$(mktemp -d /tmp/pulumi-freebsd-vnet.XXXXXXXX) || exit",
    ...steps.map(({ telling }, i) => `${telling === undefined ? "step" : "told"} ${i} || return`),
    "clean",
    "}",
    "look() {",
    ...groups.map((group) => group.text),
    ":",
    "}",
    // The last line: a script that was cut off on its way defines functions and runs nothing.
    "main </dev/null",
    "",
  ].join("\n");
  return {
    text,
    read: (stdout) => readOutcome(withoutTelling(stdout, mark), mark, steps),
    ...(tells && { hear: (say: (text: string) => void) => listener(mark, say) }),
  };
}

const RUNTIME = `
undo=
emit() { printf '\\n%s %s %s\\n' "$mark" "$1" "$2"; }
clean() { rm -rf "$tmp"; }
step() {
did=
"do_$1" >"$tmp/out" 2>"$tmp/err"
status=$?
if [ -n "$did" ]; then undo="$1 $undo"; fi
if [ "$status" -eq 0 ]; then
if [ -n "$did" ]; then emit did "$1"; fi
return 0
fi
tail -c 4000 "$tmp/out"; emit stdout "$1"
tail -c 8000 "$tmp/err"; emit stderr "$1"
for n in $undo; do "undo_$n" >/dev/null 2>&1 || emit left "$n"; done
emit failed "$1:$status"
clean
return 1
}`.trim();

function stepBody(step: Step, i: number): Sh {
  const test = step.unless ? sh`if ${step.unless} >/dev/null 2>&1; then return 0; fi\n` : sh``;
  const again = step.unless ? sh`\nif ${step.unless} >/dev/null 2>&1; then return 0; fi` : sh``;
  const name = (prefix: string) => rawName(`${prefix}_${i}`);
  return sh`${name("do")}() {
${test}if ${step.run}; then did=1; return 0; else status=$?; fi${again}
return "$status"
}
${name("undo")}() {
${step.undo ?? sh`:`}
}`;
}

const rawName = (name: string): Sh => sh`${name}`;

function groupQuestions(questions: readonly Question<unknown>[]): Sh[] {
  const groups = new Map<string, Question<unknown>[]>();
  for (const question of questions) {
    const key = question.group?.key ?? question.key;
    groups.set(key, [...(groups.get(key) ?? []), question]);
  }
  return [...groups.values()].map(ask);
}

function readOutcome(stdout: string, mark: string, steps: readonly Step[]): Outcome {
  const answers = new Map<string, Answer>();
  const made: string[] = [];
  const left: string[] = [];
  const outputs = { stdout: "", stderr: "" };
  let failed: { step: number; status: number } | undefined;
  const end = new RegExp(`\\n${mark} (\\S+) (\\S+)\\n`, "g");
  let from = 0;
  for (const found of stdout.matchAll(end)) {
    const text = stdout.slice(from, found.index);
    from = found.index + found[0].length;
    const [, word, value] = found as unknown as [string, string, string];
    if (word === "did") {
      const mark = steps[Number(value)]?.made;
      if (mark) made.push(mark);
    } else if (word === "stdout" || word === "stderr") outputs[word] = text.trim();
    else if (word === "left") left.push(stepName(steps[Number(value)]));
    else if (word === "failed") {
      const [step, status] = value.split(":").map(Number) as [number, number];
      failed = { step, status };
    } else answers.set(decodeURIComponent(word), { text, status: Number(value) });
  }
  return {
    made,
    answers,
    failure: failed && {
      step: stepName(steps[failed.step]),
      status: failed.status,
      ...outputs,
      left,
    },
  };
}

function stepName(step: Step | undefined): string {
  return step?.what ?? step?.run.text.trim() ?? "a step";
}
