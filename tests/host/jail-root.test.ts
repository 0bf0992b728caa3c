import type { Kind } from "../../provider/kind";
import { jailRoot } from "../../provider/kinds/jail-root";
import { vnetJail } from "../../provider/kinds/vnet-jail";
import { sh } from "../../provider/sh";
import { brokenAt } from "./broken";
import { essence } from "./essence";
import { type Made, Network } from "./network";

jest.setTimeout(30_000);

let network: Network;

const SHA256 = "8d491a68835aa51209295b83e1e7db2d4a7792f8b6d212d051fe412688dadd76";
const archive = { path: "/var/distfiles/base.txz", sha256: SHA256 };

const now = () => essence(network.host.snapshot(), { modules: false });

beforeEach(async () => {
  network = await Network.start();
  await network.host.exec("touch /usr/src/Makefile.inc1; mkdir /jails/empty");
});

afterEach(() => network.stop());

const declare = (form: object, name = "www") => ({
  host: network.reference,
  owner: `demo/test/${name}`,
  ...form,
});

const create = (form: object, name?: string) => network.create(jailRoot, declare(form, name));

/** Drift as `refresh` shows it. */
const drift = async (made: Made): Promise<readonly string[]> =>
  (await network.read(jailRoot, made)) ? made.state.drift : ["gone"];

const forms: [name: string, form: object, path: string][] = [
  ["a clone", { snapshot: "zroot/jails/template@base" }, "/jails/www"],
  ["a clone elsewhere", { snapshot: "zroot/jails/template@base", path: "/jails/there" }, "/jails/there"],
  ["an archive in a dataset", { archive, dataset: "zroot/jails/www" }, "/jails/www"],
  [
    "an archive in a dataset elsewhere",
    { archive, dataset: "zroot/www", path: "/jails/there" },
    "/jails/there",
  ],
  ["an archive in a directory", { archive, path: "/jails/www" }, "/jails/www"],
  ["an archive in an empty directory", { archive, path: "/jails/empty" }, "/jails/empty"],
  ["a source tree in a dataset", { source: "/usr/src", dataset: "zroot/jails/www" }, "/jails/www"],
  ["a thin root", { template: "/jails/template" }, "/jails/www"],
  ["a thin root in a dataset", { template: "/jails/template", dataset: "zroot/jails/www-rw" }, "/jails/www"],
];

describe.each(forms)("%s", (_, form, path) => {
  test("is made, is as declared, is made again without a change, and is removed without a trace", async () => {
    const pristine = now();
    const made = await create(form);
    expect(made.state).toMatchObject({ path, drift: [] });
    expect(await network.shows(`cat ${path}/etc/passwd`)).toContain("root:");
    const there = now();
    await network.update(jailRoot, made);
    expect(now()).toEqual(there);
    expect(await drift(made)).toEqual([]);
    await network.delete(jailRoot, made);
    expect(now()).toEqual(pristine);
    await network.delete(jailRoot, made);
    expect(now()).toEqual(pristine);
  });

  test("whichever step fails, what was done before it is undone", async () => {
    const pristine = now();
    const kind = jailRoot as unknown as Kind;
    const made = await create(form);
    await network.delete(jailRoot, made);
    const steps = kind.ensure(made.inputs as never, undefined).length;
    for (let failing = 0; failing < steps; failing++) {
      const broken = brokenAt(kind, failing);
      await expect(network.create(broken, declare(form))).rejects.toThrow(
        /injected\nWhat was done before it has been undone\.$/,
      );
      expect(now()).toEqual(pristine);
    }
    expect(steps).toBeGreaterThan(1);
  });

  test("after a reboot it is there again, and is removed then without a trace", async () => {
    await network.host.reboot();
    const pristine = now();
    const made = await create(form);
    await network.host.reboot();
    expect(await drift(made)).toEqual([]);
    await network.delete(jailRoot, made);
    expect(now()).toEqual(pristine);
  });

  test("a jail runs in it, and comes back at boot", async () => {
    const made = await create(form);
    const jail = await network.create(vnetJail, { host: network.reference, path, owner: "demo/test/www" });
    expect(await network.shows("jexec www cat /etc/passwd")).toContain("root:");
    await network.host.reboot();
    expect(await network.shows("jls name")).toBe("www\n");
    expect(await drift(made)).toEqual([]);
    await expect(network.delete(jailRoot, made)).rejects.toThrow("the jail www runs in");
    expect(await drift(made)).toEqual([]);
    await network.delete(vnetJail, jail);
    await network.delete(jailRoot, made);
    expect(await network.shows(`ls -A ${path}`)).not.toContain("etc");
  });

  test("another name for the resource keeps it", async () => {
    const made = await create(form);
    await network.host.exec(`echo kept > ${path}/etc/kept; echo kept > ${path}/usr/local/etc/kept`);
    await network.update(jailRoot, made, { owner: "demo/test/renamed", dataset: made.inputs.dataset, path });
    expect(await drift(made)).toEqual([]);
    expect(await network.shows(`cat ${path}/usr/local/etc/kept`)).toBe("kept\n");
    await network.delete(jailRoot, made);
    expect(await network.shows("cat /var/db/pulumi-freebsd-vnet.roots /etc/fstab")).not.toContain(
      "demo/test",
    );
  });
});

