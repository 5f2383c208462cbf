/**
 * The files by which a VMM makes a virtual machine and says which VFIO devices are its own. Linux 7.2,
 * virt/kvm/kvm_main.c, virt/kvm/vfio.c.
 */
import type { Returned } from "../errno.ts";
import type { OpenFile, Process } from "../process.ts";
import { VfioDeviceFile } from "../vfio/device_file.ts";
import {
  CREATE_DEVICE,
  KVM_CREATE_VM,
  KVM_DEV_TYPE_VFIO,
  KVM_DEV_VFIO_FILE,
  KVM_DEV_VFIO_FILE_ADD,
  SET_DEVICE_ATTR,
} from "./ioctls.ts";
import type { Kvm, KvmHost } from "./kvm.ts";

const DESCRIPTOR_BYTES = 4;

/** /dev/kvm. */
export class KvmFile implements OpenFile {
  readonly kind = "kvm";
  readonly #host: KvmHost;

  constructor(host: KvmHost) {
    this.#host = host;
  }

  ioctl(process: Process, request: number, type: bigint): Returned {
    if (request !== KVM_CREATE_VM) return "ENOTTY";
    return type === 0n ? process.install(new VmFile(this.#host.makeVm())) : "EINVAL";
  }

  close(): void {}
}

class VmFile implements OpenFile {
  readonly kind = "kvm vm";
  readonly #vm: Kvm;

  constructor(vm: Kvm) {
    this.#vm = vm;
  }

  ioctl(process: Process, request: number, argument: bigint): Returned {
    if (request !== CREATE_DEVICE.request) return "ENOTTY";
    const bytes = process.read(argument, CREATE_DEVICE.size);
    if (bytes === null) return "EFAULT";
    const v = CREATE_DEVICE.decode(bytes);
    if (v.type !== KVM_DEV_TYPE_VFIO) return "ENODEV";
    if (v.flags !== 0) return 0;
    v.fd = process.install(new VfioOfVmFile(this.#vm));
    return process.write(argument, CREATE_DEVICE.encode(v)) ? 0 : "EFAULT";
  }

  close(): void {}
}

/** What stands for VFIO in a virtual machine. */
class VfioOfVmFile implements OpenFile {
  readonly kind = "kvm vfio";
  readonly #vm: Kvm;

  constructor(vm: Kvm) {
    this.#vm = vm;
  }

  ioctl(process: Process, request: number, argument: bigint): Returned {
    if (request !== SET_DEVICE_ATTR.request) return "ENOTTY";
    const bytes = process.read(argument, SET_DEVICE_ATTR.size);
    if (bytes === null) return "EFAULT";
    const { group, attr, addr } = SET_DEVICE_ATTR.decode(bytes);
    if (group !== KVM_DEV_VFIO_FILE || attr !== KVM_DEV_VFIO_FILE_ADD) return "ENXIO";
    const value = process.read(addr, DESCRIPTOR_BYTES);
    if (value === null) return "EFAULT";
    const file = process.file(new DataView(value.buffer).getInt32(0, true));
    if (file === null) return "EBADF";
    if (!(file instanceof VfioDeviceFile)) return "EINVAL";
    if (file.vm !== null) return "EEXIST";
    file.vm = this.#vm;
    return 0;
  }

  close(): void {}
}
