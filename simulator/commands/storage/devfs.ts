import { type Command, Errno, fail, type Io, ok, type Result } from "../../command";
import type { Kernel } from "../../kernel";
import { accounts } from "../../kernel/accounts";
import type { Devfs, DevfsMount, DeviceRule } from "../../kernel/devfs";
import type { DeviceType } from "../../kernel/devices";
import type { Vfs } from "../../kernel/vfs";
import { getopt } from "../getopt";

const USAGE = "usage: devfs rule|ruleset arguments\n";

/** errx(3): the message behind the program's name. */
class Refusal extends Error {}

/** err(3) of an ioctl(2). */
class IoctlError extends Error {}

/** devfs(8) */
export const devfs: Command = (args, io) => {
  const { list, operands, error } = getopt(args, "m:");
  if (error !== undefined) return fail(1, `devfs: ${error}\n${USAGE}`);
  const [command, ...rest] = operands;
  if (command === undefined) return fail(1, USAGE);
  const path = list.at(-1)?.[1] ?? "/dev";
  let device: DevfsMount | undefined;
  try {
    device = io.kernel.storage.devfs.mountOf(io.fs.mountOf(io.fs.resolvePath(io.cwd, path)).fs);
  } catch (caught) {
    if (!(caught instanceof Errno)) throw caught;
    return fail(1, `devfs: open: ${path}: ${new Errno(caught.code).message}\n`);
  }
  if (command !== "rule" && command !== "ruleset") return fail(1, `devfs: unknown command: ${command}\n`);
  const ioctl = ioctlOn(io, device);
  const rules = io.kernel.storage.devfs;
  try {
    if (command === "rule") return rule(io, rest, rules, ioctl);
    if (rest[0] === undefined) return fail(1, USAGE);
    const set = number(rest[0]);
    ioctl("SUSE", (mount) => rules.use(mount, set));
    return ok();
  } catch (caught) {
    if (caught instanceof Refusal || caught instanceof IoctlError)
      return fail(1, `devfs ${command}: ${caught.message}\n`);
    throw caught;
  }
};

type Ioctl = <T>(name: string, action: (mount: DevfsMount) => T) => T;

/** The ioctl(2)s are for root on the host; `devfs rule show` runs them one after another. */
const ioctlOn =
  (io: Io, mount: DevfsMount | undefined): Ioctl =>
  (name, action) => {
    try {
      if (!mount) throw new Errno("ENOTTY");
      if (io.who.uid !== 0 || io.who.jail) throw new Errno("EPERM");
      return action(mount);
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      throw new IoctlError(`ioctl DEVFSIO_${name}: ${error.message}`);
    }
  };

function rule(io: Io, args: readonly string[], rules: Devfs, ioctl: Ioctl): Result {
  const { list, operands, error } = getopt(args, "s:");
  if (error !== undefined) return fail(1, `devfs rule: ${error}\n${USAGE}`);
  const given = list.at(-1)?.[1];
  const set = given === undefined ? 0 : number(given);
  // 0: the ruleset of the mount.
  const of = (mount: DevfsMount): number => set || mount.ruleset;
  const [command, ...rest] = operands;
  const [first] = rest;
  switch (command) {
    case "add":
      if (first === undefined) return fail(1, USAGE);
      for (const words of specifications(first, rest, io))
        ioctl("RADD", (mount) => rules.add(of(mount), parseRule(words, io.fs)));
      return ok();
    case "apply":
      if (first === undefined) return fail(1, USAGE);
      if (isNumber(first)) ioctl("RAPPLYID", (mount) => rules.applyNumbered(mount, of(mount), Number(first)));
      else
        for (const words of specifications(first, rest, io))
          ioctl("RAPPLY", (mount) => rules.apply(mount, parseRule(words, io.fs)));
      return ok();
    case "applyset":
      if (first !== undefined) return fail(1, USAGE);
      ioctl("SAPPLY", (mount) => rules.applySet(mount, of(mount)));
      return ok();
    case "del":
      if (first === undefined) return fail(1, USAGE);
      ioctl("RDEL", (mount) => rules.delete(of(mount), integer(first)));
      return ok();
    case "delset":
      if (first !== undefined) return fail(1, USAGE);
      ioctl("RGETNEXT", (mount) => deleteAll(rules, of(mount)));
      return ok();
    case "show": {
      const found = ioctl("RGETNEXT", (mount) => {
        const all = rules.rules(of(mount));
        if (first === undefined) return all;
        const wanted = integer(first);
        if (!all.some((each) => each.number >= wanted)) throw new Errno("ENOENT");
        return all.filter((each) => each.number === wanted);
      });
      return ok(found.map((each) => `${printRule(each, io.fs)}\n`).join(""));
    }
    case "showsets": {
      if (first !== undefined) return fail(1, USAGE);
      const sets = ioctl("SGETNEXT", () => rules.rulesets);
      return ok(sets.map((each) => `${each}\n`).join(""));
    }
    case undefined:
      return fail(1, USAGE);
    default:
      throw new Refusal(`unknown command: ${command}`);
  }
}

