import { Machine } from "pulumi-freebsd-vnet/testing";
import { outside, type Probe, type Reach, reach } from "../../simulator/kernel/reach";

/** The article's network: bridge0 10.10.15.1, jails j1 (.100) and j2 (.101) behind it, natd or ipfw nat. */
async function host(...more: string[]): Promise<Machine> {
  const machine = await Machine.create();
  await must(
    machine,
    "ifconfig bridge0 create inet 10.10.15.1/24 up",
    ...["1", "2"].flatMap((unit) => [
      `ifconfig epair${unit} create up`,
      `ifconfig bridge0 addm epair${unit}a`,
      `jail -c name=j${unit} path=/ vnet vnet.interface=epair${unit}b persist`,
      `ifconfig -j j${unit} lo0 127.0.0.1/8`,
      `ifconfig -j j${unit} epair${unit}b inet 10.10.15.${99 + Number(unit)}/24`,
      `route -j j${unit} add default 10.10.15.1`,
    ]),
    ...more,
  );
  return machine;
}

async function must(machine: Machine, ...commands: string[]): Promise<void> {
  for (const command of commands) {
    const { status, stderr, stdout } = await machine.exec(command);
    if (status !== 0) throw new Error(`${command}: ${stdout}${stderr}`);
  }
}

const nat = [
  "kenv net.inet.ip.fw.default_to_accept=1",
  "kldload ipfw ipfw_nat",
  "sysctl net.inet.ip.forwarding=1",
  "ipfw -q nat 1 config if vtnet0 same_ports redirect_port tcp 10.10.15.100:80 8080",
  "ipfw -q add 500 nat 1 ip from any to any via vtnet0",
];

function listen(machine: Machine, jail: string | undefined, port: number): void {
  machine.kernel.processes.start({
    command: "httpd",
    name: "httpd",
    jid: jail === undefined ? 0 : machine.kernel.jails.get(jail).jid,
    startedAt: 0,
    listens: [{ proto: "tcp", port }],
  });
}

function probe(machine: Machine, from: string | undefined | "outside", to: Partial<Probe>): Reach {
  const { kernel } = machine;
  const start =
    from === "outside"
      ? from
      : kernel.network.vnetOf(from === undefined ? undefined : kernel.jails.get(from));
  return reach(kernel, start, { address: "10.10.15.1", proto: "icmp", ...to });
}

describe("inside the host", () => {
  test("host, jail and jail reach each other, and say by which way", async () => {
    const machine = await host();
    expect(probe(machine, undefined, { address: "10.10.15.100" })).toMatchObject({ ok: true });
    expect(probe(machine, "j1", {})).toMatchObject({ ok: true });
    expect(probe(machine, "j1", { address: "10.10.15.101" })).toEqual({
      ok: true,
      why: "10.10.15.101 answered",
      path: ["j1/epair1b", "j2/epair2b", "j2/epair2b", "j1/epair1b"],
    });
  });

  test.each([
    ["the a side is down", "ifconfig epair1a down", "epair1a is down"],
    ["the b side is down", "ifconfig -j j1 epair1b down", "j1/epair1b is down"],
    ["the a side is no member", "ifconfig bridge0 deletem epair1a", "epair1a is in no bridge"],
    ["the bridge is down", "ifconfig bridge0 down", "bridge0 is down"],
    ["another subnet", "ifconfig -j j1 epair1b inet 10.10.16.100/24", "has no route to 10.10.15.101"],
    ["both are private", "ifconfig bridge0 private epair1a private epair2a", "are private"],
    ["the epair is gone", "ifconfig epair1a destroy", "has no route to 10.10.15.101"],
  ])("%s", async (_what, command, why) => {
    const machine = await host();
    await must(machine, command);
    const found = probe(machine, "j1", { address: "10.10.15.101" });
    expect(found).toMatchObject({ ok: false, why: expect.stringMatching(why) as string });
  });

  test("private members still reach the bridge's own address", async () => {
    const machine = await host("ifconfig bridge0 private epair1a private epair2a");
    expect(probe(machine, "j1", {}).ok).toBe(true);
  });

  test("tcp needs a listener in that very jail", async () => {
    const machine = await host();
    listen(machine, undefined, 80);
    const to = { address: "10.10.15.100", proto: "tcp", port: 80 } as const;
    expect(probe(machine, undefined, to)).toMatchObject({
      ok: false,
      failure: "refused",
      why: "nothing listens on tcp port 80 in j1",
    });
    listen(machine, "j1", 80);
    expect(probe(machine, undefined, to).ok).toBe(true);
    expect(probe(machine, "j2", to).ok).toBe(true);
  });

  test("between two bridges the host must forward, and both jails must know the way", async () => {
    const machine = await host("ifconfig bridge1 create inet 10.10.16.1/24 up");
    await must(
      machine,
      "ifconfig bridge0 deletem epair2a",
      "ifconfig bridge1 addm epair2a",
      "ifconfig -j j2 epair2b inet 10.10.16.2/24",
      "route -j j2 add default 10.10.16.1",
    );
    const across = (): Reach => probe(machine, "j1", { address: "10.10.16.2" });
    expect(across().why).toContain("does not forward");
    await must(machine, "sysctl net.inet.ip.forwarding=1");
    expect(across().ok).toBe(true);
    await must(machine, "route -j j2 delete default");
    expect(across().why).toBe("no way back: j2 has no route to 10.10.15.100");
  });

  test("vlans of the same tag over an epair meet, others do not", async () => {
    const machine = await host();
    await must(
      machine,
      "ifconfig bridge0 deletem epair1a",
      "ifconfig epair1a.7 create inet 10.7.0.1/24 up",
      "ifconfig -j j1 epair1b.7 create inet 10.7.0.2/24 up",
    );
    expect(probe(machine, "j1", { address: "10.7.0.1" }).ok).toBe(true);
    await must(
      machine,
      "ifconfig -j j1 epair1b.7 destroy",
      "ifconfig -j j1 epair1b.8 create inet 10.7.0.2/24 up",
    );
    expect(probe(machine, "j1", { address: "10.7.0.1" }).ok).toBe(false);
  });

  test("IPv6 across the bridge", async () => {
    const machine = await host(
      "ifconfig bridge0 inet6 fd00:15::1/64",
      "ifconfig -j j1 epair1b inet6 fd00:15::100/64",
    );
    expect(probe(machine, "j1", { address: "fd00:15::1" }).ok).toBe(true);
    expect(probe(machine, "j2", { address: "fd00:15::1" }).why).toContain("no route");
  });
});

