import type { Dataset, Pool } from "../../../kernel/zfs";
import { ZfsError } from "../../../kernel/zfs";
import type { Source } from "../../../kernel/zfs/pool";
import {
  columnWidth,
  isUserProperty,
  nice,
  type Property,
  properties,
  propertyNamed,
  UNLIMITED,
} from "../../../kernel/zfs/properties";

/** A property as a column of a listing. */
export interface Column {
  readonly name: string;
  readonly property: Property | undefined;
}

/** A list as the user gives it; `all` and `space` stand for several. */
export function columnsOf(list: string, all: readonly string[] = properties.map((p) => p.name)): Column[] {
  const names = list.split(",").flatMap((name) => {
    if (name === "all") return all;
    return name === "space" ? SPACE : [name];
  });
  return names.map((name) => {
    const property = propertyNamed(name);
    if (!property && !isUserProperty(name))
      throw new ZfsError(`bad property list: invalid property '${name}'`);
    return { name: property?.name ?? name, property };
  });
}

const SPACE = [
  "name",
  "available",
  "used",
  "usedbysnapshots",
  "usedbydataset",
  "usedbyrefreservation",
  "usedbychildren",
];

/** As zfs(8) shows it; undefined if the dataset has none. With `literal` (`-p`) numbers stay numbers. */
export function shown(
  pool: Pool,
  dataset: Dataset,
  { name, property }: Column,
  literal: boolean,
  isMounted: boolean,
): { value: string; source: Source } | undefined {
  if (property?.name === "mounted")
    return dataset.type === "filesystem" ? { value: isMounted ? "yes" : "no", source: "none" } : undefined;
  const { value, source } = pool.get(dataset, name);
  if (value === undefined) return undefined;
  if (property?.kind !== "number") return { value, source };
  return { value: number(property, value, literal), source };
}

function number(property: Property, value: string, literal: boolean): string {
  if (property.name.endsWith("ratio")) return (Number(value) / 100).toFixed(2) + (literal ? "" : "x");
  if (literal) return value;
  if (property.name === "creation") return date(Number(value) * 1000);
  if (value === UNLIMITED || (value === "0" && NONE_AT_ZERO.has(property.name))) return "none";
  return property.plain ? value : nice(Number(value), WITH_UNIT.has(property.name) ? "B" : "");
}

const NONE_AT_ZERO = new Set(["quota", "refquota", "reservation", "refreservation"]);

/** Sizes that say "0B" rather than "0". */
const WITH_UNIT = new Set([
  "used",
  "available",
  "referenced",
  "usedbysnapshots",
  "usedbydataset",
  "usedbychildren",
  "usedbyrefreservation",
]);

/** strftime(3) "%a %b %e %k:%M %Y", in UTC as the host. */
function date(ms: number): string {
  const d = new Date(ms);
  const [day, , month] = d.toUTCString().split(/,? /);
  const number = (n: number): string => String(n).padStart(2);
  const minutes = String(d.getUTCMinutes()).padStart(2, "0");
  return `${day} ${month} ${number(d.getUTCDate())} ${number(d.getUTCHours())}:${minutes} ${d.getUTCFullYear()}`;
}

/** What a listing reserves for a column. Some are as wide as their values may get, others as these are. */
export function widthOf({ name, property }: Column, values: readonly string[], literal: boolean): number {
  const widest = Math.max(0, ...values.map((v) => v.length));
  if (!property) return Math.max(name.length, widest);
  const fixed = property.kind !== "string" && property.name !== "creation" && !literal;
  return fixed ? columnWidth(property) : Math.max(columnWidth(property), widest);
}
