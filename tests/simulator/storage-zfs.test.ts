import { StorageHost } from "./storage-host";

let host: StorageHost;
beforeEach(() => {
  host = new StorageHost();
});

const out = async (line: string, as?: Parameters<StorageHost["run"]>[1]): Promise<string> => {
  const { stdout, stderr, status } = await host.run(line, as);
  return `${stdout}${stderr}${status === 0 ? "" : `-> ${status}\n`}`;
};
const paths = () => host.kernel.storage.mounts.all.map(({ on }) => on);

test("a clone shares nothing that is written later", async () => {
  const { fs } = host.kernel.storage;
  await out("zfs create -p -o org.pulumi:owner=urn zroot/data/one");
  fs.writeText("/zroot/data/one/file", "before");
  await out("zfs snapshot zroot/data/one@s");
  fs.writeText("/zroot/data/one/file", "after");
  expect(await out("zfs clone -p -o mountpoint=/jails/c zroot/data/one@s zroot/x/c")).toBe("");
  expect(fs.readText("/jails/c/file")).toBe("before");
  fs.writeText("/jails/c/new", "clone's");
  expect(fs.existsSync("/zroot/data/one/new")).toBe(false);
  expect(await out("zfs rollback zroot/data/one@s")).toBe("");
  expect(fs.readText("/zroot/data/one/file")).toBe("before");
  expect(await out("zfs get -H -o property,value,source all zroot/x/c")).toContain(
    "mountpoint\t/jails/c\tlocal\n",
  );
  expect(await out("zfs get -Ho value,source org.pulumi:owner zroot/data/one@s zroot/data/one")).toBe(
    "urn\tlocal\nurn\tinherited from zroot/data/one\n",
  );
});

test("the pool survives a reboot, what is mounted does not", async () => {
  await out("zfs create -o mountpoint=/jails/a zroot/a");
  host.kernel.storage.fs.writeText("/jails/a/file", "x");
  await out("zfs create -o canmount=noauto zroot/b");
  await out("zfs mount zroot/b");
  host.reboot();
  expect(paths()).toEqual(["/", "/dev", "/zroot", "/jails", "/jails/a", "/jails/template"]);
  expect(host.kernel.storage.fs.readText("/jails/a/file")).toBe("x");
});

test("mountpoints are made, moved and removed as libzfs does", async () => {
  const { fs } = host.kernel.storage;
  await out("zfs create zroot/p");
  await out("zfs create zroot/p/q");
  await out("zfs create -o mountpoint=/own zroot/p/r");
  expect(await out("zfs set mountpoint=/moved zroot/p")).toBe("");
  expect(paths().slice(-3)).toEqual(["/own", "/moved", "/moved/q"]);
  expect(fs.existsSync("/zroot/p")).toBe(false);
  expect(await out("zfs inherit mountpoint zroot/p")).toBe("");
  expect(paths().slice(-2)).toEqual(["/zroot/p", "/zroot/p/q"]);
  expect(await out("zfs rename zroot/p zroot/renamed")).toBe("");
  expect(await out("zfs list -H -o name,mountpoint -r zroot/renamed")).toBe(
    "zroot/renamed\t/zroot/renamed\nzroot/renamed/q\t/zroot/renamed/q\nzroot/renamed/r\t/own\n",
  );
  expect(await out("zfs destroy -rv zroot/renamed")).toBe(
    "will destroy zroot/renamed/q\nwill destroy zroot/renamed/r\nwill destroy zroot/renamed\n",
  );
  expect(fs.existsSync("/zroot/renamed")).toBe(false);
  expect(fs.existsSync("/own")).toBe(true);
});

test("what holds a dataset keeps it", async () => {
  await out("zfs clone -o mountpoint=/jails/c zroot/jails/template@base zroot/c");
  const jail = host.jail("/jails/c");
  const busy = "cannot unmount '/jails/c': pool or dataset is busy\n-> 1\n";
  expect(await out("zfs destroy zroot/c")).toBe(busy);
  expect(await out("zfs set mountpoint=/elsewhere zroot/c")).toBe(busy.replace("1\n", "255\n"));
  expect(await out("zfs rename zroot/c zroot/d")).toBe(busy);
  expect(await out("umount /jails/c")).toBe("umount: unmount of /jails/c failed: Device busy\n-> 1\n");
  expect(await out(`zfs jail ${jail.jid} zroot/c`)).toBe("");
  expect(await out("zfs list -H -o name", { jail })).toBe("zroot\nzroot/c\n");
  expect(await out("zfs destroy -f zroot/c")).toBe("");
  expect(await out("zfs list -H -o name", { jail })).toBe("");
  await out("zfs create zroot/e");
  await out("mount -t tmpfs tmpfs /zroot/e");
  expect(await out("zfs destroy zroot/e")).toBe("cannot unmount '/zroot/e': pool or dataset is busy\n-> 1\n");
});

