import { autoLinkLocal } from "../../kernel/addresses";
import { JailError } from "../../kernel/jails";
import { IFF, ND6 } from "../../kernel/netif";
import { maxNameLength, type Vnet } from "../../kernel/network";
import { setBroadcast, setMask, setPrefixLength } from "./address-words";
import { bridgeWords } from "./bridge-words";
import { type Context, ioctl, netifOf, type Run, said, type Word } from "./context";
import { jailOf } from "./program";
import { vlanWords } from "./vlan-words";

const flag =
  (bit: number, set: boolean): Run =>
  (on) => {
    const netif = netifOf(on);
    if (!on.allowed) on.self.errx(1, `${wordOf(bit, set)}: permission denied`);
    if (bit === IFF.UP) on.io.kernel.network.setUp(netif, set);
    else netif.extraFlags = set ? netif.extraFlags | bit : netif.extraFlags & ~bit;
  };

/** Perror() names the word that was given. */
function wordOf(bit: number, set: boolean): string {
  if (bit === IFF.UP) return set ? "up" : "down";
  if (bit === IFF.NOARP) return set ? "-arp" : "arp";
  const [name = ""] = Object.entries(IFF).find(([, value]) => value === bit) ?? [];
  const word = bit === IFF.PPROMISC ? "promisc" : name.toLowerCase();
  return set ? word : `-${word}`;
}

const both = (word: string, bit: number): [string, Word][] => [
  [word, [0, flag(bit, true)]],
  [`-${word}`, [0, flag(bit, false)]],
];

const capability: Word = [0, (on) => void netifOf(on)];

const setDescription: Run = (on, text) => {
  const netif = netifOf(on);
  ioctl(
    on,
    () => {
      netif.description = text!;
    },
    said("ioctl SIOCSIFDESCR (set descr)"),
  );
};

const alias =
  (param: 1 | -1): Run =>
  (on) => {
    // The address before `-alias` is the one to remove.
    if (param < 0 && on.alias === 0) on.removed = on.address?.value;
    on.alias = param;
    on.clears = param < 0;
    if (param < 0) on.adds = false;
  };

const setMtu: Run = (on, text) => {
  const netif = netifOf(on);
  const mtu = Number.parseInt(text!, 10) || 0;
  ioctl(on, () => on.io.kernel.network.setMtu(netif, mtu), said("ioctl SIOCSIFMTU (set mtu)"));
};

const setName: Run = (on, text) => {
  const netif = netifOf(on);
  ioctl(on, () => on.io.kernel.network.rename(netif, text!), said("ioctl SIOCSIFNAME (set name)"));
  on.name = text!;
  on.printed = text;
};

function jailFor(on: Context, key: string): { jid: number; vnet: Vnet } | undefined {
  try {
    const jail = jailOf(on.io, key);
    return { jid: jail.jid, vnet: on.io.kernel.network.vnetOf(jail) };
  } catch (error) {
    if (!(error instanceof JailError)) throw error;
    // jail_getid(3) takes a number as it is; the kernel then does not know it.
    if (!/^\d+$/.test(key)) on.self.errx(1, error.message);
    return undefined;
  }
}

const lend: Run = (on, key) => {
  const to = jailFor(on, key!);
  const netif = netifOf(on);
  const failed = said("SIOCSIFVNET");
  if (!to) return on.self.errx(1, failed(on.allowed ? "Device not configured" : "Operation not permitted"));
  ioctl(on, () => on.io.kernel.network.move(netif, to.vnet), failed);
};

const takeBack: Run = (on, key) => {
  const from = jailFor(on, key!);
  const failed = said(`SIOCSIFRVNET(${from?.jid ?? key}, ${on.name})`);
  if (!on.allowed) on.self.errx(1, failed("Operation not permitted"));
  if (from?.vnet === on.vnet) on.self.errx(1, failed("File exists"));
  const netif = from?.vnet.find(on.name);
  if (!netif) return on.self.errx(1, failed("Device not configured"));
  ioctl(on, () => on.io.kernel.network.move(netif, on.vnet), failed);
};

const destroy: Run = (on) => {
  const netif = on.vnet.find(on.name);
  if (!netif) return on.self.errx(1, "SIOCIFDESTROY: Device not configured");
  ioctl(on, () => on.io.kernel.network.destroy(netif), said("SIOCIFDESTROY"));
};

// Groups

