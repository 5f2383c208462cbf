/**
 * Root and context entries of legacy and of scalable mode. Intel VT-d (document D51397, revision 4.1) §9.1 to §9.4.
 *
 * A root table has an entry for each bus. In legacy mode that leads to a context table with an entry for each device
 * and function; in scalable mode to two, for devices below 16 and for the others.
 */
import { address, field, layout } from "../../base/layout.ts";

const PRESENT = { values: { 0: "not present", 1: "present" } } as const;
const OFF_ON = { values: { 0: "off", 1: "on" } } as const;
const FPD = {
  values: { 0: "faults are recorded", 1: "qualified faults leave no record" },
  section: "VT-d §7.1.3",
} as const;

/** Address widths of second-stage tables, by the code of AW fields (VT-d §9.3, §9.6). */
export const ADDRESS_WIDTH: Readonly<Record<number, string>> = {
  0: "Reserved",
  1: "39 bits, 3 levels",
  2: "48 bits, 4 levels",
  3: "57 bits, 5 levels",
  4: "Reserved",
  5: "Reserved",
  6: "Reserved",
  7: "Reserved",
};

/** Root entry of legacy mode, 128 bits. */
export const ROOT_ENTRY = layout("Root entry", "VT-d §9.1", 128, [
  field("P", 0, 0, "present", PRESENT),
  field("_11_1", 11, 1, "reserved"),
  address("CTP", 63, 12, "context table; bits at or above the host address width are reserved"),
  field("_127_64", 127, 64, "reserved"),
]);

/** Root entry of scalable mode, 128 bits. */
export const SM_ROOT_ENTRY = layout("Scalable-mode root entry", "VT-d §9.2", 128, [
  field("LP", 0, 0, "lower context table present", PRESENT),
  field("_11_1", 11, 1, "reserved"),
  address("LCTP", 63, 12, "context table of devices 0 to 15"),
  field("UP", 64, 64, "upper context table present", PRESENT),
  field("_75_65", 75, 65, "reserved"),
  address("UCTP", 127, 76, "context table of devices 16 to 31"),
]);

/** Context entry of legacy mode, 128 bits. */
export const CONTEXT_ENTRY = layout("Context entry", "VT-d §9.3", 128, [
  field("P", 0, 0, "present", PRESENT),
  field("FPD", 1, 1, "fault processing disable", FPD),
  field("TT", 3, 2, "translation type", {
    values: {
      0: "untranslated requests are translated; others are blocked",
      1: "all requests: translation requests are answered, translated requests pass (ECAP.DT)",
      2: "untranslated requests pass through (ECAP.PT); others are blocked",
      3: "Reserved",
    },
  }),
  field("_11_4", 11, 4, "reserved"),
  address("SSPTPTR", 63, 12, "second-stage root table", { when: "TT is 00b or 01b" }),
  field("AW", 66, 64, "address width", { values: ADDRESS_WIDTH, when: "with TT 10b: the largest the unit has" }),
  field("_70_67", 70, 67, "ignored, free for software"),
  field("_71", 71, 71, "reserved"),
  field("DID", 87, 72, "domain identifier, tag of cached translations"),
  field("_127_88", 127, 88, "reserved"),
]);

/** Context entry of scalable mode, 256 bits. */
export const SM_CONTEXT_ENTRY = layout("Scalable-mode context entry", "VT-d §9.4", 256, [
  field("P", 0, 0, "present", PRESENT),
  field("FPD", 1, 1, "fault processing disable", FPD),
  field("DTE", 2, 2, "Device-TLB enable: translation and translated requests are served", OFF_ON),
  field("PASIDE", 3, 3, "requests with PASID are served", OFF_ON),
  field("PRE", 4, 4, "page requests are served", OFF_ON),
  field("_8_5", 8, 5, "reserved"),
  field("PDTS", 11, 9, "the PASID directory has 2^(PDTS+7) entries", {
    values: Object.fromEntries(
      [0, 1, 2, 3, 4, 5, 6, 7].map((n) => [n, `${2 ** (n + 7)} entries, PASIDs below 2^${n + 13}`]),
    ),
  }),
  address("PASIDDIRPTR", 63, 12, "PASID directory"),
  field("RID_PASID", 83, 64, "PASID of requests that carry none", { when: "ECAP.RPS == 1, else 0 is used" }),
  field("RID_PRIV", 84, 84, "privilege of requests without PASID", {
    values: { 0: "user", 1: "supervisor" },
    when: "ECAP.RPS == 1 and ECAP.SRS == 1",
  }),
  field("_127_85", 127, 85, "reserved"),
  field("_191_128", 191, 128, "reserved"),
  field("_255_192", 255, 192, "reserved"),
]);
