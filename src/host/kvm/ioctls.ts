/** Calls by which a VMM tells KVM of a virtual machine's devices. Linux 7.2, include/uapi/linux/kvm.h. */
import { struct, u32, u64 } from "../uapi_struct.ts";

const SOURCE = "include/uapi/linux/kvm.h";

/** On /dev/kvm; the argument is a type of machine, 0 for the usual one. Returns a file. */
export const KVM_CREATE_VM = 0xae01;

/** On the file of a virtual machine. */
export const CREATE_DEVICE = {
  request: 0xc00c_aee0,
  ...struct("KVM_CREATE_DEVICE", SOURCE, [
    u32("type", "kind of device: 4 for what stands for VFIO"),
    u32("fd", "returned: the device's file"),
    u32("flags", "1: only ask whether there is such a kind"),
  ]),
};
export const KVM_DEV_TYPE_VFIO = 4;

/** On the file of such a device. */
export const SET_DEVICE_ATTR = {
  request: 0x4018_aee1,
  ...struct("KVM_SET_DEVICE_ATTR", SOURCE, [
    u32("flags", "zero"),
    u32("group", "what kind of attribute"),
    u64("attr", "which of them"),
    u64("addr", "pointer to its value"),
  ]),
};
export const KVM_DEV_VFIO_FILE = 1;
export const KVM_DEV_VFIO_FILE_ADD = 1n;
