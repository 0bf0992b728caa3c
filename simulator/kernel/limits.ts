import { Errno } from "../command";
import type { Kernel } from ".";

/** Resources of rctl(8), in the order of `rctl -u`. */
export const resources = [
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

/** rctl(8)'s `subject:id:resource:action=amount/per`; in a filter, parts may be missing. */
export interface RctlRule {
  subject: string;
  id: string;
  resource: string;
  action: string;
  amount: string;
  per: string;
}

const actions = ["deny", "log", "devctl", "throttle"];

/** rctl(8) rules and cpuset(1) masks. */
export class Limits {
  /** Newest first, as rctl(8) lists them. */
  readonly rules: RctlRule[] = [];
  readonly cpus = [0, 1];
  /** jid to CPUs, where they are not all of them. */
  private readonly masks = new Map<number, readonly number[]>();

  constructor(readonly kernel: Kernel) {}

  /** @throws Errno EINVAL for a rule the kernel does not take. */
  add(rule: RctlRule): void {
    const signal = /^sig[a-z]+\d?$/.test(rule.action);
    if (!resources.some((name) => name === rule.resource)) throw new Errno("EINVAL");
    if (!actions.includes(rule.action) && !signal) throw new Errno("EINVAL");
    if (rule.amount === "" || !/^\d+$/.test(rule.amount)) throw new Errno("EINVAL");
    if (this.match(rule).some((old) => old.amount === rule.amount)) throw new Errno("EEXIST");
    this.rules.unshift(rule);
  }

  /** @throws Errno ESRCH when nothing matches. */
  remove(filter: RctlRule): void {
    const gone = this.match(filter);
    if (gone.length === 0) throw new Errno("ESRCH");
    for (const rule of gone) this.rules.splice(this.rules.indexOf(rule), 1);
  }

  match(filter: RctlRule): RctlRule[] {
    const parts = ["subject", "id", "resource", "action", "amount", "per"] as const;
    return this.rules.filter((rule) =>
      parts.every((part) => filter[part] === "" || filter[part] === rule[part]),
    );
  }

  mask(jid: number): readonly number[] {
    return this.masks.get(jid) ?? this.cpus;
  }

  /** @throws Errno EINVAL for a CPU that is not there. */
  setMask(jid: number, mask: readonly number[]): void {
    const present = mask.filter((cpu) => this.cpus.includes(cpu));
    if (present.length === 0) throw new Errno("EINVAL");
    this.masks.set(jid, present);
  }

  /** A jail's set of CPUs ends with it; its rctl(8) rules do not. */
  forget(jid: number): void {
    this.masks.delete(jid);
  }

  snapshot(): { rules: RctlRule[]; masks: Record<number, readonly number[]> } {
    return { rules: this.rules.map((rule) => ({ ...rule })), masks: Object.fromEntries(this.masks) };
  }
}
