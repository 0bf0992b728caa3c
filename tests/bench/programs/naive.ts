import { commands } from "./commands";
import { jailsOf, type Reach } from "./ours";

/**
 * As Pulumi's documentation shows it: `dynamic.Resource` with a provider object that is serialised into the state,
 * and each operation makes a connection of its own. It sends the commands of a resource together.
 */
export const naiveProgram = (jails: number, { port, clientKey }: Pick<Reach, "port" | "clientKey">) => `
const pulumi = require("@pulumi/pulumi");

${commands.toString()}

function run(connection, commands) {
  const { Client } = require("ssh2");
  return new Promise((resolve, reject) => {
    const client = new Client();
    client.on("error", reject);
    client.on("ready", () => {
      client.exec(commands.join("\\n"), (error, channel) => {
        if (error) return reject(error);
        let stdout = "";
        let stderr = "";
        channel.on("data", (data) => { stdout += data; });
        channel.stderr.on("data", (data) => { stderr += data; });
        channel.on("close", (status) => {
          client.end();
          if (status === 0) resolve(stdout);
          else reject(new Error("exit status " + status + ": " + stderr));
        });
      });
    });
    client.connect(connection);
  });
}

const provider = {
  async create(inputs) {
    await run(inputs.connection, inputs.kinds.flatMap((kind) => commands(kind, inputs).create));
    return { id: String(inputs.kinds[0]) + inputs.n, outs: inputs };
  },
  async read(id, props) {
    await run(props.connection, props.kinds.flatMap((kind) => commands(kind, props).read));
    return { id, props };
  },
  async delete(id, props) {
    await run(props.connection, props.kinds.slice().reverse().flatMap((kind) => commands(kind, props).remove).concat("true"));
  },
};

class Thing extends pulumi.dynamic.Resource {
  constructor(name, inputs, dependsOn) {
    super(provider, name, inputs, { dependsOn });
  }
}

const connection = {
  host: "127.0.0.1",
  port: ${port},
  username: "root",
  privateKey: pulumi.secret(${JSON.stringify(clientKey)}),
};
const none = { n: 0, address: "", port: 0 };
const host = new Thing("alpha", { connection, kinds: [], ...none }, []);
const bridge = new Thing("lan", { connection, kinds: ["bridge"], ...none }, [host]);
const gateway = new Thing("nat", { connection, kinds: ["gateway"], ...none }, [host]);
for (const jail of ${JSON.stringify(jailsOf(jails))}) {
  const link = new Thing("link" + jail.n, { connection, kinds: ["link"], ...jail }, [bridge]);
  const cell = new Thing("jail" + jail.n, { connection, kinds: ["jail"], ...jail }, [link]);
  new Thing("redirect" + jail.n, { connection, kinds: ["redirect", "natd"], ...jail }, [gateway, cell]);
}
`;
