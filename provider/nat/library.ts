import { body, hasBlock, LOCK, locked } from "../library";
import { rcEnables, rcSays } from "../library/rcconf";
import { quote, ShellFunction } from "../sh";

/* What the scripts of gateways and redirects say more than once. */

export const pfEnabled = new ShellFunction(
  "pf_enabled",
  `pfctl -s info 2>/dev/null | grep -q '^Status: Enabled'`,
);

/**
 * `natd_current`: natd runs with the present /etc/natd.conf. Redirects of one run each edit the file, then come
 * here; the first restarts natd for all of them. The edit lock is held, so no edit falls between natd's reading
 * and the pid file that dates it.
 */
const NATD_CURRENT = body`
if [ ! /etc/natd.conf -nt /var/run/natd.pid ] && service natd onestatus >/dev/null 2>&1; then exit 0; fi
if service natd onestatus >/dev/null 2>&1; then service natd onestop >&2 || exit; fi
service natd onestart >&2 || exit
service natd onestatus >/dev/null 2>&1 || {
  echo "natd did not stay: see 'grep natd /var/log/messages' on the host" >&2
  service natd onestop >/dev/null 2>&1
  exit 1
}
`;

export const natdCurrent = new ShellFunction(
  "natd_current",
  `locked ${LOCK} 120 /bin/sh -c ${quote(NATD_CURRENT)}`,
  [locked],
);

/**
 * `divert_nothing`: natd does not start, perhaps because of a line that somebody else put into its file; a rule that
 * sends it packets would drop them, those of this session too.
 */
export const divertNothing = new ShellFunction(
  "divert_nothing",
  body`
ipfw -S list | sed -n 's/^\([0-9]*\) set \([0-9]*\) divert .*/\1 \2/p' | while read -r rule set; do
  ipfw -q set "$set" delete "$rule"
done
return 1`,
);

/**
 * `nat_current NUMBER FILE`: the nat instance has the options and redirects that are in FILE now. It takes them all at
 * once, so each redirect of a run says those of the others too; the edit lock is held, so that none is lost. What is
 * translated already goes on.
 */
export const natCurrent = new ShellFunction(
  "nat_current",
  `locked ${LOCK} 60 /bin/sh -c ${quote(`ipfw -q nat "$1" config $(grep -v '^#' "$2")`)} nat_current "$@"`,
  [locked],
);

/** `has_nat NUMBER` */
export const hasNat = new ShellFunction(
  "has_nat",
  `ipfw nat show config 2>/dev/null | grep -q -e "^ipfw nat $1 config"`,
);

/** `has_nat_rule NUMBER SET ACTION PROTOCOL INTERFACE`, ACTION and PROTOCOL being regular expressions; see certainly_not. */
export const hasNatRule = new ShellFunction(
  "has_nat_rule",
  body`
there=$(ipfw -S list "$1" 2>&1) || case $there in *"does not exist"* | *"Protocol not available"*) return 1 ;; *) return 2 ;; esac
printf '%s\n' "$there" | grep -qE -e "^0*$1 set $2 ($3) $4 from any to any via $5$"`,
);

/** `holds_firewall FILE OWNER`: the resource has its lines in FILE or, where somebody removed those, in rc.conf. */
const holdsFirewall = new ShellFunction(
  "holds_firewall",
  `has_block "$1" "$2" || has_block /etc/rc.conf "$2"`,
  [hasBlock],
);

/**
 * `claim_ipfw FILE OWNER`: natd(8) and ipfw(8) are not in use, or by this resource, whose FILE has its lines. A
 * firewall that the host has already is the administrator's: we do not put our script in its place.
 */
export const claimIpfw = new ShellFunction(
  "claim_ipfw",
  body`
if pf_enabled || rc_enables pf_enable; then
  echo "pf(4) is in use on this host; together with natd or ipfw nat it sends packets in circles until nobody can log in: use the engine \"pf\"" >&2; return 3
fi
if holds_firewall "$1" "$2"; then return 0; fi
if [ -s "$1" ]; then
  echo "$1 is there already and is not this resource's; move it away first" >&2; return 3
fi
if service natd onestatus >/dev/null 2>&1; then
  echo "natd runs already and is not this resource's; stop it first: service natd onestop" >&2; return 3
fi
if [ "$(ipfw list 2>/dev/null | grep -vc '^65535 ')" -gt 0 ]; then
  echo "ipfw has rules already that are not this resource's (see 'ipfw list'); this release manages only a firewall that it made" >&2; return 3
fi
if [ -n "$(ipfw nat show config 2>/dev/null)" ]; then
  echo "ipfw has nat instances already that are not this resource's (see 'ipfw nat show config'); delete them first" >&2; return 3
fi
if rc_enables firewall_enable; then
  echo "/etc/rc.conf turns on a firewall already (firewall_enable); this release manages only a firewall that it made" >&2; return 3
fi`,
  [pfEnabled, rcEnables, holdsFirewall],
);

/**
 * `claim_tso INTERFACE`: libalias(3) in the kernel breaks what the NIC is to cut into segments, SSH included; see
 * ipfw(8), BUGS.
 */
export const claimTso = new ShellFunction(
  "claim_tso",
  body`
case $(ifconfig "$1") in *options=*[\<,]TSO[46][\>,]*)
  echo "$1 cuts TCP into segments by itself (TSO), which ipfw nat cannot follow: turn it off first, with 'ifconfig $1 -tso' and -tso in ifconfig_$1 of /etc/rc.conf" >&2
  return 3 ;;
esac`,
);

