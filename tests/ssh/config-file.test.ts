import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";
import { ConfigFiles, type Query } from "../../provider/ssh/config-file";
import { resolveTarget, type Target } from "../../provider/ssh/target";
import { ensureInstalled } from "../apt";

/** `ssh -G` is the judge: it prints what ssh(1) itself makes of the same files. */

let home: string;
beforeAll(() => ensureInstalled("ssh", "openssh-client"));
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "ssh-config-"));
});
afterEach(() => rmSync(home, { recursive: true }));

const localUser = userInfo().username;

function write(name: string, text: string): string {
  const path = join(home, ".ssh", name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text.replaceAll("HOME", home));
  return path;
}

const files = () =>
  new ConfigFiles([{ path: join(home, ".ssh/config"), isUsers: true }], {
    home,
    localUser,
    uid: userInfo().uid,
  });

const ours = (name: string, query: Partial<Query> = {}) =>
  files().settings({ name, user: undefined, port: undefined, defaultUser: localUser, ...query });

/** What ssh(1) says, by lower-case keyword. */
function theirs(name: string, ...args: string[]): Map<string, string[]> {
  const text = execFileSync("ssh", ["-G", "-F", join(home, ".ssh/config"), ...args, name], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const said = new Map<string, string[]>();
  for (const line of text.trim().split("\n")) {
    const [keyword = "", ...rest] = line.split(" ");
    said.set(keyword, [...(said.get(keyword) ?? []), rest.join(" ")]);
  }
  return said;
}

const variable = (name: string) => `$\{${name}}`;

const cases: [what: string, config: string, names: string[]][] = [
  [
    "the first value wins, and Host * comes last",
    "Host alpha\n User one\nHost *\n User two\n Port 2222\n",
    ["alpha", "beta"],
  ],
  ["settings before the first Host", "User first\nHost alpha\n User second\n", ["alpha"]],
  [
    "patterns",
    "Host *.example.net !secret.example.net\n User star\nHost a?c\n User query\n",
    ["x.example.net", "secret.example.net", "abc", "ac", "abbc", "example.net"],
  ],
  ["several patterns", "Host alpha beta gamma\n Port 1\n", ["alpha", "gamma", "delta"]],
  [
    "the case of a name counts, that of a keyword does not",
    "HOST alpha\n hOsTnAmE 10.0.0.1\n",
    ["alpha", "ALPHA"],
  ],
  [
    "equals signs, quotes, tabs, comments",
    'Host="alpha"\n\tUser = "one" # that one\n\tPort=2200\n  # User two\n',
    ["alpha"],
  ],
  ["single quotes and escapes", "Host alpha\n User 'o\"ne'\nHost b\\\\eta\n Port 7\n", ["alpha"]],
  ["a # within a word", "Host alpha\n User o#ne\n", ["alpha"]],
  ["carriage returns", "Host alpha\r\n User one\r\n Port 5\r\n", ["alpha"]],
  [
    "HostName with %h",
    "Host alpha beta\n HostName %h.example.net\nHost gamma\n HostName 100%%\n",
    ["alpha", "beta", "gamma"],
  ],
  [
    "Match originalhost and all",
    "Match originalhost alpha,b*\n User one\nMatch all\n Port 9\n",
    ["alpha", "beta", "gamma"],
  ],
  [
    "Match host sees HostName",
    "Host alpha\n HostName alpha.example.net\nMatch host *.example.net\n User one\n",
    ["alpha", "x.example.net", "X.EXAMPLE.NET", "beta"],
  ],
  [
    "Match user",
    "Host alpha\n User one\nMatch user one\n Port 11\nMatch user other\n Port 12\n",
    ["alpha", "beta"],
  ],
  [
    "Match localuser",
    `Match localuser ${localUser}\n Port 11\nMatch localuser nobody-else\n User x\n`,
    ["alpha"],
  ],
  [
    "negated criteria",
    "Match !host alpha\n User one\nMatch originalhost * !user one\n User two\n",
    ["alpha", "beta"],
  ],
  ["two equal criteria", "Match originalhost a* originalhost *b\n Port 3\n", ["ab", "a", "b"]],
  ["criteria with equals signs", "Match originalhost=alpha user=*\n Port 3\n", ["alpha", "beta"]],
  [
    "Match canonical without canonical names",
    "Match canonical\n User one\nMatch all\n User two\n",
    ["alpha"],
  ],
  [
    "Include, relative, with a wildcard, in order",
    "Include conf.d/*.conf\nHost *\n User last\n",
    ["alpha", "beta", "gamma"],
  ],
  ["Include within a Host", "Host alpha\n Include inner\nHost *\n User last\n", ["alpha", "beta"]],
  ["Include of what is not there", "Include nothing conf.d/nothing*\nHost *\n User last\n", ["alpha"]],
  [
    "keys add up",
    'Host alpha\n IdentityFile ~/.ssh/one\nHost *\n IdentityFile "~/.ssh/t w o"\n IdentityFile ~/.ssh/one\n IdentitiesOnly yes\n',
    ["alpha", "beta"],
  ],
  [
    "ProxyJump, first of it and ProxyCommand",
    "Host a\n ProxyJump x@y:2222,z\nHost b\n ProxyJump none\nHost *\n ProxyJump other\n",
    ["a", "b", "c"],
  ],
  [
    "known_hosts and aliases",
    "Host alpha\n HostKeyAlias beta\n UserKnownHostsFile /a /b\n GlobalKnownHostsFile none\n",
    ["alpha"],
  ],
];

describe.each(cases)("%s", (_what, config, names) => {
  test.each(names)("%s", (name) => {
    write("config", config);
    write("conf.d/10.conf", "Host alpha\n User ten\n");
    write("conf.d/20.conf", "Host alpha beta\n User twenty\n");
    write("conf.d/.hidden.conf", "User hidden\n");
    write("inner", "User inner\nHost beta\n User inner-beta\n");
    // Relative paths begin at the home of passwd(5), which a test cannot have.
    const forSsh = config.replace(
      /Include (.*)/g,
      (_, list: string) =>
        `Include ${list
          .split(" ")
          .map((one) => join(home, ".ssh", one))
          .join(" ")}`,
    );
    const said = ours(name);
    write("config", forSsh);
    const judged = theirs(name);
    const one = (key: string) => judged.get(key)?.[0];
    const untilde = (path: string) => path.replace(/^~/, home);
    expect({ hostName: said.hostName, user: said.user, port: String(said.port) }).toEqual({
      hostName: one("hostname"),
      user: one("user"),
      port: one("port"),
    });
    expect(said.identitiesOnly ? "yes" : "no").toBe(one("identitiesonly"));
    expect(said.hostKeyAlias).toBe(one("hostkeyalias"));
    if (said.identityFiles) expect(said.identityFiles).toEqual(judged.get("identityfile")?.map(untilde));
    if (said.userKnownHosts) expect(said.userKnownHosts.join(" ")).toBe(one("userknownhostsfile"));
    expect(said.globalKnownHosts?.length === 0 ? "none" : undefined).toBe(
      one("globalknownhostsfile") === "none" ? "none" : undefined,
    );
    const jumps = said.jumps.map(
      ({ user, address, port }) => `${user ? `${user}@` : ""}${port ? `[${address}]:${port}` : address}`,
    );
    expect(jumps.length === 0 ? undefined : jumps.join(",").replaceAll(/[[\]]/g, "")).toBe(
      one("proxyjump")?.replaceAll(/[[\]]/g, ""),
    );
  });
});

test("what is declared wins, also in Match user", () => {
  write("config", "Match user admin\n IdentityFile /admin\nHost alpha\n User one\n Port 2222\n");
  const said = ours("alpha", { user: "admin", port: 22 });
  const judged = theirs("alpha", "-l", "admin", "-p", "22");
  expect([said.user, said.port, said.identityFiles]).toEqual(["admin", 22, ["/admin"]]);
  expect([judged.get("user"), judged.get("port"), judged.get("identityfile")]).toEqual([
    ["admin"],
    ["22"],
    ["/admin"],
  ]);
});

test("tokens in paths", () => {
  write(
    "config",
    "Host alpha\n HostName 10.0.0.1\n User one\n Port 22\n IdentityFile %d/.ssh/%n-%h-%p-%r-%u-%%\n IdentityAgent ~/agent-%r\n UserKnownHostsFile %d/%k\n HostKeyAlias known\n",
  );
  const said = ours("alpha");
  expect(said.identityFiles).toEqual([`${home}/.ssh/alpha-10.0.0.1-22-one-${localUser}-%`]);
  expect(said.identityAgent).toBe(join(home, "agent-one"));
  expect(said.userKnownHosts).toEqual([join(home, "known")]);
});

test("a hash of what the connection is", () => {
  write("config", "Host alpha\n HostName 10.0.0.1\n User one\n IdentityAgent /x/%C\n");
  expect(ours("alpha").identityAgent).toMatch(/^\/x\/[0-9a-f]{40}$/);
});

test("agents by name of a variable, or none", () => {
  write(
    "config",
    `Host a\n IdentityAgent none\nHost b\n IdentityAgent $PATH\nHost c\n IdentityAgent ${variable("PATH")}/x\n`,
  );
  expect(ours("a").identityAgent).toBe(false);
  expect(ours("b").identityAgent).toBe(process.env.PATH);
  expect(ours("c").identityAgent).toBe(`${process.env.PATH}/x`);
});

test("no file", () => {
  expect(ours("alpha")).toMatchObject({ hostName: "alpha", port: 22, user: localUser, jumps: [] });
});

test("what is not evaluated does not count, and is known", () => {
  const path = write(
    "config",
    'Match host alpha exec "touch HOME/was-run"\n User one\nMatch final\n User two\nHost *\n CanonicalizeHostname yes\n',
  );
  const { user, notes } = ours("alpha");
  expect(user).toBe(localUser);
  expect(notes).toEqual([
    `${path}:1: Match exec is not evaluated here, so its lines are left out`,
    `${path}:3: Match final is not evaluated here, so its lines are left out`,
    `${path}:6: CanonicalizeHostname is not followed: names are looked up as they are`,
  ]);
  expect(() => execFileSync("test", ["-e", join(home, "was-run")])).toThrow();
});

test.each([
  ["Host alpha\n Port many\n", /config:2: "many" is not a port/],
  ["Host alpha\n User 'one\n", /config:2: a ' is not closed/],
  ["Host alpha\n ProxyCommand nc %h %p\n", /config:2: ProxyCommand is not supported.*ProxyJump/],
  ["Host alpha\n IdentityFile %Z\n", /config:2: %Z is not known here/],
  [
    `Host alpha\n IdentityFile ${variable("NO_SUCH_VARIABLE")}/x\n`,
    /config:2: the environment has no NO_SUCH_VARIABLE/,
  ],
  ["Match\n User x\n", /config:1: Match has no criteria/],
  ["Match user\n User x\n", /config:1: Match user has no argument/],
  ["Include config\n", /config:1: more than 16 files include each other/],
  ["User\n", /config:1: user has no value/],
  ["ProxyJump a@:x\n", /config:1: "a@:x" is not a host to jump over/],
])("%j is refused with its place", (config, message) => {
  write("config", config);
  expect(() => ours("alpha")).toThrow(message);
});

test("a ProxyCommand that is a jump in other words", () => {
  write(
    "config",
    "Host a\n ProxyCommand ssh -q -W %h:%p me@bastion\nHost b\n ProxyCommand none\nHost *\n ProxyJump x\n",
  );
  expect(ours("a").jumps).toEqual([{ address: "bastion", user: "me" }]);
  expect(ours("b").jumps).toEqual([]);
});

test("a file that others can write is not believed", () => {
  chmodSync(write("config", "Host alpha\n User one\n"), 0o666);
  expect(() => ours("alpha")).toThrow(/others can write it: chmod go-w/);
});

describe("the route", () => {
  const route = (target: Target) => resolveTarget(target, files(), { user: "root", jumpUser: localUser });
  const brief = (target: Target) => {
    const { user, address, port, jumps } = route(target);
    return [...jumps, { user, address, port }].map((hop) => `${hop.user}@${hop.address}:${hop.port}`);
  };

  test("declared wins over the file, the file over the defaults", () => {
    write("config", "Host alpha\n HostName 10.0.0.1\n User one\n Port 2222\n");
    expect(brief({ address: "alpha" })).toEqual(["one@10.0.0.1:2222"]);
    expect(brief({ address: "alpha", user: "root", port: 22 })).toEqual(["root@10.0.0.1:22"]);
    expect(brief({ address: "beta" })).toEqual(["root@beta:22"]);
  });

  test("several jumps: the first as its own lines say, the others over it", () => {
    write(
      "config",
      "Host alpha\n ProxyJump a,b\nHost a\n ProxyJump outer\n User me\nHost b\n ProxyJump ignored\n HostName 10.0.0.2\n",
    );
    expect(brief({ address: "alpha" })).toEqual([
      `${localUser}@outer:22`,
      "me@a:22",
      `${localUser}@10.0.0.2:22`,
      "root@alpha:22",
    ]);
  });

  test("declared jumps win; none is directly", () => {
    write("config", "Host alpha\n ProxyJump a\nHost gate\n User keeper\n");
    expect(brief({ address: "alpha", jump: [{ address: "gate", port: 2200 }] })).toEqual([
      "keeper@gate:2200",
      "root@alpha:22",
    ]);
    expect(brief({ address: "alpha", jump: [] })).toEqual(["root@alpha:22"]);
  });

  test("Host * with a ProxyJump does not jump over the jump host to it", () => {
    write("config", "Host *\n ProxyJump gate\n");
    expect(brief({ address: "alpha" })).toEqual([`${localUser}@gate:22`, "root@alpha:22"]);
  });

  test("a circle is refused", () => {
    write("config", "Host a\n ProxyJump b\nHost b\n ProxyJump a\n");
    expect(() => route({ address: "a" })).toThrow(/More than 8 jump hosts on the way to a/);
  });
});
