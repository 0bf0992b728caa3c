import { type Commands, Errno, fail, ok } from "../../command";
import { accounts, credentialsOf, groupName, userName } from "../../kernel/accounts";
import { type Run, tool } from "./tool";

const ID_USAGE =
  "usage: id [user]\n       id -A\n       id -G [-n] [user]\n       id -M\n       id -P [user]\n       id -c\n       id -d [user]\n       id -g [-nr] [user]\n       id -p [user]\n       id -s [user]\n       id -u [-nr] [user]\n";

const id = tool({ name: "id", letters: "AGMPacdgnprsu", usage: ID_USAGE }, (run: Run) => {
  const { fs, process } = run.io;
  const [name] = run.operands;
  const known = name === undefined ? process.user : credentialsOf(fs, name);
  if (!known) run.errx(1, `${name}: no such user`);
  const { uid, gids } = known;
  const gid = gids[0] ?? 0;
  if (run.has("u")) return run.print(`${run.has("n") ? userName(fs, uid) : uid}\n`);
  if (run.has("g")) return run.print(`${run.has("n") ? groupName(fs, gid) : gid}\n`);
  if (run.has("G")) return run.print(`${gids.map((g) => (run.has("n") ? groupName(fs, g) : g)).join(" ")}\n`);
  const groups = gids.map((g) => `${g}(${groupName(fs, g)})`).join(",");
  run.print(`uid=${uid}(${userName(fs, uid)}) gid=${gid}(${groupName(fs, gid)}) groups=${groups}\n`);
});

const PW_USAGE = "usage:\n  pw [user|group|lock|unlock] [add|del|mod|show|next] [help|switches/values]\n";

/** pw(8): `useradd NAME -m`, `user add -n NAME`, `userdel`, `groupadd`, `usershow` … */
const pw: Commands[string] = (args, io) => {
  const words = [...args];
  let verb = words.shift() ?? "";
  if (/^(?:user|group)$/.test(verb)) verb += words.shift() ?? "";
  const split = /^(user|group)(add|del|mod|show|next)$/.exec(verb);
  if (!split) return fail(64, PW_USAGE);
  const named = /^[^-]/.test(words[0] ?? "") ? ["-n", words.shift()!] : [];
  const letters = split[1] === "user" ? "n:u:g:G:s:d:c:mrh:L:e:p:k:w:b:VC:qNaPo" : "n:g:m:M:d:rVC:qNaPoh:";
  const command = split[1] === "user" ? pwUser(split[2]!, letters) : pwGroup(split[2]!, letters);
  return command([...named, ...words], io);
};

const pwUser = (verb: string, letters: string) =>
  tool({ name: "pw", letters, usage: PW_USAGE, usageStatus: 64 }, (run: Run) => {
    const name = run.value("n");
    if (name === undefined) run.errx(64, "login name required");
    if (run.io.who.uid !== 0 && verb !== "show") run.errx(77, "you must be root to run this program");
    const { users } = accounts(run.io.fs);
    const known = users.find((u) => u.name === name);
    if (verb === "add") {
      if (known) run.errx(65, `login name \`${name}' already exists`);
      return addUser(run, name);
    }
    if (!known) run.errx(67, `no such user \`${name}'`);
    if (verb === "show")
      return run.print(
        `${name}:*:${known.uid}:${known.gid}::0:0:${known.gecos}:${known.home}:${known.shell}\n`,
      );
    if (verb === "del") {
      edit(run, "/etc/passwd", (lines) => lines.filter((l) => !l.startsWith(`${name}:`)));
      edit(run, "/etc/master.passwd", (lines) => lines.filter((l) => !l.startsWith(`${name}:`)));
      edit(run, "/etc/group", (lines) =>
        lines.filter((l) => !l.startsWith(`${name}:`)).map((l) => withoutMember(l, name)),
      );
      if (run.has("r")) removeTree(run, known.home);
    }
  });

