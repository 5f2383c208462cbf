/**
 * Which commands have an AMD IOMMU and its devices forget what has changed. 48882 §2.4; Linux 7.2,
 * drivers/iommu/amd/iommu.c.
 *
 * A range of null is everything.
 */
import { iotlbPasid } from "../../arch/amdvi/commands.ts";
import type { FieldNumbers } from "../../base/encode.ts";
import { type AlignedRange, atsRange } from "../address_range.ts";
import type { Command } from "./command_buffer.ts";

/** Invalidations that a device may have under way, as Linux allows where the device does not say. */
const PENDING = 32;

const pagesOf = (range: AlignedRange | null): FieldNumbers => {
  const { S, address } = atsRange(range);
  return { S, Address: address };
};

/** Everything that the IOMMU has cached. */
export const dropAll: Command = { name: "INVALIDATE_IOMMU_ALL", fields: {} };

/** A device's entry of the device table has changed. */
export const dropDevice = (sid: number): Command => ({ name: "INVALIDATE_DEVTAB_ENTRY", fields: { DeviceID: sid } });

/** A device's interrupt table has changed. */
export const dropInterrupts = (sid: number): Command => ({
  name: "INVALIDATE_INTERRUPT_TABLE",
  fields: { DeviceID: sid },
});

/** A range of a domain. @param leavesOnly no table above the leaves has changed */
export const dropPages = (domain: number, range: AlignedRange | null, leavesOnly = false): Command => ({
  name: "INVALIDATE_IOMMU_PAGES",
  fields: { DomainID: domain, PDE: leavesOnly ? 0 : 1, ...pagesOf(range) },
});

/** A range of the guest tables that a PASID goes through. */
export const dropPasidPages = (
  domain: number,
  pasid: number,
  range: AlignedRange | null,
  leavesOnly = false,
): Command => ({
  name: "INVALIDATE_IOMMU_PAGES",
  fields: { GN: 1, PASID: pasid, DomainID: domain, PDE: leavesOnly ? 0 : 1, ...pagesOf(range) },
});

/** What a device keeps by itself. @param pasid null for requests without one */
export const dropFromDevice = (sid: number, pasid: number | null, range: AlignedRange | null): Command => ({
  name: "INVALIDATE_IOTLB_PAGES",
  fields: {
    DeviceID: sid,
    QueueID: sid,
    MaxPend: PENDING,
    ...(pasid === null ? {} : { GN: 1, ...iotlbPasid(pasid) }),
    ...pagesOf(range),
  },
});
