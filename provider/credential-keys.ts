/** Namespace of the stack's configuration: `pulumi config set --secret freebsd-vnet:privateKey`. */
export const CONFIG = "freebsd-vnet";

/** What is said there of who we are, and never in a program. */
export const CREDENTIALS = [
  { key: "privateKey", isSecret: true },
  { key: "passphrase", isSecret: true },
  { key: "password", isSecret: true },
  { key: "sudoPassword", isSecret: true },
  { key: "identityFile", isSecret: false },
  { key: "agent", isSecret: false },
  { key: "knownHosts", isSecret: false },
  { key: "sshConfig", isSecret: false },
] as const;
