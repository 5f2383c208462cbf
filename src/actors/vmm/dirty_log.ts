/**
 * Which pages of guest memory devices have written: what a live migration copies again. The hardware keeps it in the
 * tables of the HWPT over guest memory. Linux 7.2, include/uapi/linux/iommufd.h (iommu_hwpt_set_dirty_tracking,
 * iommu_hwpt_get_dirty_bitmap).
 */
import { HWPT_GET_DIRTY_BITMAP, HWPT_SET_DIRTY_TRACKING } from "../../host/iommufd/ioctls.ts";
import type { MemorySlot, VmObjects } from "./vm_objects.ts";

const PAGE = 4096;
const ENABLE = 1;

export class DirtyLog {
  readonly #vm: VmObjects;
  readonly #slots: readonly MemorySlot[];

  constructor(vm: VmObjects, slots: readonly MemorySlot[]) {
    this.#vm = vm;
    this.#slots = slots;
  }

  /** Switch it on, with nothing dirty, or off. @returns false where the kernel refuses, as without hardware for it */
  switch(on: boolean): boolean {
    return this.#vm.call(HWPT_SET_DIRTY_TRACKING, { hwpt_id: this.#vm.parent, flags: on ? ENABLE : 0 }) !== null;
  }

  /** Guest physical addresses of pages written since the last call, ascending; all of a large page at once. */
  take(): number[] {
    return this.#slots.flatMap((slot) => this.#takeSlot(slot));
  }

  #takeSlot({ gpa, bytes }: MemorySlot): number[] {
    const { caller, parent } = this.#vm;
    const length = Math.ceil(bytes / PAGE / 8);
    const data = caller.data(new Uint8Array(length));
    const range = { iova: BigInt(gpa), length: BigInt(bytes), page_size: BigInt(PAGE) };
    if (this.#vm.call(HWPT_GET_DIRTY_BITMAP, { hwpt_id: parent, data, ...range }) === null) return [];
    const bitmap = caller.system.load(data, length) ?? new Uint8Array(length);
    const pages = Array.from({ length: bytes / PAGE }, (_, page) => page);
    return pages.filter((page) => ((bitmap[page >>> 3]! >>> (page & 7)) & 1) === 1).map((page) => gpa + PAGE * page);
  }
}
