import { check } from "../../provider/check";
import type { Kind, Reservation } from "../../provider/kind";
import { type Script, script } from "../../provider/script";
import { samples } from "./samples";

/** Inputs as `ensure` gets them. */
const settled = (kind: Kind, declared: Record<string, unknown>) => {
  const { inputs, failures } = check(kind, declared);
  return { failures, inputs: { ...inputs, ...kind.settle?.(inputs, undefined) } };
};

const work = { owner: "demo/prod/Kind/name", holder: "dch@laptop: tests" };

const reserving = ({ take, taken, giveBack, question }: Reservation<object>) =>
  script([{ run: take, unless: taken, undo: giveBack }], { question }, work);

/** All that is sent for one of `scripts`, and the script within it. */
export const textsOf = ({ text, program, confirmation }: Omit<Script, "read">): string[] => [
  ...new Set([text, program, ...(confirmation ? [confirmation.script] : [])]),
];

/** Every script that the provider can send for the samples: create, update, delete and read of each kind. */
export const scripts = samples.flatMap(({ kind, inputs, changed }) => {
  const first = settled(kind, inputs);
  const second = settled(kind, changed);
  expect([...first.failures, ...second.failures]).toEqual([]);
  const state = {
    ...first.inputs,
    drift: [],
    made: ["forwarding", "forwarding6", "kenv", "ipfw", "ipdivert", "ipfw_nat", "pf", "pf enabled"],
    modules: [],
  } as never;
  const partial = { ...first.inputs, drift: ["partly created"] } as never;
  const questions = kind.questions(first.inputs);
  const name = kind.noun;
  const reservation = kind.reserve?.({ ...first.inputs, unit: undefined });
  return [
    ...(reservation ? [{ name: `reserve ${name}`, ...reserving(reservation) }] : []),
    { name: `create ${name}`, ...script(kind.ensure(first.inputs, undefined), questions, work) },
    { name: `update ${name}`, ...script(kind.ensure(second.inputs, state), questions, work) },
    { name: `delete ${name}`, ...script(kind.remove(state), {}, work) },
    { name: `delete partly created ${name}`, ...script(kind.remove(partial), {}, work) },
    { name: `read ${name}`, ...script([], questions) },
  ];
});
