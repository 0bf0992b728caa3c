import { check } from "../../provider/check";
import { diff } from "../../provider/diff";
import type { Kind } from "../../provider/kind";
import { jailRoot } from "../../provider/kinds/jail-root";
import { UNKNOWN } from "../../provider/unknown";
import { hostReference } from "./samples";

const kind = jailRoot as unknown as Kind;
const sha256 = "0123456789abcdef".repeat(4);
const archive = { path: "/var/distfiles/base.txz", sha256 };
const snapshot = "zroot/jails/template@base";
const root = (given: object) => check(kind, { host: hostReference, owner: "p/s/www", ...given });

test.each([
  [
    {},
    "path",
    "give `snapshot`, `archive`, `source` or `template`, by which the root is made, or `path` alone",
  ],
  [{ dataset: "zroot/jails/www" }, "dataset", "say what it is filled with"],
  [{ snapshot, archive }, "archive", "goes not with `snapshot`: give one of"],
  [{ source: "/usr/src", template: "/jails/base" }, "template", "goes not with `source`"],
  [{ snapshot, dataset: "zroot/jails/template" }, "dataset", "is the dataset of the snapshot itself"],
  [{ archive }, "path", "say where the root is made: a new `dataset`, or the directory `path`"],
  [{ source: "/usr/src" }, "path", "say where the root is made"],
  [{ snapshot, path: "/" }, "path", "the host's own root cannot be made anew"],
  [
    { archive: { ...archive, sha256: "ABC" }, path: "/jails/www" },
    "archive.sha256",
    "is not a SHA-256 checksum",
  ],
  [{ archive: { path: archive.path }, path: "/jails/www" }, "archive.sha256", "is required"],
  [
    { archive: { ...archive, path: "base.txz" }, path: "/jails/www" },
    "archive.path",
    "is not an absolute path",
  ],
  [{ archive: { ...archive, url: "x" }, path: "/jails/www" }, "archive.url", "there is no such property"],
  [{ snapshot, writable: ["/etc"] }, "writable", "goes with `template`"],
  [{ path: "/jails/old", writable: ["/etc"] }, "writable", "goes with `template`"],
  [{ template: "/jails/base", path: "/jails/base/www" }, "path", "must not be one in the other"],
  [{ template: "/jails/base", path: "/jails" }, "path", "must not be one in the other"],
  [{ template: "/jails/www" }, "path", "must not be one in the other"],
  [{ template: "/jails/base", writable: ["/"] }, "writable[0]", "name directories in it"],
  [{ template: "/jails/base", writable: ["/usr", "/usr/local"] }, "writable[1]", "is in writable[0] already"],
  [{ template: "/jails/base", writable: ["/etc", "/etc"] }, "writable[0]", "is in writable[1] already"],
] as [object, string, string][])("refused before any SSH: %j", (given, property, reason) => {
  expect(root(given).failures[0]).toEqual({ property, reason: expect.stringContaining(reason) });
});

test("where a root is made follows from the resource's name", () => {
  expect(root({ snapshot }).inputs).toMatchObject({ dataset: "zroot/jails/www" });
  expect(root({ template: "/jails/base" }).inputs).toMatchObject({ path: "/jails/www" });
  expect(root({ template: "/base" }).inputs).toMatchObject({ path: "/www" });
  expect(root({ template: "/jails/base", path: "/thin/a" }).inputs).toMatchObject({ path: "/thin/a" });
});

test("what is not known yet is no reason to refuse", () => {
  for (const given of [
    { snapshot: UNKNOWN },
    { template: UNKNOWN },
    { template: "/jails/base", writable: UNKNOWN },
    { template: "/jails/base", writable: ["/etc", UNKNOWN] },
    { archive: UNKNOWN, path: UNKNOWN },
    { archive: { ...archive, sha256: UNKNOWN }, dataset: UNKNOWN },
    { path: UNKNOWN },
  ]) {
    expect(root(given).failures).toEqual([]);
  }
});

const change = (before: object, after: object) =>
  diff(kind, { ...root(before).inputs, path: "/jails/www", drift: [] }, root(after).inputs);

test("the same archive elsewhere is no change; another one is another root", () => {
  const given = { archive, dataset: "zroot/jails/www" };
  expect(change(given, { ...given, archive: { path: "/mnt/base.txz", sha256 } }).changes).toBe(false);
  const other = { ...given, archive: { ...archive, sha256: "f".repeat(64) } };
  expect(change(given, other)).toEqual({ changes: true, replaces: ["archive"], deleteBeforeReplace: true });
});

test("what a thin root's jail may write to changes live", () => {
  const given = { template: "/jails/base" };
  expect(change(given, given).changes).toBe(false);
  expect(change(given, { ...given, writable: ["/etc"] })).toMatchObject({ changes: true, replaces: [] });
});

test("a template that is not known yet in a preview is no other place for the root", () => {
  expect(change({ template: "/jails/base" }, { template: "/jails/base" }).replaces).toEqual([]);
  expect(change({ template: "/jails/base" }, { template: UNKNOWN }).replaces).toEqual(["template"]);
});
