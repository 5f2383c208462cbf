/**
 * Entries of the guest (version 2) page tables, which have the form of the processor's. 48882 revision 3.10, §2.2.6.5;
 * AMD64 Architecture Programmer's Manual, volume 2, §5.3 and §5.4.
 *
 * Levels count from 1, whose entries map 4 KiB, to 4 or 5.
 */
import { address, field, type Layout, layout } from "../../base/layout.ts";

const LOW = [
  field("P", 0, 0, "present", { values: { 0: "not present: page fault", 1: "present" } }),
  field("RW", 1, 1, "writing", { values: { 0: "not allowed", 1: "allowed if every level allows it" } }),
  field("US", 2, 2, "user access", { values: { 0: "supervisor only", 1: "allowed if every level allows it" } }),
  field("PWT", 3, 3, "write-through"),
  field("PCD", 4, 4, "cache disable"),
  field("A", 5, 5, "accessed, set by the IOMMU"),
] as const;
const D = field("D", 6, 6, "dirty, set by the IOMMU on writes");
const PS_PAGE = field("PS", 7, 7, "page size", { values: { 1: "this entry maps a page" } });
const G = field("G", 8, 8, "global");
const HIGH = [
  field("AVL", 62, 52, "free for software"),
  field("NX", 63, 63, "execution", { when: "with EFR.NXSup", values: { 0: "allowed", 1: "not allowed" } }),
] as const;
const AVL = field("_11_9", 11, 9, "free for software");

const SECTION = "48882 §2.2.6.5";

/** Entry that points to the next table. */
const GUEST_TABLE = layout("guest table entry", SECTION, 64, [
  ...LOW,
  field("_6", 6, 6, "ignored"),
  field("PS", 7, 7, "page size", { values: { 0: "this entry points to a table" } }),
  field("_8", 8, 8, "ignored"),
  AVL,
  address("NextTableAddress", 51, 12, "next table: a guest physical address where host tables lie beneath"),
  ...HIGH,
]);

/** Page of 4 KiB. */
const GUEST_PTE = layout("guest PTE", SECTION, 64, [
  ...LOW,
  D,
  field("PAT", 7, 7, "page attribute table"),
  G,
  AVL,
  address("PageAddress", 51, 12, "page: a guest physical address where host tables lie beneath"),
  ...HIGH,
]);

/** Page of 2 MiB. */
const GUEST_2M = layout("guest PDE, 2 MiB page", SECTION, 64, [
  ...LOW,
  D,
  PS_PAGE,
  G,
  AVL,
  field("PAT", 12, 12, "page attribute table"),
  field("_20_13", 20, 13, "RES0"),
  address("PageAddress", 51, 21, "page: a guest physical address where host tables lie beneath"),
  ...HIGH,
]);

/** Page of 1 GiB. */
const GUEST_1G = layout("guest PDPE, 1 GiB page", SECTION, 64, [
  ...LOW,
  D,
  PS_PAGE,
  G,
  AVL,
  field("PAT", 12, 12, "page attribute table"),
  field("_29_13", 29, 13, "RES0"),
  address("PageAddress", 51, 30, "page: a guest physical address where host tables lie beneath"),
  ...HIGH,
]);

/** How to read a guest entry, by its low half and its level, 1 to 5. */
export function guestEntryLayout(lo: number, level: number): Layout {
  if (level <= 1) return GUEST_PTE;
  if ((lo & 0x80) === 0) return GUEST_TABLE;
  return level === 2 ? GUEST_2M : level === 3 ? GUEST_1G : GUEST_TABLE;
}
