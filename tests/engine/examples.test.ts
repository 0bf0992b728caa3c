import { SimulatedHost } from "../../simulator";
import { essence } from "../host/essence";
import { engine } from "./harness";

/** Every example, run as a user would: up, a preview without changes, a reboot that changes nothing, destroy. */

const reached = ({ address, port, hostKey }: SimulatedHost) => ({ address, port, hostKey });
const one = (host: SimulatedHost) => ({ host: host.address, port: host.port, hostKey: host.hostKey });

/** Who of the jails reaches its router, the outside and the other jails: by `ping`, in words. */
async function reachability(host: SimulatedHost): Promise<string[]> {
  const shows = async (command: string) => (await host.exec(command)).stdout.trim();
  const jails = (await shows("jls name")).split("\n").filter(Boolean).sort();
  const addresses = new Map<string, string[]>();
  for (const jail of jails) {
    const inside = await shows(`ifconfig -j ${jail} -a inet | awk '$1 == "inet" { print $2 }'`);
    addresses.set(
      jail,
      inside.split("\n").filter((address) => address !== "" && address !== "127.0.0.1"),
    );
  }
  const reached: string[] = [];
  for (const jail of jails) {
    const router = await shows(`route -j ${jail} -n get default 2>/dev/null | sed -n 's/^ *gateway: //p'`);
    const others = jails.filter((other) => other !== jail).flatMap((other) => addresses.get(other) ?? []);
    for (const to of [router, "10.0.2.2", ...others].filter(Boolean)) {
      const { status } = await host.exec(`jexec ${jail} ping -c 1 -t 2 ${to}`);
      reached.push(`${jail} ${status === 0 ? "reaches" : "does not reach"} ${to}`);
    }
  }
  return reached;
}

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
    const before = await Promise.all(hosts.map(reachability));
    // The router of the example's VLAN is another machine, which is not there.
    if (name !== "vlan") for (const reached of before) expect(reached.join("\n")).toContain(" reaches ");
    for (const host of hosts) await host.reboot();
    const rebooted = await stack.preview("--refresh", "--expect-no-changes");
    expect([rebooted.status, rebooted.diagnostics.map(({ message }) => message)]).toEqual([0, []]);
    expect((await stack.refresh("--expect-no-changes")).status).toBe(0);
    expect(await Promise.all(hosts.map(reachability))).toEqual(before);
    expect((await stack.destroy()).status).toBe(0);
    expect(hosts.map((host) => essence(host.snapshot()))).toEqual(pristine);
  } finally {
    for (const host of hosts) await host.stop();
  }
});
