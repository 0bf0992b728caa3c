import type { Kind } from "../../provider/kind";
import { bridge } from "../../provider/kinds/bridge";
import { epairLink } from "../../provider/kinds/epair-link";
import { host } from "../../provider/kinds/host";
import { jailRoot } from "../../provider/kinds/jail-root";
import { natGateway } from "../../provider/kinds/nat-gateway";
import { natRedirect } from "../../provider/kinds/nat-redirect";
import { vnetJail } from "../../provider/kinds/vnet-jail";
import { outside, type Probe, reach } from "../../simulator/kernel/reach";
import { type Made, Network } from "./network";

/*
 * What the provider builds is there to carry packets. The quickstart's network, and with one thing of it missing at a
 * time: which packets do not arrive any more and why, what `read` says of it, and that `update` lets them arrive.
 */

let network: Network;
const made: [Kind, Made][] = [];

beforeAll(async () => {
  network = await Network.start();
  const { declare } = network;
  const quickstart: [unknown, object][] = [
    [host, declare.host()],
    [bridge, declare.bridge()],
    [epairLink, declare.epairLink(1)],
    [epairLink, declare.epairLink(2)],
    [jailRoot, declare.jailRoot("testA")],
    [jailRoot, declare.jailRoot("testB")],
    [vnetJail, declare.vnetJail("testA", 1)],
    [vnetJail, declare.vnetJail("testB", 2)],
    [natGateway, declare.natGateway()],
    [natRedirect, declare.natRedirect(80)],
  ];
  for (const [kind, declared] of quickstart) made.push([kind as Kind, await network.create(kind, declared)]);
  startWebServer();
}, 30_000);

afterAll(() => network.stop());

/** In testA, on port 80. */
function startWebServer(): void {
  const { kernel } = network.host.machine;
  const { jid } = kernel.jails.get("testA");
  const listens = [{ proto: "tcp", port: 80 }] as const;
  kernel.processes.start({ command: "httpd", name: "httpd", jid, startedAt: kernel.clock.now(), listens });
}

const gateway = "from testA to its gateway";
const neighbour = "from testA to testB";
const out = "from testA to the outside";
const web = "from outside to testA's web server";

const probes: [name: string, from: string, to: Probe][] = [
  [gateway, "testA", { address: "10.10.15.1", proto: "icmp" }],
  [neighbour, "testA", { address: "10.10.15.101", proto: "icmp" }],
  [out, "testA", { address: outside.host, proto: "icmp" }],
  [web, "outside", { address: "10.0.2.15", proto: "tcp", port: 80 }],
];

/** What does not arrive, and why. */
function lost(): Record<string, string> {
  const { kernel } = network.host.machine;
  const found: Record<string, string> = {};
  for (const [name, from, to] of probes) {
    const start = from === "outside" ? from : kernel.network.vnetOf(kernel.jails.get(from));
    const { ok, why } = reach(kernel, start, to);
    if (!ok) found[name] = why;
  }
  return found;
}

async function drifts(): Promise<string[]> {
  const found: string[] = [];
  for (const [kind, each] of made) {
    if (await network.read(kind, each)) found.push(...each.state.drift);
    else found.push(`${kind.noun} is gone`);
  }
  return found;
}

async function mend(): Promise<void> {
  for (const [kind, each] of made) if (each.state.drift.length > 0) await network.update(kind, each);
}

test("the quickstart's jails reach their gateway, each other and the outside, and are reached", () => {
  expect(lost()).toEqual({});
});

test("all of it comes back at boot", async () => {
  await network.host.reboot();
  startWebServer();
  expect(lost()).toEqual({});
});

const noGateway = "nobody answers for 10.10.15.1 on testA/epair1b";
const noNeighbour = "nobody answers for 10.10.15.101 on testA/epair1b";
const noWeb = "nobody answers for 10.10.15.100 on bridge0";

