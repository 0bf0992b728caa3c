import type { Commands } from "../command";
import { rc } from "../rc";
import { facts } from "./facts";
import { firewall } from "./firewall";
import { jails } from "./jail";
import { network } from "./network";
import { storage } from "./storage";
import { tools } from "./tools";

/** All programs of the base system that are simulated, by their absolute path. */
export const commands: Commands = {
  ...tools,
  ...jails,
  ...storage,
  ...facts,
  ...firewall,
  ...network,
  ...rc,
};
