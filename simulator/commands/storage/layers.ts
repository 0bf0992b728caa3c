import { type Command, Errno, fail, type Io, ok, type Result } from "../../command";
import { nmount } from "../../kernel/nmount";
import { getopt } from "../getopt";
import { complain } from "./mount";
import { checkpath, hostPath, realpath, who } from "./paths";

const EX_USAGE = 64;

/** mount_nullfs(8) and mount_unionfs(8): a directory over a directory. */
const layer =
  (program: string, type: string, usage: string, resolve: (io: Io, path: string) => string): Command =>
  (args, io) => {
    const { list, operands, error } = getopt(args, type === "unionfs" ? "bo:" : "o:");
    if (error !== undefined) return fail(EX_USAGE, `${program}: ${error}\n${usage}`);
    const [target, on] = operands;
    if (target === undefined || on === undefined || operands.length > 2) return fail(EX_USAGE, usage);
    const options = list.flatMap(([letter, value]) =>
      letter === "b" ? ["below"] : (value ?? "").split(",").filter(Boolean),
    );
    const real = (path: string): string | Result => {
      try {
        return resolve(io, path);
      } catch (caught) {
        return complain(program, path, caught, EX_USAGE);
      }
    };
    const from = real(target);
    if (typeof from !== "string") return from;
    const point = real(on);
    if (typeof point !== "string") return point;
    if (type === "unionfs" && (from === point || isInside(from, point) || isInside(point, from)))
      return fail(EX_USAGE, `${program}: ${target} (${from}) and ${on} are not distinct paths\n`);
    try {
      nmount(io.kernel, {
        type,
        from,
        target: hostPath(io, from),
        on: hostPath(io, point),
        options,
        who: who(io),
      });
      return ok();
    } catch (caught) {
      return complain(program, point, caught);
    }
  };

const isInside = (path: string, directory: string): boolean => path.startsWith(`${directory}/`);

/** Since 14.0 a file can be mounted over a file. */
export const mountNullfs = layer(
  "mount_nullfs",
  "nullfs",
  "usage: mount_nullfs [-o options] target mount-point\n",
  realpath,
);

export const mountUnionfs = layer(
  "mount_unionfs",
  "unionfs",
  "usage: mount_unionfs [-o options] directory uniondir\n",
  checkpath,
);

/** mount_cd9660(8) and the like: there is no such disk, and no server. */
export const mountMissing =
  (program: string): Command =>
  (args, io) => {
    const from = getopt(args, "o:").operands[0] ?? "";
    return complain(program, from, new Errno(io.who.uid === 0 ? "ENOENT" : "EPERM"));
  };
