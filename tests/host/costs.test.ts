import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { check } from "../../provider/check";
import { interruption } from "../../provider/cost";
import { changes, diff } from "../../provider/diff";
import type { Kind } from "../../provider/kind";
import { bridge } from "../../provider/kinds/bridge";
import { devfsRuleset } from "../../provider/kinds/devfs-ruleset";
import { epairLink } from "../../provider/kinds/epair-link";
import { host } from "../../provider/kinds/host";
import { ipfwRules } from "../../provider/kinds/ipfw-rules";
import { jailRoot } from "../../provider/kinds/jail-root";
import { kernelModule } from "../../provider/kinds/kernel-module";
import { loopback } from "../../provider/kinds/loopback";
import { natGateway } from "../../provider/kinds/nat-gateway";
import { natRedirect } from "../../provider/kinds/nat-redirect";
import { rcSetting } from "../../provider/kinds/rc-setting";
import { sysctl } from "../../provider/kinds/sysctl";
import { vlan } from "../../provider/kinds/vlan";
import { jailAllowShape, vnetJail } from "../../provider/kinds/vnet-jail";
import { type Made, Network } from "./network";

/**
 * What a change costs is what it is declared to cost, for every property of every kind: a live one disturbs nothing,
 * a restart is one restart however much changes, and a replacement is made first where both can exist at once.
 */

jest.setTimeout(120_000);

type Inputs = Record<string, unknown>;

interface Subject {
  readonly kind: unknown;
  /** Run on the host before. */
  readonly prepare?: string;
  readonly earlier?: (network: Network) => [kind: unknown, declared: object][];
  readonly inputs: (network: Network) => Inputs;
  /** Run once it is made: by what it leaves, one that was made anew is known. */
  readonly mark?: string;
  /** What shows the mark. */
  readonly marked?: string;
  /** By property: the changed property, and what must go along with it. */
  /** Not tried beside each other: two engines at once lock everybody out (lesson 3 of the recorded host). */
  readonly locksOut?: true;
  readonly trials: (network: Network, made: Made) => Record<string, Inputs[]>;
}

const elsewhere = ({ reference }: Network) => ({ host: { ...reference, become: "none" } });
const renamed = { owner: "demo/test/renamed" };
const SHA256 = "8d491a68835aa51209295b83e1e7db2d4a7792f8b6d212d051fe412688dadd76";
const archive = { path: "/var/distfiles/base.txz", sha256: SHA256 };
const owned = (network: Network, inputs: Inputs) => ({
  host: network.reference,
  owner: "demo/test/it",
  ...inputs,
});

const root = (inputs: Inputs, changed: Record<string, Inputs[]>, marked: string): Subject => ({
  kind: jailRoot,
  prepare: `touch /usr/src/Makefile.inc1; zfs snapshot zroot/jails/template@other
mkdir /jails/filled; cp -R /jails/template/etc /jails/filled/etc`,
  inputs: (network) => owned(network, { owner: "demo/test/www", ...inputs }),
  mark: `touch ${marked}`,
  marked: `ls ${marked}`,
  trials: (network) => ({ host: [elsewhere(network)], owner: [renamed], ...changed }),
});

const gateway = (engine: string, changed: Record<string, Inputs[]> = {}): Subject => ({
  kind: natGateway,
  locksOut: true,
  prepare: "ifconfig tap0 create up",
  inputs: (network) => owned(network, { engine }),
  trials: (network) => ({
    host: [elsewhere(network)],
    engine: ["natd", "ipfw", "pf"].filter((other) => other !== engine).map((other) => ({ engine: other })),
    externalInterface: [{ externalInterface: "tap0" }],
    ruleNumber: [{ ruleNumber: 500 }],
    owner: [renamed],
    ...changed,
  }),
});

const redirect = (engine: string, from: string): Subject => ({
  kind: natRedirect,
  earlier: (network) => [[natGateway, { ...network.declare.natGateway(), engine }]],
  inputs: ({ reference }) => ({
    gateway: { host: reference, externalInterface: "vtnet0", engine, ipv6: false },
    protocol: "tcp",
    publicPort: 80,
    target: "10.10.15.100",
    owner: "demo/test/web",
  }),
  trials: (network) => ({
    gateway: [{ gateway: { ...elsewhere(network), externalInterface: "vtnet0", engine, ipv6: false } }],
    protocol: [{ protocol: "both" }],
    publicPort: [{ publicPort: "8000-8010" }],
    publicAddress: [{ publicAddress: "10.0.2.15" }],
    target: [
      { target: "10.10.15.101" },
      { target: { name: "testA", addresses: ["10.10.15.100/24"] } },
      { target: { name: "testB", addresses: ["10.10.15.101/24"] } },
    ],
    targetPort: [{ targetPort: 8080 }],
    from: [{ from }],
    owner: [renamed],
  }),
});