const group =
  (joins: boolean): Run =>
  (on, name) => {
    const netif = netifOf(on);
    const caller = joins ? "setifgroup" : "unsetifgroup";
    if (/\d$/.test(name!)) on.self.errx(1, `${caller}: group names may not end in a digit`);
    if (name!.length > maxNameLength) on.self.errx(1, `${caller}: group name too long`);
    const { network } = on.io.kernel;
    // Group membership that is as asked for already is no error.
    ioctl(
      on,
      () => (joins ? network.addGroup(netif, name!) : network.removeGroup(netif, name!)),
      said(joins ? " SIOCAIFGROUP" : "SIOCDIFGROUP"),
    );
  };

// inet6

const nd6 =
  (bit: number, set: boolean): Run =>
  (on) => {
    const netif = netifOf(on);
    ioctl(
      on,
      () => {
        netif.nd6 = set ? netif.nd6 | bit : netif.nd6 & ~bit;
        autoLinkLocal(on.io.kernel.network, netif);
      },
      said("ioctl(SIOCSIFINFO_IN6)"),
    );
  };

const nd6Words: readonly (readonly [string, number])[] = [
  ["accept_rtadv", ND6.ACCEPT_RTADV],
  ["auto_linklocal", ND6.AUTO_LINKLOCAL],
  ["ifdisabled", ND6.IFDISABLED],
  ["nud", ND6.PERFORMNUD],
  ["prefer_source", ND6.PREFER_SOURCE],
  ["no_prefer_iface", ND6.NO_PREFER_IFACE],
  ["no_radr", ND6.NO_RADR],
  ["no_dad", ND6.NO_DAD],
  ["defaultif", 0],
];

const ignored: Word = [1, () => {}];

/** What ifconfig(8) takes for a word; anything else is an address. */
export const words: ReadonlyMap<string, Word> = new Map<string, Word>([
  ["up", [0, flag(IFF.UP, true)]],
  ["down", [0, flag(IFF.UP, false)]],
  ["arp", [0, flag(IFF.NOARP, false)]],
  ["-arp", [0, flag(IFF.NOARP, true)]],
  ...both("debug", IFF.DEBUG),
  ...both("promisc", IFF.PPROMISC),
  ...both("link0", IFF.LINK0),
  ...both("link1", IFF.LINK1),
  ...both("link2", IFF.LINK2),
  ...both("monitor", IFF.MONITOR),
  ...both("staticarp", IFF.STATICARP),
  ...["rxcsum", "txcsum", "rxcsum6", "txcsum6", "tso", "tso4", "tso6", "lro", "polling", "netcons", "wol"]
    .concat(["vlanmtu", "vlanhwtag", "vlanhwfilter", "vlanhwtso", "vlanhwcsum"])
    .flatMap((word): [string, Word][] => [
      [word, capability],
      [`-${word}`, capability],
    ]),
  ["description", [1, setDescription]],
  ["descr", [1, setDescription]],
  ["-description", [0, (on) => setDescription(on, "")]],
  ["-descr", [0, (on) => setDescription(on, "")]],
  ["add", [0, alias(1)]],
  ["alias", [0, alias(1)]],
  ["-alias", [0, alias(-1)]],
  ["delete", [0, alias(-1)]],
  ["remove", [0, alias(-1)]],
  ["netmask", [1, setMask]],
  ["broadcast", [1, setBroadcast]],
  [
    "metric",
    [
      1,
      (on, text) => {
        const netif = netifOf(on);
        const metric = Number.parseInt(text!, 10) || 0;
        ioctl(
          on,
          () => {
            netif.metric = metric;
          },
          said("ioctl SIOCSIFMETRIC (set metric)"),
        );
      },
    ],
  ],
  ["mtu", [1, setMtu]],
  ["name", [1, setName]],
  ["vnet", [1, lend]],
  ["-vnet", [1, takeBack]],
  ["destroy", [0, destroy]],
  ["unplumb", [0, destroy]],
  ["group", [1, group(true)]],
  ["-group", [1, group(false)]],
  ...vlanWords,
  ...bridgeWords,
  ["fib", ignored],
  ["media", ignored],
  ["mediaopt", ignored],
  ["prefixlen", [1, setPrefixLength]],
  ["pltime", ignored],
  ["vltime", ignored],
  ...nd6Words.flatMap(([word, bit]): [string, Word][] => [
    [word, [0, nd6(bit, true)]],
    [`-${word}`, [0, nd6(bit, false)]],
  ]),
]);
