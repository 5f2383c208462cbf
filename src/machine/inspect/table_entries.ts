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
 * @param wanted takes halves, signed; false of zeros
 */
export function* entriesWhere(
  memory: PhysicalMemory,
  { at, count, bytes }: EntryTable,
  wanted: (lo: number, hi: number) => boolean,
): Generator<number> {
  let [lo, hi, is] = [0, 0, false];
  for (let from = 0; from < count; ) {
    const first = at + from * bytes;
    const to = Math.min(count, from + Math.max(1, Math.floor((PAGE - (first % PAGE)) / bytes)));
    if (!memory.isZero(first, (to - from) * bytes)) {
      const frame = memory.wholeFrame(highHalf(first), lowHalf(first));
      for (let i = from; i < to; i++) {
        const entry = at + i * bytes;
        if (frame === 0 && memory.read64(highHalf(entry), lowHalf(entry)) !== MemoryStatus.Ok) continue;
        const word = frame * (PAGE / 4) + (entry % PAGE) / 4;
        const nextLo = frame === 0 ? memory.lo : memory.words[word]!;
        const nextHi = frame === 0 ? memory.hi : memory.words[word + 1]!;
        // Tables are often filled with one entry over and over.
        if (nextLo !== lo || nextHi !== hi) [lo, hi, is] = [nextLo, nextHi, wanted(nextLo, nextHi)];
        if (is) yield i;
      }
    }
    from = to;
  }
}
