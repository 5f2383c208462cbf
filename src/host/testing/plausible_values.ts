/**
 * Values by chance for fields of calls, such as a program would give: ids of objects that are there, flags and lengths
 * that fit, now and then one that does not.
 */
import { xorshift32 } from "../../base/rng.ts";
import { Ioas } from "../iommufd/ioas.ts";
import type { ObjectType } from "../iommufd/objects.ts";
import { type HostWorld, USER_BYTES, USER_VA } from "./host_world.ts";

export const PAGE = 0x1000n;
const LAST = (1n << 64n) - 1n;
/** Types of data that drivers take, and some that none does. */
const TYPES = [0, 1, 2, 3, 0xdead, 0xdeadbeef, 0xbeefbeef] as const;
/** Words that begin a guest's structures: entries of stream and device tables, commands, small numbers. */
const WORDS = [
  0n,
  1n,
  9n,
  0xbn,
  0x4000_000bn,
  0x4000_0000n,
  48n,
  57n,
  0x10n,
  0x12n,
  0x30n,
  0x40n,
  5n,
  7n,
  LAST,
] as const;

/** Draws values. */
export class Draw {
  readonly #host: HostWorld;
  readonly #next: () => number;

  /** @param seed any 32-bit number but 0 */
  constructor(host: HostWorld, seed: number) {
    this.#host = host;
    this.#next = xorshift32(seed);
  }

  /** A number from 0 up. */
  below(end: number): number {
    return this.#next() % end;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** An object's id, of one of those types more often than not; of any without types. */
  id(...types: readonly ObjectType[]): number {
    const all = this.#host.context.objects.all();
    const fitting = all.filter(({ type }) => types.length === 0 || types.includes(type));
    return fitting.length > 0 && this.chance(92) ? this.pick(fitting).id : this.below(12);
  }

  /** A descriptor, of an open file more often than not. */
  fd(): number {
    const files = this.#host.process.openFiles();
    return this.chance(90) ? this.pick(files)[0] : this.below(20) - 2;
  }

  /** An address of a device's. */
  address(): bigint {
    const base = this.pick([0n, 0x1_0000n, 0x10_0000n, 1n << 24n, 0x4000_0000n, 0x800_0000n, 0xfee0_0000n]);
    if (this.chance(3)) return LAST - BigInt(this.below(2)) * PAGE;
    return base + BigInt(this.below(64)) * PAGE + (this.chance(4) ? BigInt(this.below(4096)) : 0n);
  }

  length(): bigint {
    if (this.chance(3)) return this.pick([0n, LAST, LAST - PAGE, 1n << 40n, 7n, 0x800n]);
    return BigInt(1 + this.below(16)) * PAGE;
  }

  /** An address of the process's. */
  user(): bigint {
    if (this.chance(4)) return this.pick([0n, 8n, LAST, USER_VA + USER_BYTES - PAGE]);
    return USER_VA + BigInt(this.below(64)) * PAGE + (this.chance(4) ? 0x800n : 0n);
  }

  /** A pointer to that many words. */
  data(words: number): bigint {
    if (this.chance(3)) return 8n;
    const list = Array.from({ length: words }, () => this.pick(WORDS));
    return this.#host.put(new Uint8Array(new BigUint64Array(list).buffer));
  }

  /** Something that is mapped: its IOAS, address and length. */
  area(): { readonly ioas: number; readonly iova: bigint; readonly length: bigint } {
    const all = this.#host.context.objects.all().flatMap((object) => {
      const areas = object instanceof Ioas ? object.table.areas : [];
      return areas.map(({ start, last }) => ({ ioas: object.id, iova: start, length: last - start + 1n }));
    });
    return all.length > 0 ? this.pick(all) : { ioas: this.id("IOAS"), iova: this.address(), length: this.length() };
  }

  /** Values that fit together for a call, more often than not; the other fields are drawn one by one. */
  recipe(call: string): Readonly<Record<string, number | bigint>> {
    return this.chance(75) ? (RECIPES[call]?.(this) ?? {}) : {};
  }

  /** Where words lie, as a field. */
  words(words: readonly bigint[]): bigint {
    return this.#host.put(new Uint8Array(new BigUint64Array(words).buffer));
  }

  /** The iommufd that calls go to. */
  get iommufd(): number {
    return this.#host.iommufd;
  }

  /** A value for a field of a call. */
  field(name: string, call: string): number | bigint {
    if (name.startsWith("__reserved") || name === "pad") return this.chance(2) ? 1 : 0;
    return VALUES[name]?.(this, call) ?? (name.startsWith("out_") ? 0 : this.below(4));
  }
}

