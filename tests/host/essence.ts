import type { Snapshot } from "../../simulator";

/**
 * A host without what is no trace of anybody: process numbers, the kernel's messages, and what jails wrote into their
 * own roots. With `modules: false` also without the loaded modules.
 */
export function essence({ files, kernel }: Snapshot, { modules = true } = {}) {
  const { messages: _, modules: loaded, ...others } = kernel;
  const rest = modules ? { ...others, modules: loaded } : others;
  return {
    files: Object.fromEntries(
      Object.entries(files)
        .filter(([path]) => !path.startsWith("/jails/testA/") && !path.includes("/dmesg."))
        .map(([path, file]) => [path, path.endsWith(".pid") ? { ...file, content: "" } : file]),
    ),
    kernel: JSON.parse(
      JSON.stringify(rest, (key, value) => (key === "pid" || isRootDigest(key, value) ? 0 : value)),
    ),
  };
}

/** The digest of a dataset's files: a jail that ran has changed its root. */
const isRootDigest = (key: string, value: unknown) =>
  key === "content" && typeof value === "string" && /^[0-9a-f]{16}$/.test(value);
