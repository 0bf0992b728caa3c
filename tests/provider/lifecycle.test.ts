import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { PartlyCreated } from "../../provider/errors";
import { askFile } from "../../provider/freebsd/file";
import { defineKind, running } from "../../provider/kind";
import { lifecycle, type ResourceProvider, type Runner } from "../../provider/lifecycle";
import { Reader } from "../../provider/reader";
import { live, replace } from "../../provider/schema";
import type { Step } from "../../provider/script";
import { sh } from "../../provider/sh";

/*
 * The lifecycle with a kind that keeps a file, and a "host" that is a POSIX shell on this machine, with a /var and a
 * lockf(1) of its own: what holds for every kind is shown here once.
 */

let folder: string;
let scripts: string[];
let provider: ResourceProvider;
let more: Step[];

const runner: Runner = {
  run: (_target, script) =>
    new Promise((resolve) => {
      scripts.push(script);
      const child = spawn("dash", ["-s"]);
      let stdout = "";
      let stderr = "";
      child.stdout.on("data", (chunk) => {
        stdout += chunk;
      });
      child.stderr.on("data", (chunk) => {
        stderr += chunk;
      });
      child.on("close", (status) => resolve({ stdout, stderr, status: status ?? 255 }));
      const here = script
        .replaceAll("/var/", `${folder}/var/`)
        .replaceAll("PATH=/sbin", `PATH=${folder}:/sbin`);
      child.stdin.end(here);
    }),
};

const kept = defineKind({
  name: "Kept",
  noun: "kept file",
  inputs: { path: replace(z.string()), text: live(z.string()) },
  outputs: ["size"],
  id: (input) => input.path,
  target: () => ({ address: "here.example.net" }),
  ensure: (input, previous) => [
    {
      run: sh`touch ${input.path}`,
      unless: sh`[ -e ${input.path} ]`,
      undo: sh`rm ${input.path}`,
      made: "file",
    },
    {
      what: `write ${input.path}`,
      run: sh`printf %s ${input.text} > ${input.path}`,
      undo: previous ? sh`printf %s ${previous.text} > ${input.path}` : sh`:`,
    },
    ...more,
  ],
  remove: (state) => [{ run: sh`rm ${state.path}`, unless: sh`[ ! -e ${state.path} ]` }],
  questions: (input) => ({ content: askFile(input.path) }),
  gone: ({ content }) => content === undefined,
  compare: (input, { content }) => (content === input.text ? [] : [running(`it says ${content}`)]),
  observe: (_input, { content }) => ({ size: content?.length ?? 0 }),
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lifecycle-"));
  for (const name of ["run", "db"]) mkdirSync(join(folder, "var", name), { recursive: true });
  const lockf = '#!/bin/sh\nlock=$4\nshift 4\n"$@"\nended=$?\nrm -f "$lock"\nexit "$ended"\n';
  writeFileSync(join(folder, "lockf"), lockf, { mode: 0o755 });
  scripts = [];
  more = [];
  provider = lifecycle(kept, {
    runner,
    reader: new Reader(runner),
    configure: async () => {},
    who: "me@here",
  });
});

afterEach(() => rmSync(folder, { recursive: true }));

const inputs = (text = "hello", name = "file") => ({ path: join(folder, name), text });

test("create makes it and records what the host says, in one script", async () => {
  const { id, outs } = await provider.create(inputs());
  expect(id).toBe(join(folder, "file"));
  expect(outs).toEqual({ ...inputs(), size: 5, drift: [], made: ["file"] });
  expect(readFileSync(id, "utf8")).toBe("hello");
  expect(scripts).toHaveLength(1);
});

test("what was there before is not recorded as made by us, and create again changes nothing", async () => {
  writeFileSync(join(folder, "file"), "hello");
  expect((await provider.create(inputs())).outs).toEqual({ ...inputs(), size: 5, drift: [] });
});

test("a failing step undoes the earlier ones, and the error names resource, host, command, status and words", async () => {
  more = [{ run: sh`sh -c ${"echo no space left >&2; exit 28"}` }];
  const failed = provider.create(inputs());
  await expect(failed).rejects.toThrow(
    /^cannot create kept file ".*file" on here\.example\.net: sh -c .*: exit status 28\n {4}no space left\nWhat was done before it has been undone\.$/,
  );
  await expect(failed).rejects.not.toHaveProperty("id");
  expect(existsSync(join(folder, "file"))).toBe(false);
});

test("what cannot be undone is recorded as partly created, and the next update goes on from there", async () => {
  more = [{ run: sh`true`, undo: sh`false`, what: "load the module" }, { run: sh`false` }];
  const declared = { ...inputs(), __provider: "exports.handler=…" };
  const failed = (await provider.create(declared).catch((cause) => cause)) as PartlyCreated;
  expect(failed).toBeInstanceOf(PartlyCreated);
  expect(failed.message).toContain("These could not be undone: load the module.");
  expect(failed).toMatchObject({ id: join(folder, "file"), properties: declared, reasons: [failed.message] });
  more = [];
  expect(await provider.diff(failed.id, failed.properties, inputs())).toMatchObject({
    changes: true,
    replaces: [],
  });
  expect((await provider.update(failed.id, failed.properties, inputs())).outs).toMatchObject({ drift: [] });
});

