import { hasBlock, ownBlock } from "../../../provider/library";
import { type Script, type Step, script } from "../../../provider/script";
import { sh } from "../../../provider/sh";
import { OURS } from "./bench";
import type { Machine } from "./machine";
import { OWNER, PREFIX } from "./survey";

/** What of the suite is on a host: a word for what it is, and its name. */
type Leftover = readonly [
  what: "jail" | "interface" | "dataset" | "file" | "block" | "line",
  ...name: string[],
];

/** Everything that carries the suite's prefix. */
const find = `
jls -d name | grep '^${PREFIX}' | sed -e 's/^/jail /'
for interface in $(ifconfig -l); do
  if ifconfig "$interface" | grep -qE -e '^.description: (${OWNER}/|${OURS}$)'; then echo "interface $interface"; fi
done
zfs list -H -o name -t filesystem 2>/dev/null | grep '/${PREFIX}[^/]*$' | sed -e 's/^/dataset /'
for file in /etc/jail.conf.d/${PREFIX}*.conf; do if [ -e "$file" ]; then echo "file $file"; fi; done
for file in /etc/ipfw.conf /etc/natd.conf; do
  if grep -qE -e '^(# pulumi-freebsd-vnet ${OWNER}/|${OURS}$)' "$file" 2>/dev/null; then echo "file $file"; fi
done
for file in /etc/rc.conf /etc/jail.conf /etc/natd.conf /boot/loader.conf; do
  sed -n -e "s|^# BEGIN pulumi-freebsd-vnet \\(${OWNER}/.*\\)|block $file \\1|p" "$file" 2>/dev/null
done
if grep -q '=.*${OURS}$' /etc/rc.conf; then echo "line /etc/rc.conf"; fi`;

async function look(machine: Machine): Promise<Leftover[]> {
  const { stdout } = await machine.look(find);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split(" ") as unknown as Leftover);
}

/** What is left on the host of earlier runs, a line each. */
export const leftovers = async (machine: Machine): Promise<string[]> =>
  (await look(machine)).map((each) => `  ${each.join(" ")}`);

/** Jails before the interfaces that they hold and the roots that they run in; rules before natd. */
function remove(found: readonly Leftover[]): Step[] {
  const of = (what: Leftover[0]) => found.filter(([each]) => each === what).map(([, ...name]) => name);
  const names = (what: Leftover[0]) => of(what).map(([name]) => name as string);
  const natd = sh`{ ${hasBlock} /etc/natd.conf ${`${OWNER}/nat`}; }`;
  return [
    ...names("jail").map((name) => ({ run: sh`jail -r ${name}`, unless: sh`! jls -d -j ${name} jid` })),
    // Both numbers that the suite gives to its divert rule.
    ...[500, 65532].map((number) => ({
      run: sh`ipfw -q set 0 delete ${number}`,
      unless: sh`! ${natd} || ! ipfw -S list ${number} | grep -q ' set 0 divert '`,
    })),
    { run: sh`service natd onestop`, unless: sh`! ${natd} || ! service natd onestatus` },
    // Destroying one side of an epair destroys both.
    ...names("interface").map((name) => ({
      run: sh`ifconfig ${name} destroy`,
      unless: sh`! ifconfig ${name}`,
    })),
    ...of("block").map(([file, owner]) => ({
      run: sh`${ownBlock} ${file as string} ${owner as string} '' drop`,
    })),
    ...names("line").map((file) => ({ run: sh`sed -i '' -e ${`/${OURS}$/d`} ${file}` })),
    ...names("file").map((file) => ({ run: sh`rm -f ${file}` })),
    ...names("dataset").map((name) => ({ run: sh`zfs destroy ${name}` })),
  ];
}

/** Removes what earlier runs left, and says what that was. Kernel modules stay loaded. */
export async function clean(machine: Machine): Promise<string[]> {
  const found = await look(machine);
  if (found.length === 0) return [];
  const { text, read }: Script = script(
    remove(found),
    {},
    { owner: "pfvtest", holder: "npm run test:host -- --clean" },
  );
  const { stdout } = await machine.run(machine.target, text, { label: "clean" });
  const { failure } = read(stdout);
  if (failure)
    throw new Error(`${failure.step}: exit status ${failure.status}: ${failure.stderr}${failure.stdout}`);
  return found.map((each) => `  ${each.join(" ")}`);
}
