import type { Kind } from "../../provider/kind";
import { devfsRuleset } from "../../provider/kinds/devfs-ruleset";
import { kernelModule } from "../../provider/kinds/kernel-module";
import { natGateway } from "../../provider/kinds/nat-gateway";
import { rcSetting } from "../../provider/kinds/rc-setting";
import { sysctl } from "../../provider/kinds/sysctl";
import { brokenAt } from "./broken";
import { essence } from "./essence";
import { type Made, Network } from "./network";

let network: Network;

const now = () => essence(network.host.snapshot());

beforeEach(async () => {
  network = await Network.start();
  // A variable that was ever set is in the snapshots.
  await network.host.exec(`sysctl ${randomIds.name}=0`);
});

afterEach(() => network.stop());

const declare = (inputs: object) => ({
  host: network.reference,
  owner: "demo/test/it",
  ...inputs,
});

const value = { name: "ntpd_enable", value: "YES" };
const words = { name: "cloned_interfaces", words: ["bridge7", "bridge8"] };
const vxlan = { name: "if_vxlan" };
const randomIds = { name: "net.inet.ip.random_id", value: 1 };
const packets = { number: 2000, rules: [{ path: "bpf*", action: "unhide", group: "network", mode: "0660" }] };

const cases: [string, Kind, object][] = [
  ["a value in rc.conf", rcSetting, value],
  ["words in rc.conf", rcSetting, words],
  ["a kernel module", kernelModule, vxlan],
  ["a sysctl", sysctl, randomIds],
  ["a devfs ruleset", devfsRuleset, packets],
] as never;

const drift = async (kind: unknown, made: Made): Promise<string[]> => {
  if (!(await network.read(kind, made))) return ["gone"];
  return made.state.drift;
};

describe.each(cases)("%s", (_, kind, inputs) => {
  test("is made, is as declared, is made again without a change, and is removed without a trace", async () => {
    const pristine = now();
    const made = await network.create(kind, declare(inputs));
    expect(made.state.drift).toEqual([]);
    const there = now();
    expect(there).not.toEqual(pristine);
    await network.update(kind, made);
    expect(now()).toEqual(there);
    expect(await drift(kind, made)).toEqual([]);
    await network.delete(kind, made);
    expect(now()).toEqual(pristine);
    await network.delete(kind, made);
    expect(now()).toEqual(pristine);
    expect(await drift(kind, made)).toEqual(["gone"]);
  });

  test("whichever step fails, what was done before it is undone", async () => {
    const pristine = now();
    const made = await network.create(kind, declare(inputs));
    await network.delete(kind, made);
    const steps = kind.ensure(made.inputs as never, undefined).length;
    for (let failing = 0; failing < steps; failing++) {
      const broken = brokenAt(kind, failing);
      await expect(network.create(broken, declare(inputs))).rejects.toThrow(
        /exit status 1\n {4}injected\nWhat was done before it has been undone\.$/,
      );
      expect(now()).toEqual(pristine);
    }
  });

  test("after a reboot it is there again, and removed then it leaves no trace at the next one", async () => {
    await network.host.reboot();
    const pristine = now();
    const made = await network.create(kind, declare(inputs));
    await network.host.reboot();
    expect(await drift(kind, made)).toEqual([]);
    await network.delete(kind, made);
    await network.host.reboot();
    expect(now()).toEqual(pristine);
  });
});

