import { body, certainlyNot, datasetHas, ownBlock } from "../library";
import { ShellFunction } from "../sh";

/*
 * Roots of jails: directories that we make, fill and remove, and what is mounted in them.
 *
 * A jail's processes are root in their own tree, so nothing here writes into a root that a jail may have had, or
 * follows a path in it. That is why the mark of a directory of ours stands outside of it.
 */

/**
 * Which directories are ours: one block per resource, with one line `STATE IDENTITY PATH`. STATE: `filling` or
 * `filled`; what is still `filling` when a script begins was interrupted. IDENTITY: inode and generation; a directory
 * that somebody put in the place of ours has others.
 */
export const ROOTS = "/var/db/pulumi-freebsd-vnet.roots";

/** stat(1): inode and generation number. `%v` is man page only. */
export const IDENTITY = "%i:%v";

/** `root_mark OWNER`: its line, or nothing. */
const rootMark = new ShellFunction(
  "root_mark",
  body`
[ -e ${ROOTS} ] || return 0
begin="# BEGIN pulumi-freebsd-vnet $1" awk '
  BEGIN { begin = ENVIRON["begin"] }
  found { print; exit }
  $0 == begin { found = 1 }' ${ROOTS}`,
);

/** `mark_root OWNER PATH STATE` */
const markRoot = new ShellFunction(
  "mark_root",
  body`
here=$(stat -f ${IDENTITY} "$2") && own_block ${ROOTS} "$1" "$3 $here $2" set`,
  [ownBlock],
);

/** `root_is_ours OWNER PATH`: it is the directory that we made, filled or not; see certainly_not. */
export const rootIsOurs = new ShellFunction(
  "root_is_ours",
  body`
entry=$(root_mark "$1") || return 2
[ -n "$entry" ] && [ -d "$2" ] || return 1
here=$(stat -f ${IDENTITY} "$2") || return 2
case $entry in *" $here $2") return 0 ;; esac
return 1`,
  [rootMark],
);

/** `root_is_filled OWNER PATH`; see certainly_not. */
export const rootIsFilled = new ShellFunction(
  "root_is_filled",
  body`
entry=$(root_mark "$1") || return 2
case $entry in "filled "*) root_is_ours "$1" "$2" ;; *) return 1 ;; esac`,
  [rootMark, rootIsOurs],
);

/** `has_no_root OWNER`: for certain; a register that cannot be read may have it. */
export const hasNoRoot = new ShellFunction("has_no_root", `entry=$(root_mark "$1") && [ -z "$entry" ]`, [
  rootMark,
]);

/** `is_free PATH`: there is nothing, or an empty directory. */
const isFree = new ShellFunction(
  "is_free",
  body`
if [ -d "$1" ] && [ ! -L "$1" ]; then [ -z "$(ls -A "$1")" ]; return; fi
[ ! -e "$1" ] && [ ! -L "$1" ]`,
);

/** `claim_path PATH`: it is free, and so made that we can put something there. */
export const claimPath = new ShellFunction(
  "claim_path",
  body`
if ! is_free "$1"; then
  echo "$1 is there already, is not empty and is not this resource's; to use it as it is, and never remove it, give its path alone; otherwise choose another path, or move it away first" >&2; return 3
fi
parent=$(dirname "$1")
[ -d "$parent" ] || { echo "there is no directory $parent on the host: make it first" >&2; return 3; }`,
  [isFree],
);

/** `claim_root OWNER PATH` */
export const claimRoot = new ShellFunction("claim_root", `root_is_ours "$1" "$2" || claim_path "$2"`, [
  rootIsOurs,
  claimPath,
]);

/** `empty_directory PATH`: with what installworld(7) makes immutable, such as /var/empty. find(1) is man page only. */
const emptyDirectory = new ShellFunction(
  "empty_directory",
  `chflags -R noschg "$1" && find "$1" -mindepth 1 -maxdepth 1 -exec rm -rf {} +`,
);

/** `make_root OWNER PATH`: the directory is ours, and empty; what an interrupted run left in it is removed. */
export const makeRoot = new ShellFunction(
  "make_root",
  body`
certainly_not root_is_filled "$1" "$2" || return
if root_is_ours "$1" "$2"; then empty_directory "$2" || return; fi
mark_root "$1" "$2" filling`,
  [certainlyNot, rootIsFilled, rootIsOurs, emptyDirectory, markRoot],
);

/** `root_filled OWNER PATH`: from now on it counts as complete. */
export const rootFilled = new ShellFunction("root_filled", 'mark_root "$1" "$2" filled', [markRoot]);

/** `remove_root OWNER PATH`: what is in the directory when it is ours, and its mark. */
export const removeRoot = new ShellFunction(
  "remove_root",
  body`
entry=$(root_mark "$1") || return
if [ -d "$2" ]; then
  here=$(stat -f ${IDENTITY} "$2") || return
  case $entry in *" $here $2") empty_directory "$2" || return ;; esac
fi
own_block ${ROOTS} "$1" '' drop`,
  [rootMark, emptyDirectory, ownBlock],
);

/** `sign_root_over OLD NEW`: another owner for the same directory. */
export const signRootOver = new ShellFunction(
  "sign_root_over",
  body`
entry=$(root_mark "$1") || return
[ -n "$entry" ] || return 0
own_block ${ROOTS} "$2" "$entry" set && own_block ${ROOTS} "$1" '' drop`,
  [rootMark, ownBlock],
);

/**
 * `filled_by_nobody LOCK`: a script whose connection was lost goes on; what it is filling must not be taken away from
 * under it, or be called complete by it afterwards.
 */
