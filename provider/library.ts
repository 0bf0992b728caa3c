import { createHash } from "node:crypto";
import { oneJail } from "./library/jailconf";
import { freeFile, freeInterface } from "./library/marks";
import { quote, ShellFunction } from "./sh";

/*
 * What scripts say more than once, as POSIX sh functions for FreeBSD's /bin/sh and base system.
 * They are called through `sh` templates: sh`${ownBlock} ${file} ${owner} ${text} set`.
 */

/** The text as it stands here, backslashes and all, without the line breaks around it. */
export const body = (text: TemplateStringsArray, ...values: string[]): string =>
  String.raw(text, ...values).trim();

/** Serialises edits of shared files and tables between resources, stacks and machines. */
export const LOCK = "/var/run/pulumi-freebsd-vnet.lock";

/** What is kept on a host for one resource begins so; the name itself may have anything in it. */
const hashOf = (owner: string) => createHash("sha256").update(owner).digest("hex").slice(0, 16);

/**
 * Where the script of a resource works, under a lock of that name with `.lock` behind: one whose connection was lost
 * goes on, and the next one waits for it. rc.d/cleanvar(8) empties /var/run at boot.
 */
export const workOf = (owner: string) => `/var/run/pulumi-freebsd-vnet.${hashOf(owner)}`;

/** What a resource made beside itself, as long as it is there; see script.ts. */
export const notesOf = (owner: string) => `/var/db/pulumi-freebsd-vnet.${hashOf(owner)}`;

/** lockf(1): somebody else has the lock. */
export const LOCKED = 75;

/**
 * `locked FILE SECONDS COMMAND…`: runs it while nobody else runs one under that lock. The file, which lockf(1) removes
 * after use, says for whom it is held (`$holder`, set by the script).
 */
export const locked = new ShellFunction(
  "locked",
  body`
lock=$1 seconds=$2
shift 2
lockf -s -t "$seconds" "$lock" /bin/sh -c '{ printf "%s\n" "$2" > "$1"; } 2>/dev/null; shift 2; exec "$@"' locked "$lock" "${"$"}{holder-somebody} since $(date)" "$@"
ended=$?
if [ "$ended" -eq ${String(LOCKED)} ]; then
  echo "another run has it at work: $(cat "$lock" 2>/dev/null). Waited $seconds seconds for its end; run this again after it. If it does not end, 'fstat $lock' shows on the host what holds it" >&2
fi
return "$ended"`,
);

/** Prefix of every line by which files tell what is ours. */
export const MARK = "# pulumi-freebsd-vnet";

/** In a block's first and last line, in the header of a file of our own. */
export const beginLine = (owner: string) => `# BEGIN pulumi-freebsd-vnet ${owner}`;
export const endLine = (owner: string) => `# END pulumi-freebsd-vnet ${owner}`;
export const headerLine = (owner: string) => `${MARK} ${owner}`;

/** What a file is written to before it is renamed over the old one. */
const NEW = ".pulumi-freebsd-vnet";
const NEW_ONES = ["/etc", "/etc/jail.conf.d", "/boot", "/var/db"]
  .map((folder) => `${folder}/*${NEW}`)
  .join(" ");

/** Removes what an edit left that its host did not survive: under the lock nobody edits. */
export const SWEEP = body`
for left in ${NEW_ONES}; do
if [ -f "$left" ]; then lockf -s -t 60 ${LOCK} rm -f "$left"; fi
done`;

/**
 * Begins what edits `$file`. The file is written anew beside the old one, with its owner, mode and flags, and renamed
 * over it: it is either the old or the new one whole. That is done under the lock, so what is there at the
 * beginning was left by one that died. `put` takes the new one, which the command `$check` has to accept.
 */
export const EDITOR = body`
if [ -L "$file" ]; then file=$(readlink -f "$file") || exit; fi
new="$file${NEW}"
if [ -f "$new" ]; then rm -f "$new" || exit; fi
put() {
  if [ -e "$file" ]; then
    case ,$(stat -f %Sf "$file"), in *,[su]chg,* | *,[su]appnd,* | *,[su]unlnk,*)
      echo "$file is protected by chflags(1), see 'ls -lo $file'; take the flag off first, with 'chflags 0 $file'" >&2
      return 1 ;;
    esac
    cp -p "$file" "$new"
  fi && cat > "$new" && { [ -z "$check" ] || $check "$new" >&2; } && fsync "$new" && mv -f "$new" "$file" && return 0
  status=$?
  rm -f "$new"
  return "$status"
}`;

