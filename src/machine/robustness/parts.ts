/**
 * What a machine of each architecture can be made with, for machines made by chance.
 */
import * as amdviCaches from "../../engine/amdvi/caches/options.ts";
import * as amdviPresets from "../../engine/amdvi/presets.ts";
import * as smmuCaches from "../../engine/smmuv3/caches/options.ts";
import * as smmuPresets from "../../engine/smmuv3/presets.ts";
import * as vtdCaches from "../../engine/vtd/caches/options.ts";
import * as vtdPresets from "../../engine/vtd/presets.ts";
import type { Arch } from "../../protocol/machine.ts";
import { AMDVI_OPTIONS } from "../amdvi/options.ts";
import { SMMU_OPTIONS } from "../smmuv3/options.ts";
import { VTD_OPTIONS } from "../vtd/options.ts";

/** Names that a machine description may use. */
export interface Parts {
  readonly presets: readonly string[];
  readonly caches: readonly string[];
  readonly options: readonly string[];
}

const ids = (presets: readonly { readonly id: string }[]): string[] => presets.map(({ id }) => id);

export const PARTS: Readonly<Record<Arch, Parts>> = {
  smmuv3: { presets: ids(smmuPresets.PRESETS), caches: smmuCaches.CACHE_NAMES, options: SMMU_OPTIONS },
  vtd: { presets: ids(vtdPresets.PRESETS), caches: vtdCaches.CACHE_NAMES, options: VTD_OPTIONS },
  amdvi: { presets: ids(amdviPresets.PRESETS), caches: amdviCaches.CACHE_NAMES, options: AMDVI_OPTIONS },
};
