/**
 * A kernel with devices: its IOMMU driver, its memory, and the mappings that its drivers have asked for.
 */

import { IdPool } from "../../kernel/id_pool.ts";
import { OwnMemory } from "../../kernel/own_memory.ts";
import { PageAllocator } from "../../kernel/page_allocator.ts";
import { type PageRequest, PageResponse } from "../../kernel/page_requests.ts";
import type { Platform, ReachedIommu } from "../../kernel/platform.ts";
import type { Journal } from "../journal.ts";
import { DeviceMemory } from "./device_memory.ts";
import { DmaMappings } from "./dma.ts";
import type { DriverOptions, DriverRefusal, FaultReport, IommuDriver, Partition, ServeFaults } from "./iommu_driver.ts";
import { OrderChecker } from "./order_checker.ts";
import { SeveralDrivers } from "./several_drivers.ts";

/** Makes a driver of one architecture. */
export type MakeDriver = (iommu: ReachedIommu, memory: OwnMemory, options: DriverOptions) => IommuDriver;

/** What a kernel is told when it boots. */
export interface KernelOptions extends Omit<DriverOptions, "order" | "serve"> {
  /** Unmaps wait for each other. */
  readonly lazy: boolean;
}

/** Memory of a kernel, as the kernel addresses it. */
export interface KernelRam {
  readonly at: number;
  /** A multiple of 8192. */
  readonly bytes: number;
}

/** What lies in a device's address space, or in that of one of its PASIDs. */
interface Bound {
  readonly memory: DeviceMemory;
  /** Pages of a process come when the device faults on them. */
  served: boolean;
}

/** Groups of page requests, and stalled transactions, that were answered; `granted`: what they asked for is there. */
export interface Answered {
  readonly groups: number;
  readonly granted: number;
}

/** Tags of translations, of which none is 0. */
const TAGS = 0x10000;
/** Of its memory, so much is the kernel's own; the rest is buffers. */
const OWN_SHARE = 0.5;

export class GuestKernel {
  readonly driver: IommuDriver;
  readonly memory: OwnMemory;
  /** Free memory for buffers. */
  readonly buffers: PageAllocator;
  /** Watches what this kernel does. */
  readonly order: OrderChecker;
  readonly #options: KernelOptions;
  readonly #devices = new Map<string, Bound>();
  #answered: Answered = { groups: 0, granted: 0 };

  private constructor(
    driver: IommuDriver,
    memory: OwnMemory,
    buffers: PageAllocator,
    order: OrderChecker,
    options: KernelOptions,
  ) {
    this.driver = driver;
    this.memory = memory;
    this.buffers = buffers;
    this.order = order;
    this.#options = options;
  }

  /** Boot: a driver sets each IOMMU up. */
  static boot(
    ram: KernelRam,
    reach: Platform,
    make: MakeDriver,
    options: KernelOptions,
    journal: Journal,
  ): GuestKernel | DriverRefusal {
    const own = Math.floor((ram.bytes * OWN_SHARE) / 4096) * 4096;
    const memory = new OwnMemory(reach.memory, new PageAllocator(ram.at, own), journal.of("guest"));
    const order = new OrderChecker(journal);
    const serve: ServeFaults = (group) => kernel.#serve(group);
    const ids = new IdPool(1, TAGS);
    const driverOf = (iommu: ReachedIommu, own: OwnMemory, instance: number): IommuDriver =>
      order.watched(make(iommu, own, { ...options, order, serve, ids, instance }));
    const further = (reach.further ?? []).map((iommu, i) => ({
      driver: driverOf(iommu, memory.noted(journal.of("guest", iommu.name)), i + 1),
      behind: iommu.behind,
    }));
    const first = driverOf(reach, memory, 0);
    const driver = further.length === 0 ? first : new SeveralDrivers(first, further);
    const buffers = new PageAllocator(ram.at + own, ram.bytes - own);
    const kernel = new GuestKernel(driver, memory, buffers, order, options);
    return driver.start() ?? kernel;
  }

  /** What a device, or one of its PASIDs, has mapped; its space is made and attached when it is first asked for. */
  deviceMemory(sid: number, pasid: number | null): DeviceMemory | DriverRefusal {
    const bound = this.#bound(sid, pasid);
    return "refused" in bound ? bound : bound.memory;
  }

  /** The mappings of the same. */
  mappings(sid: number, pasid: number | null): DmaMappings | DriverRefusal {
    const bound = this.#bound(sid, pasid);
    return "refused" in bound ? bound : bound.memory.mappings;
  }

  /** Bind a process to a device's PASID, with these addresses more; their pages come when the device faults on them. */
  bind(sid: number, pasid: number | null, iova: number, bytes: number, write: boolean): DriverRefusal | null {
    const bound = this.#bound(sid, pasid);
    if ("refused" in bound) return bound;
    const refused = bound.served ? null : this.driver.attach(sid, pasid, bound.memory.mappings.space, true);
    if (refused !== null) return refused;
    bound.served = true;
    bound.memory.mappings.becomeStrict();
    bound.memory.promise(iova, bytes, write);
    return null;
  }

  /** Label what a device, or one of its PASIDs, accesses. */
  partition(sid: number, pasid: number | null, partition: Partition): DriverRefusal | null {
    const bound = this.#bound(sid, pasid);
    if ("refused" in bound) return bound;
    const { driver } = this;
    return driver.partition === undefined
      ? { refused: "The kernel knows no partitions behind this IOMMU." }
      : driver.partition(sid, pasid, partition);
  }

  /** Detach a device, or one of its PASIDs, and give its address space back. */
  detach(sid: number, pasid: number | null): void {
    const key = keyOf(sid, pasid);
    const known = this.#devices.get(key);
    this.driver.detach(sid, pasid);
    if (known === undefined) return;
    const { memory } = known;
    memory.mappings.flush();
    this.#devices.delete(key);
    this.driver.dropSpace(memory.mappings.space);
    memory.dispose();
  }

  /** Serve what waits for this kernel, and take the faults that it only logs. */
  takeFaults(): { readonly logged: readonly FaultReport[]; readonly answered: Answered } {
    this.#answered = { groups: 0, granted: 0 };
    const logged = this.driver.takeFaults();
    return { logged, answered: this.#answered };
  }

  #bound(sid: number, pasid: number | null): Bound | DriverRefusal {
    const key = keyOf(sid, pasid);
    const known = this.#devices.get(key);
    if (known !== undefined) return known;
    const space = this.driver.makeSpace(sid);
    if ("refused" in space) return space;
    const refused = this.driver.attach(sid, pasid, space);
    if (refused !== null) return refused;
    const { lazy, mistakes } = this.#options;
    const mappings = new DmaMappings(space, this.driver, this.memory, lazy, mistakes);
    const made = { memory: new DeviceMemory(mappings, this.buffers, this.order), served: false };
    this.#devices.set(key, made);
    return made;
  }

  /** Answer a group; a device that no process is bound to gets a failure. */
  #serve(group: readonly PageRequest[]): PageResponse {
    const last = group.at(-1);
    const bound = last && this.#devices.get(keyOf(last.sid, last.pasid));
    const response = bound?.served === true ? bound.memory.serve(group) : PageResponse.Failure;
    const { groups, granted } = this.#answered;
    this.#answered = { groups: groups + 1, granted: granted + (response === PageResponse.Success ? 1 : 0) };
    return response;
  }
}

const keyOf = (sid: number, pasid: number | null): string => `${sid} ${pasid ?? ""}`;
