/**
 * Registers of the Command Queue Virtualization extension of NVIDIA's Tegra241 (Grace), which stands beside an SMMUv3.
 *
 * No public specification: positions are those of the Linux 7.2 driver (drivers/iommu/arm/arm-smmu-v3/tegra241-cmdqv.c)
 * and of QEMU's model (hw/arm/tegra241-cmdqv.h). Two kinds of queue interface: VINTF v is a virtual interface, a guest's
 * or the host's; VCMDQ q is a queue, and as LVCMDQ l it is the l-th of the VINTF that it is mapped to.
 */
import { address, field, type Layout, layout } from "../../base/layout.ts";
import { OFF_ON } from "./codes.ts";

const LINUX = "Linux tegra241-cmdqv.c";
const QEMU = "QEMU tegra241-cmdqv.h";
const enable = { values: OFF_ON } as const;

/** Where the pages begin, and what lies between queues and interfaces, in bytes. */
export const CMDQV_PAGE = {
  /** Configuration, 64 KiB. */
  CONFIG: 0,
  /** VCMDQs by their own numbers: indexes and status, then bases. */
  VCMDQ_0: 0x1_0000,
  VCMDQ_1: 0x2_0000,
  /** The LVCMDQs of VINTF 0, laid out alike; those of the next VINTF follow {@link CMDQV_STRIDE.VINTF_PAGES} further. */
  VINTF_0: 0x3_0000,
} as const;
export const CMDQV_STRIDE = { VCMDQ: 0x80, VINTF: 0x100, VINTF_PAGES: 0x2_0000, PAGE: 0x1_0000 } as const;

/** Offsets in the configuration page. */
export const CMDQV_AT = {
  CONFIG: 0x0,
  PARAM: 0x4,
  STATUS: 0x8,
  VI_ERR_MAP: 0x14,
  VI_INT_MASK: 0x1c,
  CMDQ_ERR_MAP: 0x24,
  CMDQ_ALLOC_MAP: 0x200,
  VINTF: 0x1000,
} as const;

/** Offsets in the registers of one VINTF. */
export const VINTF_AT = { CONFIG: 0x0, STATUS: 0x4, SID_MATCH: 0x40, SID_REPLACE: 0x80, LVCMDQ_ERR_MAP: 0xc0 } as const;

/** Offsets in the registers of one VCMDQ, in its first page and in its second. */
export const VCMDQ_AT = {
  CONS_INDX: 0x0,
  PROD_INDX: 0x4,
  CONFIG: 0x8,
  STATUS: 0xc,
  GERROR: 0x10,
  GERRORN: 0x14,
} as const;
export const VCMDQ_BASE_AT = { BASE: 0x0, CONS_INDX_BASE: 0x8 } as const;

export const CMDQV_CONFIG = layout("CMDQV_CONFIG", QEMU, 32, [
  field("CMDQV_EN", 0, 0, "the extension", enable),
  field("CMDQV_PER_CMD_OFFSET", 3, 1, "arbitration between queues"),
  field("CMDQ_MAX_CLK_BATCH", 11, 4, "arbitration between queues"),
  field("CMDQ_MAX_CMD_BATCH", 19, 12, "arbitration between queues"),
  field("CONS_DRAM_EN", 20, 20, "read indexes are written to memory too", enable),
  field("_31_21", 31, 21, "not described"),
]);

export const CMDQV_PARAM = layout("CMDQV_PARAM", LINUX, 32, [
  field("CMDQV_VER", 3, 0, "version"),
  field("CMDQV_NUM_CMDQ_LOG2", 7, 4, "log2 of the VCMDQs"),
  field("CMDQV_NUM_VI_LOG2", 11, 8, "log2 of the VINTFs"),
  field("CMDQV_NUM_SID_PER_VI_LOG2", 15, 12, "log2 of the StreamIDs that a VINTF replaces"),
  field("_31_16", 31, 16, "not described"),
]);

export const CMDQV_STATUS = layout("CMDQV_STATUS", LINUX, 32, [
  field("CMDQV_ENABLED", 0, 0, "follows CONFIG.CMDQV_EN", enable),
  field("_31_1", 31, 1, "not described"),
]);

const CMDQV_VI_ERR_MAP = layout("CMDQV_VI_ERR_MAP", LINUX, 32, [
  field("VI_ERR_MAP", 31, 0, "one bit for each VINTF with an error in one of its queues"),
]);