/**
 * `own_block FILE OWNER TEXT MODE [BEFORE CHECK FORMER]`: keeps the lines of OWNER in a file that others edit too,
 * between two marked lines. MODE: `set` (where it stands, else at the end), `move` (at the end), `drop`. Where the order of
 * lines matters, new ones go before the first that matches BEFORE instead of at the end, and the command CHECK has to
 * accept the new file. The last line that awk(1) gets says that it got all of the file: one that cannot be read is left
 * as it is.
 * A file that was not there, or did not end in a newline, is that again once the last block is gone.
 * sysrc(8) changes the last line that sets a variable, and that may be ours: it then has all words of the list in place
 * of `${list}` (f_sysrc_set). Those that no other line has are somebody's, and go to a line of their own before the block;
 * ours are known from TEXT, the one to drop too, and from FORMER, which stood there before.
 */
const EDIT_BLOCK = body`
file=$1 owner=$2 content=$3 mode=$4 before=$5 check=$6 former=$7
${EDITOR}
begin="# BEGIN pulumi-freebsd-vnet $owner"
end="# END pulumi-freebsd-vnet $owner"
absent="# pulumi-freebsd-vnet: this file was not there before"
open="# pulumi-freebsd-vnet: the line above did not end in a newline"
whole="# pulumi-freebsd-vnet: this is all of the file"
if [ "$mode" = drop ]; then
  [ -e "$file" ] || exit 0
  grep -qxF -e "$begin" "$file" || { status=$?; if [ "$status" -eq 1 ]; then exit 0; else exit "$status"; fi; }
elif [ "$mode" = set ] && grep -qxF -e "$begin" "$file" 2>/dev/null; then before=
fi
export begin end content mode before former absent open whole
result=$(
  {
    if [ ! -e "$file" ]; then echo "$absent"
    else
      cat "$file" || exit
      last=$(tail -c 1 "$file") || exit
      if [ -n "$last" ]; then printf '\n%s\n' "$open"; fi
    fi
    echo "$whole"
  } | awk '
  function add(line) { lines[++n] = line }
  function add_block() { add(begin); add(content); add(end); put = 1 }
  function name_in(line) {
    if (!match(line, /^[ \t]*[A-Za-z_][A-Za-z0-9_]*=/)) return ""
    line = substr(line, 1, RLENGTH - 1)
    sub(/^[ \t]*/, "", line)
    return line
  }
  function adds_to(name) { return name "=\"$" "{" name "}" }
  function words_of(line) {
    sub(/^[^=]*=/, "", line)
    gsub(/["\047]/, " ", line)
    return split(line, words, " ")
  }
  function know(line,   name, count, i) {
    name = name_in(line)
    if (name == "") return
    count = words_of(line)
    for (i = 1; i <= count; i++) known[name, words[i]] = 1
  }
  function keep_others(   ours, each, many, taken, count, i, j, name, more, kept_lines) {
    ours = split(content "\n" ENVIRON["former"], each, "\n")
    for (i = 1; i <= ours; i++) {
      name = name_in(each[i])
      if (index(each[i], adds_to(name)) == 1) lists[name] = 1
    }
    for (i = 1; i <= held; i++) {
      name = name_in(within[i])
      if ((name in lists) && index(within[i], adds_to(name)) != 1) taken[++many] = within[i]
    }
    if (!many) return
    for (i = 1; i <= ours; i++) know(each[i])
    for (i = 1; i <= n; i++) know(lines[i])
    for (i = 1; i <= many; i++) {
      name = name_in(taken[i])
      count = words_of(taken[i])
      more = ""
      for (j = 1; j <= count; j++) {
        if (!((name, words[j]) in known)) more = more " " words[j]
      }
      if (more != "") kept_lines = kept_lines adds_to(name) more "\"\n"
    }
    if (kept_lines == "") return
    for (i = n; i > place; i--) lines[i + 1] = lines[i]
    lines[place + 1] = substr(kept_lines, 1, length(kept_lines) - 1)
    n++
  }
  BEGIN {
    begin = ENVIRON["begin"]; end = ENVIRON["end"]; content = ENVIRON["content"]; mode = ENVIRON["mode"]
    before = ENVIRON["before"]; absent = ENVIRON["absent"]; open = ENVIRON["open"]
    whole = ENVIRON["whole"]
  }
  $0 == whole { read = 1 }
  !read {
    if (before != "" && !put && mode != "drop" && $0 ~ before) add_block()
    if ($0 == begin) {
      inside = 1
      place = n
      if (mode == "set" && !put) add_block()
    } else if (inside) {
      if ($0 == end) inside = 0
      else within[++held] = $0
    } else {
      if (index($0, "# BEGIN pulumi-freebsd-vnet ") == 1) others = 1
      add($0)
    }
  }
  END {
    if (!read) exit 5
    if (inside) exit 3
    if (mode != "drop" && !put) add_block()
    if (held) keep_others()
    last = mode == "drop" && !others
    for (i = 1; i <= n; i++) {
      if (last && (lines[i] == absent || lines[i] == open)) ours = lines[i]
      else {
        if (lines[i] != "") kept = 1
        text = text between lines[i]
        between = "\n"
      }
    }
    if (ours == absent && !kept) exit 44
    if (between && !(ours == open && lines[n] == open)) text = text "\n"
    printf "%s", text
  }'
  status=$?
  echo .
  exit "$status"
)
status=$?
case $status in
  0) ;;
  3) echo "$file: the line \"$begin\" has no \"$end\" after it; add it where the block ends" >&2; exit 3 ;;
  44) rm -f "$file"; exit ;;
  5) echo "$file could not be read" >&2; exit 5 ;;
  *) exit "$status" ;;
esac
result=${"$"}{result%.}
if printf '%s' "$result" | cmp -s - "$file"; then exit 0; fi
printf '%s' "$result" | put
`;