test("a directory that exists is used as it is and stays", async () => {
  const pristine = now();
  const made = await create({ path: "/jails/template" });
  expect(now()).toEqual(pristine);
  expect(await drift(made)).toEqual([]);
  await network.delete(jailRoot, made);
  expect(now()).toEqual(pristine);
});

describe("a root that is not what it should be", () => {
  const inDirectory = { archive, path: "/jails/www" };
  const inDataset = { archive, dataset: "zroot/jails/www" };
  const thin = { template: "/jails/template" };
  const cases: [command: string, form: object, words: string[]][] = [
    [
      "zfs set mountpoint=/jails/other zroot/jails/www",
      { ...inDataset, path: "/jails/www" },
      ["running: zroot/jails/www is mounted at /jails/other"],
    ],
    ["zfs unmount zroot/jails/www", inDataset, ["running: zroot/jails/www is not mounted"]],
    ["umount /jails/www/etc", thin, ["running: nothing of the thin root is mounted on /jails/www/etc"]],
    [
      "umount /jails/www/var; umount /jails/www/usr/local; umount /jails/www/tmp; umount /jails/www/root; umount /jails/www/etc; umount /jails/www",
      thin,
      [
        "running: nothing of the thin root is mounted on /jails/www",
        "running: nothing of the thin root is mounted on /jails/www/etc",
        "running: nothing of the thin root is mounted on /jails/www/root",
        "running: nothing of the thin root is mounted on /jails/www/tmp",
        "running: nothing of the thin root is mounted on /jails/www/usr/local",
        "running: nothing of the thin root is mounted on /jails/www/var",
      ],
    ],
    ["sed -i '' -e /nullfs/d /etc/fstab", thin, ["at boot: its lines in /etc/fstab were changed"]],
  ];
  test.each(cases)("is found and mended: %s", async (command, form, words) => {
    const made = await create(form);
    const mounts = () => network.shows("mount -p | sort; cat /etc/fstab");
    const there = await mounts();
    await network.host.exec(`echo kept > /jails/www/etc/kept`);
    await network.host.exec(command);
    expect(await drift(made)).toEqual(words);
    await network.update(jailRoot, made);
    expect(await drift(made)).toEqual([]);
    expect(await network.shows("cat /jails/www/etc/kept; rm /jails/www/etc/kept")).toBe("kept\n");
    expect(await mounts()).toBe(there);
  });

  test("one that is gone is made anew", async () => {
    for (const [form, command] of [
      [inDirectory, "chflags -R noschg /jails/www; rm -rf /jails/www"],
      [inDataset, "zfs destroy zroot/jails/www"],
    ] as const) {
      const pristine = now();
      const made = await create(form);
      await network.host.exec(command);
      expect(await drift(made)).toEqual(["gone"]);
      const again = await create(form);
      await network.delete(jailRoot, again);
      expect(now()).toEqual(pristine);
    }
  });

  test("another directory in its place is not touched", async () => {
    const made = await create(inDirectory);
    await network.host.exec("mv /jails/www /jails/moved; mkdir /jails/www; echo precious > /jails/www/file");
    expect(await drift(made)).toEqual([
      "running: /jails/www is not the directory that was made, or is not mounted",
    ]);
    await expect(network.update(jailRoot, made)).rejects.toThrow(
      "/jails/www is there already, is not empty and is not this resource's",
    );
    await network.delete(jailRoot, made);
    expect(await network.shows("cat /jails/www/file; ls /jails/moved/etc/passwd")).toBe(
      "precious\n/jails/moved/etc/passwd\n",
    );
  });

  test("the parts of a thin root that runs are mounted again without the jail noticing", async () => {
    const made = await create(thin);
    await network.create(vnetJail, { host: network.reference, path: "/jails/www", owner: "demo/test/www" });
    await network.host.exec(
      "jexec www sh -c 'echo mine > /usr/local/etc/file'; umount -f /jails/www/usr/local",
    );
    const jid = await network.shows("jls -j www jid");
    expect(await network.shows("jexec www cat /usr/local/etc/file")).toContain("No such file");
    await network.update(jailRoot, made);
    expect(await network.shows("jexec www cat /usr/local/etc/file")).toBe("mine\n");
    expect(await network.shows("jls -j www jid")).toBe(jid);
  });
});

