import type { Commands } from "../../command";
import { ipfw } from "./ipfw";
import { natd } from "./natd";
import { pfctl } from "./pfctl";

/** ipfw(8), natd(8), pfctl(8) */
export const firewall: Commands = { "/sbin/ipfw": ipfw, "/sbin/natd": natd, "/sbin/pfctl": pfctl };
