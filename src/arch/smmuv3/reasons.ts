/**
 * Why a translation ended as it did: one entry for each rule of the architecture that can stop an access.
 * Arm SMMUv3 (IHI 0070 issue G.b), Arm ARM (DDI 0487) §D8 for the tables themselves.
 *
 * Traces and answers carry an index into {@link REASONS}; the sentence and the section come from here and nowhere else.
 */

import { type Reason, reason, reasonIndex } from "../reason.ts";

/** Rules that make an STE ILLEGAL, in the order of the specification's own check (§5.2.2). */
export const STE_REASONS = [
  reason("STE_V", "V", "IHI 0070 §5.2", "The STE is not valid: V is 0."),
  reason("STE_S1_ABSENT", "Config", "IHI 0070 §5.2", "Config asks for stage 1, which IDR0.S1P says is absent."),
  reason("STE_S2_ABSENT", "Config", "IHI 0070 §5.2", "Config asks for stage 2, which IDR0.S2P says is absent."),
  reason("STE_EATS_SPLIT", "EATS", "IHI 0070 §5.2", "Split-stage ATS needs both stages, S2S 0 and IDR0.NS1ATS 0."),
  reason("STE_EATS_S2S", "EATS", "IHI 0070 §5.2", "Full ATS and stage-2 stalls (S2S 1) exclude each other."),
  reason("STE_EATS_DPT", "EATS", "IHI 0070 §5.2", "ATS with DPT checks is for StreamWorld EL1 only."),
  reason("STE_STRW", "STRW", "IHI 0070 §5.2", "STRW holds a reserved value for a Non-secure stream."),
  reason(
    "STE_S1STALLD",
    "S1STALLD",
    "IHI 0070 §5.5",
    "S1STALLD is 1, but IDR0.STALL_MODEL leaves no choice to disable.",
  ),
  reason("STE_S1CDMAX", "S1CDMax", "IHI 0070 §5.2", "S1CDMax exceeds IDR1.SSIDSIZE."),
  reason("STE_S1FMT", "S1Fmt", "IHI 0070 §5.2", "S1Fmt asks for two-level CD tables, which IDR0.CD2L says are absent."),
  reason("STE_S1CONTEXTPTR", "S1ContextPtr", "IHI 0070 §3.4.3", "S1ContextPtr lies beyond the address size."),
  reason("STE_S2S", "S2S", "IHI 0070 §5.5", "S2S asks for a fault model that IDR0.STALL_MODEL does not offer."),
  reason("STE_S2AA64", "S2AA64", "IHI 0070 §5.2", "S2AA64 selects a table format that IDR0.TTF does not offer."),
  reason("STE_S2HA", "S2HA", "IHI 0070 §5.2", "S2HA or S2HD asks for updates that IDR0.HTTU does not offer."),
  reason("STE_S2HAFT", "S2HAFT", "IHI 0070 §5.2", "S2HAFT is 1 while S2HA is 0."),
  reason("STE_S2TG", "S2TG", "IHI 0070 §5.2", "S2TG selects a granule that IDR5 does not offer."),
  reason("STE_S2TTB", "S2TTB", "IHI 0070 §5.2", "S2TTB lies beyond the effective stage-2 output size."),
  reason("STE_S2T0SZ", "S2T0SZ", "IHI 0070 §5.2", "S2T0SZ is outside the range this SMMU accepts."),
  reason("STE_S2SL0", "S2SL0", "IHI 0070 §5.2", "S2SL0, S2T0SZ and S2TG contradict each other."),
  reason("STE_S2ENDI", "S2ENDI", "IHI 0070 §5.2", "S2ENDI selects an endianness that IDR0.TTENDIAN does not offer."),
  reason("STE_S2VMID", "S2VMID", "IHI 0070 §5.2", "S2VMID needs 16 bits, and IDR0.VMID16 is 0."),
  reason("STE_VMSPTR", "VMSPtr", "IHI 0070 §5.2", "VMSPtr lies beyond the output address size."),
] as const;

