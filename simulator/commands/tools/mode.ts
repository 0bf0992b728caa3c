/** chmod(1)'s modes, octal or symbolic, applied to `old`; undefined if it is neither. */
export function applyMode(
  text: string,
  old: number,
  isDirectory: boolean,
  umask: number,
): number | undefined {
  if (/^[0-7]{1,5}$/.test(text)) return Number.parseInt(text, 8) & 0o7777;
  let mode = old;
  for (const clause of text.split(",")) {
    const match = /^([ugoa]*)((?:[-+=][rwxXstugo]*)+)$/.exec(clause);
    if (!match) return undefined;
    const who = match[1] === "" || match[1]!.includes("a") ? "ugo" : match[1]!;
    const mask = match[1] === "" ? ~umask : ~0;
    for (const [, operator, what] of match[2]!.matchAll(/([-+=])([rwxXstugo]*)/g)) {
      const bits = bitsOf(what!, who, mode, isDirectory) & (mask | 0o7000);
      if (operator === "+") mode |= bits;
      else if (operator === "-") mode &= ~bits;
      else mode = (mode & ~whole(who)) | bits;
    }
  }
  return mode & 0o7777;
}

const SHIFT = { u: 6, g: 3, o: 0 } as const;

const whole = (who: string): number =>
  (who.includes("u") ? 0o4700 : 0) | (who.includes("g") ? 0o2070 : 0) | (who.includes("o") ? 0o0007 : 0);

function bitsOf(what: string, who: string, mode: number, isDirectory: boolean): number {
  let bits = 0;
  for (const letter of what) {
    if (letter === "s") {
      if (who.includes("u")) bits |= 0o4000;
      if (who.includes("g")) bits |= 0o2000;
      continue;
    }
    if (letter === "t") {
      bits |= 0o1000;
      continue;
    }
    const three =
      letter === "r"
        ? 4
        : letter === "w"
          ? 2
          : letter === "x"
            ? 1
            : letter === "X"
              ? isDirectory || mode & 0o111
                ? 1
                : 0
              : (mode >> SHIFT[letter as "u" | "g" | "o"]) & 7;
    for (const w of who) bits |= three << SHIFT[w as "u" | "g" | "o"];
  }
  return bits;
}
