import { fail, ok, type Result } from "../../command";
import { type Inode, isErrno, resolvePath } from "../../kernel/vfs";
import type { Process } from "../../shell/process";

const simpleEscapes: Record<string, string> = {
  a: "\x07",
  b: "\b",
  e: "\x1b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
};

/** echo(1); sh's own also knows -e. */
export function echo(args: readonly string[], { escapes = false } = {}): Result {
  let words = [...args];
  let newline = true;
  let interpret = false;
  while (words.length > 0 && (words[0] === "-n" || (escapes && words[0] === "-e"))) {
    if (words[0] === "-n") newline = false;
    else interpret = true;
    words = words.slice(1);
    if (!escapes) break;
  }
  let text = words.join(" ");
  if (interpret) {
    const { out, stop } = expandEscapes(text, true);
    text = out;
    if (stop) newline = false;
  }
  return ok(text + (newline ? "\n" : ""));
}

/** Backslash escapes; `\c` stops everything after it. */
function expandEscapes(text: string, zeroOctal: boolean): { out: string; stop: boolean } {
  let out = "";
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c !== "\\") {
      out += c;
      continue;
    }
    const rest = text.slice(i + 1);
    if (rest.startsWith("c")) return { out, stop: true };
    const octal = (zeroOctal ? /^0?([0-7]{1,3})/ : /^([0-7]{1,3})/).exec(rest);
    const simple = simpleEscapes[rest[0] ?? ""];
    if (octal) {
      out += String.fromCharCode(Number.parseInt(octal[1]!, 8) & 0xff);
      i += octal[0].length;
    } else if (simple !== undefined) {
      out += simple;
      i++;
    } else out += c;
  }
  return { out, stop: false };
}

/** printf(1) */
export function printf(args: readonly string[]): Result {
  const words = args[0] === "--" ? args.slice(1) : args;
  const [format, ...values] = words;
  if (format === undefined) return fail(1, "usage: printf format [arguments ...]\n");
  const state: PrintfState = { values, at: 0, out: "", stderr: "", status: 0, stop: false };
  do {
    const before = state.at;
    formatOnce(format, state);
    if (state.at === before) break;
  } while (!state.stop && state.at < values.length);
  return { stdout: state.out, stderr: state.stderr, status: state.status };
}

interface PrintfState {
  readonly values: readonly string[];
  at: number;
  out: string;
  stderr: string;
  status: number;
  stop: boolean;
}