/** Rules that make a CD ILLEGAL, in the order of the specification's own check (§5.4.2). */
export const CD_REASONS = [
  reason("CD_V", "V", "IHI 0070 §5.4", "The CD is not valid: V is 0."),
  reason("CD_S_STALLD", "S", "IHI 0070 §5.5", "The CD asks for stalls (S 1) where the STE disables them (S1STALLD 1)."),
  reason("CD_A", "A", "IHI 0070 §5.5", "A is 0, but IDR0.TERM_MODEL says that faults always abort."),
  reason("CD_S", "S", "IHI 0070 §5.5", "S asks for a fault model that IDR0.STALL_MODEL does not offer."),
  reason("CD_ENDI", "ENDI", "IHI 0070 §5.4", "ENDI selects an endianness that IDR0.TTENDIAN does not offer."),
  reason("CD_AA64", "AA64", "IHI 0070 §5.4", "AA64 selects a table format that is not offered here."),
  reason("CD_HA", "HA", "IHI 0070 §5.4", "HA or HD asks for updates that IDR0.HTTU does not offer."),
  reason("CD_HAFT", "HAFT", "IHI 0070 §5.4", "HAFT is 1 while HA is 0."),
  reason("CD_ASID", "ASID", "IHI 0070 §5.4", "ASID needs 16 bits, and IDR0.ASID16 is 0."),
  reason("CD_T0SZ", "T0SZ", "IHI 0070 §5.4", "T0SZ is outside the range this SMMU accepts."),
  reason("CD_T1SZ", "T1SZ", "IHI 0070 §5.4", "T1SZ is outside the range this SMMU accepts."),
  reason("CD_TG0", "TG0", "IHI 0070 §5.4", "TG0 selects a granule that IDR5 does not offer."),
  reason("CD_TTB0", "TTB0", "IHI 0070 §5.4", "TTB0 lies beyond the effective IPS."),
  reason("CD_TG1", "TG1", "IHI 0070 §5.4", "TG1 selects a granule that IDR5 does not offer."),
  reason("CD_TTB1", "TTB1", "IHI 0070 §5.4", "TTB1 lies beyond the effective IPS."),
] as const;

