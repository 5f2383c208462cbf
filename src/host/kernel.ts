/**
 * The host kernel: its configuration, devices and who owns them, and the files that processes open.
 * Linux 7.2, drivers/iommu/iommu.c (ownership of groups) and drivers/vfio.
 */
import type { HostDevice, Message } from "./drivers/driver.ts";
import { ERA_RULES, type EraRules } from "./eras/eras.ts";
import { IoasidFile } from "./eras/ioasid_file.ts";
import { PasidPool } from "./eras/pasid_pool.ts";
import type { Errno, Status } from "./errno.ts";
import { IommufdContext } from "./iommufd/context.ts";
import { IommufdFile } from "./iommufd/file.ts";
import type { PageSizes } from "./iommufd/io_page_table.ts";
import type { KvmHost } from "./kvm/kvm.ts";
import type { OpenFile, Process } from "./process.ts";
import { type MediatedPart, mediatedDevices } from "./vfio/mediated.ts";

/** How the kernel was built and what machine it runs on. */
export interface KernelConfig {
  readonly sizes: PageSizes;
  /** The caller may change whose limits are charged (CAP_SYS_RESOURCE). */
  readonly mayChangeLimits: boolean;
  /** Devices snoop the processor's caches. */
  readonly coherent: boolean;
  /** Interrupt messages of a device reach only the vectors that are its own. */
  readonly msiIsolated: boolean;
  /** Where devices write interrupt messages, and what: the doorbell's physical address. */
  readonly doorbell: bigint;
  /** What user space finds; absent: Linux 7.2. */
  readonly era?: EraRules;
  /** Mediated devices that somebody has made; absent: none. */
  readonly mediated?: readonly MediatedPart[];
  /** Virtual machines, where IOMMUs are to know of them; absent: they do not. */
  readonly kvm?: KvmHost;
}

/** A counter that interrupts add to. */
export class EventFile implements OpenFile {
  readonly kind = "eventfd";
  #count = 0n;

  signal(): void {
    this.#count++;
  }

  read(count: number): Uint8Array | Errno {
    if (count < 8) return "EINVAL";
    const words = new BigUint64Array([this.#count]);
    this.#count = 0n;
    return new Uint8Array(words.buffer);
  }

  close(): void {}
}

interface Enabled extends Message {
  readonly file: EventFile;
}

export class HostKernel {
  readonly config: KernelConfig;
  readonly devices: readonly HostDevice[];
  readonly era: EraRules;
  /** PASIDs of the whole system. */
  readonly pasids = new PasidPool();
  readonly #ioasids = new Set<Process>();
  readonly #owners = new Map<number, IommufdContext>();
  readonly #bound = new Set<HostDevice>();
  readonly #openGroups = new Set<number>();
  readonly #messages = new Map<HostDevice, Enabled>();

  constructor(config: KernelConfig, devices: readonly HostDevice[]) {
    this.config = config;
    this.era = config.era ?? ERA_RULES["Linux 7.2"];
    const parts = this.era.auxiliaryDomains ? (config.mediated ?? []) : [];
    this.devices = [...devices, ...mediatedDevices(parts, devices, this.pasids)];
    for (const device of devices) device.driver.addDevice?.(device);
  }

  /** A fresh open of /dev/iommu. */
  openIommufd(): IommufdFile {
    return new IommufdFile(new IommufdContext(this));
  }

  /** A process's open of /dev/ioasid: it has one at most. */
  openIoasid(process: Process): IoasidFile | Errno {
    if (this.#ioasids.has(process)) return "EBUSY";
    this.#ioasids.add(process);
    return new IoasidFile(process, this.pasids, () => this.#ioasids.delete(process));
  }

  /** Every device of a device's group. */
  membersOf(device: HostDevice): readonly HostDevice[] {
    const members = this.devices.filter((d) => d.group === device.group);
    return members.length === 0 ? [device] : members;
  }

  /** Make a group an iommufd's; EPERM where it is another's. */
  claim(group: number, context: IommufdContext): Errno | null {
    const owner = this.#owners.get(group);
    if (owner !== undefined && owner !== context) return "EPERM";
    this.#owners.set(group, context);
    return null;
  }

  unclaim(group: number): void {
    this.#owners.delete(group);
  }

  isBound(device: HostDevice): boolean {
    return this.#bound.has(device);
  }

  take(device: HostDevice): void {
    this.#bound.add(device);
  }

  release(device: HostDevice): void {
    this.#bound.delete(device);
  }

  /** The file of a group is open: its devices are not bound by files of their own. */
  isGroupOpen(group: number): boolean {
    return this.#openGroups.has(group);
  }

  /** Have the file of a group open; EBUSY where it is, or a device of the group is bound by a file of its own. */
  openGroup(group: number): Status {
    if (this.#openGroups.has(group) || [...this.#bound].some((device) => device.group === group)) return "EBUSY";
    this.#openGroups.add(group);
    return null;
  }

  closeGroup(group: number): void {
    this.#openGroups.delete(group);
  }

  /**
   * Route a device's first message to an eventfd.
   * @param mapped makes the doorbell reachable for the device, and says at which IOVA
   */
  enableMessage(device: HostDevice, file: EventFile, mapped: (doorbell: bigint) => bigint | Errno): Status {
    const remapped = device.driver.message?.(device) ?? null;
    const address = remapped?.address ?? mapped(this.config.doorbell);
    if (typeof address !== "bigint") return address;
    this.#messages.set(device, { address, data: remapped?.data ?? device.sid, file });
    return null;
  }

  forgetInterrupts(device: HostDevice): void {
    this.#messages.delete(device);
  }

  /** What the device was told to write to raise its interrupt. */
  messageOf(device: HostDevice): Message | null {
    return this.#messages.get(device) ?? null;
  }

  /**
   * A message reached the interrupt controller: that of a device, or of a part of it.
   * @param sid requester @param address where it was written, which says whose it is; null where its data alone does
   */
  interrupt(sid: number, data: number, address: bigint | null): void {
    for (const [device, enabled] of this.#messages) {
      const sent = device.sid === sid && enabled.data === data && (address === null || enabled.address === address);
      if (sent) enabled.file.signal();
    }
  }
}
