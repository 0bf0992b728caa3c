import type { Kind } from "../../provider/kind";
import type { Step } from "../../provider/script";
import { sh } from "../../provider/sh";

/**
 * The kind without the wait for a new connection, where there is no connection: what waits, and for what, is tried in
 * guard.test.ts.
 */
export function unguarded(kind: Kind): Kind {
  const plain = (steps: Step[]) => steps.map((step) => ({ ...step, cuts: false }));
  return {
    ...kind,
    ensure: (input, previous) => plain(kind.ensure(input, previous)),
    remove: (state) => plain(kind.remove(state)),
  };
}

/** The kind with one step of `ensure` that fails in place of what it would do. */
export const brokenAt = (kind: Kind, failing: number): Kind => ({
  ...kind,
  ensure: (input, previous) =>
    kind
      .ensure(input, previous)
      .map((step, i) => (i === failing ? { run: sh`{ echo injected >&2; false; }` } : step)),
});
