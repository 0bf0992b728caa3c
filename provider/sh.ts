/**
 * The one place where words become shell.
 *
 * sh`ifconfig ${name} description ${text}` quotes every value as exactly one word; only another `Sh` goes in
 * unquoted. An array becomes its items as words with blanks between. The text is POSIX sh: FreeBSD's /bin/sh.
 */
export class Sh {
  constructor(
    readonly text: string,
    /** Shell functions the text calls (see library.ts); a script carries their definitions. */
    readonly needs: ReadonlySet<ShellFunction> = new Set(),
  ) {}
}

/** A shell function with a name of its own; interpolating it into `sh` calls it by name. */
export class ShellFunction {
  constructor(
    readonly name: string,
    readonly body: string,
    readonly uses: readonly ShellFunction[] = [],
  ) {}

  get definition(): string {
    return `${this.name}() {\n${this.body}\n}`;
  }
}

export type Word = string | number | Sh | ShellFunction | readonly Word[];

export function sh(strings: TemplateStringsArray, ...words: Word[]): Sh {
  const needs = new Set<ShellFunction>();
  let text = strings[0] as string;
  words.forEach((word, i) => {
    text += render(word, needs) + strings[i + 1];
  });
  return new Sh(text, needs);
}

/** Several fragments as one, each on a line of its own. */
export function lines(fragments: readonly Sh[]): Sh {
  return new Sh(
    fragments.map((fragment) => fragment.text).join("\n"),
    new Set(fragments.flatMap((fragment) => [...fragment.needs])),
  );
}

function render(word: Word, needs: Set<ShellFunction>): string {
  if (word instanceof Sh) {
    for (const need of word.needs) needs.add(need);
    return word.text;
  }
  if (word instanceof ShellFunction) {
    needs.add(word);
    return word.name;
  }
  if (typeof word === "string" || typeof word === "number") return quote(String(word));
  return word.map((item) => render(item, needs)).join(" ");
}

/** How every script begins, whatever the login shell has set. */
export const ENVIRONMENT = `PATH=/sbin:/bin:/usr/sbin:/usr/bin LC_ALL=C
export PATH LC_ALL`;

/** `text` as one shell word, whatever it holds. */
export function quote(text: string): string {
  if (text.includes("\0")) throw new Error("a NUL byte cannot be passed to a command");
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * The definitions of `functions` and of all that they use, each once, callees first.
 * @throws Error when two have one name: the later one would take the place of the other
 */
export function definitions(functions: Iterable<ShellFunction>): string {
  const ordered = new Map<string, ShellFunction>();
  const visit = (fn: ShellFunction) => {
    const named = ordered.get(fn.name);
    if (named && named !== fn) throw new Error(`two shell functions are called ${fn.name}`);
    if (named) return;
    fn.uses.forEach(visit);
    ordered.set(fn.name, fn);
  };
  for (const fn of functions) visit(fn);
  return [...ordered.values()].map((fn) => fn.definition).join("\n");
}
