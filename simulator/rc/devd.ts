import type { Kernel } from "../kernel";
import type { Machine } from "../machine";
import { LocalSession } from "../machine";
import { Killed } from "../shell/process";
import { Sink, type Stream, Text } from "../shell/streams";
import { netif } from "./netif";
import { runScript } from "./script";

/** Interfaces that devd(8) has heard of, by kernel. */
const known = new WeakMap<Kernel, Set<string>>();

const names = (kernel: Kernel): Set<string> =>
  new Set(kernel.network.host.interfaces.map((each) => each.name));

/** What boot made is configured by boot. An interface that comes back from a jail is heard of again. */
export function attachedSoFar(kernel: Kernel): void {
  known.set(kernel, names(kernel));
  kernel.network.onArrival = (netif) => known.get(kernel)?.delete(netif.name);
}

/**
 * devd(8) runs `netif quietstart` for an interface that appears on the host, unless it is up already: so
 * `ifconfig bridge0 create` gets what rc.conf says of bridge0. It runs beside the commands; here it does so when
 * they are through.
 */
export async function attachInterfaces(machine: Machine): Promise<void> {
  const { kernel } = machine;
  const before = known.get(kernel);
  const now = names(kernel);
  const added = [...now].filter((name) => !before?.has(name));
  known.set(kernel, now);
  if (
    kernel.halted ||
    !before ||
    added.length === 0 ||
    !kernel.processes.all.some((process) => process.name === "devd")
  )
    return;
  const session = new LocalSession(machine.sessions);
  const fds = new Map<number, Stream>([
    [0, new Text("")],
    [1, new Sink()],
    [2, new Sink()],
  ]);
  const io = machine.login({ fds, session }).io();
  try {
    for (const name of added)
      if (kernel.network.host.find(name)?.up === false) await runScript(io, netif, ["quietstart", name]);
  } catch (error) {
    // The machine went down meanwhile.
    if (!(error instanceof Killed)) throw error;
  }
  session.end();
}
