import { loadDevfsRules } from "../commands/storage";
import type { Vfs } from "../kernel/vfs";
import { split, textOf } from "./conf";
import type { Rc, RcScript } from "./script";

/** Lines of a file that say something. */
async function lines(rc: Rc, path: string): Promise<string[]> {
  const text = await textOf(rc.io, path);
  return (text ?? "").split("\n").filter((line) => line.trim() !== "" && !line.trim().startsWith("#"));
}

/** /etc/rc.d/sysctl: an oid that is not there is passed over. */
export const sysctl: RcScript = {
  name: "sysctl",
  description: "Set sysctl variables from /etc/sysctl.conf and /etc/sysctl.conf.local",
  actions: {
    start: async (rc) => {
      for (const file of ["/etc/sysctl.conf", "/etc/sysctl.conf.local"])
        for (const line of await lines(rc, file)) {
          const assignment = line
            .replace(/#.*/, "")
            .trim()
            .replace(/\s*=\s*/, "=")
            .replace(/="(.*)"$/, "=$1");
          await rc.quietly(["/sbin/sysctl", assignment]);
        }
      return 0;
    },
    stop: () => 0,
    reload: () => 0,
  },
};

/** Files go, directories stay. */
function purge(fs: Vfs, directory: string): void {
  for (const name of fs.list(directory)) {
    const path = `${directory}/${name}`;
    if (fs.peek(path, { follow: false })?.type === "directory") purge(fs, path);
    else fs.unlink(path);
  }
}

/** /etc/rc.d/cleanvar. By its source; not recorded. */
export const cleanvar: RcScript = {
  name: "cleanvar",
  description: "Purge /var directory",
  rcvar: "cleanvar_enable",
  actions: {
    start: ({ io: { fs } }) => {
      if (!fs.isDirectory("/var/run")) return 0;
      purge(fs, "/var/run");
      fs.writeText("/var/run/clean_var", "");
      return 0;
    },
    stop: () => 0,
  },
};

/** /etc/rc.d/rctl */
export const rctl: RcScript = {
  name: "rctl",
  description: "Manage resource limits",
  rcvar: "rctl_enable",
  actions: {
    start: async (rc) => {
      const rules = (await lines(rc, rc.conf.get("rctl_rules"))).map((line) => split(line)[0]!);
      return rules.length === 0 ? 0 : rc.run(["/usr/bin/rctl", "-a", ...rules]);
    },
    stop: (rc) => rc.run(["/usr/bin/rctl", "-r", ":"]),
  },
};

async function loadRulesets(rc: Rc): Promise<void> {
  const texts = await Promise.all(rc.conf.words("devfs_rulesets").map((path) => textOf(rc.io, path)));
  rc.stderr += loadDevfsRules(rc.io.kernel, ...texts.filter((text) => text !== undefined));
}

/** /etc/rc.d/devfs */
export const devfs: RcScript = {
  name: "devfs",
  description: "Device filesystem",
  actions: {
    start: async (rc) => {
      if (rc.yes("devfs_load_rulesets")) await loadRulesets(rc);
      return 0;
    },
    stop: () => 0,
  },
};

/** /etc/rc.d/zfs */
export const zfs: RcScript = {
  name: "zfs",
  description: "Mount and share ZFS datasets",
  rcvar: "zfs_enable",
  modules: () => ["zfs"],
  actions: {
    start: async (rc) => {
      await rc.run(["/sbin/zfs", "mount", "-a"]);
      return 0;
    },
    stop: async (rc) => {
      await rc.run(["/sbin/zfs", "unmount", "-a"]);
      return 0;
    },
  },
};

/** /etc/rc.d/kld */
export const kld: RcScript = {
  name: "kld",
  description: "Load kernel modules",
  actions: {
    start: async (rc) => {
      const modules = rc.conf.words("kld_list");
      if (modules.length > 0) rc.echo(`Loading kernel modules: ${modules.join(" ")}.`);
      for (const module of modules) await rc.run(["/sbin/kldload", "-n", module]);
      return 0;
    },
    stop: () => 0,
  },
};

/** /etc/rc.d/mountcritlocal: what fstab(5) does not mark late. */
export const mountcritlocal: RcScript = {
  name: "mountcritlocal",
  description: "Mount critical local filesystems",
  actions: {
    start: async (rc) => {
      await rc.run(["/sbin/mount", "-a", "-t", "nonfs,nosmbfs"]);
      return 0;
    },
    stop: () => 0,
  },
};

/** /etc/rc.d/mountlate */
export const mountlate: RcScript = {
  name: "mountlate",
  description: 'Mount filesystems with "late" option from /etc/fstab',
  actions: {
    start: async (rc) => {
      if ((await lines(rc, "/etc/fstab")).some((line) => /\blate\b/.test(split(line)[3] ?? ""))) {
        rc.echo("Mounting late filesystems:.");
        await rc.run(["/sbin/mount", "-al"]);
      }
      return 0;
    },
    stop: () => 0,
  },
};

/** /etc/rc.d/hostname */
export const hostname: RcScript = {
  name: "hostname",
  description: "Set the system's hostname",
  actions: {
    start: async (rc) => {
      const name = rc.conf.get("hostname");
      return name === "" ? 0 : rc.run(["/bin/hostname", name]);
    },
    stop: () => 0,
  },
};

/** /etc/rc.d/dmesg */
export const dmesg: RcScript = {
  name: "dmesg",
  description: "Save kernel boot messages to disk",
  rcvar: "dmesg_enable",
  actions: {
    start: async (rc) => {
      const { stdout } = await rc.quietly(["/sbin/dmesg"]);
      await rc.io.fs.writeFile("/var/run/dmesg.boot", stdout);
      return 0;
    },
    stop: () => 0,
  },
};
