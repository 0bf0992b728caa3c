import { type Direction, type Packet, reply } from "../../simulator/kernel/firewall";
import { reach } from "../../simulator/kernel/reach";
import { Machine } from "../../simulator/machine";

let machine: Machine;
beforeEach(async () => {
  machine = await Machine.create();
});
afterEach(() => machine.halt());

const said = async (command: string, stdin = ""): Promise<string> => {
  const { stdout, stderr, status } = await machine.exec(command, { stdin });
  return `${stdout}${stderr}${status === 0 ? "" : `-> ${status}\n`}`;
};

const file = (path: string, text: string): void => machine.kernel.storage.fs.writeText(path, text);

const filter = (direction: Direction, packet: Packet, netif = "vtnet0"): Packet | undefined =>
  machine.kernel.firewall.filter(machine.kernel.network.host.find(netif)!, direction, packet);

const tcp = (src: string, dst: string, dport: number, sport = 50000): Packet => ({
  proto: "tcp",
  src,
  dst,
  sport,
  dport,
});
const ssh = tcp("10.0.2.2", "10.0.2.15", 22);
const web = tcp("198.51.100.10", "10.0.2.15", 80);

const accepting = async (): Promise<void> => {
  await said("kenv net.inet.ip.fw.default_to_accept=1; kldload ipfw");
};

describe("kernel modules", () => {
  test("ipfw denies by default, and the sysctl is there only with it", async () => {
    expect(filter("in", ssh)).toEqual(ssh);
    expect(await said("sysctl net.inet.ip.fw.enable")).toBe(
      "sysctl: unknown oid 'net.inet.ip.fw.enable'\n-> 1\n",
    );
    expect(await said("kldload ipfw")).toBe("");
    expect(filter("in", ssh)).toBeUndefined();
    expect(filter("out", reply(ssh))).toBeUndefined();
    expect(await said("sysctl net.inet.ip.fw.default_to_accept=1")).toBe(
      "sysctl: oid 'net.inet.ip.fw.default_to_accept' is a read only tunable\n" +
        "sysctl: Tunable values are set in /boot/loader.conf\n-> 1\n",
    );
    expect(await said("sysctl net.inet.ip.fw.enable=0")).toBe("net.inet.ip.fw.enable: 1 -> 0\n");
    expect(filter("in", ssh)).toEqual(ssh);
  });

  test("ipfw_nat brings ipfw along and takes it away again", async () => {
    await said("kldload ipfw_nat");
    expect(filter("in", ssh)).toBeUndefined();
    expect(await said("kldunload ipfw")).toBe("kldunload: can't unload file: Device busy\n-> 1\n");
    expect(await said("kldunload ipfw_nat; kldstat -q -m ipfw || echo gone")).toBe("gone\n");
  });

  test.each(["ipfw_nat64", "ipfw_nptv6", "ipfw_pmod", "dummynet", "ng_ipfw"])(
    "%s brings ipfw along",
    async (name) => {
      expect(await said(`kldload ${name}; kldstat -q -m ipfw && echo there`)).toBe("there\n");
      expect(filter("in", ssh)).toBeUndefined();
    },
  );

  test("a file that is needed stays when it is unloaded", async () => {
    await said("kldload ipfw ipfw_nat");
    expect(await said("kldunload ipfw; kldstat -q -m ipfw && echo there")).toBe("there\n");
    expect(await said("kldunload ipfw_nat; kldstat -q -m ipfw || echo gone")).toBe("gone\n");
  });

  test.each([
    ["ipdivert", "Operation not permitted"],
    ["accf_http", "Operation not supported"],
  ])("%s stays until the next boot", async (name, words) => {
    await said(`kldload ${name}`);
    expect(await said(`kldunload ${name}`)).toBe(`kldunload: can't unload file: ${words}\n-> 1\n`);
    await machine.reboot();
    expect(machine.kernel.modules.has(name)).toBe(false);
  });

  test("-n does not mind what is loaded, built-in modules are", async () => {
    expect(await said("kldload -n zfs if_vlan && kldload if_vlan")).toBe(
      "kldload: can't load if_vlan: module already loaded or in kernel\n-> 1\n",
    );
  });

  test("unloading if_bridge destroys bridges", async () => {
    const { modules, network } = machine.kernel;
    modules.load("if_bridge");
    network.create(network.host, "bridge0");
    expect(network.host.find("bridge0")).toBeDefined();
    await said("kldunload if_bridge");
    expect(network.host.find("bridge0")).toBeUndefined();
    expect(modules.has("bridgestp")).toBe(false);
  });
});

