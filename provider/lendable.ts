import { askBorrower, askInterface, type InterfaceState } from "./freebsd/interface";
import { claimInterface, interfaceIsOurs } from "./library";
import { interfaceHas, jailWith } from "./library/links";
import { compareInterface, foundInterface, keepMark, wayOf } from "./owned";
import type { Step } from "./script";
import { type Sh, sh } from "./sh";

// man page only: vlans and loopbacks moved with `vnet`, and that they keep their description then.
/*
 * Interfaces of ours that a jail may take over whole (a vlan, a loopback): then they are not on the host, and known
 * in the jail by their description.
 */

interface Owned {
  readonly owner: string;
  readonly adopt?: boolean;
}

const lent = (name: string, { owner }: Owned): Sh => sh`${jailWith} ${name} ${owner}`;

/** Steps to an interface that exists, here or in a jail, and is marked as ours. */
export function keepLendable(name: string, create: Sh, owned: Owned, previous: Owned | undefined): Step[] {
  const was = previous ?? owned;
  return [
    { what: `look whether ${name} is free`, run: sh`${claimInterface} ${name} ${was.owner} ${wayOf(owned)}` },
    {
      run: create,
      unless: sh`ifconfig ${name} || ${lent(name, was)}`,
      undo: sh`ifconfig ${name} destroy`,
    },
    keepMark(
      name,
      owned,
      previous,
      sh`${interfaceHas} ${name} ${`description: ${owned.owner}`} || ${lent(name, owned)}`,
    ),
  ];
}

/** `step`, as long as the interface is on the host: what it is like in a jail is the jail's. */
export const atHome = (name: string, owned: Owned, step: Step): Step => ({
  ...step,
  unless: step.unless ? sh`${lent(name, owned)} || ${step.unless}` : lent(name, owned),
});

export const removeLendable = (name: string, owned: Owned): Step[] => [
  {
    what: `take ${name} back from its jail`,
    run: sh`ifconfig ${name} -vnet "$(${lent(name, owned)})"`,
    unless: sh`! ${lent(name, owned)}`,
  },
  { run: sh`ifconfig ${name} destroy`, unless: sh`! ${interfaceIsOurs} ${name} ${owned.owner}` },
];

export const askLendable = (name: string, { owner }: Owned) => ({
  link: askInterface(name),
  lent: askBorrower(name, owner),
});

export const compareLendable = (
  name: string,
  { link, lent }: { link: InterfaceState | undefined; lent: number | undefined },
  owned: Owned,
): string[] => (lent === undefined ? compareInterface(name, link, owned) : []);

/** In a jail it is known as nobody's only there, where its name may be another interface's: it is not looked for. */
export const foundLendable = (
  name: string,
  answers: { link: InterfaceState | undefined; lent: number | undefined; lines: string | undefined },
  owned: Owned,
) => (answers.lent === undefined ? foundInterface(name, answers, owned) : undefined);
