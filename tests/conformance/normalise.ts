/**
 * What truly varies from run to run on a real host, and nothing else: replay.test.ts fails for a rule that no recorded
 * answer needs. What has an identity (a MAC, a process) is not blotted out but numbered in the order in which it is
 * first seen in a scenario, so that it must be the same one wherever it shows again.
 */
export interface Rule {
  readonly why: string;
  /** Only in what these commands print. */
  readonly command?: RegExp;
  readonly pattern: RegExp;
  /** `number` gives one and the same thing one and the same number. */
  put(groups: readonly string[], number: (thing: string) => number): string;
}

export const rules: readonly Rule[] = [
  {
    why: "when a file was changed, by ls(1)",
    command: /^ls /,
    pattern: /(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d \d\d:\d\d(?= )/g,
    put: () => "<time>",
  },
  {
    why: "what time it is, as rc(8) in a jail says at its end",
    command: /^(?:jail|cat) /,
    pattern: /^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d UTC \d{4}$/gm,
    put: () => "<date>",
  },
  {
    why: "MAC of an epair, hashed by the kernel from the host's id: its two sides differ in the last byte alone",
    pattern: /\b(02(?::[0-9a-f]{2}){4}):(0[ab])\b/g,
    put: ([, pair = "", side = ""], number) => `<mac ${number(pair)}>:${side}`,
  },
  {
    why: "MAC of a bridge or tap, hashed by the kernel from the host's UUID and its name",
    pattern: /\b58:9c:fc:10:[0-9a-f]{2}:[0-9a-f]{2}\b/g,
    put: ([mac = ""], number) => `<mac ${number(mac)}>`,
  },
  {
    why: "link-local address, made from the MAC of an epair",
    pattern: /\bfe80::([0-9a-f]{1,4}):([0-9a-f]{1,2})ff:fe([0-9a-f]{2}):([0-9a-f]{1,4})(?=%)/g,
    put: ([, first = "", second = "", third = "", last = ""], number) => {
      const hex = `${first.padStart(4, "0")}${second.padStart(2, "0")}${third}${last.padStart(4, "0")}`;
      const [a = "", ...rest] = hex.match(/../g) ?? [];
      const mac = [(Number.parseInt(a, 16) ^ 2).toString(16).padStart(2, "0"), ...rest];
      return `<fe80 of mac ${number(mac.slice(0, 5).join(":"))}>:${mac[5]}`;
    },
  },
  {
    why: "process id, by service(8)",
    command: /^service /,
    pattern: /(as pid|Waiting for PIDS:) (\d+)/g,
    put: ([, words = "", pid = ""], number) => `${words} <pid ${number(pid)}>`,
  },
  {
    why: "process id, by pgrep(1)",
    command: /^pgrep /,
    pattern: /^\d+(?= )/gm,
    put: ([pid = ""], number) => `<pid ${number(pid)}>`,
  },
  {
    why: "process id, by sockstat(1), in a column of its width",
    command: /^sockstat /,
    pattern: /^(\w+ +\w+) +(\d+) /gm,
    put: ([, who = "", pid = ""], number) => `${who} <pid ${number(pid)}> `,
  },
  {
    why: "random end of a temporary name, by mktemp(3)",
    pattern: /(\/(?:x|motd|os-release|auth\.log|ld-elf(?:32)?\.so\.hints))\.[A-Za-z0-9]{6,10}(?=\)?:)/g,
    put: ([, stem = ""]) => `${stem}.<random>`,
  },
  {
    why: "random name of a directory, by rc(8) in a jail",
    pattern: /(\/tmp\/\.diskless)\.[0-9a-f]{64}/g,
    put: ([, stem = ""]) => `${stem}.<random>`,
  },
  {
    why: "round-trip time of one packet",
    command: /\bping /,
    pattern: /time=\d+\.\d{3} ms/g,
    put: () => "time=<ms>",
  },
  {
    why: "round-trip times of all packets",
    command: /\bping /,
    pattern: /= (?:\d+\.\d{3}\/){3}\d+\.\d{3} ms/g,
    put: () => "= <ms>",
  },
  {
    why: "packets and bytes that a rule of ipfw(8) has counted, in columns as wide as the largest",
    command: /^ipfw (?:-a |show)/,
    pattern: /^(\d{5}) +\d+ +\d+ /gm,
    put: ([, rule = ""]) => `${rule} <packets> <bytes> `,
  },
  {
    why: "how long pf(4) has been on",
    command: /^service pf status$/,
    pattern: /for 0 days 00:00:\d\d /g,
    put: () => "for <time> ",
  },
  {
    why: "packets that pf(4) has looked at",
    command: /^service pf status$/,
    pattern: /^( {2}(?:searches|match)) +\d+ +\d+\.\d\/s/gm,
    put: ([, counter = ""]) => `${counter} <packets>`,
  },
  {
    why: "used and free blocks of the root file system: logs grow",
    command: /^df -k \/$/,
    pattern: /^(\/dev\S+ +\d+) \d+ \d+ /gm,
    put: ([, device = ""]) => `${device} <used> <free> `,
  },
  {
    why: "how much the kernel had to say at boot",
    command: /^dmesg \| grep -c \.$/,
    pattern: /^\d{3}$/gm,
    put: () => "<lines>",
  },
  {
    why: "which of two datasets zfs(8) mounts first: at boot it mounts them in parallel",
    command: /^mount -p$/,
    pattern: /(?:^.*\tzfs\t.*\n)+/gm,
    put: ([lines = ""]) =>
      lines
        .split(/(?<=\n)/)
        .sort()
        .join(""),
  },
];

/** What one host said in one scenario, command by command. */
export class Normaliser {
  private readonly numbers = new Map<string, number>();

  constructor(private readonly only: readonly Rule[] = rules) {}

  text(command: string, text: string): string {
    return this.only
      .filter((rule) => rule.command?.test(command) ?? true)
      .reduce(
        (out, { pattern, put }) => out.replace(pattern, (...found) => put(groups(found), this.number)),
        text,
      );
  }

  private readonly number = (thing: string): number => {
    const known = this.numbers.get(thing) ?? this.numbers.size + 1;
    this.numbers.set(thing, known);
    return known;
  };
}

/** The match and its groups, of what String.replace hands over. */
const groups = (found: readonly unknown[]): string[] =>
  found.slice(
    0,
    found.findIndex((each) => typeof each === "number"),
  ) as string[];