/**
 * `claim_port FILE OWNER PROTOCOL PORTS`, PORTS being `[ADDRESS:]PORT[-PORT]`: no other lines of FILE redirect one of
 * them. A redirect without an address takes the port of the interface's address, whatever that is, so it goes with no
 * other one. In pf.conf(5) the lines are comments.
 */
export const claimPort = new ShellFunction(
  "claim_port",
  body`
[ -e "$1" ] || { echo "$1 is gone: the gateway of this redirect is not as it was made; run 'pulumi up --refresh'" >&2; return 3; }
taken=$(owner=$2 protocol=$3 wanted=$4 awk '
  function address(spec) { return sub(/:[0-9-]*$/, "", spec) ? spec : "" }
  function first(spec) { sub(/^.*:/, "", spec); sub(/-.*$/, "", spec); return spec + 0 }
  function last(spec) { sub(/^.*[:-]/, "", spec); return spec + 0 }
  BEGIN {
    wanted = ENVIRON["wanted"]
    protocol = ENVIRON["protocol"]
    begin = "# BEGIN pulumi-freebsd-vnet " ENVIRON["owner"]
    end = "# END pulumi-freebsd-vnet " ENVIRON["owner"]
  }
  $0 == begin { ours = 1 }
  $0 == end { ours = 0 }
  index($0, "# BEGIN pulumi-freebsd-vnet ") == 1 { whose = $4 }
  index($0, "# END pulumi-freebsd-vnet ") == 1 { whose = "" }
  FILENAME == "/etc/pf.conf" { sub(/^# /, "") }
  !ours && $1 == "redirect_port" && $2 == protocol && first($4) <= last(wanted) && first(wanted) <= last($4) {
    if (address($4) == address(wanted) || address($4) == "" || address(wanted) == "") { print $3, whose; exit }
  }
' "$1")
if [ -z "$taken" ]; then return 0; fi
case $taken in
  *" ") hint="a line of nobody's: take it over with 'adopt: true' if it is as declared, or remove it" ;;
  *) hint="the lines of ${"$"}{taken#* }" ;;
esac
echo "$3 port $4 is redirected already, to ${"$"}{taken%% *}; see $1, $hint" >&2
return 3`,
);

/**
 * `claim_pf OWNER INTERFACE`: pf can be turned on, or is on with the rules of /etc/pf.conf. Rules that are not in force
 * now are not put in force by us: they could end this session.
 */
export const claimPf = new ShellFunction(
  "claim_pf",
  body`
if service natd onestatus >/dev/null 2>&1 || rc_enables natd_enable; then
  echo "natd is in use on this host; together with pf(4) it sends packets in circles until nobody can log in: use the engine \"natd\", or remove natd first" >&2; return 3
fi
if ipfw list 2>/dev/null | grep -qE -e "^[0-9]+ (divert|nat) .* via $2$"; then
  echo "ipfw translates addresses on $2 already (see 'ipfw list'); one engine per interface" >&2; return 3
fi
if holds_firewall /etc/pf.conf "$1"; then return 0; fi
case $(rc_says pf_rules) in
  "" | /etc/pf.conf) ;;
  *) echo "/etc/rc.conf gives pf other rules than /etc/pf.conf (pf_rules); this release knows only that file" >&2; return 3 ;;
esac
if pf_enabled; then
  if [ ! -e /etc/pf.conf ] && [ -n "$(pfctl -sr 2>/dev/null; pfctl -sn 2>/dev/null)" ]; then
    echo "pf has rules (see 'pfctl -sr' and 'pfctl -sn') that are in no /etc/pf.conf: write them there first" >&2; return 3
  fi
elif [ -e /etc/pf.conf ]; then
  echo "/etc/pf.conf is there but pf is not enabled: turn it on yourself first ('service pf onestart'), or move the file away" >&2; return 3
fi`,
  [rcSays, rcEnables, pfEnabled, holdsFirewall],
);

/**
 * `pf_is_idle`: nobody needs pf any more: /etc/pf.conf is gone, or has only what redirects left that go after their
 * gateway.
 */
export const pfIsIdle = new ShellFunction(
  "pf_is_idle",
  body`
[ -e /etc/pf.conf ] || return 0
awk '
  /^# BEGIN pulumi-freebsd-vnet / { inside = 1 }
  inside && /^nat-anchor / { used = 1 }
  !inside && NF > 0 && !/^# pulumi-freebsd-vnet: / { used = 1 }
  /^# END pulumi-freebsd-vnet / { inside = 0 }
  END { exit used }' /etc/pf.conf`,
);

/** `pf_calls_anchors`: the main rules lead to ours. */
export const pfCallsAnchors = new ShellFunction(
  "pf_calls_anchors",
  `[ "$(pfctl -sn 2>/dev/null | grep -cE -e '^(nat|rdr)-anchor "pulumi/[*]"')" -ge 2 ]`,
);

/** `pf_main`: the main rules are those of /etc/pf.conf. */
export const pfMain = new ShellFunction(
  "pf_main",
  `if [ -e /etc/pf.conf ]; then pfctl -f /etc/pf.conf; else pfctl -F nat; fi`,
);

/** `pf_anchor ANCHOR FILE`: the anchor's rules are those of FILE, none when it is gone. */
export const pfAnchor = new ShellFunction(
  "pf_anchor",
  `if [ -e "$2" ]; then pfctl -a "$1" -f "$2"; elif [ -n "$(pfctl -a "$1" -sn 2>/dev/null)" ]; then pfctl -a "$1" -F nat; fi`,
);

/** `pf_accepts ANCHOR RULES` */
export const pfAccepts = new ShellFunction("pf_accepts", `printf '%s\\n' "$2" | pfctl -a "$1" -nf -`);
