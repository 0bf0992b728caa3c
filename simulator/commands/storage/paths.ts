import { Errno, type Io } from "../../command";
import type { MountRequest } from "../../kernel/nmount";
import type { Location } from "../../kernel/vfs";

/** realpath(3), as the process sees it. */
export const realpath = (io: Io, path: string): string => io.fs.canonical(io.fs.resolvePath(io.cwd, path));

/** A path without symbolic links as the host has it. */
export function hostPath(io: Io, path: string): string {
  const root = io.who.jail?.path ?? "/";
  return root === "/" ? path : `${root}${path === "/" ? "" : path}`;
}

/** checkpath(3): a directory's real path. ENOTDIR and what realpath(3) throws. */
export function checkpath(io: Io, path: string): string {
  const real = realpath(io, path);
  if (!io.fs.isDirectory(real)) throw new Errno("ENOTDIR");
  return real;
}

/** The working directory, which keeps its file system busy. */
export function workingDirectory(io: Io): Location | undefined {
  try {
    return io.fs.locate(io.cwd);
  } catch (error) {
    if (error instanceof Errno) return undefined;
    throw error;
  }
}

export const who = (io: Io): MountRequest["who"] => ({ uid: io.who.uid, jail: io.who.jail });
