/** Lets so many through at once, by key; the others wait in their order. */
export class Gate {
  readonly #most: number;
  readonly #inside = new Map<string, number>();
  readonly #waiting = new Map<string, (() => void)[]>();

  constructor(most: number) {
    this.#most = most;
  }

  async pass<T>(key: string, work: () => Promise<T>): Promise<T> {
    const inside = this.#inside.get(key) ?? 0;
    if (inside < this.#most) this.#inside.set(key, inside + 1);
    else {
      await new Promise<void>((resolve) => {
        this.#waiting.set(key, [...(this.#waiting.get(key) ?? []), resolve]);
      });
    }
    try {
      return await work();
    } finally {
      const [next, ...others] = this.#waiting.get(key) ?? [];
      if (next) {
        this.#waiting.set(key, others);
        next();
      } else this.#inside.set(key, (this.#inside.get(key) ?? 1) - 1);
    }
  }
}
