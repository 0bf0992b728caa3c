import type { VnetJailArgs } from "pulumi-freebsd-vnet";
import { check } from "../../provider/check";
import type { Kind } from "../../provider/kind";
import { vnetJail } from "../../provider/kinds/vnet-jail";
import { sh } from "../../provider/sh";
import { essence } from "./essence";
import { type Made, Network } from "./network";

let network: Network;

const now = () => essence(network.host.snapshot(), { modules: false });

beforeEach(async () => {
  network = await Network.start();
  await network.host.exec("mkdir -p /usr/ports && kldload nullfs tmpfs");
  await network.before(vnetJail);
});

afterEach(() => network.stop());

/** What several jails share is a plain object; this is also the test of its type. */
const common = {
  nameservers: ["10.10.15.1"],
  search: ["example.net"],
  mounts: [
    { source: "/usr/ports", target: "/ports", options: ["ro"] },
    { target: "/scratch", type: "tmpfs", options: ["rw", "size=16m"] },
  ],
  prepare: ["touch /tmp/prepare"],
  poststop: ["rm -f '/tmp/prepare'"],
  stopTimeout: 5,
  allow: { raw_sockets: true, set_hostname: false, "mount.tmpfs": true },
  securelevel: 1,
  enforceStatfs: 1,
  childrenMax: 3,
  sysvshm: "new",
  limits: [
    { resource: "memoryuse", amount: "512m" },
    { resource: "maxproc", amount: 100 },
  ],
  cpuset: "0",
  parameters: { "exec.timeout": 60 },
} satisfies Partial<VnetJailArgs>;

const declared = (changed: object = {}) => ({ ...network.declare.vnetJail(), ...common, ...changed });
const create = (changed: object = {}) => network.create(vnetJail, declared(changed));

async function drift(made: Made): Promise<string[]> {
  return (await network.read(vnetJail, made)) ? made.state.drift : ["gone"];
}

test("everything that a jail can have is made, is made again without a change, and is removed without a trace", async () => {
  const pristine = now();
  const made = await create();
  expect(made.state.drift).toEqual([]);
  const there = now();
  await network.update(vnetJail, made);
  expect(now()).toEqual(there);
  expect(await drift(made)).toEqual([]);
  expect(await network.shows("cat /etc/jail.conf.d/testA.conf /etc/fstab.testA")).toMatchInlineSnapshot(`
"# pulumi-freebsd-vnet demo/test/testA
# Written by Pulumi: what is changed here by hand is put back by the next "pulumi up --refresh".
testA {
	path = "/jails/testA";
	host.hostname = "testA";
	vnet;
	vnet.interface = "epair1b";
	persist;
	mount.fstab = "/etc/fstab.testA";
	mount.devfs;
	devfs_ruleset = 5;
	securelevel = 1;
	enforce_statfs = 1;
	children.max = 3;
	sysvshm = "new";
	allow.noset_hostname;
	allow.raw_sockets;
	allow.mount.tmpfs;
	exec.clean;
	exec.prepare = "touch /tmp/prepare";
	exec.created = "/usr/bin/cpuset -l 0 -j testA";
	exec.start = "/sbin/ifconfig lo0 127.0.0.1/8";
	exec.start += "/sbin/ifconfig epair1b inet 10.10.15.100/24";
	exec.start += "/sbin/route add default 10.10.15.1";
	exec.start += "/bin/sh /etc/rc";
	exec.stop = "/bin/sh /etc/rc.shutdown jail";
	exec.poststop = "rm -f '/tmp/prepare'";
	stop.timeout = 5;
	exec.timeout = 60;
}
# pulumi-freebsd-vnet demo/test/testA
# Written by Pulumi: what is changed here by hand is put back by the next "pulumi up --refresh".
/usr/ports	/jails/testA/ports	nullfs	ro	0	0
tmpfs	/jails/testA/scratch	tmpfs	rw,size=16m	0	0
"
`);
  expect(
    await network.shows("rctl -h; cat /etc/rctl.conf; cpuset -g -j testA; cat /jails/testA/etc/resolv.conf"),
  ).toMatchInlineSnapshot(`
"jail:testA:maxproc:deny=100
jail:testA:memoryuse:deny=512M
# pulumi-freebsd-vnet: this file was not there before
# BEGIN pulumi-freebsd-vnet demo/test/testA
jail:testA:memoryuse:deny=512m
jail:testA:maxproc:deny=100
# END pulumi-freebsd-vnet demo/test/testA
jail 1 mask: 0
jail 1 domain policy: first-touch mask: 0
# pulumi-freebsd-vnet: this file was not there before
# BEGIN pulumi-freebsd-vnet demo/test/testA
search example.net
nameserver 10.10.15.1
# END pulumi-freebsd-vnet demo/test/testA
"
`);
  await network.delete(vnetJail, made);
  expect(now()).toEqual(pristine);
  expect(
    await network.shows("ls /jails/testA/ports /jails/testA/scratch /jails/testA/etc/resolv.conf"),
  ).toMatch(/^(ls: \S+: No such file or directory\n){3}$/);
  await network.delete(vnetJail, made);
});

