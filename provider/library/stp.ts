import { body } from "../library";
import { ShellFunction } from "../sh";

/** `bridge_has BRIDGE WORD VALUE`: of the bridge's own settings, not of its root's or its members'. */
export const bridgeHas = new ShellFunction(
  "bridge_has",
  body`
ifconfig "$1" 2>/dev/null | grep -E -e '^	(id|maxage) ' | grep -q -E -e "[	 ]$2 $3( |\$)"`,
);

/** `runs_stp BRIDGE MEMBER` */
export const runsStp = new ShellFunction(
  "runs_stp",
  body`
ifconfig "$1" 2>/dev/null | grep -q -E -e "^	member: $2 .*[<,]STP[,>]"`,
);
