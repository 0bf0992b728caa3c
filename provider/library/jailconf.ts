import { ShellFunction } from "../sh";

/**
 * `jail_blocks`: `FILE NAME OWNER` of the jails in the files of jail.conf(5) that a start may read; OWNER is empty in a
 * file that is not ours. A name with a wildcard holds defaults and is left out.
 */
export const jailBlocks = new ShellFunction(
  "jail_blocks",
  String.raw`for file in /etc/jail.conf /etc/jail.*.conf /etc/jail.conf.d/*.conf; do
  if [ -r "$file" ]; then
    awk '
      BEGIN { quotes = sprintf("[\"%c]", 39) }
      function found(name) { if (index(name, "*") == 0) print FILENAME, name, owner }
      /^# pulumi-freebsd-vnet [^ ]+$/ { owner = $3 }
      { gsub(quotes, "") }
      /^[ \t]*[A-Za-z0-9_.*-]+[ \t]*[{]/ { name = $1; sub(/[{].*/, "", name); found(name); alone = ""; next }
      /^[ \t]*[{]/ && alone != "" { found(alone) }
      NF > 0 { alone = NF == 1 ? $1 : "" }
    ' "$file"
  fi
done`,
);

/** `one_jail NAME FILE OWNER`: no file but our own has a jail of that name: jail(8) would run the hooks of both. */
export const oneJail = new ShellFunction(
  "one_jail",
  `other=$(jail_blocks | name=$1 file=$2 owner=$3 awk '
  BEGIN { name = ENVIRON["name"]; file = ENVIRON["file"]; owner = ENVIRON["owner"] }
  $2 == name && $1 != file && $3 != owner { print $1; exit }')
if [ -z "$other" ]; then return 0; fi
echo "$other has a jail $1 too, and the hooks of both would run: remove it from there first; the jail goes on running meanwhile" >&2
return 3`,
  [jailBlocks],
);