test.each([
  ["zfs create zroot/jails", "cannot create 'zroot/jails': dataset already exists\n-> 1\n"],
  ["zfs create -p zroot/jails", ""],
  ["zfs create tank/x", "cannot create 'tank/x': no such pool 'tank'\n-> 1\n"],
  ["zfs create zroot", "cannot create 'zroot': missing dataset name\n-> 1\n"],
  ["zfs create zroot/x/", "cannot create 'zroot/x/': trailing slash in name\n-> 1\n"],
  ["zfs create zroot/ä", "cannot create 'zroot/ä': invalid character 'ä' in name\n-> 1\n"],
  [
    "zfs create -o mountpoint=rel zroot/x",
    "cannot create 'zroot/x': 'mountpoint' must be an absolute path, 'none', or 'legacy'\n-> 1\n",
  ],
  ["zfs create -o atime=maybe zroot/x", "cannot create 'zroot/x': 'atime' must be one of 'on | off'\n-> 1\n"],
  ["zfs create -o used=1 zroot/x", "cannot create 'zroot/x': 'used' is readonly\n-> 1\n"],
  ["zfs create -o quota zroot/x", "missing '=' for property=value argument\n-> 1\n"],
  [
    "zfs set quota=0 zroot/jails",
    "cannot set property for 'zroot/jails': use 'none' to disable quota/refquota\n-> 255\n",
  ],
  [
    "zfs set quota=1K zroot/jails",
    "cannot set property for 'zroot/jails': size is less than current used or reserved space\n-> 255\n",
  ],
  ["zfs set quota=x zroot/jails", "cannot set property for 'zroot/jails': bad numeric value 'x'\n-> 255\n"],
  [
    "zfs set atime=on zroot/jails/template@base",
    "cannot set property for 'zroot/jails/template@base': this property can not be modified for snapshots\n-> 255\n",
  ],
  ["zfs set a:b=c zroot/nosuch", "cannot open 'zroot/nosuch': dataset does not exist\n-> 1\n"],
  [
    "zfs inherit quota zroot/jails",
    "'quota' property cannot be inherited\nuse 'zfs set quota=none' to clear\nuse 'zfs inherit -S quota' to revert to received value\n-> 1\n",
  ],
  ["zfs inherit used zroot/jails", "used property is read-only\n-> 1\n"],
  [
    "zfs get -Hpo value quota,refer,avail zroot/nosuch",
    "cannot open 'zroot/nosuch': dataset does not exist\n-> 1\n",
  ],
  [
    "zfs get -Hpo value,source quota,recordsize,canmount,jailed zroot/jails",
    "0\tdefault\n131072\tdefault\non\tdefault\noff\tdefault\n",
  ],
  [
    "zfs get -H -o value,source mountpoint,atime zroot/jails/template",
    "/jails/template\tinherited from zroot/jails\noff\tinherited from zroot\n",
  ],
  ["zfs get -H -o property -s local all zroot/jails", "mountpoint\n"],
  [
    "zfs get mounted zroot/jails",
    "NAME         PROPERTY  VALUE    SOURCE\nzroot/jails  mounted   yes      -\n",
  ],
  ["zfs get -H -t snapshot -o name type zroot/jails/template", "zroot/jails/template@base\n"],
  ["zfs get -Hro name type zroot/jails", "zroot/jails\nzroot/jails/template\nzroot/jails/template@base\n"],
  ["zfs list -H -o name /jails/template", "zroot/jails/template\n"],
  ["zfs list /etc", "'/etc': not a ZFS filesystem\n-> 1\n"],
  ["zfs list -Ht snap -o name,refer", "zroot/jails/template@base\t32.9M\n"],
  ["zfs list -H -d1 -o name zroot", "zroot\nzroot/jails\n"],
  ["zfs list -H -S name -o name", "zroot/jails/template\nzroot/jails\nzroot\n"],
  ["zfs list -H zroot", "zroot\t33.1M\t3.59G\t24K\t/zroot\n"],
  [
    "zfs list zroot/jails",
    "NAME          USED  AVAIL  REFER  MOUNTPOINT\nzroot/jails  32.9M  3.59G    24K  /jails\n",
  ],
  [
    "zfs list -o name,used -t snapshot",
    "NAME                        USED\nzroot/jails/template@base     0B\n",
  ],
  ["zfs list zroot@nosuch", "cannot open 'zroot@nosuch': dataset does not exist\n-> 1\n"],
  [
    "zfs destroy zroot",
    "cannot destroy 'zroot': operation does not apply to pools\nuse 'zfs destroy -r zroot' to destroy all datasets in the pool\nuse 'zpool destroy zroot' to destroy the pool itself\n-> 1\n",
  ],
  [
    "zfs destroy zroot/jails/template@nosuch",
    "could not find any snapshots to destroy; check snapshot names.\n-> 1\n",
  ],
  [
    "zfs destroy -nvr zroot/jails",
    "would destroy zroot/jails/template@base\nwould destroy zroot/jails/template\nwould destroy zroot/jails\n",
  ],
  [
    "zfs snapshot zroot/jails@",
    "cannot create snapshot 'zroot/jails@': empty component or misplaced '@' or '#' delimiter in name\n-> 1\n",
  ],
  [
    "zfs snapshot -r zroot@base",
    "cannot create snapshot 'zroot/jails/template@base': dataset already exists\nno snapshots were created\n-> 1\n",
  ],
  ["zfs promote zroot/jails", "cannot promote 'zroot/jails': not a cloned filesystem\n-> 1\n"],
  [
    "zfs clone zroot/jails zroot/x",
    "cannot open 'zroot/jails': missing '@' delimiter in snapshot name\n-> 1\n",
  ],
  [
    "zfs clone zroot/jails/template@base zroot/x/y",
    "cannot create 'zroot/x/y': parent does not exist\n-> 1\n",
  ],
  [
    "zfs rename zroot/jails zroot/jails/x",
    "cannot rename to 'zroot/jails/x': New dataset name cannot be a descendant of current dataset name\n-> 1\n",
  ],
  ["zfs rename zroot/jails tank/jails", "cannot create 'tank/jails': no such pool 'tank'\n-> 1\n"],
  ["zfs mount zroot/jails", "cannot mount 'zroot/jails': filesystem already mounted\n-> 1\n"],
  ["zfs unmount /etc", "cannot unmount '/etc': not a ZFS filesystem\n-> 1\n"],
  [
    "zfs mount",
    "zroot                           /zroot\nzroot/jails                     /jails\nzroot/jails/template            /jails/template\n",
  ],
  ["zpool list -Ho name,frag,cap", "zroot\t0%\t0%\n"],
  ["zpool status -x zroot", "pool 'zroot' is healthy\n"],
  ["zpool list nosuch", "cannot open 'nosuch': no such pool\n-> 1\n"],
])("%s", async (line, printed) => {
  expect(await out(line)).toBe(printed);
});