function deleteAll(rules: Devfs, set: number): void {
  for (const { number: each } of [...rules.rules(set)]) rules.delete(set, each);
}

/** `-` reads rules from standard input, one a line. */
function specifications(first: string, words: readonly string[], io: Io): readonly (readonly string[])[] {
  if (first !== "-") return [words];
  const lines = io.stdin.split("\n").filter((line, n, all) => line !== "" || n < all.length - 1);
  return lines.map((line) => line.split(/[ \t]+/).filter(Boolean));
}

const isNumber = (text: string): boolean => /^\d+$/.test(text) && Number(text) <= 65535;

function number(text: string): number {
  if (!isNumber(text)) throw new Refusal(`error converting to number: ${text}`);
  return Number(text);
}

function integer(text: string): number {
  if (!/^[-+]?\d+$/.test(text) || Number(text) > 2 ** 31 - 1)
    throw new Refusal(`error converting to integer: ${text}`);
  return Number(text);
}

const TYPES: readonly DeviceType[] = ["disk", "mem", "tape", "tty"];

/** rulespec_intok(): a number, conditions, then actions. */
function parseRule(given: readonly string[], fs: Vfs): DeviceRule {
  const words = [...given];
  const [head] = words;
  if (head === undefined) throw new Refusal("unexpected end of rulespec");
  const types: DeviceType[] = [];
  const rule: { -readonly [K in keyof DeviceRule]: DeviceRule[K] } = { number: 0, types };
  if (isNumber(head)) rule.number = Number(words.shift());
  const argument = (of: string): string => {
    const value = words.shift();
    if (value === undefined) throw new Refusal(`expecting argument for ${of}`);
    return value;
  };
  while (words[0] === "type" || words[0] === "path") {
    const word = words.shift()!;
    const value = argument(word);
    if (word === "path") {
      rule.path = value;
      continue;
    }
    const type = TYPES.find((each) => each === value);
    if (!type) throw new Refusal(`unknown type: ${value}`);
    types.push(type);
  }
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    switch (word) {
      case "hide":
      case "unhide":
        rule[word] = true;
        break;
      case "user": {
        const name = argument(word);
        rule.uid = uidOf(fs, name) ?? integer(name);
        break;
      }
      case "group": {
        const name = argument(word);
        rule.gid = gidOf(fs, name) ?? integer(name);
        break;
      }
      case "mode":
        rule.mode = parseMode(argument(word));
        break;
      case "include":
        rule.include = number(argument(word));
        break;
      default:
        throw new Refusal(`unknown argument: ${word}`);
    }
  }
  return rule;
}

/** setmode(3) from nothing: octal, or symbols. */
function parseMode(text: string): number {
  if (/^[0-7]{1,5}$/.test(text)) return Number.parseInt(text, 8);
  let mode = 0;
  for (const clause of text.split(",")) {
    const [, who = "", op, permissions = ""] = /^([ugoa]*)([-+=])([rwx]*)$/.exec(clause) ?? [];
    if (op === undefined) throw new Refusal(`invalid mode: ${text}`);
    const bits = [..."rwx"].reduce((sum, p, n) => sum | (permissions.includes(p) ? 4 >> n : 0), 0);
    const all = who === "" || who.includes("a") ? "ugo" : who;
    for (const [class_, shift] of [
      ["u", 6],
      ["g", 3],
      ["o", 0],
    ] as const) {
      if (!all.includes(class_)) continue;
      if (op === "=") mode &= ~(7 << shift);
      mode = op === "-" ? mode & ~(bits << shift) : mode | (bits << shift);
    }
  }
  return mode;
}

