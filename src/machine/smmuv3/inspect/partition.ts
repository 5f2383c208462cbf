/** How MPAM labels a transaction that went through (IHI 0070 §17.2). */
import type { Smmuv3 } from "../../../engine/smmuv3/smmu.ts";
import { End, type Translation } from "../../../engine/smmuv3/translation.ts";
import type { Tag } from "../../../protocol/engine.ts";

/** PARTID and PMG, where there are any. */
export function partitionTags(smmu: Smmuv3, t: Translation): Tag[] {
  const ids = t.end === End.Ok ? smmu.partition(t) : null;
  if (ids === null) return [];
  return [
    { name: "PARTID", value: ids.partid },
    { name: "PMG", value: ids.pmg },
  ];
}
