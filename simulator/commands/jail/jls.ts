import { type Command, type Commands, fail } from "../../command";
import { type JailParameter, withNo } from "../../kernel/jailparams";
import { type Jail, JailError } from "../../kernel/jails";
import { getopt } from "../getopt";
import { quoted } from "./quote";

type Json = string | number | boolean | Json[] | { [key: string]: Json };

interface Column extends JailParameter {
  /** As the caller wrote it: `noraw_sockets` is accepted too. */
  readonly asked: string;
  readonly negated: boolean;
}

const defaultHeader = "   JID  IP Address      Hostname                      Path\n";
const namedHeader = " JID             IP Address      Hostname                      Path\n";
const verboseHeader =
  "   JID  Hostname                      Path\n" +
  "        Name                          State\n" +
  "        CPUSetID\n" +
  "        IP Address(es)\n";

/** jls(8) */
const jls: Command = (args, io) => {
  const { words, style } = takeLibxo(args);
  const { list, operands, error } = getopt(words, "adj:hNnqsv");
  if (error !== undefined) return fail(1, `jls: ${error}\njls: usage: jls [-dhNnqv] [-j jail] [param ...]\n`);
  let header = false;
  let nameValue = false;
  let skip = false;
  let verbose = false;
  let quote = false;
  for (const [letter] of list) {
    if (letter === "h") [header, skip, verbose] = [true, false, false];
    if (letter === "n") [nameValue, verbose] = [true, false];
    if (letter === "s") [header, verbose, nameValue, quote, skip] = [false, false, true, true, true];
    if (letter === "v") [header, nameValue, skip, verbose] = [false, false, false, true];
    if (letter === "q") quote = true;
  }
  const has = (letter: string): boolean => list.some(([each]) => each === letter);
  const key = list.findLast(([letter]) => letter === "j")?.[1];
  const { jails } = io.kernel;
  const who = io.who.jail;
  const view = viewOf(who, (jail, name) => jails.value(jail, name));

  const table = operands.length === 0 && !header && !nameValue;
  if (operands.length > 0) verbose = false;
  let stdout = "";
  let stderr = "";
  let status = 0;
  const instances: Json[] = [];
  try {
    const columns: Column[] = table
      ? []
      : operands.length === 0
        ? jails.parameters().map((parameter) => ({ ...parameter, asked: parameter.name, negated: false }))
        : operands.flatMap((asked) =>
            asked === "all"
              ? jails
                  .parameters()
                  .map((parameter) => ({ ...parameter, asked: parameter.name, negated: false }))
              : [columnOf(asked, jails.parameter(asked))],
          );
    if (verbose) stdout += verboseHeader;
    else if (table) stdout += has("N") ? namedHeader : defaultHeader;
    else if (header) stdout += `${columns.map((column) => column.asked).join(" ")}\n`;

    const dying = has("d") || has("a");
    const inSight = jails.all.filter((jail) => isBelow(jail, who) && (dying || !jail.dying));
    const shown = key === undefined ? inSight : [jails.get(key, { dying })];
    if (key !== undefined && !isBelow(shown[0]!, who)) throw new JailError(`jail "${key}" not found`);
    for (const jail of shown) {
      if (verbose) {
        const addresses = (name: string): string[] =>
          String(view(jail, name))
            .split(",")
            .filter((each) => each !== "");
        const [ip4, ip6] = [addresses("ip4.addr"), addresses("ip6.addr")];
        stdout += `${String(jail.jid).padStart(6)}  ${clip(jail.hostname, 29)} ${view(jail, "path")}\n`;
        stdout += `        ${clip(String(view(jail, "name")), 29)} ${jail.dying ? "DYING" : "ACTIVE"}\n`;
        stdout += `        ${view(jail, "cpuset.id")}\n`;
        stdout += [...ip4, ...ip6].map((address) => `        ${address}\n`).join("");
        instances.push({
          jid: jail.jid,
          hostname: jail.hostname,
          path: String(view(jail, "path")),
          name: String(view(jail, "name")),
          state: jail.dying ? "DYING" : "ACTIVE",
          cpusetid: Number(view(jail, "cpuset.id")),
          ipv4_addrs: ip4,
          ipv6_addrs: ip6,
        });
      } else if (table) {
        const address = String(view(jail, "ip4.addr")).split(",")[0] ?? "";
        const name = String(view(jail, "name"));
        const first = has("N") ? ` ${name.padEnd(15)} ` : `${String(jail.jid).padStart(6)}  `;
        stdout += `${first}${clip(address, 15)} ${clip(jail.hostname, 29)} ${view(jail, "path")}\n`;
        instances.push({
          ...(has("N") ? { name } : { jid: jail.jid }),
          ipv4: address,
          hostname: jail.hostname,
          path: String(view(jail, "path")),
        });
      } else {
        const visible = skip ? columns.filter((column) => isSettable(column, jail, view)) : columns;
        stdout += `${visible.map((column) => cell(column, view(jail, column.name), { nameValue, quote })).join(" ")}\n`;
        instances.push(
          Object.fromEntries(
            visible.map((column) => [column.asked, jsonValue(column, view(jail, column.name), nameValue)]),
          ),
        );
      }
    }
  } catch (problem) {
    if (!(problem instanceof JailError)) throw problem;
    stderr = `jls: ${problem.message}\n`;
    status = 1;
  }
  if (style === "text") return { stdout, stderr, status };
  const document = { __version: "2", "jail-information": { jail: instances } };
  return { stdout: style === "pretty" ? pretty(document) : compact(document), stderr, status };
};

