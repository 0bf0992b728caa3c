/** Resources for the VNET jail networks of FreeBSD hosts: what a Pulumi program declares. */
export { Bridge, type BridgeArgs } from "./bridge";
export { DevfsRuleset, type DevfsRulesetArgs } from "./devfs-ruleset";
export { EpairLink, type EpairLinkArgs } from "./epair-link";
export { Host, type HostArgs } from "./host";
export { IpfwRules, type IpfwRulesArgs } from "./ipfw-rules";
export { JailRoot, type JailRootArgs } from "./jail-root";
export { KernelModule, type KernelModuleArgs } from "./kernel-module";
export { Loopback, type LoopbackArgs } from "./loopback";
export { NatGateway, type NatGatewayArgs } from "./nat-gateway";
export { NatRedirect, type NatRedirectArgs } from "./nat-redirect";
export { RcSetting, type RcSettingArgs } from "./rc-setting";
export { Sysctl, type SysctlArgs } from "./sysctl";
export { Vlan, type VlanArgs } from "./vlan";
export { VnetJail, type VnetJailArgs } from "./vnet-jail";
