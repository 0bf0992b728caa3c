import { Errno } from "../../simulator/command";
import { Machine } from "../../simulator/machine";
import { samples } from "../provider/samples";
import { Line } from "./cuts";
import { essence } from "./essence";
import { differences, operate, recordedAfter, subjectOf } from "./faults";

/*
 * The disk is full from the n-th write on, once for each n of a create. Every file that others have a part in is whole
 * the old one, the new one, or one that it is in between when nothing goes wrong, with its mode; nothing is left beside
 * it, and the error says what is wrong.
 */
const STRIDE = process.env.FAULTS === "all" ? 1 : 5;

jest.setTimeout(1_200_000);

const SHARED =
  /^\/(etc\/(rc|jail|pf|natd|ipfw|sysctl|rctl)\.conf|etc\/devfs\.rules|etc\/fstab(\.\w+)?|etc\/jail\.conf\.d\/.*|etc\/pf\.pulumi\..*|boot\/loader\.conf|jails\/\w+\/etc\/resolv\.conf)$/;

const shared = <T>(files: Record<string, T>): Record<string, T> =>
  Object.fromEntries(Object.entries(files).filter(([path]) => SHARED.test(path)));

/** Makes writes fail from the `n`-th on; gives back what frees the disk, and tells whether it came to that. */
function fill(machine: Machine, n: number): () => boolean {
  const { fs } = machine.kernel.storage.fs.table.root;
  const resize = fs.resize.bind(fs);
  let seen = 0;
  fs.resize = (from, to) => {
    if (to > from && seen++ >= n) throw new Errno("ENOSPC");
    resize(from, to);
  };
  return () => {
    fs.resize = resize;
    return seen > n;
  };
}

const chosen = samples
  .map((sample, i) => [`${i} ${sample.kind.noun}`, sample] as const)
  .filter(
    ([, { kind, given, needs }]) =>
      kind.noun !== "host" && !needs && !/devfs rule -s 1[23]0/.test(given ?? ""),
  );

const count = { tried: 0, whole: 0 };

test.each(chosen)("files are whole on a full disk: %s", async (_, sample) => {
  const machine = await Machine.create();
  const line = new Line(machine);
  const { status, stderr } = await machine.exec(`kldload if_bridge if_epair nullfs; ${sample.given ?? ":"}`);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  const subject = subjectOf(sample, line);
  const files = () => machine.snapshot().files;
  const look = () => essence(machine.snapshot());
  const pristine = look();
  const before = files();
  const between: (typeof before)[] = [before];
  let isRecording = true;
  let isRenamed = false;
  machine.fault((argv) => {
    if (isRecording && isRenamed) between.push(shared(files()));
    isRenamed = argv[0] === "mv";
    return false;
  }, "hang");
  const made = await operate(subject, "create", undefined);
  isRecording = false;
  between.push(files());
  await operate(subject, "delete", made);
  const problems: string[] = [];
  for (let n = 0; ; n += STRIDE) {
    const free = fill(machine, n);
    let failure: Error | undefined;
    let recorded: Awaited<ReturnType<typeof operate>>;
    try {
      recorded = await operate(subject, "create", undefined);
    } catch (cause) {
      failure = cause as Error;
      recorded = recordedAfter(cause, undefined);
    }
    const isFull = free();
    const now = files();
    count.tried++;
    const found: string[] = [];
    if (failure && !failure.message.includes("No space left on device"))
      found.push(`the error does not say why: ${failure.message}`);
    for (const path of new Set(
      [...Object.keys(before), ...Object.keys(now)].filter((each) => SHARED.test(each)),
    )) {
      const isWhole = between.some((each) => differences(each[path], now[path]).length === 0);
      if (!isWhole) found.push(`${path} is none that a run has: ${now[path]?.content}`);
    }
    const beside = Object.keys(now).filter((path) => /\.pulumi-freebsd-vnet$|\.new$/.test(path));
    if (beside.length > 0) found.push(`left: ${beside.join(" ")}`);
    recorded = await operate(subject, "create", recorded);
    await operate(subject, "delete", recorded);
    found.push(...differences(pristine, look()));
    if (found.length === 0) count.whole++;
    else problems.push(`from write ${n} on: ${found.join("\n  ")}`);
    if (!isFull) break;
  }
  machine.halt();
  expect(problems.join("\n")).toBe("");
});

afterAll(() =>
  process.stdout.write(`the disk was full at ${count.tried} writes, all was whole at ${count.whole}\n`),
);
