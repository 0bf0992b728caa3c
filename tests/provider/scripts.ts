import { check } from "../../provider/check";
import type { Kind, Reservation } from "../../provider/kind";
import { jailRoot } from "../../provider/kinds/jail-root";
import { askAll, type Questions } from "../../provider/question";
import { type Script, script } from "../../provider/script";
import { receiving, type Shipment } from "../../provider/shipment";
import { hostReference, samples } from "./samples";

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

const sending = (file: Shipment) => {
  const text = receiving(file, 1000, "@@mark");
  return { text, program: text, confirmation: undefined };
};

/** What is asked when many of its kind are read. */
const askingForAll = (questions: Questions): Questions =>
  Object.fromEntries(
    Object.entries(questions).map(([name, question]) => [
      name,
      question.among ? askAll(question.among) : question,
    ]),
  );

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
    ...(reservation ? [{ name: `reserve ${name}`, ...reserving(reservation) }] : []),
    ...(needed
      ? [
          {
            name: `look whether ${name} needs a file`,
            ...script(needed.before, { question: needed.question }, work),
          },
          { name: `send a file for ${name}`, ...sending(needed.file) },
        ]
      : []),
    { name: `create ${name}`, ...script(kind.ensure(first.inputs, undefined), questions, work) },
    { name: `update ${name}`, ...script(kind.ensure(second.inputs, state), questions, work) },
    { name: `delete ${name}`, ...script(kind.remove(state), {}, work) },
    { name: `delete partly created ${name}`, ...script(kind.remove(partial), {}, work) },
    { name: `read ${name}`, ...script([], questions) },
    { name: `read many ${name}`, ...script([], askingForAll(questions)) },
  ];
});