/** Fields that mean the same in every call, by name. */
const VALUES: Readonly<Record<string, (draw: Draw, call: string) => number | bigint>> = {
  flags: (draw, call) =>
    call.includes("MAP") || call.includes("COPY")
      ? draw.pick([3, 5, 6, 7, 7, 7])
      : call === "IOMMU_HWPT_ALLOC"
        ? draw.pick([0, 0, 1, 1, 2, 3, 4, 8, 12, 16])
        : draw.pick([0, 0, 0, 0, 0, 1, 2]),
  id: (draw) => draw.id(),
  ioas_id: (draw) => draw.id("IOAS"),
  src_ioas_id: (draw) => draw.id("IOAS"),
  dst_ioas_id: (draw) => draw.id("IOAS"),
  object_id: (draw) => draw.id("IOAS"),
  dev_id: (draw) => draw.id("DEVICE"),
  pt_id: (draw) => draw.id("IOAS", "HWPT_PAGING", "HWPT_NESTED", "VIOMMU"),
  hwpt_id: (draw, call) =>
    call === "IOMMU_HWPT_INVALIDATE" ? draw.id("HWPT_NESTED", "VIOMMU") : draw.id("HWPT_PAGING"),
  viommu_id: (draw) => draw.id("VIOMMU"),
  fault_id: (draw) => draw.id("FAULT"),
  fd: (draw) => draw.fd(),
  iommufd: (draw) => draw.fd(),
  pasid: (draw) => draw.pick([0, 1, 3, 16, 1 << 20]),
  user_va: (draw) => draw.user(),
  vaddr: (draw) => draw.user(),
  start: (draw) => draw.address(),
  iova: (draw) => draw.address(),
  src_iova: (draw) => draw.address(),
  dst_iova: (draw) => draw.address(),
  nesting_parent_iova: (draw) => draw.address(),
  length: (draw) => draw.length(),
  size: (draw) => draw.length(),
  page_size: (draw) => draw.pick([0x800n, PAGE, PAGE, 0x3000n, 1n << 21n]),
  data: (draw) => draw.data(4),
  data_uptr: (draw) => draw.data(16),
  allowed_iovas: (draw) => draw.data(8),
  num_iovas: (draw) => draw.below(4),
  data_len: (draw) => draw.pick([0, 4, 8, 16, 24, 32]),
  data_type: (draw) => draw.pick(TYPES),
  type: (draw) => draw.pick(TYPES),
  entry_len: (draw) => draw.pick([8, 12, 16, 16, 24]),
  entry_num: (draw) => draw.below(4),
  virt_id: (draw) => BigInt(draw.below(4)),
  index: (draw) => draw.below(3),
  veventq_depth: (draw) => draw.below(4),
  val64: (draw) => BigInt(draw.below(2)),
};

