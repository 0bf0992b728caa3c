import { ipfwRules } from "../../provider/kinds/ipfw-rules";
import { natGateway } from "../../provider/kinds/nat-gateway";
import { Redacted, Sessions } from "../../provider/ssh";
import { SimulatedHost } from "../../simulator";
import { reach } from "../../simulator/kernel/reach";
import { essence } from "./essence";
import { Network } from "./network";

let network: Network;

beforeEach(async () => {
  const host = await SimulatedHost.start();
  network = Network.on(
    host,
    new Sessions({
      credentials: { privateKey: new Redacted(host.clientKey), agent: false },
      handshakeMs: 1_000,
      keepAliveMs: 100,
      deadMs: 400,
      connectMs: 2_000,
    }),
  );
});

afterEach(() => network.stop());

const now = () => essence(network.host.snapshot());

const loopback = "add 100 allow ip from any to any via lo0";
const ssh = { action: "allow", protocol: "tcp", to: "me", toPorts: 22, direction: "in" };
const web = { action: "allow", protocol: "tcp", from: "me", fromPorts: "22,80", options: "established" };
const nothingElse = "65000 deny tcp from any to any";

const declared = (rules: readonly unknown[] = [loopback, ssh, web, nothingElse], more: object = {}) => ({
  host: network.reference,
  owner: "demo/test/firewall",
  rules,
  ...more,
});

const listed = () => network.shows("ipfw list");

const comesIn = (port: number) =>
  reach(network.host.machine.kernel, "outside", { address: "10.0.2.15", proto: "tcp", port }).why;

test("rules are in force, at boot too, change at once, and go without a trace", async () => {
  const pristine = now();
  const made = await network.create(ipfwRules, declared());
  expect(made.state.drift).toEqual([]);
  const rules = [
    "00100 allow ip from any to any via lo0",
    "00200 allow tcp from any to me 22 in",
    "00300 allow tcp from me 22,80 to any established",
    "65000 deny tcp from any to any",
    "65535 allow ip from any to any",
    "",
  ].join("\n");
  expect(await listed()).toBe(rules);
  expect(comesIn(25)).toBe("the firewall drops it on its way into vtnet0");
  const there = now();
  await network.update(ipfwRules, made);
  expect(now()).toEqual(there);

  await network.host.reboot();
  expect(await listed()).toBe(rules);
  expect(await network.read(ipfwRules, made)).toBe(true);
  expect(made.state.drift).toEqual([]);

  await network.update(ipfwRules, made, { rules: [ssh, "deny udp from any to me 111"] });
  expect(made.state.drift).toEqual([]);
  expect(await network.shows("ipfw -S list; ipfw set show")).toBe(
    [
      "00100 set 1 allow tcp from any to me 22 in",
      "00200 set 1 deny udp from any to me 111",
      "65535 set 31 allow ip from any to any",
      "enable 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30",
      "",
    ].join("\n"),
  );
  await network.host.reboot();
  await network.delete(ipfwRules, made);
  await network.host.reboot();
  await network.delete(ipfwRules, made);
  const { kernel } = network.host.machine;
  expect(kernel.modules.has("ipfw")).toBe(false);
  expect((now() as { files: object }).files).toEqual((pristine as { files: object }).files);
});

test("made and removed, the host is as it was", async () => {
  const pristine = now();
  const made = await network.create(ipfwRules, declared());
  await network.delete(ipfwRules, made);
  expect(now()).toEqual(pristine);
  await network.delete(ipfwRules, made);
  expect(now()).toEqual(pristine);
});

const lockedOut = /would have cut this host off[\s\S]*The host has taken everything back by itself/;

test("rules that let nobody in are taken back by the host, when they are made and when they change", async () => {
  const pristine = now();
  await expect(network.create(ipfwRules, declared([loopback, nothingElse]))).rejects.toThrow(lockedOut);
  expect(now()).toEqual(pristine);
  const made = await network.create(ipfwRules, declared());
  const there = now();
  await expect(network.update(ipfwRules, made, { rules: [loopback, nothingElse] })).rejects.toThrow(
    lockedOut,
  );
  expect(now()).toEqual(there);
  expect(await network.read(ipfwRules, made)).toBe(true);
  expect(made.state.drift).toEqual([]);
});

test("a removal that would lock us out is taken back too", async () => {
  const made = await network.create(ipfwRules, declared());
  await network.host.exec("ipfw -q add 60000 deny tcp from any to me 22");
  const there = now();
  await expect(network.delete(ipfwRules, made)).rejects.toThrow(lockedOut);
  expect(now()).toEqual(there);
});

test("to turn ipfw on again is taken back too where it would lock us out", async () => {
  const made = await network.create(ipfwRules, declared());
  await network.host.exec("service ipfw stop; ipfw -q add 50 deny tcp from any to me 22");
  const there = now();
  await expect(network.update(ipfwRules, made)).rejects.toThrow(lockedOut);
  expect(now()).toEqual(there);
});

