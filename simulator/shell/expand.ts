import type { ScriptNode, WordNode } from "just-bash";
import { Errno } from "../command";
import { resolvePath, type Vfs } from "../kernel/vfs";
import { ArithmeticError, evaluate, type Variables } from "./arithmetic";
import { parseScript } from "./parse";
import { hasWildcard, patternToRegExp, quotePattern, unquotePattern } from "./pattern";

type WordPart = WordNode["parts"][number];
type Parameter = Extract<WordPart, { type: "ParameterExpansion" }>;

/** What expansion needs of the shell. */
export interface Expander extends Variables {
  readonly positional: readonly string[];
  readonly fs: Vfs;
  readonly cwd: string;
  readonly noGlob: boolean;
  readonly noUnset: boolean;
  /** `?`, `$`, `!`, `-`, `0`; undefined for any other name. */
  special(name: string): string | undefined;
  substitute(script: ScriptNode): Promise<string>;
  homeOf(user: string): string | undefined;
  fail(message: string): Error;
}

/** One argument in the making. */
class Field {
  text = "";
  /** Had quotes: stays even if it is empty. */
  quoted = false;
  /** A character that was not quoted may stand for others. */
  mayMatch = false;
  private readonly pieces: { readonly text: string; readonly pattern: string | undefined }[] = [];

  add(text: string, quoted: boolean, pattern: string | undefined): void {
    this.text += text;
    this.quoted ||= quoted;
    this.mayMatch ||= !quoted && /[*?[]/.test(text);
    this.pieces.push({ text, pattern: pattern ?? (quoted ? undefined : text) });
  }

  /** The text with quoted characters escaped: what globbing and `case` look at. */
  get pattern(): string {
    return this.pieces.map(({ text, pattern }) => pattern ?? quotePattern(text)).join("");
  }
}

class Fields {
  readonly done: Field[] = [];
  private current: Field | undefined;

  constructor(private readonly ifs: string) {}

  /** @param pattern of the text, where that is neither all quoted nor all as it stands */
  add(text: string, quoted: boolean, pattern?: string): void {
    this.current ??= new Field();
    this.current.add(text, quoted, pattern);
  }

  /** Ends the argument that is being made. */
  next(): void {
    if (this.current && (this.current.text !== "" || this.current.quoted)) this.done.push(this.current);
    this.current = undefined;
  }

