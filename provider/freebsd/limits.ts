import { jailRuns } from "../library";
import { type Question, Unreadable } from "../question";
import { sh } from "../sh";

/** The rules of rctl(8) on a jail; none where the kernel does not account for resources. */
export function askLimits(jail: string): Question<readonly string[]> {
  const ask = sh`rctl ${`jail:${jail}`}`;
  return {
    key: `rctl jail:${jail}`,
    ask,
    read(answer) {
      if (answer.status === 0) return answer.text.split("\n").filter((line) => line !== "");
      if (/RACCT\/RCTL/.test(answer.text)) return [];
      throw new Unreadable(ask.text, answer);
    },
  };
}

/** The processors of a running jail as cpuset(1) prints them: `0, 1`. */
export function askCpus(jail: string): Question<string | undefined> {
  return {
    key: `cpuset -j ${jail}`,
    ask: sh`if ${jailRuns} ${jail}; then cpuset -g -j ${jail}; else (exit 66); fi`,
    read(answer) {
      if (answer.status === 66) return undefined;
      const mask = /^jail \d+ mask: (.*)$/m.exec(answer.text)?.[1];
      if (answer.status !== 0 || mask === undefined) throw new Unreadable(`cpuset -g -j ${jail}`, answer);
      return mask;
    },
  };
}
