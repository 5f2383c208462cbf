/**
 * The mock IOMMU of the kernel's selftest option: no hardware, rules only. Linux 7.2, drivers/iommu/iommufd/selftest.c
 * and iommufd_test.h (structures, numbers and start values).
 */
import { low } from "../../../base/halves.ts";
import { type Made, made, refused, type Status } from "../../errno.ts";
import { HwptFlag } from "../../iommufd/ioctls.ts";
import { type StructField, struct, type UapiStruct, u32, u64 } from "../../uapi_struct.ts";
import {
  type AnyDomain,
  type Attachment,
  type DriverData,
  type DriverViommu,
  type EntryArray,
  type HardwareQueues,
  type HostDevice,
  type Invalidated,
  type IommuDriver,
  type NestedDomain,
  type PagingDomain,
  type QueueRequest,
  type ReservedRegion,
  readAllEntries,
  readDriverData,
  type ViommuCore,
} from "../driver.ts";
import { MockPaging, mockTables } from "./mock_paging.ts";

/** Type numbers of the selftest. */
const INFO_TYPE = 0xfeedbeef;
const DATA_TYPE = 0xdead;
const INVALIDATE_TYPE = 0xdeadbeef;
const VIOMMU_TYPE = 0xdeadbeef;
const VEVENTQ_TYPE = 0xbeefbeef;
const HW_QUEUE_TYPE = 0xdeadbeef;

const IOTLB_ENTRIES = 4;
const CACHE_ENTRIES = 4;
const CACHE_START = 0xbaddad;
const HW_QUEUES = 2;
const INVALIDATE_ALL = 1;
const INFO_WORDS = [0, 0xdeadbeef];

const inTest = <const F extends readonly StructField[]>(name: string, fields: F): UapiStruct<F> =>
  struct(name, "drivers/iommu/iommufd/iommufd_test.h", fields);

const HWPT_DATA = inTest("iommu_hwpt_selftest", [
  u32("iotlb", "start value of the entries"),
  u32("pagetable_type", "of a paging domain: 0 small pages, 1 huge pages"),
]);
const HWPT_DATA_LEAST = 4;
const HWPT_INVALIDATION = inTest("iommu_hwpt_invalidate_selftest", [
  u32("flags", "1: every entry"),
  u32("iotlb_id", "which entry"),
]);
const VIOMMU_INVALIDATION = inTest("iommu_viommu_invalidate_selftest", [
  u32("flags", "1: every line"),
  u32("vdev_id", "device, as the guest names it"),
  u32("cache_id", "which line"),
]);
const VIOMMU_DATA = inTest("iommu_viommu_selftest", [
  u32("in_data", "any value"),
  u32("out_data", "the same"),
  u64("out_mmap_offset", "region to map"),
  u64("out_mmap_length", "its bytes"),
]);
const VIOMMU_DATA_LEAST = 8;
const VEVENT = inTest("iommu_viommu_event_selftest", [u32("virt_id", "device, as the guest names it")]);

/** Device flags of the selftest's command. */
const MockFlag = { NO_DIRTY: 1, PASID: 4 } as const;
/** The PASID whose every second attachment fails, for a test of what a failed replace leaves. */
const PASID_RESERVED = 1024;
const PASID_LG2 = 20;
const PAGES_TO_MAP = 2n;

/** A nested domain: four entries that invalidation clears. */
export class MockNested implements NestedDomain {
  readonly kind = "nested";
  readonly driver: MockDriver;
  readonly viommu: MockViommu | null;
  readonly iotlb: number[];
  readonly invalidate?: (entries: EntryArray) => Invalidated;

  constructor(driver: MockDriver, viommu: MockViommu | null, start: number) {
    this.driver = driver;
    this.viommu = viommu;
    this.iotlb = Array.from({ length: IOTLB_ENTRIES }, () => start);
    this.invalidate = (entries) => this.#invalidate(entries);
  }

  release(): void {}

  #invalidate(entries: EntryArray): Invalidated {
    if (entries.type !== INVALIDATE_TYPE) return { status: "EINVAL", done: 0 };
    for (let done = 0; done < entries.count; done++) {
      if (entries.entryLength !== HWPT_INVALIDATION.size) return { status: "EINVAL", done };
      const bytes = entries.read(done);
      const status = bytes === null ? "EFAULT" : this.#clear(HWPT_INVALIDATION.decode(bytes));
      if (status !== null) return { status, done };
    }
    return { status: null, done: entries.count };
  }

  #clear(v: ReturnType<typeof HWPT_INVALIDATION.decode>): Status {
    if ((v.flags & ~INVALIDATE_ALL) !== 0) return "EOPNOTSUPP";
    if (v.iotlb_id >= IOTLB_ENTRIES) return "EINVAL";
    if ((v.flags & INVALIDATE_ALL) !== 0) this.iotlb.fill(0);
    else this.iotlb[v.iotlb_id] = 0;
    return null;
  }
}

