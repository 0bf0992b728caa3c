import { bridge } from "./bridge";
import { split } from "./conf";
import { routing } from "./routing";
import type { Rc, RcScript } from "./script";

const ifconfig = "/sbin/ifconfig";

export async function exists(rc: Rc, netif: string): Promise<boolean> {
  return (await rc.quietly([ifconfig, netif])).status === 0;
}

/** list_net_interfaces: lo0 first. */
export async function listInterfaces(rc: Rc): Promise<string[]> {
  const { conf } = rc;
  if (conf.get("network_interfaces").toLowerCase() !== "auto") {
    const named = [...conf.words("network_interfaces"), ...conf.words("cloned_interfaces")].flatMap((name) =>
      /^epair\d/.test(name) ? [`${name}a`, `${name}b`] : [name],
    );
    return named.includes("lo0") ? named : ["lo0", ...named];
  }
  const all = split((await rc.quietly([ifconfig, "-l"])).stdout).filter((name) => isAutomatic(rc, name));
  return [...all.filter((name) => name === "lo0"), ...all.filter((name) => name !== "lo0")];
}

/** Words in `ifconfig_IF` that are rc's own. */
const pseudo = ["dhcp", "noauto", "nosyncdhcp", "syncdhcp", "wpa", "hostap"];

function rawArguments(rc: Rc, netif: string, family = ""): string {
  const name = `ifconfig_${netif.replace(/[.\-/+]/g, "_")}${family}`;
  return rc.conf.has(name)
    ? split(rc.conf.get(name)).join(" ")
    : split(rc.conf.get("ifconfig_DEFAULT")).join(" ");
}

function ifconfigArguments(rc: Rc, netif: string, family = ""): string {
  const kept: string[] = [];
  const words = split(rawArguments(rc, netif, family));
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === "vnet") i++;
    else if (!pseudo.includes(word.toLowerCase())) kept.push(word);
  }
  return kept.join(" ");
}

const hasWord = (rc: Rc, netif: string, ...wanted: string[]): boolean =>
  split(rawArguments(rc, netif)).some((word) => wanted.includes(word.toLowerCase()));

const isAutomatic = (rc: Rc, netif: string): boolean => !hasWord(rc, netif, "noauto");

function wantsIpv6(rc: Rc, netif: string): boolean {
  if (netif === "lo0") return true;
  const list = rc.conf.words("ipv6_network_interfaces");
  if (!list.includes(netif) && list[0]?.toLowerCase() !== "auto") return false;
  return (
    rawArguments(rc, netif, "_ipv6") !== "" ||
    rc.conf.forInterface(netif, "ipv6_prefix_IF") !== "" ||
    rc.conf.forInterface(netif, "ipv6_ifconfig_IF") !== ""
  );
}

/** ifn_start: 0 in shell terms when something was configured. */
async function startInterface(rc: Rc, netif: string): Promise<boolean> {
  let configured = false;
  const script = `/etc/start_if.${netif}`;
  if (await rc.io.fs.exists(script)) {
    await rc.run(["/bin/sh", script]);
    configured = true;
  }
  if (await ifconfigUp(rc, netif)) configured = true;
  if (await ipv4Up(rc, netif)) configured = true;
  if (await ipv6Up(rc, netif)) configured = true;
  if (await createChildren(rc, netif)) configured = true;
  return configured;
}

async function ifconfigUp(rc: Rc, netif: string): Promise<boolean> {
  const { conf } = rc;
  let configured = netif === "lo0";
  if (conf.yes("ipv6_activate_all_interfaces")) await rc.run([ifconfig, netif, "inet6", "-ifdisabled"]);
  const inet = ifconfigArguments(rc, netif);
  if (inet !== "") {
    await rc.evaluate(`${ifconfig} ${netif} ${inet}`);
    configured = true;
  }
  let inet6 = ifconfigArguments(rc, netif, "_ipv6");
  if (inet6 !== "") {
    if (/^[0-9a-fA-F]*:/.test(inet6)) {
      rc.warn(`$ifconfig_${netif}_ipv6 needs leading "inet6" keyword for an IPv6 address.`);
      inet6 = `inet6 ${inet6}`;
    }
    await rc.run([ifconfig, netif, "inet6", "-ifdisabled"]);
    await rc.evaluate(`${ifconfig} ${netif} ${inet6}`);
    configured = true;
  }
  for (const family of ["link", "ether"]) await aliases(rc, netif, family, "alias");
  const description = conf.forInterface(netif, "ifconfig_IF_descr");
  if (description !== "") await rc.run([ifconfig, netif, "description", description]);
  if (configured) await rc.run([ifconfig, netif, "up"]);
  if (hasWord(rc, netif, "dhcp", "syncdhcp", "nosyncdhcp")) {
    if (!configured) await rc.run([ifconfig, netif, "up"]);
    configured = true;
  }
  return configured;
}

