import { JailConfError, type JailConfig, loadJailConf } from "../../simulator/kernel/jailconf";

const load = (files: Record<string, string>, path = "/etc/jail.conf") =>
  loadJailConf(path, {
    includes: true,
    read: async (name) => {
      const text = files[name];
      if (text === undefined) throw new JailConfError([`${name}: No such file or directory`], 1);
      return text;
    },
    glob: async () =>
      Object.keys(files)
        .filter((name) => name !== path)
        .sort(),
  });

const jailsOf = async (text: string): Promise<JailConfig[]> => (await load({ "/etc/jail.conf": text })).jails;

const failure = async (text: string): Promise<JailConfError> => {
  try {
    await jailsOf(text);
  } catch (error) {
    if (error instanceof JailConfError) return error;
  }
  throw new Error("it parsed");
};

describe("jail.conf(5)", () => {
  test("comments, unquoted and quoted words, escapes, lists", async () => {
    const [jail] = await jailsOf(`
      # one
      // two
      /* three
         lines */
      j {
        path = /jails/j;
        host.hostname = 'it''s'"-\\x41\\102\\t";
        exec.start = "a, b", c, 'd;e';
        exec.start += f;
        persist;
        allow.noraw_sockets;
      }`);
    expect(jail?.text("path")).toBe("/jails/j");
    expect(jail?.text("host.hostname")).toBe("its-AB\t");
    expect(jail?.texts("exec.start")).toEqual(["a, b", "c", "d;e", "f"]);
    expect(jail?.flag("persist")).toBe(true);
    expect(jail?.flag("allow.raw_sockets")).toBe(false);
  });

  test("a dollar sign in double quotes is a variable of jail.conf, not of the shell", async () => {
    const { jails, warnings } = await load({
      "/etc/jail.conf": 'a { exec.start = "echo \\$HOME"; } b { exec.start = "echo $HOME"; }',
    });
    expect(jails[0]?.text("exec.start")).toBe("echo $HOME");
    expect(warnings).toEqual(['b: exec.start: variable "HOME" not found']);
    expect(jails[1]?.failed).toBe(true);
  });

  test("variables, also of variables; a list cannot stand inside of a word", async () => {
    const { jails, warnings } = await load({
      "/etc/jail.conf": `
        $base = "/jails"; $root = "\${base}/$name"; $all = "x", "y";
        a { path = $root; exec.start = $all; }
        b { path = "<$all>"; }
        c { path = $loop; $loop = "$loop"; }`,
    });
    expect(jails[0]?.text("path")).toBe("/jails/a");
    expect(jails[0]?.texts("exec.start")).toEqual(["x", "y"]);
    expect(warnings).toEqual(["b: path: array cannot be substituted inline", "c: loop: variable loop"]);
  });

  test("defaults count in the order of the file", async () => {
    const [a, b] = await jailsOf('persist; a { path = "/a"; } * { path = "/late"; } b { path = "/b"; }');
    expect([a?.text("path"), b?.text("path")]).toEqual(["/late", "/b"]);
    expect(b?.flag("persist")).toBe(true);
  });

  test("a wildcard matches a component of a hierarchical name", async () => {
    const [, child] = await jailsOf('host { persist; } "host.web" { persist; } "host.*" { path = "/w"; }');
    expect(child?.text("path")).toBe("/w");
  });

  test(".include reads other files in the place of the line", async () => {
    const { jails } = await load({
      "/etc/jail.conf": 'persist; .include "/etc/jail.conf.d/*.conf"; z { }',
      "/etc/jail.conf.d/a.conf": "a { }",
      "/etc/jail.conf.d/b.conf": "b { }",
    });
    expect(jails.map((jail) => jail.name)).toEqual(["a", "b", "z"]);
    expect(jails.every((jail) => jail.flag("persist"))).toBe(true);
  });

  test.each([
    ['j2 {\n\tpath = "/jails/j2"\n\tpersist;\n}\n', ["/etc/jail.conf line 3: persist: syntax error"]],
    ["j {\n\tpersist;\n", ["/etc/jail.conf: unexpected EOF"]],
    ["j { persist }\n", ["/etc/jail.conf line 1: }: syntax error"]],
    ['j { path = "x\n; }\n', ["/etc/jail.conf line 1: unterminated string"]],
  ])("%j is refused, with status 255", async (text, messages) => {
    const error = await failure(text);
    expect(error.messages).toEqual(expect.arrayContaining(messages));
    expect(error.status).toBe(255);
  });

  test("the block's name cannot be given again", async () => {
    const { warnings } = await load({ "/etc/jail.conf": "j { name = k; }" });
    expect(warnings).toEqual(['j: cannot redefine parameter "name".']);
  });
});
