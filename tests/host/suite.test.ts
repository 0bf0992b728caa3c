import { Redacted, Sessions } from "../../provider/ssh";
import { SimulatedHost } from "../../simulator";
import { essence } from "./essence";
import { type Case, cases } from "./suite/cases";
import { Suite } from "./suite/suite";

/** The suite of `npm run test:host`, on the simulated host; all cases on one host, as on a real one. */

jest.setTimeout(60_000);

let host: SimulatedHost;
let sessions: Sessions;
let suite: Suite;

beforeAll(async () => {
  host = await SimulatedHost.start();
  sessions = new Sessions({ credentials: { privateKey: new Redacted(host.clientKey), agent: false } });
  const { address, port, hostKey } = host;
  suite = await Suite.start(
    sessions,
    { address, port, user: "root", hostKey },
    {
      template: "zroot/jails/template@base",
      allowReboot: true,
      signal: new AbortController().signal,
      pollMs: 50,
    },
  );
});

afterAll(async () => {
  await sessions.close();
  await host.stop();
});

test.each(cases.map((each) => [each.name, each] as const))("%s", async (_, each) => {
  const before = essence(host.snapshot());
  const { result, reason } = await suite.run(each);
  expect({ result, reason }).toEqual({ result: "passed", reason: undefined });
  if (!each.needs.includes("reboot")) expect(essence(host.snapshot())).toEqual(before);
});

test.each([
  ["ifconfig bridge950 create", "ifconfig bridge950 destroy", "interfaces:\n  + bridge950"],
  ["chmod 600 /etc/rc.conf", "chmod 644 /etc/rc.conf", "  - /etc/rc.conf -rw-r--r-- root wheel"],
  ["printf '\\n' >> /etc/fstab", "sed -i '' -e '$d' /etc/fstab", "  - /etc/fstab has "],
  ["kldload if_epair", "kldunload if_epair", "kernel modules:\n  + if_epair.ko"],
  ["touch /var/run/jail_pfvtestA.id", "rm /var/run/jail_pfvtestA.id", "leftovers:\n  + /var/run/jail_"],
])("a case that leaves something behind has failed: %s", async (command, repair, words) => {
  const careless: Case = {
    name: "careless",
    about: "",
    needs: [],
    run: (bench) => bench.disturb(command),
  };
  const { result, reason } = await suite.run(careless);
  await host.exec(repair);
  expect(result).toBe("failed");
  expect(reason).toContain(words);
});
