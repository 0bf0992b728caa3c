import { randomBytes } from "node:crypto";
import { MemFs } from "../vfs";
import { isBelow, parentName } from "./names";
import { isUserProperty, propertyNamed, UNLIMITED } from "./properties";

/** What a dataset and a snapshot have in common. */
interface Node {
  name: string;
  readonly guid: string;
  /** Transaction group of its creation: the order among snapshots. */
  readonly txg: number;
  /** Milliseconds since the epoch. */
  readonly created: number;
  /** Properties set on it, by name; numbers in bytes. */
  readonly local: Map<string, string>;
  /** Bytes it holds beyond the simulated files: a whole FreeBSD of which only some files exist. */
  prefilled: number;
}

export interface CreateOptions {
  readonly local?: ReadonlyMap<string, string>;
  readonly type?: Filesystem["type"];
  readonly prefilled?: number;
}

export interface Filesystem extends Node {
  readonly type: "filesystem" | "volume";
  readonly fs: MemFs;
  /** The snapshot that it is a clone of. */
  origin: Snapshot | undefined;
  /** Oldest first. */
  snapshots: Snapshot[];
}

/** A frozen tree. */
export interface Snapshot extends Node {
  readonly type: "snapshot";
  readonly fs: MemFs;
  of: Filesystem;
  /** Tags of `zfs hold`. */
  readonly holds: Set<string>;
}

export type Dataset = Filesystem | Snapshot;

export interface Value {
  /** Undefined: it has none ("-"). */
  readonly value: string | undefined;
  readonly source: Source;
}

export type Source = "local" | "default" | "none" | { readonly inheritedFrom: string };

/** Empty dataset, and what the pool itself takes: as the recorded host has them. */
const EMPTY = 24576;
const POOL_OVERHEAD = 182784;
const POOL_SIZE = 4026531840;
const SLOP = 134217728;

/** A ZFS pool on the host's disk: it outlives the running system. What is mounted where is the kernel's. */
export class Pool {
  readonly guid = guid();
  readonly size = POOL_SIZE;
  private txg = 4;
  private readonly filesystems = new Map<string, Filesystem>();
  /** `all`, until a name comes, goes or changes. */
  private sorted: readonly Filesystem[] | undefined;

  constructor(
    readonly name: string,
    now: number,
  ) {
    this.create(name, now, { local: new Map([["atime", "off"]]) });
  }

  /** Every file system and volume, by name. */
  get all(): readonly Filesystem[] {
    this.sorted ??= [...this.filesystems.values()].sort((a, b) => compare(a.name, b.name));
    return this.sorted;
  }

  get root(): Filesystem {
    return this.filesystems.get(this.name)!;
  }

  find(name: string): Dataset | undefined {
    const at = name.indexOf("@");
    if (at < 0) return this.filesystems.get(name);
    return this.filesystems.get(name.slice(0, at))?.snapshots.find((s) => s.name === name);
  }

  filesystem(name: string): Filesystem | undefined {
    return this.filesystems.get(name);
  }

  children(of: Filesystem): Filesystem[] {
    return this.all.filter((f) => parentName(f.name) === of.name);
  }

  descendants(of: Filesystem): Filesystem[] {
    return this.all.filter((f) => isBelow(f.name, of.name));
  }

  parent(of: Filesystem): Filesystem | undefined {
    const name = parentName(of.name);
    return name === undefined ? undefined : this.filesystems.get(name);
  }

  clones(of: Snapshot): Filesystem[] {
    return this.all.filter((f) => f.origin === of);
  }

  /**
   * All that would have to go with it: children, snapshots and clones, each after what depends on it.
   * `seen` guards against clones inside the tree that is walked.
   */
  dependents(of: Dataset, seen: Set<Dataset> = new Set([of])): Dataset[] {
    const below = of.type === "snapshot" ? this.clones(of) : [...this.children(of), ...of.snapshots];
    const found: Dataset[] = [];
    for (const dataset of below) {
      if (seen.has(dataset)) continue;
      seen.add(dataset);
      found.push(...this.dependents(dataset, seen), dataset);
    }
    return found;
  }

  create(name: string, now: number, options: CreateOptions = {}): Filesystem {
    const fs = new MemFs({ kind: "zfs" });
    fs.root.mtime = now;
    return this.add(name, now, fs, options);
  }

