/**
 * What one open of /dev/iommu stands for: its objects, groups, doorbells and regions to map. It lives until the last
 * file that shares it is closed. Linux 7.2, drivers/iommu/iommufd/main.c.
 */
import type { HostDevice } from "../drivers/driver.ts";
import type { Errno, Status } from "../errno.ts";
import type { HostKernel } from "../kernel.ts";
import type { OpenFile } from "../process.ts";
import { Device, Group } from "./device.ts";
import type { Hwpt } from "./hwpt.ts";
import { pagingOf } from "./hwpt.ts";
import { Ioas } from "./ioas.ts";
import { ObjectTable, type ObjectType } from "./objects.ts";
import type { Viommu } from "./viommu.ts";

/** A region of a vIOMMU that user space may map. */
export interface MappableRegion {
  readonly owner: Viommu;
  readonly pa: bigint;
  readonly length: bigint;
}

/** Order in which the last close releases what is left: users before what they use. */
const RELEASE_ORDER: readonly ObjectType[] = [
  "SELFTEST",
  "DEVICE",
  "VDEVICE",
  "HW_QUEUE",
  "ACCESS",
  "VEVENTQ",
  "HWPT_NESTED",
  "VIOMMU",
  "HWPT_PAGING",
  "FAULT",
  "IOAS",
];

export class IommufdContext {
  readonly kernel: HostKernel;
  readonly objects = new ObjectTable();
  /** IOAS that VFIO container calls use. */
  vfioIoas: Ioas | null = null;
  /** Whose limit of locked memory is charged: 0 the user's, 1 the process's. */
  rlimitMode = 0;
  /** Regions to map, by offset in the file. */
  readonly regions = new Map<bigint, MappableRegion>();
  readonly #groups = new Map<number, Group>();
  /** Doorbell pages in order of first use. */
  readonly #doorbells: bigint[] = [];
  #holders = 1;

  constructor(kernel: HostKernel) {
    this.kernel = kernel;
  }

  /** Another file that shares the context. */
  hold(): void {
    this.#holders++;
  }

  drop(): void {
    if (--this.#holders > 0) return;
    for (const type of RELEASE_ORDER) {
      for (const object of this.objects.all()) if (object.type === type) this.objects.remove(object);
    }
  }

  newIoas(): Ioas {
    return this.objects.add(
      new Ioas(this.kernel.config.sizes, (ioas) => {
        if (this.vfioIoas === ioas) this.vfioIoas = null;
      }),
    );
  }

  /** Bind a device: it is this file's from now on. */
  bind(host: HostDevice): Device | Errno {
    const claimed = this.kernel.claim(host.group, this);
    if (claimed !== null) return claimed;
    let group = this.#groups.get(host.group);
    if (group === undefined) {
      group = new Group(host.group, this.kernel.membersOf(host));
      this.#groups.set(host.group, group);
    }
    return this.objects.add(new Device(this, host, group));
  }

  unbind(device: Device): void {
    const { group } = device;
    for (const pasid of group.attachments.keys()) device.detach(pasid);
    this.objects.remove(device);
    if (group.bound > 0) return;
    this.#groups.delete(group.id);
    this.kernel.unclaim(group.id);
  }

  /** Let go of a HWPT; an automatic one disappears with its last user. */
  put(hwpt: Hwpt, users: number): void {
    hwpt.users -= users;
    if (hwpt.users === 0 && hwpt.options.automatic) this.objects.remove(hwpt);
  }

  /** Destroy an object for the user. */
  destroy(id: number): Status {
    const object = this.objects.get(id);
    if (object === null) return "ENOENT";
    if (object.users > 0) return "EBUSY";
    this.objects.remove(object);
    return null;
  }

  /** Install a file and give its descriptor. It keeps the context alive. */
  openFile(install: (file: OpenFile) => number, file: OpenFile): number {
    this.hold();
    return install(file);
  }

  /**
   * Map the doorbell of a device's interrupts where it looks for it.
   * @returns the IOVA of the doorbell; the physical address itself where no translation is in the way
   */
  mapDoorbell(device: Device, doorbell: bigint): bigint | Errno {
    const { page } = this.kernel.config.sizes;
    const window = device.host.driver.reserved(device.host).find((r) => r.kind === "software-msi");
    const attachment = device.group.attachments.get(0);
    if (window === undefined || attachment === undefined) return doorbell;
    const base = doorbell - (doorbell % page);
    let number = this.#doorbells.indexOf(base);
    if (number < 0) number = this.#doorbells.push(base) - 1;
    const iova = window.start + BigInt(number) * page;
    if (iova + page - 1n > window.last) return "ENOSPC";
    const status = pagingOf(attachment.hwpt).mapDoorbell(iova, base, page);
    if (status !== null) return status;
    device.group.doorbells.set(iova, base);
    return iova + (doorbell % page);
  }

  /** Find a place in the file for a region; the first page is never used. */
  expose(owner: Viommu, pa: bigint, length: bigint): bigint {
    let offset = this.kernel.config.sizes.page;
    for (const [at, region] of [...this.regions].sort(([a], [b]) => (a < b ? -1 : 1))) {
      if (at >= offset + length) break;
      offset = at + region.length;
    }
    this.regions.set(offset, { owner, pa, length });
    return offset;
  }

  forgetRegions(owner: Viommu): void {
    for (const [at, region] of this.regions) if (region.owner === owner) this.regions.delete(at);
  }
}
