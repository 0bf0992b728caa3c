import type { Clock } from "../clock";
import type { Release } from "../release";
import { Firewall } from "./firewall";
import { Jails } from "./jails";
import { Limits } from "./limits";
import { Locks } from "./locks";
import { Messages } from "./messages";
import { Modules } from "./modules";
import { Network } from "./network";
import { Processes } from "./processes";
import type { Disk } from "./storage";
import { Storage } from "./storage";
import { Sysctl } from "./sysctl";

/** The running system: all that a reboot throws away. What survives is the `Disk`. */
export class Kernel {
  readonly network = new Network(this);
  readonly jails = new Jails(this);
  readonly modules = new Modules(this);
  readonly sysctl = new Sysctl(this);
  readonly firewall = new Firewall(this);
  readonly processes = new Processes();
  /** flock(2) */
  readonly locks = new Locks();
  readonly limits = new Limits(this);
  /** dmesg(8) */
  readonly messages = new Messages(this);
  readonly storage: Storage;
  /** kenv(1) */
  readonly environment = new Map<string, string>();

  get release(): Release {
    return this.disk.release;
  }

  /** Set when the machine goes down: no process of this kernel goes on. */
  halted = false;

  /** Milliseconds since the epoch, on the host's clock. */
  readonly bootedAt: number;

  constructor(
    readonly disk: Disk,
    readonly clock: Clock,
  ) {
    this.bootedAt = clock.now();
    this.storage = new Storage(this, disk);
  }
}
