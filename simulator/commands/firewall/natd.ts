import type { Io } from "../../command";
import { Natd, NatdError, NatdParser, natdUsage } from "../../kernel/firewall/natd";
import { reason } from "../../kernel/vfs";
import { type Program, program } from "../network/program";

/** natd(8): reads its configuration, binds its divert ports, and goes into the background. */
export const natd = program("natd", async (self, args, io) => {
  const parser = new NatdParser((path) => read(self, io, path));
  try {
    await parser.arguments(args);
    parser.check();
  } catch (error) {
    if (!(error instanceof NatdError)) throw error;
    self.warnx(error.message);
    if (error.usage) self.warn(natdUsage);
    self.exit(1);
  }
  start(self, io, parser, args);
  const { pidFile } = parser.config;
  const { pid } = io.kernel.firewall.divert.at(-1)!;
  // natd runs on when its pid file cannot be written.
  await io.fs.writeFile(pidFile, `${pid}\n`).catch(() => {});
});

async function read(self: Program, io: Io, path: string): Promise<string> {
  const absolute = io.fs.resolvePath(io.cwd, path);
  try {
    return await io.fs.readFile(absolute);
  } catch (error) {
    const cause = reason(error);
    return self.errx(1, `cannot open config file ${path}: ${cause}`);
  }
}

function start(self: Program, io: Io, { config }: NatdParser, args: readonly string[]): void {
  const { kernel, who } = io;
  if (who.uid !== 0) self.errx(1, "Unable to create divert socket.: Operation not permitted");
  if (!kernel.modules.has("ipdivert"))
    self.errx(1, "Unable to create divert socket.: Protocol not supported");
  const daemon = new Natd(kernel, who.vnet, config);
  const taken = kernel.firewall.divert.some(
    (socket) => socket.vnet === who.vnet && socket.ports.some((port) => daemon.ports.includes(port)),
  );
  if (taken) self.errx(1, "Unable to bind divert socket.: Address already in use");
  if (config.interface !== undefined && !config.dynamic) {
    if (!daemon.interfaceExists) self.errx(1, `unknown interface name ${config.interface}`);
    if (daemon.address === undefined) self.errx(1, `${config.interface}: cannot get interface address`);
  }
  const { pidFile, exitDelay } = config;
  const process = kernel.processes.start({
    command: ["/sbin/natd", ...args].join(" "),
    name: "natd",
    jid: who.jail?.jid ?? 0,
    startedAt: kernel.clock.now(),
    termDelay: exitDelay,
    onExit: (signal) => {
      const { divert } = kernel.firewall;
      divert.splice(
        divert.findIndex((socket) => socket.natd === daemon),
        1,
      );
      if (signal !== "KILL") void io.fs.rm(pidFile, { force: true }).catch(() => {});
    },
  });
  kernel.firewall.divert.push({ vnet: who.vnet, ports: daemon.ports, natd: daemon, pid: process.pid });
}
