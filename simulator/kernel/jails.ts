import { isIPv4, isIPv6 } from "node:net";
import type { Kernel } from ".";
import { type JailParameter, jailParameters, withoutNo } from "./jailparams";
import type { Interface, Vnet } from "./network";

/** What jail_set(2), jail_get(2) or libjail say in `jail_errmsg`. */
export class JailError extends Error {}

export class Jail {
  /** Its own network stack; undefined when it shares its parent's. */
  vnet: Vnet | undefined;
  /** Removed, but held by something that lingers (TCP connections) until this moment on the host's clock. */
  dyingUntil: number | undefined;
  /** TCP connections made to or from it hold it until then (TIME_WAIT), see `Jails.linger`. */
  heldUntil = 0;

  constructor(
    readonly jid: number,
    readonly parent: Jail | undefined,
    /** Kernel parameters by name; `jls -n` shows them. */
    readonly parameters: Map<string, string | boolean>,
  ) {}

  /** As the host sees it: a child of `j` is `j.child`. */
  get name(): string {
    return String(this.parameters.get("name"));
  }
  /** Absolute path on the host. */
  get path(): string {
    return String(this.parameters.get("path"));
  }
  get hostname(): string {
    return String(this.parameters.get("host.hostname"));
  }
  set hostname(value: string) {
    this.parameters.set("host.hostname", value);
  }
  get persist(): boolean {
    return this.parameters.get("persist") === true;
  }
  set persist(value: boolean) {
    this.parameters.set("persist", value);
  }
  get dying(): boolean {
    return this.dyingUntil !== undefined;
  }
}

/** What a caller of jail_set(2) hands over: names with or without `no`, values as text. */
export type JailSettings = readonly (readonly [name: string, value: string | undefined])[];

export interface JailSnapshot {
  jid: number;
  name: string;
  path: string;
  parent: number;
  dying: boolean;
  interfaces: string[];
  parameters: Record<string, string | boolean>;
}

/** TIME_WAIT lasts twice the maximum segment lifetime. */
const timeWait = 60_000;

export class Jails {
  private jails: Jail[] = [];
  private lastJid = 0;
  private lastCpuset = 2;

  constructor(readonly kernel: Kernel) {}

  /** Running and dying, by jid. */
  get all(): readonly Jail[] {
    this.settle();
    return this.jails;
  }

  get running(): Jail[] {
    return this.all.filter((jail) => !jail.dying);
  }

  /** By jid or name; a number is taken for a jid. */
  find(nameOrJid: string | number, options: { dying?: boolean } = {}): Jail | undefined {
    const key = String(nameOrJid);
    const among = options.dying ? this.all : this.running;
    // While one is dying, a new jail may have its name.
    const ordered = [...among].sort((a, b) => Number(a.dying) - Number(b.dying));
    return /^[1-9]\d*$/.test(key)
      ? ordered.find((jail) => jail.jid === Number(key))
      : ordered.find((jail) => jail.name === key);
  }

  /** As jail_getid(3). @throws JailError `jail "x" not found`, `jail "x" is dying` */
  get(nameOrJid: string, options: { dying?: boolean } = {}): Jail {
    const jail = this.find(nameOrJid, { dying: true });
    const shown = /^[1-9]\d*$/.test(nameOrJid) ? `jail ${nameOrJid}` : `jail "${nameOrJid}"`;
    if (!jail) throw new JailError(`${shown} not found`);
    if (jail.dying && !options.dying) throw new JailError(`${shown} is dying`);
    return jail;
  }

  parameters(): JailParameter[] {
    return jailParameters(this.kernel.release, (module) => this.kernel.modules.has(module));
  }

  /** Finds a parameter by its name or its `no` form. @throws JailError `unknown parameter: x` */
  parameter(name: string): { parameter: JailParameter; negated: boolean } {
    const known = this.parameters();
    const plain = known.find((parameter) => parameter.name === name);
    if (plain) return { parameter: plain, negated: false };
    const without = withoutNo(name);
    const negated = known.find((parameter) => parameter.name === without);
    if (negated && (negated.type === "bool" || negated.type === "jailsys"))
      return { parameter: negated, negated: true };
    throw new JailError(`unknown parameter: ${name}`);
  }

