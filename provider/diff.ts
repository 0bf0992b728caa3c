import { isDeepStrictEqual } from "node:util";
import type { z } from "zod";
import type { Costs, Kind, KindOutline } from "./kind";
import { type Cost, defaultOf, type Shape, unwrapped } from "./schema";
import { hasUnknown, knownOnly, UNKNOWN } from "./unknown";

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
  kind: KindOutline & { readonly inputs: I; readonly costs?: Costs<I> },
  olds: Record<string, unknown>,
  news: Record<string, unknown>,
): Change[] {
  return Object.entries(kind.inputs)
    .filter(
      ([key, schema]) =>
        !isDeepStrictEqual(olds[key], news[key]) &&
        !schema.meta()?.creation &&
        !same(
          schema,
          olds[key],
          news[key],
          kind.outputs.includes(key) && (kind.decides?.(key, news) ?? true),
        ),
    )
    .map(([property, schema]) => {
      const declared = schema.meta()?.cost ?? "replace";
      const costs = kind.costs?.[property] as ((...values: unknown[]) => Cost) | undefined;
      if (costs === undefined || news[property] === UNKNOWN) return { property, cost: declared };
      const [now, before] = [news[property], olds[property]].map((value) => value ?? defaultOf(schema));
      return { property, cost: costs(now, before, olds) };
    });
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
    deleteBeforeReplace: replaces.length > 0 && deletesFirst(kind, olds, news),
  };
}

/** Whether both cannot exist at once. */
export function deletesFirst<I extends Shape>(
  { deleteBeforeReplace = true }: Kind<I>,
  olds: Record<string, unknown>,
  news: Record<string, unknown>,
): boolean {
  if (typeof deleteBeforeReplace === "boolean") return deleteBeforeReplace;
  return deleteBeforeReplace(knownOnly(news) as never, olds as never);
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
export function essence(schema: z.ZodType, value: unknown): unknown {
  const inner = unwrapped(schema);
  const identity = inner.meta()?.identity;
  // Before anything else: what only informs may be unknown in a preview, and is no change then either.
  if (identity) return pick(inner as z.ZodObject, value, identity);
  if (hasUnknown(value)) return value;
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

function pick(schema: z.ZodObject, value: unknown, keys: readonly string[]): unknown {
  if (value === null || typeof value !== "object") return value;
  const given = value as Record<string, unknown>;
  return Object.fromEntries(keys.map((key) => [key, essence(schema.shape[key] as z.ZodType, given[key])]));
}