export const ownBlock = new ShellFunction(
  "own_block",
  `locked ${LOCK} 60 /bin/sh -c ${quote(EDIT_BLOCK)} own_block "$@"`,
  [locked],
);

const PUT_FILE = body`
file=$1 text=$2 check=${"$"}{3:+chmod $3}
${EDITOR}
printf '%s\n' "$text" | put
`;

/** `put_file FILE TEXT [MODE]`: a file of our own. */
export const putFile = new ShellFunction(
  "put_file",
  `locked ${LOCK} 60 /bin/sh -c ${quote(PUT_FILE)} put_file "$@"`,
  [locked],
);

/** `file_is FILE TEXT` */
export const fileIs = new ShellFunction("file_is", `[ -f "$1" ] && printf '%s\\n' "$2" | cmp -s - "$1"`);

/** `claim_file FILE HEADER [WAY]`: the file is not there, or carries the header, or can be had. */
export const claimFile = new ShellFunction(
  "claim_file",
  `if [ ! -e "$1" ] || grep -qxF -e "$2" "$1"; then return 0; fi
free_file "$1" "$3"`,
  [freeFile],
);

/**
 * `certainly_not FUNCTION…`: the function, which asks the host something, answers no. Those that this is said of have
 * the statuses of grep(1): 0 is yes, 1 is no, and with any other the host could not tell. What is removed, or left as it
 * is, because something is not there, is so only where that is certain.
 */
export const certainlyNot = new ShellFunction(
  "certainly_not",
  body`
"$@"
[ $? -eq 1 ]`,
);

/** `has_line FILE LINE`; see certainly_not. */
export const hasLine = new ShellFunction(
  "has_line",
  body`
[ -e "$1" ] || return 1
grep -qxF -e "$2" "$1"`,
);

/** `has_block FILE OWNER`: the file has lines of ours. */
export const hasBlock = new ShellFunction(
  "has_block",
  `grep -qxF -e "# BEGIN pulumi-freebsd-vnet $2" "$1" 2>/dev/null`,
);

/** `has_description NAME TEXT`: the description is the text, or that with a blank and more behind it. */
export const hasDescription = new ShellFunction(
  "has_description",
  body`
there=$(ifconfig "$1" 2>/dev/null) || return 1
case $there in *"	description: $2
"* | *"	description: $2 "*) return 0 ;; esac
return 1`,
);

