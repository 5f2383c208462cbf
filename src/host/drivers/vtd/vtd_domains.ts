/**
 * Domains of the VT-d driver: first-stage and second-stage tables of the kernel's, and nested ones of a guest's.
 * Linux 7.2, drivers/iommu/intel/iommu.c and nested.c.
 */

import type { OwnMemory } from "../../../kernel/own_memory.ts";
import type { Status } from "../../errno.ts";
import { InvalidateDataType } from "../../iommufd/ioctls.ts";
import { struct, u32, u64 } from "../../uapi_struct.ts";
import { type DirtyTracking, type EntryArray, type Invalidated, type NestedDomain, readDriverData } from "../driver.ts";
import { TableDomain, type TableKind } from "../table_domain.ts";
import type { Descriptor } from "./invalidation.ts";
import type { VtdDriver } from "./vtd_driver.ts";

const UAPI = "include/uapi/linux/iommufd.h";

/** A guest's first stage. */
export const HWPT_VTD_S1 = struct("iommu_hwpt_vtd_s1", UAPI, [
  u64("flags", "1 SRE, 2 EAFE, 4 WPE"),
  u64("pgtbl_addr", "first-stage root table, a guest physical address"),
  u32("addr_width", "48 or 57 bits"),
  u32("__reserved", "not looked at"),
]);
const HWPT_VTD_S1_INVALIDATE = struct("iommu_hwpt_vtd_s1_invalidate", UAPI, [
  u64("addr", "first page"),
  u64("npages", "pages of 4 KiB; all ones: everything"),
  u32("flags", "1: only leaf entries need go"),
  u32("__reserved", "zero"),
]);
const LEAF = 1;
const EVERYTHING = 0xffff_ffff_ffff_ffffn;
const PAGE_LG2 = 12n;
const PAGE = 1n << PAGE_LG2;
/** Address masks from which on everything of a PASID is dropped. */
const MOST_MASK = 52;

/** Which pages an invalidation is of: the smallest aligned power of two that covers the range. */
function pagesOf(iova: bigint, pages: bigint): { readonly ADDR: number; readonly AM: number } {
  let mask = 0n;
  const [first, last] = [iova >> PAGE_LG2, (iova >> PAGE_LG2) + pages - 1n];
  while (first >> mask !== last >> mask) mask++;
  return { ADDR: Number(((first >> mask) << mask) << PAGE_LG2), AM: Number(mask) };
}

/** A kind of tables of the kernel's. */
export class VtdPaging extends TableDomain {
  readonly driver: VtdDriver;
  readonly stage: 1 | 2;
  readonly nestParent: boolean;
  readonly kindOfTables: TableKind;
  /** Tag of cached translations. */
  readonly did: number;
  /** Accesses to pages snoop whatever the device asks for. */
  snoops = false;
  /** Accessed and dirty bits are kept. */
  tracking = false;
  readonly dirty?: DirtyTracking;

  constructor(
    driver: VtdDriver,
    memory: OwnMemory,
    shape: { kind: TableKind; root: number; stage: 1 | 2; nestParent: boolean; tracked: boolean; did: number },
  ) {
    super(memory, shape.kind, shape.root);
    this.driver = driver;
    this.stage = shape.stage;
    this.nestParent = shape.nestParent;
    this.kindOfTables = shape.kind;
    this.did = shape.did;
    if (!shape.tracked) return;
    this.dirty = {
      set: (on) => {
        this.tracking = on;
        driver.trackingChanged(this);
        return null;
      },
      read: (iova, length, clear, mark) => this.readDirtyLeaves(SECOND_STAGE_DIRTY, iova, length, clear, mark),
    };
  }

  enforceCoherency(): boolean {
    if (!this.driver.has("ECAP", "SC")) return false;
    // Tables of the second stage carry it in their leaves: they are made with it where the unit has it.
    this.snoops = true;
    return true;
  }

  override release(): void {
    this.driver.dropDomain(this.did);
    super.release();
  }

  protected override mapped(iova: bigint, length: bigint): void {
    if (this.driver.has("CAP", "CM")) this.invalidate(iova, length);
  }

  protected invalidate(iova: bigint, length: bigint): void {
    this.driver.run(this.driver.invalidationOf(this, pagesOf(iova, length >> PAGE_LG2)));
  }
}

/** D of a second-stage leaf (VT-d §9.8). */
const SECOND_STAGE_DIRTY = 1 << 9;

/** A guest's first stage over a second stage of the kernel's. Its contents are looked at when it is attached. */
export class VtdNested implements NestedDomain {
  readonly kind = "nested";
  readonly driver: VtdDriver;
  readonly parent: VtdPaging;
  readonly config: ReturnType<typeof HWPT_VTD_S1.decode>;
  readonly did: number;

  constructor(driver: VtdDriver, parent: VtdPaging, config: ReturnType<typeof HWPT_VTD_S1.decode>, did: number) {
    this.driver = driver;
    this.parent = parent;
    this.config = config;
    this.did = did;
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
    this.driver.dropDomain(this.did);
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
    this.driver.run(this.#descriptors(v.addr, all ? 0n : v.npages, all, v.flags & LEAF));
    return null;
  }

  /** The range for every attachment of the domain; large ones become everything of the PASID. */
  #descriptors(addr: bigint, npages: bigint, all: boolean, leaf: number): Descriptor[] {
    if (!all && npages === 0n) return [];
    const pages = all ? null : pagesOf(addr, npages);
    const which = pages === null || pages.AM >= MOST_MASK ? { G: 2 } : { G: 3, ...pages, IH: leaf };
    return this.driver.attachmentsOf(this).flatMap(({ device, pasid }) => {
      const cached = { name: "p_iotlb_inv_dsc", fields: { DID: this.did, PASID: pasid, ...which } };
      return device.ats ? [cached, this.driver.deviceInvalidation(device, pasid)] : [cached];
    });
  }
}
