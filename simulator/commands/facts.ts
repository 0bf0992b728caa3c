import type { Commands, Io } from "../command";
import { bootMessages } from "../kernel/messages";
import { kld } from "./kld";
import { limits } from "./limits";
import { type Program, program } from "./network/program";
import { sysctl } from "./sysctl";

/** uname(1) */
const uname = program("uname", (self, args, io) => {
  const { list, rest } = self.options(args, "abiKmnoprsUv", "usage: uname [-abiKmnoprsUv]\n");
  if (rest.length > 0) self.usage("usage: uname [-abiKmnoprsUv]\n");
  const letters = new Set(list.map(([letter]) => letter));
  if (letters.size === 0) letters.add("s");
  if (letters.has("a")) for (const letter of "mnrsv") letters.add(letter);
  if (letters.has("o")) letters.add("s");
  const get = (name: string): string => io.kernel.sysctl.get(name, io.who) ?? "";
  const version = get("kern.version").trim();
  const words: readonly (readonly [letter: string, value: string])[] = [
    ["s", get("kern.ostype")],
    ["n", get("kern.hostname")],
    ["r", get("kern.osrelease")],
    ["v", version],
    ["m", get("hw.machine")],
    ["p", get("hw.machine_arch")],
    ["i", get("kern.ident")],
    ["K", get("kern.osreldate")],
    ["U", String(io.kernel.release.osreldate)],
    ["b", "0000000000000000000000000000000000000000"],
  ];
  self.print(`${words.flatMap(([letter, value]) => (letters.has(letter) ? [value] : [])).join(" ")}\n`);
});

/** freebsd-version(1): `-k` installed kernel, `-r` running kernel, `-u` installed userland, `-j` a jail's userland. */
const freebsdVersion = program("freebsd-version", (self, args, io) => {
  const usage = "usage: freebsd-version [-kru] [-j jail]\n";
  const { list, rest } = self.options(args, "kruj:", usage);
  if (rest.length > 0) self.usage(usage);
  const installed = io.kernel.release.name;
  const letters = new Set(list.map(([letter]) => letter));
  if (letters.size === 0) letters.add("u");
  // In this order, whatever the order of the options.
  if (letters.has("k")) self.print(`${installed}\n`);
  if (letters.has("r")) self.print(`${io.kernel.sysctl.get("kern.osrelease", io.who)}\n`);
  if (letters.has("u")) self.print(`${installed}\n`);
  for (const [letter] of list) if (letter === "j") self.print(`${installed}\n`);
});

/** dmesg(8) */
const dmesg = program("dmesg", (self, args, io) => {
  const { list } = self.options(args, "acM:N:", "usage: dmesg [-ac] [-M core [-N system]]\n");
  for (const line of io.kernel.messages.lines) self.print(`${line}\n`);
  if (!list.some(([letter]) => letter === "c")) return;
  if (io.who.uid !== 0) self.errx(1, "sysctl kern.msgbuf_clear: Operation not permitted");
  io.kernel.messages.lines.length = 0;
});

/** kenv(1) */
const kenv = program("kenv", (self, args, io) => {
  const { environment } = io.kernel;
  const usage = "usage: kenv [-l|-s] [-hNq] [-v] [variable[=value]]\n       kenv [-q] -u variable\n";
  const { list, rest } = self.options(args, "hlNqsuv", usage);
  const has = (letter: string): boolean => list.some(([given]) => given === letter);
  const quiet = has("q");
  const [operand, extra] = rest;
  if (extra !== undefined || (has("u") && operand === undefined)) self.usage(usage);
  if (operand === undefined) {
    for (const [name, value] of [...environment].sort(([a], [b]) => (a < b ? -1 : 1)))
      self.print(has("N") ? `${name}\n` : `${name}="${value}"\n`);
    return;
  }
  const [name = "", ...value] = operand.split("=");
  const mayWrite = io.who.uid === 0 && !io.who.jail;
  if (has("u")) {
    if (mayWrite && environment.delete(name)) return;
    if (!quiet) self.warnx(`unable to unset ${name}`);
    return self.exit(255);
  }
  if (value.length > 0) {
    if (!mayWrite) {
      if (!quiet) self.warnx(`unable to set ${name} to ${value.join("=")}`);
      return self.exit(255);
    }
    environment.set(name, value.join("="));
    self.print(`${name}="${value.join("=")}"\n`);
    return;
  }
  const set = environment.get(name);
  if (set === undefined) {
    if (!quiet) self.warnx(`unable to get ${name}`);
    return self.exit(255);
  }
  self.print(has("v") ? `${name}="${set}"\n` : `${set}\n`);
});

