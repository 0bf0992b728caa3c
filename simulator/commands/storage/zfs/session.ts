import type { Io, Result } from "../../../command";
import { Errno } from "../../../command";
import {
  type Caller,
  type Dataset,
  type Filesystem,
  type Pool,
  type Zfs,
  ZfsError,
} from "../../../kernel/zfs";
import { type DatasetType, isBelow, nameProblem, parentName } from "../../../kernel/zfs/names";
import { byName } from "../../../kernel/zfs/pool";
import { isUserProperty, parseValue, propertyNamed } from "../../../kernel/zfs/properties";
import { getopt } from "../../getopt";

/** Called wrongly: a line of its own, then the usage text. */
export class Misuse extends Error {}

export const FILESYSTEMS: readonly DatasetType[] = ["filesystem", "volume"];
export const DATASETS: readonly DatasetType[] = ["filesystem", "volume", "snapshot"];

/** One run of zfs(8): who runs it, what it has printed so far. */
export class Session {
  stdout = "";
  stderr = "";
  readonly zfs: Zfs;
  readonly pool: Pool;
  readonly caller: Caller;

  constructor(readonly io: Io) {
    this.zfs = io.kernel.storage.zfs;
    this.pool = this.zfs.pool;
    this.caller = { uid: io.who.uid, holder: holderOf(io) };
  }

  get now(): number {
    return this.io.kernel.clock.now();
  }

  print(line: string): void {
    this.stdout += `${line}\n`;
  }

  complain(line: string): void {
    this.stderr += `${line}\n`;
  }

  /** Runs `action`; what libzfs says of its failure is printed. */
  attempt(action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      if (!(error instanceof ZfsError)) throw error;
      this.complain(error.message);
      return false;
    }
  }

  result(status: number): Result {
    return { stdout: this.stdout, stderr: this.stderr, status };
  }

  /** The dataset of that name; prints why if there is none. */
  open(name: string, types: readonly DatasetType[]): Dataset | undefined {
    const problem = nameProblem(name, types) ?? this.openProblem(name, types);
    if (problem === undefined) return this.pool.find(name);
    this.complain(`cannot open '${name}': ${problem}`);
    return undefined;
  }

  private openProblem(name: string, types: readonly DatasetType[]): string | undefined {
    const dataset = this.pool.find(name);
    if (!dataset || !this.isVisible(dataset)) return "dataset does not exist";
    return types.includes(dataset.type) ? undefined : "operation not applicable to datasets of this type";
  }

  openFilesystem(name: string, types: readonly DatasetType[] = FILESYSTEMS): Filesystem | undefined {
    const dataset = this.open(name, types);
    return dataset?.type === "snapshot" ? undefined : dataset;
  }

  /** As `open`, but a path stands for what is mounted there. */
  openPath(name: string, types: readonly DatasetType[]): Dataset | undefined {
    if (!name.startsWith("/") && !name.startsWith("./")) return this.open(name, types);
    const { fs, kernel, cwd } = this.io;
    try {
      const mounted = kernel.storage.mounts.of(fs.locate(fs.resolvePath(cwd, name)));
      if (mounted?.type === "zfs") return this.open(mounted.from, FILESYSTEMS);
      this.complain(`'${name}': not a ZFS filesystem`);
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      this.complain(`cannot open '${name}': ${new Errno(error.code).message}`);
    }
    return undefined;
  }

  /** A jail sees what it was given (`zfs jail`), and the way there. */
  isVisible(dataset: Dataset): boolean {
    const { jail } = this.io.who;
    if (!jail) return true;
    const own = dataset.type === "snapshot" ? dataset.of : dataset;
    return [...this.zfs.jailed].some(
      ([given, jids]) =>
        jids.has(jail.jid) &&
        (given === own || isBelow(own.name, given.name) || isBelow(given.name, own.name)),
    );
  }

  /** zfs_for_each(): the operands, or all there is; with what is below, down to `depth`. */
  each(
    names: readonly string[],
    options: { types: readonly DatasetType[]; depth: number; paths?: boolean; snapshotsByDefault?: boolean },
  ): { datasets: Dataset[]; failed: boolean } {
    const found = new Set<Dataset>();
    let failed = false;
    const add = (dataset: Dataset, depth: number): void => {
      if (!this.isVisible(dataset)) return;
      if (options.types.includes(dataset.type)) found.add(dataset);
      if (depth === 0 || dataset.type === "snapshot") return;
      for (const child of this.pool.children(dataset)) add(child, depth - 1);
      if (options.snapshotsByDefault === false) return;
      for (const snapshot of dataset.snapshots) add(snapshot, depth - 1);
    };
    if (names.length === 0) add(this.pool.root, Number.POSITIVE_INFINITY);
    for (const name of names) {
      const types = options.depth > 0 ? DATASETS : options.types;
      const dataset = options.paths ? this.openPath(name, types) : this.open(name, types);
      if (dataset) add(dataset, options.depth);
      else failed = true;
    }
    return { datasets: [...found].sort(byName), failed };
  }

  /** check_parents(): may a dataset of that name be made? */
  checkParents(name: string, acceptAncestor = false): void {
    const problem = (reason: string): ZfsError => new ZfsError(`cannot create '${name}': ${reason}`);
    const parent = parentName(name);
    if (parent === undefined) throw problem("missing dataset name");
    if (parent.split("/")[0] !== this.pool.name) throw problem(`no such pool '${parent.split("/")[0]}'`);
    const found = this.pool.filesystem(parent);
    if (!found && !acceptAncestor) throw problem("parent does not exist");
    if (found?.type === "volume") throw problem("parent is not a filesystem");
  }

  /** zfs_create_ancestors(): `-p`. */
  createAncestors(name: string): void {
    this.checkParents(name, true);
    const names = name.split("/");
    for (let length = 1; length < names.length; length++) {
      const ancestor = names.slice(0, length).join("/");
      if (this.pool.filesystem(ancestor)) continue;
      this.requirePrivilege(`cannot create '${ancestor}'`);
      const made = this.pool.create(ancestor, this.now);
      this.zfs.mount(made, this.caller);
    }
  }

  /** Mounts what was just made; that this fails does not undo it. */
  mountNew(made: Filesystem): void {
    if (made.type !== "filesystem" || this.pool.value(made, "canmount") !== "on") return;
    if (!this.attempt(() => this.zfs.mount(made, this.caller)))
      this.complain("filesystem successfully created, but not mounted");
  }

  /** Without delegation (`zfs allow`) only root may change anything. */
  requirePrivilege(what: string): void {
    if (this.io.who.uid !== 0) throw new ZfsError(`${what}: permission denied`);
  }

  /** zfs_valid_proplist(): the values as the pool keeps them. */
  validate(
    given: ReadonlyMap<string, string>,
    type: DatasetType,
    what: string,
    options: { creating: boolean; jailed?: boolean },
  ): Map<string, string> {
    const valid = new Map<string, string>();
    const problem = (reason: string): ZfsError => new ZfsError(`${what}: ${reason}`);
    for (const [name, value] of given) {
      const property = propertyNamed(name);
      if (!property && isUserProperty(name)) {
        if (name.length >= 256) throw problem(`property name '${name}' is too long`);
        if (value.length >= 8192) throw problem(`property value '${value}' is too long`);
        valid.set(name, value);
        continue;
      }
      if (type === "snapshot") throw problem("this property can not be modified for snapshots");
      if (!property) throw problem(`invalid property '${name}'`);
      if (!property.types.includes(type)) throw problem(`'${name}' does not apply to datasets of this type`);
      if (property.edit === "readonly" || (property.edit === "onetime" && !options.creating))
        throw problem(`'${name}' is readonly`);
      const parsed = parseValue(property, value);
      if ("problem" in parsed) throw problem(parsed.problem);
      if (options.jailed && property.name === "mountpoint" && !this.io.who.jail)
        throw problem("'mountpoint' cannot be set on dataset in a non-global zone");
      valid.set(property.name, parsed.value);
    }
    return valid;
  }
}

