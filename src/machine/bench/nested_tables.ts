/**
 * The yardstick's nested tables behind an SMMUv3: a linear stream table, one CD, VMSAv8-64 tables of 4 KiB granules.
 */
import { CD } from "../../arch/smmuv3/cd.ts";
import { registerByName } from "../../arch/smmuv3/registers.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import { RegisterFile } from "../../engine/smmuv3/register_file.ts";
import { CONFIG_BASE, layOutNested, type NestedLayout, QUEUE_BASE } from "./nested_layout.ts";
import { encode, type Fields, writeStructure } from "./structures.ts";

const CONFIG_IPA = 2 ** 39;
/** The Command queue: 4096 commands of 16 bytes. */
export const QUEUE_LG2 = 12;

const TABLE = [0, 0x3] as const;
const S2_PAGE = [0x0040_0000, 0x7ff] as const;
const ENTRIES = { table1: TABLE, page1: [0x0060_0000, 0xf47], table2: () => TABLE, page2: S2_PAGE } as const;

export { QUEUE_BASE, VA_BASE } from "./nested_layout.ts";

/** Ids the yardstick uses. */
export const KEYS = { sid: 0x1b0, asid: 0x155, vmid: 0x2a } as const;

/** Tables in memory, registers set up for them, and the order of the random pass. */
export interface NestedTables extends NestedLayout {
  readonly registers: RegisterFile;
}

/** Build the tables for `pages` pages. */
export function buildNestedTables(pages: number): NestedTables {
  const layout = layOutNested(pages, ENTRIES);
  const { memory, root1, root2, write } = layout;
  // The CD lies under stage 2 too: a 1 GiB block far from the measured addresses maps the configuration.
  const blocks = CONFIG_BASE + 0x10000;
  const cd = CONFIG_BASE + 0x20000;
  write(root2 + 8 * (CONFIG_IPA / 2 ** 39), blocks, TABLE);
  write(blocks, 0, [S2_PAGE[0], S2_PAGE[1] & ~2]);
  const stages = { AA64: 1, IPS: 5, T0SZ: 16, EPD1: 1, TTB0: root1, ASID: KEYS.asid };
  writeStructure(memory, CD, cd, { V: 1, A: 1, R: 1, ...stages });
  writeStructure(memory, STE, CONFIG_BASE + KEYS.sid * (STE.bits / 8), {
    V: 1,
    Config: 7,
    S1ContextPtr: CONFIG_IPA + cd,
    S2VMID: KEYS.vmid,
    S2T0SZ: 16,
    S2SL0: 2,
    S2PS: 4,
    S2AA64: 1,
    S2R: 1,
    S2TTB: root2,
  });
  const registers = new RegisterFile();
  for (const [name, fields] of Object.entries(REGISTERS)) {
    const register = registerByName(name)!;
    const [lo, hi] = encode(register.layout, fields);
    registers.load(register, lo!, hi ?? 0);
  }
  return { ...layout, registers };
}

/** An SMMUv3.1 with both stages, 4 KiB granules and 48-bit addresses, and a linear stream table. */
const REGISTERS: Readonly<Record<string, Fields>> = {
  IDR0: { S1P: 1, S2P: 1, TTF: 2, ASID16: 1, VMID16: 1, TTENDIAN: 2, STALL_MODEL: 1, TERM_MODEL: 1 },
  IDR1: { SIDSIZE: 16, CMDQS: QUEUE_LG2 },
  IDR5: { OAS: 5, GRAN4K: 1 },
  AIDR: { ArchMinorRev: 1 },
  CR0: { SMMUEN: 1, CMDQEN: 1 },
  CMDQ_BASE: { ADDR: QUEUE_BASE, LOG2SIZE: QUEUE_LG2 },
  STRTAB_BASE: { ADDR: CONFIG_BASE },
  STRTAB_BASE_CFG: { LOG2SIZE: 9 },
};
