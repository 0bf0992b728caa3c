import type { Credentials } from "../command";
import { Errno } from "../command";
import type { Kernel } from ".";
import { nodes, type Oid, oids, type Seen } from "./oids";

const byName = new Map(oids.map((oid) => [oid.name, oid]));

/** sysctl(8): values, which of them are read only, which exist only with a module loaded. */
export class Sysctl {
  hostname = "";
  private readonly values = new Map<string, string>();

  constructor(readonly kernel: Kernel) {}

  /** The value that `name` names, if it is there now. */
  find(name: string): Oid | undefined {
    const oid = byName.get(name);
    return oid && this.exists(oid) ? oid : undefined;
  }

  /** All values under the node `name` (all there are for ""), in the kernel's order. */
  under(name: string): Oid[] {
    const prefix = name === "" ? "" : `${name}.`;
    return oids.filter((oid) => oid.name.startsWith(prefix) && this.exists(oid));
  }

  isNode(name: string): boolean {
    if (Object.hasOwn(nodes, name)) return this.under(name).length > 0 || this.moduleNode(name);
    return this.under(name).length > 0;
  }

  /** Undefined for an oid that does not exist. Without `who`: the host's. */
  get(name: string, who?: Pick<Credentials, "jail" | "vnet">): string | undefined {
    const oid = this.find(name);
    if (!oid) return undefined;
    const seen = this.seen(who);
    const set = (oid.vnet ? seen.vnet.sysctl : this.values).get(name);
    if (set !== undefined) return set;
    const tuned =
      oid.access === "ro" || typeof oid.value === "function" ? undefined : this.kernel.environment.get(name);
    return tuned ?? (typeof oid.value === "function" ? oid.value(seen) : oid.value);
  }

  /**
   * Writes without asking for rights: `who` says whose network stack.
   * @throws Errno ENOENT for an oid that does not exist, EPERM for one that is read only.
   */
  set(name: string, value: string, who?: Pick<Credentials, "jail" | "vnet">): void {
    const oid = this.find(name);
    if (!oid) throw new Errno("ENOENT");
    if (oid.access !== "rw") throw new Errno("EPERM");
    const seen = this.seen(who);
    if (oid.set) oid.set(value, seen);
    else (oid.vnet ? seen.vnet.sysctl : this.values).set(name, value);
  }

  /** A module goes, and what was set of its oids with it. */
  detach(module: string): void {
    for (const { name } of oids.filter((oid) => oid.module === module)) {
      this.values.delete(name);
      for (const vnet of this.kernel.network.vnets) vnet.sysctl.delete(name);
    }
  }

  /** What was set, of the host: `{ "net.inet.ip.forwarding": "1" }`. A jail's stack is in the network's snapshot. */
  snapshot(): Record<string, string> {
    return Object.fromEntries([
      ["kern.hostname", this.hostname],
      ...[...this.values, ...this.kernel.network.host.sysctl].sort(([a], [b]) => (a < b ? -1 : 1)),
    ]);
  }

  private seen(who: Pick<Credentials, "jail" | "vnet"> | undefined): Seen {
    return { kernel: this.kernel, vnet: who?.vnet ?? this.kernel.network.host, jail: who?.jail };
  }

  private exists({ module, since }: Oid): boolean {
    if (since > this.kernel.release.osreldate) return false;
    return module === undefined || this.kernel.modules.has(module);
  }

  /** Nodes that a module brings without values of its own. */
  private moduleNode(name: string): boolean {
    return name === "net.link.epair" && this.kernel.modules.has("if_epair");
  }
}
