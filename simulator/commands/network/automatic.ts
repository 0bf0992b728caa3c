import { program } from "./program";

/*
 * Clients of servers and routers that are not simulated: they ask, and nobody answers. Man page only.
 */

/** dhclient(8), in the background (-b) because nothing would end its wait. */
export const dhclient = program("dhclient", async (self, args, io) => {
  const usage = "usage: dhclient [-bdnqu] [-c file] [-l file] [-p file] interface\n";
  const { list, rest } = self.options(args, "bc:dl:np:qu", usage);
  const [name] = rest;
  if (name === undefined || rest.length > 1) return self.usage(usage);
  if (!io.kernel.network.vnetOf(io.who.jail).find(name)) self.errx(1, `${name}: not found`);
  if (!(await io.fs.exists("/dev/bpf"))) self.errx(1, "Can't open bpf: No such file or directory");
  if (!list.some(([letter]) => letter === "b")) self.errx(1, "No DHCPOFFERS received.");
});

/** rtsol(8) */
export const rtsol = program("rtsol", (self, args, io) => {
  const usage = "usage: rtsol [-dDFiu] [-O script] [-M script] [-p pidfile] [-R script] interfaces...\n";
  const { rest } = self.options(args, "dDFiuO:M:p:R:", usage);
  if (rest.length === 0) self.usage(usage);
  for (const name of rest)
    if (!io.kernel.network.vnetOf(io.who.jail).find(name)) self.errx(1, `interface ${name} does not exist`);
});
