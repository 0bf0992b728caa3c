import type { Io } from "../command";
import { Errno } from "../command";
import type { Machine } from "../machine";
import { LocalSession } from "../machine";
import { Sink, type Stream, Text } from "../shell/streams";
import { bridge } from "./bridge";
import { RcConf, textOf } from "./conf";
import { cron, devd, sshd, syslogd } from "./daemons";
import { attachedSoFar } from "./devd";
import { ipfwScript, pf } from "./firewall";
import { jails } from "./jail";
import { netif } from "./netif";
import { routing } from "./routing";
import { type RcScript, runScript } from "./script";
import {
  cleanvar,
  devfs,
  dmesg,
  hostname,
  kld,
  mountcritlocal,
  mountlate,
  rctl,
  sysctl,
  zfs,
} from "./system";

/** rcorder(8) of what has something to do. `sysctl` runs once more at the end: modules have come in since. */
const order: readonly RcScript[] = [
  sysctl,
  mountcritlocal,
  zfs,
  cleanvar,
  kld,
  hostname,
  rctl,
  devfs,
  netif,
  devd,
  bridge,
  routing,
  ipfwScript,
  pf,
  mountlate,
  dmesg,
  syslogd,
  sysctl,
  cron,
  sshd,
  jails,
];

/** loader(8), the kernel's start, /etc/rc: live state is rebuilt from files alone. */
export async function boot(machine: Machine): Promise<string> {
  const session = new LocalSession(machine.sessions);
  const console = new Sink();
  const fds = new Map<number, Stream>([
    [0, new Text("")],
    [1, console],
    [2, console],
  ]);
  const io = machine.login({ fds, session }).io();
  await load(io);
  await run(io, order);
  attachedSoFar(machine.kernel);
  session.end();
  return console.bytes;
}

/** loader.conf(5): `name="value"` is a kernel environment variable, `X_load="YES"` a module. */
async function load(io: Io): Promise<void> {
  const { kernel } = io;
  for (const file of ["/boot/defaults/loader.conf", "/boot/loader.conf", "/boot/loader.conf.local"])
    for (const line of ((await textOf(io, file)) ?? "").split("\n")) {
      const [, name, value = ""] = /^\s*([\w.-]+)\s*=\s*"?([^"#]*)"?/.exec(line) ?? [];
      if (name === undefined) continue;
      const module = /^(\w+)_load$/.exec(name)?.[1];
      if (module === undefined) kernel.environment.set(name, value.trim());
      else if (/^yes$/i.test(value))
        try {
          kernel.modules.load(module);
        } catch (error) {
          if (!(error instanceof Errno)) throw error;
        }
    }
}

async function run(io: Io, scripts: readonly RcScript[]): Promise<void> {
  const conf = await RcConf.load(io);
  io.process.write(2, conf.stderr);
  if (conf.ended !== undefined) return;
  for (const script of scripts) {
    const result = await runScript(io, script, ["faststart"], conf);
    io.process.write(1, result.stdout + result.stderr);
  }
}
