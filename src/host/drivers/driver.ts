/**
 * What iommufd asks of a driver of an IOMMU, and what a driver may ask back. Linux 7.2, include/linux/iommu.h
 * (iommu_ops, iommu_domain_ops, iommufd_viommu_ops).
 *
 * A driver answers errors as values. Addresses and lengths are bigint; a PASID of null is the device itself.
 */
import type { Made, Status } from "../errno.ts";

/** Addresses from `start` to `last`, both included. */
export interface AddressRange {
  readonly start: bigint;
  readonly last: bigint;
}

/** Access that a mapping grants. */
export interface Protection {
  readonly read: boolean;
  readonly write: boolean;
  /** Registers lie there, not memory, and nothing to execute (IOMMU_MMIO, IOMMU_NOEXEC); absent: memory. */
  readonly device?: boolean;
}

/** How the page of an interrupt doorbell is mapped for devices. */
export const DOORBELL: Protection = { read: false, write: true, device: true };

/** IOVA that a device must not see mapped. */
export interface ReservedRegion extends AddressRange {
  /** `software-msi`: doorbell pages are mapped there by the kernel; `relaxable` regions are only advice. */
  readonly kind: "direct" | "relaxable" | "reserved" | "hardware-msi" | "software-msi";
}

/** Data of a caller for a driver; null bytes stand for a pointer that leads nowhere. */
export interface DriverData {
  readonly type: number;
  readonly length: number;
  /** The first `length` bytes behind the pointer; null where they cannot be read. */
  read(length: number): Uint8Array<ArrayBuffer> | null;
  /** Write to the memory behind the pointer. */
  write(bytes: Uint8Array): boolean;
}

/** An array of invalidation entries of a caller. */
export interface EntryArray {
  readonly type: number;
  readonly entryLength: number;
  readonly count: number;
  /** Bytes of entry `index`; null where they cannot be read. */
  read(index: number): Uint8Array<ArrayBuffer> | null;
}

/** What became of an array of entries. */
export interface Invalidated {
  readonly status: Status;
  /** Entries done, as the driver counts them. */
  readonly done: number;
}

/** An interrupt message: a write of `data` to `address`. */
export interface Message {
  readonly address: bigint;
  readonly data: number;
}

/** A device behind an IOMMU. */
export interface HostDevice {
  /** Such as `0000:00:04.0`. */
  readonly name: string;
  /** IOMMU group. */
  readonly group: number;
  /** Requester id or StreamID. */
  readonly sid: number;
  readonly driver: IommuDriver;
  /** log2 of the PASIDs that device and IOMMU offer together; 0 for none. */
  readonly maxPasidLog2: number;
  readonly ats: boolean;
  readonly pri: boolean;
  /** Its transactions can wait while the kernel answers a fault; absent: they cannot. */
  readonly stall?: boolean;
}

/** What a driver has devices use that are able to: a TLB of their own, and requests for pages. */
export interface DeviceServices {
  readonly ats: boolean;
  readonly pri: boolean;
}

/** A stage of translation that a driver made. */
interface Domain {
  readonly driver: IommuDriver;
  /** Give back what the domain holds; it is not attached anywhere. */
  release(): void;
}

/** A domain filled by the kernel from an IOAS. */
export interface PagingDomain extends Domain {
  readonly kind: "paging";
  /** Bytes of the smallest page. */
  readonly smallestPage: bigint;
  /** A bit for each page size. */
  readonly pageSizes: bigint;
  readonly aperture: AddressRange;
  /** Map memory that is contiguous; nothing lies there yet. A failure leaves nothing mapped. */
  map(iova: bigint, pa: bigint, length: bigint, protection: Protection): Status;
  unmap(iova: bigint, length: bigint): void;
  /** Make every mapping from now on cache coherent whatever the device asks for. */
  enforceCoherency(): boolean;
  /** Absent without dirty tracking. */
  readonly dirty?: DirtyTracking;
}

export interface DirtyTracking {
  set(on: boolean): Status;
  /** Report each dirty run within the range, and clear it if asked to. */
  read(iova: bigint, length: bigint, clear: boolean, mark: (iova: bigint, length: bigint) => void): void;
}

/** A domain whose tables are a guest's. */
export interface NestedDomain extends Domain {
  readonly kind: "nested";
  /** Absent where invalidation goes through the vIOMMU, or is not offered. */
  invalidate?(entries: EntryArray): Invalidated;
}

export type AnyDomain = PagingDomain | NestedDomain;

/** What a driver may ask about a vIOMMU and its devices. */
export interface ViommuCore {
  /** Id that the guest knows a device by; null without a vDEVICE. */
  virtualId(device: HostDevice): bigint | null;
  /** The device behind a guest's id. */
  device(virtualId: bigint): HostDevice | null;
  /** Put an event into the queue of that type; EOPNOTSUPP where the guest has none. */
  report(type: number, data: Uint8Array): Status;
  /** Hand out a region for user space to map: its offset in the iommufd file. */
  exposePages(pa: bigint, length: bigint): bigint;
}

