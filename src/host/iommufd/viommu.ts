/**
 * vIOMMUs, the devices a guest sees behind them, and queues of hardware that a guest owns.
 * Linux 7.2, drivers/iommu/iommufd/viommu.c.
 */
import type { DriverViommu, HostDevice, IommuDriver, QueueRequest, ViommuCore } from "../drivers/driver.ts";
import { type Made, made, refused, type Status } from "../errno.ts";
import type { Access } from "./access.ts";
import type { Device } from "./device.ts";
import type { HwptPaging } from "./hwpt.ts";
import { KernelObject } from "./objects.ts";
import type { Veventq } from "./veventq.ts";

/** Regions that user space may map. */
interface Regions {
  expose(owner: Viommu, pa: bigint, length: bigint): bigint;
  forgetRegions(owner: Viommu): void;
}

export class Viommu extends KernelObject implements ViommuCore {
  readonly type = "VIOMMU";
  readonly viommuType: number;
  readonly parent: HwptPaging;
  readonly driver: IommuDriver;
  readonly #regions: Regions;
  /** Event queues by type. */
  readonly queues = new Map<number, Veventq>();
  readonly #devices = new Map<bigint, Vdevice>();
  #half: DriverViommu | null = null;

  constructor(viommuType: number, parent: HwptPaging, driver: IommuDriver, regions: Regions) {
    super();
    this.viommuType = viommuType;
    this.parent = parent;
    this.driver = driver;
    this.#regions = regions;
    parent.users++;
  }

  /** The driver's half; there once the vIOMMU is made. */
  get half(): DriverViommu {
    return this.#half!;
  }

  set half(half: DriverViommu) {
    this.#half = half;
  }

  virtualId(device: HostDevice): bigint | null {
    for (const vdevice of this.#devices.values()) if (vdevice.device.host === device) return vdevice.virtualId;
    return null;
  }

  device(virtualId: bigint): HostDevice | null {
    return this.#devices.get(virtualId)?.device.host ?? null;
  }

  report(type: number, data: Uint8Array): Status {
    const queue = this.queues.get(type);
    if (queue === undefined) return "EOPNOTSUPP";
    queue.report(data);
    return null;
  }

  exposePages(pa: bigint, length: bigint): bigint {
    return this.#regions.expose(this, pa, length);
  }

  /** Make a device of the guest's. */
  addDevice(device: Device, virtualId: bigint): Made<Vdevice> {
    if (device.vdevice !== null || this.#devices.has(virtualId)) return refused("EEXIST");
    const status = this.half.addDevice?.(device.host, virtualId) ?? null;
    if (status !== null) return refused(status);
    const vdevice = new Vdevice(this, device, virtualId);
    this.#devices.set(virtualId, vdevice);
    return made(vdevice);
  }

  removeDevice(vdevice: Vdevice): void {
    this.half.removeDevice?.(vdevice.device.host);
    this.#devices.delete(vdevice.virtualId);
  }

  release(): void {
    this.#half?.release();
    this.#regions.forgetRegions(this);
    this.parent.users--;
  }
}

export class Vdevice extends KernelObject {
  readonly type = "VDEVICE";
  readonly viommu: Viommu;
  readonly device: Device;
  readonly virtualId: bigint;

  constructor(viommu: Viommu, device: Device, virtualId: bigint) {
    super();
    this.viommu = viommu;
    this.device = device;
    this.virtualId = virtualId;
    viommu.users++;
    device.vdevice = this;
  }

  release(): void {
    this.viommu.removeDevice(this);
    this.viommu.users--;
    this.device.vdevice = null;
  }
}

export class HwQueue extends KernelObject {
  readonly type = "HW_QUEUE";
  readonly viommu: Viommu;
  readonly request: QueueRequest;
  /** Keeps the queue's memory; null where nothing does. */
  readonly access: Access | null;
  /** The queue with the index below, which must not go first. */
  readonly below: HwQueue | null;
  readonly #onRelease: (access: Access) => void;

  constructor(
    viommu: Viommu,
    request: QueueRequest,
    access: Access | null,
    below: HwQueue | null,
    onRelease: (access: Access) => void,
  ) {
    super();
    this.viommu = viommu;
    this.request = request;
    this.access = access;
    this.below = below;
    this.#onRelease = onRelease;
    viommu.users++;
    if (below !== null) below.users++;
  }

  release(): void {
    this.viommu.half.queues?.close(this.request);
    if (this.below !== null) this.below.users--;
    this.viommu.users--;
    if (this.access !== null) this.#onRelease(this.access);
  }
}
