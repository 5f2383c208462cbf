/**
 * Tables that the kernel fills itself: which kinds an AMD IOMMU takes. 48882 §2.2.3, §2.2.6.5; Linux 7.2,
 * drivers/iommu/amd/iommu.c (amd_iommu_domain_alloc_paging_v1, amd_iommu_domain_alloc_paging_v2).
 */
import { hasGuestTables } from "../../../kernel/amdvi/features.ts";
import type { AmdIommu } from "../../../kernel/amdvi/iommu.ts";
import { amdV1Entries } from "../../../pagetable/entries/amdv1.ts";
import { x86Entries } from "../../../pagetable/entries/x86_64.ts";
import { entrySizeLg2 } from "../../../pagetable/format.ts";
import type { TableKind } from "../table_domain.ts";

type Has = AmdIommu["has"];

/** Levels of host tables while they are new: they grow with the addresses that are mapped. */
const FIRST_LEVELS = 3;
/** Levels of host tables that EFR.HATS of 0 stands for, and the code of none at all. */
const LEAST_LEVELS = 4;
const NO_HOST_TABLES = 3;
const MOST_ADDRESS_BITS = 64;
/** CHOICE(host-processor): its own tables have four levels, and so have those that it fills for devices. */
const GUEST_LEVELS = 4;
const GUEST_ADDRESS_BITS = 48;
/** The upper half of addresses is where requests with a PASID and without one would not agree. */
const LOWER_HALF = (1n << 47n) - 1n;

/** Host tables to begin with, for addresses of as many bits as there can be levels for; null where there are none. */
export function hostTables(has: Has): TableKind | null {
  const hats = has("EFR", "HATS");
  if (hats === NO_HOST_TABLES) return null;
  const maker = amdV1Entries(true);
  const most = Math.min(MOST_ADDRESS_BITS, entrySizeLg2(maker.fmt, LEAST_LEVELS + hats));
  const shape = { level: FIRST_LEVELS - 1, inputBits: entrySizeLg2(maker.fmt, FIRST_LEVELS) };
  return { maker, shape, aperture: { start: 0n, last: (1n << BigInt(most)) - 1n } };
}

/** Guest tables, also for requests without a PASID; null where there are none. */
export function guestTables(has: Has): TableKind | null {
  if (!hasGuestTables(has)) return null;
  const shape = { level: GUEST_LEVELS - 1, inputBits: GUEST_ADDRESS_BITS };
  return { maker: x86Entries(GUEST_LEVELS, true, false), shape, aperture: { start: 0n, last: LOWER_HALF } };
}
