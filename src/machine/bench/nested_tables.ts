/**
 * The page tables of the native yardstick, laid out by the same rules: N pages of 4 KiB, four levels of stage 1 in four
 * levels of stage 2, frames in a seeded random order. Equal layouts give equal checksums.
 *
 * Addresses are whole numbers here; all lie below 2^48.
 */
import { CD } from "../../arch/smmuv3/cd.ts";
import { registerByName } from "../../arch/smmuv3/registers.ts";
import { STE } from "../../arch/smmuv3/ste.ts";
import type { FieldAccess, Layout } from "../../base/layout.ts";
import { xorshift32 } from "../../base/rng.ts";
import { PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import { RegisterFile } from "../../engine/smmuv3/register_file.ts";

export const VA_BASE = 0x7f80_1234_5000;
const IPA_BASE = 0x12_4000_0000;
const PA_BASE = 0x88_0000_0000;
/** The stream table and the CD stand apart from the measured memory. */
const CONFIG_BASE = 0x1000_0000;
const CONFIG_IPA = 2 ** 39;
/** The Command queue: 4096 commands of 16 bytes. */
export const QUEUE_BASE = 0x2000_0000;
export const QUEUE_LG2 = 12;
const QUEUE_BYTES = 16 << QUEUE_LG2;

const TABLE = 0x3;
/** Attributes of a leaf of either stage, high and low half. */
const S1_PAGE = [0x0060_0000, 0xf47] as const;
const S2_PAGE = [0x0040_0000, 0x7ff] as const;

/** Ids the yardstick uses. */
export const KEYS = { sid: 0x1b0, asid: 0x155, vmid: 0x2a } as const;

/** Tables in memory, registers set up for them, and the order of the random pass. */
export interface NestedTables {
  readonly memory: PhysicalMemory;
  readonly registers: RegisterFile;
  readonly pages: number;
  readonly order: Uint32Array;
}

const high = (at: number): number => Math.floor(at / 0x1_0000_0000);
const low = (at: number): number => (at % 0x1_0000_0000) >>> 0;

function permutation(n: number, next: () => number): Uint32Array {
  const p = Uint32Array.from({ length: n }, (_, i) => i);
  for (let j = n - 1; j >= 1; j--) {
    const k = next() % (j + 1);
    [p[j], p[k]] = [p[k]!, p[j]!];
  }
  return p;
}

const span = (base: number, pages: number, shift: number): number =>
  Math.floor((base + pages * 4096 - 1) / 2 ** shift) - Math.floor(base / 2 ** shift) + 1;

const tablesFor = (base: number, pages: number): number =>
  1 + span(base, pages, 39) + span(base, pages, 30) + span(base, pages, 21);

/** Build the tables for `pages` pages; `seed` as the yardstick's. */
export function buildNestedTables(pages: number, seed = 0x2545f491): NestedTables {
  const next = xorshift32(seed);
  const guestFrames = pages + tablesFor(VA_BASE, pages);
  const hostFrames = guestFrames + tablesFor(IPA_BASE, guestFrames);
  const guestOrder = permutation(guestFrames, next);
  const hostOrder = permutation(hostFrames, next);
  const order = permutation(pages, next);
  const memory = new PhysicalMemory({
    outside: "abort",
    zero: [
      [PA_BASE, hostFrames * 4096],
      [CONFIG_BASE, 0x30000],
      [QUEUE_BASE, QUEUE_BYTES],
    ],
    segments: [],
  });
  const ipaOf = (g: number): number => IPA_BASE + guestOrder[g]! * 4096;
  const paOf = (h: number): number => PA_BASE + hostOrder[h]! * 4096;
  let guests = 0;
  let hosts = 0;

  const slot = (table: number, address: number, level: number): number =>
    table + 8 * (Math.floor(address / 2 ** (39 - 9 * level)) % 512);
  const read = (at: number): number => {
    memory.read64(high(at), low(at));
    return (memory.hi >>> 0) * 0x1_0000_0000 + (memory.lo >>> 0);
  };
  const write = (at: number, target: number, [hi, lo]: readonly [number, number]): void => {
    memory.write64(high(at), low(at), high(target) | hi, low(target) | lo);
  };
  const pointsTo = (at: number): number => {
    const value = read(at);
    return value - (value % 4096);
  };

  const s2Root = paOf(hosts++);
  for (let g = 0; g < guestFrames; g++) {
    const ipa = ipaOf(g);
    let table = s2Root;
    for (let level = 0; level < 3; level++) {
      const at = slot(table, ipa, level);
      if (read(at) === 0) write(at, paOf(hosts++), [0, TABLE]);
      table = pointsTo(at);
    }
    write(slot(table, ipa, 3), paOf(hosts++), S2_PAGE);
  }
  /** Where stage 2 puts a guest page, read back from the tables without checks. */
  const placed = (ipa: number): number => {
    let table = s2Root;
    for (let level = 0; level < 3; level++) table = pointsTo(slot(table, ipa, level));
    const leaf = read(slot(table, ipa, 3)) % 2 ** 48;
    return leaf - (leaf % 4096);
  };
  const s1Root = ipaOf(guests++);
  for (let i = 0; i < pages; i++) {
    const va = VA_BASE + i * 4096;
    let table = s1Root;
    for (let level = 0; level < 3; level++) {
      const at = slot(placed(table), va, level);
      if (read(at) === 0) write(at, ipaOf(guests++), [0, TABLE]);
      table = pointsTo(at);
    }
    write(slot(placed(table), va, 3), ipaOf(guests++), S1_PAGE);
  }

  // The CD lies under stage 2 too: a 1 GiB block far from the measured addresses maps the configuration.
  const blocks = CONFIG_BASE + 0x10000;
  const cd = CONFIG_BASE + 0x20000;
  write(slot(s2Root, CONFIG_IPA, 0), blocks, [0, TABLE]);
  write(slot(blocks, CONFIG_IPA, 1), 0, [S2_PAGE[0], S2_PAGE[1] & ~2]);
  const stages = { AA64: 1, IPS: 5, T0SZ: 16, EPD1: 1, TTB0: s1Root, ASID: KEYS.asid };
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
    S2TTB: s2Root,
  });
  const registers = new RegisterFile();
  for (const [name, fields] of Object.entries(REGISTERS)) {
    const register = registerByName(name)!;
    const [lo, hi] = encode(register.layout, fields);
    registers.load(register, lo!, hi ?? 0);
  }
  return { memory, registers, pages, order };
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

type Fields = Readonly<Record<string, number>>;

/** Words of a structure with these fields; an address field takes the address. */
function encode(layout: Layout, fields: Fields): Uint32Array {
  const words = new Uint32Array(layout.bits / 32);
  const access = layout.f as Readonly<Record<string, FieldAccess>>;
  for (const d of layout.fields) {
    const given = fields[d.name];
    if (given === undefined) continue;
    const value = d.form === "address" ? given / 2 ** (d.lo & 63) : given;
    access[d.name]!.set(words, 0, low(value), high(value));
  }
  return words;
}

function writeStructure(memory: PhysicalMemory, layout: Layout, at: number, fields: Fields): void {
  memory.writeBytes(at, new Uint8Array(encode(layout, fields).buffer));
}
