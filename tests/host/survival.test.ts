import { natGateway } from "../../provider/kinds/nat-gateway";
import { natRedirect } from "../../provider/kinds/nat-redirect";
import { vnetJail } from "../../provider/kinds/vnet-jail";
import { type Made, Network } from "./network";

/*
 * What must not stop half-way goes on when the connection is lost, and the next run finds it done: over real SSH.
 */

let network: Network;

beforeEach(async () => {
  network = await Network.start();
});

afterEach(() => network.stop());

const LOST = /was lost while .* ran/;
const jid = () => network.shows("jls -j testA jid");

async function drift(kind: unknown, made: Made): Promise<string[]> {
  await network.read(kind, made);
  return made.state.drift;
}

test("the restart of a jail that is cut between stop and start goes on; the next run waits for it and restarts nothing", async () => {
  await network.before(vnetJail);
  const jail = await network.create(vnetJail, network.declare.vnetJail());
  network.host.machine.fault(/^jail .*-c testA$/, "cut");
  const changed = { prestart: ["true"] };
  await expect(network.update(vnetJail, jail, changed)).rejects.toThrow(LOST);
  await network.update(vnetJail, jail, changed);
  expect(jail.state).toMatchObject({ jid: 2, drift: [] });
  expect(await jid()).toBe("2\n");
  const starts = network.host.machine.log.filter(({ argv }) => / -c testA$/.test(argv.join(" ")));
  expect(starts.length).toBe(2);
  expect(await drift(vnetJail, jail)).toEqual([]);
  expect(await network.shows("ls -d /var/run/pulumi-freebsd-vnet* 2>/dev/null")).toBe("");
}, 60_000);

test("natd that is stopped for its new configuration starts again without anybody there", async () => {
  await network.before(natRedirect);
  network.host.machine.fault(/^service natd onestart$/, "cut");
  const lost = (await network
    .create(natRedirect, network.declare.natRedirect())
    .catch((cause) => cause)) as Error & { id: string; properties: Made["state"] };
  expect(lost.message).toMatch(LOST);
  const { inputs, state } = { inputs: network.declare.natRedirect(), state: lost.properties };
  const redirect: Made = { id: lost.id, inputs, state };
  await network.update(natRedirect, redirect);
  expect(redirect.state.drift).toEqual([]);
  expect(await network.shows("service natd onestatus")).toMatch(/^natd is running/);
  const starts = network.host.machine.log.filter(({ argv }) => argv.join(" ") === "service natd onestart");
  expect(starts.length).toBe(2);
}, 60_000);

test("a run that waited in vain says who is at work, where, since when, and how to see it", async () => {
  await network.before(natGateway);
  network.host.machine.fault(/^sysctl net.inet.ip.forwarding=1$/, "hang");
  const first = network.create(natGateway, network.declare.natGateway()).catch(() => "ended");
  while (!(await network.shows("cat /var/run/pulumi-freebsd-vnet.*.lock")).includes("NAT gateway"))
    await new Promise((resolve) => setTimeout(resolve, 20));
  const second = network.create(natGateway, network.declare.natGateway());
  await expect(second).rejects.toThrow(
    /^cannot create NAT gateway "natd:vtnet0" on root@127\.0\.0\.1:\d+: another run has it at work: tests@here: create NAT gateway "natd:vtnet0" since \w{3} \w{3} +\d+ [\d:]+ UTC \d{4}\. Waited 60 seconds for its end; run this again after it\. If it does not end, 'fstat (\/var\/run\/pulumi-freebsd-vnet\.[0-9a-f]{16}\.lock)' shows on the host what holds it$/,
  );
  await network.sessions.close();
  expect(await first).toBe("ended");
}, 60_000);

test("what a script left that died with its host is removed by the next one of any resource", async () => {
  await network.host.exec(
    "mkdir /var/run/pulumi-freebsd-vnet.0123456789abcdef; echo half > /etc/rc.conf.pulumi-freebsd-vnet",
  );
  await network.before(vnetJail);
  expect(await network.shows("ls /var/run /etc | grep pulumi-freebsd-vnet")).toBe("");
});
