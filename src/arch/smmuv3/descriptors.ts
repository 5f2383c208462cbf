/**
 * VMSAv8-64 translation table descriptors as the SMMU walks them: stage 1 and stage 2, Table, Block and Page,
 * for 4KB, 16KB and 64KB granules, with 48-bit and 52-bit output addresses.
 * A-profile architecture (DDI 0487 issue M.a.a) §D8.3.1; controls that the SMMU keeps in the CD and the STE
 * (IHI 0070 §5.2, §5.4) stand in the place of TCR_ELx and VTCR_EL2.
 *
 * Levels are the architecture's: 3 holds pages, smaller numbers are nearer to the base (-1 to 3).
 */
import { address, field, type Layout, layout } from "../../base/layout.ts";
import { OFF_ON, S2_MEMATTR, S2_MEMATTR_FWB, SHAREABILITY } from "./codes.ts";
import type { DescriptorKind } from "./descriptor_kind.ts";

/** log2 of a translation granule: 4KB, 16KB or 64KB. */
export type GranuleLg2 = 12 | 14 | 16;

const D8 = (rest: string) => `DDI 0487 §D8.${rest}`;
const VALID = field("Valid", 0, 0, "descriptor valid", { values: { 0: "invalid: Translation fault", 1: "valid" } });
const TYPE_BLOCK = field("Type", 1, 1, "Block at levels 0 to 2", { values: { 0: "Block", 1: "Table" } });
const TYPE_TABLE = field("Type", 1, 1, "Table at levels -1 to 2", { values: { 0: "Block", 1: "Table" } });
const TYPE_PAGE = field("Type", 1, 1, "Page at level 3", { values: { 0: "Reserved: Translation fault", 1: "Page" } });
const NT = field("nT", 16, 16, "Block entry that must not be cached, while its size changes", { section: D8("7.3") });
const AF = field("AF", 10, 10, "Access flag", {
  section: D8("5.1"),
  values: { 0: "not accessed: Access flag fault unless managed", 1: "accessed" },
});
const TABLE_AF = field("AF", 10, 10, "Access flag of the table", {
  section: D8("5.1"),
  when: "IGNORED unless HAFT is enabled (CD.HAFT, STE.S2HAFT)",
});
const SH = field("SH", 9, 8, "shareability", { section: D8("6.2"), values: SHAREABILITY });
const CONTIGUOUS = field("Contiguous", 52, 52, "hint: one of a run of entries that one TLB entry may hold", {
  section: D8("7.1"),
  values: { 0: "single entry", 1: "part of a contiguous run" },
  when: "with CD.PnCH == 1 at stage 1 this bit is Protected",
});
const DBM = field("DBM", 51, 51, "dirty bit modifier", {
  section: D8("5.2"),
  values: { 0: "a write to a read-only leaf faults", 1: "writable-clean where dirty state is managed by hardware" },
  when: "PIIndex[1] where permissions are indirect",
});

const S1_LOW = [
  field("AttrIndx", 4, 2, "byte of CD.MAIR0 and MAIR1 that gives the memory type", { section: D8("6.1") }),
  field("NS", 5, 5, "Non-secure output", { when: "only for Secure and Realm EL2 streams, else RES0" }),
  field("AP", 7, 6, "data access permission, AP[2:1]", {
    section: D8("4.1"),
    values: {
      0: "privileged read and write, unprivileged none",
      1: "read and write for both",
      2: "privileged read, unprivileged none",
      3: "read for both",
    },
    when: "where permissions are indirect: bit 7 is nDirty, bit 6 is PIIndex[0]",
  }),
] as const;
const NG = field("nG", 11, 11, "not global", { values: { 0: "global: any ASID", 1: "this ASID only" } });
const S1_HIGH = [
  DBM,
  CONTIGUOUS,
  field("PXN", 53, 53, "privileged execute never", {
    section: D8("4.1"),
    values: { 0: "may execute", 1: "may not execute" },
    when: "RES0 for EL2 without E2H and EL3; PIIndex[2] where permissions are indirect",
  }),
  field("UXN", 54, 54, "unprivileged execute never; XN where there is one privilege level", {
    section: D8("4.1"),
    values: { 0: "may execute", 1: "may not execute" },
    when: "PIIndex[3] where permissions are indirect",
  }),
  field("_58_55", 58, 55, "free for software"),
  field("PBHA", 62, 59, "page-based hardware attributes", {
    section: D8("7.2"),
    when: "each bit IGNORED unless CD.HWU0nn or HWU1nn is set; bit 59 is AttrIndx[3] with CD.AIE",
  }),
  field("_63", 63, 63, "free for software; AMEC for Realm EL2 streams"),
] as const;

