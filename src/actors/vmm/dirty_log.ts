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
    const flags = on ? ENABLE : 0;
    return this.#vm.parents.every((hwpt_id) => this.#vm.call(HWPT_SET_DIRTY_TRACKING, { hwpt_id, flags }) !== null);
  }

  /** Guest physical addresses of pages written since the last call, ascending; all of a large page at once. */
  take(): number[] {
    const pages = this.#vm.parents.flatMap((parent) => this.#slots.flatMap((slot) => this.#takeSlot(parent, slot)));
    return [...new Set(pages)].sort((a, b) => a - b);
  }

  #takeSlot(parent: number, { gpa, bytes }: MemorySlot): number[] {
    const { caller } = this.#vm;
    const length = Math.ceil(bytes / PAGE / 8);
    const data = caller.data(new Uint8Array(length));
    const range = { iova: BigInt(gpa), length: BigInt(bytes), page_size: BigInt(PAGE) };
    if (this.#vm.call(HWPT_GET_DIRTY_BITMAP, { hwpt_id: parent, data, ...range }) === null) return [];
    const bitmap = caller.system.load(data, length) ?? new Uint8Array(length);
    const pages = Array.from({ length: bytes / PAGE }, (_, page) => page);
    return pages.filter((page) => ((bitmap[page >>> 3]! >>> (page & 7)) & 1) === 1).map((page) => gpa + PAGE * page);
  }
}