describe("sysctl(8)", () => {
  test("forms", async () => {
    expect(await said("sysctl -n net.inet.ip.ttl")).toBe("64\n");
    expect(await said("sysctl -e net.inet.ip.ttl")).toBe("net.inet.ip.ttl=64\n");
    expect(await said("sysctl -N net.inet.ip.ttl")).toBe("net.inet.ip.ttl\n");
    expect(await said("sysctl -d net.inet.ip.forwarding")).toBe(
      "net.inet.ip.forwarding: Enable IP forwarding between interfaces\n",
    );
    expect(
      await said("sysctl -n net.inet.ip.ttl=32 && sysctl -q net.inet.ip.ttl=33 && sysctl net.inet.ip.ttl"),
    ).toBe("64 -> 32\nnet.inet.ip.ttl: 33\n");
    expect(await said("sysctl -i no.such net.inet.ip.ttl")).toBe("net.inet.ip.ttl: 33\n");
    expect(await said("sysctl net.inet.ip=1")).toBe("sysctl: oid 'net.inet.ip' isn't a leaf node\n-> 1\n");
    expect(await said("sysctl net.inet.ip.ttl=")).toBe("sysctl: empty numeric value\n-> 1\n");
  });

  test("a file: the good lines are obeyed, the others counted", async () => {
    file("/tmp/s", "# comment\nnet.inet.ip.ttl = 10\nno.such=1\n\nnet.inet.ip.redirect=0 # x\n");
    expect(await said("sysctl -f /tmp/s")).toBe(
      "net.inet.ip.ttl: 64 -> 10\nnet.inet.ip.redirect: 1 -> 0\nsysctl: unknown oid 'no.such' at line 3\n-> 1\n",
    );
  });
});

