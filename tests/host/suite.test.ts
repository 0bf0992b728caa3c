import { type Case, cases } from "./suite/cases";
import { SimulatedSuite } from "./suite/simulated";

/** The suite of `npm run test:host`, on the simulated host; all cases on one host, as on a real one. */

jest.setTimeout(60_000);

let simulated: SimulatedSuite;

beforeAll(async () => {
  simulated = await SimulatedSuite.start();
});

afterAll(() => simulated.stop());

test.each(cases.map((each) => [each.name, each] as const))("%s", (_, each) => simulated.passes(each));

test.each([
  ["ifconfig bridge950 create", "ifconfig bridge950 destroy", "interfaces:\n  + bridge950"],
  ["chmod 600 /etc/rc.conf", "chmod 644 /etc/rc.conf", "  - /etc/rc.conf -rw-r--r-- root wheel"],
  ["printf '\\n' >> /etc/fstab", "sed -i '' -e '$d' /etc/fstab", "  - /etc/fstab has "],
  ["kldload if_epair", "kldunload if_epair", "kernel modules:\n  + if_epair"],
  ["touch /var/run/jail_pfvtestA.id", "rm /var/run/jail_pfvtestA.id", "leftovers:\n  + /var/run/jail_"],
])("a case that leaves something behind has failed: %s", async (command, repair, words) => {
  const careless: Case = {
    name: "careless",
    about: "",
    needs: [],
    run: (bench) => bench.disturb(command),
  };
  const { result, reason } = await simulated.suite.run(careless);
  await simulated.host.exec(repair);
  expect(result).toBe("failed");
  expect(reason).toContain(words);
});
