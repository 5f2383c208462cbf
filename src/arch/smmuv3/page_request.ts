/**
 * The record of the PRI queue. Arm SMMUv3, IHI 0070 issue G.b, §8.
 *
 * The text used here has no drawing of the record; positions are those of the Linux 7.2 driver's PRIQ_* definitions
 * (drivers/iommu/arm/arm-smmu-v3/arm-smmu-v3.h).
 */
import { address, field, layout } from "../../base/layout.ts";

const WITH_PASID = { when: "0 where SSV == 0" } as const;

/** A PRI Page Request, or a Stop PASID marker (SSV == 1, Last == 1, W == 0, R == 0), 128 bits. */
export const PAGE_REQUEST = layout("Page request", "IHI 0070 §8", 128, [
  field("StreamID", 31, 0, "device that asks"),
  field("SubstreamID", 51, 32, "PASID of the request", { when: "SSV == 1, else UNKNOWN" }),
  field("_57_52", 57, 52, "RES0"),
  field("Priv", 58, 58, "asked by a privileged entity", WITH_PASID),
  field("X", 59, 59, "execute permission asked for", WITH_PASID),
  field("R", 60, 60, "read permission asked for"),
  field("W", 61, 61, "write permission asked for"),
  field("Last", 62, 62, "last request of its group"),
  field("SSV", 63, 63, "SubstreamID valid"),
  field("PRGIndex", 72, 64, "page request group"),
  field("_75_73", 75, 73, "RES0"),
  address("Address", 127, 76, "page asked for"),
]);
