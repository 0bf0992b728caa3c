import { dmesgBoot } from "../commands/facts";
import { packArchive } from "../commands/tools/archive-format";
import type { Tree } from "../image";
import { defaultRcConf } from "../rc/defaults";
import { rcTexts } from "../rc/jailrc";
import { defaultDevfsRules } from "./devfs-rules";

const lines = (...text: string[]): string => `${text.join("\n")}\n`;

/** /etc/master.passwd as installed; the other password files come from it. */
const master = [
  "root::0:0::0:0:Charlie &:/root:/bin/sh",
  "toor:*:0:0::0:0:Bourne-again Superuser:/root:",
  "daemon:*:1:1::0:0:Owner of many system processes:/root:/usr/sbin/nologin",
  "operator:*:2:5::0:0:System &:/:/usr/sbin/nologin",
  "bin:*:3:7::0:0:Binaries Commands and Source:/:/usr/sbin/nologin",
  "tty:*:4:65533::0:0:Tty Sandbox:/:/usr/sbin/nologin",
  "kmem:*:5:65533::0:0:KMem Sandbox:/:/usr/sbin/nologin",
  "man:*:9:9::0:0:Mister Man Pages:/usr/share/man:/usr/sbin/nologin",
  "sshd:*:22:22::0:0:Secure Shell Daemon:/var/empty:/usr/sbin/nologin",
  "bind:*:53:53::0:0:Bind Sandbox:/:/usr/sbin/nologin",
  "unbound:*:59:59::0:0:Unbound DNS Resolver:/var/unbound:/usr/sbin/nologin",
  "_pflogd:*:64:64::0:0:pflogd privsep user:/var/empty:/usr/sbin/nologin",
  "_dhcp:*:65:65::0:0:dhcp programs:/var/empty:/usr/sbin/nologin",
  "www:*:80:80::0:0:World Wide Web Owner:/nonexistent:/usr/sbin/nologin",
  "ntpd:*:123:123::0:0:NTP Daemon:/var/db/ntp:/usr/sbin/nologin",
  "nobody:*:65534:65534::0:0:Unprivileged user:/nonexistent:/usr/sbin/nologin",
];

const passwd = master.map((line) => {
  const f = line.split(":");
  return [f[0], "*", f[2], f[3], f[7], f[8], f[9]].join(":");
});

const group = [
  "wheel:*:0:root",
  "daemon:*:1:",
  "kmem:*:2:",
  "sys:*:3:",
  "tty:*:4:",
  "operator:*:5:root",
  "mail:*:6:",
  "bin:*:7:",
  "news:*:8:",
  "man:*:9:",
  "games:*:13:",
  "staff:*:20:",
  "sshd:*:22:",
  "guest:*:31:",
  "bind:*:53:",
  "unbound:*:59:",
  "dialer:*:68:",
  "network:*:69:",
  "audit:*:77:",
  "www:*:80:",
  "nogroup:*:65533:",
  "nobody:*:65534:",
];

const sysctlConf = [
  "#",
  "#  This file is read when going to multi-user and its contents piped thru",
  "#  ``sysctl'' to adjust kernel values.  ``man 5 sysctl.conf'' for details.",
  "#",
  "",
  "# Uncomment this to prevent users from seeing information about processes that",
  "# are being run under another UID.",
  "#security.bsd.see_other_uids=0",
];

/** Directories of /etc; with them it has the links and the size that were recorded. */
const etc = Object.fromEntries(
  "X11 authpf autofs bluetooth cron.d defaults devd dma gss jail.conf.d kyua mail mtree newsyslog.conf.d ntp pam.d periodic pkg ppp profile.d rc.conf.d rc.d security skel ssh ssl syslog.d zfs"
    .split(" ")
    .map((name) => [`/etc/${name}`, { directory: true }] as const),
);

/** Files that nobody here reads, but that are there. */
const unread = Object.fromEntries(
  "amd.map apmd.conf auto_master blacklistd.conf crontab csh.cshrc csh.login csh.logout ddb.conf devd.conf dhclient.conf disktab fbtab freebsd-update.conf ftpusers gettytab host.conf hostid inetd.conf libalias.conf libmap.conf locate.rc login.access login.conf mac.conf machine-id manpath.config motd.template netconfig netgroup network.subr networks newsyslog.conf nfs nsmb.conf nscd.conf nsswitch.conf ntp.conf opieaccess os-release phones portsnap.conf printcap rc.bsdextended rc.firewall rc.initdiskless rc.sendmail rc.subr regdomain.xml remote resolvconf.conf rpc snmpd.config syslog.conf termcap termcap.small ttys wall_cmos_clock localtime pwd.db spwd.db login.conf.db aliases"
    .split(" ")
    .map((name) => [`/etc/${name}`, { content: `# ${name}\n` }] as const),
);

