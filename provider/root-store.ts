import { running } from "./kind";
import { certainlyNot, claimDataset, datasetHas, destroyDataset } from "./library";
import {
  claimPath,
  claimRoot,
  filledByNobody,
  hasNoRoot,
  IDENTITY,
  makeDataset,
  makeRoot,
  mountDataset,
  ROOTS,
  removeRoot,
  rootFilled,
  rootIsFilled,
  rootIsOurs,
  signRootOver,
  unmountUnder,
} from "./library/roots";
import { askLines } from "./owned";
import { type Question, Unreadable } from "./question";
import type { Step } from "./script";
import { type Sh, sh } from "./sh";

/*
 * Where the files of a root are, when we make it: a dataset, whose user properties tell whose it is and whether it
 * is complete, or a plain directory, of which the register of roots tells the same (library/roots.ts).
 */

/** User properties of a dataset: whose it is, and, once it is complete, its own name. */
const OWNER = "pulumi-freebsd-vnet:owner";
const FILLED = "pulumi-freebsd-vnet:filled";

/** A jail that is dying holds its root for about a minute. */
const BUSY_SECONDS = 120;

export interface RootStore {
  /** The directory on the host, as a word. */
  readonly directory: Sh;
  /** Of it, and of `isFilled`, `certainlyNot` can be said. */
  readonly isOurs: Sh;
  /** It is complete, and nothing of `make` and `fill` is to be done. */
  readonly isFilled: Sh;
  /** It is free or ours; `previousOwner` is whose it is in an update. */
  claim(previousOwner: string | undefined): Step[];
  /** An empty one, unless it is complete. */
  make(): Step;
  /** Runs the command `fill` in it, after which it is complete. */
  fill(what: string, fill: Sh, telling?: string): Step;
  /** What holds for a complete one and may have been disturbed. */
  keep(previousOwner: string | undefined): Step[];
  /** `made` is what the state says that was made beside it. */
  remove(made: readonly string[]): Step[];
}

/** A directory of a root, or on which something is mounted; it is removed with it unless it was there before. */
export const keepDirectory = (path: string): Step => ({
  run: sh`mkdir ${path}`,
  unless: sh`[ -d ${path} ]`,
  undo: sh`rmdir ${path}`,
  made: `mkdir ${path}`,
});

export const dropDirectory = (path: string, made: readonly string[]): Step[] =>
  made.includes(`mkdir ${path}`)
    ? [{ run: sh`rmdir ${path}`, unless: sh`[ ! -d ${path} ] || [ -n "$(ls -A ${path})" ]` }]
    : [];

/** Held while it is filled. */
const lockOf = (name: string) => `/var/run/pulumi-freebsd-vnet.${name.replaceAll("/", "%")}`;

interface DatasetPlace {
  readonly dataset: string;
  readonly owner: string;
  /** Without it, what the dataset inherits. */
  readonly mountpoint?: string | undefined;
}

const marks = ({ owner, mountpoint }: DatasetPlace) => [
  "-o",
  `${OWNER}=${owner}`,
  ...(mountpoint === undefined ? [] : ["-o", `mountpoint=${mountpoint}`]),
];

