import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** Pinned, so that two runs of the bench compare with the same. */
export const ANSIBLE = "2.19.14";

const folder = join(
  process.env.PULUMI_FREEBSD_VNET_CACHE ?? join(homedir(), ".cache/pulumi-freebsd-vnet"),
  `ansible-${ANSIBLE}`,
);
const program = join(folder, "bin/ansible-playbook");

/** Where it is; undefined until it was got. */
export const ansiblePlaybook = (): string | undefined => (existsSync(program) ? program : undefined);

/** Gets Ansible into the cache, beside the Pulumi engine; gives why it could not be had. */
export function getAnsible(): string | undefined {
  if (ansiblePlaybook()) return undefined;
  try {
    execFileSync("python3", ["-m", "venv", folder], { stdio: "pipe" });
    execFileSync(join(folder, "bin/pip"), ["install", "-q", `ansible-core==${ANSIBLE}`], { stdio: "pipe" });
    return undefined;
  } catch (error) {
    return `Ansible could not be had: ${String((error as { stderr?: Buffer }).stderr ?? error)
      .trim()
      .split("\n")
      .at(-1)}`;
  }
}
