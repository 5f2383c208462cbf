/**
 * Memory that an IOAS maps: pages of a process's address space, or of a file.
 * Linux 7.2, drivers/iommu/iommufd/pages.c (pfn_reader_user_pin), mm/gup.c.
 */
import type { Errno } from "../errno.ts";
import type { OpenFile, Process } from "../process.ts";

/** Where the bytes of a mapping are. Copies of a mapping share this. */
export interface UserPages {
  readonly kind: "user" | "file";
  /** Whether a mapping may let devices write: pages are pinned for writing then, whatever one mapping grants. */
  readonly writable: boolean;
  /** Address of the first byte, in the process or in the file. */
  readonly base: bigint;
  /** Physical address of byte `offset`, counted from the first byte; null where it cannot be pinned. */
  pin(offset: bigint): bigint | null;
  /** Why a page cannot be pinned. */
  readonly unpinnable: Errno;
}

/** Memory of a process from `va` on. */
export function processPages(process: Process, va: bigint, writable: boolean): UserPages {
  return {
    kind: "user",
    writable,
    base: va,
    pin: (offset) => process.translate(va + offset, writable),
    unpinnable: "EFAULT",
  };
}

/** Memory of a file from `start` on. A file that is no memory has no pages (memfd_pin_folios). */
export function filePages(file: OpenFile, start: bigint, writable: boolean): UserPages {
  return {
    kind: "file",
    writable,
    base: start,
    pin: (offset) => file.pageAt?.(start + offset) ?? null,
    unpinnable: "EINVAL",
  };
}
