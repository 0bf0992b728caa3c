import type { Kernel } from "./kernel";
import type { Jail } from "./kernel/jails";
import type { Vnet } from "./kernel/network";
import type { Vfs } from "./kernel/vfs";
import type { Process } from "./shell/process";

/** Who runs a command: the process's jail (undefined on the host itself), its network stack, its user. */
export interface Credentials {
  readonly jail: Jail | undefined;
  readonly vnet: Vnet;
  readonly uid: number;
}

/** What a command sees of the machine it runs on. */
export interface Io {
  readonly kernel: Kernel;
  readonly who: Credentials;
  /** The file system as this process sees it: the host's, or a jail's root. */
  readonly fs: Vfs;
  readonly stdin: string;
  /** The same as bytes, one per character. Standard input can be read once. */
  readonly input: string;
  readonly env: ReadonlyMap<string, string>;
  readonly cwd: string;
  /** Runs `script` with `/bin/sh` as the same process would (same jail, user, directory). */
  sh(script: string, options?: { stdin?: string; args?: string[] }): Promise<Result>;
  /** Runs `argv` without a shell in between. */
  run(argv: readonly string[], options?: { stdin?: string }): Promise<Result>;
  /** The process itself: its descriptors, its session, children that inherit them. */
  readonly process: Process;
  /** The same as seen from inside `jail` (its root, its network stack). */
  inJail(jail: Jail): Io;
}

export interface Result {
  stdout: string;
  stderr: string;
  status: number;
  /** `stdout` is bytes, one per character, rather than text. */
  binary?: boolean;
}

export type Command = (args: readonly string[], io: Io) => Result | Promise<Result>;

/** A table of commands: its key is the absolute path, as FreeBSD has it (`/sbin/ifconfig`). */
export type Commands = Readonly<Record<string, Command>>;

export const ok = (stdout = ""): Result => ({ stdout, stderr: "", status: 0 });

export const fail = (status: number, stderr: string, stdout = ""): Result => ({ stdout, stderr, status });

/** Thrown by the kernel model; a command turns it into its own words. `message` is strerror(3)'s. */
export class Errno extends Error {
  readonly code: keyof typeof strerror;

  constructor(code: keyof typeof strerror) {
    // It is an answer, asked for at every name that is looked up: nobody reads where it came from.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(strerror[code]);
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
  }
}

export const strerror = {
  EPERM: "Operation not permitted",
  ENOENT: "No such file or directory",
  ESRCH: "No such process",
  ENXIO: "Device not configured",
  EACCES: "Permission denied",
  ENOTBLK: "Block device required",
  EBUSY: "Device busy",
  EEXIST: "File exists",
  EIO: "Input/output error",
  ENOTTY: "Inappropriate ioctl for device",
  ERANGE: "Result too large",
  EDEADLK: "Resource deadlock avoided",
  ENOTDIR: "Not a directory",
  EISDIR: "Is a directory",
  EPIPE: "Broken pipe",
  EBADF: "Bad file descriptor",
  EINVAL: "Invalid argument",
  ENOSPC: "No space left on device",
  EDQUOT: "Disc quota exceeded",
  EROFS: "Read-only file system",
  ENAMETOOLONG: "File name too long",
  ENOTEMPTY: "Directory not empty",
  EOPNOTSUPP: "Operation not supported",
  EADDRINUSE: "Address already in use",
  EADDRNOTAVAIL: "Can't assign requested address",
  ENETUNREACH: "Network is unreachable",
  ENOPROTOOPT: "Protocol not available",
  EXDEV: "Cross-device link",
  ELOOP: "Too many levels of symbolic links",
} as const;
