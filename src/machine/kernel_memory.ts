/**
 * Physical memory as a kernel on hardware addresses it.
 */
import { highHalf, lowHalf } from "../base/address.ts";
import { MemoryStatus, type PhysicalMemory } from "../engine/memory/physical_memory.ts";
import type { Notes } from "../kernel/notes.ts";
import { OwnMemory } from "../kernel/own_memory.ts";
import { PageAllocator } from "../kernel/page_allocator.ts";
import type { KernelMemory } from "../kernel/platform.ts";

/** Words of physical memory; what nothing answers for reads as zero, and writes there are lost. */
export function kernelMemory(memory: PhysicalMemory): KernelMemory {
  const kernel = {
    hi: 0,
    lo: 0,
    read(at: number): void {
      const found = memory.read64(highHalf(at), lowHalf(at)) === MemoryStatus.Ok;
      kernel.hi = found ? memory.hi : 0;
      kernel.lo = found ? memory.lo : 0;
    },
    isZero: (at: number, bytes: number): boolean => memory.isZero(at, bytes),
    write(at: number, hi: number, lo: number): void {
      memory.write64(highHalf(at), lowHalf(at), hi, lo);
    },
  };
  return kernel;
}

/** Physical memory that is a kernel's own: `bytes` bytes from `at` on, both multiples of 4096. */
export const ownMemory = (memory: PhysicalMemory, at: number, bytes: number, notes?: Notes): OwnMemory =>
  new OwnMemory(kernelMemory(memory), new PageAllocator(at, bytes), notes);
