import { body } from "../library";
import { ShellFunction } from "../sh";

/** `claim_sysctl NAME REMEDY`: there is such an oid; otherwise FreeBSD's words and ours. */
export const claimSysctl = new ShellFunction(
  "claim_sysctl",
  body`
said=$(sysctl -n "$1" 2>&1) && return 0
echo "$said$2" >&2
return 3`,
);

/** `sysctl_is NAME VALUE` */
export const sysctlIs = new ShellFunction("sysctl_is", `[ "$(sysctl -n "$1" 2>/dev/null)" = "$2" ]`);

/** `set_sysctl NAME VALUE`: what it was before the resource is in its notes. */
export const setSysctl = new ShellFunction(
  "set_sysctl",
  body`
there=$(sysctl -n "$1") || return
new=
[ -e "$notes" ] && grep -q '^before ' "$notes"
case $? in
  0) ;;
  1) new=1; note "before $there" || return ;;
  *) return 2 ;;
esac
sysctl "$1=$2" && return
status=$?
if [ -n "$new" ]; then forget "before $there"; fi
return "$status"`,
);

/** `restore_sysctl NAME`: to what it was before the resource. */
export const restoreSysctl = new ShellFunction(
  "restore_sysctl",
  body`
there=$(sed -n 's/^before //p' "$notes") || return
sysctl "$1=$there" && forget "before $there"`,
);

/** `last_sysctl NAME`: the file and the value of the last line that sets it at boot, with a tab between. */
export const lastSysctl = new ShellFunction(
  "last_sysctl",
  body`
for file in /etc/sysctl.conf /etc/sysctl.conf.local; do
  if [ -r "$file" ]; then
    name=$1 awk '
      BEGIN { name = ENVIRON["name"] }
      {
        sub(/#.*/, "")
        at = index($0, "=")
        key = substr($0, 1, at - 1)
        value = substr($0, at + 1)
        gsub(/[ \t]/, "", key)
        gsub(/^[ \t"]+|[ \t"]+$/, "", value)
        if (at > 0 && key == name) print FILENAME "\t" value
      }' "$file"
  fi
done | tail -n 1`,
);
