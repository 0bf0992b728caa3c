import { CONFIG, type CREDENTIALS } from "./credential-keys";
import { type Credentials, Redacted } from "./ssh";

type Key = (typeof CREDENTIALS)[number]["key"];

/** Reads who we are from the stack's configuration. What is not set there comes from the agent and ~/.ssh. */
export function credentialsFrom(get: (key: string) => string | undefined): Credentials {
  const value = (name: Key) => get(`${CONFIG}:${name}`);
  const secret = (name: Key) => {
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
    sshConfig: value("sshConfig") === "none" ? false : value("sshConfig"),
    knownHosts:
      files === undefined ? undefined : files.startsWith("[") ? JSON.parse(files) : files.split(":"),
  };
}
