import type { MountFlag } from "../../kernel/mounts";

/** In the order in which `mount -p` lists them. */
export const fstabOrder: readonly MountFlag[] = [
  "sync",
  "noexec",
  "nosuid",
  "union",
  "async",
  "noatime",
  "noclusterr",
  "noclusterw",
  "nosymfollow",
  "suiddir",
  "multilabel",
  "acls",
  "nfsv4acls",
  "untrusted",
  "nocover",
  "emptydir",
];

/** In the order, and with the words, of mount(8) without options. */
export const listOrder: readonly (readonly [flag: MountFlag, words: string])[] = [
  ["async", "asynchronous"],
  ["local", "local"],
  ["noatime", "noatime"],
  ["noexec", "noexec"],
  ["nosuid", "nosuid"],
  ["nosymfollow", "nosymfollow"],
  ["ro", "read-only"],
  ["sync", "synchronous"],
  ["union", "union"],
  ["noclusterr", "noclusterr"],
  ["noclusterw", "noclusterw"],
  ["suiddir", "suiddir"],
  ["soft-updates", "soft-updates"],
  ["multilabel", "multilabel"],
  ["acls", "acls"],
  ["nfsv4acls", "nfsv4acls"],
  ["untrusted", "untrusted"],
  ["nocover", "nocover"],
  ["emptydir", "emptydir"],
];
