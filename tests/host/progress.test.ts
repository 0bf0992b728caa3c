import { check } from "../../provider/check";
import type { Kind } from "../../provider/kind";
import { jailRoot } from "../../provider/kinds/jail-root";
import { lifecycle } from "../../provider/lifecycle";
import { Reader } from "../../provider/reader";
import { Network } from "./network";

/* What the user reads while something takes long. The host's clock is simulated: nothing here waits. */

jest.setTimeout(60_000);

let network: Network;
let told: string[];

beforeEach(async () => {
  network = await Network.start();
  told = [];
});

afterEach(() => network.stop());

const provider = () => {
  const shared = {
    runner: network.sessions,
    reader: new Reader(network.sessions),
    configure: async () => {},
    say: (line: string) => told.push(line),
    who: "test",
  };
  return lifecycle(jailRoot as unknown as Kind, shared);
};

const inputs = (form: object) =>
  check(jailRoot as unknown as Kind, { host: network.reference, owner: "demo/test/www", ...form }).inputs;

test("a root that is busy for half a minute says so every ten seconds, and nothing else is said", async () => {
  const { outs, id } = await provider().create(inputs({ snapshot: "zroot/jails/template@base" }));
  expect(told).toEqual([]);
  const busy = { status: 1, stderr: "cannot unmount '/jails/www': pool or dataset is busy\n" };
  network.host.machine.fault(/^zfs destroy /, busy, { times: 35 });
  await provider().delete(id, outs);
  expect(told).toEqual([10, 20, 30].map((n) => `JailRoot www: destroying zroot/jails/www, ${n} s`));
  expect(await network.shows("zfs list -H -o name zroot/jails/www")).toContain("does not exist");
});

test("what is said is no part of a failure's words", async () => {
  const { outs, id } = await provider().create(inputs({ snapshot: "zroot/jails/template@base" }));
  const busy = { status: 1, stderr: "cannot unmount '/jails/www': pool or dataset is busy\n" };
  network.host.machine.fault(/^zfs destroy /, busy, { times: 1000 });
  const failed = await provider()
    .delete(id, outs)
    .catch((cause: Error) => cause.message);
  expect(failed).toMatch(
    /zfs destroy zroot\/jails\/www: exit status 1\n {4}cannot unmount '\/jails\/www': pool or dataset is busy\nWhat/,
  );
  expect(told.length).toBeGreaterThanOrEqual(11);
});