const uidOf = (fs: Vfs, name: string): number | undefined =>
  accounts(fs).users.find((user) => user.name === name)?.uid;

const gidOf = (fs: Vfs, name: string): number | undefined =>
  accounts(fs).groups.find((group) => group.name === name)?.gid;

function printRule(rule: DeviceRule, fs: Vfs): string {
  const words = [String(rule.number), ...TYPES.filter((t) => rule.types.includes(t)).map((t) => `type ${t}`)];
  if (rule.path !== undefined) words.push(`path ${rule.path}`);
  if (rule.hide) words.push("hide");
  if (rule.unhide) words.push("unhide");
  const { uid, gid } = rule;
  if (uid !== undefined)
    words.push(`user ${accounts(fs).users.find((user) => user.uid === uid)?.name ?? uid}`);
  if (gid !== undefined)
    words.push(`group ${accounts(fs).groups.find((group) => group.gid === gid)?.name ?? gid}`);
  if (rule.mode !== undefined) words.push(`mode ${rule.mode.toString(8)}`);
  if (rule.include !== undefined) words.push(`include ${rule.include}`);
  return words.join(" ");
}

/**
 * devfs_rulesets_from_file() of rc.subr(8), for `/etc/defaults/devfs.rules` and then `/etc/devfs.rules`: what
 * the names in `$name` mean is kept from one file to the next. Reading a file ends at its first bad line.
 * @returns what went wrong, as rc's standard error has it.
 */
export function loadDevfsRules(kernel: Kernel, ...texts: readonly string[]): string {
  const names = new Map<string, string>();
  return texts.map((text) => loadFile(kernel, text, names)).join("");
}

const ME = "devfs_rulesets_from_file";

function loadFile(kernel: Kernel, text: string, names: Map<string, string>): string {
  const { devfs: rules, fs } = kernel.storage;
  let set: number | undefined;
  for (const line of text.split("\n").map((each) => each.trim())) {
    if (line.startsWith("#")) continue;
    if (/^\[.*\]/.test(line)) {
      const [, name = "", given = ""] = /^\[(.*)=(\d*)\]/.exec(line) ?? [];
      if (given === "") return warn(`cannot extract rule number (${line})`);
      if (name === "") return warn(`cannot extract rule name (${line})`);
      names.set(name, given);
      if (!isNumber(given)) return `devfs rule: error converting to number: ${given}\n`;
      set = Number(given);
      deleteAll(rules, set);
      continue;
    }
    const [command, ...words] = shellWords(line.replace(/#.*$/, ""), names);
    if (command === undefined) continue;
    try {
      if (command !== "add") throw new Refusal(`unknown command: ${command}`);
      rules.add(set ?? 0, parseRule(words, fs));
    } catch (error) {
      if (error instanceof Refusal) return `devfs rule: ${error.message}\n`;
      if (error instanceof Errno) return `devfs rule: ioctl DEVFSIO_RADD: ${error.message}\n`;
      throw error;
    }
  }
  return "";
}

const warn = (text: string): string => `/etc/rc.d/devfs: WARNING: ${ME}: ${text}\n`;

/** The words of a line as `eval` of sh(1) makes them: quotes, and the names of rulesets. */
function shellWords(line: string, names: ReadonlyMap<string, string>): string[] {
  const expand = (text: string): string =>
    text.replace(
      /\$(?:\{(\w+)\}|(\w+))/g,
      (_, braced: string | undefined, plain: string | undefined) => names.get(braced ?? plain ?? "") ?? "",
    );
  const words: string[] = [];
  for (const [word] of line.matchAll(/(?:'[^']*'|"[^"]*"|\\.|[^\s'"\\])+/g)) {
    const quoted = /['"]/.test(word);
    const text = word.replace(/'([^']*)'|"([^"]*)"|\\(.)|([^'"\\]+)/g, (_, hard, soft, escaped, plain) => {
      if (hard !== undefined) return hard;
      return escaped ?? expand(soft ?? plain);
    });
    if (text !== "" || quoted) words.push(text);
  }
  return words;
}
