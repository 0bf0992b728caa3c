/** One token of pf.conf(5). */
export interface Token {
  readonly kind: "word" | "string" | "number" | "symbol" | "newline" | "end";
  readonly text: string;
  readonly line: number;
}

/** A mistake in pf.conf(5), in pfctl(8)'s words: behind the file's name and line unless `bare`. */
export class PfSyntaxError extends Error {
  constructor(
    message: string,
    readonly line: number,
    /** Printed before the message, as they are. */
    readonly before: readonly string[] = [],
  ) {
    super(message);
  }
}

const symbols = ["->", "><", "<>", "!=", "<=", ">=", "(", ")", "{", "}", "<", ">", "!", "=", "/", ","];
const wordEnd = /[\s(){}<>!=/#,"]/;

/** pfctl's yylex(): words, quoted strings, numbers, operators; `$macro` is replaced where it stands. */
export class Lexer {
  private at = 0;
  private line = 1;
  private readonly waiting: Token[] = [];

  constructor(
    private text: string,
    private readonly macros: ReadonlyMap<string, string>,
  ) {}

  peek(ahead = 0): Token {
    while (this.waiting.length <= ahead) this.waiting.push(this.scan());
    return this.waiting[ahead]!;
  }

  next(): Token {
    const token = this.peek();
    if (token.kind !== "end") this.waiting.shift();
    return token;
  }

  /** Skips to behind the end of the line: how the parser goes on after a mistake. */
  skipLine(): void {
    for (;;) {
      const { kind } = this.next();
      if (kind === "newline" || kind === "end") return;
    }
  }

  private scan(): Token {
    const { text } = this;
    for (;;) {
      const char = text[this.at];
      if (char === " " || char === "\t" || char === "\r") this.at++;
      else if (char === "\\" && text[this.at + 1] === "\n") {
        this.at += 2;
        this.line++;
      } else if (char === "#") {
        while (this.at < text.length && text[this.at] !== "\n") this.at++;
      } else break;
    }
    const line = this.line;
    const char = text[this.at];
    if (char === undefined) return { kind: "end", text: "", line };
    if (char === "\n") {
      this.at++;
      this.line++;
      return { kind: "newline", text: "\n", line };
    }
    if (char === '"' || char === "'") return this.quoted(char, line);
    if (char === "$") return this.macro(line);
    const symbol = symbols.find((one) => text.startsWith(one, this.at));
    if (symbol !== undefined) {
      this.at += symbol.length;
      return { kind: "symbol", text: symbol, line };
    }
    let end = this.at;
    while (end < text.length && !wordEnd.test(text[end]!)) end++;
    const word = text.slice(this.at, Math.max(end, this.at + 1));
    this.at += word.length;
    return { kind: /^-?\d+$/.test(word) ? "number" : "word", text: word, line };
  }

  private quoted(quote: string, line: number): Token {
    const end = this.text.indexOf(quote, this.at + 1);
    if (end < 0) {
      this.at = this.text.length;
      throw new PfSyntaxError("unterminated quoted string", line);
    }
    const text = this.text.slice(this.at + 1, end);
    this.at = end + 1;
    return { kind: "string", text, line };
  }

  private macro(line: number): Token {
    const name = /^\w+/.exec(this.text.slice(this.at + 1))?.[0] ?? "";
    const value = this.macros.get(name);
    this.at += 1 + name.length;
    if (value === undefined) throw new PfSyntaxError("syntax error", line, [`macro '${name}' not defined`]);
    this.text = `${this.text.slice(0, this.at)} ${value} ${this.text.slice(this.at)}`;
    return this.scan();
  }
}
