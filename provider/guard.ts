import { workOf } from "./library";
import type { Step } from "./script";
import { ENVIRONMENT, sh } from "./sh";
import type { Confirmation } from "./ssh";

/*
 * The way back of a change that can cut the connection: the host makes it, waits for a new connection, and takes it
 * back where none comes. docs/decisions/0007-a-timed-way-back.md says why it is like this.
 */

/**
 * As long as the host waits. A connection that hangs is given up after 25 s, and a new one then has to come; the next
 * run of the resource waits for this one, but not longer than a minute.
 */
export const WAIT_SECONDS = 45;

/** A confirmation waits so long for the end of the run: taking back may have to wait for natd(8), 10 s at a time. */
const END_SECONDS = 170;

/** Exit statuses of a confirmation that tells nothing of the run's end: it has to come again by another connection. */
const NOT_YET = 75;
const NOBODY_KNOWS = 74;

export interface Guard {
  /** The declared ones, with the wait for a connection among them. */
  readonly steps: readonly Step[];
  /** Which of `steps` it is. */
  readonly at: number;
  readonly runtime: string;
  readonly confirmation: Confirmation;
}

/** undefined when no step can cut the connection. */
export function guardOf(declared: readonly Step[], owner: string, mark: string): Guard | undefined {
  const at = declared.findLastIndex((step) => step.cuts) + 1;
  if (at === 0) return undefined;
  const cutting = declared.flatMap((step, i) => (step.cuts ? [i] : []));
  const wait: Step = { what: "wait for a new connection", run: sh`:` };
  const cue = `${mark} waits`;
  return {
    steps: [...declared.slice(0, at), wait, ...declared.slice(at)],
    at,
    runtime: runtime(runOf(owner), cue, cutting),
    confirmation: {
      cue,
      seconds: WAIT_SECONDS,
      script: confirmation(runOf(owner), mark),
      timeoutMs: (END_SECONDS + 10) * 1000,
      notYet: NOT_YET,
    },
  };
}

/** What the files of a run begin with: removed by whoever takes its answer, by the resource's next run, and at boot. */
export const runOf = (owner: string) => `${workOf(owner)}.run`;

/*
 * `waiting` becomes `confirmed` or `expired` by rename(2), so only one of the two happens. Whoever ends the sleep
 * wakes the run, and no more.
 */
const runtime = (run: string, cue: string, cutting: readonly number[]) =>
  `
run=${run}
guarded() {
umask 077
printf '%s\\n' "$mark" > "$run.mark" && : > "$run.answer" || exit
umask 022
{ work; look; } > "$run.answer"
{ :; } > "$run.ended"
cat "$run.answer"
if [ -e "$run.collector" ]; then kill "$(cat "$run.collector")" 2>/dev/null; fi
if [ ! -e "$run.confirmed" ] && [ ! -e "$run.expired" ]; then rm -f "$run".*; fi
}
await_connection() {
case " $undo" in ${cutting.map((n) => `*" ${n} "*`).join(" | ")}) ;; *) return 0 ;; esac
{ :; } > "$tmp/out"
sleep ${WAIT_SECONDS} >/dev/null 2>&1 &
sleeper=$!
{ printf '%s\\n' "$sleeper" > "$run.sleeper" && { :; } > "$run.waiting"; } 2>"$tmp/err" || kill "$sleeper"
printf '%s\\n' '${cue}' >&2
while kill -0 "$sleeper" 2>/dev/null; do wait "$sleeper"; done
if ! mv "$run.waiting" "$run.expired" 2>/dev/null && [ -e "$run.confirmed" ]; then return 0; fi
give_up "$1" ${NOT_YET}
}`.trim();

const confirmation = (run: string, mark: string) => `${ENVIRONMENT}
umask 077
run=${run}
main() {
if [ "$(cat "$run.mark" 2>/dev/null)" != '${mark}' ]; then exit ${NOBODY_KNOWS}; fi
if mv "$run.waiting" "$run.confirmed" 2>/dev/null; then
kill "$(cat "$run.sleeper")" 2>/dev/null
elif [ ! -e "$run.confirmed" ] && [ ! -e "$run.expired" ] && [ ! -e "$run.ended" ]; then exit ${NOT_YET}
fi
sleep ${END_SECONDS} >/dev/null 2>&1 &
sleeper=$!
printf '%s\\n' "$sleeper" > "$run.collector"
if [ ! -e "$run.ended" ]; then wait "$sleeper"; fi
kill "$sleeper" 2>/dev/null
if [ ! -e "$run.ended" ]; then exit ${NOT_YET}; fi
cat "$run.answer"
rm -f "$run".*
}
main </dev/null
`;
