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

/**
 * `claim_include FILE`: no jail is lost by the first line in /etc/jail.conf that includes a FILE of /etc/jail.conf.d. From
 * then on service(8) looks for every jail of that folder in /etc/jail.conf, whether it is included there or not
 * (rc.d/jail, parse_options). Files of ours all have their line.
 */
export const claimInclude = new ShellFunction(
  "claim_include",
  String.raw`if grep -qE -e "^[[:space:]]*[.]include[[:space:]]*[\"']?/etc/jail.conf.d/" /etc/jail.conf 2>/dev/null; then return 0; fi
for there in /etc/jail.conf.d/*.conf; do
  if [ ! -f "$there" ] || [ "$there" = "$1" ] || grep -q '^# pulumi-freebsd-vnet ' "$there"; then continue; fi
  echo "once /etc/jail.conf includes $1, service(8) and the boot look there for the jail of $there too, and would not find it; add '.include \"/etc/jail.conf.d/*.conf\";' to /etc/jail.conf first, or move $there to /etc/jail.$(basename "$there"), which is always read" >&2
  return 3
done`,
);
