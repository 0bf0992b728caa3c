import type { Kind } from "../../provider/kind";
import { natGateway } from "../../provider/kinds/nat-gateway";
import { natRedirect } from "../../provider/kinds/nat-redirect";
import { outside, type Probe, reach } from "../../simulator/kernel/reach";
import { brokenAt } from "./broken";
import { essence } from "./essence";
import { type Made, Network } from "./network";

/*
 * The same network through each engine: that a packet gets through is what counts, so the simulated network is asked.
 */

jest.setTimeout(60_000);

let network: Network;

beforeEach(async () => {
  network = await Network.start();
});

afterEach(() => network.stop());

const trace = () => essence(network.host.snapshot());

const gatewayOf = (engine: string) => ({ ...network.declare.natGateway(), engine });

const redirectOf = (engine: string, changed: object = {}) => ({
  ...network.declare.natRedirect(),
  gateway: { host: network.reference, externalInterface: "vtnet0", engine, ipv6: false },
  ...changed,
});

/** A bridge, and a jail on it that listens on `ports`. */
async function jail(): Promise<void> {
  await network.before(natGateway);
  listen([80, 443, 9000, 9005, 9010]);
}

function listen(ports: readonly number[]): void {
  const { processes, jails } = network.host.machine.kernel;
  processes.start({
    command: "httpd",
    name: "httpd",
    jid: jails.get("testA").jid,
    startedAt: 0,
    listens: ports.flatMap((port) => [
      { proto: "tcp", port },
      { proto: "udp", port },
    ]),
  });
}

function probe(from: "outside" | "testA", to: Probe): boolean {
  const { kernel } = network.host.machine;
  return reach(kernel, from === "outside" ? from : kernel.network.vnetOf(kernel.jails.get(from)), to).ok;
}

const comesIn = (port: number, proto: Probe["proto"] = "tcp") =>
  probe("outside", { address: "10.0.2.15", proto, port });
const goesOut = () => probe("testA", { address: outside.host, proto: "tcp", port: 443 });
/** The way of the SSH session. */
const isReachable = () => probe("outside", { address: "10.0.2.15", proto: "tcp", port: 22 });

/** The anchors that pf has, by the resource's name. */
async function anchors(): Promise<Record<string, string>> {
  const listed = await network.shows("ls /etc");
  const names = [...listed.matchAll(/^pf\.pulumi\.((\w+)-\w+)\.conf$/gm)];
  return Object.fromEntries(names.map(([, id, name]) => [name, id]));
}

const driftOf = async (kind: unknown, made: Made) => {
  expect(await network.read(kind, made)).toBe(true);
  return made.state.drift;
};

