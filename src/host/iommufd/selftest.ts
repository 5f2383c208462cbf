/**
 * The control call of the kernel's selftest option (IOMMU_TEST_CMD), by operation: it makes mock devices and accesses,
 * and looks behind the mock driver. Linux 7.2, drivers/iommu/iommufd/selftest.c.
 * UNMODELLED: dma-bufs, and addresses by number of an area, which a fuzzer asks for; both are EOPNOTSUPP.
 */
import { MockDevice, MockDriver, MockNested } from "../drivers/mock/mock_driver.ts";
import { MockPaging } from "../drivers/mock/mock_paging.ts";
import type { Errno, Made, Status } from "../errno.ts";
import type { Process } from "../process.ts";
import type { IommufdContext } from "./context.ts";
import { Device, NO_PASID } from "./device.ts";
import { type Hwpt, HwptNested, HwptPaging } from "./hwpt.ts";
import { Ioas } from "./ioas.ts";
import { KernelObject } from "./objects.ts";
import { lowestSetBit, ULONG_MAX } from "./ranges.ts";
import { SelftestAccess } from "./selftest_access.ts";
import type { UserPages } from "./user_pages.ts";

/** What an operation gives back: output fields, or why it is refused. */
type Answer = Readonly<Record<string, number>> | Errno;

const NEEDS_PIN_PAGES = 1;
const ACCESS_WRITE = 1;
const RW_SLOW_PATH = 4;
/** Most bytes that are pinned or copied at once. */
const MOST_ACCESS = 1n << 24n;
/** Least bytes of memory that the kernel may be told to make do with. */
const LEAST_MEMORY = 12;
const WORD_BITS = 64n;

/** A mock device with its binding; destroying it removes both. */
class MockBinding extends KernelObject {
  readonly type = "SELFTEST";
  device: Device | null = null;

  release(): void {
    if (this.device === null) return;
    const { device } = this;
    this.device = null;
    device.context.unbind(device);
  }
}

export class Selftest {
  readonly #context: IommufdContext;
  readonly #process: Process;
  readonly #driver: MockDriver;
  #devices = 0;

  constructor(context: IommufdContext, process: Process) {
    this.#context = context;
    this.#process = process;
    this.#driver = new MockDriver(this.#page);
  }

  /** Keep mappings of an IOAS out of a range. */
  addReserved(id: number, start: bigint, length: bigint): Answer {
    if (length === 0n) return "EINVAL";
    if (start + length - 1n > ULONG_MAX) return "EOVERFLOW";
    const ioas = this.#context.objects.find(id, Ioas);
    return ioas === null ? "ENOENT" : asAnswer(ioas.table.reserve({ start, last: start + length - 1n }, this));
  }

  /** Make a mock device and attach it to an IOAS or HWPT. */
  makeDevice(ptId: number, flags: number): Answer {
    const { objects } = this.#context;
    if (!MockDevice.offers(flags)) return "EINVAL";
    const binding = objects.add(new MockBinding());
    const bound = this.#context.bind(new MockDevice(this.#driver, this.#devices++, flags));
    if (typeof bound === "string") {
      objects.remove(binding);
      return bound;
    }
    binding.device = bound;
    const hwpt = bound.attach(NO_PASID, ptId);
    if (!hwpt.ok) {
      objects.remove(binding);
      return hwpt.errno;
    }
    return { out_stdev_id: binding.id, out_hwpt_id: hwpt.value, out_idev_id: bound.id };
  }

  /** Put another object in place of what is attached. */
  replace(id: number, ptId: number): Answer {
    const hwpt = this.#bound(id)?.replace(NO_PASID, ptId);
    if (hwpt === undefined) return "ENOENT";
    return hwpt.ok ? { pt_id: hwpt.value } : hwpt.errno;
  }