test("whichever step fails, what was done before it is undone", async () => {
  const pristine = now();
  const made = await create();
  await network.delete(vnetJail, made);
  const steps = vnetJail.ensure(made.inputs as never, undefined).length;
  for (let failing = 0; failing < steps; failing++) {
    const broken = {
      ...vnetJail,
      ensure: (...given: Parameters<typeof vnetJail.ensure>) =>
        vnetJail
          .ensure(...given)
          .map((step, i) => (i === failing ? { run: sh`{ echo injected >&2; false; }` } : step)),
    };
    await expect(network.create(broken, declared())).rejects.toThrow(
      /exit status 1\n {4}injected\nWhat was done before it has been undone\.$/,
    );
    expect(now()).toEqual(pristine);
  }
}, 60_000);

test("a change that fails leaves the jail as it was", async () => {
  const made = await create();
  const there = now();
  const jid = await network.shows("jls -j testA jid");
  const changed = {
    hostname: "other",
    start: ["false"],
    mounts: [],
    limits: [],
    cpuset: undefined,
    nameservers: [],
    search: [],
    allow: {},
    startAtBoot: false,
  };
  await expect(network.update(vnetJail, made, changed)).rejects.toThrow("has been undone");
  expect(await network.shows("jls -j testA jid")).not.toBe(jid);
  const without = (state: unknown) =>
    JSON.parse(
      JSON.stringify(state, (key, value) => (/^(jid|cpuset.id|masks|rules|last.*)$/i.test(key) ? 0 : value)),
    );
  expect(without(now())).toEqual(without(there));
  expect(await drift(made)).toEqual([]);
});

test("after a reboot all of it is there again", async () => {
  const made = await create();
  await network.host.reboot();
  expect(await drift(made)).toEqual([]);
});

test.each([
  ["umount /jails/testA/ports", ["running: /jails/testA/ports is not mounted"]],
  ["rctl -r jail:testA:memoryuse", ["running: the limit jail:testA:memoryuse:deny=512m is not set"]],
  ["cpuset -l 1 -j testA", ["running: the jail testA runs on the processors 1"]],
  ["jail -m name=testA allow.noraw_sockets", ["running: allow.raw_sockets of the jail testA is false"]],
  ["jail -m name=testA allow.set_hostname", ["running: allow.set_hostname of the jail testA is true"]],
  ["jail -m name=testA securelevel=0", ["running: securelevel of the jail testA is 0"]],
  ["jail -m name=testA children.max=0", ["running: children.max of the jail testA is 0"]],
  ["jail -m name=testA devfs_ruleset=4", ["running: devfs_ruleset of the jail testA is 4"]],
  [
    "umount /jails/testA/dev; mount -t devfs devfs /jails/testA/dev",
    ["running: the jail testA sees every device of the host"],
  ],
  ["rm /etc/fstab.testA", ["at boot: /etc/fstab.testA is gone"]],
  ["echo '# x' >> /etc/fstab.testA", ["at boot: /etc/fstab.testA was changed"]],
  ["rm /etc/rctl.conf", ["at boot: its lines are gone from /etc/rctl.conf"]],
  ["rm /jails/testA/etc/resolv.conf", ["at boot: its lines are gone from /jails/testA/etc/resolv.conf"]],
  ["echo 'rctl_enable=NO' >> /etc/rc.conf", ['at boot: another line of /etc/rc.conf sets rctl_enable="NO"']],
])("drift is found and mended: %s", async (command, words) => {
  const made = await create();
  await network.host.exec(command);
  expect(await drift(made)).toEqual(words);
  await network.update(vnetJail, made);
  expect(await drift(made)).toEqual([]);
});

