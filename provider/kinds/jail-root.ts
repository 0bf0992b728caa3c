import { z } from "zod";
import { commonShape, internalShape, logicalName, targetOf } from "../common";
import { defineKind, type Known, running } from "../kind";
import { certainlyNot } from "../library";
import { ARCHIVES, dropArchive, useArchive } from "../library/archives";
import { archiveIs, claimPath, copyPart, hasNullfs, missingNullfs, unmountUnder } from "../library/roots";
import { askLines, compareLines, dropLines, keepLines, type OwnLines } from "../owned";
import { type Question, Unreadable } from "../question";
import {
  askDataset,
  askDirectory,
  askRootMark,
  compareDataset,
  compareDirectory,
  type DatasetState,
  datasetStore,
  directoryStore,
  dropDirectory,
  keepDirectory,
  makeClone,
  type RootStore,
} from "../root-store";
import { absolutePath, datasetName, localPath, sha256, snapshotName } from "../scalars";
import { type InputOf, live, replace } from "../schema";
import type { Step } from "../script";
import { type Sh, sh } from "../sh";

/** What a jail of a thin root may write to, unless `writable` says otherwise; as ezjail(7) has it. */
const WRITABLE = ["/etc", "/root", "/tmp", "/usr/local", "/var"];

export const jailRootShape = {
  ...commonShape,
  /**
   * Fills it with a ZFS snapshot of a filled root, such as `zroot/jails/template@base`: the root becomes a clone of
   * it, the dataset `dataset`. See zfs-clone(8).
   * @default none: the root comes from elsewhere
   */
  snapshot: replace(snapshotName.optional()),
  /**
   * Fills it with an archive, such as `base.txz` of a release: `path` is where it is on the host; or `upload` is where
   * it is on the machine that runs Pulumi, from the program's folder on (`"./base.txz"`). `sha256` is its checksum in 64
   * hexadecimal digits (the release's file `MANIFEST` has it), which is looked at before anything is made, on both
   * sides. The root is the new dataset `dataset`, or the directory `path`. See tar(1).
   *
   * Only the checksum tells that it is another archive: the same one elsewhere is no change, and a file that is no
   * longer there (in CI) is missed only when it has to be sent. What was sent stays on the host, in
   * `/var/db/pulumi-freebsd-vnet.archives`, as long as a root that came from it: it is sent once for all of them.
   * @default none: the root comes from elsewhere
   */
  archive: replace(
    z
      .strictObject({ path: absolutePath.optional(), upload: localPath.optional(), sha256 })
      .meta({ identity: ["sha256"] })
      .optional(),
  ),
  /**
   * Fills it from a source tree on the host on which `make buildworld` was run, such as `/usr/src`, by `make
   * installworld distribution`. The root is the new dataset `dataset`, or the directory `path`. May take up to two
   * hours. See build(7).
   * @default none: the root comes from elsewhere
   */
  source: replace(absolutePath.optional()),
  /**
   * A thin root: a filled directory on the host, such as another root's `path`, that is mounted read-only, by which
   * jails share it; what the jail may write to are copies of the directories `writable`, mounted in it. They are kept
   * in the dataset `dataset`, or else in the directory of the root's name with `-rw` behind it, such as
   * `/jails/www-rw`. Programs are updated in the template. Back at boot through lines in /etc/fstab. See
   * mount_nullfs(8).
   * @default none: the root is no thin one
   */
  template: replace(absolutePath.optional()),
  /**
   * Directories, as the jail sees them, that it can write to in a thin root. They must be in the template, which is
   * copied when one is added. One that is left out is unmounted, and its copy is kept until the root is removed.
   * @default ["/etc", "/root", "/tmp", "/usr/local", "/var"], for a thin root
   */
  writable: live(z.array(absolutePath).optional()),
  /**
   * The ZFS dataset that is made for the root; its parent must exist. See zfs-create(8).
   * @default for a clone, the resource's name, beside the snapshot's dataset: `zroot/jails/www`; otherwise none, and
   * the root is a plain directory
   */
  dataset: replace(datasetName.optional()),
  /**
   * Where the root is on the host. Alone it is a directory that exists already, which is used as it is and never
   * removed. Otherwise the directory that is made (one that exists must be empty), or the dataset's mountpoint.
   * @default for a dataset, what it inherits; for a thin root, the resource's name, beside the template
   */
  path: replace(absolutePath.optional()),
  ...internalShape,
};