describe("ipfw(8)", () => {
  beforeEach(accepting);

  test.each([
    ["pass all from any to any", "allow ip from any to any"],
    ["drop tcp from 10.0.0.1/24 to not me 80,443", "deny tcp from 10.0.0.0/24 to not me 80,443"],
    ["allow 6 from any to 1.2.3.4/32 dst-port ssh", "allow tcp from any to 1.2.3.4 22"],
    [
      "allow udp from 10.0.0.0:255.255.0.0 1000-2000 to any 53",
      "allow udp from 10.0.0.0/16 1000-2000 to any 53",
    ],
    ["allow ip from 10.0.0.1,10.0.0.2 to 0.0.0.0/0", "allow ip from 10.0.0.1,10.0.0.2 to any"],
    ["allow ip from { 10.0.0.1 or me } to any", "allow ip from { 10.0.0.1 or me } to any"],
    [
      "allow tcp from any to any keep-state out setup via em0",
      "allow tcp from any to any out setup via em0 keep-state :default",
    ],
    ["check-state", "check-state :default"],
    ["deny log logamount 5 ip from any to any", "deny log logamount 5 ip from any to any"],
    ["prob 0.5 deny ip from any to any", "prob 0.500000 deny ip from any to any"],
    ["reject ip from any to any", "reject ip from any to any"],
    ["unreach port ip from any to any", "unreach port ip from any to any"],
    ["reset tcp from any to any", "reset tcp from any to any"],
    ["skipto 500 ip from table(1) to any in recv em*", "skipto 500 ip from table(1) to any in recv em*"],
    ["fwd 127.0.0.1,3128 tcp from any to any 80", "fwd 127.0.0.1,3128 tcp from any to any 80"],
    ["allow icmp from any to any icmptypes 8,0,3", "allow icmp from any to any icmptypes 0,3,8"],
    ["allow ip6 from any to fd00::/64", "allow ip6 from any to fd00::/64"],
    ["allow ip from any to any // why not", "allow ip from any to any // why not"],
    ["allow in via em0", "allow in via em0"],
    ["allow tcp from me to any limit src-addr 4", "allow tcp from me to any limit src-addr 4 :default"],
  ])("add %s", async (given, printed) => {
    expect(await said(`ipfw add 10 ${given.replace(/[(){}*]/g, "\\$&")}`)).toBe(`00010 ${printed}\n`);
    expect(await said("ipfw list 10")).toBe(`00010 ${printed}\n`);
  });

  test.each([
    ["add 1 allow", "ipfw: missing protocol\n-> 64\n"],
    ["add 1 allow ip", "ipfw: missing ``from''\n-> 64\n"],
    ["add 1 allow ip from any", "ipfw: missing ``to''\n-> 64\n"],
    ["add 1 allow ip from any to any nonsense", "ipfw: unrecognised option [-1] nonsense\n\n-> 64\n"],
    ["add 1 divert nosuch ip from any to any", "ipfw: illegal divert/tee port\n-> 65\n"],
    ["add 1 allow ip from 10.0.0.0/33 to any", "ipfw: bad width ``33''\n-> 65\n"],
    ["nonsense", "ipfw: bad command `nonsense'\n-> 64\n"],
    ["delete 100-200", "ipfw: no rules rules in 100-200 range\n"],
    ["nat 5 delete", "ipfw: nat 5 not available: Invalid argument\n"],
    ["table t2 list", "ipfw: failed to request table info: No such process\n-> 71\n"],
    ["set disable x", "ipfw: invalid set command x\n\n-> 65\n"],
  ])("%s is refused", async (args, words) => {
    expect(await said(`ipfw ${args}`)).toBe(words);
  });

  test("a number is deleted in all sets, or in the one that is named; a flush spares set 31", async () => {
    const rules = async () => {
      for (const set of [0, 5, 31]) await said(`ipfw -q add 100 set ${set} count ip from any to any`);
    };
    const sets = async () =>
      [...(await said("ipfw -S list 100")).matchAll(/set (\d+)/g)].map(([, set]) => set);
    const leaves = async (command: string) => {
      await rules();
      await said(command);
      const left = await sets();
      await said("ipfw -q delete 100");
      return left;
    };
    expect(await leaves("ipfw -q set 0 delete 100")).toEqual(["5", "31"]);
    expect(await leaves("ipfw -q set 31 delete 100")).toEqual(["0", "5"]);
    expect(await leaves("ipfw -q delete set 31")).toEqual(["0", "5"]);
    expect(await leaves("ipfw -q -f flush")).toEqual(["31"]);
    expect(await leaves("ipfw -q delete 0")).toEqual(["31"]);
    expect(await leaves("ipfw -q delete 100")).toEqual([]);
    expect(await said("ipfw set 0 delete set 5")).toBe("ipfw: invalid syntax\n-> 65\n");
    expect(await said("ipfw list")).toMatch(/^65535 /);
  });

  test("-n checks without touching, even without the module", async () => {
    expect(await said("kldunload ipfw; ipfw -n add 10 allow ip from any to any")).toBe(
      "00010 allow ip from any to any\n",
    );
    file("/tmp/rules", "add 10 allow ip from any to any\nadd 20 allow ip from nowhere.invalid to any\n");
    expect(await said("ipfw -q -n /tmp/rules")).toBe("Line 2: hostname ``nowhere.invalid'' unknown\n-> 68\n");
  });

  test("the first rule that matches decides", async () => {
    await said(
      "ipfw -q add 100 allow tcp from any to me 22; ipfw -q add 200 deny tcp from any to any in via vtnet0",
    );
    expect(filter("in", ssh)).toEqual(ssh);
    expect(filter("in", web)).toBeUndefined();
    expect(filter("in", web, "lo0")).toEqual(web);
    await said("ipfw -q add 150 skipto 300 tcp from any to any 80");
    expect(filter("in", web)).toEqual(web);
    await said("ipfw -q set disable 0");
    await said("ipfw -q delete 150; ipfw set enable 0");
    expect(filter("in", web)).toBeUndefined();
  });

  test("state lets answers in", async () => {
    await said("ipfw -q add 100 check-state; ipfw -q add 200 allow tcp from me to any out setup keep-state");
    await said("ipfw -q add 300 deny ip from any to any");
    const out = tcp("10.0.2.15", "198.51.100.10", 443);
    expect(filter("in", reply(out))).toBeUndefined();
    expect(filter("out", out)).toEqual(out);
    expect(filter("in", reply(out))).toEqual(reply(out));
    expect(filter("in", web)).toBeUndefined();
  });

  test("established rules keep a session alive", async () => {
    await said(
      "ipfw -q add 100 allow tcp from any to any established; ipfw -q add 200 deny tcp from any to any",
    );
    expect(filter("in", ssh)).toBeUndefined();
    expect(filter("in", { ...ssh, established: true })).toBeDefined();
  });

  test("tables", async () => {
    await said(
      "ipfw table t create; ipfw table t add 10.0.2.0/24 5; ipfw -q add 100 deny ip from table\\(t\\) to any",
    );
    expect(filter("in", ssh)).toBeUndefined();
    expect(await said("ipfw table t lookup 10.0.2.2")).toBe("10.0.2.2 5\n");
    expect(await said("ipfw table t destroy")).toBe("ipfw: failed to destroy table t: Device busy\n-> 71\n");
    expect(await said("ipfw table t delete 10.0.2.0/24")).toBe("deleted: 10.0.2.0/24 5\n");
    expect(filter("in", ssh)).toEqual(ssh);
  });

  test("nat redirects, translates and drops without its instance", async () => {
    await said("kldload ipfw_nat");
    await said("ipfw -q nat 1 config if vtnet0 same_ports redirect_port tcp 10.10.15.100:8080 80");
    await said("ipfw -q add 100 nat 1 ip from any to any via vtnet0");
    const inside = filter("in", web)!;
    expect(inside).toEqual({ ...web, dst: "10.10.15.100", dport: 8080 });
    expect(filter("out", reply(inside))).toEqual(reply(web));
    const out = tcp("10.10.15.100", "198.51.100.10", 443, 1234);
    const outside = filter("out", out)!;
    expect(outside).toEqual({ ...out, src: "10.0.2.15" });
    expect(filter("in", reply(outside))).toEqual(reply(out));
    expect(filter("in", ssh)).toEqual(ssh);
    await said("ipfw nat 1 delete");
    expect(filter("in", ssh)).toBeUndefined();
  });
});

