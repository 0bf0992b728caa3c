import { Errno } from "../command";
import type { Kernel } from ".";
import { IFBIF, type Interface } from "./netif";

/** fe80::/10 */
const LINK_LOCAL = 0b1111111010n;

/** bridge_ioctl_add() */
export function joinBridge(kernel: Kernel, bridge: Interface, name: string): void {
  if (bridge.kind !== "bridge") throw new Errno("EINVAL");
  const netif = bridge.vnet.find(name);
  if (!netif) throw new Errno("ENOENT");
  if (netif.bridge) throw new Errno(netif.bridge === bridge ? "EEXIST" : "EBUSY");
  if (netif.kind === "bridge" || netif.kind === "loop") throw new Errno("EINVAL");
  // man page only: of FreeBSD 15, where the sysctl came with it.
  const addresses = netif.addresses.filter(({ value }) => value >> 118n !== LINK_LOCAL);
  if (
    kernel.sysctl.get("net.link.bridge.member_ifaddrs", { vnet: bridge.vnet, jail: undefined }) === "0" &&
    addresses.length > 0
  )
    throw new Errno("EINVAL");
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
