import { type Command, type Commands, Errno, fail, ok, strerror } from "../../command";
import { resolvePath } from "../../kernel/vfs";
import { bundled } from "./bundled";
import { formatDate } from "./date-format";
import { checked, type Run, tool } from "./tool";

const DATE_USAGE =
  "usage: date [-jnRu] [-I[date|hours|minutes|seconds]] [-f input_fmt]\n" +
  "            [ -z output_zone ] [-r filename|seconds] [-v[+|-]val[y|m|w|d|H|M|S]]\n" +
  "            [[[[[[cc]yy]mm]dd]HH]MM[.SS] | new_date] [+output_fmt]\n";

const dateTool = tool({ name: "date", letters: "f:jnRr:uv:z:I", usage: DATE_USAGE }, (run: Run) => {
  let time = run.io.kernel.clock.now();
  const reference = run.value("r");
  if (reference !== undefined) {
    if (/^\d+$/.test(reference)) time = Number(reference) * 1000;
    else time = run.io.fs.node(run.path(reference)).mtime;
  }
  const operands = [...run.operands];
  const format = operands[0]?.startsWith("+")
    ? operands.shift()
    : operands[1]?.startsWith("+")
      ? operands.pop()
      : undefined;
  const given = operands[0];
  if (given !== undefined) {
    const parsed = parseDate(given, run.value("f"));
    if (parsed === undefined) {
      run.warnx(
        run.has("f")
          ? `Failed conversion of \`\`${given}'' using format \`\`${run.value("f")}''`
          : "illegal time format",
      );
      return run.usage();
    }
    if (!run.has("j")) run.errx(1, `settimeofday (timeval): ${strerror.EPERM}`);
    time = parsed;
  }
  for (const adjustment of run.values("v")) time = adjust(time, adjustment);
  const pattern =
    format?.slice(1) ??
    (run.has("R") ? "%a, %d %b %Y %H:%M:%S %z" : run.has("I") ? "%Y-%m-%d" : "%a %b %e %H:%M:%S %Z %Y");
  run.print(`${formatDate(new Date(time), pattern)}\n`);
});

