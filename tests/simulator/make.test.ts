import { Machine } from "../../simulator/machine";

async function run(command: string): Promise<string> {
  const machine = await Machine.create();
  const { stdout, stderr, status } = await machine.exec(command);
  return stdout + stderr + (status === 0 ? "" : `-> ${status}\n`);
}

test("make in a source tree installs a world, and its configuration, into DESTDIR", async () => {
  const installed = "mkdir /d; touch /usr/src/Makefile.inc1; make -C /usr/src";
  expect(await run(`${installed} installworld DESTDIR=/d; ls /d/bin/sh; ls /d/etc`)).toBe("/d/bin/sh\n");
  expect(await run(`${installed} distribution DESTDIR=/d; ls -A /d`)).toBe(
    ".cshrc\n.profile\nCOPYRIGHT\netc\n",
  );
  expect(await run(`${installed} installworld distribution DESTDIR=/d; ls /d/etc/passwd`)).toBe(
    "/d/etc/passwd\n",
  );
});

test("make without a source tree knows no target", async () => {
  expect(await run("make -C /usr/src installworld DESTDIR=/d")).toContain(
    "make: don't know how to make installworld. Stop",
  );
});

test("the value of an option is no file", async () => {
  expect(await run("printf 'a b\\nc d\\n' | cut -d ' ' -f 2")).toBe("b\nd\n");
  expect(await run("printf 'a 2\\nb 1\\n' | sort -k 2")).toBe("b 1\na 2\n");
});
