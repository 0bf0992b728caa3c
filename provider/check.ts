import { z } from "zod";
import type { Kind, Known } from "./kind";
import { defaultOf, type InputOf, type Shape } from "./schema";
import { hasUnknown, isUnknownAt, knownOnly, withoutUndefined } from "./unknown";

export interface CheckFailure {
  property: string;
  reason: string;
}

export interface CheckResult {
  inputs: Record<string, unknown>;
  failures: CheckFailure[];
}

/** What Pulumi adds to a resource's inputs; not ours to judge. */
const PULUMIS = new Set(["__provider", "__internal", "__defaults"]);

const objects = new WeakMap<Shape, z.ZodType>();

/** Zod compiles an object when it is first used: once for all resources of a kind. */
function objectOf(shape: Shape): z.ZodType {
  const object = objects.get(shape) ?? z.strictObject(shape);
  objects.set(shape, object);
  return object;
}

/** Validates inputs without a host. Values that are not known yet are left for the run that knows them. */
export function check<I extends Shape>(kind: Kind<I>, news: Record<string, unknown>): CheckResult {
  const given = Object.fromEntries(
    Object.entries(news).filter(([key, value]) => !PULUMIS.has(key) && value !== undefined && value !== null),
  );
  const inputs: Record<string, unknown> = { ...given };
  for (const [key, schema] of Object.entries(kind.inputs)) {
    const value = defaultOf(schema);
    if (value !== undefined && !(key in inputs)) inputs[key] = value;
  }
  for (const [key, value] of Object.entries(kind.derive?.(known(kind, inputs)) ?? {})) {
    if (value !== undefined) inputs[key] = value;
  }

  const parsed = objectOf(kind.inputs).safeParse(inputs);
  const failures = (parsed.error?.issues ?? [])
    .filter((issue) => !isUnknownAt(inputs, issue.path) && !isUnknownChoice(inputs, issue))
    .flatMap((issue) => describeIssue(issue, Object.keys(kind.inputs), inputs));
  if (failures.length === 0) {
    kind.relations?.(known(kind, inputs), (property, reason) => failures.push({ property, reason }));
  }
  const whole = parsed.success && !hasUnknown(inputs) ? (parsed.data as Record<string, unknown>) : inputs;
  return { inputs: withoutUndefined(whole), failures };
}

const known = <I extends Shape>(_kind: Kind<I>, inputs: Record<string, unknown>) =>
  knownOnly(inputs) as Known<InputOf<I>>;

type Issue = z.core.$ZodIssue;

function describeIssue(issue: Issue, properties: readonly string[], inputs: unknown): CheckFailure[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      property: propertyPath([...issue.path, key]),
      reason: `there is no such property${suggest(key, issue.path.length === 0 ? properties : [])}`,
    }));
  }
  // A name in a map: what is wrong with it is said within.
  const reason = issue.code === "invalid_key" ? issue.issues[0]?.message : undefined;
  const mistyped = issue.code === "invalid_type" || issue.code === "invalid_union";
  const missing = mistyped && at(inputs, issue.path) === undefined;
  return [
    { property: propertyPath(issue.path), reason: missing ? "is required" : (reason ?? issue.message) },
  ];
}

/** Which of several shapes a value has cannot be said before all of it is known. */
const isUnknownChoice = (inputs: unknown, issue: Issue) =>
  issue.code === "invalid_union" && hasUnknown(at(inputs, issue.path));

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((v, key) => (v as Record<PropertyKey, unknown> | undefined)?.[key], value);
}

function propertyPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) =>
      typeof key === "number" ? `${text}[${key}]` : text === "" ? String(key) : `${text}.${String(key)}`,
    "",
  );
}

/** The property that was meant, when one is close enough. */
function suggest(key: string, properties: readonly string[]): string {
  const near = properties
    .map((name) => ({ name, distance: editDistance(key.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
  return near && near.distance <= Math.max(2, key.length / 3) ? `; did you mean "${near.name}"?` : "";
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(
        Math.min(
          (row[j] as number) + 1,
          (next[j - 1] as number) + 1,
          (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1),
        ),
      );
    }
    row = next;
  }
  return row.at(-1) as number;
}
