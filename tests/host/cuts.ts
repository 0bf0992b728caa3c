import type { Runner } from "../../provider/lifecycle";
import { SshError } from "../../provider/ssh/errors";
import { Errno } from "../../simulator/command";
import { LocalSession, type Machine } from "../../simulator/machine";
import { Output, type Stream, Text } from "../../simulator/shell/streams";
import {
  differences,
  type Operation,
  operate,
  type Recorded,
  recordedAfter,
  type Undisturbed,
  type World,
} from "./faults";

/*
 * Every command of every script, as the moment at which whoever waits for the script is gone: the n-th one runs, and
 * so do all after it, but nobody hears of it. Or the host is gone, and comes back with its files alone.
 */

/** What is lost, and what is done next. */
export interface Cut {
  readonly name: string;
  /** `cut`: the connection; `off`: the host's power. */
  readonly fault: "cut" | "off";
  /** The provider was killed, so what its error would have recorded is not. */
  readonly isForgotten: boolean;
  /**
   * `destroy` of what a create began, and no `up` before it. The record of an update that was cut off is the old one, by
   * which what the new one made under another name is not found: that takes an `up` first.
   */
  readonly isGivenUp: boolean;
}

const cut = (name: string, fault: Cut["fault"], isForgotten: boolean, isGivenUp: boolean): Cut => ({
  name,
  fault,
  isForgotten,
  isGivenUp,
});

export const connectionCuts = [
  cut("connection lost, up again", "cut", false, false),
  cut("provider killed, up again", "cut", true, false),
  cut("connection lost, destroy", "cut", false, true),
];

export const powerCuts = [
  cut("power lost, up again", "off", false, false),
  cut("power lost and provider killed, up again", "off", true, false),
  cut("power lost, destroy", "off", false, true),
];

/** Runs scripts on a machine as over a connection that may be lost. */
export class Line implements Runner {
  private readonly open = new Set<Promise<unknown>>();

  constructor(private readonly machine: Machine) {}

  run(_target: unknown, script: string): ReturnType<Runner["run"]> {
    return new Promise((resolve, reject) => {
      const printed = { stdout: "", stderr: "" };
      let isLost = false;
      const lose = () => {
        isLost = true;
        reject(new SshError("connectionLost", "The connection was lost.", { printed }));
      };
      const session = new LocalSession(this.machine.sessions, lose);
      const to = (stream: keyof typeof printed) =>
        new Output((bytes) => {
          if (isLost) throw new Errno("EPIPE");
          printed[stream] += Buffer.from(bytes, "latin1").toString("utf8");
        });
      const fds = new Map<number, Stream>([
        [0, new Text(Buffer.from(script, "utf8").toString("latin1"))],
        [1, to("stdout")],
        [2, to("stderr")],
      ]);
      const running = this.machine.start("/bin/sh -s", { fds, session }).then((status) => {
        if (session.ended) lose();
        session.end();
        this.open.delete(running);
        resolve({ ...printed, status });
      }, reject);
      this.open.add(running);
    });
  }

  /** Resolves when nothing runs on the machine any more, and it is up. */
  async quiet(): Promise<void> {
    await Promise.all(this.open);
    await this.machine.restarted;
  }
}

/** A world whose runner is a line. */
export interface CutWorld extends World {
  readonly line: Line;
}

/** What must be there when all is as if nothing had happened. */
const endOf = ({ created, updated, pristine }: Undisturbed, operation: Operation) =>
  ({ create: created, update: updated, delete: pristine })[operation];

/** How the host is after it lost its power at a moment when nothing was under way. */
export async function undisturbedByPower(world: CutWorld): Promise<Undisturbed> {
  const { machine, subject, look } = world;
  const afterReboot = async () => {
    await machine.reboot();
    return look();
  };
  const pristine = await afterReboot();
  const made = await operate(subject, "create", undefined);
  const created = await afterReboot();
  const changed = await operate(subject, "update", made);
  const updated = await afterReboot();
  await operate(subject, "delete", changed);
  const left = differences(pristine, await afterReboot());
  if (left.length > 0) throw new Error(`delete leaves traces:\n${left.join("\n")}`);
  return { pristine, created, updated, commands: { create: [], update: [], delete: [] } };
}

/** The operation with a cut at its `n`-th command, and what follows; in which ways that is not as it must be.
 * Undefined when it took fewer commands this time. */
export async function cutTrial(
  world: CutWorld,
  known: Undisturbed,
  operation: Operation,
  n: number,
  { fault, isForgotten, isGivenUp }: Cut,
): Promise<readonly string[] | undefined> {
  const { machine, subject, line, look, meanwhile } = world;
  const problems: string[] = [];
  const attempt = async (when: string, work: () => Promise<Recorded | undefined>) => {
    try {
      return await work();
    } catch (cause) {
      problems.push(`${when} fails: ${(cause as Error).message}`);
      return undefined;
    }
  };
  const expectSame = async (when: string, wanted: unknown) => {
    await line.quiet();
    if (fault === "off") await machine.reboot();
    const found = differences(wanted, look());
    if (found.length > 0) problems.push(`${when}:\n    ${found.slice(0, 12).join("\n    ")}`);
  };

  const before = operation === "create" ? undefined : await operate(subject, "create", undefined);
  if (operation === "update") await meanwhile(0);
  const stop = watch(machine, n, fault);
  let isReached = true;
  let after: Recorded | undefined;
  try {
    after = await operate(subject, operation, before);
    if (stop()) problems.push("nobody noticed");
    else isReached = false;
  } catch (cause) {
    const recorded = recordedAfter(cause, before);
    if (operation === "create" && !recorded) problems.push("what may have been made is not recorded");
    after = isForgotten ? before : recorded;
  }
  stop();
  if (fault === "off") await line.quiet();
  if (!isGivenUp) {
    after = await attempt("the same again", () => operate(subject, operation, after));
    const drift = (after?.outs as { drift?: string[] } | undefined)?.drift ?? [];
    if (drift.length > 0) problems.push(`afterwards it is not as declared: ${drift.join("; ")}`);
    await expectSame("the same again does not come to the same end", endOf(known, operation));
  }
  if (operation !== "delete") {
    await attempt("delete", () => operate(subject, "delete", after ?? before));
    await line.quiet();
    if (operation === "update") await meanwhile(1);
    await expectSame("delete leaves traces", known.pristine);
  }
  return isReached || problems.length > 0 ? problems : undefined;
}

/** For a program that the script runs itself, or through sh(1) and lockf(1), as faults.ts counts them; whether it came. */
function watch(machine: Machine, n: number, fault: Cut["fault"]): () => boolean {
  let seen = 0;
  let watches = true;
  machine.fault((_argv, program) => watches && isOwn(program) && seen++ === n, fault);
  return () => {
    watches = false;
    return seen > n;
  };
}

type Entry = Machine["log"][number];

function isOwn(program: Entry | undefined): boolean {
  for (let each = program?.by; each; each = each.by) {
    if (!/^(.*\/)?(sh|lockf)$/.test(each.argv[0] ?? "")) return false;
  }
  return program?.by !== undefined;
}