describe.each(["natd", "ipfw", "pf"])("%s", (engine) => {
  test("jails get out, the port gets in, also after a reboot, and nothing is left of it", async () => {
    await jail();
    const pristine = trace();
    expect([goesOut(), comesIn(80)]).toEqual([false, false]);
    const gateway = await network.create(natGateway, gatewayOf(engine));
    expect([goesOut(), comesIn(80), isReachable()]).toEqual([true, false, true]);
    const redirect = await network.create(natRedirect, redirectOf(engine));
    expect([goesOut(), comesIn(80), isReachable()]).toEqual([true, true, true]);

    const there = trace();
    await network.update(natGateway, gateway);
    await network.update(natRedirect, redirect);
    expect(trace()).toEqual(there);

    await network.delete(natRedirect, redirect);
    expect([goesOut(), comesIn(80)]).toEqual([true, false]);
    await network.delete(natRedirect, redirect);
    await network.delete(natGateway, gateway);
    expect([goesOut(), isReachable()]).toEqual([false, true]);
    expect(trace()).toEqual(pristine);
    await network.delete(natGateway, gateway);
    expect(trace()).toEqual(pristine);

    await network.create(natGateway, gatewayOf(engine));
    await network.create(natRedirect, redirectOf(engine));
    await network.host.reboot();
    listen([80]);
    expect([goesOut(), comesIn(80), isReachable()]).toEqual([true, true, true]);
    expect([await driftOf(natGateway, gateway), await driftOf(natRedirect, redirect)]).toEqual([[], []]);
  });

  test.each([
    ["gateway", natGateway],
    ["redirect", natRedirect],
  ] as unknown as [string, Kind][])(
    "whichever step of the %s fails, what was done before it is undone",
    async (noun, kind) => {
      await jail();
      if (noun === "redirect") await network.create(natGateway, gatewayOf(engine));
      const declared = noun === "redirect" ? redirectOf(engine) : gatewayOf(engine);
      const pristine = trace();
      const made = await network.create(kind, declared);
      await network.delete(kind, made);
      const steps = kind.ensure(made.inputs as never, undefined).length;
      for (let failing = 0; failing < steps; failing++) {
        const broken = brokenAt(kind, failing);
        await expect(network.create(broken, declared)).rejects.toThrow(
          /exit status 1\n {4}injected\nWhat was done before it has been undone\.$/,
        );
        expect(trace()).toEqual(pristine);
        expect(isReachable()).toBe(true);
      }
    },
  );

  test("whichever step of a change fails, the host is as it was", async () => {
    await jail();
    const gateway = await network.create(natGateway, gatewayOf(engine));
    const redirect = await network.create(natRedirect, redirectOf(engine));
    const there = trace();
    const changes: [Kind, Made, object][] = [
      [natGateway as unknown as Kind, gateway, { ruleNumber: 500 }],
      [natRedirect as unknown as Kind, redirect, { publicPort: 8080, targetPort: 443 }],
    ];
    for (const [kind, made, changed] of changes) {
      const inputs = { ...made.inputs, ...changed };
      const steps = kind.ensure(inputs as never, made.state).length;
      for (let failing = 0; failing < steps; failing++) {
        const broken = brokenAt(kind, failing);
        await expect(network.provider(broken).update(made.id, made.state, inputs)).rejects.toThrow(
          "injected",
        );
        expect(trace()).toEqual(there);
        expect([goesOut(), comesIn(80), comesIn(8080), isReachable()]).toEqual([true, true, false, true]);
      }
    }
  });

  test("several redirects at once are all in force, and none is lost when they go at once", async () => {
    await jail();
    await network.create(natGateway, gatewayOf(engine));
    const declared = [8080, 8081, 8082, 8083].map((publicPort) =>
      redirectOf(engine, { publicPort, owner: `demo/test/web${publicPort}` }),
    );
    const made = await Promise.all(declared.map((each) => network.create(natRedirect, each)));
    expect([8080, 8081, 8082, 8083].map((port) => comesIn(port))).toEqual([true, true, true, true]);
    await Promise.all(made.slice(1).map((each) => network.delete(natRedirect, each)));
    expect([8080, 8081, 8082, 8083].map((port) => comesIn(port))).toEqual([true, false, false, false]);
    expect(await driftOf(natRedirect, made[0]!)).toEqual([]);
  });

  test("ranges, both protocols, an address and senders", async () => {
    await jail();
    await network.create(natGateway, gatewayOf(engine));
    const range = { protocol: "both", publicPort: "8000-8010", targetPort: "9000-9010" };
    const made = await network.create(natRedirect, redirectOf(engine, range));
    expect([comesIn(8000), comesIn(8005), comesIn(8010, "udp")]).toEqual([true, true, true]);
    expect([comesIn(7999), comesIn(8011), comesIn(9000)]).toEqual([false, false, false]);

    await network.update(natRedirect, made, { ...range, protocol: "udp" });
    expect([comesIn(8000), comesIn(8000, "udp")]).toEqual([false, true]);

    const ours = { protocol: "tcp", publicPort: 8080, targetPort: 443, publicAddress: "10.0.2.15" };
    await network.update(natRedirect, made, { ...ours, from: `${outside.host}/32` });
    expect([comesIn(8080), comesIn(8000, "udp")]).toEqual([true, false]);
    expect(made.state.drift).toEqual([]);
    await network.update(natRedirect, made, { ...ours, from: "203.0.113.9/32", target: "10.10.15.100" });
    expect(comesIn(8080)).toBe(false);
    await network.update(natRedirect, made, { ...ours, target: "10.10.15.100" });
    expect(comesIn(8080)).toBe(true);
  });

  test("two redirects of a port are refused, also where ranges overlap", async () => {
    await jail();
    await network.create(natGateway, gatewayOf(engine));
    const range = { publicPort: "8000-8010", targetPort: "9000-9010" };
    await network.create(natRedirect, redirectOf(engine, range));
    const there = trace();
    const second = { publicPort: 8005, owner: "demo/test/other" };
    await expect(network.create(natRedirect, redirectOf(engine, second))).rejects.toThrow(
      "tcp port 8005 is redirected already, to 10.10.15.100:9000-9010; see /etc/",
    );
    await expect(
      network.create(natRedirect, redirectOf(engine, { ...second, protocol: "both" })),
    ).rejects.toThrow("tcp port 8005 is redirected already");
    expect(trace()).toEqual(there);
    await network.create(natRedirect, redirectOf(engine, { ...second, protocol: "udp" }));
    await network.create(natRedirect, redirectOf(engine, { publicPort: 8011, owner: "demo/test/next" }));
    expect([comesIn(8005), comesIn(8005, "udp")]).toEqual([true, true]);
  });
});

