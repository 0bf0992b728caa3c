import { SimulatedHost } from "../../simulator";
import { essence } from "../host/essence";
import { engine } from "./harness";

/** Every example, run as a user would: up, a preview without changes, a reboot that changes nothing, destroy. */

const reached = ({ address, port, hostKey }: SimulatedHost) => ({ address, port, hostKey });
const one = (host: SimulatedHost) => ({ host: host.address, port: host.port, hostKey: host.hostKey });

const examples: [name: string, hosts: number][] = [
  ["article", 1],
  ["zfs-thin-jails", 1],
  ["pf-dual-stack", 1],
  ["vlan", 1],
  ["two-hosts", 2],
];

test.each(examples)("%s", async (name, count) => {
  const hosts = [await SimulatedHost.start()];
  const [alpha] = hosts as [SimulatedHost];
  for (let more = 1; more < count; more++) {
    hosts.push(await SimulatedHost.start({ clientKey: alpha.clientKey }));
  }
  try {
    const pristine = hosts.map((host) => essence(host.snapshot()));
    const stack = await engine({
      program: { example: `examples/${name}` },
      config: {
        ...(count === 1 ? one(alpha) : { alpha: reached(alpha), beta: reached(hosts[1] as SimulatedHost) }),
        "freebsd-vnet:privateKey": { secret: alpha.clientKey },
      },
    });
    const up = await stack.up();
    expect({ status: up.status, said: up.diagnostics.map(({ message }) => message) }).toEqual({
      status: 0,
      said: [],
    });
    const again = await stack.preview("--expect-no-changes");
    expect({ status: again.status, summary: Object.keys(again.summary) }).toEqual({
      status: 0,
      summary: ["same"],
    });
    for (const host of hosts) await host.reboot();
    expect((await stack.preview("--refresh", "--expect-no-changes")).status).toBe(0);
    expect((await stack.destroy()).status).toBe(0);
    expect(hosts.map((host) => essence(host.snapshot()))).toEqual(pristine);
  } finally {
    for (const host of hosts) await host.stop();
  }
});
