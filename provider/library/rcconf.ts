import { body } from "../library";
import { Sh, ShellFunction } from "../sh";

/**
 * `run_rc_conf`: sets the shell's variables as rc(8) will at boot; call it in a subshell. The files may name more of
 * them, in `rc_conf_files` (source_rc_confs of /etc/defaults/rc.conf).
 */
export const runRcConf = new ShellFunction(
  "run_rc_conf",
  body`
rc_conf_files="/etc/rc.conf /etc/rc.conf.local"
{
  for file in /etc/defaults/vendor.conf $rc_conf_files; do if [ -r "$file" ]; then . "$file"; fi; done
  for file in $rc_conf_files; do
    case $file in /etc/rc.conf | /etc/rc.conf.local) ;; *) if [ -r "$file" ]; then . "$file"; fi ;; esac
  done
} >/dev/null 2>&1`,
);

/** What a service reads after that, a file or a folder of files, in the order of load_rc_config in rc.subr. */
export const SERVICE_FILES = new Sh(
  ["/etc", "/usr/local/etc"]
    .flatMap((folder) => [`${folder}/rc.conf.d/*`, `${folder}/rc.conf.d/*/*`])
    .join(" "),
);

/**
 * `rc_value VARIABLE`: what services will see in it, after `run_rc_conf`. Which ones read it we do not know; whoever
 * sets it in the file of one does.
 */
export const rcValue = new ShellFunction(
  "rc_value",
  body`
late=
for file in ${SERVICE_FILES.text}; do
  if [ -f "$file" ] && grep -q -e "^[[:space:]]*$1=" "$file"; then late="$late $file"; fi
done
if [ -z "$late" ]; then eval "printf '%s' \"\${$1-}\""; return; fi
(for file in $late; do . "$file"; done >/dev/null 2>&1
eval "printf '%s' \"\${$1-}\"")`,
);

/** `rc_says VARIABLE`: what rc(8) will see in it at boot. */
export const rcSays = new ShellFunction(
  "rc_says",
  body`
(unset "$1"; run_rc_conf; rc_value "$1")`,
  [runRcConf, rcValue],
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
