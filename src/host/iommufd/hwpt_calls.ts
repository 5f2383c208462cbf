/** Calls on devices and HWPTs. Linux 7.2, drivers/iommu/iommufd/device.c, hw_pagetable.c and io_pagetable.c. */
import { type Made, refused, type Status } from "../errno.ts";
import { type Caller, call, driverData } from "./call.ts";
import { Device } from "./device.ts";
import { DirtyBitmap } from "./dirty_bitmap.ts";
import { FaultQueue } from "./fault_queue.ts";
import { type Hwpt, HwptNested, HwptPaging } from "./hwpt.ts";
import { allocNested, allocOnViommu, allocPaging } from "./hwpt_alloc.ts";
import { Ioas } from "./ioas.ts";
import {
  DESTROY,
  FAULT_QUEUE_ALLOC,
  GET_HW_INFO,
  HW_INFO_INPUT_TYPE,
  HWPT_ALLOC,
  HWPT_GET_DIRTY_BITMAP,
  HWPT_INVALIDATE,
  HWPT_SET_DIRTY_TRACKING,
  HwCap,
  HwInfoType,
  HwptDataType,
  HwptFlag,
} from "./ioctls.ts";
import { ULONG_MAX } from "./ranges.ts";
import { Viommu } from "./viommu.ts";

/** Largest number of invalidation entries of one call. */
const MOST_ENTRIES = 1 << 19;
const DIRTY_ENABLE = 1;
const DIRTY_NO_CLEAR = 1;

type AllocValues = Parameters<typeof HWPT_ALLOC.encode>[0] & ReturnType<typeof HWPT_ALLOC.decode>;

/** Make a HWPT on whatever `pt_id` is. */
function makeHwpt({ context, process }: Caller, v: AllocValues, device: Device): Made<Hwpt> {
  const data = driverData(process, v.data_type, v.data_len, v.data_uptr);
  const under = context.objects.get(v.pt_id);
  if (under instanceof Ioas) return allocPaging(device, under, v.flags, v.data_len === 0 ? null : data, false, null);
  if (under instanceof HwptPaging) return allocNested(device, under, v.flags, data);
  if (!(under instanceof Viommu) || under.driver !== device.host.driver) return refused("EINVAL");
  return allocOnViommu(under, v.flags, data);
}

/** What device and IOMMU can do together, as GET_HW_INFO tells. */
function capabilities({ host }: Device): bigint {
  const dirty = host.driver.dirtyTracking(host) ? HwCap.DIRTY_TRACKING : 0n;
  return dirty | (host.ats ? 0n : HwCap.ATS_NOT_SUPPORTED);
}

/** Check and do an invalidation; `done` of the result is what the caller is told. */
function invalidate(
  { context, process }: Caller,
  v: ReturnType<typeof HWPT_INVALIDATE.decode>,
): { readonly status: Status; readonly done: number } {
  const fail = (status: Status) => ({ status, done: 0 });
  if (v.__reserved !== 0) return fail("EOPNOTSUPP");
  const { page } = context.kernel.config.sizes;
  const bad = v.data_uptr === 0n || v.entry_len === 0 || v.entry_len > page || v.entry_num > MOST_ENTRIES;
  if (v.entry_num > 0 && bad) return fail("EINVAL");
  const object = context.objects.get(v.hwpt_id);
  if (object === null) return fail("ENOENT");
  if (!(object instanceof HwptNested) && !(object instanceof Viommu)) return fail("EINVAL");
  const target = object instanceof HwptNested ? object.domain : object.half;
  if (target.invalidate === undefined) return fail("EOPNOTSUPP");
  return target.invalidate({
    type: v.data_type,
    entryLength: v.entry_len,
    count: v.entry_num,
    read: (index) => process.read(v.data_uptr + BigInt(index * v.entry_len), v.entry_len),
  });
}

/** Checks of a range whose dirty pages are asked for. */
function checkDirtyRange(v: ReturnType<typeof HWPT_GET_DIRTY_BITMAP.decode>, alignment: bigint): Status {
  // Length 0 wraps to one below the start: only with IOVA 0 is that the last address.
  const last = (v.length === 0n ? ULONG_MAX : v.length - 1n) + v.iova;
  if (last > ULONG_MAX) return "EOVERFLOW";
  // Sizes count as powers of two, whatever they are; the end of the whole space counts as 0.
  const ends = v.iova | BigInt.asUintN(64, last + 1n);
  if ((ends & (alignment - 1n)) !== 0n || v.page_size === 0n) return "EINVAL";
  return (ends & (v.page_size - 1n)) === 0n ? null : "EINVAL";
}

