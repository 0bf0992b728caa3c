import type { Step } from "./script";
import { type Sh, sh } from "./sh";

/*
 * What a script that takes long tells while it runs. A line of its own, beside those of the outcome (script.ts): it is
 * printed in one write(2) and taken out before the outcome is read, so it may come at any place.
 */

const EVERY_SECONDS = 10;

/** Defines `tell_N`: says what step N does, and for how long by now, until it is killed or the script is gone. */
export function teller(step: Step, n: number): Sh[] {
  if (step.telling === undefined) return [];
  const words = encodeURIComponent(`${step.telling}, `);
  // sleep(1) outlives its shell: it must not hold the session's output open.
  return [
    sh`${sh`tell_${n}`}() {
passed=0
while sleep ${EVERY_SECONDS} >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do
passed=$((passed + ${EVERY_SECONDS}))
emit tell ${words}"$passed"%20s
done
}`,
  ];
}

/** Runs step `$1` with its teller beside it. */
export const TOLD = `
told() {
"tell_$1" &
teller=$!
step "$1"
ended=$?
{ kill "$teller" && wait "$teller"; } 2>/dev/null
return "$ended"
}`.trim();

const line = (mark: string) => new RegExp(`\\n${mark} tell (\\S+)\\n`, "g");

export const withoutTelling = (stdout: string, mark: string): string => stdout.replaceAll(line(mark), "");

/** Gives each text that is told in what comes, piece by piece, to `say`. */
export function listener(mark: string, say: (text: string) => void): (bytes: string) => void {
  let rest = "";
  return (bytes) => {
    rest += bytes;
    const told = line(mark);
    let end = 0;
    for (const found of rest.matchAll(told)) {
      say(decodeURIComponent(found[1] as string));
      end = found.index + found[0].length;
    }
    // A line is far shorter than this.
    rest = rest.slice(Math.max(end, rest.length - 4000));
  };
}
