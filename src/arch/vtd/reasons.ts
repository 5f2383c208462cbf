/**
 * Why a request ended as it did: the fault conditions of Intel VT-d (document D51397, revision 4.1) §7.1.3 for address
 * translation, §5.1.4 and §7.1.2 for interrupt remapping, in the order in which a request meets them.
 *
 * Several conditions share a fault reason code: the record holds the code, a trace the condition.
 */
import { type Reason, reasonIndex } from "../reason.ts";

/** What a translation request of a device is answered where the condition holds (§4.2.3, §7.1.3). */
type AtsAnswer =
  /** Unsupported Request. */
  | "UR"
  /** Completer Abort. */
  | "CA"
  /** Success, with no permission: the device may send a page request. */
  | "no access";

/** A fault condition. */
export interface VtdReason extends Reason {
  /** Name in the specification's tables, such as `LCT.4`; empty for what they do not list. */
  readonly condition: string;
  /** Fault reason code of the record; 0 where nothing is recorded. */
  readonly code: number;
  /** FPD of the structures that led here suppresses the record. */
  readonly qualified: boolean;
  readonly ats: AtsAnswer;
}

const FAULTS = "VT-d §7.1.3";

/** A condition of the tables: `how` is "always" for one that FPD does not suppress, "qualified" for others. */
const fault = <const Id extends string>(
  id: Id,
  condition: string,
  code: number,
  how: "always" | "qualified",
  ats: AtsAnswer,
  field: string,
  text: string,
) => ({ id, condition, code, qualified: how === "qualified", ats, field, section: FAULTS, text });

/** What ends a request without a record. */
const plain = <const Id extends string>(id: Id, section: string, text: string) => ({
  id,
  condition: "",
  code: 0,
  qualified: false,
  ats: "UR" as const,
  field: "",
  section,
  text,
});

const LEGACY = [
  fault("LRT_1", "LRT.1", 0x08, "always", "UR", "", "The root entry could not be read: nothing answered."),
  fault("LRT_2", "LRT.2", 0x01, "always", "UR", "P", "The root entry is not present: P is 0."),
  fault("LRT_3", "LRT.3", 0x0a, "always", "UR", "CTP", "The root entry has reserved bits set."),
  fault("LCT_1", "LCT.1", 0x09, "always", "UR", "", "The context entry could not be read: nothing answered."),
  fault("LCT_2", "LCT.2", 0x02, "qualified", "UR", "P", "The context entry is not present: P is 0."),
  fault("LCT_3", "LCT.3", 0x0b, "qualified", "UR", "SSPTPTR", "The context entry has reserved bits set."),
  fault(
    "LCT_4_TT",
    "LCT.4",
    0x03,
    "qualified",
    "UR",
    "TT",
    "TT asks for what is reserved or what ECAP does not offer.",
  ),
  fault("LCT_4_AW", "LCT.4", 0x03, "qualified", "UR", "AW", "AW is not among the widths that CAP.SAGAW offers."),
  fault("LCT_5", "LCT.5", 0x0d, "qualified", "UR", "TT", "TT blocks translation requests and translated requests."),
  fault("LGN_1", "LGN.1", 0x04, "qualified", "UR", "AW", "The address exceeds the width of AW or CAP.MGAW."),
  fault(
    "LCT_4_ROOT",
    "LCT.4",
    0x03,
    "qualified",
    "CA",
    "SSPTPTR",
    "The second-stage root table could not be read: nothing answered.",
  ),
  fault("LSS_1", "LSS.1", 0x07, "qualified", "CA", "", "A second-stage entry could not be read: nothing answered."),
  fault(
    "LGN_2",
    "LGN.2",
    0x05,
    "qualified",
    "no access",
    "W",
    "The request writes; the second stage does not allow it.",
  ),
  fault(
    "LGN_3",
    "LGN.3",
    0x06,
    "qualified",
    "no access",
    "R",
    "The request reads; the second stage does not allow it.",
  ),
  fault("LSS_2", "LSS.2", 0x0c, "qualified", "CA", "ADDR", "A second-stage entry has reserved bits set."),
  fault("LGN_4", "LGN.4", 0x0e, "qualified", "UR", "ADDR", "The address lies in the interrupt range 0xFEEx_xxxx."),
] as const;

