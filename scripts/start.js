// `npm start`: the quickstart, from `pulumi up` to `pulumi destroy`, against a simulated host, or against a real one:
//
//   FREEBSD_HOST=ssh://user@address:port   the host; user root and port 22 may be left out
//   FREEBSD_IDENTITY=file                  a private key; default: the agent, then ~/.ssh
//   FREEBSD_HOST_KEY=SHA256:…              the only key to accept; default: what known_hosts says
//   FREEBSD_TEMPLATE=pool/dataset@snapshot what the jails' roots are clones of; default: zroot/jails/template@base

const fs = require("node:fs");
const path = require("node:path");
const { isDeepStrictEqual } = require("node:util");
const { parseAddress } = require("./address");
const { run, isInterrupted } = require("./child");
const { Failure, main } = require("./main");
const { bold, green, heading, red, say } = require("./say");
const { setup } = require("./setup");
const { hasResources, throwAwayPlace, useRepository, writeConfig } = require("./stack");

const stack = "demo";

/**
 * @typedef {import("../provider/ssh").Target} Target
 *
 * @typedef {object} Host
 * @property {string} name
 * @property {Target} target
 * @property {string | undefined} identityFile
 * @property {string | undefined} template the ZFS snapshot that the jails' roots are clones of
 * @property {() => unknown} snapshot all of its state, where that can be had
 * @property {() => Promise<void>} stop
 */

/**
 * @param {string} folder for the key that opens it
 * @returns {Promise<Host>}
 */
async function simulatedHost(folder) {
  const { SimulatedHost } = require("../dist/simulator");
  const host = await SimulatedHost.start();
  const identityFile = path.join(folder, "identity");
  fs.writeFileSync(identityFile, host.clientKey, { mode: 0o600 });
  return {
    name: "a simulated FreeBSD 14 host",
    target: { address: host.address, port: host.port, user: "root", hostKey: host.hostKey },
    identityFile,
    template: undefined,
    snapshot: () => host.snapshot(),
    stop: () => host.stop(),
  };
}

/**
 * @param {string} url
 * @returns {Host}
 */
function realHost(url) {
  const { FREEBSD_HOST_KEY, FREEBSD_IDENTITY, FREEBSD_TEMPLATE } = process.env;
  const target = parseAddress(url);
  if (!target) {
    throw new Failure(`FREEBSD_HOST is ssh://user@address:port (user and port may be left out), not ${url}`);
  }
  return {
    name: target.address,
    target: { ...target, hostKey: FREEBSD_HOST_KEY },
    identityFile: FREEBSD_IDENTITY,
    template: FREEBSD_TEMPLATE,
    snapshot: () => undefined,
    stop: async () => {},
  };
}

/**
 * The quickstart's configuration, and that of the provider.
 *
 * @param {string} project
 * @param {Host} host
 */
