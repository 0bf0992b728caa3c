import { createHash } from "node:crypto";
import { type Command, type Commands, Errno, fail, ok, strerror } from "../../command";
import { resolvePath, toBytes, toText } from "../../kernel/vfs";
import { readArchive } from "./archive-format";
import { bundled } from "./bundled";
import { diff } from "./diff";
import { checked, type Run, tool } from "./tool";

/** The bytes of an operand; `-` is standard input. Undefined (and warned) if it cannot be read. */
function read(run: Run, name: string): string | undefined {
  try {
    if (name === "-" || name === "/dev/stdin" || name === "/dev/fd/0") return run.io.input;
    return run.io.fs.readBytes(run.path(name));
  } catch (error) {
    run.warn(name, error);
    return undefined;
  }
}

const inputs = (run: Run): readonly string[] => (run.operands.length > 0 ? run.operands : ["-"]);

const cat = tool(
  { name: "cat", letters: "belnstuv", usage: "usage: cat [-belnstuv] [file ...]\n" },
  (run: Run) => {
    run.binary = true;
    let number = 0;
    let blank = false;
    for (const name of inputs(run)) {
      const bytes = read(run, name);
      if (bytes === undefined) continue;
      if (!/[bensvt]/.test(run.order.join(""))) {
        run.print(bytes);
        continue;
      }
      for (const line of bytes.split(/(?<=\n)/)) {
        const empty = line === "\n";
        if (run.has("s") && empty && blank) continue;
        blank = empty;
        let shown = line.replace(/\n$/, "");
        if (run.has("t")) shown = shown.replaceAll("\t", "^I");
        if (run.has("v") || run.has("t") || run.has("e"))
          shown = shown.replace(
            /[\x00-\x08\x0b-\x1f]/g,
            (c) => `^${String.fromCharCode(c.charCodeAt(0) + 64)}`,
          );
        if (run.has("b") ? !empty : run.has("n")) run.print(`${String(++number).padStart(6)}\t`);
        run.print(`${shown}${run.has("e") ? "$" : ""}${line.endsWith("\n") ? "\n" : ""}`);
      }
    }
  },
);

/** Without operands it passes on what comes as it comes. */
const streamingCat: Command = async (args, io) => {
  const input = io.process.fds.get(0);
  if (args.length > 0 || !input?.readSome) return cat(args, io);
  for (let bytes = await input.readSome(); bytes !== ""; bytes = await input.readSome()) {
    io.process.writeBytes(1, bytes);
  }
  return ok();
};

const tee = tool({ name: "tee", letters: "ai", usage: "usage: tee [-ai] [file ...]\n" }, (run: Run) => {
  run.binary = true;
  const bytes = run.io.input;
  run.print(bytes);
  for (const name of run.operands)
    run.attempt(name, () => run.io.fs.writeBytes(run.path(name), bytes, { append: run.has("a") }));
});

/** `-5` is `-n 5`. */
const numbered =
  (command: Command): Command =>
  (args, io) =>
    command(
      args.flatMap((a, n) =>
        /^-\d+$/.test(a) && args[n - 1] !== "-n" && args[n - 1] !== "-c" ? ["-n", a.slice(1)] : [a],
      ),
      io,
    );

function counted(run: Run, letter: string, name: string): number | undefined {
  const value = run.value(letter);
  if (value === undefined) return undefined;
  if (!/^\+?\d+$/.test(value) || Number(value) === 0) run.errx(1, `illegal ${name} count -- ${value}`);
  return Number(value);
}

const headings = (run: Run, name: string, n: number): void => {
  if (run.operands.length > 1 && !run.has("q")) run.print(`${n > 0 ? "\n" : ""}==> ${name} <==\n`);
};

const head = tool(
  {
    name: "head",
    letters: "c:n:qv",
    usage: "usage: head [-n lines | -c bytes] [-qv] [file ...]\n",
    long: { lines: "n", bytes: "c" },
  },
  (run: Run) => {
    run.binary = true;
    const bytes = counted(run, "c", "byte");
    const count = counted(run, "n", "line") ?? 10;
    for (const [n, name] of inputs(run).entries()) {
      const content = read(run, name);
      if (content === undefined) continue;
      headings(run, name, n);
      if (bytes !== undefined) run.print(content.slice(0, bytes));
      else
        run.print(
          content
            .split(/(?<=\n)/)
            .slice(0, count)
            .join(""),
        );
    }
  },
);