export function datasetStore(place: DatasetPlace): RootStore {
  const { dataset, owner, mountpoint } = place;
  const directory = sh`"$(zfs get -H -o value mountpoint ${dataset})"`;
  const isOurs = sh`${datasetHas} ${OWNER} ${dataset} ${owner}`;
  // Children inherit user properties, so its value is the dataset's own name.
  const isFilled = sh`${datasetHas} ${FILLED} ${dataset} ${dataset}`;
  return {
    directory,
    isOurs,
    isFilled,

    claim: (previousOwner) => [
      {
        what: `look whether ${dataset} is free`,
        run: sh`${claimDataset} ${OWNER} ${dataset} ${previousOwner ?? owner}`,
        // Somebody took the mark away, and it is nobody else's; or a run that was cut off has renamed it already.
        ...(previousOwner !== undefined && {
          unless: sh`{ [ "$(zfs get -H -o value ${OWNER} ${dataset})" = - ] || ${isOurs}; }`,
        }),
      },
      ...(mountpoint === undefined
        ? []
        : [
            {
              what: `look whether ${mountpoint} is free`,
              run: sh`${claimPath} ${mountpoint}`,
              unless: sh`zfs list -H ${dataset}`,
            },
            keepDirectory(mountpoint),
          ]),
    ],

    make: () => ({
      what: `zfs create ${dataset}`,
      run: sh`${filledByNobody} ${lockOf(dataset)} && ${makeDataset} ${FILLED} ${dataset} ${marks(place)}`,
      unless: isFilled,
      undo: sh`zfs destroy ${dataset}`,
    }),

    fill: (what, fill, telling) => ({
      what,
      ...(telling !== undefined && { telling }),
      run: sh`${certainlyNot} ${isFilled} && ${mountDataset} ${dataset} && lockf -t 0 ${lockOf(dataset)} ${fill} && zfs set ${`${FILLED}=${dataset}`} ${dataset}`,
      unless: isFilled,
    }),

    keep: (previousOwner) => [
      {
        run: sh`zfs set ${`${OWNER}=${owner}`} ${dataset}`,
        unless: isOurs,
        ...(previousOwner !== undefined && { undo: sh`zfs set ${`${OWNER}=${previousOwner}`} ${dataset}` }),
      },
      ...(mountpoint === undefined
        ? []
        : [
            {
              run: sh`zfs set ${`mountpoint=${mountpoint}`} ${dataset}`,
              unless: sh`[ "$(zfs get -H -o value mountpoint ${dataset})" = ${mountpoint} ]`,
            },
          ]),
      {
        what: `zfs mount ${dataset}`,
        run: sh`${mountDataset} ${dataset}`,
        unless: sh`[ "$(zfs get -H -o value mounted ${dataset})" = yes ]`,
      },
    ],

    remove: (made) => [
      {
        what: `unmount what is mounted in ${dataset}`,
        telling: `unmounting what is mounted in ${dataset}`,
        run: sh`${isOurs} && ${unmountUnder} ${directory} ${BUSY_SECONDS}`,
        unless: sh`${certainlyNot} ${isOurs}`,
      },
      {
        what: `zfs destroy ${dataset}`,
        telling: `destroying ${dataset}`,
        run: sh`${isOurs} && ${destroyDataset} ${dataset} ${BUSY_SECONDS}`,
        unless: sh`${certainlyNot} ${isOurs}`,
      },
      // zfs-destroy(8) removes a mountpoint that the dataset inherits; one that was set stays.
      ...(mountpoint === undefined ? [] : dropDirectory(mountpoint, made)),
    ],
  };
}

/** `zfs clone` instead of an empty dataset. */
export const makeClone = (place: DatasetPlace, snapshot: string): Step => ({
  run: sh`zfs clone ${marks(place)} ${snapshot} ${place.dataset}`,
  unless: sh`zfs list -H ${place.dataset}`,
  undo: sh`zfs destroy ${place.dataset}`,
});

