import { check } from "../../provider/check";
import type { Kind, Reservation } from "../../provider/kind";
import { jailRoot } from "../../provider/kinds/jail-root";
import { script } from "../../provider/script";
import { receiving } from "../../provider/shipment";
import { hostReference, samples } from "./samples";

/** Inputs as `ensure` gets them. */
const settled = (kind: Kind, declared: Record<string, unknown>) => {
  const { inputs, failures } = check(kind, declared);
  return { failures, inputs: { ...inputs, ...kind.settle?.(inputs, undefined) } };
};

const reserving = ({ take, taken, giveBack, question }: Reservation<object>) =>
  script([{ run: take, unless: taken, undo: giveBack }], { question }).text;

/** A root from an archive of the machine that runs Pulumi. */
const uploaded = {
  kind: jailRoot as unknown as Kind,
  inputs: {
    host: hostReference,
    archive: { upload: "./base.txz", sha256: "0".repeat(64) },
    path: "/jails/sent",
    owner: "demo/test/sent",
  },
  changed: {
    host: hostReference,
    archive: { upload: "./base.txz", sha256: "0".repeat(64) },
    path: "/jails/sent",
    owner: "demo/test/renamed",
  },
};

/** Every script that the provider can send for the samples: create, update, delete and read of each kind. */
export const scripts = [...samples, uploaded].flatMap(({ kind, inputs, changed }) => {
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
  const needed = kind.needs?.(first.inputs, undefined);
  const reservation = kind.reserve?.({ ...first.inputs, unit: undefined });
  return [
    ...(reservation ? [{ name: `reserve ${name}`, text: reserving(reservation) }] : []),
    ...(needed
      ? [
          {
            name: `look whether ${name} needs a file`,
            text: script(needed.before, { question: needed.question }).text,
          },
          { name: `send a file for ${name}`, text: receiving(needed.file, 1000, "@@mark") },
        ]
      : []),
    { name: `create ${name}`, text: script(kind.ensure(first.inputs, undefined), questions).text },
    { name: `update ${name}`, text: script(kind.ensure(second.inputs, state), questions).text },
    { name: `delete ${name}`, text: script(kind.remove(state), {}).text },
    { name: `delete partly created ${name}`, text: script(kind.remove(partial), {}).text },
    { name: `read ${name}`, text: script([], questions).text },
  ];
});