test("a failing update goes back to what was", async () => {
  const { id, outs } = await provider.create(inputs());
  more = [{ run: sh`false` }];
  await expect(provider.update(id, outs, inputs("changed"))).rejects.toThrow("cannot update kept file");
  expect(readFileSync(id, "utf8")).toBe("hello");
});

test("a step that somebody else did in between is done", async () => {
  more = [
    { run: sh`{ touch ${join(folder, "other")}; false; }`, unless: sh`[ -e ${join(folder, "other")} ]` },
  ];
  await expect(provider.create(inputs())).resolves.toMatchObject({ outs: { drift: [] } });
});

test("a host that is not as declared after all steps is an error, not a success", async () => {
  more = [{ run: sh`printf %s other > ${join(folder, "file")}` }];
  await expect(provider.create(inputs())).rejects.toThrow(
    "it is not as declared afterwards: running: it says other",
  );
});

test("read finds drift, and what is gone", async () => {
  const { id, outs } = await provider.create(inputs());
  writeFileSync(id, "changed");
  const read = await provider.read(id, outs);
  expect(read.props).toMatchObject({ drift: ["running: it says changed"], size: 7, made: ["file"] });
  expect(await provider.diff(id, read.props, inputs())).toMatchObject({ changes: true });
  rmSync(id);
  expect(await provider.read(id, outs)).toEqual({ id: "", props: {} });
});

test("reads of one run are put into one script, and each question is asked once", async () => {
  const all = [];
  for (const name of ["a", "b", "c"]) all.push(await provider.create(inputs(name, name)));
  scripts = [];
  const reads = await Promise.all([...all, ...all].map(({ id, outs }) => provider.read(id, outs)));
  expect(reads.map((read) => (read.props as { drift: string[] }).drift)).toEqual(Array(6).fill([]));
  expect(scripts).toHaveLength(1);
  expect(scripts[0]?.split(`then cat ${folder}`)).toHaveLength(4);
});

test("delete removes it, and again is no error", async () => {
  const { id, outs } = await provider.create(inputs());
  await provider.delete(id, outs);
  expect(existsSync(id)).toBe(false);
  await provider.delete(id, outs);
});

test("an answer that breaks off is an error, never 'gone'", async () => {
  const broken = lifecycle(kept, {
    runner,
    reader: new Reader({ run: async () => ({ stdout: "", stderr: "", status: 0 }) }),
    configure: async () => {},
    who: "me@here",
  });
  await expect(broken.read("x", { ...inputs(), drift: [] })).rejects.toThrow(
    "the host's answer ended before it told",
  );
});

test("errors carry no stack, because Pulumi prints stacks", async () => {
  more = [{ run: sh`false` }];
  const failed = await provider.create(inputs()).catch((cause) => cause);
  expect(failed.stack).toBe("");
});

const left = () => ["run", "db"].flatMap((name) => readdirSync(join(folder, "var", name)));

test("nothing is left in the temporary place, and in /var/db no longer than the resource", async () => {
  const { id, outs } = await provider.create(inputs());
  more = [{ run: sh`false` }];
  await provider.update(id, outs, inputs("x")).catch(() => {});
  expect(left()).toEqual([expect.stringMatching(/^pulumi-freebsd-vnet\.[0-9a-f]{16}$/)]);
  await provider.delete(id, outs);
  expect(left()).toEqual([]);
  await provider.create(inputs()).catch(() => {});
  expect(left()).toEqual([]);
});

test("what a run made whose answer nobody heard is known to the next one: it is recorded, undone, or deleted", async () => {
  const { id, outs } = await provider.create(inputs());
  const unheard = { ...outs, made: undefined };
  const again = await provider.create(inputs());
  expect(again.outs).toMatchObject({ made: ["file"] });
  expect((await provider.update(id, unheard, inputs())).outs).toMatchObject({ made: ["file"] });
  more = [{ run: sh`false` }];
  await expect(provider.update(id, unheard, inputs("x"))).rejects.toThrow("has been undone");
  expect(existsSync(id)).toBe(true);
  await expect(provider.create(inputs())).rejects.toThrow("has been undone");
  expect(existsSync(id)).toBe(false);
  expect(left()).toEqual([]);
});

test("what was there before stays nobody's, whatever a run that was cut off did after it", async () => {
  writeFileSync(join(folder, "file"), "hello");
  await provider.create(inputs());
  expect((await provider.create(inputs())).outs).toEqual({ ...inputs(), size: 5, drift: [] });
  expect(left()).toEqual([]);
});

test("whoever still works on the resource is named, and a create is recorded as one that may have been done", async () => {
  const lockf =
    '#!/bin/sh\nprintf "%s\\n" \'dch@laptop: create kept file "x" since Tue Nov 24\' > "$4"\nexit 75\n';
  writeFileSync(join(folder, "lockf"), lockf);
  const failed = (await provider.create(inputs()).catch((cause) => cause)) as PartlyCreated;
  expect(failed.message.replaceAll(folder, "").replace(/[0-9a-f]{16}/, "HASH")).toBe(
    'cannot create kept file "/file" on here.example.net: another run has it at work: dch@laptop: create kept file "x" since Tue Nov 24. Waited 60 seconds for its end; run this again after it. If it does not end, \'fstat /var/run/pulumi-freebsd-vnet.HASH.lock\' shows on the host what holds it',
  );
  expect(failed).toBeInstanceOf(PartlyCreated);
  await expect(provider.update(failed.id, failed.properties, inputs())).rejects.not.toHaveProperty(
    "properties",
  );
});
