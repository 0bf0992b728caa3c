import { isErrno, type Vfs, type VfsUser } from "./vfs";

export interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly gecos: string;
  readonly home: string;
  readonly shell: string;
}

export interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** passwd(5) and group(5), as the files at hand have them (a jail has its own). */
export function accounts(fs: Vfs): { users: User[]; groups: Group[] } {
  return { users: lines(fs, "/etc/passwd").map(user), groups: lines(fs, "/etc/group").map(group) };
}

function lines(fs: Vfs, path: string): string[][] {
  try {
    return fs
      .readText(path)
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => line.split(":"));
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "EACCES") || isErrno(error, "ENOTDIR")) return [];
    throw error;
  }
}

const user = ([name = "", , uid, gid, gecos = "", home = "/", shell = "/bin/sh"]: string[]): User => ({
  name,
  uid: Number(uid),
  gid: Number(gid),
  gecos,
  home,
  shell: shell || "/bin/sh",
});

const group = ([name = "", , gid, members = ""]: string[]): Group => ({
  name,
  gid: Number(gid),
  members: members.split(",").filter(Boolean),
});

/** The rights that a login of `name` has; undefined if there is no such user. */
export function credentialsOf(fs: Vfs, name: string): (VfsUser & { account: User }) | undefined {
  const { users, groups } = accounts(fs);
  const account = users.find((u) => u.name === name);
  if (!account) return undefined;
  const more = groups.filter((g) => g.members.includes(name)).map((g) => g.gid);
  return { uid: account.uid, gids: [...new Set([account.gid, ...more])], account };
}

export const userName = (fs: Vfs, uid: number): string =>
  accounts(fs).users.find((u) => u.uid === uid)?.name ?? String(uid);

export const groupName = (fs: Vfs, gid: number): string =>
  accounts(fs).groups.find((g) => g.gid === gid)?.name ?? String(gid);

/** A name or a number; undefined if there is none of that name. */
export function uidOf(fs: Vfs, word: string): number | undefined {
  const known = accounts(fs).users.find((u) => u.name === word);
  return known ? known.uid : /^\d+$/.test(word) ? Number(word) : undefined;
}

export function gidOf(fs: Vfs, word: string): number | undefined {
  const known = accounts(fs).groups.find((g) => g.name === word);
  return known ? known.gid : /^\d+$/.test(word) ? Number(word) : undefined;
}
