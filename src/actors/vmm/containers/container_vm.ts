/**
 * What a VMM has of VFIO for a virtual machine without iommufd: a container for each device, of the nesting type where the
 * kernel has that, with all of guest memory mapped. Linux 5.15, Documentation/driver-api/vfio.rst.
 *
 * A container has one PASID table, and one set of bound tables, for all of its groups: devices that a guest may put into
 * different address spaces need one each.
 */
import * as vfio from "../../../host/vfio/ioctls.ts";
import type { AssignedDevice } from "../../../protocol/software.ts";
import type { Journal } from "../../journal.ts";
import { type Caller, type CallStruct, type Refused, Steps } from "../user_space.ts";
import type { MemorySlot } from "../vm_objects.ts";

export interface ContainerDevice extends AssignedDevice {
  /** Descriptor of its container, and its own. */
  readonly container: number;
  readonly fd: number;
}

/** Refusals that are kept, the newest. */
const MOST_REFUSED = 256;
/** Room for IOMMU_GET_INFO and its capabilities. */
const INFO_BYTES = 1024;
const { NESTING_IOMMU, TYPE1v2_IOMMU } = vfio.Extension;

export class ContainerVm {
  readonly caller: Caller;
  readonly devices: readonly ContainerDevice[];
  /** What the kernel refused since the start, newest last. */
  readonly refused: Refused[] = [];

  private constructor(caller: Caller, devices: readonly ContainerDevice[]) {
    this.caller = caller;
    this.devices = devices;
  }

  static make(
    caller: Caller,
    slots: readonly MemorySlot[],
    assigned: readonly AssignedDevice[],
    journal: Journal,
  ): ContainerVm | Refused {
    const steps = new Steps(caller);
    const devices = assigned.map((device) => openDevice(caller, steps, slots, device, journal));
    return steps.refused ?? new ContainerVm(caller, devices);
  }

  device(virtualId: number): ContainerDevice | undefined {
    return this.devices.find((d) => d.virtualId === virtualId);
  }

  /** A call whose structure says in `sizeField` how long all of it is; a refusal is noted. @returns what it returned, or null */
  call<V>(fd: number, struct: CallStruct<V>, values: Partial<NoInfer<V>>, sizeField: string): number | null {
    const called = this.caller.call(fd, struct, values, sizeField);
    if (called.ok) return called.returned;
    this.note({ step: struct.name, errno: called.errno });
    return null;
  }

  /** The body of a capability of a container; null where it has none with that id. */
  capability(container: number, id: number): Uint8Array | null {
    const called = this.caller.call(container, INFO, {}, "argsz");
    if (!called.ok) return null;
    const view = new DataView(called.out.bytes.buffer);
    const first = vfio.IOMMU_GET_INFO.decode(called.out.bytes).cap_offset;
    for (let at = first, left = INFO_BYTES / HEADER_BYTES; at > 0 && at < INFO_BYTES && left > 0; left--) {
      const next = view.getUint32(at + 4, true);
      if (view.getUint16(at, true) === id)
        return called.out.bytes.slice(at + HEADER_BYTES, next === 0 ? undefined : next);
      at = next;
    }
    return null;
  }

  note(refused: Refused): void {
    if (this.refused.push(refused) > MOST_REFUSED) this.refused.shift();
  }
}

const HEADER_BYTES = 8;

/** IOMMU_GET_INFO with room for capabilities. */
const INFO: CallStruct<{ argsz: number; bytes: Uint8Array<ArrayBuffer> }> = {
  name: vfio.IOMMU_GET_INFO.name,
  request: vfio.IOMMU_GET_INFO.request,
  size: INFO_BYTES,
  encode: ({ argsz = INFO_BYTES }) => {
    const bytes = new Uint8Array(INFO_BYTES);
    bytes.set(vfio.IOMMU_GET_INFO.encode({ argsz }));
    return bytes;
  },
  decode: (bytes) => ({ argsz: INFO_BYTES, bytes: new Uint8Array(bytes) }),
};

/** Put a device's group into a container of its own, map guest memory, and open the device. */
function openDevice(
  caller: Caller,
  steps: Steps,
  slots: readonly MemorySlot[],
  assigned: AssignedDevice,
  journal: Journal,
): ContainerDevice {
  const container = steps.open("/dev/vfio/vfio");
  const group = steps.open(`/dev/vfio/${groupOf(caller, assigned)}`);
  const int = (value: number): bigint => caller.data(new Uint8Array(new Int32Array([value]).buffer));
  steps.plain(group, "VFIO_GROUP_SET_CONTAINER", vfio.GROUP_SET_CONTAINER, int(container));
  const extension = steps.plain(container, "VFIO_CHECK_EXTENSION", vfio.CHECK_EXTENSION, BigInt(NESTING_IOMMU));
  const type = extension === 1 ? NESTING_IOMMU : TYPE1v2_IOMMU;
  if (extension !== 1)
    journal.note("VMM", "intent", "no VFIO_TYPE1_NESTING_IOMMU: guest memory is mapped in one stage");
  steps.plain(container, "VFIO_SET_IOMMU", vfio.SET_IOMMU, BigInt(type));
  for (const { gpa, bytes, va } of slots) {
    const flags = vfio.DmaFlag.READ | vfio.DmaFlag.WRITE;
    steps.call(container, vfio.IOMMU_MAP_DMA, { flags, vaddr: va, iova: BigInt(gpa), size: BigInt(bytes) }, "argsz");
  }
  const name = caller.data(Uint8Array.from(`${assigned.mdev ?? assigned.bdf}\0`, (c) => c.charCodeAt(0)));
  const fd = steps.plain(group, "VFIO_GROUP_GET_DEVICE_FD", vfio.GROUP_GET_DEVICE_FD, name);
  return { ...assigned, container, fd };
}

/** The IOMMU group of a device, or of a part of one, as sysfs says it. */
function groupOf({ system }: Caller, { bdf, mdev }: AssignedDevice): string {
  const device = mdev === undefined ? `pci/devices/${bdf}` : `mdev/devices/${mdev}`;
  return system.readlink(`/sys/bus/${device}/iommu_group`)?.split("/").at(-1) ?? "";
}