function parseDate(text: string, format: string | undefined): number | undefined {
  if (format === "%s") return /^\d+$/.test(text) ? Number(text) * 1000 : undefined;
  if (format !== undefined) {
    const order = [...format.matchAll(/%([YmdHMSFT])/g)].map(([, l]) => l!);
    const source = format
      .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
      .replaceAll("%F", "(\\d+-\\d+-\\d+)")
      .replaceAll("%T", "(\\d+:\\d+:\\d+)")
      .replace(/%[YmdHMS]/g, "(\\d+)");
    const match = new RegExp(`^${source}$`).exec(text);
    if (!match) return undefined;
    const part: Record<string, string> = { Y: "1970", m: "1", d: "1", H: "0", M: "0", S: "0" };
    for (const [n, letter] of order.entries()) {
      const value = match[n + 1]!;
      if (letter === "F") [part.Y, part.m, part.d] = value.split("-") as [string, string, string];
      else if (letter === "T") [part.H, part.M, part.S] = value.split(":") as [string, string, string];
      else part[letter] = value;
    }
    return Date.UTC(
      Number(part.Y),
      Number(part.m) - 1,
      Number(part.d),
      Number(part.H),
      Number(part.M),
      Number(part.S),
    );
  }
  const stamp = /^(?:(\d\d)?(\d\d)(\d\d)(\d\d))?(\d\d)(\d\d)(?:\.(\d\d))?$/.exec(text);
  if (!stamp) return undefined;
  const [, century = "20", year = "70", month = "1", day = "1", hour, minute, second = "0"] = stamp;
  return Date.UTC(
    Number(century + year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  );
}

function adjust(time: number, text: string): number {
  const match = /^([-+]?)(\d+)([ymwdHMS])$/.exec(text);
  if (!match) return time;
  const amount = Number(match[2]) * (match[1] === "-" ? -1 : 1);
  const date = new Date(time);
  switch (match[3]) {
    case "y":
      return date.setUTCFullYear(match[1] ? date.getUTCFullYear() + amount : amount);
    case "m":
      return date.setUTCMonth(match[1] ? date.getUTCMonth() + amount : amount - 1);
    default:
      return time + amount * { w: 604800000, d: 86400000, H: 3600000, M: 60000, S: 1000 }[match[3] as "w"];
  }
}

/** `-Iseconds` takes its argument without a blank. */
const date: Command = (args, io) => {
  const iso = args.find((a) => /^-I./.test(a));
  if (iso === undefined) return dateTool(args, io);
  const precision = {
    date: "%Y-%m-%d",
    hours: "%Y-%m-%dT%H+00:00",
    minutes: "%Y-%m-%dT%H:%M+00:00",
    seconds: "%Y-%m-%dT%H:%M:%S+00:00",
  }[iso.slice(2)];
  if (precision === undefined) return fail(1, DATE_USAGE);
  return dateTool([...args.filter((a) => a !== iso), `+${precision}`], io);
};

// dd

const sizes: Record<string, number> = {
  b: 512,
  k: 1024,
  K: 1024,
  m: 1048576,
  M: 1048576,
  g: 1073741824,
  G: 1073741824,
  "": 1,
};

const dd: Command = (args, io) => {
  const given = new Map<string, string>();
  for (const arg of args) {
    const at = arg.indexOf("=");
    const key = arg.slice(0, at);
    if (at < 0 || !/^(?:if|of|bs|ibs|obs|count|seek|skip|conv|status|iseek|oseek|iflag|oflag)$/.test(key))
      return fail(1, `dd: unknown operand ${at < 0 ? arg : key}\n`);
    given.set(key, arg.slice(at + 1));
  }
  const size = (key: string, fallback: number): number => {
    const match = /^(\d+)([bkKmMgG]?)$/.exec(given.get(key) ?? "");
    return match ? Number(match[1]) * sizes[match[2]!]! : fallback;
  };
  const block = size("bs", size("obs", 512));
  const count = given.has("count") ? size("count", 0) : Number.POSITIVE_INFINITY;
  const from = given.get("if");
  const to = given.get("of");
  const { fs } = io;
  const records = (bytes: number): string => `${Math.floor(bytes / block)}+${bytes % block ? 1 : 0}`;
  const summary = (read: number, wrote: number): string =>
    given.get("status") === "none"
      ? ""
      : `${records(read)} records in\n${records(wrote)} records out\n${wrote} bytes transferred in 0.001 secs (${wrote * 1000} bytes/sec)\n`;
  let input: string;
  let endless = false;
  try {
    const node = from === undefined ? undefined : fs.node(resolvePath(io.cwd, from));
    endless = node?.type === "device" && node.device !== "null";
    input = from === undefined ? io.input : fs.readBytes(resolvePath(io.cwd, from));
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    return fail(1, `dd: ${from}: ${strerror[error.code]}\n`);
  }
  const skip = size("skip", size("iseek", 0)) * block;
  if (endless && Number.isFinite(count)) input = input.slice(0, 1).repeat(Math.min(count * block, 1 << 28));
  else input = input.slice(skip, Number.isFinite(count) ? skip + count * block : undefined);
  if (to === undefined)
    return { stdout: input, stderr: summary(input.length, input.length), status: 0, binary: true };
  const path = resolvePath(io.cwd, to);
  let wrote = 0;
  try {
    const keep = given.get("conv")?.includes("notrunc") ? fs.peek(path) : undefined;
    const before = keep?.type === "file" ? keep.content : "";
    const seek = size("seek", size("oseek", 0)) * block;
    const isDevice = fs.peek(path)?.type === "device";
    if (!isDevice) fs.writeBytes(path, before.slice(0, seek).padEnd(seek, "\0"));
    if (!endless || Number.isFinite(count)) {
      fs.writeBytes(path, input, { append: !isDevice });
      wrote = input.length;
    } else {
      // Until the file system is full.
      for (;;) {
        fs.writeBytes(path, "\0".repeat(block), { append: true });
        wrote += block;
        if (wrote > 1 << 28) break;
      }
    }
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    return fail(1, `dd: ${to}: ${strerror[error.code]}\n${summary(wrote + block, wrote)}`);
  }
  return { stdout: "", stderr: summary(wrote, wrote), status: 0 };
};

const DU = {
  name: "du",
  letters: "AB:HI:LPacd:ghklmnrst:x",
  usage:
    "usage: du [-Aclnx] [-H | -L | -P] [-g | -h | -k | -m] [-a | -s | -d depth] [-B blocksize] [-I mask]" +
    " [-t threshold] [file ...]\n",
  usageStatus: 64,
  long: {},
};

const seq = tool(
  {
    name: "seq",
    letters: "f:s:t:w",
    usage: "usage: seq [-w] [-f format] [-s string] [-t string] [first [incr]] last\n",
    long: { format: "f", separator: "s", terminator: "t", "equal-width": "w" },
  },
  (run: Run) => {
    const numbers = run.operands.map(Number);
    if (numbers.length === 0 || numbers.length > 3) run.usage();
    const bad = numbers.findIndex(Number.isNaN);
    if (bad >= 0) run.errx(2, `invalid floating point argument: ${run.operands[bad]}`);
    const first = numbers.length > 1 ? numbers[0]! : 1;
    const last = numbers.at(-1)!;
    const increment = numbers.length > 2 ? numbers[1]! : first <= last ? 1 : -1;
    if (increment === 0) run.errx(1, "zero increment");
    const out: string[] = [];
    for (let n = first; increment > 0 ? n <= last : n >= last; n += increment) out.push(String(n));
    const width = run.has("w") ? Math.max(...out.map((t) => t.length)) : 0;
    const separator = run.value("s")?.replace(/\\n/g, "\n").replace(/\\t/g, "\t") ?? "\n";
    run.print(out.map((t) => t.padStart(width, "0") + separator).join("") + (run.value("t") ?? ""));
  },
);

/** Negative numbers are no options. */
const seqCommand: Command = (args, io) => {
  const operand = args.findIndex((a) => !a.startsWith("-"));
  const negative = args.findIndex((a) => /^-[\d.]/.test(a));
  if (negative < 0 || (operand >= 0 && operand < negative)) return seq(args, io);
  return seq([...args.slice(0, negative), "--", ...args.slice(negative)], io);
};

const getent: Command = (args, io) => {
  const [database, ...keys] = args;
  const files: Record<string, string> = {
    passwd: "/etc/passwd",
    group: "/etc/group",
    services: "/etc/services",
    hosts: "/etc/hosts",
    protocols: "/etc/protocols",
  };
  const file = files[database ?? ""];
  if (file === undefined) return fail(1, `Unknown database: ${database}\n`);
  const lines = io.fs
    .readText(file)
    .split("\n")
    .filter((l) => l !== "" && !l.startsWith("#"));
  if (keys.length === 0) return ok(`${lines.join("\n")}\n`);
  const found = keys.flatMap((key) =>
    lines.filter((l) => l.split(/[:\s]/).slice(0, 3).includes(key)).slice(0, 1),
  );
  return {
    stdout: found.map((l) => `${l}\n`).join(""),
    stderr: "",
    status: found.length === keys.length ? 0 : 2,
  };
};

const truncate = tool(
  {
    name: "truncate",
    letters: "cdl:o:r:s:",
    usage:
      "usage: truncate [-c] -s [+|-|%|/]size[K|k|M|m|G|g|T|t] file ...\n       truncate [-c] -r rfile file ...\n",
  },
  (run: Run) => {
    const match = /^([-+]?)(\d+)([kKmMgG]?)$/.exec(run.value("s") ?? "");
    if (!match || run.operands.length === 0) run.usage();
    const amount = Number(match[2]) * sizes[match[3]!]!;
    for (const name of run.operands) {
      const old = run.io.fs.peek(run.path(name));
      if (!old && run.has("c")) continue;
      const content = old?.type === "file" ? old.content : "";
      const size =
        match[1] === "+"
          ? content.length + amount
          : match[1] === "-"
            ? Math.max(0, content.length - amount)
            : amount;
      run.attempt(name, () =>
        run.io.fs.writeBytes(run.path(name), content.slice(0, size).padEnd(size, "\0")),
      );
    }
  },
);

const nothing: Command = () => ok();

const fsync = tool(
  { name: "fsync", letters: "", usage: "usage: fsync file ...\n", usageStatus: 64 },
  (run: Run) => {
    if (run.operands.length === 0) run.usage();
    for (const name of run.operands) run.attempt(`open ${name}`, () => void run.io.fs.node(run.path(name)));
  },
);

/** The machine goes down and comes up while the session that asked is cut. */
const reboot: Command = async (_args, io) => {
  if (io.who.uid !== 0) return fail(1, `reboot: ${strerror.EPERM}\n`);
  setImmediate(() => void io.process.machine.reboot());
  return io.process.hang();
};

const shutdown: Command = async (args, io) => {
  if (io.who.uid !== 0) return fail(1, "shutdown: NOT super-user\n");
  if (args.length < 2)
    return fail(
      1,
      "usage: shutdown [-] [-c | -f | -h | -p | -r | -k] [-o [-n]] [-q] time [warning-message ...]\n       poweroff\n",
    );
  return args[0] === "-r" ? reboot(args, io) : ok();
};

const logger: Command = (args, io) => {
  const words: string[] = [];
  let tag = "root";
  for (let n = 0; n < args.length; n++) {
    if (args[n] === "-t") tag = args[++n] ?? tag;
    else if (/^-[pfhAPSP]$/.test(args[n]!)) n++;
    else if (!args[n]!.startsWith("-")) words.push(args[n]!);
  }
  const text = words.length > 0 ? words.join(" ") : io.stdin.trimEnd();
  const stamp = formatDate(new Date(io.kernel.clock.now()), "%b %e %H:%M:%S");
  try {
    io.kernel.storage.fs.writeText(
      "/var/log/messages",
      `${stamp} fbsd14 ${tag}[${io.process.task.pid}]: ${text}\n`,
      { append: true },
    );
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
  }
  return ok();
};

const hostname = tool(
  { name: "hostname", letters: "dfs", usage: "usage: hostname [-f] [-s | -d] [name-of-host]\n" },
  (run: Run) => {
    const { kernel, who } = run.io;
    const [name] = run.operands;
    if (name !== undefined) {
      if (who.uid !== 0) run.errx(1, `sethostname: ${strerror.EPERM}`);
      if (who.jail) who.jail.hostname = name;
      else kernel.sysctl.hostname = name;
      return;
    }
    const full = who.jail ? who.jail.hostname : kernel.sysctl.hostname;
    const [short = "", ...domain] = full.split(".");
    run.print(`${run.has("s") ? short : run.has("d") ? domain.join(".") : full}\n`);
  },
);

export const miscTools: Commands = {
  "/bin/date": date,
  "/bin/dd": dd,
  "/bin/hostname": hostname,
  "/bin/pwd": (_args, io) => ok(`${io.cwd}\n`),
  "/bin/sync": nothing,
  "/bin/stty": nothing,
  "/sbin/reboot": reboot,
  "/sbin/shutdown": shutdown,
  "/usr/bin/du": checked(DU, (args, io) => bundled("du", args, io, "")),
  "/usr/bin/fsync": fsync,
  "/usr/bin/getent": getent,
  "/usr/bin/gunzip": (args, io) => bundled("gunzip", args, io),
  "/usr/bin/gzip": (args, io) => bundled("gzip", args, io),
  "/usr/bin/logger": logger,
  "/usr/bin/seq": seqCommand,
  "/usr/bin/truncate": truncate,
  "/usr/bin/tty": () => ({ stdout: "not a tty\n", stderr: "", status: 1 }),
  "/usr/bin/zcat": (args, io) => bundled("zcat", args, io),
};
