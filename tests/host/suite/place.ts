import type { Kind } from "../../../provider/kind";
import { bridge } from "../../../provider/kinds/bridge";
import { epairLink } from "../../../provider/kinds/epair-link";
import { host } from "../../../provider/kinds/host";
import { ipfwRules } from "../../../provider/kinds/ipfw-rules";
import { jailRoot } from "../../../provider/kinds/jail-root";
import { natGateway } from "../../../provider/kinds/nat-gateway";
import { natRedirect } from "../../../provider/kinds/nat-redirect";
import { vnetJail } from "../../../provider/kinds/vnet-jail";
import type { Target } from "../../../provider/ssh";

/** Where on a host the article's network is made, and under which names: free ones on a host with other uses. */
export interface Place {
  readonly target: Target;
  readonly externalInterface: string;
  /** `uname -K` */
  readonly osreldate: number;
  /** Owners begin so: `demo/test`. */
  readonly owner: string;
  readonly bridge: string;
  /** The first epair's unit; later ones count up. */
  readonly unit: number;
  /** The first three numbers of the bridge's IPv4 subnet: `10.10.15`. */
  readonly subnet: string;
  /** What jails' names begin with: `test`. */
  readonly jail: string;
  /** What roots are clones of, or the directory that all jails have as their root. */
  readonly template: { readonly snapshot: string; readonly roots: string } | { readonly directory: string };
  /** The first port that is redirected; later ones count up. */
  readonly port: number;
}

/** What the kinds are given for jails behind one bridge; later ones take the states of earlier ones. */
export function declarations(place: Place) {
  const { target, externalInterface, osreldate, subnet, template, unit } = place;
  const reference = { ...target, externalInterface, osreldate };
  const owner = (name: string) => `${place.owner}/${name}`;
  const gateway = `${subnet}.1`;
  const nat = { host: reference, externalInterface, engine: "natd", ipv6: false };
  const jailName = (letter: string) => `${place.jail}${letter}`;
  return {
    host: () => ({ ...target }),
    bridge: () => ({
      host: reference,
      name: place.bridge,
      addresses: [`${gateway}/24`],
      owner: owner("lan"),
    }),
    epairLink: (n = 1) => ({
      host: reference,
      bridge: { name: place.bridge, addresses: [`${gateway}/24`] },
      unit: unit + n - 1,
      owner: owner(`link${n}`),
    }),
    jailRoot: (name = jailName("A")) => ({
      host: reference,
      ...("snapshot" in template ? { snapshot: template.snapshot } : { path: template.directory }),
      owner: owner(name),
    }),
    vnetJail: (name = jailName("A"), n = 1) => ({
      host: reference,
      path: "snapshot" in template ? `${template.roots}/${name}` : template.directory,
      interfaces: [
        {
          link: { jailSide: `epair${unit + n - 1}b`, subnets: [`${gateway}/24`] },
          addresses: [`${subnet}.${99 + n}/24`],
        },
      ],
      gateway,
      owner: owner(name),
    }),
    natGateway: () => ({ host: reference, owner: owner("nat") }),
    natRedirect: (port = place.port) => ({
      gateway: nat,
      protocol: "tcp",
      publicPort: port,
      target: { name: jailName("A"), addresses: [`${subnet}.100/24`] },
      targetPort: 80,
      owner: owner(`web${port}`),
    }),
    /** Beside the gateway; they keep nobody out. */
    ipfwRules: () => ({
      host: reference,
      gateway: nat,
      rules: ["allow ip from any to any via lo0", "count tcp from any to me 22 in setup"],
      owner: owner("rules"),
    }),
  };
}

export type Declarations = ReturnType<typeof declarations>;

/** One of each kind, in the order in which Pulumi would make them. */
const order: readonly [kind: unknown, declare: (given: Declarations) => object][] = [
  [host, (given) => given.host()],
  [bridge, (given) => given.bridge()],
  [epairLink, (given) => given.epairLink()],
  [jailRoot, (given) => given.jailRoot()],
  [vnetJail, (given) => given.vnetJail()],
  [natGateway, (given) => given.natGateway()],
  [natRedirect, (given) => given.natRedirect()],
  [ipfwRules, (given) => given.ipfwRules()],
];

export const everyKind = order.map(([kind]) => kind as Kind);

export const article = (given: Declarations): [kind: unknown, declared: object][] =>
  order.map(([kind, declare]) => [kind, declare(given)]);
