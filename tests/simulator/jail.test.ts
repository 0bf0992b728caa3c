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
  await run("mkdir -p /jails/a /jails/b && mount_nullfs /jails/template /jails/a");
  return { machine, run };
}

const conf = (run: (command: string, stdin?: string) => Promise<string>, text: string): Promise<string> =>
  run("cat > /etc/jail.conf", text);

describe("jail(8)", () => {
  test("a failed start takes back mounts, interfaces and the jail, and runs no stop hook", async () => {
    const { run } = await host();
    await run("ifconfig epair1 create");
    await conf(
      run,
      `a { path = /jails/a; vnet; vnet.interface = epair1b; mount.devfs; exec.prestart = "echo prestart";
           exec.start = "sh -c 'exit 3'"; exec.poststop = "echo poststop"; persist; }`,
    );
    expect(await run("jail -c a")).toBe(
      "prestart\na: created\na: removed\njail: a: /bin/sh -c sh -c 'exit 3': failed\n-> 1\n",
    );
    expect(await run("ifconfig -l; jls -q name; mount -p | grep -c /jails/a/dev")).toBe(
      "vtnet0 lo0 epair1a epair1b\n0\n-> 1\n",
    );
  });

  test("depend brings the other jail up first and down last", async () => {
    const { run } = await host();
    await conf(run, "b { path = /jails/b; persist; depend = a; } a { path = /jails/a; persist; }");
    expect(await run("jail -c b")).toBe("a: created\nb: created\n");
    expect(await run("jail -r a")).toBe("b: removed\na: removed\n");
    await conf(run, "b { persist; depend = a; } a { persist; depend = b; }");
    expect(await run("jail -c b")).toContain("dependency loop");
  });

  test("exec.timeout counts on the host's clock", async () => {
    const { run } = await host();
    await conf(run, "a { path = /jails/a; persist; exec.start = 'sleep 5'; exec.timeout = 2; }");
    expect(await run("jail -c a")).toContain("jail: a: sleep 5: timed out\n");
  });

  test("a jail without persist ends with its last process", async () => {
    const { run } = await host();
    expect(await run("jail -c name=a path=/jails/a command=echo hello world")).toBe("hello world\n");
    expect(await run("jls -q name")).toBe("");
    expect(await run("jail -c name=a path=/jails/a")).toBe("jail: new jail must persist or attach\n-> 1\n");
    await run("daemon -f jail -c name=a path=/jails/a command=/bin/sleep 1000");
    expect(await run("jls -q name; pkill -j a sleep; sleep 1; jls -q name")).toBe("a\n");
  });

  test("/etc/rc starts the jail's own daemons and configures its own stack from its own rc.conf", async () => {
    const { run } = await host();
    await run("ifconfig epair1 create; zfs clone -o mountpoint=/jails/rw zroot/jails/template@base zroot/rw");
    await run(
      `printf '%s\\n' 'ifconfig_epair1b="inet 10.1.0.2/24"' 'defaultrouter="10.1.0.1"' > /jails/rw/etc/rc.conf`,
    );
    await conf(
      run,
      "rw { path = /jails/rw; vnet; vnet.interface = epair1b; exec.start = '/bin/sh /etc/rc'; exec.stop = '/bin/sh /etc/rc.shutdown'; }",
    );
    const started = await run("jail -c rw");
    expect(started).toContain("Starting syslogd.\nStarting cron.\n");
    expect(started).not.toContain("Read-only");
    expect(await run("route -j rw -n get default | grep gateway; pgrep -j rw -x cron | wc -l")).toBe(
      "    gateway: 10.1.0.1\n       1\n",
    );
    expect(await run("jail -r rw")).toContain("rw: removed\n");
    expect(await run("pgrep -j any .")).toBe("-> 1\n");
  });

  test("addresses of a jail that shares the host's stack go with it", async () => {
    const { run } = await host();
    await conf(run, "a { path = /jails/a; persist; ip4.addr = 'vtnet0|10.0.2.77/32'; }");
    await run("jail -c a");
    expect(await run("jls -n jid ip4 ip4.addr; ifconfig vtnet0 | grep -c 10.0.2.77")).toBe(
      "jid=1 ip4=new ip4.addr=10.0.2.77\n1\n",
    );
    await run("jail -r a");
    expect(await run("ifconfig vtnet0 | grep -c 10.0.2.77")).toBe("0\n-> 1\n");
  });

  test("mount.fstab and mount are undone last first", async () => {
    const { run } = await host();
    await run("mkdir -p /src1 /jails/a/mnt");
    await run("cat > /etc/fstab.a", "# comment\n/src1 /jails/a/mnt nullfs ro 0 0\n");
    await conf(
      run,
      'a { path = /jails/a; persist; mount.fstab = /etc/fstab.a; mount += "tmpfs /jails/a/media tmpfs rw 0 0"; }',
    );
    expect(await run("jail -c a; mount -p | grep -c /jails/a/")).toBe("a: created\n2\n");
    expect(await run("jail -r a; mount -p | grep -c /jails/a/")).toBe("a: removed\n0\n-> 1\n");
  });

  test("its path is the real one, whatever symbolic link led there", async () => {
    const { run } = await host();
    await run("ln -s /jails /usr/j");
    await conf(run, "a { path = /usr/j/a; persist; mount.devfs; }");
    expect(await run("jail -c a; jls -j a path; mount -p | grep -c '/jails/a/dev'")).toBe(
      "a: created\n/jails/a\n1\n",
    );
    expect(await run("jail -r a; mount -p | grep -c '/jails/a/dev'")).toBe("a: removed\n0\n-> 1\n");
  });

  test("children: their names, what their parent sees of them, their end with it", async () => {
    const { run } = await host();
    await run("jail -c name=a path=/jails/a persist");
    expect(await run("jail -c name=a.k path=/jails/a/tmp persist")).toContain("-> 1\n");
    await run("jail -m name=a children.max=1");
    expect(await run("jail -c name=a.k path=/jails/a/tmp persist; jexec a jls -h name path")).toBe(
      "name path\nk /tmp\n",
    );
    expect(await run("jail -r a; jls -q name")).toBe("");
  });

  test("dying: hidden, holds its interface and its root for a minute", async () => {
    const { machine, run } = await host();
    await run("ifconfig epair1 create; jail -c name=a path=/jails/a vnet vnet.interface=epair1b persist");
    machine.kernel.jails.linger(machine.kernel.jails.find("a")!);
    expect(await run("jail -r a; jls -q name; jls -dq name; umount /jails/a")).toBe(
      "a\numount: unmount of /jails/a failed: Device busy\n-> 1\n",
    );
    expect(await run("jail -c name=a path=/jails/a persist; jls -h jid name")).toBe("jid name\n2 a\n");
    expect(await run("sleep 61; ifconfig -l; jls -dh jid")).toBe("vtnet0 lo0 epair1a epair1b\njid\n2\n");
  });

  test.each([
    ["jail -c name=y path=/etc/rc.conf persist", "jail: path /etc/rc.conf: Not a directory\n-> 1\n"],
    ["jail -c name=y path=/jails/a persist=maybe", 'jail: persist: unknown boolean value "maybe"\n-> 1\n'],
    [
      "jail -c name=y path=/jails/a vnet ip4.addr=1.2.3.4 persist",
      "jail: vnet jails cannot have IP address restrictions\n-> 1\n",
    ],
    [
      "jail -c name=y path=/jails/a mount.fstab=/nosuch persist",
      "jail: mount.fstab: /nosuch: No such file or directory\n-> 1\n",
    ],
    ["jail -f - -c x", 'jail: x: path: variable "nope" not found\n-> 1\n'],
  ])("%s", async (command, answer) => {
    const { run } = await host();
    expect(await run(command, "x { path = $nope; }")).toBe(answer);
  });
});

