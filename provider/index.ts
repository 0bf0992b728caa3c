/**
 * What makes declared resources so. Each export below is what the constant text in a stack's state names
 * (`require("pulumi-freebsd-vnet/provider").bridge`): an object of `dynamic.ResourceProvider`'s shape. The names
 * are therefore never changed.
 */
import { hostname } from "node:os";
import { once } from "./cost";
import { credentialsFrom } from "./credentials";
import { bridge as bridgeKind } from "./kinds/bridge";
import { devfsRuleset as devfsRulesetKind } from "./kinds/devfs-ruleset";
import { epairLink as epairLinkKind } from "./kinds/epair-link";
import { host as hostKind } from "./kinds/host";
import { ipfwRules as ipfwRulesKind } from "./kinds/ipfw-rules";
import { jailRoot as jailRootKind } from "./kinds/jail-root";
import { kernelModule as kernelModuleKind } from "./kinds/kernel-module";
import { loopback as loopbackKind } from "./kinds/loopback";
import { natGateway as natGatewayKind } from "./kinds/nat-gateway";
import { natRedirect as natRedirectKind } from "./kinds/nat-redirect";
import { rcSetting as rcSettingKind } from "./kinds/rc-setting";
import { sysctl as sysctlKind } from "./kinds/sysctl";
import { vlan as vlanKind } from "./kinds/vlan";
import { vnetJail as vnetJailKind } from "./kinds/vnet-jail";
import { lifecycle, type ResourceProvider, type Shared } from "./lifecycle";
import { Reader } from "./reader";
import { Sessions } from "./ssh";

/** Shared by all resources of a run: Pulumi has one provider process per run. */
const sessions = new Sessions();

/** Pulumi shows what the provider prints as it comes. */
const say = (line: string) => console.log(line);

const shared: Shared = {
  runner: sessions,
  reader: new Reader(sessions),
  say,
  announce: once(say),
  configure: async ({ config }) => sessions.setCredentials(credentialsFrom((key) => config.get(key))),
  who: `${process.env.USER ?? process.env.LOGNAME ?? "somebody"}@${hostname()}`,
};

export const host: ResourceProvider = lifecycle(hostKind, shared);
export const rcSetting: ResourceProvider = lifecycle(rcSettingKind, shared);
export const kernelModule: ResourceProvider = lifecycle(kernelModuleKind, shared);
export const sysctl: ResourceProvider = lifecycle(sysctlKind, shared);
export const bridge: ResourceProvider = lifecycle(bridgeKind, shared);
export const epairLink: ResourceProvider = lifecycle(epairLinkKind, shared);
export const vlan: ResourceProvider = lifecycle(vlanKind, shared);
export const loopback: ResourceProvider = lifecycle(loopbackKind, shared);
export const jailRoot: ResourceProvider = lifecycle(jailRootKind, shared);
export const devfsRuleset: ResourceProvider = lifecycle(devfsRulesetKind, shared);
export const vnetJail: ResourceProvider = lifecycle(vnetJailKind, shared);
export const natGateway: ResourceProvider = lifecycle(natGatewayKind, shared);
export const natRedirect: ResourceProvider = lifecycle(natRedirectKind, shared);
export const ipfwRules: ResourceProvider = lifecycle(ipfwRulesKind, shared);

export type { ResourceProvider } from "./lifecycle";
export { SshError } from "./ssh";
/** The connections that all of the above share: close them where the process does not end by itself, as in tests. */
export { sessions };