async function ipv4Up(rc: Rc, netif: string): Promise<boolean> {
  if (netif === "lo0" && rc.conf.forInterface(netif, "ifconfig_IF") === "")
    await rc.run([ifconfig, netif, "inet", "127.0.0.1/8", "alias"]);
  return aliases(rc, netif, "inet", "alias");
}

async function ipv6Up(rc: Rc, netif: string): Promise<boolean> {
  // The original's `return 0` here is why every interface counts as started.
  if (!wantsIpv6(rc, netif)) return true;
  return aliases(rc, netif, "inet6", "alias");
}

/** `ifconfig_IF_aliasN`, `ifconfig_IF_aliases`, `ipv4_addrs_IF` of one address family. */
async function aliases(rc: Rc, netif: string, family: string, action: string): Promise<boolean> {
  const { conf } = rc;
  const stem = `ifconfig_${netif.replace(/[.\-/+]/g, "_")}_alias`;
  const numbered = conf
    .names()
    .filter((name) => name.startsWith(stem) && /^\d+$/.test(name.slice(stem.length)))
    .sort((a, b) => Number(a.slice(stem.length)) - Number(b.slice(stem.length)));
  const words = split(conf.forInterface(netif, "ifconfig_IF_aliases"));
  for (const name of numbered) {
    const value = split(conf.get(name));
    if (value.length === 0) break;
    if (["inet", "inet6", "link", "ether"].includes(value[0]!)) words.push(...value);
    else if (family === "inet") {
      rc.warn(`$${name} needs leading "inet" keyword for an IPv4 address.`);
      words.push("inet", ...value);
    }
  }
  for (const address of split(conf.forInterface(netif, "ipv4_addrs_IF"))) words.push("inet", address);

  const groups: string[][] = [];
  for (const word of words) {
    if (["inet", "inet6", "link", "ether"].includes(word)) groups.push([word]);
    else groups.at(-1)?.push(word);
  }
  let done = false;
  for (const [first, ...rest] of groups) {
    if (first !== family || rest.length === 0) continue;
    for (const address of expandRange(rest[0]!, family))
      if ((await rc.run([ifconfig, netif, family, address, ...rest.slice(1), action])) === 0) done = true;
  }
  return done;
}

/** `10.0.0.1-5/24` is five addresses, the ones after the first with /32. */
function expandRange(address: string, family: string): string[] {
  const range = /^(.*?)(\d+)-(\d+)(\/\d+)?$/.exec(address);
  if (family !== "inet" || !range) return [address];
  const [, head = "", low, high, prefix = ""] = range;
  const count = Number(high) - Number(low) + 1;
  return Array.from(
    { length: Math.max(0, count) },
    (_, i) => `${head}${Number(low) + i}${i === 0 ? prefix : "/32"}`,
  );
}

async function createChildren(rc: Rc, netif: string): Promise<boolean> {
  const children = split(rc.conf.forInterface(netif, "vlans_IF"));
  if (children.length > 0) await rc.loadModule("if_vlan");
  let created = false;
  for (const child of children) {
    const tag = /^[1-9]\d*$/.test(child);
    const name = tag ? `${netif}.${child}` : child;
    const extra = split(rc.conf.forInterface(name, "create_args_IF"));
    if (tag || /^vlan\d+$/.test(child)) {
      const parent = tag ? [] : ["vlandev", netif];
      const result = await rc.quietly([ifconfig, name, "create", ...parent, ...extra]);
      rc.stderr += result.stderr;
      if (result.status === 0) created = true;
    } else {
      const made = (await rc.quietly([ifconfig, "vlan", "create", "vlandev", netif, ...extra])).stdout.trim();
      if (made !== "" && (await rc.quietly([ifconfig, made, "name", child])).status === 0) created = true;
    }
    if (isAutomatic(rc, name)) await startInterface(rc, name);
  }
  return created;
}

async function stopInterface(rc: Rc, netif: string): Promise<boolean> {
  let done = false;
  for (const family of ["inet6", "inet"] as const) {
    if (await aliases(rc, netif, family, "-alias")) done = true;
    for (const line of (await rc.quietly([ifconfig, netif])).stdout.split("\n")) {
      const [word, address] = split(line);
      if (word !== family || address === undefined || address.includes("%")) continue;
      await rc.run([
        ifconfig,
        netif,
        family,
        address.replace(/\/.*/, ""),
        family === "inet" ? "delete" : "-alias",
      ]);
      done = true;
    }
  }
  if (await exists(rc, netif)) {
    await rc.run([ifconfig, netif, "down"]);
    done = true;
  }
  const script = `/etc/stop_if.${netif}`;
  if (await rc.io.fs.exists(script)) await rc.run(["/bin/sh", script]);
  for (const child of split(rc.conf.forInterface(netif, "vlans_IF"))) {
    const name = /^[1-9]\d*$/.test(child) ? `${netif}.${child}` : child;
    if (await exists(rc, name)) await rc.run([ifconfig, "-n", name, "destroy"]);
  }
  return done;
}

/** `name:sticky` */
const cloned = (rc: Rc): { name: string; option: string | undefined }[] =>
  rc.conf.words("cloned_interfaces").map((word) => {
    const [name = "", option] = word.split(":");
    return { name, option };
  });