/** The driver's half of a vIOMMU. */
export interface DriverViommu {
  allocNested?(flags: number, data: DriverData): Made<NestedDomain>;
  invalidate?(entries: EntryArray): Invalidated;
  addDevice?(device: HostDevice, virtualId: bigint): Status;
  removeDevice?(device: HostDevice): void;
  readonly queues?: HardwareQueues;
  release(): void;
}

/** A queue that hardware is to read, over contiguous memory. */
export interface QueueRequest {
  readonly type: number;
  readonly flags: number;
  readonly index: number;
  /** Where the nest parent maps it, and where that is. */
  readonly iova: bigint;
  readonly pa: bigint;
  readonly length: bigint;
}

/** Queues of hardware that a guest owns. */
export interface HardwareQueues {
  /** Flags that a caller may set; absent: none. */
  readonly flags?: number;
  offers(type: number): boolean;
  open(queue: QueueRequest): Status;
  close(queue: QueueRequest): void;
}

/** Faults of a device that wait for an answer. */
export interface PageFault {
  readonly pasid: number | null;
  readonly group: number;
  readonly last: boolean;
  /** 1 read, 2 write, 4 execute, 8 privileged. */
  readonly permission: number;
  readonly address: bigint;
}

/** How faults of a group are answered: 0 success, 1 invalid. */
export type Respond = (code: number) => void;

/** An attachment as the driver sees it. */
export interface Attachment {
  readonly device: HostDevice;
  readonly pasid: number | null;
  readonly domain: AnyDomain;
  /** Takes a group of recoverable faults; null where the domain has no fault queue. */
  readonly faults: ((group: readonly PageFault[], respond: Respond) => void) | null;
}

/** A driver of one IOMMU. */
export interface IommuDriver {
  readonly name: string;
  /** A device was found: refuse its transactions until something is attached. Absent where that is so anyway. */
  addDevice?(device: HostDevice): Status;
  /** Hardware information of a type, 0 for the driver's own; null where it is not offered. */
  info(type: number): { readonly type: number; readonly bytes: Uint8Array } | null;
  dirtyTracking(device: HostDevice): boolean;
  /** The device is cache coherent whatever its requests say. */
  coherent(device: HostDevice): boolean;
  reserved(device: HostDevice): readonly ReservedRegion[];
  /** Make a domain for the kernel to fill. `data` is null without data of the caller. */
  allocPaging(device: HostDevice, flags: number, data: DriverData | null): Made<PagingDomain>;
  /** Make a nested domain straight on a parent; absent where that needs a vIOMMU. */
  allocNested?(device: HostDevice, parent: PagingDomain, flags: number, data: DriverData): Made<NestedDomain>;
  /** Absent without vIOMMUs. */
  readonly viommu?: {
    offers(device: HostDevice, type: number): boolean;
    make(core: ViommuCore, type: number, parent: PagingDomain, data: DriverData | null): Made<DriverViommu>;
  };
  /** Put a domain in place of what is there, which stays if this is refused. */
  attach(attachment: Attachment): Status;
  /** Devices can have domains beside their own, each with a PASID. */
  readonly auxiliaryDomains?: boolean;
  /** Whether domains of that kind can be attached to PASIDs. */
  pasidAttach(domain: AnyDomain): boolean;
  /** The message that a device is to send for an interrupt, where the IOMMU decides that; null where it remaps none. */
  message?(device: HostDevice): Message | null;
  /** Refuse every transaction of the device, or of one PASID. */
  block(device: HostDevice, pasid: number | null): void;
}

/** Copy a caller's structure of one version or another: from `least` bytes on, no longer than the kernel's. */
export function readDriverData(data: DriverData, least: number, most: number): Made<Uint8Array<ArrayBuffer>> {
  if (data.length < least || data.length > most) return { ok: false, errno: "EINVAL" };
  const bytes = data.read(data.length);
  if (bytes === null) return { ok: false, errno: "EFAULT" };
  const whole = new Uint8Array(most);
  whole.set(bytes);
  return { ok: true, value: whole };
}

/**
 * Copy all entries of a caller's array at once: shorter entries are filled with zero, longer ones must end in zeros.
 * A wrong type or an empty array is EINVAL.
 */
export function readAllEntries(entries: EntryArray, type: number, size: number): Made<Uint8Array<ArrayBuffer>[]> {
  if (entries.type !== type || entries.count === 0) return { ok: false, errno: "EINVAL" };
  const all: Uint8Array<ArrayBuffer>[] = [];
  for (let i = 0; i < entries.count; i++) {
    const bytes = entries.read(i);
    if (bytes === null) return { ok: false, errno: "EFAULT" };
    if (bytes.length > size && bytes.subarray(size).some((b) => b !== 0)) return { ok: false, errno: "E2BIG" };
    all.push(bytes.length === size ? bytes : filled(bytes, size));
  }
  return { ok: true, value: all };
}

/** The first bytes, with zeros up to `size`. */
function filled(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const entry = new Uint8Array(size);
  entry.set(bytes.subarray(0, size));
  return entry;
}
