import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jailRoot } from "../../provider/kinds/jail-root";
import type { Runner } from "../../provider/lifecycle";
import { essence } from "./essence";
import { Network } from "./network";
import { Resources } from "./suite/resources";

/* Roots from an archive that lies on this machine, and is sent to the host. */

jest.setTimeout(60_000);

let network: Network;
let folder: string;
let file: string;
let sha256: string;

const now = () => essence(network.host.snapshot(), { modules: false });
const sendings = () => network.host.machine.log.filter(({ argv }) => argv.join(" ") === "cat -").length;
const archives = () => network.shows("ls /var/db/pulumi-freebsd-vnet.archives");

beforeEach(async () => {
  network = await Network.start();
  folder = mkdtempSync(join(tmpdir(), "upload-"));
  file = join(folder, "base.txz");
  // A root with something large in it, so that it does not go over in one piece.
  const { machine } = network.host;
  const { fs } = machine.kernel.storage;
  fs.writeText("/jails/template/usr/large", "0123456789abcdef".repeat(300_000));
  await network.host.exec("tar -cf /tmp/base.txz -C /jails/template .");
  const bytes = Buffer.from(fs.readBytes("/tmp/base.txz"), "latin1");
  await network.host.exec("rm /tmp/base.txz /jails/template/usr/large");
  writeFileSync(file, bytes);
  sha256 = createHash("sha256").update(bytes).digest("hex");
});

afterEach(async () => {
  await network.stop();
  rmSync(folder, { recursive: true });
});

const declare = (name: string, form: object = {}) => ({
  host: network.reference,
  owner: `demo/test/${name}`,
  archive: { upload: file, sha256 },
  path: `/jails/${name}`,
  ...form,
});

const create = (name: string, form?: object) => network.create(jailRoot, declare(name, form));

test("two roots at once come from an archive that is sent once, and nothing of it is left after them", async () => {
  const pristine = now();
  const [www, db] = await Promise.all([
    create("www"),
    create("db", { dataset: "zroot/jails/db", path: undefined }),
  ]);
  expect([www.state.drift, db.state.drift]).toEqual([[], []]);
  expect(await network.shows("wc -c < /jails/www/usr/large; wc -c < /jails/db/usr/large")).toMatch(
    /4800000\s+4800000/,
  );
  expect(sendings()).toBe(1);
  const later = await create("later");
  expect(sendings()).toBe(1);
  await network.delete(jailRoot, www);
  await network.delete(jailRoot, later);
  expect(await archives()).toBe(`${sha256}\n${sha256}.users\n`);
  await network.delete(jailRoot, db);
  expect(now()).toEqual(pristine);
});

test("a connection that is cut on the way is made again, and the rest is sent", async () => {
  let toCut = 2;
  const offsets: string[] = [];
  const cutting: Runner = {
    run: (target, script, options) => {
      const { live } = options ?? {};
      if (!live?.holdsStdin) return network.sessions.run(target, script, options);
      const hear = (bytes: string, stdin: NodeJS.WritableStream) => {
        offsets.push(...(/ from (\d+)\n/.exec(bytes)?.slice(1) ?? []));
        live.hear(bytes, stdin);
        if (toCut-- <= 0) return;
        let sent = 0;
        const write = stdin.write.bind(stdin) as (chunk: Buffer) => boolean;
        stdin.write = ((chunk: Buffer) => {
          sent += chunk.length;
          if (sent > 1_000_000) network.host.cut();
          return write(chunk);
        }) as typeof stdin.write;
      };
      return network.sessions.run(target, script, { ...options, live: { ...live, hear } });
    },
  };
  const pristine = now();
  const resources = new Resources(cutting, network.place);
  const made = await resources.create(jailRoot, declare("www"));
  expect(made.state.drift).toEqual([]);
  expect(offsets[0]).toBe("0");
  expect(Number(offsets[1])).toBeGreaterThan(0);
  await network.delete(jailRoot, made);
  expect(now()).toEqual(pristine);
});

test("a file that is not what it should be is not sent; one that is not there is missed only when it is needed", async () => {
  const pristine = now();
  const wrong = "0".repeat(64);
  await expect(create("www", { archive: { upload: file, sha256: wrong } })).rejects.toThrow(
    `${file} has the SHA-256 ${sha256}, not ${wrong} (archive.sha256)`,
  );
  await expect(create("www", { archive: { upload: join(folder, "nosuch.txz"), sha256 } })).rejects.toThrow(
    `cannot create jail root "/jails/www" on root@127.0.0.1:${network.host.port}: the host has no archive with the SHA-256 ${sha256}, and archive.upload is no file on this machine: ${join(folder, "nosuch.txz")}`,
  );
  expect(now()).toEqual(pristine);
  const made = await create("www");
  rmSync(file);
  await network.update(jailRoot, made, { owner: "demo/test/renamed" });
  const other = await create("other");
  expect(sendings()).toBe(1);
  await network.delete(jailRoot, made);
  await network.delete(jailRoot, other);
  expect(now()).toEqual(pristine);
});

test("what cannot be made there is refused before anything is sent, and what fails after it leaves nothing", async () => {
  await network.host.exec("mkdir /jails/www; touch /jails/www/file");
  const pristine = now();
  await expect(create("www")).rejects.toThrow("/jails/www is there already");
  expect(sendings()).toBe(0);
  network.host.machine.fault(/^tar -xpf/, { status: 1, stderr: "tar: Damaged\n" });
  await expect(create("other")).rejects.toThrow("tar: Damaged");
  expect(sendings()).toBe(1);
  expect(now()).toEqual(pristine);
});

test("an archive on the host takes the place of one that is sent, and the other way round, without a new root", async () => {
  const pristine = now();
  const made = await create("www");
  await network.host.exec(`cp /var/db/pulumi-freebsd-vnet.archives/${sha256} /var/distfiles/own.txz`);
  await network.update(jailRoot, made, { archive: { path: "/var/distfiles/own.txz", sha256 } });
  expect(await archives()).toContain("No such file");
  await network.update(jailRoot, made, { archive: { upload: file, sha256 } });
  await network.delete(jailRoot, made);
  await network.host.exec("rm /var/distfiles/own.txz");
  expect(now()).toEqual(pristine);
});
