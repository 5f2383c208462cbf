/**
 * Meaning of every event of IHI 0070 §7.3 in plain words. `{who}` stands for the device.
 */
import type { Statement } from "../statement.ts";

/** What can be said of an event number. */
export interface EventAdvice {
  readonly consequence: string;
  readonly cause: readonly Statement[];
  /** Added where stage 1, or stage 2 for the final address, for a stage 1 table, for a CD, has failed. */
  readonly stage1?: readonly Statement[];
  readonly stage2?: readonly Statement[];
  readonly tableFetch?: readonly Statement[];
  readonly cdFetch?: readonly Statement[];
  readonly checks: readonly Statement[];
  readonly notThis?: readonly Statement[];
}

const s = (text: string, section: string): Statement => ({ text, section: `IHI 0070 §${section}` });

const FETCH_CHECKS = [
  s("Compare FetchAddr with the memory map: it must be RAM the SMMU can reach.", "3.4.3"),
  s("Bits of FetchAddr above SMMU_IDR5.OAS point to a wrong table address.", "3.4.3"),
];
const NESTED_TABLES = s("The guest's own tables lie at an IPA that stage 2 refuses.", "7.3.13");
const NESTED_CD = s("The CD lies at an IPA that stage 2 refuses.", "7.3.13");

export const EVENT_ADVICE: Readonly<Record<string, EventAdvice>> = {
  F_UUT: {
    consequence: "{who} sent a kind of transaction that the SMMU does not support.",
    cause: [s("What is unsupported depends on the bus; Reason belongs to the implementation.", "16.7.1")],
    checks: [
      s("Look Reason up in the manual of this SMMU.", "7.3.2"),
      s("This event may appear while SMMUEN is 0.", "7.3.2"),
    ],
  },
  C_BAD_STREAMID: {
    consequence: "{who} uses a StreamID that the Stream table does not cover.",
    cause: [
      s("The StreamID is at or above 2^LOG2SIZE of STRTAB_BASE_CFG.", "7.3.3"),
      s("Or its level 1 descriptor has no valid Span, or a Span too short for it.", "7.3.3"),
    ],
    checks: [
      s("Compare the StreamID with STRTAB_BASE_CFG.LOG2SIZE and SPLIT.", "6.3.25"),
      s("Compare the StreamID with the firmware's map: IORT or iommu-map.", "3.2"),
      s("Read the L1STD that the StreamID selects; Span 0 or 12 to 31 is invalid.", "5.1"),
    ],
    notThis: [
      s("An STE that was found but is not valid is C_BAD_STE, 0x04.", "7.3.5"),
      s("The record holds no direction: it does not say read or write.", "7.3.3"),
    ],
  },
  F_STE_FETCH: {
    consequence: "The SMMU could not read the STE of this stream.",
    cause: [s("The memory system answered the fetch with an abort, or the address was out of range.", "7.3.4")],
    checks: [s("Compare FetchAddr with STRTAB_BASE.ADDR plus 64 times the StreamID.", "6.3.24"), ...FETCH_CHECKS],
    notThis: [s("An STE that was read but is wrong is C_BAD_STE, 0x04.", "7.3.5")],
  },
  C_BAD_STE: {
    consequence: "The STE of this stream is not valid, so every access of {who} is aborted.",
    cause: [
      s("STE.V is 0, or a field has a value that this SMMU calls ILLEGAL.", "5.2.2"),
      s("The record does not tell which field.", "7.3.5"),
    ],
    checks: [
      s("Read the STE and check V, then Config against IDR0.S1P and S2P.", "5.2.2"),
      s("Check S2T0SZ, S2SL0, S2TG and S2TTB against each other and IDR5.", "5.2"),
      s("Check EATS with S2S, and STRW with IDR0.Hyp.", "5.2"),
      s("Was CMD_CFGI_STE sent after the STE was written?", "4.3.1"),
    ],
    notThis: [s("A StreamID beyond the table is C_BAD_STREAMID, 0x02.", "7.3.3")],
  },
  F_BAD_ATS_TREQ: {
    consequence: "{who} asked for an ATS translation that its stream may not ask for.",
    cause: [
      s("The effective EATS of the STE is 0b00, or Config bypasses both stages.", "7.3.6"),
      s("Or SMMUEN is 0.", "7.3.6"),
    ],
    checks: [
      s("Read STE bits 93:92 (EATS).", "5.2"),
      s("Switch ATS off in the device's ATS capability, or allow it in the STE.", "3.9.2"),
    ],
    notThis: [s("A transaction already marked Translated gives F_TRANSL_FORBIDDEN, 0x07.", "7.3.8")],
  },
  F_STREAM_DISABLED: {
    consequence: "{who} sent a transaction without a PASID to a stream that wants one.",
    cause: [
      s("STE.S1CDMax is above 0 and S1DSS is 0b00.", "7.3.7"),
      s("Or S1DSS is 0b10 and the transaction carried SubstreamID 0.", "7.3.7"),
    ],
    checks: [
      s("Read STE bits 65:64 (S1DSS) and 63:59 (S1CDMax).", "5.2"),
      s("Does the device's driver switch PASIDs on, or rely on requests without one?", "3.3.2"),
    ],
    notThis: [
      s("An STE with Config 0b000 aborts in silence and writes no event.", "7.3.7"),
      s("A PASID that is out of range is C_BAD_SUBSTREAMID, 0x08.", "7.3.9"),
    ],
  },
  F_TRANSL_FORBIDDEN: {
    consequence: "{who} sent a translated request that its stream may not send.",
    cause: [
      s("A device with ATS keeps translations and marks later requests Translated.", "3.9.1"),
      s("With CR0.ATSCHK 1 such a request is refused where EATS is 0b00.", "7.3.8"),
      s("It is also refused where Config bypasses both stages, and while SMMUEN is 0.", "3.9.1.3"),
    ],
    checks: [
      s("Is ATS enabled in the device's ATS capability (lspci -vv, ATSCtl)?", "3.9.2"),
      s("Read STE bits 93:92 (EATS) and 3:1 (Config) of this stream.", "5.2"),
      s("Read CR0 bit 4 (ATSCHK) and bit 0 (SMMUEN).", "6.3.9"),
      s("Does firmware declare ATS for this root port: the IORT ATS attribute?", "3.9"),
      s("Does it stop with ATS off (pci=noats)?", "3.9.2"),
    ],
    notThis: [
      s("C_BAD_STREAMID is 0x02, not 0x07: the Stream table is not too short.", "7.3.3"),
      s("An ATS Translation Request that is refused is F_BAD_ATS_TREQ, 0x05.", "7.3.6"),
      s("With ATSCHK 0 the same request passes unchecked and writes no event.", "6.3.9.2"),
    ],
  },
  C_BAD_SUBSTREAMID: {
    consequence: "{who} sent a PASID that its stream does not accept.",
    cause: [
      s("Stage 1 is off, substreams are off, or the SubstreamID is 2^S1CDMax or more.", "7.3.9"),
      s("Or the L1CD that it selects is not valid.", "7.3.9"),
    ],
    checks: [
      s("Read STE bits 63:59 (S1CDMax) and compare with the SubstreamID.", "5.2"),
      s("With two-level CD tables, read the L1CD and check V and L2Ptr.", "5.3"),
      s("Compare the device's pasid-num-bits with IDR1.SSIDSIZE.", "6.3.2"),
    ],
    notThis: [s("The SubstreamID here is always real, also when it is 0.", "7.3.9")],
  },
  F_CD_FETCH: {
    consequence: "The SMMU could not read the CD of this stream.",
    cause: [s("The memory system answered the fetch with an abort.", "7.3.10")],
    checks: [s("Compare FetchAddr with S1ContextPtr plus 64 times the SubstreamID.", "5.2"), ...FETCH_CHECKS],
    notThis: [
      s("A stage 2 fault on the way to the CD is F_TRANSLATION with CLASS CD.", "7.3.13"),
      s("A CD that was read but is wrong is C_BAD_CD, 0x0a.", "7.3.11"),
    ],
  },
  C_BAD_CD: {
    consequence: "The CD of this stream is not valid, so every access of {who} is aborted.",
    cause: [
      s("CD.V is 0, or a field has a value that this SMMU calls ILLEGAL.", "5.4.2"),
      s("The record does not tell which field.", "7.3.11"),
    ],
    checks: [
      s("Read the CD and check V, AA64, then T0SZ and T1SZ with EPD0 and EPD1.", "5.4.2"),
      s("Check TG0 and TG1 against IDR5, IPS against IDR5.OAS.", "5.4"),
      s("Check A, R and S against IDR0.STALL_MODEL and TERM_MODEL.", "5.5"),
      s("Was CMD_CFGI_CD sent after the CD was written?", "4.3.3"),
    ],
    notThis: [s("A CD table entry beyond S1CDMax is C_BAD_SUBSTREAMID, 0x08.", "7.3.9")],
  },
  F_WALK_EABT: {
    consequence: "The SMMU could not read a translation table for {who}.",
    cause: [s("The memory system answered the fetch of a descriptor with an abort.", "7.3.12")],
    stage1: [s("A stage 1 descriptor at the physical address FetchAddr could not be read.", "7.3.12")],
    stage2: [s("A stage 2 descriptor at the physical address FetchAddr could not be read.", "7.3.12")],
    tableFetch: [s("A stage 2 descriptor failed while a stage 1 table was located.", "7.3.12")],
    cdFetch: [s("A stage 2 descriptor failed while the CD was located.", "7.3.12")],
    checks: [
      ...FETCH_CHECKS,
      s("Find the table that points to FetchAddr: its descriptor is wrong or stale.", "7.3.12"),
      s("RnW speaks of the device's access, not of the fetch that failed.", "7.3.12"),
    ],
    notThis: [s("A descriptor that was read and is invalid gives F_TRANSLATION, 0x10.", "7.3.13")],
  },
  F_TRANSLATION: {
    consequence: "{who} used an address that is not mapped.",
    cause: [s("A descriptor on the way is invalid, or the address lies outside the table's range.", "7.3.13")],
    stage1: [s("Stage 1 failed, so the IPA field of the record means nothing.", "7.3.13")],
    stage2: [s("Stage 1 gave an IPA that stage 2 does not map.", "7.3.13")],
    tableFetch: [NESTED_TABLES],
    cdFetch: [NESTED_CD],
    checks: [
      s("Did the driver map this address, for this device, before the access?", "3.12"),
      s("Was it unmapped while the device still used it?", "4.4"),
      s("Address 0 often means a pointer that was never set.", "7.3.13"),
      s("Compare the address with T0SZ, T1SZ, EPD0 and EPD1 of the CD.", "5.4"),
      s("Walk the tables for this address and see which level ends it.", "3.4"),
    ],
    notThis: [
      s("A mapped address that refuses the access is F_PERMISSION, 0x13.", "7.3.16"),
      s("There is no event named F_TL_PF: 0x10 is F_TRANSLATION.", "7.3.13"),
    ],
  },
  F_ADDR_SIZE: {
    consequence: "A translation for {who} came out at an address that is too large.",
    cause: [s("A descriptor's output lies above CD.IPS or STE.S2PS.", "7.3.14")],
    stage1: [s("With stage 1 bypassed, the input address itself was above the range.", "3.4")],
    stage2: [s("Stage 2 produced an address above STE.S2PS.", "7.3.14")],
    tableFetch: [NESTED_TABLES],
    cdFetch: [NESTED_CD],
    checks: [
      s("Compare CD.IPS and STE.S2PS with SMMU_IDR5.OAS.", "3.4"),
      s("Read the descriptor: bits above the size are set.", "7.3.14"),
    ],
    notThis: [s("A table base out of range makes the CD or STE ILLEGAL instead.", "7.3.14")],
  },
  F_ACCESS: {
    consequence: "{who} used a page whose Access flag is clear.",
    cause: [s("AF is 0 in the leaf and the SMMU does not set it by itself.", "7.3.15")],
    tableFetch: [NESTED_TABLES],
    cdFetch: [NESTED_CD],
    checks: [
      s("Set AF when mapping, or let the SMMU do it: CD.HA or STE.S2HA.", "3.13.2"),
      s("CD.AFFD and STE.S2AFFD switch this fault off.", "5.4"),
      s("Does IDR0.HTTU say that hardware updates exist?", "6.3.1"),
    ],
    notThis: [s("AF has nothing to do with read or write permission.", "7.3.15")],
  },
  F_PERMISSION: {
    consequence: "{who} used a mapped page in a way the tables do not allow.",
    cause: [s("Read, write, execute or privilege is missing in the leaf or a table above it.", "7.3.16")],
    stage1: [s("Stage 1 refused: AP, UXN, PXN or a hierarchical limit.", "7.3.16")],
    stage2: [s("Stage 2 refused: S2AP or XN.", "7.3.16")],
    tableFetch: [s("Stage 2 refused an access to a stage 1 table; TTRnW gives its direction.", "7.3.16")],
    cdFetch: [s("Stage 2 refused the read of the CD.", "7.3.16")],
    checks: [
      s("Compare RnW, InD and PnU of the record with the leaf's permissions.", "7.3.16"),
      s("Was the buffer mapped for the wrong direction?", "7.3.16"),
      s("STE.PRIVCFG and INSTCFG may change what the device asked for.", "5.2"),
      s("With hardware dirty state, is DBM set and CD.HD or S2HD enabled?", "3.13.3"),
      s("S2PTW refuses stage 1 tables in Device memory.", "5.2"),
    ],
    notThis: [s("An address without any mapping is F_TRANSLATION, 0x10.", "7.3.13")],
  },
  F_TLB_CONFLICT: {
    consequence: "The SMMU found two cached translations for one address of {who}.",
    cause: [s("Tables were changed without break-before-make, or Contiguous was set wrongly.", "7.3.17")],
    checks: [
      s("Check the order: invalidate the old entry, CMD_TLBI, CMD_SYNC, then the new one.", "3.21"),
      s("Check that every member of a Contiguous run is there and equal.", "3.21"),
      s("Reason belongs to the implementation.", "7.3.17"),
    ],
  },
  F_CFG_CONFLICT: {
    consequence: "The SMMU found contradicting cached configuration for this stream.",
    cause: [s("STE.CONT claims a run of equal STEs, but they differ.", "7.3.18")],
    checks: [s("Compare every STE in the span that CONT names.", "5.2"), s("No CD can cause this event.", "7.3.18")],
  },
  E_PAGE_REQUEST: {
    consequence: "{who} announces that it will soon use these pages.",
    cause: [s("It is a hint: nothing has failed and no answer is needed.", "7.3.19")],
    checks: [s("Software may page the range in early.", "7.3.19")],
    notThis: [s("A PCIe page request arrives in the PRI queue, not here.", "8")],
  },
  F_VMS_FETCH: {
    consequence: "The SMMU could not read the Virtual Machine Structure of this stream.",
    cause: [s("The memory system answered the fetch with an abort.", "7.3.20")],
    checks: [s("Check STE.VMSPtr: it is used where S1MPAM is 1 and both stages translate.", "5.6"), ...FETCH_CHECKS],
  },
  IMPDEF: {
    consequence: "This event belongs to the implementation; the architecture does not say what it means.",
    cause: [s("Numbers 0xe0 to 0xef are left to the maker of the SMMU.", "7.3.21")],
    checks: [s("Look it up in the manual of this SMMU; Arm asks to treat it as non-fatal.", "7.3.21")],
  },
};
