import { jailRuns } from "../library";
import { jailsElsewhere } from "../library/jailconf";
import { type Question, Unreadable } from "../question";
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
    read(answer) {
      if (answer.status === 0) return { state: "running", parameters: parseParameters(answer.text) };
      if (/jail "[^"]*" not found/.test(answer.text)) return undefined;
      if (/jail "[^"]*" is dying/.test(answer.text)) return { state: "dying" };
      throw new Unreadable(ask.text, answer);
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
  return {
    key: `route -j ${name} ${family}`,
    ask,
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
