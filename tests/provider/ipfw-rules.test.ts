import { check } from "../../provider/check";
import { numbered } from "../../provider/ipfw/rule";
import type { Kind } from "../../provider/kind";
import { ipfwRules } from "../../provider/kinds/ipfw-rules";
import { hostReference } from "./samples";

const said = (rules: unknown, more: object = {}) =>
  check(ipfwRules as unknown as Kind, {
    host: hostReference,
    owner: "demo/test/firewall",
    rules,
    ...more,
  }).failures.map(({ property, reason }) => `${property}: ${reason}`);

test.each<[unknown, string]>([
  [["flush"], 'rules[0]: "flush" is not a rule of ipfw(8): a number, if you like, and an action'],
  [["100 allow ip from any to any\n65000 deny ip from any to any"], "one line of printable ASCII"],
  [["65535 deny ip from any to any"], "ipfw(8) has rules 1 to 65534"],
  [["100 set 5 deny ip from any to any"], "the set is the resource's own"],
  [["200 count ip from any to any", "100 deny ip from any to any"], "rules[1]: number 100 after 200"],
  [["65500 count ip from any to any", "deny ip from any to any"], "would come after 65534"],
  [[], "rules: at least one rule"],
  [[{ action: "permitted" }], "does not begin with an action of ipfw(8)"],
  [[{ action: "allow", via: "vtnet0\n" }], "is not an interface"],
  [[{ protocol: "tcp" }], "rules[0]: action: "],
  [[{ action: "allow", src: "any" }], "src"],
])("%j is refused in the plan", (rules, reason) => {
  expect(said(rules).join("\n")).toContain(reason);
});

test("a gateway without ipfw is refused", () => {
  const gateway = { host: hostReference, externalInterface: "vtnet0", engine: "pf", ipv6: false };
  expect(said(["100 count ip from any to any"], { gateway })).toEqual([
    'gateway: a gateway with the engine "pf" has no ipfw rules to stand beside: leave it out',
  ]);
});

test("rules as words, with the numbers that were left out", () => {
  const rules = [
    "add 50 pass all from any to any via lo0",
    {
      action: "allow",
      log: true,
      protocol: "tcp",
      from: "any",
      to: "me",
      toPorts: 22,
      direction: "in" as const,
    },
    "deny ip from any to any",
  ] as never;
  expect(numbered(rules).map(({ number, words }) => `${number} ${words.join(" ")}`)).toEqual([
    "50 pass all from any to any via lo0",
    "150 allow log tcp from any to me 22 in",
    "250 deny ip from any to any",
  ]);
});