describe("interrupted", () => {
  const half = async (form: object, lose: string) => {
    const made = await create(form);
    await network.host.exec(lose);
    return made;
  };

  test("an archive that was extracted in part is not taken for complete: in a directory", async () => {
    const pristine = now();
    await half(
      { archive, path: "/jails/www" },
      "sed -i '' -e 's/^filled/filling/' /var/db/pulumi-freebsd-vnet.roots; rm -rf /jails/www/bin /jails/www/etc; mkdir /jails/www/junk; chflags schg /jails/www/junk",
    );
    const made = await create({ archive, path: "/jails/www" });
    expect(made.state.drift).toEqual([]);
    expect(await network.shows("ls /jails/www")).toContain("\nbin\nboot\n");
    expect(await network.shows("ls /jails/www")).not.toContain("junk");
    await network.delete(jailRoot, made);
    expect(now()).toEqual(pristine);
  });

  test("an archive that was extracted in part is not taken for complete: in a dataset", async () => {
    const pristine = now();
    const form = { archive, dataset: "zroot/jails/www" };
    const first = await half(
      form,
      "zfs inherit pulumi-freebsd-vnet:filled zroot/jails/www; rm -rf /jails/www/etc; mkdir /jails/www/junk",
    );
    expect(await drift(first)).toEqual(["running: zroot/jails/www is only partly filled"]);
    const made = await create(form);
    expect(await network.shows("ls /jails/www")).not.toContain("junk");
    await network.delete(jailRoot, made);
    expect(now()).toEqual(pristine);
  });

  test("what an earlier run is still filling is not taken away from it", async () => {
    const form = { archive, path: "/jails/www" };
    await half(form, "sed -i '' -e 's/^filled/filling/' /var/db/pulumi-freebsd-vnet.roots");
    const there = now();
    const lock = "/var/run/pulumi-freebsd-vnet.%jails%www";
    const { machine } = network.host;
    machine.fault(/^sleep 3/, "hang");
    const known = new Set(machine.sessions);
    const earlier = network.host.exec(`lockf -t 0 ${lock} sleep 3`);
    const filling = [...machine.sessions].filter((session) => !known.has(session));
    await expect(create(form)).rejects.toThrow(
      "an earlier run, whose connection was lost, is still filling it",
    );
    for (const session of filling) session.end();
    await earlier;
    expect(now()).toEqual(there);
    expect((await create(form)).state.drift).toEqual([]);
  });

  test("a copy of a thin root that was made in part is made again", async () => {
    const form = { template: "/jails/template" };
    const made = await create(form);
    await network.delete(jailRoot, made);
    const kind = jailRoot as unknown as Kind;
    const cut: Kind = {
      ...kind,
      ensure: (input, previous) => {
        const steps = kind.ensure(input, previous);
        const from = steps.findIndex((step) => step.what?.startsWith("copy /jails/template/root"));
        return [
          ...steps.slice(0, from).map(({ undo: _, ...step }) => step),
          { run: sh`{ mkdir /jails/www-rw/root.pulumi-freebsd-vnet; false; }` },
        ];
      },
    };
    await expect(network.create(cut, declare(form))).rejects.toThrow();
    const again = await create(form);
    expect(again.state.drift).toEqual([]);
    expect(await network.shows("ls /jails/www-rw")).toBe("etc\nroot\ntmp\nusr%local\nvar\n");
  });
});