const tail = tool(
  {
    name: "tail",
    letters: "b:c:Ffn:qrv",
    usage: "usage: tail [-F | -f | -r] [-qv] [-b # | -c # | -n #] [file ...]\n",
    long: { blocks: "b", bytes: "c", lines: "n" },
  },
  (run: Run) => {
    run.binary = true;
    const pick = (items: string[], value: string): string[] =>
      value.startsWith("+")
        ? items.slice(Math.max(0, Number(value.slice(1)) - 1))
        : items.slice(-Math.abs(Number(value)) || items.length);
    for (const [n, name] of inputs(run).entries()) {
      const content = read(run, name);
      if (content === undefined) continue;
      headings(run, name, n);
      if (run.has("c")) run.print(pick([...content], run.value("c")!).join(""));
      else {
        const all = content === "" ? [] : content.split(/(?<=\n)/);
        const chosen = run.has("r") && !run.has("n") ? all : pick(all, run.value("n") ?? "10");
        run.print((run.has("r") ? chosen.reverse() : chosen).join(""));
      }
    }
  },
);

const wc = tool({ name: "wc", letters: "Lclmw", usage: "usage: wc [-Lclmw] [file ...]\n" }, (run: Run) => {
  const all = !["L", "c", "l", "m", "w"].some((l) => run.has(l));
  const total = [0, 0, 0, 0];
  const show = (counts: readonly number[], name: string): void => {
    const [newlines = 0, words = 0, size = 0, longest = 0] = counts;
    const columns = [
      ...(all || run.has("l") ? [newlines] : []),
      ...(all || run.has("w") ? [words] : []),
      ...(all || run.has("c") || run.has("m") ? [size] : []),
      ...(run.has("L") ? [longest] : []),
    ];
    run.print(
      `${columns.map((c) => ` ${String(c).padStart(7)}`).join("")}${name === "-" ? "" : ` ${name}`}\n`,
    );
  };
  for (const name of inputs(run)) {
    const bytes = read(run, name);
    if (bytes === undefined) continue;
    const size = run.has("m") ? [...toText(bytes)].length : bytes.length;
    const ended = bytes.split("\n").slice(0, -1);
    const longest = Math.max(0, ...ended.map((line) => line.length));
    const counts = [ended.length, bytes.split(/\s+/).filter(Boolean).length, size, longest];
    for (const [n, c] of counts.entries()) total[n] = n === 3 ? Math.max(total[n]!, c) : total[n]! + c;
    show(counts, name);
  }
  if (run.operands.length > 1) show(total, "total");
});

const GREP_USAGE =
  "usage: grep [-abcDEFGHhIiLlmnOopqRSsUVvwxz] [-A num] [-B num] [-C num]\n" +
  "\t[-e pattern] [-f file] [--binary-files=value] [--color=when]\n" +
  "\t[--context=num] [--directories=action] [--label] [--line-buffered]\n" +
  "\t[--null] [pattern] [file ...]\n";

const GREP_LETTERS = "0123456789A:B:C:D:EFGHILOSRUVabcd:e:f:hilm:nopqrsuvwxyz";

/** Long options of FreeBSD's grep, as letters of just-bash's. */
const GREP_LONG = new Set(
  "binary-files color colour context directories exclude exclude-dir include include-dir label line-buffered null extended-regexp fixed-strings basic-regexp ignore-case invert-match count quiet silent files-with-matches files-without-match line-number line-regexp word-regexp no-filename with-filename no-messages only-matching max-count regexp file recursive after-context before-context text".split(
    " ",
  ),
);

