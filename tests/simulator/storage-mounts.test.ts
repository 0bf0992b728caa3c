import { loadDevfsRules } from "../../simulator/commands/storage";
import { defaultRules, StorageHost } from "./storage-host";

let host: StorageHost;
beforeEach(() => {
  host = new StorageHost();
  for (const path of ["/a", "/b", "/c"]) host.kernel.storage.fs.mkdirSync(path);
});

const out = async (line: string, as?: Parameters<StorageHost["run"]>[1]): Promise<string> => {
  const { stdout, stderr, status } = await host.run(line, as);
  return `${stdout}${stderr}${status === 0 ? "" : `-> ${status}\n`}`;
};

describe("mount(8)", () => {
  test("lists what is mounted", async () => {
    await out("mount_nullfs -o ro,noexec /jails/template /a");
    expect(await out("mount -t nodevfs")).toBe(
      "/dev/gpt/rootfs on / (ufs, local, soft-updates)\n" +
        "zroot on /zroot (zfs, local, noatime, nfsv4acls)\n" +
        "zroot/jails on /jails (zfs, local, noatime, nfsv4acls)\n" +
        "zroot/jails/template on /jails/template (zfs, local, noatime, nfsv4acls)\n" +
        "/jails/template on /a (nullfs, local, noatime, noexec, read-only, nfsv4acls)\n",
    );
    expect(await out("mount -p -t nullfs")).toBe(
      "/jails/template		/a			nullfs	ro,noexec,noatime,nfsv4acls 	0 0\n",
    );
  });

  test("a nullfs shows the other tree, and only reads it with ro", async () => {
    const { fs } = host.kernel.storage;
    fs.writeText("/a/file", "x");
    await out("mount_nullfs -o ro /a /b");
    expect(fs.readText("/b/file")).toBe("x");
    expect(() => fs.writeText("/b/file", "y")).toThrow("EROFS");
    fs.writeText("/a/file", "y");
    expect(fs.readText("/b/file")).toBe("y");
    expect(await out("umount /b")).toBe("");
    expect(fs.existsSync("/b/file")).toBe(false);
  });

  test("a union reads from below and writes above", async () => {
    const { fs } = host.kernel.storage;
    fs.mkdirSync("/a/etc");
    fs.writeText("/a/etc/file", "lower");
    fs.writeText("/a/other", "lower");
    await out("mount_nullfs -o ro /a /b");
    expect(await out("mount -t unionfs /c /b")).toBe("");
    expect(fs.list("/b")).toEqual(["etc", "other"]);
    fs.writeText("/b/etc/file", "upper");
    fs.writeText("/b/etc/new", "upper");
    fs.unlink("/b/other");
    expect([fs.readText("/b/etc/file"), fs.list("/b"), fs.list("/c/etc")]).toEqual([
      "upper",
      ["etc"],
      ["file", "new"],
    ]);
    expect([fs.readText("/a/etc/file"), fs.list("/a")]).toEqual(["lower", ["etc", "other"]]);
    expect(await out("umount /b")).toBe("");
    expect(fs.readText("/b/other")).toBe("lower");
  });

  test("a tmpfs is full when it is full, and gone when it is unmounted", async () => {
    const { fs } = host.kernel.storage;
    expect(await out("mount -t tmpfs -o size=64k,mode=1777 tmpfs /a")).toBe("");
    expect(fs.node("/a").mode).toBe(0o1777);
    expect(() => fs.writeText("/a/big", "x".repeat(70_000))).toThrow("ENOSPC");
    expect(await out("df -k /a")).toContain("tmpfs");
    expect(await out("umount -v /a")).toBe("tmpfs: unmount from /a\n");
    expect(fs.list("/a")).toEqual([]);
  });

  test("fstab decides what -a mounts", async () => {
    host.kernel.storage.fs.writeText(
      "/etc/fstab",
      "# comment\n/dev/gpt/rootfs / ufs rw 1 1\n/a /b nullfs rw,late 0 0\ntmpfs /c tmpfs rw,noauto,size=1m 0 0\n/dev/vtbd0p3 none swap sw 0 0\n/a\\040b /c nullfs ro 0 0\n/nosuch /c nullfs rw,failok 0 0\nbroken\n",
    );
    const mounted = () => host.kernel.storage.mounts.all.map(({ on }) => on).slice(5);
    host.kernel.storage.fs.mkdirSync("/a b");
    expect(await out("mount -a")).toBe(
      "fstab: /etc/fstab:8: Inappropriate file type or format\nmount_nullfs: /nosuch: No such file or directory\n",
    );
    expect(mounted()).toEqual(["/c"]);
    await out("mount -al");
    expect(mounted()).toEqual(["/c", "/b"]);
    expect(await out("umount /c /b")).toBe("");
    expect(await out("mount /c")).toBe("");
    expect(await out("mount -p -t tmpfs")).toContain("tmpfs\t\t\t/c\t\t\ttmpfs\trw\t\t0 0\n");
  });

  test("-u changes what is mounted", async () => {
    const { fs } = host.kernel.storage;
    await out("mount -t tmpfs tmpfs /a");
    expect(await out("mount -u -o ro /a")).toBe("");
    expect(() => fs.writeText("/a/x", "")).toThrow("EROFS");
    expect(await out("mount -uw /a")).toBe("");
    fs.writeText("/a/x", "");
    expect(await out("mount -u -o ro /b")).toBe("mount: not currently mounted /b\n-> 1\n");
  });

  test.each([
    ["mount /nosuch", "mount: /nosuch: unknown special file or file system\n-> 1\n"],
    ["mount -t tmpfs tmpfs /nosuch", "mount: /nosuch: No such file or directory\n-> 1\n"],
    ["mount -t tmpfs tmpfs /etc/fstab", "mount: /etc/fstab: Not a directory\n-> 1\n"],
    [
      "mount -t tmpfs -o nosuch tmpfs /a",
      "mount: tmpfs: mount option <nosuch> is unknown: Invalid argument\n-> 1\n",
    ],
    ["mount -t devfs -o ruleset=x devfs /a", "mount: devfs: Invalid argument\n-> 1\n"],
    ["mount /dev/vtbd0p2 /a", "mount: /dev/vtbd0p2: Device busy\n-> 1\n"],
    ["mount -t zfs zroot/nosuch /a", "mount: zroot/nosuch: No such file or directory\n-> 1\n"],
    ["mount_nullfs /a", "usage: mount_nullfs [-o options] target mount-point\n-> 64\n"],
    ["mount_nullfs /a /nosuch", "mount_nullfs: /nosuch: No such file or directory\n-> 64\n"],
    ["mount_unionfs /a /a", "mount_unionfs: /a (/a) and /a are not distinct paths\n-> 64\n"],
    [
      "umount",
      "usage: umount [-fNnv] special ... | node ... | fsid ...\n       umount -a | -A [-F fstab] [-fnv] [-h host] [-t type]\n-> 1\n",
    ],
    [
      "umount /nosuch",
      "umount: /nosuch: statfs: No such file or directory\numount: /nosuch: unknown file system\n-> 1\n",
    ],
    ["umount /jails", "umount: unmount of /jails failed: Device busy\n-> 1\n"],
    ["umount /", "umount: unmount of / failed: Invalid argument\n-> 1\n"],
    ["df /nosuch", "df: /nosuch: No such file or directory\n-> 1\n"],
    [
      "df -k /",
      "Filesystem      1024-blocks   Used   Avail Capacity  Mounted on\n/dev/gpt/rootfs     4053308 206696 3522348     6%    /\n",
    ],
    [
      "df -h /",
      "Filesystem         Size    Used   Avail Capacity  Mounted on\n/dev/gpt/rootfs    3.9G    202M    3.4G     6%    /\n",
    ],
  ])("%s", async (line, printed) => {
    expect(await out(line)).toBe(printed);
  });

  test("only root may", async () => {
    const as = { uid: 1001 };
    expect(await out("mount_nullfs /a /b", as)).toBe("mount_nullfs: /b: Operation not permitted\n-> 1\n");
    expect(await out("umount /jails/template", as)).toBe(
      "umount: unmount of /jails/template failed: Operation not permitted\n-> 1\n",
    );
  });

  test("a jail sees its root only, and mounts what it is allowed to", async () => {
    const jail = host.jail("/jails/template");
    expect(await out("mount -p", { jail })).toBe(
      "zroot/jails/template	/			zfs	rw,noatime,nfsv4acls 	0 0\n",
    );
    expect(await out("mount -t tmpfs tmpfs /etc", { jail })).toBe(
      "mount: tmpfs: Operation not permitted\n-> 1\n",
    );
    host.kernel.jails.update(jail, [
      ["allow.mount", undefined],
      ["allow.mount.tmpfs", undefined],
      ["enforce_statfs", "1"],
    ]);
    expect(await out("mount -t tmpfs tmpfs /etc", { jail })).toBe("");
    expect(await out("mount -p -t tmpfs", { jail })).toBe("tmpfs			/etc			tmpfs	rw		0 0\n");
    expect(host.kernel.storage.mounts.at("/jails/template/etc")?.type).toBe("tmpfs");
  });
});

