import type { Kind } from "../../provider/kind";
import { sh } from "../../provider/sh";

/** The kind with one step of `ensure` that fails in place of what it would do. */
export const brokenAt = (kind: Kind, failing: number): Kind => ({
  ...kind,
  ensure: (input, previous) =>
    kind
      .ensure(input, previous)
      .map((step, i) => (i === failing ? { run: sh`{ echo injected >&2; false; }` } : step)),
});
