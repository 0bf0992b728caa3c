import assert from "node:assert/strict";
import type { Kind } from "../../../provider/kind";
import { bridge } from "../../../provider/kinds/bridge";
import { epairLink } from "../../../provider/kinds/epair-link";
import { host } from "../../../provider/kinds/host";
import { ipfwRules } from "../../../provider/kinds/ipfw-rules";
import { jailRoot } from "../../../provider/kinds/jail-root";
import { natGateway } from "../../../provider/kinds/nat-gateway";
import { natRedirect } from "../../../provider/kinds/nat-redirect";
import { vnetJail } from "../../../provider/kinds/vnet-jail";
import { brokenAt } from "../broken";
import { type Bench, OURS } from "./bench";
import { everyKind } from "./place";
import type { Made } from "./resources";
import type { Need } from "./survey";

/** One thing that must hold on any host. What it made is removed, and the host compared, by the suite. */
export interface Case {
  readonly name: string;
  readonly about: string;
  readonly needs: readonly Need[];
  run(bench: Bench): Promise<void>;
}

type All = [kind: unknown, made: Made][];

/** What `kind` and those before it need of a host. */
function needsOf(kind: unknown): Need[] {
  const at = everyKind.indexOf(kind as Kind);
  const reaches = (needed: unknown) => at >= everyKind.indexOf(needed as Kind);
  return [
    ...(reaches(jailRoot) ? (["template"] as const) : []),
    ...(reaches(natGateway) ? (["firewall"] as const) : []),
  ];
}

const declaredOf = (bench: Bench, kind: unknown): object => {
  const found = bench.all().find(([each]) => each === kind);
  assert.ok(found, "the article has none of this kind");
  return found[1];
};

/** Everything up to and with `kind`. */
async function upTo(bench: Bench, kind: unknown): Promise<All> {
  const made = await bench.before(kind);
  made.push([kind, await bench.create(kind, declaredOf(bench, kind))]);
  return made;
}

const madeOf = (all: All, kind: unknown): Made => all.find(([each]) => each === kind)![1];

async function everything(bench: Bench): Promise<All> {
  return upTo(bench, natRedirect);
}

/** A jail's packets get there and back. */
async function reaches(bench: Bench, jail: string, address: string): Promise<void> {
  const { status, stdout, stderr } = await bench.exec(`jexec ${jail} ping -c 1 -t 5 ${address}`);
  assert.equal(status, 0, `${jail} does not reach ${address}: ${stdout}${stderr}`);
}

/** The life of one resource of each kind. */
const lives = everyKind.map(
  (kind): Case => ({
    name: `${kind.noun}: made, made again, read, removed`,
    about: `A ${kind.noun} is as declared, is made again without a change, and is removed without a trace, twice`,
    needs: needsOf(kind),
    async run(bench) {
      await bench.before(kind);
      const pristine = await bench.traces();
      const made = await bench.create(kind, declaredOf(bench, kind));
      assert.deepEqual(made.state.drift, []);
      const there = await bench.traces();
      await bench.update(kind, made);
      await bench.isAsBefore(there);
      assert.deepEqual(await bench.drifts([[kind, made]]), []);
      // Modules are unloaded with the `Host`, so only the suite's own comparison sees to them.
      for (let time = 0; time < 2; time++) {
        await bench.delete(kind, made);
        await bench.isAsBefore(pristine, "kernel modules");
      }
    },
  }),
);

/** Each step in turn fails on the host. */
const failures = everyKind.map(
  (kind): Case => ({
    name: `${kind.noun}: a step fails`,
    about: `Whichever step of making a ${kind.noun} fails, what was done before it is undone`,
    needs: needsOf(kind),
    async run(bench) {
      await bench.before(kind);
      const declared = declaredOf(bench, kind);
      // The first one brings the kernel modules.
      const made = await bench.create(kind, declared);
      await bench.delete(kind, made);
      const pristine = await bench.traces();
      const steps = kind.ensure(made.inputs as never, undefined).length;
      for (let failing = 0; failing < steps; failing++) {
        const broken = brokenAt(kind, failing);
        await assert.rejects(
          bench.create(broken, declared),
          /exit status 1\n {4}injected\nWhat was done before it has been undone\.$/,
        );
        await bench.isAsBefore(pristine);
      }
    },
  }),
);

