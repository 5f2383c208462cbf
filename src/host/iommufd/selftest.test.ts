import { describe, expect, it } from "vitest";
import { PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import { HostWorld, MEMORY_LAYOUT, USER_BYTES, USER_PA, USER_VA } from "../testing/host_world.ts";
import {
  DESTROY,
  FAULT_QUEUE_ALLOC,
  HWPT_ALLOC,
  HWPT_GET_DIRTY_BITMAP,
  HWPT_INVALIDATE,
  HWPT_SET_DIRTY_TRACKING,
  HwptFlag,
  IOAS_ALLOC,
  IOAS_COPY,
  IOAS_IOVA_RANGES,
  IOAS_MAP,
  IOAS_UNMAP,
  MAP_FIXED_IOVA,
  MAP_READABLE,
  MAP_WRITEABLE,
  VDEVICE_ALLOC,
  VEVENTQ_ALLOC,
  VIOMMU_ALLOC,
} from "./ioctls.ts";
import { Selftest } from "./selftest.ts";

const PAGE = 0x1000n;
const FIXED = MAP_FIXED_IOVA | MAP_READABLE | MAP_WRITEABLE;
const APERTURE = 1n << 24n;
/** Where mappings of a process may be read only. */
const FIXED_READ = MAP_FIXED_IOVA | MAP_READABLE;
const NOWHERE = 8n;
const NEEDS_PIN = 1;
const WRITE = 1;
const TYPE = 0xdeadbeef;
const DATA_TYPE = 0xdead;
const VEVENTQ_TYPE = 0xbeefbeef;
const NO_DIRTY = 1;
const PASID_DEVICE = 4;

function world() {
  const host = new HostWorld(new PhysicalMemory({ ...MEMORY_LAYOUT, zero: [...MEMORY_LAYOUT.zero] }), []);
  const { out_ioas_id: ioas } = host.must(IOAS_ALLOC, {});
  const selftest = new Selftest(host.context, host.process);
  const answer = (a: ReturnType<Selftest["makeDevice"]>): Record<string, number> => {
    if (typeof a === "string") throw new Error(a);
    return a;
  };
  return {
    host,
    ioas,
    selftest,
    device: (flags = 0) => {
      const made = answer(selftest.makeDevice(ioas, flags));
      return { stdev: made.out_stdev_id!, hwpt: made.out_hwpt_id!, idev: made.out_idev_id! };
    },
    access: (flags: number, id = ioas) => answer(selftest.createAccess(id, flags)).out_access_fd!,
    map: (iova: bigint, length: bigint, flags = FIXED, user_va = USER_VA) =>
      host.call(IOAS_MAP, { flags, ioas_id: ioas, user_va, length, iova }).returned,
    unmap: (iova: bigint, length: bigint) => host.call(IOAS_UNMAP, { ioas_id: ioas, iova, length }).returned,
    hwpt: (flags: number, dev_id: number, pt_id = ioas, words: readonly number[] = [], data_type = DATA_TYPE) => {
      const data_uptr = host.put(new Uint8Array(new Uint32Array(words).buffer));
      const data = words.length === 0 ? {} : { data_type, data_len: 4 * words.length, data_uptr };
      const { returned, out } = host.call(HWPT_ALLOC, { flags, dev_id, pt_id, ...data });
      return returned === 0 ? out.out_hwpt_id : returned;
    },
    alignment: () =>
      host.must(IOAS_IOVA_RANGES, { ioas_id: ioas, num_iovas: 9, allowed_iovas: host.put(new Uint8Array(0)) })
        .out_iova_alignment,
  };
}

describe("mock devices", () => {
  it("have known flags alone (mock_dev_create)", () => {
    const { selftest, ioas } = world();
    expect(selftest.makeDevice(ioas, 2)).toBe("EINVAL");
    expect(selftest.makeDevice(ioas, 8)).toBe("EINVAL");
    expect(selftest.makeDevice(ioas, NO_DIRTY | PASID_DEVICE)).toEqual({
      out_stdev_id: 2,
      out_idev_id: 3,
      out_hwpt_id: 4,
    });
  });

  it("have paging domains of small or huge pages, as the caller's data says (mock_domain_alloc_pgtable)", () => {
    const { device, hwpt, alignment, host } = world();
    const { idev, stdev } = device();
    expect(hwpt(0, idev, 1, [0, 1], 1)).toBe("EOPNOTSUPP");
    expect(hwpt(0, idev, 1, [0, 2])).toBe("EOPNOTSUPP");
    expect(hwpt(0, idev, 1, [0, 0, 0])).toBe("EINVAL");
    expect(alignment()).toBe(PAGE / 2n);
    expect(hwpt(0, idev, 1, [0, 1])).toBe(5);
    host.must(DESTROY, { id: stdev });
    expect(alignment()).toBe(PAGE);
  });

  it("refuse every second attachment of PASID 1024, and a failed replace keeps what was there", () => {
    const { device, hwpt, selftest } = world();
    const { idev, stdev } = device(PASID_DEVICE);
    const [first, second] = [hwpt(HwptFlag.PASID, idev), hwpt(HwptFlag.PASID, idev)] as [number, number];
    selftest.replace(stdev, first);
    expect(selftest.attachPasid(stdev, 1024, first)).toEqual({});
    expect(selftest.replacePasid(stdev, 1024, second)).toBe("ENOMEM");
    expect(selftest.checkPasid(stdev, 1024, first)).toEqual({});
    expect(selftest.checkPasid(stdev, 1024, second)).toBe("EINVAL");
    expect(selftest.checkPasid(stdev, 1024, 99)).toBe("ENOENT");
    expect(selftest.checkPasid(stdev, 1024, idev)).toBe("EINVAL");
    expect(selftest.replacePasid(stdev, 1024, second)).toEqual({});
    selftest.detachPasid(stdev, 1024);
    expect(selftest.attachPasid(stdev, 1024, first)).toEqual({});
  });

  it("report events under the id that they had when they came to a vIOMMU, also without it later", () => {
    const { device, hwpt, selftest, host } = world();
    const { idev, stdev } = device();
    const hwpt_id = hwpt(HwptFlag.NEST_PARENT, idev) as number;
    const { out_viommu_id: viommu_id } = host.must(VIOMMU_ALLOC, { type: TYPE, dev_id: idev, hwpt_id });
    const nested = hwpt(0, idev, viommu_id, [1]) as number;
    const { out_vdevice_id: vdevice } = host.must(VDEVICE_ALLOC, { viommu_id, dev_id: idev, virt_id: 0x99n });
    const { out_veventq_fd: fd } = host.must(VEVENTQ_ALLOC, { viommu_id, type: VEVENTQ_TYPE, veventq_depth: 4 });
    selftest.replace(stdev, nested);
    host.must(DESTROY, { id: vdevice });
    expect(selftest.triggerEvent(idev)).toEqual({});
    const record = host.process.file(fd)!.read!(12, 0n) as Uint8Array;
    expect([...new Uint32Array(record.slice().buffer)]).toEqual([0, 0, 0x99]);
  });

  it("have faults of PASIDs that nothing is attached to taken by a nested domain of their own alone", () => {
    const { device, hwpt, selftest, host } = world();
    const { idev, stdev } = device(PASID_DEVICE);
    const { out_fault_id: fault_id, out_fault_fd: fd } = host.must(FAULT_QUEUE_ALLOC, {});
    const queued = () => host.process.file(fd)!.poll!() & 1;
    const own = host.must(HWPT_ALLOC, { flags: HwptFlag.FAULT_ID_VALID, dev_id: idev, pt_id: 1, fault_id });
    selftest.replace(stdev, own.out_hwpt_id);
    selftest.triggerFault(idev, 5, 1, 1, PAGE);
    expect(queued()).toBe(0);
    const parent = hwpt(HwptFlag.NEST_PARENT, idev) as number;
    const data_uptr = host.put(new Uint8Array(4));
    const data = { data_type: DATA_TYPE, data_len: 4, data_uptr };
    const nested = { flags: HwptFlag.FAULT_ID_VALID, dev_id: idev, pt_id: parent, fault_id, ...data };
    selftest.replace(stdev, host.must(HWPT_ALLOC, nested).out_hwpt_id);
    selftest.triggerFault(idev, 5, 1, 1, PAGE);
    expect(queued()).toBe(1);
  });

  it("are told of no entry's length where an invalidation has none (mock_domain_cache_invalidate_user)", () => {
    const { device, hwpt, host } = world();
    const { idev } = device();
    const nested = hwpt(0, idev, hwpt(HwptFlag.NEST_PARENT, idev) as number, [1]) as number;
    const none = { hwpt_id: nested, data_type: TYPE, entry_len: 4, entry_num: 0 };
    expect(host.call(HWPT_INVALIDATE, none).returned).toBe(0);
    const one = { ...none, entry_num: 1, data_uptr: USER_VA };
    expect(host.call(HWPT_INVALIDATE, one).returned).toBe("EINVAL");
  });
});

describe("vIOMMUs of the mock", () => {
  it("take and give driver data of any published length, and its pages are mapped whole", () => {
    const { device, hwpt, host } = world();
    const { idev } = device();
    const hwpt_id = hwpt(HwptFlag.NEST_PARENT, idev) as number;
    const alloc = (bytes: number) => {
      const data_uptr = host.put(new Uint8Array(32).fill(7, 0, 4).fill(9, 4, 32));
      const values = { type: TYPE, dev_id: idev, hwpt_id, data_len: bytes, data_uptr };
      const { returned, out } = host.call(VIOMMU_ALLOC, values);
      return {
        returned,
        id: out.out_viommu_id,
        words: [...new BigUint64Array(host.process.read(data_uptr, 32)!.buffer)],
      };
    };
    const nines = 0x0909_0909_0909_0909n;
    expect([alloc(7).returned, alloc(25).returned]).toEqual(["EINVAL", "EINVAL"]);
    expect(alloc(8).words).toEqual([0x0707_0707_0707_0707n, nines, nines, nines]);
    const whole = alloc(24);
    expect(whole.words).toEqual([0x0707_0707_0707_0707n, 3n * PAGE, 2n * PAGE, nines]);
    const mmap = (offset: bigint, length: bigint, shared = true, executable = false) =>
      host.process.file(host.iommufd)!.mmap!(offset, length, { shared, executable });
    expect(mmap(3n * PAGE, 0n)).toBe("EINVAL");
    expect(mmap(3n * PAGE + 8n, 2n * PAGE)).toBe("EINVAL");
    expect(mmap(3n * PAGE, 2n * PAGE, false)).toBe("EINVAL");
    expect(mmap(3n * PAGE, 2n * PAGE, true, true)).toBe("EPERM");
    expect([mmap(3n * PAGE, PAGE), mmap(4n * PAGE, PAGE), mmap(0n, 2n * PAGE)]).toEqual(["ENXIO", "ENXIO", "ENXIO"]);
    // A mapping is of whole pages: the last one is mapped even if only part of it was asked for.
    expect(mmap(3n * PAGE, PAGE + 1n)).toBeNull();
    expect(host.call(DESTROY, { id: whole.id }).returned).toBe("EBUSY");
    host.process.file(host.iommufd)!.munmap!(3n * PAGE);
    expect(host.call(DESTROY, { id: whole.id }).returned).toBe(0);
  });
});

describe("dirty pages of the mock", () => {
  function tracked() {
    const made = world();
    const { idev, stdev } = made.device();
    const hwpt_id = made.hwpt(HwptFlag.DIRTY_TRACKING, idev) as number;
    made.selftest.replace(stdev, hwpt_id);
    const { host, selftest } = made;
    return {
      ...made,
      track: (on: boolean) => host.must(HWPT_SET_DIRTY_TRACKING, { hwpt_id, flags: on ? 1 : 0 }),
      mark: (iova: bigint, bitmap: bigint) => selftest.markDirty(hwpt_id, iova, 64n * PAGE, PAGE, [bitmap]),
      bits: (iova: bigint, length: bigint, page_size: bigint, data = host.put(new Uint8Array(64))) => {
        const { returned } = host.call(HWPT_GET_DIRTY_BITMAP, { hwpt_id, flags: 1, iova, length, page_size, data });
        expect(returned).toBe(0);
        const bytes = host.process.read(data, 16);
        return bytes === null ? null : new BigUint64Array(bytes.buffer)[0];
      },
    };
  }

  it("are marked while they are tracked, and counted whether mapped or not (iommufd_test_dirty)", () => {
    const { track, mark, map, selftest, hwpt, device } = tracked();
    map(APERTURE, 4n * PAGE);
    expect(mark(APERTURE, 1n)).toBe("EINVAL");
    track(true);
    expect(mark(APERTURE, 0x11n)).toEqual({ out_nr_dirty: 2 });
    expect(selftest.markDirty(5, APERTURE, PAGE, PAGE, [0xffn])).toEqual({ out_nr_dirty: 1 });
    expect(selftest.markDirty(5, APERTURE, PAGE, 0n, [1n])).toBe("EINVAL");
    expect(selftest.markDirty(5, APERTURE, PAGE, PAGE, null)).toBe("EINVAL");
    const plain = hwpt(0, device().idev) as number;
    expect(selftest.markDirty(plain, APERTURE, PAGE, PAGE, [1n])).toBe("EINVAL");
  });

  it("behind a hole are not told of (__iommu_read_and_clear_dirty)", () => {
    const { track, mark, map, bits } = tracked();
    map(APERTURE, 2n * PAGE);
    map(APERTURE + 2n * PAGE, PAGE);
    map(APERTURE + 4n * PAGE, PAGE);
    track(true);
    mark(APERTURE, 0b10111n);
    expect(bits(APERTURE, 64n * PAGE, PAGE)).toBe(0b111n);
    expect(bits(APERTURE + 3n * PAGE, 61n * PAGE, PAGE)).toBe(0n);
    expect(bits(APERTURE + 4n * PAGE, PAGE, PAGE)).toBe(1n);
    expect(bits(APERTURE, 3n * PAGE, PAGE / 2n)).toBe(0b111111n);
  });

  it("stand in a bitmap by the lowest bit of the page size, wherever it begins (iova_bitmap_alloc)", () => {
    const { track, mark, map, bits, host } = tracked();
    map(APERTURE, 8n * PAGE);
    track(true);
    mark(APERTURE, 0b1001n);
    expect(bits(0x110_0000n - (1n << 20n), 8n * PAGE, PAGE)).toBe(0b1001n);
    const odd = host.put(new Uint8Array(64)) + 3n;
    expect(bits(APERTURE, 8n * PAGE, PAGE, odd)).toBe(0b1001n);
    expect(bits(APERTURE, 8n * PAGE, PAGE, NOWHERE)).toBeNull();
  });
});

describe("reserved ranges", () => {
  it("are added where nothing is mapped or allowed (iommufd_test_add_reserved)", () => {
    const { selftest, map, ioas } = world();
    map(APERTURE, PAGE);
    expect(selftest.addReserved(ioas, 0n, 0n)).toBe("EINVAL");
    expect(selftest.addReserved(ioas, 2n, (1n << 64n) - 1n)).toBe("EOVERFLOW");
    expect(selftest.addReserved(9, 0n, PAGE)).toBe("ENOENT");
    expect(selftest.addReserved(ioas, APERTURE, 1n)).toBe("EADDRINUSE");
    expect(selftest.addReserved(ioas, 2n * APERTURE, PAGE)).toEqual({});
    expect(map(2n * APERTURE, PAGE)).toBe("EINVAL");
  });
});

describe("accesses", () => {
  it("ask for whole pages where they pin, and for nothing where they only read and write", () => {
    const { access, alignment, map, selftest, ioas } = world();
    expect(selftest.createAccess(ioas, 2)).toBe("EOPNOTSUPP");
    expect(selftest.createAccess(9, NEEDS_PIN)).toBe("ENOENT");
    access(0);
    expect(alignment()).toBe(1n);
    expect(map(APERTURE, 5n)).toBe(0);
    expect(selftest.createAccess(ioas, NEEDS_PIN)).toBe("EADDRINUSE");
  });

  it("pin pages by the mapping's rights, and let go when it is unmapped (iommufd_access_pin_pages)", () => {
    const { access, map, unmap, selftest } = world();
    const fd = access(NEEDS_PIN);
    map(APERTURE, 4n * PAGE);
    map(2n * APERTURE, PAGE, FIXED_READ);
    map(3n * APERTURE, PAGE, FIXED, USER_VA + USER_BYTES);
    const pin = (iova: bigint, length: bigint, user = 0n, flags = 0) =>
      selftest.pinPages(fd, iova, length, user, flags);
    expect(pin(APERTURE, 1n << 25n)).toBe("ENOMEM");
    expect(pin(APERTURE, PAGE, 0n, 2)).toBe("EOPNOTSUPP");
    expect(selftest.pinPages(99, APERTURE, PAGE, 0n, 0)).toBe("EBADFD");
    expect(selftest.pinPages(access(0), APERTURE, PAGE, 0n, 0)).toBe("EOPNOTSUPP");
    expect(pin(APERTURE, 0n)).toBe("EINVAL");
    expect(pin(APERTURE + 1n, PAGE)).toBe("EINVAL");
    expect(pin(APERTURE, 5n * PAGE)).toBe("ENOENT");
    expect(pin(2n * APERTURE, PAGE, 0n, WRITE)).toBe("EPERM");
    expect(pin(3n * APERTURE, PAGE)).toBe("EFAULT");
    expect(pin(-PAGE & 0xffff_ffff_ffff_f000n, 2n * PAGE)).toBe("ENOMEM");
    expect(pin(APERTURE, PAGE, USER_VA + PAGE)).toBe("EBADE");
    expect(pin(APERTURE, PAGE, USER_VA)).toEqual({ out_access_pages_id: 0 });
    expect(pin(APERTURE + PAGE, PAGE)).toEqual({ out_access_pages_id: 1 });
    expect(selftest.checkRefs(USER_VA, 2n * PAGE, 1)).toEqual({});
    expect(selftest.checkRefs(USER_VA, 3n * PAGE, 1)).toBe("EIO");
    expect(unmap(APERTURE, 4n * PAGE)).toBe(0);
    expect(selftest.unpinPages(fd, 0)).toBe("ENOENT");
    expect(selftest.checkRefs(USER_VA, 2n * PAGE, 0)).toEqual({});
  });

  it("hold their object and IOAS until their file closes, and the context as long", () => {
    const { access, host, ioas, map } = world();
    map(APERTURE, PAGE);
    const { context } = host;
    const fd = access(NEEDS_PIN);
    expect(host.call(DESTROY, { id: ioas }).returned).toBe("EBUSY");
    expect(host.call(DESTROY, { id: 2 }).returned).toBe("EBUSY");
    host.process.close(host.iommufd);
    expect(context.objects.all()).toHaveLength(2);
    host.process.close(fd);
    expect(context.objects.all()).toEqual([]);
  });

  it("move to another IOAS, and lose what they had pinned (iommufd_access_change_ioas)", () => {
    const { access, host, selftest, map, unmap, ioas } = world();
    const other = host.must(IOAS_ALLOC, {}).out_ioas_id;
    const fd = access(NEEDS_PIN);
    map(APERTURE, PAGE);
    expect(selftest.pinPages(fd, APERTURE, PAGE, 0n, 0)).toEqual({ out_access_pages_id: 0 });
    expect(selftest.replaceIoas(fd, 99)).toBe("ENOENT");
    expect(selftest.replaceIoas(fd, other)).toEqual({});
    expect(selftest.unpinPages(fd, 0)).toBe("ENOENT");
    expect(selftest.pinPages(fd, APERTURE, PAGE, 0n, 0)).toBe("ENOENT");
    expect(unmap(APERTURE, PAGE)).toBe(0);
    expect(host.call(DESTROY, { id: ioas }).returned).toBe(0);
  });

  it("read and write what is mapped, as far as it goes (iommufd_access_rw)", () => {
    const { access, host, selftest, map } = world();
    const fd = access(0);
    map(APERTURE, 0x1800n);
    map(APERTURE + 0x1800n, 0x800n, FIXED_READ, USER_VA + 0x8000n);
    const user = host.put(Uint8Array.from({ length: 0x1000 }, (_, i) => i & 0xff));
    expect(selftest.readWrite(fd, APERTURE + 0xff0n, 0x20n, user, WRITE)).toEqual({});
    expect([...host.process.read(USER_VA + 0xff0n, 4)!]).toEqual([0, 1, 2, 3]);
    expect(selftest.readWrite(fd, APERTURE + 0x17f0n, 0x20n, user, WRITE)).toBe("EPERM");
    expect([...host.process.read(USER_VA + 0x17f0n, 4)!]).toEqual([0, 1, 2, 3]);
    expect(selftest.readWrite(fd, APERTURE + 0xff0n, 0x10n, user + 0x100n, 0)).toEqual({});
    expect([...host.process.read(user + 0x100n, 4)!]).toEqual([0, 1, 2, 3]);
    expect(selftest.readWrite(fd, APERTURE + 0x1ff0n, 0x20n, user, 0)).toBe("ENOENT");
    expect(selftest.readWrite(fd, APERTURE, 0n, user, 0)).toBe("EINVAL");
    expect(selftest.readWrite(fd, (1n << 64n) - 8n, 0x20n, user, 0)).toBe("EOVERFLOW");
    expect(selftest.readWrite(fd, APERTURE, 8n, NOWHERE, WRITE)).toBe("EFAULT");
    expect(selftest.readWrite(fd, APERTURE, 8n, NOWHERE, 0)).toBe("EFAULT");
    expect(selftest.readWrite(fd, APERTURE, 8n, user, 2)).toBe("EOPNOTSUPP");
  });

  it("count a page once for each time that it was lent, however often that is copied (iopt_pages)", () => {
    const { host, ioas, device, map, selftest, hwpt } = world();
    const { idev, hwpt: automatic } = device();
    hwpt(0, idev);
    map(APERTURE, PAGE);
    host.must(IOAS_COPY, {
      flags: FIXED,
      src_ioas_id: ioas,
      dst_ioas_id: ioas,
      length: PAGE,
      src_iova: APERTURE,
      dst_iova: 2n * APERTURE,
    });
    expect(selftest.checkRefs(USER_VA, PAGE, 1)).toEqual({});
    map(3n * APERTURE, PAGE);
    expect(selftest.checkRefs(USER_VA, PAGE, 2)).toEqual({});
    expect(selftest.checkMap(automatic, 2n * APERTURE, PAGE, USER_VA)).toEqual({});
    expect(selftest.checkMap(automatic, 2n * APERTURE, PAGE, USER_VA + PAGE)).toBe("EINVAL");
    expect(selftest.checkMap(automatic, 2n * APERTURE + 1n, PAGE, USER_VA)).toBe("EINVAL");
    expect(selftest.checkMap(ioas, APERTURE, PAGE, USER_VA)).toBe("ENOENT");
    expect(host.process.translate(USER_VA, false)).toBe(USER_PA);
  });
});
