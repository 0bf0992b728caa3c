import { bridge } from "../../provider/kinds/bridge";
import { host as hostKind } from "../../provider/kinds/host";
import { natGateway } from "../../provider/kinds/nat-gateway";
import { vnetJail } from "../../provider/kinds/vnet-jail";
import type { ReleaseNumber } from "../../simulator";
import { Network } from "./network";
import { cases } from "./suite/cases";
import { SimulatedSuite } from "./suite/simulated";

/** FreeBSD 13.4 and 15.0 as far as the simulated host knows them: what differs from the recorded 14.0. */

jest.setTimeout(60_000);

/** Of the suite: each kind made, made again, with drift on both planes, over a reboot, and removed. */
const ofEveryRelease = cases.filter(({ name }) =>
  /made, made again|drift$|^quickstart$|^reboot|testjail/.test(name),
);

describe.each<ReleaseNumber>(["13.4", "15.0"])("the suite on FreeBSD %s", (release) => {
  let simulated: SimulatedSuite;

  beforeAll(async () => {
    simulated = await SimulatedSuite.start({ release });
  });

  // It stays once it is loaded, on 13 with ipfw: what the first gateway brings in is there from the start.
  beforeEach(async () => {
    const accept = "net.inet.ip.fw.default_to_accept";
    const load = `kldstat -q -m ipdivert || { kenv ${accept}=1; kldload ipdivert; kenv -u ${accept}; }`;
    if (release === "13.4") await simulated.host.exec(load);
  });

  afterAll(() => simulated.stop());

  test.each(ofEveryRelease.map((each) => [each.name, each] as const))("%s", (_, each) =>
    simulated.passes(each),
  );
});

describe("FreeBSD 13.4", () => {
  let network: Network;

  beforeEach(async () => {
    network = await Network.start("13.4");
  });

  afterEach(() => network.stop());

  const jail = () => network.declare.vnetJail();

  test("ipfw stays with ipdivert, which needs it: it accepts, and a delete is none the less one", async () => {
    await network.before(natGateway);
    const gateway = await network.create(natGateway, network.declare.natGateway());
    expect(gateway.state.made).toEqual(expect.arrayContaining(["kenv", "ipfw", "ipdivert"]));
    for (let time = 0; time < 2; time++) {
      await network.delete(natGateway, gateway);
      expect(
        await network.shows("kldstat -q -m ipfw && ipfw list; kenv -q net.inet.ip.fw.default_to_accept"),
      ).toBe("65535 allow ip from any to any\n");
    }
    const again = await network.create(natGateway, network.declare.natGateway());
    expect(again.state.drift).toEqual([]);
    await network.delete(natGateway, again);
  });

  test("says which release it is", async () => {
    const made = await network.create(hostKind, network.declare.host());
    expect(made.state).toMatchObject({ release: "13.4-RELEASE", osreldate: 1304000 });
    expect(await network.shows("uname -KU")).toBe("1304000 1304000\n");
  });

  test("an include in jail.conf fails the jails that stand there; ours stand there themselves", async () => {
    await network.host.exec(`mkdir -p /etc/jail.conf.d; cat > /etc/jail.conf <<'END'
old { path = "/jails"; persist; }
END`);
    await network.before(vnetJail);
    const made = await network.create(vnetJail, { ...jail(), depend: ["old"] });
    const conf = await network.shows("cat /etc/jail.conf");
    expect(conf).toContain("testA {\n");
    expect(conf).toContain('depend = "old";');
    expect(conf).not.toContain(".include");
    expect(await network.shows("cat /etc/jail.conf.d/testA.conf")).not.toContain("depend");
    await network.host.reboot();
    expect((await network.shows("jls name")).trim().split("\n").sort()).toEqual(["old", "testA"]);
    await network.read(vnetJail, made);
    expect(made.state.drift).toEqual([]);

    await network.host.exec(
      `echo '.include "/etc/jail.conf.d/*.conf";' >> /etc/jail.conf; service jail stop`,
    );
    expect(await network.shows("jail -c old")).toBe("jail: old: unknown parameter: .include\n");
  });

  test("a change of the jail reaches its lines in jail.conf, and drift of them shows", async () => {
    await network.before(vnetJail);
    const made = await network.create(vnetJail, jail());
    const changed = { hostname: "www.example.net" };
    await network.update(vnetJail, made, changed);
    expect(await network.shows("grep -c www.example.net /etc/jail.conf /etc/jail.conf.d/testA.conf")).toBe(
      "/etc/jail.conf:1\n/etc/jail.conf.d/testA.conf:1\n",
    );
    await network.host.exec("sed -i '' -e s/www.example.net/other.example.net/ /etc/jail.conf");
    await network.read(vnetJail, made);
    expect(made.state.drift).toEqual(["at boot: its lines in /etc/jail.conf were changed"]);
    await network.update(vnetJail, made, changed);
    expect(made.state.drift).toEqual([]);
    expect(await network.shows("grep -c www.example.net /etc/jail.conf")).toBe("1\n");
  });

  test("after an upgrade to 14 its next change makes an include of the lines", async () => {
    await network.before(vnetJail);
    const made = await network.create(vnetJail, jail());
    const host = { ...network.reference, osreldate: 1400097 };
    await network.update(vnetJail, made, { host, hostname: "www.example.net" });
    const conf = await network.shows("cat /etc/jail.conf");
    expect(conf).toContain('.include "/etc/jail.conf.d/testA.conf";');
    expect(conf).not.toContain("testA {");
  });

  test("a permission that came later is refused in the plan", async () => {
    await expect(network.create(vnetJail, { ...jail(), allow: { settime: true } })).rejects.toThrow(
      "allow.settime came with FreeBSD 15.0, and the host has 13.4 (1304000): its jails would not start",
    );
    expect(await network.shows("jail -c name=x persist allow.settime")).toBe(
      "jail: unknown parameter: allow.settime\n",
    );
  });
});

describe("FreeBSD 15.0", () => {
  let network: Network;

  beforeEach(async () => {
    network = await Network.start("15.0");
  });

  afterEach(() => network.stop());

  test("has the permissions that came with it", async () => {
    await network.before(vnetJail);
    const made = await network.create(vnetJail, {
      ...network.declare.vnetJail(),
      allow: { settime: true, extattr: false },
    });
    expect(await network.shows("jls -j testA allow.settime allow.extattr")).toBe("true false\n");
    await network.update(vnetJail, made, { allow: { routing: true } });
    expect(await network.shows("jls -j testA allow.settime allow.routing")).toBe("false true\n");
  });

  test("a bridge takes no member that has addresses, and says so", async () => {
    await expect(
      network.create(bridge, { ...network.declare.bridge(), members: ["vtnet0"] }),
    ).rejects.toThrow("BRDGADD vtnet0: Invalid argument");
    expect(await network.shows("ifconfig -l")).toBe("vtnet0 lo0\n");
  });
});

test("a host that is older than all of them is refused, with the remedy", async () => {
  const network = await Network.start();
  try {
    await network.host.exec(`printf '#!/bin/sh\\necho 1302001\\n' > /usr/bin/uname`);
    await expect(network.create(hostKind, network.declare.host())).rejects.toThrow(
      "13.3 is the oldest whose jails can be configured from outside",
    );
  } finally {
    await network.stop();
  }
});
