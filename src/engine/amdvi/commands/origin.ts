/**
 * Where commands come from, and what they reach: the same commands mean the host's devices, domains and memory when the
 * host writes them, and a guest's when a guest does (48882 revision 3.10, §2.4).
 */

/** In place of an id: the writer of the command has no such device or domain. */
export const NOBODY = -1;

/** Who wrote a command. */
export interface CommandOrigin {
  /** Opcodes that this writer may use, bit n for opcode n. */
  readonly permitted: number;
  /** The host's DeviceID or DomainID for the writer's, {@link NOBODY}, or below that where it is not known. */
  device(deviceId: number): number;
  domain(domainId: number): number;
  /** INVALIDATE_IOMMU_ALL: drop what is cached of the writer's devices and domains. */
  forgetAll(caches: CacheMaintenance): void;
  /** COMPLETION_WAIT with S: write 8 bytes at an address of the writer's, a multiple of 8. */
  store(hi: number, lo: number, dataHi: number, dataLo: number): void;
  /** COMPLETION_WAIT with I. */
  completed(): void;
}

/** What invalidations reach; absent where nothing is cached. Numbers are signed halves; sizes are log2 of bytes. */
export interface CacheMaintenance {
  /** Drop what is cached of a device table entry. */
  deviceTableEntry(deviceId: number): void;
  /**
   * Drop translations of a domain in the aligned range of 2^sizeLg2 bytes that an address is in.
   * @param pasid address space, -1 for guest physical addresses
   * @param sizeLg2 12 to 64
   * @param directories page directory entries too
   */
  pages(domainId: number, pasid: number, hi: number, lo: number, sizeLg2: number, directories: boolean): void;
  /** Drop what is cached of a device's interrupt table. */
  interruptTable(deviceId: number): void;
  all(): void;
  /** A register that configurations depend on was written: what was worked out from cached entries is to be again. */
  controls(): void;
}

/** Fetches ahead of use; absent where nothing is cached. */
export interface Prefetch {
  /**
   * @param pasid address space, -1 for none
   * @param anew drop what is cached of the page first
   */
  page(deviceId: number, pasid: number, hi: number, lo: number, anew: boolean): void;
}

export const NO_CACHES: CacheMaintenance = {
  deviceTableEntry: () => {},
  pages: () => {},
  interruptTable: () => {},
  all: () => {},
  controls: () => {},
};

export const NO_PREFETCH: Prefetch = { page: () => {} };
