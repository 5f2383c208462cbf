/**
 * The classic VFIO container with its type1 backend, and group files. Linux 7.2, drivers/vfio/container.c, group.c and
 * vfio_iommu_type1.c.
 */
import { DOORBELL, type HostDevice, type PagingDomain } from "../drivers/driver.ts";
import { type Errno, type Made, made, type Returned, refused, type Status } from "../errno.ts";
import { IommufdFile } from "../iommufd/file.ts";
import { type Area, IoPageTable } from "../iommufd/io_page_table.ts";
import { HwptFlag } from "../iommufd/ioctls.ts";
import { overlaps, ULONG_MAX } from "../iommufd/ranges.ts";
import { processPages } from "../iommufd/user_pages.ts";
import type { HostKernel } from "../kernel.ts";
import type { OpenFile, Process } from "../process.ts";
import { readSized } from "../user_copy.ts";
import { GroupDeviceFile } from "./group_device.ts";
import { chainOf, dmaAvailCap, iovaRangeCap, migrationCap } from "./info_caps.ts";
import {
  CHECK_EXTENSION,
  DIRTY_PAGES,
  DmaFlag,
  Extension,
  GET_API_VERSION,
  GROUP_GET_DEVICE_FD,
  GROUP_SET_CONTAINER,
  GROUP_UNSET_CONTAINER,
  InfoFlag,
  IOMMU_GET_INFO,
  IOMMU_MAP_DMA,
  IOMMU_UNMAP_DMA,
  SET_IOMMU,
  UnmapFlag,
} from "./ioctls.ts";
import type { ContainerNesting, NestingRules } from "./nesting.ts";

