import { cpus, totalmem } from "node:os";
import { PEERS, type PeerName, type Results, type Sample } from "./bench";
import { OPERATIONS, type Operation } from "./peers";

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
};

type Match = Partial<Pick<Sample, "peer" | "jails" | "latency" | "operation">>;

/** Median of what `value` says of the samples that match; undefined where there is none. */
function of(samples: readonly Sample[], match: Match, value: (sample: Sample) => number | undefined) {
  const values = samples
    .filter((sample) =>
      Object.entries(match).every(([key, wanted]) => sample[key as keyof Sample] === wanted),
    )
    .flatMap((sample) => value(sample) ?? []);
  return values.length === 0 ? undefined : median(values);
}

const distinct = (values: readonly number[]) => [...new Set(values)].sort((a, b) => a - b);
const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
const times = (ratio: number) => (ratio < 10 ? ratio.toFixed(2) : ratio.toFixed(0));
const ms = (sample: Sample) => sample.ms;

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const width = heads.map((head, i) => Math.max(head.length, ...rows.map((row) => (row[i] ?? "").length), 3));
  const line = (cells: readonly string[]) =>
    `| ${width.map((w, i) => (i === 0 ? (cells[i] ?? "").padEnd(w) : (cells[i] ?? "").padStart(w))).join(" | ")} |`;
  const rule = `| ${width.map((w, i) => (i === 0 ? "-".repeat(w) : `${"-".repeat(w - 1)}:`)).join(" | ")} |`;
  return [line(heads), rule, ...rows.map(line)].join("\n");
}

const NAMES: Readonly<Record<PeerName, string>> = {
  ours: "this provider",
  known: "this provider, answered at once",
  floor: "floor",
  ssh: "ssh script",
  ansible: "Ansible raw",
  naive: "naive provider",
};

/** Seconds, and how many times as long as what it is to be compared with. */
function timesOf(samples: readonly Sample[], jails: number): string {
  const latencies = distinct(samples.filter((s) => s.jails === jails).map((s) => s.latency));
  const floors = Object.fromEntries(
    OPERATIONS.map((operation) => [operation, of(samples, { peer: "floor", jails, operation }, ms)]),
  );
  const cell = (peer: PeerName, latency: number, operation: Operation) => {
    const took = of(samples, { peer, jails, latency, operation }, ms);
    if (took === undefined) return "";
    const base =
      peer === "ours" || peer === "known"
        ? floors[operation]
        : of(samples, { peer: "ours", jails, latency, operation }, ms);
    return base === undefined ? seconds(took) : `${seconds(took)} (${times(took / base)})`;
  };
  const rows = latencies.flatMap((latency) =>
    PEERS.filter((peer) => peer !== "floor" && of(samples, { peer, jails, latency }, ms) !== undefined).map(
      (peer) => [
        NAMES[peer],
        `${latency} ms`,
        ...OPERATIONS.map((operation) => cell(peer, latency, operation)),
      ],
    ),
  );
  const floor = Object.values(floors).some((took) => took !== undefined)
    ? [["floor", "", ...Object.values(floors).map((took) => (took === undefined ? "" : seconds(took)))]]
    : [];
  return table([`${jails} jails`, "round trip", ...OPERATIONS], [...floor, ...rows]);
}

/** What our provider did for each operation, at the largest latency. */
function countsOf(samples: readonly Sample[]): string {
  const rows = distinct(samples.map((s) => s.jails)).flatMap((jails) => {
    const latency = Math.max(...samples.filter((s) => s.jails === jails).map((s) => s.latency));
    return OPERATIONS.map((operation) => {
      const get = (value: (sample: Sample) => number | undefined) =>
        of(samples, { peer: "ours", jails, latency, operation }, value);
      const show = (value: number | undefined, digits = 0) =>
        value === undefined ? "" : value.toFixed(digits);
      const resources = 3 * jails + 3;
      return [
        `${jails} jails, ${operation}`,
        show(get((s) => s.host.connections)),
        show(get((s) => s.host.sessions)),
        show(
          get((s) => s.host.sessions / resources),
          2,
        ),
        show(get((s) => s.traffic.roundTrips)),
        show(get((s) => s.traffic.bytes / 1000)),
        show(
          get((s) => s.host.processes / resources),
          1,
        ),
        show(
          get((s) => s.host.cpuMs / 1000),
          1,
        ),
        show(get((s) => (s.providerBytes === undefined ? undefined : s.providerBytes / 1e6))),
      ];
    });
  });
  return table(
    [
      "this provider",
      "connections",
      "sessions",
      "per resource",
      "round trips",
      "kB",
      "processes per resource",
      "host's CPU s",
      "provider's MB",
    ],
    rows,
  );
}