describe("jls(8)", () => {
  test("as JSON, with named parameters", async () => {
    const { run } = await host();
    await run(
      "jail -c name=a path=/jails/a persist; jail -c name=b path=/jails/b persist ip4.addr=10.0.2.15",
    );
    expect(await run("jls --libxo json jid name ip4.addr")).toBe(
      '{"__version": "2", "jail-information": {"jail": [{"jid":"1","name":"a","ip4.addr": []}, {"jid":"2","name":"b","ip4.addr": ["10.0.2.15"]}]}}\n',
    );
    expect(JSON.parse(await run("jls --libxo json -n persist allow.raw_sockets"))).toMatchObject({
      "jail-information": { jail: [{ persist: true, "allow.raw_sockets": false }, { persist: true }] },
    });
  });
});

describe("jexec(8)", () => {
  test("without a command it is a shell; its status is the command's", async () => {
    const { run } = await host();
    await run("jail -c name=a path=/jails/a host.hostname=a.local persist");
    expect(await run("jexec a", "hostname\nexit 7\n")).toBe("a.local\n-> 7\n");
    expect(await run("jexec -u nosuch a id")).toBe("jexec: nosuch: no such user\n-> 1\n");
  });

  test("-l and exec.clean leave nothing of the caller's environment", async () => {
    const { run } = await host();
    await run("jail -c name=a path=/jails/a persist");
    expect(await run("FOO=1 jexec a sh -c 'echo $FOO $HOME'")).toBe("1 /root\n");
    expect(await run("FOO=1 jexec -l a sh -c 'echo $FOO $USER $HOME $SHELL $PATH'")).toBe(
      "root /root /bin/sh /sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/root/bin\n",
    );
    expect(await run("FOO=1 jexec -u operator a sh -c 'echo $FOO $USER $HOME'")).toBe("1 operator /\n");
    expect(await run("FOO=1 jail -c name=b path=/jails/a persist exec.clean command=env")).not.toContain(
      "FOO",
    );
  });
});
