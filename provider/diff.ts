import { isDeepStrictEqual } from "node:util";
import type { z } from "zod";
import type { Kind } from "./kind";
import { type Cost, defaultOf, type Shape } from "./schema";
import { hasUnknown } from "./unknown";

export interface Change {
  readonly property: string;
  readonly cost: Cost;
}

export interface DiffResult {
  changes: boolean;
  replaces: string[];
  deleteBeforeReplace: boolean;
}

/** Which properties change from the recorded state to the wanted inputs, and what each costs. No host is asked. */
export function changes<I extends Shape>(
  kind: Kind<I>,
  olds: Record<string, unknown>,
  news: Record<string, unknown>,
): Change[] {
  return Object.entries(kind.inputs)
    .filter(
      ([key, schema]) =>
        !schema.meta()?.creation &&
        !same(schema, olds[key], news[key], (kind.outputs as readonly string[]).includes(key)),
    )
    .map(([property, schema]) => ({ property, cost: schema.meta()?.cost ?? "replace" }));
}

export function diff<I extends Shape>(
  kind: Kind<I>,
  olds: Record<string, unknown>,
  news: Record<string, unknown>,
): DiffResult {
  const changed = changes(kind, olds, news);
  const replaces = changed.filter((change) => change.cost === "replace").map((change) => change.property);
  const drift = Array.isArray(olds.drift) ? olds.drift.length : 0;
  return {
    changes: changed.length > 0 || drift > 0,
    replaces,
    deleteBeforeReplace: replaces.length > 0 && (kind.deleteBeforeReplace ?? true),
  };
}

function same(schema: z.ZodType, old: unknown, now: unknown, computed: boolean): boolean {
  // Left out, and the host decides: what it decided stays.
  if (now === undefined && computed) return true;
  // A property that an older release did not have counts as its default.
  return isDeepStrictEqual(
    essence(schema, old ?? defaultOf(schema)),
    essence(schema, now ?? defaultOf(schema)),
  );
}

/** What of a value tells that it is another one: of a reference, only what says which thing it is. */
function essence(schema: z.ZodType, value: unknown): unknown {
  if (hasUnknown(value)) return value;
  const inner =
    "unwrap" in schema && typeof schema.unwrap === "function" ? (schema.unwrap() as z.ZodType) : schema;
  const identity = inner.meta()?.identity;
  if (identity) return pick(value, identity);
  if (inner.def.type === "array") {
    const element = (inner as z.ZodArray<z.ZodType>).element;
    return Array.isArray(value) ? value.map((item) => essence(element, item)) : value;
  }
  if (inner.def.type === "object" && value !== null && typeof value === "object") {
    const shape = (inner as z.ZodObject).shape as Shape;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, shape[key] ? essence(shape[key], item) : item]),
    );
  }
  return value;
}

function pick(value: unknown, keys: readonly string[]): unknown {
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(keys.map((key) => [key, (value as Record<string, unknown>)[key]]));
}
