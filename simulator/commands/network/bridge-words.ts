import { IFBIF, type Interface, type Member } from "../../kernel/netif";
import { type Context, ioctl, netifOf, type Run, said, type Word } from "./context";

const bridgeOf = (on: Context, failed: string): Interface => {
  const netif = netifOf(on);
  return netif.kind === "bridge" ? netif : on.self.errx(1, `${failed}: Invalid argument`);
};

const addMember: Run = (on, name) => {
  const netif = netifOf(on);
  ioctl(on, () => on.io.kernel.network.addMember(netif, name!), said(`BRDGADD ${name}`));
};

const deleteMember: Run = (on, name) => {
  const bridge = bridgeOf(on, `BRDGDEL ${name}`);
  ioctl(on, () => on.io.kernel.network.removeMember(bridge, name!), said(`BRDGDEL ${name}`));
};

function memberOf(on: Context, name: string, failed: string): Member {
  const bridge = bridgeOf(on, failed);
  const netif = on.vnet.find(name);
  if (!on.allowed) on.self.errx(1, `${failed}: Operation not permitted`);
  return (netif && bridge.members.get(netif)) ?? on.self.errx(1, `${failed}: No such file or directory`);
}

const memberFlag = (word: string, bit: number): [string, Word][] => [
  [
    word,
    [
      1,
      (on, name) => {
        memberOf(on, name!, "unable to get bridge flags").flags |= bit;
      },
    ],
  ],
  [
    `-${word}`,
    [
      1,
      (on, name) => {
        memberOf(on, name!, "unable to get bridge flags").flags &= ~bit;
      },
    ],
  ],
];

const number = (on: Context, text: string, most: number): number => {
  const value = /^(0x[\da-f]+|\d+)$/i.test(text) ? Number(text) : Number.NaN;
  return value <= most ? value : on.self.errx(1, `invalid value: ${text}`);
};

const memberNumber = (
  word: string,
  request: string,
  most: number,
  key: "priority" | "pathCost" | "maxAddresses",
): [string, Word] => [
  word,
  [
    2,
    (on, name, text) => {
      const value = number(on, text!, most);
      memberOf(on, name!, `${request} ${text}`)[key] = value;
    },
  ],
];

const bridgeNumber = (
  word: string,
  request: string,
  [least, most]: readonly [number, number],
  key: "priority" | "hellotime" | "fwddelay" | "maxage" | "holdcnt" | "maxaddr" | "timeout",
  wide = 0xff,
): [string, Word] => [
  word,
  [
    1,
    (on, text) => {
      const value = number(on, text!, wide);
      const { settings } = bridgeOf(on, `${request} ${text}`);
      if (!on.allowed) on.self.errx(1, `${request} ${text}: Operation not permitted`);
      // bstp_set_htime()
      if (key === "hellotime" && settings!.proto !== "stp")
        on.self.errx(1, `${request} ${text}: Operation not permitted`);
      if (value < least || value > most) on.self.errx(1, `${request} ${text}: Invalid argument`);
      // bstp_set_priority(): in steps of 4096.
      settings![key] = key === "priority" ? value - (value % 4096) : value;
    },
  ],
];

const setStpProtocol: Run = (on, text) => {
  const proto = text!.toLowerCase();
  if (proto !== "stp" && proto !== "rstp") return on.self.errx(1, "unknown stp protocol");
  const settings = bridgeOf(on, `BRDGSPROTO ${text}`).settings!;
  // bstp_set_protocol()
  if (settings.proto !== proto) settings.hellotime = 2;
  settings.proto = proto;
};

export const bridgeWords: readonly [string, Word][] = [
  ["addm", [1, addMember]],
  ["deletem", [1, deleteMember]],
  ...memberFlag("discover", IFBIF.DISCOVER),
  ...memberFlag("learn", IFBIF.LEARNING),
  ...memberFlag("sticky", IFBIF.STICKY),
  ...memberFlag("stp", IFBIF.STP),
  ...memberFlag("edge", IFBIF.EDGE),
  ...memberFlag("autoedge", IFBIF.AUTOEDGE),
  ...memberFlag("ptp", IFBIF.PTP),
  ...memberFlag("autoptp", IFBIF.AUTOPTP),
  ...memberFlag("private", IFBIF.PRIVATE),
  memberNumber("ifpriority", "BRDGSIFPRIO", 0xff, "priority"),
  memberNumber("ifpathcost", "BRDGSIFCOST", 0xffffffff, "pathCost"),
  memberNumber("ifmaxaddr", "BRDGSIFAMAX", 0xffffffff, "maxAddresses"),
  bridgeNumber("priority", "BRDGSPRI", [0, 61440], "priority", 0xffff),
  bridgeNumber("hellotime", "BRDGSHT", [1, 2], "hellotime"),
  bridgeNumber("fwddelay", "BRDGSFD", [4, 30], "fwddelay"),
  bridgeNumber("maxage", "BRDGSMA", [6, 40], "maxage"),
  bridgeNumber("holdcnt", "BRDGSTXHC", [1, 10], "holdcnt"),
  bridgeNumber("maxaddr", "BRDGSCACHE", [0, 0xffffffff], "maxaddr", 0xffffffff),
  bridgeNumber("timeout", "BRDGSTO", [0, 0xffffffff], "timeout", 0xffffffff),
  ["proto", [1, setStpProtocol]],
  // The bridge's address table is not simulated: it is empty.
  ["addr", [0, (on) => void bridgeOf(on, "unable to get address cache")]],
  ["flush", [0, (on) => void bridgeOf(on, "BRDGFLUSH")]],
  ["flushall", [0, (on) => void bridgeOf(on, "BRDGFLUSH")]],
];
