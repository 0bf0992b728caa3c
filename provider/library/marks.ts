import { ShellFunction } from "../sh";

/*
 * What is there already under a name that a resource is to have: another resource's, or nobody's. Nobody's is to be had
 * with `adopt`; that it is as declared was seen before (lifecycle.ts).
 */

const MARK = /^[^/\s]+\/[^/\s]+\/[A-Z][^/\s]*\/[^/\s]+$/;

/** The first word of a description when it is an owner, `project/stack/Kind/name`. */
export function markIn(description: string | undefined): string | undefined {
  const [word] = (description ?? "").split(" ");
  return word !== undefined && MARK.test(word) ? word : undefined;
}

/** `mark_of_interface NAME`: its owner; nothing where it has no mark. */
const markOfInterface = new ShellFunction(
  "mark_of_interface",
  `ifconfig "$1" 2>/dev/null | sed -n 's/^	description: //p' | sed 's/ .*//' | grep -xE -e '[^/]+/[^/]+/[A-Z][^/]*/[^/]+' || :`,
);

/** `belongs_to WHAT OWNER UNMARK`: nobody may have what another resource has; UNMARK is how its mark is taken away. */
export const belongsTo = new ShellFunction(
  "belongs_to",
  `echo "$1 belongs to another resource, $2; 'pulumi state move' takes a resource to another stack; if nothing of that stack is left, take its mark away: $3" >&2
return 3`,
);

/** `free_interface NAME WAY`: the interface, which is not this resource's, is nobody's, and WAY is `adopt`. */
export const freeInterface = new ShellFunction(
  "free_interface",
  `whose=$(mark_of_interface "$1")
if [ -n "$whose" ]; then
  belongs_to "interface $1" "$whose" "'ifconfig $1 -description', and its lines in /etc/rc.conf"
  return
fi
if [ "$2" = adopt ]; then return 0; fi
echo "interface $1 is there already and is not this resource's (it has no mark in its description); if it is as declared, take it over with 'adopt: true'; otherwise destroy it with 'ifconfig $1 destroy' if nothing uses it, or choose another one" >&2
return 3`,
  [markOfInterface, belongsTo],
);

/** `free_file FILE WAY`: the file, which is not this resource's, is nobody's, and WAY is `adopt`. `offer`: it could be. */
export const freeFile = new ShellFunction(
  "free_file",
  `whose=$(sed -n 's/^# pulumi-freebsd-vnet //p' "$1" | head -n 1)
if [ -n "$whose" ]; then
  belongs_to "$1" "$whose" "move it away"
  return
fi
case $2 in
  adopt) return 0 ;;
  offer) echo "$1 is there already and is not this resource's; if what runs is as declared, take it over with 'adopt: true'; otherwise move it away first" >&2 ;;
  *) echo "$1 is there already and is not this resource's; move it away first" >&2 ;;
esac
return 3`,
  [belongsTo],
);

/** `describe_interface NAME TEXT`: what it was before is in `described` for the rest of the script. */
export const describeInterface = new ShellFunction(
  "describe_interface",
  `there=$(ifconfig "$1" | sed -n 's/^	description: //p')
ifconfig "$1" description "$2" || return
described=$there`,
);

/** `undescribe_interface NAME` */
export const undescribeInterface = new ShellFunction(
  "undescribe_interface",
  `if [ -n "$described" ]; then ifconfig "$1" description "$described"; else ifconfig "$1" -description; fi`,
);