interface Socket {
  command: string;
  pid: number;
  descriptor: number;
  proto: string;
  local: string;
}

/** What is open: the sockets that processes listen on, and those of natd(8). */
function sockets(io: Io): Socket[] {
  const { kernel, who } = io;
  const jid = who.jail?.jid;
  return kernel.processes.all
    .filter((process) => jid === undefined || process.jid === jid)
    .flatMap((process) => {
      const { pid, name: command } = process;
      const diverted = kernel.firewall.divert.filter((socket) => socket.pid === pid);
      return [
        ...(process.listens ?? []).flatMap(({ proto, port }) =>
          ["6", "4"].map((version, at) => ({
            command,
            pid,
            descriptor: 3 + at,
            proto: `${proto}${version}`,
            local: `*:${port}`,
          })),
        ),
        ...diverted.flatMap(({ ports }) =>
          ports.map((port, at) => ({ command, pid, descriptor: 3 + at, proto: "div4", local: `*:${port}` })),
        ),
      ];
    });
}

function protocolChosen(self: Program, wanted: string | undefined, proto: string): boolean {
  if (wanted === undefined) return proto !== "div4";
  const names = wanted.split(",");
  for (const name of names)
    if (!/^(tcp|udp|sctp|udplite|divert|icmp|ip|raw|unix)$/.test(name))
      self.errx(1, `${name}: unknown protocol`);
  return names.some((name) => proto.startsWith(name === "divert" ? "div" : name));
}

/** sockstat(1), of listening sockets. */
const sockstat = program("sockstat", (self, args, io) => {
  const usage = "usage: sockstat [-46cdLlnqSsUuvw] [-j jid] [-p ports] [-P protocols]\n";
  const { list } = self.options(args, "46CciIj:LlnqP:p:SsUuvw", usage);
  const has = (letter: string): boolean => list.some(([given]) => given === letter);
  const value = (letter: string): string | undefined => list.find(([given]) => given === letter)?.[1];
  const families = has("4") === has("6") ? ["4", "6"] : [has("4") ? "4" : "6"];
  const ports = value("p")?.split(",").map(Number);
  const jail = value("j");
  const jid =
    jail === undefined
      ? undefined
      : (io.kernel.jails.all.find((one) => one.name === jail || String(one.jid) === jail)?.jid ??
        Number(jail));
  if (Number.isNaN(jid)) self.errx(1, `Invalid jail name or ID ${jail}`);
  const row = (cells: readonly string[]): string => {
    const [user = "", command = "", pid = "", descriptor = "", proto = "", local = "", foreign = ""] = cells;
    return `${user.padEnd(8)} ${command.padEnd(10)} ${pid} ${descriptor.padEnd(3)} ${proto.padEnd(6)} ${local.padEnd(21)} ${foreign}`;
  };
  if (!has("q"))
    self.print(
      `${row(["USER", "COMMAND", "PID  ", "FD", "PROTO", "LOCAL ADDRESS", "FOREIGN ADDRESS".padEnd(21)])}\n`,
    );
  for (const socket of sockets(io)) {
    if (has("c") && !has("l")) continue;
    if (!families.includes(socket.proto.slice(-1)) || !protocolChosen(self, value("P"), socket.proto))
      continue;
    if (ports && !ports.includes(Number(socket.local.split(":")[1]))) continue;
    if (jid !== undefined && io.kernel.processes.all.find(({ pid }) => pid === socket.pid)?.jid !== jid)
      continue;
    const { command, pid, descriptor, proto, local } = socket;
    self.print(
      `${row(["root", command, String(pid).padStart(5), String(descriptor), proto, local, "*:*"])}\n`,
    );
  }
});

/** What the kernel and the system say of themselves. */
export const facts: Commands = {
  "/usr/bin/uname": uname,
  "/bin/freebsd-version": freebsdVersion,
  "/sbin/dmesg": dmesg,
  "/bin/kenv": kenv,
  "/usr/bin/sockstat": sockstat,
  "/sbin/sysctl": sysctl,
  ...kld,
  ...limits,
};

/** `/var/run/dmesg.boot`: what /etc/rc.d/dmesg keeps of the boot. */
export const dmesgBoot = `${bootMessages.join("\n")}\n`;
