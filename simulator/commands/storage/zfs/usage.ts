import { properties } from "../../../kernel/zfs/properties";

/** The lines of `zfs help`, by subcommand; "" separates the groups. */
const subcommands: readonly (readonly [name: string, usage: string])[] = [
  ["version", "\tversion\n"],
  ["", ""],
  [
    "create",
    "\tcreate [-Pnpuv] [-o property=value] ... <filesystem>\n" +
      "\tcreate [-Pnpsv] [-b blocksize] [-o property=value] ... -V <size> <volume>\n",
  ],
  [
    "destroy",
    "\tdestroy [-fnpRrv] <filesystem|volume>\n" +
      "\tdestroy [-dnpRrv] <filesystem|volume>@<snap>[%<snap>][,...]\n" +
      "\tdestroy <filesystem|volume>#<bookmark>\n",
  ],
  ["", ""],
  ["snapshot", "\tsnapshot [-r] [-o property=value] ... <filesystem|volume>@<snap> ...\n"],
  ["rollback", "\trollback [-rRf] <snapshot>\n"],
  ["clone", "\tclone [-p] [-o property=value] ... <snapshot> <filesystem|volume>\n"],
  ["promote", "\tpromote <clone-filesystem>\n"],
  [
    "rename",
    "\trename [-f] <filesystem|volume|snapshot> <filesystem|volume|snapshot>\n" +
      "\trename -p [-f] <filesystem|volume> <filesystem|volume>\n" +
      "\trename -u [-f] <filesystem> <filesystem>\n" +
      "\trename -r <snapshot> <snapshot>\n",
  ],
  ["", ""],
  [
    "list",
    "\tlist [-Hp] [-r|-d max] [-o property[,...]] [-s property]...\n" +
      "\t    [-S property]... [-t type[,...]] [filesystem|volume|snapshot] ...\n",
  ],
  ["", ""],
  ["set", "\tset <property=value> ... <filesystem|volume|snapshot> ...\n"],
  [
    "get",
    '\tget [-rHp] [-d max] [-o "all" | field[,...]]\n' +
      "\t    [-t type[,...]] [-s source[,...]]\n" +
      '\t    <"all" | property[,...]> [filesystem|volume|snapshot|bookmark] ...\n',
  ],
  ["inherit", "\tinherit [-rS] <property> <filesystem|volume|snapshot> ...\n"],
  ["", ""],
  ["mount", "\tmount\n\tmount [-flvO] [-o opts] <-a | filesystem>\n"],
  ["unmount", "\tunmount [-fu] <-a | filesystem|mountpoint>\n"],
  ["", ""],
  ["hold", "\thold [-r] <tag> <snapshot> ...\n"],
  ["holds", "\tholds [-rHp] <snapshot> ...\n"],
  ["release", "\trelease [-r] <tag> <snapshot> ...\n"],
  ["", ""],
  ["jail", "\tjail <jailid|jailname> <filesystem>\n"],
  ["unjail", "\tunjail <jailid|jailname> <filesystem>\n"],
];

const WITH_PROPERTIES = new Set(["set", "get", "inherit", "list"]);

/** What zfs(8) prints when it is called wrongly; without a subcommand: all of them. */
export function usage(subcommand?: string): string {
  if (subcommand === undefined) {
    const lines = subcommands.map(([, text]) => text || "\n").join("");
    return (
      `usage: zfs command args ...\nwhere 'command' is one of the following:\n\n${lines}\n` +
      `Each dataset is of the form: pool/[dataset/]*dataset[@name]\n${POINTERS}`
    );
  }
  const own = subcommands.find(([name]) => name === subcommand)?.[1] ?? "";
  return `usage:\n${own}${WITH_PROPERTIES.has(subcommand) ? propertyTable() : POINTERS}`;
}

const POINTERS =
  "\nFor the property list, run: zfs set|get\n" +
  "\nFor the delegated permission list, run: zfs allow|unallow\n" +
  "\nFor further help on a command or topic, run: zfs help [<topic>]\n";

// man page only
function propertyTable(): string {
  const rows = [...properties]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, edit, values }) => {
      const editable = edit === "inherit" || edit === "default" ? "YES    " : " NO    ";
      return `\t${name.padEnd(22)} ${editable}${edit === "inherit" ? "  YES   " : "   NO   "}${values}\n`;
    });
  return (
    "\nThe following properties are supported:\n" +
    `\n\t${"PROPERTY".padEnd(21)} EDIT  INHERIT   VALUES\n\n${rows.join("")}` +
    "\nSizes are specified in bytes with standard units such as K, M, G, etc.\n" +
    "\nUser-defined properties can be specified by using a name containing a colon (:).\n"
  );
}
