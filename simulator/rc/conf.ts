import type { Io } from "../command";
import { toText } from "../kernel/vfs";
import { Exit, Fatal, Shell } from "../shell/shell";
import { Sink, type Stream, Text } from "../shell/streams";
import { defaultRcConf, defaultVariables } from "./defaults";

export const defaultsPath = "/etc/defaults/rc.conf";
const vendorPath = "/etc/defaults/vendor.conf";

export interface LoadOptions {
  /** Environment of the shell that reads the files; rc(8) and service(8) begin with a clean one. */
  readonly env?: ReadonlyMap<string, string>;
  /** Files instead of those of `rc_conf_files`; none: the defaults alone. */
  readonly files?: readonly string[];
  /** Names below `rc.conf.d` whose files are read too. */
  readonly services?: readonly string[];
  /** Leaves the defaults out. */
  readonly withoutDefaults?: boolean;
}

const cleanEnvironment: ReadonlyMap<string, string> = new Map([
  ["HOME", "/"],
  ["PATH", "/sbin:/bin:/usr/sbin:/usr/bin"],
]);

/** rc.conf(5) as rc(8) understands it: shell scripts, so a shell reads them. */
export class RcConf {
  /** A syntax error, or `exit`, in a file ends the shell that reads it, with this status. */
  ended: number | undefined;

  private constructor(
    readonly shell: Shell,
    private readonly errors: Sink,
  ) {}

  static async load(io: Io, options: LoadOptions = {}): Promise<RcConf> {
    const errors = new Sink();
    const fds = new Map<number, Stream>([
      [0, new Text("")],
      [1, new Sink()],
      [2, errors],
    ]);
    const process = io.process.fork({ env: options.env ?? cleanEnvironment, fds, cwd: "/" });
    const shell = new Shell(process, "sh");
    const conf = new RcConf(shell, errors);
    const defaults = await textOf(io, defaultsPath);
    if (!options.withoutDefaults) {
      if (defaults === defaultRcConf) for (const [name, value] of defaultVariables) shell.set(name, value);
      else if (defaults !== undefined) await conf.source(defaultsPath);
    }
    // The end of /etc/defaults/rc.conf, and its source_rc_confs: what the files add to rc_conf_files is read too.
    if (!options.withoutDefaults && (await io.fs.exists(vendorPath))) await conf.source(vendorPath);
    const been = new Set<string>();
    for (let pass = 1; pass <= 2; pass++)
      for (const file of options.files ?? conf.words("rc_conf_files")) {
        if (!been.has(file) && (await io.fs.exists(file))) await conf.source(file);
        been.add(file);
      }
    for (const service of options.services ?? [])
      for (const file of await serviceFiles(io, service, conf.words("local_startup")))
        await conf.source(file);
    return conf;
  }

  /** What reading the files printed on standard error: a line that is no assignment runs as a command. */
  get stderr(): string {
    return toText(this.errors.bytes);
  }

  get(name: string): string {
    return this.shell.get(name) ?? "";
  }

  has(name: string): boolean {
    return this.shell.get(name) !== undefined;
  }

  set(name: string, value: string): void {
    this.shell.set(name, value);
  }

  words(name: string): string[] {
    return split(this.get(name));
  }

  /** checkyesno of rc.subr(8); undefined when it is neither yes nor no. */
  yesNo(name: string): boolean | undefined {
    const value = this.get(name).toLowerCase();
    if (["yes", "true", "on", "1"].includes(value)) return true;
    if (["no", "false", "off", "0"].includes(value)) return false;
    return undefined;
  }

  yes(name: string): boolean {
    return this.yesNo(name) === true;
  }

  /** get_if_var: `ifconfig_IF_alias0` for `vtnet0.30` is `ifconfig_vtnet0_30_alias0`. */
  forInterface(netif: string, pattern: string): string {
    const [before = "", after = ""] = pattern.split("IF");
    return this.words(before + netif.replace(/[.\-/+]/g, "_") + after).join(" ");
  }

  /** Names of set variables. */
  names(): string[] {
    return [...this.shell.variables]
      .filter(([, variable]) => variable.value !== undefined)
      .map(([name]) => name);
  }

  private async source(file: string): Promise<void> {
    if (this.ended !== undefined) return;
    try {
      await this.shell.text(`. ${file}`);
    } catch (error) {
      if (error instanceof Exit) this.ended = error.status;
      else if (error instanceof Fatal) {
        this.errors.bytes += `${error.message}\n`;
        this.ended = error.status;
      } else throw error;
    }
  }
}

export const split = (text: string): string[] => text.split(/[ \t\n]+/).filter((word) => word !== "");

/** `rc.conf.d/NAME`, a file or a folder of files, below /etc and the local startup directories. */
export async function serviceFiles(io: Io, service: string, startup: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const base of ["/etc", ...startup.map((folder) => folder.replace(/\/rc\.d$/, ""))]) {
    const path = `${base}/rc.conf.d/${service}`;
    if (!(await io.fs.exists(path))) continue;
    if (!(await io.fs.stat(path)).isDirectory) files.push(path);
    else for (const name of (await io.fs.readdir(path)).sort()) files.push(`${path}/${name}`);
  }
  return files;
}

export async function textOf(io: Io, path: string): Promise<string | undefined> {
  try {
    return await io.fs.readFile(path);
  } catch {
    return undefined;
  }
}
