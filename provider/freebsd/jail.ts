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