test("what jail -m, rctl, cpuset and files can change costs no restart", async () => {
  const made = await create();
  const { jid } = made.state;
  await network.update(vnetJail, made, {
    allow: { mlock: true },
    securelevel: 2,
    enforceStatfs: undefined,
    childrenMax: 5,
    sysvshm: "inherit",
    limits: [{ resource: "memoryuse", amount: "1g" }],
    cpuset: undefined,
    nameservers: ["10.10.15.2"],
    search: [],
    stopTimeout: 1,
    prestop: ["true"],
    depend: ["other"],
    gateway6: undefined,
  });
  expect(made.state).toMatchObject({ jid, drift: [] });
  expect(
    await network.shows(
      "jls -j testA allow.mlock allow.raw_sockets allow.set_hostname securelevel enforce_statfs children.max sysvshm",
    ),
  ).toBe("true false true 2 2 5 inherit\n");
  expect(
    await network.shows("rctl; cpuset -g -j testA; cat /etc/rctl.conf /jails/testA/etc/resolv.conf"),
  ).toMatch(
    /^jail:testA:memoryuse:deny=1073741824\njail \d+ mask: 0, 1\n(.*\n)*jail:testA:memoryuse:deny=1g\n(.*\n)*nameserver 10.10.15.2\n/,
  );
});

test("the ruleset of a jail in the host's own root is not the one of the host's /dev", async () => {
  const shared = {
    ...network.declare.vnetJail(),
    path: "/",
    mountDevfs: false,
    start: ["true"],
    stop: ["true"],
  };
  const made = await network.create(vnetJail, shared);
  const devices = await network.shows("ls /dev");
  await network.update(vnetJail, made, { devfsRuleset: 4 });
  expect(made.state.drift).toEqual([]);
  expect(await network.shows("jls -j testA devfs_ruleset")).toBe("4\n");
  expect(await network.shows("ls /dev")).toBe(devices);
});

test("several changes that need a start cost one restart, and mounts follow", async () => {
  const made = await create();
  const { jid } = made.state;
  await network.update(vnetJail, made, {
    mounts: [{ source: "/usr/ports", target: "/other" }],
    parameters: {},
    prestart: ["true"],
    mountFdescfs: false,
    devfsRuleset: { number: 4 },
  });
  expect(made.state).toMatchObject({ jid: (jid as number) + 1, drift: [] });
  expect(await network.shows("mount -p | grep -c -e /jails/testA/ports -e /jails/testA/scratch")).toBe("0\n");
  expect(await network.shows("mount -p | grep -c /jails/testA/other")).toBe("1\n");
});

test("a fixed number is kept, and another jail's is refused", async () => {
  const made = await create({ fixedJid: 7 });
  expect(made.state).toMatchObject({ jid: 7, drift: [] });
  await network.delete(vnetJail, made);
  await network.host.exec("jail -c jid=7 name=other path=/jails/template persist");
  await expect(create({ fixedJid: 7 })).rejects.toThrow("the number 7 is taken by the jail other");
  expect(await network.shows("jls name")).toBe("other\n");
});

