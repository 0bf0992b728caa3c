import type { Kind } from "../../provider/kind";
import { bridge } from "../../provider/kinds/bridge";
import type { Step } from "../../provider/script";
import { type Sh, sh } from "../../provider/sh";
import { Redacted, Sessions } from "../../provider/ssh";
import { SimulatedHost } from "../../simulator";
import { essence } from "./essence";
import { type Made, Network } from "./network";
import { Resources } from "./suite/resources";

/*
 * What can cut the connection is confirmed over a new one, and taken back by the host where none comes. The kind here
 * is a bridge with one more step, which a test makes as bad as it likes.
 */

let network: Network;
let sessions: Sessions;

beforeEach(async () => {
  const host = await SimulatedHost.start();
  sessions = new Sessions({
    credentials: { privateKey: new Redacted(host.clientKey), agent: false },
    keepAliveMs: 100,
    deadMs: 400,
    // Less than the simulated host waits: 45 s, which pass there in about two.
    handshakeMs: 500,
    connectMs: 500,
  });
  network = Network.on(host, sessions);
  await host.exec("kenv net.inet.ip.fw.default_to_accept=1; kldload ipfw if_bridge");
});

afterEach(() => network.stop());

const now = () => essence(network.host.snapshot());
const declared = () => network.declare.bridge();

/** A bridge whose addresses come with `run`, and go with `undo`. */
function bridgeThat(run: Sh, undo: Sh, more: Partial<Step> = {}): Kind {
  const step = { run, undo, cuts: true, ...more };
  const kind = bridge as unknown as Kind;
  return {
    ...kind,
    ensure: (input, previous) => [
      ...kind.ensure(input, previous).slice(0, 3),
      step,
      ...kind.ensure(input, previous).slice(3),
    ],
    remove: (state) => [step, ...kind.remove(state)],
  };
}

const closed = bridgeThat(sh`ipfw -q add 100 deny tcp from any to me 22`, sh`ipfw -q delete 100`);
const harmless = bridgeThat(sh`ipfw -q add 100 count ip from any to any`, sh`ipfw -q delete 100`);

/** Lets what is there already hang, and new connections in. */
const forgetful = bridgeThat(
  sh`{
    ipfw -q add 100 check-state
    ipfw -q add 200 allow tcp from any to me 22 setup keep-state
    ipfw -q add 300 deny tcp from any to any established
  }`,
  sh`ipfw -q delete 100 200 300`,
);

/** Until the host waits for a new connection. */
async function waiting(): Promise<void> {
  while (!(await network.shows("ls /var/run")).includes(".run.waiting"))
    await new Promise((resolve) => setTimeout(resolve, 5));
}

const rejection = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => Promise.reject(new Error("it succeeded")),
    (error) => error,
  );

const cutOff =
  /it would have cut this host off: no new connection to it got through within 45 seconds\n {4}Cannot reach .*\nThe host has taken everything back by itself and is as it was before\.$/;

test("a change that lets new connections in is confirmed by one, and nothing is left of the waiting", async () => {
  const made = await network.create(harmless, declared());
  expect(made.state.drift).toEqual([]);
  expect(sessions.stats.connections).toBe(2);
  expect(await network.shows("ls /var/run /tmp | grep pulumi; pgrep sleep; ipfw list 100")).toBe(
    "00100 count ip from any to any\n",
  );
});

test("steps that can cut the connection and did nothing need no new connection", async () => {
  const made = await network.create(bridge, declared());
  const { connections } = sessions.stats;
  await network.update(bridge, made, { description: "office" });
  expect(sessions.stats.connections).toBe(connections);
});

test("a create that locks us out is taken back by the host, and the error says so", async () => {
  const pristine = now();
  const error = await rejection(network.create(closed, declared()));
  expect(error.message).toMatch(/^cannot create bridge "bridge0" on root@127\.0\.0\.1:\d+: /);
  expect(error.message).toMatch(cutOff);
  expect(error).not.toHaveProperty("id");
  expect(now()).toEqual(pristine);
});

test("an update and a delete that lock us out are taken back too", async () => {
  const made = await network.create(bridge, declared());
  const there = now();
  await expect(
    network.provider(closed).update(made.id, made.state, { ...made.inputs, mtu: 9000 }),
  ).rejects.toThrow(cutOff);
  expect(now()).toEqual(there);
  await expect(network.delete(closed, made)).rejects.toThrow(cutOff);
  expect(now()).toEqual(there);
  expect(await network.read(bridge, made)).toBe(true);
  expect(made.state.drift).toEqual([]);
});

test("what only ends the connections that are there succeeds, and the next resource has a new one", async () => {
  const made = await network.create(forgetful, declared());
  expect(made.state.drift).toEqual([]);
  expect(await network.read(bridge, made)).toBe(true);
  expect(await network.shows("ls /var/run /tmp | grep pulumi; pgrep sleep")).toBe("");
});

test("a step that fails while the host waits no more is undone as always", async () => {
  const failing = bridgeThat(sh`{ echo no >&2; false; }`, sh`:`);
  const pristine = now();
  await expect(network.create(failing, declared())).rejects.toThrow(
    /exit status 1\n {4}no\nWhat was done before it has been undone\.$/,
  );
  expect(now()).toEqual(pristine);
});

test.each([
  ["a step", false],
  ["the wait for a connection", true],
])(
  "the place where a script works is gone: %s that cannot begin is undone, and the error says why",
  async (_, cuts) => {
    const pristine = now();
    const homeless = bridgeThat(
      sh`{ ipfw -q add 100 count ip from any to any && rm -r "$tmp"; }`,
      sh`ipfw -q delete 100`,
      {
        cuts,
      },
    );
    const error = await rejection(network.create(homeless, declared()));
    expect(error.message).toMatch(/^cannot create bridge "bridge0" on .*No such file or directory/s);
    expect(now()).toEqual(pristine);
  },
);

test("a client that dies while the host waits: it goes back by itself, and the next run converges", async () => {
  const pristine = now();
  network.host.machine.clock.haste = 1;
  const dying = rejection(network.create(closed, declared()));
  await waiting();
  await sessions.close();
  await dying;
  await network.host.machine.clock.sleep(45_000);
  const next = new Sessions({
    credentials: { privateKey: new Redacted(network.host.clientKey), agent: false },
  });
  const other = new Resources(next, network.place);
  const made: Made = await other.create(bridge, declared());
  expect(await network.shows("ipfw list 100")).toBe("ipfw: rule 100 does not exist\n");
  await other.delete(bridge, made);
  expect(now()).toEqual(pristine);
  await next.close();
});

test("a restart while the host waits: it boots as before, and the error says that the connection was lost", async () => {
  network.host.machine.clock.haste = 1;
  const failing = rejection(network.create(closed, declared()));
  await waiting();
  await network.host.reboot();
  expect((await failing).message).toMatch(/was lost while "create bridge "bridge0"" ran/);
  expect(
    await network.shows("ifconfig -l; grep -c pulumi /etc/rc.conf; find /var/run -type f -name '*pulumi*'"),
  ).toBe("vtnet0 lo0\n0\n");
});
