import type { Kernel } from ".";

/** What loader(8) and the kernel print at boot on this machine: 88 lines, `/var/run/dmesg.boot`. */
export const bootMessages: readonly string[] = `---<<BOOT>>---
Copyright (c) 1992-2023 The FreeBSD Project.
Copyright (c) 1979, 1980, 1983, 1986, 1988, 1989, 1991, 1992, 1993, 1994
	The Regents of the University of California. All rights reserved.
FreeBSD is a registered trademark of The FreeBSD Foundation.
FreeBSD 14.0-STABLE amd64
VT(vga): text 80x25
CPU: QEMU Virtual CPU (2000.00-MHz K8-class CPU)
  Origin="GenuineIntel"  Id=0x663  Family=0x6  Model=0x6  Stepping=3
  Features=0x783fbfd<FPU,DE,PSE,TSC,MSR,PAE,MCE,CX8,APIC,SEP,MTRR,PGE,MCA,CMOV,PAT,PSE36,MMX,FXSR,SSE,SSE2>
  Features2=0x80202001<SSE3,CX16,x2APIC,HV>
  AMD Features=0x20100800<SYSCALL,NX,LM>
  AMD Features2=0x5<LAHF,SVM>
real memory  = 2147483648 (2048 MB)
avail memory = 2046181376 (1951 MB)
Event timer "LAPIC" quality 100
ACPI APIC Table: <BOCHS  BXPC    >
FreeBSD/SMP: Multiprocessor System Detected: 2 CPUs
FreeBSD/SMP: 1 package(s) x 2 core(s)
random: registering fast source Intel Secure Key RNG
random: fast provider: "Intel Secure Key RNG"
random: unblocking device.
ioapic0 <Version 1.1> irqs 0-23
Launching APs: 1
random: entropy device external interface
kbd1 at kbdmux0
vtvga0: <VT VGA driver>
smbios0: <System Management BIOS> at iomem 0xf5990-0xf59ae
smbios0: Version: 2.8, BCD Revision: 2.8
acpi0: <BOCHS BXPC>
acpi0: Power Button (fixed)
cpu0: <ACPI CPU> on acpi0
atrtc0: <AT realtime clock> port 0x70-0x77 irq 8 on acpi0
atrtc0: registered as a time-of-day clock, resolution 1.000000s
Event timer "RTC" frequency 32768 Hz quality 0
hpet0: <High Precision Event Timer> iomem 0xfed00000-0xfed003ff on acpi0
Timecounter "HPET" frequency 100000000 Hz quality 950
Event timer "HPET" frequency 100000000 Hz quality 350
Event timer "HPET1" frequency 100000000 Hz quality 340
Event timer "HPET2" frequency 100000000 Hz quality 340
Timecounter "ACPI-fast" frequency 3579545 Hz quality 900
acpi_timer0: <24-bit timer at 3.579545MHz> port 0x608-0x60b on acpi0
pcib0: <ACPI Host-PCI bridge> port 0xcf8-0xcff on acpi0
pci0: <ACPI PCI bus> on pcib0
isab0: <PCI-ISA bridge> at device 1.0 on pci0
isa0: <ISA bus> on isab0
atapci0: <Intel PIIX3 WDMA2 controller> port 0x1f0-0x1f7,0x3f6,0x170-0x177,0x376,0xc040-0xc04f at device 1.1 on pci0
ata0: <ATA channel> at channel 0 on atapci0
ata1: <ATA channel> at channel 1 on atapci0
pci0: <bridge> at device 1.3 (no driver attached)
virtio_pci0: <VirtIO PCI (legacy) Network adapter> port 0xc000-0xc01f mem 0xfebd1000-0xfebd1fff irq 11 at device 2.0 on pci0
vtnet0: <VirtIO Networking Adapter> on virtio_pci0
vtnet0: Ethernet address: 52:54:00:12:34:56
vtnet0: netmap queues/slots: TX 1/256, RX 1/128
virtio_pci1: <VirtIO PCI (legacy) Block adapter> port 0xc080-0xc0ff mem 0xfebd2000-0xfebd2fff irq 11 at device 3.0 on pci0
vtblk0: <VirtIO Block Adapter> on virtio_pci1
vtblk0: 8192MB (16777216 512 byte sectors)
virtio_pci2: <VirtIO PCI (legacy) Block adapter> port 0xc100-0xc17f mem 0xfebd3000-0xfebd3fff irq 10 at device 4.0 on pci0
vtblk1: <VirtIO Block Adapter> on virtio_pci2
vtblk1: 4096MB (8388608 512 byte sectors)
virtio_pci3: <VirtIO PCI (legacy) Entropy adapter> port 0xc020-0xc03f irq 10 at device 5.0 on pci0
acpi_syscontainer0: <System Container> on acpi0
atkbdc0: <Keyboard controller (i8042)> port 0x60,0x64 irq 1 on acpi0
atkbd0: <AT Keyboard> irq 1 on atkbdc0
kbd0 at atkbd0
atkbd0: [GIANT-LOCKED]
uart0: <16550 or compatible> port 0x3f8-0x3ff irq 4 flags 0x10 on acpi0
uart0: console (115200,n,8,1)
orm0: <ISA Option ROM> at iomem 0xec000-0xeffff pnpid ORM0000 on isa0
attimer0: <AT timer> at port 0x40 on isa0
Timecounter "i8254" frequency 1193182 Hz quality 0
Event timer "i8254" frequency 1193182 Hz quality 100
attimer0: Can't map interrupt.
Timecounters tick every 1.000 msec
ZFS filesystem version: 5
ZFS storage pool version: features support (5000)
vtrnd0: <VirtIO Entropy Adapter> on virtio_pci3
random: registering fast source VirtIO Entropy Adapter
random: fast provider: "VirtIO Entropy Adapter"
Trying to mount root from ufs:/dev/gpt/rootfs [rw]...
WARNING: WITNESS option disabled
Dual Console: Serial Primary, Video Secondary
Timecounter "TSC-low" frequency 1000000000 Hz quality 1000
lo0: link state changed to UP
vtnet0: link state changed to UP
Setting hostuuid: 00000000-0000-0000-0000-525400123456.
Setting hostid: 0x2b0b2f31.
pid 1 (init): system started`.split("\n");

/** As many lines as kern.msgbufsize holds (96 kB). */
const KEPT = 1500;

/** The kernel's message buffer: dmesg(8). It survives a warm reboot, so a new kernel starts with the old lines. */
export class Messages {
  readonly lines: string[] = [...bootMessages];

  constructor(readonly kernel: Kernel) {}

  log(line: string): void {
    this.lines.push(line);
  }

  /** Takes over what the machine's memory still held of the kernel before the reboot. */
  inherit(before: Messages): void {
    this.lines.unshift(
      ...before.lines.slice(-KEPT),
      "Waiting (max 60 seconds) for system process `vnlru' to stop... done",
      "Waiting (max 60 seconds) for system process `syncer' to stop... ",
      "Syncing disks, vnodes remaining... 0 0 done",
      "All buffers synced.",
      "Uptime: 30s",
    );
  }
}
