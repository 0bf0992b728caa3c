import { Machine } from "../../simulator/machine";

async function host(): Promise<{
  machine: Machine;
  run: (command: string, stdin?: string) => Promise<string>;
}> {
  const machine = await Machine.create();
  const run = async (command: string, stdin?: string): Promise<string> => {
    const { stdout, stderr, status } = await machine.exec(command, stdin === undefined ? {} : { stdin });
    return stdout + stderr + (status === 0 ? "" : `-> ${status}\n`);
  };
  return { machine, run };
}

const block = `# BEGIN ours
cloned_interfaces="\${cloned_interfaces} epair7" # trailing
jail_list="\${jail_list:+\${jail_list} }a"
ifconfig_bridge0="inet 10.9.0.1/24 addm epair7a up"
ifconfig_vtnet0_30="inet 10.30.0.1/24"
vlans_vtnet0="30"
gateway_enable="NO"; gateway_enable="YES"
if [ -n "$hostname" ]; then static_routes="n1"; fi
route_n1="-net 10.77.0.0/16 10.0.2.3"
# END
`;

describe("rc.conf(5) is a shell script", () => {
  test("sysrc reads what the shell makes of it", async () => {
    const { run } = await host();
    await run("sysrc cloned_interfaces=bridge0");
    await run("cat >> /etc/rc.conf", block);
    expect(await run("sysrc -n cloned_interfaces jail_list gateway_enable static_routes")).toBe(
      "bridge0 epair7\na\nYES\nn1\n",
    );
    expect(await run("sysrc -c gateway_enable=YES")).toBe("");
    expect(await run("sysrc -c gateway_enable=NO")).toBe("-> 1\n");
  });

  test("boot does the same", async () => {
    const { machine, run } = await host();
    await run("sysrc cloned_interfaces=bridge0");
    await run("cat >> /etc/rc.conf", block);
    await machine.reboot();
    expect(await run("ifconfig -l; sysctl -n net.inet.ip.forwarding")).toBe(
      "vtnet0 lo0 bridge0 epair7a epair7b vtnet0.30\n1\n",
    );
    expect(
      await run("ifconfig bridge0 | grep -c 'member: epair7a'; ifconfig vtnet0.30 | grep -c 10.30.0.1"),
    ).toBe("1\n1\n");
    expect(await run("netstat -rn -f inet | grep -c ^10.77")).toBe("1\n");
  });

  test("/etc/rc.conf.local and rc.conf.d are read after it", async () => {
    const { run } = await host();
    await run(
      "echo 'hostname=other' > /etc/rc.conf.local; mkdir -p /etc/rc.conf.d; echo 'jail_enable=YES' > /etc/rc.conf.d/jail",
    );
    expect(await run("sysrc hostname; sysrc jail_enable; sysrc -s jail jail_enable")).toBe(
      "hostname: other\njail_enable: NO\njail_enable: YES\n",
    );
    expect(await run("sysrc hostname=third; cat /etc/rc.conf.local")).toBe(
      'hostname: other -> third\nhostname="third"\n',
    );
  });

  test("what the files add to rc_conf_files is read after them, the vendor's before", async () => {
    const { run } = await host();
    await run("cat > /etc/defaults/vendor.conf", "hostname=vendor\nkld_list=if_vxlan\n");
    await run("echo 'rc_conf_files=\"$rc_conf_files /etc/rc.conf.site\"' >> /etc/rc.conf");
    await run("echo 'kld_list=\"$kld_list nullfs\"' > /etc/rc.conf.site");
    expect(await run("sysrc -n hostname kld_list")).toMatch(/^(?!vendor).*\nif_vxlan nullfs\n$/);
  });

  test("a syntax error ends whoever reads it", async () => {
    const { run } = await host();
    await run(`echo 'broken "' >> /etc/rc.conf`);
    expect(await run("sysrc hostname")).toContain("sysrc: Exiting due to previous syntax errors\n-> 1\n");
    expect(await run("service jail onestart")).toContain("-> 2\n");
  });
});

