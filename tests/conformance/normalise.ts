/** What truly varies from run to run on a real host. Each rule says why; both sides go through all of them. */
export interface Rule {
  readonly why: string;
  readonly pattern: RegExp;
  readonly put: string;
}

export const rules: readonly Rule[] = [
  {
    why: "time of day",
    pattern: /\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d (?:\d\d:\d\d| \d{4})(?::\d\d)?/g,
    put: "<time>",
  },
  {
    why: "time of day",
    pattern: /\b\w{3} \w{3} [ \d]\d \d\d:\d\d(?::\d\d)?(?: UTC)? ?(?:\d{4})?/g,
    put: "<date>",
  },
  { why: "MAC that the kernel chose", pattern: /\b(?:02|58:9c:fc)(?::[0-9a-f]{2}){3,5}\b/g, put: "<mac>" },
  { why: "link-local address made from such a MAC", pattern: /fe80::[0-9a-f:]*:[0-9a-f:]+/g, put: "<fe80>" },
  { why: "process id", pattern: /\bpid[ =:]+\d+/g, put: "pid <pid>" },
  { why: "process id (pgrep -lf)", pattern: /^\d+ (?=\S*natd)/gm, put: "<pid> " },
  { why: "process id (sent SIGTERM to)", pattern: /SIGTERM to:(?: \d+)+/g, put: "SIGTERM to: <pid>" },
  {
    why: "process id (service NAME stop)",
    pattern: /Waiting for PIDS:(?: \d+)+/g,
    put: "Waiting for PIDS: <pid>",
  },
  { why: "temporary name", pattern: /(x|\.sysrc|sysrc|tmp)\.[A-Za-z0-9]{6,10}\b/g, put: "$1.<temp>" },
  { why: "round trip time", pattern: /time=[\d.]+ ms/g, put: "time=<ms>" },
  { why: "round trip times", pattern: /= [\d.]+\/[\d.]+\/[\d.]+\/[\d.]+ ms/g, put: "= <ms>" },
];

export const normalise = (text: string): string =>
  rules.reduce((out, { pattern, put }) => out.replace(pattern, put), text);

/**
 * Columns that count packets, bytes or sizes of datasets: only the outputs of these commands have them, so the
 * numbers of other commands stay exact.
 */
const counted: readonly {
  readonly why: string;
  readonly command: RegExp;
  readonly pattern: RegExp;
  readonly put: string;
}[] = [
  {
    why: "packet and byte counts",
    command: /ipfw .*(?:show|-[a-z]*a)/,
    pattern: /^(\d{5}) +\d+ +\d+ /gm,
    put: "$1 <n> <n> ",
  },
  {
    why: "packet counts",
    command: /pfctl .*-(?:v|s ?info|si)|service pf (?:one)?status/,
    pattern: / *\d+/g,
    put: " <n>",
  },
  { why: "packet counts", command: /netstat .*-[a-z]*[iIb]/, pattern: /\d+/g, put: "<n>" },
  { why: "process ids", command: /sockstat/, pattern: /^(\w+ +\w+) +\d+ /gm, put: "$1 <pid> " },
  {
    why: "sizes of datasets",
    command: /(?:zfs list|zpool list|df\b)/,
    pattern: /\b\d+(?:\.\d+)?[KMGT]?\b%?/g,
    put: "<size>",
  },
  {
    why: "widths that follow such sizes",
    command: /(?:zfs list|zpool list|df\b)/,
    pattern: / {2,}/g,
    put: " ",
  },
  { why: "sizes of modules' references", command: /kldstat$/, pattern: /0x[0-9a-f]{16}/g, put: "<address>" },
  { why: "messages of the boot", command: /dmesg/, pattern: /^\d+$/gm, put: "<n>" },
];

/** At boot zfs(8) mounts in parallel: which of two file systems `mount -p` lists first is a race. */
const sortZfs = (text: string): string =>
  text.replace(/(?:^.*\tzfs\t.*\n)+/gm, (block) =>
    block
      .split(/(?<=\n)/)
      .sort()
      .join(""),
  );

export const normaliseFor = (command: string, text: string): string =>
  counted.reduce(
    (out, rule) => (rule.command.test(command) ? out.replace(rule.pattern, rule.put) : out),
    sortZfs(normalise(text)),
  );

/** The output of /etc/rc in a jail whose root is mounted read-only is long and of no interest. */
export const isJailRcOutput = (text: string): boolean =>
  /cannot create \/var\/run\/clean_var: Read-only/.test(text);