function holderOf({ fs, cwd }: Io): Caller["holder"] {
  try {
    return fs.locate(cwd);
  } catch (error) {
    if (error instanceof Errno) return undefined;
    throw error;
  }
}

/** The options of a subcommand. `flags` has the letters, `values` what came with those that take one. */
export function options(args: readonly string[], letters: string) {
  const { list, operands, error } = getopt(args, letters);
  if (error !== undefined) {
    const letter = error.slice(-1);
    throw new Misuse(
      error.startsWith("option requires")
        ? `missing argument for '${letter}' option`
        : `invalid option '${letter}'`,
    );
  }
  const values = (letter: string): string[] => list.filter(([l]) => l === letter).map(([, v]) => v ?? "");
  return { list, flags: new Set(list.map(([letter]) => letter)), values, operands };
}

/** `-o property=value`, as often as given. */
export function assignments(given: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const assignment of given) {
    const at = assignment.indexOf("=");
    if (at < 0) throw new ZfsError("missing '=' for property=value argument");
    const name = assignment.slice(0, at);
    if (found.has(name)) throw new ZfsError(`property '${name}' specified multiple times`);
    found.set(name, assignment.slice(at + 1));
  }
  return found;
}

/** `-d` and `-r`: how many levels down. */
export function depthOf(flags: ReadonlySet<string>, values: readonly string[]): number | undefined {
  const given = values.at(-1);
  if (given === undefined) return flags.has("r") ? Number.POSITIVE_INFINITY : undefined;
  if (!/^\d/.test(given)) throw new Misuse(`${given} is not an integer`);
  if (!/^\d+$/.test(given)) throw new Misuse(`${given} is not an integer`);
  return Number(given);
}

const TYPES: Readonly<Record<string, readonly DatasetType[]>> = {
  filesystem: ["filesystem"],
  fs: ["filesystem"],
  volume: ["volume"],
  vol: ["volume"],
  snapshot: ["snapshot"],
  snap: ["snapshot"],
  bookmark: [],
  all: DATASETS,
};

export function typesOf(list: string): DatasetType[] {
  return list.split(",").flatMap((type) => {
    const found = TYPES[type];
    if (!found) throw new Misuse(`invalid type '${type}'`);
    return found;
  });
}
