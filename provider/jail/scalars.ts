import { show, text } from "../scalars";

/** What rctl(8) counts. */
export const LIMITED_RESOURCES = [
  "cputime",
  "datasize",
  "stacksize",
  "coredumpsize",
  "memoryuse",
  "memorylocked",
  "maxproc",
  "openfiles",
  "vmemoryuse",
  "pseudoterminals",
  "swapuse",
  "nthr",
  "msgqqueued",
  "msgqsize",
  "nmsgq",
  "nsem",
  "nsemop",
  "nshm",
  "shmsize",
  "wallclock",
  "pcpu",
  "readbps",
  "writebps",
  "readiops",
  "writeiops",
] as const;

export const LIMIT_ACTIONS = [
  "deny",
  "log",
  "devctl",
  "throttle",
  "sighup",
  "sigint",
  "sigterm",
  "sigkill",
  "sigxcpu",
  "sigusr1",
  "sigusr2",
] as const;

/** Resources that are measured after the fact: an allocation cannot be refused. See rctl(8). */
export const NOT_DENIABLE: readonly string[] = [
  "cputime",
  "wallclock",
  "readbps",
  "writebps",
  "readiops",
  "writeiops",
];

export const THROTTLED: readonly string[] = ["readbps", "writebps", "readiops", "writeiops"];

export const limitAmount = text(
  (v) => /^\d{1,15}[kmgtpe]?$/i.test(v),
  (v) => `${show(v)} is not an amount: digits and perhaps one of k m g t p e, such as "512m"`,
);

/** `512M` in bytes, as rctl(8) counts: powers of 1024. */
export function amountOf(amount: string | number): string {
  const [, digits, unit] = /^(\d+)([kmgtpe]?)$/i.exec(String(amount)) as unknown as [string, string, string];
  const power = unit === "" ? 0 : "kmgtpe".indexOf(unit.toLowerCase()) + 1;
  return String(BigInt(digits) * 1024n ** BigInt(power));
}

/** An option of fstab(5): commas separate them, blanks end them. */
export const mountOption = text(
  (v) => /^[A-Za-z0-9_.=:/@-]+$/.test(v),
  (v) => `${show(v)} is not one mount option, such as "ro" or "size=64m"`,
);

/** The processors of a list, in their order; undefined for what is none. */
export function cpusOf(list: string): number[] | undefined {
  const cpus = new Set<number>();
  for (const part of list.split(",")) {
    const [, from, to = from] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part) ?? [];
    if (from === undefined || Number(to) < Number(from)) return undefined;
    for (let cpu = Number(from); cpu <= Number(to); cpu++) cpus.add(cpu);
  }
  return [...cpus].sort((a, b) => a - b);
}

export const cpuList = text(
  (v) => cpusOf(v) !== undefined,
  (v) => `${show(v)} is not a list of processors: numbers and ranges between commas, such as "0,2-3"`,
);

export const parameterName = text(
  (v) => /^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$/.test(v),
  (v) => `${show(v)} is not the name of a parameter of jail(8), such as "exec.consolelog"`,
);

/** A string that jail.conf(5) can hold. */
export const parameterText = text(
  (v) => !/[\x00-\x1f\x7f\\]/.test(v) && !(v.includes("'") && /["$]/.test(v)) && v.length <= 4096,
  (v) =>
    `${show(v)} cannot be written in jail.conf(5): no control characters, no "\\", and not both ' and one of " $`,
);