describe("natd(8)", () => {
  beforeEach(async () => {
    await accepting();
    await said("kldload ipdivert");
  });

  const divert = (): Promise<string> => said("ipfw -q add 100 divert natd ip from any to any via vtnet0");

  test("IPv6 is lost behind a rule for all protocols, and goes past one for ip4", async () => {
    const ssh6 = tcp("2001:db8:9::1", "2001:db8::10", 22);
    for (const action of ["divert natd", "nat 1"]) {
      await said(`kldload -n ipfw_nat; ipfw -q nat 1 config if vtnet0; natd -n vtnet0`);
      await said(`ipfw -q add 100 ${action} ip from any to any via vtnet0`);
      expect([filter("in", ssh), filter("in", ssh6)]).toEqual([ssh, undefined]);
      await said("ipfw -q -f flush");
      await said(`ipfw -q add 100 ${action} ip4 from any to any via vtnet0`);
      expect([filter("in", ssh), filter("in", ssh6)]).toEqual([ssh, ssh6]);
      expect(await said("ipfw list 100")).toMatch(
        /^00100 (divert 8668|nat 1) ip4 from any to any via vtnet0\n$/,
      );
      await said("ipfw -q -f flush");
    }
  });

  test("service ipfw starts natd before the other coscripts, and turns the filter on after them and off", async () => {
    const enabled = () => said("sysctl -n net.inet.ip.fw.enable net.inet6.ip6.fw.enable");
    await said(
      "printf '#!/bin/sh\\nservice natd onestatus; sysctl -n net.inet.ip.fw.enable\\n' > /tmp/co; chmod +x /tmp/co",
    );
    await said(
      "sysrc natd_enable=YES natd_flags='-n vtnet0' firewall_coscripts=/tmp/co firewall_script=/dev/null",
    );
    expect(await enabled()).toBe("1\n1\n");
    await said("service ipfw onestop");
    expect(await enabled()).toBe("0\n0\n");
    expect(await said("service ipfw onestart")).toMatch(/natd is running as pid \d+\.\n0\n/);
    expect(await enabled()).toBe("1\n1\n");
  });

  test("a packet goes on behind all rules of the number that took it", async () => {
    await said("natd -n vtnet0 -redirect_port tcp 10.10.15.100:80 80");
    for (const number of [100, 100, 200]) await said(`ipfw -q add ${number} count ip from any to any`);
    await divert();
    await said("ipfw -q add 100 deny ip from any to any");
    expect(filter("in", web)).toMatchObject({ dst: "10.10.15.100" });
  });

  test("a divert rule drops without natd, and passes with it", async () => {
    await divert();
    expect(filter("in", ssh)).toBeUndefined();
    file(
      "/etc/natd.conf",
      "interface vtnet0\ndynamic yes\n# web\nredirect_port tcp 10.10.15.100:80-81 80-81\n",
    );
    expect(await said("natd -f /etc/natd.conf")).toBe("");
    expect(filter("in", ssh)).toEqual(ssh);
    expect(filter("in", { ...web, dport: 81 })).toMatchObject({ dst: "10.10.15.100", dport: 81 });
    expect(await said("cat /var/run/natd.pid")).toBe(`${machine.kernel.firewall.divert[0]!.pid}\n`);
    expect(await said("natd -f /etc/natd.conf")).toBe(
      "natd: Unable to bind divert socket.: Address already in use\n-> 1\n",
    );
    machine.kernel.processes.end(machine.kernel.firewall.divert[0]!.pid);
    expect(filter("in", ssh)).toBeUndefined();
  });

  test("pf on top of it loops", async () => {
    await said("natd -n vtnet0 -m; kldload pf");
    await divert();
    expect(filter("in", ssh)).toEqual(ssh);
    await said("pfctl -e");
    expect(filter("in", ssh)).toBeUndefined();
    await said("pfctl -d");
    expect(filter("in", ssh)).toEqual(ssh);
  });

  test("in dynamic mode a missing interface is noticed at the first packet", async () => {
    await divert();
    expect(await said("natd -n nosuch0")).toBe("natd: unknown interface name nosuch0\n-> 1\n");
    expect(await said("natd -dynamic -n nosuch0")).toBe("");
    expect(machine.kernel.firewall.divert).toHaveLength(1);
    expect(filter("in", ssh)).toBeUndefined();
    expect(machine.kernel.firewall.divert).toHaveLength(0);
  });

  test.each([
    ["interface vtnet0\nsame_port yes\n", "natd: unknown option same_port\nRecognized options:"],
    ["interface vtnet0\nsame_ports maybe\n", "natd: same_ports needs yes/no parameter\n-> 1"],
    [
      "interface vtnet0\nredirect_port icmp 1.2.3.4:5 6\n",
      "natd: unknown protocol icmp. Expected tcp or udp\n",
    ],
    ["interface vtnet0\nredirect_port tcp 1.2.3.4 6\n", "natd: 1.2.3.4 is missing port number\n"],
    [
      "interface vtnet0\nredirect_port tcp 1.2.3.4:80-90 80-85\n",
      "natd: redirect_port: port ranges must be equal in size\n",
    ],
    ["interface vtnet0\nredirect_port tcp 10.300.0.1:80 80\n", "natd: unknown host 10.300.0.1\n"],
    ["interface vtnet0\nredirect_port tcp 10.0.0.1:80\n", "natd: redirect_port: missing public port\n"],
    ["same_ports yes\n", "natd: instance default: aliasing address not given\n"],
    [
      "interface vtnet0\nalias_address 1.2.3.4\n",
      "natd: both alias address and interface name are not allowed\n",
    ],
    ["interface vtnet0\nexit_delay 20000\n", "natd: Incorrect exit delay: 20000\n"],
    ["interface vtnet0\nport nosuch\n", "natd: nosuch/divert: unknown service\n"],
    ["interface vtnet0", "natd: config file format error: last line should end with newline\n"],
  ])("%j is refused", async (config, words) => {
    file("/etc/natd.conf", config);
    expect((await said("natd -f /etc/natd.conf")).startsWith(words)).toBe(true);
    expect(machine.kernel.firewall.divert).toHaveLength(0);
  });

  test("the file must be there", async () => {
    expect(await said("natd -f /nosuch")).toBe(
      "natd: cannot open config file /nosuch: No such file or directory\n-> 1\n",
    );
  });
});

