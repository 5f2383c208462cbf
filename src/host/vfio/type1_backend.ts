/**
 * The type1 backend of a container: what is mapped for its devices, and the calls on that.
 * Linux 7.2, drivers/vfio/vfio_iommu_type1.c.
 */
import type { PagingDomain } from "../drivers/driver.ts";
import type { Returned, Status } from "../errno.ts";
import { type Area, IoPageTable, type PageSizes } from "../iommufd/io_page_table.ts";
import { lowestSetBit, overlaps, ULONG_MAX } from "../iommufd/ranges.ts";
import { processPages } from "../iommufd/user_pages.ts";
import type { Process } from "../process.ts";
import { readSized } from "../user_copy.ts";
import { chainOf, dmaAvailCap, type InfoCap, iovaRangeCap, migrationCap } from "./info_caps.ts";
import { DIRTY_PAGES, DmaFlag, InfoFlag, IOMMU_GET_INFO, IOMMU_MAP_DMA, IOMMU_UNMAP_DMA, UnmapFlag } from "./ioctls.ts";
import { type BitmapAt, bitmapAt, DirtyFlag, MOST_BITMAP, markAll, readDirtyCall, readRange } from "./type1_dirty.ts";

const INFO_LEAST = 16;
/** Mappings that a container may have. */
const MOST_MAPPINGS = 0xffff;

type UnmapValues = ReturnType<typeof IOMMU_UNMAP_DMA.decode>;

export class Type1Backend {
  readonly table: IoPageTable;
  readonly domain: PagingDomain;
  readonly #version2: boolean;
  /** Capabilities that an era adds. */
  readonly #added: readonly InfoCap[];
  /** Mappings whose process is being changed: they have no address of a process until it is given anew. */
  readonly #moving = new Set<Area>();
  /** Pages that devices may write count as dirty. */
  #tracking = false;

  constructor(sizes: PageSizes, domain: PagingDomain, version2: boolean, added: readonly InfoCap[]) {
    this.table = new IoPageTable(sizes);
    this.domain = domain;
    this.#version2 = version2;
    this.#added = added;
  }

  /** A mapping has no address of a process: nothing may join. */
  get moving(): boolean {
    return this.#moving.size > 0;
  }

  /** Answer a call; ENOTTY for one that is none of the backend's. */
  ioctl(process: Process, request: number, argument: bigint): Returned {
    switch (request) {
      case IOMMU_GET_INFO.request:
        return this.#info(process, argument) ?? 0;
      case IOMMU_MAP_DMA.request:
        return this.#map(process, argument) ?? 0;
      case IOMMU_UNMAP_DMA.request:
        return this.#unmap(process, argument) ?? 0;
      case DIRTY_PAGES:
        return this.#dirtyPages(process, argument) ?? 0;
      default:
        return "ENOTTY";
    }
  }