function grepNamed(variant: "" | "-E" | "-F"): Command {
  return async (args, io) => {
    // just-bash's -q hides errors as well; FreeBSD's only hides the matches.
    let isQuiet = false;
    const kept: string[] = [...args];
    for (const [n, arg] of args.entries()) {
      if (arg === "--") break;
      if (arg.startsWith("--")) {
        const name = /^--([^=]*)/.exec(arg)![1]!;
        if (name === "quiet" || name === "silent") {
          isQuiet = true;
          kept[n] = "";
        }
        if (!GREP_LONG.has(name)) return fail(2, `grep: unrecognized option \`${arg}'\n${GREP_USAGE}`);
        // Standard output is no terminal: there are no colours, and no difference in when a line is written.
        if (/^(colou?r|line-buffered)$/.test(name)) kept[n] = "";
      } else if (/^-./.test(arg) && !takesValue(args[n - 1])) {
        for (let at = 1; at < arg.length; at++) {
          const place = arg[at] === ":" ? -1 : GREP_LETTERS.indexOf(arg[at]!);
          if (place < 0) return fail(2, `grep: invalid option -- ${arg[at]}\n${GREP_USAGE}`);
          if (arg[at] === "q") {
            isQuiet = true;
            kept[n] = kept[n]!.replace("q", "");
          }
          if (GREP_LETTERS[place + 1] === ":") break;
        }
      }
    }
    if (args.every((a) => a.startsWith("-"))) return fail(2, GREP_USAGE);
    const words = kept.filter((w, n) => (w !== args[n] ? w !== "-" && w !== "" : true));
    const given = variant === "" ? words : [variant, ...words];
    const result = await bundled("grep", given, io, needsInput(args) ? io.input : "");
    return isQuiet ? { ...result, stdout: "", status: result.stdout === "" ? result.status : 0 } : result;
  };
}

const takesValue = (arg: string | undefined): boolean =>
  arg !== undefined && /^-[A-Za-z]*[ABCDdefm]$/.test(arg);

/** Only a grep without file operands reads standard input. */
function needsInput(args: readonly string[]): boolean {
  const patternGiven = args.some((a) => /^-[A-Za-z]*[ef]/.test(a) && !a.startsWith("--"));
  const operands = args.filter((a, n) => (!a.startsWith("-") || a === "-") && !takesValue(args[n - 1]));
  const files = patternGiven ? operands : operands.slice(1);
  return files.length === 0 || files.includes("-");
}

const SED_USAGE =
  "usage: sed script [-EHalnru] [-i extension] [file ...]\n" +
  "\tsed [-EHalnu] [-i extension] [-e script] ... [-f script_file] ... [file ...]\n";

const sed = tool({ name: "sed", letters: "EHI:ae:f:i:lnrsu", usage: SED_USAGE }, async (run: Run) => {
  run.binary = true;
  const files = [...run.operands];
  const scripts = [...run.values("e")];
  for (const name of run.values("f")) scripts.push(run.io.fs.readText(run.path(name)).replace(/\n$/, ""));
  if (scripts.length === 0) {
    const script = files.shift();
    if (script === undefined) run.usage();
    scripts.push(script);
  }
  const options = [
    ...(run.has("n") ? ["-n"] : []),
    ...(run.has("E") || run.has("r") ? ["-E"] : []),
    ...scripts.flatMap((s) => ["-e", s]),
  ];
  const edit = async (input: string): Promise<string> => {
    const result = await bundled("sed", options, run.io, input);
    run.stderr += result.stderr;
    if (result.status !== 0) run.status = 1;
    // just-bash ends the last line even if it had no newline; FreeBSD's sed does as well.
    return result.stdout;
  };
  const suffix = run.value("i") ?? run.value("I");
  if (suffix === undefined) {
    const parts = (files.length > 0 ? files : ["-"]).map((name) => read(run, name));
    run.print(await edit(parts.filter((p) => p !== undefined).join("")));
    return;
  }
  if (files.length === 0) run.errx(1, "-i may not be used with stdin");
  for (const name of files) await editInPlace(run, name, suffix, edit);
});

async function editInPlace(
  run: Run,
  name: string,
  suffix: string,
  edit: (input: string) => Promise<string>,
): Promise<void> {
  const { fs } = run.io;
  const path = run.path(name);
  const bytes = read(run, name);
  if (bytes === undefined) return;
  const node = fs.node(path);
  const out = await edit(bytes);
  if (run.status !== 0) return;
  run.attempt(name, () => {
    const temporary = path.replace(/[^/]*$/, (base) => `.!${run.io.process.task.pid}!${base}`);
    fs.createExclusive(temporary, out, node.mode);
    fs.chownSync(temporary, node.uid, node.gid);
    fs.chmodSync(temporary, node.mode);
    if (suffix !== "")
      fs.rename(
        path,
        suffix.includes("*") ? path.replace(/[^/]*$/, (b) => suffix.replaceAll("*", b)) : path + suffix,
      );
    fs.rename(temporary, path);
  });
}

