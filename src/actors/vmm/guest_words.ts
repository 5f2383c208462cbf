/** Structures and rings in guest memory as a VMM reads them. */
import { fromHalves } from "../../base/address.ts";
import type { FieldAccess, Layout, Words } from "../../base/layout.ts";
import type { RingMemory } from "../../engine/common/offset_ring.ts";
import { MemoryStatus } from "../../engine/memory/physical_memory.ts";
import type { KernelMemory } from "../../kernel/platform.ts";

/** 32-bit words from an address on, a multiple of 8; `count` is even. What lies outside of guest memory reads as zero. */
export function readWords(memory: KernelMemory, at: number, count: number): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(count);
  for (let i = 0; i < count; i += 2) {
    memory.read(at + 4 * i);
    words[i] = memory.lo;
    words[i + 1] = memory.hi;
  }
  return words;
}

/** Bits [31:0] of a field, by its name. @throws for one that the layout lacks */
export type Operand = (field: string) => number;

/** What the fields of a structure say. */
export function operandsOf(layout: Layout, words: Words): Operand {
  const access = layout.f as Readonly<Record<string, FieldAccess>>;
  return (field) => access[field]!.get(words, 0);
}

/** Records that lie in a circle. */
export interface GuestRing {
  /** Guest physical address of the first. */
  readonly at: number;
  readonly entries: number;
  readonly recordBytes: number;
}

/**
 * Carry out records one after the other, until one is refused.
 * @param first index of the first of them; the ring's end leads back to its start
 * @returns how many were carried out
 */
export function consume(
  memory: KernelMemory,
  { at, entries, recordBytes }: GuestRing,
  first: number,
  count: number,
  carryOut: (words: Uint32Array<ArrayBuffer>) => boolean,
): number {
  for (let done = 0; done < count; done++) {
    const place = at + recordBytes * ((first + done) % entries);
    if (!carryOut(readWords(memory, place, recordBytes / 4))) return done;
  }
  return count;
}

/** Guest memory as parts of the hardware's model reach it; what lies outside takes writes and keeps nothing. */
export function ringMemory(memory: KernelMemory): RingMemory {
  const ring = {
    hi: 0,
    lo: 0,
    read64(hi: number, lo: number): MemoryStatus {
      memory.read(fromHalves(hi, lo));
      ring.hi = memory.hi;
      ring.lo = memory.lo;
      return MemoryStatus.Ok;
    },
    write64(hi: number, lo: number, valueHi: number, valueLo: number): MemoryStatus {
      memory.write(fromHalves(hi, lo), valueHi, valueLo);
      return MemoryStatus.Ok;
    },
  };
  return ring;
}