test("an ipfw that was off is turned on, and off again by a delete", async () => {
  await network.host.exec(
    "kenv net.inet.ip.fw.default_to_accept=1; kldload ipfw; sysctl net.inet.ip.fw.enable=0",
  );
  const pristine = now();
  const made = await network.create(ipfwRules, declared());
  expect(made.state.drift).toEqual([]);
  expect(comesIn(25)).toBe("the firewall drops it on its way into vtnet0");
  await network.delete(ipfwRules, made);
  expect(now()).toEqual(pristine);
  await expect(
    network.create(ipfwRules, declared([loopback, "200 nat 7 ip from any to any"])),
  ).rejects.toThrow("put the rules in force");
  expect(now()).toEqual(pristine);
});

test("a rule that ipfw does not take is refused before anything changes, in ipfw's words", async () => {
  const pristine = now();
  await expect(
    network.create(ipfwRules, declared([loopback, "200 allow ip from any to 10.300.1.1"])),
  ).rejects.toThrow("hostname ``10.300.1.1'' unknown");
  expect(now()).toEqual(pristine);
  await expect(
    network.create(ipfwRules, declared([loopback, "200 nat 7 ip from any to any"])),
  ).rejects.toThrow(/put the rules in force: exit status [1-9][\s\S]*undone/);
  expect(now()).toEqual(pristine);
});

describe("beside a gateway", () => {
  const beside = () => ({
    gateway: { host: network.reference, externalInterface: "vtnet0", engine: "natd", ipv6: false },
  });

  test("both are in force, also after a reboot, and each goes alone", async () => {
    const gateway = await network.create(natGateway, network.declare.natGateway());
    const made = await network.create(
      ipfwRules,
      declared([loopback, "200 deny tcp from any to me 25"], beside()),
    );
    const numbers = async () => (await listed()).match(/^\d+/gm);
    expect(await numbers()).toEqual(["00100", "00200", "65532", "65535"]);
    await network.host.reboot();
    expect(await numbers()).toEqual(["00100", "00200", "65532", "65535"]);
    for (const [kind, each] of [
      [natGateway, gateway],
      [ipfwRules, made],
    ] as const) {
      expect(await network.read(kind, each)).toBe(true);
      expect(each.state.drift).toEqual([]);
    }
    await network.delete(ipfwRules, made);
    expect(await numbers()).toEqual(["65532", "65535"]);
    expect(await network.read(natGateway, gateway)).toBe(true);
    expect(gateway.state.drift).toEqual([]);
  });

  test("without naming it they are refused, with what to do", async () => {
    await network.create(natGateway, network.declare.natGateway());
    const there = now();
    await expect(network.create(ipfwRules, declared())).rejects.toThrow("name it in gateway");
    expect(now()).toEqual(there);
  });
});

test("a set that others use, and a firewall of the administrator's, are refused and left as they are", async () => {
  await network.host.exec(
    "kenv net.inet.ip.fw.default_to_accept=1; kldload ipfw; ipfw -q add 5 set 16 count ip from any to any",
  );
  const used = now();
  await expect(network.create(ipfwRules, declared())).rejects.toThrow("give it another set");
  expect(now()).toEqual(used);
  await network.host.exec("ipfw -q -f flush; echo 'firewall_enable=YES' >> /etc/rc.conf");
  const enabled = now();
  await expect(network.create(ipfwRules, declared())).rejects.toThrow("turns on a firewall already");
  expect(now()).toEqual(enabled);
});

describe("drift is found and mended", () => {
  const file = "/etc/ipfw.pulumi.firewall-*.sh";
  const cases: [command: string, words: RegExp[]][] = [
    ["ipfw -q delete 100", [/^running: ipfw lacks 00100 allow ip from any to any via lo0$/]],
    [
      "ipfw -q add 250 set 1 count ip from any to any",
      [/^running: set 1 of ipfw has 00250 count ip from any to any$/],
    ],
    ["ipfw -q -f flush", Array(4).fill(/^running: ipfw lacks /)],
    ["ipfw set disable 1", Array(4).fill(/^running: ipfw lacks /)],
    [
      "service ipfw stop",
      [/^running: net\.inet\.ip\.fw\.enable is 0$/, /^running: net\.inet6\.ip6\.fw\.enable is 0$/],
    ],
    [`rm ${file}`, [/^at boot: \/etc\/ipfw\.pulumi\.firewall-\w+\.sh is gone$/]],
    [`echo exit >> $(ls ${file})`, [/^at boot: \/etc\/ipfw\.pulumi\.firewall-\w+\.sh was changed$/]],
    [
      "echo 'firewall_script=/etc/rc.firewall' >> /etc/rc.conf",
      [/another line of \/etc\/rc\.conf sets firewall_script/],
    ],
    ["rm /boot/loader.conf", [/^at boot: its lines are gone from \/boot\/loader\.conf$/]],
  ];

  test.each(cases)("%s", async (command, words) => {
    const made = await network.create(ipfwRules, declared());
    await network.host.exec(command);
    expect(await network.read(ipfwRules, made)).toBe(true);
    expect(made.state.drift).toEqual(words.map((each) => expect.stringMatching(each)));
    await network.update(ipfwRules, made);
    expect(await network.read(ipfwRules, made)).toBe(true);
    expect(made.state.drift).toEqual([]);
  });

  test("all of it gone is gone", async () => {
    const made = await network.create(ipfwRules, declared());
    await network.host.exec(`ipfw -q -f flush; rm ${file} /etc/rc.conf`);
    expect(await network.read(ipfwRules, made)).toBe(false);
  });
});