const CUT_USAGE =
  "usage: cut -b list [-n] [file ...]\n       cut -c list [file ...]\n" +
  "       cut -f list [-s] [-w | -d delim] [file ...]\n";

const TR_USAGE =
  "usage: tr [-Ccsu] string1 string2\n       tr [-Ccu] -d string1\n" +
  "       tr [-Ccu] -s string1\n       tr [-Ccu] -ds string1 string2\n";

/** Only reads standard input if there are no operands that could be files. */
/** `valued`: letters of options whose value may be a word of its own, which is no operand. */
const passThrough =
  (name: string, valued = ""): Command =>
  (args, io) => {
    const operands = args.filter(
      (a, n) =>
        (!a.startsWith("-") || a === "-") &&
        !(/^-\w$/.test(args[n - 1] ?? "") && valued.includes(args[n - 1]![1]!)),
    );
    return bundled(name, args, io, operands.length === 0 || operands.includes("-") ? io.input : "");
  };

const awk: Command = async (args, io) => {
  const operands: string[] = [];
  for (let n = 0; n < args.length; n++) {
    const arg = args[n]!;
    if (/^-[vFf]$/.test(arg)) n++;
    else if (!/^-[vFf]./.test(arg) && arg !== "--") operands.push(arg);
  }
  const files = args.some((a) => a.startsWith("-f")) ? operands : operands.slice(1);
  const readsInput = files.filter((f) => !/^[A-Za-z_]\w*=/.test(f)).length === 0 || files.includes("-");
  const program = operands[0] ?? "";
  const onlyBegin = /^\s*BEGIN\s*\{[\s\S]*\}\s*$/.test(program) && !/\}\s*(?:END|\/|\{|\$|NR)/.test(program);
  return bundled("awk", args, io, readsInput && !onlyBegin ? io.input : "");
};

// Digests

function digest(name: string, algorithm: string): Command {
  const usage = `usage: ${name} [-pqrtx] [-c string] [-s string] [file ...]\n`;
  return tool({ name, letters: "bc:pqrs:tx", usage }, (run: Run) => {
    const of = (bytes: string): string =>
      readArchive(bytes)?.declared?.[name] ?? createHash(algorithm).update(bytes, "latin1").digest("hex");
    const check = run.value("c");
    const show = (hex: string, label: string): void => {
      const differs = check !== undefined && check.toLowerCase() !== hex;
      const note = differs ? " [ Failed ]" : "";
      if (differs) run.status = 2;
      if (run.has("q") || label === "") run.print(`${hex}${note}\n`);
      else if (run.has("r")) run.print(`${hex} ${label}${note}\n`);
      else run.print(`${name.toUpperCase()} (${label}) = ${hex}${note}\n`);
    };
    if (run.has("s")) {
      const text = run.value("s")!;
      const hex = of(toBytes(text));
      run.print(
        run.operands.length === 0 && !run.has("r")
          ? `${hex}\n`
          : `${name.toUpperCase()} ("${text}") = ${hex}\n`,
      );
      return;
    }
    if (run.has("p")) {
      const input = run.io.input;
      run.binary = true;
      run.print(input);
      show(of(input), "");
      return;
    }
    if (run.operands.length === 0) return show(of(run.io.input), "");
    for (const file of run.operands) {
      const bytes = read(run, file);
      if (bytes !== undefined) show(of(bytes), file);
    }
  });
}

const cksum = tool(
  { name: "cksum", letters: "o:", usage: "usage: cksum [-o 1 | 2 | 3] [file ...]\n" },
  (run: Run) => {
    for (const name of inputs(run)) {
      const bytes = read(run, name);
      if (bytes !== undefined) run.print(`${crc(bytes)} ${bytes.length}${name === "-" ? "" : ` ${name}`}\n`);
    }
  },
);

/** POSIX cksum: CRC-32 of the bytes and of their number. */
function crc(bytes: string): number {
  let value = 0;
  const feed = (byte: number): void => {
    value ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) value = value & 0x80000000 ? (value << 1) ^ 0x04c11db7 : value << 1;
  };
  for (const c of bytes) feed(c.charCodeAt(0));
  for (let n = bytes.length; n > 0; n >>>= 8) feed(n & 0xff);
  return ~value >>> 0;
}

