import { type Credentials, Redacted } from "./ssh";

/** Namespace of the stack's configuration: `pulumi config set --secret freebsd-vnet:privateKey`. */
export const CONFIG = "freebsd-vnet";

/** Reads who we are from the stack's configuration. What is not set there comes from the agent and ~/.ssh. */
export function credentialsFrom(get: (key: string) => string | undefined): Credentials {
  const value = (name: string) => get(`${CONFIG}:${name}`);
  const secret = (name: string) => {
    const found = value(name);
    return found === undefined ? undefined : new Redacted(found);
  };
  const files = value("knownHosts");
  return {
    privateKey: secret("privateKey"),
    passphrase: secret("passphrase"),
    password: secret("password"),
    sudoPassword: secret("sudoPassword"),
    identityFile: value("identityFile"),
    agent: value("agent") === "none" ? false : value("agent"),
    knownHosts:
      files === undefined ? undefined : files.startsWith("[") ? JSON.parse(files) : files.split(":"),
  };
}
