/*
 * The commands by which somebody makes the bench's network by hand: the same files, interfaces, jails and redirects
 * as the provider's. Each can be run again.
 *
 * This function is also put into the text of the naive program, so it uses nothing from outside of itself.
 */

/**
 * @typedef {object} Commands
 * @property {string[]} create
 * @property {string[]} read
 * @property {string[]} remove
 */

/**
 * @param {"bridge" | "gateway" | "link" | "jail" | "redirect" | "natd"} kind
 * @param {{ n: number | string, address: string, port: number | string }} [jail] texts that stand for these will do
 * @returns {Commands}
 */
function commands(kind, { n, address, port } = { n: 0, address: "", port: 0 }) {
  const once = (/** @type {string} */ line, /** @type {string} */ file) =>
    `grep -qxF '${line}' ${file} 2>/dev/null || echo '${line}' >> ${file}`;
  const without = (/** @type {string} */ line, /** @type {string} */ file) =>
    `grep -vxF '${line}' ${file} > ${file}.new; mv ${file}.new ${file}`;
  switch (kind) {
    case "bridge":
      return {
        create: [
          "ifconfig bridge0 >/dev/null 2>&1 || ifconfig bridge0 create",
          "ifconfig bridge0 inet 10.10.0.1/16 up",
          "sysrc -q cloned_interfaces+=bridge0 autobridge_interfaces+=bridge0 ifconfig_bridge0='inet 10.10.0.1/16 up'",
        ],
        read: ["ifconfig bridge0"],
        remove: [
          "ifconfig bridge0 destroy",
          "sysrc -q cloned_interfaces-=bridge0 autobridge_interfaces-=bridge0; sysrc -q -x ifconfig_bridge0",
        ],
      };
    case "gateway":
      return {
        create: [
          "sysctl net.inet.ip.forwarding=1",
          "kenv net.inet.ip.fw.default_to_accept=1",
          "kldload -n ipfw ipdivert",
          once('net.inet.ip.fw.default_to_accept="1"', "/boot/loader.conf"),
          "test -e /etc/natd.conf || printf 'interface vtnet0\\ndynamic yes\\nsame_ports yes\\nexit_delay 0\\n' > /etc/natd.conf",
          "printf 'ipfw -q -f flush\\nipfw -q add 65532 divert natd ip from any to any via vtnet0\\n' > /etc/ipfw.conf",
          "sysrc -q gateway_enable=YES firewall_enable=YES firewall_script=/etc/ipfw.conf natd_enable=YES natd_flags='-f /etc/natd.conf'",
          "service natd onestatus || service natd onestart",
          "ipfw list 65532 2>/dev/null || ipfw -q add 65532 divert natd ip from any to any via vtnet0",
        ],
        read: ["ipfw list 65532"],
        remove: [
          "ipfw -q delete 65532",
          "service natd onestop",
          "sysrc -q -x gateway_enable firewall_enable firewall_script natd_enable natd_flags",
          "rm -f /etc/natd.conf /etc/ipfw.conf",
        ],
      };
    case "link":
      return {
        create: [
          `ifconfig epair${n}a >/dev/null 2>&1 || ifconfig epair${n} create`,
          `ifconfig bridge0 | grep -q 'member: epair${n}a ' || ifconfig bridge0 addm epair${n}a`,
          `ifconfig epair${n}a up`,
          `sysrc -q cloned_interfaces+=epair${n} autobridge_bridge0+=epair${n}a ifconfig_epair${n}a=up`,
        ],
        read: [`ifconfig epair${n}a`],
        remove: [
          `ifconfig epair${n}a destroy`,
          `sysrc -q cloned_interfaces-=epair${n} autobridge_bridge0-=epair${n}a; sysrc -q -x ifconfig_epair${n}a`,
        ],
      };
    case "jail": {
      const file = `/etc/jail.conf.d/j${n}.conf`;
      const start = [
        "/sbin/ifconfig lo0 127.0.0.1/8",
        `/sbin/ifconfig epair${n}b inet ${address}/16`,
        "/sbin/route add default 10.10.0.1",
        "/bin/sh /etc/rc",
      ];
      const text = [
        `j${n} {`,
        "vnet;",
        `vnet.interface = "epair${n}b";`,
        `path = "/jails/j${n}";`,
        `host.hostname = "j${n}";`,
        "mount.devfs; devfs_ruleset = 5;",
        ...start.map((command, i) => `exec.start ${i === 0 ? "=" : "+="} "${command}";`),
        'exec.stop = "/bin/sh /etc/rc.shutdown jail";',
        "}",
      ];
      return {
        create: [
          `mkdir -p /etc/jail.conf.d && printf '%s\\n' '${text.join("' '")}' > ${file}`,
          once(`.include "${file}";`, "/etc/jail.conf"),
          "sysrc -q jail_enable=YES",
          `jls -j j${n} >/dev/null 2>&1 || jail -q -c j${n}`,
        ],
        read: [`jls -j j${n} -n jid path`],
        remove: [`jail -q -r j${n}`, `rm -f ${file}; ${without(`.include "${file}";`, "/etc/jail.conf")}`],
      };
    }
    case "redirect": {
      const line = `redirect_port tcp ${address}:80 ${port}`;
      return {
        create: [once(line, "/etc/natd.conf")],
        read: [`grep -x '${line}' /etc/natd.conf`],
        remove: [without(line, "/etc/natd.conf")],
      };
    }
    case "natd":
      return {
        create: ["lockf -k /var/run/natd.lock service natd onerestart"],
        read: ["service natd onestatus"],
        remove: [],
      };
  }
}

module.exports = { commands };
