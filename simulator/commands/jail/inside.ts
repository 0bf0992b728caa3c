import { credentialsOf } from "../../kernel/accounts";
import type { Jail } from "../../kernel/jails";
import { Killed, type Process, type ProcessState, Task } from "../../shell/process";

/** SIGTERM and SIGKILL as the shell's status has them. */
const signalStatus: Readonly<Record<string, number>> = { TERM: 143, KILL: 137, INT: 130, HUP: 129 };

/** login.conf(5)'s default class. */
const classEnvironment = { LANG: "C.UTF-8", MM_CHARSET: "UTF-8", BLOCKSIZE: "K" };
const classPath = "/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin";

/**
 * setusercontext(3) for `user`, beside what the caller has; `clean` (`jexec -l`, `exec.clean`): of that only TERM.
 * // man page only
 */
export function userEnvironment(
  process: Process,
  { user = "root", clean }: { user?: string | undefined; clean: boolean },
): Map<string, string> {
  const account = credentialsOf(process.fs, user)?.account;
  const home = account?.home ?? "/";
  const term = process.env.get("TERM");
  const kept = term === undefined ? { PATH: "" } : { PATH: "", TERM: term };
  return new Map([
    ...(clean ? Object.entries(kept) : process.env),
    ["PATH", `${classPath}:${home.replace(/\/$/, "")}/bin`],
    ...Object.entries(classEnvironment),
    ["USER", user],
    ["HOME", home],
    ["SHELL", account?.shell || "/bin/sh"],
  ]);
}

/**
 * Runs `argv` as a process of `jail`: it is listed, a signal or the jail's end ends it, and while it runs a jail
 * without `persist` lives.
 * @throws Errno when there is no such program in the jail.
 */
export async function runInside(
  process: Process,
  jail: Jail,
  argv: readonly string[],
  changes: Partial<ProcessState> = {},
): Promise<number> {
  const { processes, jails, clock } = process.kernel;
  let task: Task | undefined;
  const entry = processes.start({
    command: argv.join(" "),
    name: (argv[0] ?? "").replace(/.*\//, ""),
    jid: jail.jid,
    uid: process.user.uid,
    startedAt: clock.now(),
    onExit: (signal = "TERM") => task?.kill(signal),
  });
  task = new Task(entry.pid);
  const own = task;
  const passOn = process.task.onSignal(() => own.kill(process.task.signal ?? "TERM"));
  try {
    return await process.inJail(jail).spawn(argv, { task: own, ...changes });
  } catch (error) {
    if (error instanceof Killed && own.signal && !process.task.signal) return signalStatus[own.signal] ?? 143;
    throw error;
  } finally {
    passOn();
    processes.end(entry.pid);
    jails.reap(jail);
  }
}