/**
 * `interface_is_ours NAME OWNER`: it is there and has our description, or, where somebody changed that, rc.conf
 * has our lines for it.
 */
export const interfaceIsOurs = new ShellFunction(
  "interface_is_ours",
  body`
if has_description "$1" "$2"; then return 0; fi
ifconfig "$1" >/dev/null 2>&1 && has_block /etc/rc.conf "$2"`,
  [hasDescription, hasBlock],
);

/** `claim_interface NAME OWNER [WAY]`: there is no such interface, or it is ours, or it can be had. */
export const claimInterface = new ShellFunction(
  "claim_interface",
  `if ! ifconfig "$1" >/dev/null 2>&1 || interface_is_ours "$1" "$2"; then return 0; fi
free_interface "$1" "$3"`,
  [interfaceIsOurs, freeInterface],
);

/** `has_address NAME inet|inet6 ADDRESS/PREFIX [JAIL]`; see certainly_not. */
export const hasAddress = new ShellFunction(
  "has_address",
  body`
there=$(ifconfig ${"$"}{4:+-j "$4"} -f inet:cidr,inet6:cidr "$1" 2>&1) || case $there in *"does not exist"*) return 1 ;; *) return 2 ;; esac
case "$there " in *"	$2 $3 "* | *"	$2 $3
"*) return 0 ;; esac
return 1`,
);

/** `has_route JAIL inet|inet6 GATEWAY`: the jail's default route. */
export const hasRoute = new ShellFunction(
  "has_route",
  body`
there=$(route -j "$1" -n get "-$2" default 2>/dev/null) || return 1
case $there in *"gateway: $3
"*) return 0 ;; esac
return 1`,
);

/** `has_member BRIDGE NAME` */
export const hasMember = new ShellFunction(
  "has_member",
  body`
there=$(ifconfig "$1" 2>/dev/null) || return 1
case $there in *"	member: $2 "*) return 0 ;; esac
return 1`,
);

/** `jail_runs NAME`: also not where it is dying, which only `jls -d` shows; see certainly_not. */
export const jailRuns = new ShellFunction(
  "jail_runs",
  body`
said=$(jls ${"$"}{2:+"$2"} -j "$1" jid 2>&1) && return
case $said in *"not found"* | *"is dying"*) return 1 ;; esac
return 2`,
);

/** `jail_is_listed NAME`: it runs, or is dying: its name is not free. */
export const jailIsListed = new ShellFunction("jail_is_listed", 'jail_runs "$1" -d', [jailRuns]);

/**
 * `await_jail_end NAME SECONDS`: waits until a removed jail has stopped dying; connections that linger in
 * TIME_WAIT hold it for about a minute.
 */
export const awaitJailEnd = new ShellFunction(
  "await_jail_end",
  body`
left=$2
until certainly_not jail_is_listed "$1"; do
  if [ "$left" -le 0 ]; then echo "jail $1 is still dying after $2 seconds ('jls -d' shows it): connections that linger, or a process or mount in it, hold it. Run this again once it is gone; a reboot ends it for certain" >&2; return 1; fi
  sleep 1
  left=$((left - 1))
done`,
  [certainlyNot, jailIsListed],
);

/**
 * `destroy_dataset NAME SECONDS`: "pool or dataset is busy" is waited out, because a jail that is dying holds its
 * root. Never -f: that takes the root of a running jail away.
 */
export const destroyDataset = new ShellFunction(
  "destroy_dataset",
  body`
left=$2
while :; do
  said=$(zfs destroy "$1" 2>&1) && return 0
  status=$?
  case $said in *busy*) ;; *) left=0 ;; esac
  if [ "$left" -le 0 ]; then echo "$said" >&2; return "$status"; fi
  sleep 1
  left=$((left - 1))
done`,
);

/**
 * `unload_module NAME`: unloads a module that we loaded, unless somebody uses it by now. What the kernel keeps until it
 * boots again, as ipdivert (ip_divert.c: EPERM) and accept filters (uipc_accf.c: EOPNOTSUPP), does nothing without a
 * user and stays. Never -f: divert sockets would stay behind without their code.
 */