  /** What an unquoted expansion gives: split at IFS. */
  split(text: string): void {
    if (text === "") return;
    if (this.ifs === "") {
      this.add(text, false);
      return;
    }
    let run = "";
    let afterSpace = false;
    for (const c of text) {
      if (!this.ifs.includes(c)) {
        if (afterSpace) this.next();
        afterSpace = false;
        run += c;
        continue;
      }
      if (run !== "") this.add(run, false);
      run = "";
      if (c === " " || c === "\t" || c === "\n") afterSpace ||= this.current !== undefined;
      else {
        // Any other separator ends an argument, even an empty one.
        this.done.push(this.current ?? new Field());
        this.current = undefined;
        afterSpace = false;
      }
    }
    if (run !== "") this.add(run, false);
    else if (afterSpace) this.next();
  }
}

/** The arguments that `words` become. */
export async function expandWords(words: readonly WordNode[], shell: Expander): Promise<string[]> {
  const out: string[] = [];
  for (const word of words) {
    const plain = word.parts.length === 1 ? word.parts[0]! : undefined;
    if (plain && (plain.type === "Literal" || plain.type === "SingleQuoted")) {
      out.push(plain.value);
      continue;
    }
    const fields = new Fields(shell.get("IFS") ?? " \t\n");
    await expandParts(word.parts, false, fields, shell);
    fields.next();
    for (const field of fields.done) {
      if (shell.noGlob || !field.mayMatch || !hasWildcard(field.pattern)) out.push(field.text);
      else {
        const found = glob(field.pattern, shell.fs, shell.cwd);
        out.push(...(found.length > 0 ? found : [field.text]));
      }
    }
  }
  return out;
}

/** One string: the right side of an assignment, a redirection's target, a here-document. */
export async function expandText(word: WordNode, shell: Expander): Promise<string> {
  return (await expandJoined(word, shell)).map(({ text }) => text).join(" ");
}

/** The same where nothing has to be run or looked up for it, and so without waiting; undefined elsewhere. */
export function expandNow(parts: readonly WordPart[], shell: Expander): string | undefined {
  let text = "";
  for (const part of parts) {
    let piece: string | undefined;
    if (part.type === "Literal" || part.type === "SingleQuoted" || part.type === "Escaped")
      piece = part.value;
    else if (part.type === "DoubleQuoted") piece = expandNow(part.parts, shell);
    else if (
      part.type === "ParameterExpansion" &&
      part.operation === null &&
      /^[A-Za-z_]\w*$/.test(part.parameter)
    )
      piece = shell.get(part.parameter) ?? (shell.noUnset ? undefined : "");
    if (piece === undefined) return undefined;
    text += piece;
  }
  return text;
}

/** The same as a pattern in which quoted characters stand for themselves. */
export async function expandPattern(word: WordNode, shell: Expander): Promise<string> {
  return (await expandJoined(word, shell)).map(({ pattern }) => pattern).join(" ");
}

async function expandJoined(word: WordNode, shell: Expander): Promise<readonly Field[]> {
  const fields = new Fields("");
  await expandParts(word.parts, false, fields, shell);
  fields.next();
  return fields.done;
}

/** A here-document: as if between double quotes. */
export async function expandHereDocument(
  word: WordNode,
  stripTabs: boolean,
  shell: Expander,
): Promise<string> {
  const fields = new Fields("");
  let lineStart = true;
  for (const part of word.parts) {
    if (stripTabs && part.type === "Literal") {
      const stripped = part.value.replace(lineStart ? /^\t+|(?<=\n)\t+/g : /(?<=\n)\t+/g, "");
      fields.add(stripped, true);
    } else await expandParts([part], true, fields, shell);
    lineStart = part.type === "Literal" && part.value.endsWith("\n");
  }
  fields.next();
  return fields.done.map((f) => f.text).join(" ");
}

async function expandParts(
  parts: readonly WordPart[],
  quoted: boolean,
  fields: Fields,
  shell: Expander,
): Promise<void> {
  for (const part of parts) {
    switch (part.type) {
      case "Literal":
        fields.add(part.value, quoted, quoted ? undefined : part.value.replace(/\\/g, "\\\\"));
        break;
      case "SingleQuoted":
      case "Escaped":
        fields.add(part.value, true);
        break;
      case "Glob":
        fields.add(unquotePattern(part.pattern), quoted, quoted ? undefined : part.pattern);
        break;
      case "DoubleQuoted":
        if (part.parts.length === 0 || !isEmptyList(part.parts, shell)) fields.add("", true);
        await expandParts(part.parts, true, fields, shell);
        break;
      case "TildeExpansion":
        fields.add(tilde(part.user, shell), true);
        break;
      case "ParameterExpansion":
        await expandParameter(part, quoted, fields, shell);
        break;
      case "CommandSubstitution":
        put((await shell.substitute(part.body)).replace(/\n+$/, ""), quoted, fields);
        break;
      case "ArithmeticExpansion":
        put(await arithmetic(part.expression.originalText ?? "0", shell), quoted, fields);
        break;
      case "BraceExpansion":
        // FreeBSD's sh has none: the braces stand for themselves.
        await expandBraces(part, quoted, fields, shell);
        break;
      case "ProcessSubstitution":
        throw shell.fail('Syntax error: "(" unexpected');
    }
  }
}

/** The word of `${name:+word}`: its plain text is split into fields as the value of a parameter is. */
async function expandSubstitute(
  parts: readonly WordPart[],
  quoted: boolean,
  fields: Fields,
  shell: Expander,
): Promise<void> {
  for (const part of parts) {
    if (part.type === "Literal" && !quoted) fields.split(part.value);
    else await expandParts([part], quoted, fields, shell);
  }
}

/** `"$@"` alone without positional parameters is no argument at all. */
const isEmptyList = (parts: readonly WordPart[], shell: Expander): boolean =>
  parts.length === 1 &&
  parts[0]!.type === "ParameterExpansion" &&
  parts[0]!.parameter === "@" &&
  parts[0]!.operation === null &&
  shell.positional.length === 0;

const put = (text: string, quoted: boolean, fields: Fields): void =>
  quoted ? fields.add(text, true) : fields.split(text);

async function expandBraces(
  part: Extract<WordPart, { type: "BraceExpansion" }>,
  quoted: boolean,
  fields: Fields,
  shell: Expander,
): Promise<void> {
  const range = part.items[0];
  fields.add("{", quoted);
  if (range?.type === "Range") {
    const step = range.step === undefined ? "" : `..${range.step}`;
    fields.add(`${range.startStr ?? range.start}..${range.endStr ?? range.end}${step}`, quoted);
  } else {
    for (const [n, item] of part.items.entries()) {
      if (n > 0) fields.add(",", quoted);
      if (item.type === "Word") await expandParts(item.word.parts, quoted, fields, shell);
    }
  }
  fields.add("}", quoted);
}

function tilde(user: string | null, shell: Expander): string {
  if (!user) return shell.get("HOME") ?? "~";
  return shell.homeOf(user) ?? `~${user}`;
}

export async function arithmetic(text: string, shell: Expander): Promise<string> {
  const expanded = /[$`\\]/.test(text) ? await expandText(asQuotedWord(text), shell) : text;
  try {
    return evaluate(expanded.replaceAll('"', ""), shell);
  } catch (error) {
    if (error instanceof ArithmeticError) throw shell.fail(error.message);
    throw error;
  }
}

/** Within `$((…))` parameters and substitutions expand as between double quotes. */
function asQuotedWord(text: string): WordNode {
  const command = parseScript(`: "${text.replaceAll('"', "")}"`).statements[0]?.pipelines[0]?.commands[0];
  return (command?.type === "SimpleCommand" && command.args[0]) || { type: "Word", parts: [] };
}

async function expandParameter(
  part: Parameter,
  quoted: boolean,
  fields: Fields,
  shell: Expander,
): Promise<void> {
  const { parameter: name, operation } = part;
  if (operation === null && (name === "@" || name === "*")) return expandList(name, quoted, fields, shell);
  const value = parameterValue(name, shell);
  if (operation === null) {
    if (value === undefined && shell.noUnset) throw shell.fail(`${name}: parameter not set`);
    return put(value ?? "", quoted, fields);
  }
  switch (operation.type) {
    case "DefaultValue":
      if (isSet(value, operation.checkEmpty)) return putValue(name, value, quoted, fields, shell);
      return expandSubstitute(operation.word.parts, quoted, fields, shell);
    case "UseAlternative":
      if (isSet(value, operation.checkEmpty))
        return expandSubstitute(operation.word.parts, quoted, fields, shell);
      return;
    case "AssignDefault": {
      if (isSet(value, operation.checkEmpty)) return putValue(name, value, quoted, fields, shell);
      const assigned = await expandText(operation.word, shell);
      if (!/^[A-Za-z_]\w*$/.test(name)) throw shell.fail(`${name}: cannot assign in this way`);
      shell.set(name, assigned);
      return put(assigned, quoted, fields);
    }
    case "ErrorIfUnset": {
      if (isSet(value, operation.checkEmpty)) return putValue(name, value, quoted, fields, shell);
      const words = operation.word ? await expandText(operation.word, shell) : "";
      const fallback = operation.checkEmpty ? "parameter null or not set" : "parameter not set";
      throw shell.fail(`${name}: ${words || fallback}`);
    }
    case "Length":
      if (name === "@" || name === "*") return put(String(shell.positional.length), quoted, fields);
      if (value === undefined && shell.noUnset) throw shell.fail(`${name}: parameter not set`);
      return put(String([...(value ?? "")].length), quoted, fields);
    case "PatternRemoval": {
      if (value === undefined && shell.noUnset) throw shell.fail(`${name}: parameter not set`);
      const pattern = await expandPattern(operation.pattern, shell);
      return put(trim(value ?? "", pattern, operation.side, operation.greedy), quoted, fields);
    }
    default:
      throw shell.fail(`\${${name}...}: Bad substitution`);
  }
}

const putValue = (
  name: string,
  value: string | undefined,
  quoted: boolean,
  fields: Fields,
  shell: Expander,
): void =>
  name === "@" || name === "*" ? expandList(name, quoted, fields, shell) : put(value ?? "", quoted, fields);

const isSet = (value: string | undefined, checkEmpty: boolean): boolean =>
  value !== undefined && (!checkEmpty || value !== "");

function expandList(name: string, quoted: boolean, fields: Fields, shell: Expander): void {
  const { positional } = shell;
  if (quoted && name === "*") {
    const ifs = shell.get("IFS");
    fields.add(positional.join(ifs === undefined ? " " : ifs.slice(0, 1)), true);
    return;
  }
  for (const [n, value] of positional.entries()) {
    if (n > 0) fields.next();
    put(value, quoted, fields);
  }
}

function parameterValue(name: string, shell: Expander): string | undefined {
  if (name === "@" || name === "*")
    return shell.positional.length > 0 ? shell.positional.join(" ") : undefined;
  if (name === "#") return String(shell.positional.length);
  if (/^[1-9]\d*$/.test(name)) return shell.positional[Number(name) - 1];
  return shell.special(name) ?? shell.get(name);
}

/** `${x#p}`, `${x##p}`, `${x%p}`, `${x%%p}` */
function trim(value: string, pattern: string, side: "prefix" | "suffix", greedy: boolean): string {
  const matches = patternToRegExp(pattern);
  const { length } = value;
  for (let n = 0; n <= length; n++) {
    const cut = greedy ? length - n : n;
    const piece = side === "prefix" ? value.slice(0, cut) : value.slice(length - cut);
    if (matches.test(piece)) return side === "prefix" ? value.slice(cut) : value.slice(0, length - cut);
  }
  return value;
}

/** Path names that match, sorted; none if nothing does. */
export function glob(pattern: string, fs: Vfs, cwd: string): string[] {
  const absolute = pattern.startsWith("/");
  let found: string[] = [absolute ? "/" : ""];
  const names = pattern.split("/").filter((n) => n !== "");
  for (const [n, name] of names.entries()) {
    const last = n === names.length - 1;
    found = found.flatMap((base) => step(base, name, last, fs, cwd));
  }
  return found.sort();
}

function step(base: string, name: string, last: boolean, fs: Vfs, cwd: string): string[] {
  const join = (child: string): string => (base === "" || base.endsWith("/") ? base : `${base}/`) + child;
  if (!hasWildcard(name)) {
    const path = join(unquotePattern(name));
    const node = fs.peek(resolvePath(cwd, path), { follow: !last });
    return node ? [path] : [];
  }
  const directory = base === "" ? cwd : resolvePath(cwd, base);
  if (!fs.isDirectory(directory)) return [];
  const matches = patternToRegExp(name);
  try {
    const hidden = name.startsWith(".");
    return fs
      .list(directory)
      .concat(hidden ? [".", ".."] : [])
      .filter((child) => child.startsWith(".") === hidden && matches.test(child))
      .map(join);
  } catch (error) {
    if (error instanceof Errno) return [];
    throw error;
  }
}
