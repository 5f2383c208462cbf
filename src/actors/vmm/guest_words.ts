/** Structures in guest memory as a VMM reads them. */
import type { KernelMemory } from "../platform.ts";

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