/** Everything else, in the order in which a translation meets it. */
const WALK_REASONS = [
  reason("NONE", "", "", "Nothing is wrong."),
  reason("GBPA_ABORT", "", "IHI 0070 §6.3.15", "The SMMU is off and GBPA.ABORT is 1: every transaction is aborted."),
  reason(
    "DISABLED_BEYOND_OAS",
    "",
    "IHI 0070 §3.4",
    "The SMMU is off and the address exceeds the output address size.",
  ),
  reason("SID_RANGE", "", "IHI 0070 §7.3.3", "The StreamID is beyond the stream table (STRTAB_BASE_CFG.LOG2SIZE)."),
  reason(
    "L1STD_SPAN",
    "Span",
    "IHI 0070 §5.1",
    "The L1STD covers no StreamIDs: Span is 0, reserved or above SPLIT + 1.",
  ),
  reason("L1STD_BEYOND", "Span", "IHI 0070 §5.1", "The StreamID is beyond the level-2 array that Span describes."),
  reason("STE_FETCH", "", "IHI 0070 §7.3.4", "Nothing answered at the address of the stream table."),
  reason("STE_ABORT", "Config", "IHI 0070 §5.2", "Config is 0b0xx: the stream is disabled, and no event is recorded."),
  reason(
    "BYPASS_BEYOND_OAS",
    "",
    "IHI 0070 §3.4",
    "The stream bypasses translation and its address exceeds the output size.",
  ),
  reason(
    "IPA_BEYOND_IAS",
    "",
    "IHI 0070 §3.4",
    "Stage 1 is bypassed and the address exceeds the intermediate address size.",
  ),
  reason("SSID_UNSUPPORTED", "", "IHI 0070 §7.3.9", "The transaction has a SubstreamID, and IDR1.SSIDSIZE is 0."),
  reason("SSID_NO_STAGE1", "Config", "IHI 0070 §7.3.9", "The transaction has a SubstreamID, and stage 1 is off."),
  reason("SSID_DISABLED", "S1CDMax", "IHI 0070 §7.3.9", "The transaction has a SubstreamID, and S1CDMax is 0."),
  reason("SSID_RANGE", "S1CDMax", "IHI 0070 §7.3.9", "The SubstreamID is not below 2^S1CDMax."),
  reason("SSID_REQUIRED", "S1DSS", "IHI 0070 §7.3.7", "The transaction has no SubstreamID, and S1DSS requires one."),
  reason(
    "SSID_ZERO_RESERVED",
    "S1DSS",
    "IHI 0070 §7.3.7",
    "SubstreamID 0 belongs to traffic without one: S1DSS is 0b10.",
  ),
  reason("L1CD_V", "V", "IHI 0070 §5.3", "The L1CD is not valid: V is 0."),
  reason("L1CD_L2PTR", "L2Ptr", "IHI 0070 §3.4.3", "The L1CD's L2Ptr lies beyond the address size."),
  reason("CD_FETCH", "", "IHI 0070 §7.3.10", "Nothing answered at the address of the CD."),
  reason("VA_RANGE", "", "IHI 0070 §3.4.1", "The input address is outside the range that T0SZ and T1SZ give."),
  reason("EPD", "", "IHI 0070 §5.4", "Walks of this table base are disabled: EPD is 1."),
  reason("E0PD", "", "IHI 0070 §5.4", "Unprivileged access to this half is prevented: E0PD is 1."),
  reason("IPA_RANGE", "S2T0SZ", "IHI 0070 §3.4", "The IPA is outside the range that S2T0SZ gives."),
  reason("WALK_ABORT", "", "IHI 0070 §7.3.12", "Nothing answered at the address of the descriptor."),
  reason("INVALID", "Valid", "DDI 0487 §D8.3", "The descriptor is not valid: bit 0 is 0."),
  reason("RESERVED_TYPE", "Type", "DDI 0487 §D8.3", "The descriptor's type is reserved at this level."),
  reason("TABLE_ADDRESS_SIZE", "NLTA", "DDI 0487 §D8.2", "The next-level table lies beyond the effective output size."),
  reason("OUTPUT_ADDRESS_SIZE", "OAB", "DDI 0487 §D8.2", "The output address lies beyond the effective output size."),
  reason("ACCESS_FLAG", "AF", "DDI 0487 §D8.5", "The Access flag is 0."),
  reason(
    "S1_UNPRIVILEGED",
    "AP",
    "DDI 0487 §D8.4",
    "The access is unprivileged; stage 1 lets only privileged accesses in.",
  ),
  reason("S1_READ_ONLY", "AP", "DDI 0487 §D8.4", "The access is a write; stage 1 allows reads only."),
  reason("S1_EXECUTE", "UXN", "DDI 0487 §D8.4", "The access is an instruction fetch; stage 1 forbids it."),
  reason("S1_PAN", "", "IHI 0070 §5.4", "PAN keeps privileged data accesses from pages open to unprivileged ones."),
  reason("S2_READ", "S2AP", "DDI 0487 §D8.4", "The access is a read; stage 2 does not allow reads."),
  reason("S2_WRITE", "S2AP", "DDI 0487 §D8.4", "The access is a write; stage 2 does not allow writes."),
  reason("S2_EXECUTE", "XN", "DDI 0487 §D8.4", "The access is an instruction fetch; stage 2 forbids it."),
  reason(
    "S2_FETCH_READ",
    "S2AP",
    "DDI 0487 §D8.4",
    "A stage-1 structure lies on a page that stage 2 does not let be read.",
  ),
  reason("S2PTW", "MemAttr", "IHI 0070 §5.2", "A stage-1 structure lies in Device memory, and S2PTW is 1."),
  reason(
    "S2_UPDATE_WRITE",
    "S2AP",
    "IHI 0070 §3.13.5",
    "Hardware has to update a stage-1 descriptor, and stage 2 does not let its page be written.",
  ),
  reason("SMMU_OFF", "", "IHI 0070 §6.3.9", "The SMMU is off: transactions pass with their address unchanged."),
  reason(
    "TABLES_NOT_MODELLED",
    "",
    "IHI 0070 §5.4",
    "The structure selects VMSAv8-32 or VMSAv9-128 tables, which are not modelled.",
  ),
  reason("STE_BYPASS", "Config", "IHI 0070 §5.2", "The stream bypasses both stages."),
  reason("ATS_SMMU_OFF", "", "IHI 0070 §3.9.1", "The SMMU is off: it takes part in no ATS."),
  reason("ATS_EATS", "EATS", "IHI 0070 §5.2", "The effective EATS is 0b00: this stream may not use ATS."),
  reason("ATS_NO_STAGE", "Config", "IHI 0070 §5.2", "No stage translates this stream, so that it may not use ATS."),
  reason(
    "ATS_NOT_GRANTED",
    "",
    "IHI 0070 §13.7.1",
    "What the tables allow gives this Translation Request no permission.",
  ),
  reason(
    "TRANSLATED_BEYOND_OAS",
    "",
    "IHI 0070 §3.9.1.1",
    "The transaction is marked Translated and its address exceeds the output address size.",
  ),
  reason("DPT_NO_ACCESS", "", "IHI 0070 §3.24.1", "The Device Permission Table does not allow this access."),
  reason("DPT_LOOKUP", "", "IHI 0070 §3.24.4", "The lookup in the Device Permission Table failed."),
  reason(
    "UNSUPPORTED_UPSTREAM",
    "",
    "IHI 0070 §7.3.2",
    "The device sent a kind of transaction the SMMU does not take.",
  ),
  reason("TLB_CONFLICT", "", "IHI 0070 §7.3.17", "The transaction matched TLB entries that contradict each other."),
  reason("CFG_CONFLICT", "", "IHI 0070 §7.3.18", "The transaction matched cached STEs that contradict each other."),
] as const;

/** Reasons that came with later parts; indices stay what they are. */
const LATER_REASONS = [
  reason("VMS_FETCH", "", "IHI 0070 §7.3.20", "The Virtual Machine Structure could not be read: external abort."),
  reason("SERVICE_FAILURE", "", "IHI 0070 §12.3", "The SMMU is in Service Failure Mode: it lets nothing through."),
] as const;

/** All reasons; index 0 is none. */
export const REASONS = [
  ...WALK_REASONS,
  ...STE_REASONS,
  ...CD_REASONS,
  ...LATER_REASONS,
] as const satisfies readonly Reason[];

/** Names of reasons. */
export type ReasonId = (typeof REASONS)[number]["id"];

/** Index of each reason in {@link REASONS}. */
export const R = reasonIndex<ReasonId>(REASONS);