const disturbances: [string, Kind, object, command: string, words: string[]][] = [
  [
    "a value",
    rcSetting,
    value,
    `echo 'ntpd_enable="NO"' >> /etc/rc.conf`,
    ['at boot: another line of /etc/rc.conf sets ntpd_enable="NO"'],
  ],
  [
    "words",
    rcSetting,
    words,
    `echo 'cloned_interfaces="bridge7"' >> /etc/rc.conf`,
    ["at boot: another line of /etc/rc.conf sets cloned_interfaces without bridge8"],
  ],
  [
    "lines",
    rcSetting,
    value,
    `sed -i '' -e 's/^ntpd_enable.*/ntpd_enable="no"/' /etc/rc.conf`,
    ["at boot: its lines in /etc/rc.conf were changed"],
  ],
  ["a module", kernelModule, vxlan, "kldunload if_vxlan", ["running: the module if_vxlan is not loaded"]],
  [
    "the modules at boot",
    kernelModule,
    vxlan,
    `echo 'kld_list=""' >> /etc/rc.conf`,
    ["at boot: another line of /etc/rc.conf sets kld_list without if_vxlan"],
  ],
  ["a sysctl", sysctl, randomIds, "sysctl net.inet.ip.random_id=0", ["running: net.inet.ip.random_id is 0"]],
  [
    "a sysctl at boot",
    sysctl,
    randomIds,
    `echo ' net.inet.ip.random_id = "0" # off' >> /etc/sysctl.conf`,
    ["at boot: another line of /etc/sysctl.conf sets net.inet.ip.random_id=0"],
  ],
  [
    "a ruleset",
    devfsRuleset,
    packets,
    "devfs rule -s 2000 delset",
    ["running: devfs ruleset 2000 is not loaded"],
  ],
  [
    "a rule",
    devfsRuleset,
    packets,
    "devfs rule -s 2000 add path mem unhide",
    ["running: the rules of devfs ruleset 2000 were changed"],
  ],
  [
    "a ruleset at boot",
    devfsRuleset,
    packets,
    "sed -i '' -e /bpf/d /etc/devfs.rules",
    ["at boot: its lines in /etc/devfs.rules were changed"],
  ],
] as never;

test.each(disturbances)("drift is found and mended: %s", async (_, kind, inputs, command, expected) => {
  const made = await network.create(kind, declare(inputs));
  await network.host.exec(command);
  expect(await drift(kind, made)).toEqual(expected);
  await network.update(kind, made);
  expect(await drift(kind, made)).toEqual([]);
  await network.host.reboot();
  expect(await drift(kind, made)).toEqual([]);
});

test.each([
  ["/etc/rc.conf.d/ntpd", value, 'ntpd_enable="NO"', 'ntpd_enable="NO"'],
  ["/usr/local/etc/rc.conf.d/ntpd/site", value, "ntpd_enable=NO", 'ntpd_enable="NO"'],
  ["/etc/rc.conf.local", value, "ntpd_enable=NO", 'ntpd_enable="NO"'],
  ["/etc/rc.conf.site", value, "ntpd_enable=NO", 'ntpd_enable="NO"'],
  ["/etc/rc.conf.d/network", words, 'cloned_interfaces="bridge7"', "cloned_interfaces without bridge8"],
])("what is read after rc.conf has the last word, and is named: %s", async (file, inputs, line, how) => {
  await network.host.exec(`echo 'rc_conf_files="$rc_conf_files /etc/rc.conf.site"' >> /etc/rc.conf`);
  const made = await network.create(rcSetting, declare(inputs));
  await network.host.exec(`mkdir -p $(dirname ${file}); echo '${line}' > ${file}`);
  const expected = `at boot: ${file}, which is read after /etc/rc.conf, sets ${how}; take that line out`;
  expect(await drift(rcSetting, made)).toEqual([expected]);
  await expect(network.update(rcSetting, made)).rejects.toThrow(expected);
  // What says the same is no obstacle.
  await network.host.exec(`sed -i '' -e 's/"bridge7"/"bridge7 bridge8"/' -e 's/NO/YES/' ${file}`);
  expect(await drift(rcSetting, made)).toEqual([]);
});

test("a word that sysrc(8) adds to a list of ours stays when ours is written again, and when it is removed", async () => {
  const made = await network.create(rcSetting, declare(words));
  const shown = () => network.shows("sysrc -n cloned_interfaces");
  await network.host.exec("sysrc cloned_interfaces+=tap0");
  expect(await drift(rcSetting, made)).toEqual(["at boot: its lines in /etc/rc.conf were changed"]);
  await network.update(rcSetting, made);
  expect([await drift(rcSetting, made), await shown()]).toEqual([[], " tap0 bridge7 bridge8\n"]);
  await network.host.exec("sysrc cloned_interfaces+=tap1");
  await network.delete(rcSetting, made);
  expect(await shown()).toBe(" tap0 tap1\n");
});