  /** jailparam_import(3): text to value. @throws JailError when it does not fit the parameter's type */
  import(name: string, value: string | undefined): [string, string | boolean] {
    const { parameter, negated } = this.parameter(name);
    switch (parameter.type) {
      case "bool": {
        const set = booleanValue(name, value);
        return [parameter.name, set !== negated];
      }
      case "jailsys": {
        if (negated) return [parameter.name, "disable"];
        if (value === undefined) return [parameter.name, "new"];
        const states = ["disable", "new", "inherit"];
        const state = states.includes(value) ? value : states[Number(value)];
        if (state === undefined) throw new JailError(`${name}: unknown value "${value}"`);
        return [parameter.name, state];
      }
      case "int":
        if (value === undefined) return [parameter.name, "1"];
        if (!/^-?\d+$/.test(value)) throw new JailError(`${name}: non-integer value "${value}"`);
        return [parameter.name, String(Number(value))];
      case "string":
        return [parameter.name, value ?? ""];
      default: {
        const isAddress = parameter.type === "ip4" ? isIPv4 : isIPv6;
        for (const address of (value ?? "").split(",").filter((word) => word !== ""))
          if (!isAddress(address))
            throw new JailError(
              `${name}: not an ${parameter.type === "ip4" ? "IPv4" : "IPv6"} address: ${address}`,
            );
        return [parameter.name, value ?? ""];
      }
    }
  }

  /** jail_set(JAIL_CREATE). `attach`: the caller enters it at once, so `persist` is not needed. */
  create(settings: JailSettings, options: { attach?: boolean; parent?: Jail | undefined } = {}): Jail {
    const given = new Map(settings.map(([name, value]) => this.import(name, value)));
    if (given.get("persist") !== true && !options.attach)
      throw new JailError("new jail must persist or attach");
    const { jid, name, parent } = this.nameAndJid(given, options.parent);
    if (parent && this.childrenOf(parent) >= Number(parent.parameters.get("children.max")))
      throw new JailError("jail_set: Operation not permitted");
    const vnet = given.get("vnet") === "new";
    this.checkValues(given, vnet, parent);

    const values = new Map<string, string | boolean>();
    for (const parameter of this.parameters()) values.set(parameter.name, parameter.default);
    const family = (ip: "ip4" | "ip6"): string =>
      vnet ? "inherit" : given.has(`${ip}.addr`) ? "new" : String(given.get(ip) ?? "disable");
    for (const [key, value] of given) values.set(key, value);
    values.set("ip4", family("ip4"));
    values.set("ip6", family("ip6"));
    values.set("jid", String(jid));
    values.set("name", name);
    values.set("parent", String(parent?.jid ?? 0));
    values.set("cpuset.id", String(++this.lastCpuset));
    // The caller's root, not the parent's, is what its path begins at.
    const path = String(given.get("path") ?? "/");
    values.set("path", trimSlash(options.parent ? `${trimSlash(options.parent.path)}${path}` : path));

    const jail = new Jail(jid, parent, values);
    if (vnet) jail.vnet = this.kernel.network.createVnet(jail);
    this.jails.push(jail);
    this.jails.sort((a, b) => a.jid - b.jid);
    return jail;
  }

  /** jail_set(JAIL_UPDATE). */
  update(jail: Jail, settings: JailSettings): void {
    const given = new Map(settings.map(([name, value]) => this.import(name, value)));
    for (const fixed of ["vnet", "path", "jid", "osrelease", "osreldate"]) {
      const wanted = given.get(fixed);
      if (wanted !== undefined && wanted !== jail.parameters.get(fixed))
        throw new JailError(`${fixed} cannot be changed after creation`);
    }
    this.checkValues(given, jail.vnet !== undefined, jail.parent);
    const name = given.get("name");
    if (name !== undefined && this.running.some((other) => other !== jail && other.name === name))
      throw new JailError(`jail "${name}" already exists`);
    for (const ip of ["ip4", "ip6"]) if (given.has(`${ip}.addr`)) jail.parameters.set(ip, "new");
    for (const [key, value] of given) jail.parameters.set(key, value);
    this.reap(jail);
  }

  /** jail_remove(2): ends its processes and children; what it holds may keep it dying. */
  remove(jail: Jail): void {
    for (const child of this.jails.filter((other) => other.parent === jail)) this.remove(child);
    for (const process of [...this.kernel.processes.all])
      if (process.jid === jail.jid) this.kernel.processes.end(process.pid);
    if (jail.dying) return;
    jail.persist = false;
    if (jail.heldUntil <= this.kernel.clock.now()) {
      this.end(jail);
      return;
    }
    jail.dyingUntil = jail.heldUntil;
    void this.kernel.clock.until(jail.heldUntil).then(() => this.settle());
  }

  /** A jail without `persist` ends with its last process. */
  reap(jail: Jail): void {
    if (jail.persist || jail.dying) return;
    const busy =
      this.kernel.processes.all.some((process) => process.jid === jail.jid) ||
      this.jails.some((other) => other.parent === jail);
    if (!busy) this.remove(jail);
  }

  /** A TCP connection to or from `jail` was closed: removing the jail within a minute leaves it dying. */
  linger(jail: Jail): void {
    jail.heldUntil = Math.max(jail.heldUntil, this.kernel.clock.now() + timeWait);
  }