  attachPasid(id: number, pasid: number, ptId: number): Answer {
    return attached(this.#bound(id)?.attach(pasid, ptId));
  }

  replacePasid(id: number, pasid: number, ptId: number): Answer {
    return attached(this.#bound(id)?.replace(pasid, ptId));
  }

  detachPasid(id: number, pasid: number): Answer {
    const device = this.#bound(id);
    if (device === null) return "ENOENT";
    device.detach(pasid);
    return {};
  }

  /** Whether a PASID is on the HWPT that it should be on; 0 asks for none. */
  checkPasid(id: number, pasid: number, ptId: number): Answer {
    const device = this.#bound(id);
    if (device === null) return "ENOENT";
    const there: Hwpt | undefined = device.group.attachments.get(pasid)?.hwpt;
    if (ptId === 0) return there === undefined ? {} : "EINVAL";
    const wanted = this.#context.objects.get(ptId);
    if (wanted === null) return "ENOENT";
    return wanted === there ? {} : "EINVAL";
  }

  /** Whether an entry of a nested domain holds a value. */
  checkIotlb(id: number, entry: number, expect: number): Answer {
    const hwpt = this.#context.objects.find(id, HwptNested);
    if (hwpt === null) return "ENOENT";
    return hwpt.domain instanceof MockNested && hwpt.domain.iotlb[entry] === expect ? {} : "EINVAL";
  }

  /** Whether a line of a device's cache holds a value. */
  checkCache(deviceId: number, entry: number, expect: number): Answer {
    const device = this.#mock(deviceId);
    if (device === null) return "ENOENT";
    return device.cache[entry] === expect ? {} : "EINVAL";
  }

  /** Whether a HWPT maps a range to memory of the process. */
  checkMap(id: number, iova: bigint, length: bigint, user: bigint): Answer {
    const paging = this.#paging(id);
    if (typeof paging === "string") return paging;
    const page = lowestSetBit(paging.pageSizes);
    if ((iova | length | user) % page !== 0n || user + length > ULONG_MAX) return "EINVAL";
    for (let at = 0n; at < length; at += page) {
      const there = this.#process.translate(user + at, false);
      if (there === null) return "EFAULT";
      if (paging.physical(iova + at) !== there) return "EINVAL";
    }
    return {};
  }

  /** Whether each page of the process's memory is pinned so often: once for each time that it was lent. */
  checkRefs(user: bigint, length: bigint, refs: number): Answer {
    const page = this.#page;
    if ((user | length) % page !== 0n || user + length > ULONG_MAX) return "EINVAL";
    const pinned = new Map<bigint, Set<UserPages>>();
    for (const object of this.#context.objects.all()) {
      if (!(object instanceof Ioas)) continue;
      for (const [pa, pages] of object.table.pinned()) pinned.set(pa, (pinned.get(pa) ?? new Set()).add(pages));
    }
    for (let at = 0n; at < length; at += page) {
      const there = this.#process.translate(user + at, false);
      if (there === null) return "EFAULT";
      if ((pinned.get(there - (there % page))?.size ?? 0) !== refs) return "EIO";
    }
    return {};
  }

  /** Make an access to an IOAS: a file. */
  createAccess(id: number, flags: number): Answer {
    if ((flags & ~NEEDS_PIN_PAGES) !== 0) return "EOPNOTSUPP";
    const access = new SelftestAccess(this.#context, (flags & NEEDS_PIN_PAGES) !== 0);
    const ioas = this.#context.objects.find(id, Ioas);
    const status = ioas === null ? "ENOENT" : access.attach(ioas);
    if (status === null) return { out_access_fd: this.#process.install(access) };
    access.close();
    return status;
  }

  replaceIoas(fd: number, id: number): Answer {
    const access = this.#access(fd);
    if (access === null) return "EBADFD";
    const ioas = this.#context.objects.find(id, Ioas);
    return ioas === null ? "ENOENT" : asAnswer(access.attach(ioas));
  }

  pinPages(fd: number, iova: bigint, length: bigint, user: bigint, flags: number): Answer {
    if (length > MOST_ACCESS) return "ENOMEM";
    if ((flags & ~ACCESS_WRITE) !== 0) return "EOPNOTSUPP";
    const item = this.#access(fd)?.pin(this.#process, iova, length, user, flags !== 0);
    if (item === undefined) return "EBADFD";
    return item.ok ? { out_access_pages_id: item.value } : item.errno;
  }

  unpinPages(fd: number, item: number): Answer {
    const access = this.#access(fd);
    return access === null ? "EBADFD" : asAnswer(access.unpin(item));
  }

  readWrite(fd: number, iova: bigint, length: bigint, user: bigint, flags: number): Answer {
    if (length > MOST_ACCESS) return "ENOMEM";
    if ((flags & ~(ACCESS_WRITE | RW_SLOW_PATH)) !== 0) return "EOPNOTSUPP";
    const access = this.#access(fd);
    if (access === null) return "EBADFD";
    return asAnswer(access.copy(this.#process, iova, Number(length), user, (flags & ACCESS_WRITE) !== 0));
  }

  /** How much memory the kernel makes do with, which changes nothing that can be seen. */
  limitMemory(limit: number): Answer {
    return limit < LEAST_MEMORY ? "EINVAL" : {};
  }

  triggerEvent(deviceId: number): Answer {
    const device = this.#mock(deviceId);
    return device === null ? "ENOENT" : asAnswer(device.triggerEvent());
  }

  /** Have a device fault; without a HWPT that takes faults nothing comes of it (find_fault_handler). */
  triggerFault(deviceId: number, pasid: number, group: number, permission: number, address: bigint): Answer {
    const device = this.#mock(deviceId);
    if (device === null) return "ENOENT";
    const key = pasid === NO_PASID ? null : pasid;
    const own = device.attached.get(null);
    // Where a guest has the PASID table, faults of any PASID are the device's own.
    const taker = device.attached.get(key) ?? (own?.domain.kind === "nested" ? own : undefined);
    taker?.faults?.([{ pasid: key, group, last: true, permission, address }], () => {});
    return {};
  }

  /** Mark the leaves as dirty that the bits of a bitmap stand for. */
  markDirty(id: number, iova: bigint, length: bigint, pageSize: bigint, bitmap: readonly bigint[] | null): Answer {
    if (pageSize === 0n || length === 0n || bitmap === null) return "EINVAL";
    if (iova % pageSize !== 0n || length % pageSize !== 0n) return "EINVAL";
    const paging = this.#paging(id);
    if (typeof paging === "string") return paging;
    if (!paging.tracking) return "EINVAL";
    let marked = 0;
    const shown = WORD_BITS * BigInt(bitmap.length);
    const count = length / pageSize < shown ? length / pageSize : shown;
    for (let bit = 0n; bit < count; bit++) {
      if (((bitmap[Number(bit / WORD_BITS)]! >> (bit % WORD_BITS)) & 1n) === 0n) continue;
      paging.touch(iova + bit * pageSize);
      marked++;
    }
    return { out_nr_dirty: marked };
  }

  get #page(): bigint {
    return this.#context.kernel.config.sizes.page;
  }

  #bound(id: number): Device | null {
    return this.#context.objects.find(id, MockBinding)?.device ?? null;
  }

  #mock(id: number): MockDevice | null {
    const host = this.#context.objects.find(id, Device)?.host;
    return host instanceof MockDevice ? host : null;
  }

  #paging(id: number): MockPaging | Errno {
    const hwpt = this.#context.objects.find(id, HwptPaging);
    if (hwpt === null) return "ENOENT";
    return hwpt.domain instanceof MockPaging ? hwpt.domain : "EINVAL";
  }

  #access(fd: number): SelftestAccess | null {
    const file = this.#process.file(fd);
    return file instanceof SelftestAccess ? file : null;
  }
}

const asAnswer = (status: Status): Answer => status ?? {};

/** What came of an attachment of a device; undefined where there is no such device. */
function attached(hwpt: Made<number> | undefined): Answer {
  if (hwpt === undefined) return "ENOENT";
  return hwpt.ok ? {} : hwpt.errno;
}
