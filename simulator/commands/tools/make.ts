import { jailRoot } from "../../image";
import { extract, sortEntries } from "./archive";
import { type Run, tool } from "./tool";

const USAGE = "usage: make [-C directory] [-j max_jobs] [variable=value] [target ...]\n";

/** What `make distribution` adds to what `make installworld` has installed. */
const isConfiguration = (path: string): boolean => /^\/(?:etc\/|\.|COPYRIGHT)/.test(path);

/**
 * make(1) in a source tree of FreeBSD, which is a directory with a Makefile.inc1: `installworld` and `distribution`
 * into DESTDIR. Without one, as the recorded host answers. What a tree prints is man page only.
 */
export const make = tool(
  { name: "make", letters: "BC:D:I:J:NSWXd:ef:ij:km:nqrstv:w", usage: USAGE },
  (run: Run) => {
    const { fs } = run.io;
    const folder = run.value("C") ?? run.io.cwd;
    const targets = run.operands.filter((operand) => !operand.includes("="));
    const destination = run.operands.find((operand) => operand.startsWith("DESTDIR="))?.slice(8) ?? "";
    const stop = (complaint: string, status: number): void => {
      run.stderr += `make: ${complaint}\n`;
      run.print(`\nmake: stopped in ${folder}\n`);
      run.status = status;
    };
    if (targets.length === 0) return stop("no target to make.", 1);
    const known = fs.existsSync(run.path(`${folder}/Makefile.inc1`)) ? ["installworld", "distribution"] : [];
    const tree = jailRoot(Object.keys(run.io.process.machine.commands));
    for (const target of targets) {
      if (!known.includes(target)) return stop(`don't know how to make ${target}. Stop`, 2);
      for (const name of sortEntries(tree)) {
        if (isConfiguration(`/${name}`) !== (target === "distribution")) continue;
        extract(run, name, tree[`/${name}`]!, run.path(`${destination}/${name}`));
      }
      if (run.status !== 0) return stop(`stopped in ${target}`, 2);
    }
  },
);
