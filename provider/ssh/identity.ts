import { readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import {
  type AnyAuthMethod,
  BaseAgent,
  createAgent,
  type ParsedKey,
  type SignCallback,
  type SigningRequestOptions,
  utils,
} from "ssh2";
import { reason } from "./errors";
import { fingerprint } from "./hostkey";
import type { Redacted } from "./redacted";
import type { Hop } from "./target";

/** What proves who we are. Comes from Pulumi config, the agent and `~/.ssh`; never part of a resource. */
export interface Credentials {
  /** A private key in OpenSSH or PEM form. Tried first. */
  readonly privateKey?: Redacted | undefined;
  /** Opens `privateKey` and key files that are encrypted. */
  readonly passphrase?: Redacted | undefined;
  /**
   * Tried last, as password and as the answer to a keyboard-interactive question for a password. Never shown to a
   * jump host.
   */
  readonly password?: Redacted | undefined;
  /** For targets with `become: "sudo"` whose sudoers(5) rule asks for one. Default: sudo must not ask. */
  readonly sudoPassword?: Redacted | undefined;
  /**
   * Path of a private key; `~/` is the home directory. Default: IdentityFile of ssh_config(5), then id_ed25519,
   * id_ecdsa, id_rsa in `~/.ssh`.
   */
  readonly identityFile?: string | undefined;
  /** Socket of ssh-agent(1); false: no agent. Default: IdentityAgent of ssh_config(5), then SSH_AUTH_SOCK. */
  readonly agent?: string | false | undefined;
  /** known_hosts files. Default: as ssh_config(5), UserKnownHostsFile and GlobalKnownHostsFile. */
  readonly knownHosts?: readonly string[] | undefined;
  /** The file to read instead of `~/.ssh/config` and `/etc/ssh/ssh_config`; false: none. */
  readonly sshConfig?: string | false | undefined;
}

/** One way to log in. `name` is for messages: a file name, a comment, a fingerprint; never a content. */
export interface Identity {
  readonly name: string;
  method(user: string): AnyAuthMethod;
}

export interface Identities {
  /** In the order in which they are offered. */
  readonly offered: readonly Identity[];
  /** What could not be offered, and why. */
  readonly skipped: readonly string[];
}

/** The path with `~/` replaced, as a shell would. */
export function expandHome(path: string, home = homedir()): string {
  return path.startsWith("~/") ? join(home, path.slice(2)) : path;
}

/** What the configuration and the key files give. Each opened once: bcrypt takes half a second. */
interface Opened {
  readonly keys: { readonly name: string; readonly key: ParsedKey }[];
  /** Public keys that were asked for by name, to be signed with by the agent. */
  readonly wantedOfAgent: Buffer[];
  readonly skipped: string[];
}

interface KeyFile {
  readonly path: string;
  readonly isAskedFor: boolean;
}

/** Knows the identities of one set of credentials. */
export class Keyring {
  readonly #credentials: Credentials;
  readonly #home: string;
  readonly #opened = new Map<string, Promise<Opened>>();

  constructor(credentials: Credentials, home: string) {
    this.#credentials = credentials;
    this.#home = home;
  }

  /** The agent is asked anew each time: keys come and go. */
  async identities(hop: Hop): Promise<Identities> {
    const files = this.#files(hop);
    const key = JSON.stringify([files, hop.isJump]);
    const opening = this.#opened.get(key) ?? this.#open(files, hop.isJump);
    this.#opened.set(key, opening);
    const [opened, agent] = await Promise.all([opening, this.#askAgent(hop)]);
    // sshd counts what is offered (MaxAuthTries 6): what was asked for by name goes first, and no key goes twice.
    const wanted = [...opened.wantedOfAgent, ...opened.keys.map(({ key }) => key.getPublicSSH())];
    const own = opened.keys.map(({ name, key }) => keyIdentity(name, key));
    const isWanted = ({ blob }: KeyIdentity) => wanted.some((other) => other.equals(blob));
    const isNamed = ({ blob }: KeyIdentity) => opened.wantedOfAgent.some((other) => other.equals(blob));
    const usable = hop.identitiesOnly ? agent.keys.filter(isWanted) : agent.keys;
    const keys = [...usable.filter(isNamed), ...usable.filter((key) => !isNamed(key))];
    const ordered = this.#isExplicit(hop) ? [...own, ...keys] : [...keys, ...own];
    const once = ordered.filter((key, i) => ordered.findIndex(({ blob }) => blob.equals(key.blob)) === i);
    return {
      offered: [...once, ...(hop.isJump ? [] : this.#passwords())],
      skipped: [...opened.skipped, ...agent.skipped],
    };
  }

  #isConfigured(): boolean {
    return this.#credentials.privateKey !== undefined || this.#credentials.identityFile !== undefined;
  }

  #isExplicit(hop: Hop): boolean {
    return this.#isConfigured() || hop.identityFiles !== undefined;
  }

  async #open(files: readonly KeyFile[], isJump: boolean): Promise<Opened> {
    const { privateKey, passphrase } = this.#credentials;
    const opened: Opened = { keys: [], wantedOfAgent: [], skipped: [] };
    const add = (name: string, text: string | Buffer) => {
      const key = parseKey(text, passphrase);
      if (typeof key === "string") opened.skipped.push(`${name} (${key})`);
      else if (!key.isPrivateKey()) opened.wantedOfAgent.push(key.getPublicSSH());
      else opened.keys.push({ name: `${name} (${fingerprint(key.getPublicSSH())})`, key });
      return typeof key !== "string";
    };
    if (privateKey && !isJump) add("privateKey", privateKey.reveal());
    for (const { path, isAskedFor } of files) {
      let isUsable = false;
      try {
        isUsable = add(path, await readKeyFile(path));
      } catch (error) {
        const isMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
        if (isAskedFor || !isMissing)
          opened.skipped.push(`${path} (${isMissing ? "does not exist" : reason(error)})`);
      }
      // The agent may have it, opened.
      const beside = !isUsable && (await readFile(`${path}.pub`).catch(() => undefined));
      const key = beside && parseKey(beside, undefined);
      if (key && typeof key !== "string") opened.wantedOfAgent.push(key.getPublicSSH());
    }
    // What a jump host's own lines name comes before what is meant for the host behind it.
    if (privateKey && isJump) add("privateKey", privateKey.reveal());
    return opened;
  }

  #files(hop: Hop): KeyFile[] {
    const { identityFile } = this.#credentials;
    const askedFor = (path: string) => ({ path, isAskedFor: true });
    const configured = identityFile === undefined ? [] : [askedFor(expandHome(identityFile, this.#home))];
    const ofHop = (hop.identityFiles ?? []).map(askedFor);
    if (hop.isJump && ofHop.length > 0) return [...ofHop, ...configured];
    if (this.#isConfigured()) return configured;
    if (hop.identityFiles !== undefined) return ofHop;
    const names = ["id_ed25519", "id_ecdsa", "id_rsa"];
    return names.map((name) => ({ path: join(this.#home, ".ssh", name), isAskedFor: false }));
  }

  async #askAgent(hop: Hop): Promise<{ keys: KeyIdentity[]; skipped: string[] }> {
    const socket = this.#credentials.agent ?? hop.identityAgent ?? process.env.SSH_AUTH_SOCK;
    if (!socket) return { keys: [], skipped: [] };
    try {
      const agent = createAgent(expandHome(socket, this.#home));
      const keys = await agentKeys(agent);
      return { keys: keys.map((key) => agentIdentity(agent, key)), skipped: [] };
    } catch (error) {
      return { keys: [], skipped: [`agent at ${socket} (${reason(error)})`] };
    }
  }

  #passwords(): Identity[] {
    const { password } = this.#credentials;
    return password ? [passwordIdentity(password), keyboardIdentity(password)] : [];
  }
}

/** As OpenSSH: a private key that others can read is not used. */
async function readKeyFile(path: string): Promise<Buffer> {
  const text = await readFile(path);
  const { mode } = await stat(path);
  if (process.platform !== "win32" && (mode & 0o077) !== 0 && text.includes("PRIVATE KEY")) {
    throw new Error(`others can read it: chmod 600 ${path}`);
  }
  return text;
}

/** The key, or why it cannot be used. */
function parseKey(text: string | Buffer, passphrase: Redacted | undefined): ParsedKey | string {
  const key = utils.parseKey(text, passphrase?.reveal());
  if (!(key instanceof Error)) return key;
  if (/no passphrase given/.test(key.message)) return "encrypted, and no passphrase is configured";
  if (/passphrase|integrity/.test(key.message)) return "the passphrase does not open it";
  return "not a private key of a known form";
}

/** A login with a key; `blob` is the public one. */
interface KeyIdentity extends Identity {
  readonly blob: Buffer;
}

function keyIdentity(name: string, key: ParsedKey): KeyIdentity {
  return {
    name,
    blob: key.getPublicSSH(),
    method: (username) => ({ type: "publickey", username, key }),
  };
}

function passwordIdentity(password: Redacted): Identity {
  return {
    name: "password",
    method: (username) => ({ type: "password", username, password: password.reveal() }),
  };
}

/** Answers the first question for a password; another one, a one-time code or anything else gets no answer. */
function keyboardIdentity(password: Redacted): Identity {
  return {
    name: "keyboard-interactive",
    method: (username) => {
      let isGiven = false;
      return {
        type: "keyboard-interactive",
        username,
        prompt: (_name, _instructions, _lang, prompts, finish) => {
          const only = prompts.length === 1 ? prompts[0] : undefined;
          const asksPassword = only !== undefined && only.echo !== true && /password/i.test(only.prompt);
          const answer = asksPassword && !isGiven ? password.reveal() : "";
          isGiven ||= asksPassword;
          finish(prompts.map(() => answer));
        },
      };
    },
  };
}

function agentKeys(agent: BaseAgent): Promise<ParsedKey[]> {
  return new Promise((resolve, reject) => {
    agent.getIdentities((error, keys = []) => {
      if (error) reject(error);
      // Key types that ssh2 cannot parse (security keys, certificates) are not among them.
      else resolve(keys.filter((key): key is ParsedKey => typeof key === "object" && "getPublicSSH" in key));
    });
  });
}

function agentIdentity(agent: BaseAgent, key: ParsedKey): KeyIdentity {
  const blob = key.getPublicSSH();
  return {
    name: `agent key "${key.comment}" (${fingerprint(blob)})`,
    blob,
    method: (username) => ({ type: "agent", username, agent: new OneKeyAgent(agent, key) }),
  };
}

/** Shows one key of an agent, so that each is an attempt of its own, with a name. */
class OneKeyAgent extends BaseAgent {
  readonly #agent: BaseAgent;
  readonly #key: ParsedKey;

  constructor(agent: BaseAgent, key: ParsedKey) {
    super();
    this.#agent = agent;
    this.#key = key;
  }

  override getIdentities(done: (error?: Error, keys?: ParsedKey[]) => void): void {
    done(undefined, [this.#key]);
  }

  override sign(
    key: ParsedKey | Buffer | string,
    data: Buffer,
    options: SigningRequestOptions | SignCallback | undefined,
    done?: SignCallback,
  ): void {
    if (typeof options === "function") this.#agent.sign(key, data, {}, options);
    else if (done) this.#agent.sign(key, data, options ?? {}, done);
  }
}