const SCALABLE_TABLES = [
  fault("RTA_1", "RTA.1", 0x30, "always", "UR", "TTM", "RTADDR.TTM is reserved, or a mode that ECAP does not offer."),
  fault("RTA_2", "RTA.2", 0x31, "always", "UR", "TTM", "The request has a PASID, and RTADDR.TTM is legacy mode."),
  fault("RTA_3", "RTA.3", 0x32, "always", "UR", "TTM", "The request is a page request, and TTM is legacy mode."),
  fault("SRT_1", "SRT.1", 0x38, "always", "UR", "", "The root entry could not be read: nothing answered."),
  fault("SRT_2_LOWER", "SRT.2", 0x39, "always", "UR", "LP", "The lower context table is not present: LP is 0."),
  fault("SRT_2_UPPER", "SRT.2", 0x39, "always", "UR", "UP", "The upper context table is not present: UP is 0."),
  fault(
    "SRT_3_LOWER",
    "SRT.3",
    0x3a,
    "always",
    "UR",
    "LCTP",
    "The lower half of the root entry has reserved bits set.",
  ),
  fault(
    "SRT_3_UPPER",
    "SRT.3",
    0x3a,
    "always",
    "UR",
    "UCTP",
    "The upper half of the root entry has reserved bits set.",
  ),
  fault("SCT_1", "SCT.1", 0x40, "always", "UR", "", "The context entry could not be read: nothing answered."),
  fault("SCT_2", "SCT.2", 0x41, "qualified", "UR", "P", "The context entry is not present: P is 0."),
  fault("SCT_3", "SCT.3", 0x42, "qualified", "UR", "", "The context entry has reserved bits set."),
  fault("SCT_5", "SCT.5", 0x44, "qualified", "UR", "DTE", "DTE blocks translation requests and translated requests."),
  fault("SCT_6", "SCT.6", 0x45, "qualified", "UR", "PASIDE", "The request has a PASID, and PASIDE is 0."),
  fault("SCT_7", "SCT.7", 0x46, "qualified", "UR", "PDTS", "The PASID is beyond the directory that PDTS gives."),
  fault("SCT_8", "SCT.8", 0x47, "qualified", "UR", "PRE", "The request is a page request, and PRE is 0."),
  fault("SCT_9", "SCT.9", 0x48, "qualified", "UR", "RID_PASID", "RID_PASID is beyond the directory that PDTS gives."),
  fault("SPD_1", "SPD.1", 0x50, "always", "UR", "", "The PASID directory entry could not be read: nothing answered."),
  fault("SPD_2", "SPD.2", 0x51, "qualified", "UR", "P", "The PASID directory entry is not present: P is 0."),
  fault("SPD_3", "SPD.3", 0x52, "qualified", "UR", "SMPTBLPTR", "The PASID directory entry has reserved bits set."),
  fault("SPT_1", "SPT.1", 0x58, "always", "UR", "", "The PASID table entry could not be read: nothing answered."),
  fault("SPT_2", "SPT.2", 0x59, "qualified", "UR", "P", "The PASID table entry is not present: P is 0."),
  fault("SPT_3", "SPT.3", 0x5a, "qualified", "UR", "", "The PASID table entry has reserved bits set."),
  fault("SPT_4_PGTT", "SPT.4", 0x5b, "qualified", "UR", "PGTT", "PGTT is reserved or a type that ECAP does not offer."),
  fault("SPT_4_AW", "SPT.4", 0x5b, "qualified", "UR", "AW", "AW is not among the widths that CAP.SAGAW offers."),
  fault("SPT_4_FSPM", "SPT.4", 0x5b, "qualified", "UR", "FSPM", "FSPM is reserved, or asks for CAP.FS5LP, which is 0."),
  fault("SPT_5", "SPT.5", 0x5c, "qualified", "UR", "ERE", "The request asks to execute, and ERE is 0."),
  fault("SPT_6", "SPT.6", 0x5d, "qualified", "UR", "SRE", "The request has supervisor privilege, and SRE is 0."),
] as const;

