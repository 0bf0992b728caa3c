import type { z } from "zod";
import { logicalName } from "./common";
import { type Change, changes, deletesFirst, essence } from "./diff";
import type { Kind } from "./kind";
import { type Shape, unwrapped } from "./schema";
import { hasUnknown } from "./unknown";

type Values = Record<string, unknown>;

/**
 * What an update of the resource interrupts on the host, in a sentence; undefined when everything runs on. Values are
 * not told: secret ones arrive here in clear, and nothing tells them from others.
 */
export function interruption(kind: Kind, olds: Values, news: Values): string | undefined {
  const changed = changes(kind, olds, news);
  const costing = (cost: Change["cost"]) => changed.filter((change) => change.cost === cost);
  const replaces = costing("replace");
  const restarts = costing("restart");
  const mended = (by: "restart" | "start") =>
    driftOf(olds).filter((found) => kind.mending?.(olds as never, found) === by);
  const starts = mended("start");
  const drift = mended("restart");

  const tell = (what: string, why: readonly Change[], found: readonly string[] = []) => {
    const certain = found.length > 0 || why.some(({ property }) => !hasUnknown(news[property]));
    const reasons = [
      ...why.map(({ property }) => reason(kind.inputs, property, olds, news)),
      ...found.map((sentence) => sentence.replace(/^running: /, "")),
    ];
    return `${subject(kind, olds)} ${certain ? "will" : "may"} ${what}: ${reasons.join("; ")}`;
  };

  if (replaces.length > 0) {
    return tell(
      deletesFirst(kind, olds, news)
        ? "be removed and then made anew"
        : "be made anew, and the old one removed after that",
      replaces,
    );
  }
  if (starts.length > 0) return tell("be started", [], starts);
  return restarts.length + drift.length > 0 ? tell("restart", restarts, drift) : undefined;
}

const driftOf = ({ drift }: Values) => (Array.isArray(drift) ? (drift as string[]) : []);

const subject = (kind: Kind, olds: Values) =>
  `${kind.noun} ${kind.id(olds as never)} (${kind.name} ${logicalName(String(olds.owner))})`;

function reason(inputs: Shape, property: string, olds: Values, news: Values): string {
  if (hasUnknown(news[property])) return `${property} is not known yet`;
  const schema = inputs[property] as z.ZodType;
  const [old, now] = [olds, news].map((values) => essence(schema, values[property]));
  return `${narrowest(property, schema, old, now)} changes`;
}

/** The one place within a value where all of the change is; names in a map are part of the value. */
function narrowest(path: string, schema: z.ZodType, old: unknown, now: unknown): string {
  if (typeof old !== "object" || typeof now !== "object" || old === null || now === null) return path;
  const inner = unwrapped(schema);
  const isList = inner.def.type === "array";
  const lists = Array.isArray(old) && Array.isArray(now);
  if (isList ? !lists || old.length !== now.length : inner.def.type !== "object") return path;
  const [before, after] = [old as Values, now as Values];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]),
  );
  const [key] = keys;
  if (key === undefined || keys.length > 1) return path;
  const member = isList ? (inner as z.ZodArray<z.ZodType>).element : (inner as z.ZodObject).shape[key];
  return member
    ? narrowest(isList ? `${path}[${key}]` : `${path}.${key}`, member as z.ZodType, before[key], after[key])
    : path;
}

/** The engine asks for the same difference more than once in a run. */
export function once(print: (message: string) => void): (message: string) => void {
  const said = new Set<string>();
  return (message) => {
    if (said.has(message)) return;
    said.add(message);
    print(message);
  };
}
