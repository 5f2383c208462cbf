/** Calls on vIOMMUs and what belongs to them. Linux 7.2, drivers/iommu/iommufd/viommu.c and eventq.c. */
import { type Errno, type Made, made, refused } from "../errno.ts";
import { Access } from "./access.ts";
import { call, driverData } from "./call.ts";
import type { IommufdContext } from "./context.ts";
import { Device } from "./device.ts";
import { HwptPaging } from "./hwpt.ts";
import {
  HW_QUEUE_ALLOC,
  HwQueueType,
  VDEVICE_ALLOC,
  VEVENTQ_ALLOC,
  VeventqType,
  VIOMMU_ALLOC,
  ViommuType,
} from "./ioctls.ts";
import { ULONG_MAX } from "./ranges.ts";
import { Veventq } from "./veventq.ts";
import { HwQueue, Viommu } from "./viommu.ts";

const MOST_EVENTS = 1 << 19;
/** Most bytes of an array that the kernel allocates, and what it holds for each page of a queue. */
const MOST_ARRAY = 0x7fff_ffffn;
const POINTER_BYTES = 8n;

/** An access that keeps the memory of a queue in the parent's IOAS, and where that is: one run of physical memory. */
interface QueueMemory {
  readonly access: Access;
  readonly base: bigint;
}

/** Pin the memory of a queue by an access, which has an id of its own (iommufd_hw_queue_alloc_phys). */
function pinQueue(context: IommufdContext, viommu: Viommu, iova: bigint, length: bigint): Made<QueueMemory> {
  const { page } = context.kernel.config.sizes;
  const offset = iova % page;
  if (offset + length + page - 1n > ULONG_MAX) return refused("ERANGE");
  const count = (offset + length + page - 1n) / page;
  if (count * POINTER_BYTES > MOST_ARRAY) return refused("ENOMEM");
  const access = context.objects.add(new Access(page));
  const fail = (errno: Errno): Made<QueueMemory> => {
    context.objects.remove(access);
    return refused(errno);
  };
  const status = access.attach(viommu.parent.ioas);
  if (status !== null) return fail(status);
  const pin = access.pin(iova - offset, count * page, false);
  if (!pin.ok) return fail(pin.errno);
  const first = pin.value.pages[0]!;
  if (pin.value.pages.some((pa, i) => pa !== first + BigInt(i) * page)) return fail("EFAULT");
  return made({ access, base: first + offset });
}

export const VIOMMU_CALLS = [
  call(VIOMMU_ALLOC, ({ context, process }, v) => {
    if (v.flags !== 0 || v.type === ViommuType.DEFAULT) return "EOPNOTSUPP";
    const device = context.objects.find(v.dev_id, Device);
    if (device === null) return "ENOENT";
    const { driver } = device.host;
    if (driver.viommu === undefined || !driver.viommu.offers(device.host, v.type)) return "EOPNOTSUPP";
    const parent = context.objects.find(v.hwpt_id, HwptPaging);
    if (parent === null) return "ENOENT";
    if (!parent.options.nestParent) return "EINVAL";
    const viommu = new Viommu(v.type, parent, driver, context);
    const data = v.data_len === 0 ? null : driverData(process, v.type, v.data_len, v.data_uptr);
    const half = driver.viommu.make(viommu, v.type, parent.domain, data);
    if (!half.ok) {
      viommu.release();
      return half.errno;
    }
    viommu.half = half.value;
    v.out_viommu_id = context.objects.add(viommu).id;
    return null;
  }),

  call(VDEVICE_ALLOC, ({ context }, v) => {
    const viommu = context.objects.find(v.viommu_id, Viommu);
    if (viommu === null) return "ENOENT";
    const device = context.objects.find(v.dev_id, Device);
    if (device === null) return "ENOENT";
    if (viommu.driver !== device.host.driver) return "EINVAL";
    const vdevice = viommu.addDevice(device, v.virt_id);
    if (!vdevice.ok) return vdevice.errno;
    v.out_vdevice_id = context.objects.add(vdevice.value).id;
    return null;
  }),

  call(VEVENTQ_ALLOC, ({ context, process }, v) => {
    if (v.flags !== 0 || v.__reserved !== 0 || v.type === VeventqType.DEFAULT) return "EOPNOTSUPP";
    if (v.veventq_depth === 0 || v.veventq_depth > MOST_EVENTS) return "EINVAL";
    const viommu = context.objects.find(v.viommu_id, Viommu);
    if (viommu === null) return "ENOENT";
    if (viommu.queues.has(v.type)) return "EEXIST";
    const queue = context.objects.add(new Veventq(viommu, v.type, v.veventq_depth, () => context.drop()));
    v.out_veventq_id = queue.id;
    v.out_veventq_fd = context.openFile((file) => process.install(file), queue);
    return null;
  }),

  call(HW_QUEUE_ALLOC, ({ context }, v) => {
    const flags = context.objects.find(v.viommu_id, Viommu)?.half.queues?.flags ?? 0;
    if ((v.flags & ~flags) !== 0 || v.type === HwQueueType.DEFAULT) return "EOPNOTSUPP";
    if (v.length === 0n) return "EINVAL";
    if (v.nesting_parent_iova + v.length - 1n > ULONG_MAX) return "EOVERFLOW";
    const viommu = context.objects.find(v.viommu_id, Viommu);
    if (viommu === null) return "ENOENT";
    const { queues } = viommu.half;
    if (queues === undefined || !queues.offers(v.type)) return "EOPNOTSUPP";
    const { objects } = context;
    const id = objects.reserve()!;
    const memory = pinQueue(context, viommu, v.nesting_parent_iova, v.length);
    if (!memory.ok) {
      objects.abandon(id);
      return memory.errno;
    }
    const { access, base: pa } = memory.value;
    const { type, index, length, nesting_parent_iova: iova } = v;
    const request = { type, flags: v.flags, index, iova, pa, length };
    const status = queues.open(request);
    if (status !== null) {
      objects.remove(access);
      objects.abandon(id);
      return status;
    }
    const below = objects
      .all()
      .find(
        (o) => o instanceof HwQueue && o.viommu === viommu && o.request.type === type && o.request.index === index - 1,
      );
    const queue = new HwQueue(viommu, request, access, below instanceof HwQueue ? below : null, (held) =>
      objects.remove(held),
    );
    v.out_hw_queue_id = objects.finalize(id, queue).id;
    return null;
  }),
] as const;
