/**
 * What a kernel can reach of the machine it runs on: memory and the registers of an IOMMU.
 *
 * For a kernel on hardware these are physical memory and real registers; for one in a virtual machine, the VMM's memory
 * slots and emulated registers. The kernel cannot tell, and need not. Addresses are whole numbers below 2^52.
 */

/** Memory as a kernel addresses it. */
export interface KernelMemory {
  /** The 64-bit word at a multiple of 8; 0 where nothing answers. */
  read64(at: number): bigint;
  /** Write a 64-bit word at a multiple of 8. */
  write64(at: number, value: bigint): void;
}

/** Registers of one IOMMU. */
export interface RegisterPages {
  read(offset: number, width: 4 | 8): bigint;
  write(offset: number, value: bigint, width: 4 | 8): void;
}

/** Where a kernel runs. */
export interface Platform {
  readonly memory: KernelMemory;
  readonly registers: RegisterPages;
}
