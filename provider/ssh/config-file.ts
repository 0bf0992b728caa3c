import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { reason, SshError } from "./errors";
import { matchesPattern, matchesPatternList } from "./patterns";

/** For whom the files are read. */
export interface Query {
  /** The name by which the host is asked for: what `Host` lines speak of. */
  readonly name: string;
  /** As declared; they win over the files. */
  readonly user: string | undefined;
  readonly port: number | undefined;
  /** Who logs in where neither says so. */
  readonly defaultUser: string;
}

/** Where the files are and whose. */
export interface Surroundings {
  readonly home: string;
  /** Who runs this. */
  readonly localUser: string;
  readonly uid: number;
}

/** A host on the way, as `ProxyJump` names it. */
export interface Jump {
  readonly address: string;
  readonly user?: string | undefined;
  readonly port?: number | undefined;
}

/** What the files say of one host. What they do not say is undefined. */
export interface Settings {
  readonly hostName: string;
  readonly user: string;
  readonly port: number;
  readonly identityFiles: readonly string[] | undefined;
  readonly identitiesOnly: boolean;
  /** A socket; false: no agent. */
  readonly identityAgent: string | false | undefined;
  readonly hostKeyAlias: string | undefined;
  readonly userKnownHosts: readonly string[] | undefined;
  readonly globalKnownHosts: readonly string[] | undefined;
  readonly jumps: readonly Jump[];
  /** Lines that were left out although they may have been meant for this host, and why. */
  readonly notes: readonly string[];
}

interface Line {
  readonly keyword: string;
  /** All behind the keyword. */
  readonly rest: string;
  /** `file:line`. */
  readonly at: string;
}

const single = ["hostname", "user", "port", "identitiesonly", "identityagent", "hostkeyalias"] as const;
const several = ["userknownhostsfile", "globalknownhostsfile"] as const;

/**
 * What ssh_config(5) files say, as ssh(1) reads them: the first value wins, `~/.ssh/config` comes before
 * `/etc/ssh/ssh_config`. Why this is not a package: docs/decisions/0008.
 */
export class ConfigFiles {
  readonly #surroundings: Surroundings;
  readonly #files: readonly { readonly path: string; readonly isUsers: boolean }[];

  constructor(files: readonly { path: string; isUsers: boolean }[], surroundings: Surroundings) {
    this.#files = files;
    this.#surroundings = surroundings;
  }