describe("drift is found and mended", () => {
  const off = ["running: net.inet.ip.fw.enable is 0", "running: net.inet6.ip6.fw.enable is 0"];
  const cases: [engine: string, command: string, words: string[]][] = [
    [
      "natd",
      "sleep 1; touch /etc/natd.conf",
      Array(2).fill("running: natd does not run with the present /etc/natd.conf"),
    ],
    ["ipfw", "ipfw -q delete 65532", ["running: ipfw has no nat rule 65532"]],
    [
      "ipfw",
      "ipfw -q nat 1 config if vtnet0 same_ports",
      ["running: the nat instance of ipfw lacks redirect_port tcp 10.10.15.100:80 80"],
    ],
    [
      "ipfw",
      "ipfw -q nat 1 config if vtnet0 redirect_port tcp 10.10.15.100:80 80",
      ["running: the nat instance of ipfw lacks if vtnet0 same_ports"],
    ],
    [
      "ipfw",
      "ipfw -q delete 65532; ipfw -q nat 1 delete",
      [
        "running: ipfw has no nat instance 1",
        "running: ipfw has no nat rule 65532",
        "running: ipfw has no nat instance 1",
      ],
    ],
    [
      "ipfw",
      "sed -i '' -e '/redirect_port/d' /etc/ipfw.nat.conf",
      ["at boot: its lines in /etc/ipfw.nat.conf were changed"],
    ],
    ["ipfw", "service ipfw stop", off],
    ["natd", "service ipfw stop", ["running: natd does not run", ...off, "running: natd does not run"]],
    ["ipfw", "rm /etc/ipfw.conf", ["at boot: /etc/ipfw.conf is gone"]],
    ["pf", "pfctl -d", ["running: pf is not enabled"]],
    ["pf", "pfctl -F nat", ['running: the main rules of pf do not call the anchors "pulumi/*"']],
    [
      "pf",
      "pfctl -a pulumi/nat-ANCHOR -F nat; pfctl -a pulumi/web80-ANCHOR -F nat",
      ["running: pf has no rules in pulumi/nat-ANCHOR", "running: pf has no rules in pulumi/web80-ANCHOR"],
    ],
    [
      "pf",
      "echo 'nat on vtnet0 inet from 10.10.15.0/24 to any -> (vtnet0)' | pfctl -a pulumi/nat-ANCHOR -f -",
      ["running: the rules of pf in pulumi/nat-ANCHOR are not those of /etc/pf.pulumi.nat-ANCHOR.conf"],
    ],
    ["pf", "rm /etc/pf.pulumi.web80-ANCHOR.conf", ["at boot: /etc/pf.pulumi.web80-ANCHOR.conf is gone"]],
    [
      "pf",
      "rm /etc/pf.conf",
      ["at boot: its lines are gone from /etc/pf.conf", "at boot: its lines are gone from /etc/pf.conf"],
    ],
    ["pf", "sysctl net.inet.ip.forwarding=0", ["running: net.inet.ip.forwarding is 0"]],
    [
      "pf",
      "echo 'pf_enable=NO' >> /etc/rc.conf",
      ['at boot: another line of /etc/rc.conf sets pf_enable="NO"'],
    ],
  ];

  test.each(cases)("%s: %s", async (engine, command, words) => {
    await jail();
    const gateway = await network.create(natGateway, gatewayOf(engine));
    const redirect = await network.create(natRedirect, redirectOf(engine));
    const named = await anchors();
    const inFull = (text: string) => text.replaceAll(/(nat|web80)-ANCHOR/g, (_, name) => named[name] ?? name);
    await network.host.exec(inFull(command));
    const drift = [...(await driftOf(natGateway, gateway)), ...(await driftOf(natRedirect, redirect))];
    expect(drift).toEqual(words.map(inFull));
    if (gateway.state.drift.length > 0) await network.update(natGateway, gateway);
    if (redirect.state.drift.length > 0) await network.update(natRedirect, redirect);
    expect([await driftOf(natGateway, gateway), await driftOf(natRedirect, redirect)]).toEqual([[], []]);
    expect([goesOut(), comesIn(80)]).toEqual([true, true]);
    await network.host.reboot();
    listen([80]);
    expect([goesOut(), comesIn(80)]).toEqual([true, true]);
  });
});

