import { body, hasBlock } from "../library";
import { ShellFunction } from "../sh";
import { rcSays } from "./rcconf";

/** `interface_has NAME LINE`: ifconfig(8) shows the line, without the tab before it. */
export const interfaceHas = new ShellFunction(
  "interface_has",
  `ifconfig "$1" 2>/dev/null | grep -qxF -e "	$2"`,
);

/** `own_stacks`: the jids of jails that have a network stack of their own; the others show their parent's interfaces. */
export const ownStacks = new ShellFunction("own_stacks", "jls -q jid vnet 2>/dev/null | sed -n 's/ new$//p'");

/**
 * `jail_with NAME OWNER`: the jid of the jail that has our interface. It is known there by its description; the b
 * side of a pair, which has none, by the a side not being beside it (a jail can have an epair1 of its own).
 */
export const jailWith = new ShellFunction(
  "jail_with",
  body`
for jid in $(own_stacks); do
  there=$(ifconfig -j "$jid" "$1" 2>/dev/null) || continue
  case $1 in
    epair*b) if ifconfig -j "$jid" "${"$"}{1%b}a" >/dev/null 2>&1; then continue; fi ;;
    *) case $there in *"	description: $2
"* | *"	description: $2 "*) ;; *) continue ;; esac ;;
  esac
  echo "$jid"
  return 0
done
return 1`,
  [ownStacks],
);

/** `anywhere NAME OWNER [WORD…]`: ifconfig on our interface, on the host or in the jail that has it. */
export const anywhere = new ShellFunction(
  "anywhere",
  body`
name=$1
if said=$(ifconfig "$name" 2>&1); then
  shift 2
  ifconfig -f inet:cidr,inet6:cidr "$name" "$@"
  return
fi
case $said in *"does not exist"*) ;; *) echo "$said" >&2; return 1 ;; esac
jid=$(jail_with "$name" "$2") || { echo "interface $name does not exist" >&2; return 1; }
shift 2
ifconfig -j "$jid" -f inet:cidr,inet6:cidr "$name" "$@"`,
  [jailWith],
);

/** `anywhere_has NAME OWNER PATTERN`: ifconfig(8) shows a line that matches; also true of an interface out of reach. */
export const anywhereHas = new ShellFunction(
  "anywhere_has",
  body`
there=$(anywhere "$1" "$2" 2>&1) || case $there in *"does not exist"*) return 0 ;; *) return 1 ;; esac
printf '%s\n' "$there" | grep -q -e "$3"`,
  [anywhere],
);

// man page only: ifconfig -a with -g.
/** `pair_of OWNER`: the a side that carries our mark; nothing when there is none. */
export const pairOf = new ShellFunction(
  "pair_of",
  body`
ifconfig -a -g epair | owner=$1 awk '
  BEGIN { wanted = "	description: " ENVIRON["owner"] }
  /^[^	]/ { name = $1; sub(/:$/, "", name) }
  $0 == wanted { print name; exit }
'`,
);

/**
 * `take_pair OWNER`: makes the first pair that is free, running and at boot, and marks it. Making a pair that
 * somebody made a moment before fails, so two that look at the same time get different ones.
 */
export const takePair = new ShellFunction(
  "take_pair",
  body`
reserved=$(rc_says cloned_interfaces)
unit=0
while [ "$unit" -le 32767 ]; do
  case " $reserved " in
    *" epair$unit "* | *" epair$unit:"*) ;;
    *)
      if said=$(ifconfig "epair$unit" create 2>&1); then
        side=epair${"$"}{unit}a
        ifconfig "$side" description "$1" && return 0
        status=$?
        ifconfig "$side" destroy
        return "$status"
      fi
      case $said in *"already exists"*) ;; *) echo "$said" >&2; return 1 ;; esac ;;
  esac
  unit=$((unit + 1))
done
echo "no pair is free: epair0 to epair32767 are all there" >&2
return 1`,
  [rcSays],
);

/** `release_pair OWNER` */
export const releasePair = new ShellFunction(
  "release_pair",
  body`
side=$(pair_of "$1")
if [ -n "$side" ]; then ifconfig "$side" destroy; fi`,
  [pairOf],
);

/**
 * `claim_clone CLONE NAME OWNER`: nothing else is made as CLONE, running or at boot, where NAME is that renamed. A
 * unit whose interface was renamed is seen only by the kernel, which then makes no other.
 */
export const claimClone = new ShellFunction(
  "claim_clone",
  body`
by=
if ifconfig "$1" >/dev/null 2>&1; then by="the interface $1"
elif ! has_block /etc/rc.conf "$3"; then
  reserved=$(rc_says cloned_interfaces)
  case " $reserved " in *" $1 "* | *" $1:"*) by="cloned_interfaces in /etc/rc.conf" ;; esac
fi
if [ -z "$by" ]; then return 0; fi
echo "$2 is made as $1 and renamed, and that is taken by $by: choose another name" >&2
return 3`,
  [hasBlock, rcSays],
);

/** `make_clone CLONE NAME`: makes CLONE, which is NAME from then on. */
export const makeClone = new ShellFunction(
  "make_clone",
  body`
ifconfig "$1" create >/dev/null || return
ifconfig "$1" name "$2" >/dev/null && return 0
status=$?
ifconfig "$1" destroy 2>/dev/null
return "$status"`,
);

/**
 * `fits_bridge BRIDGE NAME [MTU]`: an interface of somebody else's has the MTU that the bridge has, or is to have:
 * the bridge would change it otherwise.
 */
export const fitsBridge = new ShellFunction(
  "fits_bridge",
  body`
mtu=$(ifconfig "$2") || return
mtu=$(printf '%s\n' "$mtu" | sed -n '1s/.* mtu //p')
wanted=$3
if [ -z "$wanted" ]; then wanted=$(ifconfig "$1" | awk 'NR == 1 { mtu = $NF } $1 == "member:" { print mtu; exit }'); fi
if [ -z "$wanted" ] || [ "$mtu" = "$wanted" ]; then return 0; fi
echo "$2 has an MTU of $mtu, which $1 would change to $wanted: take it out of the bridge, give it that MTU by its own line in /etc/rc.conf and now, and let it join then" >&2
return 3`,
);

/** `claim_vlan NAME PARENT TAG`: no other interface has the tag on the parent. */
export const claimVlan = new ShellFunction(
  "claim_vlan",
  body`
ifconfig "$2" >/dev/null || return
other=$(ifconfig -a -g vlan | name=$1 parent=$2 tag=$3 awk '
  BEGIN { own = ENVIRON["name"]; parent = ENVIRON["parent"]; tag = ENVIRON["tag"] }
  /^[^	]/ { name = $1; sub(/:$/, "", name) }
  $1 == "vlan:" && $2 == tag && $NF == parent && name != own { print name }
')
if [ -z "$other" ]; then return 0; fi
echo "tag $3 on $2 is used already, by $other" >&2
return 3`,
);

/** `interface_vlan NAME PARENT TAG`: it has the tag on the parent. */
export const interfaceVlan = new ShellFunction(
  "interface_vlan",
  `ifconfig "$1" 2>/dev/null | grep -q -e "^	vlan: $3 .* parent interface: $2\\$"`,
);
