import { check } from "../../provider/check";
import type { Kind, Reservation } from "../../provider/kind";
import { askAll, type Questions } from "../../provider/question";
import { script } from "../../provider/script";
import { samples } from "./samples";

/** Inputs as `ensure` gets them. */
const settled = (kind: Kind, declared: Record<string, unknown>) => {
  const { inputs, failures } = check(kind, declared);
  return { failures, inputs: { ...inputs, ...kind.settle?.(inputs, undefined) } };
};

const reserving = ({ take, taken, giveBack, question }: Reservation<object>) =>
  script([{ run: take, unless: taken, undo: giveBack }], { question }).text;

/** What is asked when many of its kind are read. */
const askingForAll = (questions: Questions): Questions =>
  Object.fromEntries(
    Object.entries(questions).map(([name, question]) => [
      name,
      question.among ? askAll(question.among) : question,
    ]),
  );

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
    ...(reservation ? [{ name: `reserve ${name}`, text: reserving(reservation) }] : []),
    { name: `create ${name}`, text: script(kind.ensure(first.inputs, undefined), questions).text },
    { name: `update ${name}`, text: script(kind.ensure(second.inputs, state), questions).text },
    { name: `delete ${name}`, text: script(kind.remove(state), {}).text },
    { name: `delete partly created ${name}`, text: script(kind.remove(partial), {}).text },
    { name: `read ${name}`, text: script([], questions).text },
    { name: `read many ${name}`, text: script([], askingForAll(questions)).text },
  ];
});
