/**
 * IOMMU_VCMDQ_ALLOC as posted: the driver reads where the queue is, and translates the address of its first byte. Nothing
 * keeps the guest's memory where it is, and nobody looks whether it is in one piece; both came with what was merged.
 * "iommu/tegra241-cmdqv: Add user-space use support", v1.
 */
import { readDriverData } from "../drivers/driver.ts";
import { call, driverData } from "../iommufd/call.ts";
import { VCMDQ_ALLOC, VCMDQ_TEGRA241, VcmdqType } from "../iommufd/ioctls_as_posted.ts";
import { HwQueue, Viommu } from "../iommufd/viommu.ts";

/** Queues lie at multiples of 32 bytes below 2^48. */
const ALIGNMENT = 32n;
const ADDRESS_END = 1n << 48n;
const MOST_LOG2 = 0x1f;
const COMMAND_BYTES = 16n;

export const VCMDQ_CALL = call(VCMDQ_ALLOC, ({ context, process }, v) => {
  if (v.flags !== 0 || v.type === VcmdqType.DEFAULT) return "EOPNOTSUPP";
  if (v.data_len === 0) return "EINVAL";
  const viommu = context.objects.find(v.viommu_id, Viommu);
  if (viommu === null) return "ENOENT";
  const { queues } = viommu.half;
  if (queues === undefined) return "EOPNOTSUPP";
  if (!queues.offers(v.type)) return "EINVAL";
  const data = driverData(process, v.type, v.data_len, v.data_uptr);
  const bytes = readDriverData(data, VCMDQ_TEGRA241.size, VCMDQ_TEGRA241.size);
  if (!bytes.ok) return bytes.errno;
  const { vcmdq_id: index, vcmdq_log2size: log2, vcmdq_base: base } = VCMDQ_TEGRA241.decode(bytes.value);
  if (base === 0n || base >= ADDRESS_END || base % ALIGNMENT !== 0n || log2 === 0 || log2 > MOST_LOG2) return "EINVAL";
  const pa = translate(viommu, base);
  if (pa === null) return "EINVAL";
  const objects = context.objects.all().filter((o) => o instanceof HwQueue);
  const known = objects.find((o) => o.viommu === viommu && o.request.index === index);
  // A queue that is there is set up anew, under the id that it has.
  if (known !== undefined) queues.close(known.request);
  // CHOICE(vcmdq-order): the posted driver took queues in any order; the modelled one asks for the order that the
  // hardware does, and for alignment to the queue's size, in every era.
  const length = COMMAND_BYTES << BigInt(log2);
  const request = { type: v.type, flags: 0, index, iova: base, pa, length };
  const status = queues.open(request);
  if (status !== null) return status;
  v.out_vcmdq_id = (known ?? context.objects.add(new HwQueue(viommu, request, null, null, () => {}))).id;
  return null;
});

/** Looks where memory is, and keeps nothing of it. */
const ONCE = { alignment: 1n };

/** Where the parent has a guest physical address now. */
function translate({ parent }: Viommu, iova: bigint): bigint | null {
  const { table } = parent.ioas;
  const { page } = table.sizes;
  const start = iova - (iova % page);
  const pin = table.pin(ONCE, start, page, false);
  if (!pin.ok) return null;
  table.unpin(pin.value);
  return pin.value.pages[0]! + (iova % page);
}
