import type { Commands } from "../../command";
import { ok } from "../../command";
import { sh } from "../../shell/main";
import { accountTools } from "./accounts";
import { archiveTools } from "./archive";
import { fileTools } from "./files";
import { findTools } from "./find";
import { listing } from "./list";
import { make } from "./make";
import { miscTools } from "./misc";
import { processTools } from "./processes";
import { textTools } from "./text";
import { echo, printf, testExpression } from "./words";

/** The base system's everyday tools, as FreeBSD has them. */
export const tools: Commands = {
  "/bin/sh": sh,
  "/bin/echo": (args) => echo(args),
  "/usr/bin/printf": (args) => printf(args),
  "/bin/test": (args, io) => testExpression(args, io.process),
  "/bin/[": (args, io) => testExpression(args.slice(0, -1), io.process),
  "/usr/bin/make": make,
  "/usr/bin/true": () => ok(),
  "/usr/bin/false": () => ({ stdout: "", stderr: "", status: 1 }),
  ...accountTools,
  ...archiveTools,
  ...fileTools,
  ...findTools,
  ...listing,
  ...miscTools,
  ...processTools,
  ...textTools,
};