  snapshot(
    of: Filesystem,
    name: string,
    now: number,
    local: ReadonlyMap<string, string> = new Map(),
  ): Snapshot {
    const snapshot: Snapshot = {
      ...this.node(`${of.name}@${name}`, now, { local, prefilled: of.prefilled }),
      type: "snapshot",
      fs: of.fs.copy({ readonly: true }),
      of,
      holds: new Set(),
    };
    of.snapshots.push(snapshot);
    return snapshot;
  }

  clone(
    from: Snapshot,
    name: string,
    now: number,
    local: ReadonlyMap<string, string> = new Map(),
  ): Filesystem {
    const { prefilled, of } = from;
    const made = this.add(name, now, from.fs.copy({ readonly: false }), { local, prefilled, type: of.type });
    made.origin = from;
    return made;
  }

  /** The clone takes over its origin, and all older snapshots, from the file system that it was cloned from. */
  promote(clone: Filesystem): void {
    const { origin } = clone;
    if (!origin) return;
    const former = origin.of;
    const moving = former.snapshots.filter((s) => s.txg <= origin.txg);
    former.snapshots = former.snapshots.filter((s) => s.txg > origin.txg);
    for (const snapshot of moving) {
      snapshot.of = clone;
      snapshot.name = `${clone.name}@${snapshotPart(snapshot.name)}`;
    }
    clone.snapshots.unshift(...moving);
    clone.origin = former.origin;
    former.origin = origin;
  }

  rename(dataset: Dataset, to: string): void {
    if (dataset.type === "snapshot") {
      dataset.name = to;
      return;
    }
    const from = dataset.name;
    const moving = [dataset, ...this.descendants(dataset)];
    this.sorted = undefined;
    for (const moved of moving) {
      this.filesystems.delete(moved.name);
      moved.name = to + moved.name.slice(from.length);
      for (const snapshot of moved.snapshots) snapshot.name = `${moved.name}@${snapshotPart(snapshot.name)}`;
      this.filesystems.set(moved.name, moved);
    }
  }

  rollback(to: Snapshot): void {
    const { fs } = to.of;
    const copy = to.fs.copy();
    fs.resize(fs.usedBytes, copy.usedBytes);
    const { root } = copy;
    Object.assign(fs.root, {
      mode: root.mode,
      uid: root.uid,
      gid: root.gid,
      mtime: root.mtime,
      links: root.links,
    });
    fs.root.entries.clear();
    for (const [name, node] of root.entries) fs.root.entries.set(name, node);
  }

  /** It must have no dependents. */
  destroy(dataset: Dataset): void {
    if (dataset.type === "snapshot") dataset.of.snapshots = dataset.of.snapshots.filter((s) => s !== dataset);
    else {
      this.filesystems.delete(dataset.name);
      this.sorted = undefined;
    }
  }

  // Properties

  get(dataset: Dataset, name: string): Value {
    const property = propertyNamed(name);
    if (!property) return isUserProperty(name) ? this.inherited(dataset, name, undefined) : NONE;
    if (name === "mountpoint") return dataset.type === "filesystem" ? this.mountpoint(dataset) : NONE;
    if (!property.types.includes(dataset.type)) return NONE;
    switch (property.edit) {
      case "readonly":
        return {
          value: this.statistic(dataset, property.name) ?? (property.initial || undefined),
          source: "none",
        };
      case "inherit":
        return this.inherited(dataset, property.name, property.initial);
      case "default":
      case "onetime": {
        const own = dataset.local.get(property.name);
        if (own !== undefined) return { value: own, source: property.edit === "onetime" ? "none" : "local" };
        const source = property.edit === "onetime" && property.name !== "keyformat" ? "none" : "default";
        return { value: property.initial, source };
      }
    }
  }

  /** Just the value, "" if it has none. */
  value(dataset: Dataset, name: string): string {
    return this.get(dataset, name).value ?? "";
  }

  private inherited(dataset: Dataset, name: string, initial: string | undefined): Value {
    let here: Dataset | undefined = dataset;
    while (here) {
      const value = here.local.get(name);
      if (value !== undefined)
        return { value, source: here === dataset ? "local" : { inheritedFrom: here.name } };
      here = here.type === "snapshot" ? here.of : this.parent(here);
    }
    return initial === undefined ? NONE : { value: initial, source: "default" };
  }

  /** A child's mountpoint continues its parent's. */
  private mountpoint(dataset: Filesystem): Value {
    const { value, source } = this.inherited(dataset, "mountpoint", "/");
    if (source === "local" || value === "none" || value === "legacy") return { value, source };
    if (typeof source === "object")
      return { value: join(value ?? "/", dataset.name.slice(source.inheritedFrom.length + 1)), source };
    return { value: join("/", dataset.name), source };
  }

