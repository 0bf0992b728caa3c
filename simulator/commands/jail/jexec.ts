import { type Command, type Commands, Errno, fail, ok } from "../../command";
import { credentialsOf } from "../../kernel/accounts";
import { JailError } from "../../kernel/jails";
import { getopt } from "../getopt";
import { runInside, userEnvironment } from "./inside";

const usage = "usage: jexec [-l] [-u username | -U username] jail [command ...]\n";

/** jexec(8) */
const jexec: Command = async (args, io) => {
  const { list, operands, error } = getopt(args, "lu:U:");
  if (error !== undefined) return fail(1, `jexec: ${error}\n${usage}`);
  const [key, ...given] = operands;
  const has = (letter: string): boolean => list.some(([each]) => each === letter);
  if (key === undefined || (has("u") && has("U"))) return fail(1, usage);
  const { jails } = io.kernel;
  const command = given.length > 0 ? given : ["/bin/sh"];
  try {
    const jail = jails.get(io.who.jail ? `${io.who.jail.name}.${key}` : key);
    if (io.who.uid !== 0) return fail(1, `jexec: jail_attach(${jail.jid}): Operation not permitted\n`);
    const user = list.findLast(([letter]) => letter === "u" || letter === "U")?.[1];
    const { fs } = io.process.inJail(jail);
    // -u: a user of the host, -U: of the jail.
    const credentials = user === undefined ? undefined : credentialsOf(has("u") ? io.fs : fs, user);
    if (user !== undefined && !credentials) return fail(1, `jexec: ${user}: no such user\n`);
    const changes = {
      ...(credentials && { fs: fs.as(credentials) }),
      ...((credentials || has("l")) && { env: userEnvironment(io.process, { user, clean: has("l") }) }),
      ...(credentials && has("l") && { cwd: credentials.account.home }),
    };
    return { ...ok(), status: await runInside(io.process, jail, command, changes) };
  } catch (problem) {
    if (problem instanceof Errno) return fail(1, `jexec: execvp: ${command[0]}: ${problem.message}\n`);
    if (problem instanceof JailError) return fail(1, `jexec: ${problem.message}\n`);
    throw problem;
  }
};

export const jexecCommands: Commands = { "/usr/sbin/jexec": jexec };
