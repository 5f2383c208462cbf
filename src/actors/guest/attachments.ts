/** Which spaces the requests of devices go through: those without a PASID, and those of each PASID. */
import type { AddressSpace } from "./iommu_driver.ts";

/** PASID that requests without one are tagged with, where IOMMUs give them one of their own. */
export const NO_PASID = 0;

export interface Attached {
  readonly sid: number;
  /** {@link NO_PASID} for requests without one. */
  readonly pasid: number;
  readonly space: AddressSpace;
}

export class Attachments {
  #all: readonly Attached[] = [];

  /** What a device, or one of its PASIDs, is attached to. */
  find(sid: number, pasid: number | null): Attached | undefined {
    return this.#all.find((a) => a.sid === sid && a.pasid === (pasid ?? NO_PASID));
  }

  /** In place of what was there. */
  set(sid: number, pasid: number | null, space: AddressSpace): void {
    this.remove(sid, pasid);
    this.#all = [...this.#all, { sid, pasid: pasid ?? NO_PASID, space }];
  }

  /** @returns what was attached */
  remove(sid: number, pasid: number | null): Attached | undefined {
    const gone = this.find(sid, pasid);
    if (gone !== undefined) this.#all = this.#all.filter((a) => a !== gone);
    return gone;
  }

  of(space: AddressSpace): readonly Attached[] {
    return this.#all.filter((a) => a.space === space);
  }
}