// base64

const wrap = (text: string, width: number): string =>
  width === 0 ? text : text.replace(new RegExp(`.{${width}}(?=.)`, "g"), "$&\n");

const encode64 = (bytes: string): string => Buffer.from(bytes, "latin1").toString("base64");
const decode64 = (text: string): string => Buffer.from(text, "base64").toString("latin1");

const b64encode = tool(
  {
    name: "b64encode",
    letters: "mo:rw:",
    usage: "usage: b64encode [-r] [-w column] [-o outfile] [infile] remotefile\n",
  },
  (run: Run) => {
    const names = [...run.operands];
    const remote = names.pop();
    if (remote === undefined && !run.has("r")) run.usage();
    const source = names[0] ?? (run.has("r") && remote !== undefined && remote !== "-" ? remote : "-");
    const bytes = read(run, source);
    if (bytes === undefined) return;
    const width = Number(run.value("w") ?? (run.has("r") ? 76 : 76));
    const body = bytes === "" ? "" : `${wrap(encode64(bytes), width)}\n`;
    const text = run.has("r") ? body : `begin-base64 644 ${remote}\n${body}====\n`;
    const out = run.value("o");
    if (out === undefined) run.print(text);
    else run.attempt(out, () => run.io.fs.writeText(run.path(out), text));
  },
);

const b64decode = tool(
  {
    name: "b64decode",
    letters: "cimo:prs",
    usage:
      "usage: b64decode [-cimprs] [file ...]\n       b64decode [-i] -o output_file [file]\n       b64decode [-cips] -r [file ...]\n",
  },
  (run: Run) => {
    run.binary = true;
    for (const name of inputs(run)) {
      const text = read(run, name);
      if (text === undefined) continue;
      if (run.has("r")) {
        emit(run, decode64(text), run.value("o"));
        continue;
      }
      const header = /^begin-base64 ([0-7]+) (.*)$/m.exec(text);
      if (!header) {
        run.warnx(`${name === "-" ? "stdin" : name}: missing or bad "begin" line`);
        continue;
      }
      const body = text.slice(header.index + header[0].length).split("\n====")[0]!;
      emit(run, decode64(body), run.has("p") ? undefined : (run.value("o") ?? header[2]));
    }
  },
);

function emit(run: Run, bytes: string, file: string | undefined): void {
  if (file === undefined || file === "/dev/stdout") run.print(bytes);
  else run.attempt(file, () => run.io.fs.writeBytes(run.path(file), bytes));
}

const base64 = tool(
  {
    name: "base64",
    letters: "Db:dhi:o:w:",
    usage: "usage: base64 [-Ddh] [-b num] [-i in_file] [-o out_file]\n",
    long: { decode: "d", wrap: "w", break: "b" },
  },
  (run: Run) => {
    run.binary = true;
    const bytes = read(run, run.value("i") ?? run.operands[0] ?? "-");
    if (bytes === undefined) return;
    if (run.has("d") || run.has("D")) {
      if (/[^A-Za-z0-9+/=\s]/.test(bytes)) run.warnx("stdin: (null): error decoding base64 input stream");
      return emit(run, decode64(bytes), run.value("o"));
    }
    const width = Number(run.value("w") ?? run.value("b") ?? 76);
    emit(run, bytes === "" ? "" : `${wrap(encode64(bytes), width)}\n`, run.value("o"));
  },
);

// Comparing

const cmp = tool(
  {
    name: "cmp",
    letters: "bhi:lsxz",
    usage: "usage: cmp [-l | -s | -x] [-hz] file1 file2 [skip1 [skip2]]\n",
    usageStatus: 2,
  },
  (run: Run) => {
    const [a, b] = run.operands;
    if (a === undefined || b === undefined) run.usage();
    const left = read(run, a);
    const right = left === undefined ? undefined : read(run, b);
    if (left === undefined || right === undefined) {
      if (run.has("s")) run.stderr = "";
      return 2;
    }
    if (left === right) return 0;
    let at = 0;
    while (at < left.length && at < right.length && left[at] === right[at]) at++;
    if (run.has("s")) return 1;
    if (at === Math.min(left.length, right.length)) {
      run.stderr += `cmp: EOF on ${left.length < right.length ? a : b}\n`;
      return 1;
    }
    const line = left.slice(0, at).split("\n").length;
    run.print(`${a} ${b} differ: char ${at + 1}, line ${line}\n`);
    return 1;
  },
);

