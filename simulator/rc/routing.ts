import { split } from "./conf";
import type { Rc, RcScript } from "./script";

const route = "/sbin/route";

type Family = "inet" | "inet6";

/** What rc(8) adds before what the user asks for. */
const builtIn: Readonly<Record<Family, readonly string[][]>> = {
  inet: [["-inet", "127.0.0.1", "-iface", "lo0"]],
  inet6: [
    ["-inet6", "::1", "-prefixlen", "128", "-iface", "lo0"],
    ["-inet6", "fe80::", "-prefixlen", "10", "::1", "-reject"],
    ["-inet6", "ff02::", "-prefixlen", "16", "::1", "-reject"],
    ["-inet6", "::ffff:0.0.0.0", "-prefixlen", "96", "::1", "-reject"],
    ["-inet6", "::0.0.0.0", "-prefixlen", "96", "::1", "-reject"],
  ],
};

async function staticRoutes(rc: Rc, family: Family, action: "add" | "delete", netif: string): Promise<void> {
  const six = family === "inet6";
  const { conf } = rc;
  if (netif === "") for (const words of builtIn[family]) await rc.run([route, action, ...words]);
  // `name:interface` belongs to that interface.
  for (const name of conf.words(six ? "ipv6_static_routes" : "static_routes")) {
    const [plain = "", owner = ""] = name.split(":");
    if (netif !== "" && owner !== netif) continue;
    const words = split(conf.forInterface(plain, six ? "ipv6_route_IF" : "route_IF"));
    if (words.length === 0) rc.warn(`route_${plain} not found${six ? "" : "."}`);
    else await rc.run([route, action, ...(six ? ["-inet6"] : []), ...words]);
  }
  const router = conf.get(six ? "ipv6_defaultrouter" : "defaultrouter");
  if (netif === "" && router !== "" && router.toLowerCase() !== "no")
    await rc.run([route, action, ...(six ? ["-inet6"] : []), "default", ...split(router)]);
}

/** Sets a sysctl by what a variable says, and tells so when it is on. */
async function options(rc: Rc, family: Family): Promise<void> {
  const table: readonly (readonly [variable: string, oid: string, text: string])[] =
    family === "inet6"
      ? [["ipv6_gateway_enable", "net.inet6.ip6.forwarding", "gateway=YES"]]
      : [
          ["icmp_bmcastecho", "net.inet.icmp.bmcastecho", "broadcast ping responses=YES"],
          ["icmp_drop_redirect", "net.inet.icmp.drop_redirect", "ignore ICMP redirect=YES"],
          ["icmp_log_redirect", "net.inet.icmp.log_redirect", "log ICMP redirect=YES"],
          ["gateway_enable", "net.inet.ip.forwarding", "gateway=YES"],
          ["forward_sourceroute", "net.inet.ip.sourceroute", "do source routing=YES"],
          ["accept_sourceroute", "net.inet.ip.accept_sourceroute", "accept source routing=YES"],
          ["arpproxy_all", "net.link.ether.inet.proxyall", "ARP proxyall=YES"],
        ];
  const on: string[] = [];
  for (const [variable, oid, text] of table) {
    const yes = rc.conf.yes(variable);
    if (yes) on.push(text);
    await rc.quietly(["/sbin/sysctl", `${oid}=${yes ? 1 : 0}`]);
  }
  if (on.length > 0) rc.echo(`Additional ${family} routing options: ${on.join(" ")}.`);
}

function scope(args: readonly string[]): { families: Family[]; netif: string } {
  const any = (word: string): boolean => /^(all|any|)$/i.test(word);
  const [family = "", netif = ""] = args;
  return { families: any(family) ? ["inet", "inet6"] : [family as Family], netif: any(netif) ? "" : netif };
}

const start =
  (parts: { routes?: boolean; options?: boolean }) =>
  async (rc: Rc, args: readonly string[]): Promise<number> => {
    const { families, netif } = scope(args);
    for (const family of families) {
      if (parts.routes) await staticRoutes(rc, family, "add", netif);
      if (parts.options) await options(rc, family);
    }
    return 0;
  };

/** /etc/rc.d/routing */
export const routing: RcScript = {
  name: "routing",
  description: "Routing setup",
  actions: {
    start: start({ routes: true, options: true }),
    static: start({ routes: true }),
    options: start({ options: true }),
    stop: async (rc, args) => {
      const { families, netif } = scope(args);
      for (const family of families) {
        await staticRoutes(rc, family, "delete", netif);
        if (netif === "") await rc.run([route, "-n", "flush", `-${family}`]);
      }
      return 0;
    },
  },
};
