import { body, certainlyNot, hasBlock, isMounted } from "../library";
import { ShellFunction } from "../sh";
import { belongsTo } from "./marks";

/** `ruleset_is NUMBER RULES`: as `devfs rule show` has them, without their numbers. */
export const rulesetIs = new ShellFunction(
  "ruleset_is",
  `[ "$(devfs rule -s "$1" show | sed 's/^[0-9]* //')" = "$2" ]`,
);

/**
 * `apply_ruleset NUMBER`: shows running jails the devices of the ruleset as it is now. Only on what is mounted as
 * devfs there: a jail could have a link of its own instead.
 */
export const applyRuleset = new ShellFunction(
  "apply_ruleset",
  body`
jails=$(jls devfs_ruleset path) || return
printf '%s\n' "$jails" | while read -r ruleset path; do
  if [ "$ruleset" != "$1" ] || [ "$path" = / ] || certainly_not is_mounted "$path/dev" devfs; then continue; fi
  devfs -m "$path/dev" ruleset "$1" && devfs -m "$path/dev" rule applyset || exit
done`,
  [certainlyNot, isMounted],
);

/**
 * `load_ruleset NUMBER RULES`: the new rules go in behind or before the old ones, then the old ones go. An empty
 * ruleset would show every device to a jail that starts in between. A rule with a number of its own: man page only.
 */
export const loadRuleset = new ShellFunction(
  "load_ruleset",
  body`
there=$(devfs rule -s "$1" show) || return
surplus=$(printf '%s\n' "$there" | sed 's/ .*//') || return
number=100
for last in $surplus; do :; done
if [ -n "$there" ] && [ "$last" -lt 40000 ]; then number=$((last + 100)); fi
added=
status=0
while read -r rule; do
  eval "devfs rule -s $1 add $number $rule" || { status=$?; surplus=$added; break; }
  added="$added $number"
  number=$((number + 100))
done <<RULES
$2
RULES
for number in $surplus; do devfs rule -s "$1" del "$number" || return; done
if [ "$status" -ne 0 ]; then return "$status"; fi
apply_ruleset "$1"`,
  [applyRuleset],
);

/**
 * `claim_ruleset NUMBER NAME OWNER WAY [RULES]`: nobody else has the number or the name in a file, and a loaded ruleset
 * is this resource's or can be had. RULES are those that were loaded last: by them it is known where somebody removed
 * its lines.
 */
export const claimRuleset = new ShellFunction(
  "claim_ruleset",
  body`
for file in /etc/defaults/devfs.rules /etc/devfs.rules; do
  [ -r "$file" ] || continue
  taken=$(number=$1 name=$2 owner=$3 awk '
    BEGIN {
      begin = ENVIRON["owner"]; begin = "# BEGIN pulumi-freebsd-vnet " begin
      end = ENVIRON["owner"]; end = "# END pulumi-freebsd-vnet " end
      name = ENVIRON["name"]; number = ENVIRON["number"]
    }
    $0 == begin { ours = 1 }
    $0 == end { ours = 0 }
    index($0, "# BEGIN pulumi-freebsd-vnet ") == 1 { whose = $4 }
    index($0, "# END pulumi-freebsd-vnet ") == 1 { whose = "" }
    !ours && /^\[.*=[0-9]+\]/ {
      at = index($0, "=")
      rest = substr($0, at + 1)
      sub(/\].*/, "", rest)
      if (substr($0, 2, at - 2) == name || rest == number) { print $0, whose; exit }
    }' "$file")
  if [ -n "$taken" ]; then
    case $taken in *" ") ;; *) belongs_to "devfs ruleset ${"$"}{taken%% *}" "${"$"}{taken##* }" "remove its lines from $file"; return ;; esac
    echo "$file has the ruleset ${"$"}{taken%% *} already, which is not this resource's; choose another number and name, or remove it from there: what is loaded stays and can be taken over with 'adopt: true'" >&2
    return 3
  fi
done
if has_block /etc/devfs.rules "$3" || [ "$4" = adopt ] || [ -z "$(devfs rule -s "$1" show)" ]; then return 0; fi
if [ -n "$5" ] && ruleset_is "$1" "$5"; then return 0; fi
echo "devfs ruleset $1 is loaded already and is not this resource's (see 'devfs rule -s $1 show'); if it is as declared, take it over with 'adopt: true'; otherwise choose another number" >&2
return 3`,
  [hasBlock, belongsTo, rulesetIs],
);

/** `ruleset_is_flat NUMBER`: it is loaded, and made of rules only. The kernel would leave out what it includes. */
export const rulesetIsFlat = new ShellFunction(
  "ruleset_is_flat",
  body`
there=$(devfs rule -s "$1" show) || return
case $there in
  "") echo "devfs ruleset $1 is not loaded, so including it would hide and show nothing" >&2; return 3 ;;
  *" include "*) echo "devfs ruleset $1 is itself made of includes, which the kernel does not follow: include those" >&2; return 3 ;;
esac`,
);
