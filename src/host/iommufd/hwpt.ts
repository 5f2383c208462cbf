/** HWPT objects: a stage of translation that a driver made, filled from an IOAS or owned by a guest. */
import { DOORBELL, type NestedDomain, type PagingDomain } from "../drivers/driver.ts";
import type { Status } from "../errno.ts";
import type { FaultQueue } from "./fault_queue.ts";
import type { Ioas } from "./ioas.ts";
import { KernelObject } from "./objects.ts";
import type { Viommu } from "./viommu.ts";

/** How a HWPT was asked for. */
export interface HwptOptions {
  readonly nestParent: boolean;
  /** It may be attached to PASIDs, and beside PASIDs. */
  readonly pasid: boolean;
  /** The kernel made it for an attachment to an IOAS; it goes with its last user. */
  readonly automatic: boolean;
}

/** What both kinds share. */
abstract class HwptObject extends KernelObject {
  /** Takes recoverable faults; null without. */
  fault: FaultQueue | null = null;

  setFault(fault: FaultQueue): void {
    this.fault = fault;
    fault.users++;
  }

  protected releaseFault(): void {
    if (this.fault !== null) this.fault.users--;
    this.fault = null;
  }
}

export class HwptPaging extends HwptObject {
  readonly type = "HWPT_PAGING";
  readonly ioas: Ioas;
  readonly domain: PagingDomain;
  readonly options: HwptOptions;
  /** Doorbell pages that are mapped in the domain, by IOVA. */
  readonly #doorbells = new Set<bigint>();

  constructor(ioas: Ioas, domain: PagingDomain, options: HwptOptions) {
    super();
    this.ioas = ioas;
    this.domain = domain;
    this.options = options;
    ioas.users++;
  }

  /** Map a doorbell page, once. */
  mapDoorbell(iova: bigint, pa: bigint, pageSize: bigint): Status {
    if (this.#doorbells.has(iova)) return null;
    const status = this.domain.map(iova, pa, pageSize, DOORBELL);
    if (status === null) this.#doorbells.add(iova);
    return status;
  }

  release(): void {
    this.ioas.table.removeDomain(this.domain);
    const at = this.ioas.hwpts.indexOf(this);
    if (at >= 0) this.ioas.hwpts.splice(at, 1);
    this.ioas.users--;
    this.releaseFault();
    this.domain.release();
  }
}

export class HwptNested extends HwptObject {
  readonly type = "HWPT_NESTED";
  readonly domain: NestedDomain;
  /** What it holds: the parent, or the vIOMMU that has one. */
  readonly over: HwptPaging | Viommu;
  readonly options: HwptOptions;

  constructor(over: HwptPaging | Viommu, domain: NestedDomain, pasid: boolean) {
    super();
    this.over = over;
    this.domain = domain;
    this.options = { nestParent: false, pasid, automatic: false };
    over.users++;
  }

  release(): void {
    this.over.users--;
    this.releaseFault();
    this.domain.release();
  }
}

export type Hwpt = HwptPaging | HwptNested;

/** The stage that the kernel fills: the HWPT itself, or the parent of a nested one. */
export function pagingOf(hwpt: Hwpt): HwptPaging {
  if (hwpt.type === "HWPT_PAGING") return hwpt;
  return hwpt.over.type === "HWPT_PAGING" ? hwpt.over : hwpt.over.parent;
}
