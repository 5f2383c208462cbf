/**
 * A kernel with devices: its IOMMU driver, its memory, and the mappings that its drivers have asked for.
 */
import type { Journal } from "../journal.ts";
import type { KernelMemory, Platform, RegisterPages } from "../platform.ts";
import { DmaMappings } from "./dma.ts";
import type { DriverOptions, DriverRefusal, IommuDriver } from "./iommu_driver.ts";
import { OwnMemory } from "./kernel_memory.ts";
import { PageAllocator } from "./page_allocator.ts";

/** Makes a driver of one architecture. */
export type MakeDriver = (
  platform: Platform,
  memory: OwnMemory,
  journal: Journal,
  options: DriverOptions,
) => IommuDriver;

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
  readonly #options: DriverOptions;
  readonly #lazy: boolean;
  readonly #mappings = new Map<string, DmaMappings>();

  private constructor(
    driver: IommuDriver,
    memory: OwnMemory,
    buffers: PageAllocator,
    options: DriverOptions,
    lazy: boolean,
  ) {
    this.driver = driver;
    this.memory = memory;
    this.buffers = buffers;
    this.#options = options;
    this.#lazy = lazy;
  }

  /** Boot: the driver sets the IOMMU up. @param lazy unmaps wait for each other */
  static boot(
    ram: KernelRam,
    reach: { readonly memory: KernelMemory; readonly registers: RegisterPages },
    make: MakeDriver,
    options: DriverOptions & { readonly lazy: boolean },
    journal: Journal,
  ): GuestKernel | DriverRefusal {
    const own = Math.floor((ram.bytes * OWN_SHARE) / 4096) * 4096;
    const memory = new OwnMemory(reach.memory, new PageAllocator(ram.at, own), journal, "guest");
    const driver = make(reach, memory, journal, options);
    const refused = driver.start();
    if (refused !== null) return refused;
    return new GuestKernel(driver, memory, new PageAllocator(ram.at + own, ram.bytes - own), options, options.lazy);
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
    const made = new DmaMappings(space, this.driver, this.memory, this.#lazy, this.#options.mistakes);
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
