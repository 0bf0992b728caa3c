import { textOf } from "./conf";
import type { Rc, RcScript } from "./script";

const ipfw = "/sbin/ipfw";

/** /etc/rc.d/natd */
export const natd: RcScript = {
  name: "natd",
  description: "Network Address Translation daemon",
  rcvar: "natd_enable",
  daemon: { command: "/sbin/natd", pidfile: "/var/run/natd.pid" },
  modules: () => ["ipdivert"],
  precommand: {
    start: (rc) => {
      const netif = rc.conf.get("natd_interface");
      if (netif === "") return 0;
      const dynamic = /(^| )(sync|nosync)?dhcp( |$)/i.test(rc.conf.forInterface(netif, "ifconfig_IF"));
      const isAddress = /^[0-9]+(\.[0-9]+){0,3}$/.test(netif);
      rc.flags += `${dynamic ? " -dynamic" : ""} ${isAddress ? "-a" : "-n"} ${netif}`;
      return 0;
    },
  },
};

async function startIpfw(rc: Rc, [given]: readonly string[]): Promise<number> {
  const { conf } = rc;
  const script = conf.get("firewall_script") || "/etc/rc.firewall";
  const type = given ?? conf.get("firewall_type");
  const text = await textOf(rc.io, script);
  if (text !== undefined || script === "/etc/rc.firewall") {
    if (text !== undefined) await rc.run(["/bin/sh", script, type]);
    else await standardRules(rc, type);
    rc.echo("Firewall rules loaded.");
  } else if ((await rc.quietly([ipfw, "list", "65535"])).stdout === "65535 deny ip from any to any\n") {
    rc.echo("Warning: kernel has firewall functionality, but firewall rules are not enabled.");
    rc.echo("           All ip services are disabled.");
  }
  if (rc.yes("firewall_logging")) {
    rc.echo("Firewall logging enabled.");
    await rc.quietly(["/sbin/sysctl", "net.inet.ip.fw.verbose=1"]);
  }
  // firewall_coscripts="/etc/rc.d/natd ${firewall_coscripts}"
  await rc.call(natd, ["quietstart"]);
  for (const coscript of conf.words("firewall_coscripts")) await rc.run([coscript, "quietstart"]);
  for (const [oid, version] of [
    ["net.inet.ip.fw.enable", "IPv4"],
    ["net.inet6.ip6.fw.enable", "IPv6"],
  ])
    if ((await rc.quietly(["/sbin/sysctl", `${oid}=1`])).status !== 0)
      rc.warn(`failed to enable ${version} firewall`);
  return 0;
}

async function stopIpfw(rc: Rc): Promise<number> {
  for (const oid of ["net.inet.ip.fw.enable", "net.inet6.ip6.fw.enable"])
    await rc.quietly(["/sbin/sysctl", `${oid}=0`]);
  for (const coscript of rc.conf.words("firewall_coscripts").reverse()) await rc.run([coscript, "quietstop"]);
  await rc.call(natd, ["quietstop"]);
  return 0;
}

/** What /etc/rc.firewall does with the types that name no file of ours. man page only */
async function standardRules(rc: Rc, type: string): Promise<void> {
  const { conf } = rc;
  const quiet = conf.yes("firewall_quiet") ? ["-q"] : [];
  const rule = (...words: string[]): Promise<number> => rc.run([ipfw, ...quiet, "add", ...words]);
  await rc.run([ipfw, ...quiet, "-f", "flush"]);
  if (type.toLowerCase() !== "closed" || type === "UNKNOWN") {
    await rule("100", "pass", "all", "from", "any", "to", "any", "via", "lo0");
    await rule("200", "deny", "all", "from", "any", "to", "127.0.0.0/8");
    await rule("300", "deny", "ip", "from", "127.0.0.0/8", "to", "any");
  }
  if (["open", "client"].includes(type.toLowerCase())) {
    const natdInterface = conf.get("natd_interface");
    if (conf.yes("natd_enable") && natdInterface !== "")
      await rule("50", "divert", "natd", "ip4", "from", "any", "to", "any", "via", natdInterface);
    const netif = conf.get("firewall_nat_interface");
    if (conf.yes("firewall_nat_enable") && netif !== "") {
      await rc.run([
        ipfw,
        ...quiet,
        "nat",
        "123",
        "config",
        "if",
        netif,
        ...conf.words("firewall_nat_flags"),
        "log",
      ]);
      await rule("50", "nat", "123", "ip4", "from", "any", "to", "any", "via", netif);
    }
  }
  if (type.toLowerCase() === "open") await rule("65000", "pass", "all", "from", "any", "to", "any");
  else if (type.startsWith("/")) await rc.run([ipfw, ...quiet, ...conf.words("firewall_flags"), type]);
}

