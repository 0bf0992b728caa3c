import { Errno } from "../command";
import type { Kernel } from ".";

/** A file of the kernel linker, as kldstat(8) lists it. */
export interface KernelFile {
  readonly id: number;
  /** Without `.ko`. */
  readonly name: string;
  /** Low 32 bits of the address; the high ones are always `0xffffffff`. */
  readonly address: number;
  readonly size: number;
  /** Files that it brought in, each holding one reference. */
  readonly depends: readonly string[];
  /** kldload(2) calls not yet undone. 0 for a file that came in as a dependency: kldunload(8) refuses it. */
  userRefs: number;
  /** moduleid of its modules, first one. */
  readonly moduleId: number;
}

interface Image {
  size: number;
  depends?: readonly string[];
}

/** What `/boot/kernel` holds. Sizes are recorded for the first ten, plausible for the others. */
const images: Readonly<Record<string, Image>> = {
  zfs: { size: 0x3e0de0, depends: ["xdr"] },
  xdr: { size: 0x3188 },
  virtio_random: { size: 0x22a8 },
  if_bridge: { size: 0x7798, depends: ["bridgestp"] },
  bridgestp: { size: 0x60e0 },
  if_epair: { size: 0x52a4 },
  ipfw: { size: 0x27450 },
  ipfw_nat: { size: 0x42d0, depends: ["ipfw", "libalias"] },
  libalias: { size: 0xc962 },
  // FreeBSD 14: divert sockets work without ipfw, so nothing is brought in; on 13 MODULE_DEPEND in ip_divert.c does.
  ipdivert: { size: 0x3568 },
  pf: { size: 0x61ff0 },
  pflog: { size: 0x32a0, depends: ["pf"] },
  pfsync: { size: 0x9a58, depends: ["pf"] },
  dummynet: { size: 0xe3a8, depends: ["ipfw"] },
  ipfw_nat64: { size: 0xb0a8, depends: ["ipfw"] },
  ipfw_nptv6: { size: 0x4168, depends: ["ipfw"] },
  ipfw_pmod: { size: 0x2170, depends: ["ipfw"] },
  ng_ipfw: { size: 0x3158, depends: ["netgraph", "ipfw"] },
  nullfs: { size: 0x5248 },
  unionfs: { size: 0x8a50 },
  fdescfs: { size: 0x5178 },
  linprocfs: { size: 0x7a28, depends: ["linux_common"] },
  linsysfs: { size: 0x4138, depends: ["linux_common"] },
  linux_common: { size: 0x7a68 },
  linux: { size: 0x2a2b0, depends: ["linux_common"] },
  linux64: { size: 0x2e2a0, depends: ["linux_common"] },
  fusefs: { size: 0x12a68 },
  ext2fs: { size: 0x1b4e8 },
  if_gif: { size: 0x7358 },
  if_gre: { size: 0x7c50 },
  if_lagg: { size: 0xc1b0 },
  if_vxlan: { size: 0xa290 },
  if_wg: { size: 0x18398 },
  if_disc: { size: 0x2148 },
  if_edsc: { size: 0x2158 },
  if_stf: { size: 0x4338 },
  carp: { size: 0x9b18 },
  netgraph: { size: 0x1a438 },
  ng_ether: { size: 0x3a50, depends: ["netgraph"] },
  ng_bridge: { size: 0x4298, depends: ["netgraph"] },
  ng_eiface: { size: 0x3188, depends: ["netgraph"] },
  ng_socket: { size: 0x3538, depends: ["netgraph"] },
  coretemp: { size: 0x3170 },
  aesni: { size: 0x9a30 },
  vmm: { size: 0x2e1b0 },
  nmdm: { size: 0x3218 },
  cc_cubic: { size: 0x32a0 },
  cc_htcp: { size: 0x3250 },
  accf_http: { size: 0x2648 },
  accf_data: { size: 0x20b0 },
  geom_eli: { size: 0x1d4a8 },
  cd9660: { size: 0x9998 },
  mac_portacl: { size: 0x3a10 },
  sem: { size: 0x3060 },
};

