import { rcValue, runRcConf, SERVICE_FILES } from "../library/rcconf";
import { type Among, type Question, Unreadable } from "../question";
import type { ParsedCidr } from "../scalars";
import { type Sh, sh } from "../sh";

/**
 * rc.conf(5) is a shell script that root runs at boot. Values of ours go between double quotes and must hold
 * nothing that the shell would expand or that would end them; `${cloned_interfaces} bridge0` adds a word to
 * what other lines set, without touching those lines.
 */
export function rcLine(variable: string, value: string, options: { addTo?: boolean } = {}): string {
  if (!isRcName(variable)) throw new Error(`not a name for rc.conf: ${variable}`);
  if (!isRcValue(value)) {
    throw new Error(`cannot be written to rc.conf as ${variable}: ${JSON.stringify(value)}`);
  }
  return `${variable}="${options.addTo ? `\${${variable}} ` : ""}${value}"`;
}

/** What the shell takes as a variable's name. */
export const isRcName = (text: string) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(text);

/** What stays as it is between double quotes. */
export const isRcValue = (text: string) => /^[A-Za-z0-9 _@%+=:,./~()[\]{}|;<>?!*^&#'-]*$/.test(text);

const SHELLS_OWN = new Set(
  "CDPATH ENV FCEDIT HISTFILE HISTSIZE HOME IFS LANG LC_ALL LD_LIBRARY_PATH LD_PRELOAD LINENO MAIL MAILPATH OLDPWD OPTARG OPTIND PATH PPID PS1 PS2 PS4 PWD RC_PID SHELL TERM _ name rcvar command command_args command_interpreter procname pidfile start_cmd stop_cmd start_precmd stop_precmd required_dirs required_files required_modules required_vars extra_commands".split(
    " ",
  ),
);

/** Variables by which sh(1) and rc.subr(8) themselves work: set in rc.conf, they break every service. */
export const isShellsOwn = (variable: string) => SHELLS_OWN.has(variable);

/** An interface's name within a variable's name, as network.subr's get_if_var has it. */
export const rcName = (name: string) => name.replaceAll(/[./+-]/g, "_");

/** All variables in one run of the files. */
const group = {
  key: "rc.conf",
  wrap: (members: Sh) =>
    sh`(${runRcConf}
${members}
) || :`,
};

/** What rc(8) and the services will see in `variable` at boot: the files are run, as they run them. "" when unset. */
export function askRcVariable(variable: string): Question<string> {
  return {
    key: `rc.conf ${variable}`,
    ask: sh`${rcValue} ${variable}`,
    group,
    among: amongRcVariables(variable),
    read(answer) {
      if (answer.status !== 0) throw new Unreadable(`rc.conf ${variable}`, answer);
      return answer.text;
    },
  };
}

const ASSIGNMENT = "^[[:space:]]*\\([A-Za-z_][A-Za-z0-9_]*\\)=.*";

/** All variables that a line of the files begins with. */
const amongRcVariables = (variable: string): Among => ({
  key: "variables of rc.conf",
  ask: sh`(${runRcConf}
sed -n ${`s/${ASSIGNMENT}/\\1/p`} /etc/rc.conf /etc/rc.conf.local 2>/dev/null | sort -u | while read -r variable; do
  ${rcValue} "$variable"; emit rc.conf%20"$variable" $?
done)`,
  pick: (said) => said.get(`rc.conf ${variable}`),
});

/** A variable that a file sets which is read after /etc/rc.conf. */
export interface LateLine {
  readonly file: string;
  readonly variable: string;
}

export function askLateFiles(): Question<readonly LateLine[]> {
  return {
    key: "files after rc.conf",
    ask: sh`for file in $rc_conf_files ${SERVICE_FILES}; do
if [ "$file" != /etc/rc.conf ] && [ -f "$file" ]; then sed -n ${`s/${ASSIGNMENT}/\\1/p`} "$file" | sed "s|^|$file |"; fi
done`,
    group,
    read(answer) {
      if (answer.status !== 0) throw new Unreadable("files after rc.conf", answer);
      return [...answer.text.matchAll(/^(\S+) (\w+)$/gm)].map(([, file = "", variable = ""]) => ({
        file,
        variable,
      }));
    },
  };
}

export const words = (value: string): string[] => value.split(/\s+/).filter((word) => word !== "");

/** The lines that set `values` and add to the lists in `additions`. */
export function rcText(
  values: Readonly<Record<string, string>>,
  additions: Readonly<Record<string, string>>,
): string {
  return [
    ...Object.entries(additions).map(([name, word]) => rcLine(name, word, { addTo: true })),
    ...Object.entries(values).map(([name, value]) => rcLine(name, value)),
  ].join("\n");
}

/** The variables by which an interface gets `addresses` at boot and, before it goes up, what `words` say. */
export function rcAddresses(
  name: string,
  addresses: readonly ParsedCidr[],
  words: readonly string[] = [],
): Record<string, string> {
  const variable = `ifconfig_${rcName(name)}`;
  const v4 = addresses.filter((a) => a.family === "inet");
  const v6 = addresses.filter((a) => a.family === "inet6");
  return {
    [variable]: [...(v4[0] ? [`inet ${v4[0].text}`] : []), ...words, "up"].join(" "),
    ...(v6[0] && { [`${variable}_ipv6`]: `inet6 ${v6[0].text}` }),
    ...Object.fromEntries(
      [...v4.slice(1), ...v6.slice(1)].map((a, i) => [`${variable}_alias${i}`, `${a.family} ${a.text}`]),
    ),
  };
}

export const rcMtu = (mtu: number | undefined): string[] => (mtu === undefined ? [] : [`mtu ${mtu}`]);