describe("without one piece nothing gets through", () => {
  test.each([
    ["natd", "service natd onestop"],
    ["ipfw", "ipfw -q nat 1 delete"],
    ["ipfw", "service ipfw stop"],
    ["pf", "pfctl -F nat"],
    ["natd", "ipfw -q delete 65532"],
    ["ipfw", "ipfw -q delete 65532"],
    ["pf", "pfctl -d"],
    ["natd", "sysctl net.inet.ip.forwarding=0"],
    ["ipfw", "sysctl net.inet.ip.forwarding=0"],
    ["pf", "sysctl net.inet.ip.forwarding=0"],
  ])("%s: %s", async (engine, command) => {
    await jail();
    await network.create(natGateway, gatewayOf(engine));
    await network.create(natRedirect, redirectOf(engine));
    expect([goesOut(), comesIn(80)]).toEqual([true, true]);
    await network.host.exec(command);
    expect([goesOut(), comesIn(80)]).toEqual([false, false]);
  });
});

describe("what is there already and is not ours", () => {
  const cases: [engine: string, prepare: string, error: string][] = [
    ["ipfw", "echo 'if vtnet0' > /etc/ipfw.nat.conf", "/etc/ipfw.nat.conf is there already"],
    [
      "ipfw",
      "kenv net.inet.ip.fw.default_to_accept=1; kldload ipfw; ipfw add 100 allow ip from any to any",
      "ipfw has rules already",
    ],
    [
      "ipfw",
      "kenv net.inet.ip.fw.default_to_accept=1; kldload ipfw ipfw_nat; ipfw nat 7 config if vtnet0",
      "ipfw has nat instances already",
    ],
    ["natd", "kldload pf; pfctl -e", 'use the engine "pf"'],
    ["ipfw", "echo 'pf_enable=YES' >> /etc/rc.conf", 'use the engine "pf"'],
    ["pf", "echo 'natd_enable=YES' >> /etc/rc.conf", 'use the engine "natd"'],
    [
      "pf",
      "kenv net.inet.ip.fw.default_to_accept=1; kldload ipfw ipfw_nat; ipfw nat 7 config if vtnet0; ipfw add nat 7 ip from any to any via vtnet0",
      "ipfw translates addresses on vtnet0 already",
    ],
    ["pf", "echo 'block all' > /etc/pf.conf", "/etc/pf.conf is there but pf is not enabled"],
    ["pf", "kldload pf; echo 'pass all' | pfctl -f -; pfctl -e", "that are in no /etc/pf.conf"],
    ["pf", "echo 'pf_rules=/etc/my.conf' >> /etc/rc.conf", "this release knows only that file"],
    [
      "pf",
      "kldload pf; printf 'pass all\\nnat on vtnet0 inet from any to any -> (vtnet0)\\nset require-order no\\n' > /etc/pf.conf; pfctl -e",
      "Rules must be in order",
    ],
  ];

  test.each(cases)("is refused and left as it is, by %s: %s", async (engine, prepare, error) => {
    await network.host.exec(prepare);
    const there = trace();
    await expect(network.create(natGateway, gatewayOf(engine))).rejects.toThrow(error);
    expect(trace()).toEqual(there);
  });
});