  /** Page sizes that mappings may have: never smaller than the processor's. */
  get #pageSizes(): bigint {
    const { page } = this.table.sizes;
    const large = this.domain.pageSizes & ~(page - 1n);
    return large === this.domain.pageSizes ? large : large | page;
  }

  /** Bytes of the smallest of them. */
  get #page(): bigint {
    return lowestSetBit(this.#pageSizes);
  }

  #areasIn(start: bigint, last: bigint): Area[] {
    return this.table.areas.filter((a) => overlaps(a, { start, last }));
  }

  #info(process: Process, argument: bigint): Status {
    const given = readSized(process, argument, IOMMU_GET_INFO.size, INFO_LEAST);
    if (typeof given === "string") return given;
    const { argsz } = IOMMU_GET_INFO.decode(given.bytes);
    const { table } = this;
    const available = MOST_MAPPINGS - table.areas.length;
    const usual = [migrationCap(this.#page, MOST_BITMAP), dmaAvailCap(available), iovaRangeCap(table.usable())];
    const caps = chainOf([...usual.filter(({ id }) => this.#added.every((cap) => cap.id !== id)), ...this.#added]);
    const total = IOMMU_GET_INFO.size + caps.length;
    const fits = argsz >= total;
    const answer = IOMMU_GET_INFO.encode({
      argsz: fits ? argsz : total,
      flags: InfoFlag.PGSIZES | InfoFlag.CAPS,
      iova_pgsizes: this.#pageSizes,
      cap_offset: fits ? IOMMU_GET_INFO.size : 0,
    });
    if (fits && !process.write(argument + BigInt(IOMMU_GET_INFO.size), caps)) return "EFAULT";
    return process.write(argument, answer.subarray(0, given.bytes.length)) ? null : "EFAULT";
  }

  #map(process: Process, argument: bigint): Status {
    const given = readSized(process, argument, IOMMU_MAP_DMA.size, IOMMU_MAP_DMA.size);
    if (typeof given === "string") return given;
    const v = IOMMU_MAP_DMA.decode(given.bytes);
    if ((v.flags & ~(DmaFlag.READ | DmaFlag.WRITE | DmaFlag.VADDR)) !== 0 || v.size === 0n) return "EINVAL";
    const last = v.iova + v.size - 1n;
    if (last > ULONG_MAX || v.vaddr + v.size - 1n > ULONG_MAX) return "EOVERFLOW";
    const protection = { read: (v.flags & DmaFlag.READ) !== 0, write: (v.flags & DmaFlag.WRITE) !== 0 };
    const setVaddr = (v.flags & DmaFlag.VADDR) !== 0;
    if ((protection.read || protection.write) === setVaddr) return "EINVAL";
    if ((v.size | v.iova | v.vaddr) % this.#page !== 0n) return "EINVAL";
    const there = this.#areasIn(v.iova, last);
    if (setVaddr) return this.#giveAddress(there, v.iova, last);
    if (there.length > 0) return "EEXIST";
    if (this.table.areas.length >= MOST_MAPPINGS) return "ENOSPC";
    const pages = processPages(process, v.vaddr, protection.write);
    const place = this.table.map(v.iova, [{ pages, startByte: 0n, length: v.size }], protection);
    return place.ok ? null : place.errno;
  }

  /** Give a mapping its address anew. What is pinned stays where it is: the memory is the same. */
  #giveAddress(there: readonly Area[], start: bigint, last: bigint): Status {
    if (there.length === 0) return "ENOENT";
    const area = there.find((a) => a.start === start && a.last === last);
    return area !== undefined && this.#moving.delete(area) ? null : "EINVAL";
  }

  #unmap(process: Process, argument: bigint): Status {
    const given = readSized(process, argument, IOMMU_UNMAP_DMA.size, IOMMU_UNMAP_DMA.size);
    if (typeof given === "string") return given;
    const v = IOMMU_UNMAP_DMA.decode(given.bytes);
    const bitmap = this.#unmapBitmap(process, argument, v);
    if (typeof bitmap === "string") return bitmap;
    const status = this.#checkUnmap(v, bitmap);
    if (status !== null) return status;
    const last = (v.flags & UnmapFlag.ALL) === 0 ? v.iova + v.size - 1n : ULONG_MAX;
    // The first version removes whole mappings, and stops at one that begins before the range.
    const areas = this.#areasIn(v.iova, last).filter((a) => a.start >= v.iova);
    if ((v.flags & UnmapFlag.VADDR) !== 0) {
      if (areas.some((a) => this.#moving.has(a))) return "EINVAL";
      for (const area of areas) this.#moving.add(area);
      v.size = areas.reduce((sum, a) => sum + (a.last - a.start + 1n), 0n);
    } else {
      const base = v.iova;
      v.size = 0n;
      for (const area of areas) {
        if (bitmap !== null && !markAll(process, bitmap, area, base)) return "EFAULT";
        this.#moving.delete(area);
        v.size += this.table.unmap(area.start, area.last).bytes;
      }
    }
    return process.write(argument, IOMMU_UNMAP_DMA.encode(v)) ? null : "EFAULT";
  }

  /** Where an unmap is to tell what was dirty; null where it is not asked to. */
  #unmapBitmap(process: Process, argument: bigint, { flags, argsz, size }: UnmapValues): BitmapAt | Status {
    if ((flags & ~(UnmapFlag.GET_DIRTY_BITMAP | UnmapFlag.ALL | UnmapFlag.VADDR)) !== 0) return "EINVAL";
    if ((flags & UnmapFlag.GET_DIRTY_BITMAP) === 0) return null;
    if ((flags & (UnmapFlag.ALL | UnmapFlag.VADDR)) !== 0) return "EINVAL";
    return bitmapAt(process, argument + BigInt(IOMMU_UNMAP_DMA.size), argsz - IOMMU_UNMAP_DMA.size, size);
  }

  #checkUnmap({ flags, iova, size }: UnmapValues, bitmap: BitmapAt | null): Status {
    const page = this.#page;
    const all = (flags & UnmapFlag.ALL) !== 0;
    if (iova % page !== 0n || (all ? iova !== 0n || size !== 0n : size === 0n || size % page !== 0n)) return "EINVAL";
    const last = iova + size - 1n;
    if (!all && last > ULONG_MAX) return "EOVERFLOW";
    if (bitmap !== null && (!this.#tracking || bitmap.pgsize !== page)) return "EINVAL";
    if (all || !this.#version2) return null;
    return this.#areasIn(iova, last).some((a) => a.start < iova || a.last > last) ? "EINVAL" : null;
  }

  /** Of devices that reach memory by themselves every page that is mapped counts as dirty. */
  #dirtyPages(process: Process, argument: bigint): Status {
    if (!this.#version2) return "EACCES";
    const given = readDirtyCall(process, argument);
    if (typeof given === "string") return given;
    if (given.flags !== DirtyFlag.GET_BITMAP) {
      this.#tracking = given.flags === DirtyFlag.START;
      return null;
    }
    const range = readRange(process, argument, given.argsz, this.#page);
    if (typeof range === "string") return range;
    const { start, last, bitmap } = range;
    if (!this.#tracking) return "EINVAL";
    const areas = this.#areasIn(start, last);
    if (areas.some((a) => a.start < start || a.last > last)) return "EINVAL";
    return areas.every((area) => markAll(process, bitmap, area, start)) ? null : "EFAULT";
  }
}
