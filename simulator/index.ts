export type { Result } from "./command";
export type { FaultPattern, FaultResult, FileSnapshot, LogEntry, Snapshot } from "./machine";
export { Machine } from "./machine";