const hooks = ["prepare", "created", "start", "prestop", "stop", "poststop", "release"];

const subjects: [name: string, subject: Subject][] = [
  [
    "rc.conf variable",
    {
      kind: rcSetting,
      inputs: (network) => owned(network, { name: "ntpd_enable", value: "YES" }),
      trials: (network) => ({
        host: [elsewhere(network)],
        name: [{ name: "sshd_flags" }],
        value: [{ value: "NO" }],
        words: [{ value: undefined, words: ["YES"] }],
        owner: [renamed],
      }),
    },
  ],
  [
    "kernel module",
    {
      kind: kernelModule,
      inputs: (network) => owned(network, { name: "if_vxlan" }),
      trials: (network) => ({
        host: [elsewhere(network)],
        name: [{ name: "if_gif" }],
        owner: [renamed],
      }),
    },
  ],
  [
    "sysctl",
    {
      kind: sysctl,
      inputs: (network) => owned(network, { name: "net.inet.ip.random_id", value: 1 }),
      trials: (network) => ({
        host: [elsewhere(network)],
        name: [{ name: "net.inet.ip.redirect", value: 0 }],
        value: [{ value: 0 }],
        owner: [renamed],
      }),
    },
  ],
  [
    "bridge",
    {
      kind: bridge,
      prepare: "ifconfig tap0 create",
      inputs: (network) => network.declare.bridge(),
      mark: "ifconfig bridge0 inet 198.18.0.9/32 alias",
      marked: "ifconfig bridge0 | grep 198.18.0.9",
      trials: (network) => ({
        host: [elsewhere(network)],
        name: [{ name: "bridge7" }],
        addresses: [{ addresses: ["10.10.16.1/24", "fd00:16::1/64"] }, { addresses: [] }],
        members: [{ members: ["tap0"] }],
        mtu: [{ mtu: 9000 }],
        stp: [{ stp: { priority: 4096 } }, { members: ["tap0"], stp: { members: ["tap0"] } }],
        description: [{ description: "office LAN" }],
        owner: [renamed],
      }),
    },
  ],
  [
    "epair",
    {
      kind: epairLink,
      prepare: "ifconfig bridge7 create up",
      earlier: (network) => [[bridge, network.declare.bridge()]],
      inputs: (network) => network.declare.epairLink(),
      mark: "ifconfig epair1a inet 198.18.0.9/32 alias",
      marked: "ifconfig epair1a | grep 198.18.0.9",
      trials: (network) => ({
        host: [elsewhere(network)],
        bridge: [{ bridge: { name: "bridge7", addresses: [] } }],
        unit: [{ unit: 5 }],
        hostEther: [{ hostEther: "02:00:5e:10:00:0a" }],
        jailEther: [{ jailEther: "02:00:5e:10:00:0b" }],
        stp: [{ stp: true }],
        owner: [renamed],
      }),
    },
  ],
  [
    "ipfw rules",
    {
      kind: ipfwRules,
      earlier: (network) => [[natGateway, network.declare.natGateway()]],
      inputs: (network) =>
        owned(network, {
          gateway: { host: network.reference, externalInterface: "vtnet0", engine: "natd", ipv6: false },
          rules: ["add 100 allow ip from any to any via lo0"],
        }),
      trials: (network) => ({
        host: [elsewhere(network)],
        gateway: [{ gateway: undefined }],
        rules: [{ rules: ["add 200 count ip from any to any"] }],
        set: [{ set: 2 }],
        owner: [renamed],
      }),
    },
  ],
  [
    "vlan",
    {
      kind: vlan,
      prepare: "ifconfig tap0 create up",
      inputs: (network) => owned(network, { parent: "vtnet0", tag: 30, addresses: ["10.30.0.1/24"] }),
      mark: "ifconfig vtnet0.30 inet 198.18.0.9/32 alias",
      marked: "ifconfig vtnet0.30 | grep 198.18.0.9",
      trials: (network) => ({
        host: [elsewhere(network)],
        parent: [{ parent: "tap0" }],
        tag: [{ tag: 31 }],
        name: [{ name: "vlan30" }],
        addresses: [{ addresses: ["10.31.0.1/24"] }],
        mtu: [{ mtu: 1400 }],
        owner: [renamed],
      }),
    },
  ],
  [
    "loopback",
    {
      kind: loopback,
      inputs: (network) => owned(network, { name: "lo1", addresses: ["10.99.0.1/32"] }),
      mark: "ifconfig lo1 inet 198.18.0.9/32 alias",
      marked: "ifconfig lo1 | grep 198.18.0.9",
      trials: (network) => ({
        host: [elsewhere(network)],
        name: [{ name: "lo2" }],
        addresses: [{ addresses: ["fd00:99::1/128"] }],
        owner: [renamed],
      }),
    },
  ],
  [
    "root, a clone",
    root(
      { snapshot: "zroot/jails/template@base" },
      {
        snapshot: [{ snapshot: "zroot/jails/template@other" }],
        dataset: [{ dataset: "zroot/jails/other" }],
        path: [{ path: "/jails/there" }],
        archive: [{ snapshot: undefined, archive, dataset: "zroot/jails/other" }],
        source: [{ snapshot: undefined, source: "/usr/src", dataset: "zroot/jails/www" }],
        template: [{ snapshot: undefined, dataset: undefined, template: "/jails/template" }],
      },
      "/jails/www/mark",
    ),
  ],
  [
    "root, an archive in a dataset elsewhere",
    root(
      { archive, dataset: "zroot/www", path: "/jails/there" },
      {
        dataset: [{ dataset: "zroot/other" }, { dataset: "zroot/other", path: "/jails/other" }],
        path: [{ path: "/jails/other" }],
      },
      "/jails/there/mark",
    ),
  ],
  [
    "root, an archive in a directory",
    root({ archive, path: "/jails/www" }, { path: [{ path: "/jails/other" }] }, "/jails/www/mark"),
  ],
  [
    "root, thin",
    root(
      { template: "/jails/template" },
      {
        template: [{ template: "/jails/filled", writable: ["/etc"] }],
        writable: [{ writable: ["/etc", "/root"] }],
        path: [{ path: "/jails/other" }],
      },
      "/jails/www/etc/mark",
    ),
  ],
  [
    "devfs ruleset",
    {
      kind: devfsRuleset,
      inputs: (network) => owned(network, { rules: [{ path: "bpf*", action: "unhide" }] }),
      trials: (network) => ({
        host: [elsewhere(network)],
        number: [{ number: 700 }],
        name: [{ name: "packets" }],
        include: [{ include: ["devfsrules_jail"] }],
        rules: [{ rules: [{ path: "pf", action: "hide" }] }],
        owner: [renamed],
      }),
    },
  ],
  ["gateway, natd", gateway("natd")],
  ["gateway, ipfw", gateway("ipfw")],
  ["gateway, pf", gateway("pf", { ipv6: [{ ipv6: { network: "fd00:15::/64", address: "2001:db8::10" } }] })],
  ["redirect, natd", redirect("natd", "198.51.100.10/32")],
  ["redirect, ipfw", redirect("ipfw", "198.51.100.10/32")],
  ["redirect, pf", redirect("pf", "198.51.100.0/24")],
  [
    "jail",
    {
      kind: vnetJail,
      prepare: `kldload nullfs tmpfs fdescfs; mkdir -p /usr/ports /jails/other
for r in 1 2 3; do devfs rule -s 130 add include $r; done; devfs rule -s 130 add path 'bpf*' unhide`,
      earlier: (network) => [
        [bridge, network.declare.bridge()],
        [epairLink, network.declare.epairLink()],
        [epairLink, network.declare.epairLink(2)],
        [jailRoot, network.declare.jailRoot()],
      ],
      inputs: (network) => ({
        ...network.declare.vnetJail(),
        prestart: ["echo >> /tmp/prestarts"],
        poststart: ["echo >> /tmp/poststarts"],
      }),
      mark: "ifconfig -j testA epair1b inet 198.18.0.9/32 alias",
      marked: "ifconfig -j testA epair1b | grep 198.18.0.9",
      trials: (network, made) => {
        const [first] = network.declare.vnetJail().interfaces;
        const [second] = network.declare.vnetJail("testB", 2).interfaces;
        const mount = { source: "/usr/ports", target: "/ports" };
        const bpf = { devfsRuleset: 130 };
        return {
          host: [elsewhere(network)],
          name: [{ name: "testZ" }],
          path: [{ path: "/jails/template" }],
          fixedJid: [{ fixedJid: 77 }, { fixedJid: made.state.jid }],
          hostname: [{ hostname: "www.example.net" }],
          interfaces: [
            { interfaces: [{ ...first, addresses: ["10.10.15.100/24", "10.10.15.110/24", "fd00::9/64"] }] },
            { interfaces: [first, second] },
            { interfaces: [first, { ...second, addresses: [], dhcp: true }], ...bpf },
            { interfaces: [{ ...first, slaac: true }] },
          ],
          gateway: [{ gateway: "10.10.15.2" }, { gateway: undefined }],
          gateway6: [
            {
              interfaces: [{ ...first, addresses: ["10.10.15.100/24", "fd00::9/64"] }],
              gateway6: "fd00::1",
            },
          ],
          nameservers: [{ nameservers: ["10.10.15.1"] }],
          search: [{ search: ["example.net"] }],
          mounts: [
            { mounts: [mount] },
            { mounts: [mount, { target: "/scratch", type: "tmpfs", options: ["rw", "size=16m"] }] },
          ],
          mountDevfs: [{ mountDevfs: false }],
          mountFdescfs: [{ mountFdescfs: true }],
          mountProcfs: [{ mountProcfs: true }],
          devfsRuleset: [bpf, { devfsRuleset: { number: 4 } }, { devfsRuleset: { number: 5 } }],
          ...Object.fromEntries(hooks.map((hook) => [hook, [{ [hook]: ["true"] }]])),
          prestart: [{ prestart: ["echo >> /tmp/prestarts", "true"] }],
          poststart: [{ poststart: ["echo >> /tmp/poststarts", "true"] }],
          stopTimeout: [{ stopTimeout: 3 }],
          allow: ["raw_sockets", "mlock", "set_hostname", "suser", "reserved_ports"].map((name) => ({
            allow: { [name]: name in jailAllowShape && /raw|mlock/.test(name) },
          })),
          securelevel: [{ securelevel: 2 }],
          enforceStatfs: [{ enforceStatfs: 1 }],
          childrenMax: [{ childrenMax: 3 }],
          sysvshm: [{ sysvshm: "new" }, { sysvshm: "inherit" }],
          sysvsem: [{ sysvsem: "new" }],
          sysvmsg: [{ sysvmsg: "new" }],
          limits: [{ limits: [{ resource: "maxproc", amount: 100 }] }],
          cpuset: [{ cpuset: "0" }],
          startAtBoot: [{ startAtBoot: false }],
          depend: [{ depend: ["other"] }],
          parameters: [
            { parameters: { "exec.timeout": 60 } },
            { parameters: { "host.domainname": "example.net", "host.hostid": 7 } },
          ],
          owner: [renamed],
        };
      },
    },
  ],
];

