import { z } from "zod";
import { commonShape, internalShape, targetOf } from "../common";
import { askModules, isLoaded } from "../freebsd/modules";
import { rcText } from "../freebsd/rcconf";
import { defineKind, running } from "../kind";
import { unloadModule } from "../library";
import { claimAccepting, moduleIsLoaded, releaseModule } from "../library/modules";
import { askLines, askRc, compareRc, dropLines, keepLines, type RcLines } from "../owned";
import { type InputOf, replace } from "../schema";
import { sh } from "../sh";

const moduleName = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$/, {
  error: ({ input }) =>
    `${JSON.stringify(input)} is not a module's name: without folder and ".ko", such as "if_vxlan"`,
});

export const kernelModuleShape = {
  ...commonShape,
  /** The module's name without `.ko`, such as `if_vxlan`; a file of `/boot/kernel` or `/boot/modules`. See kld(4). */
  name: replace(moduleName),
  ...internalShape,
};

export type KernelModuleOutputs = Record<never, never>;

type Input = InputOf<typeof kernelModuleShape>;

/** Modules that bring ipfw in (MODULE_DEPEND in their sources), or are it; ipdivert did through FreeBSD 13. */
const BRING_IPFW = [
  "ipfw",
  "ipfw_nat",
  "ipfw_nat64",
  "ipfw_nptv6",
  "ipfw_pmod",
  "ipdivert",
  "dummynet",
  "ng_ipfw",
];

function rc({ name, owner }: Input): RcLines {
  const words = { kld_list: name };
  return { path: "/etc/rc.conf", owner, values: {}, words, text: rcText({}, words) };
}

export const kernelModule = defineKind({
  name: "KernelModule",
  noun: "kernel module",
  inputs: kernelModuleShape,
  outputs: [],
  id: (input) => input.name,
  target: (input) => targetOf(input.host),

  ensure: (input, previous) => [
    ...(BRING_IPFW.includes(input.name)
      ? [{ what: "look whether ipfw accepts by default", run: sh`${claimAccepting}` }]
      : []),
    {
      run: sh`kldload ${input.name}`,
      unless: sh`${moduleIsLoaded} ${input.name}`,
      undo: sh`${unloadModule} ${input.name}`,
      made: input.name,
    },
    ...keepLines(rc(input), previous && { ...rc(previous), drift: previous.drift }),
  ],

  remove: (state) => [
    dropLines(rc(state)),
    ...(state.made?.includes(state.name)
      ? [
          {
            what: `kldunload ${state.name}`,
            run: sh`${releaseModule} ${state.name}`,
            unless: sh`! ${moduleIsLoaded} ${state.name}`,
          },
        ]
      : []),
  ],

  questions: (input) => ({
    kernel: askModules(),
    lines: askLines(rc(input)),
    ...askRc(rc(input)),
  }),

  gone: ({ kernel, lines }, { name }) => !isLoaded(kernel, name) && lines === undefined,

  compare: (input, answers) => [
    ...(isLoaded(answers.kernel, input.name) ? [] : [running(`the module ${input.name} is not loaded`)]),
    ...compareRc(rc(input), answers.lines, answers),
  ],

  observe: (): KernelModuleOutputs => ({}),
});
