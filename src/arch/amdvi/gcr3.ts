/**
 * Guest CR3 table: from a PASID to the root of the guest's tables. 48882 revision 3.10, §2.2.6.3. One to three levels of
 * tables of 512 entries, as DTE.GLX says; an entry of an upper level points to the next table, one of the last to a PML4
 * or PML5.
 */
import { address, field, layout } from "../../base/layout.ts";

/** Entry of any level of the guest CR3 table. */
export const GCR3_ENTRY = layout("GCR3 entry", "48882 §2.2.6.3", 64, [
  field("V", 0, 0, "valid", { values: { 0: "no guest tables for these PASIDs", 1: "valid" } }),
  field("_11_1", 11, 1, "reserved"),
  address(
    "Address",
    51,
    12,
    "next table, or root of the guest's tables: a guest physical address where host tables lie beneath",
  ),
  field("_63_52", 63, 52, "reserved"),
]);

/** Bits of a PASID that a table of `glx + 1` levels tells apart. */
export const gcr3PasidBits = (glx: number): number => Math.min(9 * (glx + 1), 20);
