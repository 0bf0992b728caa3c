import { check } from "../../provider/check";
import { diff } from "../../provider/diff";
import type { Kind } from "../../provider/kind";
import { lifecycle, type ResourceProvider, type Runner } from "../../provider/lifecycle";
import { Reader } from "../../provider/reader";
import type { Machine } from "../../simulator";
import { unguarded } from "./broken";

/*
 * Every command of every script, disturbed: the n-th command of an operation is made to fail (or whatever a `Disturb`
 * does to it), once for each n. What must hold then is the same wherever it happens; see `trial`.
 */

/** A command of a script: which one, counted from 0, and what it is. */
export interface Point {
  readonly n: number;
  readonly argv: readonly string[];
}

/** Makes the `n`-th command of the script that runs next go wrong; gives back what ends the watch for it. */
export type Disturb = (machine: Machine, n: number) => () => Point | undefined;

type Entry = Machine["log"][number];

/**
 * A command that the script runs itself, or through sh(1) and lockf(1). What jail(8) or service(8) run in turn is
 * their business: that they fail is a point of its own.
 */
function isOwn({ by }: Entry): boolean {
  for (let each = by; each; each = each.by) {
    if (!/^(.*\/)?(sh|lockf|sudo|doas)$/.test(each.argv[0] ?? "")) return false;
  }
  return by !== undefined;
}

/** The commands of the script that `work` sends, in order. */
export async function commandsOf<T>(
  machine: Machine,
  work: () => Promise<T>,
): Promise<{ commands: (readonly string[])[]; result: T }> {
  const from = machine.log.length;
  const result = await work();
  return {
    commands: machine.log
      .slice(from)
      .filter(isOwn)
      .map(({ argv }) => argv),
    result,
  };
}

/** What a command that fails says. */
export const WORDS = "injected: it fails";

/**
 * How a command fails. A status of 1 is an answer of grep(1), cmp(1) and their like, which fail with more, and not at
 * all on a pipe. Others have no other status than whether there is such a thing, and kill is sh(1)'s own.
 */
function failureOf(argv: readonly string[]): { readonly status: number } | undefined {
  const line = argv.join(" ");
  const onlyAnswers =
    /^(\/bin\/kill |kldstat -q|jls (-d )?-j \S+ jid$|ipfw nat show config$|pfctl (-P )?-a \S+ -sn$|pfctl -s)/.test(
      line,
    ) ||
    (/^grep /.test(line) && !/ \/\S+$/.test(line));
  if (onlyAnswers) return undefined;
  return { status: /^(grep|cmp|awk|test|sort|diff) /.test(line) ? 2 : 1 };
}

export const canFail = (argv: readonly string[]) => failureOf(argv) !== undefined;

/** Commands that ask, and say in the same way that they failed and that there is no such thing. */
const asks = ({ argv }: Point) =>
  /^(ifconfig (-j \S+ )?(-f \S+ )?\S+|ifconfig (-j \S+ )?(-a )?-g \S+|jls .*|zfs (list|get) .*|route .*get .*|sysctl -n .*|kenv -q .*|service \S+ (one)?status|ipfw (-S list|list|nat show).*|pfctl .*-s.*|mount (-p|-t \S+))$/.test(
    argv.join(" "),
  );

/** The `n`-th command does not run, and says that it failed. */
export const failing: Disturb = (machine, n) => {
  let seen = 0;
  let target: Entry | undefined;
  let watches = true;
  for (const status of [1, 2]) {
    machine.fault(
      (argv, program) => {
        if (!watches || !program || !isOwn(program)) return false;
        if (status === 1 && seen++ === n) target = program;
        return program === target && failureOf(argv)?.status === status;
      },
      { status, stderr: `${WORDS}\n` },
    );
  }
  return () => {
    watches = false;
    return target && { n, argv: target.argv };
  };
};

/** Runs scripts on a machine without SSH in between. */
export const runnerOn = (machine: Machine): Runner => ({
  run: (_target, script) => machine.exec("/bin/sh -s", { stdin: script }),
});

export function providerOn(kind: Kind, runner: Runner): ResourceProvider {
  const shared = { runner, reader: new Reader(runner), configure: async () => {}, who: "test" };
  return lifecycle(unguarded(kind), shared);
}