test("pf stands behind the rules that the host has, and leaves them as they are", async () => {
  const rules = `ext = "vtnet0"
set skip on lo0
scrub in all
rdr on $ext inet proto tcp from any to (vtnet0) port 443 -> 10.10.15.100 port 443
block in on $ext
pass in on $ext proto tcp from any to any port { 22 80 443 }
pass out`;
  await network.host.exec(
    "tee /etc/pf.conf; sysrc pf_enable=YES; kldload pf; pfctl -f /etc/pf.conf; pfctl -e",
    {
      stdin: rules,
    },
  );
  const before = await network.shows("cat /etc/pf.conf; pfctl -sr; pfctl -sn");
  await jail();
  expect(goesOut()).toBe(false);
  const pristine = await network.shows("ls /etc; cat /etc/rc.conf");
  const gateway = await network.create(natGateway, gatewayOf("pf"));
  const web = await network.create(natRedirect, redirectOf("pf"));
  const other = await network.create(natRedirect, redirectOf("pf", { publicPort: 81, owner: "demo/test/b" }));
  expect(await network.shows("cat /etc/pf.conf")).toContain(
    'port 443\n# BEGIN pulumi-freebsd-vnet demo/test/nat\nnat-anchor "pulumi/*"\nrdr-anchor "pulumi/*"\n',
  );
  expect([goesOut(), comesIn(80), comesIn(443), isReachable()]).toEqual([true, true, true, true]);
  await network.host.reboot();
  listen([80, 443]);
  expect([goesOut(), comesIn(80), comesIn(443), isReachable()]).toEqual([true, true, true, true]);
  for (const each of [other, web]) await network.delete(natRedirect, each);
  await network.delete(natGateway, gateway);
  expect(await network.shows("cat /etc/pf.conf; pfctl -sr; pfctl -sn")).toBe(before);
  expect(await network.shows("pfctl -s info")).toMatch(/^Status: Enabled/);
  expect(await network.shows("ls /etc; cat /etc/rc.conf")).toBe(pristine);
});

