import { type Command, Errno, fail, ok } from "../../command";
import { getopt } from "../getopt";

const USAGE =
  "usage: mdmfs [-DkLlMNnPStTUX] [-a maxcontig] [-b block-size]\n" +
  "\t[-c blocks-per-cylinder-group][-d max-extent-size] [-E path-mdconfig]\n" +
  "\t[-e maxbpg] [-F file] [-f frag-size] [-i bytes] [-m percent-free]\n" +
  "\t[-O optimization] [-o mount-options]\n" +
  "\t[-p permissions] [-s size] [-v version] [-w user:group]\n" +
  "\tmd-device mount-point\n";

/** mdmfs(8): a file system in memory. Whichever kind is asked for, the model has tmpfs. */
export const mdmfs: Command = async (args, io) => {
  const { list, operands, error } = getopt(args, "a:b:Cc:Dd:E:e:F:f:hi:kLlMm:NnO:o:Pp:Ss:tT:Uv:w:X");
  const [device, on] = operands;
  if (error !== undefined) return fail(1, `mdmfs: ${error}\n${USAGE}`);
  if (device === undefined || on === undefined || operands.length > 2) return fail(1, USAGE);
  const last = (letter: string): string | undefined => list.findLast(([l]) => l === letter)?.[1];
  const given = [last("o"), last("s") === undefined ? undefined : `size=${last("s")}`];
  const options = given.filter((option) => option !== undefined).flatMap((option) => ["-o", option]);
  const result = await io.run(["/sbin/mount", "-t", "tmpfs", ...options, "tmpfs", on]);
  // What mount(8) says is thrown away unless -L.
  const heard = list.some(([letter]) => letter === "L") ? result.stderr : "";
  const kind = device === "tmpfs" || device === "auto" ? "tmpfs mount" : "mount";
  if (result.status !== 0) return fail(1, `${heard}mdmfs: ${kind} exited with error code ${result.status}\n`);
  const path = io.fs.resolvePath(io.cwd, on);
  try {
    const mode = last("p");
    if (mode !== undefined) io.fs.chmodSync(path, Number.parseInt(mode, 8));
    const owner = last("w");
    if (owner !== undefined) {
      const chown = await io.run(["/usr/sbin/chown", owner, path]);
      if (chown.status !== 0) return fail(1, chown.stderr.replace(/^chown/, "mdmfs"));
    }
    return ok();
  } catch (caught) {
    if (!(caught instanceof Errno)) throw caught;
    return fail(1, `mdmfs: ${on}: ${new Errno(caught.code).message}\n`);
  }
};