let network: Network;

beforeEach(async () => {
  network = await Network.start();
  await network.host.exec("touch /tmp/prestarts /tmp/poststarts");
});

afterEach(() => network.stop());

/** How often the jail was started; a change of one hook leaves the other. */
const starts = async () => {
  const counts = await network.shows("wc -l < /tmp/prestarts; wc -l < /tmp/poststarts");
  return Math.max(...counts.trim().split("\n").map(Number));
};

/** What `up` would do: the inputs, the dearest of the changes, what the engine and the user are told. */
function plan(kind: Kind, made: Made, declared: Inputs) {
  const { inputs, failures } = check(kind, declared);
  expect(failures).toEqual([]);
  const found = changes(kind, { ...made.state }, inputs);
  const order = ["replace", "restart", "live", "none"] as const;
  return {
    inputs,
    properties: found.map(({ property }) => property),
    cost: order.find((cost) => found.some((change) => change.cost === cost)),
    told: interruption(kind, { ...made.state }, inputs),
    engine: diff(kind, { ...made.state }, inputs),
  };
}

/** On a host of its own: whether the new one can be made before the old one goes. */
async function standsBeside({ kind, prepare, earlier, inputs }: Subject, changed: Inputs): Promise<boolean> {
  const other = await Network.start();
  try {
    await other.host.exec(prepare ?? "true");
    for (const [each, declared] of earlier?.(other) ?? []) await other.create(each, declared);
    const old = await other.create(kind, inputs(other));
    const made = await other.create(kind, { ...inputs(other), ...changed });
    await other.delete(kind, old);
    return (await other.read(kind, made)) && made.state.drift.length === 0;
  } catch (cause) {
    expect(String(cause)).toMatch(/ResourceError|PartlyCreated/);
    return false;
  } finally {
    await other.stop();
  }
}