const CMDQV_VI_INT_MASK = layout("CMDQV_VI_INT_MASK", LINUX, 32, [
  field("VI_INT_MASK", 31, 0, "one bit for each VINTF whose errors do not interrupt"),
]);

const CMDQV_CMDQ_ERR_MAP = layout("CMDQV_CMDQ_ERR_MAP", LINUX, 32, [
  field("CMDQ_ERR_MAP", 31, 0, "one bit for each VCMDQ with an error"),
]);

export const CMDQV_CMDQ_ALLOC_MAP = layout("CMDQV_CMDQ_ALLOC_MAP", LINUX, 32, [
  field("ALLOC", 0, 0, "the VCMDQ is mapped to a VINTF", { values: { 0: "not mapped", 1: "mapped" } }),
  field("LVCMDQ", 7, 1, "which LVCMDQ of the VINTF it is"),
  field("_14_8", 14, 8, "not described"),
  field("VIRT_INTF_INDX", 20, 15, "the VINTF"),
  field("_31_21", 31, 21, "not described"),
]);

export const VINTF_CONFIG = layout("VINTF_CONFIG", LINUX, 32, [
  field("ENABLE", 0, 0, "the interface", enable),
  field("VMID", 16, 1, "VMID that its TLB invalidations are given", { when: "HYP_OWN == 0" }),
  field("HYP_OWN", 17, 17, "owner", { values: { 0: "a guest: few commands", 1: "the hypervisor: every command" } }),
  field("_31_18", 31, 18, "not described"),
]);

export const VINTF_STATUS = layout("VINTF_STATUS", QEMU, 32, [
  field("ENABLE_OK", 0, 0, "follows CONFIG.ENABLE", enable),
  field("STATUS", 3, 1, "state of its queues", { values: { 0: "no error", 1: "a queue has an error" } }),
  field("_15_4", 15, 4, "not described"),
  field("VI_NUM_LVCMDQ", 23, 16, "VCMDQs mapped to it"),
  field("_31_24", 31, 24, "not described"),
]);

export const VINTF_SID_MATCH = layout("VINTF_SID_MATCH", LINUX, 32, [
  field("ENABLE", 0, 0, "the pair of SID_MATCH and SID_REPLACE", enable),
  field("VIRT_SID", 20, 1, "StreamID as the guest has it"),
  field("_31_21", 31, 21, "not described"),
]);

export const VINTF_SID_REPLACE = layout("VINTF_SID_REPLACE", LINUX, 32, [
  field("PHYS_SID", 19, 0, "StreamID as the SMMU has it"),
  field("_31_20", 31, 20, "not described"),
]);

const VINTF_LVCMDQ_ERR_MAP = layout("VINTF_LVCMDQ_ERR_MAP", LINUX, 32, [
  field("LVCMDQ_ERR_MAP", 31, 0, "one bit for each LVCMDQ with an error"),
]);

/** Codes of VCMDQ_CONS_INDX.ERR. */
export const VCMDQ_ERRORS: Readonly<Record<number, string>> = {
  0: "CERROR_NONE",
  1: "CERROR_ILL_OPCODE",
  2: "CERROR_ABT",
  3: "CERROR_ATC_INV_SYNC",
  4: "CERROR_ILL_ACCESS",
};

export const VCMDQ_CONS_INDX = layout("VCMDQ_CONS_INDX", LINUX, 32, [
  field("RD", 19, 0, "read index; the bit above the index is the wrap flag"),
  field("_23_20", 23, 20, "not described"),
  field("ERR", 30, 24, "error code", { values: VCMDQ_ERRORS, when: "GERROR.CMDQ_ERR is active" }),
  field("_31", 31, 31, "not described"),
]);

export const VCMDQ_PROD_INDX = layout("VCMDQ_PROD_INDX", LINUX, 32, [
  field("WR", 19, 0, "write index; the bit above the index is the wrap flag"),
  field("_31_20", 31, 20, "not described"),
]);

export const VCMDQ_CONFIG = layout("VCMDQ_CONFIG", LINUX, 32, [
  field("CMDQ_EN", 0, 0, "the queue", enable),
  field("_31_1", 31, 1, "not described"),
]);

