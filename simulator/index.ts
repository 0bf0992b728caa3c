/**
 * A FreeBSD host for tests: an SSH server on 127.0.0.1 with a model of FreeBSD's kernel, file system and base
 * tools behind it.
 */
export type { Result } from "./command";
export type { SimulatedHostOptions } from "./host";
export { SimulatedHost } from "./host";
export type {
  ExecOptions,
  FaultPattern,
  FaultResult,
  FileSnapshot,
  LogEntry,
  MachineOptions,
  Snapshot,
} from "./machine";
export { Machine } from "./machine";
export type { ReleaseNumber } from "./release";
export type { Login } from "./server";