export interface JailRootOutputs {
  /** Where the root is on the host. */
  path: string;
}

type Input = InputOf<typeof jailRootShape>;

/** How a root comes to be; `check` lets only these through. */
type Form =
  | { readonly is: "existing"; readonly path: string }
  | { readonly is: "clone"; readonly snapshot: string; readonly dataset: string }
  | { readonly is: "archive"; readonly archive: string; readonly sha256: string; readonly upload?: string }
  | { readonly is: "source"; readonly source: string }
  | { readonly is: "thin"; readonly template: string; readonly path: string; readonly writable: string[] };

const WAYS = ["snapshot", "archive", "source", "template"] as const;

function formOf({ snapshot, archive, source, template, writable, dataset, path }: Input): Form {
  if (snapshot !== undefined) return { is: "clone", snapshot, dataset: dataset as string };
  if (archive !== undefined) {
    const { path: there, upload, sha256 } = archive;
    return upload === undefined
      ? { is: "archive", archive: there as string, sha256 }
      : { is: "archive", archive: `${ARCHIVES}/${sha256}`, sha256, upload };
  }
  if (source !== undefined) return { is: "source", source };
  if (template !== undefined) {
    return { is: "thin", template, path: path as string, writable: [...(writable ?? WRITABLE)].sort() };
  }
  return { is: "existing", path: path as string };
}

const copiesPath = (input: Input) => `${input.path}-rw`;

const placeOf = (input: Input) => ({
  dataset: input.dataset as string,
  owner: input.owner,
  mountpoint: input.template === undefined ? input.path : copiesPath(input),
});

/** Where the files are that this resource makes. */
function storeOf(input: Input): RootStore {
  if (input.dataset !== undefined) return datasetStore(placeOf(input));
  const path = input.template === undefined ? (input.path as string) : copiesPath(input);
  return directoryStore(path, input.owner);
}

type Thin = Extract<Form, { is: "thin" }>;

function thinOf(input: Input): Thin | undefined {
  const form = formOf(input);
  return form.is === "thin" ? form : undefined;
}

interface Mount {
  readonly mode: "ro" | "rw";
  readonly from: string;
  readonly on: string;
}

/** Names of copies are flat ("/usr/local" is `usr%local`): what a jail writes to one never lies on the way to another. */
const partMount = (input: Input, form: Thin, part: string): Mount => ({
  mode: "rw",
  from: `${copiesPath(input)}/${part.slice(1).replaceAll("/", "%")}`,
  on: `${form.path}${part}`,
});

const templateMount = ({ template, path }: Thin): Mount => ({ mode: "ro", from: template, on: path });

const isMounted = ({ mode, from, on }: Mount): Sh => sh`${hasNullfs} ${[mode, from, on]}`;

const isNotMounted = (mount: Mount): Sh => sh`${certainlyNot} ${isMounted(mount)}`;

const keepMount = (mount: Mount): Step => ({
  run: sh`mount_nullfs -o ${mount.mode} ${mount.from} ${mount.on}`,
  unless: isMounted(mount),
  undo: sh`umount ${mount.on}`,
});

const dropMount = (mount: Mount): Step => ({
  run: sh`umount ${mount.on}`,
  unless: isNotMounted(mount),
  undo: sh`mount_nullfs -o ${mount.mode} ${mount.from} ${mount.on}`,
});

const mountsOf = (input: Input, form: Thin): Mount[] => [
  templateMount(form),
  ...form.writable.map((part) => partMount(input, form, part)),
];

/**
 * What mounts a thin root at boot. `late`: after the pool's datasets, before the jails. `failok`: without it a mount
 * that fails (a template that is gone) ends the boot in single-user mode, before sshd; man page only. See fstab(5).
 */
function fstab(input: Input, form: Thin): OwnLines {
  const text = mountsOf(input, form)
    .map(({ mode, from, on }) => `${from} ${on} nullfs ${mode},late,failok 0 0`)
    .join("\n");
  return { path: "/etc/fstab", owner: input.owner, text };
}

type FromArchive = Extract<Form, { is: "archive" }>;

