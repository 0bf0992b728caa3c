import { toText } from "../../kernel/vfs";
import { formatDate } from "./date-format";
import { type Run, tool } from "./tool";

/** Lines `from`–`fromEnd` of the old file became `to`–`toEnd` of the new one; ends are exclusive. */
interface Change {
  from: number;
  fromEnd: number;
  to: number;
  toEnd: number;
}

const USAGE =
  "usage: diff [-aBbdilpTtw] [-c | -e | -f | -n | -q | -u] [--ignore-case]\n" +
  "            [--no-ignore-case] [--normal] [--strip-trailing-cr] [--tabsize]\n" +
  "            [-I pattern] [-F pattern] [-L label] file1 file2\n";

/** diff(1) of two files: normal, `-u`, `-q`. */
export const diff = tool(
  {
    name: "diff",
    letters: "aBbdilpTtwceflnquU:I:F:L:rNs",
    usage: USAGE,
    usageStatus: 2,
    long: { brief: "q", unified: "u", label: "L" },
  },
  (run: Run) => {
    const [a, b] = run.operands;
    if (a === undefined || b === undefined || run.operands.length > 2) run.usage();
    const old = lines(run, a);
    const made = lines(run, b);
    if (!old || !made) return 2;
    const changes = compare(run, old, made);
    if (changes.length === 0) return 0;
    if (run.has("q")) run.print(`Files ${a} and ${b} differ\n`);
    else if (run.has("u") || run.has("U")) unified(run, [a, b], old, made, changes);
    else normal(run, old, made, changes);
    return 1;
  },
);

function lines(run: Run, name: string): string[] | undefined {
  try {
    const text = toText(name === "-" ? run.io.input : run.io.fs.readBytes(run.path(name)));
    return text === "" ? [] : text.replace(/\n$/, "").split("\n");
  } catch (error) {
    if (run.has("N")) return [];
    run.warn(name, error, 2);
    return undefined;
  }
}

/** The longest common subsequence decides what stays. */
function compare(run: Run, a: readonly string[], b: readonly string[]): Change[] {
  const key = (line: string): string => {
    const spaced = run.has("w")
      ? line.replace(/\s+/g, "")
      : run.has("b")
        ? line.replace(/\s+/g, " ").trimEnd()
        : line;
    return run.has("i") ? spaced.toLowerCase() : spaced;
  };
  const x = a.map(key);
  const y = b.map(key);
  const table = Array.from({ length: x.length + 1 }, () => new Uint32Array(y.length + 1));
  for (let i = x.length - 1; i >= 0; i--)
    for (let j = y.length - 1; j >= 0; j--)
      table[i]![j] =
        x[i] === y[j] ? table[i + 1]![j + 1]! + 1 : Math.max(table[i + 1]![j]!, table[i]![j + 1]!);
  const changes: Change[] = [];
  let i = 0;
  let j = 0;
  while (i < x.length || j < y.length) {
    if (i < x.length && j < y.length && x[i] === y[j]) {
      i++;
      j++;
      continue;
    }
    const change = { from: i, fromEnd: i, to: j, toEnd: j };
    while ((i < x.length || j < y.length) && !(i < x.length && j < y.length && x[i] === y[j])) {
      if (j >= y.length || (i < x.length && table[i + 1]![j]! >= table[i]![j + 1]!)) i++;
      else j++;
    }
    changes.push({ ...change, fromEnd: i, toEnd: j });
  }
  return changes;
}

const range = (start: number, end: number): string =>
  end - start > 1 ? `${start + 1},${end}` : String(end === start ? start : start + 1);

function normal(run: Run, a: readonly string[], b: readonly string[], changes: readonly Change[]): void {
  for (const { from, fromEnd, to, toEnd } of changes) {
    const letter = from === fromEnd ? "a" : to === toEnd ? "d" : "c";
    run.print(`${range(from, fromEnd)}${letter}${range(to, toEnd)}\n`);
    for (const line of a.slice(from, fromEnd)) run.print(`< ${line}\n`);
    if (letter === "c") run.print("---\n");
    for (const line of b.slice(to, toEnd)) run.print(`> ${line}\n`);
  }
}

function unified(
  run: Run,
  names: readonly [string, string],
  a: readonly string[],
  b: readonly string[],
  changes: readonly Change[],
): void {
  const context = Number(run.value("U") ?? 3);
  const labels = run.values("L");
  for (const [n, name] of names.entries()) {
    const mtime = run.io.fs.peek(run.path(name))?.mtime ?? run.io.kernel.clock.now();
    const heading = labels[n] ?? `${name}\t${formatDate(new Date(mtime), "%Y-%m-%d %H:%M:%S.%N %z")}`;
    run.print(`${n === 0 ? "---" : "+++"} ${heading}\n`);
  }
  for (let n = 0; n < changes.length; ) {
    const hunk = [changes[n++]!];
    while (n < changes.length && changes[n]!.from - hunk.at(-1)!.fromEnd <= context * 2)
      hunk.push(changes[n++]!);
    const first = hunk[0]!;
    const last = hunk.at(-1)!;
    const before = Math.min(context, first.from);
    const after = Math.min(context, a.length - last.fromEnd);
    const span = (start: number, end: number): string =>
      end - start === 1 ? String(start + 1) : `${end === start ? start : start + 1},${end - start}`;
    run.print(
      `@@ -${span(first.from - before, last.fromEnd + after)} +${span(first.to - before, last.toEnd + after)} @@\n`,
    );
    let at = first.from - before;
    for (const change of hunk) {
      for (; at < change.from; at++) run.print(` ${a[at]}\n`);
      for (const line of a.slice(change.from, change.fromEnd)) run.print(`-${line}\n`);
      for (const line of b.slice(change.to, change.toEnd)) run.print(`+${line}\n`);
      at = change.fromEnd;
    }
    for (; at < last.fromEnd + after; at++) run.print(` ${a[at]}\n`);
  }
}
