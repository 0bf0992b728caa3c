import type { Engine } from "../../scripts/engine";
import { getAnsible } from "./ansible";
import { BenchHost, type Counts } from "./host";
import { ansible, floor, hasSsh, naive, OPERATIONS, type Operation, ours, type Peer, ssh } from "./peers";
import type { Recorded } from "./programs/floor";
import type { Reach } from "./programs/ours";
import { DelayingProxy, type Traffic } from "./proxy";

export const PEERS = ["ours", "known", "floor", "ssh", "ansible", "naive"] as const;
export type PeerName = (typeof PEERS)[number];

export interface Plan {
  readonly jails: readonly number[];
  /** What a round trip to the host takes more than on this machine, in ms. */
  readonly latencies: readonly number[];
  readonly peers: readonly PeerName[];
  /** How often ours and the floor are measured; the others are measured once. */
  readonly repeat: number;
  /** Further arguments for `pulumi`. */
  readonly engineArgs: readonly string[];
}

/** One operation, measured. */
export interface Sample {
  readonly peer: PeerName;
  readonly jails: number;
  /** Of the floor it does not matter: it asks no host. */
  readonly latency: number;
  readonly operation: Operation;
  readonly ms: number;
  /** Time of the CPU that Pulumi, the program and the provider took. */
  readonly cpuMs: number | undefined;
  readonly host: Counts;
  readonly traffic: Traffic;
  readonly providerBytes: number | undefined;
  /** After the operation. */
  readonly state:
    | {
        /** The file, with all that Pulumi notes. */
        readonly bytes: number;
        /** Of that, inputs and outputs, without the blanks between. */
        readonly values: number;
        readonly resources: number;
      }
    | undefined;
}

export interface Results {
  readonly samples: readonly Sample[];
  /** Why some peers are not in it. */
  readonly missing: Readonly<Partial<Record<PeerName, string>>>;
}

interface Case {
  readonly peer: PeerName;
  readonly jails: number;
  readonly latency: number;
}

export async function bench(
  engine: Engine,
  plan: Plan,
  say: (text: string) => void,
  isInterrupted: () => boolean,
): Promise<Results> {
  const missing: Partial<Record<PeerName, string>> = {};
  if (plan.peers.includes("ssh") && !hasSsh()) missing.ssh = "there is no OpenSSH client on this machine";
  if (plan.peers.includes("ansible")) {
    const why = getAnsible();
    if (why) missing.ansible = why;
  }
  const samples: Sample[] = [];
  const host = BenchHost.open();
  try {
    // What runs for the first time is compiled and read from disk first: that is nobody's.
    say("  warming up");
    await measure(engine, host, { peer: "ours", jails: 3, latency: 0 }, [], plan.engineArgs);
    for (const jails of plan.jails) {
      let state: readonly Recorded[] = [];
      for (const one of casesOf(plan, jails)) {
        if (isInterrupted()) return { samples, missing };
        if (missing[one.peer]) continue;
        const measured = await measure(engine, host, one, state, plan.engineArgs);
        if (measured.state.length > 0) state = measured.state;
        samples.push(...measured.samples);
        const times = measured.samples.map(({ operation, ms }) => `${operation} ${(ms / 1000).toFixed(1)} s`);
        say(`  ${one.jails} jails, ${one.peer}, ${one.latency} ms: ${times.join(", ")}`);
      }
    }
  } finally {
    host.close();
  }
  return { samples, missing };
}

/** The floor comes between ours, so that a machine that gets slower in the meantime is slower for both. */
function casesOf({ peers, latencies, repeat }: Plan, jails: number): Case[] {
  const cases: Case[] = [];
  const compared = (["ours", "floor"] as const).filter((peer) => peer === "ours" || peers.includes(peer));
  for (let round = 0; round < repeat; round++) {
    for (const latency of latencies) cases.push(...compared.map((peer) => ({ peer, jails, latency })));
  }
  for (const peer of peers.filter((peer) => peer !== "ours" && peer !== "floor")) {
    cases.push(...latencies.map((latency) => ({ peer, jails, latency })));
  }
  return cases;
}

/** @param state of the same program by our provider, which the floor is made of */
async function measure(
  engine: Engine,
  host: BenchHost,
  { peer: name, jails, latency }: Case,
  state: readonly Recorded[],
  engineArgs: readonly string[],
): Promise<{ samples: Sample[]; state: readonly Recorded[] }> {
  if (name === "known") await learn(engine, host, jails, engineArgs);
  const started = await host.start(jails, name === "known" ? "knowing" : "plain");
  const proxy = await DelayingProxy.open(started.port, latency);
  const reach: Reach = { ...started, port: proxy.port };
  const make: Record<PeerName, () => Promise<Peer>> = {
    ours: () => ours(engine, jails, reach, engineArgs),
    known: () => ours(engine, jails, reach, engineArgs),
    floor: () => floor(engine, state, engineArgs),
    naive: () => naive(engine, jails, reach, engineArgs),
    ssh: () => ssh(jails, reach),
    ansible: () => ansible(jails, reach),
  };
  const peer = await make[name]();
  const samples: Sample[] = [];
  let made: readonly Recorded[] = [];
  try {
    for (const operation of name === "known" ? CHANGES : OPERATIONS) {
      await host.count();
      proxy.count();
      const ran = await peer.run(operation);
      const [counts, traffic] = [await host.count(), proxy.count()];
      const after = peer.state?.();
      samples.push({
        peer: name,
        jails,
        latency,
        operation,
        ...ran,
        host: counts,
        traffic,
        state: after && {
          bytes: after.bytes,
          values: after.resources
            .map(({ inputs, outputs }) => JSON.stringify([inputs ?? {}, outputs ?? {}]).length)
            .reduce((sum, each) => sum + each, 0),
          resources: after.resources.length,
        },
      });
      if (name === "ours" && operation === "up") made = after?.resources ?? [];
      if (name === "known" && counts.known < 3 * jails)
        throw new Error(`of ${jails} jails only ${counts.known} scripts were known in ${operation}`);
      if (name !== "floor" && name !== "known")
        await verify(host, operation === "destroy" ? 0 : jails, name, operation);
    }
  } finally {
    peer.close();
    await proxy.close();
  }
  return { samples, state: made };
}

/** Of what others ask, which scripts there are depends on what is asked at the same time. */
const CHANGES = ["up", "destroy"] as const;

/** What the host answers to all scripts of a change. */
async function learn(
  engine: Engine,
  host: BenchHost,
  jails: number,
  engineArgs: readonly string[],
): Promise<void> {
  const reach = await host.start(jails, "learning");
  const peer = await ours(engine, jails, reach, engineArgs);
  try {
    for (const operation of CHANGES) {
      await peer.run(operation);
      await verify(host, operation === "up" ? jails : 0, "known", operation);
    }
  } finally {
    peer.close();
  }
}

/** A time for work that was not done is worth nothing. */
async function verify(host: BenchHost, jails: number, peer: PeerName, operation: Operation): Promise<void> {
  const said = await host.run(
    "jls -q jid | grep -c .; ifconfig -l | tr ' ' '\\n' | grep -c '^epair.*a$'; cat /etc/natd.conf 2>/dev/null | grep -c '^redirect_port'; :",
  );
  const there = said.trim().split(/\s+/).map(Number);
  if (there.some((count) => count !== jails))
    throw new Error(
      `after ${operation} by ${peer} the host has ${there.join(", ")} jails, epairs and redirects in place of ${jails} each`,
    );
}
