/**
 * What went wrong:
 * - `configuration`: ssh_config(5) says something that cannot be followed here.
 * - `unreachable`: no SSH connection, or no session on it (name, route, port, sshd, MaxSessions).
 * - `hostKeyUnknown`, `hostKeyChanged`, `hostKeyRevoked`: the host did not prove which host it is.
 * - `authentication`: the host refused every identity.
 * - `timeout`: the script took longer than its limit; it may still run.
 * - `connectionLost`: the connection ended while the script ran; what it did is unknown.
 * - `tooMuchOutput`: the script printed more than the limit; it may still run.
 * - `noRights`: the shell (or sudo, doas) did not start the script.
 */
export type SshErrorKind =
  | "configuration"
  | "unreachable"
  | "hostKeyUnknown"
  | "hostKeyChanged"
  | "hostKeyRevoked"
  | "authentication"
  | "timeout"
  | "connectionLost"
  | "tooMuchOutput"
  | "noRights";

/** What a script had printed when it was given up. */
export interface Printed {
  readonly stdout: string;
  readonly stderr: string;
}

/** Every failure of this folder. The message says what, where, why and what to do; never a secret or a script. */
export class SshError extends Error {
  override readonly name = "SshError";
  readonly kind: SshErrorKind;
  /** What the script had printed until then; empty strings if it did not start. */
  readonly printed: Printed;

  constructor(kind: SshErrorKind, message: string, options: { cause?: unknown; printed?: Printed } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.printed = options.printed ?? { stdout: "", stderr: "" };
  }
}

/** The script was sent, and nobody knows how far it came or whether it goes on. */
export const hasUnknownEnd = (error: unknown): boolean =>
  error instanceof SshError && ["connectionLost", "timeout", "tooMuchOutput"].includes(error.kind);

const tailLength = 2000;

/** The end of each stream, for a message. */
export function quotePrinted({ stdout, stderr }: Printed): string {
  const quote = (name: string, text: string) => {
    if (text === "") return `Nothing on ${name}.`;
    const tail = text.length > tailLength ? `…${text.slice(-tailLength)}` : text;
    return `On ${name}:\n${tail.trimEnd()}`;
  };
  return `${quote("stdout", stdout)}\n${quote("stderr", stderr)}`;
}

export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
