import * as pulumi from "@pulumi/pulumi";
import { Host, NatGateway, NatRedirect, type NatRedirectArgs } from "../../sdk";

let nat: NatGateway;

beforeAll(async () => {
  await pulumi.runtime.setMocks({
    newResource: ({ name, inputs }) => ({ id: name, state: inputs }),
    call: () => ({}),
  });
});

beforeEach(() => {
  const host = new Host("alpha", { address: "alpha.example.net" });
  nat = new NatGateway("nat", { host, externalInterface: "rl0" });
});

const args = (changed: Partial<NatRedirectArgs> = {}): NatRedirectArgs => ({
  gateway: nat,
  protocol: "tcp",
  publicPort: 80,
  target: "10.10.15.100",
  ...changed,
});

test("two redirects of one port are refused while the program runs, with both names", () => {
  new NatRedirect("web", args());
  expect(() => new NatRedirect("other", args())).toThrow(
    'NatRedirect "other" takes tcp port 80, which "web" has already (tcp port 80): a port of a host leads to one place',
  );
  expect(() => new NatRedirect("range", args({ publicPort: "79-81", protocol: "both" }))).toThrow(
    'takes tcp and udp port 79-81, which "web" has already',
  );
  new NatRedirect("dns", args({ protocol: "udp" }));
});

test("another gateway is another host", () => {
  new NatRedirect("web", args());
  const other = new NatGateway("other", { host: new Host("beta", { address: "b.example.net" }) });
  new NatRedirect("web2", args({ gateway: other }));
});