describe("is refused before anything is made", () => {
  const cases: [what: string, prepare: string, form: object, words: string][] = [
    [
      "an archive with another checksum",
      "true",
      { archive: { ...archive, sha256: "0".repeat(64) }, path: "/jails/www" },
      `/var/distfiles/base.txz has the SHA-256 ${SHA256}, not 000`,
    ],
    [
      "an archive that is not there",
      "true",
      { archive: { ...archive, path: "/nosuch.txz" }, path: "/jails/www" },
      "No such file or directory",
    ],
    [
      "a directory with something in it",
      "mkdir /jails/www; touch /jails/www/file",
      { archive, path: "/jails/www" },
      "/jails/www is there already, is not empty and is not this resource's",
    ],
    [
      "a symbolic link",
      "ln -s /jails/empty /jails/www",
      { archive, path: "/jails/www" },
      "/jails/www is there already",
    ],
    [
      "a directory whose parent is not there",
      "true",
      { archive, path: "/nosuch/www" },
      "there is no directory /nosuch on the host: make it first",
    ],
    [
      "a dataset of somebody else",
      "zfs create zroot/jails/www",
      { archive, dataset: "zroot/jails/www" },
      "dataset zroot/jails/www is there already and is not this resource's",
    ],
    [
      "a mountpoint with something in it",
      "true",
      { archive, dataset: "zroot/jails/www", path: "/etc" },
      "/etc is there already, is not empty",
    ],
    [
      "a dataset without a mountpoint",
      "zfs create -o mountpoint=none zroot/nowhere; mkdir -p /root/none /none",
      { archive, dataset: "zroot/nowhere/www" },
      "dataset zroot/nowhere/www would be mounted nowhere, its mountpoint is none (inherited from zroot/nowhere): say where",
    ],
    [
      "a dataset that others mount",
      "zfs create -o mountpoint=legacy zroot/nowhere",
      { source: "/usr/src", dataset: "zroot/nowhere/www" },
      "its mountpoint is legacy",
    ],
    [
      "a clone without a mountpoint",
      "zfs create -o mountpoint=none zroot/nowhere",
      { snapshot: "zroot/jails/template@base", dataset: "zroot/nowhere/www" },
      "its mountpoint is none",
    ],
    [
      "a source tree that is none",
      "rm /usr/src/Makefile.inc1",
      { source: "/usr/src", path: "/jails/www" },
      "don't know how to make installworld. Stop",
    ],
    [
      "a part that the template has not",
      "true",
      { template: "/jails/template", writable: ["/srv"] },
      "/jails/template has no directory /srv",
    ],
    [
      "a thin root over something",
      "mkdir /jails/www; touch /jails/www/file",
      { template: "/jails/template" },
      "/jails/www is there already",
    ],
  ];
  test.each(cases)("%s", async (_, prepare, form, words) => {
    await network.host.exec(prepare);
    const there = now();
    await expect(create(form)).rejects.toThrow(words);
    expect(now()).toEqual(there);
  });
});

