/** Scripts on hosts over SSH: as safe as OpenSSH, with as few round trips as possible. */
export type { Confirmation } from "./confirmed";
export { hasUnknownEnd, type Printed, SshError, type SshErrorKind } from "./errors";
export { hostKeyProblem } from "./hostkey";
export type { Credentials } from "./identity";
export { Redacted } from "./redacted";
export { type RunOptions, Sessions, type SessionsOptions } from "./sessions";
export type { Live, Result } from "./shell";
export type { Become, Target } from "./target";
