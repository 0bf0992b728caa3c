import { body, certainlyNot, hasBlock } from "../library";
import { rcEnables } from "../library/rcconf";
import { ShellFunction } from "../sh";

/** `ipfw_set SET`: its rules, as `ipfw -n add` prints them; nothing while it is disabled. */
export const ipfwSet = new ShellFunction(
  "ipfw_set",
  `ipfw -S list 2>/dev/null | sed -n "s/^\\([0-9]*\\) set $1 /\\1 /p"`,
);

/** `ipfw_rules`: all with their sets; nothing where ipfw is not loaded, an error where they cannot be told. */
const ipfwRules = new ShellFunction(
  "ipfw_rules",
  body`
if said=$(ipfw -S list 2>&1); then printf '%s\n' "$said"; return; fi
case $said in *"Protocol not available"*) return 0 ;; esac
echo "ipfw -S list: $said" >&2
return 2`,
);

/** `has_rules SET`, also while it is disabled; see certainly_not. */
export const hasRules = new ShellFunction(
  "has_rules",
  body`
rules=$(ipfw_rules) || return
printf '%s\n' "$rules" | grep -qE -e "^(# DISABLED )?[0-9]+ set $1 "`,
  [ipfwRules],
);

/** `set_is_at_rest SET`: enabled and without rules, as each is before anybody uses it, or ipfw is not loaded. */
export const setIsAtRest = new ShellFunction(
  "set_is_at_rest",
  body`
certainly_not has_rules "$1" && rules=$(ipfw_rules) || return
if [ -z "$rules" ]; then return 0; fi
sets=$(ipfw set show) || return
case "${"$"}{sets#*enable} " in *" $1 "*) return 0 ;; esac
return 1`,
  [certainlyNot, hasRules, ipfwRules],
);

/** `rules_are_ours OWNER FILE HEADER`: the resource has its file or, where somebody removed that, its lines in rc.conf. */
export const rulesAreOurs = new ShellFunction(
  "rules_are_ours",
  `has_block /etc/rc.conf "$1" || grep -qxF -e "$3" "$2" 2>/dev/null`,
  [hasBlock],
);

/**
 * `claim_rules SET SPARE OWNER FILE HEADER BESIDE`: both sets are free, or the resource's own. Without BESIDE the host
 * has no firewall yet.
 */
export const claimRules = new ShellFunction(
  "claim_rules",
  body`
if rules_are_ours "$3" "$4" "$5"; then return 0; fi
if [ -e "$4" ]; then
  echo "$4 is there already and is not this resource's (it has no line \"$5\"); move it away first" >&2; return 3
fi
rules=$(ipfw_rules) || return
if printf '%s\n' "$rules" | grep -qE -e "^(# DISABLED )?[0-9]+ set ($1|$2) "; then
  echo "ipfw has rules in set $1 or $2 already that are not this resource's (see 'ipfw -S list'): give it another set" >&2; return 3
fi
if [ -n "$6" ]; then return 0; fi
if printf '%s\n' "$rules" | grep -v '^65535 ' | grep -q .; then
  echo "ipfw has rules already that are not this resource's (see 'ipfw list'). Those of a NatGateway: name it in gateway. Your own: bring them into this resource, and flush them first" >&2; return 3
fi
if rc_enables firewall_enable; then
  echo "/etc/rc.conf turns on a firewall already (firewall_enable). That of a NatGateway: name it in gateway. Your own: bring its rules into this resource, and remove its lines first" >&2; return 3
fi`,
  [ipfwRules, rulesAreOurs, rcEnables],
);