/** Two queues, in ascending order, each needing the one below. */
class MockQueues implements HardwareQueues {
  readonly #open = new Set<number>();

  offers(type: number): boolean {
    return type === HW_QUEUE_TYPE;
  }

  open({ index }: QueueRequest): Status {
    if (index >= HW_QUEUES) return "EINVAL";
    if (this.#open.has(index)) return "EEXIST";
    if (index > 0 && !this.#open.has(index - 1)) return "EIO";
    this.#open.add(index);
    return null;
  }

  close({ index }: QueueRequest): void {
    this.#open.delete(index);
  }
}

class MockViommu implements DriverViommu {
  readonly core: ViommuCore;
  readonly queues = new MockQueues();
  readonly #driver: MockDriver;

  constructor(driver: MockDriver, core: ViommuCore) {
    this.#driver = driver;
    this.core = core;
  }

  allocNested(_flags: number, data: DriverData): Made<NestedDomain> {
    return this.#driver.nested(this, data);
  }

  invalidate(entries: EntryArray): Invalidated {
    // An empty array asks whether the type is known.
    if (entries.count === 0 && entries.type === INVALIDATE_TYPE) return { status: null, done: 0 };
    const all = readAllEntries(entries, INVALIDATE_TYPE, VIOMMU_INVALIDATION.size);
    if (!all.ok) return { status: all.errno, done: 0 };
    for (const [done, bytes] of all.value.entries()) {
      const status = this.#clear(VIOMMU_INVALIDATION.decode(bytes));
      if (status !== null) return { status, done };
    }
    return { status: null, done: all.value.length };
  }

  release(): void {}

  #clear(v: ReturnType<typeof VIOMMU_INVALIDATION.decode>): Status {
    if ((v.flags & ~INVALIDATE_ALL) !== 0) return "EOPNOTSUPP";
    if (v.cache_id >= CACHE_ENTRIES) return "EINVAL";
    const device = this.core.device(BigInt(v.vdev_id));
    if (!(device instanceof MockDevice)) return "EINVAL";
    if ((v.flags & INVALIDATE_ALL) !== 0) device.cache.fill(0);
    else device.cache[v.cache_id] = 0;
    return null;
  }
}

/** A device without hardware. */
export class MockDevice implements HostDevice {
  readonly name: string;
  readonly group: number;
  readonly sid = 0;
  readonly driver: MockDriver;
  readonly maxPasidLog2: number;
  readonly ats = false;
  readonly pri = true;
  readonly flags: number;
  readonly cache = Array.from({ length: CACHE_ENTRIES }, () => CACHE_START);
  /** What is attached, by PASID; null for the device itself. */
  readonly attached = new Map<number | null, Attachment>();
  /** The vIOMMU of the nested domain that is attached, and the device's id there when it came. */
  #viommu: { readonly core: ViommuCore; readonly id: bigint } | null = null;
  #fails = false;

  /** Whether there are devices with these flags. */
  static offers(flags: number): boolean {
    return (flags & ~(MockFlag.NO_DIRTY | MockFlag.PASID)) === 0;
  }

  constructor(driver: MockDriver, number: number, flags: number) {
    this.driver = driver;
    this.name = `mock-${number}`;
    this.group = -1 - number;
    this.flags = flags;
    this.maxPasidLog2 = (flags & MockFlag.PASID) === 0 ? 0 : PASID_LG2;
  }