export const filledByNobody = new ShellFunction(
  "filled_by_nobody",
  body`
lockf -s -t 0 "$1" true && return 0
echo "an earlier run, whose connection was lost, is still filling it; wait for the end of 'lockf -t 0 $1' on the host" >&2
return 75`,
);

/** `make_dataset PROPERTY NAME OPTIONS`: an empty dataset in the place of what an interrupted run left. */
export const makeDataset = new ShellFunction(
  "make_dataset",
  body`
property=$1 name=$2
shift 2
if zfs list -H "$name" >/dev/null 2>&1; then
  certainly_not dataset_has "$property" "$name" "$name" && zfs destroy "$name" || return
fi
zfs create "$@" "$name"`,
  [certainlyNot, datasetHas],
);

/** `mount_dataset NAME`: it is mounted by zfs(8), so that its mountpoint is a directory: not "none", nor "legacy". */
export const mountDataset = new ShellFunction(
  "mount_dataset",
  body`
there=$(zfs get -H -o value mountpoint "$1") || return
case $there in /*) ;; *)
  echo "dataset $1 would be mounted nowhere, its mountpoint is $there ($(zfs get -H -o source mountpoint "$1")): say where with 'path', or give the dataset above it a mountpoint, with 'zfs set mountpoint=/...'" >&2
  return 3 ;;
esac
[ "$(zfs get -H -o value mounted "$1")" = yes ] || zfs mount "$1"`,
);

/** `archive_is FILE SHA256` */
export const archiveIs = new ShellFunction(
  "archive_is",
  body`
found=$(sha256 -q "$1") || return
[ "$found" != "$2" ] || return 0
echo "$1 has the SHA-256 $found, not $2" >&2
return 3`,
);

/**
 * `unmount_under DIRECTORY SECONDS`: takes away what jails and we mount in a root; a jail that is dying holds its
 * /dev for a while. Refuses when somebody uses the tree, and leaves file systems with data of their own alone.
 */
export const unmountUnder = new ShellFunction(
  "unmount_under",
  body`
[ -d "$1" ] || return 0
root=$(realpath "$1") || return
jails=$(jls name path) && mounts=$(mount -p) || return
jail=$(printf '%s\n' "$jails" | root=$root awk 'BEGIN { root = ENVIRON["root"] } $NF == root { print $1; exit }') || return
if [ -n "$jail" ]; then echo "the jail $jail runs in $1; stop it first" >&2; return 3; fi
user=$(printf '%s\n' "$mounts" | root=$root awk '
  BEGIN { below = ENVIRON["root"] "/" }
  { from = $1 "/"; on = $2 "/" }
  index(from, below) == 1 && index(on, below) != 1 { print $2; exit }') || return
if [ -n "$user" ]; then echo "$1 is in use: it is mounted on $user as well; unmount that first" >&2; return 3; fi
below=$(printf '%s\n' "$mounts" | root=$root awk '
  BEGIN { root = ENVIRON["root"] "/" }
  index($2, root) == 1 { line[++n] = $3 " " $2 }
  END { for (; n > 0; n--) print line[n] }') || return
if [ -z "$below" ]; then return 0; fi
printf '%s\n' "$below" | while read -r type on; do
  case $type in
    devfs | fdescfs | procfs | linprocfs | linsysfs | tmpfs | nullfs | unionfs) ;;
    *) echo "$on in it is a file system of its own ($type) that is not this resource's; unmount it first" >&2; exit 3 ;;
  esac
done || return
left=$2
printf '%s\n' "$below" | while read -r type on; do
  until said=$(umount "$on" 2>&1); do
    case $said in *busy*) ;; *) left=0 ;; esac
    if [ "$left" -le 0 ]; then echo "$said" >&2; exit 1; fi
    sleep 1
    left=$((left - 1))
  done
done`,
);

/** `has_nullfs ro|rw DIRECTORY MOUNTPOINT`; see certainly_not. */
export const hasNullfs = new ShellFunction(
  "has_nullfs",
  body`
[ -d "$2" ] && [ -d "$3" ] || return 1
from=$(realpath "$2") && on=$(realpath "$3") && mounts=$(mount -p) || return 2
printf '%s\n' "$mounts" | mode=$1 from=$from on=$on awk '
  BEGIN { mode = ENVIRON["mode"]; from = ENVIRON["from"]; on = ENVIRON["on"] }
  $1 == from && $2 == on && $3 == "nullfs" && substr($4, 1, 2) == mode { found = 1 }
  END { exit !found }'`,
);

/** `missing_nullfs [ro|rw DIRECTORY MOUNTPOINT] …`: prints the mount points where it is not mounted. */
export const missingNullfs = new ShellFunction(
  "missing_nullfs",
  body`
while [ $# -ge 3 ]; do
  has_nullfs "$1" "$2" "$3" || echo "$3"
  shift 3
done`,
  [hasNullfs],
);

/** `copy_part TEMPLATE PART COPY`: a directory of the template to be written to; all of it or nothing. cp(1) -Rp of a tree is man page only. */
export const copyPart = new ShellFunction(
  "copy_part",
  body`
if [ ! -d "$1$2" ] || [ -L "$1$2" ]; then
  echo "$1 has no directory $2 (a symbolic link does not count); make it there, or leave it out of writable" >&2; return 3
fi
new="$3.pulumi-freebsd-vnet"
if [ -e "$new" ]; then chflags -R noschg "$new" && rm -rf "$new" || return; fi
cp -Rp "$1$2" "$new" && mv "$new" "$3"`,
);
