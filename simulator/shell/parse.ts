import { parse as parseBash, type ScriptNode, type StatementNode } from "just-bash";

/** A syntax error in FreeBSD sh's words, without the prefix. */
export class SyntaxFailure extends Error {
  constructor(
    message: string,
    readonly line: number,
    /** More input could make it right. */
    readonly incomplete: boolean,
  ) {
    super(message);
  }
}

const cache = new Map<string, ScriptNode | SyntaxFailure>();

/**
 * just-bash's parser, minus what FreeBSD's sh does not have. Trees are never changed, so the same text is
 * parsed once.
 */
export function parseScript(text: string): ScriptNode {
  let known = cache.get(text);
  if (!known) {
    known = lineByLine(text) ?? pieceByPiece(text) ?? attempt(text);
    if (cache.size > 1000) cache.clear();
    cache.set(text, known);
  }
  if (known instanceof SyntaxFailure) throw known;
  return known;
}

/** A line that is whole by itself: nothing, a comment, or one assignment without a substitution. */
const WHOLE_LINE = /^[ \t]*(?:#.*|[A-Za-z_]\w*=(?:"[^"`\\]*"|'[^']*'|[\w./:,@%+-]*)[ \t]*)?$/;

/**
 * A file such as rc.conf, of which only a few lines are others than in the text before it: they are parsed, and the
 * rest is known. Undefined for a text that is not all of such lines.
 */
function lineByLine(text: string): ScriptNode | undefined {
  const lines = text.split("\n");
  if (lines.length < 3 || !lines.every((line) => WHOLE_LINE.test(line) && !line.includes("$(")))
    return undefined;
  const statements: StatementNode[] = [];
  for (const line of lines) {
    if (!line.includes("=") || line.trimStart().startsWith("#")) continue;
    const known = lineCache.get(line) ?? attempt(line);
    if (known instanceof SyntaxFailure) return undefined;
    if (lineCache.size > 20_000) lineCache.clear();
    lineCache.set(line, known);
    statements.push(...known.statements);
  }
  return { type: "Script", statements };
}

const lineCache = new Map<string, ScriptNode>();

/**
 * A script that brings its functions along, most of which scripts before it had too: what ends with a `}` at the
 * beginning of a line is parsed by itself where it is whole, and so are the next few together where it is not, as in a
 * function that quotes another one. Undefined where nothing is, and for what does not parse: of that the line counts.
 */
function pieceByPiece(text: string): ScriptNode | undefined {
  const pieces = text.split(/(?<=^\}\n)/m);
  const statements: StatementNode[] = [];
  let from = 0;
  for (let to = 1; to < pieces.length && to - from <= PIECES; to++) {
    const known = wholePiece(pieces.slice(from, to).join(""));
    if (!known) continue;
    statements.push(...known.statements);
    from = to;
  }
  if (from === 0) return undefined;
  const rest = attempt(pieces.slice(from).join(""));
  return rest instanceof SyntaxFailure
    ? undefined
    : { type: "Script", statements: [...statements, ...rest.statements] };
}

const PIECES = 3;

function wholePiece(piece: string): ScriptNode | undefined {
  const before = pieceCache.get(piece);
  if (before !== undefined) return before ?? undefined;
  const parsed = attempt(piece);
  const isWhole = !(parsed instanceof SyntaxFailure) && !hasOpenHereDocument(parsed.statements);
  if (pieceCache.size > 5000) pieceCache.clear();
  pieceCache.set(piece, isWhole ? parsed : null);
  return isWhole ? parsed : undefined;
}

/** `null` for what is not whole. */
const pieceCache = new Map<string, ScriptNode | null>();

function attempt(text: string): ScriptNode | SyntaxFailure {
  try {
    const script = parseBash(text);
    const unfinished = script.statements.find(
      (s) => s.deferredError !== undefined || s.operators.length >= s.pipelines.length,
    );
    if (unfinished?.deferredError)
      return new SyntaxFailure(`"${unfinished.deferredError.token}" unexpected`, unfinished.line ?? 1, false);
    if (unfinished) return new SyntaxFailure("end of file unexpected", lineCount(text), true);
    return foreign(script, 1) ?? script;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return translate(error.message, text);
  }
}

const lineCount = (text: string): number => text.split("\n").length;

/** just-bash's words to FreeBSD's. */
function translate(message: string, text: string): SyntaxFailure {
  const line = Number(/(?:at|line) (\d+)/.exec(message)?.[1] ?? 1);
  const quote = /looking for matching [`'"](.)/.exec(message)?.[1];
  if (quote === '"' || quote === "'") return new SyntaxFailure("Unterminated quoted string", line, true);
  if (quote === "`") return new SyntaxFailure("EOF in backquote substitution", line, true);
  if (quote === ")") return new SyntaxFailure('end of file unexpected (expecting ")")', line, true);
  const expected = /Expected (\w+), got (\w+)/.exec(message);
  if (expected) {
    const [, wanted, got] = expected;
    const atEnd = got === "EOF";
    return new SyntaxFailure(
      `${atEnd ? "end of file" : `"${word(got!)}"`} unexpected (expecting "${word(wanted!)}")`,
      line,
      atEnd,
    );
  }
  const token = /unexpected token [`'](.*)'/s.exec(message)?.[1];
  const atEnd = /EOF|end of file/i.test(message) || token === "newline" || stillOpen(text);
  if (token !== undefined && token !== "newline")
    return new SyntaxFailure(`"${token}" unexpected`, line, atEnd);
  return new SyntaxFailure(atEnd ? "end of file unexpected" : "word unexpected", line, atEnd);
}

/** just-bash reports `if true; then` at the end as an unexpected `fi`. */
const stillOpen = (text: string): boolean => /\b(?:then|do|else|in)\s*$|[{(]\s*$/.test(text);

const tokenWords: Record<string, string> = {
  RBRACE: "}",
  LBRACE: "{",
  RPAREN: ")",
  LPAREN: "(",
  SEMICOLON: ";",
  DSEMI: ";;",
  NEWLINE: "newline",
};
const word = (token: string): string => tokenWords[token] ?? token.toLowerCase();

/** Bash's own syntax that FreeBSD's sh refuses while parsing. */
function foreign(node: unknown, line: number): SyntaxFailure | undefined {
  if (Array.isArray(node)) {
    for (const item of node) {
      const found = foreign(item, line);
      if (found) return found;
    }
    return undefined;
  }
  if (node === null || typeof node !== "object") return undefined;
  const typed = node as { type?: string; line?: number; array?: unknown; operator?: string };
  const here = typed.line ?? line;
  if (typed.type === "Assignment" && typed.array) return new SyntaxFailure('"(" unexpected', here, false);
  if (typed.type === "ProcessSubstitution") return new SyntaxFailure('"(" unexpected', here, false);
  if (typed.type === "CStyleFor") return new SyntaxFailure("Bad for loop variable", here, false);
  if (typed.type === "Redirection" && typed.operator === "<<<")
    return new SyntaxFailure("redirection unexpected", here, false);
  for (const value of Object.values(node)) {
    if (typeof value !== "object") continue;
    const found = foreign(value, here);
    if (found) return found;
  }
  return undefined;
}

/** A here-document whose end has not come yet: a shell that reads its script must read on. */
export function hasOpenHereDocument(statements: readonly StatementNode[]): boolean {
  return JSON.stringify(statements).includes('"terminated":false');
}