  /** The device comes to a vIOMMU, or leaves; coming to the one it is at changes nothing. */
  enter(core: ViommuCore | null): Status {
    const id = core?.virtualId(this) ?? null;
    if (core !== null && id === null) return "ENOENT";
    if (core !== (this.#viommu?.core ?? null)) this.#viommu = core === null || id === null ? null : { core, id };
    return null;
  }

  /** ENOMEM for every second attachment of the PASID that is set aside for it (mock_domain_set_dev_pasid_nop). */
  failsEverySecond(pasid: number): Status {
    if (pasid !== PASID_RESERVED) return null;
    this.#fails = !this.#fails;
    return this.#fails ? null : "ENOMEM";
  }

  forget(pasid: number): void {
    if (pasid === PASID_RESERVED) this.#fails = false;
  }

  /** Send an event to the guest, as the selftest's trigger does. */
  triggerEvent(): Status {
    if (this.#viommu === null || this.#viommu.id === 0n) return "ENOENT";
    return this.#viommu.core.report(VEVENTQ_TYPE, VEVENT.encode({ virt_id: low(this.#viommu.id) }));
  }
}

/** Which tables a caller's data asks for. */
function tableType(data: DriverData): Made<number> {
  if (data.type !== DATA_TYPE) return refused("EOPNOTSUPP");
  const bytes = readDriverData(data, HWPT_DATA_LEAST, HWPT_DATA.size);
  return bytes.ok ? made(HWPT_DATA.decode(bytes.value).pagetable_type) : bytes;
}

/** Attach the device itself. */
function attachDevice(device: MockDevice, domain: MockPaging | MockNested): Status {
  if (domain.kind === "paging" && domain.dirty !== undefined && (device.flags & MockFlag.NO_DIRTY) !== 0) {
    return "EINVAL";
  }
  return device.enter(domain instanceof MockNested ? (domain.viommu?.core ?? null) : null);
}

export class MockDriver implements IommuDriver {
  readonly name = "mock";
  /** Bytes of the processor's pages; the mock's are half of that. */
  readonly page: bigint;

  constructor(page: bigint) {
    this.page = page;
  }

  readonly viommu = {
    offers: (_device: HostDevice, type: number): boolean => type === VIOMMU_TYPE,
    make: (core: ViommuCore, _type: number, _parent: PagingDomain, data: DriverData | null): Made<DriverViommu> =>
      this.#makeViommu(core, data),
  };

  info(type: number): { readonly type: number; readonly bytes: Uint8Array } | null {
    if (type !== 0 && type !== INFO_TYPE) return null;
    return { type: INFO_TYPE, bytes: new Uint8Array(new Uint32Array(INFO_WORDS).buffer) };
  }

  dirtyTracking(device: HostDevice): boolean {
    return device instanceof MockDevice && (device.flags & MockFlag.NO_DIRTY) === 0;
  }

  coherent(): boolean {
    return false;
  }

  reserved(): readonly ReservedRegion[] {
    return [];
  }

  allocPaging(_device: HostDevice, flags: number, data: DriverData | null): Made<PagingDomain> {
    const type = data === null ? made(0) : tableType(data);
    if (!type.ok) return type;
    const tables = mockTables(this.page)[type.value];
    if (tables === undefined) return refused("EOPNOTSUPP");
    return made(new MockPaging(this, this.page, tables, (flags & HwptFlag.DIRTY_TRACKING) !== 0));
  }

  allocNested(_device: HostDevice, _parent: PagingDomain, _flags: number, data: DriverData): Made<NestedDomain> {
    return this.nested(null, data);
  }

  nested(viommu: MockViommu | null, data: DriverData): Made<NestedDomain> {
    if (data.type !== DATA_TYPE) return refused("EOPNOTSUPP");
    const bytes = readDriverData(data, HWPT_DATA_LEAST, HWPT_DATA.size);
    return bytes.ok ? made(new MockNested(this, viommu, HWPT_DATA.decode(bytes.value).iotlb)) : bytes;
  }

  attach(attachment: Attachment): Status {
    const { device, domain, pasid } = attachment;
    const known = domain instanceof MockPaging || domain instanceof MockNested;
    if (!(device instanceof MockDevice) || !known) return "EINVAL";
    const status = pasid === null ? attachDevice(device, domain) : device.failsEverySecond(pasid);
    if (status === null) device.attached.set(pasid, attachment);
    return status;
  }

  pasidAttach(_domain: AnyDomain): boolean {
    return true;
  }

  block(device: HostDevice, pasid: number | null): void {
    if (!(device instanceof MockDevice)) return;
    device.attached.delete(pasid);
    if (pasid === null) device.enter(null);
    else device.forget(pasid);
  }

  #makeViommu(core: ViommuCore, data: DriverData | null): Made<DriverViommu> {
    if (data !== null) {
      const bytes = readDriverData(data, VIOMMU_DATA_LEAST, VIOMMU_DATA.size);
      if (!bytes.ok) return bytes;
      const v = VIOMMU_DATA.decode(bytes.value);
      const length = PAGES_TO_MAP * this.page;
      const out = { ...v, out_data: v.in_data, out_mmap_length: length, out_mmap_offset: core.exposePages(0n, length) };
      if (!data.write(VIOMMU_DATA.encode(out).subarray(0, data.length))) return refused("EFAULT");
    }
    return made(new MockViommu(this, core));
  }
}
