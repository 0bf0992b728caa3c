import { network, normalAddress, within } from "../../kernel/firewall/packet";
import type { Pf } from "../../kernel/firewall/pf";
import { tableFile } from "../../kernel/firewall/pf-parser";
import type { Session } from "./pfctl";

/** `pfctl -t TABLE -T COMMAND`, from the manual page. */
export async function pfTables(session: Session, pf: Pf, name: string, command: string): Promise<void> {
  const { self, anchor, quiet } = session;
  const say = (text: string): void => {
    if (!quiet) self.warn(`${text}\n`);
  };
  const verb = "kill flush add delete replace show test zero expire load"
    .split(" ")
    .find((word) => word.startsWith(command));
  if (verb === undefined) return self.errx(1, `unknown table command '${command}'`);
  const creates = verb === "add" || verb === "replace";
  const table = creates
    ? pf.tableFor(anchor, name)
    : self.attempt(
        () => pf.table(anchor, name),
        () => "Table does not exist.",
      );
  const { addresses } = table;
  switch (verb) {
    case "show":
      for (const address of sorted(addresses)) self.print(`   ${address}\n`);
      return;
    case "kill":
      pf.removeTable(anchor, name);
      return say("1 table deleted.");
    case "flush":
      say(`${addresses.splice(0).length} addresses deleted.`);
      return;
    case "add": {
      const given = await wanted(session);
      const fresh = given.filter((address) => !addresses.includes(address));
      addresses.push(...fresh);
      return say(`${fresh.length}/${given.length} addresses added.`);
    }
    case "delete": {
      const given = await wanted(session);
      const gone = given.filter((address) => addresses.includes(address));
      for (const address of gone) addresses.splice(addresses.indexOf(address), 1);
      return say(`${gone.length}/${given.length} addresses deleted.`);
    }
    case "replace": {
      const given = await wanted(session);
      const added = given.filter((address) => !addresses.includes(address)).length;
      const deleted = addresses.filter((address) => !given.includes(address)).length;
      addresses.splice(0, addresses.length, ...given);
      if (added + deleted === 0) return say("no changes.");
      if (added > 0) say(`${added} addresses added.`);
      if (deleted > 0) say(`${deleted} addresses deleted.`);
      return;
    }
    case "test": {
      const given = await wanted(session);
      const matching = given.filter((address) =>
        addresses.some((entry) => {
          const [net = "", prefix] = entry.split("/");
          return within(address, net, Number(prefix ?? (net.includes(":") ? 128 : 32)));
        }),
      );
      say(`${matching.length}/${given.length} addresses match.`);
      if (matching.length < given.length) self.exit(2);
      return;
    }
    default:
      return;
  }
}

/** The addresses behind the command, or of the file of -f, in their normal form. */
async function wanted({ self, rest }: Session): Promise<string[]> {
  return tableFile(rest.join(" ")).map((text) => {
    const [host = "", prefix] = text.split("/");
    const address = normalAddress(host);
    if (address === undefined) return self.errx(1, `no IP address found for ${text}`);
    const bits = address.includes(":") ? 128 : 32;
    const width = Number(prefix ?? bits);
    return width === bits ? address : `${network(address, width)}/${width}`;
  });
}

const sorted = (addresses: readonly string[]): string[] => {
  const key = (address: string): string =>
    address
      .split(/[./:]/)
      .map((part) => part.padStart(5, "0"))
      .join(".");
  return [...addresses].sort((a, b) => (key(a) < key(b) ? -1 : 1));
};