describe("pfctl(8)", () => {
  const rules = async (text: string, what = "r"): Promise<string> => {
    const loaded = await said("pfctl -f -", text);
    return loaded + (await said(`pfctl -s${what}`));
  };
  beforeEach(() => said("kldload pf; pfctl -e"));

  test.each([
    ["block all", "block drop all\n"],
    ["block return in log quick on vtnet0 proto tcp", "block return in log quick on vtnet0 proto tcp all\n"],
    ["pass in proto tcp to port 80", "pass in proto tcp from any to any port = http flags S/SA keep state\n"],
    [
      "pass in on vtnet0 proto { tcp, udp } from any to 10.0.0.1 port { 22 53 }",
      "pass in on vtnet0 inet proto tcp from any to 10.0.0.1 port = ssh flags S/SA keep state\n" +
        "pass in on vtnet0 inet proto tcp from any to 10.0.0.1 port = domain flags S/SA keep state\n" +
        "pass in on vtnet0 inet proto udp from any to 10.0.0.1 port = ssh keep state\n" +
        "pass in on vtnet0 inet proto udp from any to 10.0.0.1 port = domain keep state\n",
    ],
    [
      'net = "10.1.0.0/16"\nblock out from $net to ! 10.2.0.1',
      "block drop out inet from 10.1.0.0/16 to ! 10.2.0.1\n",
    ],
    ["pass out proto icmp no state", "pass out proto icmp all no state\n"],
    ["pass quick on lo0 all", "pass quick on lo0 all flags S/SA keep state\n"],
    ["pass inet proto icmp icmp-type echoreq", "pass inet proto icmp all icmp-type echoreq keep state\n"],
    ["table <bad> { 1.2.3.4 }\nblock in from <bad>", "block drop in from <bad> to any\n"],
    [
      "pass in proto tcp to port 8000:8010",
      "pass in proto tcp from any to any port 8000:8010 flags S/SA keep state\n",
    ],
    [
      "pass in proto tcp to port > 1023",
      "pass in proto tcp from any to any port > 1023 flags S/SA keep state\n",
    ],
    ["scrub in all", "scrub in all fragment reassemble\n"],
  ])("%s", async (text, printed) => {
    expect(await rules(`${text}\n`)).toBe(printed);
  });

  test.each([
    [
      "nat on vtnet0 from 10.0.0.0/8 to any -> 10.0.2.15",
      "nat on vtnet0 inet from 10.0.0.0/8 to any -> 10.0.2.15\n",
    ],
    [
      "nat on vtnet0 from 10.0.0.0/8 to any -> (vtnet0:0) static-port",
      "nat on vtnet0 inet from 10.0.0.0/8 to any -> (vtnet0:0) static-port\n",
    ],
    [
      "no nat on vtnet0 from 10.0.0.0/8 to 10.0.0.0/8",
      "no nat on vtnet0 inet from 10.0.0.0/8 to 10.0.0.0/8\n",
    ],
    [
      "rdr pass on vtnet0 proto tcp to port 80 -> 10.0.0.1",
      "rdr pass on vtnet0 inet proto tcp from any to any port = http -> 10.0.0.1\n",
    ],
    [
      "rdr on vtnet0 inet proto tcp to port 80 -> { 10.0.0.1, 10.0.0.2 } port 8080",
      "rdr on vtnet0 inet proto tcp from any to any port = http -> { 10.0.0.1, 10.0.0.2 } port 8080 round-robin\n",
    ],
    [
      "binat on vtnet0 from 10.0.0.1 to any -> 192.0.2.1",
      "binat on vtnet0 inet from 10.0.0.1 to any -> 192.0.2.1\n",
    ],
  ])("%s", async (text, printed) => {
    expect(await rules(`${text}\n`, "n")).toBe(printed);
  });

  test.each([
    ["pass in prot tcp", "stdin:1: syntax error\n"],
    ["\n\npass in proto nosuch", "stdin:3: unknown protocol nosuch\n"],
    ["pass from $nosuch", "stdin:1: macro 'nosuch' not defined\nstdin:1: syntax error\n"],
    ["pass in proto tcp to port nosuch", "stdin:1: unknown port nosuch\n"],
    [
      "pass\nnat on vtnet0 from any to any -> 1.2.3.4",
      "stdin:2: Rules must be in order: options, ethernet, normalization, queueing, translation, filtering\n",
    ],
    [
      "pass to port 80",
      "stdin:1: port only applies to tcp/udp/sctp\nstdin:1: rule expands to no valid combination\n",
    ],
  ])("%j is refused, and nothing changes", async (text, words) => {
    await said("pfctl -f -", "block in proto udp all\n");
    expect(await said("pfctl -nf -", `${text}\n`)).toBe(`${words}-> 1\n`);
    expect(await said("pfctl -f -", `${text}\n`)).toBe(
      `${words}pfctl: Syntax error in config file: pf rules not loaded\n-> 1\n`,
    );
    expect(await said("pfctl -sr")).toBe("block drop in proto udp all\n");
  });

  test("the last rule that matches decides, quick ends the search", async () => {
    await said("pfctl -f -", "block all\npass in on vtnet0 proto tcp to (vtnet0) port ssh\n");
    expect(filter("in", ssh)).toEqual(ssh);
    expect(filter("out", reply(ssh))).toEqual(reply(ssh));
    expect(filter("in", web)).toBeUndefined();
    await said("pfctl -f -", "block quick proto tcp\npass all\n");
    expect(filter("in", ssh)).toBeUndefined();
    await said("pfctl -f -", "set skip on vtnet0\nblock all\n");
    expect(filter("in", ssh)).toEqual(ssh);
  });

  test("anchors redirect, translate, and pass on", async () => {
    await said("pfctl -f -", 'nat-anchor "p/*"\nrdr-anchor "p/*"\nanchor "p/*"\n');
    await said(
      "pfctl -a p/web -f -",
      "rdr on vtnet0 proto tcp to (vtnet0) port 80:81 -> 10.10.15.100 port 8080:*\n",
    );
    await said("pfctl -a p/lan -f -", "nat on vtnet0 from 10.10.15.0/24 to any -> (vtnet0)\n");
    const inside = filter("in", { ...web, dport: 81 })!;
    expect(inside).toMatchObject({ dst: "10.10.15.100", dport: 8081 });
    expect(filter("out", reply(inside))).toEqual(reply({ ...web, dport: 81 }));
    const out = tcp("10.10.15.100", "198.51.100.10", 443);
    const outside = filter("out", out)!;
    expect(outside.src).toBe("10.0.2.15");
    expect(filter("in", reply(outside))).toEqual(reply(out));
    await said("pfctl -a p/web -F nat");
    expect(filter("in", web)).toEqual(web);
    await said("pfctl -a p/evil -f -", "block in quick all\n");
    expect(filter("in", ssh)).toBeUndefined();
  });

  test("tables", async () => {
    await said("pfctl -f -", "table <bad> persist\nblock in from <bad>\n");
    expect(await said("pfctl -t bad -T add 10.0.2.2 10.9.0.0/16")).toBe("2/2 addresses added.\n");
    expect(await said("pfctl -t bad -T show")).toBe("   10.0.2.2\n   10.9.0.0/16\n");
    expect(filter("in", ssh)).toBeUndefined();
    expect(await said("pfctl -t bad -T delete 10.0.2.2")).toBe("1/1 addresses deleted.\n");
    expect(filter("in", ssh)).toEqual(ssh);
    expect(await said("pfctl -t none -T show")).toBe("pfctl: Table does not exist.\n-> 1\n");
  });

  test("a missing file", async () => {
    expect(await said("pfctl -f /nosuch")).toBe(
      "pfctl: /nosuch: No such file or directory\n" +
        "pfctl: cannot open the main config file!: No such file or directory\n" +
        "pfctl: Syntax error in config file: pf rules not loaded\n-> 1\n",
    );
  });
});