const S2AP = field("S2AP", 7, 6, "data access permission", {
  section: D8("4.2"),
  values: { 0: "none", 1: "read", 2: "write", 3: "read and write" },
  when: "where permissions are indirect: bit 7 is Dirty, bit 6 is PIIndex[0]",
});
const S2_LOW = [
  field("MemAttr", 5, 2, "memory type", {
    section: D8("6.5"),
    values: S2_MEMATTR,
    when: "STE.S2FWB == 0; with S2FWB == 1 MemAttr[2:0] is read as §D8.6.6 says",
  }),
  S2AP,
] as const;
/** The same where STE.S2FWB == 1. */
const S2_LOW_FWB = [
  field("MemAttr", 4, 2, "memory type, STE.S2FWB == 1", { section: D8("6.6"), values: S2_MEMATTR_FWB }),
  field("_5", 5, 5, "RES0"),
  S2AP,
] as const;
const FNXS = field("FnXS", 11, 11, "clears the XS attribute", { section: D8("7.4"), when: "RES0 without FEAT_XS" });
const S2_HIGH = [
  DBM,
  CONTIGUOUS,
  field("XN", 54, 53, "execute never", {
    section: D8("4.2"),
    values: {
      0: "both may execute",
      1: "unprivileged only (SMMU_IDR3.XNX == 1)",
      2: "neither may execute",
      3: "privileged only (SMMU_IDR3.XNX == 1)",
    },
    when: "with SMMU_IDR3.XNX == 0 bit 54 alone decides; PIIndex[3:2] where permissions are indirect",
  }),
  field("NS", 55, 55, "Non-secure output", { when: "only for Realm streams, else IGNORED" }),
  field("_57_56", 57, 56, "free for software"),
  field("AssuredOnly", 58, 58, "only assured stage 1 translations may use this", {
    values: OFF_ON,
    when: "STE.AssuredOnly == 1, else free for software",
  }),
  field("PBHA", 62, 59, "page-based hardware attributes", {
    section: D8("7.2"),
    when: "each bit IGNORED unless STE.S2HWUnn is set; POIndex with STE.S2POE",
  }),
  field("_63", 63, 63, "RES0; AMEC for Realm streams"),
] as const;

const HIERARCHY = { 0: "no limit", 1: "may not execute" } as const;
const S1_TABLE_HIGH = [
  field("_51", 51, 51, "IGNORED"),
  field("_52", 52, 52, "IGNORED; Protected with CD.PnCH == 1"),
  field("_58_53", 58, 53, "IGNORED"),
  field("PXNTable", 59, 59, "privileged execute never below", { section: D8("4.1"), values: HIERARCHY }),
  field("UXNTable", 60, 60, "unprivileged execute never below; XNTable where there is one privilege level", {
    section: D8("4.1"),
    values: HIERARCHY,
  }),
  field("APTable", 62, 61, "limit on data access below", {
    section: D8("4.1"),
    values: { 0: "no limit", 1: "no unprivileged access", 2: "no write", 3: "no write, no unprivileged access" },
    when: "IGNORED where CD.HAD0 or HAD1 is set",
  }),
  field("NSTable", 63, 63, "tables and leaves below are Non-secure", { when: "only for Secure streams, else RES0" }),
] as const;

const S2_TABLE_HIGH = [
  field("_58_51", 58, 51, "IGNORED"),
  field("_62_59", 62, 59, "RES0; IGNORED where permissions are indirect"),
  field("_63", 63, 63, "RES0"),
] as const;

const OA_ABOUT = "output address base; bits below the block's size are RES0";
const NLTA_ABOUT = "next-level table: an IPA at stage 1 where stage 2 translates, else a PA";
const TABLE_IGNORED = field("_7_2", 7, 2, "IGNORED");
const _11 = field("_11", 11, 11, "IGNORED");
const _15_12 = field("_15_12", 15, 12, "RES0");
const _49_48 = field("_49_48", 49, 48, "RES0");
const _50 = field("_50", 50, 50, "RES0");
const GP = field("GP", 50, 50, "guarded page, of no effect in an SMMU");

const PAGE_4K = [address("OAB", 47, 12, "output address base"), _49_48] as const;
const BLOCK_4K = [_15_12, NT, address("OAB", 47, 17, OA_ABOUT), _49_48] as const;

/** Stage 1 Block, 48-bit output address; attributes stand at the same bits for every granule. */
export const S1_BLOCK = layout("Stage 1 Block", D8("3.1.2"), 64, [
  VALID,
  TYPE_BLOCK,
  ...S1_LOW,
  SH,
  AF,
  NG,
  ...BLOCK_4K,
  GP,
  ...S1_HIGH,
]);

/** Stage 1 Page of the 4KB granule, 48-bit output address. */
export const S1_PAGE = layout("Stage 1 Page", D8("3.1.2"), 64, [
  VALID,
  TYPE_PAGE,
  ...S1_LOW,
  SH,
  AF,
  NG,
  ...PAGE_4K,
  GP,
  ...S1_HIGH,
]);

/** Stage 2 Block, 48-bit output address; attributes stand at the same bits for every granule. */
export const S2_BLOCK = layout("Stage 2 Block", D8("3.1.2"), 64, [
  VALID,
  TYPE_BLOCK,
  ...S2_LOW,
  SH,
  AF,
  FNXS,
  ...BLOCK_4K,
  _50,
  ...S2_HIGH,
]);

