/**
 * The classic VFIO container with its type1 backend, and group files. Linux 7.2, drivers/vfio/container.c, group.c and
 * vfio_iommu_type1.c.
 */
import type { HostDevice, PagingDomain } from "../drivers/driver.ts";
import type { Returned, Status } from "../errno.ts";
import { IommufdFile } from "../iommufd/file.ts";
import { type Area, IoPageTable } from "../iommufd/io_page_table.ts";
import { overlaps, ULONG_MAX } from "../iommufd/ranges.ts";
import { processPages } from "../iommufd/user_pages.ts";
import type { HostKernel } from "../kernel.ts";
import type { OpenFile, Process } from "../process.ts";
import { readSized } from "../user_copy.ts";
import { chainOf, dmaAvailCap, iovaRangeCap, migrationCap } from "./info_caps.ts";
import {
  CHECK_EXTENSION,
  DIRTY_PAGES,
  DmaFlag,
  Extension,
  GET_API_VERSION,
  GROUP_SET_CONTAINER,
  GROUP_UNSET_CONTAINER,
  InfoFlag,
  IOMMU_GET_INFO,
  IOMMU_MAP_DMA,
  IOMMU_UNMAP_DMA,
  SET_IOMMU,
  UnmapFlag,
} from "./ioctls.ts";

const INFO_LEAST = 16;
/** Mappings that a container may have. */
const MOST_MAPPINGS = 0xffff;
/** Bytes of a dirty bitmap: a bit for each page of 2^31 bits. */
const MOST_BITMAP = 0x1000_0000n;
const DIRTY_HEADER = 8;
const GROUP_ARGUMENT = 4;

const EXTENSIONS: readonly number[] = [
  Extension.TYPE1_IOMMU,
  Extension.TYPE1v2_IOMMU,
  Extension.UNMAP_ALL,
  Extension.UPDATE_VADDR,
];

/** What SET_IOMMU makes: the backend with a domain for the container's groups. */
interface Backend {
  readonly version2: boolean;
  readonly table: IoPageTable;
  readonly domain: PagingDomain;
  /** The domain enforces cache coherency. */
  readonly coherent: boolean;
}

export class Type1Container implements OpenFile {
  readonly kind = "vfio container";
  readonly #kernel: HostKernel;
  readonly #groups = new Set<number>();
  #backend: Backend | null = null;

  constructor(kernel: HostKernel) {
    this.#kernel = kernel;
  }

