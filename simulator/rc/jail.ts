import { split, textOf } from "./conf";
import type { Rc, RcScript } from "./script";

const jail = "/usr/sbin/jail";
const jls = "/usr/sbin/jls";

/** parse_options: the file that describes a jail. The jail_NAME_* variables of old are not supported here. */
async function configuration(rc: Rc, name: string): Promise<string | undefined> {
  const common = rc.conf.get("jail_conf");
  const text = await textOf(rc.io, common);
  const readable = async (file: string): Promise<boolean> => (await textOf(rc.io, file)) !== undefined;
  if (await readable(`/etc/jail.${name}.conf`)) return `/etc/jail.${name}.conf`;
  // What jail.conf includes is better read with it: other files may be depended on.
  const included = /^\s*\.include\s*["']?\/etc\/jail\.conf\.d\//m.test(text ?? "");
  if (!included && (await readable(`/etc/jail.conf.d/${name}.conf`))) return `/etc/jail.conf.d/${name}.conf`;
  if (text !== undefined) return common;
  rc.warn(
    `Invalid configuration for ${name}  (no jail.conf, no hostname, or no path).   Jail ${name} was ignored.`,
  );
  return undefined;
}

const isRunning = async (rc: Rc, name: string): Promise<boolean> =>
  (await rc.quietly([jls, "-j", name])).status === 0;

const named = async (rc: Rc, ...columns: string[]): Promise<string[][]> =>
  (await rc.quietly([jls, ...columns])).stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split(" "));

const idFile = (name: string): string => `/var/run/jail_${name}.id`;

const shellName = (name: string): string => name.replace(/[/.]/g, "_");

/** Without names: those of `jail_list`, else all of jail.conf. */
const targets = (rc: Rc, args: readonly string[]): readonly string[] | undefined => {
  if (args.length > 0) return args;
  const list = rc.conf.words("jail_list");
  return list.length > 0 ? list : undefined;
};

async function start(rc: Rc, args: readonly string[]): Promise<number> {
  const flags = rc.conf.words("jail_flags");
  const names = targets(rc, args);
  rc.stdout += "Starting jails:";
  if (!names) {
    const parallel = rc.yes("jail_parallel_start") ? [] : ["-p1"];
    const done = await rc.quietly([jail, ...flags, "-f", rc.conf.get("jail_conf"), "-c", ...parallel]);
    if (done.status !== 0) rc.stdout += done.stdout + done.stderr;
    else
      for (const [jid, name] of await named(rc, "jid", "name")) {
        rc.stdout += ` ${name}`;
        await rc.io.fs.writeFile(idFile(name ?? ""), `${jid}\n`);
      }
    rc.echo(".");
    return 0;
  }
  for (const name of names.map(shellName)) {
    const file = await configuration(rc, name);
    if (file === undefined) continue;
    const own = split(rc.conf.get(`jail_${name.replace(/\W/g, "_")}_flags`));
    const done = await rc.quietly([jail, ...(own.length > 0 ? own : flags), "-i", "-f", file, "-c", name]);
    if (done.status === 0) {
      rc.stdout += ` ${name}`;
      const jid = (await rc.quietly([jls, "-j", name, "jid"])).stdout;
      await rc.io.fs.writeFile(idFile(name), jid);
    } else rc.stdout += ` cannot start jail  "${name}": \n${done.stdout}${done.stderr}`;
  }
  rc.echo(".");
  return 0;
}

async function stop(rc: Rc, args: readonly string[]): Promise<number> {
  const names = targets(rc, args);
  const backwards = args.length === 0 && rc.yes("jail_reverse_stop");
  rc.stdout += "Stopping jails:";
  const remove = async (name: string, command: readonly string[]): Promise<void> => {
    rc.stdout += ` ${name}`;
    const done = await rc.quietly(command);
    if (await isRunning(rc, name)) rc.stdout += done.stdout + done.stderr;
    else await rc.io.fs.rm(idFile(name), { force: true });
  };
  if (!names) {
    const running = (await named(rc, "name")).map((columns) => columns.join(" "));
    if (backwards) running.reverse();
    for (const name of running)
      await remove(name, [jail, ...rc.conf.words("jail_flags"), "-f", rc.conf.get("jail_conf"), "-r", name]);
    rc.echo(".");
    return 0;
  }
  const ordered = backwards ? [...names].reverse() : names;
  for (const name of ordered.map(shellName)) {
    const file = await configuration(rc, name);
    if (file !== undefined && (await isRunning(rc, name)))
      await remove(name, [jail, "-q", "-f", file, "-r", name]);
  }
  rc.echo(".");
  return 0;
}

/** /etc/rc.d/jail: its exit status says nothing about the jails. */
export const jails: RcScript = {
  name: "jail",
  description: "Manage system jails",
  rcvar: "jail_enable",
  actions: {
    start,
    stop,
    status: (rc) => rc.run([jls, "-N"]),
    config: async (rc, args) => {
      for (const name of args.map(shellName)) {
        const file = await configuration(rc, name);
        if (file !== undefined) rc.echo(`${name}: parameters are in ${file}.`);
      }
      return 0;
    },
    console: async (rc, [name, ...words]) => {
      if (name === undefined) {
        rc.stderr += "/etc/rc.d/jail: ERROR: Specify a jail name.\n";
        return 3;
      }
      const command = words.length > 0 ? words : ["/usr/bin/login", "-f", "root"];
      return rc.run(["/usr/sbin/jexec", shellName(name), ...command]);
    },
  },
};