async function cloneUp(rc: Rc, only: readonly string[]): Promise<number> {
  const created: string[] = [];
  for (const { name } of cloned(rc)) {
    if (only.length > 0 && !only.includes(name)) continue;
    const sides = /^epair\d/.test(name) ? [`${name}a`, `${name}b`] : [name];
    let there = false;
    for (const side of sides) there ||= await exists(rc, side);
    if (there) continue;
    const extra = split(rc.conf.forInterface(name, "create_args_IF"));
    if ((await rc.run([ifconfig, name, "create", ...extra])) === 0) created.push(...sides);
  }
  if (created.length > 0) rc.echo(`Created clone interfaces: ${created.join(" ")}.`);
  return 0;
}

async function cloneDown(rc: Rc, only: readonly string[]): Promise<number> {
  const destroyed: string[] = [];
  for (const { name, option } of cloned(rc)) {
    if (option === "sticky" || (option !== "nosticky" && rc.conf.yes("cloned_interfaces_sticky"))) continue;
    if (only.length > 0 && !only.includes(name)) continue;
    const sides = /^epair\d/.test(name) ? [`${name}a`, `${name}b`] : [name];
    for (const side of sides) {
      if (!(await exists(rc, side))) continue;
      if ((await rc.run([ifconfig, "-n", side, "destroy"])) === 0) destroyed.push(...sides);
      break;
    }
  }
  if (destroyed.length > 0) rc.echo(`Destroyed clone interfaces: ${destroyed.join(" ")}.`);
  return 0;
}

async function rename(rc: Rc, only: readonly string[]): Promise<void> {
  const names = only.length > 0 ? only : split((await rc.quietly([ifconfig, "-l"])).stdout);
  for (const netif of names) {
    const name = rc.conf.forInterface(netif, "ifconfig_IF_name");
    if (name !== "") {
      const result = await rc.quietly([ifconfig, netif, "name", name]);
      rc.stderr += result.stderr;
    }
  }
}

async function common(
  rc: Rc,
  verb: "Starting" | "Stopping",
  action: (rc: Rc, netif: string) => Promise<boolean>,
  only: readonly string[],
): Promise<void> {
  const names = only.length > 0 ? only : await listInterfaces(rc);
  const done: string[] = [];
  let ipv6 = false;
  for (const netif of names.flatMap((name) =>
    /^epair\d+$/.test(name) ? [`${name}a`, `${name}b`] : [name],
  )) {
    if (verb === "Stopping" && !(await exists(rc, netif))) {
      rc.warn(`${netif} does not exist.  Skipped.`);
      continue;
    }
    if (await action(rc, netif)) {
      done.push(netif);
      ipv6 ||= wantsIpv6(rc, netif);
    }
  }
  // Duplicate address detection takes its time.
  if (verb === "Starting" && ipv6) await rc.io.process.sleep(2000);
  if (done.length === 0) return;
  rc.echo(`${verb} Network: ${done.join(" ")}.`);
  if (rc.conf.yes("rc_startmsgs")) for (const netif of done) await rc.run([ifconfig, netif]);
}

async function start(rc: Rc, only: readonly string[]): Promise<number> {
  await cloneUp(rc, only);
  await rename(rc, only);
  await common(rc, "Starting", startInterface, only);
  if (only.length > 0) {
    await rc.call(bridge, ["start", ...only]);
    for (const netif of only) await rc.call(routing, ["static", "any", netif]);
  }
  return 0;
}

async function stop(rc: Rc, only: readonly string[]): Promise<number> {
  await common(rc, "Stopping", stopInterface, only);
  await cloneDown(rc, only);
  for (const netif of only) await rc.call(routing, ["stop", "any", netif]);
  return 0;
}

/** /etc/rc.d/netif and network.subr */
export const netif: RcScript = {
  name: "netif",
  description: "Network interface setup",
  rcvar: "netif_enable",
  configurations: ["network"],
  actions: {
    start,
    stop,
    cloneup: cloneUp,
    clonedown: cloneDown,
    clear: async (rc, only) => {
      await common(rc, "Stopping", stopInterface, only);
      return 0;
    },
    vnetup: (rc, only) => lend(rc, only, "vnet"),
    vnetdown: (rc, only) => lend(rc, only, "-vnet"),
  },
};

/** `ifconfig_IF="… vnet JAIL …"` */
async function lend(rc: Rc, only: readonly string[], action: "vnet" | "-vnet"): Promise<number> {
  const moved: string[] = [];
  for (const name of only.length > 0 ? only : await listInterfaces(rc)) {
    const words = split(rawArguments(rc, name));
    const jail = words[words.indexOf("vnet") + 1];
    if (words.includes("vnet") && jail !== undefined && (await rc.run([ifconfig, name, action, jail])) === 0)
      moved.push(name);
  }
  if (moved.length > 0)
    rc.echo(`${action === "vnet" ? "Moving" : "Reclaiming"} Network: ${moved.join(" ")}.`);
  return 0;
}
