import { notesOf } from "./library";
import { type Question, Unreadable } from "./question";
import type { Step } from "./script";
import { sh } from "./sh";

/*
 * What a resource made beside itself (a module that it loaded), noted on the host as long as the resource is there:
 * the answer of a run that was cut off is heard by nobody.
 */

/** In every script that does something: `note MARK`, before the thing is made, `noted MARK`, `forget MARK`. */
export const NOTING = `
noted() { [ -e "$notes" ] && grep -qxF -e "$1" "$notes"; }
note() {
noted "$1"
case $? in
0) return ;;
1) ;;
*) return 2 ;;
esac
{ { [ ! -e "$notes" ] || cat "$notes"; } && printf '%s\\n' "$1"; } > "$notes.new" && mv "$notes.new" "$notes" && return
rm -f "$notes.new"
return 1
}
forget() {
[ -e "$notes" ] || return 0
others=$(grep -vxF -e "$1" "$notes")
case $? in
0) printf '%s\\n' "$others" > "$notes.new" && mv "$notes.new" "$notes" && return ;;
1) rm -f "$notes" && return ;;
esac
rm -f "$notes.new"
return 1
}`.trim();

/** Under the resource's lock, so that all is said. */
export const askNotes = (owner: string): Question<string[]> => ({
  key: `notes of ${owner}`,
  ask: sh`if [ -e ${notesOf(owner)} ]; then cat ${notesOf(owner)}; fi`,
  read(answer) {
    if (answer.status !== 0) throw new Unreadable("notes of the resource", answer);
    return answer.text.split("\n").filter((line) => line !== "");
  },
});

export const dropNotes = (owner: string): Step => ({
  what: "remove the resource's notes",
  run: sh`rm -f ${[notesOf(owner), `${notesOf(owner)}.new`]}`,
});

/** They go with the resource when it gets another name. */
export function keepNotes(owner: string, previous: string): Step[] {
  if (owner === previous) return [];
  const move = (from: string, to: string) => sh`mv -f ${notesOf(from)} ${notesOf(to)}`;
  return [
    {
      what: "rename the resource's notes",
      run: move(previous, owner),
      unless: sh`[ ! -e ${notesOf(previous)} ]`,
      undo: move(owner, previous),
    },
  ];
}