function takeLibxo(args: readonly string[]): { words: string[]; style: "text" | "json" | "pretty" } {
  const words: string[] = [];
  let style: "text" | "json" | "pretty" = "text";
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    const option = arg === "--libxo" ? args[++i] : /^--libxo[=:](.*)$/.exec(arg)?.[1];
    if (option === undefined) {
      words.push(arg);
      continue;
    }
    const features = option.split(",");
    // `--libxo:J` spells styles and flags as letters.
    if (features.includes("json") || (arg.startsWith("--libxo:") && option.includes("J"))) style = "json";
    if (
      style === "json" &&
      (features.includes("pretty") || (arg.startsWith("--libxo:") && option.includes("P")))
    )
      style = "pretty";
  }
  return { words, style };
}

function columnOf(asked: string, found: { parameter: JailParameter; negated: boolean }): Column {
  return { ...found.parameter, asked, negated: found.negated };
}

type View = (jail: Jail, name: string) => string | boolean;

/** From within a jail, its children's names and paths begin at its own. */
function viewOf(who: Jail | undefined, value: View): View {
  if (!who) return value;
  return (jail, name) => {
    const whole = value(jail, name);
    if (name === "name") return String(whole).slice(who.name.length + 1);
    if (name === "path") return String(whole).slice(who.path === "/" ? 0 : who.path.length) || "/";
    if (name === "parent" && jail.parent === who) return "0";
    return whole;
  };
}

function isBelow(jail: Jail, who: Jail | undefined): boolean {
  if (!who) return true;
  for (let above = jail.parent; above; above = above.parent) if (above === who) return true;
  return false;
}

/** `-s`: what a jail(8) command line could set. */
function isSettable(column: Column, jail: Jail, view: View): boolean {
  if (column.access === "read") return false;
  const dot = column.name.indexOf(".");
  const parent = dot < 0 ? "" : column.name.slice(0, dot);
  return !["host", "ip4", "ip6", "zfs"].includes(parent) || view(jail, parent) === "new";
}

function cell(
  column: Column,
  value: string | boolean,
  options: { nameValue: boolean; quote: boolean },
): string {
  if (typeof value === "boolean") {
    if (!options.nameValue) return String(value !== column.negated);
    return value ? column.name : withNo(column.name);
  }
  const label = options.nameValue ? `${column.asked}=` : "";
  if (column.type === "ip4" || column.type === "ip6") {
    if (value !== "") return label + value;
    return options.quote ? `${label}""` : options.nameValue ? label : "-";
  }
  if (value === "") return `${label}""`;
  return label + (options.quote ? quoted(value) : value);
}

function jsonValue(column: Column, value: string | boolean, nameValue: boolean): Json {
  if (typeof value === "boolean") return nameValue ? value : String(value !== column.negated);
  if (column.type === "ip4" || column.type === "ip6") return value.split(",").filter((each) => each !== "");
  return value;
}

const clip = (text: string, width: number): string => text.slice(0, width).padEnd(width);

/** libxo(3)'s JSON: a space behind what opens a list or container, none between a name and a plain value. */
function compact(document: { [key: string]: Json }): string {
  const instance = (value: Json): string =>
    typeof value === "object" && !Array.isArray(value)
      ? `{${Object.entries(value)
          .map(
            ([key, each]) =>
              `${JSON.stringify(key)}:${Array.isArray(each) ? ` [${each.map((item) => JSON.stringify(item)).join(",")}]` : JSON.stringify(each)}`,
          )
          .join(",")}}`
      : JSON.stringify(value);
  const { jail } = document["jail-information"] as { jail: Json[] };
  return `{"__version": "2", "jail-information": {"jail": [${jail.map(instance).join(", ")}]}}\n`;
}

function pretty(document: Json): string {
  return `${JSON.stringify(document, null, 2).replace(/\[\]/g, "[\n    ]")}\n`;
}

export const jlsCommands: Commands = { "/usr/sbin/jls": jls };