test("pf serves both families", async () => {
  await network.host.exec("ifconfig vtnet0 inet6 2001:db8::10/64");
  const ipv6 = { network: "fd00:15::/64", address: "2001:db8::10" };
  const pristine = trace();
  const gateway = await network.create(natGateway, { ...gatewayOf("pf"), ipv6 });
  const both = {
    gateway: { host: network.reference, externalInterface: "vtnet0", engine: "pf", ipv6: true },
    target: { name: "testA", addresses: ["10.10.15.100/24", "fd00:15::100/64"] },
  };
  const redirect = await network.create(natRedirect, redirectOf("pf", both));
  const shown = () =>
    network.shows("for a in /etc/pf.pulumi.*; do sed 1d $a; done; sysctl -n net.inet6.ip6.forwarding");
  expect((await shown()).split("\n").filter((line) => line !== "")).toEqual([
    "nat on vtnet0 inet from ! (vtnet0) to any -> (vtnet0:0)",
    "nat on vtnet0 inet6 from fd00:15::/64 to any -> 2001:db8::10",
    "rdr on vtnet0 inet proto tcp from any to (vtnet0) port = 80 -> 10.10.15.100 port 80",
    "rdr on vtnet0 inet6 proto tcp from any to (vtnet0) port = 80 -> fd00:15::100 port 80",
    "1",
  ]);
  expect([gateway.state.drift, redirect.state.drift]).toEqual([[], []]);
  const { firewall, network: net } = network.host.machine.kernel;
  const netif = net.vnetOf(undefined).find("vtnet0")!;
  const packet = { proto: "tcp", src: "2001:db8:9::1", dst: "2001:db8::10", sport: 50000, dport: 80 };
  expect(firewall.filter(netif, "in", packet)).toMatchObject({ dst: "fd00:15::100", dport: 80 });
  const out = { proto: "tcp", src: "fd00:15::100", dst: "2001:db8:9::1", sport: 50000, dport: 443 };
  expect(firewall.filter(netif, "out", out)).toMatchObject({ src: "2001:db8::10" });
  const ndp = { proto: "ipv6-icmp", src: "::", dst: "ff02::1:ff00:10" };
  expect(firewall.filter(netif, "out", ndp)).toMatchObject({ src: "::" });
  await network.update(natRedirect, redirect, {
    ...both,
    publicAddress: "2001:db8::10",
    from: "2001:db8:9::/48",
  });
  expect(
    await network.shows("pfctl -a pulumi/$(ls /etc | sed -n 's/^pf.pulumi.\\(web80.*\\).conf/\\1/p') -sn"),
  ).toBe(
    "rdr on vtnet0 inet6 proto tcp from 2001:db8:9::/48 to 2001:db8::10 port = http -> fd00:15::100 port 80\n",
  );
  await network.delete(natRedirect, redirect);
  await network.delete(natGateway, gateway);
  expect(trace()).toEqual(pristine);
});

describe.each([
  ["natd", "divert natd"],
  ["ipfw", "nat 1"],
])("IPv6 on the NIC goes past %s", (engine, action) => {
  const tcp6 = { proto: "tcp", src: "2001:db8:9::1", dst: "2001:db8::10", sport: 50000, dport: 22 };
  const passes6 = () => {
    const { firewall, network: net } = network.host.machine.kernel;
    return firewall.passes(net.host.find("vtnet0")!, "in", tcp6);
  };
  /** As releases before decision 9 left it. */
  const older = async () => {
    const gateway = await network.create(natGateway, gatewayOf(engine));
    await network.host.exec(
      `sed -i '' -e 's/ip4 from/ip from/' /etc/ipfw.conf; ipfw -q set 0 delete 65532; ipfw -q add 65532 ${action} ip from any to any via vtnet0`,
    );
    return gateway;
  };
  const lists = () => network.shows("ipfw -S list 65532; grep via /etc/ipfw.conf");

  test("which neither of them translates", async () => {
    await network.create(natGateway, gatewayOf(engine));
    expect([passes6(), isReachable()]).toEqual([true, true]);
    await network.host.reboot();
    expect([passes6(), isReachable()]).toEqual([true, true]);
  });

  test("after the next change also where an older release made the gateway", async () => {
    const gateway = await older();
    expect([passes6(), isReachable()]).toEqual([false, true]);
    expect(await driftOf(natGateway, gateway)).toEqual([
      `running: the ${action.split(" ")[0]} rule 65532 of ipfw takes IPv6 too`,
      "at boot: /etc/ipfw.conf was changed",
    ]);
    await network.update(natGateway, gateway);
    expect([passes6(), isReachable(), gateway.state.drift]).toEqual([true, true, []]);
    expect(await lists()).toMatch(
      /^65532 set 0 (divert 8668|nat 1) ip4 from any to any via vtnet0\n.* ip4 .*\n$/,
    );
  });

  test.each([{}, { ruleNumber: 500 }])(
    "whichever step of that fails, the rule is as it was: %j",
    async (changed) => {
      const gateway = await older();
      const rules = await network.shows("ipfw -S list");
      const inputs = { ...gateway.inputs, ...changed };
      const steps = natGateway.ensure(inputs as never, gateway.state as never).length;
      for (let failing = 0; failing < steps; failing++) {
        const broken = brokenAt(natGateway as unknown as Kind, failing);
        await expect(network.provider(broken).update(gateway.id, gateway.state, inputs)).rejects.toThrow(
          "injected",
        );
        expect(await network.shows("ipfw -S list")).toBe(rules);
        expect(isReachable()).toBe(true);
      }
      await network.update(natGateway, gateway, changed);
      expect(gateway.state.drift).toEqual([]);
      expect((await network.shows("ipfw -S list")).split("\n")).toHaveLength(3);
    },
  );

  test("a rule that an update which was cut off left aside is drift, and goes with it", async () => {
    const pristine = trace();
    const gateway = await network.create(natGateway, gatewayOf(engine));
    const left = `ipfw -q add 65532 set 31 ${action} ip from any to any via vtnet0`;
    await network.host.exec(left);
    expect(await driftOf(natGateway, gateway)).toHaveLength(1);
    await network.update(natGateway, gateway);
    expect(gateway.state.drift).toEqual([]);
    await network.host.exec(left);
    await network.delete(natGateway, gateway);
    expect([trace(), isReachable()]).toEqual([pristine, true]);
  });

  test("the older rule goes with its gateway", async () => {
    const pristine = trace();
    const gateway = await older();
    await network.delete(natGateway, gateway);
    expect([trace(), isReachable()]).toEqual([pristine, true]);
  });
});