/** A resource as the engine has it in the state. */
export interface Recorded {
  readonly id: string;
  readonly outs: object;
}

export type Operation = "create" | "update" | "delete";

/** What a sample is made of: inputs that were checked, and those of an update that is no replacement. */
export interface Subject {
  readonly kind: Kind;
  readonly provider: ResourceProvider;
  readonly inputs: Record<string, unknown>;
  readonly changed: Record<string, unknown>;
}

function checked(kind: Kind, declared: Record<string, unknown>): Record<string, unknown> {
  // Taking over is asking first, and tried in adopt.test.ts.
  const { inputs, failures } = check(kind, { ...declared, ...("adopt" in kind.inputs && { adopt: false }) });
  if (failures.length > 0) throw new Error(JSON.stringify(failures));
  return inputs;
}

export function subjectOf(
  {
    kind,
    inputs,
    changed,
  }: { kind: Kind; inputs: Record<string, unknown>; changed: Record<string, unknown> },
  runner: Runner,
): Subject {
  const first = checked(kind, inputs);
  const second = checked(kind, changed);
  const { replaces } = diff(kind, first, second);
  const live = { ...second };
  for (const property of replaces) {
    if (property in first) live[property] = first[property];
    else delete live[property];
  }
  return { kind, provider: providerOn(kind, runner), inputs: first, changed: live };
}

/** Does `operation` to a resource that is `before` it, as the engine would; what it is afterwards. */
export async function operate(
  { provider, inputs, changed }: Subject,
  operation: Operation,
  before: Recorded | undefined,
): Promise<Recorded | undefined> {
  if (operation === "create" && !before) return provider.create(inputs);
  if (!before) return undefined;
  if (operation === "delete") {
    await provider.delete(before.id, before.outs);
    return undefined;
  }
  const wanted = operation === "create" ? inputs : changed;
  return { id: before.id, outs: (await provider.update(before.id, before.outs, wanted)).outs };
}

/** `pulumi up --refresh`, or what a delete that was told wrong leaves to the next one. */
async function refreshed(subject: Subject, operation: Operation, there: Recorded | undefined) {
  if (!there || operation === "delete") return operate(subject, operation, there);
  const { id, props } = await subject.provider.read(there.id, there.outs);
  return operate(subject, operation, id === "" ? undefined : { id, outs: props });
}

/** What the engine records when an operation fails: what the error carries, else what was there before. */
export function recordedAfter(failure: unknown, before: Recorded | undefined): Recorded | undefined {
  const { id, properties } = failure as { id?: string; properties?: object };
  return properties ? { id: id ?? before?.id ?? "", outs: properties } : before;
}

/** A host with what a sample needs to be there before, and the sample's own states on it. */
export interface World {
  readonly machine: Machine;
  readonly subject: Subject;
  /** What others do between its create (0) and its update, and take back (1) after it is removed. */
  meanwhile(step: 0 | 1): Promise<void>;
  /** All that the host is, without what is no trace of anybody. */
  look(): unknown;
}

/** How the host is without and with the resource, and how many commands each operation takes. */
export interface Undisturbed {
  readonly pristine: unknown;
  readonly created: unknown;
  readonly updated: unknown;
  readonly commands: Readonly<Record<Operation, readonly (readonly string[])[]>>;
}

/** The three operations, nothing going wrong. The host is pristine again afterwards. */
export async function undisturbed({ machine, subject, meanwhile, look }: World): Promise<Undisturbed> {
  const pristine = look();
  const create = await commandsOf(machine, () => operate(subject, "create", undefined));
  const created = look();
  await meanwhile(0);
  const update = await commandsOf(machine, () => operate(subject, "update", create.result));
  const updated = look();
  const remove = await commandsOf(machine, () => operate(subject, "delete", update.result));
  await meanwhile(1);
  const left = differences(pristine, look());
  if (left.length > 0) throw new Error(`delete leaves traces:\n${left.join("\n")}`);
  return {
    pristine,
    created,
    updated,
    commands: { create: create.commands, update: update.commands, delete: remove.commands },
  };
}

export interface Trial {
  readonly operation: Operation;
  readonly point: Point | undefined;
  /** What the provider said; none when it got around what went wrong. */
  readonly failure: Error | undefined;
  /** In which ways it did not do as it must. */
  readonly problems: readonly string[];
  /** What is recorded of the resource then. */
  readonly left: Recorded | undefined;
}

