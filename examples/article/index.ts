/**
 * The article's testjail, setting for setting: kernel and jail world are the host's and the snapshot's, the rest of
 * /etc/rc.conf, /etc/ipfw.conf, /etc/natd.conf, /etc/jail.conf and /etc/fstab.testjail.local is said here.
 */
import * as pulumi from "@pulumi/pulumi";
import { Bridge, EpairLink, Host, JailRoot, NatGateway, NatRedirect, VnetJail } from "pulumi-freebsd-vnet";

const config = new pulumi.Config();

const host = new Host("alpha", {
  address: config.require("host"),
  port: config.getNumber("port") ?? 22,
  ...(config.get("hostKey") && { hostKey: config.require("hostKey") }),
});

// cloned_interfaces="bridge0"; ifconfig bridge0 alias 10.10.15.1/24
const bridge0 = new Bridge("bridge0", { host, name: "bridge0", addresses: ["10.10.15.1/24"] });

// ifconfig epair1 create; ifconfig bridge0 addm epair1a up; ifconfig epair1a up
const epair1 = new EpairLink("epair1", { host, bridge: bridge0, unit: 1 });

// "I prefer a separate ZFS dataset for each jail": /jails/testjail
const root = new JailRoot("testjail", {
  host,
  snapshot: config.get("template") ?? "zroot/jails/template@base",
});

const testjail = new VnetJail("testjail", {
  host,
  path: root.path, // path = /jails/testjail
  hostname: "testjail.jail.local", // host.hostname
  fixedJid: 1, // jid = 1
  mounts: [{ target: "/tmp", type: "tmpfs", options: ["rw", "size=64m"] }], // mount.fstab
  mountDevfs: true, // mount.devfs
  devfsRuleset: 5, // devfs_ruleset = 5
  interfaces: [{ link: epair1, addresses: ["10.10.15.100/24"] }], // vnet.interface, ifconfig epair1b
  gateway: "10.10.15.1", // route add default
  start: ["/bin/sh /etc/rc"], // exec.start, after the interfaces
  stop: ["/bin/sh /etc/rc.shutdown"], // exec.stop
});

// firewall_enable, firewall_script="/etc/ipfw.conf", natd_enable, natd_flags="-f /etc/natd.conf"
const nat = new NatGateway("nat", { host, engine: "natd", ruleNumber: 65532 });

// redirect_port tcp 10.10.15.100:80 192.168.0.10:80
new NatRedirect("web", {
  gateway: nat,
  protocol: "tcp",
  publicAddress: host.externalAddress,
  publicPort: 80,
  target: testjail,
  targetPort: 80,
});
