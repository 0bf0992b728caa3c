import { Machine } from "pulumi-freebsd-vnet/testing";

/** Runs commands one after the other: what the last one printed, errors and status included. */
async function last(machine: Machine, ...commands: string[]): Promise<string> {
  let said = "";
  for (const command of commands) {
    const { stdout, stderr, status } = await machine.exec(command);
    said = `${stdout}${stderr}${status === 0 ? "" : `-> ${status}`}`;
  }
  return said;
}

const jail = "jail -c name=j1 path=/ vnet persist";

describe("ifconfig refuses", () => {
  test.each([
    ["ifconfig bridge01 create", "ifconfig: SIOCIFCREATE2 (bridge01): Invalid argument\n-> 1"],
    ["ifconfig epair5a create", "ifconfig: SIOCIFCREATE2 (epair5a): Invalid argument\n-> 1"],
    ["ifconfig vtnet9.3 create", "ifconfig: SIOCIFCREATE2 (vtnet9.3): Invalid argument\n-> 1"],
    ["ifconfig a_name_of_sixteen create", "ifconfig: a_name_of_sixteen: cloning name too long\n-> 1"],
    ["ifconfig vlan create vlan 5", "ifconfig: must specify a parent device for vlan create\n-> 1"],
    ["ifconfig vlan create vlandev vtnet0", "ifconfig: must specify a tag for vlan create\n-> 1"],
    [
      "ifconfig vlan create vlan 5 vlandev gone0",
      "ifconfig: SIOCIFCREATE2 (vlan): Device not configured\n-> 1",
    ],
    ["ifconfig vtnet0 destroy", "ifconfig: SIOCIFDESTROY: Invalid argument\n-> 1"],
    ["ifconfig vtnet0 foo", "ifconfig: foo: bad value\n-> 1"],
    ["ifconfig vtnet0 up inet 10.0.0.1/8", "ifconfig: inet: bad value\n-> 1"],
    ["ifconfig vtnet0 10.0.0.1/x", "ifconfig: 10.0.0.1/x: bad value (width invalid)\n-> 1"],
    ["ifconfig vtnet0 inet6 fd00::1/129", "ifconfig: 129: bad value\n-> 1"],
    ["ifconfig vtnet0 inet6 10.0.0.1", "ifconfig: 10.0.0.1: bad value\n-> 1"],
    ["ifconfig vtnet0 inet 224.0.0.1/24", "ifconfig: ioctl (SIOCAIFADDR): Invalid argument\n-> 1"],
    ["ifconfig vtnet0 addm lo0", "ifconfig: BRDGADD lo0: Invalid argument\n-> 1"],
    ["ifconfig vtnet0 name", "ifconfig: 'name' requires argument\n-> 1"],
    ["ifconfig vtnet0 ifpriority lo0", "ifconfig: 'ifpriority' requires 2 arguments\n-> 1"],
    ["ifconfig -j gone -l", "ifconfig: jail not found: No such file or directory\n-> 1"],
    ["ifconfig vtnet0 vnet 99", "ifconfig: SIOCSIFVNET: Device not configured\n-> 1"],
    ["ifconfig lo0 vnet j1", "ifconfig: SIOCSIFVNET: File exists\n-> 1"],
    ["ifconfig gone0 -vnet j1", "ifconfig: SIOCSIFRVNET(1, gone0): Device not configured\n-> 1"],
    ["route add -net 10.9.0.0/16", "add net 10.9.0.0/16 fib 0: Invalid argument\n-> 1"],
    ["route add 10.9.0.0/16 10.300.0.1", "route: bad address: 10.300.0.1\n-> 68"],
  ])("%s", async (command, said) => {
    expect(await last(await Machine.create(), jail, command)).toBe(said);
  });

  test("what only root may do, in the words of each request", async () => {
    const machine = await Machine.create();
    const say = async (command: string): Promise<string> => {
      const { stderr, status } = await machine.exec(command, { user: "nobody" });
      return `${stderr}-> ${status}`;
    };
    expect(await say("ifconfig vtnet0 up")).toBe("ifconfig: up: permission denied\n-> 1");
    expect(await say("ifconfig vtnet0 mtu 1400")).toBe(
      "ifconfig: ioctl SIOCSIFMTU (set mtu): Operation not permitted\n-> 1",
    );
    expect(await say("ifconfig vtnet0 destroy")).toBe(
      "ifconfig: SIOCIFDESTROY: Operation not permitted\n-> 1",
    );
    expect(await say("route add default 10.0.2.3")).toBe("route: must be root to alter routing table\n-> 77");
  });
});

