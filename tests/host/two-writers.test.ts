import { bridge } from "../../provider/kinds/bridge";
import { natGateway } from "../../provider/kinds/nat-gateway";
import { rcSetting } from "../../provider/kinds/rc-setting";
import { sysctl } from "../../provider/kinds/sysctl";
import { type Made, Network } from "./network";

/* Two stacks on one host, at the same time. */

let network: Network;

beforeEach(async () => {
  network = await Network.start();
});

afterEach(() => network.stop());

const files = () =>
  network.shows("cat /etc/rc.conf; cat /etc/sysctl.conf; ls /var/run /var/db /etc; ifconfig -l");

test("two stacks that write the same files at once lose nothing, and leave no trace", async () => {
  const before = await files();
  const host = network.reference;
  const declared = ["one", "two"].flatMap((stack, s): [kind: unknown, inputs: object][] => [
    ...Array.from({ length: 5 }, (_, i): [unknown, object] => [
      rcSetting,
      { host, name: `x${s}_${i}`, value: `${i}`, owner: `${stack}/prod/RcSetting/x${i}` },
    ]),
    ...Array.from({ length: 4 }, (_, i): [unknown, object] => [
      bridge,
      { host, name: `bridge${10 * s + i}`, owner: `${stack}/prod/Bridge/b${i}` },
    ]),
    [
      sysctl,
      {
        host,
        name: `net.inet.ip.${s === 0 ? "ttl" : "random_id"}`,
        value: 1,
        owner: `${stack}/prod/Sysctl/y`,
      },
    ],
  ]);
  const made = await Promise.all(
    declared.map(
      async ([kind, inputs]): Promise<[unknown, Made]> => [kind, await network.create(kind, inputs)],
    ),
  );
  for (const [kind, each] of made) {
    expect(await network.read(kind, each)).toBe(true);
    expect(each.state.drift).toEqual([]);
  }
  expect((await network.shows("cat /etc/rc.conf")).match(/^# BEGIN /gm)).toHaveLength(18);
  await Promise.all(made.map(([kind, each]) => network.delete(kind, each)));
  expect(await files()).toBe(before);
}, 120_000);

test("a gateway that goes does not turn off the forwarding that another one needs", async () => {
  const gateway = (name: string, externalInterface: string) =>
    network.create(natGateway, {
      host: network.reference,
      engine: "pf",
      externalInterface,
      owner: `${name}/prod/NatGateway/nat`,
    });
  const first = await gateway("one", "vtnet0");
  const second = await gateway("two", "lo0");
  await network.delete(natGateway, first);
  expect(await network.shows("sysctl -n net.inet.ip.forwarding")).toBe("1\n");
  await network.read(natGateway, second);
  expect(second.state.drift).toEqual([]);
}, 60_000);
