/**
 * Which descriptors have a VT-d unit and its devices forget what has changed. VT-d §6.5.2; Linux 7.2,
 * drivers/iommu/intel/cache.c and pasid.c.
 *
 * A range of null is everything.
 */
import { type AlignedRange, atsRange } from "../address_range.ts";
import type { Descriptor } from "./invalidation_queue.ts";

/** Codes of G. */
const CONTEXT = { global: 1, device: 3 };
const PASID_ENTRY = { pasid: 1, global: 3 };
const DOMAIN = { global: 1, domain: 2, pages: 3 };
const ADDRESS_SPACE = { pasid: 2, pages: 3 };

const descriptor = (name: string, fields: Descriptor["fields"]): Descriptor => ({ name, fields });

/** The PASID of requests without one. */
export const RID_PASID = 0;

export class Invalidations {
  readonly #scalable: boolean;
  readonly #drain: { readonly DR: number; readonly DW: number };
  /** Ranges can be named in descriptors by domain, up to this many pages (log2). */
  readonly #ranges: boolean;
  readonly #largest: number;

  /**
   * @param has gives a field of CAP
   * @param scalable the unit is in scalable mode
   */
  constructor(has: (register: "CAP", field: string) => number, scalable: boolean) {
    this.#scalable = scalable;
    this.#drain = { DR: has("CAP", "DRD"), DW: has("CAP", "DWD") };
    this.#ranges = has("CAP", "PSI") === 1;
    this.#largest = has("CAP", "MAMV");
  }

  /** Everything that the unit has cached. */
  everything(): Descriptor[] {
    return [
      descriptor("cc_inv_dsc", { G: CONTEXT.global }),
      ...(this.#scalable ? [descriptor("pc_inv_dsc", { G: PASID_ENTRY.global })] : []),
      descriptor("iotlb_inv_dsc", { G: DOMAIN.global, ...this.#drain }),
    ];
  }

  /** A context entry has changed. @param did the domain it had, 0 where it was not present */
  context(sid: number, did: number): Descriptor[] {
    return [descriptor("cc_inv_dsc", { G: CONTEXT.device, DID: did, SID: sid }), ...this.domain(did)];
  }

  /** A PASID table entry has changed. @param first whether first-stage tables were used */
  pasid(pasid: number, did: number, first: boolean): Descriptor[] {
    return [
      descriptor("pc_inv_dsc", { G: PASID_ENTRY.pasid, DID: did, PASID: pasid }),
      ...(first ? this.firstStage(did, pasid, null, false) : this.domain(did)),
    ];
  }

  /** Translations of a domain, whatever their stage. */
  domain(did: number): Descriptor[] {
    return this.secondStage(did, null, false);
  }

  /** A range of second-stage tables. @param leavesOnly no table above the leaves has changed */
  secondStage(did: number, range: AlignedRange | null, leavesOnly: boolean): Descriptor[] {
    const which = this.#ranges ? this.#pages(range, leavesOnly) : null;
    const fields = which === null ? { G: DOMAIN.domain } : { G: DOMAIN.pages, ...which };
    return [descriptor("iotlb_inv_dsc", { DID: did, ...this.#drain, ...fields })];
  }

  /** A range of first-stage tables that a PASID goes through. */
  firstStage(did: number, pasid: number, range: AlignedRange | null, leavesOnly: boolean): Descriptor[] {
    const which = this.#pages(range, leavesOnly);
    const fields = which === null ? { G: ADDRESS_SPACE.pasid } : { G: ADDRESS_SPACE.pages, ...which };
    return [descriptor("p_iotlb_inv_dsc", { DID: did, PASID: pasid, ...fields })];
  }

  /** What a device keeps by itself. @param pasid {@link RID_PASID} for requests without one */
  device(sid: number, pasid: number, range: AlignedRange | null): Descriptor {
    const { S, address } = atsRange(range);
    const fields = { SID: sid, S, ADDR: address };
    return this.#scalable && pasid !== RID_PASID
      ? descriptor("p_dev_tlb_inv_dsc", { PASID: pasid, ...fields })
      : descriptor("dev_tlb_inv_dsc", fields);
  }

  /** Interrupt remapping entries. @param index null for all */
  interrupts(index: number | null): Descriptor {
    return descriptor("iec_inv_dsc", index === null ? {} : { G: 1, IIDX: index });
  }

  /** Fields of a range; null where it is more than descriptors can name. */
  #pages(range: AlignedRange | null, leavesOnly: boolean): Descriptor["fields"] | null {
    if (range === null || range.pagesLg2 > this.#largest) return null;
    return { AM: range.pagesLg2, IH: leavesOnly ? 1 : 0, ADDR: range.at };
  }
}
