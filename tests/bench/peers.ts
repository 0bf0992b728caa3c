import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Engine } from "../../scripts/engine";
import { ansiblePlaybook } from "./ansible";
import { BenchStack, type Ran, timed } from "./engine";
import { commands } from "./programs/commands";
import { type Floor, floorOf, type Recorded } from "./programs/floor";
import { naiveProgram } from "./programs/naive";
import { type Jail, jailsOf, oursProgram, type Reach } from "./programs/ours";

/** What is measured, in this order. */
export const OPERATIONS = ["up", "up again", "refresh", "destroy"] as const;
export type Operation = (typeof OPERATIONS)[number];

/** One way to get the bench's network, ready to be run. */
export interface Peer {
  run(operation: Operation): Promise<Ran>;
  /** Of the whole stack, and how many resources are in it; undefined where there is no state. */
  state?(): { readonly bytes: number; readonly resources: readonly Recorded[] };
  close(): void;
}

const ENGINE_ARGS: Readonly<Record<Operation, readonly string[]>> = {
  up: ["up", "--yes", "--skip-preview", "--suppress-progress"],
  "up again": ["up", "--yes", "--skip-preview", "--suppress-progress"],
  refresh: ["refresh", "--yes", "--skip-preview", "--suppress-progress"],
  destroy: ["destroy", "--yes", "--skip-preview", "--suppress-progress"],
};

async function stackPeer(
  engine: Engine,
  files: Readonly<Record<string, string>>,
  secrets: Readonly<Record<string, string>>,
  args: readonly string[],
): Promise<Peer> {
  const stack = await BenchStack.make(engine);
  for (const [name, text] of Object.entries(files)) stack.write(name, text);
  for (const [key, value] of Object.entries(secrets)) await stack.setSecret(key, value);
  return {
    run: (operation) => stack.pulumi([...ENGINE_ARGS[operation], ...args]),
    state: () => ({ bytes: stack.stateBytes, resources: stack.state }),
    close: () => stack.remove(),
  };
}

export const ours = (engine: Engine, jails: number, reach: Reach, args: readonly string[]) =>
  stackPeer(
    engine,
    { "index.js": oursProgram(jails, reach) },
    { "freebsd-vnet:privateKey": reach.clientKey },
    args,
  );

export function floor(engine: Engine, state: readonly Recorded[], args: readonly string[]): Promise<Peer> {
  const { program, outputs }: Floor = floorOf(state);
  return stackPeer(engine, { "index.js": program, "outputs.json": JSON.stringify(outputs) }, {}, args);
}

export const naive = (engine: Engine, jails: number, reach: Reach, args: readonly string[]) =>
  stackPeer(engine, { "index.js": naiveProgram(jails, reach) }, {}, args);

/** Kinds in the order in which they are made; those of a jail, for each jail. */
const FIRST = ["bridge", "gateway"] as const;
const EACH = ["link", "jail", "redirect"] as const;

interface Task<Of> {
  readonly command: string;
  /** What it is done for, one after the other; once when there is none. */
  readonly each?: readonly Of[];
}

/** The commands of an operation. `stand` is what a command has in place of a jail's values. */
function tasks(operation: Operation, jails: readonly Jail[]): Task<Jail>[] {
  const stand = { n: "{{ item.n }}", address: "{{ item.address }}", port: "{{ item.port }}" };
  const verb = { up: "create", "up again": "create", refresh: "read", destroy: "remove" } as const;
  const once = (kind: (typeof FIRST)[number] | "natd") =>
    commands(kind)[verb[operation]].map((command) => ({ command }));
  const each = (kind: (typeof EACH)[number]) =>
    commands(kind, stand)[verb[operation]].map((command) => ({ command, each: jails }));
  return operation === "destroy"
    ? [...[...EACH].reverse().flatMap(each), ...[...FIRST].reverse().flatMap(once)]
    : [...FIRST.flatMap(once), ...EACH.flatMap(each), ...once("natd")];
}