  /** @throws SshError `configuration` */
  settings(query: Query): Settings {
    const reading = new Reading(query, this.#surroundings);
    for (const { path, isUsers } of this.#files) reading.read(path, isUsers, true, 0);
    return reading.settings();
  }
}

const deepest = 16;

class Reading {
  readonly #query: Query;
  readonly #surroundings: Surroundings;
  readonly #values = new Map<string, { words: readonly string[]; at: string }>();
  readonly #identityFiles: { path: string; at: string }[] = [];
  readonly #notes = new Set<string>();

  constructor(query: Query, surroundings: Surroundings) {
    this.#query = query;
    this.#surroundings = surroundings;
  }

  /** @param isMeant whether what stands before the first `Host` or `Match` is for this host. */
  read(path: string, isUsers: boolean, isMeant: boolean, depth: number): void {
    const text = readConfig(path, isUsers, this.#surroundings.uid);
    if (text === undefined) return;
    let isActive = isMeant;
    for (const line of linesOf(text, path)) {
      if (line.keyword === "host") {
        isActive = isMeant && matchesPatternList(wordsOf(line), this.#query.name);
      } else if (line.keyword === "match") {
        isActive = isMeant && this.#matches(line);
      } else if (line.keyword === "include") {
        if (depth >= deepest) throw problem(line.at, `more than ${deepest} files include each other`);
        const folder = isUsers ? join(this.#surroundings.home, ".ssh") : "/etc/ssh";
        for (const word of wordsOf(line)) {
          const pattern = expandTilde(word, this.#surroundings.home);
          const full = isAbsolute(pattern) ? pattern : join(folder, pattern);
          for (const file of expandWildcards(full)) this.read(file, isUsers, isActive, depth + 1);
        }
      } else if (isActive) this.#take(line);
    }
  }

  #take(line: Line): void {
    const { keyword, at } = line;
    const set = (key: string, words: readonly string[]) => {
      if (words.length === 0) throw problem(at, `${keyword} has no value`);
      if (!this.#values.has(key)) this.#values.set(key, { words, at });
    };
    if (keyword === "identityfile") {
      const [path] = wordsOf(line);
      if (path === undefined) throw problem(at, `${keyword} has no value`);
      this.#identityFiles.push({ path, at });
    } else if ((single as readonly string[]).includes(keyword)) set(keyword, wordsOf(line).slice(0, 1));
    else if ((several as readonly string[]).includes(keyword)) set(keyword, wordsOf(line));
    // Whichever of the two comes first counts.
    else if (keyword === "proxyjump" || keyword === "proxycommand") set("proxy", [keyword, line.rest]);
    else if (keyword === "canonicalizehostname" && !/^(no|false|none)$/i.test(line.rest)) {
      this.#notes.add(`${at}: CanonicalizeHostname is not followed: names are looked up as they are`);
    }
  }

  #matches(line: Line): boolean {
    const words = wordsOf(line).flatMap((word, i, all) => splitCriterion(word, all[i - 1]));
    if (words.length === 0) throw problem(line.at, "Match has no criteria");
    let holds = true;
    for (let word = words.shift(); word !== undefined; word = words.shift()) {
      const isNegated = word.startsWith("!");
      const criterion = word.slice(isNegated ? 1 : 0).toLowerCase();
      const result = this.#criterion(criterion, words, line);
      if (result === undefined) {
        this.#notes.add(`${line.at}: Match ${criterion} is not evaluated here, so its lines are left out`);
        return false;
      }
      if (result === isNegated) holds = false;
    }
    return holds;
  }

  /** Whether it holds; undefined if that cannot be said. Takes its argument from `words`. */
  #criterion(criterion: string, words: string[], line: Line): boolean | undefined {
    if (criterion === "all") return true;
    // What is looked at again after the name was made canonical, which is not done here.
    if (criterion === "canonical") return false;
    if (criterion === "final") return undefined;
    const argument = words.shift();
    if (argument === undefined) throw problem(line.at, `Match ${criterion} has no argument`);
    const value = this.#compared(criterion);
    if (value === undefined) return undefined;
    const patterns = argument.split(",");
    const isHost = criterion === "host" || criterion === "originalhost";
    return isHost
      ? matchesPatternList(
          patterns.map((one) => one.toLowerCase()),
          value.toLowerCase(),
        )
      : matchesPatternList(patterns, value);
  }

  #compared(criterion: string): string | undefined {
    switch (criterion) {
      case "host":
        return this.#hostName();
      case "originalhost":
        return this.#query.name;
      case "user":
        return this.#user();
      case "localuser":
        return this.#surroundings.localUser;
      default:
        return undefined;
    }
  }

  #user(): string {
    return this.#query.user ?? this.#values.get("user")?.words[0] ?? this.#query.defaultUser;
  }

  #hostName(): string {
    const { name } = this.#query;
    const said = this.#values.get("hostname");
    return said ? expandTokens(said.words[0] as string, { "%": "%", h: name }, said.at) : name;
  }

  #port(): number {
    const said = this.#values.get("port");
    if (this.#query.port !== undefined || !said) return this.#query.port ?? 22;
    return parsePort(said.words[0] as string, said.at);
  }

  settings(): Settings {
    const { home } = this.#surroundings;
    const said = (key: string) => this.#values.get(key)?.words[0];
    const tokens = this.#tokens();
    const path = (text: string, at: string) => expandTilde(expandTokens(text, tokens, at), home);
    const paths = (key: string) => {
      const value = this.#values.get(key);
      return value?.words.filter((word) => !isNone(word)).map((word) => path(word, value.at));
    };
    const files = this.#identityFiles.map((file) => path(file.path, file.at));
    const agent = this.#values.get("identityagent");
    return {
      hostName: this.#hostName().toLowerCase(),
      user: this.#user(),
      port: this.#port(),
      identityFiles: files.length > 0 ? [...new Set(files)].filter((file) => !isNone(file)) : undefined,
      identitiesOnly: /^(yes|true)$/i.test(said("identitiesonly") ?? "no"),
      identityAgent: agent && agentSocket(agent.words[0] as string, (text) => path(text, agent.at)),
      hostKeyAlias: said("hostkeyalias"),
      userKnownHosts: paths("userknownhostsfile"),
      globalKnownHosts: paths("globalknownhostsfile"),
      jumps: this.#jumps(tokens),
      notes: [...this.#notes],
    };
  }

  #jumps(tokens: Tokens): Jump[] {
    const proxy = this.#values.get("proxy");
    if (!proxy) return [];
    const [keyword, text] = proxy.words as [string, string];
    if (isNone(text)) return [];
    const jump = keyword === "proxyjump" ? text : asJump(text);
    if (jump === undefined) {
      throw problem(
        proxy.at,
        "ProxyCommand is not supported: connections are made here, without a program between. " +
          "Say it with ProxyJump, or with the property jump of the Host",
      );
    }
    const all = expandTokens(jump, tokens, proxy.at).split(",");
    // `Host *` with a ProxyJump speaks of the jump host too.
    return all
      .map((one) => parseJump(one.trim(), proxy.at))
      .filter(({ address }) => address !== this.#query.name);
  }

  #tokens(): Tokens {
    const { name } = this.#query;
    const { home, localUser, uid } = this.#surroundings;
    const [address, port, user] = [this.#hostName(), String(this.#port()), this.#user()];
    const local = hostname();
    const jump = this.#values.get("proxy")?.words[1] ?? "";
    return {
      "%": "%",
      C: createHash("sha1").update(`${local}${address}${port}${user}${jump}`).digest("hex"),
      d: home,
      h: address,
      i: String(uid),
      j: jump,
      k: this.#values.get("hostkeyalias")?.words[0] ?? name,
      L: local.split(".")[0] as string,
      l: local,
      n: name,
      p: port,
      r: user,
      u: localUser,
    };
  }
}

const problem = (at: string, what: string) => new SshError("configuration", `${at}: ${what}.`);

const isNone = (text: string) => text.toLowerCase() === "none";

/** undefined: there is none. As ssh(1), a file that others may write is not believed. */
function readConfig(path: string, isUsers: boolean, uid: number): string | undefined {
  try {
    const text = readFileSync(path, "utf8");
    const { mode, uid: owner } = statSync(path);
    if (isUsers && process.platform !== "win32" && ((mode & 0o022) !== 0 || (owner !== 0 && owner !== uid))) {
      throw problem(path, `others can write it: chmod go-w ${path}, and its owner has to be you or root`);
    }
    return text;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error instanceof SshError ? error : problem(path, reason(error));
  }
}

function linesOf(text: string, file: string): Line[] {
  return text.split("\n").flatMap((raw, i) => {
    const [, keyword, rest = ""] = /^\s*([^\s=#"]+)(?:\s*=\s*|\s+|$)(.*)$/.exec(raw.trimEnd()) ?? [];
    return keyword === undefined
      ? []
      : [{ keyword: keyword.toLowerCase(), rest: rest.trim(), at: `${file}:${i + 1}` }];
  });
}

/** As OpenSSH's argv_split: quotes of both kinds, a backslash before a quote, itself or a blank, comments. */
function wordsOf({ rest, at }: Line): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let i = 0; i < rest.length; i++) {
    const c = rest[i] as string;
    const next = rest[i + 1] ?? "";
    const isBlank = quote === "" && (c === " " || c === "\t");
    if (isBlank) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (word === undefined && c === "#") break;
    else if (c === "\\" && next !== "" && `'"\\${quote === "" ? " " : ""}`.includes(next)) {
      word = (word ?? "") + next;
      i++;
    } else if (quote === "" ? c === '"' || c === "'" : c === quote) {
      word ??= "";
      quote = quote === "" ? c : "";
    } else word = (word ?? "") + c;
  }
  if (quote !== "") throw problem(at, `a ${quote} is not closed`);
  return word === undefined ? words : [...words, word];
}

/** `Match host=alpha` is `Match host alpha`. */
function splitCriterion(word: string, before: string | undefined): string[] {
  const isCriterion = before === undefined || !/^!?(host|originalhost|user|localuser)$/i.test(before);
  const [, criterion, argument] = /^([A-Za-z!]+)=(.+)$/.exec(word) ?? [];
  return isCriterion && criterion !== undefined && argument !== undefined ? [criterion, argument] : [word];
}

type Tokens = Readonly<Record<string, string>>;

function expandTokens(text: string, tokens: Tokens, at: string): string {
  return text.replace(
    /%(.?)|\$\{([^}]*)\}/g,
    (whole, token: string | undefined, variable: string | undefined) => {
      if (variable !== undefined) {
        const value = process.env[variable];
        if (value === undefined) throw problem(at, `the environment has no ${variable}`);
        return value;
      }
      const value = tokens[token ?? ""];
      if (value === undefined) throw problem(at, `${whole} is not known here`);
      return value;
    },
  );
}

const expandTilde = (path: string, home: string) =>
  path === "~" || path.startsWith("~/") ? join(home, path.slice(2)) : path;

function agentSocket(text: string, path: (text: string) => string): string | false {
  if (isNone(text)) return false;
  if (text === "SSH_AUTH_SOCK") return process.env.SSH_AUTH_SOCK ?? false;
  if (text.startsWith("$") && !text.startsWith("${")) return process.env[text.slice(1)] ?? false;
  return path(text);
}

function parsePort(text: string, at: string): number {
  const port = /^\d+$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65535) throw problem(at, `"${text}" is not a port`);
  return port;
}

