import { type DirectoryNode, directoryNode, type FileNode, type Inode } from "./vfs";

/** The root of a union: what `upper` has, then what `lower` has; every change goes to `upper`. */
export const unionRoot = (upper: DirectoryNode, lower: DirectoryNode): DirectoryNode => ({
  ...directoryNode(upper),
  links: upper.links,
  entries: new UnionEntries(() => upper, upper, lower),
});

/**
 * The names of two directories as one. `make` gives the upper directory for writing: where only the lower
 * one exists it is made first (a shadow directory). A name that is removed from the lower one is whited out.
 */
class UnionEntries extends Map<string, Inode> {
  private readonly whiteouts = new Set<string>();
  /** Directories and copy-on-write files handed out, so that a name leads to the same inode again. */
  private readonly made = new Map<string, { upper: Inode | undefined; lower: Inode; node: Inode }>();

  constructor(
    private readonly make: () => DirectoryNode,
    private upper: DirectoryNode | undefined,
    private readonly lowerDirectory: DirectoryNode,
  ) {
    super();
  }

  private above(name: string): Inode | undefined {
    return this.upper?.entries.get(name);
  }

  private below(name: string): Inode | undefined {
    return this.whiteouts.has(name) ? undefined : this.lowerDirectory.entries.get(name);
  }

  private writable(): DirectoryNode {
    this.upper ??= this.make();
    return this.upper;
  }

  override get(name: string): Inode | undefined {
    const upper = this.above(name);
    const lower = this.below(name);
    if (!lower || (upper && (upper.type !== "directory" || lower.type !== "directory"))) return upper;
    if (lower.type === "symlink" || lower.type === "device") return lower;
    const known = this.made.get(name);
    if (known && known.upper === upper && known.lower === lower) return known.node;
    const node =
      lower.type === "directory"
        ? this.directory(name, upper?.type === "directory" ? upper : undefined, lower)
        : this.file(name, lower);
    this.made.set(name, { upper, lower, node });
    return node;
  }

  private directory(name: string, upper: DirectoryNode | undefined, lower: DirectoryNode): DirectoryNode {
    const shadow = (): DirectoryNode => {
      const made = directoryNode(lower);
      const { entries } = this.writable();
      entries.set(name, made);
      this.made.set(name, { upper: made, lower, node });
      return made;
    };
    const node: DirectoryNode = {
      ...directoryNode(upper ?? lower),
      links: lower.links,
      entries: new UnionEntries(shadow, upper, lower),
    };
    return node;
  }

  /** The first write copies the file up. */
  private file(name: string, lower: FileNode): FileNode {
    let copy: FileNode | undefined;
    const up = (): FileNode => {
      if (!copy) {
        copy = { ...lower, flags: [...lower.flags], links: 1 };
        this.writable().entries.set(name, node);
      }
      return copy;
    };
    const node = {} as FileNode;
    for (const key of Object.keys(lower) as (keyof FileNode)[])
      Object.defineProperty(node, key, {
        enumerable: true,
        get: () => (copy ?? lower)[key],
        set: (value: unknown) => {
          // Losing its name (a whiteout) is no write.
          if (copy || key !== "links") Object.assign(up(), { [key]: value });
        },
      });
    return node;
  }

  override set(name: string, node: Inode): this {
    this.writable().entries.set(name, node);
    return this;
  }

  override has(name: string): boolean {
    return this.above(name) !== undefined || this.below(name) !== undefined;
  }

  override delete(name: string): boolean {
    const there = this.has(name);
    this.upper?.entries.delete(name);
    if (this.lowerDirectory.entries.has(name)) this.whiteouts.add(name);
    return there;
  }

  override clear(): void {
    for (const name of [...this.keys()]) this.delete(name);
  }

  override *keys(): MapIterator<string> {
    const names = new Set([...(this.upper?.entries.keys() ?? []), ...this.lowerDirectory.entries.keys()]);
    for (const name of names) if (this.has(name)) yield name;
  }

  override *entries(): MapIterator<[string, Inode]> {
    for (const name of this.keys()) {
      const node = this.get(name);
      if (node) yield [name, node];
    }
  }

  override *values(): MapIterator<Inode> {
    for (const [, node] of this.entries()) yield node;
  }

  override [Symbol.iterator](): MapIterator<[string, Inode]> {
    return this.entries();
  }

  override forEach(visit: (node: Inode, name: string, map: Map<string, Inode>) => void): void {
    for (const [name, node] of this.entries()) visit(node, name, this);
  }

  override get size(): number {
    return [...this.keys()].length;
  }
}
