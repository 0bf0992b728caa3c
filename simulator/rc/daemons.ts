import type { Rc, RcScript } from "./script";

/** A daemon of the base system that the simulator only lets run. */
const daemon = (name: string, command: string, description: string): RcScript => ({
  name,
  description,
  rcvar: `${name}_enable`,
  daemon: { command, pidfile: `/var/run/${name}.pid` },
  actions: { start: (rc) => start(rc) },
});

async function start(rc: Rc): Promise<number> {
  const { daemon: program, name } = rc.script;
  if (!program) return 0;
  rc.announce(`Starting ${name}.\n`);
  const { kernel, who } = rc.io;
  const { pid } = kernel.processes.start({
    command: [program.command, ...rc.flags.split(" ").filter((word) => word !== "")].join(" "),
    name,
    jid: who.jail?.jid ?? 0,
    startedAt: kernel.clock.now(),
    ...(name === "sshd" ? { listens: [{ proto: "tcp" as const, port: 22 }] } : {}),
  });
  try {
    await rc.io.fs.writeFile(program.pidfile, `${pid}\n`);
  } catch {
    // A read-only root: syslogd goes on without its pid file, cron gives up.
    if (name === "syslogd") rc.stderr += "syslogd: cannot open pid file: Read-only file system\n";
    if (name === "cron") {
      kernel.processes.end(pid);
      rc.stderr += `cron: can't open or create ${program.pidfile}: Read-only file system\n`;
      rc.stderr += "/etc/rc: WARNING: failed to start cron\n";
      return 1;
    }
  }
  return 0;
}

export const syslogd = daemon("syslogd", "/usr/sbin/syslogd", "System log daemon");
export const cron = daemon("cron", "/usr/sbin/cron", "Daemon to execute scheduled commands");
export const devd = daemon("devd", "/sbin/devd", "Device state change daemon");

/** /etc/rc.d/sshd: looks at its configuration before it starts or stops. */
async function sanity(rc: Rc): Promise<number> {
  rc.echo("Performing sanity check on sshd configuration.");
  if (rc.io.who.uid === 0) return 0;
  rc.stderr += "No host key files found\r\n";
  return 1;
}

const plain = daemon("sshd", "/usr/sbin/sshd", "Secure Shell Daemon");

export const sshd: RcScript = {
  ...plain,
  precommand: { start: sanity, restart: sanity, reload: sanity },
  actions: {
    ...plain.actions,
    reload: (rc) => {
      if (rc.pid !== undefined) return 0;
      rc.stderr += "sshd not running? (check /var/run/sshd.pid).\n";
      return 1;
    },
    configtest: sanity,
    keygen: () => 0,
  },
};
