import { type CheckResult, check } from "../../provider/check";
import { diff } from "../../provider/diff";
import { askModules, isLoaded, parseModules } from "../../provider/freebsd/modules";
import type { Kind } from "../../provider/kind";
import { devfsRuleset } from "../../provider/kinds/devfs-ruleset";
import { kernelModule } from "../../provider/kinds/kernel-module";
import { rcSetting } from "../../provider/kinds/rc-setting";
import { sysctl } from "../../provider/kinds/sysctl";
import { UNKNOWN } from "../../provider/unknown";
import { hostReference } from "./samples";

const run = (kind: unknown, inputs: object) =>
  check(kind as Kind, { host: hostReference, owner: "p/s/it", ...inputs });
const rc = (inputs: object) => run(rcSetting, { name: "ntpd_enable", ...inputs });
const rules = (...all: object[]) => run(devfsRuleset, { rules: all });

type Refused = [CheckResult, property: string, reason: string];

const refused: Refused[] = [
  [rc({ name: "ifconfig_a-b", value: "" }), "name", 'letters, digits and "_", such as "ifconfig_a_b"'],
  [rc({ name: "x y", value: "" }), "name", '"x y" is not a name for rc.conf(5)'],
  [rc({ name: "x=1;y", value: "" }), "name", "is not a name for rc.conf(5)"],
  [rc({ name: "PATH", value: "" }), "name", "belongs to sh(1) and rc.subr(8) themselves"],
  [rc({ name: "rcvar", value: "" }), "name", "it breaks every service"],
  ...['"', "$", "`", "\\", "\n", "\t", "é"].map(
    (bad): Refused => [
      rc({ value: `a${bad}b` }),
      "value",
      `${JSON.stringify(bad)} cannot stand in a value of rc.conf(5)`,
    ],
  ),
  [rc({ words: ["a b"] }), "words[0]", '"a b" is not one word'],
  [rc({ words: ["a", ""] }), "words[1]", '"" is not one word'],
  [rc({ words: ["$(id)"] }), "words[0]", '"$" cannot stand in a value'],
  [rc({ words: ["a", "b", "a"] }), "words[2]", "a is there already, as words[0]"],
  [rc({ words: [] }), "words", "an empty list adds nothing"],
  [rc({}), "value", "is required, or words that are added to the list"],
  [rc({ value: "YES", words: ["a"] }), "words", "value is given too"],
  [rc({ name: "kld_list", value: "pf" }), "value", "this would take theirs away: give words"],
  [run(kernelModule, { name: "if_vxlan.ko" }), "name", 'without folder and ".ko"'],
  [run(kernelModule, { name: "/boot/kernel/pf" }), "name", "is not a module's name"],
  [run(kernelModule, { name: "-n" }), "name", "is not a module's name"],
  [run(sysctl, { name: "net", value: 1 }), "name", '"net" is not the name of a kernel variable'],
  [run(sysctl, { name: "a.b=1", value: 1 }), "name", "is not the name of a kernel variable"],
  [run(sysctl, { name: "kern.securelevel", value: 1 }), "name", "use RcSetting with kern_securelevel"],
  ...["", " a", "a ", "a#b", 'a"b', "a=b", "a\nb"].map(
    (bad): Refused => [
      run(sysctl, { name: "a.b", value: bad }),
      "value",
      "cannot be written to sysctl.conf(5)",
    ],
  ),
  [run(sysctl, { name: "a.b", value: 1.5 }), "value", "1.5 is neither a whole number nor text"],
  [run(sysctl, { name: "a.b", value: true }), "value", "true is neither a whole number nor text"],
  [run(sysctl, { name: "a.b" }), "value", "is required"],
  [run(devfsRuleset, { number: 5 }), "number", "rulesets 1 to 5 are FreeBSD's own: take 6 to 65535"],
  [run(devfsRuleset, { number: 65536 }), "number", "devfs(8) has rulesets 1 to 65535"],
  [run(devfsRuleset, { name: "a-b" }), "name", '"a-b" is not a name for a ruleset'],
  [run(devfsRuleset, { name: "IFS" }), "name", "not a variable of the shell"],
  [run(devfsRuleset, { name: "devfsrules_jail" }), "name", "is not a name for a ruleset"],
  [
    run(devfsRuleset, { include: ["jail"] }),
    "include[0]",
    '"jail" is neither the number of a ruleset nor one of devfsrules_hide_all',
  ],
  [run(devfsRuleset, { number: 99, include: [99] }), "include", "a ruleset cannot include itself"],
  [run(devfsRuleset, { include: [] }), "rules", "an empty ruleset shows a jail every device of the host"],
  [rules({ path: "/dev/bpf", action: "unhide" }), "rules[0].path", "relative to /dev"],
  [rules({ path: "bpf;reboot", action: "unhide" }), "rules[0].path", "is not a pattern of device names"],
  [rules({ path: "bpf" }), "rules[0]", "does nothing: give it an action, a user, a group or a mode"],
  [rules({ action: "unhide" }), "rules[0]", "would show every device of the host"],
  [rules({ path: "bpf", action: "show" }), "rules[0].action", 'not one of "hide", "unhide"'],
  [rules({ path: "bpf", mode: "rw" }), "rules[0].mode", '"rw" is not an octal mode, such as "0660"'],
  [rules({ path: "bpf", user: "1 include 9" }), "rules[0].user", "is not the name of a user of the host"],
  [rules({ type: "net", action: "hide" }), "rules[0].type", 'not one of "disk", "mem", "tape", "tty"'],
];