const nameOf = ({ upload, archive }: FromArchive) => (upload ?? archive).replace(/^.*[/\\]/, "");

/** Whose need for which archive is noted on the host. */
function noteOf(input: Input): { readonly sha256: string; readonly owner: string } | undefined {
  const { archive, owner } = input;
  return archive?.upload === undefined ? undefined : { sha256: archive.sha256, owner };
}

/** Notes on the host that the archive is needed, as long as the root is there. */
function keepNote(input: Input, previous: Input | undefined): Step[] {
  const note = noteOf(input);
  const old = previous && noteOf(previous);
  const isSame = note?.owner === old?.owner;
  const use = ({ sha256, owner }: NonNullable<typeof note>) => sh`${useArchive} ${sha256} ${owner}`;
  const drop = ({ sha256, owner }: NonNullable<typeof note>) => sh`${dropArchive} ${sha256} ${owner}`;
  return [
    ...(note
      ? [
          {
            what: `note that ${note.owner} needs the archive`,
            run: use(note),
            ...(!isSame && { undo: drop(note) }),
          },
        ]
      : []),
    ...(old && !isSame
      ? [{ what: `note that ${old.owner} no longer needs the archive`, run: drop(old), undo: use(old) }]
      : []),
  ];
}

const isInside = (path: string, directory: string) => `${path}/`.startsWith(`${directory}/`);

const overlap = (one: string, other: string) => isInside(one, other) || isInside(other, one);
const last = (path: string | undefined) => path?.slice(path.lastIndexOf("/") + 1);

/** Datasets tell each by itself whose they are; lines in /etc/fstab and in the register of roots do not. */
function standBesideEachOther(input: Known<Input>, previous: Input): boolean {
  const { dataset, path } = input;
  if (dataset === undefined || previous.dataset === undefined) return false;
  if ("template" in input || previous.template !== undefined) return false;
  if (overlap(dataset, previous.dataset) || previous.path === undefined) return false;
  // Without a path of its own, each is mounted under its own name.
  return "path" in input
    ? path !== undefined && !overlap(path, previous.path)
    : last(previous.path) === last(previous.dataset);
}