const FIRST_STAGE = [
  fault("SGN_1", "SGN.1", 0x80, "qualified", "no access", "FSPM", "The address is not canonical for the paging mode."),
  fault("SFS_5_ROOT", "SFS.5", 0x74, "qualified", "UR", "FSPTPTR", "FSPTPTR exceeds the width of the second stage."),
  fault(
    "SFS_5",
    "SFS.5",
    0x74,
    "qualified",
    "CA",
    "ADDR",
    "The address of a first-stage table exceeds the width of the second stage.",
  ),
  fault(
    "SFS_4",
    "SFS.4",
    0x73,
    "qualified",
    "CA",
    "FSPTPTR",
    "The first-stage root table could not be read: nothing answered.",
  ),
  fault("SFS_1", "SFS.1", 0x70, "qualified", "CA", "", "A first-stage entry could not be read: nothing answered."),
  fault(
    "SFS_6",
    "SFS.6",
    0x75,
    "qualified",
    "no access",
    "R",
    "The first-stage root table lies on a page that the second stage does not let be read.",
  ),
  fault(
    "SFS_7",
    "SFS.7",
    0x76,
    "qualified",
    "no access",
    "R",
    "A first-stage table lies on a page that the second stage does not let be read.",
  ),
  fault("SFS_2", "SFS.2", 0x71, "qualified", "no access", "P", "The first-stage entry is not present: P is 0."),
  fault("SGN_2", "SGN.2", 0x81, "qualified", "no access", "U_S", "The request is a user's; U/S is 0."),
  fault(
    "SGN_6_FIRST",
    "SGN.6",
    0x85,
    "qualified",
    "no access",
    "R_W",
    "The request writes; the first stage does not allow it.",
  ),
  fault("SFS_3", "SFS.3", 0x72, "qualified", "CA", "ADDR", "The first-stage entry has reserved bits set."),
  fault(
    "SFS_8",
    "SFS.8",
    0x77,
    "qualified",
    "no access",
    "W",
    "Hardware has to set A or D in a first-stage entry, and the second stage does not let its page be written.",
  ),
  fault("SFS_10", "SFS.10", 0x91, "qualified", "CA", "A", "Setting A or D in a first-stage entry failed."),
  fault("SGN_3", "SGN.3", 0x82, "qualified", "no access", "XD", "The request executes; the first stage forbids it."),
  fault(
    "SGN_3_SMEP",
    "SGN.3",
    0x82,
    "qualified",
    "no access",
    "U_S",
    "SMEP keeps supervisor requests from executing pages of users.",
  ),
] as const;

const SECOND_STAGE = [
  fault("SGN_4", "SGN.4", 0x83, "qualified", "UR", "", "The address exceeds the host address width."),
  fault("SGN_5", "SGN.5", 0x84, "qualified", "UR", "AW", "The address exceeds the width of AW or CAP.MGAW."),
  fault(
    "SSS_4",
    "SSS.4",
    0x7b,
    "qualified",
    "CA",
    "SSPTPTR",
    "The second-stage root table could not be read: nothing answered.",
  ),
  fault("SSS_1", "SSS.1", 0x78, "qualified", "CA", "", "A second-stage entry could not be read: nothing answered."),
  fault("SSS_2", "SSS.2", 0x79, "qualified", "no access", "R", "The second-stage entry allows neither read nor write."),
  fault("SSS_3", "SSS.3", 0x7a, "qualified", "CA", "ADDR", "The second-stage entry has reserved bits set."),
  fault("SSS_6", "SSS.6", 0x7d, "qualified", "CA", "A", "Setting A or D in a second-stage entry failed."),
  fault(
    "SGN_6",
    "SGN.6",
    0x85,
    "qualified",
    "no access",
    "W",
    "The request writes; the second stage does not allow it.",
  ),
  fault(
    "SGN_7",
    "SGN.7",
    0x86,
    "qualified",
    "no access",
    "R",
    "The request reads; the second stage does not allow it.",
  ),
  fault("SGN_8", "SGN.8", 0x87, "qualified", "UR", "ADDR", "The address lies in the interrupt range 0xFEEx_xxxx."),
] as const;

