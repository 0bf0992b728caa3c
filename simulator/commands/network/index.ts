import type { Commands } from "../../command";
import { dhclient, rtsol } from "./automatic";
import { ifconfig } from "./ifconfig";
import { nc } from "./nc";
import { arp, ndp } from "./neighbours";
import { netstat } from "./netstat";
import { ping } from "./ping";
import { route } from "./route";

/** What looks at and changes network stacks. */
export const network: Commands = {
  "/sbin/ifconfig": ifconfig,
  "/sbin/dhclient": dhclient,
  "/sbin/route": route,
  "/sbin/rtsol": rtsol,
  "/usr/bin/netstat": netstat,
  "/sbin/ping": ping,
  "/sbin/ping6": ping,
  "/usr/bin/nc": nc,
  "/usr/sbin/arp": arp,
  "/usr/sbin/ndp": ndp,
};
