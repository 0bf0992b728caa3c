import { z } from "zod";
import { commonShape, internalShape, targetOf } from "../common";
import { defineKind, running } from "../kind";
import { claimSysctl, lastSysctl, restoreSysctl, setSysctl, sysctlIs } from "../library/sysctl";
import { askNotes } from "../notes";
import { askLines, compareLines, dropLines, keepLines, type OwnLines, overridden } from "../owned";
import { type Question, Unreadable } from "../question";
import { type InputOf, live, replace } from "../schema";
import { sh } from "../sh";

const oidName = z
  .string()
  .regex(/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$/, {
    error: ({ input }) =>
      `${JSON.stringify(input)} is not the name of a kernel variable, such as "net.inet.ip.random_id"`,
  })
  .refine((name) => name !== "kern.securelevel", {
    error:
      "kern.securelevel can only be raised, so it could not be put back: use RcSetting with kern_securelevel",
  });

const oidText = z.string().regex(/^[!$-&(-<>-~]([ !$-&(-<>-~]*[!$-&(-<>-~])?$/, {
  error: ({ input }) =>
    `${JSON.stringify(input)} cannot be written to sysctl.conf(5): printable ASCII without quotes, "#" and "=", with no blanks around`,
});

const oidValue = z.union([z.int(), oidText], {
  error: ({ input }) => `${JSON.stringify(input)} is neither a whole number nor text`,
});

export const sysctlShape = {
  ...commonShape,
  /** Name of the kernel variable, such as `net.link.bridge.pfil_member`. See sysctl(8). */
  name: replace(oidName),
  /** What it is set to: a whole number, or text as sysctl(8) prints it. */
  value: live(oidValue),
  ...internalShape,
};

export interface SysctlOutputs {
  /** What it was before; put back on delete. Not there when nothing had to be changed. */
  before: string | undefined;
}

type Input = InputOf<typeof sysctlShape>;

/** Names that come with a module. */
const MODULES: Readonly<Record<string, string>> = {
  "compat.linux.": "linux",
  "hw.vmm.": "vmm",
  "net.graph.": "netgraph",
  "net.inet.carp.": "carp",
  "net.inet.ip.dummynet.": "dummynet",
  "net.inet.ip.fw.": "ipfw",
  "net.inet6.ip6.fw.": "ipfw",
  "net.link.bridge.": "if_bridge",
  "net.link.epair.": "if_epair",
  "net.link.gif.": "if_gif",
  "net.link.gre.": "if_gre",
  "net.link.lagg.": "if_lagg",
  "net.link.vxlan.": "if_vxlan",
  "net.pf.": "pf",
  "vfs.fusefs.": "fusefs",
  "vfs.zfs.": "zfs",
};

function remedy(name: string): string {
  const [, module] = Object.entries(MODULES).find(([prefix]) => name.startsWith(prefix)) ?? [];
  return module === undefined
    ? ""
    : `; it comes with the module ${module}: declare a KernelModule for it and name that in dependsOn`;
}

const wanted = (input: Input) => String(input.value);

const lines = (input: Input): OwnLines => ({
  path: "/etc/sysctl.conf",
  owner: input.owner,
  text: `${input.name}=${wanted(input)}`,
});

function askSysctl(name: string): Question<string | undefined> {
  return {
    key: `sysctl ${name}`,
    ask: sh`sysctl -n ${name}`,
    read(answer) {
      if (answer.status === 0) return answer.text.replace(/\n$/, "");
      if (/unknown oid/.test(answer.text)) return undefined;
      throw new Unreadable(`sysctl -n ${name}`, answer);
    },
  };
}

/** Which line has the last word at boot: rc(8) reads the files from top to bottom. */
function askBootSysctl(name: string): Question<{ path: string; value: string } | undefined> {
  return {
    key: `sysctl.conf ${name}`,
    ask: sh`${lastSysctl} ${name}`,
    read(answer) {
      if (answer.status !== 0) throw new Unreadable(`${name} in /etc/sysctl.conf`, answer);
      const [path, value] = answer.text.trim().split("\t");
      return path ? { path, value: value ?? "" } : undefined;
    },
  };
}

const BEFORE = "before ";

/** What `setSysctl` noted; nothing when the value was right already. */
const beforeIn = (notes: readonly string[] = []) =>
  notes.find((note) => note.startsWith(BEFORE))?.slice(BEFORE.length);

export const sysctl = defineKind({
  name: "Sysctl",
  noun: "sysctl",
  inputs: sysctlShape,
  outputs: ["before"],
  id: (input) => input.name,
  target: (input) => targetOf(input.host),

  ensure: (input, previous) => [
    { what: `sysctl -n ${input.name}`, run: sh`${claimSysctl} ${input.name} ${remedy(input.name)}` },
    {
      what: `sysctl ${input.name}=${wanted(input)}`,
      run: sh`${setSysctl} ${input.name} ${wanted(input)}`,
      unless: sh`${sysctlIs} ${input.name} ${wanted(input)}`,
      undo: previous ? sh`sysctl ${`${input.name}=${wanted(previous)}`}` : sh`${restoreSysctl} ${input.name}`,
      made: "set",
    },
    ...keepLines(lines(input), previous && { ...lines(previous), drift: previous.drift }),
  ],

  remove(state) {
    const before = state.before ?? beforeIn(state.made);
    return [
      dropLines(lines(state)),
      ...(before === undefined
        ? []
        : [
            {
              run: sh`sysctl ${`${state.name}=${before}`}`,
              unless: sh`! ${sysctlIs} ${state.name} ${wanted(state)}`,
            },
          ]),
    ];
  },

  questions: (input) => ({
    value: askSysctl(input.name),
    boot: askBootSysctl(input.name),
    lines: askLines(lines(input)),
    notes: askNotes(input.owner),
  }),

  // The variable itself is the kernel's; ours are the lines and the value.
  gone: ({ lines, value }, input) => lines === undefined && value !== wanted(input),

  compare(input, answers) {
    const { value, boot } = answers;
    const live = value === undefined ? "is not there" : `is ${value}`;
    const changed = compareLines(lines(input), answers.lines);
    return [
      ...(value === wanted(input) ? [] : [running(`${input.name} ${live}`)]),
      ...changed,
      ...(changed.length === 0 && boot && boot.value !== wanted(input)
        ? [overridden(boot.path, `${input.name}=${boot.value}`)]
        : []),
    ];
  },

  observe: (_input, { notes }, previous): SysctlOutputs => ({
    before: previous?.before ?? beforeIn(notes),
  }),
});
