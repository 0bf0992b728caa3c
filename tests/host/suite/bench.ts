import assert from "node:assert/strict";
import type { Kind } from "../../../provider/kind";
import type { Machine, Result } from "./machine";
import type { Place } from "./place";
import { type Made, Resources } from "./resources";
import { difference, type Traces, traces } from "./traces";

/** Appended to a line that the suite itself puts into a shared file, so that it can take it out again. */
export const OURS = "# pfvtest";

/** What one case works with. Whatever it makes is noted before it can be there, and is removed by `clear`. */
export class Bench extends Resources {
  readonly #toRemove: { readonly what: string; readonly remove: () => Promise<unknown> }[] = [];

  constructor(
    readonly machine: Machine,
    place: Place,
    private readonly signal: AbortSignal,
  ) {
    super(machine, place);
  }

  protected override async make(kind: unknown, inputs: Record<string, unknown>): Promise<Made> {
    this.signal.throwIfAborted();
    let made: Made;
    try {
      made = await super.make(kind, inputs);
    } catch (cause) {
      const left = remains(cause, inputs);
      if (left) this.#note(kind, { id: "", inputs, state: left as Made["state"] });
      throw cause;
    }
    this.#note(kind, made);
    return made;
  }

  #note(kind: unknown, made: Made): void {
    this.#toRemove.push({
      what: `${(kind as Kind).noun} ${made.id}`,
      remove: () => this.delete(kind, made),
    });
  }

  override async update(kind: unknown, made: Made, changed: object = {}): Promise<void> {
    this.signal.throwIfAborted();
    await super.update(kind, made, changed);
  }

  async exec(command: string): Promise<Result> {
    this.signal.throwIfAborted();
    return this.machine.exec(command);
  }

  /** What a command prints on the host. */
  async shows(command: string): Promise<string> {
    const { stdout, stderr } = await this.exec(command);
    return stdout + stderr;
  }

  /** Does with a command what an administrator might do; `undo` is done at the end, whatever is then left of it. */
  async disturb(command: string, undo?: string): Promise<void> {
    if (undo !== undefined)
      this.#toRemove.push({ what: command, remove: () => this.machine.exec(`${undo} 2>/dev/null || true`) });
    const { status, stderr } = await this.exec(command);
    assert.equal(status, 0, `${command}: ${stderr}`);
  }

  async reboot(): Promise<void> {
    this.signal.throwIfAborted();
    await this.machine.reboot();
  }

  traces(): Promise<Traces> {
    return traces(this.machine);
  }

  /** Fails with what differs, line by line. `except`: parts that go with another resource. */
  async isAsBefore(before: Traces, except?: string): Promise<void> {
    const found = difference(before, await this.traces(), except);
    assert.ok(found.length === 0, `the host is not as before:\n${found.join("\n")}`);
  }

  /** What has drifted of `made`, in words. */
  async drifts(made: readonly (readonly [kind: unknown, made: Made])[]): Promise<string[]> {
    const found: string[] = [];
    for (const [kind, each] of made) {
      if (await this.read(kind, each)) found.push(...each.state.drift);
      else found.push(`${(kind as Kind).noun} ${each.id} is gone`);
    }
    return found;
  }

  async mend(made: readonly (readonly [kind: unknown, made: Made])[]): Promise<void> {
    for (const [kind, each] of made) if (each.state.drift.length > 0) await this.update(kind, each);
  }

  /** Removes all that was made, last first, also after an interruption; returns what could not be removed. */
  async clear(): Promise<string[]> {
    const left: string[] = [];
    for (const { what, remove } of this.#toRemove.splice(0).reverse()) {
      try {
        await remove();
      } catch (cause) {
        left.push(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`);
      }
    }
    return left;
  }
}

/** After a create that failed: the state to delete, unless the provider has undone it. */
function remains(cause: unknown, inputs: object): object | undefined {
  const { message, properties } = cause as { message: string; properties?: object };
  if (properties) return properties;
  return message.includes("What was done before it has been undone.") ? undefined : inputs;
}
