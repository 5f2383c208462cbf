/**
 * What a kernel can reach of the machine it runs on: memory and the registers of an IOMMU.
 *
 * For a kernel on hardware these are physical memory and real registers; for one in a virtual machine, the VMM's memory
 * slots and emulated registers. The kernel cannot tell, and need not. Addresses are whole numbers below 2^52.
 */

/** Memory as a kernel addresses it: 64-bit words at multiples of 8, as two halves. */
export interface KernelMemory {
  /** The word last read; halves signed or unsigned. */
  readonly hi: number;
  readonly lo: number;
  /** Read a word into {@link hi} and {@link lo}: zeros where nothing answers. */
  read(at: number): void;
  /** Whether every word of a range reads as zero. */
  isZero(at: number, bytes: number): boolean;
  write(at: number, hi: number, lo: number): void;
}

/** Registers of one IOMMU. */
export interface RegisterPages {
  read(offset: number, width: 4 | 8): bigint;
  write(offset: number, value: bigint, width: 4 | 8): void;
}

/** An IOMMU as a kernel reaches it. */
export interface ReachedIommu {
  readonly registers: RegisterPages;
  /** Registers besides the IOMMU's own, by the name of their block. */
  readonly blocks?: Readonly<Record<string, RegisterPages>>;
}

/** A further IOMMU of the same make. */
export interface FurtherIommu extends ReachedIommu {
  /** How notes call it. */
  readonly name: string;
  /** Requesters that are behind it; all others are behind the first. */
  readonly behind: ReadonlySet<number>;
}

/** Where a kernel runs: memory, and an IOMMU or several. */
export interface Platform extends ReachedIommu {
  readonly memory: KernelMemory;
  readonly further?: readonly FurtherIommu[];
}
