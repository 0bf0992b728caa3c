import { type Question, Unreadable } from "../question";
import { sh } from "../sh";

/** What the kernel has loaded or in itself. */
export interface Modules {
  /** Files of the kernel linker, without `.ko`. */
  readonly files: ReadonlySet<string>;
  /** What is in them; a file's modules need not be called as the file is. */
  readonly modules: ReadonlySet<string>;
}

/** All modules in one answer, however many resources ask for one. */
export function askModules(): Question<Modules> {
  return {
    key: "kldstat -v",
    ask: sh`kldstat -v`,
    read(answer) {
      const found = parseModules(answer.text);
      if (answer.status !== 0 || !found.files.has("kernel")) throw new Unreadable("kldstat -v", answer);
      return found;
    },
  };
}

// Its format is from the manual page and kldstat.c only.
/**
 * `kldstat -v`: a line for each file, `5    1 0xffffffff82a11000 7798 if_bridge.ko (/boot/kernel/if_bridge.ko)`, and
 * below it, indented, `234 if_bridge` for each module in it.
 */
export function parseModules(text: string): Modules {
  const names = (pattern: RegExp) => new Set([...text.matchAll(pattern)].map((found) => found[1] as string));
  return {
    files: names(/^ *\d+ +\d+ 0x[0-9a-f]+ +[0-9a-f]+ (\S+?)(?:\.ko)?(?: \(.*\))?$/gm),
    modules: names(/^\t+ *\d+ (\S+)$/gm),
  };
}

/** A driver's module has its bus before its name: `nexus/aesni`. */
export const isLoaded = ({ files, modules }: Modules, name: string) =>
  files.has(name) || [...modules].some((module) => module === name || module.endsWith(`/${name}`));
