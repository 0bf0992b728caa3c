import type { Snapshot } from "../../simulator";

/**
 * A host without what is no trace of anybody: process numbers, the kernel's messages, what jails wrote into their own
 * roots, and modules that no one can unload, with the rule that ipfw has by itself. With `modules: false` also without
 * the loaded modules.
 */
export function essence({ files, kernel }: Snapshot, { modules = true } = {}) {
  const { messages: _, modules: loaded, ...others } = kernel;
  const all = loaded as { name: string; stays: boolean }[];
  const { ipfw } = others.firewall as { ipfw: Record<string, { rules: unknown[] }> };
  const stays = all.some(({ name, stays }) => name === "ipfw" && stays);
  const kept = Object.entries(ipfw).filter(([, { rules }]) => !stays || rules.length > 1);
  const same = { ...others, firewall: { ...(others.firewall as object), ipfw: Object.fromEntries(kept) } };
  const rest = modules ? { ...same, modules: all.filter(({ stays }) => !stays) } : same;
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
