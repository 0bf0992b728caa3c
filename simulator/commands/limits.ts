import { type Commands, Errno, type Io } from "../command";
import { type RctlRule, resources } from "../kernel/limits";
import { jailOf, type Program, program } from "./network/program";

const units = "kmgtpe";

/** expand_number(3): `512M` to bytes. */
function expand(text: string): string {
  const [, digits, unit = ""] = /^(\d+)([kmgtpe]?)b?$/i.exec(text) ?? [];
  if (digits === undefined) return text;
  const power = units.indexOf(unit.toLowerCase()) + 1;
  return unit === "" ? digits : String(BigInt(digits) * 1024n ** BigInt(power));
}

/** humanize_number(3) as `rctl -h` uses it. */
function humanize(text: string): string {
  let value = Number(text);
  let unit = "";
  for (const next of units.toUpperCase()) {
    if (value < 1024 || !Number.isFinite(value)) break;
    value /= 1024;
    unit = next;
  }
  return unit === ""
    ? text
    : `${value < 10 && value % 1 !== 0 ? value.toFixed(1) : Math.round(value)}${unit}`;
}

/** `subject:id:resource:action=amount/per`, or as much of it as there is. */
function parse(text: string): RctlRule {
  const [subject = "", id = "", resource = "", rest = ""] = text.split(":");
  const [action = "", limit = ""] = rest.split("=");
  const [amount = "", per = ""] = limit.split("/");
  // `/jail` on a jail's rule is what it means anyway.
  return { subject, id, resource, action, amount: expand(amount), per: per === subject ? "" : per };
}

function format(rule: RctlRule, human: boolean): string {
  const amount = human ? humanize(rule.amount) : rule.amount;
  return `${rule.subject}:${rule.id}:${rule.resource}:${rule.action}=${amount}${rule.per === "" ? "" : `/${rule.per}`}`;
}

const subjects = ["process", "user", "loginclass", "jail"];

/** What rctl(8) checks before it asks the kernel. */
function check(self: Program, text: string): void {
  const [subject = "", id] = text.split(":");
  if (id === undefined) self.errx(1, `malformed rule '${text}': missing subject`);
  if (!subjects.some((known) => known.startsWith(subject)))
    self.errx(1, `malformed rule '${text}': unknown subject '${subject}'`);
}

/** rctl(8) */
const rctl = program("rctl", (self, args, io) => {
  const usage =
    "usage: rctl [ -h ] [-a rule | -l filter | -r filter | -u filter]\n       rctl [ -h ] [filter ...]\n";
  const { list, rest } = self.options(args, "ahlnru", usage);
  const has = (letter: string): boolean => list.some(([given]) => given === letter);
  const { limits, sysctl } = io.kernel;
  if (sysctl.get("kern.racct.enable") === "0")
    self.errx(1, "RACCT/RCTL present, but disabled; enable using kern.racct.enable=1 tunable");
  const verbs = ["a", "l", "r", "u"].filter(has);
  if (verbs.length > 1 || (rest.length === 0 && /[aru]/.test(verbs[0] ?? ""))) self.usage(usage);
  const allowed = io.who.uid === 0;
  for (const text of rest.length > 0 ? rest : ["::"]) {
    const rule = parse(text);
    if (verbs[0] === "a") {
      check(self, text);
      attempt(self, allowed, `failed to add rule '${text}'`, () => limits.add(rule));
    } else if (verbs[0] === "r") {
      attempt(self, allowed, `failed to remove rule '${text}'`, () => limits.remove(rule));
    } else if (verbs[0] === "u") {
      check(self, text);
      attempt(self, allowed, `failed to show resource consumption for '${text}'`, () =>
        self.print(usageOf(io, rule, has("h"))),
      );
    } else if (allowed) {
      for (const one of limits.match(rule)) self.print(`${format(one, has("h"))}\n`);
    } else {
      // Listing that is refused does not show in the exit status.
      self.warnx(`failed to show rules for '${text}': ${new Errno("EPERM").message}`);
    }
  }
});

function attempt(self: Program, allowed: boolean, what: string, call: () => void): void {
  self.attempt(
    () => {
      if (!allowed) throw new Errno("EPERM");
      call();
    },
    (error) => `${what}: ${error.message}`,
  );
}

/** What the processes of a jail take. Their sizes are made up; a jail without any takes nothing. */
function usageOf({ kernel }: Io, { subject, id }: RctlRule, human: boolean): string {
  const jid = kernel.jails.all.find((jail) => jail.name === id)?.jid;
  const processes =
    subject === "jail" ? kernel.processes.all.filter((process) => process.jid === jid).length : 0;
  const taken: Readonly<Record<string, number>> = {
    memoryuse: 2_800_000 * processes,
    vmemoryuse: 13_000_000 * processes,
    datasize: 600_000 * processes,
    stacksize: 135_168 * processes,
    maxproc: processes,
    nthr: processes,
    openfiles: 30 * processes,
  };
  return resources
    .map((name) => {
      const amount = String(taken[name] ?? 0);
      return `${name}=${human ? humanize(amount) : amount}\n`;
    })
    .join("");
}

/** `0`, `0,1`, `0-1`, `all`; undefined for what is no list of CPUs. */
function cpuList(text: string, all: readonly number[]): number[] | undefined {
  if (text === "all") return [...all];
  const cpus: number[] = [];
  for (const part of text.split(",")) {
    const [, from, to = from] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? [];
    if (from === undefined) return undefined;
    for (let cpu = Number(from); cpu <= Number(to); cpu++) cpus.push(cpu);
  }
  return cpus;
}

/** cpuset(1), of jails (-j); other subjects see the whole machine. */
const cpuset = program("cpuset", (self, args, io) => {
  const usage = `usage: cpuset [-l cpu-list] [-n policy:domain-list] [-s setid] cmd ...
       cpuset [-l cpu-list] [-n policy:domain-list] [-s setid] -p pid
       cpuset [-c] [-l cpu-list] [-n policy:domain-list] -C -p pid
       cpuset [-c] [-l cpu-list] [-n policy:domain-list]
              [-j jailid | -p pid | -t tid | -s setid | -x irq]
       cpuset -g [-cir]
              [-d domain | -j jailid | -p pid | -t tid | -s setid | -x irq]
`;
  const { list } = self.options(args, "Ccd:gij:l:n:p:rs:t:x:", usage);
  const value = (letter: string): string | undefined => list.find(([given]) => given === letter)?.[1];
  const { limits } = io.kernel;
  const key = value("j");
  let jid = -1;
  if (key !== undefined) {
    try {
      jid = jailOf(io, key).jid;
    } catch {
      self.errx(1, `jail "${key}" not found`);
    }
  }
  const subject = key === undefined ? `pid ${value("p") ?? "-1"}` : `jail ${jid}`;
  if (list.some(([letter]) => letter === "g")) {
    self.print(`${subject} mask: ${limits.mask(jid).join(", ")}\n`);
    self.print(`${subject} domain policy: first-touch mask: 0\n`);
    return;
  }
  const wanted = value("l");
  if (wanted === undefined) self.usage(usage);
  const cpus = cpuList(wanted ?? "", limits.cpus);
  if (!cpus) return self.errx(1, `invalid cpu-list`);
  self.attempt(
    () => {
      if (io.who.uid !== 0) throw new Errno("EPERM");
      limits.setMask(jid, cpus);
    },
    (error) => `setaffinity: ${error.message}`,
  );
});

/** rctl(8), cpuset(1) */
export const limits: Commands = { "/usr/bin/rctl": rctl, "/usr/bin/cpuset": cpuset };
