/** POSIX shell arithmetic over 64-bit integers, after `$` has been expanded. */
export interface Variables {
  get(name: string): string | undefined;
  set(name: string, value: string): void;
}

export class ArithmeticError extends Error {}

type Token =
  | { kind: "number"; value: bigint }
  | { kind: "name"; value: string }
  | { kind: "op"; value: string };

const TOKEN =
  /\s*(?:(0[xX][0-9a-fA-F]+|\d+)|([A-Za-z_]\w*)|(<<=|>>=|&&|\|\||<<|>>|<=|>=|==|!=|[-+*/%&^|]=|[-+*/%<>=!~&^|?:(),]))/y;

const BINARY: Record<string, number> = {
  "||": 1,
  "&&": 2,
  "|": 3,
  "^": 4,
  "&": 5,
  "==": 6,
  "!=": 6,
  "<": 7,
  ">": 7,
  "<=": 7,
  ">=": 7,
  "<<": 8,
  ">>": 8,
  "+": 9,
  "-": 9,
  "*": 10,
  "/": 10,
  "%": 10,
};
const ASSIGN = new Set(["=", "+=", "-=", "*=", "/=", "%=", "<<=", ">>=", "&=", "^=", "|="]);

export function evaluate(text: string, variables: Variables): string {
  if (text.trim() === "") return "0";
  const parser = new Parser(tokenize(text), variables, text);
  return parser.whole().toString();
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const match = TOKEN.exec(text);
    if (!match) throw new ArithmeticError(`arithmetic expression: syntax error: "${text}"`);
    if (match[1] !== undefined) tokens.push({ kind: "number", value: parseNumber(match[1]) });
    else if (match[2] !== undefined) tokens.push({ kind: "name", value: match[2] });
    else tokens.push({ kind: "op", value: match[3]! });
  }
  return tokens;
}

const parseNumber = (digits: string): bigint =>
  /^0[0-7]+$/.test(digits) ? BigInt(`0o${digits.slice(1)}`) : BigInt(digits);

class Parser {
  private at = 0;
  /** Inside the branch that is not taken nothing is assigned and nothing divides by zero. */
  private skipping = 0;

  constructor(
    private readonly tokens: readonly Token[],
    private readonly variables: Variables,
    private readonly text: string,
  ) {}

  whole(): bigint {
    const value = this.assignment();
    if (this.at < this.tokens.length) throw this.syntax();
    return value;
  }

  private syntax(): ArithmeticError {
    return new ArithmeticError(`arithmetic expression: syntax error: "${this.text}"`);
  }

  private operator(): string | undefined {
    const token = this.tokens[this.at];
    return token?.kind === "op" ? token.value : undefined;
  }

  private assignment(): bigint {
    const name = this.tokens[this.at];
    const next = this.tokens[this.at + 1];
    if (name?.kind === "name" && next?.kind === "op" && ASSIGN.has(next.value)) {
      this.at += 2;
      const right = this.assignment();
      const value =
        next.value === "=" ? right : this.apply(next.value.slice(0, -1), this.read(name.value), right);
      if (this.skipping === 0) this.variables.set(name.value, value.toString());
      return value;
    }
    return this.conditional();
  }

  private conditional(): bigint {
    const condition = this.binary(1);
    if (this.operator() !== "?") return condition;
    this.at++;
    const yes = this.unless(condition === 0n, () => this.assignment());
    if (this.operator() !== ":") throw this.syntax();
    this.at++;
    const no = this.unless(condition !== 0n, () => this.conditional());
    return condition !== 0n ? yes : no;
  }

  private unless(skip: boolean, parse: () => bigint): bigint {
    if (skip) this.skipping++;
    const value = parse();
    if (skip) this.skipping--;
    return value;
  }

  private binary(level: number): bigint {
    let left = this.unary();
    for (;;) {
      const op = this.operator();
      const precedence = op === undefined ? undefined : BINARY[op];
      if (op === undefined || precedence === undefined || precedence < level) return left;
      this.at++;
      const skip = (op === "&&" && left === 0n) || (op === "||" && left !== 0n);
      const right = this.unless(skip, () => this.binary(precedence + 1));
      left = this.apply(op, left, right);
    }
  }

  private unary(): bigint {
    const op = this.operator();
    if (op === "-" || op === "+" || op === "!" || op === "~") {
      this.at++;
      const value = this.unary();
      return BigInt.asIntN(
        64,
        op === "-" ? -value : op === "!" ? BigInt(value === 0n) : op === "~" ? ~value : value,
      );
    }
    return this.primary();
  }

  private primary(): bigint {
    const token = this.tokens[this.at++];
    if (!token) throw this.syntax();
    if (token.kind === "number") return token.value;
    if (token.kind === "name") return this.read(token.value);
    if (token.value !== "(") throw this.syntax();
    const value = this.assignment();
    if (this.operator() !== ")") throw this.syntax();
    this.at++;
    return value;
  }

  private read(name: string): bigint {
    const value = (this.variables.get(name) ?? "").trim();
    if (value === "") return 0n;
    if (!/^[-+]?(?:0[xX][0-9a-fA-F]+|\d+)$/.test(value))
      throw new ArithmeticError(`arithmetic: variable conversion error: "${value}"`);
    const negative = value.startsWith("-");
    const digits = parseNumber(value.replace(/^[-+]/, ""));
    return negative ? -digits : digits;
  }

  private apply(op: string, a: bigint, b: bigint): bigint {
    return BigInt.asIntN(64, this.compute(op, a, b));
  }

  private compute(op: string, a: bigint, b: bigint): bigint {
    switch (op) {
      case "+":
        return a + b;
      case "-":
        return a - b;
      case "*":
        return a * b;
      case "/":
      case "%":
        if (b === 0n) {
          if (this.skipping > 0) return 0n;
          throw new ArithmeticError("arithmetic expression: division by zero");
        }
        return op === "/" ? a / b : a % b;
      case "<<":
        return a << (b & 63n);
      case ">>":
        return a >> (b & 63n);
      case "&":
        return a & b;
      case "|":
        return a | b;
      case "^":
        return a ^ b;
      case "&&":
        return BigInt(a !== 0n && b !== 0n);
      case "||":
        return BigInt(a !== 0n || b !== 0n);
      case "<":
        return BigInt(a < b);
      case ">":
        return BigInt(a > b);
      case "<=":
        return BigInt(a <= b);
      case ">=":
        return BigInt(a >= b);
      case "==":
        return BigInt(a === b);
      default:
        return BigInt(a !== b);
    }
  }
}