describe("sysrc(8)", () => {
  test("changes the last assignment and keeps quotes and what follows", async () => {
    const { run } = await host();
    await run("cat > /tmp/c", "a='1' # one\nb=2\na='3' # three\n c=\"x\"; d=y\n");
    await run("sysrc -f /tmp/c a=4 b=5 c=z d=w");
    expect(await run("cat /tmp/c")).toBe('a=\'1\' # one\nb="5"\na=\'4\' # three\n c="z"; d=y\nd="w"\n');
  });

  test("keeps mode and owner, because the new file takes the old one's", async () => {
    const { run } = await host();
    await run("sysrc -f /tmp/c a=1; chmod 600 /tmp/c; chown 1:2 /tmp/c; sysrc -f /tmp/c a=2");
    expect(await run("stat -f '%Lp %u %g' /tmp/c")).toBe("600 1 2\n");
  });

  test("+= and -= take their divider from the value", async () => {
    const { run } = await host();
    await run("sysrc -f /tmp/c a=x,y");
    expect(await run("sysrc -f /tmp/c a+=,z a-=,x")).toBe("a: x,y -> x,y,z\na: x,y,z -> y,z\n");
  });

  test("-x takes every assignment away", async () => {
    const { run } = await host();
    await run("cat > /tmp/c", "a=1\nb=2\na=3\n");
    expect(await run("sysrc -x -f /tmp/c a; cat /tmp/c")).toBe("b=2\n");
  });
});

describe("service(8)", () => {
  test("asks for the variable unless told one-", async () => {
    const { run } = await host();
    expect(await run("service natd start")).toBe(
      "Cannot 'start' natd. Set natd_enable to YES in /etc/rc.conf or use 'onestart' instead of 'start'.\n",
    );
    expect(await run("service natd quietstart")).toBe("");
    expect(await run("service natd stop")).toContain("Cannot 'stop' natd.");
    expect(await run("service natd onestop")).toBe("natd not running? (check /var/run/natd.pid).\n-> 1\n");
    expect(await run("service sshd enabled")).toBe("");
    expect(await run("service jail enable; service jail enabled; sysrc -n jail_enable")).toBe(
      "jail enabled in /etc/rc.conf\nYES\n",
    );
    expect(await run("service netif foo")).toContain("/etc/rc.d/netif: unknown directive 'foo'.\n");
  });

  test("daemons stop and start", async () => {
    const { run } = await host();
    expect(await run("service cron restart")).toMatch(
      /^Stopping cron\.\nWaiting for PIDS: \d+\.\nStarting cron\.\n$/,
    );
    expect(await run("service cron start")).toMatch(/^cron already running\? {2}\(pid=\d+\)\.\n-> 1\n$/);
  });

  test("jail reads its own file, unless jail.conf includes it", async () => {
    const { run } = await host();
    await run("cat > /etc/jail.conf.d/a.conf", "a { path = /; persist; }");
    expect(await run("service jail onestart a; jls -q name; service jail onestop a")).toBe(
      "Starting jails: a.\na\nStopping jails: a.\n",
    );
    expect(await run("jail -c a")).toBe("jail: /etc/jail.conf: No such file or directory\n-> 1\n");
  });
});

describe("devd(8)", () => {
  test("an interface that appears gets what rc.conf says of it, unless it is up", async () => {
    const { run } = await host();
    await run('sysrc ifconfig_bridge0="inet 10.9.0.1/24 up" ifconfig_bridge1="inet 10.9.1.1/24"');
    await run("ifconfig bridge0 create; ifconfig bridge1 create up; ifconfig bridge2 create");
    expect(await run("ifconfig bridge0 | grep -c 10.9.0.1")).toBe("1\n");
    expect(await run("ifconfig bridge1 | grep -c 10.9.1.1")).toBe("0\n-> 1\n");
  });
});

describe("boot", () => {
  test("names, aliases, loader.conf, kld_list, late mounts, jails in jail.conf.d", async () => {
    const { machine, run } = await host();
    await run(
      `sysrc cloned_interfaces="lo1 epair3" ifconfig_lo1="inet 10.5.0.1/32" ifconfig_lo1_aliases="inet 10.5.0.2-3/32" ifconfig_lo1_ipv6="inet6 fd00::5/128" ifconfig_epair3a_name=up0 ifconfig_up0="up" create_args_epair3="" kld_list="if_vlan nullfs" jail_enable=YES`,
    );
    await run("cat >> /boot/loader.conf", 'if_bridge_load="YES"\nmy.tunable=7\n');
    await run("mkdir -p /src1 /dst1; echo '/src1 /dst1 nullfs rw,late 0 0' >> /etc/fstab");
    await run(
      "cat > /etc/jail.conf",
      'j { path = /; persist; exec.poststart = "echo started > /var/run/j"; }',
    );
    await machine.reboot();
    expect(await run("ifconfig -l")).toBe("vtnet0 lo0 lo1 up0 epair3b\n");
    expect(await run("ifconfig lo1 | grep -c 'inet 10.5'; ifconfig lo1 | grep -c fd00::5")).toBe("3\n1\n");
    expect(
      await run("kenv my.tunable; kldstat -q -n if_bridge.ko; mount -p | grep -c /dst1; jls -q name"),
    ).toBe("7\n1\nj\n");
    expect(await run("cat /var/run/j")).toBe("started\n");
  });
});