const INFO_LEAST = 16;
/** Mappings that a container may have. */
const MOST_MAPPINGS = 0xffff;
/** Bytes of a dirty bitmap: a bit for each page of 2^31 bits. */
const MOST_BITMAP = 0x1000_0000n;
const DIRTY_HEADER = 8;
const GROUP_ARGUMENT = 4;
/** Longest name of a device, with the zero that ends it. */
const MOST_NAME = 64;

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
  /** Of the nesting type: what the kernel's era adds. */
  readonly nesting: ContainerNesting | null;
  /** The page of the host's doorbell is mapped. */
  doorbell: boolean;
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
    if (!this.#groups.has(group)) return;
    const backend = this.#backend;
    for (const device of this.#membersOf(group)) {
      backend?.nesting?.leave?.(device);
      backend?.table.unreserve(device);
      device.driver.block(device, null);
    }
    this.#groups.delete(group);
    if (this.#groups.size > 0 || backend === null) return;
    this.#release(backend);
    this.#backend = null;
  }

  /** The era's half of a container of the nesting type. */
  get nesting(): ContainerNesting | null {
    return this.#backend?.nesting ?? null;
  }

  /** Groups in the container, and how many ranges are mapped. */
  get groups(): ReadonlySet<number> {
    return this.#groups;
  }

  /**
   * Map the doorbell of a device's interrupts in the window of IOVA for it, in what the container maps: for a device
   * behind a guest's table that is stage 2.
   * @returns the IOVA of the doorbell; the physical address itself where no translation is in the way
   */
  mapDoorbell(device: HostDevice, doorbell: bigint): bigint | Errno {
    const backend = this.#backend;
    const window = device.driver.reserved(device).find(({ kind }) => kind === "software-msi");
    if (backend === null || window === undefined) return doorbell;
    const { page } = this.#kernel.config.sizes;
    const inPage = doorbell % page;
    if (!backend.doorbell) {
      const status = backend.domain.map(window.start, doorbell - inPage, page, DOORBELL);
      if (status !== null) return status;
      backend.doorbell = true;
    }
    return window.start + inPage;
  }

  get mappings(): number {
    return this.#backend?.table.areas.length ?? 0;
  }

  ioctl(process: Process, request: number, argument: bigint): Returned {
    switch (request) {
      case GET_API_VERSION:
        return 0;
      case CHECK_EXTENSION:
        if (Number(argument) === Extension.DMA_CC_IOMMU) return this.#backend?.coherent === true ? 1 : 0;
        if (Number(argument) === Extension.NESTING_IOMMU) return this.#kernel.era.nesting === null ? 0 : 1;
        return EXTENSIONS.includes(Number(argument)) ? 1 : 0;
      case SET_IOMMU:
        return this.#setIommu(Number(argument)) ?? 0;
      default:
        return this.#backendCall(process, request, argument);
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
    const rules = type === Extension.NESTING_IOMMU ? this.#kernel.era.nesting : null;
    if (type !== Extension.TYPE1_IOMMU && type !== Extension.TYPE1v2_IOMMU && rules === null) return "ENODEV";
    const backend = this.#makeBackend(type !== Extension.TYPE1_IOMMU, rules);
    if (!backend.ok) return backend.errno;
    let status = backend.value.table.addDomain(backend.value.domain);
    for (const group of this.#groups) status ??= this.#attach(backend.value, group);
    if (status === null) this.#backend = backend.value;
    else this.#release(backend.value);
    return status;
  }

  #makeBackend(version2: boolean, rules: NestingRules | null): Made<Backend> {
    const device = this.#devices()[0];
    if (device === undefined) return refused("ENODEV");
    const tooMany = rules?.manyGroups === false && this.#groups.size > 1;
    if (tooMany) return refused("EINVAL");
    const domain = allocDomain(device, rules);
    if (!domain.ok) return domain;
    const container = { kernel: this.#kernel, domain: domain.value, devices: () => this.#devices() };
    const nesting = rules?.make(container) ?? made(null);
    if (!nesting.ok) {
      domain.value.release();
      return nesting;
    }
    const table = new IoPageTable(this.#kernel.config.sizes);
    const coherent = device.driver.coherent(device) && domain.value.enforceCoherency();
    return made({ version2, table, domain: domain.value, coherent, nesting: nesting.value, doorbell: false });
  }

  #release({ nesting, table, domain }: Backend): void {
    for (const device of this.#devices()) device.driver.block(device, null);
    nesting?.release();
    table.removeDomain(domain);
    domain.release();
  }

  #devices(): readonly HostDevice[] {
    return [...this.#groups].flatMap((group) => this.#membersOf(group));
  }

  #attach({ table, domain, nesting }: Backend, group: number): Status {
    const rules = nesting === null ? null : this.#kernel.era.nesting;
    if (rules?.manyGroups === false && [...this.#groups].some((other) => other !== group)) return "EINVAL";
    for (const device of this.#membersOf(group)) {
      for (const region of device.driver.reserved(device)) {
        if (region.kind === "hardware-msi" && rules?.hardwareMsi === false) return "EINVAL";
        const status = region.kind === "relaxable" ? null : table.reserve(region, device);
        if (status !== null) return "EINVAL";
      }
      const status = device.driver.attach({ device, pasid: null, domain: nesting?.installed ?? domain, faults: null });
      if (status !== null) return status;
    }
    this.#groups.add(group);
    return null;
  }

  #backendCall(process: Process, request: number, argument: bigint): Returned {
    const backend = this.#backend;
    if (backend === null) return "EINVAL";
    switch (request) {
      case IOMMU_GET_INFO.request:
        return info(backend, process, argument) ?? 0;
      case IOMMU_MAP_DMA.request:
        return this.#map(backend, process, argument) ?? 0;
      case IOMMU_UNMAP_DMA.request:
        return unmap(backend, process, argument) ?? 0;
      case DIRTY_PAGES:
        // UNMODELLED: dirty tracking of the container: every well-formed call is refused.
        return process.read(argument, DIRTY_HEADER) === null ? "EFAULT" : "EINVAL";
      default: {
        const call = backend.nesting?.calls.get(request);
        return call === undefined ? "ENOTTY" : call(process, argument);
      }
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

/** Stage 2 for the nesting type, else what the driver makes of itself. */
function allocDomain(device: HostDevice, rules: NestingRules | null): Made<PagingDomain> {
  const { driver } = device;
  if (rules === null) return driver.allocPaging(device, 0, null);
  const nested = driver.allocPaging(device, HwptFlag.NEST_PARENT, null);
  if (nested.ok) return nested;
  return rules.fallsBack ? driver.allocPaging(device, 0, null) : refused("EINVAL");
}

function info({ table, domain, nesting }: Backend, process: Process, argument: bigint): Status {
  const given = readSized(process, argument, IOMMU_GET_INFO.size, INFO_LEAST);
  if (typeof given === "string") return given;
  const { argsz } = IOMMU_GET_INFO.decode(given.bytes);
  const available = MOST_MAPPINGS - table.areas.length;
  const sizes = domain.pageSizes;
  const usual = [migrationCap(sizes, MOST_BITMAP), dmaAvailCap(available), iovaRangeCap(table.usable())];
  const added = nesting?.caps ?? [];
  const caps = chainOf([...usual.filter(({ id }) => added.every((cap) => cap.id !== id)), ...added]);
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
    if (request === GROUP_GET_DEVICE_FD) return this.#openDevice(process, argument);
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

  /** UNMODELLED: devices of a group in an iommufd: they have files of their own. */
  #openDevice(process: Process, argument: bigint): Returned {
    const container = this.#container;
    if (!(container instanceof Type1Container)) return "EINVAL";
    const name = readName(process, argument);
    if (name === null) return "EFAULT";
    const device = this.#kernel.devices.find((d) => d.group === this.#group && d.name === name);
    return device === undefined ? "ENODEV" : process.install(new GroupDeviceFile(this.#kernel, device, container));
  }

  #unset(): void {
    if (this.#container instanceof Type1Container) this.#container.removeGroup(this.#group);
    if (this.#container !== null) this.#kernel.setContainer(this.#group, false);
    this.#container = null;
  }
}

/** A name that ends with a zero; null where it cannot be read. */
function readName(process: Process, at: bigint): string | null {
  let name = "";
  for (let i = 0; i < MOST_NAME; i++) {
    const byte = process.read(at + BigInt(i), 1);
    if (byte === null) return null;
    if (byte[0] === 0) break;
    name += String.fromCharCode(byte[0]!);
  }
  return name;
}
