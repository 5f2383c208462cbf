/**
 * The ids of a domain: it has one in each unit with devices that use it, as long as they do. Linux 7.2,
 * drivers/iommu/intel/iommu.c (domain_attach_iommu, domain_detach_iommu).
 */
import type { VtdDriver } from "./vtd_driver.ts";

export class DomainIds {
  readonly #units = new Map<VtdDriver, { readonly did: number; users: number }>();

  /** What tags translations of the domain in a unit; 0, which no domain has, where none of its devices uses it. */
  at(unit: VtdDriver): number {
    return this.#units.get(unit)?.did ?? 0;
  }

  /** Units with devices that use the domain. */
  get units(): readonly VtdDriver[] {
    return [...this.#units.keys()];
  }

  /** A device of the unit, or a PASID of one, uses the domain. @returns false where the unit has no id left */
  join(unit: VtdDriver): boolean {
    const known = this.#units.get(unit);
    if (known !== undefined) {
      known.users++;
      return true;
    }
    const did = unit.ids.take();
    if (did !== null) this.#units.set(unit, { did, users: 1 });
    return did !== null;
  }

  /** One less: with the last the id goes back, and nothing is left in the unit that has it as its tag. */
  leave(unit: VtdDriver): void {
    const known = this.#units.get(unit)!;
    if (--known.users > 0) return;
    this.#units.delete(unit);
    unit.dropDomain(known.did);
    unit.ids.release(known.did);
  }
}
