/** getopt(3): options first, then operands; `--` ends the options. */
export interface Options {
  /** In the order given; the value is undefined for a letter that takes none. */
  readonly list: readonly (readonly [letter: string, value: string | undefined])[];
  readonly operands: readonly string[];
  /** `illegal option -- x`, `option requires an argument -- x`: what getopt(3) prints behind the program's name. */
  readonly error: string | undefined;
}

/** @param letters as in C: `"ab:c"`, a colon behind a letter that takes a value. */
export function getopt(args: readonly string[], letters: string): Options {
  const list: [string, string | undefined][] = [];
  let i = 0;
  for (; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === "--") {
      i++;
      break;
    }
    if (!arg.startsWith("-") || arg === "-") break;
    for (let at = 1; at < arg.length; at++) {
      const letter = arg[at]!;
      const place = letter === ":" ? -1 : letters.indexOf(letter);
      if (place < 0) return { list, operands: args.slice(i), error: `illegal option -- ${letter}` };
      if (letters[place + 1] !== ":") {
        list.push([letter, undefined]);
        continue;
      }
      const value = at + 1 < arg.length ? arg.slice(at + 1) : args[++i];
      if (value === undefined)
        return { list, operands: [], error: `option requires an argument -- ${letter}` };
      list.push([letter, value]);
      break;
    }
  }
  return { list, operands: args.slice(i), error: undefined };
}
