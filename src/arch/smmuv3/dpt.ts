/**
 * Entries of the Device Permission Table, 64 bits each. Arm SMMUv3, IHI 0070 issue G.b, §3.24.3.1.
 *
 * Bits [1:0] tell the level 0 entries apart; any bit declared as must-be-zero makes an entry invalid when set.
 */
import { address, field, layout } from "../../base/layout.ts";

const AC = {
  values: {
    0: "VMID checked, unless DPT_VMATCH is 0b10",
    1: "VMID checked, unless DPT_VMATCH is 0b01 or 0b10",
    2: "any VMID",
    3: "Reserved, invalid",
  },
} as const;
const W = { values: { 0: "no writing", 1: "writing permitted" } } as const;

/** What bits [1:0] of a level 0 entry say. */
export const DptL0Type = { NoAccess: 0, Block: 1, Table: 3 } as const;

/** Level 0 Table entry. */
export const DPT_L0_TABLE = layout("DPT L0 Table entry", "IHI 0070 §3.24.3.1.3", 64, [
  field("Type", 1, 0, "entry type", { values: { 0: "No Access", 1: "Block", 2: "Invalid", 3: "Table" } }),
  field("_11_2", 11, 2, "MBZ"),
  address("Address", 55, 12, "level 1 table, aligned to its size"),
  field("_63_56", 63, 56, "MBZ"),
]);

/**
 * Level 0 Block entry. The text used here has no drawing of it; AC, W and VMID are taken to lie where the lower half of
 * a level 1 entry has them.
 */
export const DPT_L0_BLOCK = layout("DPT L0 Block entry", "IHI 0070 §3.24.3.1.2", 64, [
  field("Type", 1, 0, "entry type", { values: { 0: "No Access", 1: "Block", 2: "Invalid", 3: "Table" } }),
  field("AC", 3, 2, "access control", AC),
  field("W", 4, 4, "write permission", W),
  field("_15_5", 15, 5, "MBZ"),
  field("VMID", 31, 16, "VMID the region belongs to"),
  field("_63_32", 63, 32, "MBZ"),
]);

/** Level 1 entry: two granules, or part of a contiguous region that the lower half describes. */
export const DPT_L1 = layout("DPT L1 entry", "IHI 0070 §3.24.3.1.4", 64, [
  field("A", 1, 0, "granules with access: bit 0 the lower, bit 1 the upper"),
  field("AC0", 3, 2, "access control, lower granule", AC),
  field("W0", 4, 4, "write permission, lower granule", W),
  field("_7_5", 7, 5, "MBZ"),
  field("Contig", 11, 8, "size of the contiguous region", {
    when: "A == 0b11, else RES0",
    values: { 0: "none", 1: "64KB", 2: "2MB", 3: "32MB", 4: "512MB", 5: "1GB", 6: "16GB", 7: "64GB" },
  }),
  field("_15_12", 15, 12, "MBZ"),
  field("VMID0", 31, 16, "VMID, lower granule"),
  field("_33_32", 33, 32, "MBZ"),
  field("AC1", 35, 34, "access control, upper granule", AC),
  field("W1", 36, 36, "write permission, upper granule", W),
  field("_47_37", 47, 37, "MBZ"),
  field("VMID1", 63, 48, "VMID, upper granule"),
]);
