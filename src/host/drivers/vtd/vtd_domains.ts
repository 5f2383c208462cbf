/**
 * Domains of the VT-d driver: first-stage and second-stage tables of the kernel's, and nested ones of a guest's.
 * Linux 7.2, drivers/iommu/intel/iommu.c and nested.c.
 */

import { pagingEntryLayout } from "../../../arch/vtd/paging_entries.ts";
import { locate } from "../../../base/layout.ts";
import { alignedRange } from "../../../kernel/address_range.ts";
import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { Status } from "../../errno.ts";
import { InvalidateDataType } from "../../iommufd/ioctls.ts";
import { struct, u32, u64 } from "../../uapi_struct.ts";
import { type DirtyTracking, type EntryArray, type Invalidated, type NestedDomain, readDriverData } from "../driver.ts";
import { TableDomain, type TableKind } from "../table_domain.ts";
import { DomainIds } from "./domain_ids.ts";
import type { VtdDriver } from "./vtd_driver.ts";

const UAPI = "include/uapi/linux/iommufd.h";

/** A guest's first stage. */
export const HWPT_VTD_S1 = struct("iommu_hwpt_vtd_s1", UAPI, [
  u64("flags", "1 SRE, 2 EAFE, 4 WPE"),
  u64("pgtbl_addr", "first-stage root table, a guest physical address"),
  u32("addr_width", "48 or 57 bits"),
  u32("__reserved", "not looked at"),
]);
export const HWPT_VTD_S1_INVALIDATE = struct("iommu_hwpt_vtd_s1_invalidate", UAPI, [
  u64("addr", "first page"),
  u64("npages", "pages of 4 KiB; all ones: everything"),
  u32("flags", "1: only leaf entries need go"),
  u32("__reserved", "zero"),
]);
const LEAF = 1;
const EVERYTHING = 0xffff_ffff_ffff_ffffn;
const PAGE = 4096n;
/** D of a second-stage leaf, in its low half. */
const SECOND_STAGE_DIRTY = 1 << locate(pagingEntryLayout(2, 1, true), "D").shift;

/** What distinguishes a domain of the kernel's. */
interface PagingShape {
  readonly kind: TableKind;
  readonly root: number;
  readonly stage: 1 | 2;
  readonly nestParent: boolean;
  readonly tracked: boolean;
  /** Units are told of what is mapped, as they may cache what is not. */
  readonly tellsMapped: boolean;
}

/** Tables of the kernel's. Devices of several units can use them. */
export class VtdPaging extends TableDomain {
  /** Of the unit that they were made for. */
  readonly driver: VtdDriver;
  readonly stage: 1 | 2;
  readonly nestParent: boolean;
  readonly kindOfTables: TableKind;
  readonly tellsMapped: boolean;
  readonly ids = new DomainIds();
  /** What nests on it. */
  readonly above = new Set<VtdNested>();
  /** Accesses to pages snoop whatever the device asks for. */
  snoops = false;
  /** Accessed and dirty bits are kept. */
  tracking = false;
  readonly dirty?: DirtyTracking;

  constructor(driver: VtdDriver, memory: OwnMemory, shape: PagingShape) {
    super(memory, shape.kind, shape.root);
    this.driver = driver;
    this.stage = shape.stage;
    this.nestParent = shape.nestParent;
    this.kindOfTables = shape.kind;
    this.tellsMapped = shape.tellsMapped;
    if (!shape.tracked) return;
    this.dirty = {
      set: (on) => {
        this.tracking = on;
        for (const unit of this.units) unit.trackingChanged(this);
        return null;
      },
      read: (iova, length, clear, mark) => this.readDirtyLeaves(SECOND_STAGE_DIRTY, iova, length, clear, mark),
    };
  }

  /** Units that walk the tables: for devices that use them, or use what nests on them. */
  get units(): ReadonlySet<VtdDriver> {
    return new Set([...this.ids.units, ...[...this.above].flatMap(({ ids }) => ids.units)]);
  }

  enforceCoherency(): boolean {
    if (!this.driver.coherent()) return false;
    // Tables of the second stage carry it in their leaves: they are made with it where the unit has it.
    this.snoops = true;
    return true;
  }

  protected override mapped(iova: bigint, length: bigint): void {
    if (this.tellsMapped) this.invalidate(iova, length);
  }

  protected invalidate(iova: bigint, length: bigint): void {
    for (const unit of this.units) unit.drop(this, alignedRange(Number(iova), Number(length)), false);
  }
}

/** A guest's first stage over a second stage of the kernel's. Its contents are looked at when it is attached. */
export class VtdNested implements NestedDomain {
  readonly kind = "nested";
  readonly driver: VtdDriver;
  readonly parent: VtdPaging;
  readonly config: ReturnType<typeof HWPT_VTD_S1.decode>;
  readonly ids = new DomainIds();

  constructor(driver: VtdDriver, parent: VtdPaging, config: ReturnType<typeof HWPT_VTD_S1.decode>) {
    this.driver = driver;
    this.parent = parent;
    this.config = config;
    parent.above.add(this);
  }

  invalidate(entries: EntryArray): Invalidated {
    if (entries.type !== InvalidateDataType.VTD_S1) return { status: "EINVAL", done: 0 };
    for (let done = 0; done < entries.count; done++) {
      const status = this.#one(entries, done);
      if (status !== null) return { status, done };
    }
    return { status: null, done: entries.count };
  }

  release(): void {
    this.parent.above.delete(this);
  }

  #one(entries: EntryArray, index: number): Status {
    const { size } = HWPT_VTD_S1_INVALIDATE;
    const bytes = readDriverData(
      { type: entries.type, length: entries.entryLength, read: () => entries.read(index), write: () => false },
      size,
      size,
    );
    if (!bytes.ok) return bytes.errno;
    const v = HWPT_VTD_S1_INVALIDATE.decode(bytes.value);
    if ((v.flags & ~LEAF) !== 0 || v.__reserved !== 0) return "EOPNOTSUPP";
    const all = v.npages === EVERYTHING;
    if (v.addr % PAGE !== 0n || (all && v.addr !== 0n)) return "EINVAL";
    const range = all ? null : alignedRange(Number(v.addr), Number(v.npages * PAGE));
    if (all || v.npages > 0n) for (const unit of this.ids.units) unit.drop(this, range, (v.flags & LEAF) !== 0);
    return null;
  }
}
