import { staying } from "../../../simulator/kernel/modules";
import type { Machine } from "./machine";

/** What must be the same before and after: a command for each part of the host that resources touch. */
const looks: Readonly<Record<string, string>> = {
  interfaces:
    "ifconfig -a | sed -n -e 's/: flags=.*//p' -e '/^.inet /p' -e '/^.inet6 /p' -e '/member: /p' | sort",
  jails: "jls -d name | sort",
  release: "uname -K",
  "kernel modules": "kldstat | awk 'NR > 1 { print $5 }' | sort",
  "kernel environment": "kenv -q net.inet.ip.fw.default_to_accept",
  forwarding: "sysctl net.inet.ip.forwarding net.inet6.ip6.forwarding",
  "ipfw rules": "ipfw list",
  "pf rules": "pfctl -s Anchors; pfctl -s nat; pfctl -s rules",
  natd: "service natd onestatus | sed -e 's/ as pid .*//'",
  datasets: "zfs list -H -o name,origin,mountpoint",
  mounts: "mount -p | sort",
  "devfs rulesets": "devfs rule showsets",
  limits: "rctl",
  files: `for file in /etc/rc.conf /etc/rc.conf.local /etc/jail.conf /etc/jail.conf.d /etc/jail.conf.d/* /etc/natd.conf \\
    /etc/ipfw.conf /etc/pf.conf /etc/devfs.rules /etc/fstab /etc/fstab.* /etc/sysctl.conf /etc/rctl.conf \\
    /boot/loader.conf; do
  [ -e "$file" ] || continue
  stat -f '%N %Sp %Su %Sg' "$file"
  if [ -f "$file" ]; then stat -f '%N has %z bytes' "$file"; sed -e "s|^|$file: |" "$file"; echo; fi
done`,
  leftovers:
    "ls -d /tmp/pulumi-freebsd-vnet.* /var/run/pulumi-freebsd-vnet* /var/run/jail_pfvtest* /etc/*.pulumi-freebsd-vnet /etc/jail.conf.d/*.pulumi-freebsd-vnet /boot/*.pulumi-freebsd-vnet",
};

const [RELEASE, MODULES, RULES] = ["release", "kernel modules", "ipfw rules"] as const;

const HEADER = "@@ pfvtest looks at ";

/** The lines that the host shows, part by part. */
export type Traces = ReadonlyMap<string, readonly string[]>;

/** Not recorded: it shows files that are not the suite's. */
export async function traces(machine: Machine): Promise<Traces> {
  const script = Object.entries(looks).map(([what, command]) => `echo '${HEADER}${what}'\n${command}`);
  const { stdout } = await machine.look(`{ ${script.join("\n")}\n} 2>/dev/null </dev/null`);
  const found = new Map(
    stdout
      .split(HEADER)
      .slice(1)
      .map((part) => {
        const [what, ...lines] = part.trimEnd().split("\n");
        return [what as string, lines] as const;
      }),
  );
  // What the kernel keeps until it boots again is no trace, nor is the rule that ipfw has by itself.
  const modules = (found.get(MODULES) ?? []).map((line) => line.replace(/\.ko$/, ""));
  const stay = staying(modules, Number(found.get(RELEASE)?.[0]));
  found.set(
    MODULES,
    modules.filter((name) => !stay.has(name)),
  );
  const isDefault = (line: string) => stay.has("ipfw") && line.startsWith("65535 ");
  found.set(
    RULES,
    (found.get(RULES) ?? []).filter((line) => !isDefault(line)),
  );
  return found;
}

/** The lines that only one of them has, with `-` and `+` before them; not those of the part `except`. */
export function difference(before: Traces, after: Traces, except?: string): string[] {
  const found: string[] = [];
  for (const [what, old] of before) {
    if (what === except) continue;
    const now = after.get(what) ?? [];
    const gone = old.filter((line) => !now.includes(line));
    const come = now.filter((line) => !old.includes(line));
    if (gone.length > 0 || come.length > 0) {
      found.push(`${what}:`, ...gone.map((line) => `  - ${line}`), ...come.map((line) => `  + ${line}`));
    } else if (old.join("\n") !== now.join("\n")) {
      found.push(`${what}: the lines are the same, their order or number is not`);
    }
  }
  return found;
}
