import type { NatEngine } from "./engine";
import { ipfw } from "./ipfw";
import { natd } from "./natd";
import { pf } from "./pf";

export const engineNames = ["natd", "ipfw", "pf"] as const;

export const engines: Readonly<Record<(typeof engineNames)[number], NatEngine>> = { natd, ipfw, pf };
