export type DatasetType = "filesystem" | "volume" | "snapshot";

/** What is wrong with a dataset's name, in libzfs' words; undefined if nothing is. */
export function nameProblem(name: string, types: readonly DatasetType[]): string | undefined {
  const snapshot = types.includes("snapshot");
  if (!snapshot && name.includes("@")) return "snapshot delimiter '@' is not expected here";
  if (snapshot && types.length === 1 && !name.includes("@")) return "missing '@' delimiter in snapshot name";
  if (name.includes("#")) return "bookmark delimiter '#' is not expected here";
  if (name.length >= 256) return "name is too long";
  if (name.startsWith("/")) return "leading slash in name";
  const bad = /[^\w.:@/ -]/.exec(name);
  if (bad) return `invalid character '${bad[0]}' in name`;
  if (name.split("@").length > 2) return "multiple '@' and/or '#' delimiters in name";
  if (name.endsWith("/") && name !== "/") return "trailing slash in name";
  const components = name.split(/[/@]/);
  if (components.includes("")) return "empty component or misplaced '@' or '#' delimiter in name";
  if (components.includes(".")) return "self reference, '.' is found in name";
  if (components.includes("..")) return "parent reference, '..' is found in name";
  return undefined;
}

/** `a/b` of `a/b/c`; undefined for a pool. */
export function parentName(name: string): string | undefined {
  const at = name.lastIndexOf("/");
  return at < 0 ? undefined : name.slice(0, at);
}

export const isBelow = (name: string, ancestor: string): boolean => name.startsWith(`${ancestor}/`);
