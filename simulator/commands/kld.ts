import { type Commands, Errno, type Io } from "../command";
import type { KernelFile, Modules } from "../kernel/modules";
import { type Program, program } from "./network/program";

/** Loading is for root of the host. */
const mayLoad = ({ who }: Io): boolean => who.uid === 0 && who.jail === undefined;

/** kldload(8) */
const kldload = program("kldload", (self, args, io) => {
  const usage = "usage: kldload [-nqv] file ...\n";
  const { list, rest } = self.options(args, "nqv", usage);
  const has = (letter: string): boolean => list.some(([given]) => given === letter);
  if (rest.length === 0) self.usage(usage);
  let status = 0;
  for (const name of rest) {
    try {
      if (!mayLoad(io)) throw new Errno("EPERM");
      const { id } = io.kernel.modules.load(name);
      if (has("v")) self.print(`Loaded ${name}, id=${id}\n`);
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      if (error.code === "EEXIST" && has("n")) {
        if (has("v")) self.print(`${name} is already loaded\n`);
        continue;
      }
      status = 1;
      if (has("q")) continue;
      const cause = error.code === "EEXIST" ? "module already loaded or in kernel" : error.message;
      self.warnx(`can't load ${name}: ${cause}`);
    }
  }
  self.exit(status);
});

/** kldunload(8) */
const kldunload = program("kldunload", (self, args, io) => {
  const usage = "usage: kldunload [-fv] -i id ...\n       kldunload [-fv] [-n] name ...\n";
  const { list, rest } = self.options(args, "fi:nv", usage);
  const { modules } = io.kernel;
  const byId = list.flatMap(([letter, value]) => (letter === "i" ? [value ?? ""] : []));
  const verbose = list.some(([letter]) => letter === "v");
  if (rest.length === 0 && byId.length === 0) self.usage(usage);
  let status = 0;
  for (const name of byId.length > 0 ? [...byId, ...rest] : rest) {
    const file = byId.length > 0 ? modules.files.find(({ id }) => id === Number(name)) : modules.find(name);
    if (!file) {
      status = 1;
      self.warnx(
        byId.length > 0 ? `can't unload file: ${new Errno("ENOENT").message}` : `can't find file ${name}`,
      );
      continue;
    }
    if (verbose) self.print(`Unloading ${file.name}.ko, id=${file.id}\n`);
    try {
      if (!mayLoad(io)) throw new Errno("EPERM");
      modules.unload(file.name);
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      status = 1;
      self.warnx(`can't unload file: ${error.message}`);
    }
  }
  self.exit(status);
});

const header = "Id Refs Address                Size Name\n";

function line(modules: Modules, file: KernelFile): string {
  const address = `0xffffffff${file.address.toString(16)}`;
  const name = file.name === "kernel" ? "kernel" : `${file.name}.ko`;
  return `${String(file.id).padStart(2)} ${String(modules.refs(file)).padStart(4)} ${address} ${file.size.toString(16).padStart(8)} ${name}`;
}

/** With -v: the file's path, and the modules in it. */
function print(self: Program, modules: Modules, file: KernelFile, verbose: boolean): void {
  self.print(line(modules, file));
  if (!verbose) {
    self.print("\n");
    return;
  }
  const path = file.name === "kernel" ? "/boot/kernel/kernel" : `/boot/kernel/${file.name}.ko`;
  self.print(` (${path})\n\tContains modules:\n\t\t Id Name\n`);
  for (const { id, name } of modules.within(file)) self.print(`\t\t${String(id).padStart(3)} ${name}\n`);
}

/** kldstat(8) */
const kldstat = program("kldstat", (self, args, io) => {
  const usage = "usage: kldstat [-dhqv] [-i id] [-n filename]\n       kldstat [-dq] [-m modname]\n";
  const { list, rest } = self.options(args, "dhi:m:n:qv", usage);
  if (rest.length > 0) self.usage(usage);
  const value = (letter: string): string | undefined => list.find(([given]) => given === letter)?.[1];
  const quiet = list.some(([letter]) => letter === "q");
  const verbose = list.some(([letter]) => letter === "v");
  const { modules } = io.kernel;
  const missing = new Errno("ENOENT").message;
  const module = value("m");
  if (module !== undefined) {
    if (!modules.has(module)) {
      if (!quiet) self.warnx(`can't find module ${module}: ${missing}`);
      self.exit(1);
    }
    if (quiet) return;
    self.print(
      `Id  Refs Name\n${String(modules.find(module)?.moduleId ?? 1).padStart(3)} ${"1".padStart(4)} ${module}\n`,
    );
    return;
  }
  const name = value("n");
  const id = value("i");
  if (name !== undefined || id !== undefined) {
    const file = name === undefined ? modules.files.find((one) => one.id === Number(id)) : modules.find(name);
    if (!file) {
      if (!quiet)
        self.warnx(
          name === undefined ? `can't stat file id ${id}: ${missing}` : `can't find file ${name}: ${missing}`,
        );
      return self.exit(1);
    }
    if (quiet) return;
    self.print(header);
    return print(self, modules, file, verbose);
  }
  self.print(header);
  for (const file of modules.files) print(self, modules, file, verbose);
});

/** kldload(8), kldstat(8), kldunload(8) */
export const kld: Commands = {
  "/sbin/kldload": kldload,
  "/sbin/kldstat": kldstat,
  "/sbin/kldunload": kldunload,
};