const INTERRUPT = [
  fault("IR_REQUEST_RESERVED", "", 0x20, "always", "UR", "", "A remappable interrupt request has reserved bits set."),
  fault("IR_INDEX", "", 0x21, "always", "UR", "S", "The interrupt index is beyond the table that IRTA.S gives."),
  fault("IR_NOT_PRESENT", "", 0x22, "qualified", "UR", "P", "The interrupt remapping table entry is not present."),
  fault("IR_ACCESS", "", 0x23, "always", "UR", "", "The interrupt remapping table entry could not be read."),
  fault(
    "IR_ENTRY_RESERVED",
    "",
    0x24,
    "qualified",
    "UR",
    "",
    "The interrupt remapping table entry has reserved bits set.",
  ),
  fault("IR_COMPATIBILITY", "", 0x25, "always", "UR", "", "Interrupts of compatibility format are blocked."),
  fault("IR_SOURCE", "", 0x26, "qualified", "UR", "SID", "The requester is not the one that the table entry names."),
  fault("IR_POSTED_ACCESS", "", 0x27, "qualified", "UR", "", "The posted interrupt descriptor could not be read."),
  fault(
    "IR_POSTED_RESERVED",
    "",
    0x28,
    "qualified",
    "UR",
    "",
    "The posted interrupt descriptor has reserved bits set.",
  ),
] as const;

const UNRECORDED = [
  plain("NONE", "", "Nothing is wrong."),
  plain("TRANSLATION_OFF", "VT-d §10.4.5", "Translation is off (GSTS.TES is 0): addresses pass unchanged."),
  plain("PASS_THROUGH", "VT-d §3.9", "The requester passes through: its addresses are host physical addresses."),
  plain("ABORT_DMA", "VT-d §3.4.4", "RTADDR.TTM is abort-DMA mode: every DMA is blocked, and nothing is recorded."),
  plain("PROTECTED_REGION", "VT-d §3.15", "The address lies in a protected memory region while translation is off."),
  plain(
    "ERRATUM_772415",
    "Intel erratum 772415 (SPR17)",
    "Hardware sets A or D in a first-stage entry although the second stage makes its page read-only.",
  ),
  plain(
    "SNOOP_FORCED",
    "VT-d §9.6, §9.8",
    "The request says No Snoop, and snoops all the same: PGSNP of the PASID table entry, or SNP of the leaf, is 1.",
  ),
  plain(
    "NOT_SNOOPED",
    "VT-d §9.6, §9.8",
    "The request says No Snoop, and nothing overrules it: what processors hold in their caches is not looked at.",
  ),
  plain("TRANSLATED", "VT-d §4.2.4", "The request carries a translated address, and passes unchanged."),
] as const;

/** All reasons; index 0 is none. */
export const REASONS = [
  ...UNRECORDED,
  ...LEGACY,
  ...SCALABLE_TABLES,
  ...FIRST_STAGE,
  ...SECOND_STAGE,
  ...INTERRUPT,
] as const satisfies readonly VtdReason[];

/** Names of reasons. */
export type ReasonId = (typeof REASONS)[number]["id"];

/** Index of each reason in {@link REASONS}. */
export const R = reasonIndex<ReasonId>(REASONS);
