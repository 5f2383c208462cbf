/** Physical memory as a page looks at it: bytes with what is known of them, whose they are, and which there are. */

import { high, low } from "../../base/halves.ts";
import { MemoryStatus, type PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import {
  type ExtentRow,
  MAX_MEMORY_BYTES,
  type MemoryAnswer,
  MemoryState,
  type OwnerRow,
} from "../../protocol/inspection.ts";

/** Most rows of an answer. */
const MAX_ROWS = 4096;
const MEMORY_END = 1n << 52n;

const STATES: Readonly<Record<MemoryStatus, number>> = {
  [MemoryStatus.Ok]: MemoryState.Known,
  [MemoryStatus.Abort]: MemoryState.Absent,
  [MemoryStatus.Unknown]: MemoryState.Unknown,
  [MemoryStatus.Full]: MemoryState.Unknown,
};

/** Bytes from a multiple of 8 on; what is asked beyond 2^52 or {@link MAX_MEMORY_BYTES} is left out. */
export function viewMemory(memory: PhysicalMemory, from: bigint, length: number, revision: number): MemoryAnswer {
  const at = BigInt.asUintN(52, from) & ~7n;
  const room = Number(MEMORY_END - at < BigInt(MAX_MEMORY_BYTES) ? MEMORY_END - at : BigInt(MAX_MEMORY_BYTES));
  const units = Math.ceil(Math.max(0, Math.min(length, room)) / 8);
  const words = new Int32Array(units * 2);
  const state = new Uint8Array(units);
  for (let i = 0; i < units; i++) {
    const place = at + BigInt(8 * i);
    const status = memory.read64(high(place), low(place));
    state[i] = STATES[status];
    if (status !== MemoryStatus.Ok) continue;
    words[2 * i] = memory.lo;
    words[2 * i + 1] = memory.hi;
  }
  return { revision, at, bytes: new Uint8Array(words.buffer), state };
}

/** Owners by rising address, as many as an answer takes. */
export function sortOwners(owners: Iterable<OwnerRow>): { rows: OwnerRow[]; truncated: boolean } {
  const rows: OwnerRow[] = [];
  let truncated = false;
  for (const row of owners) {
    truncated = rows.length >= MAX_ROWS;
    if (truncated) break;
    rows.push(row);
  }
  return { rows: rows.sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0)), truncated };
}

/** Runs of known memory by rising address: what has contents, and what reads as zero. */
export function memoryExtents(
  memory: PhysicalMemory,
  zero: readonly (readonly [bigint, bigint])[],
): { rows: ExtentRow[]; truncated: boolean } {
  const held = memory.segments().map(({ at, bytes }) => ({ from: BigInt(at), to: BigInt(at + bytes.length) }));
  const all = [...held, ...zero.map(([at, bytes]) => ({ from: at, to: at + bytes }))];
  all.sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
  const rows: { from: bigint; to: bigint }[] = [];
  for (const { from, to } of all) {
    const last = rows.at(-1);
    if (last === undefined || from > last.to) rows.push({ from, to });
    else if (to > last.to) last.to = to;
  }
  return { rows: rows.slice(0, MAX_ROWS), truncated: rows.length > MAX_ROWS };
}
