import type { Dataset } from "../../../kernel/zfs";
import { byName, compare, type Source } from "../../../kernel/zfs/pool";
import { properties, propertyNamed } from "../../../kernel/zfs/properties";
import { DATASETS, depthOf, Misuse, options, type Session, typesOf } from "./session";
import { type Column, columnsOf, shown, widthOf } from "./values";

const isMounted = (s: Session, dataset: Dataset): boolean =>
  dataset.type === "filesystem" && s.zfs.mounted(dataset) !== undefined;

/** zfs-list(8) */
export function list(s: Session, args: readonly string[]): number {
  const { list: given, flags, values, operands } = options(args, "HS:d:o:prs:t:");
  const literal = flags.has("p");
  const types = flags.has("t") ? typesOf(values("t").at(-1) ?? "") : undefined;
  const columns = columnsOf(values("o").at(-1) ?? "name,used,available,referenced,mountpoint", [
    "name",
    ...properties.map((p) => p.name),
  ]);
  const onlySnapshots = types?.every((t) => t === "snapshot") ?? false;
  const depth = depthOf(flags, values("d")) ?? (onlySnapshots && operands.length > 0 ? 1 : 0);
  const { datasets, failed } = s.each(operands, {
    types: types ?? DATASETS,
    depth,
    paths: true,
    snapshotsByDefault: types?.includes("snapshot") ?? false,
  });
  sort(s, datasets, given);
  if (datasets.length === 0 && !failed && !flags.has("H")) s.complain("no datasets available");
  const rows = datasets.map((dataset) =>
    columns.map((column) => shown(s.pool, dataset, column, literal, isMounted(s, dataset))?.value ?? "-"),
  );
  if (flags.has("H")) for (const row of rows) s.print(row.join("\t"));
  else if (rows.length > 0) table(s, columns, rows, literal);
  return failed ? 1 : 0;
}

function table(s: Session, columns: readonly Column[], rows: readonly string[][], literal: boolean): void {
  const widths = columns.map((column, n) =>
    widthOf(
      column,
      rows.map((row) => row[n] ?? ""),
      literal,
    ),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, n) => {
        if (columns[n]?.property?.kind === "number" && columns[n]?.name !== "creation")
          return cell.padStart(widths[n] ?? 0);
        return n === cells.length - 1 ? cell : cell.padEnd(widths[n] ?? 0);
      })
      .join("  ");
  s.print(line(columns.map(({ name, property }) => property?.column ?? name.toUpperCase())));
  for (const row of rows) s.print(line(row));
}

/** `-s` and `-S` (descending), the first given deciding first. */
function sort(
  s: Session,
  datasets: Dataset[],
  given: readonly (readonly [letter: string, value: string | undefined])[],
): void {
  const keys = given
    .filter(([letter]) => letter === "s" || letter === "S")
    .map(([letter, name = ""]) => ({ name, sign: letter === "S" ? -1 : 1, property: propertyNamed(name) }));
  for (const { name, property } of keys)
    if (!property && !name.includes(":")) throw new Misuse(`invalid property '${name}'`);
  datasets.sort((a, b) => {
    for (const { name, sign, property } of keys) {
      const [x, y] = [s.pool.value(a, name), s.pool.value(b, name)];
      const difference = property?.kind === "number" ? Number(x) - Number(y) : compare(x, y);
      if (difference !== 0) return sign * difference;
    }
    return byName(a, b);
  });
}

const FIELDS = ["name", "property", "value", "received", "source"] as const;
type Field = (typeof FIELDS)[number];
const SOURCES = ["local", "default", "inherited", "received", "temporary", "none"];

/** zfs-get(8) */
export function get(s: Session, args: readonly string[]): number {
  const { flags, values, operands } = options(args, "d:o:s:rt:Hp");
  const literal = flags.has("p");
  const fields = fieldsOf(values("o").at(-1) ?? "name,property,value,source");
  const sources = values("s").at(-1)?.split(",") ?? SOURCES;
  for (const source of sources) if (!SOURCES.includes(source)) throw new Misuse(`invalid source '${source}'`);
  const types = flags.has("t") ? typesOf(values("t").at(-1) ?? "") : DATASETS;
  const [wanted, ...names] = operands;
  if (wanted === undefined) throw new Misuse("missing property argument");
  const columns = columnsOf(wanted);
  const onlySnapshots = types.every((t) => t === "snapshot");
  const depth = depthOf(flags, values("d")) ?? (onlySnapshots && names.length > 0 ? 1 : 0);
  const { datasets, failed } = s.each(names, { types, depth, paths: true });
  const all = wanted === "all";
  const rows = datasets.flatMap((dataset) => {
    const own = all ? [...columns, ...userColumns(s, dataset)] : columns;
    return own.flatMap((column) => {
      const found = shown(s.pool, dataset, column, literal, isMounted(s, dataset));
      if (!found && all) return [];
      const source = found?.source ?? "none";
      if (!sources.includes(typeof source === "string" ? source : "inherited")) return [];
      return [{ name: dataset.name, column, value: found?.value ?? "-", source: sourceText(source) }];
    });
  });
  const cell = (row: (typeof rows)[number], field: Field): string => {
    if (field === "property") return row.column.name;
    return field === "received" ? "-" : row[field];
  };
  if (flags.has("H")) {
    for (const row of rows) s.print(fields.map((field) => cell(row, field)).join("\t"));
    return failed ? 1 : 0;
  }
  if (rows.length === 0) return failed ? 1 : 0;
  const shownColumns = [...new Map(rows.map((row) => [row.column.name, row.column])).values()];
  const widths: Record<Field, number> = {
    name: Math.max(4, ...datasets.map((d) => d.name.length)),
    property: Math.max(8, ...shownColumns.map((c) => c.name.length)),
    value: Math.max(
      5,
      ...shownColumns.map((c) =>
        widthOf(
          c,
          rows.filter((r) => r.column.name === c.name).map((r) => r.value),
          literal,
        ),
      ),
    ),
    received: 8,
    source: 0,
  };
  const line = (texts: readonly string[]): string =>
    texts.map((text, n) => (n === texts.length - 1 ? text : text.padEnd(widths[fields[n]!]))).join("  ");
  s.print(line(fields.map((field) => field.toUpperCase())));
  for (const row of rows) s.print(line(fields.map((field) => cell(row, field))));
  return failed ? 1 : 0;
}

function fieldsOf(list: string): Field[] {
  if (list === "all") return [...FIELDS];
  return list.split(",").map((name) => {
    const field = FIELDS.find((f) => f === name);
    if (!field) throw new Misuse(`invalid column name '${name}'`);
    return field;
  });
}

/** User properties set on it or on what it inherits from. */
function userColumns(s: Session, dataset: Dataset): Column[] {
  const names = new Set<string>();
  let here: Dataset | undefined = dataset;
  while (here) {
    for (const name of here.local.keys()) if (name.includes(":")) names.add(name);
    here = here.type === "snapshot" ? here.of : s.pool.parent(here);
  }
  return [...names].sort().map((name) => ({ name, property: undefined }));
}

const sourceText = (source: Source): string => {
  if (typeof source === "object") return `inherited from ${source.inheritedFrom}`;
  return source === "none" ? "-" : source;
};
