import { ownStacks } from "../library/links";
import type { Among, Answer } from "../question";
import { sh } from "../sh";

/*
 * The interfaces of the host and of all its jails, by one ifconfig(8) for each network stack, for who asks for many.
 */

const KEY = "interfaces everywhere";
const HOST = "interfaces of the host";
const inJail = (jid: string) => `interfaces of jail ${jid}`;

const ask = sh`ifconfig -f inet:cidr,inet6:cidr -a
emit ${encodeURIComponent(HOST)} $?
for jid in $(${ownStacks}); do
  ifconfig -j "$jid" -f inet:cidr,inet6:cidr -a
  emit ${encodeURIComponent(inJail(""))}"$jid" $?
done
jls -q jid vnet name`;

/** What ifconfig says of each interface, by its name. */
type Stack = ReadonlyMap<string, string>;

export interface Everywhere {
  readonly host: Stack;
  readonly jails: readonly { readonly jid: string; readonly name: string; readonly stack: Stack }[];
}

const known = new WeakMap<Answer, Everywhere>();

/** Undefined when one of the stacks could not be looked at: a jail has come or gone meanwhile. */
function everywhere(said: ReadonlyMap<string, Answer>): Everywhere | undefined {
  const list = said.get(KEY);
  if (!list) return undefined;
  const before = known.get(list);
  if (before) return before;
  const host = stackOf(said.get(HOST));
  const jails = list.text.split("\n").flatMap((line) => {
    const [, jid, name = ""] = /^(\d+) new (.*)$/.exec(line) ?? [];
    return jid === undefined ? [] : [{ jid, name, stack: stackOf(said.get(inJail(jid))) }];
  });
  if (list.status !== 0 || !host) return undefined;
  const seen = jails.flatMap(({ stack, ...jail }) => (stack ? [{ ...jail, stack }] : []));
  if (seen.length < jails.length) return undefined;
  const found = { host, jails: seen };
  known.set(list, found);
  return found;
}

function stackOf(answer: Answer | undefined): Stack | undefined {
  if (answer?.status !== 0) return undefined;
  const interfaces = answer.text.split(/^(?=\S)/m).filter((text) => text.trim() !== "");
  return new Map(interfaces.map((text) => [text.slice(0, text.indexOf(": ")), text]));
}

export const amongInterfaces = (pick: (all: Everywhere) => Answer): Among => ({
  key: KEY,
  ask,
  pick(said) {
    const all = everywhere(said);
    return all && pick(all);
  },
});

/** As ifconfig answers for one interface. */
export const interfaceIn = (stack: Stack, name: string): Answer => {
  const text = stack.get(name);
  return text === undefined
    ? { text: `ifconfig: interface ${name} does not exist\n`, status: 1 }
    : { text, status: 0 };
};

/** The jail that has our interface, known as `jail_with` knows it. */
export const borrowerOf = ({ jails }: Everywhere, name: string, owner: string) =>
  jails.find(({ stack }) => {
    const text = stack.get(name);
    if (text === undefined) return false;
    if (/^epair\d+b$/.test(name)) return !stack.has(name.replace(/b$/, "a"));
    const description = /^\tdescription: (.*)$/m.exec(text)?.[1];
    return description === owner || description?.startsWith(`${owner} `) === true;
  });
