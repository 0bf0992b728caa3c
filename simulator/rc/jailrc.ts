import { type Command, type Commands, fail, type Io, ok } from "../command";
import { RcConf } from "./conf";
import { cron, sshd, syslogd } from "./daemons";
import { netif } from "./netif";
import { routing } from "./routing";
import { attempt, type RcScript, runScript } from "./script";

/** What a script that only writes files says: `noise` in the middle, on a root that cannot be written. */
interface Words {
  readonly head?: string;
  readonly noise: readonly string[];
  readonly tail?: string;
}

const readOnly = "Read-only file system";

/** A name as mktemp(1) makes it. */
const random = (
  length: number,
  letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
): string => Array.from({ length }, () => letters[Math.floor(Math.random() * letters.length)]).join("");

const beforeNetwork = (): Words[] => [
  {
    noise: [
      `mkdir: /tmp/.diskless.${random(64, "0123456789abcdef")}: ${readOnly}`,
      "mdmfs: tmpfs mount exited with error code 1",
      `chmod: /tmp: ${readOnly}`,
      "mdmfs: tmpfs mount exited with error code 1",
      `cp: /var/log/utx.lastlogin: ${readOnly}`,
      "chmod: /var/log/utx.lastlogin: No such file or directory",
      `cp: /var/log/utx.log: ${readOnly}`,
      "chmod: /var/log/utx.log: No such file or directory",
      `eval: cannot create /var/run/clean_var: ${readOnly}`,
      `eval: cannot create /var/spool/lock/clean_var: ${readOnly}`,
    ],
  },
  {
    head: "ELF ldconfig path: /lib /usr/lib /usr/lib/compat\n",
    noise: [`ldconfig: mkstemp(/var/run/ld-elf.so.hints.${random(6)}): ${readOnly}`],
  },
  {
    head: "32-bit compatibility ldconfig path:\n",
    noise: [`ldconfig: mkstemp(/var/run/ld-elf32.so.hints.${random(6)}): ${readOnly}`],
  },
];

const afterNetwork = (): Words[] => [
  {
    head: "Updating motd:",
    noise: [
      `ln: /etc/motd: ${readOnly}`,
      `mktemp: mkstemp failed on /tmp/motd.${random(10)}: ${readOnly}`,
      "eval: cannot create : No such file or directory",
      "eval: cannot create : No such file or directory",
      "install: : No such file or directory",
    ],
    tail: ".\n",
  },
  {
    head: "Updating /var/run/os-release ",
    noise: [
      `mktemp: mkstemp failed on /tmp/os-release.${random(10)}: ${readOnly}`,
      "eval: cannot create : No such file or directory",
      "install: : No such file or directory",
    ],
    tail: "done.\n",
  },
  {
    head: "Clearing /tmp (X related).\n",
    noise: ["X11", "XIM", "ICE", "font"].map((kind) => `mkdir: /tmp/.${kind}-unix: ${readOnly}`),
  },
  {
    head: "Creating and/or trimming log files",
    noise: [`newsyslog: can't mkstemp logfile /var/log/auth.log.${random(7)}: ${readOnly}`],
    tail: ".\n",
  },
];

async function isWritable(io: Io): Promise<boolean> {
  try {
    await io.fs.writeFile("/var/run/clean_var", "");
    return true;
  } catch {
    return false;
  }
}

/** /etc/rc inside a jail: its own rc.conf, its own daemons; the network only with a stack of its own. */
const start: Command = async (_args, io) => {
  const { process } = io;
  const writable = await isWritable(io);
  const conf = await RcConf.load(io);
  process.tell(conf.stderr);
  if (conf.ended !== undefined) return fail(conf.ended, "");
  const complain = (...lines: string[]): void => {
    if (!writable) process.tell(lines.map((line) => `${line}\n`).join(""));
  };
  const say = (steps: readonly Words[]): void => {
    for (const { head = "", noise, tail = "" } of steps) {
      process.write(1, head);
      complain(...noise);
      process.write(1, tail);
    }
  };
  const run = async (script: RcScript): Promise<void> => {
    const result = await runScript(io, script, ["quietstart"], conf);
    process.write(1, result.stdout);
    process.tell(result.stderr);
  };
  say(beforeNetwork());
  if (!io.who.jail || io.who.jail.vnet) {
    await run(netif);
    await run(routing);
  }
  say(afterNetwork());
  if (conf.yes("syslogd_enable")) complain(`eval: cannot create /var/run/syslogd.sockets: ${readOnly}`);
  await run(syslogd);
  complain(`pututxline: ${readOnly}`);
  await run(cron);
  await run(sshd);
  for (const folder of conf.words("local_startup"))
    for (const name of (await io.fs.readdir(folder).catch(() => [])).sort()) {
      const result = await attempt(io, [`${folder}/${name}`, "faststart"]);
      process.write(1, result.stdout);
      process.tell(result.stderr);
    }
  complain(`eval: cannot create /var/msgs/bounds: ${readOnly}`);
  process.write(1, `\n${(await attempt(io, ["/bin/date"])).stdout}`);
  return ok();
};

/** /etc/rc.shutdown */
const stop: Command = async (_args, io) => {
  const jid = io.who.jail?.jid ?? 0;
  const daemons = [syslogd, cron, sshd].map((script) => script.daemon?.command);
  for (const process of [...io.kernel.processes.all])
    if (process.jid === jid && daemons.includes(process.command.split(" ")[0]))
      io.kernel.processes.end(process.pid);
  if (!(await isWritable(io))) io.process.tell(`pututxline: ${readOnly}\n`);
  io.process.write(1, ".\n");
  io.process.tell("Terminated\n");
  return ok();
};

const program = { start: "/libexec/rc", stop: "/libexec/rc.shutdown" };

export const jailRcCommands: Commands = { [program.start]: start, [program.stop]: stop };

/** `/bin/sh /etc/rc` reads a text: one that hands over to what is simulated. */
export const rcTexts = {
  "/etc/rc": `#!/bin/sh\nexec ${program.start} "$@"\n`,
  "/etc/rc.shutdown": `#!/bin/sh\nexec ${program.stop} "$@"\n`,
} as const;
