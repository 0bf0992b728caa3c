/** A node of /dev as the kernel makes it, before any rule has changed it. */
export interface Device {
  /** Below the mount: `fd/0`. */
  readonly path: string;
  readonly mode: number;
  readonly gid: number;
  /** What `type` of a devfs rule matches. */
  readonly type?: DeviceType;
  /** A symbolic link instead of a device. */
  readonly target?: string;
}

export type DeviceType = "disk" | "mem" | "tape" | "tty";

const OPERATOR = 5;
const KMEM = 2;
const DIALER = 68;

const nodes = (names: string, mode: number, gid = 0, type?: DeviceType): Device[] =>
  names.split(" ").map((path) => ({ path, mode, gid, ...(type ? { type } : {}) }));

const link = (path: string, target: string): Device => ({ path, mode: 0o755, gid: 0, target });

/** The nodes of the recorded host (`ls` of a devfs without rules). */
export const devices: readonly Device[] = [
  ...nodes("acpi", 0o660, OPERATOR),
  ...nodes("apm apmctl", 0o664, OPERATOR),
  ...nodes("atkbd0 bpsm0 consolectl devctl devctl2 input/event0 input/event1 io kbdmux0 klog", 0o600),
  ...nodes("pfil psm0 sysmouse tcp_log ufssuspend uinput xpt0 audit bpf reroot mdctl", 0o600),
  ...nodes("auditpipe devstat hpet0 geom.ctl fido/uhid0", 0o640, OPERATOR),
  ...nodes("ctty full null zero zfs fd/0 fd/1 fd/2", 0o666),
  ...nodes("efi", 0o640, OPERATOR),
  ...nodes("pci random", 0o644),
  ...nodes("mem kmem", 0o640, KMEM, "mem"),
  ...nodes("cuau0 cuau0.init cuau0.lock", 0o660, DIALER, "tty"),
  ...nodes("console ttyu0 ttyu0.init ttyu0.lock", 0o600, 0, "tty"),
  ...nodes("ttyv0 ttyv1 ttyv2 ttyv3 ttyv4 ttyv5 ttyv6 ttyv7 ttyv8 ttyv9 ttyva ttyvb", 0o600, 0, "tty"),
  ...nodes("vtbd0 vtbd0p1 vtbd0p2 vtbd1 gpt/rootfs", 0o640, OPERATOR, "disk"),
  ...nodes("diskid/DISK-1 gptid/1 msdosfs/EFI", 0o640, OPERATOR, "disk"),
  link("bpf0", "bpf"),
  link("kbd0", "atkbd0"),
  link("kbd1", "kbdmux0"),
  link("stdin", "fd/0"),
  link("stdout", "fd/1"),
  link("stderr", "fd/2"),
  link("urandom", "random"),
];

/** Nodes that come with a kernel module. */
export const moduleDevices: Readonly<Record<string, readonly Device[]>> = {
  pf: nodes("pf", 0o600),
  fusefs: nodes("fuse", 0o666, OPERATOR),
  vmm: nodes("vmmctl", 0o600),
  crypto: nodes("crypto", 0o666),
};