export const VCMDQ_STATUS = layout("VCMDQ_STATUS", LINUX, 32, [
  field("CMDQ_EN_OK", 0, 0, "follows CONFIG.CMDQ_EN", enable),
  field("_31_1", 31, 1, "not described"),
]);

const ERRORS = [
  field("CMDQ_ERR", 0, 0, "a command failed, code in CONS_INDX.ERR"),
  field("CONS_DRAM_WR_ABT_ERR", 1, 1, "writing the read index to memory aborted"),
  field("CMDQ_INIT_ERR", 2, 2, "the queue could not be enabled"),
  field("_31_3", 31, 3, "not described"),
] as const;

/** An error is active while its bit differs between GERROR and GERRORN. */
export const VCMDQ_GERROR = layout("VCMDQ_GERROR", QEMU, 32, ERRORS);
const VCMDQ_GERRORN = layout("VCMDQ_GERRORN", QEMU, 32, ERRORS);

export const VCMDQ_BASE = layout("VCMDQ_BASE", LINUX, 64, [
  field("LOG2SIZE", 4, 0, "log2 of the number of entries"),
  address("ADDR", 47, 5, "queue base, aligned to the queue's size"),
  field("_63_48", 63, 48, "not described"),
]);

export const VCMDQ_CONS_INDX_BASE = layout("VCMDQ_CONS_INDX_BASE", QEMU, 64, [
  address("ADDR", 47, 0, "where the read index is written to", { when: "CMDQV_CONFIG.CONS_DRAM_EN == 1" }),
  field("_63_48", 63, 48, "not described"),
]);

/** One register of the extension, found by its offset. */
export interface CmdqvRegister {
  /** Such as "VINTF3_SID_MATCH_0". */
  readonly name: string;
  readonly layout: Layout;
  /** Byte offset of the register's first byte. */
  readonly offset: number;
}

const at = (name: string, layout: Layout, offset: number): CmdqvRegister => ({ name, layout, offset });

const PAGE_0: Readonly<Record<number, Layout>> = {
  [VCMDQ_AT.CONS_INDX]: VCMDQ_CONS_INDX,
  [VCMDQ_AT.PROD_INDX]: VCMDQ_PROD_INDX,
  [VCMDQ_AT.CONFIG]: VCMDQ_CONFIG,
  [VCMDQ_AT.STATUS]: VCMDQ_STATUS,
  [VCMDQ_AT.GERROR]: VCMDQ_GERROR,
  [VCMDQ_AT.GERRORN]: VCMDQ_GERRORN,
};
const PAGE_1: Readonly<Record<number, Layout>> = {
  [VCMDQ_BASE_AT.BASE]: VCMDQ_BASE,
  [VCMDQ_BASE_AT.CONS_INDX_BASE]: VCMDQ_CONS_INDX_BASE,
};

/** A register of an array of 32-bit ones: its number, or -1. */
const numberIn = (offset: number, first: number, count: number): number =>
  offset >= first && offset < first + 4 * count ? (offset - first) >>> 2 : -1;

function ofVintf(v: number, offset: number): CmdqvRegister | undefined {
  const base = CMDQV_AT.VINTF + CMDQV_STRIDE.VINTF * v;
  const inside = offset - base;
  if (inside === VINTF_AT.CONFIG) return at(`VINTF${v}_CONFIG`, VINTF_CONFIG, offset);
  if (inside === VINTF_AT.STATUS) return at(`VINTF${v}_STATUS`, VINTF_STATUS, offset);
  const match = numberIn(inside, VINTF_AT.SID_MATCH, 16);
  if (match >= 0) return at(`VINTF${v}_SID_MATCH_${match}`, VINTF_SID_MATCH, offset);
  const replace = numberIn(inside, VINTF_AT.SID_REPLACE, 16);
  if (replace >= 0) return at(`VINTF${v}_SID_REPLACE_${replace}`, VINTF_SID_REPLACE, offset);
  const map = numberIn(inside, VINTF_AT.LVCMDQ_ERR_MAP, 4);
  return map < 0 ? undefined : at(`VINTF${v}_LVCMDQ_ERR_MAP_${map}`, VINTF_LVCMDQ_ERR_MAP, offset);
}