/**
 * One operation with something that goes wrong in it. Either it comes to its end all the same, and then all is as if
 * nothing had happened; or it fails, with words that tell what and where, and leaves the host as it was or recorded so
 * that the same operation again, undisturbed, comes to the same end. And what is removed then leaves no trace.
 *
 * `before` is what was recorded of the resource if it is there already, from the trial before this one; where the host
 * and the record are as they were, nothing of that has to be tried again.
 */
export async function trial(
  { machine, subject, meanwhile, look }: World,
  known: Undisturbed,
  operation: Operation,
  n: number,
  before: Recorded | undefined,
  disturb: Disturb = failing,
): Promise<Trial> {
  const problems: string[] = [];
  const expectSame = (when: string, wanted: unknown) => {
    const found = differences(wanted, look());
    if (found.length > 0) problems.push(`${when}:\n    ${found.join("\n    ")}`);
    return found.length === 0;
  };
  const attempt = async <T>(when: string, work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work();
    } catch (cause) {
      problems.push(`${when} fails: ${(cause as Error).message}`);
      return undefined;
    }
  };
  const end = { create: known.created, update: known.updated, delete: known.pristine }[operation];

  if (operation !== "create" && !before) before = await operate(subject, "create", undefined);
  if (operation === "update") await meanwhile(0);
  const there = look();
  const stop = disturb(machine, n);
  let failure: Error | undefined;
  let after: Recorded | undefined;
  try {
    after = await operate(subject, operation, before);
  } catch (cause) {
    failure = cause as Error;
    after = recordedAfter(cause, before);
  }
  const point = stop();
  const result = { operation, point, failure, problems };
  if (failure) {
    problems.push(...complaints(failure, subject, operation));
    if (after === before && differences(there, look()).length === 0) {
      if (operation === "update") await meanwhile(1);
      return { ...result, left: before };
    }
    if (operation === "create" && after === undefined) expectSame("nothing is recorded, but left", there);
    after = await attempt("the same again", () => operate(subject, operation, after));
    expectSame("the same again does not come to the same end", end);
  } else {
    const isDeceived = point && asks(point) && differences(end, look()).length > 0;
    if (isDeceived) {
      after = await attempt("the next run", () => refreshed(subject, operation, after ?? before));
      expectSame("the next run does not come to the same end", end);
    } else expectSame("it says that all is well, but", end);
    const drift = (after?.outs as { drift?: string[] } | undefined)?.drift ?? [];
    if (drift.length > 0) problems.push(`it says that all is well, but drift is: ${drift.join("; ")}`);
  }
  if (operation !== "delete") {
    await attempt("delete", () => operate(subject, "delete", after ?? before));
    if (operation === "update") await meanwhile(1);
    expectSame("delete leaves traces", known.pristine);
  }
  return { ...result, left: undefined };
}

/** What is wrong with an error: it must name operation, resource and host, the command or step, its status and words. */
function complaints(failure: Error, { kind, inputs, changed }: Subject, operation: Operation): string[] {
  const { address } = kind.target(operation === "update" ? changed : inputs);
  const said = failure.message;
  const shape = new RegExp(`^cannot ${operation} ${kind.noun} "[^"]+" on \\S*${address}\\S*: `);
  return [
    ...(shape.test(said) ? [] : [`the error does not begin with what and where: ${said}`]),
    ...(/status \d+|it is not as declared afterwards: /.test(said)
      ? []
      : [`the error has no status: ${said}`]),
    ...(/pulumi-freebsd-vnet\.[A-Za-z0-9]{8}|\n@@/.test(said)
      ? [`the error shows our own workings: ${said}`]
      : []),
  ];
}

/** Where two plain values differ, one line each. */
export function differences(wanted: unknown, found: unknown, path = ""): string[] {
  if (Object.is(wanted, found)) return [];
  if (isPlain(wanted) && isPlain(found)) {
    return [...new Set([...Object.keys(wanted), ...Object.keys(found)])].flatMap((key) =>
      differences(wanted[key], found[key], `${path}/${key}`),
    );
  }
  const show = (value: unknown) => (value === undefined ? "nothing" : JSON.stringify(value).slice(0, 300));
  return [`${path}: ${show(found)}, not ${show(wanted)}`];
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;
