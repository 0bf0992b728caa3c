import { Errno } from "../command";
import type { Interface } from "./netif";

export interface VlanRequest {
  tag: number;
  /** The parent's name. */
  parent: string;
}

/** SIOCSETVLAN */
export function configureVlan(netif: Interface, { tag, parent: name }: VlanRequest): void {
  const { vlan } = netif;
  if (!vlan) throw new Errno("EINVAL");
  const parent = netif.vnet.find(name);
  if (!parent) throw new Errno("ENOENT");
  if (parent === netif || parent.kind === "loop") throw new Errno("EINVAL");
  if (!(tag >= 1 && tag <= 4094)) throw new Errno("EINVAL");
  if (vlan.parent && vlan.parent !== parent) throw new Errno("EBUSY");
  for (const other of parent.vlans) if (other !== netif && other.vlan!.tag === tag) throw new Errno("EEXIST");
  vlan.tag = tag;
  vlan.parent = parent;
  parent.vlans.add(netif);
  netif.ether = parent.ether;
  netif.mtu = Math.min(netif.mtu, parent.mtu);
}

export function unconfigureVlan(netif: Interface): void {
  const { vlan } = netif;
  if (!vlan?.parent) return;
  vlan.parent.vlans.delete(netif);
  vlan.parent = undefined;
  vlan.tag = 0;
  netif.ether = "00:00:00:00:00:00";
}
