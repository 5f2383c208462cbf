/**
 * What a VMM has of iommufd for a virtual machine, whatever the architecture: guest memory as an IOAS, the devices, a
 * HWPT over all of guest memory, and calls on HWPTs of the guest's. Linux 7.2, Documentation/userspace-api/iommufd.rst.
 */
import * as iommufd from "../../host/iommufd/ioctls.ts";
import * as vfio from "../../host/vfio/ioctls.ts";
import type { AssignedDevice } from "../../protocol/software.ts";
import { DirtyLog } from "./dirty_log.ts";
import { type Called, type Caller, type CallStruct, type Refused, Steps } from "./user_space.ts";

/** Guest memory: guest physical `gpa` is user address `va` of the VMM. */
export interface MemorySlot {
  readonly gpa: number;
  readonly bytes: number;
  readonly va: bigint;
}

export interface OpenDevice extends AssignedDevice {
  readonly fd: number;
  /** Of the device in the iommufd. */
  readonly id: number;
  /** HWPT over guest memory that its IOMMU walks. */
  readonly parent: number;
}

/** What a nested HWPT is made of. */
export interface NestedData {
  /** Of HwptDataType. */
  readonly type: number;
  readonly data: Uint8Array;
  /** Of HwptFlag. */
  readonly flags?: number;
  /** Queue of its recoverable faults. */
  readonly fault?: number | null;
}

/** What was in a queue of events. */
export interface TakenEvents {
  readonly events: readonly Uint8Array<ArrayBuffer>[];
  readonly lost: boolean;
}

/** Bytes of one read. */
const MOST_READ = 4096;
const EVENT_HEADER_BYTES = 8;
/** Set in an event's header where events before it are missing; nothing follows such a header. */
const LOST = 1;
/** Refusals that are kept, the newest. */
const MOST_REFUSED = 256;
/** What a call answers about a HWPT, or a vIOMMU, of another IOMMU than the device's. */
export const OTHER_IOMMU = "EINVAL";
/** GET_HW_INFO: the type that is asked for is given. */
const INPUT_TYPE = 1;
/** Of an attachment: the PASID is given. */
const ATTACH_PASID = 1;

export class VmObjects {
  readonly caller: Caller;
  readonly iommufd: number;
  readonly ioas: number;
  /**
   * HWPTs over guest memory: a device that is attached to one reaches all of that, and nothing else. IOMMUs that do not walk
   * the same have one each.
   */
  readonly parents: readonly number[];
  readonly devices: readonly OpenDevice[];
  /** Which pages of guest memory devices write. */
  readonly dirty: DirtyLog;
  /** What the kernel refused since the start, newest last. */
  readonly refused: Refused[] = [];

  private constructor(
    caller: Caller,
    ids: { readonly iommufd: number; readonly ioas: number; readonly parents: readonly number[] },
    devices: readonly OpenDevice[],
    slots: readonly MemorySlot[],
  ) {
    this.caller = caller;
    this.iommufd = ids.iommufd;
    this.ioas = ids.ioas;
    this.parents = ids.parents;
    this.devices = devices;
    this.dirty = new DirtyLog(this, slots);
  }

  /**
   * Map guest memory, bind the devices and attach them to HWPTs over it: each to one that its IOMMU takes, else to one that
   * is made for it, as QEMU does (hw/vfio/iommufd.c, iommufd_cdev_autodomains_get).
   * @param flags of those HWPTs; dirty pages are tracked wherever hardware does that
   * @param opened what is done with the file of a device before it is bound
   */
  static make(
    caller: Caller,
    slots: readonly MemorySlot[],
    assigned: readonly AssignedDevice[],
    flags: number,
    opened: (steps: Steps, fd: number) => void = () => {},
  ): VmObjects | Refused {
    const steps = new Steps(caller);
    const fd = steps.open("/dev/iommu");
    const ioas = steps.call(fd, iommufd.IOAS_ALLOC, {}).out_ioas_id;
    for (const { gpa, bytes, va } of slots) {
      const rights = iommufd.MAP_FIXED_IOVA | iommufd.MAP_READABLE | iommufd.MAP_WRITEABLE;
      const where = { ioas_id: ioas, user_va: va, length: BigInt(bytes), iova: BigInt(gpa) };
      steps.call(fd, iommufd.IOAS_MAP, { flags: rights, ...where });
    }
    const bound = assigned.map((device) => {
      const deviceFd = steps.open(`/dev/vfio/devices/${device.bdf}`);
      opened(steps, deviceFd);
      const { out_devid } = steps.call(deviceFd, vfio.DEVICE_BIND_IOMMUFD, { iommufd: fd }, "argsz");
      return { ...device, fd: deviceFd, id: out_devid };
    });
    const first = bound[0]?.id ?? 0;
    const { out_capabilities } = steps.call(fd, iommufd.GET_HW_INFO, { dev_id: first });
    const tracked = (out_capabilities & iommufd.HwCap.DIRTY_TRACKING) === 0n ? 0 : iommufd.HwptFlag.DIRTY_TRACKING;
    const parents: number[] = [];
    const tried: Refused[] = [];
    const devices = bound.map((device): OpenDevice => {
      const attach = (pt_id: number): Refused | null =>
        steps.attempt(device.fd, vfio.DEVICE_ATTACH_IOMMUFD_PT, { pt_id }, OTHER_IOMMU, "argsz");
      const there = parents.find((parent) => {
        const refused = attach(parent);
        if (refused !== null) tried.push(refused);
        return refused === null;
      });
      if (there !== undefined) return { ...device, parent: there };
      const values = { flags: flags | tracked, dev_id: device.id, pt_id: ioas };
      const parent = steps.call(fd, iommufd.HWPT_ALLOC, values).out_hwpt_id;
      parents.push(parent);
      const refused = attach(parent);
      if (refused !== null) steps.refused ??= refused;
      return { ...device, parent };
    });
    if (steps.refused !== null) return steps.refused;
    const vm = new VmObjects(caller, { iommufd: fd, ioas, parents }, devices, slots);
    for (const refused of tried) vm.note(refused);
    return vm;
  }

