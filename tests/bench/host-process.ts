import { SimulatedHost } from "../../simulator";
import { Memory } from "./memory";

/*
 * The simulated host in a process of its own, so that the time it takes is not the provider's. The process that
 * forked it sends requests, one at a time.
 */

export interface Started {
  readonly port: number;
  readonly hostKey: string;
  readonly knownHostsLine: string;
  readonly clientKey: string;
}

/** Since the last time it was asked. */
export interface Counts {
  readonly connections: number;
  /** Sessions in which a command was run, those of the shells that wait for a script among them. */
  readonly sessions: number;
  /** Scripts that were answered without being run. */
  readonly known: number;
  /** Processes that were started on the host. */
  readonly processes: number;
  /** Time of the CPU that the simulated host took. */
  readonly cpuMs: number;
}

/**
 * `plain`: each script is run. `learning`: and what it printed is kept. `knowing`: the scripts that were learned are
 * answered without being run.
 */
export type Manner = "plain" | "learning" | "knowing";

export type Request =
  | { readonly start: number; readonly manner: Manner }
  | { readonly count: true }
  | { readonly run: string };
export type Reply = { readonly value: unknown } | { readonly error: string };

let host: SimulatedHost | undefined;
let memory = new Memory();
let since = { connections: 0, known: 0, cpu: process.cpuUsage() };

/** A pristine host with the root folders of so many jails, which are not what is measured. */
async function start(jails: number, manner: Manner): Promise<Started> {
  await host?.stop();
  host = await SimulatedHost.start();
  if (manner === "learning") memory = new Memory();
  if (manner !== "plain") memory.attach(host.machine, manner);
  const roots = Array.from({ length: jails }, (_, i) => `zroot/jails/j${i + 1}`);
  const made = await host.exec(
    ["set -e", ...roots.map((root) => `zfs clone zroot/jails/template@base ${root}`)].join("\n"),
  );
  if (made.status !== 0) throw new Error(`the jails' roots could not be made: ${made.stderr}`);
  count();
  const { port, hostKey, knownHostsLine, clientKey } = host;
  return { port, hostKey, knownHostsLine, clientKey };
}

function count(): Counts {
  const { machine, connections } = host as SimulatedHost;
  const cpu = process.cpuUsage(since.cpu);
  const started = machine.log.splice(0);
  const counts = {
    connections: connections - since.connections,
    known: memory.answered - since.known,
    sessions: started.filter(({ argv }) => argv.join(" ") === "/bin/sh -s").length,
    processes: started.length,
    cpuMs: (cpu.user + cpu.system) / 1000,
  };
  since = { connections, known: memory.answered, cpu: process.cpuUsage() };
  return counts;
}

async function answer(request: Request): Promise<unknown> {
  if ("start" in request) return start(request.start, request.manner);
  if ("count" in request) return count();
  const { stdout, stderr } = await (host as SimulatedHost).exec(request.run);
  return stdout + stderr;
}

process.on("message", (request: Request) => {
  answer(request).then(
    (value) => process.send?.({ value }),
    (error: Error) => process.send?.({ error: error.stack }),
  );
});
process.on("disconnect", () => process.exit());
