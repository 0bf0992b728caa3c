import type { Io } from "../../command";
import type { Interface } from "../../kernel/netif";
import type { Vnet } from "../../kernel/network";
import type { Program } from "./program";
import type { AddressFamily } from "./status";

/** One invocation's state: ifconfig(8) collects an address while it reads words and sets it at the end. */
export interface Context {
  readonly self: Program;
  readonly io: Io;
  readonly vnet: Vnet;
  /** Whether the kernel lets this process change the stack. */
  readonly allowed: boolean;
  /** The interface's name now. */
  name: string;
  family: AddressFamily;
  /** The name to print at the end: the kernel chose it, or it was changed. */
  printed: string | undefined;
  address: { text: string; value: bigint } | undefined;
  /** What `-alias` removes; without one, the first address. */
  removed: bigint | undefined;
  link: string | undefined;
  prefix: number | undefined;
  broadcast: bigint | undefined;
  alias: -1 | 0 | 1;
  clears: boolean;
  adds: boolean;
  vlan: { tag?: number; parent?: string };
}

export type Run = (on: Context, ...values: string[]) => void;
export type Word = readonly [values: 0 | 1 | 2, run: Run];

/** The interface, which words before may have renamed, moved or destroyed. */
export function netifOf(on: Context): Interface {
  const netif = on.vnet.find(on.name);
  return netif ?? on.self.errx(1, "ioctl (SIOCGIFFLAGS): no such interface");
}

/** Asks the kernel for something; `failed` is how the program words a refusal. */
export function ioctl<T>(on: Context, call: () => T, failed: (reason: string) => string): T {
  if (!on.allowed) return on.self.errx(1, failed("Operation not permitted"));
  return on.self.attempt(call, (error) => failed(error.message));
}

/** err(3) with this before the reason. */
export const said = (what: string) => (reason: string) => `${what}: ${reason}`;
