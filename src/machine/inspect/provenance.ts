/** Where the bits of a structure come from: what was changed since the session began, and by which action. */

import { high, low } from "../../base/halves.ts";
import { MemoryStatus, type PhysicalMemory } from "../../engine/memory/physical_memory.ts";
import type { StructureAnswer } from "../../protocol/engine.ts";
import type { Timeline } from "../timeline.ts";

/** Changed bits as bit numbers of the structure, and the last action that wrote to it. */
export function provenance(
  memory: PhysicalMemory,
  timeline: Timeline,
  pa: bigint,
  words: Uint32Array | null,
  bytes: number,
): Pick<StructureAnswer, "editedBits" | "writtenBy"> {
  const editedBits: number[] = [];
  for (let i = 0; words !== null && i < words.length; i += 2) {
    const at = pa + BigInt(4 * i);
    if (memory.readImage64(timeline.start.memory, high(at), low(at)) !== MemoryStatus.Ok) continue;
    const changed = [words[i]! ^ memory.lo, words[i + 1]! ^ memory.hi];
    for (let bit = 0; bit < 64; bit++) if ((changed[bit >>> 5]! >>> (bit & 31)) & 1) editedBits.push(32 * i + bit);
  }
  return { editedBits, writtenBy: writerOf(timeline, pa, bytes) };
}

/** Index of the last applied action that wrote here. */
function writerOf(timeline: Timeline, pa: bigint, bytes: number): number | null {
  const end = pa + BigInt(bytes);
  for (let i = timeline.now - 1; i >= 0; i--) {
    const action = timeline.log[i]!;
    if (action.do === "toggle" && action.at >= pa && action.at < end) return i;
    if (action.do === "write" && action.at < end && action.at + BigInt(action.bytes.length) > pa) return i;
  }
  return null;
}
