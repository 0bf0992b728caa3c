import type { Kind } from "../../provider/kind";
import { lifecycle } from "../../provider/lifecycle";
import { Reader } from "../../provider/reader";
import { essence } from "./essence";
import type { Made, Network } from "./network";

/** Resources of a host by their names, read together as a refresh does. */
export class Everything {
  readonly #made = new Map<string, { kind: Kind; made: Made }>();

  constructor(private readonly network: Network) {}

  /** In the order in which Pulumi would make them. */
  async make(declared: readonly (readonly [name: string, kind: unknown, inputs: object])[]): Promise<void> {
    for (const [name, kind, inputs] of declared) {
      const { inputs: properties } = kind as Kind;
      const made = await this.network.create(kind, {
        ...("host" in properties && { host: this.network.reference }),
        owner: `demo/test/${name}`,
        ...inputs,
      });
      this.#made.set(name, { kind: kind as Kind, made });
    }
  }

  /** What a refresh says, by name; of what has no drift, nothing. */
  async drift(): Promise<Record<string, string[]>> {
    const shared = {
      runner: this.network.sessions,
      reader: new Reader(this.network.sessions),
      configure: async () => {},
      who: "tests@here",
    };
    const found = await Promise.all(
      [...this.#made].map(async ([name, { kind, made }]) => {
        const { id, props } = await lifecycle(kind, shared).read(made.id, made.state);
        if (id === "") return [name, ["gone"]] as const;
        made.state = props as Made["state"];
        return [name, made.state.drift] as const;
      }),
    );
    return Object.fromEntries(found.filter(([, words]) => words.length > 0).map(([k, v]) => [k, [...v]]));
  }

  /** What the next `up` does: makes what is gone, mends what has drifted. */
  async mend(drift: Record<string, string[]>): Promise<void> {
    for (const [name, each] of this.#made) {
      if (drift[name]?.[0] === "gone") {
        each.made = await this.network.create(each.kind, each.made.inputs);
      } else if (drift[name]) await this.network.update(each.kind, each.made);
    }
  }

  state(name: string): Made["state"] {
    return (this.#made.get(name) as { made: Made }).made.state;
  }
}

/** The host without the numbers that the kernel counts up, and without the order in which things were made. */
export function comparable(network: Network): unknown {
  const counted =
    /^(number|jid|index|id|ids|pid|next.*|last.*|cpuset.id|.*Seconds|mtime|ino|scope.*|created.*)$/i;
  const mapped = (value: unknown, map: (key: string, value: unknown) => unknown) =>
    JSON.parse(JSON.stringify(value, map));
  const uncounted = mapped(essence(network.host.snapshot(), { modules: false }), (key, value) =>
    counted.test(key) ? 0 : value,
  );
  return mapped(uncounted, (key, value) => {
    // By the numbers of jails.
    if (key === "masks") return Object.values(value as object);
    if (key === "content" && typeof value === "string") return value.split("\n").sort();
    if (!Array.isArray(value)) return value;
    return [...value].sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
  });
}
