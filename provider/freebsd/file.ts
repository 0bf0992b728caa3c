import { beginLine, endLine } from "../library";
import { type Question, Unreadable } from "../question";
import { sh } from "../sh";

/** A file's content, or undefined when it is not there. */
export function askFile(path: string): Question<string | undefined> {
  const ask = sh`if [ -e ${path} ]; then cat ${path}; else (exit 66); fi`;
  return {
    key: `cat ${path}`,
    ask,
    read(answer) {
      if (answer.status === 66) return undefined;
      if (answer.status !== 0) throw new Unreadable(`cat ${path}`, answer);
      return answer.text;
    },
  };
}

/** The names in a folder; none where it is missing. */
export function askFolder(path: string): Question<readonly string[]> {
  return {
    key: `ls ${path}`,
    ask: sh`if [ -d ${path} ]; then ls ${path}; fi`,
    read(answer) {
      if (answer.status !== 0) throw new Unreadable(`ls ${path}`, answer);
      return answer.text.split("\n").filter((name) => name !== "");
    },
  };
}

/** The lines of `owner` in a shared file, or undefined when it has none there. */
export function askBlock(path: string, owner: string): Question<string | undefined> {
  const begin = beginLine(owner);
  const end = endLine(owner);
  const ask = sh`if [ -e ${path} ]; then begin=${begin} end=${end} awk ${'$0 == ENVIRON["begin"], $0 == ENVIRON["end"]'} ${path}; fi`;
  return {
    key: `block ${path} ${owner}`,
    ask,
    read(answer) {
      if (answer.status !== 0) throw new Unreadable(`block of ${owner} in ${path}`, answer);
      const text = answer.text.replace(/\n$/, "").split("\n");
      return text[0] === begin ? text.slice(1, text.at(-1) === end ? -1 : undefined).join("\n") : undefined;
    },
  };
}
