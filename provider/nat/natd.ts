import { gatewayText, NATD_CONF } from "../freebsd/natdconf";
import { running } from "../kind";
import { sh } from "../sh";
import { askOutput } from "./engine";
import { behindIpfw } from "./ipfirewall";
import { divertNothing, natdCurrent } from "./library";

/** natd(8) behind a divert rule of ipfw(8), as in the article. */
export const natd = behindIpfw({
  modules: ["ipfw", "ipdivert"],
  config: NATD_CONF,
  options: gatewayText,
  action: "divert natd",
  listed: "divert 8668|divert natd",
  rc: { natd_enable: "YES", natd_flags: `-f ${NATD_CONF}` },
  script: (rule) => rule,
  claim: () => [],
  start: {
    what: "let natd read its configuration",
    run: sh`${natdCurrent}`,
    undo: sh`{ ${natdCurrent} || ${divertNothing}; }`,
  },
  stop: { what: "stop natd", run: sh`service natd onestop`, unless: sh`! service natd onestatus` },
  ask: askOutput(
    sh`service natd onestatus && if [ ${NATD_CONF} -nt /var/run/natd.pid ]; then echo outdated; fi`,
    /natd is not running/,
  ),
  compare(answer) {
    if (answer === "") return [running("natd does not run")];
    return answer.endsWith("outdated") ? [running(`natd does not run with the present ${NATD_CONF}`)] : [];
  },
});
