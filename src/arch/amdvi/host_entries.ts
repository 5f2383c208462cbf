/**
 * Entries of the host (version 1) I/O page tables. 48882 revision 3.10, §2.2.3.
 *
 * Levels count from 1, whose entries map 4 KiB by default, to 6. An entry is a page directory entry where NextLevel is
 * 1 to 6, a page translation entry where it is 0 (the level's default size) or 7 (a size that the address says).
 */
import { address, field, type Layout, layout } from "../../base/layout.ts";

const PR = field("PR", 0, 0, "present", { values: { 0: "not present: IO_PAGE_FAULT", 1: "present" } });
const A = field("A", 5, 5, "accessed", { when: "set by the IOMMU where DTE.HAD allows" });
const IR = field("IR", 61, 61, "reading", { values: { 0: "not allowed", 1: "allowed if every level allows it" } });
const IW = field("IW", 62, 62, "writing", { values: { 0: "not allowed", 1: "allowed if every level allows it" } });

/** Page directory entry: points to a table of a lower level, which need not be the next. */
const HOST_PDE = layout("host PDE", "48882 §2.2.3", 64, [
  PR,
  field("_4_1", 4, 1, "ignored"),
  A,
  field("_8_6", 8, 6, "ignored"),
  field("NextLevel", 11, 9, "level of the table this points to", {
    values: {
      1: "level 1",
      2: "level 2",
      3: "level 3",
      4: "level 4",
      5: "level 5",
      6: "Reserved: no level is above 6",
    },
  }),
  address("NextTableAddress", 51, 12, "table of that level, a system physical address"),
  field("_60_52", 60, 52, "reserved"),
  IR,
  IW,
  field("_63", 63, 63, "ignored"),
]);

const PTE_HIGH = [
  field("_58_52", 58, 52, "reserved"),
  field("U", 59, 59, "attribute U of ATS responses"),
  field("FC", 60, 60, "force coherent", { values: { 0: "snoops as the request asks", 1: "always snoops" } }),
  IR,
  IW,
  field("_63", 63, 63, "ignored"),
] as const;
const PTE_LOW = [
  PR,
  field("_4_1", 4, 1, "ignored"),
  A,
  field("D", 6, 6, "dirty", { when: "set by the IOMMU where DTE.HAD allows" }),
  field("_8_7", 8, 7, "ignored"),
] as const;

/** Page translation entry of the level's default size. */
export const HOST_PTE = layout("host PTE", "48882 §2.2.3", 64, [
  ...PTE_LOW,
  field("NextLevel", 11, 9, "what the entry is", { values: { 0: "page of the level's default size" } }),
  address("PageAddress", 51, 12, "page, a system physical address"),
  ...PTE_HIGH,
]);

/** Page translation entry whose address says its size: ones from bit 12 up to the bit below half of it. */
const HOST_SIZED_PTE = layout("host PTE, sized", "48882 §2.2.3", 64, [
  ...PTE_LOW,
  field("NextLevel", 11, 9, "what the entry is", { values: { 7: "page whose size is in its address" } }),
  address("PageAddress", 51, 12, "page; its lowest clear bit is half its size, the ones below belong to the code"),
  ...PTE_HIGH,
]);

/** How to read a host entry, by its low half. */
export function hostEntryLayout(lo: number): Layout {
  const next = HOST_PTE.f.NextLevel.get([lo], 0);
  return next === 0 ? HOST_PTE : next === 7 ? HOST_SIZED_PTE : HOST_PDE;
}
