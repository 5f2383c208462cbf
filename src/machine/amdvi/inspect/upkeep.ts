/** How software changes tables of an AMD IOMMU: entries, and invalidation of translations (48882 §2.4.3, §2.4.1). */
import type { DeviceConfig } from "../../../engine/amdvi/device_config.ts";
import { amdV1Entries } from "../../../pagetable/entries/amdv1.ts";
import { x86Entries } from "../../../pagetable/entries/x86_64.ts";
import { V1_ACCESSED, V1_DIRTY } from "../../../pagetable/formats/amdv1.ts";
import { commandWords, type Dropped, type Upkeep } from "../../inspect/table_source.ts";
import type { AmdviUnit } from "../amdvi_unit.ts";

/** Every page there is. */
const EVERYTHING = { S: 1, PDE: 1, Address: 0x7fff_ffff_ffff_f000n } as const;

export function upkeepOf(unit: AmdviUnit, config: DeviceConfig, ssid: number | null, stage: 1 | 2): Upkeep {
  const space = stage === 1 ? { GN: 1, PASID: ssid ?? 0 } : { GN: 0 };
  const invalidate = (which: Readonly<Record<string, number | bigint>>) =>
    commandWords("INVALIDATE_IOMMU_PAGES", { DomainID: config.domainId, ...space, ...which });
  return {
    maker: stage === 2 ? amdV1Entries(false) : x86Entries(config.guestLevels, true, unit.translator.caps.nxSup),
    breakFirst: false,
    // At the same places in both kinds of entries.
    marks: V1_ACCESSED | V1_DIRTY,
    cachesAbsent: false,
    drop: (what) => [invalidate(what === null ? EVERYTHING : pages(what))],
    wait: commandWords("COMPLETION_WAIT", {}),
  };
}

/** With S the lowest clear bit from bit 12 up says how many pages there are: all below it are set. */
function pages({ at, sizeLg2, tables }: Dropped): Readonly<Record<string, number | bigint>> {
  const PDE = tables ? 1 : 0;
  if (sizeLg2 <= 12) return { S: 0, PDE, Address: at };
  return { S: 1, PDE, Address: at | (((1n << BigInt(sizeLg2 - 1)) - 1n) & ~0xfffn) };
}