function addUser(run: Run, name: string): void {
  const { fs } = run.io;
  const { users, groups } = accounts(fs);
  const next = (taken: readonly number[]): number => {
    let n = 1001;
    while (taken.includes(n)) n++;
    return n;
  };
  const uid = run.value("u") === undefined ? next(users.map((u) => u.uid)) : Number(run.value("u"));
  const group = run.value("g");
  const chosen =
    group === undefined ? undefined : groups.find((g) => g.name === group || String(g.gid) === group);
  if (group !== undefined && !chosen) run.errx(67, `group \`${group}' is not defined`);
  const gid = chosen?.gid ?? (groups.some((g) => g.gid === uid) ? next(groups.map((g) => g.gid)) : uid);
  const home = run.value("d") ?? `/home/${name}`;
  const shell = run.value("s") ?? "/bin/sh";
  const gecos = run.value("c") ?? "User &";
  edit(run, "/etc/master.passwd", (lines) => [
    ...lines,
    `${name}:*:${uid}:${gid}::0:0:${gecos}:${home}:${shell}`,
  ]);
  edit(run, "/etc/passwd", (lines) => [...lines, `${name}:*:${uid}:${gid}:${gecos}:${home}:${shell}`]);
  const extra = run.value("G")?.split(",") ?? [];
  edit(run, "/etc/group", (lines) => [
    ...lines.map((l) => (extra.includes(l.split(":")[0]!) ? withMember(l, name) : l)),
    ...(chosen ? [] : [`${name}:*:${gid}:`]),
  ]);
  if (!run.has("m")) return;
  fs.mkdirSync(run.path(home), { recursive: true });
  fs.chownSync(run.path(home), uid, gid);
}

const pwGroup = (verb: string, letters: string) =>
  tool({ name: "pw", letters, usage: PW_USAGE, usageStatus: 64 }, (run: Run) => {
    const name = run.value("n");
    if (name === undefined) run.errx(64, "group name required");
    const { groups } = accounts(run.io.fs);
    const known = groups.find((g) => g.name === name);
    if (verb === "show") {
      if (!known) run.errx(65, `unknown group \`${name}'`);
      return run.print(`${name}:*:${known.gid}:${known.members.join(",")}\n`);
    }
    if (run.io.who.uid !== 0) run.errx(77, "you must be root to run this program");
    if (verb === "add") {
      if (known) run.errx(65, `group name \`${name}' already exists`);
      let gid = 1001;
      while (groups.some((g) => g.gid === gid)) gid++;
      edit(run, "/etc/group", (lines) => [
        ...lines,
        `${name}:*:${run.value("g") ?? gid}:${run.value("M") ?? ""}`,
      ]);
      return;
    }
    if (!known) run.errx(65, `unknown group \`${name}'`);
    if (verb === "del") edit(run, "/etc/group", (lines) => lines.filter((l) => !l.startsWith(`${name}:`)));
    if (verb === "mod" && run.has("m"))
      edit(run, "/etc/group", (lines) =>
        lines.map((l) => (l.startsWith(`${name}:`) ? withMember(l, run.value("m")!) : l)),
      );
  });

function edit(run: Run, path: string, change: (lines: string[]) => string[]): void {
  const { fs } = run.io;
  const lines = fs.readText(path).split("\n").filter(Boolean);
  fs.writeText(path, `${change(lines).join("\n")}\n`);
}

const members = (line: string): string[] => (line.split(":")[3] ?? "").split(",").filter(Boolean);
const rejoin = (line: string, names: readonly string[]): string =>
  [...line.split(":").slice(0, 3), names.join(",")].join(":");
const withMember = (line: string, name: string): string =>
  rejoin(line, [...new Set([...members(line), name])]);
const withoutMember = (line: string, name: string): string =>
  rejoin(
    line,
    members(line).filter((m) => m !== name),
  );

function removeTree(run: Run, path: string): void {
  const { fs } = run.io;
  try {
    if (fs.node(path, { follow: false }).type === "directory") {
      for (const name of fs.list(path)) removeTree(run, `${path}/${name}`);
      fs.rmdir(path);
    } else fs.unlink(path);
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
  }
}

export const accountTools: Commands = {
  "/usr/bin/id": id,
  "/usr/bin/whoami": (_args, io) => ok(`${userName(io.fs, io.who.uid)}\n`),
  "/usr/bin/groups": (_args, io) => ok(`${io.process.user.gids.map((g) => groupName(io.fs, g)).join(" ")}\n`),
  "/usr/bin/logname": (_args, io) => ok(`${userName(io.fs, io.who.uid)}\n`),
  "/usr/sbin/pw": pw,
};
