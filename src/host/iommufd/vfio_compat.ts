/**
 * VFIO container calls on an iommufd file. Linux 7.2, drivers/iommu/iommufd/vfio_compat.c.
 */
import type { Returned, Status } from "../errno.ts";
import { readSized } from "../user_copy.ts";
import { chainOf, dmaAvailCap, iovaRangeCap } from "../vfio/info_caps.ts";
import {
  CHECK_EXTENSION,
  DmaFlag,
  Extension,
  GET_API_VERSION,
  InfoFlag,
  IOMMU_GET_INFO,
  IOMMU_MAP_DMA,
  IOMMU_UNMAP_DMA,
  SET_IOMMU,
  UnmapFlag,
} from "../vfio/ioctls.ts";
import type { Caller } from "./call.ts";
import type { Ioas } from "./ioas.ts";
import { ULONG_MAX } from "./ranges.ts";
import { processPages } from "./user_pages.ts";

/** Bytes of IOMMU_GET_INFO that every version has. */
const INFO_LEAST = 16;
/** Mappings that are still allowed: there is no limit but the type of the number. */
const UNLIMITED = 0xffff_ffff;

/** Answer a container call; ENOTTY for a number that is none. */
export function containerCall(caller: Caller, request: number, argument: bigint): Returned {
  switch (request) {
    case GET_API_VERSION:
      return 0;
    case CHECK_EXTENSION:
      return extension(caller.context.vfioIoas, Number(argument));
    case SET_IOMMU:
      return setIommu(caller.context.vfioIoas, Number(argument)) ?? 0;
    case IOMMU_GET_INFO.request:
      return info(caller.context.vfioIoas, caller, argument) ?? 0;
    case IOMMU_MAP_DMA.request:
      return map(caller, argument) ?? 0;
    case IOMMU_UNMAP_DMA.request:
      return unmap(caller, argument) ?? 0;
    default:
      return "ENOTTY";
  }
}

function extension(ioas: Ioas | null, which: number): Returned {
  switch (which) {
    case Extension.TYPE1_IOMMU:
    case Extension.TYPE1v2_IOMMU:
    case Extension.UNMAP_ALL:
      return 1;
    case Extension.DMA_CC_IOMMU:
      if (ioas === null) return "ENODEV";
      return ioas.hwpts.every((h) => h.domain.enforceCoherency()) ? 1 : 0;
    default:
      return 0;
  }
}

function setIommu(ioas: Ioas | null, type: number): Status {
  if (type !== Extension.TYPE1_IOMMU && type !== Extension.TYPE1v2_IOMMU) return "EINVAL";
  if (ioas === null) return "ENODEV";
  // Type 1 may unmap the middle of a mapping: that needs small pages.
  return type === Extension.TYPE1_IOMMU ? ioas.table.setLargePages(false) : null;
}

/** Page sizes that mappings may have: never smaller than the processor's. */
function pageSizes(ioas: Ioas, page: bigint): bigint {
  const common = ioas.table.domains.reduce((sizes, d) => sizes & d.pageSizes, ULONG_MAX);
  const small = common & (page - 1n);
  return small === 0n ? common : (common & ~(page - 1n)) | page;
}

function info(ioas: Ioas | null, { context, process }: Caller, argument: bigint): Status {
  const given = readSized(process, argument, IOMMU_GET_INFO.size, INFO_LEAST);
  if (typeof given === "string") return given;
  const values = IOMMU_GET_INFO.decode(given.bytes);
  if (ioas === null) return "ENODEV";
  const caps = chainOf([dmaAvailCap(UNLIMITED), iovaRangeCap(ioas.table.usable())]);
  const total = IOMMU_GET_INFO.size + caps.length;
  const fits = values.argsz >= total;
  const answer = IOMMU_GET_INFO.encode({
    argsz: total,
    flags: InfoFlag.PGSIZES | InfoFlag.CAPS,
    iova_pgsizes: pageSizes(ioas, context.kernel.config.sizes.page),
    cap_offset: fits ? IOMMU_GET_INFO.size : 0,
  });
  if (fits && !process.write(argument + BigInt(IOMMU_GET_INFO.size), caps)) return "EFAULT";
  return process.write(argument, answer.subarray(0, given.bytes.length)) ? null : "EFAULT";
}

function map({ context, process }: Caller, argument: bigint): Status {
  const given = readSized(process, argument, IOMMU_MAP_DMA.size, IOMMU_MAP_DMA.size);
  if (typeof given === "string") return given;
  const v = IOMMU_MAP_DMA.decode(given.bytes);
  if ((v.flags & ~(DmaFlag.READ | DmaFlag.WRITE)) !== 0) return "EINVAL";
  const ioas = context.vfioIoas;
  if (ioas === null) return "ENODEV";
  if (v.vaddr + v.size > ULONG_MAX) return "EOVERFLOW";
  const protection = { read: (v.flags & DmaFlag.READ) !== 0, write: (v.flags & DmaFlag.WRITE) !== 0 };
  const pages = processPages(process, v.vaddr, protection.write);
  const place = ioas.table.map(v.iova, [{ pages, startByte: 0n, length: v.size }], protection);
  return place.ok ? null : place.errno;
}

function unmap({ context, process }: Caller, argument: bigint): Status {
  const given = readSized(process, argument, IOMMU_UNMAP_DMA.size, IOMMU_UNMAP_DMA.size);
  if (typeof given === "string") return given;
  const v = IOMMU_UNMAP_DMA.decode(given.bytes);
  if ((v.flags & ~UnmapFlag.ALL) !== 0) return "EINVAL";
  const ioas = context.vfioIoas;
  if (ioas === null) return "ENODEV";
  const all = (v.flags & UnmapFlag.ALL) !== 0;
  if (all && (v.iova !== 0n || v.size !== 0n)) return "EINVAL";
  const cut = all ? null : cutAround(ioas, v.iova, v.size);
  if (cut !== null) return cut;
  const { status, bytes } = all ? ioas.table.unmap(0n, ULONG_MAX) : unmapRange(ioas, v.iova, v.size);
  v.size = bytes;
  return process.write(argument, IOMMU_UNMAP_DMA.encode(v)) ? status : "EFAULT";
}

/** Without large pages, cut mappings where a range ends and begins. Sums wrap: the range is looked at later. */
function cutAround({ table }: Ioas, iova: bigint, size: bigint): Status {
  if (table.largePages) return null;
  return table.cutAfter(BigInt.asUintN(64, iova + size - 1n)) ?? (iova === 0n ? null : table.cutAfter(iova - 1n));
}

function unmapRange({ table }: Ioas, iova: bigint, size: bigint): { readonly status: Status; readonly bytes: bigint } {
  if (size === 0n) return { status: "EINVAL", bytes: 0n };
  const last = iova + size - 1n;
  return last > ULONG_MAX ? { status: "EOVERFLOW", bytes: 0n } : table.unmap(iova, last);
}
