import { body, ownBlock } from "../library";
import { quote, ShellFunction } from "../sh";

/*
 * Archives that were sent to the host: `SHA256`, or `SHA256.part` while it arrives, and beside it `SHA256.users`, a
 * block of lines for each resource that needs it. With the last of them the archive goes, and with the last archive
 * the folder.
 */

export const ARCHIVES = "/var/db/pulumi-freebsd-vnet.archives";

/** `use_archive SHA256 OWNER` */
export const useArchive = new ShellFunction(
  "use_archive",
  `mkdir -p ${ARCHIVES} && own_block ${ARCHIVES}/"$1".users "$2" 'needs it' set`,
  [ownBlock],
);

/** `drop_archive SHA256 OWNER` */
export const dropArchive = new ShellFunction(
  "drop_archive",
  body`
archive=${ARCHIVES}/$1
own_block "$archive.users" "$2" '' drop || return
if [ ! -e "$archive.users" ]; then rm -f "$archive" "$archive.part" || return; fi
if [ -d ${ARCHIVES} ] && [ -z "$(ls -A ${ARCHIVES})" ]; then rmdir ${ARCHIVES}; fi`,
  [ownBlock],
);

/**
 * Says `MARK from BYTES` for what is here already, and takes the rest from standard input; `MARK there` once the
 * archive is complete. A sender that has gone without a word (a laptop that sleeps) is given up after a minute or two,
 * so that the next one, which waits for the lock, goes on from there.
 */
const RECEIVE = body`
archive=$1 wanted=$2 size=$3 mark=$4
part=$archive.part
# Words to a sender that has gone must not end it: what has arrived is kept.
trap : HUP PIPE
if [ -f "$archive" ]; then echo "$mark there"; exit 0; fi
have=0
if [ -e "$part" ]; then have=$(stat -f %z "$part") || exit; fi
if [ "$have" -gt "$size" ]; then rm -f "$part" || exit; have=0; fi
echo "$mark from $have"
give_up() {
  seen=
  while sleep 60 </dev/null >/dev/null 2>&1; do
    now=$(stat -f %z "$part") || return
    if [ "$now" = "$seen" ]; then kill "$1"; return; fi
    seen=$now
  done
}
exec 3<&0
cat - <&3 >> "$part" &
receiver=$!
give_up "$receiver" 3<&- &
watcher=$!
wait "$receiver"
status=$?
{ kill "$watcher"; wait "$watcher"; } 2>/dev/null
if [ "$status" -ne 0 ]; then exit "$status"; fi
have=$(stat -f %z "$part") || exit
if [ "$have" -lt "$size" ]; then echo "only $have of $size bytes have arrived" >&2; exit 75; fi
found=$(sha256 -q "$part") || exit
if [ "$found" != "$wanted" ]; then
  rm -f "$part"
  echo "what arrived has the SHA-256 $found, not $wanted" >&2
  exit 3
fi
mv -f "$part" "$archive" && echo "$mark there"
`;

/** `receive_archive SHA256 SIZE MARK` */
export const receiveArchive = new ShellFunction(
  "receive_archive",
  `lockf ${ARCHIVES}/"$1".lock /bin/sh -c ${quote(RECEIVE)} receive ${ARCHIVES}/"$1" "$1" "$2" "$3"`,
);