const missing: [what: string, command: string, lost: Record<string, string>, drift: string[]][] = [
  [
    "the host's side is down",
    "ifconfig epair1a down",
    {
      [gateway]: `${noGateway}: epair1a is down`,
      [neighbour]: `${noNeighbour}: epair1a is down`,
      [out]: `${noGateway}: epair1a is down`,
      [web]: `${noWeb}: epair1a is down`,
    },
    ["running: epair1a is down"],
  ],
  [
    "the jail's side is down",
    "ifconfig -j testA epair1b down",
    {
      [gateway]: "testA/epair1b is down",
      [neighbour]: "testA/epair1b is down",
      [out]: "testA/epair1b is down",
      [web]: `${noWeb}: testA/epair1b is down`,
    },
    ["running: epair1b in the jail testA is down"],
  ],
  [
    "the bridge is down",
    "ifconfig bridge0 down",
    {
      [gateway]: `${noGateway}: bridge0 is down`,
      [neighbour]: `${noNeighbour}: bridge0 is down`,
      [out]: `${noGateway}: bridge0 is down`,
      [web]: "nobody answers for 10.10.15.100 outside",
    },
    ["running: bridge0 is down"],
  ],
  [
    "the link is no member of the bridge",
    "ifconfig bridge0 deletem epair1a",
    {
      [gateway]: `${noGateway}: epair1a is in no bridge`,
      [neighbour]: `${noNeighbour}: epair1a is in no bridge`,
      [out]: `${noGateway}: epair1a is in no bridge`,
      [web]: noWeb,
    },
    ["running: epair1a is not a member of bridge0"],
  ],
  [
    "the bridge has lost its address",
    "ifconfig bridge0 inet 10.10.15.1 -alias",
    { [gateway]: noGateway, [out]: noGateway, [web]: "nobody answers for 10.10.15.100 outside" },
    ["running: bridge0 lacks 10.10.15.1/24"],
  ],
  [
    "the jail has lost its address",
    "ifconfig -j testA epair1b inet 10.10.15.100 -alias",
    {
      [gateway]: "testA has no route to 10.10.15.1",
      [neighbour]: "testA has no route to 10.10.15.101",
      [out]: `testA has no route to ${outside.host}`,
      [web]: `${noWeb}: testA/epair1b has no address`,
    },
    [
      "running: epair1b in the jail testA lacks 10.10.15.100/24",
      "running: the default route of the jail testA is gone",
    ],
  ],
  [
    "the jail has another gateway",
    "route -j testA change default 10.10.15.9",
    {
      [out]: "nobody answers for 10.10.15.9 on testA/epair1b",
      [web]: "no way back: nobody answers for 10.10.15.9 on testA/epair1b",
    },
    ["running: the default route of the jail testA is 10.10.15.9"],
  ],
  [
    "the jail has no gateway",
    "route -j testA delete default",
    {
      [out]: `testA has no route to ${outside.host}`,
      [web]: `no way back: testA has no route to ${outside.host}`,
    },
    ["running: the default route of the jail testA is gone"],
  ],
  [
    "the host does not forward",
    "sysctl net.inet.ip.forwarding=0",
    {
      [out]: "the host does not forward (net.inet.ip.forwarding is 0)",
      [web]: "the host does not forward (net.inet.ip.forwarding is 0)",
    },
    ["running: net.inet.ip.forwarding is 0"],
  ],
  [
    "there is no divert rule",
    "ipfw -q delete 65532",
    {
      [out]: "the outside has no route back to 10.10.15.100",
      [web]: "nothing listens on tcp port 80 in the host",
    },
    ["running: ipfw has no divert rule 65532"],
  ],
  [
    "natd does not redirect the port",
    "sed -i '' -e 's/^redirect_port/# &/' /etc/natd.conf; service natd onerestart",
    { [web]: "nothing listens on tcp port 80 in the host" },
    ["at boot: its lines in /etc/natd.conf were changed"],
  ],
];

test.each(missing)("%s: it is seen, found and mended", async (_, command, expected, words) => {
  expect(lost()).toEqual({});
  await network.host.exec(command);
  expect(lost()).toEqual(expected);
  expect(await drifts()).toEqual(words);
  await mend();
  expect(await drifts()).toEqual([]);
  expect(lost()).toEqual({});
});

test("without natd the divert rule drops all that passes the NIC, SSH too: only a reboot helps", async () => {
  const { machine } = network.host;
  const natd = machine.kernel.processes.all.find(({ name }) => name === "natd")!;
  machine.kernel.processes.end(natd.pid);
  expect(lost()).toEqual({
    [out]: "the firewall drops it on its way out of vtnet0",
    [web]: "the firewall drops it on its way into vtnet0",
  });
  await network.host.reboot();
  startWebServer();
  expect(lost()).toEqual({});
  expect(await drifts()).toEqual([]);
});
