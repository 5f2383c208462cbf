/**
 * Domains of the AMD driver: host tables of the kernel's, and nested ones from a guest's device table entry.
 * Linux 7.2, drivers/iommu/amd/iommu.c and nested.c.
 */
import { DTE } from "../../../arch/amdvi/dte.ts";
import { copyFields } from "../../../base/encode.ts";
import { alignedRange } from "../../../kernel/address_range.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import { V1_DIRTY } from "../../../pagetable/formats/amdv1.ts";
import type { Status } from "../../errno.ts";
import type { DirtyTracking, NestedDomain, Protection } from "../driver.ts";
import { TableDomain, type TableKind } from "../table_domain.ts";
import type { AmdDriver } from "./amd_driver.ts";

/** What distinguishes a domain of the kernel's. */
export interface PagingOptions {
  /** Host (version 1) tables, or guest (version 2) ones. */
  readonly format: "host" | "guest";
  readonly nestParent: boolean;
  /** Written pages can be tracked. */
  readonly tracked: boolean;
}

/** Tables of the kernel's. Devices behind several IOMMUs can use them. */
export class AmdPaging extends TableDomain {
  /** Of the IOMMU that they were made for. */
  readonly driver: AmdDriver;
  readonly format: PagingOptions["format"];
  /** Tags what is cached of host tables, in every IOMMU. */
  readonly domainId: number;
  /** IOMMUs with entries that lead to the tables. */
  readonly walkers = new Set<AmdDriver>();
  readonly nestParent: boolean;
  /** The IOMMU keeps dirty bits. */
  tracking = false;
  readonly dirty?: DirtyTracking;

  constructor(
    driver: AmdDriver,
    memory: OwnMemory,
    made: { readonly kind: TableKind; readonly root: number; readonly domainId: number },
    { format, nestParent, tracked }: PagingOptions,
  ) {
    super(memory, made.kind, made.root);
    this.driver = driver;
    this.format = format;
    this.domainId = made.domainId;
    this.nestParent = nestParent;
    if (!tracked) return;
    this.dirty = {
      set: (on) => {
        this.tracking = on;
        this.#rewrite();
        return null;
      },
      read: (iova, length, clear, mark) => this.readDirtyLeaves(V1_DIRTY, iova, length, clear, mark),
    };
  }

  /** Host tables get as many levels as addresses need; entries that lead to them say so. */
  override map(iova: bigint, pa: bigint, length: bigint, protection: Protection): Status {
    const { tables, aperture } = this;
    const mostBits = aperture.last.toString(2).length;
    const { level } = tables;
    while (this.format === "host" && Number(iova + length) > tables.end && tables.end < 2 ** mostBits)
      if (!tables.grow(mostBits)) return "ENOMEM";
    if (tables.level > level) this.#rewrite();
    return super.map(iova, pa, length, protection);
  }

  enforceCoherency(): boolean {
    // Leaves of host tables are made with FC; those of guest tables have no such bit, and Linux claims as much of them.
    return true;
  }

  override release(): void {
    // Nothing is cached of it: no entry has led to it since what was has been dropped.
    this.driver.domainIds.release(this.domainId);
    super.release();
  }

  protected invalidate(iova: bigint, length: bigint): void {
    const range = alignedRange(Number(iova), Number(length));
    for (const walker of this.walkers) walker.run(...walker.attachments.dropping(this, range));
  }

  #rewrite(): void {
    for (const { attachments } of this.walkers) attachments.rewrite(this);
  }
}

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
  readonly valid: boolean;
  readonly #entry: Uint32Array;
  readonly #onRelease: () => void;

  constructor(driver: AmdDriver, parent: AmdPaging, words: Uint32Array, domainId: number, onRelease: () => void) {
    this.driver = driver;
    this.parent = parent;
    this.domainId = domainId;
    this.#entry = words;
    this.valid = DTE.f.V.get(words, 0) === 1;
    this.#onRelease = onRelease;
  }

  /** Have an entry say what the guest's says of its tables. */
  takeOver(entry: Uint32Array): void {
    copyFields(DTE, GUEST_FIELDS, this.#entry, entry);
  }

  release(): void {
    this.#onRelease();
  }
}
