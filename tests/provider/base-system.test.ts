import { Machine } from "pulumi-freebsd-vnet/testing";
import { commands } from "../../simulator/commands";
import { builtins } from "../../simulator/shell/builtins";
import { parseScript } from "../../simulator/shell/parse";
import { base, whereIs } from "./freebsd-base";
import { scripts, textsOf } from "./scripts";

/*
 * Scripts use what FreeBSD's base system has, and nothing else: nothing is installed on a host.
 */

interface Node {
  readonly type?: string;
  readonly name?: unknown;
  readonly args?: readonly unknown[];
  readonly parts?: readonly unknown[];
  readonly value?: unknown;
}

/** A word as it is written, when no expansion is in it. */
function literal(word: unknown): string | undefined {
  const { type, parts, value } = word as Node;
  if (type === "Literal" || type === "SingleQuoted") return value as string;
  if (type === "Escaped") return value as string;
  if (!parts) return undefined;
  const all = parts.map(literal);
  return all.includes(undefined) ? undefined : all.join("");
}

/** What a shell text runs by name; texts for another shell (`sh -c '…'`) included. */
function programsOf(text: string): Set<string> {
  const called = new Set<string>();
  const defined = new Set<string>();
  const visit = (node: unknown): void => {
    if (node === null || typeof node !== "object") return;
    const { type, name, args = [] } = node as Node;
    if (type === "FunctionDef") defined.add(name as string);
    if (type === "SimpleCommand" && name) {
      const words = [name, ...args].map(literal);
      if (words[0] !== undefined) called.add(words[0]);
      for (const [at, word] of words.entries())
        if ((word === "/bin/sh" || word === "sh") && words[at + 1] === "-c") {
          called.add(word);
          for (const inner of programsOf(words[at + 2] ?? "")) called.add(inner);
        }
    }
    Object.values(node).forEach(visit);
  };
  visit(parseScript(text));
  const isProgram = (name: string): boolean => !defined.has(name) && !(name in builtins);
  return new Set([...called].filter(isProgram));
}

test("the scan sees programs in functions, pipes, substitutions, and texts for another shell", () => {
  const text = `f() { if g; then cat "$(id -u)"; fi; }; f | lockf x /bin/sh -c 'cd /; awk 1' 'other' && $x; wc <a`;
  expect([...programsOf(text)].sort()).toEqual(["/bin/sh", "awk", "cat", "g", "id", "lockf", "wc"]);
});

test.each(scripts)("$name names only programs of the base system", (each) => {
  const programs = [...new Set(textsOf(each).flatMap((text) => [...programsOf(text)]))];
  expect(programs.filter((name) => whereIs(name) === undefined)).toEqual([]);
  expect(programs).not.toEqual([]);
});

test("what the scripts start on a host are such programs, with flags that those have", async () => {
  const machine = await Machine.create();
  const started = new Set<string>();
  const made = scripts.filter(({ name }) => !name.startsWith("delete"));
  const removed = scripts.filter(({ name }) => name.startsWith("delete")).toReversed();
  for (const { text, confirmation } of [...made, ...removed]) {
    machine.log.length = 0;
    const run = machine.exec("/bin/sh -s", { stdin: text });
    let isOver = false;
    void run.then(() => {
      isOver = true;
    });
    while (confirmation && !isOver) {
      await machine.exec("/bin/sh -s", { stdin: confirmation.script });
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const { stdout, stderr } = await run;
    expect(stdout + stderr).not.toMatch(
      /usage:|(?:illegal|invalid|unrecognized) option|\bsh: .*: not found$/im,
    );
    for (const { argv } of machine.log) started.add(argv[0] ?? "");
  }
  machine.halt();
  expect([...started].filter((name) => whereIs(name) === undefined && !isService(name))).toEqual([]);
  expect(started.size).toBeGreaterThan(15);
}, 60_000);

/** What service(8) and a starting jail run; the latter's are a name of the simulator's for /etc/rc. */
const isService = (name: string): boolean => /^\/(?:etc\/rc\.d|libexec)\//.test(name);

test("the simulated host has no program that FreeBSD has not, and each at its place", () => {
  const programs = Object.keys(commands).filter((path) => /^(?:\/usr)?\/s?bin\//.test(path));
  const links = new Set(["/usr/bin/pgrep", "/usr/bin/pkill", "/usr/bin/timeout"]);
  expect(programs.filter((path) => whereIs(path) === undefined)).toEqual([]);
  const misplaced = programs.filter((path) => whereIs(path.replace(/.*\//, "")) !== path);
  expect(misplaced.filter((path) => !links.has(path))).toEqual([]);
  expect(Object.keys(base)).toEqual(["/sbin", "/bin", "/usr/sbin", "/usr/bin"]);
});
