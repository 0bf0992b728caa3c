/** jail.conf(5): the grammar, includes, wildcards and variables; what jail(8) makes of a file before it acts. */

export interface Variable {
  name: string;
  /** Where in the text its value goes. */
  at: number;
}

export interface Value {
  text: string;
  variables: Variable[];
}

export interface Parameter {
  name: string;
  values: Value[];
  /** `$name = …` */
  variable: boolean;
  /** `+=` */
  append: boolean;
  /** `name`, `jid`: given by the block's own name. */
  immutable?: boolean;
}

/** A jail as the file, or the command line, describes it. */
export class JailConfig {
  readonly parameters: Parameter[] = [];
  failed = false;

  /** `name` is undefined for the one jail of a command line. */
  constructor(readonly name: string | undefined) {}

  find(name: string): Parameter | undefined {
    return this.parameters.find((parameter) => sameOption(parameter.name, name));
  }

  /** The last value. */
  text(name: string): string | undefined {
    return this.find(name)?.values.at(-1)?.text;
  }

  texts(name: string): string[] {
    return this.find(name)?.values.map((value) => value.text) ?? [];
  }

  flag(name: string): boolean {
    const parameter = this.find(name);
    if (!parameter) return false;
    const negated = parameter.name.startsWith("no", parameter.name.lastIndexOf(".") + 1);
    const value = parameter.values.at(-1)?.text;
    const set = value === undefined || value.toLowerCase() === "true" || Number.parseInt(value, 10) > 0;
    return set !== negated;
  }

  int(name: string): number | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : Number.parseInt(value, 10) || 0;
  }

  /** Adds or overrides; answers with jail(8)'s words when it may not. */
  set(parameter: Parameter): string | undefined {
    const known = this.find(parameter.name);
    if (!known) {
      this.parameters.push(copy(parameter));
      return undefined;
    }
    if (known.variable !== parameter.variable) {
      this.failed = true;
      return `variable "$${parameter.name}" cannot have the same name as a parameter.`;
    }
    if (known.immutable) {
      this.failed = true;
      return `cannot redefine parameter "${known.name}".`;
    }
    known.name = parameter.name;
    const added = copy(parameter).values;
    if (!parameter.append || added.length === 0) known.values = [];
    known.values.push(...added);
    return undefined;
  }
}

/** The file cannot be used: `jail` prints the messages and ends with the status. */
export class JailConfError extends Error {
  constructor(
    readonly messages: string[],
    readonly status: number,
  ) {
    super(messages.join("\n"));
  }
}

/** How the parser reaches files: jail(8) runs on the host. */
export interface ConfSource {
  /** `.include` names a file; FreeBSD 13 takes it for a parameter. */
  readonly includes: boolean;
  /** @throws JailConfError when it cannot be read */
  read(path: string): Promise<string>;
  glob(pattern: string): Promise<string[]>;
}

/** Reads a file and what it includes. Wildcard blocks and variables are resolved into each jail. */
export async function loadJailConf(
  path: string,
  source: ConfSource,
): Promise<{ jails: JailConfig[]; warnings: string[] }> {
  const blocks: JailConfig[] = [];
  await parse(path, source, blocks, 0);
  const warnings: string[] = [];
  const isWild = (block: JailConfig): boolean => isWildcard(block.name ?? "");
  const jails: JailConfig[] = [];
  for (const [place, block] of blocks.entries()) {
    if (isWild(block)) continue;
    const name = block.name ?? "";
    const jail = new JailConfig(name);
    const add = (parameter: Parameter): void => {
      const complaint = jail.set(parameter);
      if (complaint) warnings.push(`${name}: ${complaint}`);
    };
    add({
      name: /^-?\d+$/.test(name) ? "jid" : "name",
      values: [{ text: name, variables: [] }],
      variable: false,
      append: false,
      immutable: true,
    });
    // In the order of the file, so that a later global default overrides a jail's own parameter.
    for (const [at, other] of blocks.entries())
      if (at === place || (isWild(other) && matchesWildcard(name, other.name ?? "")))
        for (const parameter of other.parameters) add(parameter);
    resolveVariables(jail, warnings);
    jails.push(jail);
  }
  return { jails, warnings };
}