export const HWPT_CALLS = [
  call(DESTROY, ({ context }, v) => context.destroy(v.id)),

  call(HWPT_ALLOC, (caller, v) => {
    if (v.__reserved !== 0) return "EOPNOTSUPP";
    if ((v.data_type === HwptDataType.NONE) !== (v.data_len === 0)) return "EINVAL";
    const { objects } = caller.context;
    const device = objects.find(v.dev_id, Device);
    if (device === null) return "ENOENT";
    const hwpt = makeHwpt(caller, v, device);
    if (!hwpt.ok) return hwpt.errno;
    if ((v.flags & HwptFlag.FAULT_ID_VALID) !== 0) {
      const fault = objects.find(v.fault_id, FaultQueue);
      if (fault === null) {
        hwpt.value.release();
        return "ENOENT";
      }
      hwpt.value.setFault(fault);
    }
    v.out_hwpt_id = objects.add(hwpt.value).id;
    return null;
  }),

  call(GET_HW_INFO, ({ context, process }, v) => {
    if ((v.flags & ~HW_INFO_INPUT_TYPE) !== 0) return "EOPNOTSUPP";
    if ((v.__reserved | v.__reserved_1 | v.__reserved_2) !== 0) return "EOPNOTSUPP";
    const device = context.objects.find(v.dev_id, Device);
    if (device === null) return "ENOENT";
    const wanted = (v.flags & HW_INFO_INPUT_TYPE) === 0 ? HwInfoType.DEFAULT : v.data_type;
    const info = device.host.driver.info(wanted);
    if (info === null) return "EOPNOTSUPP";
    const copied = info.bytes.subarray(0, v.data_len);
    if (copied.length > 0 && !process.write(v.data_uptr, copied)) return "EFAULT";
    const rest = v.data_len - copied.length;
    if (!clear(process, v.data_uptr + BigInt(copied.length), rest)) return "EFAULT";
    v.data_len = info.bytes.length;
    v.data_type = info.type;
    v.out_max_pasid_log2 = device.host.maxPasidLog2;
    v.out_capabilities = capabilities(device);
    return null;
  }),

  call(HWPT_SET_DIRTY_TRACKING, ({ context }, v) => {
    if ((v.flags & ~DIRTY_ENABLE) !== 0) return "EOPNOTSUPP";
    const hwpt = context.objects.find(v.hwpt_id, HwptPaging);
    if (hwpt === null) return "ENOENT";
    const on = (v.flags & DIRTY_ENABLE) !== 0;
    const { dirty } = hwpt.domain;
    if (dirty === undefined) return "EOPNOTSUPP";
    // What was written before is not what the caller asks about.
    if (on) for (const a of hwpt.ioas.table.areas) dirty.read(a.start, a.last - a.start + 1n, true, () => {});
    return dirty.set(on);
  }),

  call(HWPT_GET_DIRTY_BITMAP, ({ context, process }, v) => {
    if ((v.flags & ~DIRTY_NO_CLEAR) !== 0 || v.__reserved !== 0) return "EOPNOTSUPP";
    const hwpt = context.objects.find(v.hwpt_id, HwptPaging);
    if (hwpt === null) return "ENOENT";
    const { table } = hwpt.ioas;
    const status = checkDirtyRange(v, table.alignment);
    if (status !== null) return status;
    if (hwpt.domain.dirty === undefined) return "EOPNOTSUPP";
    const bitmap = new DirtyBitmap(process, v.data, v.iova, v.page_size);
    const clears = (v.flags & DIRTY_NO_CLEAR) === 0;
    // What lies behind a hole is not looked at, and nothing is said of it (__iommu_read_and_clear_dirty).
    const end = v.length === 0n ? ULONG_MAX : v.iova + v.length - 1n;
    for (const { start, last } of table.contiguous(v.iova, end)) {
      hwpt.domain.dirty.read(start, last - start + 1n, clears, (iova, length) => bitmap.mark(iova, length));
    }
    return null;
  }),

  call(HWPT_INVALIDATE, (caller, v) => {
    const { status, done } = invalidate(caller, v);
    v.entry_num = done;
    return status;
  }),

  call(FAULT_QUEUE_ALLOC, ({ context, process }, v) => {
    if (v.flags !== 0) return "EOPNOTSUPP";
    const queue = context.objects.add(new FaultQueue(() => context.drop()));
    v.out_fault_id = queue.id;
    v.out_fault_fd = context.openFile((file) => process.install(file), queue);
    return null;
  }),
] as const;

/** Bytes cleared at a time. */
const CLEAR_STEP = 4096;

/** Clear user memory. */
function clear(process: Caller["process"], at: bigint, length: number): boolean {
  for (let done = 0; done < length; done += CLEAR_STEP) {
    const step = new Uint8Array(Math.min(CLEAR_STEP, length - done));
    if (!process.write(at + BigInt(done), step)) return false;
  }
  return true;
}
