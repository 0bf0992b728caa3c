import { ShellFunction } from "../sh";

/**
 * `jails_elsewhere NAME FILE OWNER`: the files of jail.conf(5) that a start may read and that have a jail of that name,
 * but for FILE and what is OWNER's: a file with its header, or with its lines. A line with nothing but the name goes on with `{`.
 */
export const jailsElsewhere = new ShellFunction(
  "jails_elsewhere",
  String.raw`name=$(printf '%s\n' "$1" | sed 's/[.]/[.]/g')
begins="^[[:space:]]*[\"']?${"$"}{name}[\"']?[[:space:]]*([{]|\$)"
grep -lE -e "$begins" /etc/jail.conf /etc/jail.*.conf /etc/jail.conf.d/*.conf 2>/dev/null | while read -r there; do
  if [ "$there" != "$2" ] && ! grep -qxF -e "# pulumi-freebsd-vnet $3" -e "# BEGIN pulumi-freebsd-vnet $3" "$there"; then echo "$there"; fi
done`,
);

/** `one_jail NAME FILE OWNER`: no file but our own has a jail of that name. */
export const oneJail = new ShellFunction(
  "one_jail",
  `other=$(jails_elsewhere "$1" "$2" "$3" | head -n 1)
if [ -z "$other" ]; then return 0; fi
echo "a jail $1 is in $other too, and the hooks of both would run: remove it from there first; the jail goes on running meanwhile" >&2
return 3`,
  [jailsElsewhere],
);