describe("between a jail and the outside", () => {
  beforeEach(async () => {
    await said(
      "ifconfig bridge0 create inet 10.10.15.1/24 up; ifconfig epair1 create up; ifconfig bridge0 addm epair1a;" +
        "sysctl net.inet.ip.forwarding=1;" +
        "jail -c name=j1 path=/jails/template vnet vnet.interface=epair1b persist;" +
        "ifconfig -j j1 epair1b inet 10.10.15.100/24; route -j j1 add default 10.10.15.1",
    );
    const listens = [{ proto: "tcp", port: 80 }] as const;
    machine.kernel.processes.start({ command: "nginx", name: "nginx", jid: 1, startedAt: 0, listens });
  });

  const both = (): { web: boolean; ssh: boolean; out: boolean } => {
    const { kernel } = machine;
    const jail = kernel.jails.all[0]!.vnet!;
    return {
      web: reach(kernel, "outside", { address: "10.0.2.15", proto: "tcp", port: 80 }).ok,
      ssh: reach(kernel, "outside", { address: "10.0.2.15", proto: "tcp", port: 22 }).ok,
      out: reach(kernel, jail, { address: "198.51.100.10", proto: "icmp" }).ok,
    };
  };

  test("nothing goes without NAT", () => {
    expect(both()).toEqual({ web: false, ssh: true, out: false });
  });

  test("natd", async () => {
    await accepting();
    await said("kldload ipdivert; ipfw add 100 divert natd ip from any to any via vtnet0");
    expect(both()).toEqual({ web: false, ssh: false, out: false });
    await said("natd -n vtnet0 -redirect_port tcp 10.10.15.100:80 80");
    expect(both()).toEqual({ web: true, ssh: true, out: true });
  });

  test("ipfw nat", async () => {
    await accepting();
    await said("kldload ipfw_nat; ipfw nat 1 config if vtnet0 redirect_port tcp 10.10.15.100:80 80");
    await said("ipfw add 100 nat 1 ip from any to any via vtnet0");
    expect(both()).toEqual({ web: true, ssh: true, out: true });
  });

  test("pf", async () => {
    await said(
      "kldload pf; pfctl -ef -",
      "nat on vtnet0 from 10.10.15.0/24 to any -> (vtnet0)\n" +
        "rdr on vtnet0 proto tcp to (vtnet0) port 80 -> 10.10.15.100\npass\n",
    );
    expect(both()).toEqual({ web: true, ssh: true, out: true });
  });
});

test("snapshots are plain data that counting does not change", async () => {
  await accepting();
  await said(
    "kldload pf ipfw_nat; ipfw -q nat 1 config if vtnet0 log; ipfw -q add 1 count ip from any to any",
  );
  const shot = (): string =>
    JSON.stringify([
      machine.kernel.firewall.snapshot(),
      machine.kernel.modules.snapshot(),
      machine.kernel.sysctl.snapshot(),
      machine.kernel.limits.snapshot(),
    ]);
  const before = shot();
  filter("in", ssh);
  expect(shot()).toBe(before);
  expect(before).toContain('"netif":"vtnet0"');
});
