import { check } from "../../provider/check";
import { script } from "../../provider/script";
import { samples } from "./samples";

/** Every script that the provider can send for the samples: create, update, delete and read of each kind. */
export const scripts = samples.flatMap(({ kind, inputs, changed }) => {
  const first = check(kind, inputs);
  const second = check(kind, changed);
  expect([...first.failures, ...second.failures]).toEqual([]);
  const state = {
    ...first.inputs,
    drift: [],
    made: ["forwarding", "kenv", "ipfw", "ipdivert"],
    modules: [],
  } as never;
  const partial = { ...first.inputs, drift: ["partly created"] } as never;
  const questions = kind.questions(first.inputs);
  const name = kind.noun;
  return [
    { name: `create ${name}`, text: script(kind.ensure(first.inputs, undefined), questions).text },
    { name: `update ${name}`, text: script(kind.ensure(second.inputs, state), questions).text },
    { name: `delete ${name}`, text: script(kind.remove(state), {}).text },
    { name: `delete partly created ${name}`, text: script(kind.remove(partial), {}).text },
    { name: `read ${name}`, text: script([], questions).text },
  ];
});