export function directoryStore(path: string, owner: string): RootStore {
  const isOurs = sh`${rootIsOurs} ${owner} ${path}`;
  const isFilled = sh`${rootIsFilled} ${owner} ${path}`;
  return {
    directory: sh`${path}`,
    isOurs,
    isFilled,

    claim: (previousOwner) => [
      ...(previousOwner === undefined || previousOwner === owner
        ? []
        : [
            {
              what: `sign ${path} over to ${owner}`,
              run: sh`${signRootOver} ${previousOwner} ${owner}`,
              undo: sh`${signRootOver} ${owner} ${previousOwner}`,
            },
          ]),
      { what: `look whether ${path} is free`, run: sh`${claimRoot} ${owner} ${path}` },
      keepDirectory(path),
    ],

    make: () => ({
      what: `mark ${path} as the resource's`,
      run: sh`${filledByNobody} ${lockOf(path)} && ${makeRoot} ${owner} ${path}`,
      unless: isFilled,
      undo: sh`${removeRoot} ${owner} ${path}`,
    }),

    fill: (what, fill, telling) => ({
      what,
      ...(telling !== undefined && { telling }),
      run: sh`${certainlyNot} ${isFilled} && lockf -t 0 ${lockOf(path)} ${fill} && ${rootFilled} ${owner} ${path}`,
      unless: isFilled,
    }),

    keep: () => [],

    remove: (made) => [
      {
        what: `unmount what is mounted in ${path}`,
        telling: `unmounting what is mounted in ${path}`,
        run: sh`${isOurs} && ${unmountUnder} ${path} ${BUSY_SECONDS}`,
        unless: sh`${certainlyNot} ${isOurs}`,
      },
      {
        what: `remove ${path}`,
        telling: `removing ${path}`,
        run: sh`${removeRoot} ${owner} ${path}`,
        unless: sh`${hasNoRoot} ${owner}`,
      },
      ...dropDirectory(path, made),
    ],
  };
}

export interface DatasetState {
  readonly mountpoint: string;
  readonly mounted: boolean;
  readonly owner: string;
  readonly filled: boolean;
}

export function askDataset(dataset: string): Question<DatasetState | undefined> {
  const ask = sh`zfs get -Hp -o value ${["mountpoint", "mounted", OWNER, FILLED].join(",")} ${dataset}`;
  return {
    key: `zfs get ${dataset}`,
    ask,
    read(answer) {
      if (/dataset does not exist/.test(answer.text)) return undefined;
      const [mountpoint, mounted, owner, filled] = answer.text.trim().split("\n");
      if (answer.status !== 0 || filled === undefined) throw new Unreadable(ask.text, answer);
      return {
        mountpoint: mountpoint as string,
        mounted: mounted === "yes",
        owner: owner as string,
        filled: filled === dataset,
      };
    },
  };
}

export function compareDataset(
  { dataset, owner, mountpoint }: DatasetPlace,
  found: DatasetState | undefined,
  isFilled: boolean,
): string[] {
  if (!found) return [running(`${dataset} does not exist`)];
  return [
    ...(found.owner === owner ? [] : [running(`${dataset} is marked as "${found.owner}"`)]),
    ...(found.filled || !isFilled ? [] : [running(`${dataset} is only partly filled`)]),
    ...(found.mounted ? [] : [running(`${dataset} is not mounted`)]),
    ...(mountpoint === undefined || found.mountpoint === mountpoint
      ? []
      : [running(`${dataset} is mounted at ${found.mountpoint}`)]),
  ];
}

/** Which directory is at `path`, or undefined when there is none. */
export function askDirectory(path: string): Question<string | undefined> {
  return {
    key: `directory ${path}`,
    ask: sh`if [ -d ${path} ]; then stat -f ${IDENTITY} ${path}; else (exit 66); fi`,
    read(answer) {
      if (answer.status === 66) return undefined;
      if (answer.status !== 0) throw new Unreadable(`stat ${path}`, answer);
      return answer.text.trim();
    },
  };
}

/** The line of `owner` in the register of roots. */
export const askRootMark = (owner: string) => askLines({ path: ROOTS, owner, text: "" });

export function compareDirectory(
  path: string,
  identity: string | undefined,
  mark: string | undefined,
): string[] {
  if (identity === undefined) return [running(`${path} is not there`)];
  if (mark === undefined) return [running(`${path} is not marked in ${ROOTS}`)];
  return [
    ...(mark.endsWith(` ${identity} ${path}`)
      ? []
      : [running(`${path} is not the directory that was made, or is not mounted`)]),
    ...(mark.startsWith("filled ") ? [] : [running(`${path} is only partly filled`)]),
  ];
}
