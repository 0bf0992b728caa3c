import { check } from "../../provider/check";
import type { Kind } from "../../provider/kind";
import { bridge } from "../../provider/kinds/bridge";
import { epairLink } from "../../provider/kinds/epair-link";
import { natGateway } from "../../provider/kinds/nat-gateway";
import { natRedirect } from "../../provider/kinds/nat-redirect";
import { vnetJail } from "../../provider/kinds/vnet-jail";
import { lifecycle, type ResourceProvider } from "../../provider/lifecycle";
import { Reader } from "../../provider/reader";
import { jailsOf } from "../bench/programs/ours";
import { Network } from "./network";

/** How little is asked of the host for a network of 30 jails, and that it tells as much as asking for each does. */

jest.setTimeout(600_000);

const JAILS = jailsOf(30);
/** What the engine has under way at once on a machine with two processors. */
const AT_ONCE = 8;

interface One {
  readonly provider: ResourceProvider;
  readonly kind: unknown;
  readonly declared: object;
  id: string;
  state: object;
}

let network: Network;
let all: One[];

async function each(ones: readonly One[], work: (one: One) => Promise<void>): Promise<void> {
  const left = [...ones];
  const worker = async () => {
    for (let one = left.shift(); one; one = left.shift()) await work(one);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Connections, scripts, and the programs that were run on the host. */
async function counted(work: () => Promise<void>) {
  const before = network.sessions.stats;
  network.host.machine.log.length = 0;
  await work();
  const { connections, execs } = network.sessions.stats;
  return {
    connections: connections - before.connections,
    execs: execs - before.execs,
    programs: network.host.machine.log.map(({ argv }) => argv[0] ?? ""),
  };
}

const providerWith = (kind: unknown, reader: Reader) =>
  lifecycle(kind as Kind, { runner: network.sessions, reader, configure: async () => {}, who: "tests@here" });

const create = async (one: One) => {
  const { inputs, failures } = check(one.kind as Kind, one.declared as Record<string, unknown>);
  expect(failures).toEqual([]);
  const { id, outs } = await one.provider.create(inputs);
  Object.assign(one, { id, state: outs });
};

/** What a refresh makes of each, with reads that share what they ask. */
async function refreshed(): Promise<object[]> {
  const reader = new Reader(network.sessions);
  const read = new Map<One, object>();
  await each(all, async (one) => {
    read.set(one, await providerWith(one.kind, reader).read(one.id, one.state));
  });
  return all.map((one) => read.get(one) as object);
}

/** The same with a read after the other, each of which asks for itself. */
async function asked(): Promise<object[]> {
  const read: object[] = [];
  for (const { kind, id, state } of all)
    read.push(await providerWith(kind, new Reader(network.sessions)).read(id, state));
  return read;
}

beforeAll(async () => {
  network = await Network.start();
  for (const { n } of JAILS) await network.host.exec(`zfs clone zroot/jails/template@base zroot/jails/j${n}`);
  const host = network.reference;
  const reader = new Reader(network.sessions);
  const one = (kind: unknown, declared: object): One => ({
    provider: providerWith(kind, reader),
    kind,
    declared,
    id: "",
    state: {},
  });
  const lan = { name: "bridge0", addresses: ["10.10.0.1/16"] };
  const gateway = { host, externalInterface: "vtnet0", engine: "natd", ipv6: false };
  all = [
    one(bridge, { host, ...lan, owner: "demo/test/lan" }),
    one(natGateway, { host, owner: "demo/test/nat" }),
    ...JAILS.map(({ n }) => one(epairLink, { host, bridge: lan, unit: n, owner: `demo/test/link${n}` })),
    ...JAILS.map(({ n, address }) =>
      one(vnetJail, {
        host,
        name: `j${n}`,
        path: `/jails/j${n}`,
        interfaces: [
          { link: { jailSide: `epair${n}b`, subnets: lan.addresses }, addresses: [`${address}/16`] },
        ],
        gateway: "10.10.0.1",
        owner: `demo/test/jail${n}`,
      }),
    ),
    ...JAILS.map(({ n, address, port }) =>
      one(natRedirect, {
        gateway,
        protocol: "tcp",
        publicPort: port,
        target: { name: `j${n}`, addresses: [`${address}/16`] },
        targetPort: 80,
        owner: `demo/test/redirect${n}`,
      }),
    ),
  ];
});

afterAll(() => network.stop());

/** What can cut the connection is confirmed over a new one: the bridge's address, the gateway's rule. */
const confirmations = { create: 2, delete: 2 };

test("a create is one script, and all use one connection", async () => {
  const { connections, execs } = await counted(async () => {
    const ofKind = (...kinds: unknown[]) => all.filter(({ kind }) => kinds.includes(kind));
    await each(ofKind(bridge, natGateway), create);
    for (const kind of [epairLink, vnetJail, natRedirect]) await each(ofKind(kind), create);
  });
  expect({ connections, execs }).toEqual({
    connections: 1 + confirmations.create,
    execs: all.length + confirmations.create,
  });
});

test("a refresh is a few scripts, which run a few programs for each jail", async () => {
  const { connections, execs, programs } = await counted(async () => {
    for (const { props } of (await refreshed()) as { props: { drift: string[] } }[])
      expect(props.drift).toEqual([]);
  });
  expect(connections).toBe(0);
  // What was asked for all is asked again when the run takes longer than that is held to be true.
  expect(execs).toBeLessThan(all.length / 3);
  const times = (name: string) => programs.filter((program) => program === name).length;
  expect(times("ifconfig")).toBeLessThan(3 * JAILS.length);
  expect(times("awk")).toBeLessThan(JAILS.length);
  expect(times("jls")).toBeLessThan(JAILS.length);
});

test("it finds what asking for each finds", async () => {
  expect(await refreshed()).toEqual(await asked());
});

test("it finds what was changed by hand as asking for each does", async () => {
  for (const command of [
    "jail -r j1",
    "jail -r j2; rm /etc/jail.conf.d/j2.conf",
    "jexec j3 sh -c 'nc -l 80 >/dev/null &'; jail -r j3",
    "ifconfig epair4a destroy",
    "ifconfig epair5a description somebody",
    "ifconfig -j j6 epair6b 10.10.99.6/16",
    "ifconfig -j j7 epair7b down",
    "route -j j8 delete default",
    "jail -m name=j9 host.hostname=other",
    "echo >> /etc/jail.conf.d/j10.conf",
    'printf %s "$(cat /etc/jail.conf.d/j11.conf)" > /etc/jail.conf.d/j11.conf',
    "umount /jails/j12/dev",
    "sed -i '' -e '/epair13/d' /etc/rc.conf",
    "echo 'if true; then ifconfig_epair14a=down; fi' >> /etc/rc.conf",
    "echo 'ifconfig_epair15a=down' >> /etc/rc.conf",
    "sed -i '' -e '/:80 10016/d' /etc/natd.conf",
    "sed -i '' -e '/Redirect17/d; /redirect17/d' /etc/natd.conf",
    "ifconfig bridge0 deletem epair18a",
    "jail -r j19; jail -c name=j19 path=/jails/j19 vnet persist",
    "jail -r j20; jail -c name=other path=/jails/j20 vnet vnet.interface=epair20b persist",
    "jail -r j21; jail -c name=other21 path=/jails/j21 vnet persist; ifconfig -j other21 epair21 create",
  ])
    await network.host.exec(command);
  const found = (await refreshed()) as { props: { drift?: string[] } }[];
  expect(found).toEqual(await asked());
  expect(found.filter(({ props }) => props.drift?.length !== 0).length).toBeGreaterThan(20);
});

test("what we changed is read anew", async () => {
  const reader = new Reader(network.sessions);
  const links = all.filter(({ kind }) => kind === epairLink).slice(21, 25);
  const read = () =>
    Promise.all(links.map(({ kind, id, state }) => providerWith(kind, reader).read(id, state)));
  const [first] = links as [One, ...One[]];
  expect((await read()).map(({ id }) => id)).toEqual(links.map(({ id }) => id));
  await providerWith(first.kind, reader).delete(first.id, first.state);
  expect((await read()).map(({ id }) => id)).toEqual(["", ...links.slice(1).map(({ id }) => id)]);
});

test("a delete is one script", async () => {
  const { execs } = await counted(async () => {
    for (const kind of [natRedirect, vnetJail, epairLink, natGateway, bridge])
      await each(
        all.filter((one) => one.kind === kind),
        ({ provider, id, state }) => provider.delete(id, state),
      );
  });
  expect(execs).toBe(all.length + confirmations.delete);
});
