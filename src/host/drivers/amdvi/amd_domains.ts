/**
 * Domains of the AMD driver: host tables of the kernel's, and nested ones from a guest's device table entry.
 * Linux 7.2, drivers/iommu/amd/iommu.c and nested.c.
 */
import { INVALIDATE_IOMMU_PAGES } from "../../../arch/amdvi/commands.ts";
import { DTE } from "../../../arch/amdvi/dte.ts";
import type { FieldNumbers } from "../../../base/encode.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { DirtyTracking, HostDevice, NestedDomain } from "../driver.ts";
import { TableDomain, type TableKind } from "../table_domain.ts";
import type { AmdDriver } from "./amd_driver.ts";
import type { Command } from "./command_buffer.ts";

const PAGE_LG2 = 12n;
/** Every page: all address bits below bit 63 are ones. */
const EVERYTHING = 2 ** 63 - 4096;
/** D of a leaf of the host tables (48882 §2.2.3). */
const DIRTY = 1 << 6;

/** The smallest aligned power of two of pages that covers a range, as S and Address tell it. */
function pagesOf(iova: bigint, length: bigint): FieldNumbers {
  const first = iova >> PAGE_LG2;
  const last = (iova + length - 1n) >> PAGE_LG2;
  let lg2 = 0n;
  while (first >> lg2 !== last >> lg2) lg2++;
  if (lg2 === 0n) return { Address: Number(iova) };
  if (lg2 > 50n) return { S: 1, Address: EVERYTHING };
  // The lowest clear bit of the address says how many pages there are.
  const base = (first >> lg2) << lg2;
  return { S: 1, Address: Number((base | ((1n << (lg2 - 1n)) - 1n)) << PAGE_LG2) };
}

/** Host tables. */
export class AmdPaging extends TableDomain {
  readonly driver: AmdDriver;
  readonly kindOfTables: TableKind;
  readonly domainId: number;
  readonly nestParent: boolean;
  /** The IOMMU keeps dirty bits. */
  tracking = false;
  readonly dirty?: DirtyTracking;

  constructor(
    driver: AmdDriver,
    memory: OwnMemory,
    made: { kind: TableKind; root: number; domainId: number; nestParent: boolean; tracked: boolean },
  ) {
    super(memory, made.kind, made.root);
    this.driver = driver;
    this.kindOfTables = made.kind;
    this.domainId = made.domainId;
    this.nestParent = made.nestParent;
    if (!made.tracked) return;
    this.dirty = {
      set: (on) => {
        this.tracking = on;
        driver.trackingChanged(this);
        return null;
      },
      read: (iova, length, clear, mark) => this.readDirtyLeaves(DIRTY, iova, length, clear, mark),
    };
  }

  enforceCoherency(): boolean {
    // Leaves are made with FC.
    return true;
  }

  override release(): void {
    this.driver.run([dropDomain(this.domainId)]);
    this.driver.domainIds.delete(this.domainId);
    super.release();
  }

  protected invalidate(iova: bigint, length: bigint): void {
    const ids = [this.domainId, ...this.driver.nestedOn(this).map((n) => n.domainId)];
    const layout = INVALIDATE_IOMMU_PAGES;
    this.driver.run(ids.map((DomainID) => ({ layout, fields: { DomainID, PDE: 1, ...pagesOf(iova, length) } })));
  }
}

/** Drop every translation of a domain, host's and guest's. */
export const dropDomain = (DomainID: number): Command => ({
  layout: INVALIDATE_IOMMU_PAGES,
  fields: { DomainID, PDE: 1, S: 1, Address: EVERYTHING },
});

/** Fields of a guest's entry that are taken over. */
const GUEST_FIELDS = [
  "PPR",
  "GLX",
  "GIoV",
  "GCR3TRP_14_12",
  "GCR3TRP_30_15",
  "GCR3TRP_51_31",
  "GuestPagingMode",
] as const;

/** A guest's tables over host tables of the kernel's. */
export class AmdNested implements NestedDomain {
  readonly kind = "nested";
  readonly driver: AmdDriver;
  readonly parent: AmdPaging;
  readonly domainId: number;
  readonly guest: FieldNumbers;
  readonly valid: boolean;
  readonly #onRelease: () => void;

  constructor(driver: AmdDriver, parent: AmdPaging, words: Uint32Array, domainId: number, onRelease: () => void) {
    this.driver = driver;
    this.parent = parent;
    this.domainId = domainId;
    this.guest = Object.fromEntries(GUEST_FIELDS.map((name) => [name, DTE.f[name].get(words, 0)]));
    this.valid = DTE.f.V.get(words, 0) === 1;
    this.#onRelease = onRelease;
  }

  release(): void {
    this.#onRelease();
  }
}

/** What is attached to a device. */
export interface AmdInstalled {
  readonly device: HostDevice;
  readonly domain: AmdPaging | AmdNested;
}
