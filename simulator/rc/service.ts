import { type Command, type Commands, fail, ok } from "../command";
import { getopt } from "../commands/getopt";
import { bridge } from "./bridge";
import { RcConf } from "./conf";
import { cron, devd, sshd, syslogd } from "./daemons";
import { ipfwScript, natd, pf } from "./firewall";
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

/** Scripts that have a file and a variable, and nothing to do here. */
const idle = (name: string, rcvar?: string): RcScript => ({
  name,
  description: name,
  ...(rcvar === undefined ? {} : { rcvar }),
  actions: { start: () => 0, stop: () => 0 },
});

/** /etc/rc.d in rcorder(8)'s order. */
const scripts: readonly RcScript[] = [
  sysctl,
  idle("hostid", "hostid_enable"),
  idle("zpool", "zfs_enable"),
  idle("zpoolupgrade", "zfs_enable"),
  idle("zpoolreguid", "zfs_enable"),
  idle("zvol", "zfs_enable"),
  idle("fsck"),
  idle("root"),
  mountcritlocal,
  idle("hostid_save", "hostid_enable"),
  idle("kldxref", "kldxref_enable"),
  idle("zfsbe", "zfs_enable"),
  zfs,
  idle("var"),
  idle("devmatch", "devmatch_enable"),
  cleanvar,
  idle("FILESYSTEMS"),
  idle("ldconfig"),
  kld,
  hostname,
  idle("ip6addrctl", "ip6addrctl_enable"),
  rctl,
  idle("mixer", "mixer_enable"),
  devfs,
  netif,
  devd,
  bridge,
  routing,
  ipfwScript,
  pf,
  idle("pflog", "pflog_enable"),
  idle("resolv", "resolv_enable"),
  idle("NETWORKING"),
  natd,
  mountlate,
  idle("newsyslog", "newsyslog_enable"),
  idle("cleartmp", "clear_tmp_X"),
  dmesg,
  idle("motd", "update_motd"),
  idle("os-release", "osrelease_enable"),
  idle("gptboot", "gptboot_enable"),
  syslogd,
  idle("savecore", "savecore_enable"),
  idle("utx", "utx_enable"),
  idle("ntpd", "ntpd_enable"),
  cron,
  sshd,
  jails,
  idle("bgfsck", "background_fsck"),
];

const byName = new Map(scripts.map((script) => [script.name, script]));

const path = (script: RcScript): string => `/etc/rc.d/${script.name}`;

const usage = `
Usage:
service [-j <jail name or id>] -e
service [-j <jail name or id>] -R
service [-j <jail name or id>] [-v] -l | -r
service [-j <jail name or id>] [-v] <rc.d script> start|stop|etc.
service -h

-j	Perform actions within the named jail
-e	Show services that are enabled
-R	Stop and start enabled /usr/local/etc/rc.d services
-l	List all scripts in /etc/rc.d and /usr/local/etc/rc.d
-r	Show the results of boot time rcorder
-v	Verbose

`;

/** service(8) */
const service: Command = async (args, io) => {
  const { list, operands, error } = getopt(args, "j:ehlrRv");
  const has = (letter: string): boolean => list.some(([each]) => each === letter);
  if (error !== undefined) return fail(1, `Illegal option -${error.slice(-1)}\n`, usage);
  if (has("h")) return ok(usage);
  const jail = list.findLast(([letter]) => letter === "j")?.[1];
  if (jail !== undefined) {
    const flags = list.filter(([letter]) => letter !== "j").map(([letter]) => `-${letter}`);
    return io.run(["/usr/sbin/jexec", "-l", jail, "/usr/sbin/service", ...flags, ...operands]);
  }
  // It reads rc.conf before the script does, so what is wrong with it shows twice.
  const conf = await RcConf.load(io);
  if (conf.ended !== undefined) return fail(conf.ended, conf.stderr);
  const startup = conf.get("local_startup");
  if (has("e")) {
    const enabled = scripts.filter((script) => script.rcvar !== undefined && conf.yes(script.rcvar));
    return { ...ok(enabled.map((script) => `${path(script)}\n`).join("")), stderr: conf.stderr };
  }
  if (has("l"))
    return {
      ...ok(
        `${scripts
          .map((script) => script.name)
          .sort()
          .join("\n")}\n`,
      ),
      stderr: conf.stderr,
    };
  if (has("r")) return { ...ok(scripts.map((script) => `${path(script)}\n`).join("")), stderr: conf.stderr };
  if (has("R")) return { ...ok(), stderr: conf.stderr };

  const [name = "", ...rest] = operands;
  if (rest.length === 0) return fail(1, conf.stderr, usage);
  const verbose = (folder: string): string => (has("v") ? `${name} is located in ${folder}\n` : "");
  const script = byName.get(name);
  if (script && (await io.fs.exists(path(script)))) {
    const result = await runScript(io, script, rest);
    return { ...result, stdout: verbose("/etc/rc.d") + result.stdout, stderr: conf.stderr + result.stderr };
  }
  for (const folder of conf.words("local_startup")) {
    const file = `${folder}/${name}`;
    if (!(await io.fs.exists(file))) continue;
    const result = await io.run([file, ...rest]);
    return { ...result, stdout: verbose(folder) + result.stdout, stderr: conf.stderr + result.stderr };
  }
  return fail(
    1,
    conf.stderr,
    `${name} does not exist in /etc/rc.d or the local startup\ndirectories (${startup}), or is not executable\n`,
  );
};

export const serviceCommands: Commands = {
  "/usr/sbin/service": service,
  ...Object.fromEntries(
    scripts.map((script): [string, Command] => [path(script), (args, io) => runScript(io, script, args)]),
  ),
};
