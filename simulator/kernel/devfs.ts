import { Errno } from "../command";
import { type Device, type DeviceType, devices, moduleDevices } from "./devices";
import type { DirectoryNode, Inode } from "./vfs";
import { deviceNode, directoryNode, MemFs, symlinkNode } from "./vfs";

/** One rule of a ruleset: conditions (`types`, `path`) and what is done to the nodes that meet them. */
export interface DeviceRule {
  /** 0 asks for the next free number. */
  number: number;
  readonly types: readonly DeviceType[];
  readonly path?: string;
  readonly hide?: boolean;
  readonly unhide?: boolean;
  readonly uid?: number;
  readonly gid?: number;
  readonly mode?: number;
  readonly include?: number;
}

interface Ruleset {
  readonly number: number;
  readonly rules: DeviceRule[];
  /** Includes and mounts that name it: while there are any, it exists even when empty. */
  references: number;
}

interface Entry {
  readonly path: string;
  readonly node: Inode;
  readonly type: DeviceType | undefined;
}

/** `vfs.devfs.rule_depth`: an included ruleset's own includes are not followed. */
const RULE_DEPTH = 1;
const MAX_NUMBER = 65535;

/** devfs(5): the device nodes, the rulesets, and the mounts that show the one through the other. */
export class Devfs {
  private readonly sets = new Map<number, Ruleset>();
  private readonly mounts = new Set<DevfsMount>();
  private readonly nodes: Device[] = [...devices];

  /** Numbers of the rulesets, ascending. */
  get rulesets(): number[] {
    return [...this.sets.keys()].sort((a, b) => a - b);
  }

  /** The rules of a set in their order; none if there is no such set. */
  rules(set: number): readonly DeviceRule[] {
    return this.sets.get(set)?.rules ?? [];
  }

  add(set: number, rule: DeviceRule): void {
    if (rule.number !== 0 && this.rule(set, rule.number)) throw new Errno("EEXIST");
    if (set === 0) throw new Errno("EIO");
    if (rule.include !== undefined && !this.sets.has(rule.include)) throw new Errno("ESRCH");
    const ruleset = this.make(set);
    const number = rule.number || (ruleset.rules.at(-1)?.number ?? 0) + 100;
    if (number > MAX_NUMBER) throw new Errno("ERANGE");
    const at = ruleset.rules.findIndex((r) => r.number > number);
    ruleset.rules.splice(at < 0 ? ruleset.rules.length : at, 0, { ...rule, number });
    if (rule.include !== undefined) this.reference(rule.include);
  }

  delete(set: number, number: number): void {
    const rule = this.rule(set, number);
    const ruleset = this.sets.get(set);
    if (!rule || !ruleset) throw new Errno("ENOENT");
    ruleset.rules.splice(ruleset.rules.indexOf(rule), 1);
    if (rule.include !== undefined) this.release(rule.include);
    this.reap(ruleset);
  }

  /** A new mount that shows what `set` leaves; 0 is no ruleset: everything. */
  mount(set: number, now: number): DevfsMount {
    const mount = new DevfsMount(this.nodes, now);
    this.mounts.add(mount);
    this.use(mount, set);
    if (set !== 0) this.applySet(mount, set);
    return mount;
  }

  unmount(mount: DevfsMount): void {
    this.use(mount, 0);
    this.mounts.delete(mount);
  }

  mountOf(fs: MemFs): DevfsMount | undefined {
    return [...this.mounts].find((m) => m.fs === fs);
  }

  /** Makes `set` the ruleset for nodes that come later; those already there stay as they are. */
  use(mount: DevfsMount, set: number): void {
    if (mount.ruleset !== 0) this.release(mount.ruleset);
    if (set !== 0) {
      this.make(set);
      this.reference(set);
    }
    mount.ruleset = set;
  }

  /** Applies one rule to every node of the mount. */
  apply(mount: DevfsMount, rule: DeviceRule): void {
    if (rule.include !== undefined && !this.sets.has(rule.include)) throw new Errno("ESRCH");
    for (const entry of mount.entries.values()) this.run(rule, mount, entry, RULE_DEPTH);
  }

  applyNumbered(mount: DevfsMount, set: number, number: number): void {
    const rule = this.rule(set, number);
    if (!rule) throw new Errno("ENOENT");
    this.apply(mount, rule);
  }

  applySet(mount: DevfsMount, set: number): void {
    const ruleset = this.sets.get(set);
    if (!ruleset) throw new Errno("ESRCH");
    for (const rule of ruleset.rules) this.apply(mount, rule);
  }

  /** A kernel module is there: its nodes appear in every mount whose ruleset lets them. */
  attach(module: string): void {
    for (const device of moduleDevices[module] ?? []) this.addDevice(device);
  }

  detach(module: string): void {
    for (const { path } of moduleDevices[module] ?? []) this.removeDevice(path);
  }