const refusals: [string, Kind, object, prepare: string, error: string][] = [
  [
    "a variable that another resource sets",
    rcSetting,
    value,
    `printf '%s\\n' '# BEGIN pulumi-freebsd-vnet demo/test/other' 'ntpd_enable="NO"' '# END pulumi-freebsd-vnet demo/test/other' >> /etc/rc.conf`,
    'another resource has lines for ntpd_enable in /etc/rc.conf, demo/test/other: ntpd_enable="NO"',
  ],
  [
    "a module that is not there",
    kernelModule,
    { name: "nosuch" },
    "true",
    "kldload: can't load nosuch: No such file or directory",
  ],
  ...["ipfw", "ipfw_nat", "ipfw_nptv6", "ipfw_pmod", "ipdivert", "dummynet", "ng_ipfw"].map((name) => [
    `${name} while it would deny everything`,
    kernelModule,
    { name },
    "true",
    "run 'kenv net.inet.ip.fw.default_to_accept=1' and add the line",
  ]),
  [
    "ipfw that would deny everything at boot",
    kernelModule,
    { name: "ipfw" },
    "kenv net.inet.ip.fw.default_to_accept=1",
    'add the line net.inet.ip.fw.default_to_accept="1" to /boot/loader.conf',
  ],
  [
    "a sysctl that is not there",
    sysctl,
    { name: "net.nosuch.oid", value: 1 },
    "true",
    "sysctl: unknown oid 'net.nosuch.oid'\n",
  ],
  [
    "a sysctl of a module",
    sysctl,
    { name: "net.link.bridge.pfil_member", value: 1 },
    "true",
    "unknown oid 'net.link.bridge.pfil_member'; it comes with the module if_bridge: declare a KernelModule",
  ],
  [
    "a sysctl that is read only",
    sysctl,
    { name: "kern.osreldate", value: 1 },
    "true",
    "sysctl: oid 'kern.osreldate' is read only",
  ],
  [
    "a value that the sysctl does not take",
    sysctl,
    { name: "net.inet.ip.forwarding", value: "abc" },
    "true",
    "sysctl: invalid integer 'abc'",
  ],
  [
    "a ruleset that is loaded",
    devfsRuleset,
    packets,
    "devfs rule -s 2000 add hide",
    "devfs ruleset 2000 is loaded already and is not this resource's",
  ],
  [
    "the number of a ruleset in the file",
    devfsRuleset,
    packets,
    "printf '[mine=2000]\\nadd hide\\n' > /etc/devfs.rules",
    "/etc/devfs.rules has the ruleset [mine=2000] already",
  ],
  [
    "the name of a ruleset in the file",
    devfsRuleset,
    packets,
    "printf '[pulumi_it=99]\\nadd hide\\n' > /etc/devfs.rules",
    "/etc/devfs.rules has the ruleset [pulumi_it=99] already",
  ],
  [
    "a ruleset that includes one which is not loaded",
    devfsRuleset,
    { include: [120] },
    "true",
    "devfs ruleset 120 is not loaded",
  ],
  [
    "a ruleset that includes one with includes",
    devfsRuleset,
    { include: [120] },
    "devfs rule -s 120 add include 4",
    "devfs ruleset 120 is itself made of includes",
  ],
  [
    "a user that the host does not have",
    devfsRuleset,
    { rules: [{ path: "bpf*", user: "nosuch" }] },
    "true",
    "nosuch",
  ],
] as never;

test.each(refusals)("is refused, and the host left as it is: %s", async (_, kind, inputs, prepare, error) => {
  await network.host.exec(prepare);
  const there = now();
  await expect(network.create(kind, declare(inputs))).rejects.toThrow(error);
  expect(now()).toEqual(there);
});

test("a value of rc.conf has the last word while it is declared, and the administrator's line after that", async () => {
  await network.host.exec(`echo 'ntpd_enable="NO"' >> /etc/rc.conf`);
  const made = await network.create(rcSetting, declare(value));
  expect(await network.shows("sysrc -n ntpd_enable")).toBe("YES\n");
  await network.update(rcSetting, made, { value: "no thanks" });
  expect(await network.shows("sysrc -n ntpd_enable")).toBe("no thanks\n");
  await network.delete(rcSetting, made);
  expect(await network.shows("sysrc -n ntpd_enable")).toBe("NO\n");
});

test("words are added to what a list holds otherwise", async () => {
  await network.host.exec(`echo 'cloned_interfaces="lo1"' >> /etc/rc.conf`);
  const made = await network.create(rcSetting, declare(words));
  expect(await network.shows("sysrc -n cloned_interfaces")).toBe("lo1 bridge7 bridge8\n");
  await network.update(rcSetting, made, { words: ["bridge8"] });
  expect(await network.shows("sysrc -n cloned_interfaces")).toBe("lo1 bridge8\n");
});

