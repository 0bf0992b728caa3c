import { execFileSync, spawnSync } from "node:child_process";

/**
 * Makes sure that `command` is on this machine; where it is not, and there is apt-get, installs `name`. Test files run
 * at the same time, and apt-get has one lock.
 */
export function ensureInstalled(command: string, name: string): void {
  if (spawnSync("sh", ["-c", 'command -v "$1"', "sh", command]).status === 0) return;
  const install = 'apt-get update && apt-get install -y --no-install-recommends "$1"';
  execFileSync("flock", ["/tmp/pulumi-freebsd-vnet-tests.apt", "sh", "-c", install, "sh", name], {
    stdio: "ignore",
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" },
  });
}
