import { type Command, type Commands, Errno, fail } from "../../command";
import { JailError } from "../../kernel/jails";
import { getopt } from "../getopt";

const usage = "usage: jexec [-l] [-u username | -U username] jail [command ...]\n";

/** jexec(8) */
const jexec: Command = async (args, io) => {
  const { list, operands, error } = getopt(args, "lu:U:");
  if (error !== undefined) return fail(1, `jexec: ${error}\n${usage}`);
  const [key, ...given] = operands;
  const has = (letter: string): boolean => list.some(([each]) => each === letter);
  if (key === undefined || (has("u") && has("U"))) return fail(1, usage);
  const { jails } = io.kernel;
  try {
    const jail = jails.get(io.who.jail ? `${io.who.jail.name}.${key}` : key);
    if (io.who.uid !== 0) return fail(1, `jexec: jail_attach(${jail.jid}): Operation not permitted\n`);
    const command = given.length > 0 ? given : ["/bin/sh"];
    const user = list.findLast(([letter]) => letter === "u" || letter === "U")?.[1];
    if (user !== undefined && (await io.inJail(jail).run(["/usr/bin/id", "-u", user])).status !== 0)
      return fail(1, `jexec: ${user}: no such user\n`);
    jail.attached++;
    try {
      const status = await io.process.inJail(jail).spawn(command);
      return { stdout: "", stderr: "", status };
    } catch (problem) {
      if (!(problem instanceof Errno)) throw problem;
      return fail(1, `jexec: execvp: ${command[0]}: ${problem.message}\n`);
    } finally {
      jail.attached--;
      jails.reap(jail);
    }
  } catch (problem) {
    if (!(problem instanceof JailError)) throw problem;
    return fail(1, `jexec: ${problem.message}\n`);
  }
};

export const jexecCommands: Commands = { "/usr/sbin/jexec": jexec };