const expr = tool(
  { name: "expr", letters: "", usage: "usage: expr [-e] expression\n", usageStatus: 2 },
  () => 0,
);

const expression: Command = (args, io) =>
  args.length === 0 ? expr(args, io) : bundled("expr", args, io, "");

const basename: Command = (args, io) =>
  args.length === 0
    ? fail(1, "usage: basename string [suffix]\n       basename [-a] [-s suffix] string [...]\n")
    : bundled("basename", args, io, "");

const dirname: Command = (args, io) =>
  args.length === 0 ? fail(1, "usage: dirname string [...]\n") : bundled("dirname", args, io, "");

const yes: Command = (args) => ({ stdout: `${args.join(" ") || "y"}\n`.repeat(4096), stderr: "", status: 0 });

/** od(1), hexdump(1): the plain forms. */
const hexdump: Command = (args, io) => {
  const file = args.find((a) => !a.startsWith("-"));
  try {
    const bytes = file === undefined ? io.input : io.fs.readBytes(resolvePath(io.cwd, file));
    let out = "";
    for (let at = 0; at < bytes.length; at += 16) {
      const row = [...bytes.slice(at, at + 16)].map((c) => c.charCodeAt(0));
      const hex = row.map((b, n) => `${n === 8 ? " " : ""}${b.toString(16).padStart(2, "0")}`).join(" ");
      const text = row.map((b) => (b >= 32 && b < 127 ? String.fromCharCode(b) : ".")).join("");
      out += `${at.toString(16).padStart(8, "0")}  ${hex.padEnd(49)} |${text}|\n`;
    }
    return {
      stdout: `${out}${bytes.length > 0 ? `${bytes.length.toString(16).padStart(8, "0")}\n` : ""}`,
      stderr: "",
      status: 0,
    };
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    return fail(1, `hexdump: ${file}: ${strerror[error.code]}\n`);
  }
};

const comm: Command = (args, io) => bundled("comm", args, io, args.includes("-") ? io.input : "");

export const textTools: Commands = {
  "/bin/cat": streamingCat,
  "/bin/expr": expression,
  "/usr/bin/tee": tee,
  "/usr/bin/head": numbered(head),
  "/usr/bin/tail": numbered(tail),
  "/usr/bin/wc": wc,
  "/usr/bin/grep": grepNamed(""),
  "/usr/bin/egrep": grepNamed("-E"),
  "/usr/bin/fgrep": grepNamed("-F"),
  "/usr/bin/sed": sed,
  "/usr/bin/awk": awk,
  "/usr/bin/sort": passThrough("sort", "koStT"),
  "/usr/bin/uniq": passThrough("uniq", "fs"),
  "/usr/bin/cut": checked(
    { name: "cut", letters: "b:c:d:f:nsw", usage: CUT_USAGE },
    passThrough("cut", "bcdf"),
  ),
  "/usr/bin/tr": checked({ name: "tr", letters: "Ccdsu", usage: TR_USAGE }, (args, io) =>
    bundled("tr", args, io),
  ),
  "/usr/bin/comm": comm,
  "/usr/bin/paste": passThrough("paste", "d"),
  "/usr/bin/nl": passThrough("nl", "bdfhilnsvw"),
  "/usr/bin/rev": passThrough("rev"),
  "/usr/bin/fold": passThrough("fold", "w"),
  "/usr/bin/column": passThrough("column", "cls"),
  "/usr/bin/diff": diff,
  "/usr/bin/cmp": cmp,
  "/usr/bin/basename": basename,
  "/usr/bin/dirname": dirname,
  "/usr/bin/yes": yes,
  "/sbin/sha256": digest("sha256", "sha256"),
  "/sbin/sha1": digest("sha1", "sha1"),
  "/sbin/sha512": digest("sha512", "sha512"),
  "/sbin/md5": digest("md5", "md5"),
  "/usr/bin/cksum": cksum,
  "/usr/bin/b64encode": b64encode,
  "/usr/bin/b64decode": b64decode,
  "/usr/bin/base64": base64,
  "/usr/bin/hexdump": hexdump,
  "/usr/bin/od": hexdump,
};
