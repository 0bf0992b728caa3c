import type { Snapshot } from "../../simulator";
import { staysLoaded } from "../../simulator/kernel/modules";

/**
 * A host without what is no trace of anybody: process numbers, the kernel's messages, what jails wrote into their own
 * roots, and modules that no one can unload. With `modules: false` also without the loaded modules.
 */
export function essence({ files, kernel }: Snapshot, { modules = true } = {}) {
  const { messages: _, modules: loaded, ...others } = kernel;
  const rest = modules
    ? { ...others, modules: (loaded as { name: string }[]).filter(({ name }) => !staysLoaded(name)) }
    : others;
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
