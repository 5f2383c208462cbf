/**
 * The page tables of the native yardstick, laid out by the same rules for any architecture: N pages of 4 KiB, four levels
 * of stage 1 in four levels of stage 2, frames in a seeded random order. Equal layouts give equal checksums.
 *
 * Addresses are whole numbers here; all lie below 2^48.
 */
import { fromHalves, highHalf as high, lowHalf as low } from "../../base/address.ts";
import { xorshift32 } from "../../base/rng.ts";
import { PhysicalMemory } from "../../engine/memory/physical_memory.ts";

export const VA_BASE = 0x7f80_1234_5000;
const IPA_BASE = 0x12_4000_0000;
const PA_BASE = 0x88_0000_0000;
/** The configuration stands apart from the measured memory: structures at its start, a queue of 64 KiB. */
export const CONFIG_BASE = 0x1000_0000;
const CONFIG_BYTES = 0x30000;
export const QUEUE_BASE = 0x2000_0000;
const QUEUE_BYTES = 0x10000;

/** Attributes of an entry, high and low half. */
type Attributes = readonly [hi: number, lo: number];

/** What entries of an architecture hold beside the address. */
export interface EntryAttributes {
  readonly table1: Attributes;
  readonly page1: Attributes;
  /** Of a stage-2 table entry, by the level of the table that it stands in: 3 at the root, 1 above the pages. */
  readonly table2: (level: number) => Attributes;
  readonly page2: Attributes;
}

/** Tables in memory, and the order of the random pass. */
export interface NestedLayout {
  readonly memory: PhysicalMemory;
  /** Ranges `[address, bytes]` of memory that there is. */
  readonly zero: readonly (readonly [number, number])[];
  readonly pages: number;
  readonly order: Uint32Array;
  /** Root tables: stage 1's in the addresses of stage 2's input. */
  readonly root1: number;
  readonly root2: number;
  /** Write an entry. */
  readonly write: (at: number, target: number, attributes: Attributes) => void;
}

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

/** Lay out the tables for `pages` pages; `seed` as the yardstick's. */
export function layOutNested(pages: number, entries: EntryAttributes, seed = 0x2545f491): NestedLayout {
  const next = xorshift32(seed);
  const guestFrames = pages + tablesFor(VA_BASE, pages);
  const hostFrames = guestFrames + tablesFor(IPA_BASE, guestFrames);
  const guestOrder = permutation(guestFrames, next);
  const hostOrder = permutation(hostFrames, next);
  const order = permutation(pages, next);
  const zero = [
    [PA_BASE, hostFrames * 4096],
    [CONFIG_BASE, CONFIG_BYTES],
    [QUEUE_BASE, QUEUE_BYTES],
  ] as const;
  const memory = new PhysicalMemory({ outside: "abort", zero, segments: [] });
  const ipaOf = (g: number): number => IPA_BASE + guestOrder[g]! * 4096;
  const paOf = (h: number): number => PA_BASE + hostOrder[h]! * 4096;
  let guests = 0;
  let hosts = 0;

  const slot = (table: number, address: number, level: number): number =>
    table + 8 * (Math.floor(address / 2 ** (39 - 9 * level)) % 512);
  const isEmpty = (at: number): boolean => {
    memory.read64(high(at), low(at));
    return (memory.hi | memory.lo) === 0;
  };
  const write = (at: number, target: number, [hi, lo]: Attributes): void => {
    memory.write64(high(at), low(at), high(target) | hi, low(target) | lo);
  };
  const pointsTo = (at: number): number => {
    memory.read64(high(at), low(at));
    return fromHalves(memory.hi & 0xffff, memory.lo & ~0xfff);
  };

  const s2Root = paOf(hosts++);
  for (let g = 0; g < guestFrames; g++) {
    const ipa = ipaOf(g);
    let table = s2Root;
    for (let level = 0; level < 3; level++) {
      const at = slot(table, ipa, level);
      if (isEmpty(at)) write(at, paOf(hosts++), entries.table2(3 - level));
      table = pointsTo(at);
    }
    write(slot(table, ipa, 3), paOf(hosts++), entries.page2);
  }
  /** Where stage 2 puts a guest page, read back from the tables without checks. */
  const placed = (ipa: number): number => {
    let table = s2Root;
    for (let level = 0; level < 3; level++) table = pointsTo(slot(table, ipa, level));
    return pointsTo(slot(table, ipa, 3));
  };
  const s1Root = ipaOf(guests++);
  for (let i = 0; i < pages; i++) {
    const va = VA_BASE + i * 4096;
    let table = s1Root;
    for (let level = 0; level < 3; level++) {
      const at = slot(placed(table), va, level);
      if (isEmpty(at)) write(at, ipaOf(guests++), entries.table1);
      table = pointsTo(at);
    }
    write(slot(placed(table), va, 3), ipaOf(guests++), entries.page1);
  }
  return { memory, zero, pages, order, root1: s1Root, root2: s2Root, write };
}
