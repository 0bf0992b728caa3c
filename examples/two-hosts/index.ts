/** One program, two hosts: what one of them tells of itself is used on the other. */
import * as pulumi from "@pulumi/pulumi";
import { Bridge, EpairLink, Host, JailRoot, VnetJail } from "pulumi-freebsd-vnet";

const config = new pulumi.Config();

interface Place {
  address: string;
  port?: number;
  hostKey?: string;
}

const site = (name: string, net: number) => {
  const host = new Host(name, config.requireObject<Place>(name));
  const lan = new Bridge(name, { host, name: "bridge0", addresses: [`10.10.${net}.1/24`] });
  const jail = (service: string, start: pulumi.Input<string>[]) => {
    const link = new EpairLink(`${name}-${service}`, { host, bridge: lan });
    const root = new JailRoot(`${name}-${service}`, {
      host,
      snapshot: config.get("template") ?? "zroot/jails/template@base",
    });
    return new VnetJail(`${name}-${service}`, {
      host,
      path: root.path,
      interfaces: [{ link, addresses: [`10.10.${net}.100/24`] }],
      gateway: `10.10.${net}.1`,
      start: [...start, "/bin/sh /etc/rc"],
    });
  };
  return { host, jail };
};

const alpha = site("alpha", 15);
const beta = site("beta", 16);

alpha.jail("db", []);
// The second host's jail learns where the first host is.
beta.jail("web", [pulumi.interpolate`/bin/echo the database is behind ${alpha.host.externalAddress}`]);
