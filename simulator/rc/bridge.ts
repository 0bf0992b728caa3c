import { split } from "./conf";
import type { Rc, RcScript } from "./script";

/** `autobridge_BRIDGE` names members by shell patterns; interfaces that are not there cost nothing. */
async function autobridge(rc: Rc, command: "addm" | "deletem", only: readonly string[]): Promise<number> {
  let status = 0;
  const present = split((await rc.quietly(["/sbin/ifconfig", "-l"])).stdout);
  for (const bridge of rc.conf.words("autobridge_interfaces"))
    for (const netif of only[0] === undefined ? present : [only[0]]) {
      const patterns = split(rc.conf.get(`autobridge_${bridge.replace(/[.\-/+]/g, "_")}`));
      const wanted = patterns.some((pattern) => matchesGlob(netif, pattern));
      // The last one decides how the script ends.
      status = wanted && (await rc.quietly(["/sbin/ifconfig", bridge, command, netif])).status !== 0 ? 1 : 0;
    }
  return status;
}

function matchesGlob(name: string, pattern: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|\\]/g, "\\$&")
    .replace(/\*/g, ".*")
    .replace(/\?/g, ".")
    .replace(/\[!/g, "[^");
  return new RegExp(`^${source}$`).test(name);
}

/** /etc/rc.d/bridge */
export const bridge: RcScript = {
  name: "bridge",
  description: "Network bridge setup",
  actions: {
    start: (rc, only) => autobridge(rc, "addm", only),
    stop: (rc, only) => autobridge(rc, "deletem", only),
  },
};