test.each([
  ["natd", "pf"],
  ["pf", "ipfw"],
  ["ipfw", "natd"],
])("from %s to %s: the gateway is made anew, the redirect follows", async (from, to) => {
  await jail();
  const pristine = trace();
  const gateway = await network.create(natGateway, gatewayOf(from));
  const redirect = await network.create(natRedirect, redirectOf(from));
  await network.delete(natGateway, gateway);
  const next = await network.create(natGateway, gatewayOf(to));
  await network.update(natRedirect, redirect, redirectOf(to));
  expect(redirect.state.drift).toEqual([]);
  expect([goesOut(), comesIn(80)]).toEqual([true, true]);
  await network.delete(natRedirect, redirect);
  await network.delete(natGateway, next);
  expect(trace()).toEqual(pristine);
});

test.each(["natd", "ipfw"])(
  "%s: a rule of the same number in another set is somebody else's",
  async (engine) => {
    const gateway = await network.create(natGateway, gatewayOf(engine));
    const others = async () =>
      [...(await network.shows("ipfw -S list")).matchAll(/^\d+ set 5 .*$/gm)].map(String);
    await network.host.exec("for n in 500 65532; do ipfw -q add $n set 5 count ip from any to any; done");
    const there = await others();
    expect(there).toHaveLength(2);
    const inputs = { ...gateway.inputs, ruleNumber: 500 };
    const steps = natGateway.ensure(inputs as never, gateway.state as never).length;
    const broken = brokenAt(natGateway as unknown as Kind, steps - 1);
    await expect(network.provider(broken).update(gateway.id, gateway.state, inputs)).rejects.toThrow(
      "injected",
    );
    expect(await others()).toEqual(there);
    await network.update(natGateway, gateway, { ruleNumber: 500 });
    expect(await others()).toEqual(there);
    await network.delete(natGateway, gateway);
    expect(await others()).toEqual(there);
  },
);

test("natd that does not start for a line of somebody else's takes nobody's connection with it", async () => {
  await jail();
  await network.create(natGateway, gatewayOf("natd"));
  await network.host.exec("ipfw -q add 65532 set 5 count ip from any to any");
  await network.host.exec("echo 'no_such_option yes' >> /etc/natd.conf");
  await expect(network.create(natRedirect, redirectOf("natd"))).rejects.toThrow(
    "unknown option no_such_option",
  );
  expect(isReachable()).toBe(true);
  expect(await network.shows("ipfw list 65532")).toBe("65532 count ip from any to any\n");
});