test("IPv4 and IPv6 routers side by side; each changes and goes by itself", async () => {
  const [nic] = network.declare.vnetJail().interfaces;
  const interfaces = [{ ...nic, addresses: ["10.10.15.100/24", "fd00:15::100/64"] }];
  const made = await create({ interfaces, gateway6: "fd00:15::1" });
  const routes = () =>
    network.shows("for f in inet inet6; do route -j testA -n get -$f default | grep gateway; done");
  expect(await routes()).toBe("    gateway: 10.10.15.1\n    gateway: fd00:15::1\n");
  await network.host.exec("route -j testA -6 delete default");
  expect(await drift(made)).toEqual(["running: the IPv6 default route of the jail testA is gone"]);
  await network.update(vnetJail, made, { gateway: undefined, gateway6: "fd00:15::2" });
  expect(await routes()).toContain("    gateway: fd00:15::2\n");
  expect(await routes()).not.toContain("10.10.15.1");
  await network.host.reboot();
  expect(await drift(made)).toEqual([]);
});

test("addresses by DHCP and SLAAC, of a jail that sees bpf", async () => {
  const [nic] = network.declare.vnetJail().interfaces;
  await network.host.exec(
    "for r in 1 2 3; do devfs rule -s 130 add include $r; done; devfs rule -s 130 add path 'bpf*' unhide",
  );
  const automatic = {
    interfaces: [{ link: nic!.link, dhcp: true, slaac: true }],
    gateway: undefined,
    nameservers: [],
    search: [],
    devfsRuleset: 130,
  };
  const made = await create(automatic);
  expect(made.state.drift).toEqual([]);
  expect(await network.shows("ifconfig -j testA epair1b")).toContain("ACCEPT_RTADV");
  const { jid } = made.state;
  await network.update(vnetJail, made, { interfaces: [nic], gateway: "10.10.15.1" });
  expect(made.state).toMatchObject({ jid: (jid as number) + 1, drift: [] });
});

test("a jail that the boot is to leave alone is started by `up` only, and may change its mind", async () => {
  await network.host.exec(`printf 'jail_enable="YES"\\n' >> /etc/rc.conf`);
  const pristine = now();
  const made = await create({ startAtBoot: false, limits: [] });
  const { jid } = made.state;
  expect(await network.shows("ls /etc/jail.testA.conf /etc/jail.conf")).toContain(
    "/etc/jail.conf: No such file",
  );
  await network.host.reboot();
  expect(await drift(made)).toEqual(["running: the jail testA is stopped"]);
  expect(await network.shows("service jail onestart testA")).toContain("Starting jails: testA.");
  expect(await drift(made)).toEqual([]);
  await network.update(vnetJail, made, { startAtBoot: true });
  expect(await network.shows("ls /etc/jail.testA.conf")).toContain("No such file");
  await network.host.reboot();
  expect(await drift(made)).toEqual([]);
  await network.update(vnetJail, made, { startAtBoot: false });
  await network.host.reboot();
  expect(await drift(made)).toEqual(["running: the jail testA is stopped"]);
  await network.delete(vnetJail, made);
  expect(jid).toBe(1);
  await network.host.reboot();
  expect(JSON.stringify(now()).length).toBeGreaterThan(JSON.stringify(pristine).length / 2);
  expect(await network.shows("cat /etc/rc.conf")).not.toContain("testA");
});

test("service(8) starts a jail that the boot leaves alone, whatever it depends on", async () => {
  const made = await create({ startAtBoot: false, depend: ["db"] });
  expect(await network.shows("service jail onestop testA; service jail onestart testA")).toBe(
    "Stopping jails: testA.\nStarting jails: testA.\n",
  );
  await network.update(vnetJail, made, { startAtBoot: true });
  expect(await network.shows("grep depend /etc/jail.conf.d/testA.conf")).toBe('\tdepend = "db";\n');
});

