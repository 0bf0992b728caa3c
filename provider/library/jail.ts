import { body, certainlyNot, headerLine, isMounted, jailRuns } from "../library";
import { ShellFunction } from "../sh";

/**
 * `begin_jail NAME FILE`: starts it as its file says. Its `depend` is for the boot, where /etc/jail.conf has all
 * jails: the file by itself does not know the others.
 */
export const beginJail = new ShellFunction(
  "begin_jail",
  'sed "/^	depend /d" "$2" > "$tmp/jail.conf" && jail -q -f "$tmp/jail.conf" -c "$1"',
);

/**
 * `end_jail NAME FILE OWNER SECONDS AFTER`: stops the jail as its file says, where that is there and ours; by its
 * name, because a fixed number may be another jail's by now. A jail that does not stop in time is ended without being
 * asked (jail -R). That runs no hook and leaves mounts behind, as does the end of a jail whose file is gone; then
 * AFTER, a script, does what the file would have done. One that is dying is stopped already: jail -q -r would not find
 * it, and fail without a word (jail.c: running_jid() without JAIL_DYING).
 */
export const endJail = new ShellFunction(
  "end_jail",
  body`
if certainly_not jail_runs "$1"; then return 0; fi
if grep -qxF -e "${headerLine("$3")}" "$2" 2>/dev/null; then
  sed -e '/^	depend /d' -e '/^	jid /d' "$2" > "$tmp/jail.conf" || return
  timeout -k 10 "$4" jail -q -f "$tmp/jail.conf" -r "$1"
  ended=$?
  if [ "$ended" -eq 0 ]; then return 0; fi
  if [ "$ended" -ne 124 ] && [ "$ended" -ne 137 ]; then return "$ended"; fi
  jail -q -R "$1" || return
else
  timeout -k 10 "$4" jail -q -f /dev/null -r "$1" || jail -q -R "$1" || return
fi
/bin/sh -c "$5" >&2 || :`,
  [certainlyNot, jailRuns],
);

/**
 * `claim_real ROOT`: no symbolic link is on the way to it. A running jail and its mounts are known by the real path
 * (kern_jail.c: vn_path_to_global_path), by which they are found again.
 */
export const claimReal = new ShellFunction(
  "claim_real",
  body`
if [ ! -d "$1" ]; then return 0; fi
real=$(realpath "$1") || return
if [ "$real" = "$1" ]; then return 0; fi
echo "$1 goes through a symbolic link, and the running jail would be known by another path: declare $real" >&2
return 3`,
);

/** `claim_jid JID NAME`: the number is free, or the jail's already. */
export const claimJid = new ShellFunction(
  "claim_jid",
  body`
has=$(jls -d -j "$1" name 2>/dev/null) || return 0
if [ "$has" = "$2" ]; then return 0; fi
echo "the number $1 is taken by the jail $has; choose another one for fixedJid, or leave it out" >&2
return 3`,
);

/**
 * `claim_hiding NUMBER`: it is loaded and hides something. The kernel applies the rules of an included ruleset, but
 * not what that includes in turn; a jail with a ruleset that hides nothing sees every device of the host.
 */
export const claimHiding = new ShellFunction(
  "claim_hiding",
  body`
if ! devfs rule showsets | grep -qx -e "$1"; then
  echo "devfs ruleset $1 is not loaded: the jail would see every device of the host; declare it as a DevfsRuleset, or put it into /etc/devfs.rules and load it with 'devfs rule -s $1 add …'" >&2
  return 3
fi
for ruleset in "$1" $(devfs rule -s "$1" show | awk '$2 == "include" { print $3 }'); do
  if devfs rule -s "$ruleset" show | grep -qx -e '[0-9]* hide'; then return 0; fi
done
echo "devfs ruleset $1 hides nothing: the jail would see every device of the host. An include within an included ruleset is not applied (vfs.devfs.rule_depth), so begin with 'add include \$devfsrules_hide_all' and write out the others that are needed, not \$devfsrules_jail" >&2
return 3`,
);

/** `claim_accounting`: the kernel accounts for resources, which limits need. */
export const claimAccounting = new ShellFunction(
  "claim_accounting",
  body`
if [ "$(sysctl -n kern.racct.enable 2>/dev/null)" = 1 ]; then return 0; fi
echo "limits need the kernel's resource accounting, which is off; put kern.racct.enable=1 into /boot/loader.conf and reboot the host" >&2
return 3`,
);