  device(virtualId: number): OpenDevice | undefined {
    return this.devices.find((d) => d.virtualId === virtualId);
  }

  /** What the physical IOMMU says of itself: a structure of the driver's. @returns null where it does not say that */
  hardwareInfo(data_type: number, bytes: number): Uint8Array | null {
    const data_uptr = this.caller.data(new Uint8Array(bytes));
    const dev_id = this.devices[0]?.id ?? 0;
    const values = { flags: INPUT_TYPE, dev_id, data_type, data_len: bytes, data_uptr };
    const out = this.call(iommufd.GET_HW_INFO, values);
    return out === null ? null : this.caller.system.load(data_uptr, bytes);
  }

  /** A call on the iommufd; a refusal is noted. @returns null where it was refused */
  call<V>(struct: CallStruct<V>, values: Partial<NoInfer<V>>): V | null {
    return this.#done(struct.name, this.caller.call(this.iommufd, struct, values, "size"));
  }

  /** Make a HWPT from a vendor's data over `pt_id`, a HWPT or a vIOMMU. @returns its id */
  nest(device: OpenDevice, pt_id: number, { type, data, flags = 0, fault = null }: NestedData): number | null {
    const data_uptr = this.caller.data(data);
    const called = this.call(iommufd.HWPT_ALLOC, {
      flags: fault === null ? flags : flags | iommufd.HwptFlag.FAULT_ID_VALID,
      dev_id: device.id,
      pt_id,
      data_type: type,
      data_len: data.length,
      data_uptr,
      fault_id: fault ?? 0,
    });
    return called?.out_hwpt_id ?? null;
  }

  /** Attach a device, or one of its PASIDs, to a HWPT or an IOAS in place of what it has. */
  attach(device: OpenDevice, pt_id: number, pasid: number | null = null): boolean {
    const values = pasid === null ? { pt_id } : { pt_id, flags: ATTACH_PASID, pasid };
    const called = this.caller.call(device.fd, vfio.DEVICE_ATTACH_IOMMUFD_PT, values, "argsz");
    return this.#done("VFIO_DEVICE_ATTACH_IOMMUFD_PT", called) !== null;
  }

  /** Detach a device, or one of its PASIDs: its requests are refused. */
  detach(device: OpenDevice, pasid: number | null = null): void {
    const values = pasid === null ? {} : { flags: ATTACH_PASID, pasid };
    const called = this.caller.call(device.fd, vfio.DEVICE_DETACH_IOMMUFD_PT, values, "argsz");
    this.#done("VFIO_DEVICE_DETACH_IOMMUFD_PT", called);
  }

  /** Hand on invalidations, entries of equal size one after the other, to a HWPT or a vIOMMU. */
  invalidate(hwpt_id: number, data_type: number, entries: Uint8Array, entry_len: number): void {
    const data_uptr = this.caller.data(entries);
    const entry_num = entries.length / entry_len;
    this.call(iommufd.HWPT_INVALIDATE, { hwpt_id, data_uptr, data_type, entry_len, entry_num });
  }

  destroy(id: number): boolean {
    return this.call(iommufd.DESTROY, { id }) !== null;
  }

  /** Events of a queue since the last call, without their headers, and whether the kernel had to leave some out. */
  takeEvents(fd: number, eventBytes: number): TakenEvents {
    const bytes = this.caller.system.read(fd, MOST_READ);
    const events: Uint8Array<ArrayBuffer>[] = [];
    let lost = false;
    if (typeof bytes === "string") return { events, lost };
    for (let at = 0; at + EVENT_HEADER_BYTES <= bytes.length; ) {
      const flags = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0, true);
      at += EVENT_HEADER_BYTES;
      if ((flags & LOST) !== 0) lost = true;
      else {
        events.push(bytes.slice(at, at + eventBytes));
        at += eventBytes;
      }
    }
    return { events, lost };
  }

  /** Note a refusal. */
  note(refused: Refused): void {
    if (this.refused.push(refused) > MOST_REFUSED) this.refused.shift();
  }

  #done<V>(step: string, called: Called<V>): V | null {
    if (called.ok) return called.out;
    this.note({ step, errno: called.errno });
    return null;
  }
}
