const cache = new Map<string, RegExp>();

/** A shell pattern (quoted characters escaped by `\`) as a regular expression over the whole string. */
export function patternToRegExp(pattern: string): RegExp {
  const known = cache.get(pattern);
  if (known) return known;
  const made = new RegExp(`^(?:${translate(pattern)})$`, "s");
  if (cache.size > 2000) cache.clear();
  cache.set(pattern, made);
  return made;
}

function translate(pattern: string): string {
  let out = "";
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i]!;
    if (c === "\\" && i + 1 < pattern.length) out += literal(pattern[++i]!);
    else if (c === "*") out += ".*";
    else if (c === "?") out += ".";
    else if (c === "[") {
      const bracket = bracketAt(pattern, i);
      out += bracket ? bracket.source : "\\[";
      if (bracket) i = bracket.end;
    } else out += literal(c);
  }
  return out;
}

const literal = (c: string): string => c.replace(/[\\^$.*+?()[\]{}|/]/, "\\$&");

const classes: Record<string, string> = {
  alpha: "A-Za-z",
  digit: "0-9",
  alnum: "A-Za-z0-9",
  upper: "A-Z",
  lower: "a-z",
  space: "\\s",
  blank: " \\t",
  punct: "!-\\/:-@\\[-`{-~",
  xdigit: "0-9A-Fa-f",
  cntrl: "\\x00-\\x1f\\x7f",
  print: "\\x20-\\x7e",
  graph: "\\x21-\\x7e",
};

function bracketAt(pattern: string, start: number): { source: string; end: number } | undefined {
  let i = start + 1;
  let set = "";
  const negated = pattern[i] === "!" || pattern[i] === "^";
  if (negated) i++;
  for (let first = true; i < pattern.length; i++, first = false) {
    const c = pattern[i]!;
    if (c === "]" && !first) return { source: `[${negated ? "^" : ""}${set}]`, end: i };
    const named = /^\[:(\w+):\]/.exec(pattern.slice(i));
    if (named && classes[named[1]!]) {
      set += classes[named[1]!];
      i += named[0].length - 1;
    } else if (c === "\\" && i + 1 < pattern.length) set += inSet(pattern[++i]!);
    else set += c === "-" ? "-" : inSet(c);
  }
  return undefined;
}

const inSet = (c: string): string => c.replace(/[\\\]^[-]/, "\\$&");

/** Escapes every character that a pattern gives a meaning. */
export const quotePattern = (text: string): string => text.replace(/[\\*?[\]!-]/g, "\\$&");

export const hasWildcard = (pattern: string): boolean => /(?<!\\)(?:\\\\)*(?:[*?]|\[.*\])/s.test(pattern);

export const unquotePattern = (pattern: string): string => pattern.replace(/\\(.)/gs, "$1");
