/** Checks over all memory of a document or capture at once: sizes, addresses and overlaps. */
import { formatHex } from "./hex.ts";
import { LIMITS } from "./limits.ts";

interface Run {
  readonly at: bigint;
  readonly bytes: Uint8Array;
}

/** What is wrong with a set of runs, and the run at which it shows. */
export interface MemoryFault {
  readonly at: bigint;
  readonly detail: string;
}

const PAGE_LG2 = 12n;

/** One past the highest physical address. */
export const MEMORY_END = 1n << BigInt(LIMITS.addressBits);

/** The first fault of the runs in ascending order of address, or null: overlaps, the end of memory, too many pages. */
export function checkRuns(runs: readonly Run[]): MemoryFault | null {
  const sorted = runs.toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  let [end, previous, lastPage, pages] = [0n, 0n, -1n, 0];
  for (const { at, bytes } of sorted) {
    if (bytes.length === 0) continue;
    if (at < end) return { at, detail: `This run overlaps the run at ${formatHex(previous)}.` };
    previous = at;
    end = at + BigInt(bytes.length);
    if (end > MEMORY_END) return { at, detail: `It ends at ${formatHex(end)}, beyond 2^${LIMITS.addressBits}.` };
    const [first, last] = [at >> PAGE_LG2, (end - 1n) >> PAGE_LG2];
    pages += Number(last - first) + (first === lastPage ? 0 : 1);
    lastPage = last;
    if (pages > LIMITS.pages) {
      return { at, detail: `Memory up to here touches more than ${LIMITS.pages} pages of 4 KiB.` };
    }
  }
  return null;
}