const updates: Case[] = [
  {
    name: "bridge: addresses change",
    about:
      "Addresses of both families come and go while the bridge stays, and one added by hand is left alone",
    needs: [],
    async run(bench) {
      const { bridge: name, subnet } = bench.place;
      const all = await upTo(bench, bridge);
      const made = madeOf(all, bridge);
      const { ether } = made.state;
      await bench.disturb(`ifconfig ${name} inet ${subnet}.9/32 alias`);
      await bench.update(bridge, made, { addresses: [`${subnet}.2/24`, "fd70:6676::1/64"] });
      const shown = await bench.shows(`ifconfig -f inet:cidr,inet6:cidr ${name}`);
      assert.ok(shown.includes(`inet ${subnet}.2/24`), shown);
      assert.ok(shown.includes("inet6 fd70:6676::1/64"), shown);
      assert.ok(!shown.includes(`inet ${subnet}.1/24`), shown);
      assert.ok(shown.includes(`inet ${subnet}.9/32`), shown);
      assert.equal(made.state.ether, ether);
      assert.deepEqual(await bench.drifts(all), []);
    },
  },
  {
    name: "epair: to another bridge",
    about: "A link leaves its bridge for another one and keeps its interface",
    needs: [],
    async run(bench) {
      const all = await upTo(bench, epairLink);
      const [, link] = all.at(-1)!;
      const side = String(link.state.hostSide);
      const name = `bridge${bench.place.unit + 1}`;
      const declared = {
        ...bench.declare.bridge(),
        name,
        addresses: [],
        owner: `${bench.place.owner}/other`,
      };
      const other = await bench.create(bridge, declared);
      await bench.update(epairLink, link, { bridge: { name, addresses: [] } });
      assert.deepEqual(await bench.drifts([...all, [bridge, other]]), []);
      assert.ok((await bench.shows(`ifconfig ${name}`)).includes(`member: ${side} `));
      assert.ok(!(await bench.shows(`ifconfig ${bench.place.bridge}`)).includes(`member: ${side} `));
      await bench.delete(epairLink, link);
    },
  },
  {
    name: "jail: live changes and restarts",
    about:
      "Hostname, addresses and gateway change in the running jail; what only a start can apply restarts it",
    needs: needsOf(vnetJail),
    async run(bench) {
      const { subnet, jail: prefix } = bench.place;
      const all = await upTo(bench, vnetJail);
      const jail = madeOf(all, vnetJail);
      const { jid } = jail.state;
      const [nic] = jail.inputs.interfaces as { link: { jailSide: string } }[];
      const moved = {
        hostname: "www.example.net",
        gateway: `${subnet}.2`,
        interfaces: [{ ...nic, addresses: [`${subnet}.200/24`, "fd70:6676::200/64"] }],
      };
      await bench.update(vnetJail, jail, moved);
      assert.equal(jail.state.jid, jid);
      assert.equal(await bench.shows(`jls -j ${prefix}A host.hostname`), "www.example.net\n");
      const shown = await bench.shows(
        `ifconfig -j ${prefix}A -f inet:cidr,inet6:cidr ${nic?.link.jailSide}; route -j ${prefix}A -n get default`,
      );
      assert.ok(shown.includes(`inet ${subnet}.200/24`), shown);
      assert.ok(shown.includes("inet6 fd70:6676::200/64"), shown);
      assert.ok(!shown.includes(`${subnet}.100`), shown);
      assert.ok(shown.includes(`gateway: ${subnet}.2`), shown);
      await bench.update(vnetJail, jail, { ...moved, devfsRuleset: 4, start: ["true"], stop: ["true"] });
      assert.notEqual(jail.state.jid, jid);
      assert.deepEqual(await bench.drifts(all), []);
    },
  },
  {
    name: "NAT: rule number and port change",
    about:
      "The divert rule gets another number and the redirect another port, and nothing of the old ones is left",
    needs: needsOf(natRedirect),
    async run(bench) {
      const { port } = bench.place;
      const all = await everything(bench);
      await bench.update(natGateway, madeOf(all, natGateway), { ruleNumber: 500 });
      await bench.update(natRedirect, madeOf(all, natRedirect), { publicPort: port + 7 });
      assert.deepEqual(await bench.drifts(all), []);
      assert.match(await bench.shows("ipfw list"), /^00500 divert .*\n65535 allow .*\n$/);
      const conf = await bench.shows("cat /etc/natd.conf");
      assert.ok(conf.includes(`:80 ${port + 7}`) && !conf.includes(`:80 ${port}\n`), conf);
    },
  },
  {
    name: "NAT: several redirects at once",
    about: "Redirects that are made at the same time are all in force, and all removed",
    needs: needsOf(natRedirect),
    async run(bench) {
      await bench.before(natRedirect);
      const ports = [0, 1, 2, 3].map((i) => bench.place.port + i);
      const made = await Promise.all(
        ports.map((port) => bench.create(natRedirect, bench.declare.natRedirect(port))),
      );
      assert.deepEqual(await bench.drifts(made.map((each) => [natRedirect, each])), []);
      await Promise.all(made.map((each) => bench.delete(natRedirect, each)));
      assert.ok(!(await bench.shows("cat /etc/natd.conf")).includes("redirect_port"));
    },
  },
];