describe("several words in one invocation", () => {
  test("go from left to right, the address comes last", async () => {
    const machine = await Machine.create();
    await last(
      machine,
      "ifconfig epair create",
      "ifconfig bridge create inet 10.1.1.1/24 addm epair0a addm gone0 up",
    );
    const bridge = machine.kernel.network.host.find("bridge0")!;
    expect([...bridge.members.keys()].map(({ name }) => name)).toEqual(["epair0a"]);
    expect(bridge).toMatchObject({ up: false, addresses: [] });
  });

  test("the name the kernel chose is printed even when a later word fails", async () => {
    const machine = await Machine.create();
    expect(await last(machine, "ifconfig bridge create addm gone0")).toBe(
      "bridge0\nifconfig: BRDGADD gone0: No such file or directory\n-> 1",
    );
    expect(await last(machine, "ifconfig epair create name lan_a")).toBe("lan_a\n");
    expect(await last(machine, "ifconfig -l")).toBe("vtnet0 lo0 bridge0 lan_a epair0b\n");
  });

  test("create with more words on an interface that is there configures it", async () => {
    const machine = await Machine.create();
    expect(await last(machine, "ifconfig bridge0 create", "ifconfig bridge0 create up")).toBe("");
    expect(machine.kernel.network.host.find("bridge0")?.up).toBe(true);
  });
});

describe("units", () => {
  test("the lowest free one; a renamed interface keeps its own", async () => {
    const machine = await Machine.create();
    await last(
      machine,
      "ifconfig bridge create name lan",
      "ifconfig bridge create",
      "ifconfig bridge2 create",
    );
    expect(await last(machine, "ifconfig bridge0 create")).toBe(
      "ifconfig: interface bridge0 already exists\n-> 1",
    );
    expect(await last(machine, "ifconfig bridge1 destroy", "ifconfig bridge create")).toBe("bridge1\n");
    expect(await last(machine, "ifconfig lan destroy", "ifconfig bridge create")).toBe("bridge0\n");
  });

  test("a jail's stack counts its own", async () => {
    const machine = await Machine.create();
    await last(machine, jail, "ifconfig epair create");
    expect(await last(machine, "ifconfig -j j1 epair create")).toBe("epair0a\n");
    // What was made in the jail ends with it.
    expect(await last(machine, "jail -r j1", "ifconfig -l")).toBe("vtnet0 lo0 epair0a epair0b\n");
  });
});

