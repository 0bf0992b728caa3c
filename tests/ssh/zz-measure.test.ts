import { readFileSync } from "node:fs";
import { Redacted, Sessions } from "../../provider/ssh";
import { startSshd } from "./openssh";
test("measure", async () => {
  const d = await startSshd(() => ["LogLevel INFO"]);
  const t = { address: "127.0.0.1", port: d.port };
  const ssh = new Sessions({ credentials: { privateKey: new Redacted(readFileSync(d.userKey, "utf8")), agent: false, knownHosts: [d.knownHosts] } });
  let s = performance.now();
  await ssh.run(t, "true"); const first = performance.now() - s;
  const b: number[] = [], g: number[] = [];
  for (let i = 0; i < 30; i++) { s = performance.now(); await ssh.run(t, "true"); b.push(performance.now() - s); }
  for (let i = 0; i < 20; i++) { await new Promise(r => setTimeout(r, 200)); s = performance.now(); await ssh.run(t, "true"); g.push(performance.now() - s); }
  const med = (a: number[]) => { a.sort((x, y) => x - y); return `min ${a[0]!.toFixed(0)} median ${a[a.length >> 1]!.toFixed(0)}`; };
  s = performance.now();
  await Promise.all(Array.from({ length: 40 }, () => ssh.run(t, "true")));
  console.log(JSON.stringify({ first, back: med(b), gap: med(g), par: performance.now() - s }));
  await ssh.close(); await d.stop();
}, 60000);
