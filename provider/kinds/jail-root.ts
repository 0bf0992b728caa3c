import { commonShape, internalShape, logicalName, targetOf } from "../common";
import { defineKind, running } from "../kind";
import { claimDataset, datasetIsOurs, destroyDataset } from "../library";
import { type Question, Unreadable } from "../question";
import { absolutePath, datasetName, snapshotName } from "../scalars";
import { type InputOf, replace } from "../schema";
import { sh } from "../sh";

/** The ZFS user property by which a dataset tells whose it is. */
const OWNER = "pulumi-freebsd-vnet:owner";

export const jailRootShape = {
  ...commonShape,
  /**
   * A ZFS snapshot of a filled root, such as `zroot/jails/template@base`: the jail's root becomes a clone of it,
   * destroyed with the resource. Without it the root is the directory `path`, which must exist, is used as it
   * is, and is never removed. See zfs-clone(8).
   * @default none: the root is the directory `path`
   */
  snapshot: replace(snapshotName.optional()),
  /**
   * The dataset that the clone becomes.
   * @default the resource's name, beside the snapshot's dataset: `zroot/jails/www`
   */
  dataset: replace(datasetName.optional()),
  /**
   * Where the root is on the host: the existing directory, or the clone's mountpoint.
   * @default for a clone, what its dataset inherits
   */
  path: replace(absolutePath.optional()),
  ...internalShape,
};

export interface JailRootOutputs {
  /** Where the root is on the host. */
  path: string;
}

type Input = InputOf<typeof jailRootShape>;

interface Clone {
  readonly mountpoint: string;
  readonly mounted: boolean;
  readonly origin: string;
  readonly owner: string;
}

function askClone(dataset: string): Question<Clone | undefined> {
  const ask = sh`zfs get -Hp -o value mountpoint,mounted,origin,${OWNER} ${dataset}`;
  return {
    key: `zfs get ${dataset}`,
    ask,
    read(answer) {
      if (/dataset does not exist/.test(answer.text)) return undefined;
      const [mountpoint, mounted, origin, owner] = answer.text.trim().split("\n");
      if (answer.status !== 0 || owner === undefined) throw new Unreadable(ask.text, answer);
      return {
        mountpoint: mountpoint as string,
        mounted: mounted === "yes",
        origin: origin as string,
        owner,
      };
    },
  };
}

function askDirectory(path: string): Question<boolean> {
  return {
    key: `directory ${path}`,
    ask: sh`[ -d ${path} ]`,
    read(answer) {
      if (answer.status > 1) throw new Unreadable(`test -d ${path}`, answer);
      return answer.status === 0;
    },
  };
}

/** The form the root has; `check` lets only these two through. */
function formOf(input: Input): { dataset: string; snapshot: string } | { directory: string } {
  if (input.snapshot !== undefined && input.dataset !== undefined) {
    return { dataset: input.dataset, snapshot: input.snapshot };
  }
  return { directory: input.path as string };
}

export const jailRoot = defineKind({
  name: "JailRoot",
  noun: "jail root",
  inputs: jailRootShape,
  outputs: ["path"],
  id: (input) => {
    const form = formOf(input);
    return "dataset" in form ? form.dataset : form.directory;
  },
  target: (input) => targetOf(input.host),

  derive({ snapshot, dataset, owner }) {
    if (dataset !== undefined || snapshot === undefined) return {};
    const template = snapshot.slice(0, snapshot.indexOf("@"));
    return { dataset: `${template.slice(0, template.lastIndexOf("/") + 1)}${logicalName(owner)}` };
  },

  relations(input, report) {
    if ("snapshot" in input) {
      if (input.snapshot && input.dataset && input.snapshot.startsWith(`${input.dataset}@`)) {
        report(
          "dataset",
          `"${input.dataset}" is the dataset of the snapshot itself: the clone needs another name`,
        );
      }
      return;
    }
    if ("dataset" in input)
      report("dataset", "goes with `snapshot`: a directory that exists has no dataset to make");
    if (!("path" in input)) {
      report(
        "path",
        "give either `snapshot` (the root becomes a clone of it) or `path` (a directory that exists)",
      );
    }
  },

  ensure(input, previous) {
    const form = formOf(input);
    if ("directory" in form) {
      return [
        {
          what: `look for the directory ${form.directory}`,
          run: sh`[ -d ${form.directory} ] || { echo ${`${form.directory} is not a directory on the host: make it, or give \`snapshot\``} >&2; false; }`,
        },
      ];
    }
    const { dataset, snapshot } = form;
    const { owner } = input;
    const mountpoint = input.path === undefined ? [] : ["-o", `mountpoint=${input.path}`];
    return [
      {
        what: `look whether ${dataset} is free`,
        run: sh`${claimDataset} ${OWNER} ${dataset} ${previous?.owner ?? owner}`,
      },
      {
        run: sh`zfs clone ${["-o", `${OWNER}=${owner}`, ...mountpoint]} ${snapshot} ${dataset}`,
        unless: sh`zfs list -H ${dataset}`,
        undo: sh`zfs destroy ${dataset}`,
      },
      {
        run: sh`zfs set ${`${OWNER}=${owner}`} ${dataset}`,
        unless: sh`${datasetIsOurs} ${OWNER} ${dataset} ${owner}`,
        ...(previous && { undo: sh`zfs set ${`${OWNER}=${previous.owner}`} ${dataset}` }),
      },
      { run: sh`zfs mount ${dataset}`, unless: sh`[ "$(zfs get -H -o value mounted ${dataset})" = yes ]` },
    ];
  },

  remove(state) {
    const form = formOf(state);
    if ("directory" in form) return [];
    // zfs-destroy(8) removes a mountpoint that the dataset inherits; one that was set stays as an empty directory.
    // A root that was only partly made has no path yet.
    const directories = state.path === undefined ? [] : [state.path];
    return [
      {
        what: `zfs destroy ${form.dataset}`,
        run: sh`${destroyDataset} ${form.dataset} 120`,
        unless: sh`! ${datasetIsOurs} ${OWNER} ${form.dataset} ${state.owner}`,
      },
      ...directories.map((path) => ({
        run: sh`rmdir ${path}`,
        unless: sh`[ ! -d ${path} ] || [ -n "$(ls -A ${path})" ]`,
      })),
    ];
  },

  questions(input) {
    const form = formOf(input);
    return {
      clone: "dataset" in form ? askClone(form.dataset) : undefinedAnswer,
      directory: "directory" in form ? askDirectory(form.directory) : falseAnswer,
    };
  },

  gone: ({ clone, directory }, input) => ("dataset" in formOf(input) ? clone === undefined : !directory),

  compare(input, { clone, directory }) {
    const form = formOf(input);
    if ("directory" in form) return directory ? [] : [running(`${form.directory} is not there`)];
    if (!clone) return [running(`${form.dataset} does not exist`)];
    return [
      ...(clone.owner === input.owner ? [] : [running(`${form.dataset} is marked as "${clone.owner}"`)]),
      ...(clone.mounted ? [] : [running(`${form.dataset} is not mounted`)]),
      ...(input.path === undefined || clone.mountpoint === input.path
        ? []
        : [running(`${form.dataset} is mounted at ${clone.mountpoint}`)]),
    ];
  },

  observe: (input, { clone }): JailRootOutputs => ({ path: clone?.mountpoint ?? input.path ?? "" }),
  timeoutMs: 300_000,
});

const undefinedAnswer: Question<Clone | undefined> = { key: "nothing", ask: sh`:`, read: () => undefined };
const falseAnswer: Question<boolean> = { key: "nothing", ask: sh`:`, read: () => false };