  /** Lets what has died go: its interfaces return home. */
  settle(): void {
    if (!this.jails.some((jail) => jail.dyingUntil !== undefined)) return;
    const now = this.kernel.clock.now();
    for (const jail of [...this.jails])
      if (jail.dyingUntil !== undefined && jail.dyingUntil <= now) this.end(jail);
  }

  attachedInterfaces(jail: Jail): readonly Interface[] {
    return jail.vnet?.interfaces ?? [];
  }

  /** Values as jls(8) shows them, computed ones included. */
  value(jail: Jail, name: string): string | boolean {
    if (name === "dying") return jail.dying;
    if (name === "children.cur") return String(this.childrenOf(jail));
    return jail.parameters.get(name) ?? this.parameter(name).parameter.default;
  }

  snapshot(): JailSnapshot[] {
    return this.all.map((jail) => ({
      jid: jail.jid,
      name: jail.name,
      path: jail.path,
      parent: jail.parent?.jid ?? 0,
      dying: jail.dying,
      interfaces: this.attachedInterfaces(jail).map((each) => each.name),
      parameters: Object.fromEntries(jail.parameters),
    }));
  }

  private end(jail: Jail): void {
    if (!this.jails.includes(jail)) return;
    this.jails = this.jails.filter((other) => other !== jail);
    this.kernel.limits.forget(jail.jid);
    if (jail.vnet) this.kernel.network.destroyVnet(jail.vnet);
  }

  private childrenOf(jail: Jail): number {
    return this.jails.filter((other) => other.parent === jail && !other.dying).length;
  }

  private nameAndJid(given: Map<string, string | boolean>, caller: Jail | undefined) {
    const prefix = caller ? `${caller.name}.` : "";
    let name = given.has("name") ? prefix + String(given.get("name")) : undefined;
    let parent = caller;
    const dot = name?.lastIndexOf(".") ?? -1;
    if (name !== undefined && dot >= 0) {
      const above = name.slice(0, dot);
      parent = this.find(above);
      if (!parent || parent.name !== above) throw new JailError(`jail "${above}" not found`);
    }
    const last = name?.slice(dot + 1);
    if (last === "") throw new JailError("jail_set: Invalid argument");
    let jid = Number(given.get("jid") ?? 0);
    if (jid === 0 && last !== undefined && /^\d+$/.test(last)) jid = Number(last);
    else if (last !== undefined && /^\d+$/.test(last) && Number(last) !== jid)
      throw new JailError("name cannot be numeric (unless it is the jid)");
    if (jid === 0) jid = this.nextJid();
    else if (jid < 0) throw new JailError("jail_set: Invalid argument");
    else if (this.all.some((jail) => jail.jid === jid)) throw new JailError(`jail ${jid} already exists`);
    name ??= prefix + String(jid);
    if (Buffer.byteLength(name) > 255) throw new JailError("jail_set: File name too long");
    if (this.running.some((jail) => jail.name === name)) throw new JailError(`jail "${name}" already exists`);
    return { jid, name, parent };
  }

  private nextJid(): number {
    do this.lastJid++;
    while (this.all.some((jail) => jail.jid === this.lastJid));
    return this.lastJid;
  }

  private checkValues(given: Map<string, string | boolean>, vnet: boolean, parent: Jail | undefined): void {
    const restrictsIp = ["ip4", "ip6"].some(
      (ip) => given.has(`${ip}.addr`) || given.get(ip) === "new" || given.get(ip) === "disable",
    );
    if (vnet && restrictsIp) throw new JailError("vnet jails cannot have IP address restrictions");
    const between = (name: string, low: number, high: number): void => {
      const value = given.get(name);
      if (value !== undefined && (Number(value) < low || Number(value) > high))
        throw new JailError("jail_set: Invalid argument");
    };
    between("enforce_statfs", 0, 2);
    between("devfs_ruleset", 0, 65535);
    between("children.max", 0, Number.MAX_SAFE_INTEGER);
    if (String(given.get("host.hostname") ?? "").length > 255)
      throw new JailError("jail_set: File name too long");
    if (parent)
      for (const [name, value] of given)
        if (name.startsWith("allow.") && value === true && parent.parameters.get(name) !== true)
          throw new JailError("jail_set: Operation not permitted");
  }
}

function booleanValue(name: string, value: string | undefined): boolean {
  if (value === undefined) return true;
  const word = value.toLowerCase();
  if (word === "true" || word === "false") return word === "true";
  if (!/^-?\d+$/.test(value)) throw new JailError(`${name}: unknown boolean value "${value}"`);
  return Number(value) !== 0;
}

function trimSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, "") || "/" : path;
}