/** `[user@]host[:port]`, or the same as an ssh:// URI; an IPv6 address with a port is in brackets. */
function parseJump(text: string, at: string): Jump {
  const [, user, bracketed, plain, port] =
    /^(?:ssh:\/\/)?(?:(.+)@)?(?:\[([^\]]+)\]|([^[\]@:]+(?::[^@:]*:[^@]*)?))(?::(\d+))?\/?$/.exec(text) ?? [];
  const address = bracketed ?? plain;
  if (address === undefined)
    throw problem(at, `"${text}" is not a host to jump over, such as user@host:port`);
  return { address, ...(user && { user }), ...(port && { port: parsePort(port, at) }) };
}

/** The jump in `ssh -W %h:%p bastion`, as one wrote it before there was ProxyJump. */
function asJump(command: string): string | undefined {
  return /^(?:\S*\/)?ssh\s+(?:-q\s+)?-W\s+(?:\[%h\]|%h):%p\s+(?:-q\s+)?([^\s-]\S*)$/.exec(command)?.[1];
}

/** Files by a path with `*` and `?` in it, sorted. */
function expandWildcards(path: string): string[] {
  if (!/[*?]/.test(path)) return [path];
  const folder = dirname(path);
  const last = path.slice(folder.length).replace(/^\//, "");
  return expandWildcards(folder).flatMap((parent) => {
    if (!/[*?]/.test(last)) return [join(parent, last)];
    try {
      const names = readdirSync(parent).filter((name) => !name.startsWith(".") || last.startsWith("."));
      return names
        .filter((name) => matchesPattern(last, name))
        .sort()
        .map((name) => join(parent, name));
    } catch {
      return [];
    }
  });
}
