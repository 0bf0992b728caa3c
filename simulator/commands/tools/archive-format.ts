import type { Tree } from "../../image";
import { toBytes, toText } from "../../kernel/vfs";

/**
 * A stand-in for an archive: its content names the entries instead of packing them. `declared` are digests that
 * the real file of that name has.
 */
const MAGIC = "7zXZ simulated archive\n";

export interface Archive {
  /** The distribution of that name, instead of entries. */
  readonly distribution?: "base";
  readonly entries?: Tree;
  readonly declared?: Readonly<Record<string, string>>;
}

export const packArchive = (archive: Archive): string => MAGIC + toBytes(JSON.stringify(archive));

export const readArchive = (bytes: string): Archive | undefined =>
  bytes.startsWith(MAGIC) ? (JSON.parse(toText(bytes.slice(MAGIC.length))) as Archive) : undefined;