test.each(subjects)("%s", async (_, subject) => {
  const kind = subject.kind as Kind;
  await network.host.exec(subject.prepare ?? "true");
  for (const [each, declared] of subject.earlier?.(network) ?? []) await network.create(each, declared);
  await network.host.exec("jail -c name=bystander path=/jails/template vnet persist");
  const bystander = () => network.shows("jls -j bystander jid");
  const bystanders = await bystander();

  const make = async () => {
    const made = await network.create(kind, subject.inputs(network));
    if (subject.mark) expect(await network.shows(subject.mark)).toBe("");
    return made;
  };
  let made = await make();
  const declared = () => subject.inputs(network);
  const seen = subject.marked && (await network.shows(subject.marked));
  const all: Inputs[] = [];

  const run = async (changed: Inputs, what: string, property = "start") => {
    const { inputs, cost, told, engine, properties } = plan(kind, made, { ...declared(), ...changed });
    const [before, text] = [await starts(), JSON.stringify(changed)];
    const context = `${what} ${text}`;
    expect([context, engine.replaces.length > 0]).toEqual([context, cost === "replace"]);
    if (cost === "replace") {
      expect([context, told]).toEqual([
        context,
        expect.stringContaining(
          engine.deleteBeforeReplace ? "removed and then made anew" : "made anew, and the old",
        ),
      ]);
      // Another mark makes another thing of it, for which removing the old one first is only never wrong.
      if (property !== "owner") {
        const stands = !subject.locksOut && (await standsBeside(subject, changed));
        expect([context, engine.deleteBeforeReplace]).toEqual([context, !stands]);
      }
      await network.delete(kind, made);
      const other = await network.create(kind, inputs);
      await network.delete(kind, other);
      made = await make();
      return cost;
    }
    const target = { ...made, inputs: declared() };
    await network.update(kind, target, changed);
    made.state = target.state;
    expect([context, made.state.drift]).toEqual([context, []]);
    const restarted = cost === "restart";
    expect([context, (await starts()) - before]).toEqual([context, restarted ? 1 : 0]);
    expect([context, told]).toEqual([
      context,
      restarted ? expect.stringMatching(/^jail testA \(VnetJail [a-z]+A?\) will restart: /) : undefined,
    ]);
    if (restarted && subject.mark) await network.host.exec(subject.mark);
    if (subject.marked) expect([context, await network.shows(subject.marked)]).toEqual([context, seen]);
    expect([context, await bystander()]).toEqual([context, bystanders]);
    if (what === "to") expect(properties).toEqual(expect.arrayContaining([property]));
    return cost;
  };

  for (const [property, trials] of Object.entries(subject.trials(network, made))) {
    expect([property, trials.length > 0]).toEqual([property, true]);
    for (const trial of subject.trials(network, made)[property] as Inputs[]) {
      expect(Object.keys(trial)).toContain(property);
      const cost = await run(trial, "to", property);
      if (cost !== "replace") await run({}, "back from");
      if (cost === "restart") all.push(trial);
    }
  }

  if (all.length > 1) {
    expect(await run(Object.assign({}, ...all), "all at once")).toBe("restart");
  }
});

