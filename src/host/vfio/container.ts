/**
 * The classic VFIO container: groups, and the type1 backend that translates for their devices.
 * Linux 7.2, drivers/vfio/container.c and vfio_iommu_type1.c (vfio_iommu_type1_attach_group).
 */
import { DOORBELL, type HostDevice, type PagingDomain } from "../drivers/driver.ts";
import { type Errno, type Made, made, type Returned, refused, type Status } from "../errno.ts";
import { HwptFlag } from "../iommufd/ioctls.ts";
import type { HostKernel } from "../kernel.ts";
import type { OpenFile, Process } from "../process.ts";
import { CHECK_EXTENSION, Extension, GET_API_VERSION, SET_IOMMU } from "./ioctls.ts";
import type { ContainerNesting, NestingRules } from "./nesting.ts";
import { Type1Backend } from "./type1_backend.ts";

/** Extensions that the backend has before there is one. */
const EXTENSIONS: readonly number[] = [Extension.TYPE1_IOMMU, Extension.TYPE1v2_IOMMU, Extension.UNMAP_ALL];

/** What SET_IOMMU makes. */
interface Installed {
  readonly backend: Type1Backend;
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
  #installed: Installed | null = null;

  constructor(kernel: HostKernel) {
    this.#kernel = kernel;
  }

  addGroup(group: number): Status {
    const status = this.#installed === null ? null : this.#attach(this.#installed, group);
    if (status === null) this.#groups.add(group);
    return status;
  }

  removeGroup(group: number): void {
    if (!this.#groups.delete(group)) return;
    const installed = this.#installed;
    for (const device of this.#membersOf(group)) {
      if (installed !== null) leave(installed, device);
      device.driver.block(device, null);
    }
    if (this.#groups.size > 0 || installed === null) return;
    release(installed);
    this.#installed = null;
  }

  /** It has a type: devices of its groups can be opened. */
  get ready(): boolean {
    return this.#installed !== null;
  }

  /** The era's half of a container of the nesting type. */
  get nesting(): ContainerNesting | null {
    return this.#installed?.nesting ?? null;
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
    const installed = this.#installed;
    const window = device.driver.reserved(device).find(({ kind }) => kind === "software-msi");
    if (installed === null || window === undefined) return doorbell;
    const { page } = this.#kernel.config.sizes;
    const inPage = doorbell % page;
    if (!installed.doorbell) {
      const status = installed.backend.domain.map(window.start, doorbell - inPage, page, DOORBELL);
      if (status !== null) return status;
      installed.doorbell = true;
    }
    return window.start + inPage;
  }

  get mappings(): number {
    return this.#installed?.backend.table.areas.length ?? 0;
  }

  ioctl(process: Process, request: number, argument: bigint): Returned {
    switch (request) {
      case GET_API_VERSION:
        return 0;
      case CHECK_EXTENSION:
        return this.#extension(Number(argument)) ? 1 : 0;
      case SET_IOMMU:
        return this.#setIommu(Number(argument)) ?? 0;
      default:
        return this.#call(process, request, argument);
    }
  }

  /** Groups keep the container, and what it maps, until they leave it. */
  close(): void {}

  #extension(which: number): boolean {
    if (which === Extension.DMA_CC_IOMMU) return this.#installed?.coherent === true;
    if (which === Extension.NESTING_IOMMU) return this.#kernel.era.nesting !== null;
    if (which === Extension.UPDATE_VADDR) return this.#installed !== null;
    return EXTENSIONS.includes(which);
  }

  #membersOf(group: number): readonly HostDevice[] {
    return this.#kernel.devices.filter((d) => d.group === group);
  }