describe("to and from outside", () => {
  const out = { address: outside.host };
  const into = { address: "10.0.2.15", proto: "tcp", port: 8080 } as const;

  test("with forwarding and nat the jail gets out, and the redirect gets in", async () => {
    const machine = await host(...nat);
    listen(machine, "j1", 80);
    expect(probe(machine, "j1", out)).toMatchObject({ ok: true });
    const found = probe(machine, "outside", into);
    expect(found).toMatchObject({ ok: true, server: { listener: { port: 80 } } });
    expect(found.path).toContain("j1/epair1b");
  });

  test.each([
    ["no forwarding", "sysctl net.inet.ip.forwarding=0", "the host does not forward"],
    ["no nat rule", "ipfw -q delete 500", "the outside has no route back to 10.10.15.100"],
    ["the instance is gone", "ipfw nat 1 delete", "the firewall drops it"],
    [
      "the wrong gateway",
      "route -j j1 change default 10.10.15.9",
      "nobody answers for 10.10.15.9 on j1/epair1b",
    ],
    ["no gateway", "route -j j1 delete default", "j1 has no route to"],
    [
      "denied",
      "ipfw -q add 100 deny ip from 10.10.15.100 to any",
      "the firewall drops it on its way into bridge0",
    ],
    ["the NIC is down", "ifconfig vtnet0 down", "vtnet0 is down"],
    ["no default route on the host", "route delete default", "the host has no route to"],
  ])("%s: the jail does not get out", async (_what, command, why) => {
    const machine = await host(...nat);
    await must(machine, command);
    expect(probe(machine, "j1", out)).toMatchObject({ ok: false, why: expect.stringMatching(why) as string });
  });

  test.each([
    ["nothing listens", undefined, "nothing listens on tcp port 80 in j1"],
    [
      "no redirect",
      "ipfw -q nat 1 config if vtnet0 same_ports",
      "nothing listens on tcp port 8080 in the host",
    ],
    ["no forwarding", "sysctl net.inet.ip.forwarding=0", "the host does not forward"],
    ["no way back from the jail", "route -j j1 delete default", "no way back: j1 has no route to"],
  ])("%s: the redirect does not get in", async (_what, command, why) => {
    const machine = await host(...nat);
    if (command === undefined) listen(machine, "j2", 80);
    else {
      listen(machine, "j1", 80);
      await must(machine, command);
    }
    expect(probe(machine, "outside", into)).toMatchObject({
      ok: false,
      why: expect.stringContaining(why) as string,
    });
  });

  test("a divert rule drops everything while natd is not there", async () => {
    const machine = await host(
      "kenv net.inet.ip.fw.default_to_accept=1",
      "kldload ipfw ipdivert",
      "sysctl net.inet.ip.forwarding=1",
      "natd -interface vtnet0 -same_ports",
      "ipfw -q add 500 divert natd ip from any to any via vtnet0",
    );
    expect(probe(machine, "j1", out).ok).toBe(true);
    const natd = machine.kernel.processes.all.find(({ name }) => name === "natd")!;
    machine.kernel.processes.end(natd.pid);
    expect(probe(machine, "j1", out).why).toBe("the firewall drops it on its way out of vtnet0");
  });

  test("the outside does not know private addresses", async () => {
    const machine = await host(...nat);
    expect(probe(machine, "outside", { address: "10.10.15.100" }).why).toBe(
      "the outside has no route to 10.10.15.100",
    );
  });
});
