import { type Dataset, ZfsError } from "../../../kernel/zfs";
import { isUserProperty, propertyNamed } from "../../../kernel/zfs/properties";
import { assignments, DATASETS, Misuse, options, type Session } from "./session";

/** Exit status of a failed zfs-set(8): -1. */
const FAILED = 255;

/** zfs-set(8) */
export function set(s: Session, args: readonly string[]): number {
  const { operands } = options(args, "u");
  if (operands.length === 0) throw new Misuse("missing arguments");
  const first = operands.findIndex((operand) => !operand.includes("="));
  if (operands.length === 1)
    throw new Misuse(first === 0 ? "missing property=value argument(s)" : "missing dataset name(s)");
  if (first < 0) throw new Misuse("missing dataset name(s)");
  if (first > 0 && operands.slice(first).some((operand) => operand.includes("=")))
    throw new Misuse("invalid argument order");
  let given = new Map<string, string>();
  if (!s.attempt(() => (given = assignments(operands.slice(0, first))))) return FAILED;
  const { datasets, failed } = s.each(operands.slice(first), { types: DATASETS, depth: 0 });
  let status = failed ? 1 : 0;
  for (const dataset of datasets) if (!s.attempt(() => setOn(s, dataset, given))) status = FAILED;
  return status;
}

function setOn(s: Session, dataset: Dataset, given: ReadonlyMap<string, string>): void {
  const what = `cannot set property for '${dataset.name}'`;
  const jailed = s.pool.value(dataset, "jailed") === "on";
  const valid = s.validate(given, dataset.type, what, { creating: false, jailed });
  s.requirePrivilege(what);
  for (const [name, value] of valid) {
    if ((name === "quota" || name === "refquota") && dataset.type !== "snapshot" && value !== "0") {
      const used = name === "quota" ? s.pool.used(dataset) : s.pool.referenced(dataset);
      if (Number(value) < used)
        throw new ZfsError(`${what}: size is less than current used or reserved space`);
    }
    alter(s, dataset, name, () => dataset.local.set(name, value), value);
  }
}

/** zfs-inherit(8) */
export function inherit(s: Session, args: readonly string[]): number {
  const { flags, operands } = options(args, "rS");
  const [name, ...names] = operands;
  if (name === undefined) throw new Misuse("missing property argument");
  if (names.length === 0) throw new Misuse("missing dataset argument");
  const property = propertyNamed(name);
  if (!property && !isUserProperty(name)) throw new Misuse(`invalid property '${name}'`);
  if (property?.edit === "readonly" || property?.edit === "onetime")
    throw new ZfsError(`${name} property is read-only`);
  if (property?.edit === "default" && !flags.has("S")) {
    const clear = /quota|reservation/.test(property.name)
      ? `\nuse 'zfs set ${name}=none' to clear\nuse 'zfs inherit -S ${name}' to revert to received value`
      : "";
    throw new ZfsError(`'${name}' property cannot be inherited${clear}`);
  }
  const own = property?.name ?? name;
  const depth = flags.has("r") ? Number.POSITIVE_INFINITY : 0;
  const { datasets, failed } = s.each(names, { types: DATASETS, depth });
  let status = failed ? 1 : 0;
  for (const dataset of datasets) {
    const applies = !property || property.types.includes(dataset.type);
    if (!applies && flags.has("r")) continue;
    const done = s.attempt(() => {
      const what = `cannot inherit ${own} for '${dataset.name}'`;
      if (!applies) throw new ZfsError(`${what}: property doesn't apply to datasets of this type`);
      s.requirePrivilege(what);
      alter(s, dataset, own, () => dataset.local.delete(own));
    });
    if (!done) status = 1;
  }
  return status;
}

/** Does `change` to one property, and what follows from it for what is mounted. */
function alter(s: Session, dataset: Dataset, name: string, change: () => unknown, value?: string): void {
  if (dataset.type === "snapshot") {
    change();
    return;
  }
  const { zfs, pool, caller } = s;
  const before = pool.value(dataset, "mountpoint");
  // A value that is set again moves nothing.
  if (name === "mountpoint" && value !== before) {
    const mountAfter = before === "legacy" || before === "none";
    zfs.relocate(dataset, caller, change, { inheritedOnly: true, mountAfter });
  } else if (name === "canmount" && value === "off") {
    zfs.unmount(dataset, caller);
    change();
  } else if (name === "jailed" && value === "on") {
    zfs.unmount(dataset, caller);
    change();
  } else change();
  if (inFlags.has(name)) zfs.refreshFlags();
}

/** Properties that a mount has as flags. */
const inFlags = new Set(["readonly", "exec", "setuid", "atime", "acltype"]);
