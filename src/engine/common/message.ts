/**
 * A message-signalled interrupt: a write of 32 bits to memory (PCI Local Bus Specification 3.0, §6.8).
 */
import { MemoryStatus } from "../memory/physical_memory.ts";
import type { RingMemory } from "./offset_ring.ts";

/**
 * Write the data of a message to its address, a multiple of 4. The other half of the 8-byte word keeps its value.
 * @returns Abort where nothing answers; an interrupt controller is no memory, so that this need not be an error
 */
export function writeMessage(memory: RingMemory, hi: number, lo: number, data: number): MemoryStatus {
  const known = memory.read64(hi, lo) === MemoryStatus.Ok;
  const otherLo = known ? memory.lo : 0;
  const otherHi = known ? memory.hi : 0;
  return (lo & 4) === 0 ? memory.write64(hi, lo, otherHi, data | 0) : memory.write64(hi, lo, data | 0, otherLo);
}
