/**
 * What invalidation asks of the caches and the devices of a VT-d unit (VT-d §6.5). Descriptors and registers know these
 * interfaces only; operands arrive checked.
 */

/** Pages named by an invalidation: 2^maskLg2 of 4 KiB from an address aligned to that; halves are 32-bit patterns. */
export interface PageRange {
  readonly hi: number;
  readonly lo: number;
  /** log2 of the number of pages. */
  readonly maskLg2: number;
  /** Only leaf entries need go: paging-structure caches may stay (IH). */
  readonly leafOnly: boolean;
}

/** Caches of context entries, PASID table entries, translations and interrupt entries. */
export interface CacheMaintenance {
  /** Context entries: all, those of a domain, those of a requester in a domain with some function bits left out. */
  contextAll(): void;
  contextDomain(did: number): void;
  /** @param sidMask bits of the requester that count */
  contextDevice(did: number, sid: number, sidMask: number): void;
  /** PASID table entries: all, of a domain, of a PASID in a domain. */
  pasidAll(): void;
  pasidDomain(did: number): void;
  pasid(did: number, pasid: number): void;
  /** Translations of either stage, whatever their PASID: all, of a domain, of pages in a domain. */
  iotlbAll(): void;
  iotlbDomain(did: number): void;
  iotlbPages(did: number, pages: PageRange): void;
  /** First-stage and nested translations of a PASID in a domain: all, or of pages. */
  iotlbPasid(did: number, pasid: number): void;
  iotlbPasidPages(did: number, pasid: number, pages: PageRange): void;
  /** Interrupt entries: all, or 2^maskLg2 from an index aligned to that. */
  interruptsAll(): void;
  interrupts(index: number, maskLg2: number): void;
}

/** Devices with an address translation cache. */
export interface DeviceLink {
  /**
   * Send an Invalidation Request for 2^sizeLg2 bytes (12 to 64), with a PASID where that is not null; `global`: of every
   * PASID.
   */
  invalidate(sid: number, pasid: number | null, global: boolean, hi: number, lo: number, sizeLg2: number): void;
  /** Wait for every Invalidation Request so far. @returns the device that did not answer, or -1 */
  complete(): number;
  /** Send a PRG Response; `code` as page_grp_resp_dsc.RC. */
  respond(sid: number, pasid: number | null, prgIndex: number, code: number): void;
}

const nothing = (): void => {};

/** Of a unit that caches nothing. */
export const NO_CACHES: CacheMaintenance = {
  contextAll: nothing,
  contextDomain: nothing,
  contextDevice: nothing,
  pasidAll: nothing,
  pasidDomain: nothing,
  pasid: nothing,
  iotlbAll: nothing,
  iotlbDomain: nothing,
  iotlbPages: nothing,
  iotlbPasid: nothing,
  iotlbPasidPages: nothing,
  interruptsAll: nothing,
  interrupts: nothing,
};

/** Of a unit with no such device behind it. */
export const NO_DEVICES: DeviceLink = { invalidate: nothing, complete: () => -1, respond: nothing };

/** Bits of a requester id that count, by the code of FM and SQ fields (VT-d §6.5.2.1, §9.10). */
export const functionMask = (code: number): number => 0xffff & ~[0, 0b100, 0b110, 0b111][code & 3]!;
