/**
 * Scalable-mode PASID directory entry and PASID table entry. Intel VT-d (document D51397, revision 4.1) §9.5, §9.6.
 *
 * Bits [19:6] of a PASID select the directory entry, bits [5:0] the table entry. Both lie at host physical addresses.
 */
import { address, field, layout } from "../../base/layout.ts";
import { ADDRESS_WIDTH } from "./root_context.ts";

const OFF_ON = { values: { 0: "off", 1: "on" } } as const;
const FIRST = "where first-stage tables are used (PGTT 001b or 011b)";
const SECOND = "where second-stage tables are used (PGTT 010b or 011b)";

/** PASID Granular Translation Type. */
export const Pgtt = { First: 1, Second: 2, Nested: 3, PassThrough: 4 } as const;

/** PASID directory entry, 64 bits. */
export const PASID_DIRECTORY_ENTRY = layout("PASID directory entry", "VT-d §9.5", 64, [
  field("P", 0, 0, "present", { values: { 0: "not present", 1: "present" } }),
  field("FPD", 1, 1, "fault processing disable", OFF_ON),
  field("_11_2", 11, 2, "reserved"),
  address("SMPTBLPTR", 63, 12, "PASID table of 64 entries"),
]);

/** PASID table entry, 512 bits. */
export const PASID_TABLE_ENTRY = layout("PASID table entry", "VT-d §9.6", 512, [
  field("P", 0, 0, "present", { values: { 0: "not present", 1: "present" } }),
  field("FPD", 1, 1, "fault processing disable", OFF_ON),
  field("AW", 4, 2, "address width of the second stage", { values: ADDRESS_WIDTH, when: SECOND }),
  field("_5", 5, 5, "reserved"),
  field("PGTT", 8, 6, "PASID granular translation type", {
    values: {
      0: "Reserved",
      1: "first-stage translation only",
      2: "second-stage translation only",
      3: "nested translation",
      4: "pass-through",
      5: "Reserved",
      6: "Reserved",
      7: "Reserved",
    },
  }),
  field("SSADE", 9, 9, "accessed and dirty bits of the second stage", { ...OFF_ON, when: SECOND }),
  field("_11_10", 11, 10, "reserved"),
  address("SSPTPTR", 63, 12, "second-stage root table, a host physical address", { when: SECOND }),
  field("DID", 79, 64, "domain identifier, tag of cached translations"),
  field("_86_80", 86, 80, "reserved"),
  field("PWSNP", 87, 87, "page walks snoop the caches of the processors", OFF_ON),
  field("PGSNP", 88, 88, "accesses to pages snoop, whatever the device says", OFF_ON),
  field("CD", 89, 89, "cache disable", { ...OFF_ON, when: "ECAP.MTS == 1" }),
  field("EMTE", 90, 90, "extended memory type enable", { ...OFF_ON, when: "ECAP.MTS == 1" }),
  field("EMT", 93, 91, "extended memory type", { when: "ECAP.MTS == 1 and EMTE == 1" }),
  field("PWT", 94, 94, "memory type of first-stage tables", { when: "ECAP.MTS == 1" }),
  field("PCD", 95, 95, "memory type of first-stage tables", { when: "ECAP.MTS == 1" }),
  field("PAT", 127, 96, "page attribute table", { when: "ECAP.MTS == 1" }),
  field("SRE", 128, 128, "requests with supervisor privilege are served", { ...OFF_ON, when: FIRST }),
  field("ERE", 129, 129, "requests to execute are served", { ...OFF_ON, when: FIRST }),
  field("FSPM", 131, 130, "first-stage paging mode", {
    values: { 0: "4 levels", 1: "5 levels (CAP.FS5LP)", 2: "Reserved", 3: "Reserved" },
    when: FIRST,
  }),
  field("WPE", 132, 132, "R/W binds supervisor requests too", { ...OFF_ON, when: FIRST }),
  field("NXE", 133, 133, "XD bits of first-stage entries count", { ...OFF_ON, when: FIRST }),
  field("SMEP", 134, 134, "supervisor requests may not execute user pages", { ...OFF_ON, when: FIRST }),
  field("EAFE", 135, 135, "extended accessed flag", { ...OFF_ON, when: FIRST }),
  field("_139_136", 139, 136, "reserved"),
  address(
    "FSPTPTR",
    191,
    140,
    "first-stage root table: guest physical where translation is nested, else host physical",
    {
      when: FIRST,
    },
  ),
  field("_255_192", 255, 192, "reserved"),
  field("_319_256", 319, 256, "reserved"),
  field("_383_320", 383, 320, "reserved"),
  field("_447_384", 447, 384, "reserved"),
  field("_511_448", 511, 448, "reserved"),
]);
