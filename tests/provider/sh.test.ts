import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { jailString } from "../../provider/freebsd/jailconf";
import { rcLine } from "../../provider/freebsd/rcconf";
import { definitions, quote, ShellFunction, sh } from "../../provider/sh";

const nasty = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: fc.constantFrom(..."'\"`$\\;&|<>(){}[]*?!#~ \t\n-=%a"), maxLength: 20 }),
);

test("any text without NUL is exactly one word, and nothing in it runs", () => {
  fc.assert(
    fc.property(fc.array(nasty, { minLength: 1, maxLength: 8 }), (given) => {
      // Through UTF-8 and back: half a surrogate pair cannot be sent at all.
      const words = given.map((word) => Buffer.from(word.replaceAll("\0", "")).toString());
      const said = execFileSync("dash", ["-s"], {
        input: sh`for word in ${words}; do printf '%s\\0' "$word"; done`.text,
        encoding: "utf8",
      });
      expect(said.split("\0").slice(0, -1)).toEqual(words);
    }),
    { numRuns: 200 },
  );
});

test("a NUL byte is refused", () => {
  expect(() => quote("a\0b")).toThrow("NUL");
});

test("two functions of one name are refused", () => {
  const one = new ShellFunction("look", "true");
  const user = new ShellFunction("user", "look", [one]);
  expect(definitions([one, user, one])).toBe("look() {\ntrue\n}\nuser() {\nlook\n}");
  expect(() => definitions([user, new ShellFunction("look", "false")])).toThrow("called look");
});

test("only a fragment goes in unquoted", () => {
  const name = "x; touch /tmp/pwned";
  expect(sh`ifconfig ${name} ${sh`create mtu ${1500}`}`.text).toBe(
    "ifconfig 'x; touch /tmp/pwned' create mtu 1500",
  );
});

test("no value breaks out of its quotes in rc.conf: it is refused, or a shell that reads the line sees exactly it", () => {
  fc.assert(
    fc.property(nasty, (value) => {
      let line: string;
      try {
        line = rcLine("ifconfig_bridge0", value);
      } catch {
        return;
      }
      const said = execFileSync("dash", ["-s"], {
        input: `${line}\nprintf '%s' "$ifconfig_bridge0"`,
        encoding: "utf8",
      });
      expect(said).toBe(value);
    }),
    { numRuns: 300 },
  );
  expect(() => rcLine("a-b", "1")).toThrow("not a name for rc.conf");
  for (const bad of ['"', "$HOME", "`id`", "\\", "\n"])
    expect(() => rcLine("x", bad)).toThrow("cannot be written");
});

test("strings of jail.conf are written whole or refused", () => {
  expect(jailString("/bin/sh /etc/rc")).toBe('"/bin/sh /etc/rc"');
  expect(jailString('echo "$HOME"')).toBe(`'echo "$HOME"'`);
  expect(jailString(5)).toBe("5");
  for (const bad of ["a\nb", "a\\", `"it's"`])
    expect(() => jailString(bad)).toThrow("cannot be written to jail.conf");
});