/** Data of nested HWPTs by driver, and how their caches are invalidated. */
const NESTED = [
  { data_type: 1, data_len: 24, words: [0n, 0x4000_0000n, 48n] },
  { data_type: 2, data_len: 16, words: [0x4000_000bn, 0n] },
  { data_type: 2, data_len: 16, words: [9n, 0n] },
  { data_type: 3, data_len: 32, words: [3n | (1n << 55n) | (1n << 56n) | (1n << 58n), 1n, 0n, 0n] },
  { data_type: 0xdead, data_len: 4, words: [7n] },
] as const;
const INVALIDATIONS = [
  { data_type: 0, entry_len: 24 },
  { data_type: 1, entry_len: 16 },
  { data_type: 0xdeadbeef, entry_len: 8 },
  { data_type: 0xdeadbeef, entry_len: 12 },
] as const;

/** Fields of a call that fit together. */
const RECIPES: Readonly<Record<string, (draw: Draw) => Readonly<Record<string, number | bigint>>>> = {
  IOMMU_IOAS_ALLOC: () => ({ flags: 0 }),
  IOMMU_IOAS_UNMAP: (draw) => {
    const { ioas, iova, length } = draw.area();
    return { ioas_id: ioas, iova, length };
  },
  IOMMU_IOAS_COPY: (draw) => {
    const { ioas, iova, length } = draw.area();
    return { src_ioas_id: ioas, src_iova: iova, length, flags: draw.pick([5, 6, 7]) };
  },
  IOMMU_HWPT_ALLOC: (draw) => {
    if (draw.chance(55))
      return { flags: draw.pick([0, 1, 2, 8, 9]), data_type: 0, data_len: 0, pt_id: draw.id("IOAS") };
    const { data_type, data_len, words } = draw.pick(NESTED);
    const pt_id = draw.id("HWPT_PAGING", "VIOMMU");
    return { flags: draw.pick([0, 0, 4, 8]), pt_id, data_type, data_len, data_uptr: draw.words(words) };
  },
  IOMMU_GET_HW_INFO: () => ({ flags: 0 }),
  IOMMU_VIOMMU_ALLOC: (draw) => ({ flags: 0, type: draw.pick([1, 1, 0xdeadbeef]), data_len: draw.pick([0, 24]) }),
  IOMMU_VEVENTQ_ALLOC: (draw) => ({ flags: 0, type: draw.pick([1, 0xbeefbeef]), veventq_depth: 2 }),
  IOMMU_FAULT_QUEUE_ALLOC: () => ({ flags: 0 }),
  IOMMU_HW_QUEUE_ALLOC: (draw) => {
    return { flags: 0, type: 0xdeadbeef, nesting_parent_iova: draw.area().iova, length: PAGE };
  },
  IOMMU_HWPT_INVALIDATE: (draw) => draw.pick(INVALIDATIONS),
  IOMMU_HWPT_SET_DIRTY_TRACKING: (draw) => ({ flags: draw.below(2) }),
  IOMMU_HWPT_GET_DIRTY_BITMAP: (draw) => {
    const { iova, length } = draw.area();
    return { flags: draw.below(2), iova, length, page_size: PAGE };
  },
  IOMMU_OPTION: (draw) => ({ option_id: draw.below(2), op: draw.below(2) }),
  VFIO_DEVICE_BIND_IOMMUFD: (draw) => ({ flags: 0, iommufd: draw.iommufd }),
  VFIO_DEVICE_ATTACH_IOMMUFD_PT: (draw) => ({ flags: draw.pick([0, 0, 1]), pasid: draw.pick([1, 3, 3]) }),
  VFIO_DEVICE_DETACH_IOMMUFD_PT: (draw) => ({ flags: draw.below(2), pasid: draw.pick([1, 3]) }),
  VFIO_IOMMU_MAP_DMA: (draw) => ({ flags: draw.pick([1, 3, 3, 4]), iova: BigInt(1 + draw.below(64)) * PAGE }),
  VFIO_IOMMU_UNMAP_DMA: (draw) => {
    if (draw.chance(10)) return { flags: draw.pick([2, 6]), iova: 0, size: 0 };
    return { flags: draw.pick([0, 0, 4]), iova: PAGE, size: 64n * PAGE };
  },
};
