import { randomBytes } from "node:crypto";
import { type Guard, guardOf, runOf } from "./guard";
import { locked, notesOf, SWEEP, workOf } from "./library";
import { NOTING } from "./notes";
import { listener, TOLD, teller, withoutTelling } from "./progress";
import { type Answer, ask, type Question, type Questions } from "./question";
import { definitions, ENVIRONMENT, type Sh, type ShellFunction, sh } from "./sh";
import type { Confirmation } from "./ssh";

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
  /**
   * It can cut the connection that it comes by. When it did something, the host waits for a new connection after it,
   * and takes everything back where none comes. Such steps come before those that write what the host boots with.
   */
  readonly cuts?: boolean;
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
  /** No new connection came after a step that can cut it. */
  readonly cutOff: boolean;
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
  /** The part of `text` that does the work: a script within the script. */
  readonly program: string;
  /** There when a step can cut the connection: what the host waits for after it. */
  readonly confirmation: Confirmation | undefined;
  read(stdout: string): Outcome;
  /** Finds in what the script prints, as it comes, what it does; undefined where no step may take long. */
  hear?(say: (text: string) => void): (bytes: string) => void;
}

export type Verb = "create" | "update" | "delete";

/** For whom steps are done. */
export interface Work {
  /** The resource's mark: its steps wait for what an earlier run has left running for it. */
  readonly owner: string;
  /** What the lock says of us to others that wait for it: who, from where, and what for. */
  readonly holder: string;
  /**
   * In a create nothing is recorded of the resource: what an earlier run made that was cut off is taken back too, when
   * a step fails. A delete goes forward only: it takes nothing back but what lets no new connection in.
   */
  readonly verb?: Verb;
}

/** As long as a run waits for an earlier one of the same resource. */
const PATIENCE_SECONDS = 60;

/**
 * Steps, then questions, in one script: a create, update or delete is one exec, and its answer is the new state.
 * When a step fails the earlier ones are undone in reverse order and the questions are asked all the same.
 *
 * Steps go on to their end when the connection is lost, under a lock of the resource, so that the next run finds
 * them done or undone and never half-way.
 */
export function script(declared: readonly [], questions: Questions): Script;
export function script(declared: readonly Step[], questions: Questions, work: Work): Script;
export function script(declared: readonly Step[], questions: Questions, work?: Work): Script {
  const mark = `@@${randomBytes(8).toString("hex")}`;
  const goesForward = work?.verb === "delete";
  const guard = work && guardOf(declared, work.owner, mark);
  const steps = (guard ? guard.steps : declared).map((step) =>
    goesForward && !step.cuts ? { ...step, undo: sh`:` } : step,
  );
  const asked = [...new Map(Object.values(questions).map((q) => [q.key, q])).values()];
  const groups = groupQuestions(asked);
  const isNew = work?.verb === "create";
  const bodies = steps.flatMap((step, i) => [stepBody(step, i, isNew), ...teller(step, i)]);
  const tells = steps.some((step) => step.telling !== undefined);
  const needs = new Set<ShellFunction>();
  for (const fragment of [...bodies, ...groups]) for (const need of fragment.needs) needs.add(need);

  const holder = work ? [sh`holder=${work.holder}`.text] : [];
  const functions = definitions(needs);
  const program = [
    ENVIRONMENT,
    "umask 022",
    sh`mark=${mark}`.text,
    // What a lock is held for; not exported, because a jail would start with it in its environment.
    ...(needsHolder(functions) ? holder : []),
    RUNTIME,
    ...(tells ? [TOLD] : []),
    ...(guard ? [guard.runtime] : []),
    functions,
    ...bodies.map((body) => body.text),
    "work() {",
    ...steps.map(({ telling }, i) => {
      if (i === guard?.at) return `await_connection ${i} || return${goesForward ? "\nundo=" : ""}`;
      return `${telling === undefined ? "step" : "told"} ${i} || return`;
    }),
    ":",
    "}",
    "look() {",
    ...groups.map((group) => group.text),
    ":",
    "}",
  ].join("\n");
  // The last line: a script that was cut off on its way defines functions and runs nothing.
  const last = "main </dev/null\n";
  const answer = {
    confirmation: guard?.confirmation,
    read: (stdout: string) => readOutcome(withoutTelling(stdout, mark), mark, steps, guard),
    ...(tells && { hear: (say: (text: string) => void) => listener(mark, say) }),
  };
  if (!work) {
    const text = `${program}\nmain() {\nlook\n}\n${last}`;
    return { text, program: text, ...answer };
  }
  const place = workOf(work.owner);
  const whole = [
    program,
    sh`tmp=${place} notes=${notesOf(work.owner)}`.text,
    BEGIN_WORK,
    // What an earlier run has left for a client that never came.
    sh`rm -f ${runOf(work.owner)}.*`.text,
    "{",
    ...(guard ? ["guarded"] : ["work", "look"]),
    "} </dev/null",
    "",
  ].join("\n");
  const run = sh`${locked} ${`${place}.lock`} ${PATIENCE_SECONDS} /bin/sh -s`;
  const text = [
    ENVIRONMENT,
    "umask 022",
    ...holder,
    definitions(run.needs),
    "main() {",
    `${run.text} <<'${mark}'`,
    `${whole}${mark}`,
    "}",
    last,
  ].join("\n");
  return { text, program: whole, ...answer };
}

