import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ownBlock } from "../../provider/library";
import { definitions, sh } from "../../provider/sh";

/*
 * The editor of shared files, run by a real POSIX shell on real files. lockf(1), fsync(1) and stat(1) are FreeBSD's; here
 * they only run what they are given, and tell `flags`.
 */

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "own-block-"));
  file = join(folder, "rc.conf");
  writeFileSync(
    join(folder, "lockf"),
    '#!/bin/sh\nlock=$4\nshift 4\n"$@"\nended=$?\nrm "$lock"\nexit "$ended"\n',
    { mode: 0o755 },
  );
  writeFileSync(join(folder, "fsync"), "#!/bin/sh\n", { mode: 0o755 });
  tellFlags("-");
});

afterEach(() => rmSync(folder, { recursive: true }));

const tellFlags = (flags: string) =>
  writeFileSync(join(folder, "stat"), `#!/bin/sh\necho ${flags}\n`, { mode: 0o755 });

function edit(
  owner: string,
  text: string,
  mode: "set" | "move" | "drop",
  target = file,
  order: readonly string[] = [],
) {
  const call = sh`${ownBlock} ${[target, owner, text, mode, ...order]}`;
  return spawnSync("dash", ["-c", `${definitions(call.needs)}\n${call.text}`], {
    encoding: "utf8",
    env: { PATH: `${folder}:${process.env.PATH}` },
  });
}

const read = () => readFileSync(file, "utf8");

test.each([
  ["an ordinary file", 'hostname="alpha"\n'],
  ["an empty file", ""],
  ["a file without a newline at its end", 'hostname="alpha"\nsshd_enable="YES"'],
  ["a file with blank lines at its end", 'hostname="alpha"\n\n\n'],
  [
    "a file that looks like ours",
    "# BEGIN pulumi-freebsd-vnet somebody else\nx\n# END pulumi-freebsd-vnet somebody else\n",
  ],
])("%s is byte for byte as before once the last lines are dropped, in any order", (_, before) => {
  for (const order of [
    ["a", "b"],
    ["b", "a"],
  ]) {
    writeFileSync(file, before);
    expect(edit("a", 'x="1"', "set").status).toBe(0);
    expect(edit("b", 'y="2"\nz="3"', "set").status).toBe(0);
    expect(read()).toContain('# BEGIN pulumi-freebsd-vnet b\ny="2"\nz="3"\n# END pulumi-freebsd-vnet b\n');
    for (const owner of order) expect(edit(owner, "", "drop")).toMatchObject({ status: 0, stderr: "" });
    expect(read()).toBe(before);
  }
});

test("a file that was not there is gone again with the last lines", () => {
  edit("a", "x", "set");
  edit("b", "y", "set");
  edit("a", "", "drop");
  expect(existsSync(file)).toBe(true);
  edit("b", "", "drop");
  expect(existsSync(file)).toBe(false);
});

test("a file that was not there, but has others' lines by now, keeps those", () => {
  edit("a", "x", "set");
  writeFileSync(file, `${read()}theirs\n`);
  edit("a", "", "drop");
  expect(read()).toBe("theirs\n");
});

test("lines are changed where they stand, or moved to the end when asked", () => {
  edit("a", "one", "set");
  edit("b", "two", "set");
  edit("a", "changed", "set");
  expect(read().indexOf("changed")).toBeLessThan(read().indexOf("two"));
  edit("a", "changed", "move");
  expect(read().indexOf("changed")).toBeGreaterThan(read().indexOf("two"));
  expect(read().match(/changed/g)).toHaveLength(1);
});

test("the mode stays, a link stays a link, and nothing else is left in the folder", () => {
  writeFileSync(file, "x\n");
  chmodSync(file, 0o640);
  const link = join(folder, "link.conf");
  symlinkSync(file, link);
  edit("a", "y", "set", link);
  expect(read()).toContain("y");
  expect(statSync(file).mode & 0o777).toBe(0o640);
  expect(execFileSync("ls", [folder], { encoding: "utf8" }).split("\n").filter(Boolean)).toEqual([
    "fsync",
    "link.conf",
    "lockf",
    "rc.conf",
    "stat",
  ]);
});

test("a file that chflags(1) protects is left alone, and the error says how to let it be changed", () => {
  writeFileSync(file, "x\n");
  tellFlags("schg,uarch");
  const said = edit("a", "y", "set");
  expect(said.status).toBe(1);
  expect(said.stderr).toBe(
    `${file} is protected by chflags(1), see 'ls -lo ${file}'; take the flag off first, with 'chflags 0 ${file}'\n`,
  );
  expect(read()).toBe("x\n");
  tellFlags("nodump,uarch");
  expect(edit("a", "y", "set").status).toBe(0);
});

test("what an editor that died has left beside the file is removed, also when there is nothing to do", () => {
  writeFileSync(file, "x\n");
  for (const mode of ["set", "drop", "drop"] as const) {
    writeFileSync(`${file}.pulumi-freebsd-vnet`, "half");
    expect(edit("a", "y", mode).status).toBe(0);
    expect(existsSync(`${file}.pulumi-freebsd-vnet`)).toBe(false);
  }
  expect(read()).toBe("x\n");
});