/** A folder with what `ssh` needs, and nobody else's configuration. */
function sshFolder({ port, clientKey, knownHostsLine }: Reach) {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "bench-ssh-")));
  const at = (name: string) => join(folder, name);
  writeFileSync(at("key"), clientKey, { mode: 0o600 });
  writeFileSync(at("known_hosts"), `${knownHostsLine.replace(/^\S+/, `[127.0.0.1]:${port}`)}\n`);
  mkdirSync(at("control"));
  const options = {
    Port: String(port),
    User: "root",
    IdentityFile: at("key"),
    IdentitiesOnly: "yes",
    UserKnownHostsFile: at("known_hosts"),
    ControlMaster: "auto",
    ControlPath: at("control/%C"),
    ControlPersist: "60",
    LogLevel: "ERROR",
  };
  writeFileSync(
    at("config"),
    `Host alpha\nHostName 127.0.0.1\n${Object.entries(options)
      .map((option) => option.join(" "))
      .join("\n")}\n`,
  );
  const end = () => {
    for (const socket of readdirSync(at("control"))) {
      const args = ["-F", "/dev/null", "-o", `ControlPath=${at(`control/${socket}`)}`, "-O", "exit", "alpha"];
      execFileSync("ssh", args, { stdio: "ignore" });
    }
  };
  return { folder, at, end, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A script that somebody has written by hand: `ssh` for each command, over one connection. */
export async function ssh(jails: number, reach: Reach): Promise<Peer> {
  const { folder, at, end, remove } = sshFolder(reach);
  const script = (operation: Operation) =>
    tasks(operation, jailsOf(jails)).flatMap(({ command, each }) =>
      (each ?? [undefined]).map((jail) => {
        const text = command.replaceAll(/\{\{ item\.(\w+) \}\}/g, (_, key) =>
          String(jail?.[key as keyof Jail]),
        );
        return `ssh -F ${at("config")} alpha '${text.replaceAll("'", `'\\''`)}' </dev/null >/dev/null`;
      }),
    );
  return {
    async run(operation) {
      writeFileSync(at("script"), ["set -e", ...script(operation), ""].join("\n"));
      const ran = await timed("/bin/sh", [at("script")], folder, process.env);
      end();
      return { ...ran, providerBytes: undefined };
    },
    close: remove,
  };
}

/** The same commands by Ansible's module for hosts that have no Python. */
export async function ansible(jails: number, reach: Reach): Promise<Peer> {
  const playbook = ansiblePlaybook();
  if (!playbook) throw new Error("there is no ansible-playbook");
  const { folder, at, end, remove } = sshFolder(reach);
  writeFileSync(at("hosts"), `alpha ansible_ssh_common_args='-F ${at("config")}'\n`);
  writeFileSync(
    at("ansible.cfg"),
    `[defaults]\ninventory = ${at("hosts")}\nlocalhost_warning = false\ndisplay_ok_hosts = false\n[ssh_connection]\nssh_args = \ncontrol_path_dir = ${at("control")}\n`,
  );
  return {
    async run(operation) {
      const play = {
        hosts: "alpha",
        gather_facts: false,
        tasks: tasks(operation, jailsOf(jails)).map(({ command, each }) => ({
          raw: command,
          ...(each && { loop: each }),
        })),
      };
      // JSON is YAML.
      writeFileSync(at("play.json"), JSON.stringify([play]));
      const env = { ...process.env, HOME: folder, ANSIBLE_CONFIG: at("ansible.cfg"), ANSIBLE_NOCOLOR: "1" };
      const ran = await timed(playbook, [at("play.json")], folder, env);
      end();
      return { ...ran, providerBytes: undefined };
    },
    close: remove,
  };
}

export const hasSsh = () => ["/usr/bin/ssh", "/usr/local/bin/ssh"].some((file) => existsSync(file));