interface Disturbance {
  /** What an administrator does; only to what the suite made. */
  readonly command: string;
  /** Takes out what `command` added. */
  readonly undo?: string;
  readonly words: readonly string[];
}

/** Disturbs, expects these words, mends, expects none; one after the other. */
async function disturbed(bench: Bench, all: All, disturbances: readonly Disturbance[]): Promise<void> {
  for (const { command, undo, words } of disturbances) {
    await bench.disturb(command, undo);
    const found = await bench.drifts(all);
    assert.deepEqual({ command, found }, { command, found: words });
    await bench.mend(all);
    const left = await bench.drifts(all);
    assert.deepEqual({ command, left }, { command, left: [] });
  }
}

const RC = "/etc/rc.conf";
/** Takes the suite's own lines out of rc.conf. */
const dropOurs = `sed -i '' -e '/${OURS}$/d' ${RC}`;

const drift: Case[] = [
  {
    name: "bridge: drift",
    about: "What is changed by hand of a bridge is found in words on both planes, and mended",
    needs: [],
    async run(bench) {
      const { bridge: name, subnet, owner } = bench.place;
      await disturbed(bench, await upTo(bench, bridge), [
        {
          command: `ifconfig ${name} inet ${subnet}.1 -alias`,
          words: [`running: ${name} lacks ${subnet}.1/24`],
        },
        { command: `ifconfig ${name} down`, words: [`running: ${name} is down`] },
        {
          command: `ifconfig ${name} -description`,
          words: [`running: the description of ${name} is not "${owner}/lan"`],
        },
        {
          command: `sed -i '' -e 's/^ifconfig_${name}=.*/ifconfig_${name}="up"/' ${RC}`,
          words: [`at boot: its lines in ${RC} were changed`],
        },
        {
          command: `echo 'ifconfig_${name}="up" ${OURS}' >> ${RC}`,
          undo: dropOurs,
          words: [`at boot: another line of ${RC} sets ifconfig_${name}="up"`],
        },
        { command: `ifconfig ${name} destroy`, words: [`running: ${name} does not exist`] },
      ]);
    },
  },
  {
    name: "epair: drift",
    about: "What is changed by hand of a link is found in words, and mended",
    needs: [],
    async run(bench) {
      const { bridge: name, unit } = bench.place;
      const side = `epair${unit}a`;
      await disturbed(bench, await upTo(bench, epairLink), [
        {
          command: `ifconfig ${name} deletem ${side}`,
          words: [`running: ${side} is not a member of ${name}`],
        },
        { command: `ifconfig ${side} down`, words: [`running: ${side} is down`] },
        { command: `ifconfig ${side} destroy`, words: [`running: ${side} does not exist`] },
        {
          command: `sed -i '' -e 's/^autobridge_${name}=.*/: &/' ${RC}`,
          words: [`at boot: its lines in ${RC} were changed`],
        },
      ]);
    },
  },
  {
    name: "jail: drift",
    about: "What is changed by hand of a jail is found in words on both planes, and mended",
    needs: needsOf(vnetJail),
    async run(bench) {
      const { subnet, unit, jail: prefix } = bench.place;
      const name = `${prefix}A`;
      const file = `/etc/jail.conf.d/${name}.conf`;
      const noRoute = `running: the default route of the jail ${name} is gone`;
      await disturbed(bench, await upTo(bench, vnetJail), [
        { command: `jail -r ${name}`, words: [`running: the jail ${name} is stopped`] },
        {
          command: `jail -m name=${name} host.hostname=other`,
          words: [`running: host.hostname of the jail ${name} is other`],
        },
        {
          command: `ifconfig -j ${name} epair${unit}b inet ${subnet}.100 -alias`,
          words: [`running: epair${unit}b in the jail ${name} lacks ${subnet}.100/24`, noRoute],
        },
        {
          command: `ifconfig epair${unit}a destroy`,
          words: [
            `running: epair${unit}a does not exist`,
            `running: the jail ${name} has lost epair${unit}b`,
            noRoute,
          ],
        },
        { command: `rm ${file}`, words: [`at boot: ${file} is gone`] },
        { command: `echo '# x' >> ${file}`, words: [`at boot: ${file} was changed`] },
      ]);
      await reaches(bench, name, `${subnet}.1`);
    },
  },
  {
    // Not tried: natd stopped while its rule stands, which cuts every connection to the host.
    name: "NAT: drift",
    about: "What is changed by hand of the firewall is found in words on both planes, and mended",
    needs: needsOf(natRedirect),
    async run(bench) {
      const all = await everything(bench);
      const { made } = madeOf(all, natGateway).state;
      await disturbed(bench, all, [
        { command: "ipfw -q delete 65532", words: ["running: ipfw has no divert rule 65532"] },
        ...(made?.includes("forwarding")
          ? [
              {
                command: "sysctl net.inet.ip.forwarding=0",
                words: ["running: net.inet.ip.forwarding is 0"],
              },
            ]
          : []),
        { command: "rm /etc/ipfw.conf", words: ["at boot: /etc/ipfw.conf is gone"] },
        { command: "echo 'echo hello' >> /etc/ipfw.conf", words: ["at boot: /etc/ipfw.conf was changed"] },
      ]);
    },
  },
  {
    name: "gone on both planes",
    about: "A bridge of which nothing is left is read as gone; one that is only not running is not",
    needs: [],
    async run(bench) {
      const { bridge: name, owner } = bench.place;
      const lan = `${owner}/lan`.replaceAll("/", ".");
      const made = madeOf(await upTo(bench, bridge), bridge);
      await bench.disturb(`ifconfig ${name} destroy`);
      assert.equal(await bench.read(bridge, made), true);
      await bench.disturb(`sed -i '' -e '/^# BEGIN .* ${lan}$/,/^# END .* ${lan}$/d' ${RC}`);
      assert.equal(await bench.read(bridge, made), false);
    },
  },
];