describe("devfs(8)", () => {
  test("a ruleset decides what a mount shows; what it includes is not followed further", async () => {
    const { fs, devfs } = host.kernel.storage;
    loadDevfsRules(
      host.kernel,
      defaultRules,
      "[own=10]\nadd include $devfsrules_hide_all # all\nadd path 'bpf*' unhide\nadd path \"fd\" unhide mode 0700 user root\n",
    );
    await out("mount -t devfs -o ruleset=10 devfs /a");
    expect(fs.list("/a")).toEqual(["bpf", "bpf0", "fd"]);
    expect(fs.list("/a/fd")).toEqual([]);
    expect(fs.node("/a/fd").mode).toBe(0o700);
    expect(fs.existsSync("/a/null")).toBe(false);
    expect(await out("devfs -m /a rule apply path null unhide")).toBe("");
    fs.writeText("/a/null", "gone");
    expect(fs.readText("/a/null")).toBe("");
    expect(await out("devfs -m /a rule show")).toBe(
      "100 include 1\n200 path bpf* unhide\n300 path fd unhide user root mode 700\n",
    );
    await out("umount /a");
    expect(devfs.rulesets).toEqual([1, 2, 3, 4, 5, 10]);
  });

  test("a module's node appears where the ruleset lets it", async () => {
    const { fs } = host.kernel.storage;
    await out("mount -t devfs -o ruleset=4 devfs /a");
    await out("mount -t devfs -o ruleset=5 devfs /b");
    host.kernel.storage.devfs.attach("pf");
    expect(["/dev/pf", "/a/pf", "/b/pf"].map((path) => fs.existsSync(path))).toEqual([true, false, true]);
    host.kernel.storage.devfs.detach("pf");
    expect(fs.existsSync("/dev/pf")).toBe(false);
  });

  test("an unloaded ruleset exists as long as a mount names it", async () => {
    await out("mount -t devfs -o ruleset=77 devfs /a");
    expect(await out("devfs rule showsets")).toBe("1\n2\n3\n4\n5\n77\n");
    await out("umount /a");
    expect(await out("devfs rule showsets")).toBe("1\n2\n3\n4\n5\n");
    await out("devfs rule -s 1 delset");
    expect(await out("devfs rule showsets")).toBe("1\n2\n3\n4\n5\n");
  });

  test.each([
    ["devfs", "usage: devfs rule|ruleset arguments\n-> 1\n"],
    ["devfs nosuch", "devfs: unknown command: nosuch\n-> 1\n"],
    ["devfs rule nosuch", "devfs rule: unknown command: nosuch\n-> 1\n"],
    ["devfs -m /nosuch rule show", "devfs: open: /nosuch: No such file or directory\n-> 1\n"],
    [
      "devfs -m /a rule showsets",
      "devfs rule: ioctl DEVFSIO_SGETNEXT: Inappropriate ioctl for device\n-> 1\n",
    ],
    ["devfs rule add hide", "devfs rule: ioctl DEVFSIO_RADD: Input/output error\n-> 1\n"],
    ["devfs rule -s 9 add include 99", "devfs rule: ioctl DEVFSIO_RADD: No such process\n-> 1\n"],
    ["devfs rule -s 1 add 100 hide", "devfs rule: ioctl DEVFSIO_RADD: File exists\n-> 1\n"],
    ["devfs rule -s 1 del 5", "devfs rule: ioctl DEVFSIO_RDEL: No such file or directory\n-> 1\n"],
    ["devfs rule -s 9 applyset", "devfs rule: ioctl DEVFSIO_SAPPLY: No such process\n-> 1\n"],
    ["devfs rule -s 9 add path", "devfs rule: expecting argument for path\n-> 1\n"],
    ["devfs rule -s 9 add type nosuch hide", "devfs rule: unknown type: nosuch\n-> 1\n"],
    ["devfs rule -s 9 add mode 9", "devfs rule: invalid mode: 9\n-> 1\n"],
  ])("%s", async (line, printed) => {
    expect(await out(line)).toBe(printed);
  });

  test("rules come from standard input too", async () => {
    expect(
      await out("devfs rule -s 9 add -", { stdin: "path 'a' hide\n50 type tty unhide group operator\n" }),
    ).toBe("");
    expect(await out("devfs rule -s 9 show")).toBe("50 type tty unhide group operator\n100 path 'a' hide\n");
  });

  test("a bad line ends the reading of a file", () => {
    expect(
      loadDevfsRules(
        host.kernel,
        "[x=20]\nadd hide\nadd path z nonsense\nadd path y unhide\n",
        "[z=]\nadd hide\n",
      ),
    ).toBe(
      "devfs rule: unknown argument: nonsense\n/etc/rc.d/devfs: WARNING: devfs_rulesets_from_file: cannot extract rule number ([z=])\n",
    );
    expect(host.kernel.storage.devfs.rules(20)).toHaveLength(1);
  });
});