  #setIommu(type: number): Status {
    if (this.#groups.size === 0 || this.#installed !== null) return "EINVAL";
    const rules = type === Extension.NESTING_IOMMU ? this.#kernel.era.nesting : null;
    if (type !== Extension.TYPE1_IOMMU && type !== Extension.TYPE1v2_IOMMU && rules === null) {
      // A backend is taken by any extension that it has, and knows only then which of them are types.
      return EXTENSIONS.includes(type) ? "EINVAL" : "ENODEV";
    }
    const made = this.#install(type !== Extension.TYPE1_IOMMU, rules);
    if (!made.ok) return made.errno;
    const installed = made.value;
    let status = installed.backend.table.addDomain(installed.backend.domain);
    for (const group of this.#groups) status ??= this.#attach(installed, group);
    if (status === null) this.#installed = installed;
    else {
      for (const device of this.#devices()) device.driver.block(device, null);
      release(installed);
    }
    return status;
  }

  #install(version2: boolean, rules: NestingRules | null): Made<Installed> {
    const device = this.#devices()[0];
    if (device === undefined) return refused("ENODEV");
    if (rules?.manyGroups === false && this.#groups.size > 1) return refused("EINVAL");
    const domain = allocDomain(device, rules);
    if (!domain.ok) return domain;
    const container = { kernel: this.#kernel, domain: domain.value, devices: () => this.#devices() };
    const nesting = rules?.make(container) ?? made(null);
    if (!nesting.ok) {
      domain.value.release();
      return nesting;
    }
    const added = nesting.value?.caps ?? [];
    const backend = new Type1Backend(this.#kernel.config.sizes, domain.value, version2, added);
    const coherent = device.driver.coherent(device) && domain.value.enforceCoherency();
    return made({ backend, coherent, nesting: nesting.value, doorbell: false });
  }

  #devices(): readonly HostDevice[] {
    return [...this.#groups].flatMap((group) => this.#membersOf(group));
  }

  /** Attach the devices of a group; where one is refused, none is. */
  #attach(installed: Installed, group: number): Status {
    const { backend, nesting } = installed;
    const rules = nesting === null ? null : this.#kernel.era.nesting;
    if (backend.moving) return "EBUSY";
    if (rules?.manyGroups === false && [...this.#groups].some((other) => other !== group)) return "EINVAL";
    const done: HostDevice[] = [];
    for (const device of this.#membersOf(group)) {
      done.push(device);
      const status = this.#attachDevice(installed, device);
      if (status === null) continue;
      for (const back of done) {
        backend.table.unreserve(back);
        back.driver.block(back, null);
      }
      return status;
    }
    return null;
  }

  #attachDevice({ backend, nesting }: Installed, device: HostDevice): Status {
    const rules = nesting === null ? null : this.#kernel.era.nesting;
    const domain = nesting?.installed ?? backend.domain;
    const status = device.driver.attach({ device, pasid: null, domain, faults: null });
    if (status !== null) return status;
    for (const region of device.driver.reserved(device)) {
      if (region.kind === "hardware-msi" && rules?.hardwareMsi === false) return "EINVAL";
      if (region.kind !== "relaxable" && backend.table.reserve(region, device) !== null) return "EINVAL";
    }
    return this.#kernel.config.msiIsolated ? null : "EPERM";
  }

  #call(process: Process, request: number, argument: bigint): Returned {
    const installed = this.#installed;
    if (installed === null) return "EINVAL";
    const added = installed.nesting?.calls.get(request);
    return added === undefined ? installed.backend.ioctl(process, request, argument) : added(process, argument);
  }
}

function leave({ backend, nesting }: Installed, device: HostDevice): void {
  nesting?.leave?.(device);
  backend.table.unreserve(device);
}

/** Give back a backend that no device is attached to any more. */
function release({ backend, nesting }: Installed): void {
  nesting?.release();
  backend.table.removeDomain(backend.domain);
  backend.domain.release();
}

/** Stage 2 for the nesting type, else what the driver makes of itself. */
function allocDomain(device: HostDevice, rules: NestingRules | null): Made<PagingDomain> {
  const { driver } = device;
  if (rules === null) return driver.allocPaging(device, 0, null);
  const nested = driver.allocPaging(device, HwptFlag.NEST_PARENT, null);
  if (nested.ok) return nested;
  return rules.fallsBack ? driver.allocPaging(device, 0, null) : refused("EINVAL");
}
