import type { Kernel } from "..";
import type { Vnet } from "../network";
import { Alias, type Mode, type Redirect } from "./alias";
import { BadRedirect, hostAddress, redirectAddress, redirectPort, redirectProto } from "./redirect";
import { servicePort } from "./services";

/** What natd(8) prints before it exits 1. */
export class NatdError extends Error {
  constructor(
    message: string,
    /** Followed by the list of options. */
    readonly usage = false,
  ) {
    super(message);
  }
}

/** natd(8)'s configuration, from its command line and the file of `-f`. */
export interface NatdConfig {
  interface: string | undefined;
  aliasAddress: string | undefined;
  targetAddress: string | undefined;
  /** Divert ports: the same for both directions unless `in_port` and `out_port` are set. */
  port: number;
  inPort: number;
  outPort: number;
  dynamic: boolean;
  verbose: boolean;
  modes: Set<Mode>;
  redirects: Redirect[];
  pidFile: string;
  /** Milliseconds from SIGTERM to the end. */
  exitDelay: number;
}

type Parameter = "yes/no" | "service" | "numeric" | "string" | "address";

interface Option {
  name: string;
  short?: string;
  parameter: Parameter;
  /** How the usage describes the parameter, and the option. */
  takes: string;
  about: string;
  apply(config: NatdConfig, value: string): void;
}

const yes = (value: string): boolean => value === "yes";

const flag = (name: string, about: string, mode: Mode | undefined, short?: string): Option => ({
  name,
  ...(short === undefined ? {} : { short }),
  parameter: "yes/no",
  takes: "[yes|no]",
  about,
  apply: ({ modes }, value) => {
    if (mode) modes[yes(value) ? "add" : "delete"](mode);
  },
});

const port = (
  name: string,
  about: string,
  key: "port" | "inPort" | "outPort" | undefined,
  short?: string,
): Option => ({
  name,
  ...(short === undefined ? {} : { short }),
  parameter: "service",
  takes: "number|service_name",
  about,
  apply: (config, value) => {
    if (key) config[key] = divertPort(value);
  },
});

const text = (
  name: string,
  takes: string,
  about: string,
  apply: Option["apply"] = () => {},
  short?: string,
): Option => ({
  name,
  ...(short === undefined ? {} : { short }),
  parameter: "string",
  takes,
  about,
  apply,
});

const words = (value: string): string[] => value.split(/[ \t]+/).filter((word) => word !== "");

const facilities =
  "auth authpriv console cron daemon ftp kern lpr mail news ntp security syslog user uucp local0 local1 local2 local3 local4 local5 local6 local7";
const maxExitDelay = 10_000;

