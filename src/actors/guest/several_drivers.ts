/**
 * Drivers of several IOMMUs as one, for the rest of a kernel: each device, and each address space, is of one of them. What
 * was queued in one IOMMU is waited for there. Linux 7.2, drivers/iommu/dma-iommu.c (a domain, and what is flushed of it,
 * is of its device's IOMMU).
 */
import type { TranslationMode } from "../../protocol/software.ts";
import type { AddressSpace, DriverRefusal, FaultReport, IommuDriver, Partition } from "./iommu_driver.ts";

/** The driver of an IOMMU with the requesters behind it. */
interface FurtherDriver {
  readonly driver: IommuDriver;
  readonly behind: ReadonlySet<number>;
}

export class SeveralDrivers implements IommuDriver {
  readonly #all: readonly IommuDriver[];
  readonly #of: (sid: number) => IommuDriver;
  readonly #spaces = new Map<AddressSpace, IommuDriver>();
  /** Drivers with something queued that nobody has waited for. */
  readonly #queued = new Set<IommuDriver>();
  readonly partition?: (sid: number, pasid: number | null, partition: Partition) => DriverRefusal | null;

  constructor(first: IommuDriver, further: readonly FurtherDriver[]) {
    this.#all = [first, ...further.map(({ driver }) => driver)];
    this.#of = (sid) => further.find(({ behind }) => behind.has(sid))?.driver ?? first;
    if (first.partition !== undefined)
      this.partition = (sid, pasid, partition) => this.#of(sid).partition!(sid, pasid, partition);
  }

  start(): DriverRefusal | null {
    return this.#each((driver) => driver.start());
  }

  makeSpace(sid: number): AddressSpace | DriverRefusal {
    const driver = this.#of(sid);
    const space = driver.makeSpace(sid);
    if (!("refused" in space)) this.#spaces.set(space, driver);
    return space;
  }

  dropSpace(space: AddressSpace): void {
    this.#keeper(space).dropSpace(space);
    this.#spaces.delete(space);
  }

  attach(sid: number, pasid: number | null, space: AddressSpace, served?: boolean): DriverRefusal | null {
    return this.#of(sid).attach(sid, pasid, space, served);
  }

  detach(sid: number, pasid: number | null): void {
    this.#of(sid).detach(sid, pasid);
  }

  invalidate(space: AddressSpace, va: number, bytes: number, leavesOnly: boolean): void {
    this.#queueing(space).invalidate(space, va, bytes, leavesOnly);
  }

  mapped(space: AddressSpace, va: number, bytes: number): void {
    this.#keeper(space).mapped?.(space, va, bytes);
  }

  invalidateAll(space: AddressSpace): void {
    this.#queueing(space).invalidateAll(space);
  }

  sync(): void {
    for (const driver of this.#queued) driver.sync();
    this.#queued.clear();
  }

  switchTo(mode: TranslationMode): DriverRefusal | null {
    return this.#each((driver) => driver.switchTo(mode));
  }

  takeFaults(): FaultReport[] {
    return this.#all.flatMap((driver) => driver.takeFaults());
  }

  /** @returns the first refusal */
  #each(act: (driver: IommuDriver) => DriverRefusal | null): DriverRefusal | null {
    for (const driver of this.#all) {
      const refused = act(driver);
      if (refused !== null) return refused;
    }
    return null;
  }

  /** The driver that made a space. */
  #keeper(space: AddressSpace): IommuDriver {
    return this.#spaces.get(space)!;
  }

  #queueing(space: AddressSpace): IommuDriver {
    const driver = this.#keeper(space);
    this.#queued.add(driver);
    return driver;
  }
}