const needsHolder = (functions: string) => functions.includes(`${locked.name}() {`);

/**
 * Under the lock. What another script left that died with its host, or was killed, is removed: it has the folder but
 * not its lock. A signal that is caught, unlike one that is ignored, is not ignored by what the steps start.
 */
const BEGIN_WORK = `
trap : HUP PIPE
for left in /var/run/pulumi-freebsd-vnet.*/; do
left=\${left%/}
if [ "$left" = "$tmp" ]; then rm -rf "$tmp" || exit
elif [ -d "$left" ]; then lockf -s -t 0 "$left.lock" rm -rf "$left"; fi
done
${SWEEP}
mkdir -m 700 "$tmp" || exit
trap 'rm -rf "$tmp"' EXIT`.trim();

/*
 * What is called with a file for its output stands between braces, here and in guard.ts: where the file cannot be
 * opened, sh(1) ends as a whole if that is a function or a special builtin, as `:` (bin/sh/eval.c).
 */
const RUNTIME = `
undo=
emit() { printf '\\n%s %s %s\\n' "$mark" "$1" "$2"; }
${NOTING}
step() {
did='' found=''
{ "do_$1"; } >"$tmp/out" 2>"$tmp/err"
code=$?
if [ -n "$did" ]; then undo="$1 $undo"; fi
if [ "$code" -eq 0 ]; then
if [ -n "$did$found" ]; then emit did "$1"; fi
return 0
fi
give_up "$1" "$code"
}
give_up() {
tail -c 4000 "$tmp/out"; emit stdout "$1"
tail -c 8000 "$tmp/err"; { echo . | cat >"$tmp/room"; } 2>&1; emit stderr "$1"
for n in $undo; do "undo_$n" >/dev/null 2>&1 || emit left "$n"; done
emit failed "$1:$2"
return 1
}`.trim();

function stepBody({ run, unless, undo = sh`:`, made }: Step, i: number, isNew: boolean): Sh {
  const name = (prefix: string) => rawName(`${prefix}_${i}`);
  const known = made === undefined ? sh`` : sh`if noted ${made}; then ${isNew ? sh`did` : sh`found`}=1; fi\n`;
  const done = (then: Sh) => (unless ? sh`if ${unless} >/dev/null 2>&1; then\n${then}return 0\nfi\n` : sh``);
  const begin = made === undefined ? sh`` : sh`note ${made} || return\n`;
  const failed = made === undefined ? sh`` : sh`forget ${made}\n`;
  return sh`${name("do")}() {
${done(known)}${begin}if ${run}; then did=1; return 0; else code=$?; fi
${failed}${done(sh``)}return "$code"
}
${name("undo")}() {
${made === undefined ? undo : sh`{ ${undo}\n} && forget ${made}`}
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

function readOutcome(
  stdout: string,
  mark: string,
  steps: readonly Step[],
  guard: Guard | undefined,
): Outcome {
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
      cutOff: failed.step === guard?.at,
    },
  };
}

function stepName(step: Step | undefined): string {
  return step?.what ?? step?.run.text.trim() ?? "a step";
}