describe("an interface that goes", () => {
  test("leaves its bridge, and takes its peer out of a running jail", async () => {
    const machine = await Machine.create();
    await last(
      machine,
      jail,
      "ifconfig bridge0 create",
      "ifconfig epair1 create",
      "ifconfig bridge0 addm epair1a",
      "ifconfig epair1b vnet j1",
      "ifconfig -j j1 epair1b inet 10.1.1.2/24",
      "route -j j1 add default 10.1.1.1",
      "ifconfig epair1a destroy",
    );
    expect(machine.kernel.network.host.find("bridge0")?.members.size).toBe(0);
    expect(await last(machine, "ifconfig -j j1 -l")).toBe("lo0\n");
    expect(await last(machine, "netstat -j j1 -rn")).toBe("Routing tables\n");
  });

  test("into a jail keeps name, MAC, MTU and description, and loses groups, addresses and bridge", async () => {
    const machine = await Machine.create();
    await last(
      machine,
      jail,
      "ifconfig bridge0 create",
      "ifconfig epair1 create",
      "ifconfig epair1b mtu 1400 group ours description mine inet 10.1.1.2/24 up",
      "ifconfig bridge0 addm epair1b",
    );
    const netif = machine.kernel.network.host.find("epair1b")!;
    const { ether } = netif;
    await last(machine, "ifconfig epair1b vnet j1");
    expect(netif).toMatchObject({ ether, mtu: 1400, description: "mine", up: false, bridge: undefined });
    expect(netif.groups).toEqual(["epair"]);
    expect(netif.addresses).toEqual([]);
    expect(await last(machine, "ifconfig -g ours")).toBe("");
    await last(machine, "jail -r j1");
    expect(netif.vnet).toBe(machine.kernel.network.host);
  });

  test("comes home last in line", async () => {
    const machine = await Machine.create();
    await last(
      machine,
      jail,
      "ifconfig epair1 create",
      "ifconfig epair1b vnet j1",
      "ifconfig bridge0 create",
    );
    expect(await last(machine, "jail -r j1", "ifconfig -l")).toBe("vtnet0 lo0 epair1a bridge0 epair1b\n");
  });
});

describe("addresses and their routes", () => {
  const addresses = (machine: Machine, name: string): string[] =>
    machine.kernel.network.host.find(name)!.addresses.map(({ address, prefix }) => `${address}/${prefix}`);

  test("without alias the first one is replaced, and static routes through it go", async () => {
    const machine = await Machine.create();
    await last(
      machine,
      "ifconfig bridge0 create inet 10.1.1.1/24",
      "ifconfig bridge0 inet 10.1.2.1/24 alias",
      "route add 10.9.0.0/16 10.1.1.9",
      "ifconfig bridge0 inet 10.1.3.1/24",
    );
    expect(addresses(machine, "bridge0")).toEqual(["10.1.2.1/24", "10.1.3.1/24"]);
    expect(await last(machine, "netstat -rn -f inet")).not.toMatch(/10\.9|10\.1\.1\./);
  });

  test("a network with two addresses keeps its route until the last one goes", async () => {
    const machine = await Machine.create();
    await last(
      machine,
      "ifconfig bridge0 create inet 10.1.1.1/24",
      "ifconfig bridge0 inet 10.1.1.2/24 alias",
      "ifconfig bridge0 inet 10.1.1.1 -alias",
    );
    expect(await last(machine, "netstat -rn -f inet | grep 10.1.1")).toMatch(/10\.1\.1\.0\/24 .* bridge0/);
    await last(machine, "ifconfig bridge0 -alias 10.1.1.2");
    expect(await last(machine, "netstat -rn -f inet")).not.toContain("10.1.1");
  });

  test("an interface that is down has no network, one that comes up again has", async () => {
    const machine = await Machine.create();
    await last(machine, "ifconfig bridge0 create inet 10.1.1.1/24", "ifconfig bridge0 down");
    expect(await last(machine, "netstat -rn -f inet")).not.toContain("10.1.1");
    await last(machine, "ifconfig bridge0 up");
    expect(await last(machine, "netstat -rn -f inet")).toContain("10.1.1.0/24");
  });

  test("inet6: nothing is tentative on an interface that was out of IPv6, the next ones are for a while", async () => {
    const machine = await Machine.create();
    await last(
      machine,
      "ifconfig epair1 create up",
      "ifconfig epair1a inet6 fd00::1/64",
      "ifconfig epair1a inet6 fd00::2/64",
    );
    const shown = await last(machine, "ifconfig epair1a inet6");
    expect(shown).toMatch(/fd00::1 prefixlen 64\n/);
    expect(shown).toMatch(/fd00::2 prefixlen 64 tentative\n/);
    await machine.clock.sleep(3000);
    expect(await last(machine, "ifconfig epair1a")).not.toContain("tentative");
  });

  test("multipath: a second gateway is a second route, the same one is there already", async () => {
    const machine = await Machine.create();
    expect(await last(machine, "route add default 10.0.2.9")).toBe("add net default: gateway 10.0.2.9\n");
    expect(await last(machine, "route add default 10.0.2.9")).toContain("route already in table");
    expect(await last(machine, "route delete default 10.0.2.2", "route -n get default")).toContain(
      "gateway: 10.0.2.9",
    );
  });
});

