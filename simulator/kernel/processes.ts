import type { Clock } from "../clock";

/** A process that outlives the command that started it: a daemon. */
export interface Process {
  readonly pid: number;
  /** As `ps` shows it: "/sbin/natd -f /etc/natd.conf". */
  readonly command: string;
  /** Base name of the binary: what pgrep -x and pkill match. */
  readonly name: string;
  /** jid, 0 on the host. */
  readonly jid: number;
  /** Absent: root. */
  readonly uid?: number;
  readonly startedAt: number;
  /** Milliseconds from SIGTERM until it ends (natd's exit_delay). Absent: at once. SIGKILL ends it at once. */
  readonly termDelay?: number;
  /** Called when it ends, in whatever way; `signal` if one ended it. */
  onExit?: (signal?: string) => void;
  /** TCP ports it listens on (sshd, nc, a web server): what a probe over the simulated network finds. */
  readonly listens?: readonly Listener[];
}

export interface Listener {
  readonly proto: "tcp" | "udp";
  readonly port: number;
  /** What it answers to a client that sent `received` and then waits. Absent: nothing. */
  readonly serve?: (received: string) => string;
}

export class Processes {
  private next = 600;
  readonly all: Process[] = [];

  start(process: Omit<Process, "pid">): Process {
    const started = { ...process, pid: ++this.next };
    this.all.push(started);
    return started;
  }

  /** A pid for something that is not listed: the shell of a session. */
  reserve(): number {
    return ++this.next;
  }

  /** kill(2): ends it, at once or when it has put its things in order. */
  signal(pid: number, signal: string, clock: Clock): void {
    const entry = this.all.find((p) => p.pid === pid);
    if (!entry) return;
    if (entry.termDelay === undefined || signal !== "TERM") this.end(pid, signal);
    else void clock.until(clock.now() + entry.termDelay).then(() => this.end(pid, signal));
  }

  end(pid: number, signal = "TERM"): boolean {
    const at = this.all.findIndex((p) => p.pid === pid);
    if (at < 0) return false;
    const [ended] = this.all.splice(at, 1);
    ended?.onExit?.(signal);
    return true;
  }
}
