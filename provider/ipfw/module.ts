import { type Bookkeeping, running } from "../kind";
import { unloadModule } from "../library";
import { rcEnables } from "../library/rcconf";
import { askOutput } from "../nat/engine";
import { dropLines, type OwnLines } from "../owned";
import type { Question } from "../question";
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

/** While they are 0, as `service ipfw stop` leaves them, packets go past all rules; without IPv6 there is one. */
const ENABLED = ["net.inet.ip.fw.enable", "net.inet6.ip6.fw.enable"];

/** The rules that are there by now apply to packets; `made` in a create. */
export const turnOn = (isNew: boolean): Step[] =>
  ENABLED.map((oid) => ({
    run: sh`sysctl ${`${oid}=1`}`,
    unless: sh`[ "$(sysctl -i -n ${oid})" != 0 ]`,
    undo: sh`sysctl ${`${oid}=0`}`,
    cuts: true,
    ...(isNew && { made: oid }),
  }));

export const askOn: Question<string> = askOutput(sh`sysctl -i ${ENABLED}`, /$^/);

export const compareOn = (answer: string): string[] =>
  ENABLED.filter((oid) => answer.split("\n").includes(`${oid}: 0`)).map((oid) => running(`${oid} is 0`));

/** Unloads what was loaded and nobody uses, and forgets what was set for it. */
export function takeOut(modules: readonly string[], state: { owner: string } & Bookkeeping): Step[] {
  const made = (what: string) => state.made?.includes(what) ?? false;
  return [
    // Not while others want it at boot.
    ...ENABLED.filter(made).map((oid) => ({
      run: sh`sysctl ${`${oid}=0`}`,
      unless: sh`[ "$(sysctl -i -n ${oid})" != 1 ] || ${rcEnables} firewall_enable`,
    })),
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