function configuration(project, { target, identityFile, template }) {
  const { address: host, ...rest } = target;
  const own = Object.entries({ host, ...rest, template }).map(([key, value]) => [`${project}:${key}`, value]);
  const entries = [...own, ["freebsd-vnet:identityFile", identityFile]];
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

/** What somebody who knows FreeBSD would type to see what is there. */
const looks = [
  "ifconfig -l",
  "ifconfig bridge0",
  "jls",
  "jexec testA ifconfig",
  "cat /etc/rc.conf",
  "cat /etc/natd.conf",
  "ipfw list",
];

/** What must be the same afterwards. */
const facts = {
  interfaces: "ifconfig -l | tr ' ' '\\n' | sort",
  jails: "jls name",
  "kernel modules": "kldstat | awk 'NR > 1 { print $5 }' | sort",
  "firewall rules": "ipfw list 2>/dev/null",
  forwarding: "sysctl net.inet.ip.forwarding net.inet6.ip6.forwarding",
  datasets: "zfs list -H -o name 2>/dev/null",
  files: `for file in /etc/rc.conf /etc/rc.conf.local /etc/sysctl.conf /etc/jail.conf /etc/jail.conf.d/* \\
      /etc/natd.conf /etc/ipfw* /etc/pf.conf /etc/devfs.rules /boot/loader.conf; do
    if [ -f "$file" ]; then ls -l "$file" | awk '{ print $1, $3, $4, $NF }'; cat "$file"; fi
  done`,
};

/** A host as seen through SSH. */
class View {
  /** @param {Host} host */
  constructor({ target, identityFile }) {
    const { Sessions } = require("../dist/provider/ssh");
    this.target = target;
    this.sessions = new Sessions({ credentials: identityFile ? { identityFile } : {} });
  }

  /** @param {string} script */
  async run(script) {
    const setPath = "PATH=/sbin:/bin:/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin; export PATH\n";
    try {
      return await this.sessions.run(this.target, setPath + script, { repeatable: true });
    } catch (error) {
      throw new Failure(error instanceof Error ? error.message : String(error));
    }
  }

  /** @returns {Promise<Record<string, string>>} */
  async facts() {
    /** @type {Record<string, string>} */
    const found = {};
    for (const [what, script] of Object.entries(facts)) found[what] = (await this.run(script)).stdout;
    return found;
  }

  async show() {
    for (const command of looks) {
      const { stdout, stderr } = await this.run(command);
      say(bold(`# ${command}`));
      say(`${stdout}${stderr}`);
    }
  }

  close() {
    return this.sessions.close();
  }
}

/**
 * The lines that only one of two texts has.
 *
 * @param {string} before
 * @param {string} after
 */
function difference(before, after) {
  const [old, now] = [before.split("\n"), after.split("\n")];
  const gone = old.filter((line) => !now.includes(line)).map((line) => `- ${line}`);
  const come = now.filter((line) => !old.includes(line)).map((line) => `+ ${line}`);
  return [...gone, ...come].map((line) => `    ${line}`).join("\n") || "    (the order of the lines)";
}

/**
 * The whole life of the stack. Whatever fails, what was made is removed again.
 *
 * @param {Host} host
 * @param {View} view
 * @param {import("./stack").Place} place
 */
async function demonstrate(host, view, place) {
  /** @param {readonly string[]} args @param {boolean} [show] */
  const pulumi = async (args, show = true) => {
    const { status, stderr } = await run("pulumi", args, { cwd: place.folder, env: place.env, show });
    if (status !== 0)
      throw new Failure(`pulumi ${args[0]} ended with status ${status}.${stderr && `\n${stderr}`}`);
  };
  const stopIfInterrupted = () => {
    if (isInterrupted()) throw new Failure("Interrupted.");
  };

  const before = await view.facts();
  const snapshot = host.snapshot();
  const project = useRepository(place);
  await pulumi(["stack", "init", stack, "--non-interactive"], false);
  writeConfig(place, stack, configuration(project, host));
  stopIfInterrupted();

  /** @type {unknown} */
  let failure;
  try {
    heading("pulumi up");
    await pulumi(["up", "--yes", "--suppress-progress"]);
    stopIfInterrupted();
    heading("What is on the host now");
    await view.show();
    stopIfInterrupted();
    heading("pulumi preview --expect-no-changes");
    await pulumi(["preview", "--expect-no-changes", "--suppress-progress"]);
    stopIfInterrupted();
  } catch (error) {
    failure = error;
    say(`\n${red(error instanceof Failure ? error.message : "Failed.")} What was made is removed again.`);
  }

  heading("pulumi destroy");
  await pulumi(["destroy", "--yes", "--skip-preview", "--remove", "--suppress-progress"]);

  heading("Is the host as it was?");
  const after = await view.facts();
  /** @type {string[]} */
  const changed = [];
  /** @param {string} what @param {boolean} same */
  const report = (what, same) => {
    say(`  ${same ? green("same   ") : red("changed")}  ${what}`);
    if (!same) changed.push(what);
  };
  for (const [what, text] of Object.entries(before)) {
    report(what, text === after[what]);
    if (text !== after[what]) say(difference(text, after[what] ?? ""));
  }
  if (snapshot !== undefined) {
    report("all that the simulated host is, file by file", isDeepStrictEqual(snapshot, host.snapshot()));
  }
  if (failure) throw failure;
  if (changed.length > 0) throw new Failure(`The host is not as it was: ${changed.join(", ")}.`);
}

/**
 * How to go on where `pulumi destroy` has not.
 *
 * @param {import("./stack").Place} place
 */
function remedy({ folder, env }) {
  const words = ["PULUMI_HOME", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE"].map(
    (name) => `${name}='${env[name]}'`,
  );
  const [bin] = (env.PATH ?? "").split(path.delimiter);
  return `The host still has what was made, and the stack is kept. To try again:\n\n  cd '${folder}'\n  PATH='${bin}':"$PATH" ${words.join(" ")} pulumi destroy`;
}

main(async () => {
  heading("Set-up");
  const engine = await setup();
  const url = process.env.FREEBSD_HOST;
  const place = throwAwayPlace(engine);
  try {
    const host = url ? realHost(url) : await simulatedHost(place.folder);
    const { address, port, user } = host.target;
    say(`  The host: ${bold(host.name)}, ${user}@${address} port ${port}`);
    const view = new View(host);
    try {
      await demonstrate(host, view, place);
    } finally {
      await view.close();
      await host.stop();
    }
  } finally {
    // A real host that still has something of the stack needs the stack to be rid of it.
    if (url && hasResources(place)) say(`\n${remedy(place)}`);
    else place.remove();
  }
  say(`\n  The program is examples/quickstart/index.ts. Against a host of yours:`);
  say(`  ${bold("FREEBSD_HOST=ssh://root@address npm start")}`);
  return 0;
});
