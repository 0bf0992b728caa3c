import { Address4, Address6 } from "ip-address";
import { cidr, mustParseCidr, parseCidr } from "../scalars";

/** The first address of the network that an address with a prefix length is in, with that length. */
function networkOf(text: string): string {
  const { family, prefix, text: canonical } = mustParseCidr(text);
  const address = family === "inet" ? new Address4(canonical) : new Address6(canonical);
  return `${address.startAddress().correctForm()}/${prefix}`;
}

/** A network, IPv4 or IPv6: an address with a prefix length and nothing behind that length. */
export const network = cidr.refine((v) => parseCidr(v)?.text === networkOf(v), {
  error: ({ input }) => `"${input}" is an address in a network: the network is "${networkOf(String(input))}"`,
});

/** How many bits an address of the family has: a network of that length is one address. */
export const isOneAddress = (text: string): boolean => {
  const { family, prefix } = mustParseCidr(text);
  return prefix === (family === "inet" ? 32 : 128);
};