export const unloadModule = new ShellFunction(
  "unload_module",
  body`
kldstat -q -n "$1" 2>/dev/null || kldstat -q -m "$1" || return 0
case $1 in
  if_*)
    group=${"$"}{1#if_}
    if [ -n "$(ifconfig -g "$group")" ]; then return 0; fi
    for jid in $(jls -q jid 2>/dev/null); do
      if [ -n "$(ifconfig -j "$jid" -g "$group" 2>/dev/null)" ]; then return 0; fi
    done ;;
  ipfw)
    if [ "$(ipfw list 2>/dev/null | wc -l)" -gt 1 ]; then return 0; fi
    # Through FreeBSD 13 ipdivert, which stays, depends on it: to drop our reference works once, then it is "busy".
    if [ "$(uname -K)" -lt 1400000 ] && kldstat -q -m ipdivert; then return 0; fi ;;
  ipfw_nat)
    if [ -n "$(ipfw nat show config 2>/dev/null)" ]; then return 0; fi ;;
  pf)
    if pfctl -s info 2>/dev/null | grep -q '^Status: Enabled'; then return 0; fi ;;
  *fs)
    if [ -n "$(mount -t "$1" 2>/dev/null)" ]; then return 0; fi ;;
esac
refusal=$(kldunload "$1" 2>&1) && return 0
status=$?
case $refusal in *"Operation not permitted"* | *"Operation not supported"*) return 0 ;; esac
echo "$refusal" >&2
return "$status"`,
);

/** `is_mounted TARGET TYPE`; see certainly_not. */
export const isMounted = new ShellFunction(
  "is_mounted",
  body`
mounts=$(mount -p) || return 2
printf '%s\n' "$mounts" | on=$1 type=$2 awk '$2 == ENVIRON["on"] && $3 == ENVIRON["type"] { found = 1 } END { exit !found }'`,
);

/** `dataset_has PROPERTY NAME VALUE`; see certainly_not. */
export const datasetHas = new ShellFunction(
  "dataset_has",
  body`
if said=$(zfs get -H -o value "$1" "$2" 2>&1); then [ "$said" = "$3" ]; return; fi
case $said in *"does not exist"*) return 1 ;; esac
return 2`,
);

/** `claim_dataset PROPERTY NAME OWNER`: there is no such dataset, or it carries our property. */
export const claimDataset = new ShellFunction(
  "claim_dataset",
  body`
if said=$(zfs get -H -o value "$1" "$2" 2>&1); then [ "$said" != "$3" ] || return 0
else
  case $said in *"does not exist"*) return 0 ;; esac
  echo "$said" >&2
  return 2
fi
echo "dataset $2 is there already and is not this resource's (its property $1 is not \"$3\"); to use it as it is, and never remove it, give its path alone; otherwise choose another name, or destroy it if nothing uses it" >&2
return 3`,
);

/** `includes_jail FILE`: /etc/jail.conf reads it, by name or with all of its folder. */
export const includesJail = new ShellFunction(
  "includes_jail",
  body`
grep -qE -e '^[[:space:]]*\.include[[:space:]]+"/etc/jail\.conf\.d/\*(\.conf)?"[[:space:]]*;' /etc/jail.conf 2>/dev/null && return 0
grep -qF -e ".include \"$1\";" /etc/jail.conf 2>/dev/null`,
);

/**
 * `claim_jail NAME FILE OWNER WAY`: its file is free, no other file has a jail of that name, and none runs that is not
 * ours, unless it can be had: ours has its file, or, where somebody removed that, its lines in rc.conf.
 */
export const claimJail = new ShellFunction(
  "claim_jail",
  body`
claim_file "$2" "# pulumi-freebsd-vnet $3" "$4" && one_jail "$1" "$2" "$3" || return
if [ -e "$2" ] || has_block /etc/rc.conf "$3" || [ "$4" = adopt ] || certainly_not jail_runs "$1"; then return 0; fi
echo "a jail $1 runs already and is not this resource's; if it is as declared, take it over with 'adopt: true'; otherwise stop it with 'jail -r $1' if nothing needs it, or choose another name" >&2
return 3`,
  [certainlyNot, claimFile, oneJail, hasBlock, jailRuns],
);