/** Stage 2 Page of the 4KB granule, 48-bit output address. */
export const S2_PAGE = layout("Stage 2 Page", D8("3.1.2"), 64, [
  VALID,
  TYPE_PAGE,
  ...S2_LOW,
  SH,
  AF,
  FNXS,
  ...PAGE_4K,
  _50,
  ...S2_HIGH,
]);

const TABLE_LOW = [VALID, TYPE_TABLE, TABLE_IGNORED] as const;
const _9_8 = field("_9_8", 9, 8, "IGNORED");
const TABLE_4K = [address("NLTA", 47, 12, NLTA_ABOUT), _49_48, _50] as const;

/** Stage 1 Table descriptor of the 4KB granule, 48-bit addresses. */
export const S1_TABLE = layout("Stage 1 Table", D8("3.1.1"), 64, [
  ...TABLE_LOW,
  _9_8,
  TABLE_AF,
  _11,
  ...TABLE_4K,
  ...S1_TABLE_HIGH,
]);

/** Stage 2 Table descriptor of the 4KB granule, 48-bit addresses. */
export const S2_TABLE = layout("Stage 2 Table", D8("3.1.1"), 64, [
  ...TABLE_LOW,
  _9_8,
  TABLE_AF,
  _11,
  ...TABLE_4K,
  ...S2_TABLE_HIGH,
]);

/** Any descriptor with bit 0 clear. */
export const INVALID = layout("Invalid descriptor", D8("3.1.3"), 64, [
  VALID,
  field("_63_1", 63, 1, "IGNORED, free for software"),
]);

/** The address bits of one granule: what stands at [9:8], and the run [50:12]. `name` is OAB or NLTA. */
function addressBits(name: "OAB" | "NLTA", block: boolean, granuleLg2: GranuleLg2, wide: boolean) {
  const about = name === "NLTA" ? NLTA_ABOUT : block ? OA_ABOUT : "output address base";
  const top = wide && granuleLg2 !== 16 ? 49 : 47;
  const upper = top === 49 ? [] : [_49_48];
  const low =
    granuleLg2 === 16 && wide
      ? [field(`${name}_51_48`, 15, 12, "bits 51:48 of the address")]
      : block
        ? [_15_12]
        : granuleLg2 === 12
          ? []
          : [field(`_${granuleLg2 - 1}_12`, granuleLg2 - 1, 12, "RES0")];
  const base = block ? [NT, address(name, top, 17, about)] : [address(name, top, granuleLg2, about)];
  const ninth = top === 49 ? field(`${name}_51_50`, 9, 8, "bits 51:50 of the address") : undefined;
  return { ninth, run: [...low, ...base, ...upper] };
}

function buildLayout(stage: 1 | 2, kind: DescriptorKind, granuleLg2: GranuleLg2, wide: boolean, fwb: boolean): Layout {
  if (kind === "invalid") return INVALID;
  const size = { 12: "4KB", 14: "16KB", 16: "64KB" }[granuleLg2];
  const name = `Stage ${stage} ${kind === "table" ? "Table" : kind === "block" ? "Block" : "Page"}, ${size}${wide ? ", 52-bit" : ""}`;
  const { ninth, run } = addressBits(kind === "table" ? "NLTA" : "OAB", kind === "block", granuleLg2, wide);
  if (kind === "table") {
    const high = stage === 1 ? S1_TABLE_HIGH : S2_TABLE_HIGH;
    return layout(name, D8("3.1.1"), 64, [...TABLE_LOW, ninth ?? _9_8, TABLE_AF, _11, ...run, _50, ...high]);
  }
  const type = kind === "block" ? TYPE_BLOCK : TYPE_PAGE;
  const low = stage === 1 ? S1_LOW : fwb ? S2_LOW_FWB : S2_LOW;
  const [bit11, bit50, high] = stage === 1 ? [NG, GP, S1_HIGH] : [FNXS, _50, S2_HIGH];
  return layout(name, D8("3.1.2"), 64, [VALID, type, ...low, ninth ?? SH, AF, bit11, ...run, bit50, ...high]);
}

const built = new Map<string, Layout>();

/**
 * Layout of one descriptor. `wide` asks for 52-bit addresses: CD.DS or STE.S2DS with the 4KB and 16KB
 * granules (bits [9:8] then hold address bits [51:50] and shareability comes from CD.SHx or STE.S2SH0),
 * an output size of 52 bits with the 64KB granule (bits [15:12] hold address bits [51:48]). `fwb` is STE.S2FWB,
 * which changes MemAttr of stage 2.
 */
export function descriptorLayout(
  stage: 1 | 2,
  kind: DescriptorKind,
  granuleLg2: GranuleLg2,
  wide = false,
  fwb = false,
): Layout {
  const key = `${stage} ${kind} ${granuleLg2} ${wide} ${fwb}`;
  const known = built.get(key);
  if (known !== undefined) return known;
  const made = buildLayout(stage, kind, granuleLg2, wide, fwb);
  built.set(key, made);
  return made;
}