/** In the order of natd(8)'s usage. */
const options: readonly Option[] = [
  flag("unregistered_only", "alias only unregistered addresses", "unreg_only", "u"),
  flag("log", "enable logging", "log", "l"),
  flag("proxy_only", "proxy only", "proxy_only"),
  flag("reverse", "operate in reverse mode", "reverse"),
  flag("deny_incoming", "allow incoming connections", "deny_in", "d"),
  flag("use_sockets", "use sockets to inhibit port conflict", "use_sockets", "s"),
  flag("same_ports", "try to keep original port numbers for connections", "same_ports", "m"),
  {
    ...flag("verbose", "verbose mode, dump packet information", undefined, "v"),
    apply: (config, value) => {
      config.verbose = yes(value);
    },
  },
  {
    ...flag("dynamic", "dynamic mode, automatically detect interface address changes", undefined),
    apply: (config, value) => {
      config.dynamic = yes(value);
    },
  },
  port("in_port", "set port for incoming packets", "inPort", "i"),
  port("out_port", "set port for outgoing packets", "outPort", "o"),
  port("port", "set port (defaults to natd/divert)", "port", "p"),
  port("globalport", "set globalport", undefined),
  {
    name: "alias_address",
    short: "a",
    parameter: "address",
    takes: "x.x.x.x",
    about: "address to use for aliasing",
    apply: (config, value) => {
      config.aliasAddress = hostAddress(value);
    },
  },
  {
    name: "target_address",
    short: "t",
    parameter: "address",
    takes: "x.x.x.x",
    about: "address to use for incoming sessions",
    apply: (config, value) => {
      config.targetAddress = hostAddress(value);
    },
  },
  text(
    "interface",
    "network_if_name",
    "take aliasing address from interface",
    (config, value) => {
      config.interface = value;
    },
    "n",
  ),
  text(
    "proxy_rule",
    "[type encode_ip_hdr|encode_tcp_stream] port xxxx server a.b.c.d:yyyy",
    "add transparent proxying / destination NAT",
  ),
  text(
    "redirect_port",
    "tcp|udp local_addr:local_port_range[,...] [public_addr:]public_port_range [remote_addr[:remote_port_range]]",
    "redirect a port (or ports) for incoming traffic",
    ({ redirects }, value) => {
      const [proto = ""] = words(value);
      if (proto !== "tcp" && proto !== "udp")
        throw new NatdError(`unknown protocol ${proto}. Expected tcp or udp`);
      redirects.unshift(redirectPort(words(value)));
    },
  ),
  text(
    "redirect_proto",
    "proto local_addr [public_addr] [remote_addr]",
    "redirect packets of a given proto",
    ({ redirects }, value) => redirects.unshift(redirectProto(words(value))),
  ),
  text(
    "redirect_address",
    "local_addr[,...] public_addr",
    "define mapping between local and public addresses",
    ({ redirects }, value) => redirects.unshift(redirectAddress(words(value))),
  ),
  text("config", "file_name", "read options from configuration file", undefined, "f"),
  flag("log_denied", "enable logging of denied incoming packets", undefined),
  text("log_facility", "facility", "name of syslog facility to use for logging", (_, value) => {
    if (!facilities.split(" ").includes(value)) throw new NatdError(`Unknown log facility name: ${value}`);
  }),
  text(
    "punch_fw",
    "basenumber:count",
    "punch holes in the firewall for incoming FTP/IRC DCC connections",
    (_, value) => {
      const [, base, count] = /^(\d+):(\d+)/.exec(value) ?? [];
      if (count === undefined) throw new NatdError("punch_fw: basenumber:count parameter required");
      if (Number(base) + Number(count) - 1 >= 65535)
        throw new NatdError(
          "punch_fw: basenumber:count parameter should fit the maximum allowed rule numbers",
        );
    },
  ),
  text("skinny_port", "port", "set the TCP port for use with the Skinny Station protocol", (_, value) => {
    if (!/^\d/.test(value)) throw new NatdError("skinny_port: port parameter required");
  }),
  flag("log_ipfw_denied", "log packets converted by natd, but denied by ipfw", undefined),
  text(
    "pid_file",
    "file_name",
    "store PID in an alternate file",
    (config, value) => {
      config.pidFile = value;
    },
    "P",
  ),
  text("instance", "instance name", "name of aliasing engine instance"),
  {
    name: "exit_delay",
    parameter: "numeric",
    takes: "ms",
    about: "delay in ms before daemon exit after signal",
    apply: (config, value) => {
      const delay = Number.parseInt(value, 10);
      if (delay < 0 || delay > maxExitDelay) throw new NatdError(`Incorrect exit delay: ${delay}`);
      config.exitDelay = delay;
    },
  },
];

export const natdUsage = `Recognized options:\n\n${options
  .map(({ name, short, takes, about }) => {
    const lines = [name, ...(short === undefined ? [] : [short])].map(
      (word) => `-${word.padEnd(20)} ${takes}\n`,
    );
    // The short form is printed without its dash.
    return `${lines[0]}${(lines[1] ?? "").slice(1)}      ${about}\n\n`;
  })
  .join("")}`;

function divertPort(value: string): number {
  const number = Number.parseInt(value, 10);
  if (!Number.isNaN(number)) return number & 0xffff;
  const service = servicePort(value, "divert");
  if (service === undefined) throw new NatdError(`${value}/divert: unknown service`);
  return service;
}

/** Reads a natd(8) configuration; `read` gives the text of a file or throws natd's words for why it cannot. */
export class NatdParser {
  readonly config: NatdConfig = {
    interface: undefined,
    aliasAddress: undefined,
    targetAddress: undefined,
    port: 0,
    inPort: 0,
    outPort: 0,
    dynamic: false,
    verbose: false,
    modes: new Set(),
    redirects: [],
    pidFile: "/var/run/natd.pid",
    exitDelay: maxExitDelay,
  };

  constructor(private readonly read: (path: string) => Promise<string>) {}

