import type { Inode } from "./vfs";

interface Waiter {
  readonly grant: () => void;
}

/** flock(2): who holds a file exclusively, and who waits for it. */
export class Locks {
  private readonly held = new Map<Inode, Waiter[]>();

  /** Takes the lock at once; false if it is held. */
  take(node: Inode): boolean {
    if (this.held.has(node)) return false;
    this.held.set(node, []);
    return true;
  }

  /** Waits for the lock. `giveUp` is handed a function that ends the wait without it. */
  wait(node: Inode, giveUp: (cancel: () => void) => void): Promise<boolean> {
    if (this.take(node)) return Promise.resolve(true);
    return new Promise((resolve) => {
      const waiters = this.held.get(node)!;
      const waiter: Waiter = { grant: () => resolve(true) };
      waiters.push(waiter);
      giveUp(() => {
        const at = waiters.indexOf(waiter);
        if (at >= 0) waiters.splice(at, 1);
        resolve(false);
      });
    });
  }

  /** Hands the lock to the first that waits. */
  release(node: Inode): void {
    const next = this.held.get(node)?.shift();
    if (next) next.grant();
    else this.held.delete(node);
  }
}
