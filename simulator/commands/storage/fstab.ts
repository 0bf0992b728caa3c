import { Errno, type Io } from "../../command";

/** fstab(5) */
export interface FstabEntry {
  readonly spec: string;
  readonly file: string;
  readonly type: string;
  readonly options: readonly string[];
  readonly access: "rw" | "ro" | "rq" | "sw" | "xx";
  readonly freq: number;
  readonly pass: number;
}

export interface Fstab {
  readonly entries: readonly FstabEntry[];
  /** What libc complains of on standard error. */
  readonly stderr: string;
}

const ACCESS = ["rw", "rq", "ro", "sw", "xx"] as const;

/** Reads it. A missing file throws ENOENT. */
export function readFstab(io: Io, path = "/etc/fstab"): Fstab {
  const entries: FstabEntry[] = [];
  let stderr = "";
  for (const [n, line] of io.fs.readText(io.fs.resolvePath(io.cwd, path)).split("\n").entries()) {
    if (line.trim() === "" || line.trimStart().startsWith("#")) continue;
    const [spec, file, type, options, freq = "0", pass = "0"] = line
      .trim()
      .split(/[ \t]+/)
      .map(unvis);
    const given = options?.split(",") ?? [];
    const access = ACCESS.find((word) => given.includes(word));
    if (spec !== undefined && file !== undefined && type !== undefined && access)
      entries.push({
        spec,
        file,
        type,
        options: given,
        access,
        freq: Number(freq) || 0,
        pass: Number(pass) || 0,
      });
    else stderr += `fstab: ${path}:${n + 1}: Inappropriate file type or format\n`;
  }
  return { entries, stderr };
}

/** The entries, none if there is no file. */
export function fstabEntries(io: Io, path?: string): readonly FstabEntry[] {
  try {
    return readFstab(io, path).entries;
  } catch (error) {
    if (error instanceof Errno) return [];
    throw error;
  }
}

const unvis = (word: string): string =>
  word.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/** Is `option` on in a list where `noX` undoes `X`, later ones winning? */
export function hasOption(options: readonly string[], option: string): boolean {
  const plain = option.replace(/^no/, "");
  const negative = plain !== option;
  return options.reduce(
    (found, each) => (each === `no${plain}` ? negative : each === plain ? !negative : found),
    false,
  );
}

/** `-t ufs,nfs` or `-t nonfs,zfs`: does the list leave `type` out? */
export function isLeftOut(type: string, list: string | undefined): boolean {
  if (list === undefined) return false;
  const negative = list.startsWith("no");
  const named = (negative ? list.slice(2) : list).split(",").includes(type);
  return named === negative;
}
