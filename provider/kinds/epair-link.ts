import { z } from "zod";
import { commonShape, internalShape, targetOf } from "../common";
import { askInterface } from "../freebsd/interface";
import { rcName, rcText } from "../freebsd/rcconf";
import { defineKind, running } from "../kind";
import { hasMember } from "../library";
import {
  askLines,
  askRc,
  compareInterface,
  compareRc,
  dropLines,
  keepInterface,
  keepLines,
  type RcLines,
  removeInterface,
} from "../owned";
import { cidr, interfaceName } from "../scalars";
import { type InputOf, live, type Reference, reference, replace } from "../schema";
import { sh } from "../sh";

export const bridgeReferenceShape = {
  name: interfaceName,
  addresses: z.array(cidr),
};

export type BridgeReference = Reference<"Bridge", z.output<z.ZodObject<typeof bridgeReferenceShape>>>;

const unit = (value: unknown) => `${JSON.stringify(value)} is not a unit: a whole number from 0 to 32767`;

export const epairLinkShape = {
  ...commonShape,
  /** The bridge that gets the pair's "a" side as a member. */
  bridge: live(reference("Bridge", bridgeReferenceShape, ["name"])),
  /** The pair's number: 1 makes `epair1a` (on the bridge) and `epair1b` (for the jail). See epair(4). */
  unit: replace(
    z
      .int({ error: (issue) => unit(issue.input) })
      .refine((v) => v >= 0 && v <= 32767, { error: (issue) => unit(issue.input) }),
  ),
  ...internalShape,
};

export interface EpairLinkOutputs {
  /** Name of the pair as cloned_interfaces has it: `epair1`. */
  name: string;
  /** The side on the bridge: `epair1a`. */
  hostSide: string;
  /** The side for the jail: `epair1b`. */
  jailSide: string;
}

type Input = InputOf<typeof epairLinkShape>;

const sides = ({ unit }: { unit: number }): EpairLinkOutputs => ({
  name: `epair${unit}`,
  hostSide: `epair${unit}a`,
  jailSide: `epair${unit}b`,
});

/**
 * A missing member in `ifconfig_bridge0="… addm epair1a …"` costs the bridge its address at boot;
 * `autobridge_bridge0` does not, so membership goes there.
 */
function rc(input: Input): RcLines {
  const { name, hostSide } = sides(input);
  const { owner } = input;
  const values = { [`ifconfig_${hostSide}`]: "up", [`ifconfig_${hostSide}_descr`]: owner };
  const words = { cloned_interfaces: name, [`autobridge_${rcName(input.bridge.name)}`]: hostSide };
  return { path: "/etc/rc.conf", owner, values, words, text: rcText(values, words) };
}

export const epairLink = defineKind({
  name: "EpairLink",
  noun: "epair",
  inputs: epairLinkShape,
  outputs: ["name", "hostSide", "jailSide"],
  id: (input) => sides(input).name,
  target: (input) => targetOf(input.host),

  ensure(input, previous) {
    const { name, hostSide } = sides(input);
    const bridge = input.bridge.name;
    const left = previous && previous.bridge.name !== bridge ? [previous.bridge.name] : [];
    return [
      ...keepInterface(hostSide, sh`ifconfig ${name} create`, input, previous),
      ...left.map((old) => ({
        run: sh`ifconfig ${old} deletem ${hostSide}`,
        unless: sh`! ${hasMember} ${old} ${hostSide}`,
        undo: sh`ifconfig ${old} addm ${hostSide}`,
      })),
      {
        run: sh`ifconfig ${bridge} addm ${hostSide}`,
        unless: sh`${hasMember} ${bridge} ${hostSide}`,
        undo: sh`ifconfig ${bridge} deletem ${hostSide}`,
      },
      { run: sh`ifconfig ${hostSide} up` },
      ...keepLines(rc(input), previous && { ...rc(previous), drift: previous.drift }),
    ];
  },

  remove: (state) => [removeInterface(sides(state).hostSide, state), dropLines(rc(state))],

  questions: (input) => ({
    link: askInterface(sides(input).hostSide),
    bridge: askInterface(input.bridge.name),
    lines: askLines(rc(input)),
    ...askRc(rc(input)),
  }),

  gone: ({ link, lines }) => link === undefined && lines === undefined,

  compare(input, answers) {
    const { hostSide } = sides(input);
    return [
      ...compareInterface(hostSide, answers.link, input),
      ...(answers.link && !answers.bridge?.members.includes(hostSide)
        ? [running(`${hostSide} is not a member of ${input.bridge.name}`)]
        : []),
      ...compareRc(rc(input), answers.lines, answers),
    ];
  },

  observe: (input) => sides(input),
});