/** A thing that is there already and is not ours is refused and left as it is. */
function foreign(
  what: string,
  kind: unknown,
  make: (bench: Bench) => { command: string; undo: string; error: string },
): Case {
  return {
    name: `foreign: ${what}`,
    about: `${what} that is there already and is not ours is refused and left as it is`,
    needs: needsOf(kind),
    async run(bench) {
      await bench.before(kind);
      const { command, undo, error } = make(bench);
      await bench.disturb(command, undo);
      const there = await bench.traces();
      await assert.rejects(bench.create(kind, declaredOf(bench, kind)), (cause: Error) => {
        assert.ok(cause.message.includes(error), cause.message);
        return true;
      });
      await bench.isAsBefore(there);
    },
  };
}

const refusals: Case[] = [
  foreign("an interface", bridge, ({ place: { bridge: name } }) => ({
    command: `ifconfig ${name} create description '${OURS}'`,
    undo: `ifconfig ${name} destroy`,
    error: `interface ${name} is there already and is not this resource's`,
  })),
  foreign("an epair", epairLink, ({ place: { unit } }) => ({
    command: `ifconfig epair${unit} create description '${OURS}'`,
    undo: `ifconfig epair${unit}a destroy`,
    error: `interface epair${unit}a is there already and is not this resource's`,
  })),
  {
    ...foreign("a dataset", jailRoot, ({ place: { template, jail } }) => {
      const snapshot = "snapshot" in template ? template.snapshot : "";
      const dataset = `${snapshot.slice(0, snapshot.lastIndexOf("/"))}/${jail}A`;
      return {
        command: `zfs create ${dataset}`,
        undo: `zfs destroy ${dataset}`,
        error: `dataset ${dataset} is there already`,
      };
    }),
    needs: ["template"],
  },
  foreign("a jail's file", vnetJail, ({ place: { jail } }) => ({
    command: `echo '${OURS}' > /etc/jail.conf.d/${jail}A.conf`,
    undo: `rm /etc/jail.conf.d/${jail}A.conf`,
    error: `/etc/jail.conf.d/${jail}A.conf is there already`,
  })),
  foreign("a running jail", vnetJail, ({ place: { jail } }) => ({
    command: `jail -c name=${jail}A path=/ persist`,
    undo: `jail -r ${jail}A`,
    error: `a jail ${jail}A runs already`,
  })),
  foreign("natd.conf", natGateway, () => ({
    command: `echo '${OURS}' > /etc/natd.conf`,
    undo: `rm /etc/natd.conf`,
    error: "/etc/natd.conf is there already",
  })),
  {
    name: "foreign: a port",
    about: "A port that is redirected already is refused, with where to",
    needs: needsOf(natRedirect),
    async run(bench) {
      const { port, subnet, owner } = bench.place;
      await everything(bench);
      const second = { ...bench.declare.natRedirect(port), owner: `${owner}/other` };
      await assert.rejects(bench.create(natRedirect, second), (cause: Error) => {
        const error = `tcp port ${port} is redirected already, to ${subnet}.100:80; see /etc/natd.conf`;
        assert.ok(cause.message.includes(error), cause.message);
        return true;
      });
    },
  },
];