function formatOnce(format: string, state: PrintfState): void {
  const pieces = /%%|%([-+ #0]*)(\*|\d+)?(?:\.(\*|\d+)?)?([A-Za-z])?|[^%]+|%/gs;
  for (const match of format.matchAll(pieces)) {
    if (state.stop) return;
    const [piece] = match;
    if (piece === "%%") state.out += "%";
    else if (!piece.startsWith("%")) {
      const { out, stop } = expandEscapes(piece, false);
      state.out += out;
      state.stop = stop;
    } else convert(match, state);
  }
}

function convert(match: RegExpMatchArray, state: PrintfState): void {
  const flags = match[1] ?? "";
  const star = (word: string | undefined): number | undefined =>
    word === "*" ? Number(take(state) ?? 0) : word === undefined ? undefined : Number(word);
  const width = star(match[2]) ?? 0;
  const precision = match[0].includes(".") ? (star(match[3]) ?? 0) : undefined;
  const letter = match[4];
  if (letter === undefined) {
    refuse(state, "missing format character");
    return;
  }
  const value = "diouxXcsbeEfFgGaA".includes(letter) ? take(state) : undefined;
  let text: string;
  switch (letter) {
    case "s":
      text = (value ?? "").slice(0, precision);
      break;
    case "b": {
      const { out, stop } = expandEscapes(value ?? "", true);
      text = out.slice(0, precision);
      state.stop = stop;
      break;
    }
    case "c":
      text = (value ?? "").slice(0, 1);
      break;
    case "d":
    case "i":
    case "u":
    case "o":
    case "x":
    case "X":
      text = integer(letter, value, flags, precision, state);
      break;
    case "e":
    case "E":
    case "f":
    case "F":
    case "g":
    case "G":
    case "a":
    case "A":
      text = floating(letter, value, flags, precision ?? 6, state);
      break;
    default:
      refuse(state, `illegal format character ${letter}`);
      return;
  }
  const zero = flags.includes("0") && !flags.includes("-") && !"sbc".includes(letter);
  if (flags.includes("-")) text = text.padEnd(width);
  else if (zero)
    text = text.replace(/^[-+ ]?/, (sign) => sign + "0".repeat(Math.max(0, width - text.length)));
  else text = text.padStart(width);
  state.out += text;
}

const take = (state: PrintfState): string | undefined => state.values[state.at++];

function refuse(state: PrintfState, message: string): void {
  state.stderr += `printf: ${message}\n`;
  state.status = 1;
  state.stop = true;
}

function numberOf(value: string | undefined, state: PrintfState): number {
  if (value === undefined || value === "") return 0;
  if (/^["']/.test(value)) return value.codePointAt(1) ?? 0;
  const digits = /^\s*([-+]?)(0[xX][0-9a-fA-F]+|0[0-7]+|\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)/.exec(value);
  if (!digits || digits[0].length !== value.length) {
    state.stderr += `printf: ${value}: ${digits ? "not completely converted" : "expected numeric value"}\n`;
    state.status = 1;
  }
  if (!digits) return 0;
  const body = digits[2]!;
  const size = /^0[0-7]+$/.test(body) ? Number.parseInt(body, 8) : Number(body);
  return digits[1] === "-" ? -size : size;
}

function integer(
  letter: string,
  value: string | undefined,
  flags: string,
  precision: number | undefined,
  state: PrintfState,
): string {
  let n = BigInt(Math.trunc(numberOf(value, state)));
  if (letter !== "d" && letter !== "i") n = BigInt.asUintN(64, n);
  const base = letter === "o" ? 8 : letter === "x" || letter === "X" ? 16 : 10;
  let digits = (n < 0n ? -n : n).toString(base).padStart(precision ?? 0, "0");
  if (letter === "X") digits = digits.toUpperCase();
  if (flags.includes("#") && n !== 0n) digits = (base === 8 ? "0" : base === 16 ? `0${letter}` : "") + digits;
  const sign = n < 0n ? "-" : letter === "d" || letter === "i" ? (/[+ ]/.exec(flags)?.[0] ?? "") : "";
  return sign + digits;
}

function floating(
  letter: string,
  value: string | undefined,
  flags: string,
  precision: number,
  state: PrintfState,
): string {
  const n = numberOf(value, state);
  const lower = letter.toLowerCase();
  let text: string;
  if (lower === "f") text = n.toFixed(precision);
  else if (lower === "e") text = n.toExponential(precision).replace(/e([-+])(\d)$/, "e$10$2");
  else text = String(Number(n.toPrecision(precision || 1)));
  if (letter !== lower) text = text.toUpperCase();
  return (n >= 0 ? (/[+ ]/.exec(flags)?.[0] ?? "") : "") + text;
}

/** test(1): the expression's value as an exit status, 2 if it makes no sense. */
export function testExpression(args: readonly string[], process: Process): Result {
  const parser = new TestParser(args, process);
  try {
    if (args.length === 0) return { stdout: "", stderr: "", status: 1 };
    const value = parser.whole();
    return { stdout: "", stderr: "", status: value ? 0 : 1 };
  } catch (error) {
    if (!(error instanceof TestError)) throw error;
    return fail(2, `${error.message}\n`);
  }
}

class TestError extends Error {}

const UNARY = /^-[bcdefghkLnoOGprsStuwxz]$/;
const BINARY = new Set("= == != < > -eq -ne -gt -ge -lt -le -nt -ot -ef".split(" "));

class TestParser {
  private at = 0;

  constructor(
    private readonly words: readonly string[],
    private readonly process: Process,
  ) {}

  whole(): boolean {
    const { words } = this;
    // POSIX decides by the number of arguments before anything else.
    if (words.length === 1) return words[0] !== "";
    if (words.length === 2 && words[0] === "!") return words[1] === "";
    if (words.length === 3 && BINARY.has(words[1]!)) return this.binary(words[0]!, words[1]!, words[2]!);
    if (words.length === 4 && words[0] === "!" && BINARY.has(words[2]!))
      return !this.binary(words[1]!, words[2]!, words[3]!);
    const value = this.or();
    if (this.at < words.length) throw new TestError(`test: ${words[this.at]}: unexpected operator`);
    return value;
  }

  private or(): boolean {
    let value = this.and();
    while (this.words[this.at] === "-o") {
      this.at++;
      value = this.and() || value;
    }
    return value;
  }

  private and(): boolean {
    let value = this.not();
    while (this.words[this.at] === "-a") {
      this.at++;
      value = this.not() && value;
    }
    return value;
  }

  private not(): boolean {
    if (this.words[this.at] === "!" && this.at + 1 < this.words.length) {
      this.at++;
      return !this.not();
    }
    return this.primary();
  }

  private primary(): boolean {
    const word = this.words[this.at++];
    if (word === undefined) throw new TestError("test: argument expected");
    const next = this.words[this.at];
    if (next !== undefined && BINARY.has(next) && this.at + 1 < this.words.length) {
      this.at += 2;
      return this.binary(word, next, this.words[this.at - 1]!);
    }
    if (word === "(") {
      const value = this.or();
      if (this.words[this.at++] !== ")") throw new TestError("test: closing paren expected");
      return value;
    }
    if (UNARY.test(word) && next !== undefined) {
      this.at++;
      return this.unary(word, next);
    }
    return word !== "";
  }

  private node(name: string, follow = true): Inode | undefined {
    return name === ""
      ? undefined
      : this.process.fs.peek(resolvePath(this.process.cwd, name) + (name.endsWith("/") ? "/" : ""), {
          follow,
        });
  }

  private unary(operator: string, operand: string): boolean {
    switch (operator) {
      case "-n":
        return operand !== "";
      case "-z":
        return operand === "";
      case "-t":
        return false;
      case "-h":
      case "-L":
        return this.node(operand, false)?.type === "symlink";
    }
    const node = this.node(operand);
    if (!node) return false;
    const { fs } = this.process;
    switch (operator) {
      case "-e":
        return true;
      case "-f":
        return node.type === "file";
      case "-d":
        return node.type === "directory";
      case "-c":
        return node.type === "device";
      case "-s":
        return node.type === "file" ? node.content.length > 0 : node.type === "directory";
      case "-r":
        return fs.may(node, 4);
      case "-w":
        return fs.may(node, 2) && !this.isReadOnly(operand);
      case "-x":
        return fs.may(node, 1);
      case "-u":
        return (node.mode & 0o4000) !== 0;
      case "-g":
        return (node.mode & 0o2000) !== 0;
      case "-k":
        return (node.mode & 0o1000) !== 0;
      case "-O":
        return node.uid === this.process.user.uid;
      case "-G":
        return this.process.user.gids.includes(node.gid);
      default:
        return false;
    }
  }

  private isReadOnly(name: string): boolean {
    try {
      const mount = this.process.fs.mountOf(resolvePath(this.process.cwd, name));
      return mount.readonly || mount.fs.readonly;
    } catch (error) {
      if (isErrno(error, "ENOENT")) return false;
      throw error;
    }
  }

  private binary(left: string, operator: string, right: string): boolean {
    switch (operator) {
      case "=":
      case "==":
        return left === right;
      case "!=":
        return left !== right;
      case "<":
        return left < right;
      case ">":
        return left > right;
      case "-nt":
      case "-ot":
      case "-ef": {
        const a = this.node(left);
        const b = this.node(right);
        if (!a || !b) return false;
        return operator === "-ef" ? a === b : operator === "-nt" ? a.mtime > b.mtime : a.mtime < b.mtime;
      }
    }
    const a = this.integer(left);
    const b = this.integer(right);
    switch (operator) {
      case "-eq":
        return a === b;
      case "-ne":
        return a !== b;
      case "-gt":
        return a > b;
      case "-ge":
        return a >= b;
      case "-lt":
        return a < b;
      default:
        return a <= b;
    }
  }

  private integer(word: string): bigint {
    if (!/^\s*[-+]?\d+\s*$/.test(word)) throw new TestError(`test: ${word}: bad number`);
    return BigInt(word.trim().replace(/^\+/, ""));
  }
}