/** Properties that have a say only while the thing is made are no change. */
const changeable = ({ inputs }: Kind) =>
  Object.keys(inputs).filter((name) => !inputs[name]?.meta()?.creation);

test("every property of every kind is tried", () => {
  const folder = join(__dirname, "../../provider/kinds");
  const kinds = readdirSync(folder).map(
    (file) =>
      Object.values(require(join(folder, basename(file, ".ts"))) as object).find(
        (value) => value && typeof value === "object" && "noun" in value,
      ) as Kind,
  );
  for (const kind of kinds.filter((each) => each !== (host as unknown))) {
    const tried = subjects
      .filter(([, subject]) => subject.kind === kind)
      .flatMap(([, subject]) =>
        Object.keys(subject.trials(network, { id: "", inputs: {}, state: {} as Made["state"] })),
      );
    expect([kind.name, [...new Set(tried)].sort()]).toEqual([kind.name, changeable(kind).sort()]);
  }
});

test("a host is only looked at, whatever is changed of it", async () => {
  const made = await network.create(host, network.declare.host());
  const before = JSON.stringify(network.host.snapshot().kernel);
  const costs = Object.values(host.inputs).map((schema) => schema.meta()?.cost);
  expect(costs).toEqual(costs.map(() => "live"));
  const other = { hostKey: network.host.publicKey };
  expect(plan(host as unknown as Kind, made, { ...made.inputs, ...other })).toMatchObject({
    cost: "live",
    told: undefined,
  });
  await network.update(host, made, other);
  expect(JSON.stringify(network.host.snapshot().kernel)).toBe(before);
});
