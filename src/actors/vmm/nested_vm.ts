/**
 * A VMM's objects for a virtual machine whose devices translate in two stages: guest memory as an IOAS, a nest-parent
 * HWPT over it, a vIOMMU with a vDEVICE for each device, and nested HWPTs made from what the guest configures.
 * Linux 7.2, Documentation/userspace-api/iommufd.rst; the order is the one that iommufd asks for.
 */
import * as iommufd from "../../host/iommufd/ioctls.ts";
import * as vfio from "../../host/vfio/ioctls.ts";
import type { Called, Caller, CallStruct } from "./user_space.ts";

/** A step that the kernel refused. */
export interface Refused {
  readonly step: string;
  readonly errno: string;
}

/** A device of the virtual machine. */
export interface AssignedDevice {
  /** Such as `0000:00:04.0`, on the host. */
  readonly bdf: string;
  /** Id that the guest's IOMMU knows it by. */
  readonly virtualId: number;
}

/** Guest memory: guest physical `gpa` is user address `va` of the VMM. */
export interface MemorySlot {
  readonly gpa: number;
  readonly bytes: number;
  readonly va: bigint;
}

/** How a vIOMMU of a vendor is made. */
export interface ViommuKind {
  readonly viommuType: number;
  readonly eventType: number;
  readonly hwptData: number;
  readonly invalidateData: number;
}

interface OpenDevice extends AssignedDevice {
  readonly fd: number;
  readonly id: number;
}

const EVENT_DEPTH = 64;
const EVENT_HEADER_BYTES = 8;

export class NestedVm {
  readonly #caller: Caller;
  readonly #kind: ViommuKind;
  readonly #iommufd: number;
  readonly #parent: number;
  readonly #viommu: number;
  readonly #eventFd: number;
  readonly #devices: readonly OpenDevice[];
  /** Nested HWPT that each device is attached to, by its virtual id. */
  readonly #nested = new Map<number, number>();

  private constructor(
    caller: Caller,
    kind: ViommuKind,
    ids: { iommufd: number; parent: number; viommu: number; eventFd: number },
    devices: readonly OpenDevice[],
  ) {
    this.#caller = caller;
    this.#kind = kind;
    this.#iommufd = ids.iommufd;
    this.#parent = ids.parent;
    this.#viommu = ids.viommu;
    this.#eventFd = ids.eventFd;
    this.#devices = devices;
  }

  /** Make all objects. The first device decides which physical IOMMU serves. */
  static make(
    caller: Caller,
    kind: ViommuKind,
    slots: readonly MemorySlot[],
    assigned: readonly AssignedDevice[],
  ): NestedVm | Refused {
    const steps = new Steps(caller);
    const fd = steps.open("/dev/iommu");
    const ioas = steps.call(fd, iommufd.IOAS_ALLOC, {}).out_ioas_id;
    for (const { gpa, bytes, va } of slots) {
      const flags = iommufd.MAP_FIXED_IOVA | iommufd.MAP_READABLE | iommufd.MAP_WRITEABLE;
      steps.call(fd, iommufd.IOAS_MAP, { flags, ioas_id: ioas, user_va: va, length: BigInt(bytes), iova: BigInt(gpa) });
    }
    const devices = assigned.map((device): OpenDevice => {
      const deviceFd = steps.open(`/dev/vfio/devices/${device.bdf}`);
      const { out_devid } = steps.call(deviceFd, vfio.DEVICE_BIND_IOMMUFD, { iommufd: fd }, "argsz");
      return { ...device, fd: deviceFd, id: out_devid };
    });
    const first = devices[0]?.id ?? 0;
    const flags = iommufd.HwptFlag.NEST_PARENT;
    const parent = steps.call(fd, iommufd.HWPT_ALLOC, { flags, dev_id: first, pt_id: ioas }).out_hwpt_id;
    for (const { fd: deviceFd } of devices)
      steps.call(deviceFd, vfio.DEVICE_ATTACH_IOMMUFD_PT, { pt_id: parent }, "argsz");
    const type = kind.viommuType;
    const viommu = steps.call(fd, iommufd.VIOMMU_ALLOC, { type, dev_id: first, hwpt_id: parent }).out_viommu_id;
    for (const { id, virtualId } of devices) {
      steps.call(fd, iommufd.VDEVICE_ALLOC, { viommu_id: viommu, dev_id: id, virt_id: BigInt(virtualId) });
    }
    const queue = { viommu_id: viommu, type: kind.eventType, veventq_depth: EVENT_DEPTH };
    const eventFd = steps.call(fd, iommufd.VEVENTQ_ALLOC, queue).out_veventq_fd;
    if (steps.refused !== null) return steps.refused;
    return new NestedVm(caller, kind, { iommufd: fd, parent, viommu, eventFd }, devices);
  }

