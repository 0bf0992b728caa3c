import { engine, type Run } from "./harness";

/** A program with one resource whose provider is a text, as ours are. */
const program = (value: string, create = "async(i)=>({id:'x',outs:i})") => `
const { CustomResource, Config } = require("@pulumi/pulumi");
const provider = ${JSON.stringify(`exports.handler=()=>({
  create: ${create},
  diff: async(id,o,n)=>({changes:o.value!==n.value}),
  update: async(id,o,n)=>({outs:n}),
  delete: async()=>{},
});`)};
new CustomResource("pulumi-nodejs:dynamic/test:Thing", "thing", { value: ${value}, __provider: provider });
`;

const brief = ({ status, summary }: Run) => ({ status, ...summary });

test("drives the real engine through the life of a stack", async () => {
  const stack = await engine({
    program: program('new Config().require("value")'),
    config: { value: "one", "other:token": { secret: "hush" } },
  });
  expect(brief(await stack.preview())).toEqual({ status: 0, create: 1 });
  expect(brief(await stack.up())).toEqual({ status: 0, create: 1 });
  expect(stack.export().resources.map(({ type }) => type)).toContain("pulumi-nodejs:dynamic/test:Thing");
  expect(brief(await stack.preview("--expect-no-changes"))).toEqual({ status: 0, same: 1 });
  await stack.setConfig({ value: "two" });
  const changed = await stack.up();
  expect(brief(changed)).toEqual({ status: 0, update: 1 });
  expect(changed.steps).toMatchObject([{ op: "update", type: "Thing", name: "thing", failed: false }]);
  expect(brief(await stack.destroy())).toEqual({ status: 0, delete: 1 });
}, 60_000);

test("tells what failed, and can be interrupted and killed", async () => {
  const stack = await engine({ program: program("1", "async()=>{throw new Error('no such thing')}") });
  const failed = await stack.up();
  expect(failed.status).not.toBe(0);
  expect(failed.steps).toMatchObject([{ op: "create", failed: true }]);
  expect(failed.diagnostics.map(({ message }) => message).join()).toContain("no such thing");

  stack.setProgram(program("1", "()=>new Promise(()=>setTimeout(()=>{},1e6))"));
  const running = stack.up();
  setTimeout(() => stack.kill(), 4_000);
  expect((await running).status).toBe(137);
  await stack.cancel();
}, 60_000);