/** Modules that are part of the kernel itself: `kldstat -m` finds them, kldload(8) says they are there. */
const builtIn = new Set([
  "kernel",
  "if_vlan",
  "if_tuntap",
  "if_tun",
  "if_tap",
  "if_loop",
  "ether",
  "ufs",
  "devfs",
  "tmpfs",
  "procfs",
  "pseudofs",
  "nfs",
  "g_part",
  "g_part_gpt",
  "g_md",
  "md",
  "random_device",
  "racct",
  "virtio",
  "virtio_pci",
  "virtio_blk",
  "vtnet",
  "sysvmsg",
  "sysvsem",
  "sysvshm",
  "tty",
  "null",
  "zero",
  "bpf",
  // DRIVER_MODULE() names them by bus and driver.
  "nexus/aesni",
  "pci/ahci",
]);

/**
 * What the kernel keeps until it boots again, used or not: ip_divert.c answers MOD_QUIESCE with EPERM, uipc_accf.c
 * MOD_UNLOAD with EOPNOTSUPP. Sources of 13 to 15, not recorded.
 */
const refusals: Readonly<Record<string, "EPERM" | "EOPNOTSUPP">> = {
  ipdivert: "EPERM",
  accf_http: "EOPNOTSUPP",
  accf_data: "EOPNOTSUPP",
};

/** What it brings in. */
const needsOf = (name: string, osreldate: () => number): readonly string[] =>
  name === "ipdivert" && osreldate() < 1400000 ? ["ipfw"] : (images[name]?.depends ?? []);

/** Of the `loaded` ones, without `.ko`, those that cannot be unloaded: who refuses, and what that one depends on. */
export function staying(loaded: readonly string[], osreldate: number): ReadonlySet<string> {
  const stay = new Set(loaded.filter((name) => Object.hasOwn(refusals, name)));
  for (const name of stay) for (const needed of needsOf(name, () => osreldate)) stay.add(needed);
  return stay;
}

/** loader(8) puts these where they are: the rest goes into the holes, lowest first. */
const preloaded: Readonly<Record<string, number>> = {
  zfs: 0x81a00000,
  xdr: 0x81818000,
  virtio_random: 0x8181c000,
};

/** Of `kldstat -m zfs` on a fresh host; modules loaded later count on. */
const firstModuleId = 229;
const firstFreeAddress = 0x8181f000;
const page = 0x1000;
const pages = (bytes: number): number => Math.ceil(bytes / page) * page;

/** Kernel modules: kldload(8), kldstat(8), kldunload(8), and what comes in by itself (`ifconfig bridge create`). */
export class Modules {
  readonly files: KernelFile[] = [];
  private nextId = 1;
  private nextModuleId = firstModuleId;

  constructor(readonly kernel: Kernel) {
    this.files.push({
      id: this.takeId(),
      name: "kernel",
      address: 0x80200000,
      size: 0xdeacf8,
      depends: [],
      userRefs: 0,
      moduleId: 1,
    });
    for (const name of Object.keys(preloaded)) this.link(name, name === "xdr" ? 0 : 1);
  }

  /** Loaded, in order of loading, without `.ko`, without the kernel. */
  get loaded(): string[] {
    return this.files.slice(1).map((file) => file.name);
  }

  /** Whether the module is there, loaded or built in. */
  has(name: string): boolean {
    return builtIn.has(name) || this.find(name) !== undefined;
  }

  find(name: string): KernelFile | undefined {
    return this.files.find((file) => file.name === baseName(name));
  }

  /** The modules in a file. */
  within(file: KernelFile): { id: number; name: string }[] {
    if (file.name !== "kernel") return [{ id: file.moduleId, name: file.name }];
    return [...builtIn].map((name, at) => ({ id: file.moduleId + at, name }));
  }

  /** References as kldstat(8) shows them. */
  refs(file: KernelFile): number {
    // Each file holds the kernel twice: as the file it is linked against, and by its MODULE_DEPEND.
    if (file.name === "kernel") return 10 + 2 * (this.files.length - 1);
    return file.userRefs + this.files.filter((other) => other.depends.includes(file.name)).length;
  }

