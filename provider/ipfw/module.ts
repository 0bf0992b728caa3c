import type { Bookkeeping } from "../kind";
import { unloadModule } from "../library";
import { dropLines, type OwnLines } from "../owned";
import type { Step } from "../script";
import { sh } from "../sh";

/* ipfw(4) comes in so that it accepts by default: otherwise it denies all once it is loaded, the SSH session first. */

const ACCEPT = "net.inet.ip.fw.default_to_accept";

export const acceptAtBoot = ({ owner }: { owner: string }): OwnLines => ({
  path: "/boot/loader.conf",
  owner,
  text: `${ACCEPT}="1"`,
});

/** Loads `modules`, in their order, and marks what was loaded as made. */
export const bringIn = (modules: readonly string[]): Step[] => [
  {
    // Where the disk is full, it would fail for what it prints, and have done it.
    run: sh`kenv ${`${ACCEPT}=1`} >/dev/null`,
    unless: sh`[ "$(kenv -q ${ACCEPT})" = 1 ]`,
    undo: sh`kenv -u ${ACCEPT}`,
    made: "kenv",
  },
  ...modules.map((name) => ({
    run: sh`kldload ${name}`,
    unless: sh`kldstat -q -m ${name}`,
    undo: sh`${unloadModule} ${name}`,
    made: name,
  })),
];

/** Unloads what was loaded and nobody uses, and forgets what was set for it. */
export function takeOut(modules: readonly string[], state: { owner: string } & Bookkeeping): Step[] {
  const made = (what: string) => state.made?.includes(what) ?? false;
  return [
    ...modules
      .filter(made)
      .reverse()
      .map((name) => ({
        what: `kldunload ${name}`,
        run: sh`${unloadModule} ${name}`,
        unless: sh`! kldstat -q -m ${name}`,
      })),
    dropLines(acceptAtBoot(state)),
    ...(made("kenv") ? [{ run: sh`kenv -u ${ACCEPT}`, unless: sh`! kenv -q ${ACCEPT}` }] : []),
  ];
}
