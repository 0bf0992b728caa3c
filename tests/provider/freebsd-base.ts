/**
 * Programs of FreeBSD 14's base system by their folder, in the order of root's PATH: what a host has on which nothing
 * was installed. Of those that a script of ours could have a use for; see hier(7).
 */
export const base: Readonly<Record<string, readonly string[]>> = {
  "/sbin": names(`
    bectl devfs devmatch dhclient dmesg fsck geom gpart halt ifconfig init ipfw kldconfig kldload kldstat kldunload
    ldconfig md5 mdconfig mdmfs mount mount_cd9660 mount_mfs mount_msdosfs mount_nfs mount_nullfs mount_udf
    mount_unionfs natd newfs pfctl ping ping6 rcorder reboot resolvconf route rtsol sha1 sha256 sha512 shutdown
    swapctl sysctl tunefs umount zfs zpool
  `),
  "/bin": names(`
    [ cat chflags chmod cp csh date dd df domainname echo ed expr freebsd-version getfacl hostname kenv kill link ln ls
    mkdir mv pax pgrep pkill ps pwait pwd realpath rm rmdir setfacl sh sleep stty sync test timeout unlink uuidgen
  `),
  "/usr/sbin": names(`
    arp chown chroot cron daemon devctl devinfo freebsd-update inetd jail jexec jls kldxref mtree ndp newsyslog ntpd
    pciconf pkg pw rtadvd service sshd sysrc syslogd tcpdump traceroute unbound utx vipw
  `),
  "/usr/bin": names(`
    apply awk b64decode b64encode base64 basename bc bsdtar bzip2 chgrp cksum cmp col column comm cpuset crontab cut dc
    diff dirname drill du egrep env expand false fetch fgrep file find fmt fold fstat fsync getaddrinfo getconf getent
    getopt grep groups gunzip gzip head hexdump host id install join jot killall last ldd less limits locale lock lockf
    logger login logname m4 make mkfifo mktemp more nc netstat nice nl nohup od openssl passwd paste patch pgrep pkill
    pr printenv printf procstat rctl readlink rev sed seq sockstat sort split ssh ssh-keygen stat strings su systat tail
    tar tee time timeout top touch tr true truncate tsort tty uname uniq uptime uuidgen vi vis vmstat w wc whereis which
    who whoami xargs xz yes zcat zstd
  `),
};

function names(text: string): string[] {
  return text.split(/\s+/).filter((name) => name !== "");
}

/** Where `name`, as a script calls it, is; undefined when FreeBSD has no such program. */
export function whereIs(name: string): string | undefined {
  const slash = name.lastIndexOf("/");
  const folders = slash < 0 ? Object.keys(base) : [name.slice(0, slash)];
  const program = name.slice(slash + 1);
  const folder = folders.find((each) => base[each]?.includes(program));
  return folder && `${folder}/${program}`;
}
