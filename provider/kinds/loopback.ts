import { z } from "zod";
import { adoptShape, commonShape, internalShape, targetOf } from "../common";
import { rcAddresses, rcText } from "../freebsd/rcconf";
import { defineKind } from "../kind";
import {
  askLendable,
  atHome,
  compareLendable,
  foundLendable,
  keepLendable,
  removeLendable,
} from "../lendable";
import {
  askLines,
  askRc,
  compareAddresses,
  compareRc,
  dropLines,
  keepAddresses,
  keepLines,
  type RcLines,
} from "../owned";
import { cidr, loopbackName, mustParseCidr } from "../scalars";
import { type InputOf, live, replace } from "../schema";
import { sh } from "../sh";

export const loopbackShape = {
  ...commonShape,
  /** Name of the interface: `lo` and a unit from 1 on, such as `lo1`. `lo0` is the host's own. See lo(4). */
  name: replace(loopbackName),
  /**
   * The host's addresses on it, with prefix length, usually /32 and /128. IPv4 and IPv6. Leave them out when a jail
   * takes the interface over: it arrives there without them.
   * @default []
   */
  addresses: live(z.array(cidr).default([])),
  ...adoptShape,
  ...internalShape,
};

type Input = InputOf<typeof loopbackShape>;

const addressesOf = (input: Input) => input.addresses.map(mustParseCidr);

function rc(input: Input): RcLines {
  const { name, owner } = input;
  const values = { ...rcAddresses(name, addressesOf(input)), [`ifconfig_${name}_descr`]: owner };
  const words = { cloned_interfaces: name };
  return { path: "/etc/rc.conf", owner, values, words, text: rcText(values, words) };
}

export const loopback = defineKind({
  name: "Loopback",
  noun: "loopback",
  inputs: loopbackShape,
  outputs: [],
  id: (input) => input.name,
  target: (input) => targetOf(input.host),

  ensure: (input, previous) => [
    ...keepLendable(input.name, sh`ifconfig ${input.name} create`, input, previous),
    ...keepAddresses(input.name, addressesOf(input), previous ? addressesOf(previous) : []),
    atHome(input.name, input, { run: sh`ifconfig ${input.name} up` }),
    ...keepLines(rc(input), previous && { ...rc(previous), drift: previous.drift }),
  ],

  remove: (state) => [...removeLendable(state.name, state), dropLines(rc(state))],

  questions: (input) => ({
    ...askLendable(input.name, input),
    lines: askLines(rc(input)),
    ...askRc(rc(input)),
  }),

  gone: ({ link, lent, lines }) => link === undefined && lent === undefined && lines === undefined,

  found: (input, answers) => foundLendable(input.name, answers, input),

  compare: (input, { lines, ...answers }) => [
    ...compareLendable(input.name, answers, input),
    ...compareAddresses(input.name, answers.link, addressesOf(input)),
    ...compareRc(rc(input), lines, answers),
  ],

  observe: () => ({}),
});