  private statistic(dataset: Dataset, name: string): string | undefined {
    switch (name) {
      case "name":
        return dataset.name;
      case "type":
        return dataset.type;
      case "creation":
        return String(Math.floor(dataset.created / 1000));
      case "createtxg":
      case "objsetid":
        return String(dataset.txg);
      case "guid":
        return dataset.guid;
      case "origin":
        return dataset.type === "snapshot" ? undefined : dataset.origin?.name;
      case "clones":
        return dataset.type === "snapshot"
          ? this.clones(dataset)
              .map((c) => c.name)
              .join(",")
          : undefined;
      case "used":
      case "logicalused":
        return String(this.used(dataset));
      case "referenced":
      case "logicalreferenced":
      case "usedbydataset":
        return String(this.referenced(dataset));
      case "written":
        return String(this.unique(dataset));
      case "available":
        return dataset.type === "snapshot" ? undefined : String(this.available(dataset));
      case "usedbychildren":
        return dataset.type === "snapshot"
          ? undefined
          : String(this.children(dataset).reduce((sum, child) => sum + this.used(child), 0));
      case "userrefs":
        return dataset.type === "snapshot" ? String(dataset.holds.size) : undefined;
      case "filesystem_count":
      case "snapshot_count":
        return UNLIMITED;
      default:
        return undefined;
    }
  }

  referenced(dataset: Dataset): number {
    return EMPTY + dataset.fs.usedBytes + dataset.prefilled;
  }

  /** What a clone or a snapshot has beyond what it shares. */
  private unique(dataset: Dataset): number {
    if (dataset.type === "snapshot") return 0;
    const shared = dataset.snapshots.at(-1) ?? dataset.origin;
    return shared
      ? Math.max(0, this.referenced(dataset) - this.referenced(shared))
      : this.referenced(dataset);
  }

  used(dataset: Dataset): number {
    if (dataset.type === "snapshot") return 0;
    const shared = dataset.origin ? this.unique(dataset) : this.referenced(dataset);
    const children = this.children(dataset).reduce((sum, child) => sum + this.used(child), 0);
    return shared + children + (dataset === this.root ? POOL_OVERHEAD : 0);
  }

  /** Its own quota or refquota, or a quota of one above it. */
  hasQuota(dataset: Filesystem): boolean {
    if (this.value(dataset, "refquota") !== "0") return true;
    for (let here: Filesystem | undefined = dataset; here; here = this.parent(here))
      if (this.value(here, "quota") !== "0") return true;
    return false;
  }

  available(dataset: Filesystem): number {
    let room = this.size - SLOP - this.used(this.root);
    for (let here: Filesystem | undefined = dataset; here; here = this.parent(here)) {
      const quota = Number(this.value(here, "quota"));
      if (quota > 0) room = Math.min(room, quota - this.used(here));
    }
    const refquota = Number(this.value(dataset, "refquota"));
    if (refquota > 0) room = Math.min(room, refquota - this.referenced(dataset));
    return Math.max(0, room);
  }

  private add(name: string, now: number, fs: MemFs, options: CreateOptions): Filesystem {
    const made: Filesystem = {
      ...this.node(name, now, options),
      type: options.type ?? "filesystem",
      fs,
      origin: undefined,
      snapshots: [],
    };
    this.filesystems.set(name, made);
    this.sorted = undefined;
    return made;
  }

  private node(name: string, now: number, { local, prefilled }: CreateOptions): Node {
    return {
      name,
      guid: guid(),
      txg: ++this.txg,
      created: now,
      local: new Map(local),
      prefilled: prefilled ?? 0,
    };
  }
}

const NONE: Value = { value: undefined, source: "none" };

const guid = (): string => randomBytes(8).readBigUInt64BE().toString();

const join = (base: string, rest: string): string =>
  `${base === "/" ? "" : base}/${rest}`.replace(/(.)\/$/, "$1");

export const snapshotPart = (name: string): string => name.slice(name.indexOf("@") + 1);

/** strcmp(3) */
export const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** File systems by name, each followed by its snapshots, oldest first. */
export function byName(a: Dataset, b: Dataset): number {
  const owner = (d: Dataset): string => (d.type === "snapshot" ? d.of.name : d.name);
  return (
    compare(owner(a), owner(b)) ||
    Number(a.type === "snapshot") - Number(b.type === "snapshot") ||
    a.txg - b.txg
  );
}
