import { z } from "zod";
import { adoptShape, commonShape, internalShape, targetOf } from "../common";
import { rcAddresses, rcMtu, rcName, rcText } from "../freebsd/rcconf";
import { defineKind, running } from "../kind";
import {
  askLendable,
  atHome,
  compareLendable,
  foundLendable,
  keepLendable,
  removeLendable,
} from "../lendable";
import { claimVlan, interfaceVlan } from "../library/links";
import {
  askLines,
  askRc,
  compareAddresses,
  compareMtu,
  compareRc,
  dropLines,
  keepAddresses,
  keepLines,
  keepMtu,
  type RcLines,
} from "../owned";
import { cidr, interfaceName, mtu, mustParseCidr, vlanTag } from "../scalars";
import { type InputOf, live, replace } from "../schema";
import { sh } from "../sh";

export const vlanShape = {
  ...commonShape,
  /**
   * The interface that carries the tagged frames, such as `em0`. It is not ours: it must exist and be up, now and
   * at boot by its own lines in rc.conf(5).
   */
  parent: replace(interfaceName),
  /** The VLAN's number, 1 to 4094. See vlan(4). */
  tag: replace(vlanTag),
  /**
   * Name of the interface: `vlan` and a unit, such as `vlan10`, or parent and tag, such as `em0.10`.
   * @default parent and tag: `em0.10`
   */
  name: replace(interfaceName.optional()),
  /**
   * The host's addresses on it, with prefix length. IPv4 and IPv6. Leave them out when a jail takes the interface
   * over: it arrives there without them.
   * @default []
   */
  addresses: live(z.array(cidr).default([])),
  /**
   * Bytes in a frame's payload; at most the parent's.
   * @default the parent's: 1500
   */
  mtu: live(mtu.optional()),
  ...adoptShape,
  ...internalShape,
};

export interface VlanOutputs {
  /** Name of the interface. */
  name: string;
}

type Input = InputOf<typeof vlanShape>;

const nameOf = (input: Input) => input.name as string;
const isNumbered = (name: string) => /^vlan(0|[1-9]\d{0,4})$/.test(name);
const addressesOf = (input: Input) => input.addresses.map(mustParseCidr);

// man page only: rc.conf(5) for vlans_IF and create_args_IF.
/** Made at boot with its parent, whatever makes that: `vlans_em0`, not `cloned_interfaces`, whose order matters. */
function rc(input: Input): RcLines {
  const { owner, parent, tag } = input;
  const name = nameOf(input);
  const values = {
    ...(isNumbered(name) && { [`create_args_${name}`]: `vlan ${tag}` }),
    ...rcAddresses(name, addressesOf(input), rcMtu(input.mtu)),
    [`ifconfig_${rcName(name)}_descr`]: owner,
  };
  const words = { [`vlans_${rcName(parent)}`]: isNumbered(name) ? name : String(tag) };
  return { path: "/etc/rc.conf", owner, values, words, text: rcText(values, words) };
}

export const vlan = defineKind({
  name: "Vlan",
  noun: "vlan",
  inputs: vlanShape,
  outputs: ["name"],
  id: nameOf,
  target: (input) => targetOf(input.host),

  derive: ({ name, parent, tag }) =>
    name === undefined && parent !== undefined && tag !== undefined ? { name: `${parent}.${tag}` } : {},

  relations({ name, parent, tag }, report) {
    if (name === undefined || parent === undefined || tag === undefined) return;
    if (!isNumbered(name) && name !== `${parent}.${tag}`) {
      report("name", `"${name}" is neither "vlan" and a unit, such as "vlan${tag}", nor "${parent}.${tag}"`);
    }
  },

  ensure(input, previous) {
    const name = nameOf(input);
    const { parent, tag } = input;
    return [
      {
        what: `look whether tag ${tag} on ${parent} is free`,
        run: sh`${claimVlan} ${name} ${parent} ${tag}`,
      },
      ...keepLendable(name, sh`ifconfig ${name} create vlan ${tag} vlandev ${parent}`, input, previous),
      // It has lost its parent when that was made anew.
      atHome(name, input, {
        run: sh`ifconfig ${name} vlan ${tag} vlandev ${parent}`,
        unless: sh`${interfaceVlan} ${name} ${parent} ${tag}`,
      }),
      ...keepMtu(name, input.mtu, previous?.mtu).map((step) => atHome(name, input, step)),
      ...keepAddresses(name, addressesOf(input), previous ? addressesOf(previous) : []),
      atHome(name, input, { run: sh`ifconfig ${name} up` }),
      ...keepLines(rc(input), previous && { ...rc(previous), drift: previous.drift }),
    ];
  },

  remove: (state) => [...removeLendable(nameOf(state), state), dropLines(rc(state))],

  questions: (input) => ({
    ...askLendable(nameOf(input), input),
    lines: askLines(rc(input)),
    ...askRc(rc(input)),
  }),

  gone: ({ link, lent, lines }) => link === undefined && lent === undefined && lines === undefined,

  found: (input, answers) => foundLendable(nameOf(input), answers, input),

  compare(input, { lines, ...answers }) {
    const name = nameOf(input);
    const { link } = answers;
    const { tag, parent } = link?.vlan ?? { tag: 0, parent: "<none>" };
    return [
      ...compareLendable(name, answers, input),
      ...(link && (tag !== input.tag || parent !== input.parent)
        ? [running(`${name} has the tag ${tag} on ${parent}`)]
        : []),
      ...compareMtu(name, link, input.mtu),
      ...compareAddresses(name, link, addressesOf(input)),
      ...compareRc(rc(input), lines, answers),
    ];
  },

  observe: (input) => ({ name: nameOf(input) }),
});
