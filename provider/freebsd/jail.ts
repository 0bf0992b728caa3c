import { jailRuns } from "../library";
import { jailsElsewhere } from "../library/jailconf";
import { type Among, type Question, Unreadable } from "../question";
import { sh } from "../sh";

export type JailState =
  | { readonly state: "running"; readonly parameters: ReadonlyMap<string, string> }
  | { readonly state: "dying" };

/** A jail's parameters as jls(8) tells them, or undefined when there is none of that name. */
export function askJail(name: string, parameters: readonly string[]): Question<JailState | undefined> {
  const ask = sh`jls -j ${name} -n ${parameters}`;
  return {
    key: `jls -j ${name} ${parameters.join(" ")}`,
    ask,
    among: amongJails(name, parameters),
    read(answer) {
      if (answer.status === 0) return { state: "running", parameters: parseParameters(answer.text) };
      if (/jail "[^"]*" not found/.test(answer.text)) return undefined;
      if (/jail "[^"]*" is dying/.test(answer.text)) return { state: "dying" };
      throw new Unreadable(ask.text, answer);
    },
  };
}

/** All that run, by one jls(8) for jails of which the same is asked, then the names of these and of the dying ones. */
function amongJails(name: string, parameters: readonly string[]): Among {
  const key = `jls ${parameters.join(" ")}`;
  return {
    key,
    ask: sh`jls -n ${parameters} name && echo && jls -d -q name`,
    pick(said) {
      const all = said.get(key);
      if (all?.status !== 0) return undefined;
      const [running = "", names = ""] = `\n${all.text}`.split("\n\n");
      const line = running.split("\n").find((each) => parseParameters(each).get("name") === name);
      if (line !== undefined) return { text: `${line}\n`, status: 0 };
      const how = names.split("\n").includes(name) ? "is dying" : "not found";
      return { text: `jls: jail "${name}" ${how}\n`, status: 1 };
    },
  };
}

/** `jls -n`: `name=j1 persist vnet=new host.hostname="a b"`; a boolean is its name, or its name with "no" in it. */
export function parseParameters(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, name, quoted, plain] of text.matchAll(
    /([a-z0-9_.]+)(?:=(?:"((?:[^"\\]|\\.)*)"|(\S*)))?(?=\s|$)/g,
  )) {
    found.set(name as string, quoted ?? plain ?? "true");
  }
  return found;
}

/** The value of a parameter, a boolean one as `true` or `false`. */
export function parameterOf(parameters: ReadonlyMap<string, string>, name: string): string | undefined {
  return parameters.get(name) ?? (parameters.has(name.replace(/([^.]*)$/, "no$1")) ? "false" : undefined);
}

/** The gateway of a jail's default route, or undefined without one, or without the jail. */
export function askDefaultRoute(name: string, family: "inet" | "inet6"): Question<string | undefined> {
  const ask = sh`if ${jailRuns} ${name}; then route -j ${name} -n get ${`-${family}`} default; else (exit 66); fi`;
  const all = `routes ${family}`;
  return {
    key: `route -j ${name} ${family}`,
    ask,
    among: {
      key: all,
      ask: sh`jls -q jid name | while read -r jid name; do
  case $name in *[!A-Za-z0-9._-]*) continue ;; esac
  route -j "$jid" -n get ${`-${family}`} default; emit route%20-j%20"$name"%20${family} $?
done
jls -q name`,
      pick(said) {
        const names = said.get(all);
        if (names?.status !== 0) return undefined;
        const runs = names.text.split("\n").includes(name);
        return runs ? said.get(`route -j ${name} ${family}`) : { text: "", status: 66 };
      },
    },
    read(answer) {
      const gateway = /^\s*gateway: (\S+)$/m.exec(answer.text)?.[1];
      if (answer.status === 0 && gateway) return gateway;
      if (answer.status === 66 || /route has not been found|not in table|No such process/.test(answer.text))
        return undefined;
      throw new Unreadable(`route -j ${name} -n get -${family} default`, answer);
    },
  };
}

/** Files beside `path` that have a jail of that name as well. */
export const askOtherFiles = (name: string, path: string, owner: string): Question<readonly string[]> => ({
  key: `files with a jail ${name} beside ${path} of ${owner}`,
  ask: sh`${jailsElsewhere} ${[name, path, owner]}`,
  read(answer) {
    if (answer.status !== 0) throw new Unreadable("grep in the files of jail.conf(5)", answer);
    return answer.text.split("\n").filter((line) => line !== "");
  },
});