  /** What the physical IOMMU says of itself: the driver's own structure. */
  hardwareInfo(bytes: number): Uint8Array | null {
    const device = this.#devices[0];
    if (device === undefined) return null;
    const data_uptr = this.#caller.data(new Uint8Array(bytes));
    const values = { dev_id: device.id, data_len: bytes, data_uptr };
    const called = this.#caller.call(this.#iommufd, iommufd.GET_HW_INFO, values, "size");
    return called.ok ? this.#caller.system.load(data_uptr, bytes) : null;
  }

  /** Attach a device to a nested HWPT made from the vendor's data; one it had goes. @returns why not */
  install(virtualId: number, data: Uint8Array): Refused | null {
    const device = this.#device(virtualId);
    if (device === undefined) return null;
    const made = this.#caller.call(
      this.#iommufd,
      iommufd.HWPT_ALLOC,
      {
        dev_id: device.id,
        pt_id: this.#viommu,
        data_type: this.#kind.hwptData,
        data_len: data.length,
        data_uptr: this.#caller.data(data),
      },
      "size",
    );
    if (!made.ok) return { step: "IOMMU_HWPT_ALLOC", errno: made.errno };
    const refused = this.#attach(device, made.out.out_hwpt_id);
    if (refused !== null) this.#destroy(made.out.out_hwpt_id);
    else {
      this.#dropNested(virtualId);
      this.#nested.set(virtualId, made.out.out_hwpt_id);
    }
    return refused;
  }

  /** Attach a device to the parent: the guest's IOMMU lets its requests pass. */
  bypass(virtualId: number): Refused | null {
    const device = this.#device(virtualId);
    if (device === undefined) return null;
    const refused = this.#attach(device, this.#parent);
    if (refused === null) this.#dropNested(virtualId);
    return refused;
  }

  /** Hand on invalidations of the guest, entries of equal size one after the other. @returns why not all were done */
  invalidate(entries: Uint8Array, entryBytes: number): Refused | null {
    const called = this.#caller.call(
      this.#iommufd,
      iommufd.HWPT_INVALIDATE,
      {
        hwpt_id: this.#viommu,
        data_uptr: this.#caller.data(entries),
        data_type: this.#kind.invalidateData,
        entry_len: entryBytes,
        entry_num: entries.length / entryBytes,
      },
      "size",
    );
    return called.ok ? null : { step: "IOMMU_HWPT_INVALIDATE", errno: called.errno };
  }

  /** Events for the guest since the last call, without their headers; `lost` tells that some are missing. */
  takeEvents(eventBytes: number): { readonly events: readonly Uint8Array[]; readonly lost: boolean } {
    const bytes = this.#caller.system.read(this.#eventFd, 4096);
    const events: Uint8Array[] = [];
    let lost = false;
    if (typeof bytes === "string") return { events, lost };
    for (let at = 0; at + EVENT_HEADER_BYTES <= bytes.length; ) {
      const flags = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0, true);
      at += EVENT_HEADER_BYTES;
      if ((flags & 1) === 1) lost = true;
      else {
        events.push(bytes.slice(at, at + eventBytes));
        at += eventBytes;
      }
    }
    return { events, lost };
  }

  #device(virtualId: number): OpenDevice | undefined {
    return this.#devices.find((d) => d.virtualId === virtualId);
  }

  #attach(device: OpenDevice, hwpt: number): Refused | null {
    const called = this.#caller.call(device.fd, vfio.DEVICE_ATTACH_IOMMUFD_PT, { pt_id: hwpt }, "argsz");
    return called.ok ? null : { step: "VFIO_DEVICE_ATTACH_IOMMUFD_PT", errno: called.errno };
  }

  #dropNested(virtualId: number): void {
    const old = this.#nested.get(virtualId);
    if (old !== undefined) this.#destroy(old);
    this.#nested.delete(virtualId);
  }

  #destroy(id: number): void {
    this.#caller.call(this.#iommufd, iommufd.DESTROY, { id }, "size");
  }
}

/** Calls one after the other, until one is refused; then the rest is left out. */
class Steps {
  readonly #caller: Caller;
  refused: Refused | null = null;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  open(path: string): number {
    if (this.refused !== null) return -1;
    const fd = this.#caller.system.open(path);
    if (typeof fd === "number") return fd;
    this.refused = { step: `open ${path}`, errno: fd };
    return -1;
  }

  call<V>(fd: number, struct: CallStruct<V>, values: Partial<NoInfer<V>>, sizeField = "size"): V {
    const nothing = (): V => struct.decode(new Uint8Array(struct.size));
    if (this.refused !== null) return nothing();
    const called: Called<V> = this.#caller.call(fd, struct, values, sizeField);
    if (called.ok) return called.out;
    this.refused = { step: struct.name, errno: called.errno };
    return nothing();
  }
}
