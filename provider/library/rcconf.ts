import { body } from "../library";
import { ShellFunction } from "../sh";

/** `run_rc_conf`: sets the shell's variables as rc(8) will at boot; call it in a subshell. */
export const runRcConf = new ShellFunction(
  "run_rc_conf",
  `for file in /etc/rc.conf /etc/rc.conf.local; do if [ -r "$file" ]; then . "$file"; fi; done >/dev/null 2>&1`,
);

/** `rc_says VARIABLE`: what rc(8) will see in it at boot. */
export const rcSays = new ShellFunction(
  "rc_says",
  body`
(unset "$1"; run_rc_conf; eval "printf '%s' \"\${$1-}\"")`,
  [runRcConf],
);

/** `rc_enables VARIABLE` */
export const rcEnables = new ShellFunction(
  "rc_enables",
  `case $(rc_says "$1") in [Yy][Ee][Ss] | [Tt][Rr][Uu][Ee] | [Oo][Nn] | 1) return 0 ;; esac
return 1`,
  [rcSays],
);

/**
 * `claim_variable NAME LINE OWNER`: no other lines of ours in rc.conf set the variable or add to it, unless they say
 * the same. The administrator's lines are no obstacle: ours come after them.
 */
export const claimVariable = new ShellFunction(
  "claim_variable",
  body`
[ -e /etc/rc.conf ] || return 0
other=$(name=$1 line=$2 owner=$3 awk '
  BEGIN { begin = "# BEGIN pulumi-freebsd-vnet "; set = ENVIRON["name"]; set = set "="; line = ENVIRON["line"]; owner = ENVIRON["owner"] }
  index($0, begin) == 1 { whose = substr($0, length(begin) + 1) }
  index($0, "# END pulumi-freebsd-vnet ") == 1 { whose = "" }
  whose != "" && whose != owner && index($0, set) == 1 && $0 != line { print whose ": " $0; exit }
' /etc/rc.conf)
if [ -z "$other" ]; then return 0; fi
echo "another resource has lines for $1 in /etc/rc.conf, $other; only one can have the last word" >&2
return 3`,
);
