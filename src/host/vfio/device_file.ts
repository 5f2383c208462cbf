/**
 * A VFIO device file: binding to an iommufd and attaching to what translates for the device.
 * Linux 7.2, drivers/vfio/device_cdev.c, iommufd.c and vfio_main.c.
 */
import type { HostDevice } from "../drivers/driver.ts";
import type { Returned, Status } from "../errno.ts";
import { type Device, NO_PASID } from "../iommufd/device.ts";
import { IommufdFile } from "../iommufd/file.ts";
import type { HostKernel } from "../kernel.ts";
import type { Kvm } from "../kvm/kvm.ts";
import type { OpenFile, Process } from "../process.ts";
import { checkTail, readSized } from "../user_copy.ts";
import { deviceInfo, PCI_REGIONS } from "./device_info.ts";
import { irqFile } from "./device_irqs.ts";
import {
  DEVICE_ATTACH_IOMMUFD_PT,
  DEVICE_BIND_IOMMUFD,
  DEVICE_DETACH_IOMMUFD_PT,
  DEVICE_GET_INFO,
  DEVICE_SET_IRQS,
} from "./ioctls.ts";

/** Structure sizes before later fields came. */
const BIND_LEAST = 16;
const ATTACH_LEAST = 12;
const DETACH_LEAST = 8;

const PASID_FLAG = 1;
const TOKEN_FLAG = 1;
/** VFIO's own numbers of PASIDs have 31 bits. */
const LAST_PASID = 0x7fffffff;

export class VfioDeviceFile implements OpenFile {
  readonly kind = "vfio device";
  readonly device: HostDevice;
  /** The virtual machine that it was given to before it is bound. */
  vm: Kvm | null = null;
  readonly #kernel: HostKernel;
  #bound: Device | null = null;
  #attached = false;
  readonly #pasids = new Set<number>();

  constructor(kernel: HostKernel, device: HostDevice) {
    this.#kernel = kernel;
    this.device = device;
  }

  /** The iommufd object, once bound. */
  get bound(): Device | null {
    return this.#bound;
  }

  ioctl(process: Process, request: number, argument: bigint): Returned {
    if (request === DEVICE_BIND_IOMMUFD.request) return this.#bind(process, argument) ?? 0;
    const bound = this.#bound;
    if (bound === null) return "EINVAL";
    switch (request) {
      case DEVICE_ATTACH_IOMMUFD_PT.request:
        return this.#attach(process, argument, bound) ?? 0;
      case DEVICE_DETACH_IOMMUFD_PT.request:
        return this.#detach(process, argument, bound) ?? 0;
      case DEVICE_GET_INFO.request:
        return deviceInfo(process, argument, PCI_REGIONS) ?? 0;
      case DEVICE_SET_IRQS.request:
        return this.#setIrqs(process, argument, bound) ?? 0;
      default:
        return "ENOTTY";
    }
  }

  close(): void {
    this.#kernel.forgetInterrupts(this.device);
    const bound = this.#bound;
    if (bound === null) return;
    this.#bound = null;
    this.#kernel.config.kvm?.give(this.device, null);
    this.#kernel.release(this.device);
    const { context } = bound;
    context.unbind(bound);
    context.drop();
  }

  #bind(process: Process, argument: bigint): Status {
    const given = readSized(process, argument, DEVICE_BIND_IOMMUFD.size, BIND_LEAST);
    if (typeof given === "string") return given;
    const v = DEVICE_BIND_IOMMUFD.decode(given.bytes);
    const tail = checkTail(process, argument, DEVICE_BIND_IOMMUFD.size, v.argsz);
    if (tail !== null) return tail;
    if (v.iommufd < 0 || (v.flags & ~TOKEN_FLAG) !== 0) return "EINVAL";
    if (this.#kernel.isGroupOpen(this.device.group)) return "EBUSY";
    if (this.#bound !== null) return "EINVAL";
    if ((v.flags & TOKEN_FLAG) !== 0) return process.read(v.token_uuid_ptr, BIND_LEAST) === null ? "EFAULT" : "EINVAL";
    const file = process.file(v.iommufd);
    if (file === null) return "EBADF";
    if (!(file instanceof IommufdFile)) return "EBADFD";
    if (this.#kernel.isBound(this.device) || !this.#kernel.config.coherent) return "EINVAL";
    if (!this.#kernel.config.msiIsolated) return "EPERM";
    const bound = file.context.bind(this.device);
    if (typeof bound === "string") return bound;
    file.context.hold();
    this.#bound = bound;
    this.#kernel.take(this.device);
    this.#kernel.config.kvm?.give(this.device, this.vm);
    v.out_devid = bound.id;
    return process.write(argument, DEVICE_BIND_IOMMUFD.encode(v).subarray(0, given.bytes.length)) ? null : "EFAULT";
  }

  #attach(process: Process, argument: bigint, bound: Device): Status {
    const given = readSized(process, argument, DEVICE_ATTACH_IOMMUFD_PT.size, ATTACH_LEAST);
    if (typeof given === "string") return given;
    const v = DEVICE_ATTACH_IOMMUFD_PT.decode(given.bytes);
    if ((v.flags & ~PASID_FLAG) !== 0) return "EINVAL";
    const withPasid = (v.flags & PASID_FLAG) !== 0;
    if (withPasid && given.bytes.length < DEVICE_ATTACH_IOMMUFD_PT.size) return "EINVAL";
    const pasid = withPasid ? v.pasid : NO_PASID;
    if (withPasid && pasid > LAST_PASID) return "ENOSPC";
    const there = withPasid ? this.#pasids.has(pasid) : this.#attached;
    const used = there ? bound.replace(pasid, v.pt_id) : bound.attach(pasid, v.pt_id);
    if (!used.ok) return used.errno;
    if (withPasid) this.#pasids.add(pasid);
    else this.#attached = true;
    v.pt_id = used.value;
    const bytes = DEVICE_ATTACH_IOMMUFD_PT.encode(v).subarray(0, ATTACH_LEAST);
    return process.write(argument, bytes) ? null : "EFAULT";
  }

  #detach(process: Process, argument: bigint, bound: Device): Status {
    const given = readSized(process, argument, DEVICE_DETACH_IOMMUFD_PT.size, DETACH_LEAST);
    if (typeof given === "string") return given;
    const v = DEVICE_DETACH_IOMMUFD_PT.decode(given.bytes);
    if ((v.flags & ~PASID_FLAG) !== 0) return "EINVAL";
    const withPasid = (v.flags & PASID_FLAG) !== 0;
    if (withPasid && given.bytes.length < DEVICE_DETACH_IOMMUFD_PT.size) return "EINVAL";
    if (withPasid) {
      if (this.#pasids.delete(v.pasid)) bound.detach(v.pasid);
    } else if (this.#attached) {
      bound.detach(NO_PASID);
      this.#attached = false;
    }
    return null;
  }

  #setIrqs(process: Process, argument: bigint, bound: Device): Status {
    const file = irqFile(process, argument);
    if (typeof file === "string") return file;
    return this.#kernel.enableMessage(this.device, file, (doorbell) => bound.context.mapDoorbell(bound, doorbell));
  }
}
