import type { Commands } from "../command";
import { jailRcCommands } from "./jailrc";
import { serviceCommands } from "./service";
import { sysrcCommands } from "./sysrc";

/** service(8), sysrc(8), /etc/rc.d, /etc/rc */
export const rc: Commands = { ...serviceCommands, ...sysrcCommands, ...jailRcCommands };
