/**
 * A device that was opened through its group: what the group's container is, translates for it.
 * Linux 7.2, drivers/vfio/pci/vfio_pci_core.c; the region of faults as proposed with SMMUv3 nesting over VFIO.
 */
import type { HostDevice } from "../drivers/driver.ts";
import type { Errno, Returned, Status } from "../errno.ts";
import type { HostKernel } from "../kernel.ts";
import type { OpenFile, Process } from "../process.ts";
import { readSized } from "../user_copy.ts";
import { deviceInfo, PCI_REGIONS } from "./device_info.ts";
import { irqFile } from "./device_irqs.ts";
import type { FaultRegion } from "./fault_region.ts";
import { DEVICE_GET_INFO, DEVICE_SET_IRQS } from "./ioctls.ts";
import { DEVICE_GET_REGION_INFO, FAULT_REGION_INDEX, REGION_INDEX_AT, RegionFlag } from "./ioctls_before_iommufd.ts";
import type { ContainerNesting } from "./nesting.ts";

/** What the device's group is in. */
interface DeviceContainer {
  readonly nesting: ContainerNesting | null;
  mapDoorbell(device: HostDevice, doorbell: bigint): bigint | Errno;
}

export class GroupDeviceFile implements OpenFile {
  readonly kind = "vfio device of a group";
  readonly device: HostDevice;
  readonly #kernel: HostKernel;
  readonly #container: DeviceContainer;
  readonly #onClose: () => void;

  constructor(kernel: HostKernel, device: HostDevice, container: DeviceContainer, onClose: () => void) {
    this.#kernel = kernel;
    this.device = device;
    this.#container = container;
    this.#onClose = onClose;
  }

  /** UNMODELLED: of the regions only that of faults is there. */
  ioctl(process: Process, request: number, argument: bigint): Returned {
    switch (request) {
      case DEVICE_GET_INFO.request:
        return deviceInfo(process, argument, PCI_REGIONS + (this.#faults === null ? 0 : 1)) ?? 0;
      case DEVICE_GET_REGION_INFO.request:
        return this.#regionInfo(process, argument) ?? 0;
      case DEVICE_SET_IRQS.request:
        return this.#setIrqs(process, argument) ?? 0;
      default:
        return "ENOTTY";
    }
  }

  read(count: number, offset: bigint): Uint8Array | Errno {
    const region = this.#regionAt(offset);
    return region === null ? "EINVAL" : region.read(count, offsetIn(offset));
  }

  write(bytes: Uint8Array, offset: bigint): Returned {
    const region = this.#regionAt(offset);
    return region === null ? "EINVAL" : region.write(bytes, offsetIn(offset));
  }

  close(): void {
    this.#kernel.forgetInterrupts(this.device);
    this.#onClose();
  }

  get #faults(): FaultRegion | null {
    return this.#container.nesting?.faults?.(this.device) ?? null;
  }

  #regionAt(offset: bigint): FaultRegion | null {
    return offset >> REGION_INDEX_AT === BigInt(FAULT_REGION_INDEX) ? this.#faults : null;
  }

  #setIrqs(process: Process, argument: bigint): Status {
    const file = irqFile(process, argument);
    if (typeof file === "string") return file;
    return this.#kernel.enableMessage(this.device, file, (at) => this.#container.mapDoorbell(this.device, at));
  }

  #regionInfo(process: Process, argument: bigint): Status {
    const given = readSized(process, argument, DEVICE_GET_REGION_INFO.size, DEVICE_GET_REGION_INFO.size);
    if (typeof given === "string") return given;
    const v = DEVICE_GET_REGION_INFO.decode(given.bytes);
    const region = v.index === FAULT_REGION_INDEX ? this.#faults : null;
    if (region === null) return "EINVAL";
    // CHOICE(fault-region-caps): the chain with type and version of the region is left out; its index is fixed.
    v.flags = RegionFlag.READ | RegionFlag.WRITE;
    v.size = BigInt(region.bytes);
    v.offset = BigInt(v.index) << REGION_INDEX_AT;
    return process.write(argument, DEVICE_GET_REGION_INFO.encode(v)) ? null : "EFAULT";
  }
}

const offsetIn = (offset: bigint): number => Number(BigInt.asUintN(Number(REGION_INDEX_AT), offset));