/** `has_limit JAIL RULE`: rctl(8) has the rule, written as it prints it; see certainly_not. */
export const hasLimit = new ShellFunction(
  "has_limit",
  body`
if rules=$(rctl "jail:$1" 2>&1); then printf '%s\n' "$rules" | grep -qxF -e "$2"; return; fi
case $rules in *RACCT/RCTL*) return 1 ;; esac
return 2`,
);

/** `has_cpus JAIL LIST`: the jail's processors are these, written as cpuset(1) prints them: `0, 1`; see certainly_not. */
export const hasCpus = new ShellFunction(
  "has_cpus",
  body`
mask=$(cpuset -g -j "$1" 2>/dev/null) || return 2
printf '%s\n' "$mask" | grep -qx -e "jail [0-9]* mask: $2"`,
);

/** `jail_has NAME PARAMETER VALUE`: the running jail has this value, as jls(8) prints it. */
export const jailHas = new ShellFunction("jail_has", '[ "$(jls -j "$1" "$2" 2>/dev/null)" = "$3" ]');

/** `clear_mounts [TARGET TYPE] …`: unmounts what is mounted just there, as often as it is. */
export const clearMounts = new ShellFunction(
  "clear_mounts",
  body`
while [ $# -ge 2 ]; do
  until certainly_not is_mounted "$1" "$2"; do umount "$1" || return; done
  shift 2
done`,
  [certainlyNot, isMounted],
);

/**
 * `set_devices DEV NUMBER`: the ruleset of a running jail, applied to the DEV that is its own, where that is mounted.
 */
export const setDevices = new ShellFunction(
  "set_devices",
  body`
is_mounted "$1" devfs
case $? in
  0) devfs -m "$1" ruleset "$2" && devfs -m "$1" rule applyset ;;
  1) ;;
  *) return 2 ;;
esac`,
  [isMounted],
);

/**
 * `inside_root ROOT FOLDER`: no symbolic link leads from the jail's root elsewhere, where its root user could have
 * us write.
 */
const insideRoot = new ShellFunction(
  "inside_root",
  body`
root=$(realpath "$1") && folder=$(realpath "$1$2") || return
case $root in /) root= ;; esac
if [ "$folder" = "$root$2" ] || [ -z "$2" ]; then return 0; fi
echo "$1$2 leads to $folder, out of the jail's root: take the symbolic link away" >&2
return 3`,
);

/** `make_target ROOT TARGET`: the folder on which something is mounted. */
export const makeTarget = new ShellFunction(
  "make_target",
  body`inside_root "$1" "${"$"}{2%/*}" && mkdir "$1$2"`,
  [insideRoot],
);

/** `mount_in_jail ROOT TARGET TYPE SOURCE OPTIONS`, TARGET as the host sees it: as the start of the jail does. */
export const mountInJail = new ShellFunction(
  "mount_in_jail",
  body`
root=$1
case $root in /) root= ;; esac
inside_root "$1" "${"$"}{2#"$root"}" || return
certainly_not is_mounted "$2" "$3" || return
mount -t "$3" ${"$"}{5:+-o "$5"} "$4" "$2"`,
  [insideRoot, certainlyNot, isMounted],
);

/** `drop_target ROOT TARGET`: removes the folder, unless it leads elsewhere by now, or somebody put something in it. */
export const dropTarget = new ShellFunction(
  "drop_target",
  body`
if [ ! -d "$1$2" ] || [ -n "$(ls -A "$1$2")" ] || ! inside_root "$1" "$2"; then return 0; fi
rmdir "$1$2"`,
  [insideRoot],
);

/** `claim_resolv_conf ROOT`: it is a file within the jail's root, or can be made there. */
export const claimResolvConf = new ShellFunction(
  "claim_resolv_conf",
  body`
inside_root "$1" /etc || return
if [ ! -L "$1/etc/resolv.conf" ]; then return 0; fi
echo "$1/etc/resolv.conf is a symbolic link: take it away, or leave out nameservers and search" >&2
return 3`,
  [insideRoot],
);