test("what is there already is not written again", () => {
  writeFileSync(file, "x\n");
  edit("a", "y", "set");
  const { ino } = statSync(file);
  edit("a", "y", "set");
  expect(statSync(file).ino).toBe(ino);
});

test("lines whose end mark somebody removed are not touched, and the error says what to do", () => {
  const broken = "# BEGIN pulumi-freebsd-vnet a\nx\ntheirs\n";
  writeFileSync(file, broken);
  const said = edit("a", "y", "set");
  expect(said.status).toBe(3);
  expect(said.stderr).toContain('has no "# END pulumi-freebsd-vnet a" after it');
  expect(read()).toBe(broken);
});

test("text is taken as it is: no shell, no awk escapes", () => {
  const text = "a\\nb $HOME `id` \"q\" 'p' & \\\\ %s";
  edit("a", text, "set");
  expect(read()).toContain(`\n${text}\n`);
});

test.each(["cat", "tail", "awk", "cp", "fsync"])("a file is left as it is when %s fails on it", (command) => {
  const before = 'hostname="alpha"\nsshd_enable="YES"';
  writeFileSync(file, before);
  writeFileSync(join(folder, command), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  expect(edit("a", "one", "set").status).not.toBe(0);
  expect(readFileSync(file, "utf8")).toBe(before);
  expect(existsSync(`${file}.pulumi-freebsd-vnet`)).toBe(false);
});

describe("sysrc(8) put a word into our line", () => {
  const ours = (word: string) => `list="\${list} ${word}"`;
  const block = (owner: string, text: string) =>
    `# BEGIN pulumi-freebsd-vnet ${owner}\n${text}\n# END pulumi-freebsd-vnet ${owner}\n`;
  const admins = 'list="lo1"\n';

  test.each([
    ["set", block("a", ours("new"))],
    ["move", block("a", ours("new"))],
    ["drop", ""],
  ] as const)("it stays, in a line of its own: %s", (mode, after) => {
    writeFileSync(
      file,
      `${admins}${block("b", ours("bs"))}${block("a", 'x="1"\nlist="lo1 bs old word:1 more"')}`,
    );
    const text = mode === "drop" ? ours("old") : ours("new");
    expect(edit("a", text, mode, file, ["", "", ours("old")])).toMatchObject({ status: 0, stderr: "" });
    expect(read()).toBe(`${admins}${block("b", ours("bs"))}${ours("word:1 more")}\n${after}`);
  });

  test("in the first line of a file that was not there", () => {
    edit("a", ours("old"), "set");
    writeFileSync(file, read().replace(ours("old"), 'list="old word"'));
    edit("a", ours("old"), "drop");
    expect(read()).toBe(`${ours("word")}\n`);
  });

  test.each(['list="lo1 bs old"', ours("older"), ours("old")])(
    "nothing is kept of what is no word of somebody's: %s",
    (line) => {
      writeFileSync(file, `${admins}${block("b", ours("bs"))}${block("a", line)}`);
      edit("a", ours("new"), "set", file, ["", "", ours("old")]);
      expect(read()).toBe(`${admins}${block("b", ours("bs"))}${block("a", ours("new"))}`);
    },
  );

  test("a variable of which we set all is as declared", () => {
    writeFileSync(file, block("a", 'list="yes word"'));
    edit("a", 'list="yes"', "set");
    expect(read()).toBe(block("a", 'list="yes"'));
  });
});

describe("where the order of lines matters", () => {
  const before = "^[[:space:]]*(pass|block)([[:space:]]|$)";
  const rules = "set skip on lo0\n  block all\npass out";

  test("new lines go before the first that matches, stay there, and leave no trace", () => {
    writeFileSync(file, rules);
    expect(edit("a", "nat", "set", file, [before, "true"])).toMatchObject({ status: 0, stderr: "" });
    const block = (text: string) => `# BEGIN pulumi-freebsd-vnet a\n${text}\n# END pulumi-freebsd-vnet a\n`;
    expect(readFileSync(file, "utf8")).toContain(`set skip on lo0\n${block("nat")}  block all\npass out\n`);
    writeFileSync(file, `pass quick\n${readFileSync(file, "utf8")}`);
    edit("a", "rdr", "set", file, [before, "true"]);
    expect(readFileSync(file, "utf8")).toContain(`pass quick\nset skip on lo0\n${block("rdr")}  block all\n`);
    edit("a", "", "drop");
    expect(readFileSync(file, "utf8")).toBe(`pass quick\n${rules}`);
  });

  test("without such a line they go to the end", () => {
    writeFileSync(file, "set skip on lo0\n");
    edit("a", "nat", "set", file, [before, "true"]);
    expect(readFileSync(file, "utf8")).toMatch(/^set skip on lo0\n# BEGIN .*\nnat\n# END .*\n$/);
  });

  test("a file that the check refuses is not put in place, and its words and status are the answer", () => {
    writeFileSync(file, rules);
    const said = edit("a", "nat", "set", file, [before, "grep -c nosuch"]);
    expect(said).toMatchObject({ status: 1, stderr: "0\n" });
    expect(readFileSync(file, "utf8")).toBe(rules);
    expect(existsSync(`${file}.pulumi-freebsd-vnet`)).toBe(false);
  });
});