/** The quickstart: three jails behind one bridge. */
async function quickstart(bench: Bench): Promise<All> {
  const { declare, place } = bench;
  const all: All = [
    [host, await bench.create(host, declare.host())],
    [bridge, await bench.create(bridge, declare.bridge())],
  ];
  for (const [i, letter] of ["A", "B", "C"].entries()) {
    const name = `${place.jail}${letter}`;
    all.push([epairLink, await bench.create(epairLink, declare.epairLink(i + 1))]);
    all.push([jailRoot, await bench.create(jailRoot, declare.jailRoot(name))]);
    all.push([vnetJail, await bench.create(vnetJail, declare.vnetJail(name, i + 1))]);
  }
  return all;
}

const networks: Case[] = [
  {
    name: "quickstart",
    about:
      "Three jails reach their gateway and each other; made again nothing changes; nothing is left of it",
    needs: needsOf(vnetJail),
    async run(bench) {
      const { jail, subnet } = bench.place;
      const pristine = await bench.traces();
      const all = await quickstart(bench);
      const there = await bench.traces();
      assert.deepEqual(await bench.drifts(all), []);
      for (const [kind, each] of all) await bench.update(kind, each);
      await bench.isAsBefore(there);
      for (const address of [`${subnet}.1`, `${subnet}.101`, `${subnet}.102`])
        await reaches(bench, `${jail}A`, address);
      for (const [kind, each] of all.reverse()) await bench.delete(kind, each);
      await bench.isAsBefore(pristine);
    },
  },
  {
    // As far as today's resources express it: no fstab, no jid, and epairs outlive jails.
    name: "the article's testjail",
    about: "One jail with its devfs ruleset, start and stop commands, behind natd with a redirect",
    needs: needsOf(natRedirect),
    async run(bench) {
      const { declare, place } = bench;
      const name = `${place.jail}A`;
      const all = await bench.before(vnetJail);
      const jail = {
        ...declare.vnetJail(),
        hostname: "testjail.jail.local",
        devfsRuleset: 5,
        start: ["/bin/sh /etc/rc"],
        stop: ["/bin/sh /etc/rc.shutdown"],
      };
      all.push([vnetJail, await bench.create(vnetJail, jail)]);
      all.push([natGateway, await bench.create(natGateway, declare.natGateway())]);
      all.push([natRedirect, await bench.create(natRedirect, declare.natRedirect())]);
      assert.deepEqual(await bench.drifts(all), []);
      assert.equal(
        await bench.shows(`jls -j ${name} host.hostname devfs_ruleset`),
        "testjail.jail.local 5\n",
      );
      const inside = await bench.shows(`ifconfig -j ${name} -f inet:cidr epair${place.unit}b`);
      assert.ok(inside.includes(`inet ${place.subnet}.100/24`), inside);
      assert.match(
        await bench.shows(`route -j ${name} -n get default`),
        new RegExp(`gateway: ${place.subnet}.1\n`),
      );
      await reaches(bench, name, `${place.subnet}.1`);
      const redirect = `redirect_port tcp ${place.subnet}.100:80 ${place.port}`;
      assert.ok((await bench.shows("cat /etc/natd.conf")).includes(redirect));
      const rule = new RegExp(
        `^65532 divert (8668|natd) ip4 from any to any via ${place.externalInterface}$`,
        "m",
      );
      assert.match(await bench.shows("ipfw list"), rule);
      assert.equal(await bench.shows("sysctl -n net.inet.ip.forwarding"), "1\n");
    },
  },
  {
    name: "reboot: the quickstart",
    about: "After a reboot everything is there again, and is removed without a trace",
    needs: ["reboot", ...needsOf(vnetJail)],
    async run(bench) {
      const { jail, subnet } = bench.place;
      await bench.reboot();
      const pristine = await bench.traces();
      const all = await quickstart(bench);
      await bench.reboot();
      assert.deepEqual(await bench.drifts(all), []);
      await reaches(bench, `${jail}A`, `${subnet}.102`);
      for (const [kind, each] of all.reverse()) await bench.delete(kind, each);
      await bench.isAsBefore(pristine);
    },
  },
  {
    name: "reboot: NAT",
    about: "After a reboot the firewall lets the host be reached, translates, and is removed without a trace",
    needs: ["reboot", ...needsOf(ipfwRules)],
    async run(bench) {
      await bench.reboot();
      const pristine = await bench.traces();
      const all = await upTo(bench, ipfwRules);
      await bench.reboot();
      assert.deepEqual(await bench.drifts(all), []);
      for (const [kind, each] of all.reverse()) await bench.delete(kind, each);
      await bench.isAsBefore(pristine);
    },
  },
];

export const cases: readonly Case[] = [
  ...networks.slice(0, 2),
  ...lives,
  ...updates,
  ...drift,
  ...failures,
  ...refusals,
  ...networks.slice(2),
];