  /**
   * kldload(2): loads `name` (`ipfw`, `ipfw.ko` or a path) and what it depends on.
   * @throws Errno EEXIST when it is loaded or built in, ENOENT when there is no such file.
   */
  load(name: string): KernelFile {
    const base = baseName(name);
    const already = this.find(base);
    // A file that came in as a dependency may be loaded by name: that adds the user's reference.
    if (already && already.userRefs === 0 && base !== "kernel") {
      already.userRefs = 1;
      return already;
    }
    // A driver's module has its bus before its name, in its file too (module_register() in kern_module.c).
    if (this.has(base) || [...builtIn].some((module) => module.endsWith(`/${base}`)))
      throw new Errno("EEXIST");
    // Not what every object has: a module may be called "constructor".
    if (!Object.hasOwn(images, base)) throw new Errno("ENOENT");
    const before = this.files.length;
    const file = this.link(base, 1);
    for (const { name: added } of this.files.slice(before).reverse()) {
      this.kernel.firewall.attach(added);
      this.kernel.storage.devfs.attach(added);
    }
    return file;
  }

  /** Loads `name` unless it is there: what ifconfig(8), mount(8) and rc(8) do before they need it. */
  ensure(name: string): void {
    if (!this.has(name)) this.load(name);
  }

  /**
   * kldunload(2). A file that another one depends on only loses the user's reference and stays.
   * @throws Errno ENOENT when it is not loaded, EBUSY when it is in use or was not loaded by a user.
   */
  unload(name: string): void {
    const file = this.find(name);
    if (!file) throw new Errno("ENOENT");
    if (file.userRefs === 0) throw new Errno("EBUSY");
    if (this.refs(file) === 1) this.quiesce(file.name);
    file.userRefs--;
    this.collect(file);
  }

  snapshot(): { name: string; userRefs: number; stays: boolean }[] {
    const stay = staying(this.loaded, this.kernel.release.osreldate);
    return this.files.slice(1).map(({ name, userRefs }) => ({ name, userRefs, stays: stay.has(name) }));
  }

  private link(name: string, userRefs: number): KernelFile {
    const image = images[name]!;
    const file: KernelFile = {
      id: this.takeId(),
      name,
      address: preloaded[name] ?? this.hole(image.size),
      size: image.size,
      depends: needsOf(name, () => this.kernel.release.osreldate),
      userRefs,
      moduleId: this.nextModuleId++,
    };
    this.files.push(file);
    for (const needed of file.depends) if (!this.find(needed) && !preloaded[needed]) this.link(needed, 0);
    return file;
  }

  /** Drops `file` when nothing holds it any more, then whatever only it held. */
  private collect(file: KernelFile): void {
    if (this.refs(file) > 0) return;
    this.files.splice(this.files.indexOf(file), 1);
    this.kernel.firewall.detach(file.name);
    this.kernel.sysctl.detach(file.name);
    this.kernel.storage.devfs.detach(file.name);
    this.destroyClones(file.name);
    for (const needed of file.depends) {
      const dependency = this.find(needed);
      if (dependency) this.collect(dependency);
    }
  }

  /** MOD_QUIESCE and MOD_UNLOAD: who may refuse to go. */
  private quiesce(name: string): void {
    const refusal = refusals[name];
    if (refusal) throw new Errno(refusal);
    if (name === "zfs" || name === "virtio_random") throw new Errno("EBUSY");
  }

  /** if_clone_detach(): a cloner that goes takes its interfaces along, in every network stack. */
  private destroyClones(name: string): void {
    const kind = { if_bridge: "bridge", if_epair: "epair" }[name];
    if (!kind) return;
    const { network } = this.kernel;
    for (const vnet of network.vnets)
      for (const netif of [...vnet.interfaces])
        if (netif.kind === kind && vnet.interfaces.includes(netif)) network.destroy(netif);
  }

  /** The linker's ids are not reused until it has to look for a free one: the next one is the first unused from the last. */
  private takeId(): number {
    while (this.files.some((file) => file.id === this.nextId)) this.nextId++;
    return this.nextId;
  }

  private hole(size: number): number {
    const taken = this.files
      .map((file) => ({ from: file.address, to: file.address + pages(file.size) }))
      .sort((a, b) => a.from - b.from);
    let at = firstFreeAddress;
    for (const { from, to } of taken) {
      if (to <= at) continue;
      if (from - at >= pages(size)) break;
      at = to;
    }
    return at;
  }
}

const baseName = (name: string): string => name.replace(/^.*\//, "").replace(/\.ko$/, "");