test("the boot starts first what a jail depends on", async () => {
  const web = await create({ depend: [{ name: "db" }], mounts: [], limits: [], cpuset: undefined });
  const db = {
    ...network.declare.vnetJail(),
    name: "db",
    path: "/jails/template",
    interfaces: [],
    gateway: undefined,
  };
  const other = await network.create(vnetJail, { ...db, owner: "demo/test/db" });
  await network.host.reboot();
  expect(await network.shows("jls name")).toBe("db\ntestA\n");
  await network.update(vnetJail, other, { prestart: ["true"] });
  expect(await network.shows("jls name | sort")).toBe("db\ntestA\n");
  await network.delete(vnetJail, web);
  expect(await network.shows("jls name")).toBe("db\n");
});

test("a jail that hangs in its stop is ended, and what its file would have undone is undone", async () => {
  const pristine = now();
  const made = await create({ stop: ["sleep 100000"], parameters: {} });
  await network.delete(vnetJail, made);
  expect(await network.shows("jls name; ls /tmp/prepare; mount -p | grep testA/")).toBe(
    "ls: /tmp/prepare: No such file or directory\n",
  );
  expect(now()).toEqual(pristine);
});

test("what is left of a jail that was ended without being asked is cleared before it starts again", async () => {
  const made = await create();
  const there = await network.shows("mount -p");
  await network.host.exec("jail -R testA && mount -t devfs . /jails/testA/dev");
  expect(await drift(made)).toEqual(["running: the jail testA is stopped"]);
  await network.update(vnetJail, made);
  expect(await network.shows("jls name")).toBe("testA\n");
  expect(await network.shows("mount -p")).toBe(there);
});

test("a jail that lingers is waited for; one that does not end is an error that says what to do, and the next run goes on", async () => {
  const pristine = now();
  const made = await create();
  const { kernel } = network.host.machine;
  const holdFor = (seconds: number) => {
    const jail = kernel.jails.find("testA", { dying: true })!;
    jail.heldUntil = kernel.clock.now() + seconds * 1000;
    if (jail.dying) jail.dyingUntil = jail.heldUntil;
  };
  holdFor(50);
  await network.update(vnetJail, made, declared({ start: ["true"] }));
  expect(made.state.drift).toEqual([]);
  holdFor(100_000);
  await expect(network.delete(vnetJail, made)).rejects.toThrow(
    /^cannot delete jail "testA" on .*: stop the jail testA: exit status 1\n( {4}.*\n)* {4}jail testA is still dying after 120 seconds \('jls -d' shows it\): /,
  );
  expect(await network.shows("ls /etc/jail.conf.d")).toBe("testA.conf\n");
  holdFor(0);
  await network.delete(vnetJail, made);
  expect(now()).toEqual(pristine);
});

test("a jail that is dying already is only waited for", async () => {
  const pristine = now();
  const made = await create();
  const { kernel } = network.host.machine;
  kernel.jails.find("testA")!.heldUntil = kernel.clock.now() + 50_000;
  await network.host.exec("jail -r testA");
  expect(await network.shows("jls -d -j testA dying")).toBe("true\n");
  await network.delete(vnetJail, made);
  expect(now()).toEqual(pristine);
});

test("a jail whose file somebody removed is stopped, with its mounts", async () => {
  const made = await create();
  await network.host.exec("rm /etc/jail.conf.d/testA.conf");
  await network.delete(vnetJail, made);
  expect(await network.shows("jls name; mount -p | grep testA/")).toBe("");
});

