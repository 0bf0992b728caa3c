import { z } from "zod";
import { commonShape, internalShape, targetOf } from "../common";
import { askInterface } from "../freebsd/interface";
import { rcText } from "../freebsd/rcconf";
import { defineKind, running } from "../kind";
import {
  askLines,
  askRc,
  compareInterface,
  compareRc,
  dropLines,
  keepAddresses,
  keepInterface,
  keepLines,
  type RcLines,
  removeInterface,
} from "../owned";
import { bridgeName, cidr, mustParseCidr } from "../scalars";
import { type InputOf, live, replace } from "../schema";
import { sh } from "../sh";

export const bridgeShape = {
  ...commonShape,
  /** Name of the interface: `bridge` and a unit, such as `bridge0`. See if_bridge(4). */
  name: replace(bridgeName),
  /**
   * The host's own addresses on the bridge, with prefix length: what the jails use as their gateway. IPv4 and
   * IPv6. Addresses that others add by hand are left alone.
   * @default [] (the bridge connects its members and the host is not on it)
   */
  addresses: live(z.array(cidr).default([])),
  ...internalShape,
};

export interface BridgeOutputs {
  /** The bridge's MAC address. */
  ether: string;
}

type Input = InputOf<typeof bridgeShape>;

const addressesOf = (input: Input) => input.addresses.map(mustParseCidr);

/** What makes the bridge again at boot. Its members are told by the links (`autobridge_*`). */
function rc(input: Input): RcLines {
  const { name, owner } = input;
  const v4 = addressesOf(input).filter((a) => a.family === "inet");
  const v6 = addressesOf(input).filter((a) => a.family === "inet6");
  const values = {
    [`ifconfig_${name}`]: v4[0] ? `inet ${v4[0].text} up` : "up",
    ...(v6[0] && { [`ifconfig_${name}_ipv6`]: `inet6 ${v6[0].text}` }),
    ...Object.fromEntries(
      [...v4.slice(1), ...v6.slice(1)].map((a, i) => [`ifconfig_${name}_alias${i}`, `${a.family} ${a.text}`]),
    ),
    [`ifconfig_${name}_descr`]: owner,
  };
  const words = { cloned_interfaces: name, autobridge_interfaces: name };
  return { path: "/etc/rc.conf", owner, values, words, text: rcText(values, words) };
}

export const bridge = defineKind({
  name: "Bridge",
  noun: "bridge",
  inputs: bridgeShape,
  outputs: ["ether"],
  id: (input) => input.name,
  target: (input) => targetOf(input.host),

  relations(input, report) {
    const seen = new Map<string, number>();
    input.addresses?.forEach((text, i) => {
      if (text === undefined) return;
      const { address } = mustParseCidr(text);
      const first = seen.get(address);
      if (first !== undefined)
        report(`addresses[${i}]`, `${address} is there already, as addresses[${first}]`);
      seen.set(address, i);
    });
  },

  ensure: (input, previous) => [
    ...keepInterface(input.name, sh`ifconfig ${input.name} create`, input, previous),
    ...keepAddresses(input.name, addressesOf(input), previous ? addressesOf(previous) : []),
    { run: sh`ifconfig ${input.name} up` },
    ...keepLines(rc(input), previous && { ...rc(previous), drift: previous.drift }),
  ],

  remove: (state) => [removeInterface(state.name, state), dropLines(rc(state))],

  questions: (input) => ({
    link: askInterface(input.name),
    lines: askLines(rc(input)),
    ...askRc(rc(input)),
  }),

  gone: ({ link, lines }) => link === undefined && lines === undefined,

  compare: (input, answers) => [
    ...compareInterface(input.name, answers.link, input),
    ...(answers.link
      ? addressesOf(input)
          .filter((a) => !answers.link?.addresses.includes(a.text))
          .map((a) => running(`${input.name} lacks ${a.text}`))
      : []),
    ...compareRc(rc(input), answers.lines, answers),
  ],

  observe: (_input, { link }): BridgeOutputs => ({ ether: link?.ether ?? "" }),
});
