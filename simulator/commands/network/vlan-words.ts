import { type Context, ioctl, netifOf, type Run, said, type Word } from "./context";

const vlanTag = (on: Context, text: string): number => {
  if (!/^(0x[\da-f]+|\d+)$/i.test(text)) on.self.errx(1, "invalid value for vlan");
  if (Number(text) > 0xffff) on.self.errx(1, "value for vlan out of range");
  return Number(text);
};

/** vlan_set(): does nothing until both the tag and the parent are known. */
function setVlan(on: Context, tag: number | undefined, parent: string | undefined): void {
  if (tag === undefined || parent === undefined) return;
  const netif = netifOf(on);
  ioctl(on, () => on.io.kernel.network.setVlan(netif, { tag, parent }), said("SIOCSETVLAN"));
}

const setTag: Run = (on, text) => {
  on.vlan.tag = vlanTag(on, text!);
  // The parent is the one it has, not one given before on the same line.
  const parent = netifOf(on).vlan?.parent?.name;
  if (parent !== undefined) on.vlan.parent = parent;
  setVlan(on, on.vlan.tag, parent);
};

const setParent: Run = (on, name) => {
  on.vlan.parent = name!;
  setVlan(on, on.vlan.tag, name);
};

const unsetParent: Run = (on) => {
  const netif = netifOf(on);
  ioctl(on, () => on.io.kernel.network.unsetVlan(netif), said("SIOCSETVLAN"));
};

const setPcp: Run = (on, text) => {
  const pcp = Number(text);
  if (!/^\d+$/.test(text!)) on.self.errx(1, "invalid value for vlanpcp");
  if (pcp > 7) on.self.errx(1, "value for vlanpcp out of range");
  const { vlan } = netifOf(on);
  if (!vlan) return on.self.errx(1, "SIOCGETVLAN: Invalid argument");
  vlan.pcp = pcp;
};

const setProto: Run = (on, text) => {
  if (text !== "802.1q" && text !== "802.1ad") return on.self.errx(1, "invalid value for vlanproto");
  const { vlan } = netifOf(on);
  if (vlan) vlan.proto = text;
};

export const vlanWords: readonly [string, Word][] = [
  ["vlan", [1, setTag]],
  ["vlandev", [1, setParent]],
  ["-vlandev", [0, unsetParent]],
  ["vlanpcp", [1, setPcp]],
  ["vlanproto", [1, setProto]],
];

/** Words that go with `create`: they are needed before there is an interface. */
export const cloneWords: ReadonlyMap<string, Word> = new Map<string, Word>([
  ["create", [0, () => {}]],
  ["plumb", [0, () => {}]],
  [
    "vlan",
    [
      1,
      (on, text) => {
        on.vlan.tag = vlanTag(on, text!);
      },
    ],
  ],
  [
    "vlandev",
    [
      1,
      (on, name) => {
        on.vlan.parent = name!;
      },
    ],
  ],
]);
