/** Where the bits of a structure come from: what was changed since the session began, and who wrote there last. */

import { high, low } from "../../base/halves.ts";
import {
  type MemoryImage,
  MemoryStatus,
  type MemoryTap,
  type PhysicalMemory,
} from "../../engine/memory/physical_memory.ts";
import type { Writer } from "../../protocol/engine.ts";
import type { Action } from "../../protocol/machine.ts";
import { whoseMemory } from "../software_memory.ts";
import type { Timeline } from "../timeline.ts";
import { tellWrites } from "../world/effects.ts";

/** A range of physical memory that exists, within a page. */
interface Range {
  readonly at: number;
  readonly bytes: number;
}

/** Changed bits as bit numbers of the structure. */
export function editedBits(memory: PhysicalMemory, timeline: Timeline, pa: bigint, words: Uint32Array): number[] {
  const edited: number[] = [];
  for (let i = 0; i < words.length; i += 2) {
    const at = pa + BigInt(4 * i);
    if (memory.readImage64(timeline.start.memory, high(at), low(at)) !== MemoryStatus.Ok) continue;
    const changed = [words[i]! ^ memory.lo, words[i + 1]! ^ memory.hi];
    for (let bit = 0; bit < 64; bit++) if ((changed[bit >>> 5]! >>> (bit & 31)) & 1) edited.push(32 * i + bit);
  }
  return edited;
}

/** Who wrote to a range last; null where it stands as the description of the machine has it. */
export function writerOf(memory: PhysicalMemory, timeline: Timeline, range: Range): Writer | null {
  const heard = new LastWrite(range, () => timeline.now);
  const before = timeline.hearBack(range.at, heard, () => heard.action !== null);
  const { action } = heard;
  if (action !== null) return { action, by: authorOf(timeline, action, heard, range) };
  if (before > 0) return { action: before, by: "earlier" };
  const booted = timeline.actors !== null && !isZero(memory, timeline.start.memory, range);
  return booted ? { action: null, by: whoseMemory(range.at) } : null;
}

/** Hears writes, and keeps which was the last to a range. */
class LastWrite implements MemoryTap {
  /** Number of the action; null for none. */
  action: number | null = null;
  /** It was the first of what its action wrote. */
  isFirst = false;
  isRun = false;
  readonly #range: Range;
  readonly #now: () => number;
  #heard = -1;

  constructor(range: Range, now: () => number) {
    this.#range = range;
    this.#now = now;
  }

  word(at: number): void {
    this.#hear(at - (at % 8), 8, false);
  }

  run(at: number, { length }: Uint8Array): void {
    this.#hear(at, length, true);
  }

  #hear(at: number, bytes: number, isRun: boolean): void {
    const action = this.#now();
    const isFirst = action !== this.#heard;
    this.#heard = action;
    if (at >= this.#range.at + this.#range.bytes || at + bytes <= this.#range.at) return;
    this.action = action;
    this.isFirst = isFirst;
    this.isRun = isRun;
  }
}

/** Actions that themselves write to memory, before anything else does because of them. */
const BY_HAND: ReadonlySet<Action["do"]> = new Set(["write", "toggle", "command"]);

/** Hardware writes word by word, and devices write runs of bytes. */
function authorOf(timeline: Timeline, action: number, { isFirst, isRun }: LastWrite, range: Range): Writer["by"] {
  const software = new LastWrite(range, () => action);
  tellWrites(timeline.doneAt(action)!.effects, software);
  if (software.action !== null) return whoseMemory(range.at);
  if (isFirst && BY_HAND.has(timeline.log[action]!.do)) return "hand";
  return isRun ? "device" : "IOMMU";
}

function isZero(memory: PhysicalMemory, image: MemoryImage, { at, bytes }: Range): boolean {
  for (let word = BigInt(at); word < BigInt(at + bytes); word += 8n) {
    const status = memory.readImage64(image, high(word), low(word));
    if (status === MemoryStatus.Ok && (memory.hi | memory.lo) !== 0) return false;
  }
  return true;
}