describe("removing", () => {
  test("what jails left mounted in it, and what is immutable, is no obstacle", async () => {
    for (const form of [
      { archive, path: "/jails/www" },
      { archive, dataset: "zroot/jails/www" },
      { template: "/jails/template" },
    ]) {
      const pristine = now();
      const made = await create(form);
      await network.host.exec(
        "mount -t devfs devfs /jails/www/dev; mount -t tmpfs tmpfs /jails/www/tmp; mount_nullfs /jails/empty /jails/www/usr/local; chflags schg /jails/www/var/log",
      );
      await network.delete(jailRoot, made);
      expect(now()).toEqual(pristine);
    }
  });

  test("a file system with data of its own is not touched", async () => {
    const made = await create({ archive, path: "/jails/www" });
    await network.host.exec(
      "zfs create -o mountpoint=/jails/www/usr/local zroot/data; echo precious > /jails/www/usr/local/file",
    );
    await expect(network.delete(jailRoot, made)).rejects.toThrow(
      "/jails/www/usr/local in it is a file system of its own (zfs) that is not this resource's; unmount it first",
    );
    expect(await network.shows("cat /jails/www/usr/local/file; ls /jails/www/etc/passwd")).toBe(
      "precious\n/jails/www/etc/passwd\n",
    );
  });

  test("a template that a thin root is mounted from is kept", async () => {
    const template = await create({ archive, path: "/jails/base" }, "base");
    const thin = await create({ template: template.state.path });
    await expect(network.delete(jailRoot, template)).rejects.toThrow(
      "/jails/base is in use: it is mounted on /jails/www as well; unmount that first",
    );
    await network.delete(jailRoot, thin);
    await network.delete(jailRoot, template);
    expect(await network.shows("ls /jails")).toBe("empty\ntemplate\n");
  });
});

test("what a thin root's jail may write to changes live, and what it wrote is kept", async () => {
  const pristine = now();
  const made = await create({ template: "/jails/template", writable: ["/etc", "/var"] });
  await network.host.exec("echo mine > /jails/www/var/file");
  await network.update(jailRoot, made, { writable: ["/etc", "/usr/local"] });
  expect(made.state.drift).toEqual([]);
  expect(await network.shows("touch /jails/www/var/x; touch /jails/www/usr/local/x")).toBe(
    "touch: /jails/www/var/x: Read-only file system\n",
  );
  expect(await network.shows("grep -c nullfs /etc/fstab")).toBe("3\n");
  await network.update(jailRoot, made, { writable: ["/etc", "/var"] });
  expect(await network.shows("cat /jails/www/var/file")).toBe("mine\n");
  await network.delete(jailRoot, made);
  expect(now()).toEqual(pristine);
});

test("a root that `retainOnDelete` left on the host is found again, with its data, by the same resource only", async () => {
  for (const form of [
    { archive, path: "/jails/www" },
    { archive, dataset: "zroot/jails/db" },
    { template: "/jails/template", path: "/jails/thin" },
  ]) {
    const { state } = await create(form);
    await network.host.exec(`echo mine > ${state.path}/etc/file`);
    const again = await create(form);
    expect(again.state.drift).toEqual([]);
    expect(await network.shows(`cat ${state.path}/etc/file`)).toBe("mine\n");
    await expect(create(form, "other")).rejects.toThrow("is there already");
  }
});

test("a template that is gone does not stop the boot", async () => {
  await create({ template: "/jails/template" });
  const lines = (await network.shows("grep nullfs /etc/fstab")).trim().split("\n");
  expect(lines).toHaveLength(6);
  for (const line of lines) expect(line).toMatch(/ nullfs (ro|rw),late,failok 0 0$/);
});