test.each([
  ["a devfs ruleset that is not loaded", "true", { devfsRuleset: 77 }, "devfs ruleset 77 is not loaded"],
  [
    "a devfs ruleset that only includes one of includes",
    "devfs rule -s 130 add include 4",
    { devfsRuleset: 130 },
    "devfs ruleset 130 hides nothing",
  ],
  [
    "limits without accounting",
    "echo kern.racct.enable=0 >> /boot/loader.conf; reboot",
    {},
    "put kern.racct.enable=1 into /boot/loader.conf and reboot the host",
  ],
  ["an fstab of somebody else's", "echo x > /etc/fstab.testA", {}, "/etc/fstab.testA is there already"],
  [
    "a resolv.conf that leads out of the root",
    "mkdir -p /jails/testA/etc && ln -s /etc/rc.conf /jails/testA/etc/resolv.conf",
    {},
    "/jails/testA/etc/resolv.conf is a symbolic link",
  ],
  [
    "a folder that leads out of the root",
    "ln -s /etc /jails/testA/out",
    { mounts: [{ source: "/usr/ports", target: "/out/ports" }] },
    "/jails/testA/out leads to /etc, out of the jail's root",
  ],
  [
    "a root behind a symbolic link",
    "ln -s /jails /usr/jails",
    { path: "/usr/jails/testA" },
    "/usr/jails/testA goes through a symbolic link, and the running jail would be known by another path: declare /jails/testA",
  ],
  [
    "a jail that service(8) would no longer find",
    "mkdir -p /etc/jail.conf.d && echo 'web { path=/;}' > /etc/jail.conf.d/web.conf",
    {},
    "or move /etc/jail.conf.d/web.conf to /etc/jail.web.conf, which is always read",
  ],
])("is refused before the start, and nothing is touched: %s", async (_, prepare, changed, message) => {
  for (const command of prepare.split("; "))
    if (command === "reboot") await network.host.reboot();
    else await network.host.exec(command);
  const there = now();
  await expect(create(changed)).rejects.toThrow(message);
  expect(now()).toEqual(there);
});

test.each([
  ["mv /etc/jail.conf.d/web.conf /etc/jail.web.conf"],
  [`echo '.include "/etc/jail.conf.d/*.conf";' > /etc/jail.conf`],
])("the boot still starts the jail of another file in jail.conf.d: %s", async (remedy) => {
  await network.host.exec(
    "mkdir -p /etc/jail.conf.d && echo 'web { persist; }' > /etc/jail.conf.d/web.conf && sysrc jail_enable=YES jail_list=web",
  );
  await network.host.exec(remedy);
  await create();
  await network.host.reboot();
  expect((await network.shows("jls name")).trim().split("\n").sort()).toEqual(["testA", "web"]);
});

test("the state of release 0.1 is taken as it is: same file, no change", async () => {
  const made = await network.create(vnetJail, network.declare.vnetJail());
  const { host, name, path, interfaces, gateway, devfsRuleset, start, stop, owner, jid } = made.state;
  const old = { host, name, path, gateway, devfsRuleset, start, stop, owner, jid, drift: [], interfaces };
  const before = { ...made, state: old as unknown as Made["state"] };
  expect(await network.read(vnetJail, before)).toBe(true);
  expect(before.state.drift).toEqual([]);
  expect(
    await network
      .provider(vnetJail)
      .diff(made.id, old, check(vnetJail as unknown as Kind, made.inputs).inputs),
  ).toMatchObject({ changes: false });
  expect(await network.shows("cat /etc/jail.conf.d/testA.conf")).toMatchInlineSnapshot(`
"# pulumi-freebsd-vnet demo/test/testA
# Written by Pulumi: what is changed here by hand is put back by the next "pulumi up --refresh".
testA {
	path = "/jails/testA";
	host.hostname = "testA";
	vnet;
	vnet.interface = "epair1b";
	persist;
	mount.devfs;
	devfs_ruleset = 5;
	exec.clean;
	exec.start = "/sbin/ifconfig lo0 127.0.0.1/8";
	exec.start += "/sbin/ifconfig epair1b inet 10.10.15.100/24";
	exec.start += "/sbin/route add default 10.10.15.1";
	exec.start += "/bin/sh /etc/rc";
	exec.stop = "/bin/sh /etc/rc.shutdown jail";
}
"
`);
  await network.update(vnetJail, { ...before, state: old as unknown as Made["state"] }, { hostname: "www" });
  await network.provider(vnetJail).delete(made.id, old);
});
