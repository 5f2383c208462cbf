/**
 * A kernel with devices: its IOMMU driver, its memory, and the mappings that its drivers have asked for.
 */

import { OwnMemory } from "../../kernel/own_memory.ts";
import { PageAllocator } from "../../kernel/page_allocator.ts";
import type { Platform } from "../../kernel/platform.ts";
import type { Journal } from "../journal.ts";
import { DmaMappings } from "./dma.ts";
import type { DriverOptions, DriverRefusal, IommuDriver } from "./iommu_driver.ts";
import { OrderChecker } from "./order_checker.ts";

/** Makes a driver of one architecture. */
export type MakeDriver = (platform: Platform, memory: OwnMemory, options: DriverOptions) => IommuDriver;

/** What a kernel is told when it boots. */
export interface KernelOptions extends Omit<DriverOptions, "order"> {
  /** Unmaps wait for each other. */
  readonly lazy: boolean;
}

/** Memory of a kernel, as the kernel addresses it. */
export interface KernelRam {
  readonly at: number;
  /** A multiple of 8192. */
  readonly bytes: number;
}

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
  readonly #mappings = new Map<string, DmaMappings>();

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

  /** Boot: the driver sets the IOMMU up. */
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
    const driver = order.watched(make(reach, memory, { ...options, order }));
    const refused = driver.start();
    if (refused !== null) return refused;
    const buffers = new PageAllocator(ram.at + own, ram.bytes - own);
    return new GuestKernel(driver, memory, buffers, order, options);
  }

  /** Mappings of a device, or of one of its PASIDs; made and attached when they are first asked for. */
  mappings(sid: number, pasid: number | null): DmaMappings | DriverRefusal {
    const key = keyOf(sid, pasid);
    const known = this.#mappings.get(key);
    if (known !== undefined) return known;
    const space = this.driver.makeSpace();
    if ("refused" in space) return space;
    const refused = this.driver.attach(sid, pasid, space);
    if (refused !== null) return refused;
    const made = new DmaMappings(space, this.driver, this.memory, this.#options.lazy, this.#options.mistakes);
    this.#mappings.set(key, made);
    return made;
  }

  /** Detach a device, or one of its PASIDs, and give its address space back. */
  detach(sid: number, pasid: number | null): void {
    const key = keyOf(sid, pasid);
    const known = this.#mappings.get(key);
    this.driver.detach(sid, pasid);
    if (known === undefined) return;
    known.flush();
    this.#mappings.delete(key);
    this.driver.dropSpace(known.space);
  }
}

const keyOf = (sid: number, pasid: number | null): string => `${sid} ${pasid ?? ""}`;