/** A non-final `*` stands for one component of a hierarchical name, a final one for the rest. */
export function matchesWildcard(name: string, wildcard: string): boolean {
  const names = name.split(".");
  const wilds = wildcard.split(".");
  while (names.length > 1 && wilds.length > 1) {
    const [first, wild] = [names.shift(), wilds.shift()];
    if (first !== wild && wild !== "*") return false;
  }
  const rest = wilds.join(".");
  return rest === names.join(".") || rest === "*";
}

export function isWildcard(name: string): boolean {
  return name.split(".").includes("*");
}

/** `persist` and `nopersist`, `allow.mount` and `allow.nomount` are one option. */
export function sameOption(one: string, other: string): boolean {
  const positive = (name: string): string => name.replace(/(^|\.)no(?=[^.]*$)/, "$1");
  return one === other || positive(one) === other || one === positive(other);
}

function copy(parameter: Parameter): Parameter {
  return {
    ...parameter,
    values: parameter.values.map((value) => ({
      text: value.text,
      variables: value.variables.map((variable) => ({ ...variable })),
    })),
  };
}

function resolveVariables(jail: JailConfig, warnings: string[]): void {
  const resolving = new Set<Parameter>();
  const resolve = (parameter: Parameter): boolean => {
    const complain = (what: string): false => {
      warnings.push(`${jail.name}: ${what}`);
      jail.failed = true;
      return false;
    };
    resolving.add(parameter);
    try {
      for (let i = 0; i < parameter.values.length; i++) {
        const value = parameter.values[i]!;
        for (let variable = value.variables.shift(); variable; variable = value.variables.shift()) {
          const name = variable.name;
          const from = jail.parameters.find((each) => each.name === name);
          if (!from) return complain(`${parameter.name}: variable "${name}" not found`);
          if (resolving.has(from)) return complain(`${name}: variable loop`);
          if (!resolve(from)) return false;
          const [first, ...rest] = from.values.map((each) => each.text);
          if (rest.length > 0 && (value.text !== "" || value.variables.length > 0))
            return complain(`${parameter.name}: array cannot be substituted inline`);
          const text = first ?? "";
          value.text = value.text.slice(0, variable.at) + text + value.text.slice(variable.at);
          for (const later of value.variables) later.at += text.length;
          parameter.values.splice(i + 1, 0, ...rest.map((each) => ({ text: each, variables: [] })));
        }
      }
      return true;
    } finally {
      resolving.delete(parameter);
    }
  };
  for (const parameter of jail.parameters) if (!resolve(parameter)) break;
  const plain = jail.parameters.filter((parameter) => !parameter.variable);
  jail.parameters.splice(0, jail.parameters.length, ...plain);
}

interface Token {
  kind: "word" | "+=" | "," | ";" | "=" | "{" | "}" | "other" | "end";
  /** As it stands in the file: what a syntax error quotes. */
  raw: string;
  line: number;
  value: Value;
  /** The word is nothing but one `$name`. */
  isVariable: boolean;
}

const maxIncludeDepth = 32;