test("properties show in the mount's flags", async () => {
  const { fs } = host.kernel.storage;
  await out("zfs set readonly=on exec=off zroot/jails");
  expect(await out("mount -p -t zfs")).toContain(
    "zroot/jails\t\t/jails\t\t\tzfs\tro,noexec,noatime,nfsv4acls \t0 0\n",
  );
  expect(() => fs.writeText("/jails/template/x", "")).toThrow("EROFS");
  await out("zfs inherit readonly zroot/jails");
  fs.writeText("/jails/template/x", "");
});

test("a quota holds for what is below, too", async () => {
  const { fs } = host.kernel.storage;
  await out("zfs create -p -o refquota=1M zroot/q/below");
  expect(() => fs.writeText("/zroot/q/below/big", "x".repeat(1 << 20))).toThrow("EDQUOT");
  await out("zfs set refquota=none zroot/q/below");
  fs.writeText("/zroot/q/below/big", "x".repeat(1 << 20));
  await out("zfs set quota=2M zroot/q");
  expect(await out("zfs get -Hpo value available zroot/q/below")).toBe(`${(1 << 20) - 2 * 24576}\n`);
  expect(() => fs.writeText("/zroot/q/below/more", "x".repeat(1 << 20))).toThrow("EDQUOT");
});

test("called wrongly it prints how to call it", async () => {
  expect(await host.run("zfs nosuch")).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/^unrecognized command 'nosuch'\nusage: zfs command args/),
  });
  expect(await host.run("zfs create")).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/^missing filesystem argument\nusage:\n\tcreate/),
  });
  expect(await host.run("zfs list -z")).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/^invalid option 'z'\nusage:\n\tlist/),
  });
  expect(await host.run("zfs get nosuch zroot")).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/^bad property list: invalid property 'nosuch'\nusage:\n\tget/),
  });
});

test("without root nothing changes", async () => {
  const before = host.kernel.storage.snapshot();
  const as = { uid: 1001 };
  expect(await out("zfs create zroot/x", as)).toBe("cannot create 'zroot/x': permission denied\n-> 1\n");
  expect(await out("zfs snapshot zroot@s", as)).toBe("cannot create snapshots : permission denied\n-> 1\n");
  expect(await out("zfs clone zroot/jails/template@base zroot/x", as)).toBe(
    "cannot create 'zroot/x': permission denied\n-> 1\n",
  );
  expect(await out("zfs destroy -r zroot/jails/template", as)).toContain("permission denied\n");
  expect(await out("zfs set a:b=c zroot", as)).toBe(
    "cannot set property for 'zroot': permission denied\n-> 255\n",
  );
  expect(await out("zfs unmount zroot/jails/template", as)).toBe(
    "cannot unmount '/jails/template': permission denied\n-> 1\n",
  );
  expect(host.kernel.storage.snapshot()).toEqual(before);
});

test("a snapshot of everything is plain data", async () => {
  const before = host.kernel.storage.snapshot();
  expect(JSON.parse(JSON.stringify(before))).toEqual(before);
  host.kernel.storage.fs.writeText("/jails/template/etc/x", "x");
  const after = host.kernel.storage.snapshot();
  expect(after.datasets["zroot/jails/template"]?.content).not.toBe(
    before.datasets["zroot/jails/template"]?.content,
  );
  expect(after.datasets["zroot/jails/template@base"]).toEqual(before.datasets["zroot/jails/template@base"]);
});