  /** @throws NatdError for what natd refuses. */
  async arguments(args: readonly string[]): Promise<void> {
    for (let at = 0; at < args.length; at++) {
      const option = args[at]!;
      if (!option.startsWith("-")) throw new NatdError(`invalid option ${option}`, true);
      const parameters: string[] = [];
      while (at + 1 < args.length && !args[at + 1]!.startsWith("-")) parameters.push(args[++at]!);
      await this.option(option.slice(1), parameters.length > 0 ? parameters.join(" ") : undefined);
    }
  }

  /** What natd checks once it has read everything. */
  check(): void {
    const { config } = this;
    if (
      config.aliasAddress === undefined &&
      config.interface === undefined &&
      !config.modes.has("proxy_only")
    )
      throw new NatdError("instance default: aliasing address not given");
    if (config.aliasAddress !== undefined && config.interface !== undefined)
      throw new NatdError("both alias address and interface name are not allowed");
    if ((config.inPort === 0) !== (config.outPort === 0))
      throw new NatdError("both input and output ports are required");
    if (config.inPort === 0 && config.port === 0) config.port = servicePort("natd", "divert")!;
  }

  private async option(name: string, value: string | undefined): Promise<void> {
    const option = options.find((known) => known.name === name || known.short === name);
    if (!option) throw new NatdError(`unknown option ${name}`, true);
    const checked = this.parameter(option, name, value);
    if (option.name === "config") return this.file(checked);
    try {
      option.apply(this.config, checked);
    } catch (error) {
      throw error instanceof BadRedirect ? new NatdError(error.message) : error;
    }
  }

  private parameter(option: Option, name: string, value: string | undefined): string {
    switch (option.parameter) {
      case "yes/no":
        if (value !== undefined && value !== "yes" && value !== "no")
          throw new NatdError(`${name} needs yes/no parameter`);
        return value ?? "yes";
      case "service":
        if (value === undefined) throw new NatdError(`${name} needs service name or port number parameter`);
        return value;
      case "numeric":
        if (value === undefined || Number.isNaN(Number.parseInt(value, 10)))
          throw new NatdError(`${name} needs numeric parameter`);
        return value;
      case "string":
        if (value === undefined) throw new NatdError(`${name} needs parameter`);
        return value;
      case "address":
        if (value === undefined) throw new NatdError(`${name} needs address/host parameter`);
        return value;
    }
  }

  private async file(path: string): Promise<void> {
    const content = await this.read(path);
    if (content === "") return;
    const lines = content.split("\n");
    // Lines are read and obeyed one by one: an unfinished last one is an error only when it is reached.
    const unfinished = lines.pop() !== "";
    for (const line of lines) {
      const bare = line.replace(/#.*/, "").trim();
      if (bare === "") continue;
      const [, name = "", value] = /^(\S+)(?:\s+(.*))?$/s.exec(bare) ?? [];
      await this.option(name, value);
    }
    if (unfinished) throw new NatdError("config file format error: last line should end with newline");
  }
}

/** A running natd(8), bound to its divert ports. */
export class Natd {
  readonly alias: Alias;
  /** Without `dynamic` the address is the one the interface had at the start. */
  private readonly fixed: string | undefined;

  constructor(
    readonly kernel: Kernel,
    readonly vnet: Vnet,
    readonly config: NatdConfig,
  ) {
    this.fixed = config.aliasAddress ?? (config.dynamic ? undefined : this.interfaceAddress());
    this.alias = new Alias({
      address: () => this.fixed ?? this.interfaceAddress(),
      modes: config.modes,
      redirects: config.redirects,
      target: config.targetAddress,
    });
  }

  get ports(): number[] {
    const { port: both, inPort, outPort } = this.config;
    return both === 0 ? [inPort, outPort] : [both];
  }

  /** Whether the interface it takes its address from is there. */
  get interfaceExists(): boolean {
    const name = this.config.interface;
    return name === undefined || this.vnet.interfaces.some((netif) => netif.name === name);
  }

  /** The alias address; undefined while the interface has none. */
  get address(): string | undefined {
    return this.alias.config.address();
  }

  private interfaceAddress(): string | undefined {
    return this.vnet.interfaces
      .find((netif) => netif.name === this.config.interface)
      ?.addresses.find((inet) => inet.family === "inet")?.address;
  }

  snapshot(): object {
    const { modes, ...config } = this.config;
    return { ...config, modes: [...modes].sort(), address: this.address ?? null };
  }
}