describe("on delete, a module", () => {
  test("that was loaded before stays", async () => {
    await network.host.exec("kldload if_vxlan");
    const made = await network.create(kernelModule, declare(vxlan));
    await network.delete(kernelModule, made);
    expect(await network.shows("kldstat -q -m if_vxlan; echo $?")).toBe("0\n");
    expect(await network.shows("sysrc -n kld_list")).toBe("\n");
  });

  test.each(["ipdivert", "accf_http"])(
    "that the kernel does not let go stays, and is found: %s",
    async (name) => {
      await network.host.exec(
        `kenv net.inet.ip.fw.default_to_accept=1; echo 'net.inet.ip.fw.default_to_accept="1"' >> /boot/loader.conf`,
      );
      const kind = kernelModule as unknown as Kind;
      const last = kind.ensure({ name, owner: "" } as never, undefined).length - 1;
      await expect(network.create(brokenAt(kind, last), declare({ name }))).rejects.toThrow(
        /injected\nWhat was done before it has been undone\.$/,
      );
      await network.host.reboot();
      const made = await network.create(kernelModule, declare({ name }));
      expect(made.state.made).toEqual([name]);
      await network.delete(kernelModule, made);
      await network.delete(kernelModule, made);
      expect(await network.shows(`kldstat -q -m ${name}; echo $?; sysrc -n kld_list`)).toBe("0\n\n");
      const again = await network.create(kernelModule, declare({ name }));
      expect([again.state.made ?? [], again.state.drift]).toEqual([[], []]);
      await network.delete(kernelModule, again);
    },
  );

  test.each([
    ["if_bridge", "ifconfig bridge0 create"],
    ["pf", "pfctl -e"],
    ["ipdivert", "kldload ipfw; echo interface vtnet0 > /etc/natd.conf; natd -f /etc/natd.conf"],
  ])("that somebody uses by now stays: %s", async (name, use) => {
    await network.host.exec(
      `kenv net.inet.ip.fw.default_to_accept=1; echo 'net.inet.ip.fw.default_to_accept="1"' >> /boot/loader.conf`,
    );
    const made = await network.create(kernelModule, declare({ name }));
    expect(made.state.made).toEqual([name]);
    await network.host.exec(use);
    await network.delete(kernelModule, made);
    expect(await network.shows(`kldstat -q -m ${name}; echo $?`)).toBe("0\n");
  });

  test("that others want at boot as well stays", async () => {
    const made = await network.create(kernelModule, declare(vxlan));
    await network.create(kernelModule, declare({ ...vxlan, owner: "demo/test/other" }));
    await network.delete(kernelModule, made);
    expect(await network.shows("kldstat -q -m if_vxlan; echo $?")).toBe("0\n");
    expect(await network.shows("sysrc -n kld_list")).toBe(" if_vxlan\n");
  });

  test("that is part of the kernel is no concern", async () => {
    const made = await network.create(kernelModule, declare({ name: "if_vlan" }));
    expect(made.state.made).toBeUndefined();
    await network.delete(kernelModule, made);
    expect(await network.shows("kldstat -q -m if_vlan; echo $?")).toBe("0\n");
  });

  test("that is part of the kernel under the name of its bus is no concern either", async () => {
    expect(await network.shows("kldload aesni; kldstat -q -m aesni; echo $?")).toBe(
      "1\nkldload: can't load aesni: module already loaded or in kernel\n",
    );
    const made = await network.create(kernelModule, declare({ name: "aesni" }));
    expect([made.state.made, made.state.drift]).toEqual([undefined, []]);
    await network.delete(kernelModule, made);
  });
});

test("a NatGateway makes it safe to load what brings ipfw in", async () => {
  await network.create(natGateway, network.declare.natGateway());
  const made = await network.create(kernelModule, declare({ name: "dummynet" }));
  await network.delete(kernelModule, made);
  expect(await network.shows("kldstat -q -m dummynet; echo $?; ipfw list | wc -l")).toMatch(/^1\n +2\n$/);
});