describe("bridges", () => {
  test("the first member sets the MTU, the bridge sets the others'", async () => {
    const machine = await Machine.create();
    await last(
      machine,
      "ifconfig bridge0 create",
      "ifconfig epair1 create mtu 1400",
      "ifconfig epair2 create",
      "ifconfig bridge0 addm epair1a addm epair2a",
    );
    const mtu = (name: string): number => machine.kernel.network.host.find(name)!.mtu;
    expect([mtu("bridge0"), mtu("epair2a")]).toEqual([1400, 1400]);
    await last(machine, "ifconfig bridge0 mtu 9000");
    expect([mtu("epair1a"), mtu("epair2a"), mtu("epair2b")]).toEqual([9000, 9000, 1500]);
  });

  test("members' flags and numbers", async () => {
    const machine = await Machine.create();
    await last(machine, "ifconfig bridge0 create", "ifconfig epair1 create", "ifconfig bridge0 addm epair1a");
    await last(
      machine,
      "ifconfig bridge0 private epair1a -learn epair1a ifpathcost epair1a 55 ifmaxaddr epair1a 9",
    );
    expect(await last(machine, "ifconfig bridge0")).toContain(
      "\tmember: epair1a flags=942<DISCOVER,AUTOEDGE,AUTOPTP,PRIVATE>\n" +
        "\t        ifmaxaddr 9 port 4 priority 128 path cost 55\n",
    );
  });
});

test("a snapshot is plain data, and the same after what was done is undone", async () => {
  const machine = await Machine.create();
  await last(machine, "ifconfig bridge0 create", jail);
  const before = JSON.stringify(machine.kernel.network.snapshot());
  await last(
    machine,
    "ifconfig epair1 create up",
    "ifconfig bridge0 addm epair1a",
    "ifconfig epair1b vnet j1",
    "ifconfig -j j1 epair1b inet 10.1.1.2/24",
  );
  expect(JSON.stringify(machine.kernel.network.snapshot())).not.toBe(before);
  await last(machine, "ifconfig epair1a destroy");
  expect(JSON.stringify(machine.kernel.network.snapshot())).toBe(before);
});

test("300 bridges, epairs and jails are made and looked at in no time", async () => {
  const machine = await Machine.create();
  const started = performance.now();
  const { network, modules } = machine.kernel;
  modules.ensure("if_bridge");
  modules.ensure("if_epair");
  for (let unit = 0; unit < 300; unit++)
    await last(
      machine,
      `ifconfig bridge${unit} create inet 10.${20 + (unit >> 8)}.${unit & 255}.1/24 up`,
      `ifconfig epair${unit} create up`,
      `ifconfig bridge${unit} addm epair${unit}a`,
      `jail -c name=j${unit} path=/ vnet vnet.interface=epair${unit}b persist`,
      `ifconfig -j j${unit} epair${unit}b inet 10.${20 + (unit >> 8)}.${unit & 255}.2/24`,
    );
  expect(network.vnets.length).toBe(301);
  expect(network.host.interfaces.length).toBe(602);
  await last(machine, "ifconfig -a");
  for (let unit = 0; unit < 300; unit++) network.destroy(network.host.find(`epair${unit}a`)!);
  expect(network.host.interfaces.length).toBe(302);
  expect(performance.now() - started).toBeLessThan(15_000);
}, 30_000);
