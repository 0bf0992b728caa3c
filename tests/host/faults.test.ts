import { ROOTS } from "../../provider/library/roots";
import { Machine } from "../../simulator/machine";
import { type Sample, samples } from "../provider/samples";
import { essence } from "./essence";
import {
  canFail,
  type Operation,
  operate,
  type Recorded,
  runnerOn,
  subjectOf,
  trial,
  undisturbed,
  type World,
} from "./faults";

/*
 * Each command that each resource runs is made to fail once, in its create, its update and its delete. `npm test` tries
 * one in SAMPLE of them, another one in each place; `npm run test:faults` all.
 */
const SAMPLE = process.env.FAULTS === "all" ? 1 : 9;

jest.setTimeout(600_000);

const run = async (machine: Machine, command: string) => {
  const { status, stderr } = await machine.exec(command);
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
};

async function worldOf(sample: Sample): Promise<World> {
  const machine = await Machine.create();
  const runner = runnerOn(machine);
  // What the kernel loads by itself when it is first asked for it stays loaded, and ipdivert(4) in any case.
  await run(machine, "kldload if_bridge if_epair nullfs fdescfs ipdivert");
  await run(machine, sample.given ?? ":");
  for (const each of sample.needs ?? [])
    await operate(subjectOf({ ...each, changed: each.inputs }, runner), "create", undefined);
  return {
    machine,
    subject: subjectOf(sample, runner),
    meanwhile: (step) => run(machine, sample.meanwhile?.[step] ?? ":"),
    look: () => comparable(essence(machine.snapshot())),
  };
}

/** What scripts need for themselves is left only where removing that is what failed; what jails wrote is their own. */
const NO_TRACE = /^(\/var\/run\/pulumi-freebsd-vnet\.|\/jails\/[^/]+\/var\/run\/|\/var\/log\/)/;

/**
 * Inodes, jids, sets of processors and numbers of devfs rules are others each time that a thing is made; the order of
 * notes, of interfaces and of families says nothing.
 */
function comparable(host: ReturnType<typeof essence>): unknown {
  const files = Object.entries(host.files)
    .filter(([path]) => !NO_TRACE.test(path))
    .map(([path, file]) => {
      const { content } = file;
      if (path === ROOTS) return [path, { ...file, content: content?.replaceAll(/ \d+:\d+ /g, " INODE ") }];
      if (NOTES.test(path)) return [path, { ...file, content: content?.split("\n").sort() }];
      return [path, file];
    });
  return { files: Object.fromEntries(files), kernel: withoutCounters(host.kernel) };
}

const NOTES = /^\/var\/db\/pulumi-freebsd-vnet\.[0-9a-f]{16}$/;

const withoutCounters = (kernel: unknown): unknown =>
  JSON.parse(
    JSON.stringify(kernel, (key, value) => {
      if (key === "masks") return Object.values(value);
      if (key === "addresses" && Array.isArray(value)) return byFamily(value);
      if (key === "rulesets") return withoutRuleNumbers(value);
      if (key === "interfaces" && Array.isArray(value))
        return Object.fromEntries(value.map((each) => [each.name, each]));
      return key === "jid" || key === "cpuset.id" ? 0 : value;
    }),
  );

/** Only among those of one family the order matters. */
const byFamily = (addresses: { family: string }[]) =>
  [...addresses].sort((one, other) => (one.family < other.family ? -1 : one.family > other.family ? 1 : 0));

/** devfs(8) gives a rule the next number after the last one's: they stand in their order anyway. */
const withoutRuleNumbers = (rulesets: object) =>
  Object.fromEntries(
    Object.entries(rulesets).map(([set, rules]) => [
      set,
      Array.isArray(rules) ? rules.map((rule) => ({ ...rule, number: 0 })) : rules,
    ]),
  );

let tried = 0;
let toldByItsWords = 0;
let gotAround = 0;

test.each(samples.map((sample, i) => [`${i} ${sample.kind.noun}`, sample] as const))(
  "whichever command fails, nothing is half made and the next run comes to the same end: %s",
  async (_, sample) => {
    let world = await worldOf(sample);
    const known = await undisturbed(world);
    const problems: string[] = [];
    for (const operation of ["create", "update", "delete"] as Operation[]) {
      let there: Recorded | undefined;
      const commands = known.commands[operation];
      for (let n = tried % SAMPLE; n < commands.length; n += SAMPLE) {
        if (!canFail(commands[n] as readonly string[])) continue;
        const found = await trial(world, known, operation, n, there);
        there = found.left;
        tried++;
        if (!found.failure) gotAround++;
        else if (found.failure.message.includes("injected")) toldByItsWords++;
        if (found.problems.length === 0) continue;
        const what = found.point?.argv.join(" ").replaceAll(/\s+/g, " ").slice(0, 100);
        problems.push(`${operation}, command ${n} (${what}): ${found.problems.join("\n  ")}`);
        world = await worldOf(sample);
        there = undefined;
      }
      if (there) await operate(world.subject, "delete", there);
    }
    expect(problems.join("\n")).toBe("");
  },
);

afterAll(() =>
  process.stdout.write(
    `${tried} commands were made to fail: ${tried - gotAround} errors, ${toldByItsWords} of them with the command's own words; ${gotAround} got around it\n`,
  ),
);
