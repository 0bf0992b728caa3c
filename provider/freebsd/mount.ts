import { type Question, Unreadable } from "../question";
import { sh } from "../sh";

export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly type: string;
}

/** What is mounted on the host, in the order of mounting. */
export function askMounts(): Question<readonly Mount[]> {
  return {
    key: "mount -p",
    ask: sh`mount -p`,
    read(answer) {
      if (answer.status !== 0) throw new Unreadable("mount -p", answer);
      return answer.text
        .split("\n")
        .map((line) => line.split(/\s+/))
        .flatMap(([source, target, type]) => (source && target && type ? [{ source, target, type }] : []));
    },
  };
}