/** Files of the freshly installed host beyond the programs. */
export const files: Tree = {
  ...etc,
  ...unread,
  "/COPYRIGHT": { content: "# FreeBSD\n", mode: 0o444 },
  "/boot/loader.conf": {
    content: lines(
      'zfs_load="YES"',
      "kern.racct.enable=1",
      'autoboot_delay="1"',
      'boot_serial="YES"',
      'console="comconsole"',
      'beastie_disable="YES"',
    )
      .slice(0, 105)
      .concat("\n"),
  },
  "/boot/kernel/kernel": { content: "\x7fELF kernel\n", mode: 0o555 },
  "/etc/defaults/devfs.rules": { content: defaultDevfsRules },
  "/etc/defaults/rc.conf": { content: defaultRcConf },
  "/etc/fstab": {
    content: lines("# Device\tMountpoint\tFStype\tOptions\tDump\tPass#", "/dev/gpt/rootfs\t/\tufs\trw\t1\t1"),
  },
  "/etc/group": { content: lines(...group) },
  "/etc/hosts": {
    content: lines("::1\t\t\tlocalhost localhost.my.domain", "127.0.0.1\t\tlocalhost localhost.my.domain"),
  },
  "/etc/hosts.allow": {
    content: lines("#", "# hosts.allow access control file", "ALL : ALL : allow")
      .padEnd(3384, "#")
      .concat("\n"),
  },
  "/etc/master.passwd": { content: lines(...master), mode: 0o600 },
  "/etc/passwd": { content: lines(...passwd) },
  "/etc/profile": { content: lines("# System-wide .profile file for sh(1).") },
  "/etc/protocols": {
    content: lines(
      "ip\t0\tIP",
      "icmp\t1\tICMP",
      "tcp\t6\tTCP",
      "udp\t17\tUDP",
      "ipv6-icmp\t58\tIPv6-ICMP icmp6",
      "divert\t258\tDIVERT",
    ),
  },
  "/etc/rc.conf": {
    content: lines(
      'hostname="fbsd14"',
      'ifconfig_vtnet0="inet 10.0.2.15/24"',
      'defaultrouter="10.0.2.2"',
      'sshd_enable="YES"',
      'zfs_enable="YES"',
      'sendmail_enable="NONE"',
      'syslogd_flags="-ss"',
      'dumpdev="NO"',
    ),
  },
  "/etc/rc": { content: rcTexts["/etc/rc"] },
  "/etc/rc.shutdown": { content: rcTexts["/etc/rc.shutdown"] },
  "/etc/services": {
    content: lines(
      "ssh\t\t 22/tcp\t#Secure Shell Login",
      "ssh\t\t 22/udp\t#Secure Shell Login",
      "smtp\t\t 25/tcp\tmail",
      "domain\t\t 53/tcp\t#Domain Name Server",
      "domain\t\t 53/udp\t#Domain Name Server",
      "http\t\t 80/tcp\twww www-http",
      "ntp\t\t123/udp",
      "https\t\t443/tcp",
      "http-alt\t8080/tcp",
      "natd\t\t8668/divert",
    )
      .padEnd(86_000, "#")
      .concat("\n"),
  },
  "/etc/shells": { content: lines("/bin/sh", "/bin/csh", "/bin/tcsh") },
  "/etc/ssh/sshd_config": {
    content: lines("PermitRootLogin yes", "Subsystem\tsftp\t/usr/libexec/sftp-server"),
    mode: 0o644,
  },
  "/etc/sysctl.conf": { content: lines(...sysctlConf) },
  "/var/distfiles/base.txz": {
    content: packArchive({
      distribution: "base",
      declared: { sha256: "8d491a68835aa51209295b83e1e7db2d4a7792f8b6d212d051fe412688dadd76" },
    }),
  },
  "/var/run/dmesg.boot": { content: dmesgBoot },
  "/root/.profile": { content: lines("HOME=/root; export HOME") },
};