async function parse(path: string, source: ConfSource, blocks: JailConfig[], depth: number): Promise<void> {
  if (depth > maxIncludeDepth) throw new JailConfError(["maximum include depth exceeded"], 1);
  const complaints: string[] = [];
  const tokens = tokenize(await source.read(path), (line, what) =>
    complaints.push(`${path} line ${line}: ${what}`),
  );
  let next = 0;
  let shiftedSinceError = 3;
  const peek = (): Token => tokens[next]!;
  const take = (): Token => {
    shiftedSinceError++;
    const token = tokens[next]!;
    if (token.kind !== "end") next++;
    return token;
  };
  /** yacc's recovery: say it (unless the last one was just said), skip to the next `;`. */
  const syntaxError = (): void => {
    const token = peek();
    if (shiftedSinceError >= 3)
      complaints.push(
        token.kind === "end"
          ? `${path}: unexpected EOF`
          : `${path} line ${token.line}: ${token.raw}: syntax error`,
      );
    while (peek().kind !== ";" && peek().kind !== "end") next++;
    if (peek().kind === ";") next++;
    shiftedSinceError = 0;
  };
  const values = (): Value[] | undefined => {
    const list: Value[] = [];
    do {
      if (peek().kind !== "word") return undefined;
      list.push(take().value);
    } while (peek().kind === "," && take());
    return list;
  };
  const include = async (pattern: string): Promise<void> => {
    const file = pattern.startsWith("/") ? pattern : path.slice(0, path.lastIndexOf("/") + 1) + pattern;
    const files = /[*?[]/.test(file) ? await source.glob(file) : [file];
    for (const each of files) await parse(each, source, blocks, depth + 1);
  };
  const statement = async (block: JailConfig | undefined): Promise<void> => {
    const word = peek();
    if (word.kind !== "word") return syntaxError();
    take();
    if (peek().kind === "{") {
      take();
      const name = block?.name === undefined ? word.value.text : `${block.name}.${word.value.text}`;
      const inner = new JailConfig(name);
      blocks.push(inner);
      while (peek().kind !== "}") {
        if (peek().kind === "end") return syntaxError();
        if (peek().kind === ";") take();
        else await statement(inner);
      }
      take();
      return;
    }
    const parameter: Parameter = {
      name: word.isVariable ? word.value.variables[0]!.name : word.value.text,
      values: [],
      variable: word.isVariable,
      append: false,
    };
    if (peek().kind === "=" || peek().kind === "+=") {
      parameter.append = take().kind === "+=";
      const list = values();
      if (!list) return syntaxError();
      parameter.values = list;
    } else if (peek().kind === "word") {
      parameter.values = values() ?? [];
    }
    if (peek().kind !== ";") return syntaxError();
    take();
    if (parameter.name === ".include" && !block && source.includes) {
      for (const value of parameter.values) await include(value.text);
      return;
    }
    (block ?? globalBlock(blocks)).parameters.push(parameter);
  };

  while (peek().kind !== "end") {
    if (peek().kind === ";") take();
    else await statement(undefined);
  }
  // 255 as recorded, though the source calls exit(1).
  if (complaints.length > 0) throw new JailConfError(complaints, 255);
}

/** Parameters outside of a block belong to a block `*` at that place of the file. */
function globalBlock(blocks: JailConfig[]): JailConfig {
  const last = blocks.at(-1);
  if (last?.name === "*") return last;
  const block = new JailConfig("*");
  blocks.push(block);
  return block;
}

const bare = /[A-Za-z0-9_!%&()\-.:<>?@[\]^`|~]+/y;
const variableName = /[A-Za-z_][A-Za-z_0-9]*/y;

function tokenize(text: string, complain: (line: number, what: string) => void): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let line = 1;
  let word: Token | undefined;
  const match = (pattern: RegExp, from: number): string | undefined => {
    pattern.lastIndex = from;
    return pattern.exec(text)?.[0];
  };
  const piece = (raw: string, add: (value: Value) => void, isVariable = false): void => {
    if (word) word.isVariable = false;
    else {
      word = { kind: "word", raw, line, value: { text: "", variables: [] }, isVariable };
      tokens.push(word);
    }
    add(word.value);
    word.line = line;
  };
  const mark =
    (name: string) =>
    (value: Value): void => {
      value.variables.push({ name, at: value.text.length });
    };
  /** `$name` or `${name}` at `from`: its name and length. */
  const variable = (from: number): { name: string; length: number } | undefined => {
    if (text[from + 1] === "{") {
      const close = text.slice(from + 2).search(/[}\n{]/);
      if (close < 0 || text[from + 2 + close] !== "}") return undefined;
      return { name: text.slice(from + 2, from + 2 + close), length: close + 3 };
    }
    const name = match(variableName, from + 1);
    return name === undefined ? undefined : { name, length: name.length + 1 };
  };

  while (at < text.length) {
    const char = text[at]!;
    if (char === "\n" || char === " " || char === "\t") {
      if (char === "\n") line++;
      word = undefined;
      at++;
    } else if (char === "#" || text.startsWith("//", at)) {
      while (at < text.length && text[at] !== "\n") at++;
    } else if (text.startsWith("/*", at)) {
      const close = text.indexOf("*/", at + 2);
      if (close < 0) complain(line, "unterminated comment");
      const comment = text.slice(at, close < 0 ? text.length : close + 2);
      line += comment.split("\n").length - 1;
      at += comment.length;
      word = undefined;
    } else if (text.startsWith("+=", at) || ",;={}".includes(char)) {
      const raw = char === "+" ? "+=" : char;
      tokens.push({
        kind: raw as Token["kind"],
        raw,
        line,
        value: { text: raw, variables: [] },
        isVariable: false,
      });
      word = undefined;
      at += raw.length;
    } else if (char === "'" || char === '"') {
      const close = closingQuote(text, at, char);
      if (close < 0) {
        complain(line, "unterminated string");
        while (at < text.length && text[at] !== "\n") at++;
        continue;
      }
      const raw = text.slice(at, close + 1);
      const startLine = line;
      piece(raw, () => undefined);
      for (let i = at + 1; i < close; ) {
        const found = char === '"' && text[i] === "$" ? variable(i) : undefined;
        if (found && i + found.length <= close) {
          piece(raw, mark(found.name));
          i += found.length;
        } else {
          const { value, length } = escaped(text, i, close);
          piece(raw, (each) => (each.text += value));
          i += length;
        }
      }
      line = startLine + raw.split("\n").length - 1;
      at = close + 1;
    } else if (char === "$") {
      const found = variable(at);
      if (!found && text[at + 1] === "{") complain(line, "unterminated variable");
      if (found) piece(text.slice(at, at + found.length), mark(found.name), true);
      else piece("$", (value) => (value.text += "$"));
      at += found?.length ?? 1;
    } else if (char === "\\") {
      const { value, length } = escaped(text, at, text.length);
      piece(text.slice(at, at + length), (each) => (each.text += value));
      at += length;
    } else {
      const run = match(bare, at) ?? (char === "*" || char === "/" || char === "+" ? char : undefined);
      if (run === undefined) {
        tokens.push({
          kind: "other",
          raw: char,
          line,
          value: { text: char, variables: [] },
          isVariable: false,
        });
        at++;
      } else {
        piece(run, (value) => (value.text += run));
        at += run.length;
      }
    }
  }
  tokens.push({ kind: "end", raw: "", line, value: { text: "", variables: [] }, isVariable: false });
  return tokens;
}

function closingQuote(text: string, open: number, quote: string): number {
  for (let i = open + 1; i < text.length; i++) {
    if (text[i] === "\\") i++;
    else if (text[i] === quote) return i;
  }
  return -1;
}

const named: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\n": "",
};

function escaped(text: string, at: number, end: number): { value: string; length: number } {
  if (text[at] !== "\\" || at + 1 >= end) return { value: text[at]!, length: 1 };
  const rest = text.slice(at + 1, Math.min(end, at + 4));
  const octal = /^[0-7]{1,3}/.exec(rest)?.[0];
  if (octal)
    return { value: String.fromCharCode(Number.parseInt(octal, 8) & 0xff), length: octal.length + 1 };
  const hex = /^x([0-9A-Fa-f]{1,2})/.exec(rest);
  if (hex) return { value: String.fromCharCode(Number.parseInt(hex[1]!, 16)), length: hex[0].length + 1 };
  const char = text[at + 1]!;
  return { value: named[char] ?? char, length: 2 };
}
