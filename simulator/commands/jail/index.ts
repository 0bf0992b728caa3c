import type { Commands } from "../../command";
import { jailCommands } from "./jail";
import { jexecCommands } from "./jexec";
import { jlsCommands } from "./jls";

/** jail(8), jls(8), jexec(8) */
export const jails: Commands = { ...jailCommands, ...jlsCommands, ...jexecCommands };