function inConfigPage(offset: number): CmdqvRegister | undefined {
  if (offset === CMDQV_AT.CONFIG) return at("CMDQV_CONFIG", CMDQV_CONFIG, offset);
  if (offset === CMDQV_AT.PARAM) return at("CMDQV_PARAM", CMDQV_PARAM, offset);
  if (offset === CMDQV_AT.STATUS) return at("CMDQV_STATUS", CMDQV_STATUS, offset);
  const arrays = [
    ["VI_ERR_MAP", CMDQV_AT.VI_ERR_MAP, 2, CMDQV_VI_ERR_MAP],
    ["VI_INT_MASK", CMDQV_AT.VI_INT_MASK, 2, CMDQV_VI_INT_MASK],
    ["CMDQ_ERR_MAP", CMDQV_AT.CMDQ_ERR_MAP, 4, CMDQV_CMDQ_ERR_MAP],
    ["CMDQ_ALLOC_MAP", CMDQV_AT.CMDQ_ALLOC_MAP, 128, CMDQV_CMDQ_ALLOC_MAP],
  ] as const;
  for (const [name, first, count, layout] of arrays) {
    const n = numberIn(offset, first, count);
    if (n >= 0) return at(`CMDQV_${name}_${n}`, layout, offset);
  }
  const v = Math.floor((offset - CMDQV_AT.VINTF) / CMDQV_STRIDE.VINTF);
  return v >= 0 && v < 64 ? ofVintf(v, offset) : undefined;
}

/** The register that holds the 32-bit word at an offset, a multiple of 4; undefined where there is none. */
export function cmdqvRegisterAt(offset: number): CmdqvRegister | undefined {
  if (offset < CMDQV_PAGE.VCMDQ_0) return inConfigPage(offset);
  const logical = offset - CMDQV_PAGE.VINTF_0;
  const v = Math.floor(logical / CMDQV_STRIDE.VINTF_PAGES);
  const inPages = logical >= 0 ? logical % CMDQV_STRIDE.VINTF_PAGES : offset - CMDQV_PAGE.VCMDQ_0;
  const second = inPages >= CMDQV_STRIDE.PAGE;
  const inPage = inPages % CMDQV_STRIDE.PAGE;
  const q = Math.floor(inPage / CMDQV_STRIDE.VCMDQ);
  const inside = second ? (inPage % CMDQV_STRIDE.VCMDQ) & ~4 : inPage % CMDQV_STRIDE.VCMDQ;
  const layout = (second ? PAGE_1 : PAGE_0)[inside];
  if (layout === undefined || v >= 64 || q >= 128) return undefined;
  const own = logical >= 0 ? `VINTF${v}_LVCMDQ${q}` : `VCMDQ${q}`;
  const first = second ? offset & ~4 : offset;
  return at(layout.name.replace("VCMDQ", own), layout, first);
}

/** Registers of the configuration page, by name. */
let configPage: ReadonlyMap<string, CmdqvRegister> | null = null;

function inConfigPageByName(name: string): CmdqvRegister | undefined {
  if (configPage === null) {
    const offsets = Array.from({ length: CMDQV_PAGE.VCMDQ_0 / 4 }, (_, i) => 4 * i);
    const all = offsets.map(inConfigPage).filter((r) => r !== undefined);
    configPage = new Map(all.map((r) => [r.name, r]));
  }
  return configPage.get(name);
}

/** A register by name, such as "VCMDQ1_BASE" or "VINTF3_LVCMDQ0_PROD_INDX"; undefined where there is none. */
export function cmdqvRegisterByName(name: string): CmdqvRegister | undefined {
  const queue = /^(?:VINTF(\d{1,2})_L)?VCMDQ(\d{1,3})_\w+$/.exec(name);
  if (queue === null) return inConfigPageByName(name);
  const [, v, q] = queue;
  const pages = v === undefined ? CMDQV_PAGE.VCMDQ_0 : CMDQV_PAGE.VINTF_0 + Number(v) * CMDQV_STRIDE.VINTF_PAGES;
  const first = pages + Number(q) * CMDQV_STRIDE.VCMDQ;
  const offsets = [
    ...Object.values(VCMDQ_AT).map((offset) => first + offset),
    ...Object.values(VCMDQ_BASE_AT).map((offset) => first + CMDQV_STRIDE.PAGE + offset),
  ];
  return offsets.map(cmdqvRegisterAt).find((r) => r?.name === name);
}