/** /etc/rc.d/ipfw */
export const ipfwScript: RcScript = {
  name: "ipfw",
  description: "Firewall, traffic shaper, packet scheduler, in-kernel NAT",
  rcvar: "firewall_enable",
  modules: ({ conf }) => [
    "ipfw",
    ...(conf.yes("dummynet_enable") ? ["dummynet"] : []),
    ...(conf.yes("natd_enable") ? ["ipdivert"] : []),
    ...(conf.yes("firewall_nat_enable") ? ["ipfw_nat"] : []),
  ],
  actions: {
    start: startIpfw,
    stop: stopIpfw,
    status: async (rc) => {
      const values = await Promise.all(
        ["net.inet.ip.fw.enable", "net.inet6.ip6.fw.enable"].map((oid) =>
          rc.quietly(["/sbin/sysctl", "-n", oid]),
        ),
      );
      const enabled = values.some((value) => value.status === 0 && value.stdout.trim() !== "0");
      rc.echo(enabled ? "ipfw is enabled" : "ipfw is not enabled");
      return enabled ? 0 : 1;
    },
  },
};

const pfctl = "/sbin/pfctl";

const pfEnabled = async (rc: Rc): Promise<boolean> =>
  (await rc.quietly([pfctl, "-s", "info"])).stdout.includes("Enabled");

const rulesFile = (rc: Rc): string[] => ["-f", rc.conf.get("pf_rules"), ...rc.conf.words("pf_flags")];

async function resync(rc: Rc): Promise<number> {
  if ((await rc.run([pfctl, "-n", ...rulesFile(rc)])) !== 0) return 1;
  return rc.run([pfctl, ...rulesFile(rc)]);
}

/** /etc/rc.d/pf */
export const pf: RcScript = {
  name: "pf",
  description: "Packet filter",
  rcvar: "pf_enable",
  modules: () => ["pf"],
  requiredFiles: ({ conf }) => conf.words("pf_rules"),
  actions: {
    start: async (rc) => {
      rc.announce("Enabling pf");
      await rc.quietly([pfctl, "-F", "all"]);
      await rc.run([pfctl, ...rulesFile(rc)]);
      if (!(await pfEnabled(rc))) await rc.run([pfctl, "-eq"]);
      rc.announce(".\n");
      return 0;
    },
    stop: async (rc) => {
      if (!(await pfEnabled(rc))) return 0;
      rc.stdout += "Disabling pf";
      await rc.run([pfctl, "-dq"]);
      rc.echo(".");
      return 0;
    },
    status: async (rc) => {
      if (!rc.io.kernel.modules.has("pf")) {
        rc.echo("pf.ko is not loaded");
        return 1;
      }
      await rc.run([pfctl, "-s", "info"]);
      return (await pfEnabled(rc)) ? 0 : 1;
    },
    check: (rc) => {
      rc.echo("Checking pf rules.");
      return rc.run([pfctl, "-n", ...rulesFile(rc)]);
    },
    reload: (rc) => {
      rc.echo("Reloading pf rules.");
      return resync(rc);
    },
    resync,
  },
};