describe("a sysctl", () => {
  const before = "net.inet.ip.ttl";

  test("gets back what it was before the first change, whatever came in between", async () => {
    await network.host.exec(`sysctl ${before}=100`);
    const made = await network.create(sysctl, declare({ name: before, value: 200 }));
    expect(made.state.before).toBe("100");
    await network.update(sysctl, made, { value: 201 });
    await network.read(sysctl, made);
    expect(made.state.before).toBe("100");
    await network.delete(sysctl, made);
    expect(await network.shows(`sysctl -n ${before}`)).toBe("100\n");
  });

  test("that was so before, or that somebody else has changed since, is left", async () => {
    const made = await network.create(sysctl, declare({ name: before, value: 64 }));
    expect(made.state).not.toHaveProperty("before");
    await network.update(sysctl, made, { value: 65 });
    expect(made.state.before).toBe("64");
    await network.host.exec(`sysctl ${before}=66`);
    await network.delete(sysctl, made);
    expect(await network.shows(`sysctl -n ${before}`)).toBe("66\n");
  });

  test("holds text as well", async () => {
    const made = await network.create(sysctl, declare({ name: "kern.hostname", value: "other host" }));
    expect(await network.shows("tail -n 2 /etc/sysctl.conf | head -n 1")).toBe("kern.hostname=other host\n");
    await network.delete(sysctl, made);
    expect(await network.shows("hostname")).toBe("fbsd14\n");
  });
});

describe("a devfs ruleset", () => {
  const show = "devfs rule -s 2000 show";

  test("writes includes out and shows a jail what it says", async () => {
    const made = await network.create(devfsRuleset, declare(packets));
    expect(await network.shows(`${show}; sed -n 2,9p /etc/devfs.rules`)).toBe(
      `${[
        "100 include 1",
        "200 include 2",
        "300 include 3",
        "400 path fuse unhide",
        "500 path zfs unhide",
        "600 path pf unhide",
        "700 path bpf* unhide group network mode 660",
        "# BEGIN pulumi-freebsd-vnet demo/test/it",
        "[pulumi_it=2000]",
        "add include 1",
        "add include 2",
        "add include 3",
        "add path fuse unhide",
        "add path zfs unhide",
        "add path pf unhide",
      ].join("\n")}\n`,
    );
    await network.host.exec("jail -c name=d path=/jails/template mount.devfs devfs_ruleset=2000 persist");
    const visible = () => network.shows("ls /jails/template/dev").then((all) => all.trim().split("\n"));
    const basic = ["fd", "null", "random", "stderr", "stdin", "stdout", "urandom", "zero"];
    expect(await visible()).toEqual(["bpf", "bpf0", ...basic, "zfs"]);

    await network.update(devfsRuleset, made, { rules: [] });
    expect(await visible()).toEqual([...basic, "zfs"]);
    await network.update(devfsRuleset, made, { include: ["devfsrules_hide_all", 2], rules: [] });
    expect(await visible()).toEqual(["null", "random", "urandom", "zero"]);
    expect(await network.shows(`${show} | sed 's/^[0-9]* //'`)).toBe("include 1\ninclude 2\n");
    expect(made.state.drift).toEqual([]);
  });

  test("whose new rules are wrong stays as it was", async () => {
    const made = await network.create(devfsRuleset, declare(packets));
    const there = now();
    const wrong = { rules: [{ path: "mem", action: "unhide" }, { group: "nosuch" }] };
    await expect(network.update(devfsRuleset, made, wrong)).rejects.toThrow("nosuch");
    expect(now()).toEqual(there);
  });

  test("never touches the host's own /dev, nor a jail's link in its place", async () => {
    const devices = await network.shows("ls /dev");
    await network.host.exec(
      "jail -c name=host path=/ devfs_ruleset=2000 persist; mkdir /jails/j; ln -s /dev /jails/j/dev; jail -c name=j path=/jails/j devfs_ruleset=2000 persist",
    );
    await network.create(devfsRuleset, declare(packets));
    expect(await network.shows("ls /dev")).toBe(devices);
  });

  test("gets a number of its own from its name", async () => {
    const [one, other] = [
      await network.create(devfsRuleset, declare({ owner: "demo/test/one" })),
      await network.create(devfsRuleset, declare({ owner: "demo/test/other" })),
    ];
    expect(one.state.number).toBeGreaterThanOrEqual(1000);
    expect(one.state.number).not.toBe(other.state.number);
    expect(one.state.name).toBe("pulumi_one");
  });
});
