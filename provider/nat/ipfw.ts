import { running } from "../kind";
import { sh } from "../sh";
import { askOutput } from "./engine";
import { behindIpfw } from "./ipfirewall";
import { claimTso, hasNat, natCurrent } from "./library";

/** The whole firewall is ours, so the number is. */
const INSTANCE = 1;

/** Words of `ipfw nat N config`, an option or a redirect a line; `#` begins a comment. */
const NAT_CONF = "/etc/ipfw.nat.conf";

/** ipfw(8)'s own translation, in the kernel. */
export const ipfw = behindIpfw({
  modules: ["ipfw", "ipfw_nat"],
  config: NAT_CONF,
  options: (externalInterface) => `if ${externalInterface}\nsame_ports`,
  action: `nat ${INSTANCE}`,
  listed: `nat ${INSTANCE}`,
  rc: { firewall_nat_enable: "YES" },
  // A rule whose instance is missing drops all that it matches (lesson 2 of the recorded host).
  script: (rule) => `\${fwcmd} nat ${INSTANCE} config $(grep -v '^#' ${NAT_CONF}) &&
    ${rule}`,
  claim: (externalInterface) => [{ what: "look at the NIC", run: sh`${claimTso} ${externalInterface}` }],
  start: { what: "configure the nat instance", run: sh`${natCurrent} ${INSTANCE} ${NAT_CONF}` },
  stop: { run: sh`ipfw -q nat ${INSTANCE} delete`, unless: sh`! ${hasNat} ${INSTANCE}` },
  ask: askOutput(sh`ipfw nat show config`, /Protocol not available|Invalid argument/),
  compare(answer, lines) {
    const said = answer.split("\n").find((line) => line.startsWith(`ipfw nat ${INSTANCE} config `));
    if (said === undefined) return [running("ipfw has no nat instance 1")];
    return lines
      .map((line) => line.replaceAll("\n", " "))
      .filter((line) => !`${said} `.includes(` ${line} `))
      .map((line) => running(`the nat instance of ipfw lacks ${line}`));
  },
});
