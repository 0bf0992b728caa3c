import { jailRuns } from "../library";
import { anywhere, jailWith } from "../library/links";
import { type Among, type Question, Unreadable } from "../question";
import { type Sh, sh } from "../sh";
import { amongInterfaces, borrowerOf, interfaceIn } from "./everywhere";

/** What ifconfig(8) says of one interface. */
export interface InterfaceState {
  readonly up: boolean;
  readonly mtu: number;
  readonly ether: string | undefined;
  readonly description: string | undefined;
  /** `10.10.15.1/24`, as FreeBSD prints them; without link-local ones. */
  readonly addresses: readonly string[];
  readonly members: readonly string[];
  /** Those that take part in the bridge's spanning tree. */
  readonly stpMembers: readonly string[];
  /** A bridge's own numbers, by their words of ifconfig(8): priority, hellotime, fwddelay, maxage, proto … */
  readonly bridge: ReadonlyMap<string, string>;
  readonly vlan: { readonly tag: number; readonly parent: string } | undefined;
}

/** The interface, or undefined when ifconfig says that there is none. With `jail`: in that jail's network stack. */
export function askInterface(name: string, jail?: string): Question<InterfaceState | undefined> {
  const ask =
    jail === undefined
      ? sh`ifconfig -f inet:cidr,inet6:cidr ${name}`
      : sh`if ${jailRuns} ${jail}; then ifconfig -j ${jail} -f inet:cidr,inet6:cidr ${name}; else (exit 66); fi`;
  const among = amongInterfaces(({ host, jails }) => {
    if (jail === undefined) return interfaceIn(host, name);
    const stack = jails.find((each) => each.name === jail)?.stack;
    return stack ? interfaceIn(stack, name) : { text: "", status: 66 };
  });
  return interfaceQuestion(`ifconfig ${jail === undefined ? "" : `-j ${jail} `}${name}`, ask, among);
}

/** Our interface wherever it is: on the host, or in the jail that took it. */
export const askAnywhere = (name: string, owner: string) =>
  interfaceQuestion(
    `ifconfig ${name} of ${owner}`,
    sh`${anywhere} ${name} ${owner}`,
    amongInterfaces((all) =>
      interfaceIn(all.host.has(name) ? all.host : (borrowerOf(all, name, owner)?.stack ?? all.host), name),
    ),
  );

function interfaceQuestion(key: string, ask: Sh, among: Among): Question<InterfaceState | undefined> {
  return {
    key,
    ask,
    among,
    read(answer) {
      if (answer.status === 0) return parseInterface(answer.text);
      if (answer.status === 66 || /interface \S+ does not exist/.test(answer.text)) return undefined;
      throw new Unreadable(key, answer);
    },
  };
}

/** The jid of the jail that has our interface, or undefined when none has it. */
export const askBorrower = (name: string, owner: string): Question<number | undefined> => ({
  key: `jail with ${name} of ${owner}`,
  ask: sh`${jailWith} ${name} ${owner}`,
  among: amongInterfaces((all) => {
    const jail = borrowerOf(all, name, owner);
    return jail ? { text: jail.jid, status: 0 } : { text: "", status: 1 };
  }),
  read(answer) {
    if (answer.status > 1) throw new Unreadable(`jls, for the jail with ${name}`, answer);
    return answer.status === 0 ? Number(answer.text) : undefined;
  },
});

export function parseInterface(text: string): InterfaceState {
  const flags = /flags=[0-9a-f]+<([A-Z0-9_,]*)>/.exec(text)?.[1]?.split(",") ?? [];
  const value = (pattern: RegExp) => pattern.exec(text)?.[1];
  const [, tag, parent] = /^\tvlan: (\d+) .*parent interface: (\S+)$/m.exec(text) ?? [];
  return {
    up: flags.includes("UP"),
    mtu: Number(value(/ mtu (\d+)/)),
    ether: value(/^\tether (\S+)/m),
    description: value(/^\tdescription: (.*)$/m),
    addresses: [...text.matchAll(/^\tinet6? (\S+)/gm)]
      .map((m) => m[1] as string)
      .filter((a) => !a.includes("%")),
    members: [...text.matchAll(/^\tmember: (\S+)/gm)].map((m) => m[1] as string),
    stpMembers: [...text.matchAll(/^\tmember: (\S+) .*[<,]STP[,>]/gm)].map((m) => m[1] as string),
    bridge: bridgeSettings(text),
    vlan: parent === undefined ? undefined : { tag: Number(tag), parent },
  };
}

function bridgeSettings(text: string): Map<string, string> {
  const said = [...text.matchAll(/^\t(?:id|maxage) .*$/gm)].map(([line]) => line.trim()).join(" ");
  return new Map(
    [...said.matchAll(/(\S+) (\S+)/g)].map(([, word, value]) => [word as string, value as string]),
  );
}