  addGroup(group: number): Status {
    if (this.#backend !== null) return this.#attach(this.#backend, group);
    this.#groups.add(group);
    return null;
  }

  removeGroup(group: number): void {
    if (!this.#groups.delete(group)) return;
    for (const device of this.#membersOf(group)) device.driver.block(device, null);
    if (this.#groups.size > 0 || this.#backend === null) return;
    this.#backend.table.removeDomain(this.#backend.domain);
    this.#backend.domain.release();
    this.#backend = null;
  }

  ioctl(process: Process, request: number, argument: bigint): Returned {
    switch (request) {
      case GET_API_VERSION:
        return 0;
      case CHECK_EXTENSION:
        if (Number(argument) === Extension.DMA_CC_IOMMU) return this.#backend?.coherent === true ? 1 : 0;
        return EXTENSIONS.includes(Number(argument)) ? 1 : 0;
      case SET_IOMMU:
        return this.#setIommu(Number(argument)) ?? 0;
      default:
        return this.#backendCall(process, request, argument) ?? 0;
    }
  }

  close(): void {
    for (const group of this.#groups) this.removeGroup(group);
  }

  #membersOf(group: number): readonly HostDevice[] {
    return this.#kernel.devices.filter((d) => d.group === group);
  }

  #setIommu(type: number): Status {
    if (this.#groups.size === 0 || this.#backend !== null) return "EINVAL";
    if (type !== Extension.TYPE1_IOMMU && type !== Extension.TYPE1v2_IOMMU) return "ENODEV";
    const device = [...this.#groups].flatMap((group) => this.#membersOf(group))[0];
    if (device === undefined) return "ENODEV";
    const domain = device.driver.allocPaging(device, 0, null);
    if (!domain.ok) return domain.errno;
    const table = new IoPageTable(this.#kernel.config.sizes);
    const coherent = device.driver.coherent(device) && domain.value.enforceCoherency();
    const backend = { version2: type === Extension.TYPE1v2_IOMMU, table, domain: domain.value, coherent };
    let status = table.addDomain(domain.value);
    for (const group of this.#groups) status ??= this.#attach(backend, group);
    if (status === null) this.#backend = backend;
    else domain.value.release();
    return status;
  }

  #attach({ table, domain }: Backend, group: number): Status {
    for (const device of this.#membersOf(group)) {
      for (const region of device.driver.reserved(device)) {
        const status = region.kind === "relaxable" ? null : table.reserve(region, device);
        if (status !== null) return "EINVAL";
      }
      const status = device.driver.attach({ device, pasid: null, domain, faults: null });
      if (status !== null) return status;
    }
    this.#groups.add(group);
    return null;
  }

  #backendCall(process: Process, request: number, argument: bigint): Status {
    const backend = this.#backend;
    if (backend === null) return "EINVAL";
    switch (request) {
      case IOMMU_GET_INFO.request:
        return info(backend, process, argument);
      case IOMMU_MAP_DMA.request:
        return this.#map(backend, process, argument);
      case IOMMU_UNMAP_DMA.request:
        return unmap(backend, process, argument);
      case DIRTY_PAGES:
        // UNMODELLED: dirty tracking of the container: every well-formed call is refused.
        return process.read(argument, DIRTY_HEADER) === null ? "EFAULT" : "EINVAL";
      default:
        return "ENOTTY";
    }
  }

  #map({ table, domain }: Backend, process: Process, argument: bigint): Status {
    const given = readSized(process, argument, IOMMU_MAP_DMA.size, IOMMU_MAP_DMA.size);
    if (typeof given === "string") return given;
    const v = IOMMU_MAP_DMA.decode(given.bytes);
    if ((v.flags & ~(DmaFlag.READ | DmaFlag.WRITE | DmaFlag.VADDR)) !== 0) return "EINVAL";
    const protection = { read: (v.flags & DmaFlag.READ) !== 0, write: (v.flags & DmaFlag.WRITE) !== 0 };
    const setVaddr = (v.flags & DmaFlag.VADDR) !== 0;
    if ((protection.read || protection.write) === setVaddr) return "EINVAL";
    const { page } = this.#kernel.config.sizes;
    const size = domain.smallestPage > page ? domain.smallestPage : page;
    if (v.size === 0n || v.size % size !== 0n || v.iova % size !== 0n || v.vaddr % size !== 0n) return "EINVAL";
    const last = v.iova + v.size - 1n;
    if (last > ULONG_MAX || v.vaddr + v.size - 1n > ULONG_MAX) return "EINVAL";
    const there = areasIn(table, v.iova, last).length > 0;
    if (setVaddr) return there ? "EINVAL" : "ENOENT";
    if (there) return "EEXIST";
    if (table.areas.length >= MOST_MAPPINGS) return "ENOSPC";
    const pages = processPages(process, v.vaddr, protection.write);
    const place = table.map(v.iova, [{ pages, startByte: 0n, length: v.size }], protection);
    return place.ok ? null : place.errno;
  }
}

const areasIn = (table: IoPageTable, start: bigint, last: bigint): Area[] =>
  table.areas.filter((a) => overlaps(a, { start, last }));

function info({ table, domain }: Backend, process: Process, argument: bigint): Status {
  const given = readSized(process, argument, IOMMU_GET_INFO.size, INFO_LEAST);
  if (typeof given === "string") return given;
  const { argsz } = IOMMU_GET_INFO.decode(given.bytes);
  const available = MOST_MAPPINGS - table.areas.length;
  const sizes = domain.pageSizes;
  const caps = chainOf([migrationCap(sizes, MOST_BITMAP), dmaAvailCap(available), iovaRangeCap(table.usable())]);
  const total = IOMMU_GET_INFO.size + caps.length;
  const fits = argsz >= total;
  const answer = IOMMU_GET_INFO.encode({
    argsz: fits ? argsz : total,
    flags: InfoFlag.PGSIZES | InfoFlag.CAPS,
    iova_pgsizes: sizes,
    cap_offset: fits ? IOMMU_GET_INFO.size : 0,
  });
  if (fits && !process.write(argument + BigInt(IOMMU_GET_INFO.size), caps)) return "EFAULT";
  return process.write(argument, answer.subarray(0, given.bytes.length)) ? null : "EFAULT";
}

function unmap({ table, version2, domain }: Backend, process: Process, argument: bigint): Status {
  const given = readSized(process, argument, IOMMU_UNMAP_DMA.size, IOMMU_UNMAP_DMA.size);
  if (typeof given === "string") return given;
  const v = IOMMU_UNMAP_DMA.decode(given.bytes);
  // UNMODELLED: the dirty bitmap of an unmap, and changing the process of a mapping.
  if ((v.flags & ~UnmapFlag.ALL) !== 0) return "EINVAL";
  const all = (v.flags & UnmapFlag.ALL) !== 0;
  if (all ? v.iova !== 0n || v.size !== 0n : v.size === 0n) return "EINVAL";
  if (v.iova % domain.smallestPage !== 0n || v.size % domain.smallestPage !== 0n) return "EINVAL";
  const last = all ? ULONG_MAX : v.iova + v.size - 1n;
  if (last > ULONG_MAX) return "EINVAL";
  const areas = areasIn(table, v.iova, last);
  if (version2 && areas.some((a) => a.start < v.iova || a.last > last)) return "EINVAL";
  v.size = 0n;
  // The first version removes whole mappings, and stops at one that begins before the range.
  for (const area of areas) if (area.start >= v.iova) v.size += table.unmap(area.start, area.last).bytes;
  return process.write(argument, IOMMU_UNMAP_DMA.encode(v)) ? null : "EFAULT";
}

/** A group file: what puts a group into a container. */
export class VfioGroupFile implements OpenFile {
  readonly kind = "vfio group";
  readonly #kernel: HostKernel;
  readonly #group: number;
  #container: Type1Container | IommufdFile | null = null;

  constructor(kernel: HostKernel, group: number) {
    this.#kernel = kernel;
    this.#group = group;
  }

  ioctl(process: Process, request: number, argument: bigint): Returned {
    if (request === GROUP_SET_CONTAINER) return this.#set(process, argument) ?? 0;
    if (request !== GROUP_UNSET_CONTAINER) return "ENOTTY";
    if (this.#container === null) return "EINVAL";
    this.#unset();
    return 0;
  }

  close(): void {
    this.#unset();
  }

  #set(process: Process, argument: bigint): Status {
    const bytes = process.read(argument, GROUP_ARGUMENT);
    if (bytes === null) return "EFAULT";
    const fd = new DataView(bytes.buffer).getInt32(0, true);
    if (fd < 0 || this.#container !== null) return "EINVAL";
    const file = process.file(fd);
    if (file === null) return "EBADF";
    if (file instanceof IommufdFile) file.context.vfioIoas ??= file.context.newIoas();
    else if (!(file instanceof Type1Container)) return "EINVAL";
    else {
      const status = file.addGroup(this.#group);
      if (status !== null) return status;
    }
    this.#container = file as Type1Container | IommufdFile;
    this.#kernel.setContainer(this.#group, true);
    return null;
  }

  #unset(): void {
    if (this.#container instanceof Type1Container) this.#container.removeGroup(this.#group);
    if (this.#container !== null) this.#kernel.setContainer(this.#group, false);
    this.#container = null;
  }
}