  private addDevice(device: Device): void {
    if (this.nodes.some((n) => n.path === device.path)) return;
    this.nodes.push(device);
    for (const mount of this.mounts) {
      const entry = mount.add(device);
      for (const rule of this.rules(mount.ruleset)) this.run(rule, mount, entry, RULE_DEPTH);
    }
  }

  private removeDevice(path: string): void {
    const at = this.nodes.findIndex((n) => n.path === path);
    if (at < 0) return;
    this.nodes.splice(at, 1);
    for (const mount of this.mounts) mount.remove(path);
  }

  private run(rule: DeviceRule, mount: DevfsMount, entry: Entry, depth: number): void {
    if (rule.types.length > 0 && !rule.types.some((t) => t === entry.type)) return;
    if (rule.path !== undefined && !fnmatch(rule.path, entry.path)) return;
    if (rule.hide) mount.hidden.add(entry.path);
    if (rule.unhide) mount.hidden.delete(entry.path);
    const { node } = entry;
    if (rule.uid !== undefined) node.uid = rule.uid;
    if (rule.gid !== undefined) node.gid = rule.gid;
    if (rule.mode !== undefined) node.mode = rule.mode;
    if (rule.include === undefined || depth === 0) return;
    for (const included of this.rules(rule.include)) this.run(included, mount, entry, depth - 1);
  }

  private rule(set: number, number: number): DeviceRule | undefined {
    return this.sets.get(set)?.rules.find((r) => r.number === number);
  }

  private make(number: number): Ruleset {
    const ruleset = this.sets.get(number) ?? { number, rules: [], references: 0 };
    this.sets.set(number, ruleset);
    return ruleset;
  }

  private reference(number: number): void {
    const ruleset = this.sets.get(number);
    if (ruleset) ruleset.references++;
  }

  private release(number: number): void {
    const ruleset = this.sets.get(number);
    if (!ruleset) return;
    ruleset.references--;
    this.reap(ruleset);
  }

  private reap(ruleset: Ruleset): void {
    if (ruleset.rules.length === 0 && ruleset.references === 0) this.sets.delete(ruleset.number);
  }
}

/** One mounted devfs. Its nodes are its own: rules change owners and modes per mount. */
export class DevfsMount {
  readonly fs = new MemFs({ kind: "devfs" });
  readonly entries = new Map<string, Entry>();
  readonly hidden = new Set<string>();
  ruleset = 0;

  constructor(
    nodes: readonly Device[],
    private readonly mountedAt: number,
  ) {
    Object.assign(this.fs.root, { mode: 0o555, mtime: mountedAt });
    for (const device of nodes) this.add(device);
  }

  readonly visible = (path: string): boolean => !this.hidden.has(path);

  add(device: Device): Entry {
    const names = device.path.split("/");
    const name = names.pop() ?? "";
    const directory = this.directory(names);
    const attributes = { mode: device.mode, gid: device.gid, mtime: this.mountedAt };
    const node =
      device.target === undefined ? deviceNode(name, attributes) : symlinkNode(device.target, attributes);
    directory.entries.set(name, node);
    const entry: Entry = { path: device.path, node, type: device.type };
    this.entries.set(device.path, entry);
    return entry;
  }

  remove(path: string): void {
    const names = path.split("/");
    const name = names.pop() ?? "";
    this.directory(names).entries.delete(name);
    this.entries.delete(path);
    this.hidden.delete(path);
  }

  private directory(names: readonly string[]): DirectoryNode {
    let here = this.fs.root;
    for (const [depth, name] of names.entries()) {
      let next = here.entries.get(name);
      if (next?.type !== "directory") {
        next = directoryNode({ mode: 0o555, mtime: this.mountedAt });
        here.entries.set(name, next);
        here.links++;
        const path = names.slice(0, depth + 1).join("/");
        this.entries.set(path, { path, node: next, type: undefined });
      }
      here = next;
    }
    return here;
  }
}

const patterns = new Map<string, RegExp>();

/** fnmatch(3) with FNM_PATHNAME: `*` and `?` stop at a slash. */
export function fnmatch(pattern: string, path: string): boolean {
  const known = patterns.get(pattern);
  if (known) return known.test(path);
  const made = compile(pattern);
  if (patterns.size > 1000) patterns.clear();
  patterns.set(pattern, made);
  return made.test(path);
}

function compile(pattern: string): RegExp {
  let source = "";
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern.charAt(i);
    const close = c === "[" ? pattern.indexOf("]", i + 2) : -1;
    if (c === "*") source += "[^/]*";
    else if (c === "?") source += "[^/]";
    else if (close > 0) {
      source += `[${pattern
        .slice(i + 1, close)
        .replace(/^!/, "^")
        .replace(/\\/g, "\\\\")}]`;
      i = close;
    } else
      source += (c === "\\" && i + 1 < pattern.length ? pattern.charAt(++i) : c).replace(/[^\w]/g, "\\$&");
  }
  return new RegExp(`^${source}$`);
}
