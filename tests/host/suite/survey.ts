import type { Target } from "../../../provider/ssh";
import type { Machine } from "./machine";
import type { Place } from "./place";

/** What everything that the suite makes is called, or is marked with. */
export const PREFIX = "pfvtest";
/** Owners of the suite's resources begin so. */
export const OWNER = `${PREFIX}/host`;

/** What not every host can give. */
export type Need = "template" | "firewall" | "reboot";

export interface Survey {
  readonly place: Place;
  /** Needs that cannot be met, and why. */
  readonly missing: Partial<Record<Need, string>>;
}

export interface SurveyOptions {
  /** A ZFS snapshot of a root, or an absolute path of a directory that is one. */
  readonly template: string;
  readonly allowReboot: boolean;
}

/** Looks for free names on a host, and for what it allows. */
export async function survey(machine: Machine, target: Target, options: SurveyOptions): Promise<Survey> {
  const shows = async (command: string) => (await machine.look(command)).stdout;
  const route = await shows("route -n get default 2>/dev/null");
  const externalInterface = /^\s*interface: (\S+)$/m.exec(route)?.[1];
  const taken = await shows(
    "ifconfig -l; for jid in $(jls jid); do ifconfig -j $jid -l; done; cat /etc/rc.conf /etc/rc.conf.local 2>/dev/null; netstat -rn -f inet",
  );
  const n = freeNumber(taken);
  const template = await findTemplate(shows, options.template);
  const firewall = externalInterface === undefined ? "no default route" : await ownFirewall(shows);
  return {
    place: {
      target,
      externalInterface: externalInterface ?? "lo0",
      osreldate: Number(await shows("uname -K")),
      owner: OWNER,
      bridge: `bridge${n}`,
      unit: n,
      subnet: subnetOf(n),
      jail: PREFIX,
      template: typeof template === "string" ? { directory: "/nonexistent" } : template,
      port: 9080,
    },
    missing: {
      ...(typeof template === "string" && { template }),
      ...(firewall !== "" && { firewall }),
      ...(!options.allowReboot && { reboot: "not allowed (--allow-reboot)" }),
    },
  };
}

/** Of the addresses for tests of networks (RFC 2544), which nobody routes. */
const subnetOf = (n: number) => `198.18.${n % 256}`;

/** A number N so that bridgeN, bridgeN+1, epairN to epairN+3 and the subnet are free. */
function freeNumber(taken: string): number {
  for (let n = 900; n < 1000; n += 4) {
    const names = [0, 1, 2, 3].flatMap((i) => [`bridge${n + i}`, `epair${n + i}`]);
    const isFree = (name: string) => !new RegExp(`\\b${name}[ab]?\\b`).test(taken);
    if (names.every(isFree) && !taken.includes(`${subnetOf(n)}.`)) return n;
  }
  throw new Error("no bridge and epair units from 900 to 999 are free on the host");
}

/** Why jails' roots cannot be had, else where from. */
async function findTemplate(
  shows: (command: string) => Promise<string>,
  template: string,
): Promise<Place["template"] | string> {
  if (template.startsWith("/")) {
    const is = await shows(`[ -x '${template}/bin/sh' ] && echo yes`);
    return is === "" ? `${template} is not the root of a system` : { directory: template };
  }
  const parent = template.slice(0, template.lastIndexOf("/"));
  const found = await shows(
    `zfs list -H -o name '${template}' 2>/dev/null && zfs get -H -o value mountpoint '${parent}'`,
  );
  const [snapshot, roots] = found.trim().split("\n");
  if (snapshot !== template)
    return `there is no snapshot ${template} (--template takes another one, or a directory)`;
  return roots?.startsWith("/")
    ? { snapshot, roots }
    : `clones beside ${template} would not be mounted (the mountpoint of ${parent} is ${roots})`;
}

/** What the host has of a firewall, in words; "" when it has none, and NAT may be tried. */
async function ownFirewall(shows: (command: string) => Promise<string>): Promise<string> {
  const found = await shows(`
[ ! -s /etc/natd.conf ] || echo "the host has an /etc/natd.conf"
[ ! -s /etc/ipfw.conf ] || echo "the host has an /etc/ipfw.conf"
if service natd onestatus >/dev/null 2>&1; then echo "natd runs"; fi
if pfctl -s info 2>/dev/null | grep -q '^Status: Enabled'; then echo "pf is enabled"; fi
if [ "$(ipfw list 2>/dev/null | grep -vc '^65535 allow')" -gt 0 ]; then echo "ipfw has rules"; fi
if service ipfw rcvar 2>/dev/null | grep -qi '^firewall_enable="*yes'; then echo "firewall_enable is YES"; fi
if service pf rcvar 2>/dev/null | grep -qi '^pf_enable="*yes'; then echo "pf_enable is YES"; fi`);
  return found === "" ? "" : `the host has a firewall of its own: ${found.trim().split("\n").join(", ")}`;
}
