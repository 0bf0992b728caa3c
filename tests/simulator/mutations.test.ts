import { Machine } from "pulumi-freebsd-vnet/testing";
import type { Command } from "../../simulator/command";
import { commands } from "../../simulator/commands";
import { JailRun } from "../../simulator/commands/jail/run";
import { Firewall } from "../../simulator/kernel/firewall";
import { Mounts } from "../../simulator/kernel/mounts";
import { Network } from "../../simulator/kernel/network";
import { reach } from "../../simulator/kernel/reach";
import { Pool } from "../../simulator/kernel/zfs/pool";
import { bridge as bridgeScript } from "../../simulator/rc/bridge";
import { replay, scenarios } from "../conformance/replay";

/*
 * The model with one of FreeBSD's rules broken. Something that a real host answered, or a packet that must not get
 * through, has to tell; else nobody would notice when that rule is broken by mistake.
 */

const restore: (() => void)[] = [];

afterEach(() => {
  for (const undo of restore.splice(0).reverse()) undo();
});

/** Puts `make(original)` in the place of a method, or of an entry in a table. */
function replace<T extends object, K extends keyof T>(on: T, key: K, make: (original: T[K]) => T[K]): void {
  const original = on[key];
  on[key] = make(original);
  restore.push(() => {
    on[key] = original;
  });
}

const replaceCommand = (path: string, make: (original: Command) => Command): void =>
  replace(commands as Record<string, Command>, path, make);

/** What tells: a question whose answer is `right` of the whole model, and another of the broken one. */
interface Witness {
  readonly what: string;
  ask(): Promise<string>;
  readonly right: string;
}

/** A recorded command, the first of its scenario that is answered differently. */
const recorded = (scenario: string, command: string): Witness => ({
  what: `${scenario}: ${command}`,
  right: "as recorded",
  async ask() {
    const steps = scenarios().find((each) => each.scenario === scenario);
    const wrong = steps && (await replay(steps)).find(({ expected, actual }) => expected !== actual);
    if (wrong && wrong.run !== command) throw new Error(`it was another command that told: ${wrong.run}`);
    return wrong ? wrong.actual : "as recorded";
  },
});

/** A packet from the host to its router, after `lines`. */
const packet = (right: string, ...lines: string[]): Witness => ({
  what: `a packet to the router after: ${lines.at(-1)}`,
  right,
  async ask() {
    const machine = await Machine.create();
    for (const line of lines) {
      const { status, stderr } = await machine.exec(line);
      if (status !== 0) throw new Error(`${line}: ${stderr}`);
    }
    const { kernel } = machine;
    const { why } = reach(kernel, kernel.network.host, { address: "10.0.2.2", proto: "icmp" });
    machine.halt();
    return why;
  },
});

const mutations: [name: string, mutate: () => void, witness: Witness][] = [
  [
    "a jail that ends does not give its interfaces back",
    () =>
      replace(
        Network.prototype,
        "destroyVnet",
        () =>
          function (this: Network, vnet) {
            this.vnets.splice(this.vnets.indexOf(vnet), 1);
          },
      ),
    recorded("04-jail", "ifconfig -l"),
  ],
  [
    "a bridge and its members keep their own MTU",
    () =>
      replace(
        Network.prototype,
        "addMember",
        (original) =>
          function (this: Network, bridge, name) {
            const both = [bridge, bridge.vnet.find(name)];
            const before = both.map((netif) => netif?.mtu);
            original.call(this, bridge, name);
            for (const [n, netif] of both.entries()) if (netif) netif.mtu = before[n]!;
          },
      ),
    recorded("03-epair", "ifconfig bridge0"),
  ],
  [
    "a reboot keeps the live state",
    () => replace(Machine.prototype, "reboot", () => async () => {}),
    recorded("08-reboot", "kldstat"),
  ],
  [
    "destroying one side of an epair leaves the other",
    () =>
      replace(
        Network.prototype,
        "destroy",
        (original) =>
          function (this: Network, netif) {
            if (netif.peer) netif.peer.peer = undefined;
            netif.peer = undefined;
            original.call(this, netif);
          },
      ),
    recorded("03-epair", "ifconfig -l"),
  ],
  [
    "a dying jail does not keep its root busy",
    () =>
      replace(
        Mounts.prototype,
        "isBusy",
        (original) =>
          function (this: Mounts, mounted, holder) {
            const isDying = this.kernel.jails.all.some((jail) => jail.dying);
            return !isDying && original.call(this, mounted, holder);
          },
      ),
    recorded("19-dying", "umount /jails/j1"),
  ],
  [
    "a failing exec.prestart does not end the start",
    () =>
      replace(
        JailRun.prototype as unknown as { step(step: string, ...rest: unknown[]): Promise<boolean> },
        "step",
        (original) =>
          async function (this: { step: typeof original }, step, ...rest) {
            return (await original.call(this, step, ...rest)) || step === "exec.prestart";
          },
      ),
    recorded("05-jail-conf", "jail -c j2"),
  ],
  [
    "zfs destroy does not look for clones",
    () => replace(Pool.prototype, "clones", () => () => []),
    recorded("11-zfs", "zfs destroy zroot/a2@s1"),
  ],
  [
    "ifconfig inet without alias adds an address and replaces none",
    () =>
      replaceCommand(
        "/sbin/ifconfig",
        (original) => (args, io) => original(args.includes("inet") ? [...args, "alias"] : args, io),
      ),
    recorded("02-bridge", "ifconfig bridge0 inet 10.10.15.2 -alias"),
  ],
  [
    "rc ignores autobridge_*",
    () => replace(bridgeScript.actions as Record<string, () => number>, "start", () => () => 0),
    recorded("24-autobridge", "ifconfig bridge0"),
  ],
  [
    "sysrc escapes what a shell would read",
    () =>
      replaceCommand(
        "/usr/sbin/sysrc",
        (original) => (args, io) =>
          original(
            args.map((arg) => arg.replace(/["$`\\]/g, "\\$&")),
            io,
          ),
      ),
    recorded("07-sysrc", `sysrc 'ifconfig_epair1a_descr=it is "quoted" $HOME \`id\`'`),
  ],
  [
    "ipfw accepts by default without default_to_accept",
    () =>
      replace(
        Firewall.prototype,
        "attach",
        (original) =>
          function (this: Firewall, module) {
            original.call(this, module);
            this.defaultToAccept = true;
          },
      ),
    packet("the firewall drops it on its way out of vtnet0", "kldload ipfw"),
  ],
  [
    "a divert rule lets packets pass while no natd listens",
    () =>
      replace(
        Firewall.prototype,
        "divertTo",
        (original) =>
          function (this: Firewall, vnet, port, direction, each) {
            return this.divert.length === 0 ? each : original.call(this, vnet, port, direction, each);
          },
      ),
    packet(
      "the firewall drops it on its way out of vtnet0",
      "kenv net.inet.ip.fw.default_to_accept=1",
      "kldload ipfw ipdivert",
      "ipfw -q add 500 divert 8668 ip from any to any via vtnet0",
    ),
  ],
];

describe.each(mutations)("%s", (_, mutate, { what, ask, right }) => {
  test(`is told by ${what}`, async () => {
    expect(await ask()).toBe(right);
    mutate();
    expect(await ask()).not.toBe(right);
  });
});
