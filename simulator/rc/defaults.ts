/**
 * `/etc/defaults/rc.conf`: the variables that concern a host of jails and its network, and those that `service -e`
 * goes by. Values are FreeBSD 14's; a comment is what `sysrc -d` says.
 */
export const defaultRcConf = `#!/bin/sh

# Do not edit: overrides belong in /etc/rc.conf, see rc.conf(5).

rc_debug="NO"		# Set to YES to enable debugging output from rc.d
rc_info="NO"		# Enables display of informational messages at boot.
rc_startmsgs="YES"	# Show "Starting foo:" messages at boot
early_late_divider="FILESYSTEMS"	# Script that separates early/late
always_force_depends="NO"	# Set to check that indicated dependencies are
				# running during boot (can increase boot time).
zfs_enable="NO"		# Set to YES to automatically mount ZFS file systems
zfskeys_enable="NO"	# Set YES to autoload ZFS encryption keys
fsck_y_enable="NO"	# Set to YES to do fsck -y if the initial preen fails.
background_fsck="YES"	# Attempt to run fsck in the background where possible.
extra_netfs_types="NO"	# List of network extra filesystem types for delayed
			# mount at startup (or NO).
devd_enable="YES"	# Run devd, to trigger programs on device tree changes.
devd_flags=""		# Additional flags for devd(8).
kld_list=""		# Kernel modules to load after local disks are mounted
kldxref_enable="YES"	# Build linker.hints files with kldxref(8).
devmatch_enable="YES"	# Demand load kernel modules based on device ids.
powerd_enable="NO"	# Run powerd to lower our power usage.
tmpmfs="AUTO"		# Set to YES to always create an mfs /tmp, NO to never
varmfs="AUTO"		# Set to YES to always create an mfs /var, NO to never
cleanvar_enable="YES"	# Clean the /var directory
local_startup="/usr/local/etc/rc.d" # startup script dirs.
rc_conf_files="/etc/rc.conf /etc/rc.conf.local"
hostid_enable="YES"	# Set host UUID.
hostid_file="/etc/hostid"	# File with hostuuid.
hostname=""		# Set this!
nisdomainname="NO"	# Set to NIS domain if using NIS (or NO).
dhclient_program="/sbin/dhclient"	# Path to dhcp client program.
dhclient_flags=""	# Extra flags to pass to dhcp client.
background_dhclient="NO"	# Start dhcp client in the background.
synchronous_dhclient="NO"	# Start dhclient directly on configured
				# interfaces during startup.
defaultroute_delay="30"	# Time to wait for a default route on a DHCP interface.
netif_enable="YES"	# Set to YES to initialize network interfaces
netwait_enable="NO"	# Enable rc.d/netwait (or NO)
firewall_enable="NO"	# Set to YES to enable firewall functionality
firewall_script="/etc/rc.firewall" # Which script to run to set up the firewall
firewall_type="UNKNOWN"	# Firewall type (see /etc/rc.firewall)
firewall_quiet="NO"	# Set to YES to suppress rule display
firewall_logging="NO"	# Set to YES to enable events logging
firewall_logif="NO"	# Set to YES to create logging-pseudo interface
firewall_flags=""	# Flags passed to ipfw when type is a file
firewall_coscripts=""	# List of executables/scripts to run after
			# firewall starts/stops
firewall_nat_enable="NO"	# Enable kernel NAT (if firewall_enable == YES)
firewall_nat_interface=""	# Public interface or IPaddress to use
firewall_nat_flags=""	# Additional configuration parameters
dummynet_enable="NO"	# Load the dummynet(4) module
natd_program="/sbin/natd" # path to natd, if you want a different one.
natd_enable="NO"	# Enable natd (if firewall_enable == YES).
natd_interface=""	# Public interface or IPaddress to use.
natd_flags=""		# Additional flags for natd.
pf_enable="NO"		# Set to YES to enable packet filter (pf)
pf_rules="/etc/pf.conf"	# rules definition file for pf
pf_program="/sbin/pfctl"	# where the pfctl program lives
pf_flags=""		# additional flags for pfctl
pflog_enable="NO"	# Set to YES to enable packet filter logging
pflog_logfile="/var/log/pflog"	# where pflogd should store the logfile
pfsync_enable="NO"	# Expose pf state to other hosts for syncing
tcp_extensions="YES"	# Set to NO to turn off RFC1323 extensions.
log_in_vain="0"		# >=1 to log connects to ports w/o listeners.
tcp_keepalive="YES"	# Enable stale TCP connection timeout (or NO).
tcp_drop_synfin="NO"	# Set to YES to drop TCP packets with SYN+FIN
icmp_drop_redirect="AUTO" # Set to YES to ignore ICMP REDIRECT packets
icmp_log_redirect="NO"	# Set to YES to log ICMP REDIRECT packets
network_interfaces="auto"	# List of network interfaces (or "auto").
cloned_interfaces=""	# List of cloned network interfaces to create.
cloned_interfaces_sticky="NO"	# Do not destroy cloned interfaces on stop
ifconfig_DEFAULT=""	# Default configuration for an interface
vlans_vtnet0=""		# vtnet0 has no VLANs by default
autobridge_interfaces=""	# List of bridges to check
defaultrouter="NO"	# Set to default gateway (or NO).
static_routes=""	# Set to static route list (or leave empty).
gateway_enable="NO"	# Set to YES if this host will be a gateway.
routed_enable="NO"	# Set to YES to enable a routing daemon.
arpproxy_all="NO"	# replaces obsolete kernel option ARP_PROXYALL.
forward_sourceroute="NO"	# do source routing (only if gateway_enable is set to "YES")
accept_sourceroute="NO"	# accept source routed packets to us
icmp_bmcastecho="NO"	# respond to broadcast ping packets
ip6addrctl_enable="YES"	# New address selection configuration
ip6addrctl_policy="AUTO"	# A pre-defined address selection policy
ipv6_network_interfaces="auto"	# List of IPv6 network interfaces
ipv6_activate_all_interfaces="NO"	# If NO, interfaces which have no
					# corresponding $ifconfig_IF_ipv6 is
					# marked as IFDISABLED for security
					# reason.
ipv6_defaultrouter="NO"	# Set to IPv6 default gateway (or NO).
ipv6_static_routes=""	# Set to static route list (or leave empty).
ipv6_gateway_enable="NO"	# Set to YES if this host will be a gateway.
ipv6_default_interface="NO"	# Default output interface for scoped addrs.
ipv6_cpe_wanif="NO"	# Set to the upstream interface name if this
			# node will work as a router to forward IPv6
			# packets not explicitly addressed to itself.
syslogd_enable="YES"	# Run syslog daemon (or NO).
syslogd_program="/usr/sbin/syslogd" # path to syslogd, if you want a different one.
syslogd_flags="-s"	# Flags to syslogd (if enabled).
inetd_enable="NO"	# Run the network daemon dispatcher (YES/NO).
rwhod_enable="NO"	# Run the rwho daemon (or NO).
rpcbind_enable="NO"	# Run the portmapper service (YES/NO).
nfs_client_enable="NO"	# This host is an NFS client (or NO).
nfs_server_enable="NO"	# This host is an NFS server (or NO).
sshd_enable="NO"	# Enable sshd
sshd_program="/usr/sbin/sshd"	# path to sshd, if you want a different one.
sshd_flags=""		# Additional flags for sshd.
ntpd_enable="NO"	# Run ntpd Network Time Protocol (or NO).
local_unbound_enable="NO"	# Local caching DNS resolver
cron_enable="YES"	# Run the periodic job daemon.
cron_program="/usr/sbin/cron"	# Which cron executable to run (if enabled).
cron_dst="YES"		# Handle DST transitions intelligently (YES/NO)
cron_flags=""		# Which options to pass to the cron daemon.
sendmail_enable="NO"	# Run the sendmail inbound daemon (YES/NO/NONE).
dumpdev="AUTO"		# Device to crashdump to (device name, AUTO, or NO).
dumpdir="/var/crash"	# Directory where crash dumps are to be stored
savecore_enable="YES"	# Extract core from dump devices if any
newsyslog_enable="YES"	# Run newsyslog at startup.
mixer_enable="YES"	# Run the sound mixer.
resolv_enable="YES"	# Enable resolv.conf generation
dmesg_enable="YES"	# Save dmesg(8) to /var/run/dmesg.boot
clear_tmp_enable="NO"	# Clear /tmp at startup.
clear_tmp_X="YES"	# Clear and recreate X11-related directories in /tmp
update_motd="YES"	# update version info in /etc/motd (or NO)
osrelease_enable="YES"	# Update /var/run/os-release on boot (or NO).
virecover_enable="YES"	# Perform housekeeping for the vi(1) editor
utx_enable="YES"	# Enable user accounting
gptboot_enable="YES"	# GPT boot success/failure reporting.
bgfsck_enable="YES"	# Start background fsck
rctl_enable="YES"	# Load rctl(8) rules on boot
rctl_rules="/etc/rctl.conf"	# rctl(8) ruleset. See rctl.conf(5).
devfs_rulesets="/etc/defaults/devfs.rules /etc/devfs.rules" # Files containing
							     # devfs(8) rules.
devfs_system_ruleset=""	# The name (NOT number) of a ruleset to apply to /dev
devfs_set_rulesets=""	# A list of /mount/dev=ruleset_name settings to
			# apply (must be mounted already, i.e. fstab(5))
devfs_load_rulesets="YES"	# Enable to always load the default rulesets
jail_enable="NO"	# Set to NO to disable starting of any jails
jail_conf="/etc/jail.conf"	# Configuration file for jail(8)
jail_confwarn="YES"	# Prevent warning about obsolete per-jail configuration
jail_parallel_start="NO"	# Start jails in the background
jail_list=""		# Space separated list of names of jails
jail_reverse_stop="NO"	# Stop jails in reverse order
securelevel_enable="NO"	# kernel security level (see security(7))
kern_securelevel="-1"	# range: -1..3 ; \`-1' is the most insecure
moused_enable="NO"	# Run the mouse daemon.
blacklistd_enable="NO"	# Run blacklistd(8)
watchdogd_enable="NO"	# Start the software watchdog daemon
zfsd_enable="NO"	# Run zfsd(8)
service_delete_empty="NO"	# Have 'service delete' remove empty rc.conf.d files.
`;

/** The variables of {@link defaultRcConf}: it has nothing but plain assignments. */
export const defaultVariables: ReadonlyMap<string, string> = new Map(
  [...defaultRcConf.matchAll(/^(\w+)="([^"]*)"/gm)].map(([, name, value]) => [name!, value!]),
);
