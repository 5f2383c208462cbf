/**
 * Telling KVM which devices are its virtual machine's: whoever binds them learns whose they are. Linux 7.2,
 * Documentation/virt/kvm/devices/vfio.rst.
 */
import {
  CREATE_DEVICE,
  KVM_CREATE_VM,
  KVM_DEV_TYPE_VFIO,
  KVM_DEV_VFIO_FILE,
  KVM_DEV_VFIO_FILE_ADD,
  SET_DEVICE_ATTR,
} from "../../host/kvm/ioctls.ts";
import type { Steps } from "./user_space.ts";

/** Makes a virtual machine of KVM and tells it of each device's file. */
export function kvmDevices(): (steps: Steps, fd: number) => void {
  let vfio: number | null = null;
  return (steps, fd) => {
    vfio ??= makeVm(steps);
    const addr = steps.data(new Uint8Array(new Int32Array([fd]).buffer));
    steps.call(vfio, SET_DEVICE_ATTR, { group: KVM_DEV_VFIO_FILE, attr: KVM_DEV_VFIO_FILE_ADD, addr }, null);
  };
}

/** @returns the file of what stands for VFIO in it */
function makeVm(steps: Steps): number {
  const vm = steps.plain(steps.open("/dev/kvm"), "KVM_CREATE_VM", KVM_CREATE_VM, 0n);
  return steps.call(vm, CREATE_DEVICE, { type: KVM_DEV_TYPE_VFIO }, null).fd;
}
