import { beginLine, endLine } from "../library";
import { type Among, type Question, Unreadable } from "../question";
import { sh } from "../sh";

/** A file's content, or undefined when it is not there. */
export function askFile(path: string): Question<string | undefined> {
  const ask = sh`if [ -e ${path} ]; then cat ${path}; else (exit 66); fi`;
  return {
    key: `cat ${path}`,
    ask,
    ...(path.startsWith(`${JAIL_FILES}/`) && { among: amongJailFiles(path) }),
    read(answer) {
      if (answer.status === 66) return undefined;
      if (answer.status !== 0) throw new Unreadable(`cat ${path}`, answer);
      return answer.text;
    },
  };
}

const JAIL_FILES = "/etc/jail.conf.d";

/** Names with other characters than these are asked for by themselves: they are not one word to the shell. */
const amongJailFiles = (path: string): Among => ({
  key: `files of ${JAIL_FILES}`,
  ask: sh`for file in ${JAIL_FILES}/*; do
  case $file in *[!A-Za-z0-9/._-]*) continue ;; esac
  if [ -f "$file" ]; then cat "$file"; emit cat%20"$file" $?; fi
done`,
  pick: (said) => said.get(`cat ${path}`),
});

/** The names in a folder; none where it is missing. */
export function askFolder(path: string): Question<readonly string[]> {
  return {
    key: `ls ${path}`,
    ask: sh`if [ -d ${path} ]; then ls ${path}; fi`,
    among: {
      key: "devices of jails",
      ask: sh`mount -p -t devfs | while read -r _ on _; do
  case $on in *[!A-Za-z0-9/._-]*) continue ;; esac
  ls "$on"; emit ls%20"$on" $?
done`,
      pick: (said) => said.get(`ls ${path}`),
    },
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
    among: {
      key: `blocks of ${path}`,
      ask: sh`if [ -e ${path} ]; then cat ${path}; fi`,
      pick(said) {
        const all = said.get(`blocks of ${path}`);
        if (all?.status !== 0) return undefined;
        const at = `\n${all.text}`.indexOf(`\n${begin}\n`);
        const text = at === -1 ? "" : all.text.slice(at);
        const to = text.indexOf(`\n${end}\n`);
        return { text: to === -1 ? text : text.slice(0, to + end.length + 2), status: 0 };
      },
    },
    read(answer) {
      if (answer.status !== 0) throw new Unreadable(`block of ${owner} in ${path}`, answer);
      const text = answer.text.replace(/\n$/, "").split("\n");
      return text[0] === begin ? text.slice(1, text.at(-1) === end ? -1 : undefined).join("\n") : undefined;
    },
  };
}
