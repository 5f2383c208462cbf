/** Looking through a whole table of entries, most of which are empty: for lists of streams, requesters, PASIDs. */
import { highHalf, lowHalf } from "../../base/address.ts";
import { MemoryStatus, type PhysicalMemory } from "../../engine/memory/physical_memory.ts";

const PAGE = 4096;

/** Where a table is: address, number of entries, bytes of one. */
interface EntryTable {
  readonly at: number;
  readonly count: number;
  readonly bytes: number;
}

/**
 * Numbers of the entries that are wanted by their first 64 bits, in ascending order. What reads as zero, and what cannot
 * be read, is not.
 * @param wanted takes halves, signed
 */
export function* entriesWhere(
  memory: PhysicalMemory,
  { at, count, bytes }: EntryTable,
  wanted: (lo: number, hi: number) => boolean,
): Generator<number> {
  for (let from = 0; from < count; ) {
    const first = at + from * bytes;
    const to = Math.min(count, from + Math.max(1, Math.floor((PAGE - (first % PAGE)) / bytes)));
    if (!memory.isZero(first, (to - from) * bytes)) {
      for (let i = from; i < to; i++) {
        const entry = at + i * bytes;
        if (memory.read64(highHalf(entry), lowHalf(entry)) !== MemoryStatus.Ok) continue;
        if (wanted(memory.lo, memory.hi)) yield i;
      }
    }
    from = to;
  }
}