export const jailRoot = defineKind({
  name: "JailRoot",
  noun: "jail root",
  inputs: jailRootShape,
  outputs: ["path"],
  derived: ["dataset"],
  id: (input) => (input.template === undefined ? input.dataset : undefined) ?? (input.path as string),
  target: (input) => targetOf(input.host),

  derive({ snapshot, template, dataset, path, owner }) {
    const name = logicalName(owner);
    const beside = (there: string) => `${there.slice(0, there.lastIndexOf("/") + 1)}${name}`;
    return {
      ...(snapshot !== undefined &&
        dataset === undefined && { dataset: beside(snapshot.slice(0, snapshot.indexOf("@"))) }),
      ...(template !== undefined && path === undefined && { path: beside(template) }),
    };
  },

  relations(input, report) {
    const [way, second] = WAYS.filter((each) => each in input);
    if (second !== undefined) {
      report(second, `goes not with \`${way}\`: give one of ${WAYS.map((w) => `\`${w}\``).join(", ")}`);
      return;
    }
    if ("writable" in input && way !== "template") {
      report("writable", "goes with `template`: the jail can write to all of any other root");
    }
    if (way === undefined) {
      if ("dataset" in input) {
        report(
          "dataset",
          "say what it is filled with: `snapshot`, `archive`, `source`, or `template`; a directory that exists has no dataset to make",
        );
      } else if (!("path" in input)) {
        report(
          "path",
          "give `snapshot`, `archive`, `source` or `template`, by which the root is made, or `path` alone (a directory that exists)",
        );
      }
      return;
    }
    const { archive } = input;
    if (archive !== undefined && "path" in archive === "upload" in archive) {
      report(
        "archive",
        "say where the archive is: either `path`, on the host, or `upload`, on the machine that runs Pulumi",
      );
    }
    if (input.path === "/") report("path", "the host's own root cannot be made anew");
    if ((way === "archive" || way === "source") && !("dataset" in input) && !("path" in input)) {
      report("path", "say where the root is made: a new `dataset`, or the directory `path`");
    }
    if (input.snapshot && input.dataset && input.snapshot.startsWith(`${input.dataset}@`)) {
      report(
        "dataset",
        `"${input.dataset}" is the dataset of the snapshot itself: the clone needs another name`,
      );
    }
    const { template, path } = input;
    if (
      template !== undefined &&
      path !== undefined &&
      (isInside(template, path) || isInside(path, template))
    ) {
      report("path", `"${path}" and the template "${template}" must not be one in the other`);
    }
    input.writable?.forEach((part, i) => {
      if (part === undefined) return;
      if (part === "/")
        report(`writable[${i}]`, "a thin root is not writable as a whole: name directories in it");
      const outer = input.writable?.findIndex(
        (each, j) => each !== undefined && j !== i && isInside(part, each),
      );
      if (part !== "/" && outer !== undefined && outer >= 0 && input.writable?.[outer] !== "/") {
        report(`writable[${i}]`, `"${part}" is in writable[${outer}] already`);
      }
    });
  },

  needs(input, previous) {
    const form = formOf(input);
    if (form.is !== "archive" || form.upload === undefined) return undefined;
    const store = storeOf({ ...input, owner: previous?.owner ?? input.owner });
    return {
      file: { file: form.upload, sha256: form.sha256, owner: input.owner },
      before: previous ? [] : store.claim(undefined).filter(({ undo }) => undo === undefined),
      question: {
        key: `needs ${form.archive}`,
        ask: sh`${store.isFilled} || [ -f ${form.archive} ]`,
        read(answer) {
          if (answer.status > 1) throw new Unreadable(`look for ${form.archive}`, answer);
          return answer.status === 1;
        },
      },
    };
  },

  ensure(input, previous) {
    const form = formOf(input);
    if (form.is === "existing") {
      return [
        {
          what: `look for the directory ${form.path}`,
          run: sh`[ -d ${form.path} ] || { echo ${`${form.path} is not a directory on the host: make it, or say what to fill it with`} >&2; false; }`,
        },
      ];
    }
    const store = storeOf(input);
    const claim = store.claim(previous?.owner);
    const keep = store.keep(previous?.owner);
    switch (form.is) {
      case "clone":
        return [...claim, makeClone(placeOf(input), form.snapshot), ...keep];
      case "archive":
        return [
          ...keepNote(input, previous),
          {
            what: `look at the checksum of ${form.archive}`,
            telling: `looking at the checksum of ${nameOf(form)}`,
            run: sh`${archiveIs} ${form.archive} ${form.sha256}`,
            unless: store.isFilled,
          },
          ...claim,
          store.make(),
          store.fill(
            `tar -xpf ${form.archive}`,
            sh`tar -xpf ${form.archive} -C ${store.directory}`,
            `extracting ${nameOf(form)}`,
          ),
          ...keep,
        ];
      case "source":
        return [
          ...claim,
          store.make(),
          store.fill(
            `make -C ${form.source} installworld distribution`,
            sh`make -C ${form.source} installworld distribution DESTDIR=${store.directory}`,
            "make installworld distribution",
          ),
          ...keep,
        ];
      case "thin": {
        const { path, template, writable } = form;
        const whole = templateMount(form);
        const before = previous && thinOf(previous);
        const dropped = before ? before.writable.filter((part) => !writable.includes(part)) : [];
        return [
          ...claim,
          {
            what: `look whether ${path} is free`,
            run: sh`${claimPath} ${path}`,
            unless: isMounted(whole),
          },
          store.make(),
          store.fill("begin the copies", sh`true`),
          ...keep,
          keepDirectory(path),
          {
            what: `unmount what is left in ${path}`,
            run: sh`${unmountUnder} ${path} 0`,
            unless: isMounted(whole),
          },
          keepMount(whole),
          ...dropped.map((part) => dropMount(partMount(input, form, part))),
          ...writable.flatMap((part) => {
            const mount = partMount(input, form, part);
            return [
              {
                what: `copy ${template}${part} to ${mount.from}`,
                telling: `copying ${template}${part}`,
                run: sh`${copyPart} ${template} ${part} ${mount.from}`,
                unless: sh`[ -d ${mount.from} ]`,
                undo: sh`chflags -R noschg ${mount.from} && rm -rf ${mount.from}`,
              },
              keepMount(mount),
            ];
          }),
          ...keepLines(fstab(input, form), before && fstab(previous, before)),
        ];
      }
    }
  },

  remove(state) {
    const form = formOf(state);
    if (form.is === "existing") return [];
    const store = storeOf(state);
    const made = state.made ?? [];
    const note = noteOf(state);
    return [
      ...(form.is === "thin" ? removeMounts(state, form, store, made) : []),
      ...store.remove(made),
      ...(note
        ? [
            {
              what: `remove the archive ${note.sha256} if no other root needs it`,
              run: sh`${dropArchive} ${note.sha256} ${note.owner}`,
            },
          ]
        : []),
    ];
  },

  questions(input) {
    const form = formOf(input);
    const own = form.is !== "existing";
    const thin = thinOf(input);
    const directory = storePath(input);
    return {
      dataset: input.dataset === undefined ? unasked<DatasetState>() : askDataset(input.dataset),
      directory: directory === undefined ? unasked<string>() : askDirectory(directory),
      mark: own && input.dataset === undefined ? askRootMark(input.owner) : unasked<string>(),
      unmounted: thin ? askUnmounted(mountsOf(input, thin)) : unasked<string[]>(),
      lines: thin ? askLines(fstab(input, thin)) : unasked<string>(),
    };
  },

  gone(answers, input) {
    const { dataset, directory, mark, lines } = answers;
    if (lines !== undefined) return false;
    if (input.dataset !== undefined) return dataset === undefined;
    return directory === undefined || (formOf(input).is !== "existing" && mark === undefined);
  },

  compare(input, { dataset, directory, mark, unmounted, lines }) {
    const form = formOf(input);
    if (form.is === "existing") return directory === undefined ? [running(`${form.path} is not there`)] : [];
    return [
      ...(input.dataset === undefined
        ? compareDirectory(storePath(input) as string, directory, mark)
        : compareDataset(placeOf(input), dataset, form.is !== "clone")),
      ...(unmounted ?? []).map((on) => running(`nothing of the thin root is mounted on ${on}`)),
      ...(form.is === "thin" ? compareLines(fstab(input, form), lines) : []),
    ];
  },

  observe(input, { dataset }): JailRootOutputs {
    return { path: (formOf(input).is === "thin" ? undefined : dataset?.mountpoint) ?? input.path ?? "" };
  },

  deleteBeforeReplace: (input, previous) => !standBesideEachOther(input, previous),
  timeoutMs: (input) => MINUTES[formOf(input).is] * 60_000,
});

/** Removing one may take as long as making it: it is file by file, and a jail that is dying holds its root. */
const MINUTES: Record<Form["is"], number> = { existing: 2, clone: 5, thin: 15, archive: 30, source: 120 };

/** The plain directory that is looked at: the one that exists, or the one that is made. */
function storePath(input: Input): string | undefined {
  if (input.dataset !== undefined) return undefined;
  return input.template === undefined ? input.path : copiesPath(input);
}

function removeMounts(state: Input, form: Thin, store: RootStore, made: readonly string[]): Step[] {
  return [
    {
      what: `unmount what is mounted in ${form.path}`,
      run: sh`${store.isOurs} && ${unmountUnder} ${form.path} 120`,
      unless: sh`${certainlyNot} ${store.isOurs}`,
    },
    {
      what: `umount ${form.path}`,
      run: sh`${store.isOurs} && umount ${form.path}`,
      unless: sh`${certainlyNot} ${store.isOurs} || ${isNotMounted(templateMount(form))}`,
    },
    dropLines(fstab(state, form)),
    ...dropDirectory(form.path, made),
  ];
}

/** The mount points on which nothing of ours is. */
function askUnmounted(mounts: Mount[]): Question<string[] | undefined> {
  const ask = sh`${missingNullfs} ${mounts.map(({ mode, from, on }) => [mode, from, on])}`;
  return {
    key: `nullfs ${mounts.map(({ from, on }) => `${from} ${on}`).join(" ")}`,
    ask,
    read(answer) {
      if (answer.status !== 0) throw new Unreadable("mount -p", answer);
      return answer.text.split("\n").filter(Boolean);
    },
  };
}

/** What another form of root would be asked. */
const unasked = <T>(): Question<T | undefined> => ({ key: "nothing", ask: sh`:`, read: () => undefined });