/** What the machine that runs Pulumi has to do, which leaves out the host, here on the same CPUs. */
function cpuOf(samples: readonly Sample[]): string {
  const cpu = (match: Match) => of(samples, match, ({ cpuMs }) => cpuMs);
  const rows = distinct(samples.map((s) => s.jails)).flatMap((jails) => [
    [`${jails} jails, floor`, ...OPERATIONS.map((operation) => cpu({ peer: "floor", jails, operation }))],
    ...distinct(samples.filter((s) => s.jails === jails).map((s) => s.latency)).map((latency) => [
      `${jails} jails, ${NAMES.ours}, ${latency} ms`,
      ...OPERATIONS.map((operation) => cpu({ peer: "ours", jails, latency, operation })),
    ]),
  ]);
  return table(
    ["CPU s but the host's", ...OPERATIONS],
    rows
      .filter(([, took]) => took !== undefined)
      .map(([name, ...took]) => [
        name as string,
        ...took.map((each) => (each === undefined ? "" : seconds(each as number))),
      ]),
  );
}

function stateOf(samples: readonly Sample[]): string {
  const size = (peer: PeerName, jails: number, what: "bytes" | "values") =>
    of(samples, { peer, jails, operation: "up" }, ({ state }) => state && state[what] / state.resources);
  const rows = distinct(samples.map((s) => s.jails)).map((jails) => [
    `${jails} jails`,
    ...(["ours", "naive"] as const).map((peer) => {
      const [values, bytes] = [size(peer, jails, "values"), size(peer, jails, "bytes")];
      return values === undefined || bytes === undefined ? "" : `${values.toFixed(0)} of ${bytes.toFixed(0)}`;
    }),
  ]);
  return table(["inputs and outputs, of bytes of state, per resource", NAMES.ours, NAMES.naive], rows);
}

/** How much longer one jail takes among more of them, beside how much longer it takes on the floor. */
function growthOf(samples: readonly Sample[]): string | undefined {
  const sizes = distinct(samples.map((s) => s.jails));
  const [small, large] = [sizes.at(-2), sizes.at(-1)];
  if (small === undefined || large === undefined) return undefined;
  const growth = (match: Match) => {
    const [few, many] = [small, large].map((jails) => of(samples, { ...match, jails }, ms));
    return few === undefined || many === undefined ? undefined : many / large / (few / small);
  };
  const rows = distinct(samples.map((s) => s.latency)).map((latency) => [
    `${latency} ms`,
    ...OPERATIONS.map((operation) => {
      const [us, floor] = [
        growth({ peer: "ours", latency, operation }),
        growth({ peer: "floor", operation }),
      ];
      return us === undefined || floor === undefined ? "" : `${us.toFixed(2)} (${times(us / floor)})`;
    }),
  ]);
  return table([`time per jail, ${small} to ${large}`, ...OPERATIONS], rows);
}

export function report({ samples, missing }: Results): string {
  const growth = growthOf(samples);
  const absent = Object.entries(missing).map(
    ([peer, why]) => `${NAMES[peer as PeerName]}: not measured, ${why}.`,
  );
  return [
    ...distinct(samples.map((s) => s.jails)).map((jails) => timesOf(samples, jails)),
    "In brackets: for this provider, how many times as long as the floor; for the others, how many times as long as this provider.",
    cpuOf(samples),
    countsOf(samples),
    stateOf(samples),
    ...(growth === undefined
      ? []
      : [
          growth,
          "How many times as long a jail takes; in brackets that, divided by what it is of the floor.",
        ]),
    ...absent,
  ].join("\n\n");
}

export function machine(engine: string): string {
  const [cpu] = cpus();
  return `${cpus().length} × ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB, ${process.platform} ${process.arch}; Node ${process.versions.node}, Pulumi ${engine}`;
}