test.each(refused)("refused before any SSH: %#", (result, property, reason) => {
  expect(result.failures).toEqual([{ property, reason: expect.stringContaining(reason) }]);
});

test("values that are not known yet are left for the run that knows them", () => {
  expect(rc({ value: UNKNOWN }).failures).toEqual([]);
  expect(rc({ words: ["a", UNKNOWN] }).failures).toEqual([]);
  expect(run(sysctl, { name: UNKNOWN, value: UNKNOWN }).failures).toEqual([]);
  expect(run(devfsRuleset, { number: UNKNOWN, include: [UNKNOWN] }).failures).toEqual([]);
  expect(rules({ path: UNKNOWN, action: "unhide" }, { path: "bpf", mode: UNKNOWN }).failures).toEqual([]);
});

test("a ruleset gets its number and its name from the resource, the same in every run", () => {
  const { inputs } = run(devfsRuleset, { owner: "p/s/DevfsRuleset/my-bpf" });
  expect(inputs).toMatchObject({ name: "pulumi_my_bpf", include: ["devfsrules_jail_vnet"], rules: [] });
  expect(run(devfsRuleset, { owner: "p/s/DevfsRuleset/my-bpf" }).inputs).toEqual(inputs);
  expect(inputs.number).toBeGreaterThanOrEqual(1000);
});

test("a value changes live, a name makes it anew", () => {
  const change = (kind: unknown, from: object, to: object) =>
    diff(kind as Kind, run(kind, from).inputs, run(kind, to).inputs);
  const live = { changes: true, replaces: [] };
  const anew = { changes: true, replaces: ["name"] };
  expect(change(rcSetting, { name: "a", value: "1" }, { name: "a", words: ["1"] })).toMatchObject(live);
  expect(change(rcSetting, { name: "a", value: "1" }, { name: "b", value: "1" })).toMatchObject(anew);
  expect(change(sysctl, { name: "a.b", value: 1 }, { name: "a.b", value: 2 })).toMatchObject(live);
  expect(change(sysctl, { name: "a.b", value: 1 }, { name: "a.c", value: 1 })).toMatchObject(anew);
  expect(change(kernelModule, { name: "a" }, { name: "b" })).toMatchObject(anew);
  expect(change(devfsRuleset, {}, { rules: [{ path: "bpf", action: "unhide" }] })).toMatchObject(live);
  expect(change(devfsRuleset, { number: 9 }, { number: 8 })).toMatchObject({ replaces: ["number"] });
});

// man page only: the format is kldstat.c's.
test("kldstat -v tells the files, and the modules in them and in the kernel", () => {
  const said = [
    "Id Refs Address                Size Name",
    " 1   20 0xffffffff80200000   deacf8 kernel (/boot/kernel/kernel)",
    "\tContains modules:",
    "\t\t Id Name",
    "\t\t386 if_lo",
    "\t\t 17 pci/virtio_pci",
    "12    1 0xffffffff82a11000     7798 if_bridge.ko (/boot/kernel/if_bridge.ko)",
    "\tContains modules:",
    "\t\t Id Name",
    "\t\t501 if_bridge",
    "13    1 0xffffffff82a19000     2128 uhid.ko (/boot/my modules/uhid.ko)",
    "\tContains modules:",
    "\t\t Id Name",
    "\t\t502 uhub/uhid",
    "",
  ].join("\n");
  const found = parseModules(said);
  expect([...found.files]).toEqual(["kernel", "if_bridge", "uhid"]);
  expect([...found.modules]).toEqual(["if_lo", "pci/virtio_pci", "if_bridge", "uhub/uhid"]);
  expect(
    ["if_lo", "uhid", "virtio_pci", "Id", "if_vlan", "pci"].map((name) => isLoaded(found, name)),
  ).toEqual([true, true, true, false, false, false]);
  expect(() => askModules().read({ text: "kldstat: Operation not permitted\n", status: 1 })).toThrow(
    "unexpected answer to `kldstat -v`",
  );
});
