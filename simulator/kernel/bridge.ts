import { Errno } from "../command";
import { IFBIF, type Interface } from "./netif";

/** bridge_ioctl_add() */
export function joinBridge(bridge: Interface, name: string): void {
  if (bridge.kind !== "bridge") throw new Errno("EINVAL");
  const netif = bridge.vnet.find(name);
  if (!netif) throw new Errno("ENOENT");
  if (netif.bridge) throw new Errno(netif.bridge === bridge ? "EEXIST" : "EBUSY");
  if (netif.kind === "bridge" || netif.kind === "loop") throw new Errno("EINVAL");
  // The first member gives the bridge its MTU, the others get theirs from it.
  if (bridge.members.size === 0) bridge.mtu = netif.mtu;
  else netif.mtu = bridge.mtu;
  netif.bridge = bridge;
  bridge.members.set(netif, {
    flags: IFBIF.LEARNING | IFBIF.DISCOVER | IFBIF.AUTOEDGE | IFBIF.AUTOPTP,
    priority: 128,
    pathCost: netif.kind === "tap" ? 2000000 : 2000,
    maxAddresses: 0,
  });
}

export function leaveBridge(netif: Interface): void {
  netif.bridge?.members.delete(netif);
  netif.bridge = undefined;
}
