import { Machine } from "../../simulator/machine";
import { type Sample, samples } from "../provider/samples";
import {
  type Cut,
  type CutWorld,
  connectionCuts,
  cutTrial,
  Line,
  powerCuts,
  undisturbedByPower,
} from "./cuts";
import { essence } from "./essence";
import { type Operation, operate, subjectOf, undisturbed } from "./faults";

/*
 * Each command that each resource runs is once the last one that anybody hears of. `npm test` tries one in SAMPLE of
 * them, another one in each place; `npm run test:faults` all.
 */
const SAMPLE = process.env.FAULTS === "all" ? 1 : 120;

jest.setTimeout(3_600_000);

const run = async (machine: Machine, command: string) => {
  const { status, stderr } = await machine.exec(command);
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
};

async function worldOf(sample: Sample): Promise<CutWorld> {
  const machine = await Machine.create();
  const line = new Line(machine);
  // What the kernel loads by itself when it is first asked for it stays loaded, and ipdivert(4) in any case.
  await run(machine, "kldload if_bridge if_epair nullfs fdescfs ipdivert");
  await run(machine, sample.given ?? ":");
  for (const each of sample.needs ?? [])
    await operate(subjectOf({ ...each, changed: each.inputs }, line), "create", undefined);
  return {
    machine,
    line,
    subject: subjectOf(sample, line),
    meanwhile: (step) => run(machine, sample.meanwhile?.[step] ?? ":"),
    look: () => withoutNumbers(essence(machine.snapshot())),
  };
}

/**
 * A jail that was started again has other numbers, a directory that was made again another inode, an interface that
 * came home is the last one; and what a jail and its console write is its own.
 */
const withoutNumbers = (host: unknown): unknown =>
  JSON.parse(
    JSON.stringify(host, (key, value) => {
      if (/^\/(jails\/\w+\/var\/run|var\/log)\//.test(key)) return undefined;
      if (key === "masks") return Object.values(value);
      if (key === "interfaces" && Array.isArray(value))
        return value.toSorted((a, b) => String(a.name).localeCompare(String(b.name)));
      if (/^(jid|cpuset\.id)$/.test(key)) return 0;
      return typeof value === "string" ? value.replaceAll(/ \d+:1 \//g, " INODE /") : value;
    }),
  );

const count = { tried: 0, converged: 0 };

async function tryAll(sample: Sample, cuts: readonly Cut[], isPower: boolean): Promise<string[]> {
  let world = await worldOf(sample);
  const plain = await undisturbed(world);
  const { commands } = plain;
  const known = isPower ? await undisturbedByPower(world) : plain;
  const problems: string[] = [];
  for (const operation of ["create", "update", "delete"] as Operation[]) {
    const points = commands[operation].flatMap((argv, n) =>
      cuts.filter((cut) => operation === "create" || !cut.isGivenUp).map((cut) => ({ argv, n, cut })),
    );
    for (let i = count.tried % SAMPLE; i < points.length; i += SAMPLE) {
      const { argv, n, cut } = points[i]!;
      const found = await cutTrial(world, known, operation, n, cut);
      if (!found) continue;
      count.tried++;
      if (found.length === 0) {
        count.converged++;
        continue;
      }
      const what = argv.join(" ").replaceAll(/\s+/g, " ").slice(0, 100);
      problems.push(`${operation}, ${cut.name}, command ${n} (${what}):\n  ${found.join("\n  ")}`);
      world.machine.halt();
      world = await worldOf(sample);
      if (isPower) await world.machine.reboot();
    }
  }
  world.machine.halt();
  return problems;
}

const named = (each: readonly Sample[]) =>
  each.map((sample) => [`${samples.indexOf(sample)} ${sample.kind.noun}`, sample] as const);

test.each(named(samples))(
  "wherever the connection is lost, or the provider killed, the next run comes to the same end: %s",
  async (_, sample) => expect((await tryAll(sample, connectionCuts, false)).join("\n")).toBe(""),
);

test.each(
  named(samples.filter(({ isUntilBoot }) => !isUntilBoot).filter((_, i) => SAMPLE === 1 || i % 3 === 0)),
)("whenever the host loses its power, the next run comes to the same end: %s", async (_, sample) =>
  expect((await tryAll(sample, powerCuts, true)).join("\n")).toBe(""),
);

afterAll(() => process.stdout.write(`${count.tried} cut points were tried, ${count.converged} converged\n`));
